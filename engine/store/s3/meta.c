/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User metadata as headers. Values in ASCII go as they are. Others are encoded words of RFC 2047, which Amazon S3
 * decodes when it stores and encodes when it answers, and servers that store headers as they come give back: both read
 * the same.
 */
#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"
#include "store/s3/s3.h"

#define PREFIX "x-amz-meta-"

enum {
    WORD_BYTES = 45 /* that give 60 of Base64; with the frame under the 75 that RFC 2047 allows */,
    MAX_VALUE = 8192
};

static bool needs_encoding(const char *value)
{
    size_t n = strlen(value);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)value[i] >= 0x7f || (unsigned char)value[i] < 0x20)
            return true;
    /* What would be trimmed on the way, and what would be taken for an encoded word. */
    return n && (value[0] == ' ' || value[n - 1] == ' ' || strstr(value, "=?"));
}

static const char *encoded(struct sl_arena *arena, const char *value)
{
    struct sl_buf out;
    size_t left = strlen(value);
    sl_buf_init(&out, MAX_VALUE);
    while (left > 0) {
        unsigned char base64[WORD_BYTES / 3 * 4 + 8];
        size_t n = 0, step;
        uint32_t cp;
        while (n < left && (step = sl_utf8_next(value + n, left - n, &cp)) > 0 && n + step <= WORD_BYTES)
            n += step;
        EVP_EncodeBlock(base64, (const unsigned char *)value, (int)n);
        sl_buf_printf(&out, "%s=?UTF-8?B?%s?=", out.len ? " " : "", (const char *)base64);
        value += n;
        left -= n;
    }
    const char *copy = sl_arena_strdup(arena, out.data);
    sl_buf_free(&out);
    return copy;
}

void sl_s3__put_meta(struct sl_s3_call *c, const struct sl_meta *meta)
{
    for (size_t i = 0; meta && i < meta->n; i++) {
        const char *value = meta->pairs[i].value;
        sl_s3__header(c, sl_arena_printf(c->arena, PREFIX "%s", meta->pairs[i].name),
                      needs_encoding(value) ? encoded(c->arena, value) : value);
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool add_quoted(struct sl_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '=') {
            sl_buf_putc(out, text[i] == '_' ? ' ' : text[i]);
            continue;
        }
        int high = i + 2 < n ? hex_digit(text[i + 1]) : -1, low = i + 2 < n ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        sl_buf_putc(out, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

static bool add_base64(struct sl_buf *out, const char *text, size_t n)
{
    unsigned char bytes[MAX_VALUE];
    if (n % 4 || n > MAX_VALUE)
        return false;
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n);
    if (got < 0)
        return false;
    /* EVP_DecodeBlock counts the padding as bytes. */
    for (size_t i = n; i > 0 && text[i - 1] == '='; i--)
        got--;
    sl_buf_add(out, bytes, got > 0 ? (size_t)got : 0);
    return true;
}

/* "=?utf-8?b?…?=" at *at; moves past it. */
static bool add_word(struct sl_buf *out, const char **at)
{
    static const char charset[] = "=?utf-8?";
    const char *p = *at;
    for (size_t i = 0; i < sizeof charset - 1; i++)
        if ((p[i] | 0x20) != (charset[i] | 0x20))
            return false;
    p += sizeof charset - 1;
    char kind = (char)(*p | 0x20);
    if ((kind != 'b' && kind != 'q') || p[1] != '?')
        return false;
    const char *text = p + 2, *end = strstr(text, "?=");
    if (!end)
        return false;
    *at = end + 2;
    size_t n = (size_t)(end - text);
    return kind == 'b' ? add_base64(out, text, n) : add_quoted(out, text, n);
}

static bool decode(struct sl_buf *out, const char *value)
{
    while (*value) {
        if (!add_word(out, &value))
            return false;
        value += strspn(value, " \t");
    }
    return out->len > 0 && !out->overflow && sl_utf8_valid(out->data, out->len) && strlen(out->data) == out->len;
}

/* Printable, whatever somebody else stored. */
static const char *readable(struct sl_arena *arena, const char *value)
{
    char shown[4 * MAX_VALUE + 1];
    struct sl_buf out;
    sl_buf_init(&out, MAX_VALUE);
    bool decoded = value[0] == '=' && decode(&out, value);
    sl_text_escape(shown, sizeof shown, decoded ? out.data : value);
    const char *copy = sl_arena_strdup(arena, shown);
    sl_buf_free(&out);
    return copy;
}

void sl_s3__get_meta(const struct sl_http_response *r, struct sl_arena *arena, struct sl_meta *meta)
{
    *meta = (struct sl_meta){0};
    for (size_t i = 0; i < r->n_headers && meta->n < SL_META_MAX_PAIRS; i++)
        if (sl_text_starts(r->headers[i].name, PREFIX))
            meta->pairs[meta->n++] = (struct sl_meta_pair){sl_arena_strdup(arena, r->headers[i].name + strlen(PREFIX)),
                                                           readable(arena, r->headers[i].value)};
}

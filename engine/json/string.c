/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "json/scan.h"

static int hex4(const char *p, const char *end, uint32_t *out)
{
    uint32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = 16;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        if (digit == 16)
            return -1;
        v = v << 4 | digit;
    }
    *out = v;
    return 0;
}

static void put_utf8(struct sl_buf *out, uint32_t c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xC0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xE0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        b[n++] = (char)(0x80 | (c & 0x3F));
    } else {
        b[n++] = (char)(0xF0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        b[n++] = (char)(0x80 | (c & 0x3F));
    }
    sl_buf_add(out, b, n);
}

/* s->p is at the "u". A pair of surrogates is one character; half a pair is none (RFC 7493, 2.1). */
static int unicode_escape(struct sl_json__scan *s, bool is_key)
{
    uint32_t c, low;
    if (hex4(s->p + 1, s->end, &c) != 0)
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "\\u needs four hexadecimal digits");
    if (c >= 0xDC00 && c <= 0xDFFF)
        return sl_json__fail_here(s, SL_E_JSON_ENCODING, "\\u%04x is half of a surrogate pair", c);
    if (c >= 0xD800 && c <= 0xDBFF) {
        bool pair = s->end - s->p >= 11 && s->p[5] == '\\' && s->p[6] == 'u' && hex4(s->p + 7, s->end, &low) == 0 &&
                    low >= 0xDC00 && low <= 0xDFFF;
        if (!pair)
            return sl_json__fail_here(s, SL_E_JSON_ENCODING, "\\u%04x is half of a surrogate pair", c);
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        s->p += 6;
    }
    /* Whoever reads the value as a C string would see another value than the one that was checked. */
    if (c == 0 && (is_key || !s->limits->allow_nul))
        return sl_json__fail_here(s, SL_E_JSON_ENCODING, "\\u0000 is not allowed in a %s", is_key ? "key" : "string");
    put_utf8(&s->text, c);
    s->p += 5;
    return 0;
}

static int escape(struct sl_json__scan *s, bool is_key)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char buf[16];
    s->p++;
    if (s->p < s->end && *s->p == 'u')
        return unicode_escape(s, is_key);
    const char *at = s->p < s->end && *s->p ? strchr(from, *s->p) : NULL;
    if (!at)
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "%s after a backslash is not an escape",
                                  sl_json__found(s, buf));
    sl_buf_putc(&s->text, to[at - from]);
    s->p++;
    return 0;
}

int sl_json__string(struct sl_json__scan *s, bool is_key)
{
    struct sl_doc_pos start = sl_json__pos(s, s->p);
    int rc = 0;
    sl_buf_clear(&s->text);
    s->p++;
    while (rc == 0) {
        const char *run = s->p;
        while (s->p < s->end && (unsigned char)*s->p >= 0x20 && *s->p != '"' && *s->p != '\\')
            s->p++;
        sl_buf_add(&s->text, run, (size_t)(s->p - run));
        if (s->p == s->end)
            return sl_json__fail(s, start, SL_E_JSON_SYNTAX, "the string that starts here does not end");
        if (*s->p == '"')
            break;
        if (*s->p == '\\')
            rc = escape(s, is_key);
        else
            rc = sl_json__fail_here(s, SL_E_JSON_SYNTAX, "byte 0x%02x in a string must be written as \\u%04x",
                                    (unsigned)*s->p, (unsigned)*s->p);
    }
    if (rc == 0)
        s->p++;
    return rc;
}

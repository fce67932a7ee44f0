/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

enum { FLUSH_BYTES = 64 << 10, OUT_MAX_BYTES = 256 << 20, WIDTH_DEFAULT = 100, WIDTH_LEAST = 60, WIDTH_MOST = 400 };

static int width_of(int fd)
{
    struct winsize size;
    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    return size.ws_col < WIDTH_LEAST ? WIDTH_LEAST : size.ws_col > WIDTH_MOST ? WIDTH_MOST : size.ws_col;
}

void sl_out_init(struct sl_out *out, int fd, bool colour)
{
    *out = (struct sl_out){.fd = fd, .terminal = fd >= 0 && isatty(fd)};
    out->colour = colour && out->terminal;
    out->width = out->terminal ? width_of(fd) : WIDTH_DEFAULT;
    sl_buf_init(&out->buf, OUT_MAX_BYTES);
}

void sl_out_free(struct sl_out *out)
{
    sl_buf_free(&out->buf);
}

void sl_out_flush(struct sl_out *out)
{
    const char *p = out->buf.data;
    size_t left = out->buf.len;
    if (out->fd < 0)
        return;
    while (left > 0 && !out->error) {
        ssize_t n = write(out->fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            out->error = errno;
            break;
        }
        p += n;
        left -= (size_t)n;
    }
    sl_buf_clear(&out->buf);
}

bool sl_out_gone(const struct sl_out *out)
{
    return out->error != 0;
}

static void wrote(struct sl_out *out)
{
    out->any = true;
    if (out->buf.len >= FLUSH_BYTES)
        sl_out_flush(out);
}

void sl_out_text(struct sl_out *out, const char *text)
{
    sl_buf_puts(&out->buf, text);
    wrote(out);
}

void sl_out_printf(struct sl_out *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(&out->buf, fmt, ap);
    va_end(ap);
    wrote(out);
}

/* Every byte becomes at most four characters. */
static char *escaped(const char *text)
{
    size_t bytes = strlen(text) * 4 + 8;
    char *safe = sl_xmalloc(bytes);
    sl_text_escape(safe, bytes, text);
    return safe;
}

void sl_out_safe(struct sl_out *out, const char *text)
{
    char *safe = escaped(text);
    sl_out_text(out, safe);
    free(safe);
}

const char *sl_out_escape(struct sl_arena *arena, const char *text)
{
    if (!text)
        return "-";
    char *safe = escaped(text);
    const char *kept = sl_arena_strdup(arena, safe);
    free(safe);
    return kept;
}

void sl_out_coloured(struct sl_out *out, enum sl_colour colour, const char *text)
{
    static const char *const codes[] = {
        [SL_PLAIN] = "",      [SL_BOLD] = "\x1b[1m",   [SL_DIM] = "\x1b[2m",
        [SL_RED] = "\x1b[31m", [SL_GREEN] = "\x1b[32m", [SL_YELLOW] = "\x1b[33m",
    };
    if (!out->colour || colour == SL_PLAIN) {
        sl_out_text(out, text);
        return;
    }
    sl_out_printf(out, "%s%s\x1b[0m", codes[colour], text);
}

void sl_out_spaces(struct sl_out *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sl_buf_putc(&out->buf, ' ');
}

/* The code point of a character that JSON may hold as it is and a terminal should not see (DEL, C1 controls, line
 * separators, bidirectional overrides), 0 for others; *bytes is its length. */
static unsigned unsafe_in_json(const unsigned char *s, size_t *bytes)
{
    *bytes = 1;
    if (s[0] == 0x7F)
        return 0x7F;
    if (s[0] == 0xC2 && s[1] >= 0x80 && s[1] <= 0x9F) {
        *bytes = 2;
        return s[1];
    }
    if (s[0] == 0xE2 && (s[1] == 0x80 || s[1] == 0x81) && (s[2] & 0xC0) == 0x80) {
        unsigned c = 0x2000u | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
        if ((c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069)) {
            *bytes = 3;
            return c;
        }
    }
    return 0;
}

void sl_out_json(struct sl_out *out, struct json_object *value, bool pretty)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
                (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN);
    const char *text = value ? json_object_to_json_string_ext(value, flags) : "null";
    const unsigned char *s = (const unsigned char *)text, *from = s;
    while (*s) {
        size_t bytes;
        unsigned c = unsafe_in_json(s, &bytes);
        if (c) {
            sl_buf_add(&out->buf, from, (size_t)(s - from));
            sl_buf_printf(&out->buf, "\\u%04x", c);
            from = s + bytes;
        }
        s += bytes;
    }
    sl_buf_add(&out->buf, from, (size_t)(s - from));
    sl_out_text(out, "\n");
}

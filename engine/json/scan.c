/* SPDX-License-Identifier: Apache-2.0 */
#include "json/scan.h"

#include <stdio.h>

#include "base/text.h"

struct sl_doc_pos sl_json__pos(struct sl_json__scan *s, const char *at)
{
    for (; s->counted < at; s->counted++) {
        unsigned char c = (unsigned char)*s->counted;
        if (c == '\n') {
            s->pos.line++;
            s->pos.column = 1;
        } else if ((c & 0xC0) != 0x80) {
            s->pos.column++;
        }
    }
    return s->pos;
}

__attribute__((format(printf, 4, 0)))
static int fail_at(struct sl_json__scan *s, struct sl_doc_pos pos, enum sl_code code, const char *fmt, va_list ap)
{
    int rc = sl_vfail(s->err, code, fmt, ap);
    sl_error_prefix(s->err, "%s:%d:%d", s->name, pos.line, pos.column);
    return rc;
}

int sl_json__fail(struct sl_json__scan *s, struct sl_doc_pos pos, enum sl_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = fail_at(s, pos, code, fmt, ap);
    va_end(ap);
    return rc;
}

int sl_json__fail_here(struct sl_json__scan *s, enum sl_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = fail_at(s, sl_json__pos(s, s->p), code, fmt, ap);
    va_end(ap);
    return rc;
}

const char *sl_json__found(const struct sl_json__scan *s, char *buf)
{
    uint32_t c;
    if (s->p == s->end)
        return "the end of the text";
    size_t n = sl_utf8_next(s->p, (size_t)(s->end - s->p), &c);
    if (n == 0 || c < 0x20)
        snprintf(buf, 16, "byte 0x%02x", (unsigned char)*s->p);
    else
        snprintf(buf, 16, "'%.*s'", (int)n, s->p);
    return buf;
}

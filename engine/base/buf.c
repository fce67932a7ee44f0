/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static char empty[1] = "";

void sl_buf_init(struct sl_buf *buf, size_t max_bytes)
{
    *buf = (struct sl_buf){.data = empty, .max_bytes = max_bytes};
}

void sl_buf_free(struct sl_buf *buf)
{
    if (buf->capacity)
        free(buf->data);
    sl_buf_init(buf, buf->max_bytes);
}

void sl_buf_clear(struct sl_buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
    buf->data[0] = '\0';
}

static bool reserve(struct sl_buf *buf, size_t bytes)
{
    if (buf->overflow || bytes > buf->max_bytes - buf->len) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->len + bytes + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 128;
        while (capacity < need)
            capacity *= 2;
        buf->data = sl_xrealloc(buf->capacity ? buf->data : NULL, capacity);
        buf->capacity = capacity;
    }
    return true;
}

void sl_buf_add(struct sl_buf *buf, const void *data, size_t bytes)
{
    if (bytes == 0 || !reserve(buf, bytes))
        return;
    memcpy(buf->data + buf->len, data, bytes);
    buf->len += bytes;
    buf->data[buf->len] = '\0';
}

void *sl_buf_extend(struct sl_buf *buf, size_t bytes)
{
    if (!reserve(buf, bytes))
        return NULL;
    char *added = buf->data + buf->len;
    buf->len += bytes;
    buf->data[buf->len] = '\0';
    return added;
}

void sl_buf_puts(struct sl_buf *buf, const char *s)
{
    sl_buf_add(buf, s, strlen(s));
}

void sl_buf_putc(struct sl_buf *buf, char c)
{
    sl_buf_add(buf, &c, 1);
}

void sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n > 0 && reserve(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    } else if (n < 0) {
        buf->overflow = true;
    }
    va_end(again);
}

void sl_buf_printf(struct sl_buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sl_buf_vprintf(buf, fmt, ap);
    va_end(ap);
}

int sl_buf_check(const struct sl_buf *buf, const char *what, struct sl_error *err)
{
    if (!buf->overflow)
        return 0;
    return sl_fail(err, SL_E_LIMIT, "%s is larger than %zu bytes", what, buf->max_bytes);
}

char *sl_buf_detach(struct sl_buf *buf)
{
    char *data = buf->capacity ? buf->data : sl_xstrdup("");
    sl_buf_init(buf, buf->max_bytes);
    return data;
}

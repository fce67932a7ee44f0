/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing byte buffer with a maximum.
 *
 * Past the maximum nothing more is appended and `overflow` stays set, so that a chain of appends needs one check at its
 * end. data is always followed by a NUL that len does not count.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <sluice/error.h>

struct sl_buf {
    char *data; /* "" until something is appended; owned by the buffer */
    size_t len, capacity, max_bytes;
    bool overflow;
};

void sl_buf_init(struct sl_buf *buf, size_t max_bytes);
void sl_buf_free(struct sl_buf *buf); /* also for SL_CLEANUP; leaves it as after sl_buf_init */
void sl_buf_clear(struct sl_buf *buf);
void sl_buf_add(struct sl_buf *buf, const void *data, size_t bytes);
/* So many bytes more, for the caller to fill, until the next append; NULL past the maximum. */
void *sl_buf_extend(struct sl_buf *buf, size_t bytes);
void sl_buf_puts(struct sl_buf *buf, const char *s);
void sl_buf_putc(struct sl_buf *buf, char c);
void sl_buf_printf(struct sl_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sl_buf_vprintf(struct sl_buf *buf, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* SL_E_LIMIT naming `what` when something did not fit. */
int sl_buf_check(const struct sl_buf *buf, const char *what, struct sl_error *err);
/* Hands the bytes over (free() frees them); the buffer is empty afterwards. */
char *sl_buf_detach(struct sl_buf *buf);

#endif

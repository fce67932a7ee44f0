/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

enum { VALUE_MAX_BYTES = 2048, LINE_MAX_BYTES = 32 * 1024, CONTEXT_MAX = 8, CONTEXT_VALUE_BYTES = 160 };

/* Documented globals: one log per process. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum sl_log_level least = SL_LOG_INFO;
static enum sl_log_format format = SL_LOG_TEXT;
static int log_fd = STDERR_FILENO;
static struct {
    const char *name;
    char value[CONTEXT_VALUE_BYTES];
} context[CONTEXT_MAX];

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void sl_log_setup(enum sl_log_level new_least, enum sl_log_format new_format, int fd)
{
    pthread_mutex_lock(&lock);
    least = new_least;
    format = new_format;
    log_fd = fd;
    pthread_mutex_unlock(&lock);
}

bool sl_log_enabled(enum sl_log_level level)
{
    return level >= least;
}

void sl_log_context(const char *name, const char *value)
{
    pthread_mutex_lock(&lock);
    size_t at = CONTEXT_MAX;
    for (size_t i = CONTEXT_MAX; i-- > 0;)
        if (context[i].name && !strcmp(context[i].name, name))
            at = i;
    if (!value && at < CONTEXT_MAX) {
        /* Closing the gap keeps the order in which the fields were set. */
        memmove(&context[at], &context[at + 1], (CONTEXT_MAX - 1 - at) * sizeof context[0]);
        context[CONTEXT_MAX - 1].name = NULL;
    } else if (value) {
        for (size_t i = 0; at == CONTEXT_MAX && i < CONTEXT_MAX; i++)
            if (!context[i].name)
                at = i;
        if (at < CONTEXT_MAX) {
            context[at].name = name;
            sl_text_escape(context[at].value, sizeof context[at].value, value);
        }
    }
    pthread_mutex_unlock(&lock);
}

static void put_json_string(struct sl_buf *line, const char *s)
{
    sl_buf_putc(line, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            sl_buf_printf(line, "\\%c", *s);
        else if (*s == '\n')
            sl_buf_puts(line, "\\n");
        else if ((unsigned char)*s < 0x20 || *s == 0x7F)
            sl_buf_printf(line, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            sl_buf_putc(line, *s);
    }
    sl_buf_putc(line, '"');
}

static void put_text_value(struct sl_buf *line, const char *s)
{
    if (*s && !strpbrk(s, " =\"")) {
        sl_buf_puts(line, s);
        return;
    }
    sl_buf_putc(line, '"');
    for (; *s; s++)
        sl_buf_printf(line, *s == '"' ? "\\%c" : "%c", *s);
    sl_buf_putc(line, '"');
}

static void put_field(struct sl_buf *line, const char *name, const char *value)
{
    char shown[VALUE_MAX_BYTES];
    if (!value)
        return;
    /* JSON escapes control characters itself; only what isn't UTF-8, or too long, needs the other escape first. */
    size_t bytes = strlen(value);
    bool plain = format == SL_LOG_JSON && bytes < sizeof shown && sl_utf8_valid(value, bytes);
    if (!plain)
        sl_text_escape(shown, sizeof shown, value);
    if (format == SL_LOG_JSON) {
        sl_buf_printf(line, ",\"%s\":", name);
        put_json_string(line, plain ? value : shown);
    } else {
        sl_buf_printf(line, " %s=", name);
        put_text_value(line, shown);
    }
}

static void put_head(struct sl_buf *line, enum sl_log_level level, const char *event)
{
    char at[SL_ISO8601_BYTES];
    sl_clock_iso8601(at, sl_clock_wall_ns());
    at[strlen("2026-11-21T09:14:03.123")] = '\0';
    if (format == SL_LOG_JSON)
        sl_buf_printf(line, "{\"time\":\"%sZ\",\"level\":\"%s\",\"event\":\"%s\"", at, level_names[level], event);
    else
        sl_buf_printf(line, "%sZ %s %s", at, level_names[level], event);
    for (size_t i = 0; i < CONTEXT_MAX && context[i].name; i++)
        put_field(line, context[i].name, context[i].value);
}

static void log_v(enum sl_log_level level, const char *event, const struct sl_error *err, va_list ap)
{
    if (!sl_log_enabled(level))
        return;
    struct sl_buf line;
    sl_buf_init(&line, LINE_MAX_BYTES);
    pthread_mutex_lock(&lock);
    put_head(&line, level, event);
    if (err) {
        put_field(&line, "code", sl_code_name(err->code));
        put_field(&line, "message", err->message);
        put_field(&line, "hint", *err->hint ? err->hint : NULL);
    }
    for (const char *name; (name = va_arg(ap, const char *));) {
        size_t before = line.len;
        put_field(&line, name, va_arg(ap, const char *));
        if (line.overflow) { /* a field that does not fit is left out whole, and the line stays well-formed */
            line.len = before;
            line.overflow = false;
        }
    }
    line.max_bytes += 2;
    sl_buf_puts(&line, format == SL_LOG_JSON ? "}\n" : "\n");
    /* One write, so that lines of several processes do not mix; a log that cannot be written stops nothing. */
    (void)sl_file_write_all(log_fd, line.data, line.len, NULL);
    pthread_mutex_unlock(&lock);
    sl_buf_free(&line);
}

void sl_log(enum sl_log_level level, const char *event, ...)
{
    va_list ap;
    va_start(ap, event);
    log_v(level, event, NULL, ap);
    va_end(ap);
}

void sl_log_error(enum sl_log_level level, const char *event, const struct sl_error *err, ...)
{
    va_list ap;
    va_start(ap, err);
    log_v(level, event, err, ap);
    va_end(ap);
}

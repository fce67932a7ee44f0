/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - lines about a run, for operators, on standard error.
 *
 * Only the layers that own a decision log (run, sensor, cli); lower ones return errors. A line is an event name and
 * fields; as text `2026-11-21T09:14:03.123Z info run.stage batch=b-1 run=0199… stage=load rows=177`, as JSON one object a
 * line. Values are escaped by the printer (sl_text_escape in text form, JSON strings in JSON form), so hostile values
 * forge nothing. Context fields (batch, run) set with sl_log_context are added to every line of this process. Thread-safe.
 */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

enum sl_log_level { SL_LOG_DEBUG, SL_LOG_INFO, SL_LOG_WARN, SL_LOG_ERROR };
enum sl_log_format { SL_LOG_TEXT, SL_LOG_JSON };

void sl_log_setup(enum sl_log_level least, enum sl_log_format format, int fd);
bool sl_log_enabled(enum sl_log_level level);
/* Fields: name, value pairs of strings, ended by NULL. A NULL value leaves the field out. */
void sl_log(enum sl_log_level level, const char *event, ...) __attribute__((sentinel));
/* The error as fields code, message, hint, then the pairs. */
void sl_log_error(enum sl_log_level level, const char *event, const struct sl_error *err, ...)
    __attribute__((sentinel));
/* NULL value: removes it. At most eight; name must be a literal, the value is copied. */
void sl_log_context(const char *name, const char *value);

#endif

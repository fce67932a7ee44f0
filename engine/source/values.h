/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - texts of a source: durations, times, and what stands for ${name}. Times are milliseconds since 1970, UTC. */
#ifndef SLUICE_SOURCE_VALUES_H
#define SLUICE_SOURCE_VALUES_H

#include "source/spec.h"

#define SL_SOURCE_NO_TIME INT64_MIN

/* "500ms", "10s", "15min", "6h", "30d". */
bool sl_source_duration(const char *text, int64_t *ms);
/* "2024-05-01", "2024-05-01T06:30", "2024-05-01T06:30:00.25+02:00"; without an offset it is in `zone` (NULL: UTC). */
bool sl_source_time(const char *text, const char *zone, int64_t *ms);
/* The same by strptime's words, or "iso", "epoch_s", "epoch_ms". */
bool sl_source_time_as(const char *text, const char *format, const char *zone, int64_t *ms);
/* Is it "UTC", "+05:30" or a name of the system's time zones? */
bool sl_source_zone_valid(const char *zone);
/* "2024-05-01T00:00:00.000Z", in the arena; NULL for SL_SOURCE_NO_TIME. */
const char *sl_source_time_text(struct sl_arena *arena, int64_t ms);

/* What a window gives: since, until ("2024-05-01T00:00:00Z"), since_date, until_date ("2024-05-01"), until_last_date (the day
 * of its last millisecond), since_ms, until_ms. Names, NULL-ended. */
extern const char *const sl_source_builtins[];
/* Adds them to `values`; texts are empty where the window has no such end. */
void sl_source_add_builtins(struct json_object *values, int64_t since_ms, int64_t until_ms);
/* Appends the text with each ${name} replaced; a name that is not there is SL_E_INTERNAL. */
int sl_source_expand(const char *text, struct json_object *values, struct sl_buf *out, struct sl_error *err);

#endif

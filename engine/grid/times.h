/* SPDX-License-Identifier: Apache-2.0 */
/* times.h - dates to seconds since 1970 in UTC, in the calendars that weather files use; "hours since …" of CF. */
#ifndef SLUICE_GRID_TIMES_H
#define SLUICE_GRID_TIMES_H

#include <stdint.h>

#include <sluice/error.h>

/* GREGORIAN goes on before 1582, as ISO 8601 does (CF's proleptic_gregorian); STANDARD is Julian there. */
enum sl_grid__calendar { SL_GRID__GREGORIAN, SL_GRID__STANDARD };

struct sl_grid__date {
    int64_t year;
    int month, day, hour, minute, second;
};

/* -SL_E_FILE_DAMAGED for a date that does not exist, or is beyond the years -9999 to 9999. */
int sl_grid__seconds(const struct sl_grid__date *date, enum sl_grid__calendar calendar, int64_t *out);

/* Of CF's units of time: "hours since 1900-01-01 00:00:0.0", with an offset from UTC perhaps. */
struct sl_grid__time_units {
    double unit_s;
    int64_t origin_s;
};
/* calendar: the attribute's text; NULL: standard. Calendars of years that have no 365.2425 days on average have no
 * place in UTC and are refused. */
int sl_grid__time_units(const char *units, const char *calendar, struct sl_grid__time_units *out, struct sl_error *err);
/* To the nearest second; -SL_E_FILE_DAMAGED for what is no time of this world. */
int sl_grid__time(const struct sl_grid__time_units *units, double value, int64_t *out);

#endif

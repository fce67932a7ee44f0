/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/times.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DAY_S = 86400, YEAR_MAX = 9999 };

static bool is_leap(int64_t year, bool julian)
{
    return year % 4 == 0 && (julian || year % 100 != 0 || year % 400 == 0);
}

static int days_in(int64_t year, int month, bool julian)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year, julian) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 of the Gregorian calendar; years begin in March, so that leap days come last. */
static int64_t day_number(int64_t year, int month, int day, bool julian)
{
    int64_t y = year - (month <= 2), m = (month + 9) % 12;
    int64_t era4 = (y >= 0 ? y : y - 3) / 4, era100 = (y >= 0 ? y : y - 99) / 100,
            era400 = (y >= 0 ? y : y - 399) / 400;
    int64_t days = 365 * y + era4 + (153 * m + 2) / 5 + day - 1;
    return julian ? days - 719470 : days - era100 + era400 - 719468;
}

int sl_grid__seconds(const struct sl_grid__date *d, enum sl_grid__calendar calendar, int64_t *out)
{
    bool julian = calendar == SL_GRID__STANDARD &&
                  (d->year < 1582 || (d->year == 1582 && (d->month < 10 || (d->month == 10 && d->day < 15))));
    if (d->year < -YEAR_MAX || d->year > YEAR_MAX || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > days_in(d->year, d->month, julian) || d->hour < 0 || d->hour > 24 || d->minute < 0 || d->minute > 59 ||
        d->second < 0 || d->second > 60 || (d->hour == 24 && (d->minute || d->second)))
        return -SL_E_FILE_DAMAGED;
    *out = day_number(d->year, d->month, d->day, julian) * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
    return 0;
}

/* ---- CF ---- */

static bool unit_seconds(const char *word, size_t n, double *out)
{
    static const struct {
        const char *names; /* one after the other, in blanks */
        double s;
    } units[] = {{" microseconds microsecond microsec microsecs ", 1e-6},
                 {" milliseconds millisecond millisec millisecs msec msecs ms ", 1e-3},
                 {" seconds second sec secs s ", 1},
                 {" minutes minute min mins ", 60},
                 {" hours hour hr hrs h ", 3600},
                 {" days day d ", 86400},
                 {" weeks week ", 604800}};
    char wanted[20];
    if (n == 0 || n > sizeof wanted - 3)
        return false;
    snprintf(wanted, sizeof wanted, " %.*s ", (int)n, word);
    for (char *c = wanted; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strstr(units[i].names, wanted)) {
            *out = units[i].s;
            return true;
        }
    return false;
}

/* "+01:00", "-0230", "+1", "UTC", "Z", "GMT", nothing: minutes east of UTC. */
static bool zone(const char *text, int *minutes)
{
    int sign, hours = 0, rest = 0, used = 0;
    *minutes = 0;
    text += strspn(text, " ");
    if (!*text || !strcasecmp(text, "UTC") || !strcasecmp(text, "Z") || !strcasecmp(text, "GMT"))
        return true;
    if (*text != '+' && *text != '-')
        return false;
    sign = *text++ == '-' ? -1 : 1;
    size_t digits = strspn(text, "0123456789");
    bool read = digits == 4 ? sscanf(text, "%2d%2d%n", &hours, &rest, &used) == 2
                            : digits <= 2 && (sscanf(text, "%2d:%2d%n", &hours, &rest, &used) == 2 ||
                                              (rest = 0, sscanf(text, "%2d%n", &hours, &used) == 1));
    *minutes = sign * (hours * 60 + rest);
    return read && !text[used] && hours <= 14 && rest <= 59;
}

static bool origin(const char *text, enum sl_grid__calendar calendar, int64_t *out)
{
    long year;
    double second = 0;
    int used = 0, more = 0, minutes;
    struct sl_grid__date d = {0};
    if (sscanf(text, "%6ld-%2d-%2d%n", &year, &d.month, &d.day, &used) != 3)
        return false;
    d.year = year;
    text += used;
    if (*text == 'T' || *text == ' ')
        text++;
    text += strspn(text, " ");
    if (isdigit((unsigned char)*text)) {
        if (sscanf(text, "%2d:%2d:%10lf%n", &d.hour, &d.minute, &second, &more) != 3 &&
            (second = 0, sscanf(text, "%2d:%2d%n", &d.hour, &d.minute, &more) != 2) &&
            (d.minute = 0, sscanf(text, "%2d%n", &d.hour, &more) != 1))
            return false;
        text += more;
    }
    if (!(second >= 0 && second < 60) || !zone(text, &minutes))
        return false;
    d.second = (int)second;
    if (sl_grid__seconds(&d, calendar, out) < 0)
        return false;
    *out -= minutes * 60;
    return true;
}

static int calendar_of(const char *name, enum sl_grid__calendar *out, struct sl_error *err)
{
    *out = SL_GRID__STANDARD;
    if (!name || !*name || !strcasecmp(name, "standard") || !strcasecmp(name, "gregorian"))
        return 0;
    *out = SL_GRID__GREGORIAN;
    if (!strcasecmp(name, "proleptic_gregorian"))
        return 0;
    int rc =
        sl_fail(err, SL_E_FILE_FORMAT, "its times are in the calendar \"%s\", whose days are not those of UTC", name);
    sl_error_hint(err, "convert the file to the standard calendar first");
    return rc;
}

int sl_grid__time_units(const char *units, const char *calendar, struct sl_grid__time_units *out, struct sl_error *err)
{
    enum sl_grid__calendar as;
    int rc = calendar_of(calendar, &as, err);
    if (rc < 0)
        return rc;
    const char *since = strstr(units, " since ");
    struct sl_grid__time_units made;
    size_t n = since ? (size_t)(since - units) : 0;
    while (n > 0 && units[n - 1] == ' ')
        n--;
    if (!since || !unit_seconds(units, n, &made.unit_s) ||
        !origin(since + 7 + strspn(since + 7, " "), as, &made.origin_s))
        return sl_fail(err, SL_E_FILE_DAMAGED, "\"%s\" is no unit of time, as \"hours since 1970-01-01\" is one",
                       units);
    *out = made;
    return 0;
}

int sl_grid__time(const struct sl_grid__time_units *units, double value, int64_t *out)
{
    double s = value * units->unit_s + (double)units->origin_s;
    if (!(fabs(s) < 4e11)) /* the year 14,000; NAN too */
        return -SL_E_FILE_DAMAGED;
    /* Apart, since the origin may be far and the value exact. */
    *out = units->origin_s + llround(value * units->unit_s);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"

enum { MS_PER_S = 1000, MS_PER_MIN = 60 * MS_PER_S, MS_PER_H = 60 * MS_PER_MIN, MS_PER_DAY = 24 * MS_PER_H, OWN_BYTES = 32 };

bool sl_source_duration(const char *text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", MS_PER_S}, {"min", MS_PER_MIN}, {"h", MS_PER_H}, {"d", MS_PER_DAY}};
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 12)
        return false;
    int64_t n = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(end, units[i].unit)) {
            if (n > (INT64_C(100) * 366 * MS_PER_DAY) / units[i].ms)
                return false;
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

/* ---- zones ---- */

static bool offset_zone(const char *zone, int64_t *ms)
{
    int h, m, used = 0;
    char sign;
    if (!zone || !strcmp(zone, "UTC") || !strcmp(zone, "Z")) {
        *ms = 0;
        return true;
    }
    if (sscanf(zone, "%c%2d:%2d%n", &sign, &h, &m, &used) != 3 || zone[used] || (sign != '+' && sign != '-') || h > 18 ||
        m > 59 || h < 0 || m < 0)
        return false;
    *ms = (sign == '-' ? -1 : 1) * ((int64_t)h * MS_PER_H + (int64_t)m * MS_PER_MIN);
    return true;
}

bool sl_source_zone_valid(const char *zone)
{
    int64_t ms;
    char path[160];
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
    if (offset_zone(zone, &ms))
        return true;
    if (!*zone || strlen(zone) > 64 || strspn(zone, word) != strlen(zone) || *zone == '/' || strstr(zone, "//"))
        return false;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", zone);
    return sl_path_exists(path) && sl_text_ends(path, zone);
}

/* The C library knows zones by TZ only, which is the process's: it is set when another one is asked for. */
static void use_zone(const char *zone)
{
    static char current[80]; /* of this process, as TZ is */
    char wanted[80];
    snprintf(wanted, sizeof wanted, ":%s", zone);
    if (!strcmp(current, wanted))
        return;
    setenv("TZ", wanted, 1);
    tzset();
    memcpy(current, wanted, sizeof current);
}

static bool from_parts(struct tm *tm, const char *zone, int64_t *s)
{
    int64_t offset;
    struct tm copy = *tm;
    if (offset_zone(zone, &offset)) {
        *s = timegm(&copy) - offset / MS_PER_S;
        return copy.tm_mday == tm->tm_mday && copy.tm_mon == tm->tm_mon; /* no 31 February */
    }
    use_zone(zone);
    copy.tm_isdst = -1;
    *s = mktime(&copy);
    return copy.tm_mday == tm->tm_mday && copy.tm_mon == tm->tm_mon;
}

/* ---- times ---- */

static bool digits(const char **p, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if ((*p)[i] < '0' || (*p)[i] > '9')
            return false;
        *out = *out * 10 + (*p)[i] - '0';
    }
    *p += n;
    return true;
}

static int64_t fraction(const char **p)
{
    int64_t ms = 0, unit = 100;
    if (**p != '.' && **p != ',')
        return 0;
    for (++*p; **p >= '0' && **p <= '9'; ++*p, unit /= 10)
        ms += (**p - '0') * unit;
    return ms;
}

static bool read_clock(const char **p, struct tm *tm, int64_t *ms)
{
    if (!digits(p, 2, &tm->tm_hour) || **p != ':')
        return false;
    ++*p;
    if (!digits(p, 2, &tm->tm_min))
        return false;
    if (**p == ':') {
        ++*p;
        if (!digits(p, 2, &tm->tm_sec))
            return false;
        *ms = fraction(p);
    }
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static bool read_offset(const char *p, const char **zone, char own[OWN_BYTES])
{
    int h, m = 0;
    char sign = *p;
    if (!*p || !strcmp(p, "Z") || !strcmp(p, "z")) {
        *zone = *p ? "UTC" : *zone;
        return true;
    }
    p++;
    if ((sign != '+' && sign != '-') || !digits(&p, 2, &h))
        return false;
    if (*p == ':')
        p++;
    if ((*p && !digits(&p, 2, &m)) || *p || h > 18 || m > 59)
        return false;
    snprintf(own, OWN_BYTES, "%c%02d:%02d", sign, h, m);
    *zone = own;
    return true;
}

bool sl_source_time(const char *text, const char *zone, int64_t *out)
{
    struct tm tm = {0};
    const char *p = text;
    char own[OWN_BYTES];
    int64_t ms = 0, s;
    if (!digits(&p, 4, &tm.tm_year) || *p++ != '-' || !digits(&p, 2, &tm.tm_mon) || *p++ != '-' || !digits(&p, 2, &tm.tm_mday))
        return false;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    if (*p == 'T' || *p == 't' || *p == ' ') {
        p++;
        if (!read_clock(&p, &tm, &ms) || !read_offset(p, &zone, own))
            return false;
    } else if (*p) {
        return false;
    }
    if (!from_parts(&tm, zone, &s))
        return false;
    *out = s * MS_PER_S + ms;
    return true;
}

static bool epoch(const char *text, int64_t scale, int64_t *ms)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v > -1e15 && v < 1e15))
        return false;
    *ms = (int64_t)(v * (double)scale);
    return true;
}

bool sl_source_time_as(const char *text, const char *format, const char *zone, int64_t *ms)
{
    struct tm tm = {.tm_mday = 1};
    int64_t s;
    if (!strcmp(format, "iso"))
        return sl_source_time(text, zone, ms);
    if (!strcmp(format, "epoch_s"))
        return epoch(text, MS_PER_S, ms);
    if (!strcmp(format, "epoch_ms"))
        return epoch(text, 1, ms);
    const char *end = strptime(text, format, &tm);
    if (!end || *end)
        return false;
    long offset = tm.tm_gmtoff; /* from %z; else 0 */
    tm.tm_gmtoff = 0;
    if (strstr(format, "%z")) {
        zone = NULL;
    } else {
        offset = 0;
    }
    if (!from_parts(&tm, zone, &s))
        return false;
    *ms = (s - offset) * MS_PER_S;
    return true;
}

static void utc_parts(int64_t ms, struct tm *tm, int *rest)
{
    int64_t s = ms / MS_PER_S;
    *rest = (int)(ms % MS_PER_S);
    if (*rest < 0) {
        *rest += MS_PER_S;
        s--;
    }
    time_t t = (time_t)s;
    gmtime_r(&t, tm);
}

const char *sl_source_time_text(struct sl_arena *arena, int64_t ms)
{
    struct tm tm;
    int rest;
    if (ms == SL_SOURCE_NO_TIME)
        return NULL;
    utc_parts(ms, &tm, &rest);
    return sl_arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                           tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
}

/* ---- ${name} ---- */

const char *const sl_source_builtins[] = {"since", "until", "since_date", "until_date", "until_last_date", "since_ms", "until_ms",
                                          NULL};

enum form { INSTANT, DAY, MILLISECONDS };

static void put_time(struct json_object *values, const char *name, int64_t ms, enum form form)
{
    char text[64] = "";
    struct tm tm;
    int rest;
    if (ms != SL_SOURCE_NO_TIME && form == MILLISECONDS) {
        snprintf(text, sizeof text, "%" PRId64, ms);
    } else if (ms != SL_SOURCE_NO_TIME) {
        utc_parts(ms, &tm, &rest);
        if (form == DAY)
            strftime(text, sizeof text, "%Y-%m-%d", &tm);
        else
            strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    sl_json_put_str(values, name, text);
}

void sl_source_add_builtins(struct json_object *values, int64_t since, int64_t until)
{
    int64_t last = until == SL_SOURCE_NO_TIME ? until : until - 1;
    put_time(values, "since", since, INSTANT);
    put_time(values, "until", until, INSTANT);
    put_time(values, "since_date", since, DAY);
    put_time(values, "until_date", until, DAY);
    put_time(values, "until_last_date", last, DAY);
    put_time(values, "since_ms", since, MILLISECONDS);
    put_time(values, "until_ms", until, MILLISECONDS);
}

int sl_source_expand(const char *text, struct json_object *values, struct sl_buf *out, struct sl_error *err)
{
    for (const char *open; (open = strstr(text, "${")) != NULL;) {
        char name[SL_SOURCE_NAME_BYTES];
        const char *close = strchr(open, '}');
        struct json_object *value = NULL;
        size_t n = close ? (size_t)(close - open - 2) : 0;
        if (!close || n == 0 || n >= sizeof name)
            return sl_fail(err, SL_E_INTERNAL, "\"%s\" has an open ${", text);
        memcpy(name, open + 2, n);
        name[n] = '\0';
        if (!json_object_object_get_ex(values, name, &value))
            return sl_fail(err, SL_E_INTERNAL, "${%s} has no value", name);
        sl_buf_add(out, text, (size_t)(open - text));
        if (value)
            sl_buf_puts(out, json_object_get_string(value));
        text = close + 1;
    }
    sl_buf_puts(out, text);
    return sl_buf_check(out, "a part of a request", err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t now(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * SL_NS_PER_S + t.tv_nsec;
}

static int64_t system_wall(void)
{
    return now(CLOCK_REALTIME);
}

static int64_t system_mono(void)
{
    return now(CLOCK_MONOTONIC);
}

static void system_sleep(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / SL_NS_PER_S, .tv_nsec = ns % SL_NS_PER_S};
    nanosleep(&t, NULL);
}

static void system_random(void *out, size_t bytes)
{
    unsigned char *p = out;
    while (bytes > 0) {
        ssize_t n = getrandom(p, bytes < 256 ? bytes : 256, 0);
        if (n <= 0)
            continue;
        p += n;
        bytes -= (size_t)n;
    }
}

static const struct sl_clock_ops system_ops = {system_wall, system_mono, system_sleep, system_random};
static const struct sl_clock_ops *ops = &system_ops;

void sl_clock_set(const struct sl_clock_ops *replacement)
{
    ops = replacement ? replacement : &system_ops;
}

int64_t sl_clock_wall_ns(void)
{
    return ops->wall_ns();
}

int64_t sl_clock_mono_ns(void)
{
    return ops->mono_ns();
}

void sl_clock_sleep_ns(int64_t ns)
{
    if (ns > 0)
        ops->sleep_ns(ns);
}

void sl_clock_random(void *out, size_t bytes)
{
    ops->random(out, bytes);
}

double sl_clock_random_unit(void)
{
    uint64_t bits;
    sl_clock_random(&bits, sizeof bits);
    return (double)(bits >> 11) * 0x1p-53;
}

char *sl_clock_iso8601(char *out, int64_t wall_ns)
{
    time_t s = (time_t)(wall_ns / SL_NS_PER_S);
    long micros = (long)(wall_ns % SL_NS_PER_S / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(out, SL_ISO8601_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, SL_ISO8601_BYTES - n, ".%06ldZ", micros);
    return out;
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. (H. Hinnant, "chrono-compatible low-level date algorithms") */
static int64_t days_since_1970(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = y / 400, of_era = y - era * 400, of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool digits(const char **p, int n, int64_t least, int64_t most, char after, int64_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    if (after && *(*p)++ != after)
        return false;
    return *out >= least && *out <= most;
}

bool sl_clock_parse(const char *iso8601, int64_t *unix_us)
{
    static const int64_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *p = iso8601;
    int64_t y, mo, d, h, mi, s, us = 0, unit = 100000;
    if (!digits(&p, 4, 1, 9999, '-', &y) || !digits(&p, 2, 1, 12, '-', &mo) || !digits(&p, 2, 1, 31, 'T', &d) ||
        !digits(&p, 2, 0, 23, ':', &h) || !digits(&p, 2, 0, 59, ':', &mi) || !digits(&p, 2, 0, 59, '\0', &s))
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > lengths[mo - 1] + (mo == 2 && leap))
        return false;
    if (*p == '.') {
        const char *first = ++p;
        for (; *p >= '0' && *p <= '9'; p++, unit /= 10)
            us += (*p - '0') * unit;
        if (p == first || p - first > 9)
            return false;
    }
    if (p[0] != 'Z' || p[1])
        return false;
    *unix_us = ((days_since_1970(y, mo, d) * 24 + h) * 3600 + mi * 60 + s) * 1000000 + us;
    return true;
}

char *sl_clock_date(char *out, int64_t wall_ns)
{
    time_t s = (time_t)(wall_ns / SL_NS_PER_S);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(out, SL_ISO8601_BYTES, "%Y-%m-%d", &tm);
    return out;
}

int64_t sl_clock_backoff_ns(int attempt, int64_t base_ns, int64_t max_ns)
{
    int64_t cap = base_ns;
    for (int i = 1; i < attempt && cap < max_ns; i++)
        cap *= 2;
    if (cap > max_ns)
        cap = max_ns;
    return cap / 2 + (int64_t)((double)(cap - cap / 2) * sl_clock_random_unit());
}

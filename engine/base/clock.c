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

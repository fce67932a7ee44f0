/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the one way to time, sleep and randomness, so that retries, leases and polls are tested without waiting.
 *
 * A test installs its own struct sl_clock_ops (sl_clock_set); everything else uses the system's. Times are nanoseconds
 * since 1970-01-01 UTC (wall) or since some fixed point (mono).
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_NS_PER_MS INT64_C(1000000)
#define SL_NS_PER_S  INT64_C(1000000000)

struct sl_clock_ops {
    int64_t (*wall_ns)(void);
    int64_t (*mono_ns)(void);
    void (*sleep_ns)(int64_t ns);
    void (*random)(void *out, size_t bytes);
};

void sl_clock_set(const struct sl_clock_ops *ops); /* NULL: back to the system's. Not while other threads run */
int64_t sl_clock_wall_ns(void);
int64_t sl_clock_mono_ns(void);
void sl_clock_sleep_ns(int64_t ns); /* returns early on a signal */
void sl_clock_random(void *out, size_t bytes);
/* Uniform in [0, 1). */
double sl_clock_random_unit(void);

enum { SL_ISO8601_BYTES = 32 };
/* "2026-11-21T09:14:03.123456Z" into out of SL_ISO8601_BYTES; returns out. */
char *sl_clock_iso8601(char *out, int64_t wall_ns);
/* The other way, to microseconds since 1970, which hold every year to 9999: RFC 3339 with "Z", none to nine digits of a
 * fraction (cut to six), no leap second; false for any other text. */
bool sl_clock_parse(const char *iso8601, int64_t *unix_us);
/* "2026-11-21" */
char *sl_clock_date(char *out, int64_t wall_ns);

/* Wait before attempt n (1, 2, …): full jitter in [cap/2, cap], cap = min(base << (n-1), max). ("Exponential Backoff
 * And Jitter", AWS Architecture Blog 2015, "equal jitter".) */
int64_t sl_clock_backoff_ns(int attempt, int64_t base_ns, int64_t max_ns);

#endif

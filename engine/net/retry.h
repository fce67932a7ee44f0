/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - whether, and when, a request is tried again. One policy for every client of a server.
 *
 * Tried again: 408, 429, 500, 502, 503, 504, what the caller calls transient (S3's SlowDown), and everything that broke
 * before an answer was whole (refused, reset, timed out, truncated). Waits grow exponentially with jitter, obey Retry-After,
 * and end at the deadline. Time and randomness are those of base/clock.h, so tests don't wait.
 */
#ifndef SLUICE_NET_RETRY_H
#define SLUICE_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct sl_retry_policy {
    int retries;         /* after the first try */
    int64_t base_ms, max_ms;
    int64_t deadline_ms; /* since the first try; 0: none */
};

struct sl_retry {
    const struct sl_retry_policy *policy;
    int tries; /* further ones that were granted */
    int64_t began_ns; /* monotonic */
};

void sl_retry_begin(struct sl_retry *retry, const struct sl_retry_policy *policy);
/* After a failed try: the wait in ms before the next one, or -1 when it was the last. retry_after_ms -1: the server did not
 * say; one that is longer than max_ms counts as said, but never beyond the deadline. */
int64_t sl_retry_next(struct sl_retry *retry, int64_t retry_after_ms);
bool sl_retry_status(int http_status); /* of the list above */
/* Seconds or an HTTP date (RFC 9110, 10.2.3) as ms from now; -1 for anything else or more than a day. */
int64_t sl_retry_after_ms(const char *header);

#endif

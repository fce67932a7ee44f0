/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

void sl_retry_begin(struct sl_retry *retry, const struct sl_retry_policy *policy)
{
    *retry = (struct sl_retry){.policy = policy, .began_ns = sl_clock_mono_ns()};
}

int64_t sl_retry_next(struct sl_retry *retry, int64_t retry_after_ms)
{
    const struct sl_retry_policy *p = retry->policy;
    if (retry->tries >= p->retries)
        return -1;
    int64_t wait =
        sl_clock_backoff_ns(retry->tries + 1, p->base_ms * SL_NS_PER_MS, p->max_ms * SL_NS_PER_MS) / SL_NS_PER_MS;
    if (p->deadline_ms > 0) {
        int64_t left = p->deadline_ms - (sl_clock_mono_ns() - retry->began_ns) / SL_NS_PER_MS;
        /* To come back earlier than the server asked for would only be refused again. */
        if (left <= 0 || retry_after_ms > left)
            return -1;
        if (wait > left)
            wait = left;
    }
    retry->tries++;
    return retry_after_ms > wait ? retry_after_ms : wait;
}

bool sl_retry_status(int http_status)
{
    switch (http_status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

static int64_t seconds_as_ms(const char *digits)
{
    int64_t s = 0;
    for (; *digits; digits++) {
        if (*digits < '0' || *digits > '9')
            return -1;
        s = s * 10 + (*digits - '0');
        if (s > DAY_MS / 1000)
            return -1;
    }
    return s * 1000;
}

/* One of the three forms of RFC 9110, 5.6.7. The day's name is not checked against the date. */
static bool read_date(const char *s, struct tm *tm)
{
    static const char *const months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    int end = -1;
    *tm = (struct tm){0};
    if (sscanf(s, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm->tm_mday, month, &tm->tm_year, &tm->tm_hour,
               &tm->tm_min, &tm->tm_sec, &end) == 6 &&
        end > 0) {
        tm->tm_year -= 1900;
    } else if (sscanf(s, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &tm->tm_mday, month, &tm->tm_year,
                      &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &end) == 6 &&
               end > 0) {
        tm->tm_year += 100; /* this century: dates of the last one are past in any case */
    } else if (sscanf(s, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &tm->tm_mday, &tm->tm_hour, &tm->tm_min,
                      &tm->tm_sec, &tm->tm_year, &end) == 6 &&
               end > 0) {
        tm->tm_year -= 1900;
    } else {
        return false;
    }
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3 != 0 || s[end] != '\0')
        return false;
    tm->tm_mon = (int)((found - months) / 3);
    return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour >= 0 && tm->tm_hour <= 23 && tm->tm_min >= 0 &&
           tm->tm_min <= 59 && tm->tm_sec >= 0 && tm->tm_sec <= 60 && tm->tm_year >= 70;
}

int64_t sl_retry_after_ms(const char *header)
{
    if (!header || !*header || strlen(header) > 64)
        return -1;
    if (*header >= '0' && *header <= '9')
        return seconds_as_ms(header);
    struct tm tm;
    if (!read_date(header, &tm))
        return -1;
    int64_t now_ms = sl_clock_wall_ns() / SL_NS_PER_MS;
    int64_t ms = (int64_t)timegm(&tm) * 1000 - now_ms;
    if (ms > DAY_MS)
        return -1;
    return ms > 0 ? ms : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/when.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool ago(const char *text, int64_t *wall_ns)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    char *end = NULL;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6)
        return false;
    int64_t n = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (!unit || end[1])
        return false;
    *wall_ns = sl_clock_wall_ns() - n * seconds[unit - units] * SL_NS_PER_S;
    return true;
}

static bool date(const char *text, int64_t *wall_ns)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {.tm_mday = 1};
        const char *end = strptime(text, forms[i], &tm);
        if (!end || (*end && strcmp(end, "Z") != 0))
            continue;
        struct tm read = tm;
        int64_t s = (int64_t)timegm(&tm);
        /* 31 February is no day. */
        if (tm.tm_mday != read.tm_mday || tm.tm_mon != read.tm_mon)
            return false;
        *wall_ns = s * SL_NS_PER_S;
        return true;
    }
    return false;
}

int sl_cli_when(const char *text, const char *option, char *out, struct sl_error *err)
{
    int64_t wall_ns = 0;
    if (!ago(text, &wall_ns) && !date(text, &wall_ns)) {
        sl_fail(err, SL_E_USAGE, "--%s: \"%s\" is no time", option, text);
        sl_error_hint(err, "write 2026-11-21, 2026-11-21T09:14 (UTC), or 7d, 12h, 30m for so long ago");
        return -(int)SL_E_USAGE;
    }
    sl_clock_iso8601(out, wall_ns);
    return 0;
}

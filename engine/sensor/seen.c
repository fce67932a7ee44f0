/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/seen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

enum { SLOTS = 65536, LIFE_S = 600 };

struct sl_seen {
    struct {
        uint64_t mark;
        int64_t at_ns;
    } slots[SLOTS];
};

struct sl_seen *sl_seen_new(void)
{
    return sl_xcalloc(1, sizeof(struct sl_seen));
}

void sl_seen_free(struct sl_seen *seen)
{
    free(seen);
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv). */
static uint64_t hash_of(const char *const *parts, size_t n)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < n; i++) {
        for (const char *p = parts[i]; *p; p++)
            h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
        h = (h ^ '\n') * UINT64_C(1099511628211);
    }
    return h ? h : 1;
}

uint64_t sl_seen_mark(const char *key, const struct sl_object_info *info)
{
    char time[32];
    snprintf(time, sizeof time, "%" PRId64, info->modified_ns);
    return hash_of((const char *const[]){key, info->etag, time}, 3);
}

uint64_t sl_seen_etag_mark(const char *key, const char *etag)
{
    return hash_of((const char *const[]){key, etag}, 2);
}

void sl_seen_add(struct sl_seen *seen, uint64_t mark)
{
    seen->slots[mark % SLOTS].mark = mark;
    seen->slots[mark % SLOTS].at_ns = sl_clock_mono_ns();
}

int64_t sl_seen_age_ns(const struct sl_seen *seen, uint64_t mark)
{
    int64_t age_ns = sl_clock_mono_ns() - seen->slots[mark % SLOTS].at_ns;
    return seen->slots[mark % SLOTS].mark == mark && age_ns < LIFE_S * SL_NS_PER_S ? age_ns : -1;
}

bool sl_seen_has(const struct sl_seen *seen, uint64_t mark)
{
    return sl_seen_age_ns(seen, mark) >= 0;
}

bool sl_seen_take(struct sl_seen *seen, uint64_t mark)
{
    bool has = sl_seen_has(seen, mark);
    if (has)
        seen->slots[mark % SLOTS].mark = 0;
    return has;
}

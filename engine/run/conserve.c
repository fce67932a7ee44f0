/* SPDX-License-Identifier: Apache-2.0 */
#include "run/conserve.h"

#include <inttypes.h>

#include "json/json.h"

static int64_t sum(struct json_object *counts)
{
    int64_t n = 0;
    json_object_object_foreach(counts, key, value)
    {
        (void)key;
        n += json_object_get_int64(value);
    }
    return n;
}

int sl_rows_conserved(const struct sl_row_counts *c, struct sl_error *err)
{
    int64_t dropped = sum(c->dropped), added = sum(c->added);
    int64_t aside = sl_json_int(c->dropped, SL_DROPPED_QUARANTINE, 0);
    if (c->in + added != c->out + dropped)
        return sl_fail(err, SL_E_ROWS_LOST,
                       "%" PRId64 " rows in and %" PRId64 " added, but %" PRId64 " out and %" PRId64 " dropped", c->in, added,
                       c->out, dropped);
    if (aside != c->aside)
        return sl_fail(err, SL_E_ROWS_LOST, "%" PRId64 " rows were put aside, but %" PRId64 " are written", aside, c->aside);
    return 0;
}

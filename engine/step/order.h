/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - inside of step/: ORDER BY without ties, so that the same rows come out the same way every time. */
#ifndef SLUICE_STEP_ORDER_H
#define SLUICE_STEP_ORDER_H

#include <sluice/sys/step.h>

struct sl_step_order {
    const struct sl_step_context *context;
    struct sl_sql *out;
    size_t n; /* keys so far */
    const char *qualifier; /* before each column's name, "r."; NULL: none */
};

void sl_step_order_begin(struct sl_step_order *order, const struct sl_step_context *context, struct sl_sql *out);
/* Text counts by its bytes. */
void sl_step_order_by(struct sl_step_order *order, const char *name, bool descending, bool nulls_first);
/* All columns but those of `done` (may be NULL), then the geometry's bytes. */
void sl_step_order_end(struct sl_step_order *order, const struct sl_names *done, bool reverse);

#endif

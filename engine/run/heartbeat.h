/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heartbeat.h - a thread that renews the lease of the batch at work, on a ledger connection of its own.
 *
 * When the ledger says that the lease is gone, or cannot be reached for as long as the lease lasts, `lost` becomes true
 * and the stages stop at their next look (sl_batch_mine).
 */
#ifndef SLUICE_RUN_HEARTBEAT_H
#define SLUICE_RUN_HEARTBEAT_H

#include <stdatomic.h>

#include "run/run.h"

struct sl_heartbeat;

int sl_heartbeat_new(struct sl_engine *engine, struct sl_heartbeat **out, struct sl_error *err);
void sl_heartbeat_free(struct sl_heartbeat *heartbeat); /* NULL is allowed */
int sl_heartbeat_start(struct sl_heartbeat *heartbeat, const struct sl_lease *lease, struct sl_error *err);
void sl_heartbeat_stop(struct sl_heartbeat *heartbeat);
const atomic_bool *sl_heartbeat_lost(const struct sl_heartbeat *heartbeat);

#endif

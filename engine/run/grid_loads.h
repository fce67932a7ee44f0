/* SPDX-License-Identifier: Apache-2.0 */
/* grid_loads.h - what killed attempts have left in ClickHouse. Internal to run/. */
#ifndef SLUICE_RUN_GRID_LOADS_H
#define SLUICE_RUN_GRID_LOADS_H

#include "run/run.h"

/* Loads (rows and staging tables) whose asset the ledger does not have and that were begun before `before_ns`, each
 * logged. dry_run: only logged. Nothing to do where ClickHouse is not configured. */
int sl_grid_loads_sweep(struct sl_engine *engine, int64_t before_ns, bool dry_run, struct sl_error *err);
/* The same for all loads of one batch, whatever their age; nobody may be at work on it. */
int sl_grid_loads_of_batch(struct sl_engine *engine, const char *batch_id, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* iceberg_loads.h - what killed attempts have left in Iceberg tables. Internal to run/. */
#ifndef SLUICE_RUN_ICEBERG_LOADS_H
#define SLUICE_RUN_ICEBERG_LOADS_H

#include "run/run.h"

/* Loads whose asset the ledger does not have and that were begun before `before_ns`, each logged. dry_run: only logged. Nothing
 * to do where no catalog is configured. */
int sl_iceberg_loads_sweep(struct sl_engine *engine, int64_t before_ns, bool dry_run, struct sl_error *err);
/* The same for all loads of one batch, whatever their age; nobody may be at work on it. */
int sl_iceberg_loads_of_batch(struct sl_engine *engine, const char *batch_id, struct sl_error *err);

#endif

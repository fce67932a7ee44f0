/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h - putting right what dead processes left behind. Internal to run/. */
#ifndef SLUICE_RUN_RECOVER_H
#define SLUICE_RUN_RECOVER_H

#include "run/run.h"

/* At start-up: leases of processes of this host that are dead go back to pending at once, ephemeral schemas and scratch
 * folders without a running batch are dropped, and what batches that are over have half published or half uploaded goes. */
int sl_recover(struct sl_engine *engine, struct sl_error *err);
/* sl_recover_leftovers for `gc`, who also tells what another account left (NULL: nobody asks). kept_s: schemas of runs that
 * began longer ago go even if they were to be kept. */
int sl_recover_sweep(struct sl_engine *engine, int64_t kept_s, bool dry_run, int64_t *schemas, int64_t *foreign,
                     int64_t *folders, struct sl_error *err);
/* Ephemeral schemas and scratch folders whose run is not running; schemas that were to be kept go after seven days. */
int sl_recover_leftovers(struct sl_engine *engine, bool dry_run, int64_t *schemas, int64_t *folders,
                         struct sl_error *err);
/* Of a batch that was quarantined for killing its workers: its manifest, and what it has half published. */
int sl_recover_poisoned(struct sl_engine *engine, const char *batch_id, struct sl_error *err);

#endif

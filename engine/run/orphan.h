/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan.h - objects that nobody names: how one tells, and how they are moved aside. Internal to run/.
 *
 * An orphan goes to orphans/<its key> of its own bucket, with its metadata; nothing is deleted on the way.
 */
#ifndef SLUICE_RUN_ORPHAN_H
#define SLUICE_RUN_ORPHAN_H

#include "run/run.h"

#define SL_ORPHANS_PREFIX "orphans/"
/* Keys of the engine's own in any bucket, which are nobody's data. */
#define SL_RESERVED_PREFIX ".sluice/"

/* Whether a document of the ledger names this object of the lake, as the asset's or as one beside it. */
int sl_lake_key_known(struct sl_engine *engine, const char *key, bool *known, struct sl_error *err);
/* Whether a run of this id is at work now: what it has put is nobody's yet. run_id may be NULL. */
int sl_run_at_work(struct sl_engine *engine, const char *run_id, bool *at_work, struct sl_error *err);
/* Whether the run ended well and its document says that it made this asset: then its document was lost. */
int sl_run_made(struct sl_engine *engine, const char *run_id, const char *asset_id, bool *made, struct sl_error *err);
/* *new_key_out (may be NULL) in the arena. Where another object has the place, the time of the move is put before the
 * key. An object that changed since `etag` was seen is SL_E_STORE_CHANGED or SL_E_STORE_PRECONDITION and stays. */
int sl_orphan_move(struct sl_engine *engine, const char *bucket, const char *key, const char *etag,
                   struct sl_arena *arena, const char **new_key_out, struct sl_error *err);
/* The same as long as `may` says 1; asked before the copy and before the removal, at 0 the object stays and
 * *new_key_out is not set. */
typedef int (*sl_orphan_may)(void *data, struct sl_error *err);
int sl_orphan_move_while(struct sl_engine *engine, const char *bucket, const char *key, const char *etag,
                         sl_orphan_may may, void *data, struct sl_arena *arena, const char **new_key_out,
                         struct sl_error *err);

#endif

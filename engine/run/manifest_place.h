/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_place.h - where a manifest lies: manifests/ while it waits, archive/ when its batch is done, quarantine/ with
 * an .error.json beside it when it failed. A move is copy, tell the ledger, remove: killed in between, the next tick of
 * the sensor finishes it.
 */
#ifndef SLUICE_RUN_MANIFEST_PLACE_H
#define SLUICE_RUN_MANIFEST_PLACE_H

#include "run/run.h"

#define SL_MANIFESTS_PREFIX  "manifests/"
#define SL_ARCHIVE_PREFIX    "archive/"
#define SL_QUARANTINE_PREFIX "quarantine/"

/* key is under manifests/. The new key in the arena. A file of that name with other content is kept: the new one gets
 * eight digits of its hash into its name. A manifest that is gone already is fine. */
int sl_manifest_to_archive(struct sl_engine *engine, const char *batch_id, const char *key, struct sl_arena *arena,
                           struct sl_error *err);
/* error_doc: what .error.json says besides the manifest's key; may be told twice. batch_id NULL: the ledger is not told. */
int sl_manifest_to_quarantine(struct sl_engine *engine, const char *batch_id, const char *key,
                              struct json_object *error_doc, struct sl_arena *arena, const char **new_key,
                              struct sl_error *err);
/* For a batch that has succeeded after it failed: its manifest goes from quarantine/ to archive/, and what else
 * quarantine/ has of it goes. key: where it lay before. */
int sl_manifest_forgive(struct sl_engine *engine, const char *batch_id, const char *key, struct sl_arena *arena,
                        struct sl_error *err);
/* {batch_id, status, error, violations, at, sluice}; violations may be NULL and is taken over. The caller owns it. */
struct json_object *sl_manifest_error_doc(const char *batch_id, const char *status, const struct sl_error *error,
                                          struct json_object *violations);

#endif

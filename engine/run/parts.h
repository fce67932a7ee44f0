/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - assets of several objects, as the stages and those who read the lake meet them. Internal to run/. */
#ifndef SLUICE_RUN_PARTS_H
#define SLUICE_RUN_PARTS_H

#include "lake/parts.h"
#include "run/batch.h"
#include "run/engine.h"

/*
 * The asset's bytes are these parts, whose files are there until it is published: sorts them, writes the index to the
 * batch's scratch and fills parts, local_path, size_bytes and sha256_hex. Whoever writes an asset in parts calls it
 * once, where one that is a single file would fill those itself. The strings of `parts` live as long as the batch.
 */
int sl_batch_set_parts(struct sl_batch *batch, struct sl_planned_asset *asset, const struct sl_lake_parts *parts,
                       struct sl_error *err);
/* Of the asset's own object. */
/* Of an asset whose rows are in an Iceberg table. */
#define SL_TABLE_RECEIPT_MEDIA_TYPE "application/vnd.sluice.iceberg+json"
#define SL_TABLE_RECEIPT_SUFFIX "iceberg.json"
const char *sl_planned_media_type(const struct sl_planned_asset *asset);
const char *sl_planned_suffix(const struct sl_planned_asset *asset);
char *sl_part_key(struct sl_arena *arena, const char *dataset_id, int64_t version, const struct sl_lake_part *part);

/* By its ledger document. */
bool sl_asset_has_parts(struct json_object *doc);
/* The media type of what has its rows: the object, or each part. */
const char *sl_asset_rows_media_type(struct json_object *doc);
/* Its rows as one local file, checked against the ledger: the object, or all parts in one with the columns of their
 * folders. `path`.parts is used meanwhile. SL_E_VERIFY_FAILED when the lake has not what was published. may_go_on may
 * be NULL. */
int sl_asset_fetch_rows(struct sl_engine *engine, struct json_object *doc, const char *path,
                        int (*may_go_on)(void *data, struct sl_error *err), void *data, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents.h - the ledger's documents as tables and as lists, the same in every verb that shows them.
 *
 * sl_cli_documents asks the ledger and prints what comes, as JSON or as the table of its collection.
 */
#ifndef SLUICE_CLI_DOCUMENTS_H
#define SLUICE_CLI_DOCUMENTS_H

#include "cli/cli.h"
#include "run/run.h"

extern const char *const sl_cli_collections[]; /* NULL-ended */

struct sl_cli_table *sl_cli_documents_table(struct sl_arena *arena, const char *collection);
void sl_cli_documents_row(struct sl_cli_table *table, const char *collection, struct sl_arena *arena,
                          struct json_object *doc);

/* What an event is about, besides its batch; NULL for nothing. */
const char *sl_cli_event_about(struct sl_arena *arena, struct json_object *event);

/* keep: which documents are shown (NULL: all). *n_out counts the shown ones; may be NULL. */
int sl_cli_documents(struct sl_cli *cli, struct sl_engine *engine, const struct sl_find *find,
                     bool (*keep)(void *data, struct json_object *doc), void *keep_data, int64_t *n_out,
                     struct sl_error *err);

/* A batch's document with its latest run's and the assets' that run stands for beside it, as members run (or null) and
 * assets. */
int sl_cli_batch_whole(struct sl_engine *engine, const char *batch_id, struct json_object **out, struct sl_error *err);

/* "same columns as v2, +1,204 rows"; NULL when there is no version before, or it has no rows. */
const char *sl_cli_asset_change(struct sl_arena *arena, struct json_object *before, struct json_object *asset);

#endif

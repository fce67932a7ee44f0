/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/documents.h"

#include <inttypes.h>
#include <string.h>

#include "cli/show.h"
#include "json/json.h"

const char *const sl_cli_collections[] = {"manifests", "runs", "assets", "events", "processes", NULL};

static const struct sl_cli_column manifest_columns[] = {
    {"BATCH", SL_LEFT, 12},  {"STATUS", SL_LEFT, 0},         {"INTENT", SL_LEFT, 10},
    {"BY", SL_LEFT, 8},      {"UPLOADED (UTC)", SL_LEFT, 0}, {"ERROR", SL_LEFT, 12},
};
static const struct sl_cli_column run_columns[] = {
    {"RUN", SL_LEFT, 0},   {"BATCH", SL_LEFT, 10},        {"STATUS", SL_LEFT, 0},
    {"ROWS", SL_RIGHT, 0}, {"STARTED (UTC)", SL_LEFT, 0}, {"TOOK", SL_RIGHT, 0},
};
static const struct sl_cli_column asset_columns[] = {
    {"DATASET", SL_LEFT, 10}, {"VERSION", SL_RIGHT, 0}, {"KIND", SL_LEFT, 0},  {"SIZE", SL_RIGHT, 0},
    {"ROWS", SL_RIGHT, 0},    {"BOUNDS", SL_LEFT, 12},  {"OBJECT", SL_LEFT, 20},
};
static const struct sl_cli_column event_columns[] = {
    {"AT (UTC)", SL_LEFT, 0}, {"EVENT", SL_LEFT, 0}, {"BATCH", SL_LEFT, 12}, {"WHAT", SL_LEFT, 20},
};
static const struct sl_cli_column process_columns[] = {
    {"PROCESS", SL_LEFT, 12}, {"ROLE", SL_LEFT, 0},         {"STATE", SL_LEFT, 0},
    {"BATCH", SL_LEFT, 10},   {"STARTED (UTC)", SL_LEFT, 0}, {"SEEN (UTC)", SL_LEFT, 0},
};

struct sl_cli_table *sl_cli_documents_table(struct sl_arena *arena, const char *collection)
{
    if (!strcmp(collection, "assets"))
        return sl_cli_table_new(arena, asset_columns, sizeof asset_columns / sizeof *asset_columns);
    if (!strcmp(collection, "runs"))
        return sl_cli_table_new(arena, run_columns, sizeof run_columns / sizeof *run_columns);
    if (!strcmp(collection, "events"))
        return sl_cli_table_new(arena, event_columns, sizeof event_columns / sizeof *event_columns);
    if (!strcmp(collection, "processes"))
        return sl_cli_table_new(arena, process_columns, sizeof process_columns / sizeof *process_columns);
    return sl_cli_table_new(arena, manifest_columns, sizeof manifest_columns / sizeof *manifest_columns);
}

static const char *number(struct sl_arena *a, struct json_object *doc, const char *key)
{
    return sl_json_get(doc, key) ? sl_cli_count(a, sl_json_int(doc, key, 0)) : NULL;
}

static void manifest_row(struct sl_cli_table *t, struct sl_arena *a, struct json_object *d)
{
    const char *status = sl_json_str(d, "status", NULL);
    sl_cli_cell(t, sl_json_str(d, "batch_id", NULL));
    sl_cli_cell_colour(t, sl_cli_status_colour(status), status);
    sl_cli_cell(t, sl_json_str(d, "intent", NULL));
    sl_cli_cell(t, sl_json_str(d, "uploader", NULL));
    sl_cli_cell(t, sl_cli_time(a, sl_json_str(d, "created_at", NULL)));
    sl_cli_cell(t, sl_json_str(sl_json_get(d, "error"), "code", NULL));
}

static void run_row(struct sl_cli_table *t, struct sl_arena *a, struct json_object *d)
{
    const char *status = sl_json_str(d, "status", NULL), *started = sl_json_str(d, "started_at", NULL);
    int64_t ns = sl_cli_between(started, sl_json_str(d, "ended_at", NULL));
    sl_cli_cell(t, sl_json_str(d, "_id", NULL));
    sl_cli_cell(t, sl_json_str(d, "batch_id", NULL));
    sl_cli_cell_colour(t, sl_cli_status_colour(status), status);
    sl_cli_cell(t, number(a, d, "rows_out"));
    sl_cli_cell(t, sl_cli_time(a, started));
    sl_cli_cell(t, ns < 0 ? NULL : sl_cli_took(a, ns));
}

static void asset_row(struct sl_cli_table *t, struct sl_arena *a, struct json_object *d)
{
    sl_cli_cell(t, sl_json_str(d, "dataset_id", NULL));
    sl_cli_cell(t, sl_arena_printf(a, "%" PRId64, sl_json_int(d, "version", 0)));
    sl_cli_cell(t, sl_json_str(d, "kind", NULL));
    sl_cli_cell(t, sl_cli_size(a, sl_cli_asset_bytes(d)));
    sl_cli_cell(t, number(a, d, "row_count"));
    sl_cli_cell(t, sl_cli_bounds(a, sl_json_get(d, "bounds")));
    sl_cli_cell(t, sl_arena_printf(a, "%s/%s", sl_json_str(d, "bucket", "-"), sl_json_str(d, "s3_key", "-")));
}

const char *sl_cli_event_about(struct sl_arena *a, struct json_object *d)
{
    struct json_object *error = sl_json_get(d, "error");
    const char *dataset = sl_json_str(d, "dataset_id", NULL), *message = sl_json_str(d, "message", NULL);
    if (dataset)
        return sl_arena_printf(a, "%s v%" PRId64 "  %s/%s", dataset, sl_json_int(d, "version", 0),
                               sl_json_str(d, "bucket", ""), sl_json_str(d, "s3_key", ""));
    if (error)
        return sl_arena_printf(a, "%s: %s", sl_json_str(error, "code", ""), sl_json_str(error, "message", ""));
    if (message)
        return message;
    const char *run = sl_json_str(d, "run_id", NULL), *owner = sl_json_str(d, "owner", NULL);
    return owner ? owner : run ? run : sl_json_str(d, "intent", NULL);
}

static void event_row(struct sl_cli_table *t, struct sl_arena *a, struct json_object *d)
{
    const char *status = sl_json_str(d, "status", NULL);
    sl_cli_cell(t, sl_cli_time(a, sl_json_str(d, "at", NULL)));
    sl_cli_cell_colour(t, sl_cli_status_colour(status), sl_json_str(d, "event", NULL));
    sl_cli_cell(t, sl_json_str(d, "batch_id", NULL));
    sl_cli_cell(t, sl_cli_event_about(a, d));
}

static void process_row(struct sl_cli_table *t, struct sl_arena *a, struct json_object *d)
{
    sl_cli_cell(t, sl_json_str(d, "_id", NULL));
    sl_cli_cell(t, sl_json_str(d, "role", NULL));
    sl_cli_cell(t, sl_json_str(d, "state", NULL));
    sl_cli_cell(t, sl_json_str(d, "batch_id", NULL));
    sl_cli_cell(t, sl_cli_time(a, sl_json_str(d, "started_at", NULL)));
    sl_cli_cell(t, sl_cli_time(a, sl_json_str(d, "seen_at", NULL)));
}

void sl_cli_documents_row(struct sl_cli_table *table, const char *collection, struct sl_arena *arena,
                          struct json_object *doc)
{
    if (!strcmp(collection, "assets"))
        asset_row(table, arena, doc);
    else if (!strcmp(collection, "runs"))
        run_row(table, arena, doc);
    else if (!strcmp(collection, "events"))
        event_row(table, arena, doc);
    else if (!strcmp(collection, "processes"))
        process_row(table, arena, doc);
    else
        manifest_row(table, arena, doc);
}

struct listing {
    struct sl_cli *cli;
    const char *collection;
    struct sl_cli_table *table;
    struct sl_cli_stream stream;
    bool (*keep)(void *data, struct json_object *doc);
    void *keep_data;
    int64_t n;
};

static int visit(void *data, struct json_object *doc, struct sl_error *err)
{
    struct listing *l = data;
    if (l->keep && !l->keep(l->keep_data, doc))
        return 0;
    l->n++;
    if (l->cli->json)
        sl_cli_stream_item(&l->stream, doc);
    else
        sl_cli_documents_row(l->table, l->collection, l->cli->arena, doc);
    return sl_out_gone(&l->cli->out) ? sl_fail(err, SL_E_CANCELLED, "nobody reads the answer any more") : 0;
}

int sl_cli_documents(struct sl_cli *cli, struct sl_engine *engine, const struct sl_find *find,
                     bool (*keep)(void *data, struct json_object *doc), void *keep_data, int64_t *n_out,
                     struct sl_error *err)
{
    struct listing l = {.cli = cli,
                        .collection = find->collection,
                        .table = sl_cli_documents_table(cli->arena, find->collection),
                        .stream = {.cli = cli},
                        .keep = keep,
                        .keep_data = keep_data};
    int rc = engine->ledger->ops->find(engine->ledger, find, visit, &l, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_stream_end(&l.stream);
    else if (l.n)
        sl_cli_table_print(l.table, &cli->out);
    if (n_out)
        *n_out = l.n;
    return 0;
}

static int run_assets(struct sl_engine *engine, struct json_object *run, struct json_object *assets,
                      struct sl_error *err)
{
    struct json_object *outputs = sl_json_get(run, "outputs");
    size_t n = json_object_is_type(outputs, json_type_array) ? json_object_array_length(outputs) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = sl_json_str(json_object_array_get_idx(outputs, i), "asset_id", NULL);
        struct json_object *asset = NULL;
        int rc = id ? engine->ledger->ops->get_asset(engine->ledger, id, &asset, err) : 0;
        if (rc)
            return rc;
        if (asset)
            json_object_array_add(assets, asset);
    }
    return 0;
}

int sl_cli_batch_whole(struct sl_engine *engine, const char *batch_id, struct json_object **out, struct sl_error *err)
{
    struct json_object *batch = NULL, *run = NULL;
    int rc = sl_batch_find(engine, batch_id, &batch, err);
    if (rc)
        return rc;
    struct json_object *assets = json_object_new_array();
    const char *run_id = sl_json_str(batch, "run_id", NULL);
    if (run_id)
        rc = engine->ledger->ops->get_run(engine->ledger, run_id, &run, err);
    if (!rc && run)
        rc = run_assets(engine, run, assets, err);
    sl_json_put(batch, "run", run);
    sl_json_put(batch, "assets", assets);
    if (rc)
        json_object_put(batch);
    else
        *out = batch;
    return rc;
}

const char *sl_cli_asset_change(struct sl_arena *arena, struct json_object *before, struct json_object *asset)
{
    struct json_object *a = sl_json_get(before, "columns"), *b = sl_json_get(asset, "columns");
    if (!before || !sl_json_get(asset, "row_count"))
        return NULL;
    int64_t rows = sl_json_int(asset, "row_count", 0) - sl_json_int(before, "row_count", 0);
    const char *change = rows == 0 ? "as many rows"
                         : rows > 0
                             ? sl_arena_printf(arena, "+%s", sl_cli_plural(arena, rows, "row", "rows"))
                             : sl_arena_printf(arena, "-%s", sl_cli_plural(arena, -rows, "row", "rows"));
    return sl_arena_printf(arena, "%s columns as v%" PRId64 ", %s", json_object_equal(a, b) ? "same" : "other",
                           sl_json_int(before, "version", 0), change);
}

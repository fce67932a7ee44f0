/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs of kind iceberg: rows appended before the ledger's commit, a receipt for the lake, rows taken back without one. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "iceberg/table.h"
#include "json/json.h"
#include "lake/outputs.h"
#include "run/batch.h"

enum { RECEIPT_BYTES = 65536 };

static void put_json(void *data)
{
    json_object_put(data);
}

/* What the document and the receipt say of a load. */
static void keep_table(struct sl_batch *b, struct sl_planned_asset *a, struct json_object *table)
{
    a->table = table;
    sl_arena_defer(b->arena, put_json, table);
}

static int keep_receipt(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, RECEIPT_BYTES);
    sl_json_canonical(a->table, &text);
    sl_buf_putc(&text, '\n');
    int rc = sl_buf_check(&text, "receipt", err);
    if (rc < 0)
        return rc;
    (void)unlink(a->local_path); /* the rows are where they belong */
    a->local_path = sl_arena_printf(b->arena, "%s/out-%s.iceberg.json", b->scratch, a->asset_id);
    a->size_bytes = (int64_t)text.len;
    sl_sha256_of(text.data, text.len, a->sha256_hex);
    return sl_file_write_durable(a->local_path, text.data, text.len, 0600, err);
}

static struct json_object *describe(const struct sl_planned_asset *a, const struct sl_table_loaded *loaded, int64_t rows)
{
    const struct sl_output_iceberg *o = a->output->options;
    struct json_object *t = json_object_new_object();
    sl_json_put_str(t, "table", o->table);
    sl_json_put_str(t, "load_id", a->asset_id);
    sl_json_put_int(t, "rows", rows);
    sl_json_put_str(t, "data_sha256", a->sha256_hex);
    sl_json_put_int(t, "snapshot_id", loaded->snapshot_id);
    sl_json_put_str(t, "metadata_location", loaded->metadata_location);
    sl_json_put_int(t, "files", loaded->files);
    return t;
}

/* A replay that came to the same rows leaves those that are there alone, and has the receipt of then. */
static struct json_object *table_before(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    const struct sl_output_iceberg *o = a->output->options;
    struct json_object *t = a->before ? sl_json_get(sl_json_get(a->before, "metadata"), "iceberg") : NULL;
    bool same = t && !strcmp(sl_json_str(t, "data_sha256", ""), a->sha256_hex) && !strcmp(sl_json_str(t, "table", ""), o->table);
    return same && (b->into_version || !b->force) ? t : NULL;
}

/* Of what this attempt has not made itself, and the ledger does not have, nothing stays. */
static int is_left(void *data, const char *table, const char *load_id, struct sl_error *err)
{
    struct sl_batch *b = data;
    struct json_object *doc = NULL;
    (void)table;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++)
            if (!strcmp(b->units[i].assets[k].asset_id, load_id))
                return 0;
    int rc = b->engine->ledger->ops->get_asset(b->engine->ledger, load_id, &doc, err);
    bool known = doc != NULL;
    json_object_put(doc);
    return rc < 0 ? rc : !known;
}

static int drop_left(struct sl_batch *b, struct sl_table_writer *w, const char *table, struct sl_error *err)
{
    int rc = sl_batch_mine(b, err);
    if (rc < 0 || b->lease.attempt <= 1)
        return rc;
    rc = b->engine->ledger->ops->renew(b->engine->ledger, &b->lease, b->engine->config->run_lease_ms, err);
    return rc < 0 ? rc : w->ops->sweep(w, table, b->lease.batch_id, is_left, b, err);
}

static int append(struct sl_batch *b, struct sl_planned_asset *a, struct sl_table_writer *w, int64_t rows, struct sl_error *err)
{
    const struct sl_output_iceberg *o = a->output->options;
    size_t n = o->partition_by ? json_object_array_length(o->partition_by) : 0;
    const char **by = sl_arena_array(b->arena, n + 1, sizeof *by);
    for (size_t i = 0; i < n; i++)
        by[i] = json_object_get_string(json_object_array_get_idx(o->partition_by, i));
    const struct sl_table_load load = {.table = o->table, .partition_by = by, .n_partition_by = n, .evolve = o->evolve,
                                       .load_id = a->asset_id, .batch_id = b->lease.batch_id, .path = a->local_path, .rows = rows};
    struct sl_table_loaded loaded = {.snapshot_id = -1, .metadata_location = ""};
    int rc = drop_left(b, w, o->table, err);
    if (rc == 0) {
        a->appended = true; /* from here on there may be rows to take back */
        rc = w->ops->append(w, &load, b->arena, &loaded, err);
    }
    if (rc == 0)
        keep_table(b, a, describe(a, &loaded, rows));
    return rc;
}

int sl_batch_append_table(struct sl_batch *b, struct sl_planned_asset *a, int64_t rows, struct sl_error *err)
{
    const struct sl_output_iceberg *o = a->output->options;
    SL_CLEANUP(sl_table_writer_closep) struct sl_table_writer *w = NULL;
    struct json_object *before = table_before(b, a);
    int rc = sl_table_writer_open(b->engine->config, b->scratch, &w, err);
    if (rc < 0)
        return rc;
    if (!w && !before) {
        json_object_array_add(b->warnings, json_object_new_string(sl_arena_printf(
                                               b->arena, "no Iceberg catalog is configured (iceberg.catalog_uri): the rows for table "
                                                         "%s are a Parquet file of the lake", o->table)));
        return 0;
    }
    if (before)
        keep_table(b, a, json_object_get(before));
    else if (b->into_version) /* other rows than those of the version: nothing is put */
        return 0;
    else
        rc = append(b, a, w, rows, err);
    return rc < 0 ? rc : keep_receipt(b, a, err);
}

/* ---- taking away ---- */

static void drop_load(struct sl_batch *b, struct sl_table_writer **w, const char *table, const char *load_id)
{
    struct sl_error why = {0};
    int rc = *w ? 0 : sl_table_writer_open(b->engine->config, NULL, w, &why);
    if (rc == 0 && *w)
        rc = (*w)->ops->drop(*w, table, load_id, &why);
    if (rc < 0) /* gc finds them */
        sl_log_error(SL_LOG_WARN, "run.iceberg_rows_left", &why, NULL);
}

/* The ledger may have them after all, when the reply of the commit was lost. */
static bool committed(struct sl_batch *b, const char *asset_id)
{
    struct json_object *doc = NULL;
    int rc = b->engine->ledger->ops->get_asset(b->engine->ledger, asset_id, &doc, NULL);
    bool is = rc < 0 || doc;
    json_object_put(doc);
    return is;
}

void sl_batch_drop_tables(struct sl_batch *b)
{
    SL_CLEANUP(sl_table_writer_closep) struct sl_table_writer *w = NULL;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            if (a->appended && !committed(b, a->asset_id))
                drop_load(b, &w, ((const struct sl_output_iceberg *)a->output->options)->table, a->asset_id);
        }
}

void sl_batch_retire_tables(struct sl_batch *b)
{
    SL_CLEANUP(sl_table_writer_closep) struct sl_table_writer *w = NULL;
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            struct json_object *t = a->before ? sl_json_get(sl_json_get(a->before, "metadata"), "iceberg") : NULL;
            if (a->appended && t && !a->stands)
                drop_load(b, &w, sl_json_str(t, "table", ""), sl_json_str(t, "load_id", ""));
        }
}

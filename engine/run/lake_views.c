/* SPDX-License-Identifier: Apache-2.0 */
#include "run/lake_views.h"

#include <string.h>

#include "config/config.h"
#include "geo/sql.h"
#include "iceberg/catalog.h"
#include "iceberg/table.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/parts.h"

struct file {
    const char *batch_id, *path; /* the path may be a pattern */
    struct file *next;
};

struct view {
    const char *dataset;
    const char *space, *table; /* of Iceberg; NULL: files */
    struct file *files;
    bool parts;
};

struct views {
    struct sl_engine *engine;
    struct sl_arena *arena;
    const char *query;
    struct view items[SL_LAKE_VIEWS_MAX];
    size_t n, n_files;
};

static bool on_s3(const struct sl_config *c)
{
    return !strcmp(c->store_backend, "s3");
}

static const char *bucket_path(const struct views *v, const char *bucket)
{
    const struct sl_config *c = v->engine->config;
    return on_s3(c) ? sl_arena_printf(v->arena, "s3://%s/", bucket)
                    : sl_arena_printf(v->arena, "%s/%s/", c->store_root, bucket);
}

/* ---- which ---- */

static struct view *view_of(struct views *v, const char *dataset, struct sl_error *err)
{
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(v->items[i].dataset, dataset))
            return &v->items[i];
    if (v->n == SL_LAKE_VIEWS_MAX) {
        sl_fail(err, SL_E_LIMIT, "the query names more than %d datasets", SL_LAKE_VIEWS_MAX);
        return NULL;
    }
    v->items[v->n] = (struct view){.dataset = sl_arena_strdup(v->arena, dataset)};
    return &v->items[v->n++];
}

static int note_file(struct views *v, struct view *view, struct json_object *doc, struct sl_error *err)
{
    struct json_object *metadata = sl_json_get(doc, "metadata");
    const char *key = sl_json_str(doc, "s3_key", ""), *slash = strrchr(key, '/'), *batch = sl_json_str(doc, "batch_id", "");
    bool parts = sl_asset_has_parts(doc);
    struct file *f = view->files;
    if (!sl_json_bool(metadata, "append", false))
        view->files = f = NULL; /* what was before is replaced by this version */
    while (f && strcmp(f->batch_id, batch) != 0)
        f = f->next;
    if (!f) {
        if (v->n_files++ == SL_LAKE_VIEW_FILES_MAX)
            return sl_fail(err, SL_E_LIMIT, "the query reads more than %d versions", SL_LAKE_VIEW_FILES_MAX);
        f = sl_arena_alloc(v->arena, sizeof *f);
        *f = (struct file){.batch_id = sl_arena_strdup(v->arena, batch), .next = view->files};
        view->files = f;
    }
    f->path = parts ? sl_arena_printf(v->arena, "%s%.*s**/*.parquet", bucket_path(v, sl_json_str(doc, "bucket", "")),
                                      slash ? (int)(slash - key + 1) : 0, key)
                    : sl_arena_printf(v->arena, "%s%s", bucket_path(v, sl_json_str(doc, "bucket", "")), key);
    view->parts = parts;
    view->table = NULL;
    return 0;
}

/* In order of version. Only those that the query's text names are looked at. */
static int note_dataset(void *data, struct json_object *doc, struct sl_error *err)
{
    struct views *v = data;
    const char *dataset = sl_json_str(doc, "dataset_id", "");
    struct json_object *table = sl_json_get(sl_json_get(doc, "metadata"), "iceberg");
    if (!strstr(v->query, dataset) || (!table && strcmp(sl_asset_rows_media_type(doc), "application/vnd.apache.parquet") != 0))
        return 0;
    struct view *view = view_of(v, dataset, err);
    if (!view)
        return -SL_E_LIMIT;
    if (!table)
        return note_file(v, view, doc, err);
    return sl_iceberg_split(sl_json_str(table, "table", ""), v->arena, &view->space, &view->table, err);
}

/* ---- making them ---- */

static void put_source(struct sl_sql *sql, const struct view *view)
{
    if (view->table) {
        sl_sql_text(sql, "ice.");
        sl_sql_ident(sql, view->space);
        sl_sql_text(sql, ".");
        sl_sql_ident(sql, view->table);
        return;
    }
    sl_sql_text(sql, "read_parquet([");
    for (const struct file *f = view->files; f; f = f->next) {
        sl_sql_literal(sql, f->path);
        sl_sql_text(sql, f->next ? ", " : "");
    }
    sl_sql_text(sql, view->parts ? "], hive_partitioning = true" : "], hive_partitioning = false");
    sl_sql_text(sql, view->files->next ? ", union_by_name = true)" : ")");
}

static int make_view(const struct view *view, struct sl_duck *duck, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE VIEW ");
    sl_sql_ident(&sql, view->dataset);
    sl_sql_text(&sql, " AS SELECT * FROM ");
    put_source(&sql, view);
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

/* From here on nothing but lake and warehouse is read. */
static int confine(const struct views *v, bool iceberg, struct sl_duck *duck, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const struct sl_config *c = v->engine->config;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SET allowed_directories = [");
    sl_sql_literal(&sql, bucket_path(v, c->lake_bucket));
    if (iceberg && !strncmp(c->iceberg_warehouse, "s3://", 5)) {
        sl_sql_text(&sql, ", ");
        sl_sql_literal(&sql, sl_arena_printf(v->arena, "%s/", c->iceberg_warehouse));
    }
    sl_sql_text(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

int sl_lake_views_make(struct sl_engine *engine, struct sl_duck *duck, const char *query, struct sl_arena *arena,
                       struct sl_error *err)
{
    const struct sl_find find = {.collection = "assets", .sort = "version:1"};
    struct views *v = sl_arena_alloc(arena, sizeof *v);
    *v = (struct views){.engine = engine, .arena = arena, .query = query};
    int rc = engine->ledger->ops->find(engine->ledger, &find, note_dataset, v, err);
    bool iceberg = *engine->config->iceberg_catalog_uri && strstr(query, "ice.");
    for (size_t i = 0; i < v->n; i++)
        iceberg |= v->items[i].table != NULL;
    if (rc == 0)
        rc = sl_duck_exec(duck, "SET enable_geoparquet_conversion = false", SL_E_DUCKDB, NULL, err);
    if (rc == 0 && iceberg)
        rc = sl_table_attach(engine->config, duck, true, err);
    else if (rc == 0 && on_s3(engine->config))
        rc = sl_table_attach_store(engine->config, duck, err);
    for (size_t i = 0; rc == 0 && i < v->n; i++)
        rc = make_view(&v->items[i], duck, err);
    return rc < 0 ? rc : confine(v, iceberg, duck, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Assets of several objects: made known to the stages after the writing, and fetched from the lake as one table. */
#include "run/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "json/json.h"
#include "lake/lake.h"
#include "store/store.h"

enum { INDEX_MAX_BYTES = 32 << 20, VALUES_AT_ONCE = 200 };

/* ---- of a batch ---- */

static int by_suffix(const void *a, const void *b)
{
    return strcmp(((const struct sl_lake_part *)a)->suffix, ((const struct sl_lake_part *)b)->suffix);
}

int sl_batch_set_parts(struct sl_batch *b, struct sl_planned_asset *a, const struct sl_lake_parts *parts,
                       struct sl_error *err)
{
    struct sl_lake_part *items = sl_arena_array(b->arena, parts->n, sizeof *items);
    struct sl_lake_parts *own = sl_arena_alloc(b->arena, sizeof *own);
    if (parts->n > 0)
        memcpy(items, parts->items, parts->n * sizeof *items);
    qsort(items, parts->n, sizeof *items, by_suffix);
    *own = *parts;
    own->items = items;
    int rc = sl_lake_parts_check(own, err);
    if (rc < 0) {
        sl_error_prefix(err, "%s", a->dataset_id);
        return rc;
    }
    const char *text = sl_lake_parts_index(own, b->arena);
    const char *path = sl_arena_printf(b->arena, "%s/out-%s." SL_LAKE_PARTS_SUFFIX, b->scratch, a->asset_id);
    rc = sl_file_write_durable(path, text, strlen(text), 0600, err);
    if (rc < 0)
        return rc;
    sl_sha256_of(text, strlen(text), a->sha256_hex);
    a->size_bytes = (int64_t)strlen(text);
    a->local_path = path;
    a->parts = own;
    return 0;
}

const char *sl_planned_media_type(const struct sl_planned_asset *a)
{
    return a->parts ? SL_LAKE_PARTS_MEDIA_TYPE : a->table ? SL_TABLE_RECEIPT_MEDIA_TYPE : a->output->kind->media_type;
}

const char *sl_planned_suffix(const struct sl_planned_asset *a)
{
    return a->parts ? SL_LAKE_PARTS_SUFFIX : a->table ? SL_TABLE_RECEIPT_SUFFIX : a->output->kind->extension;
}

char *sl_part_key(struct sl_arena *arena, const char *dataset_id, int64_t version, const struct sl_lake_part *part)
{
    return sl_arena_printf(arena, "%s%s", sl_lake_prefix(arena, dataset_id, version), part->suffix);
}

/* ---- from the lake ---- */

bool sl_asset_has_parts(struct json_object *doc)
{
    return json_object_is_type(sl_json_get(doc, "parts"), json_type_object);
}

const char *sl_asset_rows_media_type(struct json_object *doc)
{
    return sl_asset_has_parts(doc) ? sl_json_str(sl_json_get(doc, "parts"), "media_type", "")
                                   : sl_json_str(doc, "media_type", "");
}

static int checked(struct sl_engine *e, const char *bucket, const char *key, const char *want, const char *path,
                   struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    int rc = sl_store_download(e->store, bucket, key, NULL, path, hex, NULL, err);
    if (rc < 0 && rc != -SL_E_STORE_NOT_FOUND)
        return rc;
    if (rc == 0 && !strcmp(hex, want))
        return 0;
    sl_fail(err, SL_E_VERIFY_FAILED, "%s/%s is %s", bucket, key,
            rc < 0 ? "gone from the lake" : "not what was published: its sha256 differs from the ledger's");
    sl_error_hint(err, "sluice verify --deep tells what else is wrong and how to repair it");
    return -SL_E_VERIFY_FAILED;
}

static int fetch_object(struct sl_engine *e, struct json_object *doc, const char *path, struct sl_error *err)
{
    const char *hash = sl_json_str(doc, "content_hash", "");
    return checked(e, sl_json_str(doc, "bucket", ""), sl_json_str(doc, "s3_key", ""),
                   sl_text_starts(hash, "sha256:") ? hash + strlen("sha256:") : "", path, err);
}

/* The index, by which the parts are known: its hash is in the ledger, theirs are in it. */
static int fetch_index(struct sl_engine *e, struct json_object *doc, const char *folder, struct sl_arena *arena,
                       struct sl_lake_parts *out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    const char *path = sl_path_join(arena, folder, "index.json");
    sl_buf_init(&text, INDEX_MAX_BYTES);
    int rc = fetch_object(e, doc, path, err);
    if (rc == 0)
        rc = sl_file_read(path, &text, err);
    return rc < 0 ? rc : sl_lake_parts_read(text.data, text.len, arena, out, err);
}

static int fetch_parts(struct sl_engine *e, struct json_object *doc, const struct sl_lake_parts *parts,
                       const char *folder, int (*may_go_on)(void *data, struct sl_error *err), void *data,
                       struct sl_error *err)
{
    enum { ASK_EVERY = 64 };
    const char *bucket = sl_json_str(doc, "bucket", ""), *dataset = sl_json_str(doc, "dataset_id", "");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < parts->n; i++) {
        SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
        if (may_go_on && i % ASK_EVERY == 0 && (rc = may_go_on(data, err)) < 0)
            break;
        rc = checked(e, bucket, sl_part_key(arena, dataset, sl_json_int(doc, "version", 0), &parts->items[i]),
                     parts->items[i].sha256_hex, sl_arena_printf(arena, "%s/%05zu.parquet", folder, i), err);
    }
    return rc;
}

/* Types whose values are folders, and what DuckDB calls them. */
static const char *const part_types[][2] = {{"boolean", "BOOLEAN"}, {"smallint", "SMALLINT"}, {"integer", "INTEGER"},
                                            {"bigint", "BIGINT"},   {"date", "DATE"},         {"uuid", "UUID"}};

static const char *duck_type(const char *type)
{
    for (size_t i = 0; i < sizeof part_types / sizeof *part_types; i++)
        if (!strcmp(part_types[i][0], type))
            return part_types[i][1];
    return "VARCHAR";
}

/* file → values, by which the columns of the folders come back. */
static int make_values(struct sl_duck *duck, const struct sl_lake_parts *parts, const char *folder,
                       struct sl_arena *arena, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE TEMP TABLE part_values (\"file of the part\" VARCHAR");
    for (size_t k = 0; k < parts->n_columns; k++) {
        sl_sql_text(&sql, ", ");
        sl_sql_ident(&sql, parts->columns[k].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, duck_type(parts->columns[k].type));
    }
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
    for (size_t i = 0; rc == 0 && i < parts->n; i += VALUES_AT_ONCE) {
        SL_CLEANUP(sl_sql_free) struct sl_sql insert;
        sl_sql_init(&insert, SL_DIALECT_DUCKDB);
        sl_sql_text(&insert, "INSERT INTO part_values VALUES ");
        for (size_t j = i; j < parts->n && j < i + VALUES_AT_ONCE; j++) {
            sl_sql_text(&insert, j > i ? ", (" : "(");
            sl_sql_literal(&insert, sl_arena_printf(arena, "%s/%05zu.parquet", folder, j));
            for (size_t k = 0; k < parts->n_columns; k++) {
                const char *value = NULL;
                sl_sql_text(&insert, ", ");
                if (sl_lake_part_value(parts->items[j].suffix, parts->columns[k].name, arena, &value) && value)
                    sl_sql_literal(&insert, value);
                else
                    sl_sql_text(&insert, "NULL");
            }
            sl_sql_text(&insert, ")");
        }
        rc = sl_sql_check(&insert, err);
        if (rc == 0)
            rc = sl_duck_exec(duck, insert.buf.data, SL_E_DUCKDB, NULL, err);
    }
    return rc;
}

struct listing {
    const struct sl_lake_parts *parts;
    struct sl_sql *sql;
    size_t n;
};

static bool of_a_folder(const struct sl_lake_parts *parts, const char *name)
{
    for (size_t k = 0; k < parts->n_columns; k++)
        if (!strcmp(parts->columns[k].name, name))
            return true;
    return false;
}

static int list_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct listing *l = data;
    if (n < 2 || !values[0] || !values[1])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not describe the columns of a parquet file");
    if (of_a_folder(l->parts, values[0]) || !strcmp(values[0], "file of the part"))
        return 0;
    bool geometry = sl_text_starts(values[1], "GEOMETRY");
    sl_sql_text(l->sql, l->n++ ? ", " : "");
    sl_sql_text(l->sql, geometry ? "ST_AsWKB(p." : "p.");
    sl_sql_ident(l->sql, values[0]);
    sl_sql_text(l->sql, geometry ? ") AS " : "");
    if (geometry)
        sl_sql_ident(l->sql, values[0]);
    return 0;
}

static void from_parts(struct sl_sql *sql, const char *folder, struct sl_arena *arena)
{
    sl_sql_text(sql, " FROM read_parquet(");
    sl_sql_literal(sql, sl_arena_printf(arena, "%s/*.parquet", folder));
    sl_sql_text(sql, ", filename = 'file of the part', hive_partitioning = false)");
}

/* One file of all parts, with the columns of their folders. */
static int join_parts(struct sl_duck *duck, const struct sl_lake_parts *parts, const char *folder, const char *path,
                      struct sl_arena *arena, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql describe;
    SL_CLEANUP(sl_sql_free) struct sl_sql copy;
    struct listing l = {.parts = parts, .sql = &copy};
    sl_sql_init(&describe, SL_DIALECT_DUCKDB);
    sl_sql_init(&copy, SL_DIALECT_DUCKDB);
    sl_sql_text(&describe, "SELECT column_name, column_type FROM (DESCRIBE SELECT *");
    from_parts(&describe, folder, arena);
    sl_sql_text(&describe, ")");
    sl_sql_text(&copy, "COPY (SELECT ");
    int rc = sl_sql_check(&describe, err);
    if (rc == 0)
        rc = sl_duck_query(duck, describe.buf.data, list_column, &l, err);
    for (size_t k = 0; k < parts->n_columns; k++) {
        sl_sql_text(&copy, l.n++ ? ", v." : "v.");
        sl_sql_ident(&copy, parts->columns[k].name);
    }
    from_parts(&copy, folder, arena);
    sl_sql_text(&copy, " AS p JOIN part_values AS v USING (\"file of the part\")) TO ");
    sl_sql_literal(&copy, path);
    sl_sql_text(&copy, " (FORMAT parquet)");
    if (rc == 0)
        rc = sl_sql_check(&copy, err);
    return rc < 0 ? rc : sl_duck_exec(duck, copy.buf.data, SL_E_DUCKDB, NULL, err);
}

static int fetch_together(struct sl_engine *e, struct json_object *doc, const char *folder, const char *path,
                          int (*may_go_on)(void *data, struct sl_error *err), void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_lake_parts parts;
    struct sl_duck *duck = NULL;
    const struct sl_duck_options options = {.threads = (int)e->config->compute_threads,
                                            .memory_bytes = e->config->compute_memory_bytes,
                                            .temp_dir = folder,
                                            .extensions_dir = e->config->duckdb_extensions};
    int rc = sl_dir_make(folder, 0700, err);
    if (rc == 0)
        rc = fetch_index(e, doc, folder, arena, &parts, err);
    if (rc == 0)
        rc = fetch_parts(e, doc, &parts, folder, may_go_on, data, err);
    if (rc == 0)
        rc = sl_duck_open(&options, &duck, err);
    if (rc == 0)
        rc = make_values(duck, &parts, folder, arena, err);
    if (rc == 0)
        rc = join_parts(duck, &parts, folder, path, arena, err);
    sl_duck_close(duck);
    return rc;
}

int sl_asset_fetch_rows(struct sl_engine *e, struct json_object *doc, const char *path,
                        int (*may_go_on)(void *data, struct sl_error *err), void *data, struct sl_error *err)
{
    if (!sl_asset_has_parts(doc))
        return fetch_object(e, doc, path, err);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *folder = sl_arena_printf(arena, "%s.parts", path);
    int rc = fetch_together(e, doc, folder, path, may_go_on, data, err);
    struct sl_error why = {0};
    if (sl_dir_remove(folder, rc ? &why : err) < 0 && rc == 0)
        rc = -SL_E_IO;
    return rc;
}

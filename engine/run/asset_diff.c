/* SPDX-License-Identifier: Apache-2.0 */
/* Two assets compared: by their documents, and by their rows. */
#include <string.h>

#include "base/file.h"
#include "base/uuid7.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "json/json.h"
#include "lake/outputs.h"
#include "run/parts.h"
#include "run/run.h"

/* ---- documents ---- */

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static void compare(struct json_object *out, const char *name, struct json_object *a, struct json_object *b)
{
    struct json_object *o = json_object_new_object();
    bool equal = json_object_equal(a, b);
    sl_json_put(o, "a", json_object_get(a));
    sl_json_put(o, "b", json_object_get(b));
    sl_json_put(o, "equal", json_object_new_boolean(equal));
    sl_json_put(out, name, o);
    if (!equal)
        json_object_array_add(sl_json_get(out, "different"), json_object_new_string(name));
}

static struct json_object *column(struct json_object *columns, const char *name)
{
    for (size_t i = 0; i < length(columns); i++) {
        struct json_object *c = json_object_array_get_idx(columns, i);
        if (!strcmp(sl_json_str(c, "name", ""), name))
            return c;
    }
    return NULL;
}

/* Columns of `from` that `other` lacks. */
static struct json_object *lacking(struct json_object *from, struct json_object *other)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < length(from); i++) {
        struct json_object *c = json_object_array_get_idx(from, i);
        if (!column(other, sl_json_str(c, "name", "")))
            json_object_array_add(list, json_object_get(c));
    }
    return list;
}

static struct json_object *retyped(struct json_object *a, struct json_object *b)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < length(a); i++) {
        struct json_object *c = json_object_array_get_idx(a, i);
        const char *name = sl_json_str(c, "name", "");
        struct json_object *d = column(b, name);
        if (!d || !strcmp(sl_json_str(c, "type", ""), sl_json_str(d, "type", "")))
            continue;
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "name", name);
        sl_json_put_str(o, "a", sl_json_str(c, "type", NULL));
        sl_json_put_str(o, "b", sl_json_str(d, "type", NULL));
        json_object_array_add(list, o);
    }
    return list;
}

static void compare_columns(struct json_object *out, struct json_object *a, struct json_object *b)
{
    struct json_object *o = json_object_new_object();
    bool equal = json_object_equal(a, b);
    sl_json_put(o, "added", lacking(b, a));
    sl_json_put(o, "removed", lacking(a, b));
    sl_json_put(o, "retyped", retyped(a, b));
    sl_json_put(o, "equal", json_object_new_boolean(equal));
    sl_json_put(out, "columns", o);
    if (!equal)
        json_object_array_add(sl_json_get(out, "different"), json_object_new_string("columns"));
}

/* The hashes of what an asset was made of: where it lies in the vault does not matter. */
static struct json_object *input_hashes(struct json_object *doc)
{
    struct json_object *inputs = sl_json_get(doc, "inputs"), *list = json_object_new_array();
    for (size_t i = 0; i < length(inputs); i++)
        json_object_array_add(list, json_object_new_string(sl_json_str(json_object_array_get_idx(inputs, i),
                                                                       "content_hash", "")));
    return list;
}

static struct json_object *which(struct json_object *doc)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "_id", sl_json_str(doc, "_id", NULL));
    sl_json_put_str(o, "dataset_id", sl_json_str(doc, "dataset_id", NULL));
    sl_json_put_int(o, "version", sl_json_int(doc, "version", 0));
    return o;
}

static void compare_runs(struct json_object *out, struct json_object *a, struct json_object *b)
{
    static const char *const members[] = {"recipe", "params", "engine", "crs_policy", "versions"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        compare(out, members[i], a ? sl_json_get(a, members[i]) : NULL, b ? sl_json_get(b, members[i]) : NULL);
}

int sl_asset_diff(struct sl_engine *e, struct json_object *a, struct json_object *b, struct json_object **out,
                  struct sl_error *err)
{
    static const char *const members[] = {"kind",       "crs",          "bounds",         "row_count",
                                          "size_bytes", "content_hash", "geometry_types", "media_type"};
    SL_CLEANUP(sl_json_putp) struct json_object *run_a = NULL, *run_b = NULL, *inputs_a = NULL, *inputs_b = NULL;
    struct sl_ledger *ledger = e->ledger;
    int rc = ledger->ops->get_run(ledger, sl_json_str(a, "run_id", ""), &run_a, err);
    if (rc == 0)
        rc = ledger->ops->get_run(ledger, sl_json_str(b, "run_id", ""), &run_b, err);
    if (rc < 0)
        return rc;
    struct json_object *o = json_object_new_object();
    const char *hash_a = sl_json_str(a, "content_hash", ""), *hash_b = sl_json_str(b, "content_hash", "");
    sl_json_put(o, "a", which(a));
    sl_json_put(o, "b", which(b));
    sl_json_put(o, "equal", json_object_new_boolean(!strcmp(hash_a, hash_b)));
    sl_json_put(o, "different", json_object_new_array());
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        compare(o, members[i], sl_json_get(a, members[i]), sl_json_get(b, members[i]));
    compare_columns(o, sl_json_get(a, "columns"), sl_json_get(b, "columns"));
    compare_runs(o, run_a, run_b);
    inputs_a = input_hashes(a);
    inputs_b = input_hashes(b);
    compare(o, "inputs", inputs_a, inputs_b);
    *out = o;
    return 0;
}

/* ---- rows ---- */

enum { COLUMNS_MAX = 2000 };

struct rows {
    struct sl_duck *duck;
    const char *paths[2];
    struct json_object *types[2];   /* column → type, in order */
    struct json_object *compared;   /* the columns that both have */
};

static int note_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct json_object *types = data;
    if (json_object_object_length(types) >= COLUMNS_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d columns", COLUMNS_MAX);
    if (n >= 2 && values[0] && values[1])
        sl_json_put_str(types, values[0], values[1]);
    return 0;
}

static int describe(struct rows *r, int side, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(");
    sl_sql_literal(&sql, r->paths[side]);
    sl_sql_text(&sql, "))");
    r->types[side] = json_object_new_object();
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_query(r->duck, sql.buf.data, note_column, r->types[side], err);
}

/* A view of the columns that both have; where their types differ, as text. */
static int make_view(struct rows *r, int side, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const char *comma = "";
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, side ? "CREATE VIEW b AS SELECT " : "CREATE VIEW a AS SELECT ");
    for (size_t i = 0; i < length(r->compared); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(r->compared, i));
        bool same = !strcmp(sl_json_str(r->types[0], name, ""), sl_json_str(r->types[1], name, ""));
        sl_sql_text(&sql, comma);
        sl_sql_ident(&sql, name);
        if (!same) {
            sl_sql_text(&sql, "::VARCHAR AS ");
            sl_sql_ident(&sql, name);
        }
        comma = ", ";
    }
    sl_sql_text(&sql, " FROM read_parquet(");
    sl_sql_literal(&sql, r->paths[side]);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_exec(r->duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

static int count(struct rows *r, const char *sql, struct json_object *out, const char *name, struct sl_error *err)
{
    int64_t n = 0;
    int rc = sl_duck_query_int(r->duck, sql, &n, err);
    if (rc == 0)
        sl_json_put_int(out, name, n);
    return rc;
}

static int count_whole(struct rows *r, struct json_object *out, struct sl_error *err)
{
    int rc = count(r, "SELECT count(*) FROM (FROM a EXCEPT ALL FROM b)", out, "only_a", err);
    if (rc == 0)
        rc = count(r, "SELECT count(*) FROM (FROM b EXCEPT ALL FROM a)", out, "only_b", err);
    if (rc == 0)
        rc = count(r, "SELECT count(*) FROM a", out, "both", err);
    if (rc == 0)
        sl_json_put_int(out, "both", sl_json_int(out, "both", 0) - sl_json_int(out, "only_a", 0));
    sl_json_put(out, "changed", NULL);
    return rc;
}

/* A key that is no key would count pairs. */
static int check_key(struct rows *r, const char *key, struct sl_error *err)
{
    for (int side = 0; side < 2; side++) {
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        int64_t twice = 0;
        sl_sql_init(&sql, SL_DIALECT_DUCKDB);
        sl_sql_text(&sql, "SELECT count(*) - count(DISTINCT ");
        sl_sql_ident(&sql, key);
        sl_sql_text(&sql, side ? ") FROM b" : ") FROM a");
        int rc = sl_sql_check(&sql, err);
        if (rc == 0)
            rc = sl_duck_query_int(r->duck, sql.buf.data, &twice, err);
        if (rc < 0)
            return rc;
        if (twice)
            return sl_fail(err, SL_E_USAGE, "--key: \"%s\" is not unique, or null, in %lld rows", key,
                           (long long)twice);
    }
    return 0;
}

static int count_join(struct rows *r, const char *before, const char *key, const char *after, struct json_object *out,
                      const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, before);
    sl_sql_ident(&sql, key);
    sl_sql_text(&sql, after);
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : count(r, sql.buf.data, out, name, err);
}

static int count_by_key(struct rows *r, const char *key, struct json_object *out, struct sl_error *err)
{
    static const char pairs[] = "SELECT count(*) FROM a JOIN b USING (";
    int rc = check_key(r, key, err);
    if (rc == 0)
        rc = count_join(r, "SELECT count(*) FROM a ANTI JOIN b USING (", key, ")", out, "only_a", err);
    if (rc == 0)
        rc = count_join(r, "SELECT count(*) FROM b ANTI JOIN a USING (", key, ")", out, "only_b", err);
    if (rc == 0)
        rc = count_join(r, pairs, key, ") WHERE a = b", out, "both", err);
    if (rc == 0)
        rc = count_join(r, pairs, key, ") WHERE a IS DISTINCT FROM b", out, "changed", err);
    return rc;
}

static int compare_rows(struct rows *r, const char *key, struct json_object *out, struct sl_error *err)
{
    int rc = describe(r, 0, err);
    if (rc == 0)
        rc = describe(r, 1, err);
    if (rc < 0)
        return rc;
    r->compared = json_object_new_array();
    json_object_object_foreach(r->types[0], name, type)
    {
        (void)type;
        if (sl_json_get(r->types[1], name))
            json_object_array_add(r->compared, json_object_new_string(name));
    }
    sl_json_put(out, "compared", json_object_get(r->compared));
    if (length(r->compared) == 0)
        return sl_fail(err, SL_E_USAGE, "the two tables have no column in common");
    if (key && (!sl_json_get(r->types[0], key) || !sl_json_get(r->types[1], key)))
        return sl_fail(err, SL_E_USAGE, "--key: both tables need a column \"%s\"", key);
    for (int side = 0; rc == 0 && side < 2; side++)
        rc = make_view(r, side, err);
    if (rc < 0)
        return rc;
    return key ? count_by_key(r, key, out, err) : count_whole(r, out, err);
}

static int with_files(struct sl_engine *e, struct rows *r, const char *folder, struct json_object *docs[2],
                      const char *key, struct json_object *out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const struct sl_duck_options options = {.threads = (int)e->config->compute_threads,
                                            .memory_bytes = e->config->compute_memory_bytes,
                                            .temp_dir = folder,
                                            .extensions_dir = e->config->duckdb_extensions};
    int rc = sl_dir_make(folder, 0700, err);
    for (int side = 0; rc == 0 && side < 2; side++) {
        r->paths[side] = sl_arena_printf(arena, "%s/%s.parquet", folder, side ? "b" : "a");
        rc = sl_asset_fetch_rows(e, docs[side], r->paths[side], NULL, NULL, err);
    }
    if (rc == 0)
        rc = sl_duck_open(&options, &r->duck, err);
    if (rc == 0)
        rc = compare_rows(r, key, out, err);
    sl_duck_close(r->duck);
    return rc;
}

int sl_asset_diff_rows(struct sl_engine *e, struct json_object *a, struct json_object *b, const char *key,
                       struct json_object **out, struct sl_error *err)
{
    struct json_object *docs[2] = {a, b}, *o = json_object_new_object();
    struct rows r = {0};
    char id[SL_UUID_TEXT_BYTES];
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    int rc = 0;
    for (int side = 0; rc == 0 && side < 2; side++)
        if (!sl_json_get(docs[side], "row_count"))
            rc = sl_fail(err, SL_E_USAGE, "%s v%lld is a %s and has no rows", sl_json_str(docs[side], "dataset_id", ""),
                         (long long)sl_json_int(docs[side], "version", 0), sl_json_str(docs[side], "kind", ""));
    for (int side = 0; rc == 0 && side < 2; side++)
        if (strcmp(sl_asset_rows_media_type(docs[side]), sl_output_geoparquet.media_type) != 0) {
            rc = sl_fail(err, SL_E_USAGE, "%s v%lld is no parquet file, and rows are compared in those only",
                         sl_json_str(docs[side], "dataset_id", ""), (long long)sl_json_int(docs[side], "version", 0));
            sl_error_hint(err, "compare the geoparquet output of the same batch");
        }
    sl_uuid7(id);
    const char *folder = sl_arena_printf(arena, "%s/.diff-%s", e->config->run_scratch, id);
    if (rc == 0)
        rc = with_files(e, &r, folder, docs, key, o, err);
    json_object_put(r.types[0]);
    json_object_put(r.types[1]);
    json_object_put(r.compared);
    struct sl_error why = {0};
    if (sl_dir_remove(folder, rc ? &why : err) < 0 && rc == 0)
        rc = -SL_E_IO;
    if (rc < 0)
        json_object_put(o);
    else
        *out = o;
    return rc;
}

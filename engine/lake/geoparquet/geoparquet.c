/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/geoparquet/geoparquet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/sha256_follow.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "lake/geoparquet/geoparquet_internal.h"

/* Less is hashed sooner than a thread is started. */
enum { DEFAULT_ROW_GROUP_ROWS = 122880, FOLLOWED_ROWS = 20000 };

static bool taken(const struct sl_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (!strcasecmp(table->columns[i].name, name))
            return true;
    return false;
}

const char *sl_geoparquet__covering_name(const struct sl_table *table, char out[SL_COVERING_NAME_BYTES])
{
    snprintf(out, SL_COVERING_NAME_BYTES, "bbox");
    for (int i = 1; taken(table, out); i++)
        snprintf(out, SL_COVERING_NAME_BYTES, "bbox_%d", i);
    return out;
}

static int compression_of(const char *name, const char **out, struct sl_error *err)
{
    static const char *const names[][2] = {
        {"zstd", "zstd"}, {"snappy", "snappy"}, {"gzip", "gzip"}, {"none", "uncompressed"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(names[i][0], name ? name : "zstd")) {
            *out = names[i][1];
            return 0;
        }
    }
    return sl_fail(err, SL_E_USAGE, "\"%s\" is not a compression of parquet: zstd, snappy, gzip or none", name);
}

static void put_source(struct sl_sql *sql, const struct sl_relation *relation, const struct sl_table *table,
                       bool covering)
{
    char name[SL_COVERING_NAME_BYTES];
    sl_sql_text(sql, "SELECT *");
    if (covering) {
        sl_sql_text(sql, ", sl_wkb_box(");
        sl_sql_ident(sql, table->geometry);
        sl_sql_text(sql, ") AS ");
        sl_sql_ident(sql, sl_geoparquet__covering_name(table, name));
    }
    sl_sql_text(sql, " FROM (");
    sl_sql_text(sql, relation->sql);
    sl_sql_text(sql, ")");
}

/* The metadata is ours alone: DuckDB writes a key "geo" only for columns of its own geometry type. */
static int build(struct sl_sql *sql, const struct sl_relation *relation, const struct sl_table *table,
                 struct json_object *geo, const struct sl_geoparquet_options *options, const char *path,
                 struct sl_error *err)
{
    const char *compression = NULL;
    int rc = compression_of(options->compression, &compression, err);
    if (rc)
        return rc;
    sl_sql_text(sql, "COPY (");
    put_source(sql, relation, table, geo && options->covering);
    sl_sql_text(sql, ") TO ");
    sl_sql_literal(sql, path);
    sl_sql_text(sql, " (FORMAT parquet, COMPRESSION ");
    sl_sql_text(sql, compression);
    if (options->compression_level > 0 && !strcmp(compression, "zstd")) {
        sl_sql_text(sql, ", COMPRESSION_LEVEL ");
        sl_sql_int(sql, options->compression_level);
    }
    sl_sql_text(sql, ", ROW_GROUP_SIZE ");
    sl_sql_int(sql, options->row_group_rows > 0 ? options->row_group_rows : DEFAULT_ROW_GROUP_ROWS);
    if (geo) {
        sl_sql_text(sql, ", KV_METADATA {geo: ");
        sl_sql_literal(sql, json_object_to_json_string_ext(geo, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        sl_sql_text(sql, "}");
    }
    sl_sql_text(sql, ")");
    return sl_sql_check(sql, err);
}

static int read_footer(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct sl_geoparquet_facts *facts = data;
    if (n != 2 || !values[0] || !values[1])
        return sl_fail(err, SL_E_OUTPUT_INVALID, "the footer of the written parquet file has no counts");
    facts->rows = strtoll(values[0], NULL, 10);
    facts->row_groups = strtoll(values[1], NULL, 10);
    return 0;
}

/* *follow, which may be NULL, is used up. */
static int inspect(struct sl_duck *duck, const char *path, struct sl_sha256_follow **follow, int64_t rows,
                   struct sl_geoparquet_facts *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_geoparquet_facts facts = {.rows = -1};
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT num_rows, num_row_groups FROM parquet_file_metadata(");
    sl_sql_literal(&sql, path);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query(duck, sql.buf.data, read_footer, &facts, err);
    if (rc == 0 && facts.rows != rows)
        rc = sl_fail(err, SL_E_OUTPUT_INVALID, "%lld rows were written, but the parquet file has %lld",
                     (long long)rows, (long long)facts.rows);
    struct sl_sha256_follow *followed = *follow;
    if (rc == 0 && followed) {
        *follow = NULL;
        rc = sl_sha256_follow_end(followed, facts.sha256_hex, &facts.size_bytes, err);
    } else if (rc == 0) {
        rc = sl_sha256_file(path, facts.sha256_hex, &facts.size_bytes, err);
    }
    if (rc == 0)
        *out = facts;
    return rc;
}

int sl_geoparquet_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                        const struct sl_geometry_facts *geometry, const struct sl_geoparquet_options *options,
                        const char *path, struct sl_geoparquet_facts *facts, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    SL_CLEANUP(sl_sha256_follow_freep) struct sl_sha256_follow *follow = NULL;
    struct json_object *geo = NULL;
    int64_t rows = 0;
    int rc = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    if (table->geometry) {
        struct sl_error why = {0};
        geo = sl_geoparquet_metadata(table, crs, geometry, options, &why);
        if (!geo) {
            if (err)
                *err = why;
            return -(int)why.code;
        }
    }
    if (geo && options->covering)
        rc = sl_duck_add_wkb_box(relation->duck, err);
    if (rc == 0)
        rc = build(&sql, relation, table, geo, options, path, err);
    json_object_put(geo);
    if (rc == 0 && table->rows >= FOLLOWED_ROWS) /* DuckDB writes from the first byte to the last */
        follow = sl_sha256_follow_begin(path);
    if (rc == 0)
        rc = sl_duck_exec_one(relation->duck, sql.buf.data, SL_E_DUCKDB, &rows, err);
    if (rc == 0)
        rc = inspect(relation->duck, path, &follow, rows, facts, err);
    if (rc)
        unlink(path);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table in a Parquet file, as the same stream that GDAL's layers give: GDAL has no driver for it there, DuckDB reads it.
 * A column of a type that tables have no form for comes as text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/vector_internal.h"
#include "geo/sql.h"

enum { MEMORY_BYTES = 128 << 20, MAX_COLUMNS = 1600 };

/* How a type of DuckDB's comes: as it is, or cast. */
static const struct {
    const char *duck, *cast, *sql, *ogr;
} types[] = {
    {"BOOLEAN", NULL, "boolean", "Boolean"},
    {"TINYINT", "SMALLINT", "smallint", "Int16"},
    {"UTINYINT", "SMALLINT", "smallint", "Int16"},
    {"SMALLINT", NULL, "smallint", "Int16"},
    {"USMALLINT", "INTEGER", "integer", "Integer"},
    {"INTEGER", NULL, "integer", "Integer"},
    {"UINTEGER", "BIGINT", "bigint", "Integer64"},
    {"BIGINT", NULL, "bigint", "Integer64"},
    {"FLOAT", NULL, "real", "Float32"},
    {"DOUBLE", NULL, "double precision", "Real"},
    {"VARCHAR", NULL, "text", "String"},
    {"DATE", NULL, "date", "Date"},
    {"TIMESTAMP", NULL, "timestamp", "DateTime"},
    {"TIMESTAMP_S", "TIMESTAMP", "timestamp", "DateTime"},
    {"TIMESTAMP_MS", "TIMESTAMP", "timestamp", "DateTime"},
    {"TIMESTAMP_NS", "TIMESTAMP", "timestamp", "DateTime"},
    {"TIMESTAMP WITH TIME ZONE", NULL, "timestamptz", "DateTime"},
    {"BLOB", NULL, "bytea", "Binary"},
};

struct columns {
    struct sl_vector *v;
    const char **names, **casts;
    size_t n;
};

static size_t find_type(const char *duck, size_t bytes)
{
    size_t i = 0;
    while (i < sizeof types / sizeof *types && (strlen(types[i].duck) != bytes || memcmp(types[i].duck, duck, bytes) != 0))
        i++;
    return i;
}

static int add_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct columns *c = data;
    struct sl_vector *v = c->v;
    if (n < 2 || !values[0] || !values[1])
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not describe the columns of a parquet file");
    if (c->n == MAX_COLUMNS)
        return sl_fail(err, SL_E_LIMIT, "\"%s\" has more than %d columns", v->base_name, MAX_COLUMNS);
    bool list = sl_text_ends(values[1], "[]");
    size_t bytes = strlen(values[1]) - (list ? 2 : 0), t = find_type(values[1], bytes), known = sizeof types / sizeof *types;
    struct sl_vector_field *f = &v->info.fields[c->n];
    const char *cast = t < known ? types[t].cast : sl_text_starts(values[1], "DECIMAL(") && !list ? "DOUBLE" : "VARCHAR";
    const char *sql = t < known ? types[t].sql : !strcmp(cast, "DOUBLE") ? "double precision" : "text";
    list = list && t < known;
    f->type = t < known ? types[t].ogr : !strcmp(cast, "DOUBLE") ? "Real" : "String";
    f->sql_type = list ? sl_arena_printf(v->arena, "%s[]", sql) : sql;
    c->names[c->n] = sl_arena_strdup(v->arena, values[0]);
    c->casts[c->n] = cast && list ? sl_arena_printf(v->arena, "%s[]", cast) : cast;
    c->n++;
    return 0;
}

static void put_from(struct sl_sql *sql, const char *path)
{
    sl_sql_text(sql, " FROM read_parquet(");
    sl_sql_literal(sql, path);
    sl_sql_text(sql, ")");
}

static int describe(struct columns *c, const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT *");
    put_from(&sql, path);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_query(c->v->duck, sql.buf.data, add_column, c, err);
}

static int count(struct sl_vector *v, const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT count(*)");
    put_from(&sql, path);
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : sl_duck_query_int(v->duck, sql.buf.data, &v->info.promised_rows, err);
}

/* The SELECT that the stream is of, with names fit for a table. */
static int make_select(const struct columns *c, const char *path, struct sl_error *err)
{
    struct sl_vector *v = c->v;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const char **fit = sl_arena_array(v->arena, c->n + 1, sizeof *fit);
    sl_vector_column_names(c->names, c->n, v->geometry_column, v->arena, fit);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < c->n; i++) {
        struct sl_vector_field *f = &v->info.fields[i];
        f->name = fit[i];
        f->source_name = strcmp(fit[i], c->names[i]) ? c->names[i] : NULL;
        sl_sql_text(&sql, i ? ", " : "");
        sl_sql_text(&sql, c->casts[i] ? "CAST(" : "");
        sl_sql_ident(&sql, c->names[i]);
        if (c->casts[i]) {
            sl_sql_text(&sql, " AS ");
            sl_sql_text(&sql, c->casts[i]);
            sl_sql_text(&sql, ")");
        }
        sl_sql_text(&sql, " AS ");
        sl_sql_ident(&sql, fit[i]);
    }
    put_from(&sql, path);
    int rc = sl_sql_check(&sql, err);
    v->select = sl_arena_strdup(v->arena, sql.buf.data);
    return rc;
}

int sl_vector__open_parquet(struct sl_vector *v, const char *path, struct sl_error *err)
{
    const struct sl_duck_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES};
    struct columns c = {.v = v};
    struct stat st;
    v->info.layer = sl_path_stem(v->arena, path);
    v->info.geometry_type = "None";
    v->info.fields = sl_arena_array(v->arena, MAX_COLUMNS, sizeof *v->info.fields);
    c.names = sl_arena_array(v->arena, MAX_COLUMNS, sizeof *c.names);
    c.casts = sl_arena_array(v->arena, MAX_COLUMNS, sizeof *c.casts);
    if (stat(path, &st) == 0)
        v->info.file_bytes = st.st_size;
    int rc = sl_duck_open(&options, &v->duck, err);
    if (rc < 0)
        return rc;
    rc = describe(&c, path, err);
    if (rc == 0)
        rc = count(v, path, err);
    if (rc == -(int)SL_E_DUCKDB) {
        sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" cannot be read as Parquet", v->base_name);
        return -SL_E_FILE_FORMAT;
    }
    v->info.n_fields = c.n;
    return rc < 0 ? rc : make_select(&c, path, err);
}

/* ---- the stream ---- */

/* duckdb_arrow_scan never releases the schema that it takes, so that it is kept, and released with the vector. */
static void leave_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct sl_vector *v = stream->private_data;
    if (!v->schema.release && v->inner.get_schema(&v->inner, &v->schema) != 0)
        return EIO;
    *out = v->schema;
    out->release = leave_schema;
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct sl_vector *v = stream->private_data;
    if (v->inner.get_next(&v->inner, out) != 0) {
        sl_fail(&v->failure, SL_E_FILE_DAMAGED, "\"%s\": %s", v->base_name, v->inner.get_last_error(&v->inner));
        return EIO;
    }
    v->ended = !out->release;
    v->rows += out->release ? out->length : 0;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream)
{
    const struct sl_vector *v = stream->private_data;
    return v->failure.code != SL_OK ? v->failure.message : NULL;
}

static void release(struct ArrowArrayStream *stream)
{
    struct sl_vector *v = stream->private_data;
    if (v->inner.release)
        v->inner.release(&v->inner);
    stream->release = NULL;
}

int sl_vector__stream_parquet(struct sl_vector *v, struct ArrowArrayStream *out, struct sl_error *err)
{
    v->rows = 0;
    v->ended = false;
    sl_error_clear(&v->failure);
    int rc = sl_duck_arrow_stream(v->duck, v->select, &v->inner, err);
    if (rc < 0)
        return rc;
    *out = (struct ArrowArrayStream){.get_schema = get_schema,
                                     .get_next = get_next,
                                     .get_last_error = get_last_error,
                                     .release = release,
                                     .private_data = v};
    return 0;
}

void sl_vector__close_parquet(struct sl_vector *v)
{
    if (v->schema.release)
        v->schema.release(&v->schema);
    sl_duck_close(v->duck);
}

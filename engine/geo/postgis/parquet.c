/* SPDX-License-Identifier: Apache-2.0 */
/* A Parquet file of the lake into a table: DuckDB reads it, the rows go in by binary COPY. */
#include <stdio.h>
#include <string.h>

#include <ogr_recordbatch.h>

#include "base/arena.h"
#include "base/text.h"
#include "geo/postgis/postgis_internal.h"

struct field {
    const char *name;
    const char *duck, *postgres; /* what it is read as, and stored as */
};

struct reading {
    struct sl_duck *duck;
    struct sl_arena *arena;
    const struct sl_parquet_file *file;
    struct field *fields;
    size_t n, capacity;
    bool geometry;        /* the file has that column */
    bool is_wkb;          /* and DuckDB gives it as bytes */
};

static const struct {
    const char *read, *duck, *postgres;
} types[] = {{"BOOLEAN", "BOOLEAN", "boolean"},
             {"TINYINT", "SMALLINT", "smallint"},
             {"SMALLINT", "SMALLINT", "smallint"},
             {"UTINYINT", "SMALLINT", "smallint"},
             {"INTEGER", "INTEGER", "integer"},
             {"USMALLINT", "INTEGER", "integer"},
             {"BIGINT", "BIGINT", "bigint"},
             {"UINTEGER", "BIGINT", "bigint"},
             {"FLOAT", "FLOAT", "real"},
             {"DOUBLE", "DOUBLE", "double precision"},
             {"DATE", "DATE", "date"},
             {"TIME", "TIME", "time"},
             {"TIMESTAMP", "TIMESTAMP", "timestamp"},
             {"TIMESTAMP_S", "TIMESTAMP", "timestamp"},
             {"TIMESTAMP_MS", "TIMESTAMP", "timestamp"},
             {"TIMESTAMP_NS", "TIMESTAMP", "timestamp"},
             {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "timestamptz"},
             {"BLOB", "BLOB", "bytea"},
             {"BOOLEAN[]", "BOOLEAN[]", "boolean[]"},
             {"SMALLINT[]", "SMALLINT[]", "smallint[]"},
             {"INTEGER[]", "INTEGER[]", "integer[]"},
             {"BIGINT[]", "BIGINT[]", "bigint[]"},
             {"FLOAT[]", "FLOAT[]", "real[]"},
             {"DOUBLE[]", "DOUBLE[]", "double precision[]"},
             {"VARCHAR[]", "VARCHAR[]", "text[]"}};

/* What has no type here is text. */
static struct field field_of(struct sl_arena *arena, const char *name, const char *type)
{
    struct field f = {.name = sl_arena_strdup(arena, name), .duck = "VARCHAR", .postgres = "text"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].read, type)) {
            f.duck = types[i].duck;
            f.postgres = types[i].postgres;
        }
    if (sl_text_starts(type, "DECIMAL(") && !strchr(type, '[')) {
        f.duck = "DOUBLE";
        f.postgres = "double precision";
    }
    return f;
}

static int note_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct reading *r = data;
    const char *name = n > 1 ? values[0] : NULL, *type = n > 1 ? values[1] : NULL;
    if (!name || !type)
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not describe the columns of a parquet file");
    if (r->file->geometry && !strcmp(name, r->file->geometry)) {
        r->geometry = true;
        r->is_wkb = !strcmp(type, "BLOB");
        return 0;
    }
    if (sl_text_starts(type, "STRUCT("))
        return 0;
    if (r->n == r->capacity)
        return sl_fail(err, SL_E_LIMIT, "a parquet file with more than %zu columns", r->capacity);
    r->fields[r->n++] = field_of(r->arena, name, type);
    return 0;
}

static void from_file(struct sl_sql *sql, const char *path)
{
    sl_sql_text(sql, " FROM read_parquet(");
    sl_sql_literal(sql, path);
    sl_sql_text(sql, ")");
}

static int describe(struct reading *r, struct sl_error *err)
{
    enum { MOST = 1600 };
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    r->capacity = MOST;
    r->fields = sl_arena_array(r->arena, r->capacity, sizeof *r->fields);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT *");
    from_file(&sql, r->file->path);
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_query(r->duck, sql.buf.data, note_column, r, err);
    if (rc == 0 && r->file->geometry && !r->geometry)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "there is no column \"%s\" in it", r->file->geometry);
    return rc;
}

static int create_table(struct sl_postgis_session *s, const struct reading *r, const char *table, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, sl_postgis__create(s));
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, " (");
    for (size_t i = 0; i < r->n; i++) {
        sl_sql_text(&sql, i ? ", " : "");
        sl_sql_ident(&sql, r->fields[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, r->fields[i].postgres);
    }
    if (r->geometry) {
        sl_sql_text(&sql, r->n ? ", " : "");
        sl_sql_ident(&sql, r->file->as);
        sl_sql_text(&sql, " geometry");
    }
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_pg_query(s->pg, sql.buf.data, 0, NULL, NULL, err);
}

static int copy(struct sl_postgis_session *s, const struct reading *r, const char *table, int64_t *rows, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct ArrowArrayStream stream = {0};
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < r->n; i++) {
        sl_sql_text(&sql, i ? ", CAST(" : "CAST(");
        sl_sql_ident(&sql, r->fields[i].name);
        sl_sql_text(&sql, " AS ");
        sl_sql_text(&sql, r->fields[i].duck);
        sl_sql_text(&sql, ")");
    }
    if (r->geometry) {
        sl_sql_text(&sql, r->n ? ", " : "");
        sl_sql_text(&sql, r->is_wkb ? "(" : "ST_AsWKB(");
        sl_sql_ident(&sql, r->file->geometry);
        sl_sql_text(&sql, ")");
    }
    from_file(&sql, r->file->path);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_arrow_stream(r->duck, sql.buf.data, &stream, err);
    if (rc)
        return rc;
    rc = sl_postgis__copy(s->pg, s->name, table, false, &stream, rows, err);
    stream.release(&stream);
    return rc;
}

/* WKB has no SRID. */
static int set_srid(struct sl_postgis_session *s, const struct sl_parquet_file *file, const char *table, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int srid = 0;
    int rc = sl_postgis__srid_ensure(s->postgis, file->crs, &srid, err);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "ALTER TABLE ");
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, " ALTER COLUMN ");
    sl_sql_ident(&sql, file->as);
    sl_sql_text(&sql, " TYPE geometry USING ST_SetSRID(");
    sl_sql_ident(&sql, file->as);
    sl_sql_text(&sql, ", ");
    sl_sql_int(&sql, srid);
    sl_sql_text(&sql, ")");
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_pg_query(s->pg, sql.buf.data, 0, NULL, NULL, err);
}

int sl_postgis__load_parquet(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                             int64_t *rows_out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct reading r = {.arena = arena, .file = file};
    int64_t rows = 0;
    int rc = sl_postgis__reset(s, err);
    if (rc == 0)
        rc = sl_postgis__duck(s, &r.duck, err);
    if (rc == 0)
        rc = describe(&r, err);
    if (rc == 0)
        rc = create_table(s, &r, table, err);
    if (rc == 0)
        rc = copy(s, &r, table, &rows, err);
    if (rc == 0 && r.geometry && file->crs)
        rc = set_srid(s, file, table, err);
    if (rc == 0)
        *rows_out = rows;
    return rc;
}

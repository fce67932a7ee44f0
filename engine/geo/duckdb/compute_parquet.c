/* SPDX-License-Identifier: Apache-2.0 */
/* A Parquet file of the lake into a table of the session. */
#include <string.h>

#include "base/text.h"
#include "geo/duckdb/compute_internal.h"

struct columns {
    const struct sl_parquet_file *file;
    struct sl_sql *sql; /* the SELECT's list so far */
    bool geometry;      /* the file has that column */
    bool is_wkb;        /* and it is read as bytes */
};

static int put_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct columns *c = data;
    const char *name = n > 1 ? values[0] : NULL, *type = n > 1 ? values[1] : NULL;
    if (!name || !type)
        return sl_fail(err, SL_E_DUCKDB, "duckdb does not describe the columns of a parquet file");
    if (c->file->geometry && !strcmp(name, c->file->geometry)) {
        c->geometry = true;
        c->is_wkb = !strcmp(type, "BLOB");
    } else if (!sl_text_starts(type, "STRUCT(")) {
        sl_sql_ident(c->sql, name);
        sl_sql_text(c->sql, ", ");
    }
    return 0;
}

static void from_file(struct sl_sql *sql, const char *path)
{
    sl_sql_text(sql, " FROM read_parquet(");
    sl_sql_literal(sql, path);
    sl_sql_text(sql, ")");
}

/* By way of WKB the column has no CRS in its type, as all others here. */
static void put_geometry(const struct columns *c)
{
    sl_sql_text(c->sql, c->is_wkb ? "ST_GeomFromWKB(" : "ST_GeomFromWKB(ST_AsWKB(");
    sl_sql_ident(c->sql, c->file->geometry);
    sl_sql_text(c->sql, c->is_wkb ? ") AS " : ")) AS ");
    sl_sql_ident(c->sql, c->file->as);
}

int sl_duckdb__load_parquet(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                            int64_t *rows_out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql describe;
    SL_CLEANUP(sl_sql_free) struct sl_sql create;
    struct columns c = {.file = file, .sql = &create};
    int64_t rows = 0;
    sl_sql_init(&describe, SL_DIALECT_DUCKDB);
    sl_sql_init(&create, SL_DIALECT_DUCKDB);
    sl_sql_text(&describe, "SELECT column_name, column_type FROM (DESCRIBE SELECT *");
    from_file(&describe, file->path);
    sl_sql_text(&describe, ")");
    sl_sql_text(&create, "CREATE TABLE ");
    sl_sql_table(&create, s->name, table);
    sl_sql_text(&create, " AS SELECT ");
    int rc = sl_sql_check(&describe, err);
    if (rc == 0)
        rc = sl_duck_query(s->duck, describe.buf.data, put_column, &c, err);
    if (rc == 0 && file->geometry && !c.geometry)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "there is no column \"%s\" in it", file->geometry);
    if (rc < 0)
        return rc;
    if (c.geometry)
        put_geometry(&c);
    from_file(&create, file->path);
    rc = sl_sql_check(&create, err);
    if (rc == 0)
        rc = sl_duck_exec_one(s->duck, create.buf.data, SL_E_DUCKDB, &rows, err);
    if (rc == 0)
        *rows_out = rows;
    return rc;
}

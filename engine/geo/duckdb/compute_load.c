/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ogr_recordbatch.h>

#include "base/arena.h"
#include "base/text.h"
#include "geo/duckdb/compute_internal.h"
#include "geo/gdal/vector.h"

#define LAYER "sl_layer"

static void release_stream(struct ArrowArrayStream *stream)
{
    if (stream->release)
        stream->release(stream);
}

static void put_create(struct sl_sql *sql, const struct sl_duckdb_session *s, const struct sl_vector_info *info,
                       const char *geometry, bool view, const char *table)
{
    sl_sql_text(sql, view ? "CREATE VIEW " : "CREATE TABLE ");
    sl_sql_table(sql, s->name, table);
    sl_sql_text(sql, " AS SELECT ");
    for (size_t i = 0; i < info->n_fields; i++) {
        sl_sql_text(sql, i ? ", " : "");
        sl_sql_ident(sql, info->fields[i].name);
    }
    if (info->has_geometry && s->duckdb->bare) {
        sl_sql_text(sql, info->n_fields ? ", " : "");
        sl_sql_ident(sql, geometry);
    } else if (info->has_geometry) {
        sl_sql_text(sql, info->n_fields ? ", ST_GeomFromWKB(" : "ST_GeomFromWKB(");
        sl_sql_ident(sql, geometry);
        sl_sql_text(sql, ") AS ");
        sl_sql_ident(sql, geometry);
    }
    sl_sql_text(sql, " FROM " LAYER);
}

/* The reader's own failure is the cause of the statement's. */
static int read_failed(struct sl_vector *vector, int rc, struct sl_error *err)
{
    struct sl_error cause = {0};
    int64_t rows;
    int finished = sl_vector_finish(vector, &rows, &cause);
    if (finished < 0 && cause.code != SL_E_INTERNAL) {
        if (err)
            *err = cause;
        return finished;
    }
    return rc;
}

/* Where there is no type for geometry, the column's name tells it. */
static void remember(struct sl_duckdb_session *s, const struct sl_vector *vector, const struct sl_crs *crs)
{
    static const char epsg[] = "EPSG:";
    bool there = s->duckdb->bare && sl_vector_info(vector)->has_geometry;
    snprintf(s->geometry, sizeof s->geometry, "%s", there ? sl_vector_geometry_column(vector) : "");
    s->srid = crs && crs->id && sl_text_starts(crs->id, epsg) ? atoi(crs->id + strlen(epsg)) : 0;
}

/* The statement that makes the table or view, and the stream that it reads. */
static int prepare(struct sl_duckdb_session *s, struct sl_vector *vector, const struct sl_crs *crs, bool view,
                   const char *table, struct sl_sql *sql, struct ArrowArrayStream *stream, struct sl_error *err)
{
    const struct sl_vector_info *info = sl_vector_info(vector);
    if (info->n_fields == 0 && !info->has_geometry)
        return sl_fail(err, SL_E_FILE_LAYER, "layer \"%s\" has neither fields nor geometry", info->layer);
    put_create(sql, s, info, sl_vector_geometry_column(vector), view, table);
    sl_vector_set_srid(vector, 0);
    sl_vector_leave_measures(vector, s->duckdb->bare);
    remember(s, vector, crs);
    int rc = sl_sql_check(sql, err);
    if (rc == 0)
        rc = sl_vector_stream(vector, stream, err);
    return rc ? rc : sl_duck_arrow_view(s->duck, LAYER, stream, err);
}

int sl_duckdb__load(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                    const char *table, int64_t *rows_out, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(release_stream) struct ArrowArrayStream stream = {0};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t read = 0, stored = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = prepare(s, vector, crs, false, table, &sql, &stream, err);
    if (rc)
        return rc;
    rc = sl_duck_exec_one(s->duck, sql.buf.data, SL_E_DUCKDB, &stored, err);
    if (rc)
        return read_failed(vector, rc, err);
    rc = sl_duck_exec(s->duck, "DROP VIEW " LAYER, SL_E_DUCKDB, NULL, err);
    if (rc == 0)
        rc = sl_vector_finish(vector, &read, err);
    if (rc == 0 && stored != read)
        rc = sl_fail(err, SL_E_ROWS_LOST, "%lld rows were read, but table \"%s\" has %lld", (long long)read, table,
                     (long long)stored);
    if (rc)
        return rc;
    s->measured = sl_vector_info(vector)->measured_left;
    *rows_out = stored;
    return 0;
}

/* ---- read in place ------------------------------------------------------------------------------------------------ */

static void end_stream(struct sl_duckdb_session *s)
{
    release_stream(s->stream);
    free(s->stream);
    s->stream = NULL;
}

int sl_duckdb__load_view(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                         const char *table, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    s->stream = sl_xcalloc(1, sizeof *s->stream);
    int rc = prepare(s, vector, crs, true, table, &sql, s->stream, err);
    if (rc == 0)
        rc = sl_duck_exec_one(s->duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
    if (rc)
        end_stream(s);
    return rc;
}

int sl_duckdb__load_view_end(struct sl_compute_session *session, struct sl_vector *vector, const char *table, int outcome,
                             int64_t *rows, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int rc = outcome ? read_failed(vector, outcome, err) : sl_vector_finish(vector, rows, err);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "DROP VIEW ");
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, "; DROP VIEW " LAYER);
    int dropped = sl_sql_check(&sql, rc ? NULL : err);
    if (dropped == 0)
        dropped = sl_duck_exec(s->duck, sql.buf.data, SL_E_DUCKDB, NULL, rc ? NULL : err);
    end_stream(s);
    return rc ? rc : dropped;
}

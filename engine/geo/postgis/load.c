/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ogr_recordbatch.h>

#include "base/text.h"
#include "geo/gdal/vector.h"
#include "geo/postgis/postgis_internal.h"

enum { SMALL_BYTES = 1 << 20 };

static void release_stream(struct ArrowArrayStream *stream)
{
    if (stream->release)
        stream->release(stream);
}

static int create_table(struct sl_postgis_session *s, const struct sl_vector_info *info, const char *geometry,
                        const char *table, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, sl_postgis__create(s));
    sl_sql_table(&sql, s->name, table);
    sl_sql_text(&sql, " (");
    for (size_t i = 0; i < info->n_fields; i++) {
        sl_sql_text(&sql, i ? ", " : "");
        sl_sql_ident(&sql, info->fields[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, info->fields[i].sql_type);
    }
    if (info->has_geometry) {
        sl_sql_text(&sql, info->n_fields ? ", " : "");
        sl_sql_ident(&sql, geometry);
        sl_sql_text(&sql, " geometry");
    }
    sl_sql_text(&sql, ")");
    int rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_pg_query(s->pg, sql.buf.data, 0, NULL, NULL, err);
}

/* The reader's own failure is the cause of the statement's; but a lost server is told as such. */
static int copy_failed(struct sl_vector *vector, int rc, struct sl_error *err)
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

/* The table and its rows. Rows of a table that is made in the same transaction are stored as seen by all: who reads them
 * first need not write each page once more to say so. A small table is logged, and better off without a transaction
 * that holds its pages back for the end. */
static int fill(struct sl_postgis_session *s, struct sl_vector *vector, const char *table, struct ArrowArrayStream *stream,
                int64_t *stored, struct sl_error *err)
{
    bool whole = !s->small;
    int rc = whole ? sl_pg_begin(s->pg, err) : 0;
    if (rc == 0)
        rc = create_table(s, sl_vector_info(vector), sl_vector_geometry_column(vector), table, err);
    if (rc == 0) {
        rc = sl_vector_stream(vector, stream, err);
        if (rc == 0)
            rc = sl_postgis__copy(s->pg, s->name, table, whole, stream, stored, err);
        rc = rc ? copy_failed(vector, rc, err) : 0;
    }
    if (rc == 0 && whole)
        rc = sl_pg_commit(s->pg, err);
    if (rc && whole)
        sl_pg_rollback(s->pg);
    return rc;
}

int sl_postgis__load(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                     const char *table, int64_t *rows_out, struct sl_error *err)
{
    struct sl_postgis_session *s = sl_postgis__session(session);
    const struct sl_vector_info *info = sl_vector_info(vector);
    SL_CLEANUP(release_stream) struct ArrowArrayStream stream = {0};
    int srid = 0;
    int64_t read = 0, stored = 0;
    int rc = sl_postgis__reset(s, err);
    s->small = info->file_bytes < SMALL_BYTES;
    if (rc == 0 && info->n_fields == 0 && !info->has_geometry)
        rc = sl_fail(err, SL_E_FILE_LAYER, "layer \"%s\" has neither fields nor geometry", info->layer);
    if (rc == 0 && info->has_geometry && crs)
        rc = sl_postgis__srid_ensure(s->postgis, crs, &srid, err);
    if (rc)
        return rc;
    sl_vector_set_srid(vector, srid);
    rc = fill(s, vector, table, &stream, &stored, err);
    if (rc)
        return rc;
    rc = sl_vector_finish(vector, &read, err);
    if (rc == 0 && stored != read)
        rc = sl_fail(err, SL_E_ROWS_LOST, "%lld rows were read, but table \"%s\" has %lld", (long long)read, table,
                     (long long)stored);
    if (rc == 0)
        *rows_out = stored;
    return rc;
}

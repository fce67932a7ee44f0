/* SPDX-License-Identifier: Apache-2.0 */
/* postgis_internal.h - what the files of the PostGIS compute engine share. */
#ifndef SLUICE_GEO_POSTGIS_POSTGIS_INTERNAL_H
#define SLUICE_GEO_POSTGIS_POSTGIS_INTERNAL_H

#include <pthread.h>

#include "base/arena.h"
#include "geo/crs.h"
#include "geo/postgis/postgis.h"
#include "geo/sql.h"
#include "geo/table.h"

enum { SL_POSTGIS_PASSWORD_BYTES = 65 };

/* The name of the attached database within DuckDB. */
#define SL_POSTGIS_ATTACHED "pg"

enum { SL_POSTGIS_SRIDS = 16 };

/* A system's SRID in spatial_ref_sys. */
struct sl_postgis__srid {
    char id[32]; /* "EPSG:25833" */
    int srid;
};

struct sl_postgis {
    struct sl_compute compute;
    struct sl_arena *arena;
    struct sl_postgis_options options;
    struct sl_pg *admin; /* as the role that may make roles and schemas; NULL until needed */
    /* What the server said over that connection, asked again over the next one. */
    bool knows_versions;
    struct sl_compute_versions versions;
    char database[64], extension_schema[64];
    struct sl_postgis__srid srids[SL_POSTGIS_SRIDS];
    size_t n_srids;
    struct sl_postgis_session *idle; /* of the last run, cleared, for the next; or NULL */
};

/* DuckDB with its extension, which takes a while to check and to link: opened while the layer is loaded. */
struct sl_postgis__opening {
    struct sl_postgis_session *session;
    struct sl_duck_options options;
    PQconninfoOption *info;
    char *scratch;
    pthread_t thread;
    bool under_way, threaded;
    int rc;
    struct sl_error why;
};

struct sl_postgis_session {
    struct sl_compute_session session;
    struct sl_postgis *postgis;
    char name[SL_PROC_NAME_BYTES]; /* of the schema and of the role */
    char password[SL_POSTGIS_PASSWORD_BYTES];
    struct sl_pg *pg; /* as the run's role */
    bool touched;     /* SQL that is not the engine's own ran since the settings were put back */
    bool small;       /* little came in: see sl_postgis__create */
    struct sl_postgis__opening opening;
    struct sl_duck *duck; /* by sl_postgis__duck only */
};

/* "CREATE TABLE ": unlogged, unless the run is small. Each unlogged table syncs files of its own when it is made, which
 * costs more than the log of a few rows, that need not wait for the disk. */
const char *sl_postgis__create(const struct sl_postgis_session *session);
/* The connection as the role that may make roles and schemas, opened anew when it is gone. Borrowed. */
int sl_postgis__admin(struct sl_postgis *postgis, struct sl_pg **out, struct sl_error *err);
/* The session's DuckDB, when it is open; why it could not be opened is told here. Borrowed. */
int sl_postgis__duck(struct sl_postgis_session *session, struct sl_duck **out, struct sl_error *err);
/* Closes an idle session's connections and drops its role. NULL is allowed. */
void sl_postgis__discard(struct sl_postgis_session *session);
/* Ends the role's connections, drops schema, role and all it owns. Nothing there is fine. */
int sl_postgis__drop(struct sl_pg *admin, const char *name, struct sl_error *err);
/* What a recipe's SQL may have changed in the session is put back (its own time-out, search_path). Free when none ran. */
int sl_postgis__reset(struct sl_postgis_session *session, struct sl_error *err);

int sl_postgis__begin(struct sl_compute *compute, const char *run_id, const char *scratch,
                      struct sl_compute_session **out, struct sl_error *err);
int sl_postgis__end(struct sl_compute_session *session, bool keep, struct sl_error *err);
int sl_postgis__sweep(struct sl_compute *compute,
                      int (*orphan)(void *data, const char *run_id, struct sl_error *err), void *data, bool dry_run,
                      int64_t *dropped, int64_t *foreign,
                      struct sl_error *err);
/* Sends the stream's rows to a table by binary COPY. *rows are those that the server stored. frozen: the table was made in
 * the transaction that this is in. */
int sl_postgis__copy(struct sl_pg *pg, const char *schema, const char *table, bool frozen, struct ArrowArrayStream *stream,
                     int64_t *rows, struct sl_error *err);
int sl_postgis__load(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                     const char *table, int64_t *rows_out, struct sl_error *err);
int sl_postgis__load_parquet(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                             int64_t *rows_out, struct sl_error *err);
int sl_postgis__describe(struct sl_compute_session *session, const char *table, bool count_rows,
                         struct sl_arena *arena, struct sl_table *out, struct sl_error *err);
int sl_postgis__describe_query(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                               struct sl_table *out, struct sl_error *err);
int sl_postgis__transform(struct sl_compute_session *session, const char *select, const char *table,
                          int64_t *rows_out, struct sl_error *err);
int sl_postgis__execute(struct sl_compute_session *session, const char *sql, struct sl_error *err);
int sl_postgis__query_int(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err);
int sl_postgis__geometry_facts(struct sl_compute_session *session, const struct sl_table *table,
                               const struct sl_crs *crs, struct sl_geometry_facts *out, struct sl_error *err);
int sl_postgis__relation(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                         struct sl_arena *arena, struct sl_relation *out, struct sl_error *err);
int sl_postgis__srid(struct sl_compute *compute, const struct sl_crs *crs, int *srid, struct sl_error *err);
/* As sl_postgis__srid, but makes a private SRID when there is none. */
int sl_postgis__srid_ensure(struct sl_postgis *postgis, const struct sl_crs *crs, int *srid,
                            struct sl_error *err);

static inline struct sl_postgis_session *sl_postgis__session(struct sl_compute_session *session)
{
    return (struct sl_postgis_session *)(void *)session;
}

#endif

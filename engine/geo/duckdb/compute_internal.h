/* SPDX-License-Identifier: Apache-2.0 */
/* compute_internal.h - what the files of the DuckDB compute engine share. */
#ifndef SLUICE_GEO_DUCKDB_COMPUTE_INTERNAL_H
#define SLUICE_GEO_DUCKDB_COMPUTE_INTERNAL_H

#include <pthread.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "geo/crs.h"
#include "geo/duckdb/compute.h"
#include "geo/proc.h"
#include "geo/sql.h"
#include "geo/table.h"

struct ArrowArrayStream;

struct sl_duckdb {
    struct sl_compute compute;
    struct sl_arena *arena;
    struct sl_duckdb_options options;
    struct sl_compute_versions versions;
    bool bare; /* without the spatial extension: for what needs no SQL */
    struct stat checked; /* the extension's file, when DuckDB checked its signature */
};

/* Interrupts a statement that takes too long. A thread of its own waits for the deadline. */
struct sl_duckdb__watch {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct sl_duck *duck;
    int64_t deadline_ns; /* monotonic; 0: no statement runs */
    bool over, fired, started;
};

struct sl_duckdb_session {
    struct sl_compute_session session;
    struct sl_duckdb *duckdb;
    char name[SL_PROC_NAME_BYTES]; /* of the schema */
    char *file;                    /* of the database */
    struct sl_duck *duck;
    struct sl_duckdb__watch watch;
    /* Of a bare session: the column of WKB in what was loaded, the code of its system, and how many lost an M. */
    char geometry[64];
    int srid;
    int64_t measured;
    struct ArrowArrayStream *stream; /* of a layer that is read in place; NULL: none is */
    /* What the last sl_duckdb__geometry_facts found, for the order of the rows of the same table. */
    char bounds_of[64];
    double bounds[4];
};

/* Is the extension's file the one that was checked? The check takes half a second, and every session would have it. */
bool sl_duckdb__checked(const struct sl_duckdb *duckdb);
int sl_duckdb__begin(struct sl_compute *compute, const char *run_id, const char *scratch,
                     struct sl_compute_session **out, struct sl_error *err);
int sl_duckdb__end(struct sl_compute_session *session, bool keep, struct sl_error *err);
/* A statement of the session's: between watch and unwatch it is interrupted after the time-out. unwatch gives `rc`, or
 * SL_E_STEP_TIMEOUT when that happened. */
void sl_duckdb__watch(struct sl_duckdb_session *session);
int sl_duckdb__unwatch(struct sl_duckdb_session *session, int rc, struct sl_error *err);
/* SL_E_STEP_SQL unless the text is one query that reads no more than the session's tables: see compute_guard.c. */
int sl_duckdb__guard(struct sl_duckdb_session *session, const char *select, struct sl_error *err);

int sl_duckdb__load(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                    const char *table, int64_t *rows_out, struct sl_error *err);
int sl_duckdb__load_view(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                         const char *table, struct sl_error *err);
int sl_duckdb__load_view_end(struct sl_compute_session *session, struct sl_vector *vector, const char *table, int outcome,
                             int64_t *rows, struct sl_error *err);
int sl_duckdb__load_parquet(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                            int64_t *rows_out, struct sl_error *err);
int sl_duckdb__describe(struct sl_compute_session *session, const char *table, bool count_rows, struct sl_arena *arena,
                        struct sl_table *out, struct sl_error *err);
int sl_duckdb__describe_query(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                              struct sl_table *out, struct sl_error *err);
int sl_duckdb__transform(struct sl_compute_session *session, const char *select, const char *table, int64_t *rows_out,
                         struct sl_error *err);
int sl_duckdb__execute(struct sl_compute_session *session, const char *sql, struct sl_error *err);
int sl_duckdb__query_int(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err);
int sl_duckdb__geometry_facts(struct sl_compute_session *session, const struct sl_table *table,
                              const struct sl_crs *crs, struct sl_geometry_facts *out, struct sl_error *err);
int sl_duckdb__relation(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                        struct sl_arena *arena, struct sl_relation *out, struct sl_error *err);

/* The operations of a bare session in place of those with SQL. */
void sl_duckdb__make_bare(struct sl_compute_ops *ops);

static inline struct sl_duckdb_session *sl_duckdb__session(struct sl_compute_session *session)
{
    return (struct sl_duckdb_session *)(void *)session;
}

#endif

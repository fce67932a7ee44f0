/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/compute.h - the port to what runs a recipe's SQL: PostGIS, or DuckDB's spatial extension.
 *
 * A session belongs to one run and owns one ephemeral schema, `proc_<run_id with _ for ->`, whose tables only it sees.
 * It also has a sl_duck, through which rows go out (a relation that DuckDB can read). Ending a
 * session drops the schema whatever happened; what a killed process leaves is found by `sweep`. SQL that comes from a
 * recipe's author runs with no more rights than the session's own schema. Threads: one session, one thread.
 */
#ifndef SLUICE_SYS_COMPUTE_H
#define SLUICE_SYS_COMPUTE_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

struct sl_arena;
struct sl_crs;
struct sl_duck;
struct sl_table;
struct sl_vector;

struct sl_compute {
    const struct sl_compute_ops *ops;
    int64_t expected_bytes; /* of all tables of the next session, for the caller to set before `begin`; 0: nobody knows */
    /* the implementation's own follows */
};

struct sl_compute_session {
    const struct sl_compute *compute;
    const char *schema; /* "proc_0199…" */
    /* the implementation's own follows */
};

struct sl_compute_versions {
    char postgis[64], postgres[64], geos[64], proj[64], duckdb[64]; /* empty where it does not apply */
    char spatial[64]; /* DuckDB's extension, which has a GEOS of its own */
};

struct sl_relation {
    const char *sql;      /* a SELECT that DuckDB runs: the columns in order, geometry as WKB (XY or XYZ) under its own
                             name, types that Parquet has no form for as text, rows in their order */
    struct sl_duck *duck; /* where to run it; the session's */
};

/* TABLE: as the SELECT that made the table put its rows; only where that SELECT had an order without ties. */
enum sl_row_order { SL_ORDER_NONE, SL_ORDER_HILBERT, SL_ORDER_TABLE };

struct sl_geometry_facts {
    bool any;             /* false: no geometry or all empty; then bounds are unset */
    double bounds[4];     /* in the table's CRS */
    double bounds_wgs84[4];
    char types[256];      /* "Polygon,MultiPolygon Z" as GeoParquet spells them, sorted */
    int64_t null_count, empty_count;
    int64_t measured_count; /* with M, which a relation leaves out: GeoParquet has none */
};

/* A GeoParquet file of the lake, fetched and checked. */
struct sl_parquet_file {
    const char *path;
    const char *geometry;     /* its column of WKB; NULL: there is none */
    const char *as;           /* what that is called in the table */
    const struct sl_crs *crs; /* of it; NULL only without */
};

struct sl_compute_ops {
    const char *name;    /* "postgis", "duckdb" */
    int dialect;         /* enum sl_dialect */
    bool keeps_schema;   /* a schema that `end` keeps can be looked at afterwards */

    /* Must provide. */
    int (*versions)(struct sl_compute *compute, struct sl_compute_versions *out, struct sl_error *err);
    /* Must provide. Makes the schema (an older one of the same run is dropped first). scratch: the run's own folder. */
    int (*begin)(struct sl_compute *compute, const char *run_id, const char *scratch, struct sl_compute_session **out,
                 struct sl_error *err);
    /* Must provide. Streams the layer into a new table: its fields, then the geometry with the SRID of crs. A CRS
     * without a code gets a private SRID. rows_out are those in the table. SL_E_ROWS_LOST when they are not those read. */
    int (*load)(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs,
                const char *table, int64_t *rows_out, struct sl_error *err);
    /* May provide; if absent, `load` comes first. The layer under the name of a table, not stored: one statement may read it,
     * once and in one place. Whatever that gave (`outcome`), load_view_end takes the name away: *rows are those that were
     * read; the reader's own failure, if that is the cause of outcome, else outcome itself. Then the layer may be loaded. */
    int (*load_view)(struct sl_compute_session *session, struct sl_vector *vector, const struct sl_crs *crs, const char *table,
                     struct sl_error *err);
    int (*load_view_end)(struct sl_compute_session *session, struct sl_vector *vector, const char *table, int outcome,
                         int64_t *rows, struct sl_error *err);
    /* Must provide. The file's rows into a new table: its columns but structures (a covering is one), then the geometry. */
    int (*load_parquet)(struct sl_compute_session *session, const struct sl_parquet_file *file, const char *table,
                        int64_t *rows_out, struct sl_error *err);
    /* Must provide. Columns in order. SL_E_STEP_SQL when there is no such table. */
    int (*describe)(struct sl_compute_session *session, const char *table, bool count_rows, struct sl_arena *arena,
                    struct sl_table *out, struct sl_error *err);
    /* Must provide. The columns that a SELECT would give, in order, with the name of the geometry column; it is not run, and
     * the SRID is not known. SL_E_STEP_SQL when the engine does not take it. */
    int (*describe_query)(struct sl_compute_session *session, const char *select, struct sl_arena *arena,
                          struct sl_table *out, struct sl_error *err);
    /* Must provide. Makes `table` from a SELECT. */
    int (*transform)(struct sl_compute_session *session, const char *select, const char *table, int64_t *rows_out,
                     struct sl_error *err);
    /* Must provide. One statement without result (an index). */
    int (*execute)(struct sl_compute_session *session, const char *sql, struct sl_error *err);
    /* Must provide. The first column of the first row, NULL as 0. */
    int (*query_int)(struct sl_compute_session *session, const char *sql, int64_t *out, struct sl_error *err);
    /* Must provide. Extent, types and counts of a table's geometry. crs: the table's. */
    int (*geometry_facts)(struct sl_compute_session *session, const struct sl_table *table, const struct sl_crs *crs,
                          struct sl_geometry_facts *out, struct sl_error *err);
    /* Must provide. The same rows in the same order every time: ties are broken by all other columns. */
    int (*relation)(struct sl_compute_session *session, const struct sl_table *table, enum sl_row_order order,
                    struct sl_arena *arena, struct sl_relation *out, struct sl_error *err);
    /* Must provide. The SRID that `load` would give a CRS; -1 when there is none yet, 0 where geometry has none. */
    int (*srid)(struct sl_compute *compute, const struct sl_crs *crs, int *srid, struct sl_error *err);
    /* Must provide; NULL is allowed. Drops the schema (unless keep) and frees; a failure to drop is in err, and sweep
     * finds the schema later. */
    int (*end)(struct sl_compute_session *session, bool keep, struct sl_error *err);
    /* Must provide. Calls orphan(run_id) for every schema proc_…; it returns 1: drop it, 0: leave it. *dropped counts;
     * *foreign (may be NULL) those that would go but are another account's, and stay. */
    int (*sweep)(struct sl_compute *compute, int (*orphan)(void *data, const char *run_id, struct sl_error *err),
                 void *data, bool dry_run, int64_t *dropped, int64_t *foreign, struct sl_error *err);
    /* Must provide; NULL is allowed. */
    void (*free)(struct sl_compute *compute);
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_store.h - what is asked of a store of grids' values: which fields there are, and their points around a place.
 *
 * ClickHouse where it is configured, else the lake's Parquet; those who ask know neither. Places are told to 1e-7 degree,
 * so that both answer alike. A field that the ledger does
 * not have is not told. Strings of what was found live until the store is closed. Threads: one. Internal to run/.
 */
#ifndef SLUICE_RUN_GRID_STORE_H
#define SLUICE_RUN_GRID_STORE_H

#include "run/grid_ask.h"

/* The committed asset that a field is of, and the raw file that it came from. */
struct sl_grid_origin {
    const char *asset_id, *dataset_id, *source;
    int64_t version;
    const char *raw_file_id, *raw_key, *content_hash;
    int64_t rows;
    const char *bucket, *index_key; /* of the lake: the list of its parts */
};

struct sl_grid_found {
    const struct sl_grid_origin *origin;
    int64_t field; /* of its asset, from 0 */
    const char *variable, *name, *units, *level_type, *step_type, *grid_type, *grid_id;
    double level, spacing; /* NAN: no level; degrees between points, roughly */
    int64_t member, valid_s, reference_s, step_from_s, step_to_s;
    int64_t values, missing;
};

/* Fields of one asset that are alike but for their times, levels and members; a store may tell them in several. */
struct sl_grid_kind {
    const struct sl_grid_origin *origin;
    const char *variable, *name, *units, *level_type, *step_type;
    const double *levels; /* NAN: none */
    const int64_t *members, *times;
    size_t n_levels, n_members, n_times;
    int64_t fields, values, missing;
    int64_t asset_bytes; /* that all of the asset takes in the store; -1: not known */
};

struct sl_grid_store;
struct sl_grid_store_ops {
    /* Must provide, all of them. Fields in the order newest load first, then as in their file; SL_E_LIMIT when there
     * are more than `most`. Only one variable is asked for at a time. */
    int (*find)(struct sl_grid_store *store, const struct sl_grid_filter *filter, size_t most,
                int (*visit)(void *data, const struct sl_grid_found *found, struct sl_error *err), void *data,
                struct sl_error *err);
    /* The points of fields, of one variable, that lie within `radius_deg` of a place; some farther ones too. `which` is
     * the field's place in the list. */
    int (*around)(struct sl_grid_store *store, const struct sl_grid_found *const *fields, size_t n, double lat,
                  double lon, double radius_deg,
                  int (*visit)(void *data, size_t which, double lat, double lon, double value, struct sl_error *err),
                  void *data, struct sl_error *err);
    int (*kinds)(struct sl_grid_store *store, const struct sl_grid_filter *filter,
                 int (*visit)(void *data, const struct sl_grid_kind *kind, struct sl_error *err), void *data,
                 struct sl_error *err);
    void (*close)(struct sl_grid_store *store);
};

struct sl_grid_store {
    const struct sl_grid_store_ops *ops;
    struct sl_engine *engine;
    struct sl_arena *arena;
};

int sl_grid_store_open(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err);
void sl_grid_store_closep(struct sl_grid_store **store);

/* -- for the two stores -- */
int sl_grid_store__clickhouse(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err);
int sl_grid_store__lake(struct sl_engine *engine, struct sl_grid_store **out, struct sl_error *err);
/* Of an asset's ledger document. */
const struct sl_grid_origin *sl_grid_store__origin(struct sl_arena *arena, struct json_object *asset);
/* " AND (cell BETWEEN …) AND (lat >= …": what a query for that circle has for a condition, in either SQL. e7: places are
 * columns lat_e7 and lon_e7. */
void sl_grid_store__around(double lat, double lon, double radius_deg, bool e7, struct sl_buf *sql);

#endif

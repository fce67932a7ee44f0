/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_ask.h - values of grids at a place, at a time or over times, and what there is to be asked for; from ClickHouse
 * where it is configured, else from the lake's Parquet, with the same answers.
 *
 * The nearest point is by great circle, on any grid, over the antimeridian and at the poles; bilinear.h says where four
 * points make a value. What the ledger does not have is not answered: every value leads to its asset and its raw file.
 * Of a field that several versions of a dataset have, the newest answers.
 */
#ifndef SLUICE_RUN_GRID_ASK_H
#define SLUICE_RUN_GRID_ASK_H

#include <limits.h>

#include "run/run.h"

#define SL_GRID_NO_STEP INT64_MIN

/* Which fields. */
struct sl_grid_filter {
    const char *variable;     /* NULL: any; only sl_grid_fields may leave it out */
    const char *dataset;      /* NULL: any */
    const char *source;       /* NULL: any */
    const char *level_type;   /* NULL: any */
    double level;             /* NAN: any */
    int64_t member;           /* -1: any */
    int64_t step_s;           /* end of the step; SL_GRID_NO_STEP: any */
    int64_t since_s, until_s; /* of the valid time, both inclusive; INT64_MIN, INT64_MAX: open */
};

enum sl_grid_method { SL_GRID_NEAREST, SL_GRID_BILINEAR };

struct sl_grid_question {
    struct sl_grid_filter filter;
    double lat, lon; /* degrees */
    enum sl_grid_method method;
};

enum {
    SL_GRID_ANSWERS_MAX = 1000, /* of a point */
    SL_GRID_SERIES_MAX = 50000
};

/*
 * [{variable, value, units, lat, lon, distance_km, valid_time, reference_time, level_type, level, member, step_type,
 * step_from_s, step_to_s, dataset_id, version, asset_id, raw_file_id, raw_key, content_hash}, …], one for each field
 * that fits, the newest load first; the caller owns it. Bilinear: lat and lon are the place's, there is no distance_km,
 * and "points" has the four [{lat, lon, value, weight, raw_file_id, raw_key, content_hash}]; a field with a point
 * missing there has value null and says in "why". SL_E_ASSET_NOT_FOUND when no field fits, SL_E_USAGE when none of them
 * has what the method needs. Needs the ledger, and the store.
 */
int sl_grid_point(struct sl_engine *engine, const struct sl_grid_question *question, struct json_object **out,
                  struct sl_error *err);
/* The same over times: in order of valid_time, then reference_time, dataset, level, member. */
int sl_grid_series(struct sl_engine *engine, const struct sl_grid_question *question, struct json_object **out,
                   struct sl_error *err);
/* [{dataset_id, source, versions, variable, name, units, level_type, levels, step_type, members, times {first, last,
 * count}, fields, values, missing, size_bytes}, …] in order of dataset, variable, level and step type. size_bytes: the
 * values' share of what their assets take in the store. An empty list when nothing fits. */
int sl_grid_fields(struct sl_engine *engine, const struct sl_grid_filter *filter, struct json_object **out,
                   struct sl_error *err);

#endif

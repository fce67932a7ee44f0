/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_ask.h - values of grids at a place and a time, from ClickHouse where it is configured, else from the lake's
 * Parquet.
 *
 * The nearest point is by great circle, on any grid, over the antimeridian and at the poles. What the ledger does not
 * have is not answered: every value leads to its asset and its raw file.
 */
#ifndef SLUICE_RUN_GRID_ASK_H
#define SLUICE_RUN_GRID_ASK_H

#include "run/run.h"

struct sl_grid_question {
    const char *variable;
    const char *dataset;    /* NULL: any */
    const char *level_type; /* NULL: any */
    double lat, lon;        /* degrees */
    double level;           /* NAN: any */
    int64_t valid_s;
    int64_t member; /* -1: any */
};

enum { SL_GRID_ANSWERS_MAX = 1000 };

/* [{variable, value, units, lat, lon, distance_km, valid_time, reference_time, level_type, level, member, step_type,
 * dataset_id, version, asset_id, raw_file_id, raw_key, content_hash}, …], one for each field that fits; the caller owns
 * it. SL_E_ASSET_NOT_FOUND when there is none. Needs the ledger, and the store. */
int sl_grid_point(struct sl_engine *engine, const struct sl_grid_question *question, struct json_object **out,
                  struct sl_error *err);

#endif

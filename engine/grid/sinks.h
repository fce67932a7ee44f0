/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sinks.h - the two sinks there are. What the port promises is in sink.h.
 */
#ifndef SLUICE_GRID_SINKS_H
#define SLUICE_GRID_SINKS_H

#include "grid/clickhouse.h"
#include "grid/sink.h"

/* Its tables are made where they are missing. The target's strings are borrowed. */
int sl_grid_clickhouse(const struct sl_clickhouse_target *target, struct sl_grid_sink **out, struct sl_error *err);

/* Files in the load's folder. Nothing of it outlives abandon; drop and sweep have nothing to do: the lake's files are
 * the lake's. DuckDB writes with one thread: with several its row groups, and so the bytes, follow from their number. */
int sl_grid_parquet(struct sl_grid_sink **out, struct sl_error *err);

void sl_grid_sink_closep(struct sl_grid_sink **sink);

/* Statistics of a field's values as both sinks keep them: the sum is taken in the file's order, pairwise errors and
 * all, so that it is the same wherever it is made. */
struct sl_grid_sums {
    int64_t rows, missing;
    double min, max, sum; /* 0 without rows */
};
struct sl_grid_sums sl_grid_sums(const struct sl_grid_field *field);
/* Degrees between neighbours, roughly: from what the grid says, else from its extent and count. */
double sl_grid_spacing(const struct sl_grid_points *points);
/* Names of a field or a load have at most that many, with the NUL. */
enum { SL_GRID_TEXT_BYTES = 128 };
/* What a load's and a field's names must be: SL_E_LIMIT, SL_E_INTERNAL. */
int sl_grid_check_load(const struct sl_grid_load *load, struct sl_error *err);
int sl_grid_check_field(const struct sl_grid_field *field, struct sl_error *err);

#endif

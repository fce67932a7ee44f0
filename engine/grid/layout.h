/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - cells of one degree, by which rows are sorted, so that the rows around a place lie together in the store.
 *
 * cell = 360 · floor(lat + 90) + floor(lon + 180), lat 90 in the uppermost row: 0 to 64,799. A query for the neighbourhood of
 * a place asks for the runs of cells that its circle meets (sl_grid_cells_around), which are few: neighbours in longitude
 * have neighbouring numbers.
 */
#ifndef SLUICE_GRID_LAYOUT_H
#define SLUICE_GRID_LAYOUT_H

#include <sluice/error.h>

#include "grid/field.h"

enum { SL_GRID_CELLS = 360 * 180 };

int32_t sl_grid_cell(double lat, double lon);

/* Degrees as ClickHouse has them: whole 1e-7, at most 5e-8 off, and 52.52 is 52.52 when it is divided again. A longitude that
 * comes to 180 is -180. */
int32_t sl_grid_e7(double degrees);
/* A time as its DateTime has it: the nearest between 1970 and 2106. */
int64_t sl_grid_timestamp(int64_t valid_s);

/* The order of a grid's points by (cell, latitude, longitude): order[k] is the index of the k-th point. Equal places keep the
 * file's order. The caller owns order, of points->n. */
void sl_grid_order(const struct sl_grid_points *points, uint32_t *order);

/* Closed ranges of cells that a circle of `radius_deg` (great circle) around the place meets; at most 181·2 of them. */
struct sl_grid_cell_range {
    int32_t from, to;
};
enum { SL_GRID_RANGES_MAX = 362 };
size_t sl_grid_cells_around(double lat, double lon, double radius_deg, struct sl_grid_cell_range out[SL_GRID_RANGES_MAX]);

/* Degrees of the great circle between two places, on the sphere. */
double sl_grid_distance_deg(double lat_a, double lon_a, double lat_b, double lon_b);

#endif

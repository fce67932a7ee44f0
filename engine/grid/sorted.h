/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted.h - the points of a grid in the order of the stores, made once for the fields that share them.
 *
 * Places are kept beside the order while they are few; of a larger grid they are made again for each field. A large
 * reduced grid has no order in memory either: it is walked row by row. Threads: one.
 */
#ifndef SLUICE_GRID_SORTED_H
#define SLUICE_GRID_SORTED_H

#include "grid/layout.h"

enum { SL_GRID_SORTED_KEPT = 2 << 20 }; /* points whose places are kept */

/* Where one is in a reduced grid: cell by cell, in each row by row, from west to east. */
struct sl_grid_walk {
    size_t low, high;  /* rows of this degree of latitude, from north to south: [low, high) */
    size_t row;        /* of them, at work */
    int column;        /* of the cell */
    uint32_t *cursors; /* of each row: points from -180 degrees on that are done */
    size_t cursors_room;
};
/* To the beginning. */
void sl_grid_walk_begin(struct sl_grid_walk *walk, const struct sl_grid_points *points);
/* The next point, its place and cell; false at the end. */
bool sl_grid_walk_next(struct sl_grid_walk *walk, const struct sl_grid_points *points, size_t *index, double *lat,
                       double *lon, uint16_t *cell);
void sl_grid_walk_free(struct sl_grid_walk *walk);

struct sl_grid_sorted {
    char id[65];
    size_t n;
    uint32_t *order; /* NULL: walked */
    struct sl_grid_walk walk;
    uint16_t *cells;            /* of the k-th; NULL: they are not kept */
    double *lats, *lons;        /* of files; or */
    int32_t *lats_e7, *lons_e7; /* of ClickHouse */
    double spacing;
};

/* Makes it that of these points, unless it is. Zeroed at first; one is asked for doubles or for e7, always. */
void sl_grid_sorted_for(struct sl_grid_sorted *sorted, const struct sl_grid_points *points, bool e7);
void sl_grid_sorted_free(struct sl_grid_sorted *sorted);

/* Rows from the k-th point on that have a value, at most `room`; *k begins with 0 and moves on, to n at the end. */
size_t sl_grid_sorted_rows(struct sl_grid_sorted *sorted, const struct sl_grid_field *field, size_t *k, size_t room,
                           uint16_t *cells, double *lats, double *lons, double *values);
size_t sl_grid_sorted_rows_e7(struct sl_grid_sorted *sorted, const struct sl_grid_field *field, size_t *k, size_t room,
                              uint16_t *cells, int32_t *lats, int32_t *lons, double *values);

#endif

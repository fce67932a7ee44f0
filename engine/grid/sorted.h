/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sorted.h - the points of a grid in the order of the stores, made once for the fields that share them.
 *
 * Places are kept beside the order while they are few; of a larger grid they are made again for each field. Threads:
 * one.
 */
#ifndef SLUICE_GRID_SORTED_H
#define SLUICE_GRID_SORTED_H

#include "grid/layout.h"

enum { SL_GRID_SORTED_KEPT = 2 << 20 }; /* points whose places are kept */

struct sl_grid_sorted {
    char id[65];
    size_t n;
    uint32_t *order;
    uint16_t *cells;            /* of the k-th; NULL: they are not kept */
    double *lats, *lons;        /* of files; or */
    int32_t *lats_e7, *lons_e7; /* of ClickHouse */
    double spacing;
};

/* Makes it that of these points, unless it is. Zeroed at first; one is asked for doubles or for e7, always. */
void sl_grid_sorted_for(struct sl_grid_sorted *sorted, const struct sl_grid_points *points, bool e7);
void sl_grid_sorted_free(struct sl_grid_sorted *sorted);

/* Rows from the k-th point on that have a value, at most `room`; *k moves on, to n at the end. */
size_t sl_grid_sorted_rows(const struct sl_grid_sorted *sorted, const struct sl_grid_field *field, size_t *k,
                           size_t room, uint16_t *cells, double *lats, double *lons, double *values);
size_t sl_grid_sorted_rows_e7(const struct sl_grid_sorted *sorted, const struct sl_grid_field *field, size_t *k,
                              size_t room, uint16_t *cells, int32_t *lats, int32_t *lons, double *values);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bilinear.h - the four points of a grid around a place, and how much each counts there.
 *
 * Only what the store has of the neighbourhood is known, not the grid's lines: of a grid of two axes the cell is made
 * of the nearest two latitudes and longitudes, over the antimeridian and, where a row goes around the globe, over the
 * pole; of others, whose points lie in a lattice (projected, rotated, curvilinear), of the nearest point and its two
 * nearest neighbours across, in the plane that touches the globe at the place. A cell with a point missing is none: no
 * farther point stands in for it. Pure; any thread.
 */
#ifndef SLUICE_GRID_BILINEAR_H
#define SLUICE_GRID_BILINEAR_H

#include <stdbool.h>
#include <stddef.h>

struct sl_grid_near {
    double lat, lon, value;
};

struct sl_grid_corner {
    size_t point;  /* of those given */
    double weight; /* 0 to 1, of the four 1 */
};

/* What the kind of a grid allows: its points lie on two axes, in a lattice, or (reduced, unstructured) in neither. */
enum sl_grid_shape { SL_GRID_AXES, SL_GRID_LATTICE, SL_GRID_NO_CELLS };
enum sl_grid_shape sl_grid_shape(const char *grid_type);

/* false: the points given have no whole cell around the place. Those of several cells around it should be there, all
 * that have a value. */
bool sl_grid_cell_around(enum sl_grid_shape shape, const struct sl_grid_near *points, size_t n, double lat, double lon,
                         struct sl_grid_corner out[4]);

#endif

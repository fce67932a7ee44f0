/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wkb.h - well-known binary walked without building geometries: is it whole, what box does it fill.
 *
 * Takes ISO WKB and EWKB (PostGIS) of the seven simple types, little and big endian, with Z and M, nested up to a limit.
 * Nothing is allocated; any bytes may come in.
 */
#ifndef SLUICE_GEO_WKB_H
#define SLUICE_GEO_WKB_H

#include <stdbool.h>
#include <stddef.h>

struct sl_wkb_box {
    double xmin, ymin, xmax, ymax;
    bool any; /* false: empty; coordinates that are not numbers don't count */
};

/* NULL when the bytes are one whole geometry, with *box (may be NULL) its bounds; else what is wrong, a constant phrase
 * ("a ring is not closed"). Rings and lines are held to what PostGIS takes: a ring is closed and has four points, a line
 * has two, unless they have none. */
const char *sl_wkb_walk(const void *wkb, size_t bytes, struct sl_wkb_box *box);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geometry_text.h - WKB as GeoJSON (RFC 7946) or WKT. Threads: one per sl_geometry_text.
 */
#ifndef SLUICE_GEO_GDAL_GEOMETRY_TEXT_H
#define SLUICE_GEO_GDAL_GEOMETRY_TEXT_H

#include <stddef.h>

#include <sluice/error.h>

#include "base/buf.h"
#include "geo/crs.h"

struct sl_geometry_text;

/* to_lonlat: coordinates are moved from this CRS to longitude and latitude of WGS 84; NULL: they stay. */
int sl_geometry_text_new(const struct sl_crs *to_lonlat, struct sl_geometry_text **out, struct sl_error *err);
void sl_geometry_text_free(struct sl_geometry_text *text); /* NULL is allowed */
void sl_geometry_text_freep(struct sl_geometry_text **text);
/* Appends a GeoJSON geometry: outer rings counterclockwise, holes clockwise, `decimals` digits after the point.
 * SL_E_GEOMETRY_CONTRACT when it has no place on earth. */
int sl_geometry_text_json(struct sl_geometry_text *text, const void *wkb, size_t bytes, int decimals, struct sl_buf *out,
                          struct sl_error *err);
/* Appends ISO WKT, 15 significant digits. */
int sl_geometry_text_wkt(struct sl_geometry_text *text, const void *wkb, size_t bytes, struct sl_buf *out,
                         struct sl_error *err);
/* The coordinates of a point; *n 2 or 3, 0 for an empty one. SL_E_GEOMETRY_CONTRACT for another geometry. */
int sl_geometry_text_point(const void *wkb, size_t bytes, double xyz[3], int *n, struct sl_error *err);

#endif

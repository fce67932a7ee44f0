/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.h - a small picture of a raster, and pictures as PNG files. Threads: one per raster.
 *
 * The same pixels give the same bytes, with the same GDAL.
 */
#ifndef SLUICE_GEO_GDAL_PICTURE_H
#define SLUICE_GEO_GDAL_PICTURE_H

#include <stddef.h>

#include <sluice/error.h>

#include "geo/gdal/raster.h"

enum { SL_PICTURE_SIDE_MAX = 2048 };

struct sl_picture {
    int width, height;
    unsigned char *rgba; /* width × height × 4, rows from the top; free() */
};

/* The raster at most `side` pixels wide and high, never larger than it is: colours and palettes as they are, other values
 * stretched from their 2nd to their 98th percentile, transparent where there is no data. Reads an overview where there is
 * one, so that a COG of any size takes little memory. */
int sl_raster_picture(struct sl_raster *raster, int side, struct sl_picture *out, struct sl_error *err);
/* On failure nothing is left at path. */
int sl_picture_write_png(const struct sl_picture *picture, const char *path, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* raster_internal.h - what raster.c (opening, description) and raster_cog.c (writing) share. */
#ifndef SLUICE_GEO_GDAL_RASTER_INTERNAL_H
#define SLUICE_GEO_GDAL_RASTER_INTERNAL_H

#include <gdal.h>

#include "geo/gdal/raster.h"

struct sl_raster {
    GDALDatasetH dataset;
    struct sl_arena *arena;
    struct sl_raster_info info;
    const char *name;  /* the file's, without its folder: for messages */
    int64_t file_bytes;
};

#endif

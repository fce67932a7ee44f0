/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raster_values.h - small rasters from numbers, and back to numbers: for what compares pixels. Threads: one.
 */
#ifndef SLUICE_GEO_GDAL_RASTER_VALUES_H
#define SLUICE_GEO_GDAL_RASTER_VALUES_H

#include "geo/gdal/raster.h"

struct sl_raster_values {
    int64_t width, height;  /* pixels */
    size_t n_bands;
    const char *data_type;  /* GDAL's name: "Float32" */
    double bounds[4];       /* xmin, ymin, xmax, ymax, in crs */
    const struct sl_crs *crs; /* may be NULL */
    bool has_nodata;
    double nodata;
    const double *pixels;   /* band by band, row by row from the north; NaN is nodata */
};

/* Writes a GeoTIFF. SL_E_RECIPE_OPTION for a data type that does not exist, or NaN where nothing can say nodata. */
int sl_raster_values_write(const struct sl_raster_values *values, const char *path, struct sl_error *err);
/* width × height values of a band (from 1), row by row; NaN where it has none (nodata, mask, alpha). */
int sl_raster_values_read(struct sl_raster *raster, int band, double *out, struct sl_error *err);

#endif

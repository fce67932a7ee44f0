/* SPDX-License-Identifier: Apache-2.0 */
/* raster_options.h - inside of step/raster/: options that several kinds have. */
#ifndef SLUICE_STEP_RASTER_OPTIONS_H
#define SLUICE_STEP_RASTER_OPTIONS_H

#include <sluice/sys/step.h>

#include "geo/gdal/raster_steps.h"

/* As enum sl_raster_type: "auto" (what that means is the step's) and GDAL's types. */
extern const char *const sl_raster__types[];
const char *sl_raster__type(int choice); /* GDAL's name; NULL: auto */

extern const char *const sl_raster__resamplings[];
const char *sl_raster__resampling(int choice); /* gdalwarp's name; NULL: auto */

/* A nodata of a recipe: a number, "nan" or "none". */
#define SL_RASTER__NODATA "a number, nan, or none"
int sl_raster__nodata(struct json_object *value, enum sl_raster_no_data *how, double *nodata, struct sl_error *err);

/* Exactly two numbers, the first below the second where they must rise. */
int sl_raster__range(const char *name, struct json_object *list, double out[2], struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raster_steps.h - rasters made from rasters, for the steps of recipes.
 *
 * Each takes opened rasters and makes a new one that holds on to what it reads: the inputs may be closed before it. Views
 * (assign, clip, bands) compute as they are read; the others are written to a tiled GeoTIFF of the scratch folder, which
 * goes with the raster. A file that ends early is noticed before its pixels are read. On failure nothing is left.
 * Errors: SL_E_RECIPE_OPTION for options that don't suit the raster, SL_E_LIMIT beyond context->max_pixels,
 * SL_E_FILE_TRUNCATED and SL_E_FILE_DAMAGED for the input's pixels, SL_E_CANCELLED, SL_E_DISK_FULL. Threads: one.
 */
#ifndef SLUICE_GEO_GDAL_RASTER_STEPS_H
#define SLUICE_GEO_GDAL_RASTER_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>
#include <sluice/sys/raster_step.h>
#include <sluice/sys/step.h>

#include "geo/crs.h"
#include "geo/gdal/raster.h"

/* The same pixels, said to be in another CRS. */
int sl_raster_assign(struct sl_raster *in, const struct sl_crs *crs, struct sl_raster **out, struct sl_error *err);

/* The pixels that the bounds touch. crs: of the bounds; NULL: the raster's. Rotated rasters are refused, and bounds that
 * touch none. */
int sl_raster_clip(struct sl_raster *in, const struct sl_bounds *bounds, const char *crs, struct sl_raster **out,
                   struct sl_error *err);

/* The same pixels, with another value said to mean no data; none: with no such value. SL_E_RECIPE_OPTION for one that the data
 * type does not have. */
int sl_raster_say_nodata(struct sl_raster *in, bool none, double value, struct sl_raster **out, struct sl_error *err);
/* Bytes in one band or three, with a band more: the first band's mask as alpha, and no nodata. */
int sl_raster_add_alpha(struct sl_raster *in, struct sl_raster **out, struct sl_error *err);

/* Bands by number, from 1, in this order; one may come twice. */
int sl_raster_bands(struct sl_raster *in, const int *numbers, size_t n, struct sl_raster **out, struct sl_error *err);

struct sl_raster_warp {
    const char *crs;       /* NULL: that of the first input */
    double resolution;     /* units of the CRS; 0: as fine as the input */
    bool align;            /* the edges are multiples of the resolution */
    const struct sl_bounds *bounds; /* in the CRS of the output; NULL or not given: all of the input */
    const char *resampling; /* GDAL's name; NULL: nearest for palettes, classes and bits, cubic for images, else bilinear */
    bool has_nodata;
    double nodata;         /* of the output; without it the input's, else NaN for floats */
    bool add_alpha;        /* where nothing else would tell what lies outside of the inputs */
    bool thin_plate;       /* control points are met exactly, not by a polynomial */
};
/* One raster out of one or several, the later ones over the earlier. Several have to agree in number of bands and in
 * data type. */
int sl_raster_warp(const struct sl_raster_step_context *context, struct sl_raster *const *in, size_t n,
                   const struct sl_raster_warp *warp, struct sl_raster **out, struct sl_error *err);


enum sl_raster_no_data { SL_NODATA_KEEP, SL_NODATA_NONE, SL_NODATA_VALUE };

/* Values of pixels, of which every output pixel depends on the input's at the same place. */
struct sl_raster_map {
    const char *data_type;      /* GDAL's name */
    size_t n_bands;             /* of the output */
    const char *const *descriptions; /* n_bands, each may be NULL; NULL: none */
    bool keeps_bands;           /* band i comes of band i: description, colour interpretation and mask go with it */
    enum sl_raster_no_data no_data;
    double nodata;              /* with SL_NODATA_VALUE. KEEP: the first input band's where the type has it, else NaN for
                                   floats and none for integers */
    /* n values of each input band (NaN: nodata, masked or not a number) to n of each output band; NaN becomes nodata. */
    int (*pixels)(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err);
    void *data;
    bool (*reads)(void *data, size_t band); /* from 0; NULL: all */
};
/* Values beyond the data type become its least or greatest, and integers are rounded. A pixel without a value and no
 * nodata to say so: SL_E_RECIPE_OPTION. */
int sl_raster_map(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_map *map,
                  struct sl_raster **out, struct sl_error *err);

/* The same pixels, with the statistics of each band that has any data: all pixels are read. */
int sl_raster_stats(const struct sl_raster_step_context *context, struct sl_raster *in, struct sl_raster **out,
                    struct sl_error *err);

struct sl_raster_terrain {
    bool slope;                   /* else a hillshade */
    double azimuth, altitude;     /* degrees; of the light */
    bool multidirectional;
    bool percent;                 /* slope in percent, not in degrees */
    double z_factor;
    double scale;                 /* vertical units in one horizontal unit; 0: 111,120 for degrees, else 1 */
    int band;                     /* from 1 */
};
/* Hillshade: bytes, 0 is nodata. Slope: Float32, -9999 is nodata. Needs a north-up raster. */
int sl_raster_terrain(const struct sl_raster_step_context *context, struct sl_raster *in,
                      const struct sl_raster_terrain *terrain, struct sl_raster **out, struct sl_error *err);

/* -- vectors --------------------------------------------------------------------------------------------------------------
 *
 * Each writes a FlatGeobuf file at path, which is not there yet, in the coordinates of the raster's CRS; *rows is how many
 * features it has. Memory is bounded: where a raster would take more, or gives more than max_features, SL_E_LIMIT before
 * that. SL_E_FILE_FORMAT for a raster whose pixels have no place. On failure nothing is left at path. */

struct sl_raster_polygonize {
    int64_t band;         /* from 1 */
    bool eight_connected; /* pixels that touch at a corner are neighbours, too */
    const char *column;   /* gets the value */
    bool skip_nodata;     /* false: pixels without data are areas as well, of the number that stands there */
    int64_t max_features;
};
/* An area of one value is a polygon; it may touch itself at corners. Floats are compared as Float32, and are the same when
 * they are at most 10 steps of that apart. */
int sl_raster_polygonize(const struct sl_raster_step_context *context, struct sl_raster *in,
                         const struct sl_raster_polygonize *polygonize, const char *path, int64_t *rows, struct sl_error *err);

struct sl_raster_contour {
    int64_t band;         /* from 1 */
    double interval;      /* 0: levels */
    double base;          /* a level from which the interval counts */
    const double *levels; /* rising */
    size_t n_levels;
    const char *column;   /* gets the level; of polygons <column>_min and <column>_max */
    bool polygons;        /* the areas between levels, instead of lines */
    int64_t max_features;
};
/* Between the centres of pixels, whose values count for these points. */
int sl_raster_contour(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_contour *contour,
                      const char *path, int64_t *rows, struct sl_error *err);

struct sl_raster_footprint {
    double simplify_pixels; /* how far the outline may be off, in pixels; 0: as it is */
    double tolerance;       /* the same in units of the CRS; 0: see simplify_pixels */
    bool holes;             /* false: filled */
};
/* The outline of the pixels that have data in any band but alpha: one multipolygon, with their number in "valid_pixels"; no
 * feature when there is none. */
int sl_raster_footprint(const struct sl_raster_step_context *context, struct sl_raster *in,
                        const struct sl_raster_footprint *footprint, const char *path, int64_t *rows, struct sl_error *err);

#endif

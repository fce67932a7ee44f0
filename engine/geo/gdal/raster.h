/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raster.h - a raster file: what it is, and writing it as a Cloud Optimized GeoTIFF. Threads: one per raster.
 */
#ifndef SLUICE_GEO_GDAL_RASTER_H
#define SLUICE_GEO_GDAL_RASTER_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "geo/crs.h"
#include "geo/format.h"

struct sl_raster;

struct sl_raster_band {
    const char *data_type;            /* GDAL's: "Byte", "Float32" */
    const char *color_interpretation; /* "Red", "Gray", … */
    const char *description;
    bool has_nodata;
    double nodata;
    bool has_statistics; /* of a stats step: over all pixels that have data */
    double minimum, maximum, mean, stddev;
};

struct sl_raster_info {
    int64_t width, height; /* pixels */
    struct sl_raster_band *bands;
    size_t n_bands;
    struct sl_crs *crs;     /* NULL: the file does not say */
    bool has_transform;
    double transform[6];    /* GDAL's order; zeros without a transform */
    double bounds[4];       /* in crs; zeros without a transform */
    int64_t gcps;           /* ground control points, kept when written; crs is theirs when there is no other */
    int64_t overviews;      /* of band 1 */
};

struct sl_raster_limits {
    int64_t max_pixels; /* width × height × bands */
};

/* path is a local file of the engine's own naming; of what lies beside it, only the format's sidecars are looked at.
 * SL_E_FILE_FORMAT when it is not what was declared or refers to other files, SL_E_FILE_DAMAGED when it is but its header
 * makes no sense, SL_E_FILE_LAYER when it holds several images, SL_E_LIMIT beyond the limits (checked before any pixel is
 * read; limits may be NULL). */
int sl_raster_open(const char *path, const struct sl_format *format, const struct sl_raster_limits *limits,
                   struct sl_raster **out, struct sl_error *err);
void sl_raster_close(struct sl_raster *raster);
void sl_raster_closep(struct sl_raster **raster);
const struct sl_raster_info *sl_raster_info(const struct sl_raster *raster);

struct sl_cog_options {
    const char *compression;    /* "DEFLATE", "ZSTD", "LZW", "JPEG", "WEBP", "LERC", "NONE"; NULL: DEFLATE */
    const char *resampling;     /* of overviews; NULL: average, nearest for palettes and masks */
    int block_size;             /* 0: 512; a multiple of 16 from 128 to 4096 */
    int level;                  /* of DEFLATE and ZSTD; 0: GDAL's own */
    int quality;                /* of JPEG and WEBP, 1 to 100; 0: GDAL's own (75) */
    double max_z_error;         /* of LERC; 0: without loss */
    const char *predictor;      /* "STANDARD", "FLOATING_POINT", "NO"; NULL: by the data type */
    bool no_overviews;
    int threads;                /* 0: all cores */
    const struct sl_crs *crs;   /* to write in place of the file's; NULL: the file's */
    int (*progress)(void *data, double fraction); /* returns 0 to stop; may be NULL */
    void *progress_data;
};

/* Every pixel is read: a truncated file is SL_E_FILE_TRUNCATED or SL_E_FILE_DAMAGED. The bytes are the same for the same
 * input, options and GDAL, whatever the threads. DEFLATE because every reader has it; with the predictor of the data type
 * (differences for integers, GDAL's for floats, none for palettes and packed bits). Nodata, palette, colour
 * interpretation, masks, alpha, descriptions, scale, metadata and GCPs are kept; overviews are made anew. On failure
 * nothing is left at path. options may be NULL. SL_E_RECIPE_OPTION for an option that does not exist or does not suit the
 * data, SL_E_CANCELLED when progress said so, SL_E_DISK_FULL. */
int sl_raster_write_cog(struct sl_raster *raster, const char *path, const struct sl_cog_options *options,
                        struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* raster_internal.h - what opening, writing and the steps of rasters share. */
#ifndef SLUICE_GEO_GDAL_RASTER_INTERNAL_H
#define SLUICE_GEO_GDAL_RASTER_INTERNAL_H

#include <gdal.h>

#include <sluice/sys/raster_step.h>

#include "geo/gdal/raster.h"

struct sl_raster {
    GDALDatasetH dataset;
    struct sl_arena *arena;
    struct sl_raster_info info;
    const char *name;  /* the file's, without its folder: for messages */
    int64_t file_bytes;
    int refs;
    struct sl_raster **below; /* what its pixels are read from; n_below, each with a reference */
    size_t n_below;
    char *scratch_path; /* removed with it; NULL: none */
};

/* -- raster.c -- */
/* A raster of a dataset that is made from others: takes the dataset (closed on failure) and a reference to each of below. */
int sl_raster__adopt(GDALDatasetH dataset, const char *name, struct sl_raster *const *below, size_t n_below,
                     struct sl_raster **out, struct sl_error *err);
/* Whether its pixels tell classes: a palette, named categories, packed bits. */
bool sl_raster__is_classes(const struct sl_raster *raster);
bool sl_raster__is_north_up(const struct sl_raster *raster);

/* -- raster_cog.c -- */
/* Where the blocks of its files lie is held against their sizes. */
int sl_raster__check_blocks(const struct sl_raster *raster, struct sl_error *err);
/* Was it the input's pixels that made something fail? Reads them all. */
bool sl_raster__is_damaged(const struct sl_raster *raster, struct sl_error *err);

/* -- raster_view.c -- */
/* make(data) runs with GDAL's VRT driver in its list, and only then: no file is ever opened as a VRT. */
GDALDatasetH sl_raster__with_vrt(GDALDatasetH (*make)(void *data), void *data);
/* A VRT of the dataset in memory. */
GDALDatasetH sl_raster__view(GDALDatasetH dataset);
/* The caller destroys it; NULL when PROJ does not understand. */
void *sl_raster__srs(const struct sl_crs *crs);

/* -- raster_make.c -- */
/* A file in the scratch folder that is being made. */
struct sl_raster_made {
    const struct sl_raster_step_context *context;
    const char *name; /* for messages */
    char path[4096];
    bool stopped;
};
int sl_raster__make_begin(struct sl_raster_made *made, const struct sl_raster_step_context *context, const char *name,
                          struct sl_error *err);
/* How it is to be made; the caller destroys the list. */
char **sl_raster__make_options(void);
int sl_raster__make_limit(const struct sl_raster_step_context *context, const char *name, int64_t width, int64_t height,
                          int64_t bands, struct sl_error *err);
/* A GDALProgressFunc on a struct sl_raster_made. */
int CPL_STDCALL sl_raster__make_progress(double fraction, const char *message, void *made);
/* Opens what was written, which then goes with *out. On failure, or with failed true (gdal: why), the file is removed and
 * the error is the input's when its pixels cannot be read. */
int sl_raster__make_end(struct sl_raster_made *made, bool failed, const struct sl_error *gdal,
                        struct sl_raster *const *in, size_t n, struct sl_raster **out, struct sl_error *err);

#endif

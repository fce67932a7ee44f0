/* SPDX-License-Identifier: Apache-2.0 */
/* raster_internal.h - what opening, writing and the steps of rasters share. */
#ifndef SLUICE_GEO_GDAL_RASTER_INTERNAL_H
#define SLUICE_GEO_GDAL_RASTER_INTERNAL_H

#include <gdal.h>
#include <ogr_api.h>

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
/* What a failure was: stopped, the input's pixels, or what GDAL said. */
int sl_raster__make_failed(struct sl_raster_made *made, const struct sl_error *gdal, struct sl_raster *const *in, size_t n,
                           struct sl_error *err);
/* Opens what was written, which then goes with *out. On failure, or with failed true (gdal: why), the file is removed and
 * the error is the input's when its pixels cannot be read. */
int sl_raster__make_end(struct sl_raster_made *made, bool failed, const struct sl_error *gdal,
                        struct sl_raster *const *in, size_t n, struct sl_raster **out, struct sl_error *err);

/* -- raster_layer.c -- */
struct sl_raster_field {
    const char *name;
    int type; /* OGRFieldType */
};
/* A FlatGeobuf file of what is made of a raster, in the scratch folder. */
struct sl_raster_layer {
    struct sl_raster_made watch;
    struct sl_raster *in;
    const char *path;
    GDALDatasetH dataset;
    OGRLayerH layer;
    int64_t max_features; /* 0: no limit */
    bool over;            /* the limit was met */
    int64_t rows;         /* known when it is closed */
    int geometry_type;    /* OGRwkbGeometryType */
    const struct sl_raster_field *fields; /* borrowed until it is closed */
    size_t n_fields;
};
/* Has the raster a place, and are its files whole? */
int sl_raster__layer_begin(struct sl_raster_layer *layer, const struct sl_raster_step_context *context, struct sl_raster *in,
                           const char *path, struct sl_error *err);
int sl_raster__layer_band(const struct sl_raster_layer *layer, int64_t band, struct sl_error *err);
/* False: GDAL said why. geometry_type: OGRwkbGeometryType. */
bool sl_raster__layer_create(struct sl_raster_layer *layer, int geometry_type, const struct sl_raster_field *fields, size_t n);
/* A GDALProgressFunc on a struct sl_raster_layer, which also stops when there are too many features. */
int CPL_STDCALL sl_raster__layer_progress(double fraction, const char *message, void *layer);
/* Writes what is left, where a full disk may show. */
void sl_raster__layer_close(struct sl_raster_layer *layer);
/* After closing: what became of it. On failure the file is removed. what: "polygons". */
int sl_raster__layer_end(struct sl_raster_layer *layer, bool failed, const struct sl_error *gdal, const char *what,
                         struct sl_error *err);
/* SL_E_LIMIT: it would become more than `most` of `what`. */
int sl_raster__too_many(const struct sl_raster_layer *layer, const char *what, int64_t most, const char *hint,
                        struct sl_error *err);

/* -- raster_polygonize.c -- */
/* The areas of one value of a band into the layer, whose first field gets the value (field -1: none). mask NULL: all. */
int sl_raster__polygons(struct sl_raster_layer *layer, GDALRasterBandH band, GDALRasterBandH mask, bool eight_connected, int field,
                        struct sl_error *err);

#endif

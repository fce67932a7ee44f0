/* SPDX-License-Identifier: Apache-2.0 */
/* Rasters into another grid, and several into one: GDAL's warper with bounded memory, into a file of the scratch folder. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>
#include <gdal_utils.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum { INPUTS_MAX = 1000, COLORS_OF_AN_IMAGE = 3 };

static char **add(char **list, const char *key, const char *value)
{
    return CSLAddString(CSLAddString(list, key), value);
}

static char **add_number(char **list, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    return CSLAddString(list, text);
}

/* ---- what the inputs are ---- */

static bool has_alpha(const struct sl_raster *r)
{
    for (size_t i = 1; i <= r->info.n_bands; i++)
        if (GDALGetRasterColorInterpretation(GDALGetRasterBand(r->dataset, (int)i)) == GCI_AlphaBand)
            return true;
    return false;
}

static bool is_image(const struct sl_raster *r)
{
    GDALRasterBandH band = GDALGetRasterBand(r->dataset, 1);
    return r->info.n_bands >= COLORS_OF_AN_IMAGE && GDALGetRasterColorInterpretation(band) == GCI_RedBand;
}

static const char *resampling_of(const struct sl_raster *r)
{
    return sl_raster__is_classes(r) ? "near" : is_image(r) ? "cubic" : "bilinear";
}

/* From control points, where there is no transform: what else GDAL would go by (a file's RPC or geolocation) names
 * coordinates that nobody checked. */
static int check_inputs(struct sl_raster *const *in, size_t n, struct sl_error *err)
{
    if (n == 0 || n > INPUTS_MAX)
        return sl_fail(err, SL_E_LIMIT, "%zu rasters cannot be made into one, at most %d", n, INPUTS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct sl_raster_info *a = &in[0]->info, *b = &in[i]->info;
        if (!b->crs)
            return sl_fail(err, SL_E_CRS_MISSING, "%s has no CRS to start from", in[i]->name);
        if (!b->has_transform && b->gcps == 0) {
            sl_fail(err, SL_E_RECIPE_OPTION, "%s has neither a transform nor control points, so that it has no place", in[i]->name);
            sl_error_hint(err, "georeference the file, or send its world file as a sidecar");
            return -(int)SL_E_RECIPE_OPTION;
        }
        if (a->n_bands != b->n_bands || strcmp(a->bands[0].data_type, b->bands[0].data_type) != 0)
            return sl_fail(err, SL_E_RECIPE_OPTION, "%s has %zu bands of %s, but %s has %zu of %s", in[0]->name, a->n_bands,
                           a->bands[0].data_type, in[i]->name, b->n_bands, b->bands[0].data_type);
        int rc = sl_raster__check_blocks(in[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- is anything left over between them ---- */

static bool inside(const double b[4], double x, double y)
{
    return x > b[0] && x < b[2] && y > b[1] && y < b[3];
}

/* Whether upright rectangles leave nothing of their common one: the grid of all their edges, cell by cell. */
static bool rectangles_cover(struct sl_raster *const *in, size_t n)
{
    enum { FEW = 64 }; /* cells are the square of it, each looked up n times */
    double xs[2 * FEW], ys[2 * FEW];
    if (n > FEW)
        return false;
    for (size_t i = 0; i < n; i++) {
        const double *b = in[i]->info.bounds;
        xs[2 * i] = b[0], xs[2 * i + 1] = b[2], ys[2 * i] = b[1], ys[2 * i + 1] = b[3];
    }
    for (size_t i = 1; i < 2 * n; i++)
        for (size_t k = i; k > 0; k--) {
            double x = xs[k], y = ys[k];
            if (xs[k - 1] > x)
                xs[k] = xs[k - 1], xs[k - 1] = x;
            if (ys[k - 1] > y)
                ys[k] = ys[k - 1], ys[k - 1] = y;
        }
    for (size_t i = 0; i + 1 < 2 * n; i++)
        for (size_t k = 0; k + 1 < 2 * n; k++) {
            bool met = xs[i] == xs[i + 1] || ys[k] == ys[k + 1];
            for (size_t r = 0; r < n && !met; r++)
                met = inside(in[r]->info.bounds, (xs[i] + xs[i + 1]) / 2, (ys[k] + ys[k + 1]) / 2);
            if (!met)
                return false;
        }
    return true;
}

static bool nothing_outside(struct sl_raster *const *in, size_t n, const struct sl_raster_warp *w, const struct sl_crs *to)
{
    if (w->align || (w->bounds && w->bounds->given))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sl_raster__is_north_up(in[i]) || !sl_crs_same(in[i]->info.crs, to) ||
            (GDALGetMaskFlags(GDALGetRasterBand(in[i]->dataset, 1)) & GMF_PER_DATASET))
            return false;
    return rectangles_cover(in, n);
}

/* ---- arguments ---- */

static char **nodata_arguments(char **list, struct sl_raster *const *in, size_t n, const struct sl_raster_warp *w,
                               const struct sl_crs *to)
{
    const struct sl_raster_band *band = &in[0]->info.bands[0];
    bool floats = GDALDataTypeIsFloating(GDALGetRasterDataType(GDALGetRasterBand(in[0]->dataset, 1)));
    if (w->has_nodata)
        return add_number(CSLAddString(list, "-dstnodata"), w->nodata);
    if (has_alpha(in[0]) || band->has_nodata || nothing_outside(in, n, w, to))
        return list;
    if (floats)
        return add(list, "-dstnodata", "nan");
    return w->add_alpha ? CSLAddString(list, "-dstalpha") : list;
}

static char **grid_arguments(char **list, const struct sl_raster_warp *w)
{
    if (w->resolution > 0)
        list = add_number(add_number(CSLAddString(list, "-tr"), w->resolution), w->resolution);
    if (w->align)
        list = CSLAddString(list, "-tap");
    if (w->bounds && w->bounds->given) {
        list = CSLAddString(list, "-te");
        list = add_number(add_number(list, w->bounds->xmin), w->bounds->ymin);
        list = add_number(add_number(list, w->bounds->xmax), w->bounds->ymax);
    }
    return list;
}

static char **arguments(const struct sl_raster_step_context *context, struct sl_raster *const *in, size_t n,
                        const struct sl_raster_warp *w, const struct sl_crs *to)
{
    char threads[32] = "NUM_THREADS=ALL_CPUS", memory[32];
    if (context->threads > 0)
        snprintf(threads, sizeof threads, "NUM_THREADS=%d", context->threads);
    char **list = add(NULL, "-t_srs", to->wkt);
    list = add(list, "-r", w->resampling ? w->resampling : resampling_of(in[0]));
    list = grid_arguments(list, w);
    list = nodata_arguments(list, in, n, w, to);
    /* Overviews of an input may be made by another rule, or lie. */
    list = add(add(list, "-ovr", "NONE"), "-wo", threads);
    list = add(list, "-to", in[0]->info.has_transform ? "SRC_METHOD=GEOTRANSFORM" : w->thin_plate ? "SRC_METHOD=GCP_TPS" : "SRC_METHOD=GCP_POLYNOMIAL");
    if (context->memory_bytes > 0) {
        snprintf(memory, sizeof memory, "%lld", (long long)(context->memory_bytes >> 20 > 0 ? context->memory_bytes >> 20 : 1));
        list = add(list, "-wm", memory);
    }
    return list;
}

/* ---- the grid, before anything is made ---- */

struct virtual_warp {
    GDALDatasetH *sources;
    int n;
    char **arguments;
};

static GDALDatasetH warp_to_vrt(void *data)
{
    struct virtual_warp *v = data;
    int bad_usage = 0;
    GDALWarpAppOptions *options = GDALWarpAppOptionsNew(v->arguments, NULL);
    GDALDatasetH made = options ? GDALWarp("", NULL, v->n, v->sources, options, &bad_usage) : NULL;
    GDALWarpAppOptionsFree(options);
    return made;
}

/* How large it would be: one input's grid costs nothing to ask for. */
static int check_size(const struct sl_raster_step_context *context, struct sl_raster *in, char **list,
                      struct sl_error *err)
{
    GDALDatasetH source = in->dataset;
    char **asked = add(CSLDuplicate(list), "-of", "VRT");
    struct virtual_warp v = {&source, 1, asked};
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    GDALDatasetH grid = sl_raster__with_vrt(warp_to_vrt, &v);
    CSLDestroy(asked);
    bool said = sl_gdal_errors_end(SL_E_RECIPE_OPTION, &gdal);
    if (!grid || said) {
        if (grid)
            GDALClose(grid);
        return sl_fail(err, said ? gdal.code : SL_E_RECIPE_OPTION, "%s cannot be warped so: %s", in->name,
                       said ? gdal.message : "gdal gave no reason");
    }
    int rc = sl_raster__make_limit(context, in->name, GDALGetRasterXSize(grid), GDALGetRasterYSize(grid),
                                   GDALGetRasterCount(grid), err);
    GDALClose(grid);
    return rc;
}

/* ---- doing it ---- */

static int warp(struct sl_raster_made *made, struct sl_raster *const *in, size_t n, char **list, struct sl_raster **out,
                struct sl_error *err)
{
    GDALDatasetH *sources = sl_xcalloc(n, sizeof(GDALDatasetH));
    struct sl_error gdal = {0};
    int bad_usage = 0;
    for (size_t i = 0; i < n; i++)
        sources[i] = in[i]->dataset;
    sl_gdal_errors_begin();
    GDALWarpAppOptions *options = GDALWarpAppOptionsNew(list, NULL);
    if (options)
        GDALWarpAppOptionsSetProgress(options, sl_raster__make_progress, made);
    GDALDatasetH done = options ? GDALWarp(made->path, NULL, (int)n, sources, options, &bad_usage) : NULL;
    if (done)
        GDALClose(done);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    GDALWarpAppOptionsFree(options);
    free(sources);
    return sl_raster__make_end(made, !done || said || made->stopped, &gdal, in, n, out, err);
}

int sl_raster_warp(const struct sl_raster_step_context *context, struct sl_raster *const *in, size_t n,
                   const struct sl_raster_warp *w, struct sl_raster **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_raster_made made;
    struct sl_crs to;
    int rc = check_inputs(in, n, err);
    if (rc < 0)
        return rc;
    if (w->crs)
        rc = sl_crs_parse(w->crs, arena, &to, err);
    else
        to = *in[0]->info.crs;
    if (rc < 0)
        return rc;
    char **list = arguments(context, in, n, w, &to);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_size(context, in[i], list, err);
    if (rc == 0)
        rc = sl_raster__make_begin(&made, context, in[0]->name, err);
    if (rc == 0) {
        char **creation = sl_raster__make_options();
        list = add(list, "-of", "GTiff");
        for (int i = 0; creation[i]; i++)
            list = add(list, "-co", creation[i]);
        CSLDestroy(creation);
        rc = warp(&made, in, n, list, out, err);
    }
    CSLDestroy(list);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Hillshade and slope of a raster of heights: GDAL's algorithms, three lines in memory at a time. */
#include <stdio.h>

#include <cpl_string.h>
#include <gdal.h>
#include <gdal_utils.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

static const double METRES_OF_A_DEGREE = 111120;

static char **add_number(char **list, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    return CSLAddString(CSLAddString(list, key), text);
}

static char **arguments(const struct sl_raster *in, const struct sl_raster_terrain *t)
{
    double scale = t->scale > 0 ? t->scale : in->info.crs && in->info.crs->geographic ? METRES_OF_A_DEGREE : 1;
    char **list = add_number(NULL, "-b", t->band);
    list = CSLAddString(add_number(list, "-s", scale), "-compute_edges");
    if (t->slope) {
        if (t->percent)
            list = CSLAddString(list, "-p");
    } else {
        list = add_number(add_number(list, "-z", t->z_factor), "-alt", t->altitude);
        list = t->multidirectional ? CSLAddString(list, "-multidirectional") : add_number(list, "-az", t->azimuth);
    }
    list = CSLAddString(CSLAddString(list, "-of"), "GTiff");
    char **creation = sl_raster__make_options();
    for (int i = 0; creation[i]; i++)
        list = CSLAddString(CSLAddString(list, "-co"), creation[i]);
    CSLDestroy(creation);
    return list;
}

int sl_raster_terrain(const struct sl_raster_step_context *context, struct sl_raster *in,
                      const struct sl_raster_terrain *t, struct sl_raster **out, struct sl_error *err)
{
    const char *what = t->slope ? "slope" : "hillshade";
    struct sl_raster_made made;
    if (!sl_raster__is_north_up(in)) {
        sl_fail(err, SL_E_RECIPE_OPTION, "%s: %s is %s", what, in->name,
                in->info.has_transform ? "rotated" : "not georeferenced");
        sl_error_hint(err, "put a warp step before it");
        return -(int)SL_E_RECIPE_OPTION;
    }
    if (t->band < 1 || (size_t)t->band > in->info.n_bands)
        return sl_fail(err, SL_E_RECIPE_OPTION, "%s: %s has no band %d", what, in->name, t->band);
    int rc = sl_raster__check_blocks(in, err);
    rc = rc < 0 ? rc : sl_raster__make_limit(context, in->name, in->info.width, in->info.height, 1, err);
    rc = rc < 0 ? rc : sl_raster__make_begin(&made, context, in->name, err);
    if (rc < 0)
        return rc;
    struct sl_error gdal = {0};
    int bad_usage = 0;
    char **list = arguments(in, t);
    sl_gdal_errors_begin();
    GDALDEMProcessingOptions *options = GDALDEMProcessingOptionsNew(list, NULL);
    if (options)
        GDALDEMProcessingOptionsSetProgress(options, sl_raster__make_progress, &made);
    GDALDatasetH done = options ? GDALDEMProcessing(made.path, in->dataset, what, NULL, options, &bad_usage) : NULL;
    if (done)
        GDALClose(done);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    GDALDEMProcessingOptionsFree(options);
    CSLDestroy(list);
    return sl_raster__make_end(&made, !done || said || made.stopped, &gdal, &in, 1, out, err);
}

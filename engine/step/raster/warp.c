/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/raster/raster_options.h"

struct options {
    const char *to;
    double resolution;
    bool align;
    struct sl_bounds bounds;
    int resampling, gcps;
    struct json_object *nodata;
    bool alpha;
};

static const char *const methods[] = {"polynomial", "thin_plate", NULL};

#define GRID                                                                                                               \
    {.name = "to",                                                                                                         \
     .type = SL_OPT_CRS,                                                                                                   \
     .default_json = "null",                                                                                               \
     .offset = offsetof(struct options, to),                                                                               \
     .help = "The CRS of the result; without it that of the input, or of the first of several."},                          \
        {.name = "resolution",                                                                                             \
         .type = SL_OPT_NUMBER,                                                                                            \
         .default_json = "0",                                                                                              \
         .offset = offsetof(struct options, resolution),                                                                   \
         .bounded_below = true,                                                                                            \
         .help = "Width and height of a pixel in units of the CRS of the result; 0: about that of the input."},            \
        {.name = "align",                                                                                                  \
         .type = SL_OPT_BOOL,                                                                                              \
         .default_json = "false",                                                                                          \
         .offset = offsetof(struct options, align),                                                                        \
         .help = "true: the edges are multiples of the resolution, so that results of several files fit together."},       \
        {.name = "bounds",                                                                                                 \
         .type = SL_OPT_BOUNDS,                                                                                            \
         .default_json = "null",                                                                                           \
         .offset = offsetof(struct options, bounds),                                                                       \
         .help = "The extent of the result in its own CRS; without it all of the input."},                                 \
        {.name = "resampling",                                                                                             \
         .type = SL_OPT_ENUM,                                                                                              \
         .default_json = "\"auto\"",                                                                                       \
         .offset = offsetof(struct options, resampling),                                                                   \
         .choices = sl_raster__resamplings,                                                                                \
         .help = "How pixels are made of pixels. auto: nearest for palettes, named classes and packed bits, cubic for "    \
                 "colour images, else bilinear; classes without a palette need nearest or mode."},                         \
        {.name = "nodata",                                                                                                 \
         .type = SL_OPT_JSON,                                                                                              \
         .default_json = "null",                                                                                           \
         .offset = offsetof(struct options, nodata),                                                                       \
         .help = "The value where there is no data: a number or nan; without it the input's, and NaN for floats that "     \
                 "have none."},                                                                                            \
        {.name = "alpha",                                                                                                  \
         .type = SL_OPT_BOOL,                                                                                              \
         .default_json = "true",                                                                                           \
         .offset = offsetof(struct options, alpha),                                                                        \
         .help = "true: where no nodata, alpha or mask tells what lies outside of the input, an alpha band is added."}

static const struct sl_option warp_items[] = {
    GRID,
    {.name = "gcps",
     .type = SL_OPT_ENUM,
     .default_json = "\"polynomial\"",
     .offset = offsetof(struct options, gcps),
     .choices = methods,
     .help = "How control points are followed: by a polynomial as high as their number allows, or by a thin plate "
             "spline that meets each."},
};
static const struct sl_option mosaic_items[] = {GRID};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    enum sl_raster_no_data how;
    double nodata = 0;
    if (o->align && o->resolution == 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "align needs a resolution");
    if (o->bounds.given && (o->bounds.xmin >= o->bounds.xmax || o->bounds.ymin >= o->bounds.ymax))
        return sl_fail(err, SL_E_RECIPE_OPTION, "bounds: expected xmin < xmax and ymin < ymax");
    int rc = sl_raster__nodata(o->nodata, &how, &nodata, err);
    if (rc == 0 && how == SL_NODATA_NONE)
        return sl_fail(err, SL_E_RECIPE_OPTION, "nodata: expected a number or nan");
    return rc;
}

static int apply(const struct sl_raster_step_context *context, const void *data, struct sl_raster *const *in, size_t n,
                 struct sl_raster **out, struct sl_error *err)
{
    const struct options *o = data;
    enum sl_raster_no_data how = SL_NODATA_KEEP;
    struct sl_raster_warp warp = {.crs = o->to,
                                  .resolution = o->resolution,
                                  .align = o->align,
                                  .bounds = &o->bounds,
                                  .resampling = sl_raster__resampling(o->resampling),
                                  .add_alpha = o->alpha,
                                  .thin_plate = o->gcps == 1};
    int rc = sl_raster__nodata(o->nodata, &how, &warp.nodata, err);
    warp.has_nodata = how == SL_NODATA_VALUE;
    return rc < 0 ? rc : sl_raster_warp(context, in, n, &warp, out, err);
}

const struct sl_step_kind sl_step__warp = {
    .name = "warp",
    .data_type = "raster",
    .summary = "Puts a raster into another CRS or grid.",
    .help = "By GDAL's warper, in memory bounded by raster.warp_memory. A raster with ground control points and no "
            "transform gets its place by this step. A rotated raster comes out with north up.",
    .example = "- warp: {to: \"EPSG:25833\", resolution: 10, align: true}",
    .options = {.items = warp_items, .n = SL_STEP__COUNT(warp_items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .apply = apply,
};

const struct sl_step_kind sl_step__mosaic = {
    .name = "mosaic",
    .data_type = "raster",
    .summary = "Makes one raster of all files of the batch.",
    .help = "Takes them as `inputs: merge` hands them over, in the order of the manifest: where two overlap, the later one's "
            "pixels are taken, except where it has none. All need the same number of bands and the same data type; CRS "
            "and resolution may differ.",
    .example = "- mosaic: {resolution: 10, align: true}",
    .flags = SL_STEP_MERGES,
    .options = {.items = mosaic_items, .n = SL_STEP__COUNT(mosaic_items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .apply = apply,
};

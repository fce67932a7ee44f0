/* SPDX-License-Identifier: Apache-2.0 */
/* polygonize, contour and footprint: vectors made of rasters. */
#include <math.h>
#include <string.h>

#include "json/json.h"
#include "step/kinds.h"
#include "step/raster/raster_options.h"

enum { LEVELS_MAX = 1000 };
#define FEATURES_MAX 20000000

#define BAND(struct_, text)                                                                                                \
    {.name = "band",                                                                                                       \
     .type = SL_OPT_INTEGER,                                                                                               \
     .default_json = "1",                                                                                                  \
     .offset = offsetof(struct_, band),                                                                                    \
     .bounded_below = true,                                                                                                \
     .bounded_above = true,                                                                                                \
     .minimum = 1,                                                                                                         \
     .maximum = 65535,                                                                                                     \
     .help = text}
#define MAX_FEATURES(struct_)                                                                                              \
    {.name = "max_features",                                                                                               \
     .type = SL_OPT_INTEGER,                                                                                               \
     .default_json = "1000000",                                                                                            \
     .offset = offsetof(struct_, max_features),                                                                            \
     .bounded_below = true,                                                                                                \
     .bounded_above = true,                                                                                                \
     .minimum = 1,                                                                                                         \
     .maximum = FEATURES_MAX,                                                                                              \
     .help = "More rows than this fail the batch, so that noise does not become a dataset."}

/* ---- polygonize ---- */

struct polygonize {
    int64_t band, connectedness, max_features;
    const char *column;
    bool skip_nodata;
};

static const struct sl_option polygonize_items[] = {
    BAND(struct polygonize, "The band whose equal values make areas."),
    {.name = "connectedness",
     .type = SL_OPT_INTEGER,
     .default_json = "4",
     .offset = offsetof(struct polygonize, connectedness),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 4,
     .maximum = 8,
     .help = "4: pixels are neighbours that share a side; 8: also those that share a corner."},
    {.name = "column",
     .type = SL_OPT_COLUMN,
     .default_json = "\"value\"",
     .offset = offsetof(struct polygonize, column),
     .help = "The column that gets the value."},
    {.name = "skip_nodata",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct polygonize, skip_nodata),
     .help = "true: pixels without data (nodata, masked, NaN) are in no area; false: they are areas like others, of the number "
             "that stands there."},
    MAX_FEATURES(struct polygonize),
};

static int validate_polygonize(const void *data, struct sl_error *err)
{
    const struct polygonize *o = data;
    if (o->connectedness == 4 || o->connectedness == 8)
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "connectedness: expected 4 or 8, found %d", (int)o->connectedness);
}

static int polygonize(const struct sl_raster_step_context *context, const void *data, struct sl_raster *in, const char *path,
                      int64_t *rows, struct sl_error *err)
{
    const struct polygonize *o = data;
    const struct sl_raster_polygonize p = {.band = o->band,
                                           .eight_connected = o->connectedness == 8,
                                           .column = o->column,
                                           .skip_nodata = o->skip_nodata,
                                           .max_features = o->max_features};
    return sl_raster_polygonize(context, in, &p, path, rows, err);
}

const struct sl_step_kind sl_step__polygonize = {
    .name = "polygonize",
    .data_type = "raster",
    .summary = "Makes polygons of a raster: one for each area of equal values.",
    .help = "Steps after it are for vectors, and so are checks and outputs. Along the edges of pixels, also of rotated ones. A "
            "polygon may touch itself at a corner: put a make_valid step after it where that matters. Values that are floats "
            "are compared as 32-bit floats; scale or calc make classes of measurements first.",
    .example = "- polygonize: {band: 1, connectedness: 4, column: class}",
    .options = {.items = polygonize_items, .n = SL_STEP__COUNT(polygonize_items), .struct_bytes = sizeof(struct polygonize)},
    .validate = validate_polygonize,
    .vectorise = polygonize,
};

/* ---- contour ---- */

struct contour {
    int64_t band, max_features;
    double interval, base;
    struct json_object *levels;
    const char *column;
    bool polygons;
};

static const struct sl_option contour_items[] = {
    BAND(struct contour, "The band of heights, or of what else has levels."),
    {.name = "interval",
     .type = SL_OPT_NUMBER,
     .default_json = "0",
     .offset = offsetof(struct contour, interval),
     .bounded_below = true,
     .help = "How far levels are apart, in the unit of the values; or give levels."},
    {.name = "base",
     .type = SL_OPT_NUMBER,
     .default_json = "0",
     .offset = offsetof(struct contour, base),
     .help = "A level from which the interval counts up and down."},
    {.name = "levels",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     .offset = offsetof(struct contour, levels),
     .help = "The levels themselves, rising numbers, instead of interval."},
    {.name = "column",
     .type = SL_OPT_COLUMN,
     .default_json = "\"level\"",
     .offset = offsetof(struct contour, column),
     .help = "The column that gets the level of a line; an area has two, with _min and _max behind the name."},
    {.name = "polygons",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct contour, polygons),
     .help = "true: the areas between levels as polygons, instead of lines."},
    MAX_FEATURES(struct contour),
};

static int levels_of(const struct contour *o, double *levels, size_t *n, struct sl_error *err)
{
    *n = o->levels ? json_object_array_length(o->levels) : 0;
    if (*n > LEVELS_MAX)
        return sl_fail(err, SL_E_RECIPE_OPTION, "levels: expected at most %d, found %zu", LEVELS_MAX, *n);
    for (size_t i = 0; i < *n; i++) {
        struct json_object *v = json_object_array_get_idx(o->levels, i);
        if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
            return sl_fail(err, SL_E_RECIPE_OPTION, "levels: expected numbers");
        levels[i] = json_object_get_double(v);
        if (!isfinite(levels[i]) || (i > 0 && levels[i] <= levels[i - 1]))
            return sl_fail(err, SL_E_RECIPE_OPTION, "levels: expected numbers that rise");
    }
    return 0;
}

static int validate_contour(const void *data, struct sl_error *err)
{
    enum { SUFFIX = 4, NAME_MAX_BYTES = 63 };
    const struct contour *o = data;
    double levels[LEVELS_MAX];
    size_t n = 0;
    if ((o->interval > 0) == (o->levels != NULL))
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs interval or levels, one of the two");
    if (o->base != 0 && o->levels)
        return sl_fail(err, SL_E_RECIPE_OPTION, "base goes with interval only");
    if (strlen(o->column) + (o->polygons ? SUFFIX : 0) > NAME_MAX_BYTES)
        return sl_fail(err, SL_E_RECIPE_OPTION, "column: \"%s\" is too long to get _min and _max", o->column);
    return levels_of(o, levels, &n, err);
}

static int contour(const struct sl_raster_step_context *context, const void *data, struct sl_raster *in, const char *path,
                   int64_t *rows, struct sl_error *err)
{
    const struct contour *o = data;
    double levels[LEVELS_MAX];
    struct sl_raster_contour c = {.band = o->band,
                                  .interval = o->interval,
                                  .base = o->base,
                                  .levels = levels,
                                  .column = o->column,
                                  .polygons = o->polygons,
                                  .max_features = o->max_features};
    int rc = levels_of(o, levels, &c.n_levels, err);
    return rc < 0 ? rc : sl_raster_contour(context, in, &c, path, rows, err);
}

const struct sl_step_kind sl_step__contour = {
    .name = "contour",
    .data_type = "raster",
    .summary = "Makes lines of equal height, or the areas between them, of a raster.",
    .help = "Steps after it are for vectors, and so are checks and outputs. A pixel's value counts for its centre; between "
            "centres heights are linear. Where pixels have no data there are no lines.",
    .example = "- contour: {interval: 10, column: height}",
    .options = {.items = contour_items, .n = SL_STEP__COUNT(contour_items), .struct_bytes = sizeof(struct contour)},
    .validate = validate_contour,
    .vectorise = contour,
};

/* ---- footprint ---- */

struct footprint {
    double simplify_pixels, tolerance;
    bool holes;
};

static const struct sl_option footprint_items[] = {
    {.name = "simplify_pixels",
     .type = SL_OPT_NUMBER,
     .default_json = "0",
     .offset = offsetof(struct footprint, simplify_pixels),
     .bounded_below = true,
     .help = "How far the outline may be off, in pixels; 0: it goes along the edges of pixels."},
    {.name = "tolerance",
     .type = SL_OPT_NUMBER,
     .default_json = "0",
     .offset = offsetof(struct footprint, tolerance),
     .bounded_below = true,
     .help = "The same in units of the CRS; give one of the two."},
    {.name = "holes",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct footprint, holes),
     .help = "true: what has no data inside of the outline is a hole; false: holes are filled."},
};

static int validate_footprint(const void *data, struct sl_error *err)
{
    const struct footprint *o = data;
    if (o->simplify_pixels > 0 && o->tolerance > 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "takes simplify_pixels or tolerance, not both");
    return 0;
}

static int footprint(const struct sl_raster_step_context *context, const void *data, struct sl_raster *in, const char *path,
                     int64_t *rows, struct sl_error *err)
{
    const struct footprint *o = data;
    const struct sl_raster_footprint f = {.simplify_pixels = o->simplify_pixels, .tolerance = o->tolerance, .holes = o->holes};
    return sl_raster_footprint(context, in, &f, path, rows, err);
}

const struct sl_step_kind sl_step__footprint = {
    .name = "footprint",
    .data_type = "raster",
    .summary = "Makes the outline of what a raster has data for.",
    .help = "One row with one multipolygon, in the raster's CRS, and the number of pixels in the column valid_pixels; no row where "
            "no pixel has data. A pixel counts when any band but alpha has a value there. Steps after it are for vectors, and "
            "so are checks and outputs.",
    .example = "- footprint: {simplify_pixels: 1}",
    .options = {.items = footprint_items, .n = SL_STEP__COUNT(footprint_items), .struct_bytes = sizeof(struct footprint)},
    .validate = validate_footprint,
    .vectorise = footprint,
};

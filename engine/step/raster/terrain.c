/* SPDX-License-Identifier: Apache-2.0 */
/* hillshade and slope of heights, and the statistics of any values. */
#include "step/kinds.h"
#include "step/raster/raster_options.h"

struct options {
    int64_t band;
    double azimuth, altitude, z_factor, scale;
    bool multidirectional;
    int unit;
};

static const char *const units[] = {"degrees", "percent", NULL};

#define COMMON                                                                                                             \
    {.name = "band",                                                                                                       \
     .type = SL_OPT_INTEGER,                                                                                               \
     .default_json = "1",                                                                                                  \
     .offset = offsetof(struct options, band),                                                                             \
     .bounded_below = true,                                                                                                \
     .bounded_above = true,                                                                                                \
     .minimum = 1,                                                                                                         \
     .maximum = 65535,                                                                                                     \
     .help = "The band of heights."},                                                                                      \
        {.name = "scale",                                                                                                  \
         .type = SL_OPT_NUMBER,                                                                                            \
         .default_json = "0",                                                                                              \
         .offset = offsetof(struct options, scale),                                                                        \
         .bounded_below = true,                                                                                            \
         .help = "Units of height in one horizontal unit; 0: 111120 where the CRS is in degrees (heights in metres), "     \
                 "else 1."}

static const struct sl_option hillshade_items[] = {
    COMMON,
    {.name = "azimuth",
     .type = SL_OPT_NUMBER,
     .default_json = "315",
     .offset = offsetof(struct options, azimuth),
     .bounded_below = true,
     .bounded_above = true,
     .maximum = 360,
     .help = "Where the light comes from, in degrees clockwise from north."},
    {.name = "altitude",
     .type = SL_OPT_NUMBER,
     .default_json = "45",
     .offset = offsetof(struct options, altitude),
     .bounded_below = true,
     .bounded_above = true,
     .maximum = 90,
     .help = "How high the light stands, in degrees above the horizon."},
    {.name = "multidirectional",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, multidirectional),
     .help = "true: light from four directions at once, and azimuth does not count."},
    {.name = "z_factor",
     .type = SL_OPT_NUMBER,
     .default_json = "1",
     .offset = offsetof(struct options, z_factor),
     .bounded_below = true,
     .above_minimum = true,
     .help = "What heights are multiplied by before."},
};

static const struct sl_option slope_items[] = {
    COMMON,
    {.name = "unit",
     .type = SL_OPT_ENUM,
     .default_json = "\"degrees\"",
     .offset = offsetof(struct options, unit),
     .choices = units,
     .help = "The unit of the result."},
};

static int apply(const struct sl_raster_step_context *context, const struct options *o, bool slope, struct sl_raster *in,
                 struct sl_raster **out, struct sl_error *err)
{
    const struct sl_raster_terrain terrain = {.slope = slope,
                                              .azimuth = o->azimuth,
                                              .altitude = o->altitude,
                                              .multidirectional = o->multidirectional,
                                              .percent = o->unit == 1,
                                              .z_factor = o->z_factor,
                                              .scale = o->scale,
                                              .band = (int)o->band};
    return sl_raster_terrain(context, in, &terrain, out, err);
}

static int apply_hillshade(const struct sl_raster_step_context *context, const void *options, struct sl_raster *const *in,
                           size_t n, struct sl_raster **out, struct sl_error *err)
{
    (void)n;
    return apply(context, options, false, in[0], out, err);
}

static int apply_slope(const struct sl_raster_step_context *context, const void *options, struct sl_raster *const *in,
                       size_t n, struct sl_raster **out, struct sl_error *err)
{
    (void)n;
    return apply(context, options, true, in[0], out, err);
}

const struct sl_step_kind sl_step__hillshade = {
    .name = "hillshade",
    .data_type = "raster",
    .summary = "Makes the shaded relief of heights.",
    .help = "Bytes from 1 (dark) to 255, 0 is nodata. By GDAL's algorithm (Horn), edges computed too.",
    .example = "- hillshade: {azimuth: 315, altitude: 45}",
    .options = {.items = hillshade_items, .n = SL_STEP__COUNT(hillshade_items), .struct_bytes = sizeof(struct options)},
    .apply = apply_hillshade,
};

const struct sl_step_kind sl_step__slope = {
    .name = "slope",
    .data_type = "raster",
    .summary = "Makes the slope of heights.",
    .help = "Float32, -9999 is nodata. By GDAL's algorithm (Horn), edges computed too.",
    .example = "- slope: {unit: percent}",
    .options = {.items = slope_items, .n = SL_STEP__COUNT(slope_items), .struct_bytes = sizeof(struct options)},
    .apply = apply_slope,
};

/* ---- stats ---- */

struct none {
    char unused; /* a struct has a member */
};

static int apply_stats(const struct sl_raster_step_context *context, const void *options, struct sl_raster *const *in, size_t n,
                       struct sl_raster **out, struct sl_error *err)
{
    (void)options, (void)n;
    return sl_raster_stats(context, in[0], out, err);
}

const struct sl_step_kind sl_step__stats = {
    .name = "stats",
    .data_type = "raster",
    .summary = "Keeps minimum, maximum, mean and standard deviation of each band.",
    .help = "Over all pixels that have data; in the file's metadata and in the STAC item. Best the last step: what changes "
            "pixels leaves them behind.",
    .example = "- stats: {}",
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct none)},
    .apply = apply_stats,
};

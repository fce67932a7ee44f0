/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "json/json.h"
#include "step/kinds.h"
#include "step/raster/raster_options.h"

struct options {
    struct json_object *from, *to, *nodata;
    int data_type;
    bool clamp;
};

static const struct sl_option items[] = {
    {.name = "from",
     .type = SL_OPT_VALUES,
     .offset = offsetof(struct options, from),
     .help = "[low, high]: the values that become those of `to`."},
    {.name = "to",
     .type = SL_OPT_VALUES,
     .offset = offsetof(struct options, to),
     .help = "[low, high]: what they become. The first may be the greater one."},
    {.name = "data_type",
     .type = SL_OPT_ENUM,
     .default_json = "\"auto\"",
     .offset = offsetof(struct options, data_type),
     .choices = sl_raster__types,
     .help = "The data type of the result; auto: that of the input. Integers are rounded, half to even."},
    {.name = "clamp",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct options, clamp),
     .help = "true: values beyond `from` become the ends of `to`; false: the line goes on, as far as the data type has "
             "room."},
    {.name = "nodata",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = offsetof(struct options, nodata),
     .help = "The result's value for no data: a number, nan, or none; without it the input's where the data type has it."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    enum sl_raster_no_data how;
    double from[2], to[2], nodata = 0;
    int rc = sl_raster__range("from", o->from, from, err);
    rc = rc < 0 ? rc : sl_raster__range("to", o->to, to, err);
    rc = rc < 0 ? rc : sl_raster__nodata(o->nodata, &how, &nodata, err);
    if (rc == 0 && !(from[0] < from[1]))
        return sl_fail(err, SL_E_RECIPE_OPTION, "from: expected the lower value first");
    return rc;
}

/* The line, and which bands are transparency: those keep their share of the full range. */
struct work {
    double from[2], to[2];
    bool clamp;
    const struct sl_raster_info *info;
    double alpha_factor;
};

static int pixels(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err)
{
    const struct work *w = data;
    double factor = (w->to[1] - w->to[0]) / (w->from[1] - w->from[0]);
    (void)err;
    for (size_t b = 0; b < w->info->n_bands; b++) {
        bool alpha = !strcmp(w->info->bands[b].color_interpretation, "Alpha");
        for (size_t k = 0; k < n; k++) {
            double v = in[b][k];
            if (w->clamp && !alpha && !isnan(v))
                v = v < w->from[0] ? w->from[0] : v > w->from[1] ? w->from[1] : v;
            out[b][k] = alpha ? v * w->alpha_factor : w->to[0] + (v - w->from[0]) * factor;
        }
    }
    return 0;
}

static double opaque(const char *gdal_type)
{
    return !strcmp(gdal_type, "Byte") ? 255 : !strcmp(gdal_type, "UInt16") ? 65535 : !strcmp(gdal_type, "Int16") ? 32767 : 255;
}

static int apply(const struct sl_raster_step_context *context, const void *data, struct sl_raster *const *in, size_t n,
                 struct sl_raster **out, struct sl_error *err)
{
    const struct options *o = data;
    const struct sl_raster_info *info = sl_raster_info(in[0]);
    const char *type = sl_raster__type(o->data_type) ? sl_raster__type(o->data_type) : info->bands[0].data_type;
    struct work work = {.clamp = o->clamp, .info = info, .alpha_factor = opaque(type) / opaque(info->bands[0].data_type)};
    struct sl_raster_map map = {
        .data_type = type, .n_bands = info->n_bands, .keeps_bands = true, .pixels = pixels, .data = &work};
    (void)n;
    int rc = sl_raster__range("from", o->from, work.from, err);
    rc = rc < 0 ? rc : sl_raster__range("to", o->to, work.to, err);
    rc = rc < 0 ? rc : sl_raster__nodata(o->nodata, &map.no_data, &map.nodata, err);
    return rc < 0 ? rc : sl_raster_map(context, in[0], &map, out, err);
}

const struct sl_step_kind sl_step__scale = {
    .name = "scale",
    .data_type = "raster",
    .summary = "Brings values from one range to another, and to another data type.",
    .help = "Pixels without data stay without. An alpha band keeps its share of full opacity. A palette is left behind.",
    .example = "- scale: {from: [0, 10000], to: [1, 255], data_type: byte, nodata: 0}",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .apply = apply,
};

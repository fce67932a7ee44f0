/* SPDX-License-Identifier: Apache-2.0 */
/* clip and select_bands: some of the pixels, as they are. */
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "step/kinds.h"
#include "step/raster/raster_options.h"

/* ---- clip ---- */

struct clip {
    struct sl_bounds bounds;
    const char *crs;
};

static const struct sl_option clip_items[] = {
    {.name = "bounds", .type = SL_OPT_BOUNDS, .offset = offsetof(struct clip, bounds), .help = "What is kept."},
    {.name = "crs",
     .type = SL_OPT_CRS,
     .default_json = "null",
     .offset = offsetof(struct clip, crs),
     .help = "The CRS of the bounds; without it that of the raster."},
};

static int apply_clip(const struct sl_raster_step_context *context, const void *data, struct sl_raster *const *in, size_t n,
                      struct sl_raster **out, struct sl_error *err)
{
    const struct clip *o = data;
    (void)context, (void)n;
    return sl_raster_clip(in[0], &o->bounds, o->crs, out, err);
}

const struct sl_step_kind sl_step__clip_raster = {
    .name = "clip",
    .data_type = "raster",
    .summary = "Keeps the pixels that bounds touch.",
    .help = "Whole pixels, unchanged. Bounds in another CRS are brought to the raster's, as the rectangle around them. Bounds "
            "that touch no pixel fail the batch.",
    .example = "- clip: {bounds: [13.0, 52.3, 13.8, 52.7], crs: \"EPSG:4326\"}",
    .options = {.items = clip_items, .n = SL_STEP__COUNT(clip_items), .struct_bytes = sizeof(struct clip)},
    .apply = apply_clip,
};

/* ---- select_bands ---- */

enum { BANDS_MAX = 1024 };

struct select {
    struct json_object *bands;
};

static const struct sl_option select_items[] = {
    {.name = "bands",
     .type = SL_OPT_VALUES,
     .offset = offsetof(struct select, bands),
     .help = "Numbers of bands, from 1, or their descriptions; in the order that the result has them."},
};

static int validate_select(const void *data, struct sl_error *err)
{
    const struct select *o = data;
    size_t n = json_object_array_length(o->bands);
    if (n > BANDS_MAX)
        return sl_fail(err, SL_E_RECIPE_OPTION, "bands: expected at most %d, found %zu", BANDS_MAX, n);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(o->bands, i);
        bool number = json_object_is_type(item, json_type_int) && json_object_get_int64(item) >= 1 &&
                      json_object_get_int64(item) <= 65535;
        if (!number && !json_object_is_type(item, json_type_string))
            return sl_fail(err, SL_E_RECIPE_OPTION, "bands: expected numbers from 1 on or descriptions");
    }
    return 0;
}

static int find(const struct sl_raster_info *info, const char *name, int *out, struct sl_error *err)
{
    const char *names[BANDS_MAX];
    size_t n = info->n_bands < BANDS_MAX ? info->n_bands : BANDS_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = info->bands[i].description;
        if (!strcmp(names[i], name)) {
            *out = (int)i + 1;
            return 0;
        }
    }
    const char *near = sl_text_nearest(name, names, n);
    return near && *near ? sl_fail(err, SL_E_RECIPE_OPTION, "select_bands: there is no band \"%s\", did you mean \"%s\"?", name, near)
                         : sl_fail(err, SL_E_RECIPE_OPTION, "select_bands: there is no band \"%s\"", name);
}

static int apply_select(const struct sl_raster_step_context *context, const void *data, struct sl_raster *const *in,
                        size_t n_in, struct sl_raster **out, struct sl_error *err)
{
    const struct select *o = data;
    int numbers[BANDS_MAX];
    size_t n = json_object_array_length(o->bands);
    (void)context, (void)n_in;
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(o->bands, i);
        int rc = 0;
        if (json_object_is_type(item, json_type_string))
            rc = find(sl_raster_info(in[0]), json_object_get_string(item), &numbers[i], err);
        else
            numbers[i] = json_object_get_int(item);
        if (rc < 0)
            return rc;
    }
    return sl_raster_bands(in[0], numbers, n, out, err);
}

const struct sl_step_kind sl_step__select_bands = {
    .name = "select_bands",
    .data_type = "raster",
    .summary = "Keeps some of the bands, in a given order.",
    .example = "- select_bands: {bands: [4, 3, 2]}",
    .options = {.items = select_items, .n = SL_STEP__COUNT(select_items), .struct_bytes = sizeof(struct select)},
    .validate = validate_select,
    .apply = apply_select,
};

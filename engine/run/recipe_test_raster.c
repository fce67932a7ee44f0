/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of raster recipes: pixels in, the pixels of the first output out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "geo/format.h"
#include "geo/gdal/raster_steps.h"
#include "geo/gdal/raster_values.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/feature_diff.h"
#include "run/raster_work.h"
#include "run/recipe_trial.h"

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* ---- pixels in ---- */

static double *pixels_of(struct sl_trial *t, struct json_object *bands, int64_t width, int64_t height)
{
    size_t n = (size_t)(width * height), k = 0;
    double *pixels = sl_arena_array(t->arena, length(bands) * n, sizeof *pixels);
    for (size_t i = 0; i < length(bands); i++)
        for (size_t row = 0; row < (size_t)height; row++)
            for (size_t column = 0; column < (size_t)width; column++) {
                struct json_object *v = json_object_array_get_idx(
                    json_object_array_get_idx(json_object_array_get_idx(bands, i), row), column);
                pixels[k++] = v ? json_object_get_double(v) : NAN;
            }
    return pixels;
}

static int write_input(struct sl_trial *t, const struct sl_crs *crs, struct sl_error *err)
{
    struct json_object *given = t->test->input, *bands = sl_json_get(given, "bands"), *bounds = sl_json_get(given, "bounds");
    struct sl_raster_values v = {.height = (int64_t)length(json_object_array_get_idx(bands, 0)),
                                 .n_bands = length(bands),
                                 .data_type = sl_json_str(given, "type", "Float32"),
                                 .crs = crs,
                                 .has_nodata = sl_json_get(given, "nodata") != NULL,
                                 .nodata = sl_json_num(given, "nodata", 0)};
    v.width = (int64_t)length(json_object_array_get_idx(json_object_array_get_idx(bands, 0), 0));
    for (size_t i = 0; i < 4; i++)
        v.bounds[i] = json_object_get_double(json_object_array_get_idx(bounds, i));
    v.pixels = pixels_of(t, bands, v.width, v.height);
    t->input = sl_path_join(t->arena, t->scratch, "input.tif");
    return sl_raster_values_write(&v, t->input, err);
}

/* ---- pixels out ---- */

static struct json_object *bounds_json(const double bounds[4])
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < 4; i++)
        json_object_array_add(list, sl_json_double(bounds[i]));
    return list;
}

/* Rows of pixels, JSON null without a value. */
static int band_json(struct sl_raster *raster, int band, struct json_object **out, struct sl_error *err)
{
    const struct sl_raster_info *info = sl_raster_info(raster);
    double *pixels = sl_xcalloc((size_t)(info->width * info->height), sizeof *pixels);
    int rc = sl_raster_values_read(raster, band, pixels, err);
    if (rc == 0) {
        *out = json_object_new_array();
        for (int64_t y = 0; y < info->height; y++) {
            struct json_object *row = json_object_new_array();
            for (int64_t x = 0; x < info->width; x++)
                json_object_array_add(row, sl_json_double(pixels[y * info->width + x]));
            json_object_array_add(*out, row);
        }
    }
    free(pixels);
    return rc;
}

enum { PIXELS_OUT_MAX = 4096 * 4096 };

static int describe(struct sl_raster *raster, bool pixels, struct json_object *out, struct sl_error *err)
{
    const struct sl_raster_info *info = sl_raster_info(raster);
    struct json_object *bands = json_object_new_array();
    int rc = 0;
    sl_json_put_int(out, "width", info->width);
    sl_json_put_int(out, "height", info->height);
    sl_json_put_str(out, "crs", info->crs ? info->crs->id : NULL);
    sl_json_put(out, "bounds", bounds_json(info->bounds));
    sl_json_put_str(out, "type", info->bands[0].data_type);
    sl_json_put(out, "nodata", info->bands[0].has_nodata ? sl_json_double(info->bands[0].nodata) : NULL);
    sl_json_put(out, "bands", bands);
    if (pixels && info->width * info->height > PIXELS_OUT_MAX)
        return sl_fail(err, SL_E_LIMIT, "a test's raster has more than %d pixels", PIXELS_OUT_MAX);
    for (size_t i = 0; pixels && rc == 0 && i < info->n_bands; i++) {
        struct json_object *band = NULL;
        rc = band_json(raster, (int)i + 1, &band, err);
        if (rc == 0)
            json_object_array_add(bands, band);
    }
    return rc;
}

static const char *shown(struct json_object *value)
{
    if (!value)
        return "null";
    return json_object_is_type(value, json_type_array) ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)
                                                       : json_object_get_string(value);
}

/* The first pixel that differs, by band, row and column from 1; of bands of other sizes, the sizes. */
static void compare_bands(struct sl_trial *t, struct json_object *expected, struct json_object *found)
{
    if (length(expected) != length(found)) {
        sl_trial_say(t, sl_arena_printf(t->arena, "bands: expected %zu, found %zu", length(expected), length(found)));
        return;
    }
    for (size_t b = 0; b < length(expected); b++) {
        struct json_object *x = json_object_array_get_idx(expected, b), *y = json_object_array_get_idx(found, b);
        size_t rows = length(x), columns = length(json_object_array_get_idx(x, 0));
        if (rows != length(y) || columns != length(json_object_array_get_idx(y, 0))) {
            sl_trial_say(t, sl_arena_printf(t->arena, "band %zu: expected %zu × %zu pixels, found %zu × %zu", b + 1, columns, rows,
                                            length(json_object_array_get_idx(y, 0)), length(y)));
            continue;
        }
        for (size_t i = 0; i < rows * columns; i++) {
            struct json_object *p = json_object_array_get_idx(json_object_array_get_idx(x, i / columns), i % columns);
            struct json_object *q = json_object_array_get_idx(json_object_array_get_idx(y, i / columns), i % columns);
            if (sl_json_close(p, q, t->test->tolerance))
                continue;
            sl_trial_say(t, sl_arena_printf(t->arena, "band %zu, row %zu, column %zu: expected %s, found %s", b + 1,
                                            i / columns + 1, i % columns + 1, shown(p), shown(q)));
            break;
        }
    }
}

static void compare(struct sl_trial *t, struct json_object *found)
{
    json_object_object_foreach(t->test->expect, key, value)
    {
        struct json_object *other = sl_json_get(found, key);
        if (!strcmp(key, "bands"))
            compare_bands(t, value, other);
        else if (!sl_json_close(value, other, t->test->tolerance))
            sl_trial_say(t, sl_arena_printf(t->arena, "%s: expected %s, found %s", key, shown(value), shown(other)));
    }
}

/* What a user would get is read again. */
static int look_at_output(struct sl_trial *t, const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *found = json_object_new_object();
    int rc = sl_raster_open(path, sl_format_by_name("GTiff"), NULL, &raster, err);
    if (rc == 0)
        rc = describe(raster, sl_json_get(t->test->expect, "bands") != NULL, found, err);
    if (rc < 0)
        return rc;
    if (t->test->fails)
        sl_trial_say(t, sl_arena_printf(t->arena, "expected the error %s, but nothing failed", t->test->fails));
    else
        compare(t, found);
    return 0;
}

static int open_input(struct sl_trial *t, const struct sl_crs *crs, struct sl_raster **out, struct sl_error *err)
{
    SL_CLEANUP(sl_raster_closep) struct sl_raster *raster = NULL;
    const struct sl_raster_limits limits = {.max_pixels = t->engine->config->raster_max_pixels};
    int rc = sl_raster_open(t->input, sl_format_by_name("GTiff"), &limits, &raster, err);
    if (rc < 0)
        return rc;
    if (t->test->file && !sl_raster_info(raster)->crs)
        return sl_raster_assign(raster, crs, out, err);
    *out = raster;
    raster = NULL;
    return 0;
}

/* Opens the test's raster and takes it through the steps for rasters; items has room for one. */
static int begin(struct sl_trial *t, struct sl_raster **items, struct sl_raster_work *w, struct sl_error *err)
{
    const struct sl_config *config = t->engine->config;
    struct sl_crs *crs = sl_arena_alloc(t->arena, sizeof *crs);
    *w = (struct sl_raster_work){.bound = &t->bound,
                                 .context = {.scratch = t->scratch,
                                             .threads = (int)config->compute_threads,
                                             .memory_bytes = config->raster_warp_memory_bytes,
                                             .max_pixels = config->raster_max_pixels},
                                 .items = items};
    int rc = sl_crs_parse(t->test->crs, t->arena, crs, err);
    if (rc == 0)
        rc = t->test->input ? write_input(t, crs, err) : sl_trial_find_file(t, err);
    if (rc == 0)
        rc = open_input(t, crs, &items[0], err);
    if (rc < 0)
        return rc;
    w->n = 1;
    return sl_raster_work_steps(w, err);
}

int sl_trial_raster(struct sl_trial *t, struct sl_error *err)
{
    struct sl_raster *items[1] = {NULL};
    struct sl_raster_work w;
    SL_CLEANUP(sl_raster_closep) struct sl_raster *view = NULL;
    const char *path = sl_path_join(t->arena, t->scratch, "output.tif");
    int rc = begin(t, items, &w, err);
    if (rc == 0)
        rc = sl_raster_work_view(&w, &t->bound.outputs[0], NULL, &view, err);
    if (rc == 0)
        rc = sl_raster_work_write(&w, view, &t->bound.outputs[0], NULL, path, err);
    sl_raster_work_close(&w);
    return rc < 0 ? rc : look_at_output(t, path, err);
}

int sl_trial_vectorise(struct sl_trial *t, const char **path, const struct sl_crs **crs, struct sl_error *err)
{
    struct sl_raster *items[1] = {NULL};
    struct sl_raster_work w;
    int64_t rows = 0;
    int rc = begin(t, items, &w, err);
    if (rc == 0)
        rc = sl_raster_work_vectorise(&w, t->arena, t->work.added, path, &rows, err);
    if (rc == 0)
        *crs = sl_batch_copy_crs(t->arena, sl_raster_info(items[0])->crs);
    sl_raster_work_close(&w);
    return rc;
}

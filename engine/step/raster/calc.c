/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "geo/band_math.h"
#include "json/json.h"
#include "step/kinds.h"
#include "step/raster/raster_options.h"

enum { EXPRESSIONS_MAX = 64 };

struct options {
    const char *expression;
    struct json_object *expressions, *names, *nodata;
    int data_type;
};

static const struct sl_option items[] = {
    {.name = "expression",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct options, expression),
     .help = "What the one band of the result is, computed for each pixel of the bands b1, b2, ….",
    },
    {.name = "expressions",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     .offset = offsetof(struct options, expressions),
     .help = "The same for several bands, one expression each."},
    {.name = "names",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     .offset = offsetof(struct options, names),
     .help = "Descriptions of the bands of the result, as many as there are expressions."},
    {.name = "data_type",
     .type = SL_OPT_ENUM,
     .default_json = "\"auto\"",
     .offset = offsetof(struct options, data_type),
     .choices = sl_raster__types,
     .help = "The data type of the result; auto: float32. Values beyond it become its least or greatest, integers are "
             "rounded, half to even."},
    {.name = "nodata",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = offsetof(struct options, nodata),
     .help = "The result's value for no data: a number, nan, or none; without it NaN for floats, and for integers the first "
             "band's where the data type has it."},
};

static size_t count(const struct options *o)
{
    return o->expression ? 1 : json_object_array_length(o->expressions);
}

static const char *text_at(struct json_object *list, size_t i)
{
    struct json_object *item = json_object_array_get_idx(list, i);
    return json_object_is_type(item, json_type_string) ? json_object_get_string(item) : NULL;
}

static const char *expression_at(const struct options *o, size_t i)
{
    return o->expression ? o->expression : text_at(o->expressions, i);
}

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    enum sl_raster_no_data how;
    double nodata = 0;
    if (!o->expression == !o->expressions)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs expression or expressions, one of the two");
    size_t n = count(o);
    if (n > EXPRESSIONS_MAX)
        return sl_fail(err, SL_E_RECIPE_OPTION, "expressions: expected at most %d, found %zu", EXPRESSIONS_MAX, n);
    if (o->names && json_object_array_length(o->names) != n)
        return sl_fail(err, SL_E_RECIPE_OPTION, "names: expected %zu, one for each expression, found %zu", n,
                       json_object_array_length(o->names));
    for (size_t i = 0; i < n; i++) {
        struct sl_band_math *math = NULL;
        if (!expression_at(o, i) || (o->names && !text_at(o->names, i)))
            return sl_fail(err, SL_E_RECIPE_OPTION, "expected texts as expressions and names");
        int rc = sl_band_math_parse(expression_at(o, i), arena, &math, err);
        if (rc < 0)
            return rc;
    }
    return sl_raster__nodata(o->nodata, &how, &nodata, err);
}

struct work {
    struct sl_band_math *math[EXPRESSIONS_MAX];
    size_t n;
};

static int pixels(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err)
{
    const struct work *w = data;
    (void)err;
    for (size_t i = 0; i < w->n; i++)
        sl_band_math_run(w->math[i], in, out[i], n);
    return 0;
}

static bool reads(void *data, size_t band)
{
    const struct work *w = data;
    bool any = false;
    for (size_t i = 0; i < w->n && !any; i++)
        any = sl_band_math_reads(w->math[i], band + 1);
    return any;
}

static int apply(const struct sl_raster_step_context *context, const void *data, struct sl_raster *const *in, size_t n_in,
                 struct sl_raster **out, struct sl_error *err)
{
    const struct options *o = data;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *names[EXPRESSIONS_MAX] = {NULL};
    struct work work = {.n = count(o)};
    size_t there = sl_raster_info(in[0])->n_bands;
    (void)n_in;
    for (size_t i = 0; i < work.n; i++) {
        int rc = sl_band_math_parse(expression_at(o, i), arena, &work.math[i], err);
        if (rc < 0)
            return rc;
        size_t highest = sl_band_math_highest(work.math[i]);
        if (highest > there)
            return sl_fail(err, SL_E_RECIPE_OPTION, "calc: there is no band b%zu, the raster has %zu", highest, there);
        names[i] = o->names ? text_at(o->names, i) : NULL;
    }
    struct sl_raster_map map = {.data_type = o->data_type ? sl_raster__type(o->data_type) : "Float32",
                                .n_bands = work.n,
                                .descriptions = names,
                                .pixels = pixels,
                                .data = &work,
                                .reads = reads};
    int rc = sl_raster__nodata(o->nodata, &map.no_data, &map.nodata, err);
    /* The input's nodata is a value like any other here: a 0 that was computed is one. */
    if (map.no_data == SL_NODATA_KEEP && !strncmp(map.data_type, "Float", strlen("Float"))) {
        map.no_data = SL_NODATA_VALUE;
        map.nodata = NAN;
    }
    return rc < 0 ? rc : sl_raster_map(context, in[0], &map, out, err);
}

const struct sl_step_kind sl_step__calc = {
    .name = "calc",
    .data_type = "raster",
    .summary = "Computes bands from bands by expressions.",
    .help = "Numbers, bands b1, b2, …, + - * /, parentheses, comparisons (1 or 0) and the functions min, max, abs, sqrt, log, "
            "log10, exp, pow, floor, ceil, round, where(condition, then, else) and is_nodata. Everything is computed in "
            "double. What is computed with a pixel without data has none, but is_nodata(b1) is 1 there, and `where` takes "
            "only the side that it needs; the word nodata stands for none. So does what is no finite number, such as a "
            "division by zero.",
    .example = "- calc: {expression: \"(b4 - b3) / (b4 + b3)\", names: [ndvi]}",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .apply = apply,
};

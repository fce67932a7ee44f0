/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/given.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "grid/reader_internal.h"
#include "json/json.h"

struct given_reader {
    struct sl_grid_reader base;
    struct json_object *given;
    struct sl_grid__view *view;
    struct sl_grid_field field;
    double *values;
    size_t next;
};

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *item(struct json_object *list, size_t i)
{
    return json_object_array_get_idx(list, i);
}

/* ---- reading ---- */

static const char *text(struct json_object *f, const char *key)
{
    return sl_json_str(f, key, NULL);
}

static void fill_header(struct given_reader *r, struct json_object *f, size_t i)
{
    int64_t valid_us = 946684800000000; /* the year 2000 begins */
    int64_t to_s = llround(sl_json_num(f, "step", 0) * 3600);
    const char *valid = text(f, "valid"), *step_type = text(f, "step_type");
    if (valid)
        sl_clock_parse(valid, &valid_us);
    int64_t valid_s = (valid_us - (valid_us % 1000000 + 1000000) % 1000000) / 1000000;
    r->field = (struct sl_grid_field){
        .variable = text(f, "variable"),
        .name = text(f, "name"),
        .units = text(f, "units"),
        .param_id = sl_json_int(f, "param_id", -1),
        .reference_s = valid_s - to_s,
        .valid_s = valid_s,
        .step_type = step_type ? step_type : "instant",
        .step_from_s = sl_json_get(f, "step_from") ? llround(sl_json_num(f, "step_from", 0) * 3600) : to_s,
        .step_to_s = to_s,
        .level_type = text(f, "level_type"),
        .level = sl_json_num(f, "level", NAN),
        .level_top = NAN,
        .level_bottom = NAN,
        .member = sl_json_int(f, "member", -1),
        .index = (int64_t)i,
        .offset = -1,
        .bytes = -1};
}

static void fill_values(struct given_reader *r, struct json_object *f)
{
    struct json_object *rows = sl_json_get(f, "values");
    size_t k = 0;
    for (size_t i = 0; i < length(rows); i++)
        for (size_t j = 0; j < length(item(rows, i)); j++) {
            struct json_object *v = item(item(rows, i), j);
            r->values[k++] = v ? json_object_get_double(v) : NAN;
        }
    sl_grid__view_apply(r->view, r->values, &r->field.n_missing);
    r->field.points = &r->view->points;
    r->field.values = r->values;
    r->base.left_out.points += (int64_t)(r->view->n_all - r->view->points.n);
}

static int next(struct sl_grid_reader *base, bool decode, const struct sl_grid_field **out, bool *passable,
                struct sl_error *err)
{
    struct given_reader *r = (struct given_reader *)base;
    struct json_object *fields = sl_json_get(r->given, "fields");
    (void)passable;
    (void)err;
    while (r->next < length(fields)) {
        struct json_object *f = item(fields, r->next);
        fill_header(r, f, r->next++);
        if (!sl_grid__wanted(&base->options.select, &r->field, r->field.variable)) {
            base->left_out.fields++;
            base->left_out.points += (int64_t)r->view->n_all;
            continue;
        }
        if (decode)
            fill_values(r, f);
        *out = &r->field;
        return 1;
    }
    return 0;
}

static void close_reader(struct sl_grid_reader *base)
{
    struct given_reader *r = (struct given_reader *)base;
    sl_grid__view_free(r->view);
    free(r->values);
    free(r);
}

static double *axis(struct json_object *list)
{
    double *values = sl_xmalloc(length(list) * sizeof *values);
    for (size_t i = 0; i < length(list); i++)
        values[i] = json_object_get_double(item(list, i));
    return values;
}

int sl_grid_open_given(struct json_object *given, const struct sl_grid_options *options, struct sl_grid_reader **out,
                       struct sl_error *err)
{
    static const struct sl_grid__ops ops = {.next = next, .close = close_reader};
    struct given_reader *r = sl_xcalloc(1, sizeof *r);
    struct json_object *lats = sl_json_get(given, "lats"), *lons = sl_json_get(given, "lons");
    struct sl_grid__full full = {.lats = axis(lats),
                                 .lons = axis(lons),
                                 .n = length(lats) * length(lons),
                                 .n_rows = length(lats),
                                 .n_columns = length(lons),
                                 .type = "regular_ll"};
    char id[65];
    (void)err;
    r->base = (struct sl_grid_reader){.ops = &ops, .options = *options};
    r->given = given;
    r->values = sl_xmalloc(full.n * sizeof *r->values);
    sl_grid__points_hash(&full, id);
    r->view = sl_grid__view_new(&full, id, &options->select);
    *out = &r->base;
    return 0;
}

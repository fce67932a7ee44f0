/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of grid recipes: fields in, the values that the first output would keep out. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "geo/format.h"
#include "grid/given.h"
#include "json/json.h"
#include "lake/facts.h"
#include "run/feature_diff.h"
#include "run/grid_work.h"
#include "run/recipe_trial.h"

enum { VALUES_OUT_MAX = 10000 };

struct outcome {
    struct json_object *values; /* as features, which have properties only */
    int64_t rows, missing, not_selected;
    struct json_object *warnings;
};

static void put_time(struct json_object *o, const char *key, int64_t s)
{
    struct tm tm;
    char text[32];
    time_t t = (time_t)s;
    bool fits = gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    sl_json_put_str(o, key, fits ? text : NULL);
}

static struct json_object *value_json(const struct sl_grid_field *f, size_t i)
{
    struct json_object *feature = json_object_new_object(), *o = json_object_new_object();
    double lat, lon;
    sl_grid_place(f->points, i, &lat, &lon);
    sl_json_put_str(o, "variable", f->variable);
    sl_json_put_str(o, "name", f->name);
    sl_json_put_str(o, "units", f->units);
    sl_json_put(o, "param_id", f->param_id < 0 ? NULL : json_object_new_int64(f->param_id));
    sl_json_put(o, "lat", sl_lake_number(lat));
    sl_json_put(o, "lon", sl_lake_number(lon));
    sl_json_put(o, "value", sl_lake_number(f->values[i]));
    put_time(o, "valid_time", f->valid_s);
    put_time(o, "reference_time", f->reference_s);
    sl_json_put_str(o, "step_type", f->step_type);
    sl_json_put_int(o, "step_from_s", f->step_from_s);
    sl_json_put_int(o, "step_to_s", f->step_to_s);
    sl_json_put_str(o, "level_type", f->level_type);
    sl_json_put(o, "level", sl_lake_number(f->level));
    sl_json_put(o, "member", f->member < 0 ? NULL : json_object_new_int64(f->member));
    sl_json_put(feature, "properties", o);
    return feature;
}

static void keep(struct outcome *out, const struct sl_grid_field *f)
{
    for (size_t i = 0; i < f->points->n; i++) {
        if (isnan(f->values[i])) {
            out->missing++;
            continue;
        }
        if (out->rows++ < VALUES_OUT_MAX)
            json_object_array_add(out->values, value_json(f, i));
    }
}

static void warn(struct outcome *out, const char *text)
{
    json_object_array_add(out->warnings, json_object_new_string(text));
}

static int read_fields(struct sl_trial *t, struct sl_grid_reader *reader, struct outcome *out, struct sl_error *err)
{
    const struct sl_grid_field *f = NULL;
    int64_t n = 0;
    int rc = 0;
    while ((rc = sl_grid_next(reader, &f, err)) == 0 && f) {
        n++;
        keep(out, f);
    }
    if (rc == 0 && n == 0)
        rc = sl_fail(err, SL_E_CHECK_FAILED, "none of its fields is one that the recipe keeps");
    struct sl_grid_left_out left = sl_grid_left_out(reader);
    size_t n_skipped = 0;
    const struct sl_grid_skipped *skipped = sl_grid_skipped(reader, &n_skipped);
    out->not_selected = left.points;
    if (left.fields)
        warn(out, sl_arena_printf(t->arena, "%" PRId64 " of %" PRId64 " fields were not selected", left.fields,
                                  left.fields + n));
    for (size_t i = 0; i < n_skipped && i < SL_GRID_SKIPPED_KEPT; i++)
        warn(out, sl_arena_printf(t->arena, "field %" PRId64 " was passed over: %s", skipped[i].index,
                                  skipped[i].why.message));
    return rc;
}

static int open_reader(struct sl_trial *t, struct sl_grid_reader **out, struct sl_error *err)
{
    const struct sl_output_grid *o = t->bound.outputs[0].options;
    struct sl_grid_options options = {.skip_undecodable = o->on_undecodable == 1};
    sl_grid_select_of(o, t->arena, &options.select);
    if (t->test->input)
        return sl_grid_open_given(t->test->input, &options, out, err);
    int rc = sl_trial_find_file(t, err);
    options.format = rc < 0 ? NULL : sl_format_by_path(t->input, SL_DATA_GRID);
    if (rc == 0 && !options.format)
        rc = sl_fail(err, SL_E_FILE_FORMAT, "the name of \"%s\" does not say whether it is GRIB or NetCDF", t->input);
    return rc < 0 ? rc : sl_grid_open(t->input, &options, out, err);
}

/* ---- compared ---- */

static void compare_count(struct sl_trial *t, const char *policy, int64_t found)
{
    int64_t expected = sl_json_int(t->test->dropped, policy, 0);
    if (expected != found)
        sl_trial_say(t, sl_arena_printf(t->arena, "dropped by %s: expected %" PRId64 ", found %" PRId64, policy,
                                        expected, found));
}

static void compare_dropped(struct sl_trial *t, const struct outcome *out)
{
    compare_count(t, "missing", out->missing);
    compare_count(t, "not_selected", out->not_selected);
    json_object_object_foreach(t->test->dropped, policy, n)
    {
        (void)n;
        if (strcmp(policy, "missing") != 0 && strcmp(policy, "not_selected") != 0)
            compare_count(t, policy, 0);
    }
}

static void compare_warnings(struct sl_trial *t, const struct outcome *out)
{
    size_t n = json_object_array_length(out->warnings);
    for (size_t i = 0; i < n; i++)
        if (strstr(json_object_get_string(json_object_array_get_idx(out->warnings, i)), t->test->warns))
            return;
    sl_trial_say(
        t, sl_arena_printf(t->arena, "no warning has \"%s\"; there %s %zu", t->test->warns, n == 1 ? "is" : "are", n));
}

static void compare_values(struct sl_trial *t, const struct outcome *out)
{
    SL_CLEANUP(sl_json_putp) struct json_object *expected = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(t->test->expect); i++) {
        struct json_object *feature = json_object_new_object();
        sl_json_put(feature, "properties", json_object_get(json_object_array_get_idx(t->test->expect, i)));
        json_object_array_add(expected, feature);
    }
    sl_features_compare(expected, out->values, t->test->ordered, t->test->tolerance, t->arena, sl_trial_say, t);
}

static void compare(struct sl_trial *t, const struct outcome *out)
{
    const struct sl_recipe_test *test = t->test;
    if (test->fails)
        sl_trial_say(t, sl_arena_printf(t->arena, "expected the error %s, but nothing failed; rows: %" PRId64,
                                        test->fails, out->rows));
    if (test->rows >= 0 && out->rows != test->rows)
        sl_trial_say(t, sl_arena_printf(t->arena, "rows: expected %" PRId64 ", found %" PRId64, test->rows, out->rows));
    if (test->dropped)
        compare_dropped(t, out);
    if (test->warns)
        compare_warnings(t, out);
    if (test->expect)
        compare_values(t, out);
}

int sl_trial_grid(struct sl_trial *t, struct sl_error *err)
{
    SL_CLEANUP(sl_grid_closep) struct sl_grid_reader *reader = NULL;
    struct outcome out = {.values = json_object_new_array(), .warnings = json_object_new_array()};
    int rc = open_reader(t, &reader, err);
    rc = rc < 0 ? rc : read_fields(t, reader, &out, err);
    if (rc == 0 && t->test->expect && out.rows > VALUES_OUT_MAX)
        rc = sl_fail(err, SL_E_LIMIT, "a test has more than %d rows", VALUES_OUT_MAX);
    if (rc == 0)
        compare(t, &out);
    json_object_put(out.values);
    json_object_put(out.warnings);
    return rc;
}

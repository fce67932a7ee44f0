/* SPDX-License-Identifier: Apache-2.0 */
#include "run/recipe_trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "geo/format.h"
#include "geo/gdal/geometry_text.h"
#include "geo/gdal/vector.h"
#include "geo/duckdb/duck.h"
#include "json/json.h"
#include "run/feature_diff.h"
#include "run/engine.h"

enum { DECIMALS = 15, GEOMETRY_MAX_BYTES = 16 << 20, ROWS_OUT_MAX = 10000 };

void sl_trial_say(void *data, const char *difference)
{
    struct sl_trial *t = data;
    if (t->result->n < SL_RECIPE_TEST_DIFFERENCES_MAX)
        t->result->differences[t->result->n++] = difference;
    else
        t->result->left_out++;
}

/* ---- rows out ---- */

struct collector {
    struct sl_trial *trial;
    struct sl_geometry_text *text;
    const struct sl_value_column *columns;
    size_t n;
};

static int begin(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    struct collector *c = data;
    (void)err;
    struct sl_value_column *copy = sl_arena_array(c->trial->arena, n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct sl_value_column){.name = sl_arena_strdup(c->trial->arena, columns[i].name), .type = columns[i].type};
    c->columns = copy;
    c->n = n;
    return 0;
}

static struct json_object *json_value(const struct sl_value *v, enum sl_value_type type)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, GEOMETRY_MAX_BYTES);
    if (v->null)
        return NULL;
    switch (type) {
    case SL_VALUE_BOOL:
        return json_object_new_boolean(v->integer != 0);
    case SL_VALUE_INT:
    case SL_VALUE_INT64:
        return json_object_new_int64(v->integer);
    case SL_VALUE_FLOAT:
    case SL_VALUE_DOUBLE:
        return sl_json_double(v->real);
    default:
        break;
    }
    sl_value_text(v, type, &text);
    struct json_object *parsed = type == SL_VALUE_JSON ? json_tokener_parse(text.data) : NULL;
    return parsed ? parsed : json_object_new_string_len(text.data, (int)text.len);
}

static int geometry_value(struct collector *c, const struct sl_value *v, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, GEOMETRY_MAX_BYTES);
    if (v->null) {
        *out = NULL;
        return 0;
    }
    int rc = sl_geometry_text_json(c->text, v->bytes, v->n, DECIMALS, &text, err);
    if (rc == 0)
        rc = sl_buf_check(&text, "a geometry", err);
    if (rc == 0)
        *out = json_tokener_parse(text.data);
    return rc;
}

static int row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct collector *c = data;
    struct json_object *list = c->trial->found, *geometry = NULL, *feature, *properties;
    const char *name = c->trial->work.table.geometry;
    int rc = 0;
    if (json_object_array_length(list) == ROWS_OUT_MAX)
        return sl_fail(err, SL_E_LIMIT, "a test has more than %d rows", ROWS_OUT_MAX);
    properties = json_object_new_object();
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        if (name && !strcmp(c->columns[i].name, name))
            rc = geometry_value(c, &values[i], &geometry, err);
        else
            sl_json_put(properties, c->columns[i].name, json_value(&values[i], c->columns[i].type));
    }
    feature = json_object_new_object();
    sl_json_put(feature, "properties", properties);
    sl_json_put(feature, "geometry", geometry);
    json_object_array_add(list, feature);
    return rc;
}

static enum sl_row_order order_of(const struct sl_trial *t)
{
    for (size_t i = t->recipe->n_steps; i-- > 0;)
        if (t->bound.steps[i].kind->class_ == SL_STEP_TRANSFORM)
            return t->bound.steps[i].kind->flags & SL_STEP_ORDERS ? SL_ORDER_TABLE : SL_ORDER_NONE;
    return SL_ORDER_NONE;
}

static int collect(struct sl_trial *t, struct sl_error *err)
{
    SL_CLEANUP(sl_geometry_text_freep) struct sl_geometry_text *text = NULL;
    struct sl_work *w = &t->work;
    struct sl_relation relation;
    int64_t rows = 0;
    int rc = w->compute->ops->relation(w->session, &w->table, order_of(t), t->arena, &relation, err);
    if (rc == 0)
        rc = sl_geometry_text_new(NULL, &text, err);
    if (rc < 0)
        return rc;
    struct collector c = {.trial = t, .text = text};
    const struct sl_rows_sink sink = {.begin = begin, .row = row, .data = &c};
    return sl_duck_rows(relation.duck, relation.sql, &sink, &rows, err);
}

/* ---- what is asked for ---- */

static void compare_columns(struct sl_trial *t)
{
    const struct sl_table *table = &t->work.table;
    const char *found = "";
    bool same = true;
    size_t n = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        if (table->columns[i].geometry)
            continue;
        same = same && n < t->test->columns.n && !strcmp(table->columns[i].name, t->test->columns.items[n]);
        found = sl_arena_printf(t->arena, "%s%s%s", found, n++ ? ", " : "", table->columns[i].name);
    }
    if (!same || n != t->test->columns.n)
        sl_trial_say(t, sl_arena_printf(t->arena, "columns: found %s", n ? found : "none"));
}

static void compare_dropped(struct sl_trial *t)
{
    json_object_object_foreach(t->test->dropped, policy, n)
    {
        int64_t found = sl_json_int(t->work.dropped, policy, 0);
        if (found != json_object_get_int64(n))
            sl_trial_say(t, sl_arena_printf(t->arena, "dropped by %s: expected %" PRId64 ", found %" PRId64, policy,
                                   json_object_get_int64(n), found));
    }
    json_object_object_foreach(t->work.dropped, other, m)
        if (!json_object_object_get_ex(t->test->dropped, other, NULL))
            sl_trial_say(t, sl_arena_printf(t->arena, "dropped by %s: expected 0, found %" PRId64, other, json_object_get_int64(m)));
}

static void compare_warnings(struct sl_trial *t)
{
    size_t n = json_object_array_length(t->work.warnings);
    for (size_t i = 0; i < n; i++)
        if (strstr(json_object_get_string(json_object_array_get_idx(t->work.warnings, i)), t->test->warns))
            return;
    sl_trial_say(t, sl_arena_printf(t->arena, "no warning has \"%s\"; there %s %zu", t->test->warns, n == 1 ? "is" : "are", n));
}

static void compare(struct sl_trial *t)
{
    const struct sl_recipe_test *test = t->test;
    int64_t rows = (int64_t)json_object_array_length(t->found);
    if (test->fails)
        sl_trial_say(t, sl_arena_printf(t->arena, "expected the error %s, but nothing failed; rows: %" PRId64, test->fails, rows));
    if (test->rows >= 0 && rows != test->rows)
        sl_trial_say(t, sl_arena_printf(t->arena, "rows: expected %" PRId64 ", found %" PRId64, test->rows, rows));
    if (test->columns.n)
        compare_columns(t);
    if (test->dropped)
        compare_dropped(t);
    if (test->warns)
        compare_warnings(t);
    if (test->expect)
        sl_features_compare(test->expect, t->found, test->ordered, test->tolerance, t->arena, sl_trial_say, t);
}

/* ---- the way there ---- */

static int write_input(struct sl_trial *t, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *all = json_object_new_object();
    struct json_object *list = json_object_new_array();
    size_t n = json_object_array_length(t->test->input);
    sl_json_put_str(all, "type", "FeatureCollection");
    sl_json_put(all, "features", list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *given = json_object_array_get_idx(t->test->input, i), *feature = json_object_new_object();
        struct json_object *properties = sl_json_get(given, "properties");
        sl_json_put_str(feature, "type", "Feature");
        sl_json_put(feature, "properties", properties ? json_object_get(properties) : json_object_new_object());
        sl_json_put(feature, "geometry", json_object_get(sl_json_get(given, "geometry")));
        json_object_array_add(list, feature);
    }
    const char *text = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);
    t->input = sl_path_join(t->arena, t->scratch, "input.geojson");
    return sl_file_write_durable(t->input, text, strlen(text), 0600, err);
}

int sl_trial_find_file(struct sl_trial *t, struct sl_error *err)
{
    const char *path = t->test->path;
    const char *folder = sl_arena_printf(t->arena, "%.*s", (int)(sl_path_base(path) - path), path);
    t->input = *folder ? sl_path_join(t->arena, folder, t->test->file) : t->test->file;
    if (sl_path_exists(t->input))
        return 0;
    return sl_fail(err, SL_E_FILE_MISSING, "there is no file \"%s\"", t->input);
}

static int go_through(struct sl_trial *t, struct sl_vector *vector, struct sl_error *err)
{
    int rc = sl_work_load(&t->work, vector, err);
    if (rc == 0)
        rc = sl_work_steps(&t->work, err);
    if (rc == 0)
        rc = sl_work_checks(&t->work, err);
    return rc < 0 ? rc : collect(t, err);
}

static int find_input(struct sl_trial *t, const struct sl_crs **out, struct sl_error *err)
{
    struct sl_crs *crs = sl_arena_alloc(t->arena, sizeof *crs);
    int rc = sl_crs_parse(t->test->crs, t->arena, crs, err);
    if (rc == 0)
        rc = t->test->input ? write_input(t, err) : sl_trial_find_file(t, err);
    *out = crs;
    return rc;
}

static int in_session(struct sl_trial *t, struct sl_error *err)
{
    struct sl_work *w = &t->work;
    bool of_raster = sl_recipe_makes_vectors(t->recipe);
    const struct sl_vector_options options = {.format = sl_format_by_name(of_raster ? "FlatGeobuf" : "GeoJSON"),
                                              .geometry_column = t->recipe->geometry_column,
                                              .as_table = sl_recipe_is_table(t->recipe)};
    SL_CLEANUP(sl_vector_closep) struct sl_vector *vector = NULL;
    const struct sl_crs *crs = NULL;
    int rc = of_raster ? sl_trial_vectorise(t, &t->input, &crs, err) : find_input(t, &crs, err);
    if (rc == 0)
        rc = sl_vector_open(t->input, &options, &vector, err);
    if (rc == 0)
        rc = w->compute->ops->begin(w->compute, t->run_id, t->scratch, &w->session, err);
    if (rc < 0)
        return rc;
    w->crs = sl_recipe_is_table(t->recipe) ? NULL : crs;
    rc = go_through(t, vector, err);
    struct sl_error end_error = {0};
    int end = w->compute->ops->end(w->session, false, &end_error);
    if (rc < 0 || end == 0)
        return rc;
    if (err)
        *err = end_error;
    return end;
}

static int test_rows(struct sl_trial *t, struct sl_error *err)
{
    struct sl_compute *compute = NULL;
    int rc = sl_engine_compute(t->engine, t->recipe->engine, &compute, err);
    if (rc < 0)
        return rc;
    sl_recipe_vector_part(&t->bound, t->arena, &t->vector_part);
    sl_plan_make(&t->vector_part, &(struct sl_plan_options){.materialize = false}, t->arena, &t->plan);
    t->work = (struct sl_work){.compute = compute,
                               .bound = &t->vector_part,
                               .plan = &t->plan,
                               .arena = t->arena,
                               .dropped = json_object_new_object(),
                               .added = json_object_new_object(),
                               .warnings = json_object_new_array()};
    t->found = json_object_new_array();
    rc = in_session(t, err);
    if (rc == 0)
        compare(t);
    json_object_put(t->work.dropped);
    json_object_put(t->work.added);
    json_object_put(t->work.warnings);
    json_object_put(t->found);
    return rc;
}

static int attempt(struct sl_trial *t, struct sl_error *err)
{
    int rc = sl_recipe_bind(t->recipe, &t->engine->kinds, t->test->params, t->arena, &t->bound, err);
    if (rc < 0)
        return rc;
    sl_uuid7(t->run_id);
    t->scratch = sl_arena_printf(t->arena, "%s/%s", t->engine->config->run_scratch, t->run_id);
    rc = sl_dir_make(t->scratch, 0700, err);
    if (rc == 0)
        rc = !strcmp(t->recipe->type, "grid")            ? sl_trial_grid(t, err)
             : !strcmp(t->recipe->output_type, "raster") ? sl_trial_raster(t, err)
                                                         : test_rows(t, err);
    struct sl_error remove_error = {0};
    int removed = sl_dir_remove(t->scratch, &remove_error);
    if (rc < 0 || removed == 0)
        return rc;
    if (err)
        *err = remove_error;
    return removed;
}

int sl_recipe_test_run(struct sl_engine *engine, const struct sl_recipe *recipe, const struct sl_recipe_test *test,
                       struct sl_arena *arena, struct sl_recipe_test_result *out, struct sl_error *err)
{
    struct sl_trial t = {.engine = engine, .recipe = recipe, .test = test, .arena = arena, .result = out};
    struct sl_error why = {0};
    int64_t began = sl_clock_mono_ns();
    *out = (struct sl_recipe_test_result){0};
    int rc = attempt(&t, &why);
    out->duration_ns = sl_clock_mono_ns() - began;
    if (rc == 0 || (test->fails && !strcmp(sl_code_name(why.code), test->fails)))
        return 0;
    if (sl_code_class(why.code) == SL_CLASS_TRANSIENT) {
        if (err)
            *err = why;
        return rc;
    }
    sl_trial_say(&t, sl_arena_printf(arena, "%s%s%s: %s", test->fails ? "expected the error " : "",
                            test->fails ? sl_arena_printf(arena, "%s, found ", test->fails) : "", sl_code_name(why.code),
                            why.message));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* accepted_values, expression, in_bounds, row_count: checks that compare with what the recipe says. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"
#include "json/json.h"
#include "recipe/template.h"
#include "step/box.h"
#include "step/cast.h"
#include "step/kinds.h"
#include "step/step.h"

static void counted(int64_t broken, int64_t rows, const char *has, const char *have, const char *what, char *out, size_t bytes)
{
    char n[32], all[32];
    snprintf(out, bytes, "%s of %s rows %s%s%s", sl_text_count(n, sizeof n, broken), sl_text_count(all, sizeof all, rows),
             broken == 1 ? has : have, *has ? " " : "", what);
}

/* ---- accepted_values ---- */

struct accepted {
    const char *column, *pattern;
    struct json_object *values;
};

static const struct sl_option accepted_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct accepted, column), .help = "The column that is looked at."},
    {.name = "values",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     .offset = offsetof(struct accepted, values),
     .help = "The values that it may have: texts, numbers, booleans."},
    {.name = "pattern",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct accepted, pattern),
     .help = "Instead of values, a regular expression that each value matches as a whole."},
};

static int validate_accepted(const void *data, struct sl_error *err)
{
    const struct accepted *o = data;
    if ((o->values != NULL) != (o->pattern != NULL))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, o->values ? "give values or pattern, not both" : "needs values or pattern");
}

/* A number is compared as one where the column has numbers, so that 1 is 1.0; all else is compared as text. */
static void value(struct json_object *value, bool numbers, struct sl_sql *out)
{
    enum json_type type = json_object_get_type(value);
    if (numbers && type == json_type_int)
        sl_sql_int(out, json_object_get_int64(value));
    else if (numbers)
        sl_sql_double(out, json_object_get_double(value));
    else
        sl_sql_literal(out, json_object_get_string(value));
}

static size_t list(const struct accepted *o, bool numbers, struct sl_sql *out)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(o->values); i++) {
        struct json_object *v = json_object_array_get_idx(o->values, i);
        bool number = json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
        if (numbers && !number)
            continue;
        sl_sql_text(out, n++ ? ", " : "");
        value(v, numbers, out);
    }
    return n;
}

static void accept_list(const struct sl_step_context *context, const struct accepted *o, struct sl_sql *out)
{
    enum sl_cast_source source = sl_cast_source_of(sl_step_column(context, o->column));
    bool numbers = source == SL_SOURCE_INTEGER || source == SL_SOURCE_NUMBER;
    sl_sql_text(out, numbers ? "NOT (" : "NOT (CAST(");
    sl_sql_ident(out, o->column);
    sl_sql_text(out, numbers ? " IN (" : " AS text) IN (");
    if (list(o, numbers, out) == 0)
        sl_sql_text(out, "NULL) IS TRUE"); /* no number at all: none of the values is accepted */
    else
        sl_sql_text(out, ")");
    sl_sql_text(out, ")");
}

static int accepted_predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct accepted *o = data;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    int rc = sl_step_require_column(context, o->column, err);
    if (rc < 0)
        return rc;
    sl_sql_ident(out, o->column);
    sl_sql_text(out, " IS NOT NULL AND ");
    if (!o->pattern) {
        accept_list(context, o, out);
        return 0;
    }
    sl_sql_text(out, duckdb ? "NOT regexp_full_match(CAST(" : "CAST(");
    sl_sql_ident(out, o->column);
    sl_sql_text(out, duckdb ? " AS text), " : " AS text) !~ ");
    sl_sql_literal(out, duckdb ? o->pattern : sl_arena_printf(context->arena, "^(?:%s)$", o->pattern));
    sl_sql_text(out, duckdb ? ")" : "");
    return 0;
}

static void accepted_reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    const struct accepted *o = data;
    sl_sql_literal(out, sl_arena_printf(context->arena, "a value in %s that is not accepted", o->column));
}

static void say_accepted(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                         size_t out_bytes)
{
    const struct accepted *o = data;
    char what[512];
    snprintf(what, sizeof what, "a value in %s that is not accepted", o->column);
    counted(broken, context->input->rows, "has", "have", what, out, out_bytes);
}

const struct sl_check_kind sl_check__accepted_values = {
    .name = "accepted_values",
    .summary = "A column has no other values than these.",
    .help = "A row without a value does not break it. Regular expressions are the compute engine's: PostgreSQL's, or RE2 with "
            "engine duckdb.",
    .example = "- accepted_values: {column: surface, values: [asphalt, gravel, paved]}",
    .dialects = SL_STEP__BOTH,
    .options = {.items = accepted_items, .n = SL_STEP__COUNT(accepted_items), .struct_bytes = sizeof(struct accepted)},
    .validate = validate_accepted,
    .predicate = accepted_predicate,
    .reason = accepted_reason,
    .sentence = say_accepted,
};

/* ---- expression ---- */

struct expression {
    const struct sl_template *rule;
    const char *message;
};

static const struct sl_option expression_items[] = {
    {.name = "rule",
     .type = SL_OPT_SQL,
     .offset = offsetof(struct expression, rule),
     .help = "An SQL expression about one row that is not false. {{geom}} is the geometry, ${name} a parameter's value."},
    {.name = "message",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct expression, message),
     .help = "What to say of rows that break it, after \"12 of 177 rows\": \"have a street without a house number\"."},
};

static int validate_expression(const void *data, struct sl_error *err)
{
    const struct expression *o = data;
    if (!sl_template_has_table(o->rule))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "rule is an expression about one row and has no {{input}}");
}

static int expression_predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out,
                                struct sl_error *err)
{
    const struct expression *o = data;
    sl_sql_text(out, "NOT (");
    int rc = sl_template_print(o->rule, context, out, err);
    sl_sql_text(out, ")");
    return rc;
}

static void expression_reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    const struct expression *o = data;
    (void)context;
    sl_sql_literal(out, o->message ? o->message : "the rule does not hold");
}

static void say_expression(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                           size_t out_bytes)
{
    const struct expression *o = data;
    counted(broken, context->input->rows, o->message ? "" : "breaks", o->message ? "" : "break", o->message ? o->message : "the rule", out,
            out_bytes);
}

const struct sl_check_kind sl_check__expression = {
    .name = "expression",
    .summary = "An SQL expression is not false for any row.",
    .help = "As in a constraint of SQL, a row for which it is NULL does not break it: write \"a IS NOT NULL AND a > 0\" to "
            "refuse those too. The expression runs with no more rights than the run's own tables.",
    .example = "- expression: {rule: \"opened <= closed\", message: \"are closed before they are opened\"}",
    .dialects = SL_STEP__BOTH,
    .options = {.items = expression_items, .n = SL_STEP__COUNT(expression_items), .struct_bytes = sizeof(struct expression)},
    .validate = validate_expression,
    .predicate = expression_predicate,
    .reason = expression_reason,
    .sentence = say_expression,
};

/* ---- in_bounds ---- */

struct in_bounds {
    struct sl_bounds bounds;
    const char *crs;
};

static const struct sl_option bounds_items[] = {
    {.name = "bounds",
     .type = SL_OPT_BOUNDS,
     .offset = offsetof(struct in_bounds, bounds),
     .help = "The corners. In longitude and latitude xmin may be greater than xmax: then they go over the antimeridian."},
    {.name = "crs",
     .type = SL_OPT_CRS,
     .default_json = "null",
     .offset = offsetof(struct in_bounds, crs),
     .help = "The CRS of the bounds; without it that of the geometry."},
};

static void compare_extents(const struct sl_step_context *context, const struct sl_bounds *b, struct sl_sql *out)
{
    sl_step_put(context, out, "ST_XMin(@) < ");
    sl_sql_double(out, b->xmin);
    sl_step_put(context, out, " OR ST_YMin(@) < ");
    sl_sql_double(out, b->ymin);
    sl_step_put(context, out, " OR ST_XMax(@) > ");
    sl_sql_double(out, b->xmax);
    sl_step_put(context, out, " OR ST_YMax(@) > ");
    sl_sql_double(out, b->ymax);
}

static int in_bounds_predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out,
                               struct sl_error *err)
{
    const struct in_bounds *o = data;
    int rc = sl_step_require_geometry(context, "in_bounds", err);
    if (rc < 0)
        return rc;
    if (sl_step_box_is_plain(context, &o->bounds, o->crs)) {
        compare_extents(context, &o->bounds, out);
        return 0;
    }
    sl_step_put(context, out, "NOT ST_IsEmpty(@) AND NOT ST_CoveredBy(");
    sl_step_put(context, out, sl_step_lines(out));
    sl_sql_text(out, ", ");
    rc = sl_step_box(context, "in_bounds", &o->bounds, o->crs, out, err);
    sl_sql_text(out, ")");
    return rc;
}

static void say_bounds(const void *data, char *out, size_t out_bytes)
{
    const struct sl_bounds *b = &((const struct in_bounds *)data)->bounds;
    snprintf(out, out_bytes, "out of the bounds [%.15g, %.15g, %.15g, %.15g]", b->xmin, b->ymin, b->xmax, b->ymax);
}

static void in_bounds_reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    char what[256];
    (void)context;
    say_bounds(data, what, sizeof what);
    sl_sql_literal(out, what);
}

static void say_in_bounds(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                          size_t out_bytes)
{
    char what[256];
    say_bounds(data, what, sizeof what);
    counted(broken, context->input->rows, "reaches", "reach", what, out, out_bytes);
}

const struct sl_check_kind sl_check__in_bounds = {
    .name = "in_bounds",
    .places = true,
    .summary = "Every geometry lies within bounds.",
    .help = "A row without a geometry, or with an empty one, does not break it. Bounds in another CRS are transformed, with "
            "32 points to each of their edges.",
    .example = "- in_bounds: {bounds: [5.8, 47.2, 15.1, 55.1], crs: \"EPSG:4326\"}",
    .dialects = SL_STEP__BOTH,
    .options = {.items = bounds_items, .n = SL_STEP__COUNT(bounds_items), .struct_bytes = sizeof(struct in_bounds)},
    .predicate = in_bounds_predicate,
    .reason = in_bounds_reason,
    .sentence = say_in_bounds,
};

/* ---- row_count ---- */

struct row_count {
    int64_t min, max;             /* max 0: none */
    double max_change, max_drop; /* per cent; 0: none */
};

static const struct sl_option count_items[] = {
    {.name = "min",
     .type = SL_OPT_INTEGER,
     .default_json = "0",
     .offset = offsetof(struct row_count, min),
     .bounded_below = true,
     .minimum = 0,
     .help = "The least number of rows."},
    {.name = "max",
     .type = SL_OPT_INTEGER,
     .default_json = "null",
     .offset = offsetof(struct row_count, max),
     .bounded_below = true,
     .minimum = 1,
     .help = "The greatest number of rows; without it there is none."},
    {.name = "max_change_percent",
     .type = SL_OPT_NUMBER,
     .default_json = "null",
     .offset = offsetof(struct row_count, max_change),
     .bounded_below = true,
     .minimum = 0,
     .above_minimum = true,
     .help = "How many per cent more or fewer rows than the dataset's last version there may be."},
    {.name = "max_drop_percent",
     .type = SL_OPT_NUMBER,
     .default_json = "null",
     .offset = offsetof(struct row_count, max_drop),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 0,
     .maximum = 100,
     .above_minimum = true,
     .help = "How many per cent fewer rows than the dataset's last version there may be."},
};

static int validate_row_count(const void *data, struct sl_error *err)
{
    const struct row_count *o = data;
    if (o->min == 0 && o->max == 0 && o->max_change <= 0 && o->max_drop <= 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs min, max, max_change_percent or max_drop_percent");
    if (o->max > 0 && o->min > o->max)
        return sl_fail(err, SL_E_RECIPE_OPTION, "min %" PRId64 " is greater than max %" PRId64, o->min, o->max);
    return 0;
}

static bool by_change(const struct row_count *o)
{
    return o->max_change > 0 || o->max_drop > 0;
}

/* The range that is left by the options and the last version's number of rows. */
static void range(const struct sl_step_context *context, const struct row_count *o, int64_t *least, int64_t *most)
{
    const struct sl_previous *p = context->previous;
    *least = o->min;
    *most = o->max > 0 ? o->max : INT64_MAX;
    if (!p || p->version == 0 || p->rows < 0)
        return;
    double was = (double)p->rows, drop = o->max_drop > 0 ? o->max_drop : 100;
    if (o->max_change > 0 && o->max_change < drop)
        drop = o->max_change;
    int64_t low = (int64_t)ceil(was * (100 - drop) / 100), high = INT64_MAX;
    if (o->max_change > 0 && was * (100 + o->max_change) / 100 < 9e18)
        high = (int64_t)floor(was * (100 + o->max_change) / 100);
    *least = low > *least ? low : *least;
    *most = high < *most ? high : *most;
}

static int build_row_count(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    int64_t least, most;
    (void)err;
    range(context, data, &least, &most);
    sl_sql_text(out, "SELECT CASE WHEN count(*) BETWEEN ");
    sl_sql_int(out, least);
    sl_sql_text(out, " AND ");
    sl_sql_int(out, most);
    sl_sql_text(out, " THEN 0 ELSE 1 END FROM ");
    sl_step_table(context, out);
    return 0;
}

static void say_row_count(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                          size_t out_bytes)
{
    const struct row_count *o = data;
    const struct sl_previous *p = context->previous;
    char n[32], least[32], most[32], before[32];
    int64_t from, to, rows = context->input->rows;
    (void)broken;
    range(context, o, &from, &to);
    sl_text_count(n, sizeof n, rows);
    sl_text_count(least, sizeof least, from);
    sl_text_count(most, sizeof most, to);
    size_t used = to == INT64_MAX
                      ? (size_t)snprintf(out, out_bytes, "the number of rows is %s, expected at least %s", n, least)
                      : (size_t)snprintf(out, out_bytes, "the number of rows is %s, expected %s to %s", n, least, most);
    bool changed = rows < o->min || (o->max > 0 && rows > o->max) ? false : by_change(o);
    if (changed && p && used < out_bytes)
        snprintf(out + used, out_bytes - used, " (%s v%" PRId64 " has %s)", p->dataset_id, p->version,
                 sl_text_count(before, sizeof before, p->rows));
}

static void note_row_count(const struct sl_step_context *context, const void *data, char *out, size_t out_bytes)
{
    const struct sl_previous *p = context->previous;
    if (by_change(data) && p && p->version == 0)
        snprintf(out, out_bytes, "%s has no earlier version to compare with", p->dataset_id);
}

const struct sl_check_kind sl_check__row_count = {
    .name = "row_count",
    .summary = "The number of rows is within a range, or near that of the last version.",
    .help = "The last version is that of the first output's dataset which is in the ledger when the batch begins; a replay is "
            "compared with the version before its own. The first version has none to be compared with, which the run says.",
    .example = "- row_count: {min: 1000, max_drop_percent: 20}",
    .dialects = SL_STEP__BOTH,
    .counts = true,
    .compares = true,
    .options = {.items = count_items, .n = SL_STEP__COUNT(count_items), .struct_bytes = sizeof(struct row_count)},
    .validate = validate_row_count,
    .build = build_row_count,
    .sentence = say_row_count,
    .note = note_row_count,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "step/cast.h"
#include "step/kinds.h"
#include "step/order.h"
#include "step/step.h"

enum aggregate { AGG_COUNT, AGG_SUM, AGG_MIN, AGG_MAX, AGG_MEAN, AGG_FIRST, AGG_LIST };

struct options {
    struct sl_names by;
    struct sl_map aggregates;
    const char *count_column, *separator;
};

static const char *const names[] = {[AGG_COUNT] = "count", [AGG_SUM] = "sum",     [AGG_MIN] = "min",   [AGG_MAX] = "max",
                                    [AGG_MEAN] = "mean",   [AGG_FIRST] = "first", [AGG_LIST] = "list", NULL};

static const struct sl_option items[] = {
    {.name = "by",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, by),
     .help = "Rows with the same values in all of these columns become one. Without it all rows do."},
    {.name = "aggregates",
     .type = SL_OPT_MAP,
     .default_json = "null",
     .offset = offsetof(struct options, aggregates),
     .choices = names,
     .help = "What other columns become; those that are not named are left out. count: how many rows have a value; sum and "
             "mean: of numbers; first: the value of the row that comes first when all columns sort them; list: the "
             "different values as one text, sorted."},
    {.name = "count_column",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, count_column),
     .help = "A column for how many rows became one."},
    {.name = "separator",
     .type = SL_OPT_STRING,
     .default_json = "\", \"",
     .offset = offsetof(struct options, separator),
     .help = "What stands between the values of a list."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    for (size_t i = 0; i < o->aggregates.n; i++) {
        if (sl_step_names_has(&o->by, o->aggregates.items[i].name))
            return sl_fail(err, SL_E_RECIPE_OPTION, "column \"%s\" is in by and in aggregates", o->aggregates.items[i].name);
        if (o->count_column && !strcasecmp(o->count_column, o->aggregates.items[i].name))
            return sl_fail(err, SL_E_RECIPE_OPTION, "count_column and an aggregate are both \"%s\"", o->count_column);
    }
    return 0;
}

static enum aggregate aggregate_of(const struct sl_pair *pair)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], pair->value))
            return (enum aggregate)i;
    return AGG_COUNT; /* a parameter without a value yet */
}

static enum sl_cast_source source_of(const struct sl_step_context *context, const char *name)
{
    const struct sl_column *column = sl_step_column(context, name);
    return column ? sl_cast_source_of(column) : SL_SOURCE_NUMBER;
}

static int check_aggregate(const struct sl_step_context *context, const struct sl_pair *pair, struct sl_error *err)
{
    const struct sl_column *column = sl_step_column(context, pair->name);
    enum sl_cast_source source = source_of(context, pair->name);
    enum aggregate a = aggregate_of(pair);
    int rc = sl_step_require_column(context, pair->name, err);
    if (rc == 0 && !strcmp(pair->name, context->geometry))
        return sl_fail(err, SL_E_RECIPE_OPTION, "dissolve: the geometry \"%s\" is united in any case", context->geometry);
    bool number = source == SL_SOURCE_INTEGER || source == SL_SOURCE_NUMBER;
    bool ordered = source != SL_SOURCE_OTHER && source != SL_SOURCE_BOOLEAN;
    if (rc == 0 && (((a == AGG_SUM || a == AGG_MEAN) && !number) || ((a == AGG_MIN || a == AGG_MAX) && !ordered)))
        return sl_fail(err, SL_E_RECIPE_OPTION, "dissolve: column \"%s\" of type %s has no %s", pair->name, column->type,
                       pair->value);
    return rc;
}

static int check(const struct sl_step_context *context, const struct options *o, struct sl_error *err)
{
    int rc = sl_step_require_geometry(context, "dissolve", err);
    if (rc == 0)
        rc = sl_step_require_columns(context, &o->by, err);
    if (rc == 0 && sl_step_names_has(&o->by, context->geometry))
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "dissolve: by has the geometry \"%s\"", context->geometry);
    for (size_t i = 0; rc == 0 && i < o->aggregates.n; i++)
        rc = check_aggregate(context, &o->aggregates.items[i], err);
    /* A column that is left out leaves its name. */
    const struct sl_column *there = o->count_column ? sl_step_column(context, o->count_column) : NULL;
    bool kept = there && sl_step_names_has(&o->by, there->name);
    if (rc == 0 && o->count_column)
        rc = sl_step_require_new_column(context, "dissolve", o->count_column, kept ? NULL : o->count_column, err);
    return rc;
}

/* Sums of floating point are the same every time only in one order. */
static void number(const char *function, const char *column, enum sl_cast_source source, struct sl_sql *out)
{
    bool whole = source == SL_SOURCE_INTEGER && !strcmp(function, "sum");
    const char *type = sl_cast_sql_type(whole ? SL_CAST_BIGINT : SL_CAST_DOUBLE, out);
    sl_sql_text(out, "CAST(");
    sl_sql_text(out, function);
    sl_sql_text(out, whole ? "(" : "(CAST(");
    sl_sql_ident(out, column);
    if (!whole) {
        sl_sql_text(out, " AS ");
        sl_sql_text(out, type);
        sl_sql_text(out, ") ORDER BY ");
        sl_sql_ident(out, column);
    }
    sl_sql_text(out, ") AS ");
    sl_sql_text(out, type);
    sl_sql_text(out, ")");
}

static void extreme(const char *function, const char *column, bool text, struct sl_sql *out)
{
    sl_sql_text(out, function);
    sl_sql_text(out, "(");
    sl_sql_ident(out, column);
    sl_sql_text(out, text && out->dialect == SL_DIALECT_POSTGIS ? " COLLATE \"C\")" : ")");
}

static void first(const struct sl_step_context *context, const char *column, struct sl_sql *out)
{
    struct sl_step_order order;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    sl_sql_text(out, duckdb ? "first(" : "(array_agg(");
    sl_sql_ident(out, column);
    sl_sql_text(out, " ORDER BY ");
    sl_step_order_begin(&order, context, out);
    sl_step_order_end(&order, NULL, false);
    sl_sql_text(out, duckdb ? ")" : "))[1]");
}

static void list(const char *column, enum sl_cast_source source, const char *separator, struct sl_sql *out)
{
    const char *collate = out->dialect == SL_DIALECT_POSTGIS ? " COLLATE \"C\"" : "";
    if (source == SL_SOURCE_OTHER) /* by the engine's own cast */
        source = SL_SOURCE_INTEGER;
    sl_sql_text(out, "string_agg(DISTINCT ");
    sl_cast_value(column, source, SL_CAST_TEXT, SL_DATES_ISO, out);
    sl_sql_text(out, collate);
    sl_sql_text(out, ", ");
    sl_sql_literal(out, separator);
    sl_sql_text(out, " ORDER BY ");
    sl_cast_value(column, source, SL_CAST_TEXT, SL_DATES_ISO, out);
    sl_sql_text(out, collate);
    sl_sql_text(out, ")");
}

static void aggregated(const struct sl_step_context *context, const struct options *o, const struct sl_pair *pair,
                       struct sl_sql *out)
{
    enum sl_cast_source source = source_of(context, pair->name);
    switch (aggregate_of(pair)) {
    case AGG_COUNT:
        extreme("count", pair->name, false, out);
        break;
    case AGG_SUM:
        number("sum", pair->name, source, out);
        break;
    case AGG_MEAN:
        number("avg", pair->name, source, out);
        break;
    case AGG_MIN:
        extreme("min", pair->name, source == SL_SOURCE_TEXT, out);
        break;
    case AGG_MAX:
        extreme("max", pair->name, source == SL_SOURCE_TEXT, out);
        break;
    case AGG_FIRST:
        first(context, pair->name, out);
        break;
    case AGG_LIST:
        list(pair->name, source, o->separator, out);
        break;
    }
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, pair->name);
    sl_sql_text(out, ", ");
}

static void column(const struct sl_step_context *context, const struct options *o, const char *name, struct sl_sql *out)
{
    if (sl_step_names_has(&o->by, name)) {
        sl_sql_ident(out, name);
        sl_sql_text(out, ", ");
    }
    for (size_t i = 0; i < o->aggregates.n; i++)
        if (!strcmp(o->aggregates.items[i].name, name))
            aggregated(context, o, &o->aggregates.items[i], out);
}

static void columns(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    if (sl_step_knows_columns(context)) {
        for (size_t i = 0; i < context->input->n_columns; i++)
            column(context, o, context->input->columns[i].name, out);
        return;
    }
    for (size_t i = 0; i < o->by.n; i++)
        column(context, o, o->by.items[i], out);
    for (size_t i = 0; i < o->aggregates.n; i++)
        column(context, o, o->aggregates.items[i].name, out);
}

/* No rows stay none, also where all become one. A group without a geometry has none: DuckDB's union would be empty. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = check(context, o, err);
    if (rc < 0)
        return rc;
    sl_sql_text(out, "SELECT ");
    columns(context, o, out);
    if (o->count_column) {
        sl_sql_text(out, "count(*) AS ");
        sl_sql_ident(out, o->count_column);
        sl_sql_text(out, ", ");
    }
    sl_step_put(context, out, out->dialect == SL_DIALECT_DUCKDB
                                  ? "CASE WHEN count(@) > 0 THEN ST_Union_Agg(@ ORDER BY ST_AsWKB(@)) END"
                                  : "ST_Union(ST_CurveToLine(@) ORDER BY ST_AsEWKB(@))");
    sl_step_select_end(context, out);
    for (size_t i = 0; i < o->by.n; i++) {
        sl_sql_text(out, i ? ", " : " GROUP BY ");
        sl_sql_ident(out, o->by.items[i]);
    }
    sl_sql_text(out, " HAVING count(*) > 0");
    return 0;
}

const struct sl_step_kind sl_step__dissolve = {
    .name = "dissolve",
    .summary = "Unites the geometries of rows that belong together.",
    .help = "Rows without a value in a column of by belong together too. Borders between united areas vanish, lines are "
            "cut where they meet, and different types give a collection; rows without a geometry add nothing to it. The "
            "rows that went into others are counted under the policy \"dissolve\". An invalid polygon may end the batch: "
            "put make_valid before it. M is lost, and curves become lines.",
    .example = "- dissolve: {by: [district], aggregates: {population: sum, name: list}, count_column: parts}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES,
    .dialects = SL_STEP__BOTH,
    .drops = "dissolve",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

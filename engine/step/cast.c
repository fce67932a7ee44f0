/* SPDX-License-Identifier: Apache-2.0 */
#include "step/cast.h"

#include <string.h>

#include "base/arena.h"
#include "step/kinds.h"
#include "step/step.h"

enum on_error { ON_ERROR_FAIL, ON_ERROR_NULL, ON_ERROR_DROP };

struct options {
    struct sl_map columns;
    int on_error, dates;
};

static const char *const types[] = {SL_CAST_NAMES, NULL};
static const char *const on_errors[] = {[ON_ERROR_FAIL] = "fail", [ON_ERROR_NULL] = "null", [ON_ERROR_DROP] = "drop", NULL};
static const char *const orders[] = {[SL_DATES_ISO] = "iso", [SL_DATES_DMY] = "dmy", [SL_DATES_MDY] = "mdy", NULL};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_MAP,
     .offset = offsetof(struct options, columns),
     .choices = types,
     .help = "Each column's name and the type that it gets."},
    {.name = "on_error",
     .type = SL_OPT_ENUM,
     .default_json = "\"fail\"",
     .offset = offsetof(struct options, on_error),
     .choices = on_errors,
     .help = "What becomes of a value that has no form in the new type. fail: the batch ends and the error names column "
             "and value; null: the value is lost and the row stays; drop: the row is dropped under the policy \"cast\"."},
    {.name = "dates",
     .type = SL_OPT_ENUM,
     .default_json = "\"iso\"",
     .offset = offsetof(struct options, dates),
     .choices = orders,
     .help = "How dates are written in texts: iso is 2026-05-31, dmy is 31.5.2026, mdy is 5/31/2026. Between the parts "
             "may be - or . or /."},
};

static enum sl_cast_type type_of(const struct sl_pair *pair)
{
    for (int i = 0; types[i]; i++)
        if (!strcmp(types[i], pair->value))
            return (enum sl_cast_type)i;
    return SL_CAST_TEXT; /* a parameter without a value yet */
}

static int check(const struct sl_step_context *context, const struct sl_map *map, struct sl_error *err)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct sl_pair *pair = &map->items[i];
        const struct sl_column *column = sl_step_column(context, pair->name);
        int rc = sl_step_require_column(context, pair->name, err);
        if (rc == 0 && !strcmp(pair->name, context->geometry))
            rc = sl_fail(err, SL_E_RECIPE_OPTION, "cast: the geometry \"%s\" stays a geometry", context->geometry);
        if (rc == 0 && column && !sl_cast_possible(sl_cast_source_of(column), type_of(pair)))
            rc = sl_fail(err, SL_E_RECIPE_OPTION, "cast: column \"%s\" of type %s cannot become %s", pair->name,
                         column->type, pair->value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool may_fail(enum sl_cast_source source, enum sl_cast_type type)
{
    bool number = source == SL_SOURCE_INTEGER || source == SL_SOURCE_NUMBER;
    bool to_few = type == SL_CAST_BOOLEAN || type == SL_CAST_INTEGER || type == SL_CAST_BIGINT;
    return (source == SL_SOURCE_TEXT && type != SL_CAST_TEXT) || (number && to_few);
}

/*
 * The engine's own failure is made to name column and value. PostgreSQL has no function that fails: a text that is none
 * of the type is cast to it, and the server's message quotes it.
 */
static void failure(const struct sl_step_context *context, const struct sl_pair *pair, struct sl_sql *out)
{
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    const char *type = sl_cast_sql_type(type_of(pair), out);
    sl_sql_text(out, duckdb ? "error(" : "CAST(");
    sl_sql_literal(out, sl_arena_printf(context->arena, "column %s, value ", pair->name));
    sl_sql_text(out, " || CAST(");
    sl_sql_ident(out, pair->name);
    sl_sql_text(out, duckdb ? " AS text) || ' is no " : " AS text) AS ");
    sl_sql_text(out, type);
    sl_sql_text(out, duckdb ? "')" : ")");
}

static void value(const struct sl_step_context *context, const struct options *o, const struct sl_pair *pair,
                  struct sl_sql *out)
{
    enum sl_cast_source source = sl_cast_source_of(sl_step_column(context, pair->name));
    bool fails = o->on_error == ON_ERROR_FAIL && may_fail(source, type_of(pair));
    if (fails) {
        sl_sql_text(out, "CASE WHEN ");
        sl_cast_present(pair->name, source, type_of(pair), out);
        sl_sql_text(out, " THEN COALESCE(");
    }
    sl_cast_value(pair->name, source, type_of(pair), (enum sl_date_order)o->dates, out);
    if (fails) {
        sl_sql_text(out, ", ");
        failure(context, pair, out);
        sl_sql_text(out, ") END");
    }
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, pair->name);
}

/* Kept are the rows where each column has no value, or one that has a form. */
static void where(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    for (size_t i = 0, n = 0; i < o->columns.n; i++) {
        const struct sl_pair *pair = &o->columns.items[i];
        enum sl_cast_source source = sl_cast_source_of(sl_step_column(context, pair->name));
        if (!may_fail(source, type_of(pair)))
            continue;
        sl_sql_text(out, n++ ? " AND ((" : " WHERE ((");
        sl_cast_present(pair->name, source, type_of(pair), out);
        sl_sql_text(out, ") IS NOT TRUE OR (");
        sl_cast_value(pair->name, source, type_of(pair), (enum sl_date_order)o->dates, out);
        sl_sql_text(out, ") IS NOT NULL)");
    }
}

static const struct sl_pair *pair_of(const struct sl_map *map, const char *name)
{
    for (size_t i = 0; i < map->n; i++)
        if (!strcmp(map->items[i].name, name))
            return &map->items[i];
    return NULL;
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    bool known = sl_step_knows_columns(context);
    size_t n = known ? context->input->n_columns : o->columns.n, written = 0;
    int rc = check(context, &o->columns, err);
    if (rc < 0)
        return rc;
    sl_sql_text(out, known ? "SELECT " : "SELECT /* the file's other columns, */ ");
    for (size_t i = 0; i < n; i++) {
        const char *name = known ? context->input->columns[i].name : o->columns.items[i].name;
        const struct sl_pair *pair = pair_of(&o->columns, name);
        if (!strcmp(name, context->geometry))
            continue;
        sl_sql_text(out, written++ ? ", " : "");
        if (pair)
            value(context, o, pair, out);
        else
            sl_sql_ident(out, name);
    }
    sl_step_put(context, out, sl_step_has_geometry(context) ? ", @ FROM " : " FROM ");
    sl_step_table(context, out);
    if (o->on_error == ON_ERROR_DROP)
        where(context, o, out);
    return 0;
}

const struct sl_step_kind sl_step__cast = {
    .name = "cast",
    .summary = "Turns the values of columns into another type.",
    .help = "Texts are taken without blanks around them, and a blank text is no value. A boolean is true, t, yes, y, on, 1 "
            "or the opposite; a number has a point and may have an exponent; a timestamp is ISO 8601, and one with a zone "
            "becomes UTC. Nothing is rounded away: 12.7 has no form as an integer, 12.0 has.\n"
            "As text, numbers are in their shortest form; PostgreSQL and DuckDB differ in when they write an exponent.",
    .example = "- cast: {columns: {population: integer, surveyed: date}, on_error: \"null\", dates: dmy}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE,
    .dialects = SL_STEP__BOTH,
    .drops = "cast",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

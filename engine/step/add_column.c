/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "recipe/template.h"
#include "step/cast.h"
#include "step/kinds.h"
#include "step/step.h"

enum { ANY_TYPE = SL_CAST_TYPES };

struct options {
    const char *name;
    const struct sl_template *value;
    int type;
    bool replace;
};

static const char *const types[] = {SL_CAST_NAMES, "any", NULL};

static const struct sl_option items[] = {
    {.name = "name", .type = SL_OPT_COLUMN, .offset = offsetof(struct options, name), .help = "The name of the column."},
    {.name = "value",
     .type = SL_OPT_SQL,
     .offset = offsetof(struct options, value),
     .help = "An SQL expression about one row. {{geom}} is the geometry, ${name} a parameter's value."},
    {.name = "type",
     .type = SL_OPT_ENUM,
     .default_json = "\"any\"",
     .offset = offsetof(struct options, type),
     .choices = types,
     .help = "The type of the column; any: the expression's own. A value that has no form in it ends the batch."},
    {.name = "replace",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, replace),
     .help = "true: a column of that name gets the new values and keeps its place; false: that it is there is an error."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (!sl_template_has_table(o->value))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "value is an expression about one row and has no {{input}}: use a sql step");
}

/*
 * The expression is the author's: the template keeps it inside of the parentheses. PostgreSQL refuses a function that
 * gives several rows inside of CASE, so that a row stays one; what DuckDB would make of it, the count of rows notices.
 */
static int value(const struct sl_step_context *context, const struct options *o, struct sl_sql *out, struct sl_error *err)
{
    sl_sql_text(out, o->type == ANY_TYPE ? "CASE WHEN true THEN (" : "CAST(CASE WHEN true THEN (");
    int rc = sl_template_print(o->value, context, out, err);
    sl_sql_text(out, ") END");
    if (o->type != ANY_TYPE) {
        sl_sql_text(out, " AS ");
        sl_sql_text(out, sl_cast_sql_type((enum sl_cast_type)o->type, out));
        sl_sql_text(out, ")");
    }
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, o->name);
    return rc;
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    bool known = sl_step_knows_columns(context), done = false;
    int rc = sl_step_require_new_column(context, "add_column", o->name, o->replace ? o->name : NULL, err);
    sl_sql_text(out, known ? "SELECT " : "SELECT /* the file's other columns, */ ");
    for (size_t i = 0; rc == 0 && known && i < context->input->n_columns; i++) {
        const char *name = context->input->columns[i].name;
        if (!strcmp(name, context->geometry))
            continue;
        done = done || !strcmp(name, o->name);
        if (!strcmp(name, o->name))
            rc = value(context, o, out, err);
        else
            sl_sql_ident(out, name);
        sl_sql_text(out, ", ");
    }
    if (rc == 0 && !done) {
        rc = value(context, o, out, err);
        sl_sql_text(out, ", ");
    }
    if (rc < 0)
        return rc;
    if (!sl_step_has_geometry(context))
        out->buf.data[out->buf.len -= 2] = '\0'; /* the last comma */
    sl_step_put(context, out, sl_step_has_geometry(context) ? "@ FROM " : " FROM ");
    sl_step_table(context, out);
    return 0;
}

const struct sl_step_kind sl_step__add_column = {
    .name = "add_column",
    .summary = "Adds a column whose values are an SQL expression.",
    .help = "The expression runs with no more rights than the run's own tables. The column comes after the others and "
            "before the geometry. A name that is there already, also when only its case differs, is refused.",
    .example = "- add_column: {name: density, value: \"population / nullif(ST_Area({{geom}}), 0)\", type: double}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_UNTRUSTED,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

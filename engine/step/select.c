/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "recipe/template.h"
#include "step/kinds.h"
#include "step/step.h"

struct options {
    struct sl_names columns, exclude;
};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, columns),
     .help = "The columns to keep, in this order; the geometry is kept in any case and comes last."},
    {.name = "exclude",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, exclude),
     .help = "The columns to leave out; the others keep their order."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if ((o->columns.n > 0) != (o->exclude.n > 0))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, o->columns.n ? "give columns or exclude, not both" : "needs columns or exclude");
}

static size_t column(struct sl_sql *out, const char *name, size_t n)
{
    sl_sql_text(out, n ? ", " : "");
    sl_sql_ident(out, name);
    return n + 1;
}

static size_t kept(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    size_t n = 0;
    for (size_t i = 0; i < o->columns.n; i++)
        if (strcmp(o->columns.items[i], context->geometry) != 0)
            n = column(out, o->columns.items[i], n);
    if (o->columns.n == 0 && !sl_step_knows_columns(context))
        sl_sql_text(out, "/* the file's columns that are not excluded, */ ");
    for (size_t i = 0; o->columns.n == 0 && sl_step_knows_columns(context) && i < context->input->n_columns; i++) {
        const char *name = context->input->columns[i].name;
        if (strcmp(name, context->geometry) != 0 && !sl_step_names_has(&o->exclude, name))
            n = column(out, name, n);
    }
    return sl_step_has_geometry(context) ? column(out, context->geometry, n) : n;
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_columns(context, o->columns.n ? &o->columns : &o->exclude, err);
    if (rc == 0 && sl_step_names_has(&o->exclude, context->geometry))
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "select: the geometry \"%s\" cannot be left out", context->geometry);
    if (rc < 0)
        return rc;
    sl_sql_text(out, "SELECT ");
    if (kept(context, o, out) == 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "select: no column is left");
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    return 0;
}

const struct sl_step_kind sl_step__select = {
    .name = "select",
    .summary = "Keeps some of the columns.",
    .help = "Either the columns to keep, in their new order, or those to leave out. A column that the file does not have "
            "is an error.",
    .example = "- select: {columns: [name, population]}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

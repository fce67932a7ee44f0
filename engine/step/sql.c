/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/template.h"
#include "step/kinds.h"
#include "step/step.h"

struct options {
    const struct sl_template *select;
};

static const struct sl_option items[] = {
    {.name = "select",
     .type = SL_OPT_SQL,
     .offset = offsetof(struct options, select),
     .help = "A query that reads {{input}} and gives all columns of the result, one of them the geometry {{geom}} under "
             "its own name. {{role.NAME}} is the table of a role of the recipe's inputs, in the CRS of the input. ${name} is "
             "a parameter's value."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (sl_template_has_input(o->select))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "select does not read {{input}}");
}

/* Only a query fits between these parentheses, and the template sees to it that the text stays there. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    sl_sql_text(out, "SELECT * FROM (");
    int rc = sl_template_print(o->select, context, out, err);
    sl_sql_text(out, ") AS t");
    return rc;
}

static size_t reads(const void *data, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    const struct options *o = data;
    return sl_template_roles(o->select, out);
}

const struct sl_step_kind sl_step__sql = {
    .name = "sql",
    .summary = "Runs a query of your own.",
    .help = "The query runs with no more rights than the run's own tables and with a time limit. It may drop and add "
            "rows; the run counts them under the policy \"sql\". The result has exactly one geometry column, under the "
            "name that it had.",
    .example = "- sql:\n"
               "    select: \"SELECT *, ST_Length({{geom}}::geography) AS length_m FROM {{input}}\"",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_UNTRUSTED,
    .dialects = SL_STEP__BOTH,
    .drops = "sql",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
    .reads = reads,
};

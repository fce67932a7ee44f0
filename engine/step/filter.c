/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/template.h"
#include "step/kinds.h"
#include "step/step.h"

struct options {
    const struct sl_template *where;
};

static const struct sl_option items[] = {
    {.name = "where",
     .type = SL_OPT_SQL,
     .offset = offsetof(struct options, where),
     .help = "An SQL expression that is true for the rows to keep. {{geom}} is the geometry, ${name} a parameter's value."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (!sl_template_has_table(o->where))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "where is an expression about one row and has no {{input}}: use a sql step");
}

/* The expression is the author's: the template keeps it inside of the parentheses. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    if (sl_step_has_geometry(context)) {
        sl_step_select_begin(context, out);
        sl_step_geometry(context, out);
    } else {
        sl_sql_text(out, "SELECT *");
    }
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, " WHERE (");
    int rc = sl_template_print(o->where, context, out, err);
    sl_sql_text(out, ")");
    return rc;
}

const struct sl_step_kind sl_step__filter = {
    .name = "filter",
    .summary = "Keeps the rows for which an SQL expression is true.",
    .help = "A row for which it is false or NULL is dropped, and the run counts it under the policy \"filter\".",
    .example = "- filter: {where: \"population >= ${least} AND NOT ST_IsEmpty({{geom}})\"}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_COLUMNS | SL_STEP_UNTRUSTED,
    .dialects = SL_STEP__BOTH,
    .drops = "filter",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

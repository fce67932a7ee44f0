/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/order.h"
#include "step/step.h"

enum nulls { NULLS_LAST, NULLS_FIRST };

struct options {
    struct sl_names columns, descending;
    int nulls;
    bool hilbert;
};

static const char *const nulls[] = {[NULLS_LAST] = "last", [NULLS_FIRST] = "first", NULL};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, columns),
     .help = "The columns to sort by, the first one first. Text sorts by its bytes."},
    {.name = "descending",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, descending),
     .help = "Those of them that run from the greatest to the least."},
    {.name = "nulls",
     .type = SL_OPT_ENUM,
     .default_json = "\"last\"",
     .offset = offsetof(struct options, nulls),
     .choices = nulls,
     .help = "Where rows without a value come."},
    {.name = "hilbert",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, hilbert),
     .help = "true: rows that are equal in the columns (or all, without columns) come along a Hilbert curve through their "
             "geometries, so that what is near in space is near in the file."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (o->columns.n == 0 && !o->hilbert)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs columns, hilbert: true, or both");
    for (size_t i = 0; i < o->descending.n; i++)
        if (*o->descending.items[i] && !sl_step_names_has(&o->columns, o->descending.items[i]))
            return sl_fail(err, SL_E_RECIPE_OPTION, "descending has \"%s\", which columns has not", o->descending.items[i]);
    return 0;
}

/* PostGIS sorts geometries along a Hilbert curve by themselves; DuckDB wants to know the extent. */
static void along_curve(const struct sl_step_context *context, struct sl_sql *out)
{
    if (out->dialect == SL_DIALECT_POSTGIS) {
        sl_step_put(context, out, "@ NULLS LAST, ");
        return;
    }
    sl_step_put(context, out, "CASE WHEN NOT ST_IsEmpty(@) THEN ST_Hilbert(@, (SELECT ST_Extent(ST_Extent_Agg(@)) FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, ")) END NULLS LAST, ");
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    struct sl_step_order order;
    int rc = sl_step_require_columns(context, &o->columns, err);
    if (rc == 0 && (o->hilbert || !context->no_geometry))
        rc = sl_step_require_geometry(context, "sort", err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_step_last_column(context, "", out);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, " ORDER BY ");
    sl_step_order_begin(&order, context, out);
    for (size_t i = 0; i < o->columns.n; i++)
        sl_step_order_by(&order, o->columns.items[i], sl_step_names_has(&o->descending, o->columns.items[i]),
                         o->nulls == NULLS_FIRST);
    if (o->hilbert) {
        sl_sql_text(out, order.n ? ", " : "");
        along_curve(context, out);
        order.n = 0;
    }
    sl_step_order_end(&order, &o->columns, false);
    return 0;
}

const struct sl_step_kind sl_step__sort = {
    .name = "sort",
    .summary = "Puts the rows in an order.",
    .help = "What is still equal is put in order by all other columns, so that the order is the same every time. An output "
            "has it when sort is the last step and the output says \"sort: none\": its own order (hilbert) comes after, and "
            "other steps keep none.",
    .example = "- sort: {columns: [district, population], descending: [population]}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS | SL_STEP_ORDERS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

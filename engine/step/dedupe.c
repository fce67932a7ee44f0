/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/order.h"
#include "step/step.h"

enum keep { KEEP_FIRST, KEEP_LAST };

struct options {
    struct sl_names columns, order_by;
    bool geometry;
    int keep;
};

static const char *const keeps[] = {[KEEP_FIRST] = "first", [KEEP_LAST] = "last", NULL};

static const struct sl_option items[] = {
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, columns),
     .help = "Rows with the same values in all of these columns are one and the same."},
    {.name = "geometry",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, geometry),
     .help = "true: the geometry has to be the same too (the same points; where a ring starts and which way it runs does "
             "not count). Without columns it alone decides."},
    {.name = "order_by",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct options, order_by),
     .help = "Which of them is first: by these columns, ascending, no value last. What is still equal is put in order by "
             "all other columns, so that the choice is the same every time."},
    {.name = "keep",
     .type = SL_OPT_ENUM,
     .default_json = "\"first\"",
     .offset = offsetof(struct options, keep),
     .choices = keeps,
     .help = "Which one stays in that order."},
};

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (o->columns.n > 0 || o->geometry)
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "needs columns, geometry: true, or both");
}

static void keys(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    for (size_t i = 0; i < o->columns.n; i++) {
        sl_sql_text(out, i ? ", " : "");
        sl_sql_ident(out, o->columns.items[i]);
    }
    if (!o->geometry)
        return;
    sl_sql_text(out, o->columns.n ? ", " : "");
    sl_step_put(context, out, out->dialect == SL_DIALECT_DUCKDB ? "ST_AsWKB(ST_Normalize(@))"
                                                                : "ST_AsEWKB(ST_Normalize(ST_CurveToLine(@)))");
}

/* A row without a value in a key equals no other, as in the check unique. */
static void without_key(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    for (size_t i = 0; i < o->columns.n; i++) {
        sl_sql_text(out, " OR ");
        sl_sql_ident(out, o->columns.items[i]);
        sl_sql_text(out, " IS NULL");
    }
    sl_step_put(context, out, o->geometry ? " OR @ IS NULL" : "");
}

/* "Last" has no place for missing values at its front: they are last in either direction. */
static void order(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    struct sl_step_order by;
    bool last = o->keep == KEEP_LAST;
    sl_step_order_begin(&by, context, out);
    for (size_t i = 0; i < o->order_by.n; i++)
        sl_step_order_by(&by, o->order_by.items[i], last, false);
    sl_step_order_end(&by, &o->order_by, last);
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const char *rank = sl_step_free_name(context, "sl_rank");
    int rc = sl_step_require_columns(context, &o->columns, err);
    if (rc == 0)
        rc = sl_step_require_columns(context, &o->order_by, err);
    if (rc == 0 && o->geometry)
        rc = sl_step_require_geometry(context, "dedupe", err);
    if (rc == 0 && !context->no_geometry && !sl_step_has_geometry(context))
        rc = sl_step_require_geometry(context, "dedupe", err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_step_last_column(context, "", out);
    sl_step_put(context, out, " FROM (SELECT *, row_number() OVER (PARTITION BY ");
    keys(context, o, out);
    sl_sql_text(out, " ORDER BY ");
    order(context, o, out);
    sl_sql_text(out, ") AS ");
    sl_sql_ident(out, rank);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, ") AS ranked WHERE ");
    sl_sql_ident(out, rank);
    sl_sql_text(out, " = 1");
    without_key(context, o, out);
    return 0;
}

const struct sl_step_kind sl_step__dedupe = {
    .name = "dedupe",
    .summary = "Keeps one of several rows that are the same.",
    .help = "A row without a value in one of the columns, or without a geometry where that counts, equals no other and "
            "stays. The others are dropped, and the run counts them under the policy \"dedupe\". M does not count.",
    .example = "- dedupe: {columns: [parcel_id], order_by: [surveyed], keep: last}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .drops = "dedupe",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

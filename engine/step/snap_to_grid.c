/* SPDX-License-Identifier: Apache-2.0 */
/* snap_to_grid and reduce_precision: coordinates on a grid, fast, or so that what is valid stays valid. */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    double size;
};

static const struct sl_option items[] = {
    {.name = "size",
     .type = SL_OPT_NUMBER,
     .offset = offsetof(struct options, size),
     .bounded_below = true,
     .above_minimum = true,
     .minimum = 0,
     .help = "The distance of the grid's lines, in units of the geometry's CRS; its origin is 0, 0."},
};

/* What collapses within a cell is NULL or empty to PostGIS: such a geometry stays as it was. */
static int build_snap(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_geometry(context, "snap_to_grid", err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_step_put(context, out, "CASE WHEN ST_IsEmpty(ST_SnapToGrid(@, ");
    sl_sql_double(out, o->size);
    sl_step_put(context, out, ")) THEN @ ELSE COALESCE(ST_SnapToGrid(@, ");
    sl_sql_double(out, o->size);
    sl_step_put(context, out, "), @) END");
    sl_step_select_end(context, out);
    return 0;
}

const struct sl_step_kind sl_step__snap_to_grid = {
    .name = "snap_to_grid",
    .summary = "Moves every point to the nearest crossing of a grid.",
    .help = "Fast, and points that fall together become one; but a polygon may become invalid, for which make_valid or the "
            "step reduce_precision is there. A geometry smaller than a cell stays as it is. Z and M stay as they are.",
    .example = "- snap_to_grid: {size: 0.01}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__POSTGIS,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build_snap,
};

static int build_reduce(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_geometry(context, "reduce_precision", err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_sql_text(out, "ST_ReducePrecision(");
    sl_step_put(context, out, sl_step_lines(out));
    sl_sql_text(out, ", ");
    sl_sql_double(out, o->size);
    sl_sql_text(out, ")");
    sl_step_select_end(context, out);
    return 0;
}

const struct sl_step_kind sl_step__reduce_precision = {
    .name = "reduce_precision",
    .summary = "Rounds coordinates to a grid so that valid geometries stay valid.",
    .help = "Parts narrower than the grid vanish, and a polygon may fall into several; what vanishes as a whole becomes an "
            "empty geometry and its row stays. An invalid polygon ends the batch: put make_valid before it. Curves become "
            "lines; PostGIS loses M.",
    .example = "- reduce_precision: {size: 0.000001}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build_reduce,
};

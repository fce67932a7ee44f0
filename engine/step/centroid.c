/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

enum method { METHOD_CENTROID, METHOD_SURFACE };

struct options {
    int method;
};

static const char *const methods[] = {[METHOD_CENTROID] = "centroid", [METHOD_SURFACE] = "point_on_surface", NULL};

static const struct sl_option items[] = {
    {.name = "method",
     .type = SL_OPT_ENUM,
     .default_json = "\"centroid\"",
     .offset = offsetof(struct options, method),
     .choices = methods,
     .help = "centroid: the centre of mass, which may lie outside of a bent shape; point_on_surface: a point that is "
             "inside of an area, or on a line."},
};

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB, surface = o->method == METHOD_SURFACE;
    const char *sql = duckdb ? (surface ? "ST_PointOnSurface(ST_Force2D(@))" : "ST_Centroid(ST_Force2D(@))")
                             : (surface ? "ST_PointOnSurface(ST_Force2D(ST_CurveToLine(@)))"
                                        : "ST_Centroid(ST_Force2D(ST_CurveToLine(@)))");
    return sl_step_geometry_only(context, "centroid", sql, out, err);
}

const struct sl_step_kind sl_step__centroid = {
    .name = "centroid",
    .summary = "Makes each geometry a point in its middle.",
    .help = "Computed in the plane of the geometry's CRS. Of a collection the parts of the highest dimension count. An empty "
            "geometry becomes an empty point. The point has neither Z nor M.",
    .example = "- centroid: {method: point_on_surface}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

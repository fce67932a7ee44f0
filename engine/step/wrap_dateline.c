/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    double longest;
};

static const struct sl_option items[] = {
    {.name = "longest",
     .type = SL_OPT_NUMBER,
     .default_json = "180",
     .offset = offsetof(struct options, longest),
     .bounded_below = true,
     .bounded_above = true,
     .above_minimum = true,
     .minimum = 0,
     .maximum = 360,
     .help = "A line between two points that spans more degrees of longitude than this is taken to go the other way round, "
             "over the antimeridian. 360: none is."},
};

/* A span of 360 degrees is the whole world's width, from one edge to the other. */
static void unwrapped(const struct sl_step_context *context, const struct options *o, const char *part, struct sl_sql *out)
{
    sl_step_put(context, out, "CASE WHEN ST_XMax(@) - ST_XMin(@) > ");
    sl_sql_double(out, o->longest);
    sl_step_put(context, out, " AND EXISTS (SELECT 1 FROM ST_DumpSegments(ST_CurveToLine(@)) AS s (");
    sl_sql_ident(out, sl_step_free_name(context, "sl_path"));
    sl_sql_text(out, ", ");
    sl_sql_ident(out, part);
    sl_sql_text(out, ") WHERE ST_XMax(");
    sl_sql_ident(out, part);
    sl_sql_text(out, ") - ST_XMin(");
    sl_sql_ident(out, part);
    sl_sql_text(out, ") > ");
    sl_sql_double(out, o->longest);
    sl_sql_text(out, " AND ST_XMax(");
    sl_sql_ident(out, part);
    sl_sql_text(out, ") - ST_XMin(");
    sl_sql_ident(out, part);
    sl_step_put(context, out, ") < 360) THEN ST_ShiftLongitude(ST_CurveToLine(@)) ELSE @ END");
}

/* Two layers: what is unwrapped below is cut above, at 180 and at -180. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const char *u = sl_step_free_name(context, "sl_unwrapped"), *part = sl_step_free_name(context, "sl_part");
    int rc = sl_step_require_geometry(context, "wrap_dateline", err);
    if (rc == 0)
        rc = sl_step_require_crs(context, "wrap_dateline", out, err);
    if (rc == 0 && context->crs && !context->crs->geographic)
        rc = sl_fail(err, SL_E_RECIPE_STEP, "wrap_dateline: the geometry is in %s, which has no degrees of longitude",
                     context->crs->id ? context->crs->id : context->crs->name);
    if (rc < 0)
        return rc;
    static const char *const cut[] = {"CASE WHEN ST_XMax(", ") > 180 OR ST_XMin(", ") < -180 THEN CASE WHEN GeometryType(",
                                      ") = 'GEOMETRYCOLLECTION' THEN ST_WrapX(ST_WrapX(",
                                      ", 180, -360), -180, 360) ELSE ST_CollectionExtract(ST_WrapX(ST_WrapX(",
                                      ", 180, -360), -180, 360), ST_Dimension(", ") + 1) END ELSE ", " END"};
    sl_step_select_begin(context, out);
    for (size_t i = 0; i < SL_STEP__COUNT(cut); i++) {
        sl_sql_text(out, cut[i]);
        if (i + 1 < SL_STEP__COUNT(cut))
            sl_sql_ident(out, u);
    }
    sl_step_put(context, out, " AS @ FROM (SELECT *, ");
    unwrapped(context, o, part, out);
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, u);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_step_fence(out);
    sl_sql_text(out, ") AS unwrapped");
    return 0;
}

const struct sl_step_kind sl_step__wrap_dateline = {
    .name = "wrap_dateline",
    .summary = "Cuts geometries at the antimeridian, so that all longitudes are from -180 to 180.",
    .help = "For geometries that go beyond 180 degrees (also in 0 to 360), and for those whose points jump from one edge of "
            "the map to the other: RFC 7946 wants both in two pieces. What is cut becomes a multi-geometry. Geometries that "
            "do neither are not touched. The CRS must be geographic.",
    .example = "- wrap_dateline: {}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__POSTGIS,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

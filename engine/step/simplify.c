/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    double tolerance;
    bool preserve_topology;
};

static const struct sl_option items[] = {
    {.name = "tolerance",
     .type = SL_OPT_NUMBER,
     .offset = offsetof(struct options, tolerance),
     .bounded_below = true,
     .minimum = 0,
     .help = "How far a line may move, in units of the geometry's CRS: degrees after normalize_crs to EPSG:4326 (0.00001 "
             "is about 1 m), metres in a UTM zone."},
    {.name = "preserve_topology",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct options, preserve_topology),
     .help = "true: a valid geometry stays valid and keeps its rings; false: faster, and rings may cross or vanish."},
};

/* Asked only where the engine does not know the answer itself (geo/duckdb/functions.h). */
static int build_keeping(const struct sl_step_context *context, double tolerance, struct sl_sql *out)
{
    sl_step_select_begin(context, out);
    sl_step_put(context, out, "coalesce(sl_simplify(@, ");
    sl_sql_double(out, tolerance);
    sl_step_put(context, out, "), ST_SimplifyPreserveTopology(@, ");
    sl_sql_double(out, tolerance);
    sl_sql_text(out, "))");
    sl_step_select_end(context, out);
    return 0;
}

/*
 * ST_SimplifyPreserveTopology watches over every pair of segments, which takes ten times as long as leaving out points.
 * A polygon whose points were left out by the plain algorithm and that is valid, with all its rings, has kept its topology:
 * only the others go the long way, among them those that would end as triangles. What has M loses it there, and curves
 * become lines, so that these go there as well.
 */
static int preserving(const struct sl_step_context *context, const struct options *o, struct sl_sql *out)
{
    const char *name = sl_step_free_name(context, "sl_simple");
    static const char *const chosen[] = {"CASE WHEN ST_NPoints(", ") = ST_NPoints(@) THEN @ WHEN ST_NRings(",
                                         ") = ST_NRings(@) AND ST_NPoints(", ") > 4 * ST_NRings(@) AND ST_IsValid(",
                                         ") THEN ", " ELSE ST_SimplifyPreserveTopology(@, "};
    sl_step_select_begin(context, out);
    for (size_t i = 0; i < SL_STEP__COUNT(chosen); i++) {
        sl_step_put(context, out, chosen[i]);
        if (i + 1 < SL_STEP__COUNT(chosen))
            sl_sql_ident(out, name);
    }
    sl_sql_double(out, o->tolerance);
    sl_step_put(context, out, ") END AS @ FROM (SELECT *, CASE WHEN GeometryType(@) IN ('POLYGON', 'MULTIPOLYGON') AND "
                              "ST_Zmflag(@) IN (0, 2) THEN ST_Simplify(@, ");
    sl_sql_double(out, o->tolerance);
    sl_sql_text(out, ", true) END AS ");
    sl_sql_ident(out, name);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_step_fence(out);
    sl_sql_text(out, ") AS simplified");
    return 0;
}

/*
 * No form loses a row's geometry: ST_Simplify is asked to keep what collapses (in PostGIS it would be NULL), and what it
 * still gives as NULL or as empty stays as it was. Curves become lines first: ST_Simplify refuses them, the other form
 * does the same by itself.
 */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_geometry(context, "simplify", err);
    if (rc < 0)
        return rc;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    if (o->preserve_topology)
        return duckdb ? build_keeping(context, o->tolerance, out) : preserving(context, o, out);
    const char *before = duckdb ? "CASE WHEN ST_IsEmpty(ST_Simplify(@, " : "COALESCE(ST_Simplify(ST_CurveToLine(@), ";
    const char *after = duckdb ? ")) THEN @ ELSE ST_Simplify(@, " : ", true), @)";
    sl_step_select_begin(context, out);
    sl_step_put(context, out, before);
    sl_sql_double(out, o->tolerance);
    sl_step_put(context, out, after);
    if (duckdb) {
        sl_sql_double(out, o->tolerance);
        sl_sql_text(out, ") END");
    }
    sl_step_select_end(context, out);
    return 0;
}

const struct sl_step_kind sl_step__simplify = {
    .name = "simplify",
    .summary = "Leaves out points that a line does not need within a tolerance (Douglas-Peucker).",
    .help = "Each geometry is simplified for itself: the shared border of two polygons may come apart by up to twice the "
            "tolerance. Geometries smaller than the tolerance shrink to their smallest form (with engine duckdb they stay "
            "as they are); no row is lost. "
            "Preserving topology keeps Z and loses M. Curves become lines.",
    .example = "- simplify: {tolerance: 0.00001, preserve_topology: true}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

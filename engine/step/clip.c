/* SPDX-License-Identifier: Apache-2.0 */
#include "step/box.h"
#include "step/kinds.h"
#include "step/step.h"

enum outside { OUTSIDE_DROP, OUTSIDE_KEEP };

struct options {
    struct sl_bounds bounds;
    const char *crs;
    int outside;
};

static const char *const outsides[] = {[OUTSIDE_DROP] = "drop", [OUTSIDE_KEEP] = "keep", NULL};

static const struct sl_option items[] = {
    {.name = "bounds",
     .type = SL_OPT_BOUNDS,
     .offset = offsetof(struct options, bounds),
     .help = "The corners of what is kept. In longitude and latitude xmin may be greater than xmax: then they go over the "
             "antimeridian."},
    {.name = "crs",
     .type = SL_OPT_CRS,
     .default_json = "null",
     .offset = offsetof(struct options, crs),
     .help = "The CRS of the bounds; without it that of the geometry."},
    {.name = "outside",
     .type = SL_OPT_ENUM,
     .default_json = "\"drop\"",
     .offset = offsetof(struct options, outside),
     .choices = outsides,
     .help = "What becomes of a row that has nothing inside, or an empty geometry. drop: it is dropped under the policy "
             "\"clip\"; keep: it stays, with an empty geometry."},
};

/* What lies inside as a whole stays bit for bit; a cut line does not leave the points where it only touches. */
static int clipped(const struct sl_step_context *context, const struct options *o, struct sl_sql *out, struct sl_error *err)
{
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    const char *const parts[] = {"CASE WHEN ST_CoveredBy(", ") THEN @ WHEN ",
                                 duckdb ? "CAST(ST_GeometryType(@) AS VARCHAR)" : "GeometryType(@)",
                                 " = 'GEOMETRYCOLLECTION' THEN ST_Intersection(", ") ELSE ST_CollectionExtract(ST_Intersection(",
                                 "), ST_Dimension(@) + 1) END"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SL_STEP__COUNT(parts); i++) {
        sl_step_put(context, out, parts[i]);
        if (i != 0 && i != 3 && i != 4)
            continue;
        sl_step_put(context, out, sl_step_lines(out));
        sl_sql_text(out, ", ");
        rc = sl_step_box(context, "clip", &o->bounds, o->crs, out, err);
    }
    return rc;
}

/* OFFSET 0 keeps PostgreSQL from computing the clipped geometry once for the condition and once for the column. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_geometry(context, "clip", err);
    if (rc < 0)
        return rc;
    if (o->outside == OUTSIDE_DROP) {
        sl_step_select_begin(context, out);
        sl_step_put(context, out, "@ FROM (");
    }
    sl_step_select_begin(context, out);
    rc = clipped(context, o, out, err);
    sl_step_select_end(context, out);
    if (o->outside == OUTSIDE_DROP)
        sl_step_put(context, out, " OFFSET 0) AS clipped WHERE @ IS NULL OR NOT ST_IsEmpty(@)");
    return rc;
}

const struct sl_step_kind sl_step__clip = {
    .name = "clip",
    .summary = "Cuts geometries at bounds and drops what lies outside.",
    .help = "What lies inside as a whole is not touched. A polygon that is cut may become a multipolygon; where it only "
            "touches the bounds nothing of it is left. Rows without a geometry stay. Bounds in another CRS are "
            "transformed, with 32 points to each of their edges. An invalid polygon may end the batch: put make_valid "
            "before it. What is cut loses M with engine postgis, and curves become lines.",
    .example = "- clip: {bounds: [13.0, 52.3, 13.8, 52.7], crs: \"EPSG:4326\"}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .drops = "clip",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

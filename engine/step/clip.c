/* SPDX-License-Identifier: Apache-2.0 */
#include "step/box.h"
#include "step/kinds.h"
#include "step/other.h"
#include "step/step.h"

enum outside { OUTSIDE_DROP, OUTSIDE_KEEP };

struct options {
    struct sl_bounds bounds;
    struct sl_step_other other;
    const char *crs;
    int outside;
};

static const char *const outsides[] = {[OUTSIDE_DROP] = "drop", [OUTSIDE_KEEP] = "keep", NULL};

static const struct sl_option items[] = {
    SL_STEP__OTHER(options),
    {.name = "bounds",
     .type = SL_OPT_BOUNDS,
     .default_json = "null",
     .offset = offsetof(struct options, bounds),
     .help = "Instead of another table: the corners of what is kept. In longitude and latitude xmin may be greater than xmax: then they go over the "
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

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (o->bounds.given == sl_step_other_given(&o->other))
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs bounds, role or dataset, one of them");
    if (o->crs && !o->bounds.given)
        return sl_fail(err, SL_E_RECIPE_OPTION, "crs is for bounds");
    return o->bounds.given ? 0 : sl_step_other_validate(&o->other, err);
}

/* What is cut at: the bounds, or the column in which each row has the areas that it meets. */
static int area(const struct sl_step_context *context, const struct options *o, const char *mask, struct sl_sql *out,
                struct sl_error *err)
{
    if (o->bounds.given)
        return sl_step_box(context, "clip", &o->bounds, o->crs, out, err);
    sl_sql_ident(out, mask);
    return 0;
}

/* What lies inside as a whole stays bit for bit; a cut line does not leave the points where it only touches. */
static int clipped(const struct sl_step_context *context, const struct options *o, const char *mask, struct sl_sql *out,
                   struct sl_error *err)
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
        rc = area(context, o, mask, out, err);
    }
    return rc;
}

/* The input with one more column: the areas of the other table that the row meets, as one; empty where there are none. */
static void with_mask(const struct sl_step_context *context, const struct sl_other_table *other, const char *mask,
                      struct sl_sql *out)
{
    const char *geometry = other->table->geometry ? other->table->geometry : context->geometry;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    sl_sql_text(out, duckdb ? "(SELECT l.*, coalesce((SELECT ST_Union_Agg(r." : "(SELECT l.*, coalesce((SELECT ST_Union(r.");
    sl_sql_ident(out, geometry);
    sl_sql_text(out, ") FROM ");
    sl_sql_table(out, other->table->schema, other->table->name);
    sl_sql_text(out, " AS r WHERE ST_Intersects(r.");
    sl_sql_ident(out, geometry);
    sl_step_put(context, out, ", l.@) AND ST_Dimension(r.");
    sl_sql_ident(out, geometry);
    sl_step_put(context, out, duckdb ? ") = 2), ST_GeomFromText('POLYGON EMPTY')) AS "
                                     : ") = 2), ST_GeomFromText('POLYGON EMPTY', ST_SRID(l.@))) AS ");
    sl_sql_ident(out, mask);
    sl_sql_text(out, " FROM (SELECT * FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, ") AS l");
    sl_step_fence(out);
    sl_sql_text(out, ") AS masked");
}

/* The fence keeps PostgreSQL from computing the clipped geometry once for the condition and once for the column. */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const char *mask = sl_step_free_name(context, "sl_mask");
    struct sl_other_table other = {0};
    int rc = sl_step_require_geometry(context, "clip", err);
    if (rc == 0 && !o->bounds.given)
        rc = sl_step_other_find(context, &o->other, true, &other, err);
    if (rc < 0)
        return rc;
    if (other.absent) {
        sl_step_other_absent(context, out);
        return 0;
    }
    if (o->outside == OUTSIDE_DROP) {
        sl_step_select_begin(context, out);
        sl_step_put(context, out, "@ FROM (");
    }
    sl_step_select_begin(context, out);
    rc = clipped(context, o, mask, out, err);
    sl_step_put(context, out, " AS @ FROM ");
    if (o->bounds.given)
        sl_step_table(context, out);
    else
        with_mask(context, &other, mask, out);
    if (o->outside == OUTSIDE_DROP) {
        sl_step_fence(out);
        sl_step_put(context, out, ") AS clipped WHERE @ IS NULL OR NOT ST_IsEmpty(@)");
    }
    return rc;
}

static size_t reads(const void *data, struct sl_table_ref out[SL_STEP_TABLES_MAX])
{
    const struct options *o = data;
    return sl_step_other_reads(&o->other, out);
}

const struct sl_step_kind sl_step__clip = {
    .name = "clip",
    .summary = "Cuts geometries at bounds, or at the areas of another table, and drops what lies outside.",
    .help = "What lies inside as a whole is not touched. A polygon that is cut may become a multipolygon; where it only "
            "touches the bounds nothing of it is left. Rows without a geometry stay. Bounds in another CRS are "
            "transformed, with 32 points to each of their edges. An invalid polygon may end the batch: put make_valid "
            "before it. What is cut loses M with engine postgis, and curves become lines. Of another table only areas count; "
            "those in another CRS are transformed.",
    .example = "- clip: {bounds: [13.0, 52.3, 13.8, 52.7], crs: \"EPSG:4326\"}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .drops = "clip",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
    .validate = validate,
    .reads = reads,
};

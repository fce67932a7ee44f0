/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

enum method { METHOD_LINEWORK, METHOD_STRUCTURE };

struct options {
    int method;
    bool keep_type;
};

static const char *const methods[] = {[METHOD_LINEWORK] = "linework", [METHOD_STRUCTURE] = "structure", NULL};

static const struct sl_option items[] = {
    {.name = "method",
     .type = SL_OPT_ENUM,
     .default_json = "\"linework\"",
     .offset = offsetof(struct options, method),
     .choices = methods,
     .help = "linework keeps every line of the input and builds areas from them; structure takes rings as outlines and "
             "holes, and merges what overlaps."},
    {.name = "keep_type",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct options, keep_type),
     .help = "true: polygons stay polygons and lines stay lines, and the points and lines that a repair leaves beside "
             "them are dropped; false: such geometries become collections."},
};

/*
 * Valid geometries (and NULL) are left alone, bit for bit. A geometry that was a collection may stay one. An invalid
 * curve becomes lines first: ST_MakeValid refuses curves. DuckDB has one method only.
 */
static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    int rc = sl_step_require_geometry(context, "make_valid", err);
    if (rc == 0 && duckdb && o->method == METHOD_STRUCTURE)
        rc = sl_step_no_dialect("make_valid: method structure", out, err);
    if (rc < 0)
        return rc;
    const char *repaired = duckdb                          ? "ST_MakeValid(@)"
                           : o->method == METHOD_STRUCTURE ? "ST_MakeValid(ST_CurveToLine(@), 'method=structure')"
                                                           : "ST_MakeValid(ST_CurveToLine(@), 'method=linework')";
    sl_step_select_begin(context, out);
    sl_step_put(context, out, "CASE WHEN ST_IsValid(@) THEN @");
    if (o->keep_type) {
        sl_step_put(context, out, duckdb ? " WHEN CAST(ST_GeometryType(@) AS VARCHAR)" : " WHEN GeometryType(@)");
        sl_sql_text(out, " <> 'GEOMETRYCOLLECTION' THEN ST_CollectionExtract(");
        sl_step_put(context, out, repaired);
        sl_step_put(context, out, ", ST_Dimension(@) + 1)");
    }
    sl_sql_text(out, " ELSE ");
    sl_step_put(context, out, repaired);
    sl_sql_text(out, " END");
    sl_step_select_end(context, out);
    return 0;
}

const struct sl_step_kind sl_step__make_valid = {
    .name = "make_valid",
    .summary = "Repairs invalid geometries (rings that cross themselves, holes outside of their shell).",
    .help = "Valid geometries are not touched. A repaired polygon may become a multipolygon. A polygon that has no area "
            "(a ring that runs back on itself) becomes an empty polygon with keep_type, and a line without it; the row "
            "stays in any case. A repair loses M, and turns curves into lines.",
    .example = "- make_valid: {method: structure}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "step/kinds.h"
#include "step/step.h"

struct options {
    const char *area, *length, *perimeter;
};

static const struct sl_option items[] = {
    {.name = "area",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, area),
     .help = "The column for the area in square metres."},
    {.name = "length",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, length),
     .help = "The column for the length of lines in metres."},
    {.name = "perimeter",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, perimeter),
     .help = "The column for the length of the borders of areas in metres, those of holes too."},
};

static bool same(const char *a, const char *b)
{
    return a && b && !strcasecmp(a, b);
}

static int validate(const void *data, struct sl_error *err)
{
    const struct options *o = data;
    if (!o->area && !o->length && !o->perimeter)
        return sl_fail(err, SL_E_RECIPE_OPTION, "needs area, length or perimeter: the name of a column");
    if (same(o->area, o->length) || same(o->area, o->perimeter) || same(o->length, o->perimeter))
        return sl_fail(err, SL_E_RECIPE_OPTION, "two measures cannot have one column");
    return 0;
}

/* DuckDB's geodesic functions want latitude first. */
static void measured(const struct sl_step_context *context, const char *column, const char *postgis, const char *duckdb,
                     struct sl_sql *out)
{
    bool there = out->dialect == SL_DIALECT_DUCKDB;
    if (!column)
        return;
    sl_sql_text(out, there ? duckdb : postgis);
    sl_sql_text(out, there ? "(ST_FlipCoordinates(" : "(CAST(");
    sl_step_lonlat(context, out, sl_step_lines(out));
    sl_sql_text(out, there ? ")) AS " : " AS geography)) AS ");
    sl_sql_ident(out, column);
    sl_sql_text(out, ", ");
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const char *const columns[] = {o->area, o->length, o->perimeter};
    int rc = sl_step_require_geometry(context, "measure", err);
    if (rc == 0)
        rc = sl_step_require_crs(context, "measure", out, err);
    for (size_t i = 0; rc == 0 && i < 3; i++)
        if (columns[i])
            rc = sl_step_require_new_column(context, "measure", columns[i], NULL, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    measured(context, o->area, "ST_Area", "ST_Area_Spheroid", out);
    measured(context, o->length, "ST_Length", "ST_Length_Spheroid", out);
    measured(context, o->perimeter, "ST_Perimeter", "ST_Perimeter_Spheroid", out);
    sl_step_put(context, out, "@ FROM ");
    sl_step_table(context, out);
    return 0;
}

const struct sl_step_kind sl_step__measure = {
    .name = "measure",
    .summary = "Adds columns with the true area, length or perimeter.",
    .help = "Measured on the WGS 84 ellipsoid along geodesics between the points, whatever the CRS of the geometry: no "
            "projection's scale comes in. A row without a geometry has no measure; a line has the area 0. A geometry that "
            "runs over the antimeridian is measured right once wrap_dateline has cut it.",
    .example = "- measure: {area: area_m2, perimeter: perimeter_m}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .validate = validate,
    .build = build,
};

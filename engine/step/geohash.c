/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    const char *column;
    int64_t precision;
};

static const struct sl_option items[] = {
    {.name = "column",
     .type = SL_OPT_COLUMN,
     .default_json = "\"geohash\"",
     .offset = offsetof(struct options, column),
     .help = "The name of the column."},
    {.name = "precision",
     .type = SL_OPT_INTEGER,
     .default_json = "9",
     .offset = offsetof(struct options, precision),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 1,
     .maximum = 12,
     .help = "Characters: 5 is a cell of about 5 km, 7 of 150 m, 9 of 5 m."},
};

/* The middle of the extent in longitude, brought between -180 and 180, and latitude, as columns of a table below. */
static void source(const struct sl_step_context *context, const char *x, const char *y, struct sl_sql *out)
{
    static const char *const pieces[] = {"(SELECT *, (ST_XMin(", ") + ST_XMax(", ")) / 2 - 360 * floor(((ST_XMin(",
                                         ") + ST_XMax(", ")) / 2 + 180) / 360) AS "};
    for (size_t i = 0; i < SL_STEP__COUNT(pieces); i++) {
        sl_sql_text(out, pieces[i]);
        if (i + 1 < SL_STEP__COUNT(pieces))
            sl_step_lonlat(context, out, "@");
    }
    sl_sql_ident(out, x);
    sl_sql_text(out, ", (ST_YMin(");
    sl_step_lonlat(context, out, "@");
    sl_sql_text(out, ") + ST_YMax(");
    sl_step_lonlat(context, out, "@");
    sl_sql_text(out, ")) / 2 AS ");
    sl_sql_ident(out, y);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_step_fence(out);
    sl_sql_text(out, ") AS placed");
}

/* One bit of the code, from the left: even ones of the longitude, odd ones of the latitude, 30 of each. */
static void bit(const char *x, const char *y, int index, struct sl_sql *out)
{
    bool longitude = index % 2 == 0;
    sl_sql_text(out, "((CAST(least(floor((");
    sl_sql_ident(out, longitude ? x : y);
    sl_sql_text(out, longitude ? " + 180) / 360 * 1073741824), 1073741823) AS BIGINT) >> "
                               : " + 90) / 180 * 1073741824), 1073741823) AS BIGINT) >> ");
    sl_sql_int(out, 29 - index / 2);
    sl_sql_text(out, ") & 1) * ");
    sl_sql_int(out, 16 >> index % 5);
}

/* DuckDB has no function for it. */
static void spelled(const struct options *o, const char *x, const char *y, struct sl_sql *out)
{
    for (int c = 0; c < (int)o->precision; c++) {
        sl_sql_text(out, c ? " || " : "");
        sl_sql_text(out, "substr('0123456789bcdefghjkmnpqrstuvwxyz', 1");
        for (int i = 0; i < 5; i++) {
            sl_sql_text(out, " + ");
            bit(x, y, 5 * c + i, out);
        }
        sl_sql_text(out, ", 1)");
    }
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const char *x = sl_step_free_name(context, "sl_x"), *y = sl_step_free_name(context, "sl_y");
    int rc = sl_step_require_geometry(context, "geohash", err);
    if (rc == 0)
        rc = sl_step_require_crs(context, "geohash", out, err);
    if (rc == 0)
        rc = sl_step_require_new_column(context, "geohash", o->column, NULL, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_sql_text(out, "CASE WHEN ");
    sl_sql_ident(out, y);
    sl_sql_text(out, " BETWEEN -90 AND 90 THEN ");
    if (out->dialect == SL_DIALECT_DUCKDB) {
        spelled(o, x, y, out);
    } else {
        sl_sql_text(out, "ST_GeoHash(ST_SetSRID(ST_MakePoint(");
        sl_sql_ident(out, x);
        sl_sql_text(out, ", ");
        sl_sql_ident(out, y);
        sl_sql_text(out, "), 4326), ");
        sl_sql_int(out, o->precision);
        sl_sql_text(out, ")");
    }
    sl_sql_text(out, " END AS ");
    sl_sql_ident(out, o->column);
    sl_step_put(context, out, ", @ FROM ");
    source(context, x, y, out);
    return 0;
}

const struct sl_step_kind sl_step__geohash = {
    .name = "geohash",
    .summary = "Adds a column with the geohash of the geometry's middle.",
    .help = "Of the middle of the extent, in longitude and latitude. A row without a geometry, or with an empty one, has "
            "none.",
    .example = "- geohash: {column: cell, precision: 7}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

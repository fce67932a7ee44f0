/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

enum unit { UNIT_METRES, UNIT_CRS };
enum cap { CAP_ROUND, CAP_FLAT, CAP_SQUARE };
enum join { JOIN_ROUND, JOIN_MITRE, JOIN_BEVEL };
enum side { SIDE_BOTH, SIDE_LEFT, SIDE_RIGHT };

struct options {
    double distance, mitre_limit;
    int64_t segments;
    int unit, cap, join, side;
};

static const char *const units[] = {[UNIT_METRES] = "metres", [UNIT_CRS] = "crs", NULL};
static const char *const caps[] = {[CAP_ROUND] = "round", [CAP_FLAT] = "flat", [CAP_SQUARE] = "square", NULL};
static const char *const joins[] = {[JOIN_ROUND] = "round", [JOIN_MITRE] = "mitre", [JOIN_BEVEL] = "bevel", NULL};
static const char *const sides[] = {[SIDE_BOTH] = "both", [SIDE_LEFT] = "left", [SIDE_RIGHT] = "right", NULL};

static const struct sl_option items[] = {
    {.name = "distance",
     .type = SL_OPT_NUMBER,
     .offset = offsetof(struct options, distance),
     .help = "How far from the geometry; negative: areas shrink, and lines and points become empty."},
    {.name = "unit",
     .type = SL_OPT_ENUM,
     .default_json = "\"metres\"",
     .offset = offsetof(struct options, unit),
     .choices = units,
     .help = "metres: on the ground, whatever the CRS; crs: the units of the geometry's CRS."},
    {.name = "segments",
     .type = SL_OPT_INTEGER,
     .default_json = "8",
     .offset = offsetof(struct options, segments),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 1,
     .maximum = 64,
     .help = "Lines to a quarter of a circle. With 8 the border is up to 0.5 % of the distance too near."},
    {.name = "cap",
     .type = SL_OPT_ENUM,
     .default_json = "\"round\"",
     .offset = offsetof(struct options, cap),
     .choices = caps,
     .help = "How lines end."},
    {.name = "join",
     .type = SL_OPT_ENUM,
     .default_json = "\"round\"",
     .offset = offsetof(struct options, join),
     .choices = joins,
     .help = "How corners are."},
    {.name = "mitre_limit",
     .type = SL_OPT_NUMBER,
     .default_json = "5",
     .offset = offsetof(struct options, mitre_limit),
     .bounded_below = true,
     .minimum = 1,
     .help = "How far a mitred corner may reach, as a multiple of the distance."},
    {.name = "side",
     .type = SL_OPT_ENUM,
     .default_json = "\"both\"",
     .offset = offsetof(struct options, side),
     .choices = sides,
     .help = "Of lines: both sides, or the one that is left or right in the line's direction; not with engine duckdb."},
};

/* What follows the geometry in ST_Buffer( … ). */
static void arguments(const struct options *o, struct sl_sql *out)
{
    static const char *const duck_caps[] = {"'CAP_ROUND'", "'CAP_FLAT'", "'CAP_SQUARE'"};
    static const char *const duck_joins[] = {"'JOIN_ROUND'", "'JOIN_MITRE'", "'JOIN_BEVEL'"};
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    sl_sql_text(out, ", ");
    sl_sql_double(out, o->distance);
    sl_sql_text(out, duckdb ? ", " : ", 'quad_segs=");
    sl_sql_int(out, o->segments);
    sl_sql_text(out, duckdb ? ", " : " endcap=");
    sl_sql_text(out, duckdb ? duck_caps[o->cap] : caps[o->cap]);
    sl_sql_text(out, duckdb ? ", " : " join=");
    sl_sql_text(out, duckdb ? duck_joins[o->join] : joins[o->join]);
    sl_sql_text(out, duckdb ? ", " : " mitre_limit=");
    sl_sql_double(out, o->mitre_limit);
    if (!duckdb && o->side != SIDE_BOTH) {
        sl_sql_text(out, " side=");
        sl_sql_text(out, sides[o->side]);
    }
    sl_sql_text(out, duckdb ? ")" : "')");
}

/* The names of helper columns: the geometry in longitude and latitude, and the middle of its extent. */
struct names {
    const char *lonlat, *x, *y;
};

static void plane(const struct names *n, struct sl_sql *out)
{
    sl_sql_text(out, "'+proj=aeqd +datum=WGS84 +units=m +lat_0=' || ");
    sl_sql_ident(out, n->y);
    sl_sql_text(out, " || ' +lon_0=' || ");
    sl_sql_ident(out, n->x);
}

/* Into the plane, buffered, and back. Back in longitude and latitude a buffer over the antimeridian stays in one piece
 * beyond 180 degrees, which a jump from 180 to -180 would tear. */
static void in_plane(const struct sl_step_context *context, const struct options *o, const struct names *n, struct sl_sql *out)
{
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB, lonlat = sl_step_is_lonlat(context);
    sl_sql_text(out, lonlat && !duckdb ? "ST_SetSRID(ST_Transform(ST_Buffer(" : "ST_Transform(ST_Buffer(");
    sl_sql_text(out, "ST_Transform(");
    sl_sql_ident(out, n->lonlat);
    sl_sql_text(out, duckdb ? ", 'EPSG:4326', " : ", ");
    plane(n, out);
    sl_sql_text(out, duckdb ? ", true)" : ")");
    arguments(o, out);
    sl_sql_text(out, ", ");
    plane(n, out);
    sl_sql_text(out, ", ");
    if (lonlat) {
        sl_sql_text(out, "'+proj=longlat +datum=WGS84 +lon_wrap=' || ");
        sl_sql_ident(out, n->x);
        sl_sql_text(out, duckdb ? ", true)" : "), ");
    } else if (duckdb) {
        sl_step_crs_literal(context, out);
        sl_sql_text(out, ", true)");
    }
    if (!duckdb) {
        sl_sql_int(out, context->input->srid > 0 ? context->input->srid : 4326);
        sl_sql_text(out, ")");
    }
}

/* Two layers below, so that each row is transformed once: the fence keeps PostgreSQL from folding them into one. */
static void source(const struct sl_step_context *context, const struct names *n, struct sl_sql *out)
{
    static const char *const middle[] = {"(ST_XMin(", ") + ST_XMax(", ")) / 2 AS "};
    static const char *const height[] = {"(ST_YMin(", ") + ST_YMax(", ")) / 2 AS "};
    sl_sql_text(out, "(SELECT *, ");
    for (int axis = 0; axis < 2; axis++) {
        for (int i = 0; i < 3; i++) {
            sl_sql_text(out, axis == 0 ? middle[i] : height[i]);
            sl_sql_ident(out, i < 2 ? n->lonlat : axis == 0 ? n->x : n->y);
        }
        sl_sql_text(out, axis == 0 ? ", " : " FROM (SELECT *, ");
    }
    sl_step_lonlat(context, out, sl_step_lines(out));
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, n->lonlat);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_step_fence(out);
    sl_sql_text(out, ") AS placed");
    sl_step_fence(out);
    sl_sql_text(out, ") AS measured");
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    const struct names names = {sl_step_free_name(context, "sl_lonlat"), sl_step_free_name(context, "sl_x"),
                                sl_step_free_name(context, "sl_y")};
    int rc = sl_step_require_geometry(context, "buffer", err);
    if (rc == 0 && o->unit == UNIT_METRES)
        rc = sl_step_require_crs(context, "buffer", out, err);
    if (rc == 0 && o->side != SIDE_BOTH && out->dialect == SL_DIALECT_DUCKDB)
        rc = sl_step_no_dialect("buffer: one side", out, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    if (o->unit == UNIT_CRS) {
        sl_sql_text(out, "ST_Buffer(");
        sl_step_put(context, out, sl_step_lines(out));
        arguments(o, out);
        sl_step_select_end(context, out);
        return 0;
    }
    sl_step_put(context, out, "CASE WHEN ST_IsEmpty(@) THEN ST_Buffer(@, 0) ELSE ");
    in_plane(context, o, &names, out);
    sl_step_put(context, out, " END AS @ FROM ");
    source(context, &names, out);
    return 0;
}

const struct sl_step_kind sl_step__buffer = {
    .name = "buffer",
    .summary = "Makes each geometry the area within a distance of it.",
    .help = "In metres, each geometry is laid into a plane of its own (azimuthal equidistant on WGS 84, around the middle of "
            "its extent), buffered there and brought back. For points that is exact but for the segments. r kilometres away "
            "from the middle the distance is wrong by at most (r / 6371)² / 6 of itself: 0.004 % at 100 km, 0.4 % at "
            "1,000 km. In units of the CRS the scale of the projection comes in, and degrees are no distance.\n"
            "In longitude and latitude a buffer over the antimeridian goes beyond 180 degrees: the step wrap_dateline after "
            "it cuts it there. A buffer around a pole has no form in longitude and latitude. Empty geometries become empty "
            "polygons. Z and M are lost, curves become lines.",
    .example = "- buffer: {distance: 250}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

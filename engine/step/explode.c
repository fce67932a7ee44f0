/* SPDX-License-Identifier: Apache-2.0 */
#include "step/kinds.h"
#include "step/step.h"

enum into { INTO_PARTS, INTO_TYPES };

struct options {
    int into;
    const char *part_column;
};

static const char *const intos[] = {[INTO_PARTS] = "parts", [INTO_TYPES] = "types", NULL};

static const struct sl_option items[] = {
    {.name = "into",
     .type = SL_OPT_ENUM,
     .default_json = "\"parts\"",
     .offset = offsetof(struct options, into),
     .choices = intos,
     .help = "parts: each point, line and polygon becomes a row; types: only collections come apart, into one row of all "
             "their points, one of all their lines and one of all their polygons, as multi-geometries."},
    {.name = "part_column",
     .type = SL_OPT_COLUMN,
     .default_json = "null",
     .offset = offsetof(struct options, part_column),
     .help = "A column for the number of the part in its row, from 1."},
};

/*
 * The parts of one row as a table: ! their number, # the part, ^ a helper. Their names are no column's, or a column of
 * that name would mean two things. What has no parts, NULL and empty, is its own only one.
 */
static const char *postgis_parts(const struct options *o)
{
    return o->into == INTO_PARTS
               ? "(SELECT !, # FROM ST_Dump(@) WITH ORDINALITY AS d (^, #, !) WHERE NOT ST_IsEmpty(@) "
                 "UNION ALL SELECT 1, @ WHERE @ IS NULL OR ST_IsEmpty(@)) AS part (!, #)"
               : "(SELECT row_number() OVER (ORDER BY ^), ST_CollectionExtract(ST_CurveToLine(@), ^) "
                 "FROM generate_series(1, 3) AS k (^) WHERE GeometryType(@) = 'GEOMETRYCOLLECTION' "
                 "AND NOT ST_IsEmpty(ST_CollectionExtract(ST_CurveToLine(@), ^)) UNION ALL SELECT 1, @ "
                 "WHERE @ IS NULL OR ST_IsEmpty(@) OR GeometryType(@) <> 'GEOMETRYCOLLECTION') AS part (!, #)";
}

static void put_named(const struct sl_step_context *context, const char *trusted, struct sl_sql *out)
{
    char piece[2] = "";
    for (; *trusted; trusted++) {
        const char *name = *trusted == '!'   ? "sl_number"
                           : *trusted == '#' ? "sl_part"
                           : *trusted == '^' ? "sl_key"
                                             : NULL;
        piece[0] = *trusted;
        if (name)
            sl_sql_ident(out, sl_step_free_name(context, name));
        else
            sl_step_put(context, out, piece);
    }
}

static const char *duckdb_parts(const struct options *o)
{
    return o->into == INTO_PARTS
               ? "CASE WHEN @ IS NULL OR ST_IsEmpty(@) THEN [@] ELSE [d.geom FOR d IN ST_Dump(@)] END"
               : "CASE WHEN @ IS NULL OR ST_IsEmpty(@) OR CAST(ST_GeometryType(@) AS VARCHAR) <> 'GEOMETRYCOLLECTION' "
                 "THEN [@] ELSE [g FOR g IN [ST_CollectionExtract(@, 1), ST_CollectionExtract(@, 2), "
                 "ST_CollectionExtract(@, 3)] IF NOT ST_IsEmpty(g)] END";
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int rc = sl_step_require_geometry(context, "explode", err);
    if (rc == 0 && o->part_column)
        rc = sl_step_require_new_column(context, "explode", o->part_column, NULL, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    if (out->dialect == SL_DIALECT_POSTGIS) {
        if (o->part_column) {
            put_named(context, "CAST(! AS integer) AS ", out);
            sl_sql_ident(out, o->part_column);
            sl_sql_text(out, ", ");
        }
        put_named(context, "# AS @ FROM ", out);
        sl_step_table(context, out);
        sl_sql_text(out, " CROSS JOIN LATERAL ");
        put_named(context, postgis_parts(o), out);
        return 0;
    }
    /* Two unnests side by side go step by step. */
    if (o->part_column) {
        sl_sql_text(out, "CAST(unnest(range(1, len(");
        sl_step_put(context, out, duckdb_parts(o));
        sl_sql_text(out, ") + 1)) AS integer) AS ");
        sl_sql_ident(out, o->part_column);
        sl_sql_text(out, ", ");
    }
    sl_sql_text(out, "unnest(");
    sl_step_put(context, out, duckdb_parts(o));
    sl_sql_text(out, ")");
    sl_step_select_end(context, out);
    return 0;
}

const struct sl_step_kind sl_step__explode = {
    .name = "explode",
    .summary = "Makes a row of each part of a multi-geometry or collection.",
    .help = "The attributes are repeated. Collections inside of collections come apart too. Rows with a single geometry, an "
            "empty one or none stay as they are; no row is lost, and the run counts the new ones as added by \"explode\".",
    .example = "- explode: {into: parts, part_column: part}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE,
    .dialects = SL_STEP__BOTH,
    .drops = "explode",
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
};

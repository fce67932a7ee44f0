/* SPDX-License-Identifier: Apache-2.0 */
#include "step/box.h"

#include <string.h>
#include <strings.h>

#include "step/step.h"

enum { EDGE_PIECES = 32 };

static bool same_crs(const struct sl_step_context *context, const char *crs)
{
    return !crs || (context->crs && context->crs->id && !strcasecmp(context->crs->id, crs));
}

bool sl_step_box_is_plain(const struct sl_step_context *context, const struct sl_bounds *bounds, const char *crs)
{
    return same_crs(context, crs) && bounds->xmin <= bounds->xmax;
}

static void point(struct sl_sql *out, double x, double y)
{
    sl_sql_double(out, x);
    sl_sql_text(out, " ");
    sl_sql_double(out, y);
    sl_sql_text(out, ", ");
}

/* One ring of WKT, counter-clockwise. */
static void ring(const struct sl_bounds *b, int pieces, struct sl_sql *out)
{
    const double x[] = {b->xmin, b->xmax, b->xmax, b->xmin, b->xmin};
    const double y[] = {b->ymin, b->ymin, b->ymax, b->ymax, b->ymin};
    sl_sql_text(out, "((");
    for (int side = 0; side < 4; side++)
        for (int i = 0; i < pieces; i++) {
            double t = (double)i / pieces;
            point(out, x[side] + t * (x[side + 1] - x[side]), y[side] + t * (y[side + 1] - y[side]));
        }
    sl_sql_double(out, b->xmin);
    sl_sql_text(out, " ");
    sl_sql_double(out, b->ymin);
    sl_sql_text(out, "))");
}

static int check_antimeridian(const struct sl_step_context *context, const char *kind, const struct sl_bounds *b,
                              const char *crs, struct sl_error *err)
{
    struct sl_crs parsed;
    const struct sl_crs *used = context->crs;
    if (crs) {
        int rc = sl_crs_parse(crs, context->arena, &parsed, err);
        if (rc < 0)
            return rc;
        used = &parsed;
    }
    if (!used || (used->geographic && b->xmin <= 180 && b->xmax >= -180))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "%s: xmin %.15g is greater than xmax %.15g, which only bounds over the antimeridian may have",
                   kind, b->xmin, b->xmax);
}

static void areas(const struct sl_bounds *b, int pieces, struct sl_sql *out)
{
    if (b->xmin <= b->xmax) {
        sl_sql_text(out, "'POLYGON ");
        ring(b, pieces, out);
    } else {
        const struct sl_bounds west = {.xmin = b->xmin, .xmax = 180, .ymin = b->ymin, .ymax = b->ymax};
        const struct sl_bounds east = {.xmin = -180, .xmax = b->xmax, .ymin = b->ymin, .ymax = b->ymax};
        sl_sql_text(out, "'MULTIPOLYGON (");
        ring(&west, pieces, out);
        sl_sql_text(out, ", ");
        ring(&east, pieces, out);
        sl_sql_text(out, ")");
    }
    sl_sql_text(out, "'");
}

int sl_step_box(const struct sl_step_context *context, const char *kind, const struct sl_bounds *bounds, const char *crs,
                struct sl_sql *out, struct sl_error *err)
{
    bool same = same_crs(context, crs), postgis = out->dialect == SL_DIALECT_POSTGIS;
    int srid = context->input->srid, rc = 0;
    if (!same)
        rc = sl_step_require_crs(context, kind, out, err);
    if (rc == 0 && !same && postgis)
        rc = sl_step_srid(context, kind, crs, &srid, err);
    if (rc == 0 && bounds->xmin > bounds->xmax)
        rc = check_antimeridian(context, kind, bounds, crs, err);
    if (rc < 0)
        return rc;
    sl_sql_text(out, same ? "ST_GeomFromText(" : "ST_Transform(ST_GeomFromText(");
    areas(bounds, same ? 1 : EDGE_PIECES, out);
    if (postgis) {
        sl_sql_text(out, ", ");
        sl_sql_int(out, srid);
    }
    sl_sql_text(out, same ? ")" : "), ");
    if (same)
        return 0;
    if (postgis && !sl_step_knows_columns(context) && context->input->srid == 0) {
        sl_sql_text(out, "/* the file's SRID */");
    } else if (postgis) {
        sl_sql_int(out, context->input->srid);
    } else {
        sl_sql_literal(out, crs);
        sl_sql_text(out, ", ");
        sl_step_crs_literal(context, out);
        sl_sql_text(out, ", true");
    }
    sl_sql_text(out, ")");
    return 0;
}

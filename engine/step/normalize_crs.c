/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "step/kinds.h"
#include "step/step.h"

struct options {
    const char *to;
};

static const struct sl_option items[] = {
    {.name = "to",
     .type = SL_OPT_CRS,
     .offset = offsetof(struct options, to),
     .help = "The CRS that the geometry gets, as AUTHORITY:CODE. Without axis order: x is easting or longitude."},
};

static bool there_already(const struct sl_step_context *context, const struct sl_sql *out, const char *to, int srid)
{
    if (out->dialect == SL_DIALECT_POSTGIS)
        return context->input->srid == srid;
    return context->crs && context->crs->id && !strcasecmp(context->crs->id, to);
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int srid = 0, rc = sl_step_require_geometry(context, "normalize_crs", err);
    if (rc == 0 && out->dialect == SL_DIALECT_POSTGIS)
        rc = sl_step_srid(context, "normalize_crs", o->to, &srid, err);
    if (rc == 0)
        rc = sl_step_require_crs(context, "normalize_crs", out, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    bool there = there_already(context, out, o->to, srid);
    bool postgis = out->dialect == SL_DIALECT_POSTGIS;
    sl_step_put(context, out, there ? "@" : postgis ? "ST_Transform(@, " : "sl_transform(@, ");
    if (!there && out->dialect == SL_DIALECT_POSTGIS) {
        sl_sql_int(out, srid);
        sl_sql_text(out, ")");
    } else if (!there) {
        sl_step_crs_literal(context, out);
        sl_sql_text(out, ", ");
        sl_sql_literal(out, o->to);
        sl_sql_text(out, ")");
    }
    sl_step_select_end(context, out);
    return 0;
}

static const char *crs_after(const void *data)
{
    const struct options *o = data;
    return o->to;
}

const struct sl_step_kind sl_step__normalize_crs = {
    .name = "normalize_crs",
    .summary = "Transforms the geometry to one CRS.",
    .help = "Every row comes out with its geometry transformed; where the geometry is already in that CRS it stays as it "
            "is, bit for bit. A geometry that cannot be transformed (a point outside of the CRS's area, for which the "
            "formulas have no result) ends the batch.",
    .example = "- normalize_crs: {to: \"EPSG:4326\"}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
    .crs_after = crs_after,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

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

/* While a recipe is explained nobody may be there to ask; EPSG's codes are PostGIS's SRIDs. */
static int code_of(const char *crs)
{
    return !strncmp(crs, "EPSG:", 5) ? atoi(crs + 5) : 0;
}

static int target_srid(const struct sl_step_context *context, const char *crs, int *out, struct sl_error *err)
{
    struct sl_error why = {.code = SL_OK};
    int srid = context->srid ? context->srid(context->srid_data, crs, &why) : -1;
    if (srid < 0 && why.code != SL_OK) {
        if (err)
            *err = why;
        return srid;
    }
    if (srid <= 0 && (!context->srid || !sl_step_knows_columns(context)))
        srid = code_of(crs);
    if (srid <= 0)
        return sl_fail(err, SL_E_CRS_UNKNOWN, "normalize_crs: the compute engine has no SRID for \"%s\"", crs);
    *out = srid;
    return 0;
}

static int build(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct options *o = data;
    int srid, from = context->input->srid, rc = sl_step_require_geometry(context, "normalize_crs", err);
    if (out->dialect != SL_DIALECT_POSTGIS)
        return sl_step_no_dialect("normalize_crs", out, err);
    if (rc == 0)
        rc = target_srid(context, o->to, &srid, err);
    if (rc < 0)
        return rc;
    if (sl_step_knows_columns(context) && from == 0)
        return sl_fail(err, SL_E_CRS_MISSING, "normalize_crs: the geometry has no CRS to transform from");
    sl_step_select_begin(context, out);
    if (from == srid) {
        sl_step_geometry(context, out);
    } else {
        sl_sql_text(out, "ST_Transform(");
        sl_step_geometry(context, out);
        sl_sql_text(out, ", ");
        sl_sql_int(out, srid);
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
    .flags = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__POSTGIS,
    .options = {.items = items, .n = SL_STEP__COUNT(items), .struct_bytes = sizeof(struct options)},
    .build = build,
    .crs_after = crs_after,
};

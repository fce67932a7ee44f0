/* SPDX-License-Identifier: Apache-2.0 */
/* What builders ask about coordinate systems. PostGIS has SRIDs, DuckDB's geometry knows none: it is told both ends. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "step/step.h"

int sl_step_require_crs(const struct sl_step_context *context, const char *kind, const struct sl_sql *out,
                        struct sl_error *err)
{
    bool known = out->dialect == SL_DIALECT_POSTGIS ? context->input->srid > 0 : context->crs != NULL;
    if (known || !sl_step_knows_columns(context))
        return 0;
    return sl_fail(err, SL_E_CRS_MISSING, "%s: the geometry has no CRS to transform from", kind);
}

/* While a recipe is explained nobody may be there to ask; EPSG's codes are PostGIS's SRIDs. */
static int code_of(const char *crs)
{
    return !strncmp(crs, "EPSG:", 5) ? atoi(crs + 5) : 0;
}

int sl_step_srid(const struct sl_step_context *context, const char *kind, const char *crs, int *out, struct sl_error *err)
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
        return sl_fail(err, SL_E_CRS_UNKNOWN, "%s: the compute engine has no SRID for \"%s\"", kind, crs);
    *out = srid;
    return 0;
}

void sl_step_crs_literal(const struct sl_step_context *context, struct sl_sql *out)
{
    const struct sl_crs *crs = context->crs;
    if (crs)
        sl_sql_literal(out, crs->id ? crs->id : crs->projjson);
    else
        sl_sql_text(out, "/* the file's CRS */");
}

bool sl_step_is_lonlat(const struct sl_step_context *context)
{
    const char *id = context->crs ? context->crs->id : NULL;
    return context->input->srid == 4326 || (id && (!strcasecmp(id, "EPSG:4326") || !strcasecmp(id, "OGC:CRS84")));
}

void sl_step_lonlat(const struct sl_step_context *context, struct sl_sql *out, const char *trusted)
{
    bool there = sl_step_is_lonlat(context);
    sl_sql_text(out, there ? "" : "ST_Transform(");
    sl_step_put(context, out, trusted);
    if (there)
        return;
    sl_sql_text(out, ", ");
    if (out->dialect == SL_DIALECT_DUCKDB) {
        sl_step_crs_literal(context, out);
        sl_sql_text(out, ", 'EPSG:4326', true)");
    } else {
        sl_sql_text(out, "4326)");
    }
}

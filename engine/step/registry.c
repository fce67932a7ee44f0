/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "step/kinds.h"
#include "step/step.h"

const struct sl_step_kind *const sl_steps[] = {
    &sl_step__add_column, &sl_step__buffer, &sl_step__calc, &sl_step__cast, &sl_step__centroid, &sl_step__clip,
    &sl_step__clip_raster, &sl_step__contour, &sl_step__dedupe, &sl_step__dissolve, &sl_step__drop_columns,
    &sl_step__explode, &sl_step__filter, &sl_step__footprint, &sl_step__geohash, &sl_step__hillshade, &sl_step__join,
    &sl_step__make_valid, &sl_step__measure, &sl_step__mosaic, &sl_step__normalize_crs, &sl_step__polygonize,
    &sl_step__promote_multi, &sl_step__reduce_precision, &sl_step__rename, &sl_step__scale, &sl_step__select,
    &sl_step__select_bands, &sl_step__simplify, &sl_step__slope, &sl_step__snap_to_grid, &sl_step__sort,
    &sl_step__spatial_index, &sl_step__sql, &sl_step__stats, &sl_step__swap_xy, &sl_step__union, &sl_step__warp,
    &sl_step__wrap_dateline, NULL,
};

const struct sl_check_kind *const sl_checks[] = {
    &sl_check__accepted_values, &sl_check__expression, &sl_check__in_bounds, &sl_check__not_empty,
    &sl_check__not_null, &sl_check__row_count, &sl_check__schema, &sl_check__unique, &sl_check__valid_geometry, NULL,
};

const struct sl_step_kind *sl_step_by_name(const char *name)
{
    for (size_t i = 0; sl_steps[i]; i++)
        if (!strcmp(sl_steps[i]->name, name))
            return sl_steps[i];
    return NULL;
}

bool sl_step_is_for_rasters(const struct sl_step_kind *kind)
{
    return kind->data_type && !strcmp(kind->data_type, "raster");
}

const struct sl_check_kind *sl_check_by_name(const char *name)
{
    for (size_t i = 0; sl_checks[i]; i++)
        if (!strcmp(sl_checks[i]->name, name))
            return sl_checks[i];
    return NULL;
}

const char *sl_on_fail_name(enum sl_on_fail on_fail)
{
    static const char *const names[] = {
        [SL_ON_FAIL_FAIL] = "fail", [SL_ON_FAIL_WARN] = "warn", [SL_ON_FAIL_QUARANTINE] = "quarantine"};
    return names[on_fail];
}

int sl_step_sql(const struct sl_step_kind *kind, const void *options, const struct sl_step_context *context,
                struct sl_sql *out, struct sl_error *err)
{
    if (!(kind->dialects & 1u << out->dialect))
        return sl_step_no_dialect(kind->name, out, err);
    int rc = kind->build(context, options, out, err);
    return rc < 0 ? rc : sl_sql_check(out, err);
}

int sl_check_sql(const struct sl_check_kind *kind, const void *options, const struct sl_step_context *context,
                 struct sl_sql *out, struct sl_error *err)
{
    if (!(kind->dialects & 1u << out->dialect))
        return sl_step_no_dialect(kind->name, out, err);
    if (kind->judge) {
        sl_sql_text(out, "/* by what is known of the columns */");
        return sl_sql_check(out, err);
    }
    if (kind->predicate) {
        sl_sql_text(out, "SELECT count(*) FROM ");
        sl_step_table(context, out);
        sl_sql_text(out, " WHERE ");
    }
    int rc = kind->predicate ? kind->predicate(context, options, out, err) : kind->build(context, options, out, err);
    return rc < 0 ? rc : sl_sql_check(out, err);
}

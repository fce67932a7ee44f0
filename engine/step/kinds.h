/* SPDX-License-Identifier: Apache-2.0 */
/* kinds.h - inside of step/: the kinds that registry.c lists, each in its own file. */
#ifndef SLUICE_STEP_KINDS_H
#define SLUICE_STEP_KINDS_H

#include <sluice/sys/step.h>

extern const struct sl_step_kind sl_step__add_column, sl_step__buffer, sl_step__cast, sl_step__centroid,
    sl_step__clip, sl_step__dedupe, sl_step__dissolve, sl_step__drop_columns, sl_step__explode, sl_step__filter,
    sl_step__geohash, sl_step__join, sl_step__make_valid, sl_step__measure, sl_step__normalize_crs, sl_step__promote_multi,
    sl_step__reduce_precision, sl_step__rename, sl_step__select, sl_step__simplify, sl_step__snap_to_grid,
    sl_step__sort, sl_step__spatial_index, sl_step__sql, sl_step__swap_xy, sl_step__union, sl_step__wrap_dateline;
/* of rasters */
extern const struct sl_step_kind sl_step__calc, sl_step__clip_raster, sl_step__contour, sl_step__footprint, sl_step__hillshade,
    sl_step__mosaic, sl_step__polygonize, sl_step__scale, sl_step__select_bands, sl_step__slope, sl_step__stats, sl_step__warp;
extern const struct sl_check_kind sl_check__accepted_values, sl_check__expression, sl_check__in_bounds,
    sl_check__not_empty, sl_check__not_null, sl_check__row_count, sl_check__schema, sl_check__unique, sl_check__valid_geometry;

#define SL_STEP__POSTGIS (1u << SL_DIALECT_POSTGIS)
#define SL_STEP__BOTH    (1u << SL_DIALECT_POSTGIS | 1u << SL_DIALECT_DUCKDB)
#define SL_STEP__COUNT(array) (sizeof(array) / sizeof *(array))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * given.h - fields written down, for tests of recipes: a reader of JSON, with the selection of the readers of files.
 *
 * {lats: [50, 49], lons: [10, 11], fields: [{variable: "2t", values: [[1, 2], [3, null]]}, …]}: values by latitude,
 * then longitude, null without one. A field may say name, units, param_id, valid ("2025-03-11T00:00:00Z"), step and
 * step_from (hours), step_type, level_type, level, member.
 */
#ifndef SLUICE_GRID_GIVEN_H
#define SLUICE_GRID_GIVEN_H

#include <json-c/json.h>

#include "grid/reader.h"

/* The document is right (recipe/test_fields.c), and outlives the reader. options->format is not looked at. */
int sl_grid_open_given(struct json_object *given, const struct sl_grid_options *options, struct sl_grid_reader **out,
                       struct sl_error *err);

#endif

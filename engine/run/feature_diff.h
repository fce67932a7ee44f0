/* SPDX-License-Identifier: Apache-2.0 */
/* feature_diff.h - rows as GeoJSON features compared with what was expected of them. Texts are made in the arena. */
#ifndef SLUICE_RUN_FEATURE_DIFF_H
#define SLUICE_RUN_FEATURE_DIFF_H

#include <stdbool.h>

#include "base/arena.h"
#include "json/json.h"

/* Numbers are equal within tolerance × max(1, |expected|). Objects have at least the expected members. */
bool sl_json_close(struct json_object *expected, struct json_object *found, double tolerance);
/* The same type and coordinates; a ring may begin anywhere and turn either way. Both may be NULL. */
bool sl_geometry_close(struct json_object *expected, struct json_object *found, double tolerance);
/* NULL when the feature has everything that is expected of it, else the first thing that differs: "length_m: expected 3,
 * found 4". */
const char *sl_feature_difference(struct json_object *expected, struct json_object *found, double tolerance,
                                  struct sl_arena *arena);
/* Compares all rows of two lists, in their order or in any, and calls `say` for each difference. */
void sl_features_compare(struct json_object *expected, struct json_object *found, bool ordered, double tolerance,
                         struct sl_arena *arena, void (*say)(void *data, const char *difference), void *data);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* promote_multi and swap_xy: steps without options, one function of the geometry each, the same in every dialect. */
#include "step/kinds.h"
#include "step/step.h"

struct options {
    char unused;
};

static int build_promote(const struct sl_step_context *context, const void *data, struct sl_sql *out,
                         struct sl_error *err)
{
    (void)data;
    return sl_step_geometry_only(context, "promote_multi", "ST_Multi(@)", out, err);
}

const struct sl_step_kind sl_step__promote_multi = {
    .name = "promote_multi",
    .summary = "Makes every geometry a multi-geometry, so that a layer has one type.",
    .help = "A point becomes a multipoint of one point, and so on. What is one already, and a collection, stays as it is.",
    .example = "- promote_multi: {}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct options)},
    .build = build_promote,
};

static int build_swap(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    (void)data;
    return sl_step_geometry_only(context, "swap_xy", "ST_FlipCoordinates(@)", out, err);
}

const struct sl_step_kind sl_step__swap_xy = {
    .name = "swap_xy",
    .summary = "Swaps x and y of every point.",
    .help = "For files that have latitude first against what their CRS says to software. In sluice x is longitude or "
            "easting; a file that keeps to its format's rules is read so and needs no swap. Z and M stay.",
    .example = "- swap_xy: {}",
    .class_ = SL_STEP_TRANSFORM,
    .flags = SL_STEP_PLACES | SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS | SL_STEP_KEEPS_COLUMNS,
    .dialects = SL_STEP__BOTH,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct options)},
    .build = build_swap,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The output of type grid: what of a file's fields is kept. */
#include <stddef.h>

#include <json-c/json.h>

#include "lake/outputs.h"

static const char *const undecodable[] = {"fail", "skip", NULL};

#define AT(f) .offset = offsetof(struct sl_output_grid, f)

static const struct sl_option items[] = {
    {.name = "variables",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     AT(variables),
     .help = "Short names (\"2t\") or parameter ids of what is kept; without it, all."},
    {.name = "level_type",
     .type = SL_OPT_STRING,
     .default_json = "null",
     AT(level_type),
     .help = "Type of the levels that are kept, as ecCodes names it: \"surface\", \"isobaricInhPa\"."},
    {.name = "levels",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     AT(levels),
     .help = "Levels that are kept, in the unit of their type."},
    {.name = "members",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     AT(members),
     .help = "Members of an ensemble that are kept."},
    {.name = "steps",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     AT(steps),
     .help = "Hours after the reference time that are kept."},
    {.name = "area",
     .type = SL_OPT_BOUNDS,
     .default_json = "null",
     AT(area),
     .help = "[west, south, east, north] in degrees; west greater than east: over the antimeridian."},
    {.name = "every",
     .type = SL_OPT_INTEGER,
     .default_json = "1",
     AT(every),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 1,
     .maximum = 1000,
     .help = "Each n-th point is kept, in both directions where the grid has two."},
    {.name = "on_undecodable",
     .type = SL_OPT_ENUM,
     .default_json = "\"fail\"",
     AT(on_undecodable),
     .choices = undecodable,
     .help = "A field that cannot be decoded fails the batch, or is passed over with a warning that names it."},
};

static int validate(const void *data, struct sl_error *err)
{
    static const char *const names[] = {"levels", "members", "steps"};
    const struct sl_output_grid *o = data;
    struct json_object *const lists[] = {o->levels, o->members, o->steps};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; lists[i] && k < json_object_array_length(lists[i]); k++) {
            struct json_object *v = json_object_array_get_idx(lists[i], k);
            bool number = json_object_is_type(v, json_type_int) || (i != 1 && json_object_is_type(v, json_type_double));
            if (!number)
                return sl_fail(err, SL_E_RECIPE_OPTION, "%s: expected %s, found %s", names[i],
                               i == 1 ? "whole numbers" : "numbers", json_object_to_json_string(v));
        }
    return 0;
}

const struct sl_output_kind sl_output_grid = {
    .name = "grid",
    .summary = "The values of fields, to be asked for by place and time.",
    .help = "Rows in ClickHouse where one is configured, else Parquet files in the lake, one for each variable and "
            "day. A row is "
            "one point of one field; points without a value have none.",
    .example = "- grid: {variables: [2t, tp], area: [5, 47, 16, 55]}",
    .data_type = "grid",
    .asset_kind = "grid",
    .extension = "fields.json",
    .media_type = "application/vnd.sluice.fields+json",
    .options = {.items = items, .n = sizeof items / sizeof *items, .struct_bytes = sizeof(struct sl_output_grid)},
    .validate = validate,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of recipes of type grid: what may be written down as fields and as rows. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "recipe/binder.h"
#include "recipe/test.h"

enum { FIELDS_MAX = 256 };

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *item(struct json_object *list, size_t i)
{
    return json_object_array_get_idx(list, i);
}

static bool is_number(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

enum kind { TEXT, NUMBER, WHOLE, TIME, VALUES };
static const struct {
    const char *name;
    enum kind kind;
} members[] = {
    {"variable", TEXT},  {"values", VALUES}, {"name", TEXT},       {"units", TEXT},
    {"param_id", WHOLE}, {"valid", TIME},    {"step", NUMBER},     {"step_from", NUMBER},
    {"step_type", TEXT}, {"level", NUMBER},  {"level_type", TEXT}, {"member", WHOLE},
};

static bool is_axis(struct json_object *list, double most)
{
    size_t n = length(list);
    for (size_t i = 0; i < n; i++)
        if (!is_number(item(list, i)) || !(fabs(json_object_get_double(item(list, i))) <= most))
            return false;
    return n > 0 && n <= SL_RECIPE_TEST_SIDE_MAX;
}

static bool are_values(struct json_object *rows, size_t n_rows, size_t n_columns)
{
    bool fine = length(rows) == n_rows;
    for (size_t i = 0; fine && i < n_rows; i++) {
        fine = length(item(rows, i)) == n_columns;
        for (size_t k = 0; fine && k < n_columns; k++)
            fine = !item(item(rows, i), k) || is_number(item(item(rows, i), k));
    }
    return fine;
}

static const char *wrong_member(struct json_object *given, const char *key, struct json_object *v,
                                struct sl_arena *arena)
{
    int64_t us;
    size_t rows = length(sl_json_get(given, "lats")), columns = length(sl_json_get(given, "lons"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (strcmp(members[i].name, key) != 0)
            continue;
        switch (members[i].kind) {
        case TEXT:
            return json_object_is_type(v, json_type_string) ? NULL : sl_arena_printf(arena, "%s is no text", key);
        case NUMBER:
            return is_number(v) ? NULL : sl_arena_printf(arena, "%s is no number", key);
        case WHOLE:
            return json_object_is_type(v, json_type_int) ? NULL : sl_arena_printf(arena, "%s is no whole number", key);
        case TIME:
            return json_object_is_type(v, json_type_string) && sl_clock_parse(json_object_get_string(v), &us)
                       ? NULL
                       : sl_arena_printf(arena, "%s is no time such as 2025-03-11T00:00:00Z", key);
        case VALUES:
            return are_values(v, rows, columns)
                       ? NULL
                       : sl_arena_printf(arena, "values are not %zu rows (lats) of %zu numbers or nulls (lons)", rows,
                                         columns);
        }
    }
    return sl_arena_printf(arena, "a field has no \"%s\"", key);
}

static const char *wrong_field(struct json_object *given, struct json_object *f, struct sl_arena *arena)
{
    if (!json_object_is_type(f, json_type_object) || !*sl_json_str(f, "variable", "") || !sl_json_get(f, "values"))
        return "a field has a variable and values";
    json_object_object_foreach(f, key, v)
    {
        const char *wrong = wrong_member(given, key, v, arena);
        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *sl_test__fields_wrong(struct json_object *given, struct sl_arena *arena)
{
    struct json_object *fields = sl_json_get(given, "fields");
    size_t n = length(fields);
    if (!json_object_is_type(given, json_type_object))
        return "expected lats, lons and fields";
    json_object_object_foreach(given, key, value)
    {
        (void)value;
        if (strcmp(key, "lats") != 0 && strcmp(key, "lons") != 0 && strcmp(key, "fields") != 0)
            return sl_arena_printf(arena, "it has lats, lons and fields, no \"%s\"", key);
    }
    if (!is_axis(sl_json_get(given, "lats"), 90))
        return sl_arena_printf(arena, "lats are 1 to %d numbers from -90 to 90", SL_RECIPE_TEST_SIDE_MAX);
    if (!is_axis(sl_json_get(given, "lons"), 360))
        return sl_arena_printf(arena, "lons are 1 to %d numbers from -360 to 360", SL_RECIPE_TEST_SIDE_MAX);
    if (n == 0 || n > FIELDS_MAX)
        return sl_arena_printf(arena, "fields are 1 to %d", FIELDS_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *wrong = wrong_field(given, item(fields, i), arena);
        if (wrong)
            return sl_arena_printf(arena, "field %zu: %s", i + 1, wrong);
    }
    return NULL;
}

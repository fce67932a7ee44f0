/* SPDX-License-Identifier: Apache-2.0 */
/* Options whose value is a list or a mapping. Each item may be "${name}" by itself. */
#include <math.h>
#include <string.h>

#include "recipe/slot.h"

static bool repeated(const char *const *items, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(items[i], name))
            return true;
    return false;
}

bool sl_slot__columns(const struct sl_slot *list, struct json_object *value)
{
    struct sl_binder *b = list->b;
    size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    if (n == 0 || n > SL_RECIPE__MAX_COLUMNS) {
        sl_slot__expected(list, value);
        return false;
    }
    const char **items = sl_arena_array(b->arena, n, sizeof *items);
    bool ok = true;
    size_t got = 0;
    for (size_t i = 0; i < n; i++) {
        struct sl_slot s = *list;
        struct json_object *item = json_object_array_get_idx(value, i);
        bool known;
        s.pointer = sl_recipe__pointer(b->arena, list->pointer, sl_arena_printf(b->arena, "%zu", i));
        if (!sl_slot__resolve(&s, &item, &known)) {
            ok = false;
        } else if (known && !sl_slot__column_name(item)) {
            sl_slot__expected(&s, item);
            ok = false;
        } else if (known && repeated(items, got, json_object_get_string(item))) {
            sl_binder__problem(b, sl_slot__wrong_code(&s), s.pointer, "%s: column %s is there twice%s", s.option->name,
                               sl_recipe__show(b->arena, item), sl_slot__origin(&s));
            ok = false;
        } else {
            items[got++] = known ? sl_arena_strdup(b->arena, json_object_get_string(item)) : "";
            b->incomplete = b->incomplete || !known;
        }
    }
    struct sl_names names = {.items = items, .n = got};
    memcpy(list->at, &names, sizeof names);
    return ok;
}

/* One value of a map: a text, of the choices where there are any. */
static const char *map_value(const struct sl_slot *s, struct json_object *value)
{
    const char *text = sl_recipe__string(value), *const *choices = s->option->choices;
    size_t n = 0;
    if (text && *text && strlen(text) <= SL_RECIPE__MAX_COLUMN && !choices)
        return sl_arena_strdup(s->b->arena, text);
    for (; choices && choices[n]; n++)
        if (text && !strcmp(choices[n], text))
            return choices[n];
    sl_binder__problem(s->b, sl_slot__wrong_code(s), s->pointer, "%s: expected %s, found %s%s%s", s->option->name,
                       choices ? sl_slot__choices(s->b->arena, s->option) : "a text", sl_recipe__show(s->b->arena, value),
                       text && choices ? sl_recipe__meant(s->b->arena, text, choices, n) : "", sl_slot__origin(s));
    return NULL;
}

bool sl_slot__map(const struct sl_slot *map, struct json_object *value)
{
    struct sl_binder *b = map->b;
    bool object = json_object_is_type(value, json_type_object), ok = true;
    size_t n = object ? (size_t)json_object_object_length(value) : 0, got = 0;
    if (n == 0 || n > SL_RECIPE__MAX_COLUMNS) {
        sl_slot__expected(map, value);
        return false;
    }
    struct sl_pair *items = sl_arena_array(b->arena, n, sizeof *items);
    json_object_object_foreach(value, key, item)
    {
        struct sl_slot s = *map;
        bool known;
        s.pointer = sl_recipe__pointer(b->arena, map->pointer, key);
        if (!*key || strlen(key) > SL_RECIPE__MAX_COLUMN) {
            sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, s.pointer, "%s: \"%s\" is no column's name",
                                      s.option->name, key);
            ok = false;
        } else if (!sl_slot__resolve(&s, &item, &known)) {
            ok = false;
        } else {
            items[got] = (struct sl_pair){.name = sl_arena_strdup(b->arena, key), .value = known ? map_value(&s, item) : ""};
            ok = items[got++].value && ok;
            b->incomplete = b->incomplete || !known;
        }
    }
    struct sl_map out = {.items = items, .n = got};
    memcpy(map->at, &out, sizeof out);
    return ok;
}

/* Items with "${name}" are put in a list of their own: the document stays as it was written. */
bool sl_slot__values(const struct sl_slot *list, struct json_object *value)
{
    struct sl_binder *b = list->b;
    bool array = json_object_is_type(value, json_type_array), ok = true;
    size_t n = array ? json_object_array_length(value) : 0;
    if (n == 0 || n > SL_RECIPE__MAX_VALUES) {
        sl_slot__expected(list, value);
        return false;
    }
    struct json_object *out = sl_recipe__keep(b->arena, json_object_new_array());
    for (size_t i = 0; i < n; i++) {
        struct sl_slot s = *list;
        struct json_object *item = json_object_array_get_idx(value, i);
        bool known;
        s.pointer = sl_recipe__pointer(b->arena, list->pointer, sl_arena_printf(b->arena, "%zu", i));
        if (!sl_slot__resolve(&s, &item, &known)) {
            ok = false;
            continue;
        }
        enum json_type type = json_object_get_type(item);
        bool finite = type != json_type_double || isfinite(json_object_get_double(item));
        bool scalar = type == json_type_int || type == json_type_double || type == json_type_boolean ||
                      (type == json_type_string && json_object_get_string_len(item) <= SL_RECIPE__MAX_STRING);
        if (known && (!scalar || !finite)) {
            sl_binder__problem(b, sl_slot__wrong_code(&s), s.pointer, "%s: expected a text, a number or a boolean, found %s%s",
                               s.option->name, sl_recipe__show(b->arena, item), sl_slot__origin(&s));
            ok = false;
        } else if (known) {
            json_object_array_add(out, json_object_get(item));
        }
        b->incomplete = b->incomplete || !known;
    }
    memcpy(list->at, &out, sizeof out);
    return ok;
}

bool sl_slot__bounds(const struct sl_slot *bounds, struct json_object *value)
{
    struct sl_binder *b = bounds->b;
    double v[4] = {0};
    bool all = true;
    if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) != 4) {
        sl_slot__expected(bounds, value);
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        struct sl_slot s = *bounds;
        struct json_object *item = json_object_array_get_idx(value, i);
        bool known;
        s.pointer = sl_recipe__pointer(b->arena, bounds->pointer, sl_arena_printf(b->arena, "%zu", i));
        s.at = &v[i];
        if (!sl_slot__resolve(&s, &item, &known) || (known && !sl_slot__number(&s, item)))
            return false;
        all = all && known;
    }
    b->incomplete = b->incomplete || !all;
    if (all && v[1] > v[3]) {
        sl_binder__problem(b, sl_slot__wrong_code(bounds), bounds->pointer, "%s: ymin %.15g is greater than ymax %.15g",
                           bounds->option->name, v[1], v[3]);
        return false;
    }
    struct sl_bounds out = {.given = true, .xmin = v[0], .ymin = v[1], .xmax = v[2], .ymax = v[3]};
    memcpy(bounds->at, &out, sizeof out);
    return true;
}

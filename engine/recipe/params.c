/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "geo/crs.h"
#include "recipe/binder.h"

const char *const sl_param__types[] = {"number", "integer", "string", "boolean", "crs", "column", NULL};

struct declaration {
    int type;
    struct json_object *default_, *enum_;
    double minimum, maximum;
    const char *description;
};

static const struct sl_option declaration_items[] = {
    {.name = "type",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct declaration, type),
     .choices = sl_param__types,
     .help = "What the parameter is: a crs is AUTHORITY:CODE, a column is a column's name."},
    {.name = "default",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = offsetof(struct declaration, default_),
     .help = "Its value when the manifest gives none; without a default it has to be given."},
    {.name = "minimum",
     .type = SL_OPT_NUMBER,
     .default_json = "null",
     .offset = offsetof(struct declaration, minimum),
     .help = "The least value of a number or integer."},
    {.name = "maximum",
     .type = SL_OPT_NUMBER,
     .default_json = "null",
     .offset = offsetof(struct declaration, maximum),
     .help = "The greatest value of a number or integer."},
    {.name = "enum",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = offsetof(struct declaration, enum_),
     .help = "The values that it may have, as a list."},
    {.name = "description",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct declaration, description),
     .help = "What it is for, with its unit."},
};

const struct sl_options sl_param__options = {
    .items = declaration_items,
    .n = sizeof declaration_items / sizeof *declaration_items,
    .struct_bytes = sizeof(struct declaration),
};

enum sl_param_type sl_param__type(const struct sl_recipe_param *param)
{
    for (int i = 0; sl_param__types[i]; i++)
        if (!strcmp(sl_param__types[i], param->type))
            return (enum sl_param_type)i;
    return SL_PARAM_STRING;
}

const struct sl_recipe_param *sl_param__find(const struct sl_recipe_param *params, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(params[i].name, name))
            return &params[i];
    return NULL;
}

const char *sl_param__meant(struct sl_arena *arena, const struct sl_recipe_param *params, size_t n, const char *name)
{
    const char *names[SL_RECIPE__MAX_PARAMS];
    for (size_t i = 0; i < n; i++)
        names[i] = params[i].name;
    return sl_recipe__meant(arena, name, names, n);
}

static void put(void *value)
{
    json_object_put(value);
}

struct json_object *sl_recipe__keep(struct sl_arena *arena, struct json_object *value)
{
    if (value)
        sl_arena_defer(arena, put, value);
    return value;
}

/* ---- a value ---- */

static const char *number_text(struct sl_arena *arena, const struct sl_recipe_param *param, const char *noun)
{
    struct json_object *low = sl_json_get(param->schema, "minimum"), *high = sl_json_get(param->schema, "maximum");
    if (low && high)
        return sl_arena_printf(arena, "%s from %s to %s", noun, json_object_get_string(low), json_object_get_string(high));
    if (low)
        return sl_arena_printf(arena, "%s ≥ %s", noun, json_object_get_string(low));
    return high ? sl_arena_printf(arena, "%s ≤ %s", noun, json_object_get_string(high)) : noun;
}

static const char *type_text(struct sl_arena *arena, const struct sl_recipe_param *param)
{
    switch (sl_param__type(param)) {
    case SL_PARAM_NUMBER:
        return number_text(arena, param, "a number");
    case SL_PARAM_INTEGER:
        return number_text(arena, param, "an integer");
    case SL_PARAM_BOOLEAN:
        return "true or false";
    case SL_PARAM_CRS:
        return "a CRS such as \"EPSG:4326\"";
    case SL_PARAM_COLUMN:
        return "a column's name";
    case SL_PARAM_STRING:
        break;
    }
    return "a text";
}

static bool in_bounds(const struct sl_recipe_param *param, double v)
{
    return isfinite(v) && v >= sl_json_num(param->schema, "minimum", -HUGE_VAL) &&
           v <= sl_json_num(param->schema, "maximum", HUGE_VAL);
}

static bool of_type(const struct sl_recipe_param *param, struct json_object *value)
{
    enum json_type json = json_object_get_type(value);
    const char *text = sl_recipe__string(value);
    double v = json_object_get_double(value);
    switch (sl_param__type(param)) {
    case SL_PARAM_NUMBER:
        return (json == json_type_double || json == json_type_int) && in_bounds(param, v);
    case SL_PARAM_INTEGER:
        return (json == json_type_int || (json == json_type_double && trunc(v) == v && fabs(v) < 9007199254740992.0)) &&
               in_bounds(param, v);
    case SL_PARAM_BOOLEAN:
        return json == json_type_boolean;
    case SL_PARAM_CRS:
        return text && sl_crs_well_formed(text);
    case SL_PARAM_COLUMN:
        return text && *text && strlen(text) <= SL_RECIPE__MAX_COLUMN;
    case SL_PARAM_STRING:
        break;
    }
    return text && strlen(text) <= SL_RECIPE__MAX_STRING;
}

static const char *not_in_enum(struct sl_arena *arena, struct json_object *choices, struct json_object *value)
{
    const char *names[SL_RECIPE__MAX_PARAMS], *text = "expected one of", *given = sl_recipe__string(value);
    size_t n = json_object_array_length(choices);
    for (size_t i = 0; i < n; i++) {
        struct json_object *choice = json_object_array_get_idx(choices, i);
        if (json_object_equal(choice, value))
            return NULL;
        names[i] = json_object_get_string(choice);
        text = sl_arena_printf(arena, "%s%s %s", text, i ? "," : "", names[i]);
    }
    return sl_arena_printf(arena, "%s, found %s%s", text, sl_recipe__show(arena, value),
                           given ? sl_recipe__meant(arena, given, names, n) : "");
}

const char *sl_param__check(const struct sl_recipe_param *param, struct json_object *value, struct sl_arena *arena)
{
    struct json_object *choices = sl_json_get(param->schema, "enum");
    if (!of_type(param, value))
        return sl_arena_printf(arena, "expected %s, found %s", type_text(arena, param), sl_recipe__show(arena, value));
    return choices ? not_in_enum(arena, choices, value) : NULL;
}

/* ---- declarations ---- */

static bool valid_name(const char *name)
{
    return strlen(name) <= 63 && *name >= 'a' && *name <= 'z' &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static bool numeric(const struct sl_recipe_param *param)
{
    enum sl_param_type type = sl_param__type(param);
    return type == SL_PARAM_NUMBER || type == SL_PARAM_INTEGER;
}

static bool check_enum(struct sl_binder *b, const struct sl_recipe_param *param, const char *pointer)
{
    struct json_object *choices = NULL;
    if (!json_object_object_get_ex(param->schema, "enum", &choices))
        return true;
    const char *at = sl_recipe__pointer(b->arena, pointer, "enum");
    size_t n = json_object_is_type(choices, json_type_array) ? json_object_array_length(choices) : 0;
    if (n == 0 || n > SL_RECIPE__MAX_PARAMS) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, at, "enum: expected a list of 1 to %d values, found %s",
                           SL_RECIPE__MAX_PARAMS, sl_recipe__show(b->arena, choices));
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *choice = json_object_array_get_idx(choices, i);
        if (of_type(param, choice))
            continue;
        sl_binder__problem(b, SL_E_RECIPE_PARAM, sl_recipe__pointer(b->arena, at, sl_arena_printf(b->arena, "%zu", i)),
                           "enum: expected %s, found %s", type_text(b->arena, param), sl_recipe__show(b->arena, choice));
        return false;
    }
    return true;
}

/* What the table of a declaration cannot say: bounds only of numbers, in order; choices and default of the type. */
static bool check_relations(struct sl_binder *b, const struct sl_recipe_param *param, const char *pointer)
{
    struct json_object *low = sl_json_get(param->schema, "minimum"), *high = sl_json_get(param->schema, "maximum");
    struct json_object *value = NULL;
    if ((low || high) && !numeric(param)) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, sl_recipe__pointer(b->arena, pointer, low ? "minimum" : "maximum"),
                           "parameter \"%s\" of type %s cannot have a %s", param->name, param->type,
                           low ? "minimum" : "maximum");
        return false;
    }
    if (low && high && json_object_get_double(low) > json_object_get_double(high)) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, sl_recipe__pointer(b->arena, pointer, "maximum"),
                           "maximum: %s is less than the minimum, %s", json_object_get_string(high),
                           json_object_get_string(low));
        return false;
    }
    if (!check_enum(b, param, pointer))
        return false;
    if (!json_object_object_get_ex(param->schema, "default", &value))
        return true;
    const char *wrong = sl_param__check(param, value, b->arena);
    if (wrong)
        sl_binder__problem(b, SL_E_RECIPE_PARAM, sl_recipe__pointer(b->arena, pointer, "default"), "default: %s", wrong);
    return !wrong;
}

static bool read_param(struct sl_binder *b, const char *name, struct json_object *schema, struct sl_recipe_param *out)
{
    struct declaration d = {0};
    struct sl_binder_part part = {.table = &sl_param__options, .out = &d};
    const char *pointer = sl_recipe__pointer(b->arena, "/params", name);
    bool ok = true;
    if (!valid_name(name)) {
        sl_binder__problem_at_key(b, SL_E_RECIPE_PARAM, pointer,
                                  "parameter \"%s\": a name is 1 to 63 lower-case letters, digits and \"_\", a letter "
                                  "first",
                                  name);
        ok = false;
    }
    if (!json_object_is_type(schema, json_type_object)) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, pointer,
                           "parameter \"%s\": expected a mapping such as {type: number, default: 1}, found %s", name,
                           sl_recipe__show(b->arena, schema));
        return false;
    }
    const char *what = sl_arena_printf(b->arena, "parameter \"%s\"", name);
    if (!sl_options__bind(b, &part, 1, schema, pointer, what))
        return false;
    *out = (struct sl_recipe_param){.name = name, .type = sl_param__types[d.type], .schema = schema};
    return check_relations(b, out, pointer) && ok;
}

bool sl_param__read(struct sl_binder *b, struct json_object *declared, struct sl_recipe *recipe)
{
    bool ok = true;
    if (!json_object_is_type(declared, json_type_object)) {
        sl_binder__problem(b, SL_E_RECIPE_PARAM, "/params", "params: expected a mapping, found %s",
                           sl_recipe__show(b->arena, declared));
        return false;
    }
    int n = json_object_object_length(declared);
    if (n > SL_RECIPE__MAX_PARAMS) {
        sl_binder__problem(b, SL_E_LIMIT, "/params", "params: %d parameters, at most %d are possible", n,
                           SL_RECIPE__MAX_PARAMS);
        return false;
    }
    recipe->params = sl_arena_array(b->arena, (size_t)n, sizeof *recipe->params);
    b->literal = true;
    json_object_object_foreach(declared, name, schema)
    {
        struct sl_recipe_param *param = &recipe->params[recipe->n_params++];
        if (!read_param(b, name, schema, param)) {
            *param = (struct sl_recipe_param){.name = name}; /* declared all the same: one fault, one message */
            ok = false;
        }
    }
    b->literal = false;
    return ok;
}

struct json_object *sl_param__defaults(const struct sl_recipe *recipe, struct sl_arena *arena)
{
    struct json_object *values = sl_recipe__keep(arena, json_object_new_object()), *value;
    for (size_t i = 0; i < recipe->n_params; i++)
        if (json_object_object_get_ex(recipe->params[i].schema, "default", &value))
            sl_json_put(values, recipe->params[i].name, json_object_get(value));
    return values;
}

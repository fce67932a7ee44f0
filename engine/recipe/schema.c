/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "recipe/binder.h"

/*
 * The recipe's JSON Schema, draft-07, for editors. It says what the tables say: what relates one value to another
 * (parameters that exist, columns or exclude, SQL that parses) is the linter's.
 */

#define HOLE_PATTERN "^\\$\\{[a-z][a-z0-9_]*\\}$"

static struct json_object *object(const char *type)
{
    struct json_object *o = json_object_new_object();
    if (type)
        sl_json_put_str(o, "type", type);
    return o;
}

static struct json_object *text(const char *pattern, int max)
{
    struct json_object *o = object("string");
    if (pattern)
        sl_json_put_str(o, "pattern", pattern);
    sl_json_put_int(o, "maxLength", max);
    return o;
}

static struct json_object *strings(const char *const *items)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; items[i]; i++)
        json_object_array_add(list, json_object_new_string(items[i]));
    return list;
}

static struct json_object *either(struct json_object *a, struct json_object *b)
{
    struct json_object *list = json_object_new_array(), *o = object(NULL);
    json_object_array_add(list, a);
    json_object_array_add(list, b);
    sl_json_put(o, "anyOf", list);
    return o;
}

static void bounds(struct json_object *o, const struct sl_option *option)
{
    if (option->bounded_below)
        sl_json_put(o, option->above_minimum ? "exclusiveMinimum" : "minimum", sl_json_double(option->minimum));
    if (option->bounded_above)
        sl_json_put(o, "maximum", sl_json_double(option->maximum));
}

static struct json_object *ref(const char *name)
{
    char pointer[64];
    struct json_object *o = object(NULL);
    snprintf(pointer, sizeof pointer, "#/definitions/%s", name);
    sl_json_put_str(o, "$ref", pointer);
    return o;
}

static struct json_object *columns(void)
{
    struct json_object *o = object("array");
    sl_json_put(o, "items", ref("column"));
    sl_json_put_int(o, "minItems", 1);
    sl_json_put_int(o, "maxItems", SL_RECIPE__MAX_COLUMNS);
    sl_json_put(o, "uniqueItems", json_object_new_boolean(true));
    return o;
}

static struct json_object *map(const struct sl_option *option)
{
    struct json_object *o = object("object"), *value;
    if (option->choices) {
        value = object(NULL);
        sl_json_put(value, "enum", strings(option->choices));
        value = either(value, ref("parameter"));
    } else {
        value = ref("column");
    }
    sl_json_put(o, "propertyNames", ref("column"));
    sl_json_put(o, "additionalProperties", value);
    sl_json_put_int(o, "minProperties", 1);
    sl_json_put_int(o, "maxProperties", SL_RECIPE__MAX_COLUMNS);
    return o;
}

static struct json_object *values(void)
{
    static const char *const types[] = {"string", "number", "boolean", NULL};
    struct json_object *o = object("array"), *item = object(NULL);
    sl_json_put(item, "type", strings(types));
    sl_json_put_int(item, "maxLength", SL_RECIPE__MAX_STRING);
    sl_json_put(o, "items", item);
    sl_json_put_int(o, "minItems", 1);
    sl_json_put_int(o, "maxItems", SL_RECIPE__MAX_VALUES);
    return o;
}

static struct json_object *four_numbers(void)
{
    struct json_object *o = object("array");
    sl_json_put(o, "items", either(object("number"), ref("parameter")));
    sl_json_put_int(o, "minItems", 4);
    sl_json_put_int(o, "maxItems", 4);
    return o;
}

static struct json_object *constant(const char *value)
{
    struct json_object *o = object(NULL);
    sl_json_put_str(o, "const", value);
    return o;
}

/* Without "${name}". */
static struct json_object *plain(const struct sl_option *option)
{
    struct json_object *o;
    switch (option->type) {
    case SL_OPT_NUMBER:
    case SL_OPT_INTEGER:
        o = object(option->type == SL_OPT_NUMBER ? "number" : "integer");
        bounds(o, option);
        return o;
    case SL_OPT_BOOL:
        return object("boolean");
    case SL_OPT_ENUM:
        o = object(NULL);
        sl_json_put(o, "enum", strings(option->choices));
        return o;
    case SL_OPT_CRS:
        return text("^[A-Za-z][A-Za-z0-9_-]*:[A-Za-z0-9_-]+$", 64);
    case SL_OPT_COLUMN:
        return ref("column");
    case SL_OPT_COLUMNS:
        return columns();
    case SL_OPT_SQL:
        return text("\\S", 65536);
    case SL_OPT_STRING:
        return text(NULL, SL_RECIPE__MAX_STRING);
    case SL_OPT_MAP:
        return map(option);
    case SL_OPT_VALUES:
        return values();
    case SL_OPT_BOUNDS:
        return four_numbers();
    case SL_OPT_VERSION:
        o = object("integer");
        sl_json_put_int(o, "minimum", 1);
        return either(o, constant("latest"));
    case SL_OPT_JSON:
        break;
    }
    return object(NULL);
}

static bool takes_hole(enum sl_option_type type)
{
    return type == SL_OPT_NUMBER || type == SL_OPT_INTEGER || type == SL_OPT_BOOL || type == SL_OPT_ENUM ||
           type == SL_OPT_CRS || type == SL_OPT_VERSION;
}

static bool optional(const struct sl_option *option)
{
    return option->default_json && !strcmp(option->default_json, "null");
}

static struct json_object *option_schema(const struct sl_option *option, bool holes)
{
    struct json_object *o = plain(option);
    if (holes && takes_hole(option->type))
        o = either(o, ref("parameter"));
    if (optional(option) && option->type != SL_OPT_JSON)
        o = either(o, object("null"));
    if (json_object_object_get_ex(o, "$ref", NULL)) { /* draft-07 ignores what stands beside $ref */
        struct json_object *list = json_object_new_array(), *outer = object(NULL);
        json_object_array_add(list, o);
        sl_json_put(outer, "allOf", list);
        o = outer;
    }
    sl_json_put_str(o, "description", option->help);
    if (option->default_json && !optional(option))
        sl_json_put(o, "default", json_tokener_parse(option->default_json));
    return o;
}

/* A mapping of the options of one or two tables. */
static struct json_object *options_schema(const struct sl_options *own, const struct sl_options *common, bool holes)
{
    const struct sl_options *tables[] = {own, common};
    struct json_object *o = object("object"), *properties = object(NULL), *required = json_object_new_array();
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; tables[t] && i < tables[t]->n; i++) {
            const struct sl_option *option = &tables[t]->items[i];
            sl_json_put(properties, option->name, option_schema(option, holes));
            if (!option->default_json)
                json_object_array_add(required, json_object_new_string(option->name));
        }
    bool needs = json_object_array_length(required) > 0;
    sl_json_put(o, "properties", properties);
    if (needs)
        sl_json_put(o, "required", required);
    else
        json_object_put(required);
    sl_json_put(o, "additionalProperties", json_object_new_boolean(false));
    return needs ? o : either(o, object("null"));
}

static struct json_object *item(struct json_object *properties)
{
    struct json_object *o = object("object");
    sl_json_put(o, "properties", properties);
    sl_json_put(o, "additionalProperties", json_object_new_boolean(false));
    sl_json_put_int(o, "minProperties", 1);
    sl_json_put_int(o, "maxProperties", 1);
    return o;
}

static void add_kind(struct json_object *properties, const char *name, const char *summary,
                     const struct sl_options *own, const struct sl_options *common)
{
    struct json_object *o = options_schema(own, common, true), *there = NULL;
    sl_json_put_str(o, "description", summary);
    if (json_object_object_get_ex(properties, name, &there)) /* one name, a kind for each type of data */
        o = either(json_object_get(there), o);
    sl_json_put(properties, name, o);
}

static struct json_object *definitions(const struct sl_kinds *kinds)
{
    struct json_object *o = object(NULL), *steps = object(NULL), *checks = object(NULL), *outputs = object(NULL);
    struct json_object *column = text(NULL, SL_RECIPE__MAX_COLUMN);
    for (size_t i = 0; kinds->steps[i]; i++)
        add_kind(steps, kinds->steps[i]->name, kinds->steps[i]->summary, &kinds->steps[i]->options, NULL);
    for (size_t i = 0; kinds->checks[i]; i++)
        add_kind(checks, kinds->checks[i]->name, kinds->checks[i]->summary, &kinds->checks[i]->options,
                 sl_check__common(kinds->checks[i]));
    for (size_t i = 0; kinds->outputs[i]; i++)
        add_kind(outputs, kinds->outputs[i]->name, kinds->outputs[i]->summary, &kinds->outputs[i]->options,
                 &sl_output__common);
    sl_json_put_int(column, "minLength", 1);
    sl_json_put(o, "parameter", text(HOLE_PATTERN, 128));
    sl_json_put(o, "column", column);
    sl_json_put(o, "param", options_schema(&sl_param__options, NULL, false));
    sl_json_put(o, "test", options_schema(&sl_test__options, NULL, false));
    sl_json_put(o, "step", item(steps));
    sl_json_put(o, "check", item(checks));
    sl_json_put(o, "output", item(outputs));
    return o;
}

/* ---- the top level ---- */

static struct json_object *list_of(struct json_object *items, int least, int most)
{
    struct json_object *o = object("array");
    sl_json_put(o, "items", items);
    if (least > 0)
        sl_json_put_int(o, "minItems", least);
    sl_json_put_int(o, "maxItems", most);
    return o;
}

static struct json_object *choice(const char *const *choices)
{
    struct json_object *o = object(NULL);
    sl_json_put(o, "enum", strings(choices));
    return o;
}

static struct json_object *version(void)
{
    struct json_object *o = object("integer");
    sl_json_put_int(o, "minimum", 1);
    return o;
}

static struct json_object *intents(void)
{
    struct json_object *o = list_of(text("^[A-Za-z][A-Za-z0-9_.-]*$", SL_RECIPE__MAX_NAME), 1, SL_RECIPE__MAX_INTENTS);
    sl_json_put(o, "uniqueItems", json_object_new_boolean(true));
    return o;
}

static struct json_object *params(void)
{
    struct json_object *o = object("object"), *names = text("^[a-z][a-z0-9_]*$", 63);
    sl_json_put(o, "propertyNames", names);
    sl_json_put(o, "additionalProperties", ref("param"));
    sl_json_put_int(o, "maxProperties", SL_RECIPE__MAX_PARAMS);
    return either(o, object("null"));
}

/* each, merge, {merge: {…}} or {roles: {name: {…}}} */
static struct json_object *inputs(void)
{
    static const char *const words[] = {"each", "merge", NULL};
    struct json_object *members = object(NULL), *roles = object("object");
    struct json_object *role = options_schema(&sl_inputs__role, NULL, false);
    sl_json_put(roles, "propertyNames", text("^[a-z][a-z0-9_]*$", SL_RECIPE__MAX_ROLE));
    sl_json_put(roles, "additionalProperties", role);
    sl_json_put_int(roles, "minProperties", 1);
    sl_json_put_int(roles, "maxProperties", SL_RECIPE__MAX_ROLES);
    sl_json_put(members, "merge", options_schema(&sl_inputs__merge, NULL, false));
    sl_json_put(members, "roles", roles);
    return either(choice(words), item(members));
}

static struct json_object *field_schema(const char *name)
{
    static const struct {
        const char *name, *item;
        int most;
    } lists[] = {{"steps", "step", SL_RECIPE__MAX_STEPS},
                 {"checks", "check", SL_RECIPE__MAX_CHECKS},
                 {"tests", "test", SL_RECIPE__MAX_TESTS}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(name, lists[i].name))
            return either(list_of(ref(lists[i].item), 0, lists[i].most), object("null"));
    if (!strcmp(name, "outputs"))
        return list_of(ref("output"), 1, SL_RECIPE__MAX_OUTPUTS);
    if (!strcmp(name, "params"))
        return params();
    if (!strcmp(name, "inputs"))
        return inputs();
    if (!strcmp(name, "intents"))
        return intents();
    if (!strcmp(name, "apiVersion"))
        return constant("sluice/v1");
    if (!strcmp(name, "kind"))
        return constant("Recipe");
    if (!strcmp(name, "version"))
        return version();
    if (!strcmp(name, "type"))
        return choice(sl_recipe__types);
    if (!strcmp(name, "engine"))
        return choice(sl_recipe__engines);
    if (!strcmp(name, "default"))
        return object("boolean");
    if (!strcmp(name, "name"))
        return text("^[a-z][a-z0-9_]*$", 63);
    if (!strcmp(name, "geometry_column"))
        return text("^[A-Za-z_][A-Za-z0-9_]*$", 63);
    return text(NULL, SL_RECIPE__MAX_STRING);
}

struct json_object *sl_recipe_schema(const struct sl_kinds *kinds)
{
    struct json_object *o = json_object_new_object(), *properties = object(NULL), *required = json_object_new_array();
    for (size_t i = 0; i < sl_recipe__n_fields; i++) {
        const struct sl_recipe__field *field = &sl_recipe__fields[i];
        struct json_object *schema = field_schema(field->name);
        sl_json_put_str(schema, "description", field->help);
        sl_json_put(properties, field->name, schema);
        if (field->required)
            json_object_array_add(required, json_object_new_string(field->name));
    }
    sl_json_put_str(o, "$schema", "http://json-schema.org/draft-07/schema#");
    sl_json_put_str(o, "title", "A recipe of sluice");
    sl_json_put_str(o, "description", "Generated from the tables of steps, checks and outputs by `sluice recipe schema`.");
    sl_json_put_str(o, "type", "object");
    sl_json_put(o, "properties", properties);
    sl_json_put(o, "required", required);
    sl_json_put(o, "additionalProperties", json_object_new_boolean(false));
    sl_json_put(o, "definitions", definitions(kinds));
    return o;
}

struct json_object *sl_options__schema(const struct sl_options *table)
{
    return options_schema(table, NULL, false);
}

struct json_object *sl_options__definitions(void)
{
    struct json_object *o = object(NULL), *column = text(NULL, SL_RECIPE__MAX_COLUMN);
    sl_json_put_int(column, "minLength", 1);
    sl_json_put(o, "parameter", text(HOLE_PATTERN, 128));
    sl_json_put(o, "column", column);
    sl_json_put(o, "param", options_schema(&sl_param__options, NULL, false));
    return o;
}

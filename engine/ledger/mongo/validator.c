/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB's $jsonSchema out of the ledger's schemas. MongoDB knows draft 4 without $ref, $schema, $id, definitions,
 * default, format and examples, and has bsonType: references are put in place, const becomes enum, integers are
 * ["int", "long"], dates are BSON dates, exclusive bounds are draft 4's booleans. A keyword that is not known here is left
 * out: the engine checks every document by the whole schema.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/mongo/mongo.h"

enum { MAX_DEPTH = 32 };

struct json_object *sl_ledger_mongo__resolve(struct json_object *root, struct json_object *schema)
{
    for (int i = 0; i < MAX_DEPTH; i++) {
        const char *ref = sl_json_str(schema, "$ref", NULL);
        if (!ref)
            return schema;
        if (ref[0] != '#' || !sl_json_pointer_get(root, ref + 1, &schema))
            return NULL;
    }
    return NULL;
}

bool sl_ledger_mongo__says_date(struct json_object *root, struct json_object *schema)
{
    const char *ref = sl_json_str(schema, "$ref", "");
    if (!strcmp(ref, "#/$defs/date") || !strcmp(ref, "#/$defs/date_or_null"))
        return true;
    struct json_object *any = sl_json_get(schema, "anyOf");
    for (size_t i = 0; json_object_is_type(any, json_type_array) && i < json_object_array_length(any); i++)
        if (sl_ledger_mongo__says_date(root, json_object_array_get_idx(any, i)))
            return true;
    return false;
}

static struct json_object *derive(struct json_object *root, struct json_object *schema, int depth);

static void put_bson_type(struct json_object *list, const char *type)
{
    static const struct {
        const char *type, *bson;
    } names[] = {{"integer", "int"},  {"integer", "long"},  {"number", "number"},   {"string", "string"},
                 {"object", "object"}, {"array", "array"}, {"boolean", "bool"}, {"null", "null"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i].type, type))
            json_object_array_add(list, json_object_new_string(names[i].bson));
}

static void put_type(struct json_object *out, struct json_object *type)
{
    struct json_object *list = json_object_new_array();
    if (json_object_is_type(type, json_type_string))
        put_bson_type(list, json_object_get_string(type));
    for (size_t i = 0; json_object_is_type(type, json_type_array) && i < json_object_array_length(type); i++)
        put_bson_type(list, json_object_get_string(json_object_array_get_idx(type, i)));
    sl_json_put(out, "bsonType", list);
}

static struct json_object *derive_map(struct json_object *root, struct json_object *map, int depth)
{
    struct json_object *out = json_object_new_object();
    json_object_object_foreach (map, key, value)
        sl_json_put(out, key, derive(root, value, depth + 1));
    return out;
}

static struct json_object *derive_list(struct json_object *root, struct json_object *list, int depth)
{
    struct json_object *out = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(list); i++)
        json_object_array_add(out, derive(root, json_object_array_get_idx(list, i), depth + 1));
    return out;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

static void put_keyword(struct json_object *out, struct json_object *root, const char *key, struct json_object *value,
                        int depth)
{
    static const char *const same[] = {"description",  "enum",     "required",  "minimum",       "maximum",
                                       "multipleOf",   "pattern",  "minLength", "maxLength",     "minItems",
                                       "maxItems",     "uniqueItems", "minProperties", "maxProperties", "title", NULL};
    static const char *const maps[] = {"properties", "patternProperties", NULL};
    static const char *const lists[] = {"anyOf", "allOf", "oneOf", NULL};
    static const char *const schemas[] = {"items", "not", "additionalProperties", NULL};
    if (!strcmp(key, "type"))
        put_type(out, value);
    else if (is_one_of(key, same))
        sl_json_put(out, key, json_object_get(value));
    else if (is_one_of(key, maps))
        sl_json_put(out, key, derive_map(root, value, depth));
    else if (is_one_of(key, lists))
        sl_json_put(out, key, derive_list(root, value, depth));
    else if (is_one_of(key, schemas))
        sl_json_put(out, key, json_object_is_type(value, json_type_boolean) ? json_object_get(value)
                                                                            : derive(root, value, depth + 1));
    else if (!strcmp(key, "exclusiveMinimum") || !strcmp(key, "exclusiveMaximum")) {
        sl_json_put(out, key, json_object_new_boolean(true));
        sl_json_put(out, !strcmp(key, "exclusiveMinimum") ? "minimum" : "maximum", json_object_get(value));
    } else if (!strcmp(key, "const")) {
        struct json_object *one = json_object_new_array();
        json_object_array_add(one, json_object_get(value));
        sl_json_put(out, "enum", one);
    }
}

static struct json_object *date_type(bool or_null)
{
    struct json_object *out = json_object_new_object(), *list = json_object_new_array();
    json_object_array_add(list, json_object_new_string("date"));
    if (or_null)
        json_object_array_add(list, json_object_new_string("null"));
    sl_json_put(out, "bsonType", list);
    return out;
}

/* A boolean schema within a list or map: true is an empty one. */
static struct json_object *derive_boolean(bool allows)
{
    struct json_object *out = json_object_new_object();
    if (!allows)
        sl_json_put(out, "not", json_object_new_object());
    return out;
}

static struct json_object *derive(struct json_object *root, struct json_object *schema, int depth)
{
    if (depth > MAX_DEPTH)
        return json_object_new_object();
    if (json_object_is_type(schema, json_type_boolean))
        return derive_boolean(json_object_get_boolean(schema));
    const char *ref = sl_json_str(schema, "$ref", "");
    if (!strcmp(ref, "#/$defs/date") || !strcmp(ref, "#/$defs/date_or_null"))
        return date_type(sl_text_ends(ref, "_or_null"));
    struct json_object *out = json_object_new_object(), *target = sl_ledger_mongo__resolve(root, schema);
    if (target && target != schema) {
        json_object_object_foreach (target, name, inherited)
            put_keyword(out, root, name, inherited, depth);
    }
    json_object_object_foreach (schema, key, value)
        put_keyword(out, root, key, value, depth);
    return out;
}

static bool holds_structure(struct json_object *root, struct json_object *schema)
{
    struct json_object *s = sl_ledger_mongo__resolve(root, schema), *type = sl_json_get(s, "type");
    if (sl_json_get(s, "anyOf"))
        return !sl_ledger_mongo__says_date(root, s);
    if (!type)
        return !sl_json_get(s, "enum");
    const char *text = json_object_to_json_string(type);
    return strstr(text, "object") || strstr(text, "array");
}

static void put_text_member(struct json_object *properties, const char *key)
{
    char name[64];
    struct json_object *text = json_object_new_object();
    snprintf(name, sizeof name, "%s_text", key);
    sl_json_put_str(text, "bsonType", "string");
    sl_json_put(properties, name, text);
}

struct json_object *sl_ledger_mongo_validator(struct json_object *schema)
{
    struct json_object *out = derive(schema, schema, 0), *properties = sl_json_get(out, "properties");
    struct json_object *given = sl_json_get(schema, "properties");
    /* Documents are closed at the top, so the members that hold others as text are named too. */
    if (properties) {
        json_object_object_foreach (given, key, value)
            if (holds_structure(schema, value))
                put_text_member(properties, key);
    }
    return out;
}

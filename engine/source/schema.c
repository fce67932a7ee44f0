/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of sources, draft-07, for editors: it says what the tables say, and judges nothing in the engine. */
#include "recipe/binder.h"
#include "source/normalise.h"
#include "source/spec_tables.h"

/* The member of a mapping's schema, with its description kept. */
static void replace(struct json_object *schema, const char *name, struct json_object *with)
{
    struct json_object *properties = NULL, *before = NULL;
    if (!sl_json_pointer_get(schema, "/properties", &properties))
        sl_json_pointer_get(schema, "/anyOf/0/properties", &properties); /* of one that may be left out */
    before = sl_json_get(properties, name);
    sl_json_put_str(with, "description", sl_json_str(before, "description", ""));
    sl_json_put(properties, name, with);
}

static struct json_object *constant(const char *value)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "const", value);
    return o;
}

/* `{kind: {options}}`, one of several. */
static struct json_object *one_of_kinds(struct json_object *kinds)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "type", "object");
    sl_json_put(o, "properties", kinds);
    sl_json_put(o, "additionalProperties", json_object_new_boolean(false));
    sl_json_put_int(o, "minProperties", 1);
    sl_json_put_int(o, "maxProperties", 1);
    return o;
}

static struct json_object *paging(void)
{
    struct json_object *kinds = json_object_new_object();
    for (size_t i = 0; sl_source__pagings[i].name; i++) {
        struct json_object *o = sl_options__schema(&sl_source__pagings[i].options);
        sl_json_put_str(o, "description", sl_source__pagings[i].summary);
        sl_json_put(kinds, sl_source__pagings[i].name, o);
    }
    return one_of_kinds(kinds);
}

static struct json_object *operations(void)
{
    struct json_object *kinds = json_object_new_object(), *list = json_object_new_object();
    for (size_t i = 0; sl_normalise_kinds[i]; i++) {
        struct json_object *o = sl_options__schema(&sl_normalise_kinds[i]->options);
        sl_json_put_str(o, "description", sl_normalise_kinds[i]->summary);
        sl_json_put(kinds, sl_normalise_kinds[i]->name, o);
    }
    sl_json_put_str(list, "type", "array");
    sl_json_put_int(list, "maxItems", SL_SOURCE_MAX_OPS);
    sl_json_put(list, "items", one_of_kinds(kinds));
    return list;
}

static struct json_object *params(void)
{
    struct json_object *o = json_object_new_object(), *ref = json_object_new_object();
    sl_json_put_str(o, "type", "object");
    sl_json_put_str(ref, "$ref", "#/definitions/param");
    sl_json_put(o, "additionalProperties", ref);
    return o;
}

static struct json_object *request(void)
{
    struct json_object *o = sl_options__schema(&sl_source__request_table);
    replace(o, "auth", sl_options__schema(&sl_source__auth_table));
    replace(o, "rate", sl_options__schema(&sl_source__rate_table));
    replace(o, "retry", sl_options__schema(&sl_source__retry_table));
    replace(o, "pagination", paging());
    return o;
}

struct json_object *sl_source_schema(void)
{
    struct json_object *o = sl_options__schema(&sl_source__table);
    replace(o, "apiVersion", constant("sluice/v1"));
    replace(o, "kind", constant("Source"));
    replace(o, "params", params());
    replace(o, "request", request());
    replace(o, "incremental", sl_options__schema(&sl_source__incremental_table));
    replace(o, "drift", sl_options__schema(&sl_source__drift_table));
    replace(o, "normalise", operations());
    sl_json_put_str(o, "$schema", "http://json-schema.org/draft-07/schema#");
    sl_json_put_str(o, "title", "A source of sluice");
    sl_json_put(o, "definitions", sl_options__definitions());
    return o;
}

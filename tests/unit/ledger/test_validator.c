/* SPDX-License-Identifier: Apache-2.0 */
/* The validators for MongoDB: only what its $jsonSchema knows, and the dates where they belong. */
#include "json/json.h"
#include "ledger/ledger.h"
#include "ledger/mongo/mongo.h"
#include "support/cm.h"

static const char *const collections[] = {"manifests", "runs", "assets", "events", "processes"};
static struct sl_ledger_schemas *schemas;
static struct sl_error err;

static int set_up(void **state)
{
    (void)state;
    return sl_ledger_schemas_load(SLUICE_SOURCE_DIR "/schemas", &schemas, &err);
}

static int tear_down(void **state)
{
    (void)state;
    sl_ledger_schemas_free(schemas);
    return 0;
}

/* "JSON Schema omissions" and the keywords of MongoDB's manual. */
static bool is_known(const char *keyword)
{
    static const char *const known[] = {
        "additionalItems", "additionalProperties", "allOf",     "anyOf",     "bsonType",   "dependencies", "description",
        "enum",            "exclusiveMaximum",     "exclusiveMinimum", "items", "maximum", "maxItems",  "maxLength",
        "maxProperties",   "minimum",              "minItems",  "minLength", "minProperties", "multipleOf", "not",
        "oneOf",           "pattern",              "patternProperties", "properties", "required", "title", "type",
        "uniqueItems"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], keyword))
            return true;
    return false;
}

static void check_schema(struct json_object *schema, const char *where);

static void check_types(struct json_object *types, const char *where)
{
    static const char *const names[] = {"double", "string", "object", "array", "bool", "date", "null", "int", "long", "number"};
    size_t n = json_object_is_type(types, json_type_array) ? json_object_array_length(types) : 1;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_object_get_string(
            json_object_is_type(types, json_type_array) ? json_object_array_get_idx(types, i) : types);
        bool known = false;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            known = known || !strcmp(names[k], name);
        if (!known)
            fail_msg("%s: no bsonType \"%s\"", where, name);
    }
}

static void check_keyword(const char *key, struct json_object *value, const char *where)
{
    if (!is_known(key))
        fail_msg("%s: MongoDB does not know \"%s\"", where, key);
    if (!strcmp(key, "bsonType"))
        check_types(value, where);
    if (!strcmp(key, "exclusiveMinimum") || !strcmp(key, "exclusiveMaximum"))
        assert_true(json_object_is_type(value, json_type_boolean));
    if (!strcmp(key, "items") || !strcmp(key, "not") ||
        (!strcmp(key, "additionalProperties") && !json_object_is_type(value, json_type_boolean)))
        check_schema(value, key);
    if (!strcmp(key, "anyOf") || !strcmp(key, "allOf") || !strcmp(key, "oneOf"))
        for (size_t i = 0; i < json_object_array_length(value); i++)
            check_schema(json_object_array_get_idx(value, i), key);
    if (!strcmp(key, "properties") || !strcmp(key, "patternProperties")) {
        json_object_object_foreach (value, name, property)
            check_schema(property, name);
    }
}

static void check_schema(struct json_object *schema, const char *where)
{
    assert_true(json_object_is_type(schema, json_type_object));
    json_object_object_foreach (schema, key, value)
        check_keyword(key, value, where);
}

static void test_only_keywords_that_mongodb_knows_are_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *v = sl_ledger_mongo_validator(sl_ledger_schema(schemas, collections[i]));
        check_schema(v, collections[i]);
        assert_non_null(sl_json_get(v, "required"));
        assert_false(json_object_get_boolean(sl_json_get(v, "additionalProperties")));
    }
}

static void expect(struct json_object *schema, const char *pointer, const char *expected)
{
    struct json_object *found = NULL;
    if (!sl_json_pointer_get(schema, pointer, &found))
        fail_msg("there is no %s", pointer);
    assert_string_equal(json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN), expected);
}

static void test_dates_are_dates_and_integers_are_ints_and_longs(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *m = sl_ledger_mongo_validator(sl_ledger_schema(schemas, "manifests"));
    SL_CLEANUP(sl_json_putp) struct json_object *a = sl_ledger_mongo_validator(sl_ledger_schema(schemas, "assets"));
    expect(m, "/properties/created_at", "{\"bsonType\":[\"date\"]}");
    expect(m, "/properties/not_before", "{\"bsonType\":[\"date\",\"null\"]}");
    expect(m, "/properties/lease/anyOf/1/properties/expires_at", "{\"bsonType\":[\"date\"]}");
    expect(m, "/properties/history/items/properties/at", "{\"bsonType\":[\"date\"]}");
    expect(m, "/properties/attempts/bsonType", "[\"int\",\"long\"]");
    expect(a, "/properties/version/minimum", "1");
    expect(a, "/properties/version/bsonType", "[\"int\",\"long\"]");
    expect(a, "/properties/content_hash/pattern", "\"^sha256:[0-9a-f]{64}$\"");
    /* What cannot be BSON is text beside it. */
    expect(m, "/properties/manifest_text", "{\"bsonType\":\"string\"}");
    expect(a, "/properties/metadata_text", "{\"bsonType\":\"string\"}");
    assert_null(sl_json_get(sl_json_get(m, "properties"), "status_text"));
    assert_null(sl_json_get(sl_json_get(m, "properties"), "created_at_text"));
}

static void test_keywords_of_later_drafts_become_those_of_draft_4(void **state)
{
    (void)state;
    static const char text[] =
        "{\"$schema\":\"x\",\"$id\":\"y\",\"type\":\"object\",\"$defs\":{\"id\":{\"type\":\"string\",\"format\":\"uuid\","
        "\"default\":\"x\",\"examples\":[1]}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/id\",\"description\":\"d\"},"
        "\"b\":{\"const\":7},\"c\":{\"type\":\"number\",\"exclusiveMinimum\":0},\"d\":true,\"e\":{\"prefixItems\":[{}],"
        "\"if\":{},\"unevaluatedItems\":false}}}";
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    assert_ok(sl_json_parse("schema", text, sizeof text - 1, &sl_json_limits_small, &doc, &err));
    SL_CLEANUP(sl_json_putp) struct json_object *v = sl_ledger_mongo_validator(doc->root);
    check_schema(v, "schema");
    expect(v, "/properties/a", "{\"bsonType\":[\"string\"],\"description\":\"d\"}");
    expect(v, "/properties/b", "{\"enum\":[7]}");
    expect(v, "/properties/c", "{\"bsonType\":[\"number\"],\"exclusiveMinimum\":true,\"minimum\":0}");
    expect(v, "/properties/d", "{}");
    expect(v, "/properties/e", "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_keywords_that_mongodb_knows_are_used),
        cmocka_unit_test(test_dates_are_dates_and_integers_are_ints_and_longs),
        cmocka_unit_test(test_keywords_of_later_drafts_become_those_of_draft_4),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

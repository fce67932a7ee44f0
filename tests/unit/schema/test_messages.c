/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "json/json.h"
#include "schema/schema.h"

static const struct sl_json_limits limits = {64 << 20, 1000, 10000000, true};

static struct sl_doc *must_parse(const char *text)
{
    struct sl_doc *doc = NULL;
    struct sl_error err = {0};
    if (sl_json_parse("t", text, strlen(text), &limits, &doc, &err) != 0)
        fail_msg("%s", err.message);
    return doc;
}

static struct sl_schema_set *must_compile(const char *text, const struct sl_schema_options *options,
                                          const struct sl_schema **schema)
{
    struct sl_error err = {0};
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse(text);
    struct sl_schema_set *set = sl_schema_set_new(options);
    if (sl_schema_set_add(set, "urn:t", doc->root, &err) != 0 || sl_schema_compile(set, "urn:t", schema, &err) != 0)
        fail_msg("%s", err.message);
    return set;
}

/* expected: one violation a line, "<pointer> <schema pointer> <message>". */
static void assert_told(const char *schema_text, const char *instance, const char *expected)
{
    const struct sl_schema *schema = NULL;
    const struct sl_schema_options options = {.assert_format = true};
    struct sl_schema_set *set = must_compile(schema_text, &options, &schema);
    struct sl_doc *doc = must_parse(instance);
    struct sl_violations v = {.arena = sl_arena_new()};
    bool ok = sl_schema_check(schema, doc->root, &v);
    struct sl_buf told;
    sl_buf_init(&told, 1 << 20);
    for (size_t i = 0; i < v.n; i++)
        sl_buf_printf(&told, "%s %s %s\n", v.items[i].instance_pointer, v.items[i].schema_pointer, v.items[i].message);
    assert_string_equal(told.data, expected);
    assert_true(ok == (v.n == 0));
    sl_buf_free(&told);
    sl_arena_free(v.arena);
    sl_doc_free(doc);
    sl_schema_set_free(set);
}

static void test_scalars_are_told_in_sentences(void **state)
{
    (void)state;
    assert_told("{\"type\":\"string\"}", "12", " /type expected string, found 12\n");
    assert_told("{\"type\":[\"integer\",\"null\"]}", "1.5", " /type expected null or integer, found 1.5\n");
    assert_told("{\"type\":\"object\"}", "[1]", " /type expected object, found an array\n");
    assert_told("{\"enum\":[\"vector\",\"raster\"]}", "\"vectr\"",
                " /enum \"vectr\" is not one of \"vector\", \"raster\", did you mean \"vector\"?\n");
    assert_told("{\"enum\":[1,\"x\"]}", "true", " /enum true is not one of 1, \"x\"\n");
    assert_told("{\"const\":\"sluice/v1\"}", "\"v1\"", " /const must be \"sluice/v1\", found \"v1\"\n");
    assert_told("{\"pattern\":\"^[A-Z]+:[0-9]+$\"}", "\"ESPG4326\"",
                " /pattern \"ESPG4326\" does not match ^[A-Z]+:[0-9]+$\n");
    assert_told("{\"format\":\"date\"}", "\"2026-02-30\"", " /format \"2026-02-30\" is not of the format date\n");
    assert_told("{\"minLength\":1}", "\"\"", " /minLength must not be empty\n");
    assert_told("{\"minLength\":3}", "\"é\"", " /minLength must have at least 3 characters, has 1\n");
    assert_told("{\"maxLength\":1}", "\"éé\"", " /maxLength must have at most 1 character, has 2\n");
    assert_told("{\"minimum\":0}", "-1", " /minimum must be at least 0, found -1\n");
    assert_told("{\"exclusiveMaximum\":1.5}", "1.5", " /exclusiveMaximum must be less than 1.5, found 1.5\n");
    assert_told("{\"multipleOf\":0.01}", "0.015", " /multipleOf must be a multiple of 0.01, found 0.015\n");
    assert_told("false", "1", "  is not allowed here\n");
}

static void test_members_are_told_at_their_own_pointer(void **state)
{
    (void)state;
    assert_told("{\"required\":[\"a/b\",\"c\"]}", "{\"c\":1}", "/a~1b /required is required\n");
    assert_told("{\"properties\":{\"crs\":{},\"path\":{}},\"additionalProperties\":false}", "{\"csr\":1,\"zzzz\":2}",
                "/csr /additionalProperties is not a known member, did you mean \"crs\"?\n"
                "/zzzz /additionalProperties is not a known member\n");
    assert_told("{\"$ref\":\"#/$defs/f\",\"unevaluatedProperties\":false,\"$defs\":{\"f\":{\"properties\":{\"layer\":{}}}}}",
                "{\"layr\":1}", "/layr /unevaluatedProperties is not a known member, did you mean \"layer\"?\n");
    assert_told("{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
                "/b /dependentRequired is required beside \"a\"\n");
    assert_told("{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}",
                "/abc /propertyNames/maxLength must have at most 2 characters, has 3\n");
}

static void test_items_are_told_at_their_own_pointer(void **state)
{
    (void)state;
    assert_told("{\"properties\":{\"files\":{\"items\":{\"$ref\":\"#/$defs/file\"}}},"
                "\"$defs\":{\"file\":{\"properties\":{\"size\":{\"minimum\":0}}}}}",
                "{\"files\":[{\"size\":1},{\"size\":-1}]}",
                "/files/1/size /$defs/file/properties/size/minimum must be at least 0, found -1\n");
    assert_told("{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},3,{\"b\":2.0,\"a\":1}]",
                "/2 /uniqueItems is the same as item 0\n");
    assert_told("{\"minItems\":1}", "[]", " /minItems must not be empty\n");
    assert_told("{\"prefixItems\":[{}],\"items\":false}", "[1,2]", " /items must have at most 1 item, has 2\n");
    assert_told("{\"contains\":{\"const\":1}}", "[2]",
                " /contains must have at least 1 item of the form that is asked for, has 0\n");
    assert_told("{\"prefixItems\":[{}],\"unevaluatedItems\":false}", "[1,2]",
                "/1 /unevaluatedItems is one item too many\n");
}

static void test_all_violations_come_at_once(void **state)
{
    (void)state;
    assert_told("{\"type\":\"object\",\"required\":[\"id\"],\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1},"
                "\"s\":{\"minLength\":2,\"pattern\":\"^a\"}},\"additionalProperties\":false}",
                "{\"n\":0,\"s\":\"b\",\"x\":1}",
                "/id /required is required\n"
                "/n /properties/n/minimum must be at least 1, found 0\n"
                "/s /properties/s/minLength must have at least 2 characters, has 1\n"
                "/s /properties/s/pattern \"b\" does not match ^a\n"
                "/x /additionalProperties is not a known member\n");
}

static void test_the_branch_that_came_nearest_is_told(void **state)
{
    (void)state;
    static const char shapes[] =
        "{\"oneOf\":[{\"type\":\"string\"},"
        "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"circle\"},\"r\":{\"type\":\"number\"}},\"required\":[\"r\"]},"
        "{\"type\":\"object\",\"properties\":{\"k\":{\"const\":\"square\"},\"a\":{\"type\":\"number\"}},\"required\":[\"a\"]}]}";
    assert_told(shapes, "{\"k\":\"square\",\"a\":\"x\"}",
                "/a /oneOf/2/properties/a/type expected number, found \"x\"\n");
    assert_told(shapes, "{\"k\":\"circle\"}", "/r /oneOf/1/required is required\n");
    assert_told(shapes, "12", " /oneOf expected string or object, found 12\n");
    assert_told("{\"oneOf\":[{\"minimum\":1},{\"maximum\":9}]}", "5",
                " /oneOf fits two of the allowed forms (0 and 1), must fit exactly one\n");
    assert_told("{\"not\":{\"required\":[\"a\"]}}", "{\"a\":1}", " /not is of a form that is not allowed\n");
    assert_told("{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]}}", "{\"a\":1}",
                "/b /then/required is required\n");
}

static void test_a_failed_branch_does_not_make_members_unknown(void **state)
{
    (void)state;
    assert_told("{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
                "/a /anyOf/0/properties/a/type expected string, found 1\n");
}

static void test_hostile_values_stay_short_and_on_one_line(void **state)
{
    (void)state;
    const struct sl_schema *schema = NULL;
    struct sl_schema_set *set = must_compile("{\"type\":\"integer\"}", NULL, &schema);
    char *text = malloc(100003);
    memset(text, 'x', 100002);
    memcpy(text, "\"\\n", 3);
    text[100001] = '"';
    text[100002] = '\0';
    struct sl_doc *doc = must_parse(text);
    struct sl_violations v = {.arena = sl_arena_new()};
    assert_false(sl_schema_check(schema, doc->root, &v));
    assert_int_equal(v.n, 1);
    assert_true(strlen(v.items[0].message) < 200);
    assert_null(strchr(v.items[0].message, '\n'));
    sl_arena_free(v.arena);
    sl_doc_free(doc);
    free(text);
    sl_schema_set_free(set);
}

static void test_violations_beyond_the_maximum_are_counted(void **state)
{
    (void)state;
    const struct sl_schema *schema = NULL;
    struct sl_schema_set *set = must_compile("{\"items\":{\"type\":\"string\"},\"uniqueItems\":true}", NULL, &schema);
    struct sl_buf text;
    sl_buf_init(&text, 1 << 21);
    sl_buf_putc(&text, '[');
    for (int i = 0; i < 100000; i++)
        sl_buf_printf(&text, "%s%d", i ? "," : "", i);
    sl_buf_putc(&text, ']');
    struct sl_doc *doc = must_parse(text.data);
    struct sl_violations v = {.arena = sl_arena_new(), .max = 7};
    assert_false(sl_schema_check(schema, doc->root, &v));
    assert_int_equal(v.n, 7);
    assert_int_equal(v.dropped, 100000 - 7);
    sl_arena_free(v.arena);
    sl_doc_free(doc);
    sl_buf_free(&text);
    sl_schema_set_free(set);
}

static void test_a_recursive_schema_ends_with_a_deep_instance(void **state)
{
    (void)state;
    static const char *const schemas[] = {"{\"items\":{\"$ref\":\"#\"}}", "{\"not\":{\"items\":{\"$ref\":\"#\"}}}", "{\"$ref\":\"#\"}"};
    char text[801] = "";
    memset(text, '[', 400);
    memset(text + 400, ']', 400);
    struct sl_doc *doc = must_parse(text);
    for (size_t i = 0; i < 3; i++) {
        const struct sl_schema *schema = NULL;
        struct sl_schema_set *set = must_compile(schemas[i], NULL, &schema);
        struct sl_violations v = {.arena = sl_arena_new()};
        assert_false(sl_schema_check(schema, doc->root, &v));
        assert_true(v.n > 0);
        assert_false(sl_schema_check(schema, doc->root, NULL));
        sl_arena_free(v.arena);
        sl_schema_set_free(set);
    }
    sl_doc_free(doc);
}

static void test_a_bad_pattern_gives_up_on_a_hostile_string(void **state)
{
    (void)state;
    assert_told("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
                " /pattern \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" takes too long to be matched "
                "with ^(a+)+$\n");
}

static void test_schemas_that_are_wrong_do_not_compile(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        enum sl_code code;
        const char *message;
    } wrong[] = {
        {"{\"type\":\"strin\"}", SL_E_SCHEMA_INVALID, "urn:t#/type must name types"},
        {"{\"properties\":{\"a\":1}}", SL_E_SCHEMA_INVALID, "urn:t#/properties/a is not a schema"},
        {"{\"properties\":[]}", SL_E_SCHEMA_INVALID, "urn:t#/properties must be an object of schemas"},
        {"{\"allOf\":{}}", SL_E_SCHEMA_INVALID, "urn:t#/allOf must be an array of schemas"},
        {"{\"allOf\":[]}", SL_E_SCHEMA_INVALID, "urn:t#/allOf must not be empty"},
        {"{\"pattern\":\"(\"}", SL_E_SCHEMA_INVALID, "urn:t#/pattern is not a regular expression: missing"},
        {"{\"pattern\":\"a++\"}", SL_E_SCHEMA_INVALID, "urn:t#/pattern is not a regular expression: a quantifier"},
        {"{\"pattern\":\"\\\\Qx\"}", SL_E_SCHEMA_INVALID, "urn:t#/pattern is not a regular expression: an escape"},
        {"{\"patternProperties\":{\"[\":{}}}", SL_E_SCHEMA_INVALID, "urn:t#/patternProperties \"[\" is not a regular"},
        {"{\"minItems\":-1}", SL_E_SCHEMA_INVALID, "urn:t#/minItems must be an integer, at least 0"},
        {"{\"maxLength\":1.5}", SL_E_SCHEMA_INVALID, "urn:t#/maxLength must be an integer"},
        {"{\"multipleOf\":0}", SL_E_SCHEMA_INVALID, "urn:t#/multipleOf must be a number greater than 0"},
        {"{\"required\":\"a\"}", SL_E_SCHEMA_INVALID, "urn:t#/required must be an array of names"},
        {"{\"enum\":1}", SL_E_SCHEMA_INVALID, "urn:t#/enum must be an array"},
        {"{\"$ref\":\"#/$defs/x\"}", SL_E_SCHEMA_REF, "urn:t#/$ref: urn:t has nothing at \"/$defs/x\""},
        {"{\"$ref\":\"#x\"}", SL_E_SCHEMA_REF, "urn:t#/$ref: urn:t has no anchor \"x\""},
        {"{\"$ref\":\"http://example.com/a\"}", SL_E_SCHEMA_REF,
         "urn:t#/$ref: schema \"http://example.com/a\" is not known (nothing is fetched)"},
        {"{\"$ref\":7}", SL_E_SCHEMA_INVALID, "urn:t#/$ref must be a string"},
        {"{\"$id\":\"#a\"}", SL_E_SCHEMA_INVALID, "\"$id\": \"#a\" must not have a fragment"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", SL_E_SCHEMA_INVALID, "\"$schema\": "},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", SL_E_SCHEMA_INVALID,
         "two schemas of urn:t have the anchor \"x\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct sl_schema *schema = NULL;
        struct sl_error err = {0};
        struct sl_doc *doc = must_parse(wrong[i].schema);
        struct sl_schema_set *set = sl_schema_set_new(NULL);
        assert_int_equal(sl_schema_set_add(set, "urn:t", doc->root, &err), 0);
        int rc = sl_schema_compile(set, "urn:t", &schema, &err);
        if (rc != -(int)wrong[i].code || strncmp(err.message, wrong[i].message, strlen(wrong[i].message)) != 0)
            fail_msg("%s: got %d \"%s\"", wrong[i].schema, rc, err.message);
        sl_schema_set_free(set);
        sl_doc_free(doc);
    }
}

static void test_the_metaschema_validates_schemas(void **state)
{
    (void)state;
    struct sl_error err = {0};
    const struct sl_schema *schema = NULL;
    struct sl_schema_set *set = sl_schema_set_new(NULL);
    assert_int_equal(sl_schema_compile(set, "https://json-schema.org/draft/2020-12/schema", &schema, &err), 0);
    SL_CLEANUP(sl_doc_freep) struct sl_doc *good = must_parse("{\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]}}}");
    SL_CLEANUP(sl_doc_freep) struct sl_doc *bad = must_parse("{\"properties\":{\"a\":{\"minLength\":-1}}}");
    struct sl_violations v = {.arena = sl_arena_new()};
    assert_true(sl_schema_check(schema, good->root, &v));
    assert_false(sl_schema_check(schema, bad->root, &v));
    assert_string_equal(v.items[0].instance_pointer, "/properties/a/minLength");
    assert_string_equal(v.items[0].message, "must be at least 0, found -1");
    sl_arena_free(v.arena);
    sl_schema_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_are_told_in_sentences),
        cmocka_unit_test(test_members_are_told_at_their_own_pointer),
        cmocka_unit_test(test_items_are_told_at_their_own_pointer),
        cmocka_unit_test(test_all_violations_come_at_once),
        cmocka_unit_test(test_the_branch_that_came_nearest_is_told),
        cmocka_unit_test(test_a_failed_branch_does_not_make_members_unknown),
        cmocka_unit_test(test_hostile_values_stay_short_and_on_one_line),
        cmocka_unit_test(test_violations_beyond_the_maximum_are_counted),
        cmocka_unit_test(test_a_recursive_schema_ends_with_a_deep_instance),
        cmocka_unit_test(test_a_bad_pattern_gives_up_on_a_hostile_string),
        cmocka_unit_test(test_schemas_that_are_wrong_do_not_compile),
        cmocka_unit_test(test_the_metaschema_validates_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

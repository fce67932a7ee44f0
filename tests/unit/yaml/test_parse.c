/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "yaml/yaml.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static int parse(const char *text, size_t bytes, struct sl_doc **doc, struct sl_error *err)
{
    return sl_yaml_parse("r", text, bytes, &sl_json_limits_small, doc, err);
}

static void assert_reads_as(const char *yaml, const char *json)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_error err = {0};
    if (parse(yaml, strlen(yaml), &doc, &err) != 0)
        fail_msg("%s: %s", yaml, err.message);
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, 65536);
    sl_json_canonical(doc->root, &out);
    assert_string_equal(out.data, json);
}

static void test_scalars_have_the_types_of_the_core_schema(void **state)
{
    (void)state;
    assert_reads_as("[true, True, FALSE, yes, no, on, Off, y]", "[true,true,false,\"yes\",\"no\",\"on\",\"Off\",\"y\"]");
    assert_reads_as("[null, ~, Null, NULL, nULL]", "[null,null,null,null,\"nULL\"]");
    assert_reads_as("a:\nb: ''", "{\"a\":null,\"b\":\"\"}");
    assert_reads_as("[1, -2, +3, 007, 0o17, 0xFf, 0b1, 1_000]", "[1,-2,3,7,15,255,\"0b1\",\"1_000\"]");
    assert_reads_as("[1.5, .5, 1., -1e3, +1.5E-2, 1e, ., -, 1.2.3]", "[1.5,0.5,1,-1000,0.015,\"1e\",\".\",\"-\",\"1.2.3\"]");
    assert_reads_as("['1', \"true\", '~', !!str 12, ! 1]", "[\"1\",\"true\",\"~\",\"12\",\"1\"]");
    assert_reads_as("[18446744073709551615, 0099999999999999999999999, -0]",
                    "[18446744073709551615,99999999999999999999999,0]");
    assert_reads_as("[!!int 7, !!float 7, !!null ~, !!bool true]", "[7,7,null,true]");
    assert_reads_as("[2026-11-21, 09:14, EPSG:4326, 1:2]", "[\"2026-11-21\",\"09:14\",\"EPSG:4326\",\"1:2\"]");
}

static void test_a_recipe_is_read(void **state)
{
    (void)state;
    assert_reads_as("# roads\napiVersion: sluice/v1\nsteps:\n  - simplify: {tolerance: \"${t}\", keep: yes}\n"
                    "  - sql:\n      select: |\n        SELECT *\n        FROM {{input}}\n  - spatial_index: {}\n",
                    "{\"apiVersion\":\"sluice/v1\",\"steps\":[{\"simplify\":{\"keep\":\"yes\",\"tolerance\":\"${t}\"}},"
                    "{\"sql\":{\"select\":\"SELECT *\\u000aFROM {{input}}\\u000a\"}},{\"spatial_index\":{}}]}");
    assert_reads_as("--- !!map\n1: a\ntrue: b\n...\n", "{\"1\":\"a\",\"true\":\"b\"}");
}

static void test_aliases_are_copies(void **state)
{
    (void)state;
    assert_reads_as("a: &x {b: [1, 2.5]}\nc: *x\nd: &x 7\ne: *x\nf: &n ~\ng: *n",
                    "{\"a\":{\"b\":[1,2.5]},\"c\":{\"b\":[1,2.5]},\"d\":7,\"e\":7,\"f\":null,\"g\":null}");
}

static void assert_place(const struct sl_doc *doc, const char *pointer, int line, int column)
{
    int l = 0, c = 0;
    assert_true(sl_doc_where(doc, pointer, &l, &c));
    assert_int_equal(l, line);
    assert_int_equal(c, column);
}

static void test_places_are_found_by_pointer(void **state)
{
    (void)state;
    static const char text[] = "a: &x\n  b: 1\nc: *x\nd:\n  - é: [7, 8]\n";
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_error err = {0};
    assert_int_equal(parse(text, sizeof text - 1, &doc, &err), 0);
    assert_place(doc, "", 1, 1);
    assert_place(doc, "/a/b", 2, 6);
    assert_place(doc, "/c", 3, 4);
    assert_place(doc, "/c/b", 2, 6);
    assert_place(doc, "/d/0/é/1", 5, 12);
}

static const struct {
    const char *text;
    size_t bytes;
    enum sl_code code;
    const char *message;
} corpus[] = {
    {"", 0, SL_E_YAML_SYNTAX, "r is empty"},
    {"# only a comment\n", 0, SL_E_YAML_SYNTAX, "r is empty"},
    {"a: 1\n---\nb: 2\n", 0, SL_E_YAML_SYNTAX, "r:2:1: a second document starts here"},
    {"a: 1\nb: 2\na: 3\n", 0, SL_E_YAML_DUPLICATE_KEY, "r:3:1: duplicate key \"a\""},
    {"{a: 1, 'a': 3}", 0, SL_E_YAML_DUPLICATE_KEY, "r:1:8: duplicate key \"a\""},
    {"? [1]\n: 2\n", 0, SL_E_YAML_SYNTAX, "r:1:3: a key must be a plain or quoted string"},
    {"x: &a k\n*a : 2\n", 0, SL_E_YAML_SYNTAX, "r:2:1: an alias cannot be a key"},
    {"&a k: 1\n", 0, SL_E_YAML_SYNTAX, "r:1:1: a key cannot have an anchor"},
    {"!!int 1: 1\n", 0, SL_E_YAML_SYNTAX, "r:1:1: a key cannot have the tag"},
    {"?\n: 1\n", 0, SL_E_YAML_SYNTAX, "r:1:2: a key is missing before ':'"},
    {"a: &x {b: 1}\nc:\n  <<: *x\n", 0, SL_E_YAML_SYNTAX, "r:3:3: merge keys (<<) are not allowed"},
    {"a: *x\n", 0, SL_E_YAML_SYNTAX, "r:1:4: alias \"*x\" has no anchor before it"},
    {"&x [*x]\n", 0, SL_E_YAML_SYNTAX, "r:1:5: alias \"*x\" is inside of what it names"},
    {"a: !python/object x\n", 0, SL_E_YAML_SYNTAX, "r:1:4: tag \"!python/object\" is not allowed"},
    {"a: !!binary aGk=\n", 0, SL_E_YAML_SYNTAX, "r:1:4: tag \"tag:yaml.org,2002:binary\" is not allowed"},
    {"a: !!set {b}\n", 0, SL_E_YAML_SYNTAX, "r:1:4: tag \"tag:yaml.org,2002:set\" is not allowed"},
    {"a: !!int x\n", 0, SL_E_YAML_SYNTAX, "r:1:4: \"x\" is not a !!int"},
    {"a: .inf\n", 0, SL_E_YAML_SYNTAX, "r:1:4: .inf has no place in JSON"},
    {"a: -.Inf\n", 0, SL_E_YAML_SYNTAX, "r:1:4: -.Inf has no place in JSON"},
    {"a: .nan\n", 0, SL_E_YAML_SYNTAX, "r:1:4: .nan has no place in JSON"},
    {"a: 1e999\n", 0, SL_E_YAML_SYNTAX, "r:1:4: 1e999 is out of range"},
    {"a: 0xfffffffffffffffff\n", 0, SL_E_YAML_SYNTAX, "r:1:4: 0xfffffffffffffffff is out of range"},
    {"a: \"x\\0y\"\n", 0, SL_E_YAML_SYNTAX, "r:1:4: a NUL character is not allowed in a string"},
    {"\"a\\0\": 1\n", 0, SL_E_YAML_SYNTAX, "r:1:1: a NUL character is not allowed in a key"},
    {"a: [1, 2\nb: 3\n", 0, SL_E_YAML_SYNTAX, "r:2:"},
    {"a: b: c\n", 0, SL_E_YAML_SYNTAX, "r:1:5: mapping values are not allowed"},
    {"a:\n\t- 1\n", 0, SL_E_YAML_SYNTAX, "r:2:1: found character that cannot start any token"},
    {"a: 'x\n", 0, SL_E_YAML_SYNTAX, "r:2:1: found unexpected end of stream"},
    {"a: \xff\n", 0, SL_E_YAML_SYNTAX, "r is not UTF-8"},
    {"\xff\xfe" "a\0", 4, SL_E_YAML_SYNTAX, "r is not UTF-8"},
    {"\xef\xbb\xbf" "a: 1", 0, SL_E_YAML_SYNTAX, "r starts with a byte order mark"},
    {"a: \x01\n", 0, SL_E_YAML_SYNTAX, "r: byte 3: control characters are not allowed"},
    {"a\0b", 3, SL_E_YAML_SYNTAX, "r: byte 1: control characters are not allowed"},
    {"%YAML 3.0\n---\na: 1\n", 0, SL_E_YAML_SYNTAX, "r:1:1: found incompatible YAML document"},
};

static void test_what_is_not_allowed_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(corpus); i++) {
        struct sl_error err = {0};
        struct sl_doc *doc = NULL;
        int rc = parse(corpus[i].text, corpus[i].bytes ? corpus[i].bytes : strlen(corpus[i].text), &doc, &err);
        sl_doc_free(doc);
        if (rc != -(int)corpus[i].code || strncmp(err.message, corpus[i].message, strlen(corpus[i].message)) != 0)
            fail_msg("%s: got %d \"%s\", expected \"%s\"", corpus[i].text, rc, err.message, corpus[i].message);
    }
}

static void assert_over_limit(const char *text, size_t bytes)
{
    struct sl_error err = {0};
    struct sl_doc *doc = NULL;
    assert_int_equal(parse(text, bytes, &doc, &err), -SL_E_YAML_LIMIT);
    assert_null(doc);
}

static void test_alias_bombs_are_refused(void **state)
{
    (void)state;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1 << 21);
    /* Nine levels of nine aliases: 3.9e8 values. */
    sl_buf_puts(&text, "l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i <= 9; i++) {
        sl_buf_printf(&text, "l%d: &l%d [", i, i);
        for (int k = 0; k < 9; k++)
            sl_buf_printf(&text, "%s*l%d", k ? ", " : "", i - 1);
        sl_buf_puts(&text, "]\n");
    }
    assert_over_limit(text.data, text.len);
    /* Few values, many bytes. */
    sl_buf_clear(&text);
    sl_buf_puts(&text, "a: &a ");
    for (int i = 0; i < 100000; i++)
        sl_buf_putc(&text, 'x');
    sl_buf_puts(&text, "\nb: [");
    for (int i = 0; i < 1000; i++)
        sl_buf_puts(&text, "*a, ");
    sl_buf_puts(&text, "]\n");
    assert_over_limit(text.data, text.len);
}

static void test_depth_and_size_are_bounded(void **state)
{
    (void)state;
    enum { N = 100000 };
    char *text = malloc(2 << 20);
    memset(text, '[', N);
    assert_over_limit(text, N);
    for (size_t i = 0; i + 2 <= N; i += 2)
        memcpy(text + i, "- ", 2);
    assert_over_limit(text, N);
    for (size_t i = 0; i + 4 <= N; i += 4)
        memcpy(text + i, "{a: ", 4);
    assert_over_limit(text, N);
    memset(text, 'x', 2 << 20);
    assert_over_limit(text, 2 << 20);
    for (size_t i = 0; i < 600000; i += 4)
        memcpy(text + i, "- 1\n", 4);
    assert_over_limit(text, 600000);
    free(text);
}

static void test_every_prefix_ends_in_an_answer(void **state)
{
    (void)state;
    static const char text[] = "a: &x {b: [1, 'q\\u00e9'], \"c\\n\": |\n}\nd: *x\ne:\n  - >-\n   t\n  - !!str 7\n";
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text, n);
        struct sl_error err = {0};
        struct sl_doc *doc = NULL;
        int rc = parse(copy, n, &doc, &err);
        assert_true((rc == 0) == (doc != NULL) && (rc == 0) == (err.message[0] == '\0'));
        sl_doc_free(doc);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_have_the_types_of_the_core_schema),
        cmocka_unit_test(test_a_recipe_is_read),
        cmocka_unit_test(test_aliases_are_copies),
        cmocka_unit_test(test_places_are_found_by_pointer),
        cmocka_unit_test(test_what_is_not_allowed_is_refused_with_its_place),
        cmocka_unit_test(test_alias_bombs_are_refused),
        cmocka_unit_test(test_depth_and_size_are_bounded),
        cmocka_unit_test(test_every_prefix_ends_in_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

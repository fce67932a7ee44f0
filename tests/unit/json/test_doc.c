/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "json/json.h"

static struct sl_doc *must_parse(const char *text)
{
    struct sl_doc *doc = NULL;
    struct sl_error err = {0};
    if (sl_json_parse("t", text, strlen(text), &sl_json_limits_small, &doc, &err) != 0)
        fail_msg("%s", err.message);
    return doc;
}

static void assert_place(const struct sl_doc *doc, const char *pointer, int line, int column)
{
    int l = 0, c = 0;
    if (!sl_doc_where(doc, pointer, &l, &c))
        fail_msg("%s is not found", pointer);
    assert_int_equal(l, line);
    assert_int_equal(c, column);
}

static void test_places_are_found_by_pointer(void **state)
{
    (void)state;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse("{\n  \"files\": [\n    {\"é\": 1, \"crs\": null},\n"
                                                             "    7\n  ],\r\n  \"a/b~c\": {\"\": true}\n}\n");
    int l = 0, c = 0;
    assert_place(doc, "", 1, 1);
    assert_place(doc, "/files", 2, 12);
    assert_place(doc, "/files/0", 3, 5);
    assert_place(doc, "/files/0/é", 3, 11);
    assert_place(doc, "/files/0/crs", 3, 21);
    assert_place(doc, "/files/1", 4, 5);
    assert_place(doc, "/a~1b~0c", 6, 12);
    assert_place(doc, "/a~1b~0c/", 6, 17);
    static const char *const absent[] = {"/x", "/files/2", "/files/00", "/files/-", "/files/0/crs/x", "files", "/files/~2",
                                         "/files/99999999999999999999"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_false(sl_doc_where(doc, absent[i], &l, &c));
}

static void test_a_null_document_has_a_place(void **state)
{
    (void)state;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse(" null");
    assert_null(doc->root);
    assert_place(doc, "", 1, 2);
}

static void assert_canonical(const char *text, const char *expected)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse(text);
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, 4096);
    sl_json_canonical(doc->root, &out);
    assert_string_equal(out.data, expected);
}

static void test_canonical_text_depends_on_the_value_alone(void **state)
{
    (void)state;
    assert_canonical("{ \"b\" : [ ] , \"a\" : { \"z\":null, \"B\":true } }", "{\"a\":{\"B\":true,\"z\":null},\"b\":[]}");
    assert_canonical("[1, 1.0, 1e0, 10e-1, -0, -0.0, 0.10, 1E2, 1.5e300]", "[1,1,1,1,0,0,0.1,100,1.5e+300]");
    assert_canonical("[18446744073709551615, -9223372036854775808, 9007199254740993]",
                     "[18446744073709551615,-9223372036854775808,9007199254740993]");
    assert_canonical("[123456789012345678901234567890, 123456789012345678901234567891]",
                     "[123456789012345678901234567890,123456789012345678901234567891]");
    assert_canonical("\"\\u0041\\/\\u000a\\\"\\\\\\u007f\\u00e9\"", "\"A/\\u000a\\\"\\\\\x7f\xc3\xa9\"");
}

static void test_canonical_text_is_read_back_as_itself(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[0.1,1e-7,123456.789,-2.5,\"x\\u0001\"],\"b\":{\"c\":18446744073709551616}}";
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse(text);
    SL_CLEANUP(sl_buf_free) struct sl_buf once, twice;
    sl_buf_init(&once, 4096);
    sl_buf_init(&twice, 4096);
    sl_json_canonical(doc->root, &once);
    SL_CLEANUP(sl_doc_freep) struct sl_doc *again = must_parse(once.data);
    sl_json_canonical(again->root, &twice);
    assert_string_equal(once.data, twice.data);
}

static void test_pointers_reach_values(void **state)
{
    (void)state;
    /* The examples of RFC 6901, 5. */
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc =
        must_parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                   "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"none\":null}");
    static const char *const pointers[] = {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
    struct json_object *v = NULL;
    for (int i = 0; i < 9; i++) {
        assert_true(sl_json_pointer_get(doc->root, pointers[i], &v));
        assert_int_equal(json_object_get_int(v), i);
    }
    assert_true(sl_json_pointer_get(doc->root, "", &v));
    assert_ptr_equal(v, doc->root);
    assert_true(sl_json_pointer_get(doc->root, "/foo/1", &v));
    assert_string_equal(json_object_get_string(v), "baz");
    assert_true(sl_json_pointer_get(doc->root, "/none", &v));
    assert_null(v);
    static const char *const absent[] = {"foo", "/foo/2", "/foo/01", "/foo/-", "/foo/0/x", "/none/x", "/m~2n", "/m~"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_false(sl_json_pointer_get(doc->root, absent[i], &v));
}

static void test_pointer_tokens_are_escaped(void **state)
{
    (void)state;
    SL_CLEANUP(sl_buf_free) struct sl_buf p;
    sl_buf_init(&p, 64);
    sl_json_pointer_add(&p, "a/b~c");
    sl_json_pointer_add(&p, "");
    assert_string_equal(p.data, "/a~1b~0c/");
}

static void test_helpers_fall_back_on_other_types(void **state)
{
    (void)state;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = must_parse("{\"s\":\"x\",\"i\":7,\"d\":2.5,\"w\":3.0,\"b\":true,\"n\":null,"
                                                             "\"h\":1e300}");
    struct json_object *o = doc->root;
    assert_string_equal(sl_json_str(o, "s", "-"), "x");
    assert_string_equal(sl_json_str(o, "i", "-"), "-");
    assert_string_equal(sl_json_str(o, "absent", "-"), "-");
    assert_int_equal(sl_json_int(o, "i", -1), 7);
    assert_int_equal(sl_json_int(o, "w", -1), 3);
    assert_int_equal(sl_json_int(o, "d", -1), -1);
    assert_int_equal(sl_json_int(o, "h", -1), -1);
    assert_int_equal(sl_json_int(o, "s", -1), -1);
    assert_true(sl_json_num(o, "d", 0) == 2.5);
    assert_true(sl_json_num(o, "i", 0) == 7.0);
    assert_true(sl_json_num(o, "s", -1) == -1.0);
    assert_true(sl_json_bool(o, "b", false));
    assert_false(sl_json_bool(o, "i", false));
    assert_null(sl_json_get(o, "n"));
    assert_null(sl_json_get(NULL, "n"));
    assert_null(sl_json_get(sl_json_get(o, "s"), "n"));
}

static void test_doubles_print_short_and_exact(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *d = sl_json_double(0.1);
    SL_CLEANUP(sl_json_putp) struct json_object *third = sl_json_double(1.0 / 3);
    assert_string_equal(json_object_to_json_string(d), "0.1");
    assert_string_equal(json_object_to_json_string(third), "0.3333333333333333");
    assert_null(sl_json_double(NAN));
    assert_null(sl_json_double(-INFINITY));
}

static void test_put_replaces_and_owns(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "a", "x");
    sl_json_put_str(o, "a", NULL);
    sl_json_put_int(o, "b", INT64_MIN);
    sl_json_put(o, "c", json_object_new_array());
    assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":null,\"b\":-9223372036854775808,\"c\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_are_found_by_pointer),
        cmocka_unit_test(test_a_null_document_has_a_place),
        cmocka_unit_test(test_canonical_text_depends_on_the_value_alone),
        cmocka_unit_test(test_canonical_text_is_read_back_as_itself),
        cmocka_unit_test(test_pointers_reach_values),
        cmocka_unit_test(test_pointer_tokens_are_escaped),
        cmocka_unit_test(test_helpers_fall_back_on_other_types),
        cmocka_unit_test(test_doubles_print_short_and_exact),
        cmocka_unit_test(test_put_replaces_and_owns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

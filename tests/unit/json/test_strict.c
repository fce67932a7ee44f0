/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json/json.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct sl_json_limits wide = {64 << 20, 1000000, 10000000, true};

static int parse(const char *text, size_t bytes, const struct sl_json_limits *limits, struct sl_error *err)
{
    struct sl_doc *doc = NULL;
    int rc = sl_json_parse("t", text, bytes, limits, &doc, err);
    assert_true((rc == 0) == (doc != NULL));
    sl_doc_free(doc);
    return rc;
}

struct refused {
    const char *text;
    size_t bytes; /* 0: strlen */
    enum sl_code code;
    const char *message; /* how it starts */
};

static const struct refused corpus[] = {
    {"", 0, SL_E_JSON_SYNTAX, "t:1:1: the text is empty"},
    {" \n ", 0, SL_E_JSON_SYNTAX, "t:2:2: the text is empty"},
    {"{} {}", 0, SL_E_JSON_SYNTAX, "t:1:4: '{' follows the end"},
    {"1 x", 0, SL_E_JSON_SYNTAX, "t:1:3: 'x' follows the end"},
    {"{}\0", 3, SL_E_JSON_SYNTAX, "t:1:3: byte 0x00 follows the end"},
    {"[1,]", 0, SL_E_JSON_SYNTAX, "t:1:3: a comma before ']'"},
    {"{\"a\":1,}", 0, SL_E_JSON_SYNTAX, "t:1:7: a comma before '}'"},
    {"[,1]", 0, SL_E_JSON_SYNTAX, "t:1:2: expected a value, found ','"},
    {"[1 2]", 0, SL_E_JSON_SYNTAX, "t:1:4: expected ',' or ']', found '2'"},
    {"[1}", 0, SL_E_JSON_SYNTAX, "t:1:3: expected ',' or ']', found '}'"},
    {"[", 0, SL_E_JSON_SYNTAX, "t:1:2: the array that starts at 1:1 is not closed"},
    {"{\"a\":{\"b\":1}", 0, SL_E_JSON_SYNTAX, "t:1:13: the object that starts at 1:1 is not closed"},
    {"{", 0, SL_E_JSON_SYNTAX, "t:1:2: the object that starts at 1:1 is not closed"},
    {"{a:1}", 0, SL_E_JSON_SYNTAX, "t:1:2: expected a key in double quotes, found 'a'"},
    {"{'a':1}", 0, SL_E_JSON_SYNTAX, "t:1:2: expected a key in double quotes"},
    {"{1:1}", 0, SL_E_JSON_SYNTAX, "t:1:2: expected a key in double quotes"},
    {"{\"a\" 1}", 0, SL_E_JSON_SYNTAX, "t:1:6: expected ':' after the key \"a\", found '1'"},
    {"{\"a\":}", 0, SL_E_JSON_SYNTAX, "t:1:6: expected a value, found '}'"},
    {"{\"a\":", 0, SL_E_JSON_SYNTAX, "t:1:6: expected a value, found the end of the text"},
    {"['a']", 0, SL_E_JSON_SYNTAX, "t:1:2: expected a value, found '''"},
    {"// c\n1", 0, SL_E_JSON_SYNTAX, "t:1:1: JSON has no comments"},
    {"[1/* c */]", 0, SL_E_JSON_SYNTAX, "t:1:3: JSON has no comments"},
    {"NaN", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value"},
    {"-NaN", 0, SL_E_JSON_SYNTAX, "t:1:2: a digit is missing"},
    {"Infinity", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value"},
    {"-Infinity", 0, SL_E_JSON_SYNTAX, "t:1:2: a digit is missing before 'I'"},
    {"1e999", 0, SL_E_JSON_SYNTAX, "t:1:1: 1e999 is out of range"},
    {"+1", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found '+'"},
    {"01", 0, SL_E_JSON_SYNTAX, "t:1:1: a number must not start with a zero"},
    {"-01", 0, SL_E_JSON_SYNTAX, "t:1:2: a number must not start with a zero"},
    {"1.", 0, SL_E_JSON_SYNTAX, "t:1:3: a digit is missing after the decimal point"},
    {".5", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found '.'"},
    {"1e", 0, SL_E_JSON_SYNTAX, "t:1:3: a digit is missing in the exponent"},
    {"1e+", 0, SL_E_JSON_SYNTAX, "t:1:4: a digit is missing in the exponent"},
    {"0x10", 0, SL_E_JSON_SYNTAX, "t:1:2: 'x' follows the end"},
    {"-", 0, SL_E_JSON_SYNTAX, "t:1:2: a digit is missing before the end of the text"},
    {"True", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found 'T'"},
    {"nul", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found 'n'"},
    {"truefalse", 0, SL_E_JSON_SYNTAX, "t:1:5: 'f' follows the end"},
    {"\"a", 0, SL_E_JSON_SYNTAX, "t:1:1: the string that starts here does not end"},
    {"\"a\\", 0, SL_E_JSON_SYNTAX, "t:1:4: the end of the text after a backslash"},
    {"\"a\nb\"", 0, SL_E_JSON_SYNTAX, "t:1:3: byte 0x0a in a string must be written as \\u000a"},
    {"\"a\tb\"", 0, SL_E_JSON_SYNTAX, "t:1:3: byte 0x09 in a string"},
    {"\"a\0b\"", 5, SL_E_JSON_SYNTAX, "t:1:3: byte 0x00 in a string"},
    {"\"\\x41\"", 0, SL_E_JSON_SYNTAX, "t:1:3: 'x' after a backslash is not an escape"},
    {"\"\\u12g4\"", 0, SL_E_JSON_SYNTAX, "t:1:3: \\u needs four hexadecimal digits"},
    {"\"\\u12\"", 0, SL_E_JSON_SYNTAX, "t:1:3: \\u needs four hexadecimal digits"},
    {"\"\\ud800\"", 0, SL_E_JSON_ENCODING, "t:1:3: \\ud800 is half of a surrogate pair"},
    {"\"\\ud800\\u0041\"", 0, SL_E_JSON_ENCODING, "t:1:3: \\ud800 is half of a surrogate pair"},
    {"\"\\udc00\"", 0, SL_E_JSON_ENCODING, "t:1:3: \\udc00 is half of a surrogate pair"},
    {"\"\\u0000\"", 0, SL_E_JSON_ENCODING, "t:1:3: \\u0000 is not allowed in a string"},
    {"{\"\\u0000\":1}", 0, SL_E_JSON_ENCODING, "t:1:4: \\u0000 is not allowed in a key"},
    {"\"\xff\"", 0, SL_E_JSON_ENCODING, "t:1:2: byte 0xff is not UTF-8"},
    {"\"\xc0\xaf\"", 0, SL_E_JSON_ENCODING, "t:1:2: byte 0xc0 is not UTF-8"},
    {"\"\xed\xa0\x80\"", 0, SL_E_JSON_ENCODING, "t:1:2: byte 0xed is not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", 0, SL_E_JSON_ENCODING, "t:1:2: byte 0xf4 is not UTF-8"},
    {"\"\xe2\x82\"", 0, SL_E_JSON_ENCODING, "t:1:2: byte 0xe2 is not UTF-8"},
    {"\xef\xbb\xbf{}", 0, SL_E_JSON_ENCODING, "t:1:1: the text starts with a byte order mark"},
    {"\xff\xfe{\0}\0", 6, SL_E_JSON_ENCODING, "t:1:1: byte 0xff is not UTF-8"},
    {"{\"a\":1,\"a\":2}", 0, SL_E_JSON_DUPLICATE_KEY, "t:1:8: duplicate key \"a\""},
    {"{\"crs\":1,\n  \"\\u0063rs\":2}", 0, SL_E_JSON_DUPLICATE_KEY, "t:2:3: duplicate key \"crs\""},
    {"{\"\":1,\"\":2}", 0, SL_E_JSON_DUPLICATE_KEY, "t:1:7: duplicate key \"\""},
    {"\v1", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found byte 0x0b"},
    {"\xc2\xa0" "1", 0, SL_E_JSON_SYNTAX, "t:1:1: expected a value, found '\xc2\xa0'"},
    {"[1]]", 0, SL_E_JSON_SYNTAX, "t:1:4: ']' follows the end"},
    {"{\"a\":1 \"b\":2}", 0, SL_E_JSON_SYNTAX, "t:1:8: expected ',' or '}'"},
};

static void test_what_is_not_strict_json_is_refused_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(corpus); i++) {
        struct sl_error err = {0};
        const struct refused *c = &corpus[i];
        int rc = parse(c->text, c->bytes ? c->bytes : strlen(c->text), &sl_json_limits_small, &err);
        if (rc != -(int)c->code || strncmp(err.message, c->message, strlen(c->message)) != 0)
            fail_msg("%s: got %d \"%s\", expected \"%s\"", c->text, rc, err.message, c->message);
    }
}

static void test_what_is_json_is_read(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null", " true ", "false", "0", "-0", "-0.0", "1e5", "1E+5", "1.5e-7", "9223372036854775807",
        "18446744073709551615", "-9223372036854775808", "123456789012345678901234567890", "\"\"", "[]", "{}",
        "[[],{}]", "{\"\":{\"\":[]}}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"",
        "\t\r\n [ 1 , 2 ] \n", "\"\x7f\"",
    };
    for (size_t i = 0; i < LEN(good); i++) {
        struct sl_error err = {0};
        if (parse(good[i], strlen(good[i]), &sl_json_limits_small, &err) != 0)
            fail_msg("%s: %s", good[i], err.message);
    }
}

static void test_every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1.5e3,true,null,{\"b\":\"\\ud83d\\ude00\xc3\xa9\"}],\"c\":-0.25}";
    struct sl_error err = {0};
    assert_int_equal(parse(text, sizeof text - 1, &sl_json_limits_small, &err), 0);
    for (size_t n = 0; n < sizeof text - 1; n++) {
        /* A copy of exactly n bytes, so that reading past its end is noticed. */
        char *copy = malloc(n ? n : 1);
        memcpy(copy, text, n);
        assert_int_not_equal(parse(copy, n, &sl_json_limits_small, &err), 0);
        free(copy);
    }
}

static void test_depth_is_bounded_whatever_the_limit_says(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct sl_error err = {0};
    char *text = malloc(N);
    memset(text, '[', N);
    assert_int_equal(parse(text, N, &sl_json_limits_small, &err), -SL_E_JSON_DEPTH);
    assert_string_equal(err.message, "t:1:65: nested deeper than 64 levels");
    assert_int_equal(parse(text, N, &wide, &err), -SL_E_JSON_DEPTH);
    for (size_t i = 0; i + 5 <= N; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_int_equal(parse(text, N, &sl_json_limits_small, &err), -SL_E_JSON_DEPTH);
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_int_equal(parse(text, 128, &sl_json_limits_small, &err), 0);
    free(text);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    enum { N = 4 << 20 };
    struct sl_error err = {0};
    char *text = malloc(N);
    memset(text, 'x', N);
    text[0] = text[N - 1] = '"';
    assert_int_equal(parse(text, N, &sl_json_limits_small, &err), -SL_E_JSON_SIZE);
    assert_int_equal(parse(text, N, &wide, &err), 0);
    memset(text, '1', N);
    assert_int_equal(parse(text, N, &wide, &err), -SL_E_JSON_SIZE);
    for (size_t i = 0; i < 300000; i += 2)
        memcpy(text + i, i ? ",1" : "[1", 2);
    text[300000] = ']';
    assert_int_equal(parse(text, 300001, &sl_json_limits_small, &err), -SL_E_JSON_SIZE);
    assert_int_equal(parse(text, 300001, &wide, &err), 0);
    free(text);
}

static void test_a_hostile_name_stays_on_one_line(void **state)
{
    (void)state;
    struct sl_error err = {0};
    static const char text[] = "{\"a\\nok\":1,\"a\\nok\":2}";
    assert_int_equal(parse(text, sizeof text - 1, &sl_json_limits_small, &err), -SL_E_JSON_DUPLICATE_KEY);
    assert_null(strchr(err.message, '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_strict_json_is_refused_with_its_place),
        cmocka_unit_test(test_what_is_json_is_read),
        cmocka_unit_test(test_every_prefix_of_a_document_is_refused),
        cmocka_unit_test(test_depth_is_bounded_whatever_the_limit_says),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_a_hostile_name_stays_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

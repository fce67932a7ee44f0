/* SPDX-License-Identifier: Apache-2.0 */
/* Rows compared as people would: within a tolerance, whatever a ring begins with, in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "run/feature_diff.h"

static bool close_json(const char *a, const char *b, double tolerance)
{
    struct json_object *x = json_tokener_parse(a), *y = json_tokener_parse(b);
    bool close = sl_json_close(x, y, tolerance);
    json_object_put(x);
    json_object_put(y);
    return close;
}

static bool close_geometry(const char *a, const char *b)
{
    struct json_object *x = json_tokener_parse(a), *y = json_tokener_parse(b);
    bool close = sl_geometry_close(x, y, 1e-6);
    json_object_put(x);
    json_object_put(y);
    return close;
}

static void test_numbers_differ_by_the_tolerance_at_most(void **state)
{
    (void)state;
    assert_true(close_json("1", "1.0", 0));
    assert_true(close_json("0.5", "0.5000001", 1e-6));
    assert_false(close_json("0.5", "0.50001", 1e-6));
    assert_true(close_json("1000000", "1000000.5", 1e-6));
    assert_false(close_json("9007199254740993", "9007199254740992", 1e-9));
    assert_true(close_json("9007199254740993", "9007199254740993", 1e-9));
}

static void test_types_and_texts_are_exact(void **state)
{
    (void)state;
    assert_false(close_json("\"1\"", "1", 1));
    assert_false(close_json("true", "1", 1));
    assert_false(close_json("null", "0", 1));
    assert_true(close_json("{\"a\": [1, \"x\"]}", "{\"a\": [1, \"x\"], \"b\": 2}", 0));
    assert_false(close_json("{\"a\": 1}", "{\"b\": 1}", 0));
    assert_false(close_json("[1, 2]", "[1]", 0));
}

static void test_a_ring_may_begin_anywhere_and_turn_either_way(void **state)
{
    (void)state;
    const char *ring = "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,1],[0,0]]]}";
    assert_true(close_geometry(ring, "{\"type\":\"Polygon\",\"coordinates\":[[[2,0],[2,1],[0,0],[2,0]]]}"));
    assert_true(close_geometry(ring, "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,1],[2,0],[0,0]]]}"));
    assert_false(close_geometry(ring, "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[2,0],[2,2],[0,0]]]}"));
    assert_false(close_geometry(ring, "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[2,0],[2,1],[0,0]]]]}"));
    assert_true(close_geometry("{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[2,0],[2,1],[0,0]]]]}",
                               "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[2,1],[0,0],[2,0],[2,1]]]]}"));
}

static void test_lines_have_a_direction(void **state)
{
    (void)state;
    const char *line = "{\"type\":\"LineString\",\"coordinates\":[[0,0],[1,1]]}";
    assert_true(close_geometry(line, line));
    assert_false(close_geometry(line, "{\"type\":\"LineString\",\"coordinates\":[[1,1],[0,0]]}"));
    assert_false(close_geometry(line, "null"));
    assert_true(close_geometry("null", "null"));
}

struct said {
    char text[2000];
};

static void say(void *data, const char *difference)
{
    struct said *s = data;
    strncat(s->text, difference, sizeof s->text - strlen(s->text) - 2);
    strcat(s->text, "\n");
}

static void compare(struct said *s, const char *expected, const char *found, bool ordered)
{
    struct sl_arena *arena = sl_arena_new();
    struct json_object *x = json_tokener_parse(expected), *y = json_tokener_parse(found);
    s->text[0] = '\0';
    sl_features_compare(x, y, ordered, 1e-9, arena, say, s);
    json_object_put(x);
    json_object_put(y);
    sl_arena_free(arena);
}

#define A "{\"properties\":{\"n\":1,\"rest\":0},\"geometry\":null}"
#define B "{\"properties\":{\"n\":2,\"rest\":0},\"geometry\":null}"

static void test_rows_are_met_in_any_order_unless_they_have_one(void **state)
{
    (void)state;
    struct said s;
    compare(&s, "[{\"properties\":{\"n\":2}},{\"properties\":{\"n\":1}}]", "[" A "," B "]", false);
    assert_string_equal(s.text, "");
    compare(&s, "[{\"properties\":{\"n\":2}},{\"properties\":{\"n\":1}}]", "[" A "," B "]", true);
    assert_string_equal(s.text, "row 1: n: expected 2, found 1\nrow 2: n: expected 1, found 2\n");
}

static void test_missing_and_unexpected_rows_are_named(void **state)
{
    (void)state;
    struct said s;
    compare(&s, "[{\"properties\":{\"n\":1}}]", "[" A "," B "]", false);
    assert_string_equal(s.text, "rows: expected 1, found 2\nnot expected: {\"n\":2,\"rest\":0}\n");
    compare(&s, "[{\"properties\":{\"n\":1}},{\"properties\":{\"n\":2}}]", "[" A "]", false);
    assert_string_equal(s.text, "rows: expected 2, found 1\nrow 2 is missing: {\"properties\":{\"n\":2}}\n");
    compare(&s, "[{\"properties\":{\"m\":1}}]", "[" A "]", false);
    assert_string_equal(s.text, "row 1: there is no column \"m\"\n");
    compare(&s, "[{\"geometry\":{\"type\":\"Point\",\"coordinates\":[0,0]}}]", "[" A "]", false);
    assert_string_equal(s.text, "row 1: geometry: expected {\"type\":\"Point\",\"coordinates\":[0,0]}, found null\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_differ_by_the_tolerance_at_most),
        cmocka_unit_test(test_types_and_texts_are_exact),
        cmocka_unit_test(test_a_ring_may_begin_anywhere_and_turn_either_way),
        cmocka_unit_test(test_lines_have_a_direction),
        cmocka_unit_test(test_rows_are_met_in_any_order_unless_they_have_one),
        cmocka_unit_test(test_missing_and_unexpected_rows_are_named),
    };
    return cmocka_run_group_tests_name("feature diff", tests, NULL, NULL);
}

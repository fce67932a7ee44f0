/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that read another table. */
#include "both.h"

static struct sl_column zone_columns[] = {{.name = "id", .type = "integer"},
                                          {.name = "NAME", .type = "text"},
                                          {.name = "geom", .type = "geometry", .geometry = true}};

/* Points and a line; zone 2 lies over zone 1's right half, 4 has no geometry, 5 is a line. */
static int given(void **state)
{
    (void)state;
    both_given_plain(25833, "('in', 1, 'POINT(1 1)'), ('two', 2, 'POINT(7 5)'), ('edge', 3, 'POINT(10 0)'), "
                            "('out', 9, 'POINT(20 20)'), ('none', NULL, NULL), ('road', 2, 'LINESTRING(0 2, 12 2)'), "
                            "('plot', 1, 'POLYGON((8 8, 14 8, 14 14, 8 14, 8 8))'), ('empty', 1, 'POINT EMPTY')");
    both_beside(zone_columns, 3, "(1, 'one', 'POLYGON((0 0, 10 0, 10 10, 0 10, 0 0))'), "
                                 "(2, 'two', 'POLYGON((5 0, 15 0, 15 10, 5 10, 5 0))'), (4, 'four', NULL), "
                                 "(5, 'line', 'LINESTRING(20 18, 20 30)')");
    return 0;
}

static void test_columns_are_joined_by_value_and_get_names_of_their_own(void **state)
{
    (void)state;
    assert_both_give("join: {role: zones, on: ['ki\"nd; --'], to: [id]}", BOTH, 0,
              "edge | 3 | - | POINT(10 0)\n"
              "empty | 1 | one | POINT EMPTY\n"
              "in | 1 | one | POINT(1 1)\n"
              "none | - | - | -\n"
              "out | 9 | - | POINT(20 20)\n"
              "plot | 1 | one | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "road | 2 | two | LINESTRING(0 2,12 2)\n"
              "two | 2 | two | POINT(7 5)\n");
    assert_both_give("join: {role: zones, on: ['ki\"nd; --'], to: [id], columns: [id, NAME], prefix: z_, how: inner}", BOTH, 0,
              "empty | 1 | 1 | one | POINT EMPTY\n"
              "in | 1 | 1 | one | POINT(1 1)\n"
              "plot | 1 | 1 | one | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "road | 2 | 2 | two | LINESTRING(0 2,12 2)\n"
              "two | 2 | 2 | two | POINT(7 5)\n");
}

static void test_rows_are_joined_by_place(void **state)
{
    (void)state;
    assert_both_give("join: {role: zones, predicate: intersects, matches: many, columns: [id], how: inner}", BOTH, 0,
              "edge | 3 | 1 | POINT(10 0)\n"
              "edge | 3 | 2 | POINT(10 0)\n"
              "in | 1 | 1 | POINT(1 1)\n"
              "out | 9 | 5 | POINT(20 20)\n"
              "plot | 1 | 1 | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "plot | 1 | 2 | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "road | 2 | 1 | LINESTRING(0 2,12 2)\n"
              "road | 2 | 2 | LINESTRING(0 2,12 2)\n"
              "two | 2 | 1 | POINT(7 5)\n"
              "two | 2 | 2 | POINT(7 5)\n");
    assert_int_equal(assert_both_agree("join: {role: zones, predicate: contains, matches: many}", 0), 8);
    assert_int_equal(assert_both_agree("join: {role: zones, predicate: within, on: ['ki\"nd; --'], to: [id], how: inner}", 0), 2);
}

static void test_of_several_the_one_with_the_most_in_common_is_taken(void **state)
{
    (void)state;
    assert_both_give("join: {role: zones, predicate: intersects, matches: largest, columns: [id]}", BOTH, 0,
              "edge | 3 | 1 | POINT(10 0)\n"
              "empty | 1 | - | POINT EMPTY\n"
              "in | 1 | 1 | POINT(1 1)\n"
              "none | - | - | -\n"
              "out | 9 | 5 | POINT(20 20)\n"
              "plot | 1 | 2 | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "road | 2 | 1 | LINESTRING(0 2,12 2)\n"
              "two | 2 | 1 | POINT(7 5)\n");
}

static void test_the_nearest_within_a_distance_is_taken_with_how_far_it_is(void **state)
{
    (void)state;
    assert_both_give("join: {role: zones, predicate: nearest, max_distance: 12, columns: [id], distance_column: far, how: inner}", BOTH,
              0,
              "edge | 3 | 1 | 0 | POINT(10 0)\n"
              "in | 1 | 1 | 0 | POINT(1 1)\n"
              "out | 9 | 5 | 0 | POINT(20 20)\n"
              "plot | 1 | 1 | 0 | POLYGON((8 8,14 8,14 14,8 14,8 8))\n"
              "road | 2 | 1 | 0 | LINESTRING(0 2,12 2)\n"
              "two | 2 | 1 | 0 | POINT(7 5)\n");
    both_given_plain(2263, "('foot', 1, 'POINT(0 0)'), ('far', 2, 'POINT(0 100)')");
    both_beside(zone_columns, 3, "(1, 'a', 'POINT(10 0)'), (2, 'b', 'POINT(0 9)')");
    /* 9 US survey feet are 2.743 metres. */
    assert_both_give("join: {role: zones, predicate: nearest, max_distance: 3, columns: [id], distance_column: far}", BOTH, 0,
              "far | 2 | - | - | POINT(0 100)\n"
              "foot | 1 | 2 | 2.74320549 | POINT(0 0)\n");
}

static void test_geometries_are_cut_at_another_tables_areas(void **state)
{
    (void)state;
    assert_both_give("clip: {role: zones}", BOTH, 1e-9,
              "edge | 3 | POINT(10 0)\n"
              "in | 1 | POINT(1 1)\n"
              "none | - | -\n"
              "plot | 1 | POLYGON((14 8,8 8,8 10,10 10,14 10,14 8))\n"
              "road | 2 | LINESTRING(0 2,12 2)\n"
              "two | 2 | POINT(7 5)\n");
    assert_int_equal(assert_both_agree("clip: {role: zones, outside: keep}", 1e-9), 8);
}

static void test_rows_of_another_table_are_added_by_the_names_of_columns(void **state)
{
    (void)state;
    both_given_plain(25833, "('a', 1, 'POINT(1 1)')");
    both_beside(zone_columns, 3, "(7, 'b', 'POINT(2 2)')");
    assert_both_give("union: {roles: [zones], source_column: origin}", BOTH, 0,
              "a | 1 | - | - | POINT(1 1)\n"
              "b | - | 7 | zones | POINT(2 2)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_columns_are_joined_by_value_and_get_names_of_their_own, given),
        cmocka_unit_test_setup(test_rows_are_joined_by_place, given),
        cmocka_unit_test_setup(test_of_several_the_one_with_the_most_in_common_is_taken, given),
        cmocka_unit_test_setup(test_the_nearest_within_a_distance_is_taken_with_how_far_it_is, given),
        cmocka_unit_test_setup(test_geometries_are_cut_at_another_tables_areas, given),
        cmocka_unit_test_setup(test_rows_of_another_table_are_added_by_the_names_of_columns, given),
    };
    return cmocka_run_group_tests(tests, both_open, both_close);
}

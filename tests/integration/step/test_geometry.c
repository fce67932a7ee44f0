/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that are about the geometry, on both engines; distances are in the units of each table's CRS. */
#include "both.h"

/* What every step of the geometry has to live with. */
#define MIXED                                                                                                          \
    "('a line', 1, 'LINESTRING(0 0,5 0.1,10 0)'), ('b small', 2, 'POLYGON((0 0,0 1,1 1,1 0,0 0))'), ('c null', 3, NULL),"   \
    "('d empty', 4, 'POLYGON EMPTY'), ('e point', 5, 'POINT(1 2)'), ('f z', 6, 'LINESTRING Z (0 0 1,5 0 2,10 0 3)'),"      \
    "('g zm', 7, 'POINT ZM (3 4 5 6)'), ('h hole', 8, 'POLYGON((0 0,9 0,9 9,0 9,0 0),(1 1,1 2,2 2,2 1,1 1))'),"            \
    "('i mixed', 9, 'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,5 0.1,10 0))'), ('j none', 10, 'GEOMETRYCOLLECTION EMPTY'),"  \
    "('k multi', 11, 'MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))'),"                                         \
    "('~curve', 12, 'CURVEPOLYGON(CIRCULARSTRING(0 0,2 2,4 0,2 -2,0 0))')"

static void test_steps_without_options_agree_on_mixed_geometries(void **state)
{
    (void)state;
    both_given_plain(25833, MIXED);
    assert_int_equal(assert_both_agree("promote_multi: {}", 0), 11);
    assert_int_equal(assert_both_agree("swap_xy: {}", 0), 11);
    assert_int_equal(assert_both_agree("make_valid: {}", 0), 11);
    assert_int_equal(assert_both_agree("simplify: {tolerance: 3}", 3), 11);
    assert_int_equal(assert_both_agree("simplify: {tolerance: 0.2, preserve_topology: false}", 0.2), 11);
    assert_int_equal(assert_both_agree("centroid: {}", 1e-9), 11);
    assert_int_equal(assert_both_agree("reduce_precision: {size: 1}", 1e-9), 11);
    assert_int_equal(assert_both_agree("filter: {where: \"{{geom}} IS NULL OR NOT ST_IsEmpty({{geom}})\"}", 0), 9);
    assert_int_equal(assert_both_agree("select: {columns: [name]}", 0), 11);
    assert_int_equal(assert_both_agree("sql: {select: \"SELECT name, {{geom}} FROM {{input}} WHERE ST_Area({{geom}}) > 1\"}", 0), 1);
}

static void test_promote_swap_and_centroid_give_what_is_written_out(void **state)
{
    (void)state;
    both_given_plain(4326, "('a', 1, 'POINT EMPTY'), ('b', 2, 'LINESTRING ZM (1 2 3 4,5 6 7 8)'), ('c', 3, NULL),"
                           "('d', 4, 'POLYGON((0 0,4 0,4 4,3 4,3 1,0 1,0 0))'), ('~c', 5, 'CIRCULARSTRING(0 0,1 1,2 0)')");
    assert_both_give("promote_multi: {}", BOTH, 0,
              "a | 1 | MULTIPOINT EMPTY\nb | 2 | MULTILINESTRING ZM ((1 2 3 4,5 6 7 8))\nc | 3 | -\n"
              "d | 4 | MULTIPOLYGON(((0 0,4 0,4 4,3 4,3 1,0 1,0 0)))\n~c | 5 | MULTICURVE(CIRCULARSTRING(0 0,1 1,2 0))\n");
    assert_both_give("swap_xy: {}", BOTH, 0,
              "a | 1 | POINT EMPTY\nb | 2 | LINESTRING ZM (2 1 3 4,6 5 7 8)\nc | 3 | -\n"
              "d | 4 | POLYGON((0 0,0 4,4 4,4 3,1 3,1 0,0 0))\n~c | 5 | CIRCULARSTRING(0 0,1 1,0 2)\n");
    assert_both_give("centroid: {}", BOTH, 1e-9,
              "a | 1 | POINT EMPTY\nb | 2 | POINT(3 4)\nc | 3 | -\nd | 4 | POINT(2.64286 1.35714)\n~c | 5 | POINT(1 0.63649)\n");
    /* Which point it is, is the library's choice; that it lies on the surface is checked. */
    assert_int_equal(assert_both_agree("centroid: {method: point_on_surface}", 4), 4);
}

static void test_normalize_crs_is_the_same_on_both_to_a_nanometre(void **state)
{
    (void)state;
    both_given_plain(25833, "('a', 1, 'POINT(392000 5820000)'), ('b', 2, NULL), ('c', 3, 'POINT EMPTY'),"
                            "('d', 4, 'POLYGON Z ((392000 5820000 30,393000 5820000 30,393000 5821000 31,392000 5820000 30))')");
    assert_both_give("normalize_crs: {to: \"EPSG:4326\"}", BOTH, 1e-13,
              "a | 1 | POINT(13.40828 52.5194)\nb | 2 | -\nc | 3 | POINT EMPTY\nd | 4 | POLYGON Z ((13.40828 52.5194 30,"
              "13.42301 52.51959 30,13.42269 52.52858 31,13.40828 52.5194 30))\n");
    assert_int_equal(assert_both_agree("normalize_crs: {to: \"EPSG:3857\"}", 1e-6), 4);
    assert_int_equal(assert_both_agree("normalize_crs: {to: \"EPSG:25833\"}", 0), 4);
}

static void test_snap_to_grid_keeps_what_collapses(void **state)
{
    (void)state;
    both_given_plain(25833, "('a', 1, 'LINESTRING(0.4 0.4,1.6 1.6)'), ('b', 2, 'POLYGON((0 0,0.1 0,0.1 0.1,0 0))'), ('c', 3, NULL),"
                            "('d', 4, 'POINT ZM (0.6 0.6 0.6 0.6)'), ('e', 5, 'POLYGON EMPTY')");
    assert_both_give("snap_to_grid: {size: 1}", ONLY_POSTGIS, 0,
              "a | 1 | LINESTRING(0 0,2 2)\nb | 2 | POLYGON((0 0,0.1 0,0.1 0.1,0 0))\nc | 3 | -\nd | 4 | POINT ZM (1 1 0.6 0.6)\n"
              "e | 5 | POLYGON EMPTY\n");
    assert_both_give("reduce_precision: {size: 1}", BOTH, 0,
              "a | 1 | LINESTRING(0 0,2 2)\nb | 2 | POLYGON EMPTY\nc | 3 | -\nd | 4 | POINT Z (1 1 0.6)\ne | 5 | POLYGON EMPTY\n");
}

static void test_buffer_in_metres_is_that_far_on_the_ground(void **state)
{
    (void)state;
    both_given_plain(4326, "('a', 1, 'POINT(13.4 52.5)'), ('b', 2, 'LINESTRING(13.4 52.5,13.5 52.6)'), ('c', 3, NULL),"
                           "('d', 4, 'POINT EMPTY'), ('e', 5, 'POINT(179.999 -16)'), ('f', 6, 'POLYGON((13 52,14 52,14 53,13 53,13 52))'),"
                           "('g', 7, 'POINT ZM (0 0 1 2)'), ('~c', 8, 'CIRCULARSTRING(0 0,0.01 0.01,0.02 0)')");
    assert_int_equal(assert_both_agree("buffer: {distance: 1000}", 1e-8), 7);
    assert_int_equal(assert_both_agree("buffer: {distance: -500, segments: 2}", 1e-8), 7);
    assert_int_equal(assert_both_agree("buffer: {distance: 100, cap: flat, join: bevel}", 1e-8), 7);
}

static void test_buffer_over_the_antimeridian_stays_in_one_piece(void **state)
{
    (void)state;
    both_given_plain(4326, "('e', 5, 'POINT(180 0)')");
    assert_both_give("buffer: {distance: 111319.49079327358, segments: 1}", BOTH, 1e-8,
              "e | 5 | POLYGON((181 0,180 -1.00674,179 0,180 1.00674,181 0))\n");
}

static void test_buffer_in_units_of_the_crs(void **state)
{
    (void)state;
    both_given_plain(25833, MIXED);
    assert_int_equal(assert_both_agree("buffer: {distance: 1, unit: crs}", 1e-9), 11);
    assert_int_equal(assert_both_agree("buffer: {distance: 1, unit: crs, cap: square, join: mitre, mitre_limit: 2}", 1e-9), 11);
    assert_int_equal(assert_both_agree("buffer: {distance: 10}", 0.01), 11);
    both_given_plain(25833, "('a', 1, 'LINESTRING(0 0,10 0)'), ('b', 2, NULL)");
    assert_both_give("buffer: {distance: 1, unit: crs, side: left}", ONLY_POSTGIS, 0, "a | 1 | POLYGON((10 0,0 0,0 1,10 1,10 0))\nb | 2 | -\n");
    assert_both_give("buffer: {distance: 1, unit: crs, cap: flat}", BOTH, 0, "a | 1 | POLYGON((10 1,10 -1,0 -1,0 1,10 1))\nb | 2 | -\n");
}

static void test_clip_cuts_drops_and_keeps(void **state)
{
    (void)state;
    both_given_plain(25833, "('a cut', 1, 'LINESTRING(-5 5,15 5)'), ('b in', 2, 'POINT ZM (5 5 1 2)'), ('c null', 3, NULL),"
                            "('d empty', 4, 'POLYGON EMPTY'), ('e out', 5, 'POINT(50 50)'), ('f touch', 6, 'POLYGON((10 0,20 0,20 10,10 10,10 0))'),"
                            "('g two', 7, 'POLYGON((8 -1,12 -1,12 11,8 11,8 8,11 8,11 2,8 2,8 -1))'),"
                            "('h mixed', 8, 'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(5 5,15 5))'), ('~c', 9, 'CIRCULARSTRING(4 4,5 5,6 4)')");
    assert_both_give("clip: {bounds: [0, 0, 10, 10]}", BOTH, 0,
              "a cut | 1 | LINESTRING(0 5,10 5)\nb in | 2 | POINT ZM (5 5 1 2)\nc null | 3 | -\n"
              "g two | 7 | MULTIPOLYGON(((8 8,8 10,10 10,10 8,8 8)),((8 2,10 2,10 0,8 0,8 2)))\n"
              "h mixed | 8 | GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(5 5,10 5))\n~c | 9 | CIRCULARSTRING(4 4,5 5,6 4)\n");
    assert_both_give("clip: {bounds: [0, 0, 6, 10], outside: keep}", BOTH, 0,
              "a cut | 1 | LINESTRING(0 5,6 5)\nb in | 2 | POINT ZM (5 5 1 2)\nc null | 3 | -\nd empty | 4 | POLYGON EMPTY\n"
              "e out | 5 | POINT EMPTY\nf touch | 6 | POLYGON EMPTY\ng two | 7 | POLYGON EMPTY\n"
              "h mixed | 8 | GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(5 5,6 5))\n~c | 9 | CIRCULARSTRING(4 4,5 5,6 4)\n");
}

static void test_clip_and_in_bounds_with_bounds_in_another_crs(void **state)
{
    (void)state;
    both_given_plain(25833, "('a', 1, 'POINT(392000 5820000)'), ('b', 2, 'POINT(292000 5820000)'), ('c', 3, NULL),"
                            "('d', 4, 'LINESTRING(292000 5820000,392000 5820000)')");
    assert_both_give("clip: {bounds: [13, 52, 14, 53], crs: \"EPSG:4326\"}", BOTH, 1e-6,
              "a | 1 | POINT(392000 5820000)\nc | 3 | -\nd | 4 | LINESTRING(364281.65181 5820000,392000 5820000)\n");
    assert_both_break("in_bounds: {bounds: [13, 52, 14, 53], crs: \"EPSG:4326\"}", 2);
    assert_both_break("in_bounds: {bounds: [300000, 0, 400000, 6000000]}", 2);
    both_given_plain(4326, "('a', 1, 'POINT(179 0)'), ('b', 2, 'POINT(-179 0)'), ('c', 3, 'POINT(0 0)'), ('d', 4, NULL), ('e', 5, 'POINT EMPTY')");
    assert_both_break("in_bounds: {bounds: [170, -10, -170, 10]}", 1);
    assert_both_give("clip: {bounds: [170, -10, -170, 10], crs: \"EPSG:4326\"}", BOTH, 0, "a | 1 | POINT(179 0)\nb | 2 | POINT(-179 0)\nd | 4 | -\n");
}

static void test_measure_is_geodesic_and_blind_to_the_projection(void **state)
{
    (void)state;
    /* geographiclib: 1° x 1° at 13 E 52 N has 7,556,565,706.23 m²; 10° of the equator are 1,113,194.91 m. */
    both_given_plain(4326, "('a', 1, 'POLYGON((13 52,14 52,14 53,13 53,13 52))'), ('b', 2, 'LINESTRING(0 0,10 0)'), ('c', 3, NULL),"
                           "('d', 4, 'POLYGON EMPTY'), ('e', 5, 'POINT(1 1)'),"
                           "('f', 6, 'POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,1 2,2 2,2 1,1 1))'), ('g', 7, 'POLYGON((13 52,13 53,14 53,14 52,13 52))')");
    assert_both_give("measure: {area: m2, length: \"order\", perimeter: Perimeter}", BOTH, 0,
              "a | 1 | 7.55656571e+09 | 0 | 358367.809 | POLYGON((13 52,14 52,14 53,13 53,13 52))\n"
              "b | 2 | 0 | 1113194.91 | 0 | LINESTRING(0 0,10 0)\nc | 3 | - | - | - | -\nd | 4 | 0 | 0 | 0 | POLYGON EMPTY\n"
              "e | 5 | 0 | 0 | 0 | POINT(1 1)\n"
              "f | 6 | 1.21557206e+12 | 0 | 4864961.04 | POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,1 2,2 2,2 1,1 1))\n"
              "g | 7 | 7.55656571e+09 | 0 | 358367.809 | POLYGON((13 52,13 53,14 53,14 52,13 52))\n");
    both_given_plain(3857, "('a', 1, 'LINESTRING(0 0,1113194.9079327357 0)'), ('b', 2, 'LINESTRING(0 8399737.889818,1000 8399737.889818)')");
    assert_both_give("measure: {length: m}", BOTH, 0, "a | 1 | 1113194.91 | LINESTRING(0 0,1113194.90793 0)\n"
                                               "b | 2 | 501.259942 | LINESTRING(0 8399737.88982,1000 8399737.88982)\n");
}

static void test_geohash_names_the_cell(void **state)
{
    (void)state;
    /* geohash.org: 57.64911 N 10.40744 E is u4pruydqqvj; the poles and the edges are the ends of its alphabet. */
    both_given_plain(4326, "('a', 1, 'POINT(10.40744 57.64911)'), ('b', 2, NULL), ('c', 3, 'POINT EMPTY'), ('d', 4, 'POINT(180 90)'),"
                           "('e', 5, 'POINT(-180 -80)'), ('f', 6, 'POINT(370.40744 57.64911)'), ('g', 7, 'POINT(0 91)'),"
                           "('h', 8, 'POLYGON((10.4 57.6,10.41488 57.6,10.41488 57.69822,10.4 57.69822,10.4 57.6))')");
    assert_both_give("geohash: {precision: 11}", BOTH, 0,
              "a | 1 | u4pruydqqvj | POINT(10.40744 57.64911)\nb | 2 | - | -\nc | 3 | - | POINT EMPTY\nd | 4 | bpbpbpbpbpb | POINT(180 90)\n"
              "e | 5 | 01b0bh2n0p0 | POINT(-180 -80)\nf | 6 | u4pruydqqvj | POINT(370.40744 57.64911)\ng | 7 | - | POINT(0 91)\n"
              "h | 8 | u4pruydqqvj | POLYGON((10.4 57.6,10.41488 57.6,10.41488 57.69822,10.4 57.69822,10.4 57.6))\n");
    both_given_plain(3857, "('a', 1, 'POINT(1158550.9 7893964.9)')");
    assert_both_give("geohash: {column: cell, precision: 5}", BOTH, 0, "a | 1 | u4pru | POINT(1158550.9 7893964.9)\n");
}

static void test_dissolve_unites_and_aggregates(void **state)
{
    (void)state;
    static struct sl_column columns[] = {{.name = "group", .type = "text"}, {.name = "n", .type = "integer"},
                                         {.name = "x", .type = "double precision"}, {.name = "t", .type = "text"},
                                         {.name = "geom", .type = "geometry", .geometry = true}};
    both_given(columns, 5, 25833,
               "('a', 1, 0.5, 'x', 'POLYGON((0 0,1 0,1 1,0 1,0 0))'), ('a', 2, 0.25, 'y', 'POLYGON((1 0,2 0,2 1,1 1,1 0))'),"
               "('a', NULL, NULL, 'x', NULL), ('b', 5, 1.5, NULL, NULL), (NULL, 7, 2.5, 'z', 'POINT(0 0)'), (NULL, 8, 2.5, 'a', 'POINT(1 1)'),"
               "('c', 1, 1.0, 'x', 'POLYGON EMPTY')");
    assert_both_give("dissolve: {by: [group], aggregates: {n: sum, x: mean, t: list}, count_column: parts, separator: \"+\"}", BOTH, 0,
              "- | 15 | 2.5 | a+z | 2 | MULTIPOINT((0 0),(1 1))\na | 3 | 0.375 | x+y | 3 | POLYGON((0 0,0 1,1 1,2 1,2 0,1 0,0 0))\n"
              "b | 5 | 1.5 | - | 1 | -\nc | 1 | 1 | x | 1 | POLYGON EMPTY\n");
    assert_both_give("dissolve: {by: [group], aggregates: {n: max, x: min, t: first}}", BOTH, 0,
              "- | 8 | 2.5 | z | MULTIPOINT((0 0),(1 1))\na | 2 | 0.25 | x | POLYGON((0 0,0 1,1 1,2 1,2 0,1 0,0 0))\n"
              "b | 5 | 1.5 | - | -\nc | 1 | 1 | x | POLYGON EMPTY\n");
    assert_both_give("dissolve: {aggregates: {n: count}, count_column: n_rows}", BOTH, 0,
              "6 | 7 | POLYGON((0 0,0 1,1 1,2 1,2 0,1 0,0 0))\n");
    both_given(columns, 5, 25833, "('a', 1, 0.5, 'x', NULL)");
    assert_both_give("filter: {where: \"false\"}", BOTH, 0, "");
}

static void test_sort_puts_rows_in_order(void **state)
{
    (void)state;
    both_given_plain(4326, MIXED);
    assert_int_equal(assert_both_agree("sort: {columns: [name], descending: [name], nulls: first}", 0), 11);
    assert_int_equal(assert_both_agree("sort: {hilbert: true}", 0), 11);
}

static void test_wrap_dateline_cuts_what_goes_over_and_nothing_else(void **state)
{
    (void)state;
    both_given_plain(4326, "('a beyond', 1, 'POLYGON((170 0,190 0,190 10,170 10,170 0))'), ('b jump', 2, 'POLYGON((170 0,-170 0,-170 10,170 10,170 0))'),"
                           "('c null', 3, NULL), ('d empty', 4, 'POLYGON EMPTY'), ('e in', 5, 'LINESTRING(-100 0,0 0,100 5)'),"
                           "('f world', 6, 'POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))'), ('g point', 7, 'POINT(190 5)'),"
                           "('h line', 8, 'LINESTRING(179 0,-179 2)'), ('i west', 9, 'LINESTRING(-170 0,-190 0)'), ('j edge', 10, 'POINT(180 0)'),"
                           "('k z', 11, 'LINESTRING Z (179 0 1,-179 2 3)')");
    assert_both_give("wrap_dateline: {}", ONLY_POSTGIS, 0,
              "a beyond | 1 | MULTIPOLYGON(((-170 10,-170 0,-180 0,-180 10,-170 10)),((170 0,170 10,180 10,180 0,170 0)))\n"
              "b jump | 2 | MULTIPOLYGON(((-170 10,-170 0,-180 0,-180 10,-170 10)),((170 0,170 10,180 10,180 0,170 0)))\n"
              "c null | 3 | -\nd empty | 4 | POLYGON EMPTY\ne in | 5 | LINESTRING(-100 0,0 0,100 5)\n"
              "f world | 6 | POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))\ng point | 7 | POINT(-170 5)\n"
              "h line | 8 | MULTILINESTRING((179 0,180 1),(-180 1,-179 2))\ni west | 9 | MULTILINESTRING((-170 0,-180 0),(180 0,170 0))\n"
              "j edge | 10 | POINT(180 0)\nk z | 11 | MULTILINESTRING Z ((179 0 1,180 1 2),(-180 1 2,-179 2 3))\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_without_options_agree_on_mixed_geometries),
        cmocka_unit_test(test_promote_swap_and_centroid_give_what_is_written_out),
        cmocka_unit_test(test_normalize_crs_is_the_same_on_both_to_a_nanometre),
        cmocka_unit_test(test_snap_to_grid_keeps_what_collapses),
        cmocka_unit_test(test_buffer_in_metres_is_that_far_on_the_ground),
        cmocka_unit_test(test_buffer_over_the_antimeridian_stays_in_one_piece),
        cmocka_unit_test(test_buffer_in_units_of_the_crs),
        cmocka_unit_test(test_clip_cuts_drops_and_keeps),
        cmocka_unit_test(test_clip_and_in_bounds_with_bounds_in_another_crs),
        cmocka_unit_test(test_measure_is_geodesic_and_blind_to_the_projection),
        cmocka_unit_test(test_geohash_names_the_cell),
        cmocka_unit_test(test_dissolve_unites_and_aggregates),
        cmocka_unit_test(test_sort_puts_rows_in_order),
        cmocka_unit_test(test_wrap_dateline_cuts_what_goes_over_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, both_open, both_close);
}

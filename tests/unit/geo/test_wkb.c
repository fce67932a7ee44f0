/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <ogr_api.h>

#include "geo/wkb.h"

static size_t wkb_of(const char *wkt, int big_endian, unsigned char *out, size_t out_bytes)
{
    char text[512], *p = text;
    OGRGeometryH g = NULL;
    snprintf(text, sizeof text, "%s", wkt);
    assert_int_equal(OGR_G_CreateFromWkt(&p, NULL, &g), OGRERR_NONE);
    size_t n = (size_t)OGR_G_WkbSize(g);
    assert_true(n <= out_bytes);
    OGR_G_ExportToIsoWkb(g, big_endian ? wkbXDR : wkbNDR, out);
    OGR_G_DestroyGeometry(g);
    return n;
}

static const char *const shapes[] = {
    "POINT (10 20)",
    "LINESTRING Z (10 20 1,11 25 2)",
    "POLYGON ((10 20,30 20,30 40,10 20),(12 21,13 21,13 22,12 21))",
    "MULTIPOINT M ((10 20 1),(11 21 2))",
    "MULTIPOLYGON ZM (((10 20 1 2,30 20 1 2,30 40 1 2,10 20 1 2)))",
    "GEOMETRYCOLLECTION (POINT (10 20),GEOMETRYCOLLECTION (LINESTRING (11 21,12 22)))",
};

static void whole_geometries_pass_in_both_byte_orders(void **state)
{
    (void)state;
    unsigned char wkb[512];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        for (int big = 0; big < 2; big++) {
            struct sl_wkb_box box;
            size_t n = wkb_of(shapes[i], big, wkb, sizeof wkb);
            assert_null(sl_wkb_walk(wkb, n, &box));
            assert_true(box.any);
            assert_true(box.xmin > 9.999 && box.xmin < 10.001 && box.ymin > 19.999 && box.ymin < 20.001);
        }
    }
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    unsigned char wkb[512];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = wkb_of(shapes[i], 0, wkb, sizeof wkb);
        for (size_t cut = 0; cut < n; cut++) {
            unsigned char *exact = malloc(cut ? cut : 1); /* so that reading past it is seen */
            memcpy(exact, wkb, cut);
            assert_non_null(sl_wkb_walk(exact, cut, NULL));
            free(exact);
        }
        assert_non_null(sl_wkb_walk(wkb, n + 1, NULL));
    }
}

static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    unsigned char wkb[512];
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        size_t n = wkb_of(shapes[round % 6], round & 1, wkb, sizeof wkb);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1103515245u + 12345u;
            wkb[(seed >> 8) % n] = (unsigned char)(seed >> 24);
        }
        struct sl_wkb_box box = {0};
        if (!sl_wkb_walk(wkb, n, &box) && box.any)
            assert_true(box.xmin <= box.xmax && box.ymin <= box.ymax);
    }
}

static void open_rings_and_short_lines_are_named(void **state)
{
    (void)state;
    unsigned char wkb[512];
    size_t n = wkb_of("POLYGON ((0 0,1 0,1 1,0 1))", 0, wkb, sizeof wkb);
    assert_string_equal(sl_wkb_walk(wkb, n, NULL), "a ring is not closed");
    n = wkb_of("POLYGON ((0 0,1 0,0 0))", 0, wkb, sizeof wkb);
    assert_string_equal(sl_wkb_walk(wkb, n, NULL), "a ring has fewer than four points");
    n = wkb_of("LINESTRING (0 0)", 0, wkb, sizeof wkb);
    assert_string_equal(sl_wkb_walk(wkb, n, NULL), "a line has one point only");
}

static void empty_geometries_have_no_box(void **state)
{
    (void)state;
    static const char *const empties[] = {"POINT EMPTY", "LINESTRING EMPTY", "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY"};
    unsigned char wkb[128];
    for (size_t i = 0; i < 4; i++) {
        struct sl_wkb_box box;
        size_t n = wkb_of(empties[i], 0, wkb, sizeof wkb);
        assert_null(sl_wkb_walk(wkb, n, &box));
        assert_false(box.any);
    }
}

static void ewkb_with_an_srid_is_taken(void **state)
{
    (void)state;
    static const unsigned char point[] = {1, 1, 0, 0, 0x20, 0xE6, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0x40};
    struct sl_wkb_box box;
    assert_null(sl_wkb_walk(point, sizeof point, &box));
    assert_true(box.any && box.xmin > 0.9 && box.ymax > 1.9);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    enum { LEVELS = 1000, STEP = 9 };
    unsigned char *wkb = calloc(LEVELS, STEP);
    for (size_t i = 0; i < LEVELS; i++) {
        wkb[i * STEP] = 1;
        wkb[i * STEP + 1] = 7;
        wkb[i * STEP + 5] = i + 1 < LEVELS;
    }
    assert_string_equal(sl_wkb_walk(wkb, (size_t)LEVELS * STEP, NULL), "it is nested too deep");
    free(wkb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_geometries_pass_in_both_byte_orders),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(open_rings_and_short_lines_are_named),
        cmocka_unit_test(empty_geometries_have_no_box),
        cmocka_unit_test(ewkb_with_an_srid_is_taken),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

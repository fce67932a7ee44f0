/* SPDX-License-Identifier: Apache-2.0 */
/* Geometries drawn: what is inside, what is on the border, and bytes that are no geometry. */
#include "support/cm.h"

#include "lake/thumbnail/canvas.h"

enum { SIDE = 64 };

struct bytes {
    unsigned char data[4096];
    size_t n;
};

static void add(struct bytes *b, const void *value, size_t n)
{
    memcpy(b->data + b->n, value, n);
    b->n += n;
}

static void add_u32(struct bytes *b, uint32_t v)
{
    add(b, &v, sizeof v);
}

static void add_head(struct bytes *b, uint32_t type)
{
    const uint16_t one = 1;
    add(b, &one, 1); /* this machine's order */
    add_u32(b, type);
}

static void add_ring(struct bytes *b, double x0, double y0, double x1, double y1)
{
    const double ring[] = {x0, y0, x1, y0, x1, y1, x0, y1, x0, y0};
    add_u32(b, 5);
    add(b, ring, sizeof ring);
}

static struct bytes square_with_hole(void)
{
    struct bytes b = {.n = 0};
    add_head(&b, 3);
    add_u32(&b, 2);
    add_ring(&b, 0, 0, 100, 100);
    add_ring(&b, 30, 30, 70, 70);
    return b;
}

static struct sl_picture draw(const double bounds[4], const struct bytes *list, size_t n)
{
    struct sl_canvas *c = sl_canvas_new(bounds, SIDE);
    struct sl_picture p;
    for (size_t i = 0; i < n; i++)
        sl_canvas_draw(c, list[i].data, list[i].n);
    sl_canvas_picture(c, &p);
    sl_canvas_free(c);
    return p;
}

static int alpha(const struct sl_picture *p, int x, int y)
{
    return p->rgba[(y * p->width + x) * 4 + 3];
}

static void test_an_area_is_filled_but_for_its_hole(void **state)
{
    (void)state;
    struct bytes b = square_with_hole();
    struct sl_picture p = draw((double[4]){0, 0, 100, 100}, &b, 1);
    assert_int_equal(p.width, SIDE);
    assert_int_equal(p.height, SIDE);
    assert_int_equal(alpha(&p, 10, 10), 200);
    assert_int_equal(alpha(&p, 10, 32), 200);
    assert_int_equal(alpha(&p, 32, 32), 0);
    assert_int_equal(alpha(&p, 0, 0), 0);
    assert_true(alpha(&p, 2, 30) > 200); /* its border */
    free(p.rgba);
}

static void test_the_picture_has_the_shape_of_the_bounds(void **state)
{
    (void)state;
    struct sl_picture p = draw((double[4]){10, 50, 20, 51}, NULL, 0);
    assert_int_equal(p.width, SIDE);
    assert_int_equal(p.height, 10); /* 6 and the margins */
    free(p.rgba);
    p = draw((double[4]){5, 5, 5, 5}, NULL, 0);
    assert_int_equal(p.width, p.height);
    free(p.rgba);
}

static void test_a_single_point_is_a_dot_in_the_middle(void **state)
{
    (void)state;
    struct bytes b = {.n = 0};
    const double at[] = {13.5, 52.5};
    add_head(&b, 1);
    add(&b, at, sizeof at);
    struct sl_picture p = draw((double[4]){13.5, 52.5, 13.5, 52.5}, &b, 1);
    int drawn = 0;
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++)
            drawn += alpha(&p, x, y) > 0;
    assert_true(alpha(&p, p.width / 2, p.height / 2) > 0);
    assert_in_range(drawn, 2, 9);
    free(p.rgba);
}

static void test_the_order_of_the_rows_does_not_count(void **state)
{
    (void)state;
    const double bounds[4] = {0, 0, 120, 120};
    struct bytes b[2] = {square_with_hole(), {.n = 0}};
    const double line[] = {0, 120, 120, 0};
    add_head(&b[1], 2);
    add_u32(&b[1], 2);
    add(&b[1], line, sizeof line);
    struct sl_picture p = draw(bounds, b, 2);
    struct bytes turned[2] = {b[1], b[0]};
    struct sl_picture q = draw(bounds, turned, 2);
    assert_memory_equal(p.rgba, q.rgba, (size_t)(p.width * p.height * 4));
    free(p.rgba);
    free(q.rgba);
}

static void test_what_is_smaller_than_a_pixel_is_a_dot_by_its_box(void **state)
{
    (void)state;
    const double bounds[4] = {0, 0, 100000, 100000}, at[2] = {50000, 50000};
    struct bytes area = {.n = 0}, point = {.n = 0};
    add_head(&area, 3);
    add_u32(&area, 1);
    add_ring(&area, 50000, 50000, 50010, 50010);
    add_head(&point, 1);
    add(&point, at, sizeof at);
    const struct sl_wkb_box box = {50000, 50000, 50010, 50010, true}, none = {50000, 50000, 50000, 50000, true};
    struct sl_picture whole = draw(bounds, &area, 1), dots = draw(bounds, &point, 1), p, q;
    struct sl_canvas *c = sl_canvas_new(bounds, SIDE);
    sl_canvas_draw_within(c, &box, area.data, area.n);
    sl_canvas_picture(c, &p);
    assert_memory_equal(p.rgba, whole.rgba, (size_t)(p.width * p.height * 4));
    sl_canvas_draw_within(c, &none, point.data, point.n); /* a point is larger than its box */
    sl_canvas_picture(c, &q);
    assert_memory_equal(q.rgba, dots.rgba, (size_t)(q.width * q.height * 4));
    sl_canvas_free(c);
    free(p.rgba);
    free(q.rgba);
    free(whole.rgba);
    free(dots.rgba);
}

static void test_bytes_that_are_no_geometry_draw_at_most_a_part(void **state)
{
    (void)state;
    const double bounds[4] = {0, 0, 100, 100};
    struct bytes whole = square_with_hole();
    for (size_t n = 0; n < whole.n; n++) {
        /* In memory of its own length, so that a sanitizer sees a byte too many. */
        unsigned char *cut = malloc(n ? n : 1);
        struct sl_canvas *c = sl_canvas_new(bounds, SIDE);
        memcpy(cut, whole.data, n);
        sl_canvas_draw(c, cut, n);
        sl_canvas_free(c);
        free(cut);
    }
    for (size_t i = 0; i < whole.n; i++)
        for (unsigned v = 0; v < 256; v += 51) {
            struct bytes b = whole;
            b.data[i] = (unsigned char)v;
            struct sl_picture p = draw(bounds, &b, 1);
            free(p.rgba);
        }
    struct bytes deep = {.n = 0};
    for (int i = 0; i < 200; i++) {
        add_head(&deep, 7);
        add_u32(&deep, 1);
    }
    struct sl_picture p = draw(bounds, &deep, 1);
    free(p.rgba);
}

static void test_coordinates_beyond_all_measure_stay_in_the_picture(void **state)
{
    (void)state;
    const double far[] = {-1e308, 1e308, 1e308, -1e308, 1e308, 1e308, 0.0 / 1.0, 50, -1e308, 1e308};
    struct bytes b = {.n = 0};
    add_head(&b, 3);
    add_u32(&b, 1);
    add_u32(&b, 5);
    add(&b, far, sizeof far);
    struct sl_picture p = draw((double[4]){0, 0, 100, 100}, &b, 1);
    assert_int_equal(p.width, SIDE);
    free(p.rgba);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_area_is_filled_but_for_its_hole),
        cmocka_unit_test(test_the_picture_has_the_shape_of_the_bounds),
        cmocka_unit_test(test_a_single_point_is_a_dot_in_the_middle),
        cmocka_unit_test(test_the_order_of_the_rows_does_not_count),
        cmocka_unit_test(test_what_is_smaller_than_a_pixel_is_a_dot_by_its_box),
        cmocka_unit_test(test_bytes_that_are_no_geometry_draw_at_most_a_part),
        cmocka_unit_test(test_coordinates_beyond_all_measure_stay_in_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

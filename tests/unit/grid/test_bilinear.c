/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <math.h>
#include <stdlib.h>

#include "grid/bilinear.h"
#include "grid/layout.h"

enum { MOST = 4000 };

struct near_points {
    struct sl_grid_near items[MOST];
    size_t n;
};

/* A plane on longitude and latitude, which bilinear gives back exactly. */
static double plane(double lat, double lon)
{
    return 10 + 2 * lat + 0.5 * lon;
}

static void add(struct near_points *p, double lat, double lon, double value)
{
    assert_true(p->n < MOST);
    p->items[p->n++] = (struct sl_grid_near){lat, sl_grid_wrap(lon), value};
}

/* Rows and columns of `step` degrees from (lat, lon) on. */
static struct near_points axes(double lat, double lon, int rows, int columns, double step)
{
    struct near_points p = {.n = 0};
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            add(&p, lat + r * step, lon + c * step, plane(lat + r * step, lon + c * step));
    return p;
}

static void remove_point(struct near_points *p, double lat, double lon)
{
    size_t left = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].lat != lat || p->items[i].lon != sl_grid_wrap(lon))
            p->items[left++] = p->items[i];
    assert_int_not_equal(left, p->n);
    p->n = left;
}

static bool value_at(enum sl_grid_shape shape, const struct near_points *p, double lat, double lon, double *value)
{
    struct sl_grid_corner corners[4];
    double weights = 0;
    if (!sl_grid_cell_around(shape, p->items, p->n, lat, lon, corners))
        return false;
    *value = 0;
    for (int k = 0; k < 4; k++) {
        assert_true(corners[k].weight >= 0 && corners[k].weight <= 1);
        weights += corners[k].weight;
        *value += corners[k].weight * p->items[corners[k].point].value;
    }
    assert_true(fabs(weights - 1) < 1e-12);
    return true;
}

static void of_a_plane_the_value_is_the_plane(void **state)
{
    (void)state;
    struct near_points p = axes(50, 10, 9, 9, 0.25);
    double value = 0;
    assert_true(value_at(SL_GRID_AXES, &p, 50.9, 11.1, &value));
    assert_true(fabs(value - plane(50.9, 11.1)) < 1e-9);
    assert_true(value_at(SL_GRID_AXES, &p, 51, 11, &value)); /* on a point */
    assert_true(fabs(value - plane(51, 11)) < 1e-9);
    assert_true(value_at(SL_GRID_AXES, &p, 52, 12, &value)); /* on the last one */
    assert_true(fabs(value - plane(52, 12)) < 1e-9);
}

static void outside_of_the_grid_there_is_no_cell(void **state)
{
    (void)state;
    struct near_points p = axes(50, 10, 9, 9, 0.25);
    double value = 0;
    assert_false(value_at(SL_GRID_AXES, &p, 52.1, 11, &value));
    assert_false(value_at(SL_GRID_AXES, &p, 51, 9.9, &value));
    assert_false(value_at(SL_GRID_AXES, &(struct near_points){.n = 0}, 51, 9.9, &value));
}

static void no_farther_point_stands_in_for_a_missing_one(void **state)
{
    (void)state;
    double value = 0;
    struct near_points one = axes(50, 10, 9, 9, 0.25);
    remove_point(&one, 51, 11.25);
    assert_false(value_at(SL_GRID_AXES, &one, 50.9, 11.1, &value));
    struct near_points row = axes(50, 10, 9, 9, 0.25);
    for (int c = 0; c < 9; c++)
        remove_point(&row, 51, 10 + c * 0.25);
    assert_false(value_at(SL_GRID_AXES, &row, 50.9, 11.1, &value));
    assert_true(value_at(SL_GRID_AXES, &row, 50.6, 11.1, &value));
}

static void the_antimeridian_is_no_edge(void **state)
{
    (void)state;
    struct near_points p = {.n = 0};
    double value = 0;
    for (int r = 0; r < 5; r++)
        for (int c = -3; c < 4; c++)
            add(&p, r, 180 + c, 7 * r + c);
    assert_true(value_at(SL_GRID_AXES, &p, 2.5, 179.5, &value));
    assert_true(fabs(value - (17.5 - 0.5)) < 1e-9);
    assert_true(value_at(SL_GRID_AXES, &p, 2.5, -179.75, &value));
    assert_true(fabs(value - (17.5 + 0.25)) < 1e-9);
    assert_true(value_at(SL_GRID_AXES, &p, 2.5, 180.25, &value));
    assert_true(fabs(value - (17.5 + 0.25)) < 1e-9);
}

/* Rows up to 89.5: the pole lies in the middle of a cell whose other side is across it. */
static void over_the_pole_comes_the_row_on_the_other_side(void **state)
{
    (void)state;
    struct near_points p = {.n = 0};
    double value = 0;
    for (int sign = -1; sign < 2; sign += 2) {
        p.n = 0;
        for (int r = 0; r < 3; r++)
            for (int lon = -180; lon < 180; lon += 2)
                add(&p, sign * (87.5 + r), lon, lon == 0 || lon == 2 ? 10 : lon == 180 - 360 || lon == -178 ? 30 : -1);
        assert_true(value_at(SL_GRID_AXES, &p, sign * 90, 1, &value));
        assert_true(fabs(value - 20) < 1e-9);
        assert_true(value_at(SL_GRID_AXES, &p, sign * 89.75, 1, &value));
        assert_true(fabs(value - 15) < 1e-9);
    }
    struct near_points part = axes(87.5, 0, 3, 10, 1); /* a row that does not go around */
    assert_false(value_at(SL_GRID_AXES, &part, 89.75, 1.5, &value));
    struct near_points far = axes(60, -180, 3, 360, 1); /* the pole is not the next row */
    assert_false(value_at(SL_GRID_AXES, &far, 63, 1.5, &value));
}

/* A lattice turned by 30 degrees, 0.1 by 0.2 degrees wide near the equator. */
static struct near_points lattice(double lat, double lon)
{
    struct near_points p = {.n = 0};
    for (int i = -6; i <= 6; i++)
        for (int j = -6; j <= 6; j++) {
            double x = 0.1 * i, y = 0.2 * j;
            double north = lat + x * 0.5 + y * 0.8660254037844386, east = lon + x * 0.8660254037844386 - y * 0.5;
            add(&p, north, east, plane(north, east));
        }
    return p;
}

static void in_a_turned_lattice_the_cell_is_found(void **state)
{
    (void)state;
    struct near_points p = lattice(1, 20);
    double value = 0;
    for (int k = 0; k < 50; k++) {
        double lat = 1 + 0.3 * sin(k), lon = 20 + 0.3 * cos(3 * k);
        assert_true(value_at(SL_GRID_LATTICE, &p, lat, lon, &value));
        assert_true(fabs(value - plane(lat, lon)) < 1e-4); /* the plane is touched, not rolled off */
    }
    assert_false(value_at(SL_GRID_LATTICE, &p, 1, 23, &value));
}

static void a_lattice_with_a_hole_has_no_cell_there(void **state)
{
    (void)state;
    struct near_points p = lattice(1, 20);
    double value = 0;
    assert_true(value_at(SL_GRID_LATTICE, &p, 1.05, 20.01, &value));
    remove_point(&p, 1, 20);
    assert_false(value_at(SL_GRID_LATTICE, &p, 1.05, 20.01, &value));
}

static void what_has_no_lines_has_no_cells(void **state)
{
    (void)state;
    struct near_points p = axes(50, 10, 9, 9, 0.25);
    double value = 0;
    assert_int_equal(sl_grid_shape("reduced_gg"), SL_GRID_NO_CELLS);
    assert_int_equal(sl_grid_shape("unstructured"), SL_GRID_NO_CELLS);
    assert_int_equal(sl_grid_shape("regular_gg"), SL_GRID_AXES);
    assert_int_equal(sl_grid_shape("rotated_ll"), SL_GRID_LATTICE);
    assert_false(value_at(SL_GRID_NO_CELLS, &p, 50.9, 11.1, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_plane_the_value_is_the_plane),
        cmocka_unit_test(outside_of_the_grid_there_is_no_cell),
        cmocka_unit_test(no_farther_point_stands_in_for_a_missing_one),
        cmocka_unit_test(the_antimeridian_is_no_edge),
        cmocka_unit_test(over_the_pole_comes_the_row_on_the_other_side),
        cmocka_unit_test(in_a_turned_lattice_the_cell_is_found),
        cmocka_unit_test(a_lattice_with_a_hole_has_no_cell_there),
        cmocka_unit_test(what_has_no_lines_has_no_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

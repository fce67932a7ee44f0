/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid/layout.h"
#include "grid/sorted.h"

static void longitudes_are_wrapped_to_the_half_open_circle(void **state)
{
    (void)state;
    static const double pairs[][2] = {{0, 0},      {180, -180}, {-180, -180}, {359.75, -0.25},
                                      {540, -180}, {-190, 170}, {179.5, 179.5}, {720.25, 0.25}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_true(sl_grid_wrap(pairs[i][0]) == pairs[i][1]);
    double just_below = sl_grid_wrap(nextafter(-180.0, -200.0));
    assert_true(just_below >= -180.0 && just_below < 180.0);
}

static void poles_and_edges_have_cells(void **state)
{
    (void)state;
    assert_int_equal(sl_grid_cell(-90, -180), 0);
    assert_int_equal(sl_grid_cell(90, 179.999), SL_GRID_CELLS - 1);
    assert_int_equal(sl_grid_cell(90, 180), SL_GRID_CELLS - 360);
    assert_int_equal(sl_grid_cell(52.52, 13.40), 142 * 360 + 193);
    assert_int_equal(sl_grid_cell(-0.25, 359.75), 89 * 360 + 179);
}

static struct sl_grid_points global(double step, double *lats, double *lons)
{
    struct sl_grid_points p = {.type = "regular_ll", .n_rows = (size_t)(180 / step) + 1, .n_columns = (size_t)(360 / step)};
    for (size_t i = 0; i < p.n_rows; i++)
        lats[i] = 90 - (double)i * step;
    for (size_t i = 0; i < p.n_columns; i++)
        lons[i] = (double)i * step;
    p.lats = lats;
    p.lons = lons;
    p.n = p.n_rows * p.n_columns;
    return p;
}

static void the_order_is_a_permutation_that_rises_by_cell_latitude_longitude(void **state)
{
    (void)state;
    double lats[200], lons[800];
    struct sl_grid_points p = global(2.5, lats, lons);
    uint32_t *order = calloc(p.n, sizeof *order);
    char *seen = calloc(p.n, 1);
    sl_grid_order(&p, order);
    double lat_before = 0, lon_before = 0;
    for (size_t k = 0; k < p.n; k++) {
        double lat, lon;
        assert_true(order[k] < p.n && !seen[order[k]]);
        seen[order[k]] = 1;
        sl_grid_place(&p, order[k], &lat, &lon);
        if (k > 0) {
            int32_t before = sl_grid_cell(lat_before, lon_before), cell = sl_grid_cell(lat, lon);
            assert_true(before < cell ||
                        (before == cell && (lat_before < lat || (lat_before == lat && lon_before < lon))));
        }
        lat_before = lat;
        lon_before = lon;
    }
    free(order);
    free(seen);
}

static void axes_in_either_order_give_the_same_places(void **state)
{
    (void)state;
    const double lats[] = {10, 20, 30}, lons[] = {100, 190};
    struct sl_grid_points rows = {.n = 6, .lats = lats, .lons = lons, .n_rows = 3, .n_columns = 2}, columns = rows;
    columns.columns_first = true;
    double lat, lon;
    sl_grid_place(&rows, 3, &lat, &lon);
    assert_true(lat == 20 && lon == -170);
    sl_grid_place(&columns, 3, &lat, &lon);
    assert_true(lat == 10 && lon == -170);
}

/* Whatever lies within the radius lies in one of the ranges. */
static void neighbourhoods_leave_nothing_out(void **state)
{
    (void)state;
    static const double centres[][3] = {{52.52, 13.4, 0.5}, {0, 179.9, 2},   {-89.7, 10, 1}, {89.99, -180, 0.3},
                                        {70, -179.99, 5},   {0, 0, 95},      {-45, -0.01, 0.02}};
    double lats[200], lons[800];
    struct sl_grid_points p = global(2.5, lats, lons);
    for (size_t c = 0; c < sizeof centres / sizeof *centres; c++) {
        struct sl_grid_cell_range ranges[SL_GRID_RANGES_MAX];
        size_t n = sl_grid_cells_around(centres[c][0], centres[c][1], centres[c][2], ranges);
        assert_true(n > 0 && n <= SL_GRID_RANGES_MAX);
        for (int degrees = 0; degrees < 360; degrees += 5) { /* its edge, and all points of a grid */
            double b = degrees * M_PI / 180, r = centres[c][2] * 0.999999 * M_PI / 180, f = centres[c][0] * M_PI / 180;
            double lat = asin(sin(f) * cos(r) + cos(f) * sin(r) * cos(b));
            double lon = centres[c][1] * M_PI / 180 + atan2(sin(b) * sin(r) * cos(f), cos(r) - sin(f) * sin(lat));
            int32_t cell = sl_grid_cell(lat * 180 / M_PI, lon * 180 / M_PI);
            bool found = false;
            for (size_t i = 0; i < n; i++)
                found |= cell >= ranges[i].from && cell <= ranges[i].to;
            assert_true(found);
        }
        for (size_t i = 0; i < p.n; i++) {
            double lat, lon;
            sl_grid_place(&p, i, &lat, &lon);
            if (sl_grid_distance_deg(lat, lon, centres[c][0], centres[c][1]) > centres[c][2])
                continue;
            bool found = false;
            for (size_t k = 0; k < n; k++)
                found |= sl_grid_cell(lat, lon) >= ranges[k].from && sl_grid_cell(lat, lon) <= ranges[k].to;
            assert_true(found);
        }
    }
}

/* Rows of different lengths, odd and even ones, two of them in one degree. */
static struct sl_grid_points reduced(double *lats, uint32_t *starts)
{
    static const uint32_t counts[] = {1, 4, 19, 360, 361, 722, 725, 5};
    static const double at[] = {90, 89.2, 45.5, 10.75, 10.25, -0.25, -0.5, -90};
    enum { ROWS = sizeof counts / sizeof *counts };
    starts[0] = 0;
    for (size_t r = 0; r < ROWS; r++) {
        starts[r + 1] = starts[r] + counts[r];
        lats[r] = at[r];
    }
    return (struct sl_grid_points){.n = starts[ROWS], .lats = lats, .row_starts = starts, .n_reduced = ROWS};
}

static void the_places_of_a_reduced_grid_follow_from_its_rows(void **state)
{
    (void)state;
    double lats[8], lat, lon;
    uint32_t starts[9];
    struct sl_grid_points p = reduced(lats, starts);
    for (size_t r = 0, i = 0; r < 8; r++)
        for (uint32_t k = 0; k < starts[r + 1] - starts[r]; k++, i++) {
            sl_grid_place(&p, i, &lat, &lon);
            assert_true(lat == lats[r] && lon == sl_grid_wrap(k * 360.0 / (starts[r + 1] - starts[r])));
        }
}

static void a_reduced_grid_is_walked_in_the_order_of_the_stores(void **state)
{
    (void)state;
    double lats[8], lat, lon, wanted_lat, wanted_lon;
    uint32_t starts[9], order[4096];
    struct sl_grid_points p = reduced(lats, starts);
    struct sl_grid_walk walk = {0};
    size_t index;
    uint16_t cell;
    sl_grid_order(&p, order);
    for (int turn = 0; turn < 2; turn++) {
        sl_grid_walk_begin(&walk, &p);
        for (size_t k = 0; k < p.n; k++) {
            assert_true(sl_grid_walk_next(&walk, &p, &index, &lat, &lon, &cell));
            sl_grid_place(&p, order[k], &wanted_lat, &wanted_lon);
            assert_int_equal(index, order[k]);
            assert_true(lat == wanted_lat && lon == wanted_lon);
            assert_int_equal(cell, sl_grid_cell(lat, lon));
        }
        assert_false(sl_grid_walk_next(&walk, &p, &index, &lat, &lon, &cell));
    }
    sl_grid_walk_free(&walk);
}

static void degrees_are_whole_1e7ths_and_come_back(void **state)
{
    (void)state;
    assert_int_equal(sl_grid_e7(52.52), 525200000);
    assert_true(sl_grid_e7(52.52) / 1e7 == 52.52 && sl_grid_e7(-13.4) / 1e7 == -13.4);
    assert_int_equal(sl_grid_e7(179.99999999), -1800000000);
    assert_int_equal(sl_grid_e7(-90), -900000000);
    assert_true(fabs(sl_grid_e7(1.0 / 3) / 1e7 - 1.0 / 3) <= 5e-8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longitudes_are_wrapped_to_the_half_open_circle),
        cmocka_unit_test(poles_and_edges_have_cells),
        cmocka_unit_test(the_order_is_a_permutation_that_rises_by_cell_latitude_longitude),
        cmocka_unit_test(axes_in_either_order_give_the_same_places),
        cmocka_unit_test(neighbourhoods_leave_nothing_out),
        cmocka_unit_test(the_places_of_a_reduced_grid_follow_from_its_rows),
        cmocka_unit_test(a_reduced_grid_is_walked_in_the_order_of_the_stores),
        cmocka_unit_test(degrees_are_whole_1e7ths_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

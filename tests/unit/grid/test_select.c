/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <math.h>

#include "base/arena.h"
#include "grid/reader_internal.h"

static double *copy(const double *from, size_t n)
{
    double *to = sl_xmalloc(n * sizeof *to);
    memcpy(to, from, n * sizeof *to);
    return to;
}

static struct sl_grid__view *axes(bool columns_first, const struct sl_grid_select *select)
{
    static const double lats[] = {20, 10, 0}, lons[] = {0, 90, 180, 270};
    struct sl_grid__full full = {.lats = copy(lats, 3),
                                 .lons = copy(lons, 4),
                                 .n = 12,
                                 .n_rows = 3,
                                 .n_columns = 4,
                                 .columns_first = columns_first,
                                 .type = "regular_ll"};
    return sl_grid__view_new(&full, "definition", select);
}

static void an_area_over_the_antimeridian_keeps_its_columns_in_either_order(void **state)
{
    (void)state;
    const struct sl_grid_select select = {.has_area = true, .area = {100, 5, -80, 90}};
    for (int columns_first = 0; columns_first < 2; columns_first++) {
        struct sl_grid__view *v = axes(columns_first, &select);
        double values[12];
        size_t n_missing;
        for (size_t i = 0; i < 12; i++)
            values[i] = (double)(columns_first ? i % 3 * 10 + i / 3 : i / 4 * 10 + i % 4); /* row, column */
        values[columns_first ? 6 : 2] = NAN;                                               /* row 0, column 2 */
        sl_grid__view_apply(v, values, &n_missing);
        assert_int_equal(v->points.n, 4);
        assert_int_equal(n_missing, 1);
        for (size_t i = 0; i < 4; i++) {
            double lat, lon;
            sl_grid_place(&v->points, i, &lat, &lon);
            double expected = (lat == 20 ? 0 : 10) + (lon == -180 ? 2 : 3);
            assert_true(isnan(values[i]) ? lat == 20 && lon == -180 : values[i] == expected);
        }
        sl_grid__view_free(v);
    }
}

static void an_area_that_ends_at_the_antimeridian_has_it(void **state)
{
    (void)state;
    const struct sl_grid_select select = {.has_area = true, .area = {90, -90, 180, 90}};
    struct sl_grid__view *v = axes(false, &select);
    assert_int_equal(v->points.n_columns, 2);
    sl_grid__view_free(v);
}

static void the_identity_tells_selections_apart_and_all_of_a_grid_has_its_own(void **state)
{
    (void)state;
    const struct sl_grid_select none = {.every = 1}, second = {.every = 2}, third = {.every = 3};
    struct sl_grid__view *a = axes(false, &none), *b = axes(false, &second), *c = axes(false, &third);
    assert_string_equal(a->points.id, "definition");
    assert_string_not_equal(b->points.id, c->points.id);
    assert_true(a->points.dx == 90 && a->points.dy == 10 && b->points.dx == 180 && b->points.dy == 20);
    sl_grid__view_free(a);
    sl_grid__view_free(b);
    sl_grid__view_free(c);
}

static void points_without_a_place_go(void **state)
{
    (void)state;
    static const double lats[] = {1, NAN, 3}, lons[] = {4, 5, INFINITY};
    const struct sl_grid_select all = {.every = 0};
    struct sl_grid__full full = {.lats = copy(lats, 3), .lons = copy(lons, 3), .n = 3, .type = "curvilinear"};
    struct sl_grid__view *v = sl_grid__view_new(&full, "definition", &all);
    double values[] = {7, 8, 9};
    size_t n_missing;
    sl_grid__view_apply(v, values, &n_missing);
    assert_int_equal(v->points.n, 1);
    assert_true(values[0] == 7 && v->points.lats[0] == 1);
    sl_grid__view_free(v);
}

static void fields_are_wanted_by_either_name_number_level_member_and_step(void **state)
{
    (void)state;
    static const char *const by_name[] = {"t"}, *const by_kind[] = {"t[percentileValue=10]"}, *const by_id[] = {"130"},
                             *const other[] = {"u"};
    static const double levels[] = {0.07};
    static const int64_t members[] = {3}, steps[] = {900};
    const struct sl_grid_field f = {.variable = "t[percentileValue=10]",
                                    .param_id = 130,
                                    .level_type = "depth",
                                    .level = 7 / 100.0 + 1e-12,
                                    .member = 3,
                                    .step_to_s = 900};
    struct sl_grid_select s = {.n_variables = 1,
                               .level_type = "depth",
                               .levels = levels,
                               .n_levels = 1,
                               .members = members,
                               .n_members = 1,
                               .steps_s = steps,
                               .n_steps = 1};
    const char *const *const lists[] = {by_name, by_kind, by_id};
    for (size_t i = 0; i < 3; i++) {
        s.variables = lists[i];
        assert_true(sl_grid__wanted(&s, &f, "t"));
    }
    s.variables = other;
    assert_false(sl_grid__wanted(&s, &f, "t"));
    s.variables = by_name;
    s.level_type = "surface";
    assert_false(sl_grid__wanted(&s, &f, "t"));
}

static void the_grids_met_last_are_kept(void **state)
{
    (void)state;
    struct sl_grid__views views = {0};
    const struct sl_grid_select all = {.every = 0};
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 4; i++)
        sl_grid__views_add(&views, names[i], axes(false, &all));
    assert_non_null(sl_grid__views_find(&views, "a"));
    sl_grid__views_add(&views, "e", axes(false, &all));
    assert_null(sl_grid__views_find(&views, "b"));
    assert_non_null(sl_grid__views_find(&views, "a"));
    sl_grid__views_clear(&views);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_area_over_the_antimeridian_keeps_its_columns_in_either_order),
        cmocka_unit_test(an_area_that_ends_at_the_antimeridian_has_it),
        cmocka_unit_test(the_identity_tells_selections_apart_and_all_of_a_grid_has_its_own),
        cmocka_unit_test(points_without_a_place_go),
        cmocka_unit_test(fields_are_wanted_by_either_name_number_level_member_and_step),
        cmocka_unit_test(the_grids_met_last_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

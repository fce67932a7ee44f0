/* SPDX-License-Identifier: Apache-2.0 */
/* The inverse of transverse Mercator beside PROJ's, and what is left to PROJ. */
#include "support/cm.h"

#include <math.h>

#include "geo/duckdb/transverse.h"

static PJ_CONTEXT *ctx;

static int setup(void **state)
{
    (void)state;
    ctx = proj_context_create();
    proj_log_level(ctx, PJ_LOG_NONE);
    return ctx ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    proj_context_destroy(ctx);
    return 0;
}

/* The caller destroys it; *is: what sl_transverse_of says. */
static PJ *operation(const char *from, const char *to, struct sl_transverse *t, bool *is)
{
    PJ *source = proj_create(ctx, from), *target = proj_create(ctx, to);
    PJ *made = proj_create_crs_to_crs_from_pj(ctx, source, target, NULL, NULL);
    PJ *visual = proj_normalize_for_visualization(ctx, made);
    assert_non_null(visual);
    *is = sl_transverse_of(ctx, source, visual, t);
    proj_destroy(made);
    proj_destroy(source);
    proj_destroy(target);
    return visual;
}

static void degrees_are_those_of_proj(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        double fe, fn;
    } pairs[] = {{"EPSG:25833", "EPSG:4326", 500000, 0}, {"EPSG:32733", "EPSG:4326", 500000, 1e7},
                 {"EPSG:2193", "EPSG:4326", 1600000, 1e7}, {"EPSG:32601", "EPSG:4326", 500000, 0}};
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        struct sl_transverse t;
        bool is = false;
        PJ *pj = operation(pairs[p].from, pairs[p].to, &t, &is);
        assert_true(is);
        for (int i = -97; i <= 97; i++)
            for (int k = -89; k <= 89; k++) {
                double x = pairs[p].fe + i * 10007.5, y = pairs[p].fn + k * 100003.25;
                PJ_COORD c = proj_trans(pj, PJ_FWD, proj_coord(x, y, 0, 0));
                assert_true(sl_transverse_inverse(&t, &x, &y, 1));
                assert_true(fabs(x - c.xy.x) < 1e-12 && fabs(y - c.xy.y) < 1e-12);
            }
        proj_destroy(pj);
    }
}

static void other_operations_are_left_to_proj(void **state)
{
    (void)state;
    /* another projection; a change of datum; feet; another target; not from the equator; degrees */
    static const char *const pairs[][2] = {{"EPSG:2154", "EPSG:4326"},  {"EPSG:27700", "EPSG:4326"}, {"EPSG:31468", "EPSG:4326"},
                                           {"EPSG:2263", "EPSG:4326"},  {"EPSG:25833", "EPSG:3857"}, {"EPSG:2236", "EPSG:4326"},
                                           {"EPSG:28992", "EPSG:4326"}, {"EPSG:4258", "EPSG:25833"}, {"EPSG:2180", "EPSG:31468"}};
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        struct sl_transverse t;
        bool is = true;
        proj_destroy(operation(pairs[p][0], pairs[p][1], &t, &is));
        assert_false(is);
    }
}

static void what_is_out_of_reach_stays_as_it_is(void **state)
{
    (void)state;
    struct sl_transverse t;
    bool is = false;
    proj_destroy(operation("EPSG:25833", "EPSG:4326", &t, &is));
    assert_true(is);
    const double bad[][2] = {{500000 + 1.1e6, 5e6}, {500000, 1e7}, {NAN, 5e6}, {500000, NAN}, {INFINITY, 0}, {1e300, -1e300}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double x[] = {500000, bad[i][0]}, y[] = {5e6, bad[i][1]};
        assert_false(sl_transverse_inverse(&t, x, y, 2));
        assert_true(x[0] == 500000 && y[0] == 5e6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(degrees_are_those_of_proj),
        cmocka_unit_test(other_operations_are_left_to_proj),
        cmocka_unit_test(what_is_out_of_reach_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

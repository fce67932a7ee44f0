/* SPDX-License-Identifier: Apache-2.0 */
/* How a recipe's steps are cut into passes. */
#include "recipe_support.h"

#include "recipe/plan.h"

struct fixture {
    struct sl_arena *arena;
    struct sl_kinds kinds;
    struct sl_recipe_set *set;
    struct sl_bound_recipe bound;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = sl_arena_new();
    f->kinds = all_kinds();
    f->set = empty_set(&f->kinds);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sl_recipe_set_free(f->set);
    sl_arena_free(f->arena);
    free(f);
    return 0;
}

/* Each pass as letter, steps and table: "T0-2>processed S3". */
static const char *plan_of(struct fixture *f, const char *steps, bool materialize)
{
    static const char letters[] = {[SL_PASS_TABLE] = 'T', [SL_PASS_INDEX] = 'I', [SL_PASS_SKIP] = 'S'};
    const struct sl_recipe *recipe = recipe_of(f->set, f->arena, sl_arena_printf(f->arena, "steps:\n%s", steps));
    struct sl_plan plan;
    const char *text = "";
    assert_int_equal(sl_recipe_bind(recipe, &f->kinds, NULL, f->arena, &f->bound, NULL), 0);
    sl_plan_make(&f->bound, &(struct sl_plan_options){.materialize = materialize}, f->arena, &plan);
    size_t next = 0;
    for (size_t i = 0; i < plan.n; i++) {
        const struct sl_pass *p = &plan.passes[i];
        assert_int_equal(p->from, next);
        assert_true(p->to > p->from);
        assert_non_null(p->why);
        next = p->to;
        text = sl_arena_printf(f->arena, "%s%s%c%zu", text, *text ? " " : "", letters[p->kind], p->from);
        if (p->to > p->from + 1)
            text = sl_arena_printf(f->arena, "%s-%zu", text, p->to - 1);
        if (p->table)
            text = sl_arena_printf(f->arena, "%s>%s", text, p->table);
    }
    assert_int_equal(next, recipe->n_steps);
    assert_int_equal(plan.materialized, materialize);
    return text;
}

#define TO "  - normalize_crs: {to: \"EPSG:4326\"}\n"
#define SIMPLIFY "  - simplify: {tolerance: 1}\n"
#define FILTER "  - filter: {where: \"a > 1\"}\n"
#define EXPLODE "  - explode: {}\n"
#define RENAME "  - rename: {columns: {a: b}}\n"
#define ADD "  - add_column: {name: c, value: \"1\"}\n"
#define INDEX "  - spatial_index: {}\n"
#define SQL "  - sql: {select: \"SELECT * FROM {{input}}\"}\n"
#define SORT "  - sort: {columns: [a]}\n"
#define DEDUPE "  - dedupe: {columns: [a]}\n"

static void test_neighbours_that_change_each_row_for_itself_are_one_pass(void **state)
{
    assert_string_equal(plan_of(*state, TO SIMPLIFY, false), "T0-1>processed");
    assert_string_equal(plan_of(*state, TO RENAME ADD SIMPLIFY, false), "T0-3>processed");
}

static void test_a_step_of_the_authors_own_sql_stays_apart(void **state)
{
    assert_string_equal(plan_of(*state, TO SQL SIMPLIFY RENAME, false), "T0>step_0 T1>step_1 T2-3>processed");
}

static void test_what_needs_all_rows_stays_apart(void **state)
{
    assert_string_equal(plan_of(*state, TO SORT, false), "T0>step_0 T1>processed");
    assert_string_equal(plan_of(*state, RENAME DEDUPE SIMPLIFY, false), "T0>step_0 T1>step_1 T2>processed");
}

static void test_one_step_of_a_pass_may_change_the_number_of_rows(void **state)
{
    assert_string_equal(plan_of(*state, TO FILTER SIMPLIFY, false), "T0-2>processed");
    assert_string_equal(plan_of(*state, TO FILTER SIMPLIFY EXPLODE RENAME, false), "T0-2>step_2 T3-4>processed");
    assert_string_equal(plan_of(*state, FILTER FILTER, false), "T0>step_0 T1>processed");
}

static void test_an_index_is_made_only_for_a_query_that_may_use_it(void **state)
{
    assert_string_equal(plan_of(*state, TO INDEX, false), "T0>processed S1");
    assert_string_equal(plan_of(*state, TO INDEX SQL, false), "T0>step_0 I1 T2>processed");
    assert_string_equal(plan_of(*state, INDEX RENAME, false), "S0 T1>processed");
}

static void test_an_index_that_nothing_uses_parts_no_neighbours(void **state)
{
    assert_string_equal(plan_of(*state, TO INDEX SIMPLIFY INDEX, false), "T0-2>processed S3");
    assert_string_equal(plan_of(*state, TO INDEX FILTER, false), "T0>step_0 I1 T2>processed");
}

static void test_materialized_every_transform_has_a_table_and_every_index_is_made(void **state)
{
    assert_string_equal(plan_of(*state, TO INDEX SIMPLIFY FILTER INDEX, true),
                        "T0>step_0 I1 T2>step_2 T3>processed I4");
}

static void test_a_recipe_without_steps_has_no_pass(void **state)
{
    assert_string_equal(plan_of(*state, "  []\n", false), "");
}

static const char *engine_of(struct fixture *f, const char *rest, bool materialize)
{
    const struct sl_recipe *recipe = recipe_of(f->set, f->arena, rest);
    assert_int_equal(sl_recipe_bind(recipe, &f->kinds, NULL, f->arena, &f->bound, NULL), 0);
    return sl_plan_engine(&f->bound, &(struct sl_plan_options){.materialize = materialize});
}

static void test_a_plan_without_sql_needs_no_engine(void **state)
{
    assert_string_equal(engine_of(*state, "steps: []\n", false), "none");
    assert_string_equal(engine_of(*state, "steps:\n" INDEX, false), "none");
    assert_string_equal(engine_of(*state, "checks:\n  - not_empty: {}\n  - row_count: {min: 1}\n", false), "none");
    assert_string_equal(engine_of(*state, "steps:\n" RENAME, false), "postgis");
    assert_string_equal(engine_of(*state, "steps:\n" INDEX, true), "postgis");
    assert_string_equal(engine_of(*state, "checks:\n  - valid_geometry: {}\n", false), "postgis");
    assert_string_equal(engine_of(*state, "checks:\n  - not_null: {columns: [a], on_fail: quarantine}\n", false), "postgis");
    assert_string_equal(engine_of(*state, "inputs: merge\n", false), "postgis");
    assert_string_equal(engine_of(*state, "engine: duckdb\n", false), "duckdb");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_neighbours_that_change_each_row_for_itself_are_one_pass),
        CASE(test_a_step_of_the_authors_own_sql_stays_apart),
        CASE(test_what_needs_all_rows_stays_apart),
        CASE(test_one_step_of_a_pass_may_change_the_number_of_rows),
        CASE(test_an_index_is_made_only_for_a_query_that_may_use_it),
        CASE(test_an_index_that_nothing_uses_parts_no_neighbours),
        CASE(test_materialized_every_transform_has_a_table_and_every_index_is_made),
        CASE(test_a_recipe_without_steps_has_no_pass),
        CASE(test_a_plan_without_sql_needs_no_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

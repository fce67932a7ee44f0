/* SPDX-License-Identifier: Apache-2.0 */
/* The tests of a recipe, read; what is wrong with them is in tests/data/recipes/invalid. */
#include "recipe_support.h"

static const struct sl_recipe *tested(struct sl_recipe_set *set, struct sl_arena *arena, const char *path)
{
    struct sl_lints lints = {.arena = arena};
    const struct sl_recipe *recipe = NULL;
    assert_int_equal(sl_recipe_lint_file(set, path, &lints, &recipe, NULL), 0);
    assert_int_equal(lints.n, 0);
    assert_non_null(recipe);
    return recipe;
}

static void test_tests_are_read_from_the_recipe_and_from_the_file_beside_it(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    const struct sl_recipe *r = tested(set, arena, RECIPES "/valid/tested.yaml");
    assert_int_equal(r->n_tests, 4);
    const struct sl_recipe_test *t = &r->tests[0];
    assert_string_equal(t->name, "a hole in a test is plain text: ${nothing}");
    assert_string_equal(t->crs, "EPSG:25833");
    assert_int_equal(json_object_array_length(t->input), 1);
    assert_int_equal(json_object_array_length(t->expect), 1);
    assert_true(t->ordered);
    assert_true(t->tolerance == 0.5);
    assert_int_equal(t->rows, -1);
    assert_int_equal(t->columns.n, 1);
    assert_string_equal(t->columns.items[0], "name");
    assert_string_equal(t->warns, "not_empty");
    assert_null(t->fails);
    assert_int_equal(t->line, 10);
    assert_string_equal(r->tests[1].file, "rows/three.geojson");
    assert_null(r->tests[1].input);
    assert_string_equal(r->tests[1].crs, "EPSG:4326");
    assert_int_equal(sl_json_int(r->tests[1].dropped, "filter", 0), 2);
    assert_string_equal(r->tests[2].fails, "check.failed");
    assert_string_equal(r->tests[3].name, "one more beside it");
    assert_string_equal(r->tests[3].path, RECIPES "/valid/tested.tests.yaml");
    assert_int_equal(r->tests[3].rows, 0);
    sl_recipe_set_free(set);
    sl_arena_free(arena);
}

static void test_tests_have_no_part_in_the_hash(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    const struct sl_recipe *with = recipe_of(set, arena, "tests: [{name: a, input: [], rows: 0}]");
    const struct sl_recipe *without = recipe_of(set, arena, "");
    const struct sl_recipe *other = recipe_of(set, arena, "description: another");
    assert_string_equal(with->hash, without->hash);
    assert_string_not_equal(other->hash, without->hash);
    sl_recipe_set_free(set);
    sl_arena_free(arena);
}

static void test_a_folder_s_files_of_tests_are_no_recipes(void **state)
{
    (void)state;
    static const char *const folders[] = {RECIPES "/valid", NULL};
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = NULL;
    const struct sl_recipe *found = NULL;
    assert_int_equal(sl_recipe_set_load(folders, &kinds, &set, NULL), 0);
    assert_int_equal(sl_recipe_set_lints(set)->n, 0);
    assert_int_equal(sl_recipe_by_name(set, "tested", &found, NULL), 0);
    assert_int_equal(found->n_tests, 4);
    sl_recipe_set_free(set);
}

static void test_every_shipped_recipe_has_three_tests(void **state)
{
    (void)state;
    static const char *const folders[] = {SLUICE_SOURCE_DIR "/recipes", NULL};
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = NULL;
    assert_int_equal(sl_recipe_set_load(folders, &kinds, &set, NULL), 0);
    assert_true(sl_recipe_set_count(set) > 0);
    for (size_t i = 0; i < sl_recipe_set_count(set); i++) {
        const struct sl_recipe *r = sl_recipe_set_at(set, i);
        /* Fields are no tables: tests/integration/test_grid_ingest.py compares them with ecCodes' own. */
        if (r->n_tests < 3 && strcmp(r->type, "grid") != 0)
            fail_msg("%s has %zu tests", r->name, r->n_tests);
    }
    sl_recipe_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tests_are_read_from_the_recipe_and_from_the_file_beside_it),
        cmocka_unit_test(test_tests_have_no_part_in_the_hash),
        cmocka_unit_test(test_a_folder_s_files_of_tests_are_no_recipes),
        cmocka_unit_test(test_every_shipped_recipe_has_three_tests),
    };
    return cmocka_run_group_tests_name("recipe tests", tests, NULL, NULL);
}

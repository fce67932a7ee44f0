/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of recipes: folders, clashes, selection by intent, fallback and strict. */
#include "recipe_support.h"

struct fixture {
    struct sl_arena *arena;
    struct sl_kinds kinds;
    struct sl_recipe_set *set;
    const char *root, *own, *shipped;
    struct sl_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char root[] = "/tmp/recipe-set-XXXXXX";
    f->arena = sl_arena_new();
    f->kinds = all_kinds();
    f->root = sl_arena_strdup(f->arena, mkdtemp(root));
    f->own = sl_path_join(f->arena, f->root, "own");
    f->shipped = sl_path_join(f->arena, f->root, "shipped");
    *state = f;
    return sl_dir_make(f->own, 0700, NULL) | sl_dir_make(f->shipped, 0700, NULL);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sl_recipe_set_free(f->set);
    sl_dir_remove(f->root, NULL);
    sl_arena_free(f->arena);
    free(f);
    return 0;
}

static void recipe(struct fixture *f, const char *folder, const char *name, const char *intents, const char *type,
                   const char *more)
{
    const char *text = sl_arena_printf(f->arena, "apiVersion: sluice/v1\nkind: Recipe\nname: %s\nversion: 1\n"
                                                 "intents: [%s]\ntype: %s\n%s\noutputs:\n  - %s: {}\n",
                                       name, intents, type, more, strcmp(type, "raster") ? "geoparquet" : "cog");
    const char *file = NULL;
    for (int i = 0; !file || sl_path_exists(file); i++) /* two of one name are two files */
        file = sl_path_join(f->arena, folder, sl_arena_printf(f->arena, "%s_%d.yaml", name, i));
    assert_int_equal(sl_file_write_durable(file, text, strlen(text), 0600, NULL), 0);
}

static void load(struct fixture *f)
{
    const char *const folders[] = {f->own, f->shipped, "/nowhere/at/all", NULL};
    assert_int_equal(sl_recipe_set_load(folders, &f->kinds, &f->set, &f->err), 0);
}

static void selects(struct fixture *f, const char *intent, const char *type, const char *name, bool fallback)
{
    const struct sl_recipe *found = NULL;
    bool fell = !fallback;
    if (sl_recipe_select(f->set, intent, type, false, &found, &fell, &f->err) < 0)
        fail_msg("%s", f->err.message);
    assert_string_equal(found->name, name);
    assert_int_equal(fell, fallback);
}

static void selects_none(struct fixture *f, const char *intent, const char *type, bool strict, const char *message)
{
    const struct sl_recipe *found = NULL;
    bool fell;
    assert_int_equal(sl_recipe_select(f->set, intent, type, strict, &found, &fell, &f->err), -(int)SL_E_RECIPE_INTENT);
    assert_null(found);
    assert_string_equal(f->err.message, message);
}

static void test_an_intent_selects_its_recipe(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "roads", "ingest_roads, roads", "vector", "");
    recipe(f, f->shipped, "any", "ingest", "vector", "default: true");
    load(f);
    selects(f, "roads", "vector", "roads", false);
    selects(f, "ingest", "vector", "any", false);
}

static void test_an_unknown_intent_gets_the_default_of_its_type(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "any", "ingest", "vector", "default: true");
    recipe(f, f->shipped, "images", "images", "raster", "default: true");
    load(f);
    selects(f, "whatever", "vector", "any", true);
    selects(f, "whatever", "raster", "images", true);
    selects_none(f, "ingset", "table", false,
                 "no recipe has the intent \"ingset\", and type table has no default recipe, did you mean \"ingest\"?");
}

static void test_strict_intents_refuse_unknown_ones_with_the_nearest(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "any", "ingest_vector", "vector", "default: true");
    load(f);
    selects_none(f, "ingest_vectr", "vector", true,
                 "no recipe has the intent \"ingest_vectr\", did you mean \"ingest_vector\"?");
}

static void test_an_intent_for_another_type_is_refused(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "any", "ingest_vector", "vector", "default: true");
    load(f);
    selects_none(f, "ingest_vector", "raster", false,
                 "intent \"ingest_vector\" is for files of type vector, the manifest's are of type raster");
}

static void test_the_earlier_folder_wins_by_name_intent_and_default(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "any", "a", "vector", "default: true");
    recipe(f, f->own, "any", "b", "vector", "");
    recipe(f, f->shipped, "theirs", "c", "vector", "");
    recipe(f, f->own, "mine", "c", "vector", "default: true");
    load(f);
    assert_int_equal(sl_recipe_set_count(f->set), 3);
    selects(f, "b", "vector", "any", false);
    selects(f, "c", "vector", "mine", false);
    selects(f, "a", "vector", "mine", true);
    assert_int_equal(sl_recipe_set_lints(f->set)->n, 0);
}

static void test_two_of_one_name_intent_or_default_in_a_folder_are_both_left_out(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "twin", "a", "vector", "");
    recipe(f, f->shipped, "twin", "b", "vector", "");
    recipe(f, f->shipped, "left", "same", "vector", "");
    recipe(f, f->shipped, "right", "other, same", "vector", "");
    recipe(f, f->shipped, "first", "x", "raster", "default: true");
    recipe(f, f->shipped, "second", "y", "raster", "default: true");
    recipe(f, f->shipped, "alone", "z", "raster", "");
    load(f);
    const struct sl_lints *lints = sl_recipe_set_lints(f->set);
    assert_int_equal(sl_recipe_set_count(f->set), 1);
    assert_string_equal(sl_recipe_set_at(f->set, 0)->name, "alone");
    assert_null(sl_recipe_set_at(f->set, 1));
    assert_int_equal(lints->n, 6);
    const char *right = sl_path_join(f->arena, f->shipped, "right_0.yaml");
    for (size_t i = 0; i < lints->n; i++) {
        assert_true(lints->items[i].error);
        if (!strcmp(lints->items[i].path, right))
            assert_int_equal(lints->items[i].column, 18);
    }
}

static void test_a_recipe_with_errors_is_left_out_and_its_lints_kept(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "good", "a", "vector", "");
    recipe(f, f->shipped, "bad", "b", "vector", "steps: [{simplfy: {}}]");
    load(f);
    assert_int_equal(sl_recipe_set_count(f->set), 1);
    assert_int_equal(sl_recipe_set_lints(f->set)->n, 1);
    assert_string_equal(sl_recipe_set_lints(f->set)->items[0].code, "recipe.step");
}

static void test_by_name_suggests_the_nearest_or_what_the_intent_selects(void **state)
{
    struct fixture *f = *state;
    const struct sl_recipe *found = NULL;
    recipe(f, f->shipped, "road_network", "ingest_road_network", "vector", "");
    load(f);
    assert_int_equal(sl_recipe_by_name(f->set, "road_network", &found, &f->err), 0);
    assert_int_equal(sl_recipe_by_name(f->set, "road_netwrk", &found, &f->err), -(int)SL_E_RECIPE_NOT_FOUND);
    assert_string_equal(f->err.message, "recipe \"road_netwrk\" does not exist, did you mean \"road_network\"?");
    assert_true(sl_recipe_by_name(f->set, "ingest_road_network", &found, &f->err) < 0);
    assert_string_equal(f->err.message, "recipe \"ingest_road_network\" does not exist; intent \"ingest_road_network\" "
                                        "selects \"road_network\"");
}

static void test_recipes_come_in_order_of_name(void **state)
{
    struct fixture *f = *state;
    recipe(f, f->shipped, "c", "c", "vector", "");
    recipe(f, f->own, "b", "b", "vector", "");
    recipe(f, f->shipped, "a", "a", "vector", "");
    load(f);
    assert_string_equal(sl_recipe_set_at(f->set, 0)->name, "a");
    assert_string_equal(sl_recipe_set_at(f->set, 1)->name, "b");
    assert_string_equal(sl_recipe_set_at(f->set, 2)->name, "c");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_intent_selects_its_recipe),
        TEST(test_an_unknown_intent_gets_the_default_of_its_type),
        TEST(test_strict_intents_refuse_unknown_ones_with_the_nearest),
        TEST(test_an_intent_for_another_type_is_refused),
        TEST(test_the_earlier_folder_wins_by_name_intent_and_default),
        TEST(test_two_of_one_name_intent_or_default_in_a_folder_are_both_left_out),
        TEST(test_a_recipe_with_errors_is_left_out_and_its_lints_kept),
        TEST(test_by_name_suggests_the_nearest_or_what_the_intent_selects),
        TEST(test_recipes_come_in_order_of_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

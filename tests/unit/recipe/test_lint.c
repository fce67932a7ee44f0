/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of tests/data/recipes/invalid says exactly what EXPECTED has for it. `--print` prints the actual text. */
#include "recipe_support.h"

static int ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);
    return n >= m && !strcmp(s + n - m, with);
}

static void lint_folder(const char *folder, struct sl_buf *out, bool valid)
{
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    char **names;
    size_t n;
    assert_int_equal(sl_dir_list(folder, arena, &names, &n, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        struct sl_lints lints = {.arena = arena};
        const struct sl_recipe *recipe = NULL;
        if (!ends(names[i], ".yaml") || ends(names[i], ".tests.yaml"))
            continue;
        assert_int_equal(sl_recipe_lint_file(set, sl_path_join(arena, folder, names[i]), &lints, &recipe, NULL), 0);
        for (size_t k = 0; k < lints.n; k++)
            sl_buf_printf(out, "%s:%d:%d: %s: %s [%s]\n", sl_path_base(lints.items[k].path), lints.items[k].line,
                          lints.items[k].column, lints.items[k].error ? "error" : "warning", lints.items[k].message,
                          lints.items[k].code);
        if ((recipe != NULL) != valid || (lints.n == 0) != valid)
            sl_buf_printf(out, "%s: %s\n", names[i], recipe ? "is a recipe" : "is no recipe");
    }
    sl_arena_free(arena);
    sl_recipe_set_free(set);
}

static void test_each_invalid_recipe_says_what_is_expected(void **state)
{
    (void)state;
    struct sl_buf found, expected;
    sl_buf_init(&found, 1 << 20);
    sl_buf_init(&expected, 1 << 20);
    assert_int_equal(sl_file_read(RECIPES "/invalid/EXPECTED", &expected, NULL), 0);
    lint_folder(RECIPES "/invalid", &found, false);
    char *a, *b, *line = strtok_r(found.data, "\n", &a), *want = strtok_r(expected.data, "\n", &b);
    for (; line && want; line = strtok_r(NULL, "\n", &a), want = strtok_r(NULL, "\n", &b))
        assert_string_equal(line, want);
    assert_null(line);
    assert_null(want);
    sl_buf_free(&found);
    sl_buf_free(&expected);
}

static void test_valid_and_shipped_recipes_have_no_lints(void **state)
{
    (void)state;
    struct sl_buf found;
    sl_buf_init(&found, 1 << 20);
    lint_folder(RECIPES "/valid", &found, true);
    lint_folder(SLUICE_SOURCE_DIR "/recipes", &found, true);
    assert_string_equal(found.data, "");
    sl_buf_free(&found);
}

/* The recipe of a page: what stands between the first ```yaml and ```. */
static void lint_page(const char *path)
{
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    struct sl_lints lints = {.arena = arena};
    struct sl_buf page;
    sl_buf_init(&page, 1 << 20);
    assert_int_equal(sl_file_read(path, &page, NULL), 0);
    char *text = strstr(page.data, "```yaml\n");
    assert_non_null(text);
    char *end = strstr(text + 8, "```");
    assert_non_null(end);
    *end = '\0';
    if (!lint_text(set, text + 8, &lints))
        fail_msg("%s: line %d of the recipe: %s", path, lints.items[0].line, lints.items[0].message);
    sl_buf_free(&page);
    sl_arena_free(arena);
    sl_recipe_set_free(set);
}

static void test_the_recipes_of_the_pages_are_recipes(void **state)
{
    (void)state;
    lint_page(SLUICE_SOURCE_DIR "/recipes/README.md");
    lint_page(SLUICE_SOURCE_DIR "/README.md");
}

static void test_the_page_names_every_kind_and_option(void **state)
{
    (void)state;
    struct sl_buf page;
    sl_buf_init(&page, 1 << 20);
    assert_int_equal(sl_file_read(SLUICE_SOURCE_DIR "/recipes/README.md", &page, NULL), 0);
    for (size_t i = 0; sl_steps[i]; i++) {
        assert_non_null(strstr(page.data, sl_steps[i]->name));
        for (size_t k = 0; k < sl_steps[i]->options.n; k++)
            assert_non_null(strstr(page.data, sl_steps[i]->options.items[k].name));
    }
    for (size_t i = 0; sl_checks[i]; i++)
        assert_non_null(strstr(page.data, sl_checks[i]->name));
    for (size_t i = 0; sl_outputs[i]; i++)
        for (size_t k = 0; k < sl_outputs[i]->options.n; k++)
            assert_non_null(strstr(page.data, sl_outputs[i]->options.items[k].name));
    sl_buf_free(&page);
}

static void test_a_missing_file_is_an_error_and_no_lint(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    struct sl_lints lints = {.arena = arena};
    const struct sl_recipe *recipe;
    struct sl_error err;
    assert_int_equal(sl_recipe_lint_file(set, "/nowhere/a.yaml", &lints, &recipe, &err), -(int)SL_E_FILE_MISSING);
    assert_int_equal(lints.n, 0);
    sl_arena_free(arena);
    sl_recipe_set_free(set);
}

static void test_hostile_texts_are_escaped_and_bounded(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct sl_recipe_set *set = empty_set(&kinds);
    struct sl_arena *arena = sl_arena_new();
    struct sl_lints lints = {.arena = arena};
    struct sl_buf text;
    sl_buf_init(&text, 1 << 20);
    sl_buf_puts(&text, "\"a\\nrecipes/x.yaml:1:1: error: forged\\e[31m\": 1\n");
    for (int i = 0; i < 2000; i++)
        sl_buf_printf(&text, "unknown_%d: 1\n", i);
    assert_null(lint_text(set, text.data, &lints));
    assert_int_equal(lints.n, 100);
    for (size_t i = 0; i < lints.n; i++) {
        assert_null(strchr(lints.items[i].message, '\n'));
        assert_null(strchr(lints.items[i].message, '\x1b'));
    }
    sl_buf_free(&text);
    sl_arena_free(arena);
    sl_recipe_set_free(set);
}

/* Damaged in a way that repeats: some bytes replaced, a piece cut out or doubled. */
static void damage(struct sl_buf *text, const char *from, uint64_t *seed)
{
    static const char bytes[] = "{}[]:,-\"'$#&*!|>%@`\n \t0a~?";
    size_t n = strlen(from);
    sl_buf_clear(text);
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t r = *seed >> 33;
        if (r % 701 == 0)
            sl_buf_putc(text, bytes[r / 701 % (sizeof bytes - 1)]);
        else if (r % 1999 == 0)
            i += r / 1999 % 40;
        else
            sl_buf_putc(text, from[i]);
        if (r % 3989 == 0)
            sl_buf_puts(text, from + (i < n ? i : n - 1) / 2);
    }
}

static void test_a_damaged_recipe_is_a_recipe_or_says_why_not(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct sl_buf text, damaged;
    uint64_t seed = 7;
    sl_buf_init(&text, 1 << 20);
    sl_buf_init(&damaged, 1 << 20);
    assert_int_equal(sl_file_read(RECIPES "/valid/everything.yaml", &text, NULL), 0);
    for (int i = 0; i < 800; i++) {
        struct sl_recipe_set *set = empty_set(&kinds);
        struct sl_arena *arena = sl_arena_new();
        struct sl_lints lints = {.arena = arena};
        damage(&damaged, text.data, &seed);
        const struct sl_recipe *recipe = lint_text(set, damaged.data, &lints);
        assert_int_equal(recipe == NULL, lints.n > 0);
        sl_arena_free(arena);
        sl_recipe_set_free(set);
    }
    sl_buf_free(&text);
    sl_buf_free(&damaged);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_invalid_recipe_says_what_is_expected),
        cmocka_unit_test(test_valid_and_shipped_recipes_have_no_lints),
        cmocka_unit_test(test_the_recipes_of_the_pages_are_recipes),
        cmocka_unit_test(test_the_page_names_every_kind_and_option),
        cmocka_unit_test(test_a_missing_file_is_an_error_and_no_lint),
        cmocka_unit_test(test_a_damaged_recipe_is_a_recipe_or_says_why_not),
        cmocka_unit_test(test_hostile_texts_are_escaped_and_bounded),
    };
    if (argc == 2 && !strcmp(argv[1], "--print")) {
        struct sl_buf found;
        sl_buf_init(&found, 1 << 20);
        lint_folder(RECIPES "/invalid", &found, false);
        fputs(found.data, stdout);
        sl_buf_free(&found);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

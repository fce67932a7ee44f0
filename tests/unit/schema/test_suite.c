/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The official JSON-Schema-Test-Suite, draft 2020-12: every required test passes; optional ones are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "schema/schema.h"

#define SUITE SLUICE_SOURCE_DIR "/.cache/json-schema-suite"

static const struct sl_json_limits limits = {8 << 20, 500, 1000000, true};

struct count {
    int passed, failed;
};

/* The documents of remotes/, which the suite expects at http://localhost:1234/. */
static struct {
    char *uri;
    struct sl_doc *doc;
} remotes[100];
static size_t n_remotes;

static struct sl_doc *must_parse(const char *path)
{
    struct sl_doc *doc = NULL;
    struct sl_error err = {0};
    if (sl_json_parse_file(path, &limits, &doc, &err) != 0)
        fail_msg("%s (scripts/fetch/json-schema-suite.sh brings the suite)", err.message);
    return doc;
}

static void load_remotes(struct sl_arena *arena, const char *folder)
{
    static const char *const others[] = {"draft3", "draft4", "draft6", "draft7", "draft2019-09", "draft-next", "v1"};
    char **names;
    size_t n;
    struct sl_error err = {0};
    const char *path = sl_arena_printf(arena, SUITE "/remotes%s", folder);
    if (sl_dir_list(path, arena, &names, &n, &err) != 0)
        fail_msg("%s (scripts/fetch/json-schema-suite.sh brings the suite)", err.message);
    for (size_t i = 0; i < n; i++) {
        const char *inner = sl_arena_printf(arena, "%s/%s", folder, names[i]);
        bool other = false;
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            other |= !strcmp(names[i], others[k]);
        if (other)
            continue;
        if (!sl_text_ends(names[i], ".json")) {
            load_remotes(arena, inner);
            continue;
        }
        assert_true(n_remotes < sizeof remotes / sizeof *remotes);
        remotes[n_remotes].uri = sl_arena_printf(arena, "http://localhost:1234%s", inner);
        remotes[n_remotes++].doc = must_parse(sl_arena_printf(arena, SUITE "/remotes%s", inner));
    }
}

static void wrong(const char *file, struct json_object *group, struct json_object *test, const char *what, bool loud)
{
    if (loud)
        print_message("%s: %s: %s: %s\n", file, sl_json_str(group, "description", ""),
                      sl_json_str(test, "description", ""), what);
}

static void run_group(const char *file, struct json_object *group, bool assert_format, bool loud,
                      struct count *count)
{
    const struct sl_schema_options options = {.assert_format = assert_format, .max_depth = 1000};
    struct sl_schema_set *set = sl_schema_set_new(&options);
    const struct sl_schema *schema = NULL;
    struct sl_error err = {0};
    struct json_object *tests = sl_json_get(group, "tests");
    for (size_t i = 0; i < n_remotes; i++)
        assert_int_equal(sl_schema_set_add(set, remotes[i].uri, remotes[i].doc->root, &err), 0);
    int rc = sl_schema_set_add(set, "urn:test", sl_json_get(group, "schema"), &err);
    if (rc == 0)
        rc = sl_schema_compile(set, "urn:test", &schema, &err);
    for (size_t i = 0; i < json_object_array_length(tests); i++) {
        struct json_object *test = json_object_array_get_idx(tests, i);
        struct json_object *data = sl_json_get(test, "data");
        bool expected = sl_json_bool(test, "valid", false);
        struct sl_violations v = {.arena = sl_arena_new()};
        bool silent = rc == 0 && sl_schema_check(schema, data, NULL);
        bool told = rc == 0 && sl_schema_check(schema, data, &v);
        bool right = rc == 0 && silent == expected && told == expected && (v.n == 0) == expected;
        if (!right)
            wrong(file, group, test, rc != 0 ? err.message : silent ? "is taken as valid" : "is refused", loud);
        count->passed += right;
        count->failed += !right;
        sl_arena_free(v.arena);
    }
    sl_schema_set_free(set);
}

static void run_folder(const char *folder, bool assert_format, bool loud, struct count *count)
{
    struct sl_arena *arena = sl_arena_new();
    struct sl_error err = {0};
    char **names;
    size_t n;
    if (sl_dir_list(folder, arena, &names, &n, &err) != 0)
        fail_msg("%s (scripts/fetch/json-schema-suite.sh brings the suite)", err.message);
    for (size_t i = 0; i < n; i++) {
        if (!sl_text_ends(names[i], ".json"))
            continue;
        struct sl_doc *doc = must_parse(sl_path_join(arena, folder, names[i]));
        for (size_t g = 0; g < json_object_array_length(doc->root); g++)
            run_group(names[i], json_object_array_get_idx(doc->root, g), assert_format, loud, count);
        sl_doc_free(doc);
    }
    sl_arena_free(arena);
}

static void test_every_required_test_passes(void **state)
{
    (void)state;
    struct count count = {0};
    run_folder(SUITE "/tests", false, true, &count);
    print_message("required: %d passed, %d failed\n", count.passed, count.failed);
    assert_int_equal(count.failed, 0);
    assert_true(count.passed > 1200);
}

static void test_optional_tests_are_counted(void **state)
{
    (void)state;
    struct count other = {0}, format = {0};
    bool loud = getenv("SLUICE_TEST_VERBOSE") != NULL;
    run_folder(SUITE "/tests/optional", false, loud, &other);
    run_folder(SUITE "/tests/optional/format", true, loud, &format);
    print_message("optional: %d passed, %d failed; formats: %d passed, %d failed\n", other.passed, other.failed,
                  format.passed, format.failed);
    assert_true(other.passed > other.failed && format.passed > format.failed);
}

static int set_up(void **state)
{
    *state = sl_arena_new();
    load_remotes(*state, "");
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < n_remotes; i++)
        sl_doc_free(remotes[i].doc);
    sl_arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_required_test_passes),
        cmocka_unit_test(test_optional_tests_are_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

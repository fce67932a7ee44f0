/* SPDX-License-Identifier: Apache-2.0 */
/* schemas/examples: every valid manifest is read, every invalid one gives the code and pointer that expected.json says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "manifest/manifest.h"

#define EXAMPLES SLUICE_SOURCE_DIR "/schemas/examples"

static struct sl_manifest_checker *checker;

static char **list(const char *folder, struct sl_arena *arena, size_t *n)
{
    struct sl_error err = {0};
    char **names;
    if (sl_dir_list(folder, arena, &names, n, &err) != 0)
        fail_msg("%s", err.message);
    return names;
}

static void test_valid_examples_are_read(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    size_t n;
    char **names = list(EXAMPLES "/valid", arena, &n);
    for (size_t i = 0; i < n; i++) {
        struct sl_error err = {0};
        struct sl_doc *doc = NULL;
        struct sl_violations v = {.arena = arena};
        struct sl_manifest m;
        enum sl_code code = SL_OK;
        const char *path = sl_path_join(arena, EXAMPLES "/valid", names[i]);
        if (sl_json_parse_file(path, &sl_json_limits_small, &doc, &err) != 0)
            fail_msg("%s", err.message);
        if (!sl_manifest_read(checker, doc, "landing-zone", arena, &v, &code, &m))
            fail_msg("%s: %s %s", names[i], v.items[0].instance_pointer, v.items[0].message);
        assert_true(m.n_files > 0 && m.files[0].key && v.n == 0);
        sl_doc_free(doc);
    }
    assert_true(n >= 20);
    sl_arena_free(arena);
}

static bool told(const struct sl_violations *v, const char *pointer, const char *says)
{
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(v->items[i].instance_pointer, pointer) && strstr(v->items[i].message, says))
            return true;
    return false;
}

static void check_invalid(const char *name, struct json_object *expected, struct sl_arena *arena)
{
    struct sl_error err = {0};
    struct sl_doc *doc = NULL;
    struct sl_violations v = {.arena = arena};
    struct sl_manifest m;
    enum sl_code code = SL_OK;
    const char *path = sl_path_join(arena, EXAMPLES "/invalid", name);
    const char *pointer = sl_json_str(expected, "pointer", NULL), *says = sl_json_str(expected, "says", "-");
    if (sl_json_parse_file(path, &sl_json_limits_small, &doc, &err) != 0) {
        code = err.code;
        if (pointer || !strstr(err.message, says))
            fail_msg("%s: %s", name, err.message);
    } else {
        assert_false(sl_manifest_read(checker, doc, "landing-zone", arena, &v, &code, &m));
        if (!pointer || !told(&v, pointer, says))
            fail_msg("%s: expected %s %s, got %s %s", name, pointer ? pointer : "-", says,
                     v.items[0].instance_pointer, v.items[0].message);
    }
    if (strcmp(sl_code_name(code), sl_json_str(expected, "code", "")) != 0)
        fail_msg("%s: code %s", name, sl_code_name(code));
    sl_doc_free(doc);
}

static void test_invalid_examples_give_their_code_and_pointer(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    struct sl_error err = {0};
    struct sl_doc *expected = NULL;
    size_t n;
    char **names = list(EXAMPLES "/invalid", arena, &n);
    assert_int_equal(sl_json_parse_file(EXAMPLES "/expected.json", &sl_json_limits_small, &expected, &err), 0);
    assert_int_equal(json_object_object_length(expected->root), (int)n);
    for (size_t i = 0; i < n; i++) {
        struct json_object *e = sl_json_get(expected->root, names[i]);
        if (!e)
            fail_msg("%s is not in expected.json", names[i]);
        check_invalid(names[i], e, arena);
    }
    assert_true(n >= 60);
    sl_doc_free(expected);
    sl_arena_free(arena);
}

static int set_up(void **state)
{
    (void)state;
    return sl_manifest_checker_new(SLUICE_SOURCE_DIR "/schemas", &checker, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sl_manifest_checker_free(checker);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_examples_are_read),
        cmocka_unit_test(test_invalid_examples_give_their_code_and_pointer),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <string.h>

#include "base/arena.h"
#include "lake/lake.h"

static int set_up(void **state)
{
    *state = sl_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    sl_arena_free(*state);
    return 0;
}

static void test_hostile_names_become_ids_that_leave_no_folder(void **state)
{
    static const char *const hostile[] = {"../../etc/passwd", "/", "..", ".hidden", "a b", "Zürich", "", "x\ny", "%2e%2e",
                                          "-rf"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const char *id = sl_dataset_id_from(*state, hostile[i]);
        assert_true(sl_dataset_id_valid(id));
        assert_null(strchr(id, '/'));
    }
    assert_string_equal(sl_dataset_id_from(*state, "roads 2026"), "roads_2026");
    assert_string_equal(sl_dataset_id_from(*state, "///"), "data");
}

static void test_a_valid_id_stays_as_it_is(void **state)
{
    assert_string_equal(sl_dataset_id_from(*state, "Roads-v1.2_x"), "Roads-v1.2_x");
    assert_true(sl_dataset_id_valid("Roads-v1.2_x"));
    assert_false(sl_dataset_id_valid(""));
    assert_false(sl_dataset_id_valid("a/b"));
    assert_false(sl_dataset_id_valid(".."));
}

static void test_an_id_ends_at_its_limit(void **state)
{
    char text[600];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(strlen(sl_dataset_id_from(*state, text)), 128);
}

static void test_keys_have_the_documented_layout(void **state)
{
    assert_string_equal(sl_lake_key(*state, "roads", 3, "parquet"), "roads/v3/roads.parquet");
    assert_string_equal(sl_raw_key(*state, "ana", "roads", "2026-11-21", "0199", "gpkg"),
                        "ana/roads/2026-11-21/0199.gpkg");
    assert_string_equal(sl_raw_key(*state, "../ana", "a/b", "2026-11-21", "0199", ""), "ana/a_b/2026-11-21/0199");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_names_become_ids_that_leave_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_valid_id_stays_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_id_ends_at_its_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_have_the_documented_layout, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

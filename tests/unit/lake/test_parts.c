/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "lake/parts.h"

static const char hash_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

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

static void assert_folder(const char *value, size_t bytes, const char *expected)
{
    struct sl_error err = {0};
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    sl_buf_init(&out, 1000);
    assert_int_equal(sl_lake_part_folder("name", value, bytes, &out, &err), 0);
    assert_string_equal(out.data, expected);
}

static void test_a_value_is_percent_encoded_as_hive_readers_decode_it(void **state)
{
    (void)state;
    assert_folder("Berlin-1.2_x~", 13, "name=Berlin-1.2_x~");
    assert_folder("a/b", 3, "name=a%2Fb");
    assert_folder("..", 2, "name=..");
    assert_folder("", 0, "name=");
    assert_folder("ü %\n", 5, "name=%C3%BC%20%25%0A");
    assert_folder("NULL", 4, "name=%4EULL");
    assert_folder("null", 4, "name=%6Eull");
    assert_folder("nullx", 5, "name=nullx");
    assert_folder(NULL, 0, "name=__HIVE_DEFAULT_PARTITION__");
}

static void test_a_value_that_no_folder_can_have_is_refused_by_its_column(void **state)
{
    char longest[SL_LAKE_PART_VALUE_MAX_BYTES + 2];
    struct sl_error err = {0};
    SL_CLEANUP(sl_buf_free) struct sl_buf out;
    (void)state;
    sl_buf_init(&out, 4000);
    memset(longest, 'x', sizeof longest);
    assert_int_equal(sl_lake_part_folder("name", longest, SL_LAKE_PART_VALUE_MAX_BYTES, &out, &err), 0);
    assert_int_equal(sl_lake_part_folder("name", longest, SL_LAKE_PART_VALUE_MAX_BYTES + 1, &out, &err), -SL_E_LIMIT);
    assert_non_null(strstr(err.message, "\"name\""));
    assert_int_equal(sl_lake_part_folder("name", "a\0b", 3, &out, &err), -SL_E_LIMIT);
    assert_int_equal(sl_lake_part_folder("name", SL_LAKE_NULL_PARTITION, strlen(SL_LAKE_NULL_PARTITION), &out, &err),
                     -SL_E_LIMIT);
}

static void test_a_value_comes_back_from_a_suffix(void **state)
{
    const char *value = "x";
    const char suffix[] = "day=2025-03-11/name=a%2Fb%C3%BC/part-0.parquet";
    assert_true(sl_lake_part_value(suffix, "name", *state, &value));
    assert_string_equal(value, "a/bü");
    assert_true(sl_lake_part_value(suffix, "day", *state, &value));
    assert_string_equal(value, "2025-03-11");
    assert_true(sl_lake_part_value("name=/part-0.parquet", "name", *state, &value));
    assert_string_equal(value, "");
    assert_true(sl_lake_part_value("name=" SL_LAKE_NULL_PARTITION "/part-0.parquet", "name", *state, &value));
    assert_null(value);
    assert_true(sl_lake_part_value("name=100%/part-0.parquet", "name", *state, &value));
    assert_string_equal(value, "100%");
    assert_false(sl_lake_part_value(suffix, "ay", *state, &value));
    assert_false(sl_lake_part_value("name=1", "name", *state, &value));
}

static void test_names_that_folders_cannot_have_are_known(void **state)
{
    (void)state;
    assert_true(sl_lake_part_name_valid("Bezirk Süd"));
    assert_false(sl_lake_part_name_valid(""));
    assert_false(sl_lake_part_name_valid("a/b"));
    assert_false(sl_lake_part_name_valid("a=b"));
    assert_false(sl_lake_part_name_valid("a%b"));
    assert_false(sl_lake_part_name_valid("a\nb"));
}

static struct sl_lake_part part(const char *suffix, int64_t rows)
{
    struct sl_lake_part p = {.suffix = suffix, .rows = rows, .bytes = 10 * rows};
    snprintf(p.sha256_hex, sizeof p.sha256_hex, "%s", hash_a);
    return p;
}

static void test_the_index_reads_back_and_is_the_same_for_the_same_parts(void **state)
{
    const struct sl_lake_part items[] = {part("k=1/part-0.parquet", 2), part("k=2/part-0.parquet", 3)};
    const struct sl_lake_part_column columns[] = {{"k", "integer"}};
    const struct sl_lake_parts parts = {items, 2, columns, 1, "application/vnd.apache.parquet"};
    struct sl_lake_parts back = {0};
    struct sl_error err = {0};
    const char *text = sl_lake_parts_index(&parts, *state);
    assert_string_equal(text, sl_lake_parts_index(&parts, *state));
    assert_int_equal(sl_lake_parts_read(text, strlen(text), *state, &back, &err), 0);
    assert_int_equal(back.n, 2);
    assert_string_equal(back.items[1].suffix, "k=2/part-0.parquet");
    assert_int_equal(sl_lake_parts_rows(&back), 5);
    assert_int_equal(sl_lake_parts_bytes(&back), 50);
    assert_string_equal(back.columns[0].type, "integer");
    assert_string_equal(sl_lake_parts_index(&back, *state), text);
}

static void test_an_index_with_a_part_outside_of_the_version_is_refused(void **state)
{
    static const char *const hostile[] = {"../x", "/x", "a/../x", "a//x", ".x", "a/", "", "a\\nb"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        struct sl_lake_parts out;
        struct sl_error err = {0};
        const char *text =
            sl_arena_printf(*state,
                            "{\"media_type\": \"m\", \"columns\": [], \"parts\": [{\"suffix\": \"%s\", \"rows\": 1, "
                            "\"size_bytes\": 1, \"sha256\": \"%s\"}]}",
                            hostile[i], hash_a);
        assert_int_equal(sl_lake_parts_read(text, strlen(text), *state, &out, &err), -SL_E_FILE_DAMAGED);
    }
}

static void test_parts_that_are_too_many_or_there_twice_are_refused(void **state)
{
    struct sl_lake_part *items = sl_arena_array(*state, SL_LAKE_PARTS_MAX + 1, sizeof *items);
    const struct sl_lake_part_column columns[] = {{"k", "integer"}};
    struct sl_lake_parts parts = {items, SL_LAKE_PARTS_MAX, columns, 1, "m"};
    struct sl_error err = {0};
    for (int i = 0; i <= SL_LAKE_PARTS_MAX; i++)
        items[i] = part(sl_arena_printf(*state, "k=%05d/part-0.parquet", i), 1);
    assert_int_equal(sl_lake_parts_check(&parts, &err), 0);
    parts.n++;
    assert_int_equal(sl_lake_parts_check(&parts, &err), -SL_E_LIMIT);
    assert_non_null(strstr(err.message, "\"k\""));
    parts.n = 2;
    items[1] = items[0];
    assert_int_equal(sl_lake_parts_check(&parts, &err), -SL_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_value_is_percent_encoded_as_hive_readers_decode_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_value_that_no_folder_can_have_is_refused_by_its_column, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_value_comes_back_from_a_suffix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_folders_cannot_have_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_index_reads_back_and_is_the_same_for_the_same_parts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_index_with_a_part_outside_of_the_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_that_are_too_many_or_there_twice_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

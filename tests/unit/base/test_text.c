/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sluice/error.h>

#include "base/text.h"

static void test_escape_keeps_hostile_text_on_one_line(void **state)
{
    (void)state;
    char out[64];
    assert_true(sl_text_escape(out, sizeof out, "a\nb\x1b[31m\xff"));
    assert_string_equal(out, "a\\x0ab\\x1b[31m\\xff");
    assert_true(sl_text_escape(out, sizeof out, "Zürich"));
    assert_string_equal(out, "Zürich");
}

static void test_escape_cuts_at_a_character(void **state)
{
    (void)state;
    char out[8];
    assert_false(sl_text_escape(out, sizeof out, "abcdéfghij"));
    assert_string_equal(out, "abcd…");
}

static void test_nearest_finds_what_was_meant(void **state)
{
    (void)state;
    static const char *const words[] = {"filter", "simplify", "select"};
    assert_string_equal(sl_text_nearest("simplfy", words, 3), "simplify");
    assert_string_equal(sl_text_nearest("slect", words, 3), "select");
    assert_null(sl_text_nearest("zzz", words, 3));
}

static void test_numbers_are_for_people(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(sl_text_bytes(out, sizeof out, 142000), "142 KB");
    assert_string_equal(sl_text_bytes(out, sizeof out, 3900000), "3.9 MB");
    assert_string_equal(sl_text_bytes(out, sizeof out, 999999), "1.0 MB");
    assert_string_equal(sl_text_count(out, sizeof out, 499988), "499,988");
    assert_string_equal(sl_text_count(out, sizeof out, -1204), "-1,204");
    assert_string_equal(sl_text_duration(out, sizeof out, 252 * INT64_C(1000000000)), "4 min 12 s");
}

static void test_error_message_is_one_line_and_keeps_its_code(void **state)
{
    (void)state;
    struct sl_error err = {0};
    assert_int_equal(sl_fail(&err, SL_E_CRS_MISSING, "%s has\nno CRS", "a.shp"), -SL_E_CRS_MISSING);
    sl_error_prefix(&err, "batch %s", "b1");
    assert_string_equal(err.message, "batch b1: a.shp has\\x0ano CRS");
    assert_string_equal(sl_code_name(err.code), "crs.missing");
    assert_int_equal(sl_code_by_name("crs.missing"), SL_E_CRS_MISSING);
    assert_int_equal(sl_code_exit(err.code), SL_EXIT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape_keeps_hostile_text_on_one_line),
        cmocka_unit_test(test_escape_cuts_at_a_character),
        cmocka_unit_test(test_nearest_finds_what_was_meant),
        cmocka_unit_test(test_numbers_are_for_people),
        cmocka_unit_test(test_error_message_is_one_line_and_keeps_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "source/values.h"

static void durations_have_a_unit(void **state)
{
    int64_t ms = 0;
    (void)state;
    assert_true(sl_source_duration("500ms", &ms) && ms == 500);
    assert_true(sl_source_duration("10s", &ms) && ms == 10000);
    assert_true(sl_source_duration("15min", &ms) && ms == 900000);
    assert_true(sl_source_duration("6h", &ms) && ms == 21600000);
    assert_true(sl_source_duration("30d", &ms) && ms == INT64_C(2592000000));
    assert_false(sl_source_duration("10", &ms));
    assert_false(sl_source_duration("-1s", &ms));
    assert_false(sl_source_duration("99999999999d", &ms));
    assert_false(sl_source_duration("", &ms));
}

static void times_are_read_in_the_zone_that_they_name(void **state)
{
    int64_t ms = 0;
    (void)state;
    assert_true(sl_source_time("1970-01-02", NULL, &ms) && ms == 86400000);
    assert_true(sl_source_time("2024-05-01T06:30:00.25+02:00", NULL, &ms) && ms == INT64_C(1714537800250));
    assert_true(sl_source_time("2024-05-01T04:30:00.25Z", "Europe/Berlin", &ms) && ms == INT64_C(1714537800250));
    assert_true(sl_source_time("2024-05-01 06:30", "+02:00", &ms) && ms == INT64_C(1714537800000));
    assert_true(sl_source_time("2024-07-01T02:00:00", "Europe/Berlin", &ms) && ms == INT64_C(1719792000000));
    assert_true(sl_source_time("2024-01-01T01:00:00", "Europe/Berlin", &ms) && ms == INT64_C(1704067200000));
    assert_true(sl_source_time("1960-01-01", NULL, &ms) && ms == INT64_C(-315619200000));
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {"", "yesterday", "2024-02-30", "2024-13-01", "2024-1-1", "2024-01-01T", "2024-01-01T24:00",
                                        "2024-01-01T10:00:00+99:00", "2024-01-01T10:00:00Zx", "2024-01-01x"};
    int64_t ms;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(sl_source_time(texts[i], NULL, &ms));
}

static void other_forms_of_times_are_read_by_their_format(void **state)
{
    int64_t ms = 0;
    (void)state;
    assert_true(sl_source_time_as("01.05.2024 06:30", "%d.%m.%Y %H:%M", "+02:00", &ms) && ms == INT64_C(1714537800000));
    assert_true(sl_source_time_as("2024-05-01T06:30:00+0200", "%Y-%m-%dT%H:%M:%S%z", NULL, &ms) && ms == INT64_C(1714537800000));
    assert_true(sl_source_time_as("1714537800", "epoch_s", NULL, &ms) && ms == INT64_C(1714537800000));
    assert_true(sl_source_time_as("1714537800123", "epoch_ms", NULL, &ms) && ms == INT64_C(1714537800123));
    assert_false(sl_source_time_as("01.05.2024 06:30 and more", "%d.%m.%Y %H:%M", NULL, &ms));
    assert_false(sl_source_time_as("nan", "epoch_s", NULL, &ms));
}

static void zones_are_offsets_or_names_of_the_system(void **state)
{
    (void)state;
    assert_true(sl_source_zone_valid("UTC"));
    assert_true(sl_source_zone_valid("-05:30"));
    assert_true(sl_source_zone_valid("Europe/Berlin"));
    assert_false(sl_source_zone_valid("Europe/Berlim"));
    assert_false(sl_source_zone_valid("../../etc/passwd"));
    assert_false(sl_source_zone_valid("/etc/localtime"));
    assert_false(sl_source_zone_valid(""));
}

static void a_window_has_its_ends_in_several_forms(void **state)
{
    struct json_object *values = json_object_new_object();
    struct sl_buf out;
    (void)state;
    sl_source_add_builtins(values, 0, INT64_C(86400000));
    sl_json_put_str(values, "p", "v");
    sl_buf_init(&out, 1000);
    assert_int_equal(sl_source_expand("${since} ${until_date} ${until_last_date} ${until_ms} ${p}$", values, &out, NULL), 0);
    assert_string_equal(out.data, "1970-01-01T00:00:00Z 1970-01-02 1970-01-01 86400000 v$");
    assert_int_equal(sl_source_expand("${other}", values, &out, NULL), -SL_E_INTERNAL);
    sl_buf_free(&out);
    json_object_put(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(times_are_read_in_the_zone_that_they_name),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(other_forms_of_times_are_read_by_their_format),
        cmocka_unit_test(zones_are_offsets_or_names_of_the_system),
        cmocka_unit_test(a_window_has_its_ends_in_several_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

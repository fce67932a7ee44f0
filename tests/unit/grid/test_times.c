/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "grid/times.h"

static int64_t seconds(int64_t year, int month, int day, int hour, enum sl_grid__calendar calendar)
{
    struct sl_grid__date date = {.year = year, .month = month, .day = day, .hour = hour};
    int64_t out = 0;
    assert_int_equal(sl_grid__seconds(&date, calendar, &out), 0);
    return out;
}

static void dates_are_seconds_since_1970_before_it_too(void **state)
{
    (void)state;
    assert_int_equal(seconds(1970, 1, 1, 0, SL_GRID__GREGORIAN), 0);
    assert_int_equal(seconds(2025, 3, 11, 14, SL_GRID__GREGORIAN), 1741701600);
    assert_int_equal(seconds(1969, 12, 31, 23, SL_GRID__GREGORIAN), -3600);
    assert_int_equal(seconds(1900, 1, 1, 0, SL_GRID__STANDARD), -2208988800);
    assert_int_equal(seconds(2024, 2, 29, 24, SL_GRID__GREGORIAN), 1709251200);
}

static void the_standard_calendar_is_julian_before_october_1582(void **state)
{
    (void)state;
    int64_t first = seconds(1582, 10, 15, 0, SL_GRID__STANDARD);
    assert_int_equal(first, seconds(1582, 10, 15, 0, SL_GRID__GREGORIAN));
    assert_int_equal(first - seconds(1582, 10, 4, 0, SL_GRID__STANDARD), 86400);
    assert_int_equal(seconds(1, 1, 1, 0, SL_GRID__GREGORIAN) - seconds(1, 1, 1, 0, SL_GRID__STANDARD), 2 * 86400);
    assert_int_equal(seconds(1500, 3, 1, 0, SL_GRID__STANDARD) - seconds(1500, 2, 29, 0, SL_GRID__STANDARD), 86400);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const struct sl_grid__date dates[] = {{2025, 2, 29, 0, 0, 0}, {2025, 13, 1, 0, 0, 0}, {2025, 0, 1, 0, 0, 0},
                                                 {2025, 4, 31, 0, 0, 0}, {2025, 1, 1, 25, 0, 0}, {2025, 1, 1, 24, 1, 0},
                                                 {10000, 1, 1, 0, 0, 0}, {1900, 2, 29, 0, 0, 0}};
    int64_t out = 7;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        assert_int_equal(sl_grid__seconds(&dates[i], SL_GRID__GREGORIAN, &out), -SL_E_FILE_DAMAGED);
    assert_int_equal(out, 7);
}

static void units_since_a_date_are_read_as_files_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        int64_t expected;
    } cases[] = {{"hours since 1900-01-01 00:00:00.0", 1051896, 1577836800},
                 {"seconds since 1970-01-01", 12.4, 12},
                 {"days since 2020-1-1", 0.5, 1577880000},
                 {"minutes since 2020-01-01T00:30", -30, 1577836800},
                 {"Hours since 2020-01-01 01:00 +01:00", 0, 1577836800},
                 {"h since 2020-01-01 00:00:00 -2:30", 0, 1577845800},
                 {"milliseconds since 1970-01-01T00:00:00Z", 1500, 2},
                 {"days since 2020-01-01 00:00:00 UTC", 1, 1577923200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_grid__time_units units;
        struct sl_error err = {0};
        int64_t out;
        if (sl_grid__time_units(cases[i].text, NULL, &units, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_int_equal(sl_grid__time(&units, cases[i].value, &out), 0);
        assert_int_equal(out, cases[i].expected);
    }
}

static void other_units_and_calendars_are_refused(void **state)
{
    (void)state;
    static const char *const units[] = {"hours",
                                        "months since 2020-01-01",
                                        "hours since yesterday",
                                        "days since 2020-02-30",
                                        "hours since 2020-01-01 00:00 Mars",
                                        "since 2020-01-01",
                                        "hours since 2020-01-01 61:00"};
    struct sl_grid__time_units out;
    struct sl_error err = {0};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        assert_int_equal(sl_grid__time_units(units[i], NULL, &out, &err), -SL_E_FILE_DAMAGED);
    assert_int_equal(sl_grid__time_units("days since 2020-01-01", "noleap", &out, &err), -SL_E_FILE_FORMAT);
    assert_non_null(strstr(err.message, "\"noleap\""));
    assert_int_equal(sl_grid__time_units("days since 2020-01-01", "360_day", &out, &err), -SL_E_FILE_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_seconds_since_1970_before_it_too),
        cmocka_unit_test(the_standard_calendar_is_julian_before_october_1582),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(units_since_a_date_are_read_as_files_write_them),
        cmocka_unit_test(other_units_and_calendars_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

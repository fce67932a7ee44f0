/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <string.h>

#include "cli/when.h"

static int64_t wall(void)
{
    return INT64_C(1795252443) * SL_NS_PER_S; /* 2026-11-21T09:14:03Z */
}

static int64_t mono(void)
{
    return 0;
}

static void sleep_not(int64_t ns)
{
    (void)ns;
}

static void zeros(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}

static const struct sl_clock_ops fake = {wall, mono, sleep_not, zeros};

static void times_are_read_as_utc_or_as_so_long_ago(void **state)
{
    static const char *const cases[][2] = {
        {"2026-11-21", "2026-11-21T00:00:00.000000Z"},          {"2026-11-21T09:14", "2026-11-21T09:14:00.000000Z"},
        {"2026-11-21T09:14:03Z", "2026-11-21T09:14:03.000000Z"}, {"2024-02-29", "2024-02-29T00:00:00.000000Z"},
        {"1d", "2026-11-20T09:14:03.000000Z"},                  {"90m", "2026-11-21T07:44:03.000000Z"},
    };
    char out[SL_ISO8601_BYTES];
    (void)state;
    sl_clock_set(&fake);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_cli_when(cases[i][0], "since", out, NULL), 0);
        assert_string_equal(out, cases[i][1]);
    }
    sl_clock_set(NULL);
}

static void what_is_no_time_is_refused_by_name(void **state)
{
    static const char *const cases[] = {"", "yesterday", "7", "7w", "2026-02-30", "2026-13-01", "2026-11-21 ", "d", "-1d",
                                        "99999999d"};
    char out[SL_ISO8601_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_error err = {0};
        assert_int_equal(sl_cli_when(cases[i], "since", out, &err), -SL_E_USAGE);
        assert_non_null(strstr(err.message, "--since"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_utc_or_as_so_long_ago),
        cmocka_unit_test(what_is_no_time_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

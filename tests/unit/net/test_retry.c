/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/clock.h"
#include "net/retry.h"

static int64_t fake_mono, fake_wall;
static unsigned char fake_byte;

static int64_t mono(void)
{
    return fake_mono;
}

static int64_t wall(void)
{
    return fake_wall;
}

static void fake_sleep(int64_t ns)
{
    fake_mono += ns;
}

static void fake_random(void *out, size_t bytes)
{
    memset(out, fake_byte, bytes);
}

static const struct sl_clock_ops fake = {wall, mono, fake_sleep, fake_random};

static int use_fake_clock(void **state)
{
    (void)state;
    fake_mono = 77 * SL_NS_PER_S;
    fake_wall = INT64_C(784111770) * SL_NS_PER_S; /* Sun, 06 Nov 1994 08:49:30 GMT */
    fake_byte = 0;
    sl_clock_set(&fake);
    return 0;
}

static int use_system_clock(void **state)
{
    (void)state;
    sl_clock_set(NULL);
    return 0;
}

static void test_waits_double_up_to_the_longest_and_end(void **state)
{
    (void)state;
    const struct sl_retry_policy policy = {.retries = 5, .base_ms = 100, .max_ms = 500};
    struct sl_retry low, high;
    sl_retry_begin(&low, &policy);
    sl_retry_begin(&high, &policy);
    const int64_t caps[] = {100, 200, 400, 500, 500};
    for (int i = 0; i < 5; i++) {
        fake_byte = 0;
        assert_int_equal(sl_retry_next(&low, -1), caps[i] / 2);
        fake_byte = 0xFF;
        int64_t most = sl_retry_next(&high, -1);
        assert_true(most >= caps[i] - 2 && most <= caps[i]);
    }
    assert_int_equal(sl_retry_next(&low, -1), -1);
    assert_int_equal(sl_retry_next(&low, -1), -1);
}

static void test_no_retries_means_one_try(void **state)
{
    (void)state;
    const struct sl_retry_policy policy = {.retries = 0, .base_ms = 100, .max_ms = 500};
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    assert_int_equal(sl_retry_next(&retry, 0), -1);
}

static void test_what_the_server_asks_for_is_waited_even_beyond_the_longest(void **state)
{
    (void)state;
    const struct sl_retry_policy policy = {.retries = 3, .base_ms = 100, .max_ms = 500};
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    assert_int_equal(sl_retry_next(&retry, 7000), 7000);
    assert_int_equal(sl_retry_next(&retry, 0), 100); /* "at once" does not lift the own wait */
}

static void test_the_deadline_shortens_the_own_wait_and_then_ends_it(void **state)
{
    (void)state;
    const struct sl_retry_policy policy = {.retries = 100, .base_ms = 1000, .max_ms = 1000, .deadline_ms = 2200};
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    fake_byte = 0xFF;
    int waits = 0;
    for (int64_t ms; (ms = sl_retry_next(&retry, -1)) >= 0; waits++)
        fake_mono += ms * SL_NS_PER_MS;
    assert_int_equal(waits, 3);
    assert_int_equal(fake_mono, 77 * SL_NS_PER_S + 2200 * SL_NS_PER_MS);
}

static void test_a_server_that_asks_for_more_than_the_deadline_leaves_is_not_asked_again(void **state)
{
    (void)state;
    const struct sl_retry_policy policy = {.retries = 5, .base_ms = 100, .max_ms = 500, .deadline_ms = 5000};
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    assert_int_equal(sl_retry_next(&retry, 5000), 5000);
    fake_mono += SL_NS_PER_MS;
    assert_int_equal(sl_retry_next(&retry, 5000), -1);
    assert_int_equal(sl_retry_next(&retry, 4999), 4999);
}

static void test_only_what_may_pass_is_tried_again(void **state)
{
    (void)state;
    const int again[] = {408, 429, 500, 502, 503, 504};
    for (int status = 0, i = 0; status < 700; status++) {
        bool wanted = i < 6 && again[i] == status;
        i += wanted;
        assert_int_equal(sl_retry_status(status), wanted);
    }
}

static void test_retry_after_is_seconds_or_a_date_in_each_form(void **state)
{
    (void)state;
    assert_int_equal(sl_retry_after_ms("0"), 0);
    assert_int_equal(sl_retry_after_ms("120"), 120000);
    assert_int_equal(sl_retry_after_ms("86400"), 86400000);
    assert_int_equal(sl_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT"), 7000);
    assert_int_equal(sl_retry_after_ms("Sun Nov  6 08:49:37 1994"), 7000);
    assert_int_equal(sl_retry_after_ms("Sun, 06 Nov 1994 08:49:00 GMT"), 0);
    fake_wall = INT64_C(1795252443) * SL_NS_PER_S; /* 2026-11-21T09:14:03Z */
    assert_int_equal(sl_retry_after_ms("Saturday, 21-Nov-26 09:14:13 GMT"), 10000);
}

static void test_retry_after_that_is_nothing_of_it_is_not_said(void **state)
{
    (void)state;
    const char *const bad[] = {"", "-1", "1.5", "86401", "99999999999999999999", "soon", "1 s",
                               "Mon, 07 Nov 1994 08:49:37 GMT", /* more than a day ahead */
                               "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT and more",
                               "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT",
                               "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
                               "%s%n%s%n", "Sun, 06 Nov 1994 08:49:37 GMTSun, 06 Nov 1994 08:49:37 GMTSun, 06 Nov 1994"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sl_retry_after_ms(bad[i]) != -1)
            fail_msg("\"%s\" is taken for %lld ms", bad[i], (long long)sl_retry_after_ms(bad[i]));
    assert_int_equal(sl_retry_after_ms(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_waits_double_up_to_the_longest_and_end, use_fake_clock),
        cmocka_unit_test_setup(test_no_retries_means_one_try, use_fake_clock),
        cmocka_unit_test_setup(test_what_the_server_asks_for_is_waited_even_beyond_the_longest, use_fake_clock),
        cmocka_unit_test_setup(test_the_deadline_shortens_the_own_wait_and_then_ends_it, use_fake_clock),
        cmocka_unit_test_setup(test_a_server_that_asks_for_more_than_the_deadline_leaves_is_not_asked_again,
                               use_fake_clock),
        cmocka_unit_test(test_only_what_may_pass_is_tried_again),
        cmocka_unit_test_setup(test_retry_after_is_seconds_or_a_date_in_each_form, use_fake_clock),
        cmocka_unit_test_setup(test_retry_after_that_is_nothing_of_it_is_not_said, use_fake_clock),
    };
    return cmocka_run_group_tests(tests, use_fake_clock, use_system_clock);
}

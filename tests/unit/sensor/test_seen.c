/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/clock.h"
#include "sensor/seen.h"

static int64_t now_ns = 1;

static int64_t fake_now(void)
{
    return now_ns;
}

static void no_sleep(int64_t ns)
{
    now_ns += ns;
}

static void no_random(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}

static const struct sl_clock_ops fake_clock = {fake_now, fake_now, no_sleep, no_random};

static void test_an_object_is_known_by_key_etag_and_the_time_that_the_listing_shows(void **state)
{
    (void)state;
    struct sl_seen *seen = sl_seen_new();
    struct sl_object_info a = {.etag = "e1", .modified_ns = 5}, b = a, c = a;
    snprintf(b.etag, sizeof b.etag, "e2");
    c.modified_ns = 6;
    sl_seen_add(seen, sl_seen_mark("k", &a));
    assert_true(sl_seen_has(seen, sl_seen_mark("k", &a)));
    assert_false(sl_seen_has(seen, sl_seen_mark("j", &a)));
    assert_false(sl_seen_has(seen, sl_seen_mark("k", &b)));
    assert_false(sl_seen_has(seen, sl_seen_mark("k", &c)));
    sl_seen_free(seen);
}

static void test_what_was_heard_of_is_adopted_once(void **state)
{
    (void)state;
    struct sl_seen *seen = sl_seen_new();
    sl_seen_add(seen, sl_seen_etag_mark("k", "e"));
    assert_true(sl_seen_take(seen, sl_seen_etag_mark("k", "e")));
    assert_false(sl_seen_take(seen, sl_seen_etag_mark("k", "e")));
    sl_seen_free(seen);
}

static void test_everything_is_forgotten_after_a_while(void **state)
{
    (void)state;
    sl_clock_set(&fake_clock);
    struct sl_seen *seen = sl_seen_new();
    sl_seen_add(seen, 42);
    now_ns += 599 * SL_NS_PER_S;
    assert_true(sl_seen_has(seen, 42));
    now_ns += 2 * SL_NS_PER_S;
    assert_false(sl_seen_has(seen, 42));
    sl_seen_free(seen);
    sl_clock_set(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_object_is_known_by_key_etag_and_the_time_that_the_listing_shows),
        cmocka_unit_test(test_what_was_heard_of_is_adopted_once),
        cmocka_unit_test(test_everything_is_forgotten_after_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

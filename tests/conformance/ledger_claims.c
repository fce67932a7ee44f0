/* SPDX-License-Identifier: Apache-2.0 */
/* Which batch is claimed next: priority, then age; within limits in all and per intent. */
#include "conformance/ledger_fixture.h"
#include "ledger/ledger.h"

static void enter(const char *batch_id, const char *intent, int64_t priority, int second)
{
    char at[64];
    enum sl_registered how;
    snprintf(at, sizeof at, "2026-11-21T09:00:%02d.000000Z", second);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(batch_id, '1', at);
    sl_json_put_str(doc, "intent", intent);
    if (priority)
        sl_json_put_int(doc, "priority", priority);
    assert_ok(CALL(register_batch, doc, &how, &err));
}

/* "" when nothing was claimed. */
static struct sl_lease claim_limited(const char *owner, int64_t most_running, const struct sl_intent_limit *limits,
                                     size_t n_limits)
{
    const struct sl_claim claim = {.owner = owner,
                                   .lease_ms = LEDGER_MINUTE,
                                   .most_running = most_running,
                                   .limits = limits,
                                   .n_limits = n_limits};
    struct sl_lease lease = {0};
    bool claimed = true;
    assert_ok(CALL(claim, &claim, &claimed, &lease, NULL, &err));
    if (!claimed)
        lease.batch_id[0] = '\0';
    return lease;
}

static void test_a_higher_priority_goes_first_and_age_decides_among_equals(void **state)
{
    (void)state;
    enter("plain-old", "a", 0, 1);
    enter("bulk", "a", -5, 0);
    enter("urgent-late", "a", 10, 9);
    enter("urgent-early", "a", 10, 8);
    enter("plain-new", "a", 0, 5);
    static const char *const order[] = {"urgent-early", "urgent-late", "plain-old", "plain-new", "bulk"};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_string_equal(ledger_claim(NULL, "w1", LEDGER_MINUTE).batch_id, order[i]);
    ledger_expect_batch("urgent-late", "/priority", "10");
}

/* More than any backend looks at for one claim. */
enum { MANY = 150 };

static void enter_many(void)
{
    char id[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(id, sizeof id, "b%03d", i);
        enter(id, "a", 0, i % 50);
    }
}

static void test_a_higher_priority_goes_first_however_many_wait(void **state)
{
    (void)state;
    enter_many();
    enter("urgent", "a", 10, 59);
    assert_string_equal(ledger_claim(NULL, "w1", LEDGER_MINUTE).batch_id, "urgent");
}

static void test_each_of_many_is_claimed_once(void **state)
{
    (void)state;
    struct sl_ledger *other = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *seen = json_object_new_object();
    enter_many();
    assert_ok(ledger_backend->open(ledger_backend->data, &other, &err));
    for (int i = 0; i < MANY; i++) {
        struct sl_lease lease;
        bool claimed = false;
        struct sl_ledger *l = i % 2 ? ledger : other;
        assert_ok(l->ops->claim(l, CLAIM(NULL, i % 2 ? "w1" : "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
        assert_true(claimed);
        assert_null(sl_json_get(seen, lease.batch_id));
        sl_json_put_int(seen, lease.batch_id, 1);
    }
    assert_string_equal(claim_limited("w3", 0, NULL, 0).batch_id, "");
    sl_ledger_free(other);
}

static void test_an_urgent_batch_that_waits_lets_others_pass(void **state)
{
    (void)state;
    struct sl_error why = {0};
    sl_fail(&why, SL_E_STORE_UNAVAILABLE, "the store is away");
    enter("urgent", "a", 10, 1);
    enter("plain", "a", 0, 2);
    struct sl_lease lease = ledger_claim(NULL, "w1", LEDGER_MINUTE);
    assert_string_equal(lease.batch_id, "urgent");
    assert_ok(CALL(hand_back, &lease, "2999-01-01T00:00:00.000000Z", &why, &err));
    assert_string_equal(ledger_claim(NULL, "w1", LEDGER_MINUTE).batch_id, "plain");
}

static void test_no_more_batches_run_than_the_limit_says(void **state)
{
    (void)state;
    enter("b1", "a", 0, 1);
    enter("b2", "a", 0, 2);
    enter("b3", "b", 0, 3);
    struct sl_lease first = claim_limited("w1", 2, NULL, 0);
    assert_string_equal(first.batch_id, "b1");
    assert_string_equal(claim_limited("w2", 2, NULL, 0).batch_id, "b2");
    assert_string_equal(claim_limited("w3", 2, NULL, 0).batch_id, "");
    ledger_expect_batch("b3", "/attempts", "0");
    ledger_expect_batch("b3", "/status", "'pending'");
    assert_ok(CALL(close_batch, &first, SL_BATCH_SUCCEEDED, NULL, NULL, &err));
    assert_string_equal(claim_limited("w3", 2, NULL, 0).batch_id, "b3");
}

static void test_the_limit_of_an_intent_lets_other_intents_pass(void **state)
{
    (void)state;
    static const struct sl_intent_limit limits[] = {{"slow", 1}, {"never", 0}, {"it's \"odd\"", 1}};
    enter("n1", "never", 50, 0);
    enter("s1", "slow", 9, 1);
    enter("s2", "slow", 9, 2);
    enter("o1", "it's \"odd\"", 5, 3);
    enter("o2", "it's \"odd\"", 5, 4);
    enter("q1", "quick", 0, 5);
    struct sl_lease slow = claim_limited("w1", 0, limits, 3);
    assert_string_equal(slow.batch_id, "s1");
    assert_string_equal(claim_limited("w2", 0, limits, 3).batch_id, "o1");
    assert_string_equal(claim_limited("w3", 0, limits, 3).batch_id, "q1");
    assert_string_equal(claim_limited("w4", 0, limits, 3).batch_id, "");
    assert_ok(CALL(hand_back, &slow, "2999-01-01T00:00:00.000000Z", NULL, &err));
    assert_string_equal(claim_limited("w4", 0, limits, 3).batch_id, "s2");
}

static void test_a_named_batch_is_claimed_whatever_the_limits_say(void **state)
{
    (void)state;
    static const struct sl_intent_limit limits[] = {{"a", 1}};
    enter("b1", "a", 0, 1);
    enter("b2", "a", 0, 2);
    assert_string_equal(claim_limited("w1", 1, limits, 1).batch_id, "b1");
    const struct sl_claim named = {.batch_id = "b2",
                                   .owner = "w2",
                                   .lease_ms = LEDGER_MINUTE,
                                   .most_running = 1,
                                   .limits = limits,
                                   .n_limits = 1};
    struct sl_lease lease = {0};
    bool claimed = false;
    assert_ok(CALL(claim, &named, &claimed, &lease, NULL, &err));
    assert_true(claimed);
    assert_string_equal(lease.batch_id, "b2");
}

static void test_an_expired_lease_does_not_count_and_is_taken_over_within_the_limit(void **state)
{
    (void)state;
    static const struct sl_intent_limit limits[] = {{"a", 1}};
    enter("b1", "a", 0, 1);
    struct sl_lease lease = claim_limited("w1", 1, limits, 1);
    assert_string_equal(lease.batch_id, "b1");
    assert_ok(CALL(renew, &lease, 1, &err));
    ledger_let_expire();
    struct sl_lease taken = claim_limited("w2", 1, limits, 1);
    assert_string_equal(taken.batch_id, "b1");
    assert_int_equal(taken.attempt, 2);
    enter("b2", "a", 0, 2);
    assert_string_equal(claim_limited("w3", 1, limits, 1).batch_id, "");
}

int ledger_claim_suite_run(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_a_higher_priority_goes_first_and_age_decides_among_equals),
        LEDGER_TEST(test_a_higher_priority_goes_first_however_many_wait),
        LEDGER_TEST(test_each_of_many_is_claimed_once),
        LEDGER_TEST(test_an_urgent_batch_that_waits_lets_others_pass),
        LEDGER_TEST(test_no_more_batches_run_than_the_limit_says),
        LEDGER_TEST(test_the_limit_of_an_intent_lets_other_intents_pass),
        LEDGER_TEST(test_a_named_batch_is_claimed_whatever_the_limits_say),
        LEDGER_TEST(test_an_expired_lease_does_not_count_and_is_taken_over_within_the_limit),
    };
    return cmocka_run_group_tests_name("ledger claims", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Versions that a batch has reserved and never committed: how they are found again and given up. */
#include <string.h>

#include "conformance/ledger_fixture.h"

enum { SEEN_MAX = 16 };

struct seen {
    struct sl_reservation items[SEEN_MAX];
    size_t n;
};

static int note(void *data, const struct sl_reservation *r, struct sl_error *e)
{
    struct seen *s = data;
    (void)e;
    assert_true(s->n < SEEN_MAX);
    s->items[s->n++] = *r;
    return 0;
}

static size_t count(const char *batch_id)
{
    struct seen s = {0};
    assert_ok(CALL(reservations, batch_id, note, &s, &err));
    return s.n;
}

static int64_t reserve(const struct sl_lease *lease, const char *dataset)
{
    int64_t v = 0;
    assert_ok(CALL(reserve_version, lease, dataset, &v, &err));
    return v;
}

static bool drop(const char *dataset, int64_t version, const char *batch_id)
{
    struct sl_reservation r = {.version = version};
    bool dropped = false;
    snprintf(r.dataset_id, sizeof r.dataset_id, "%s", dataset);
    snprintf(r.batch_id, sizeof r.batch_id, "%s", batch_id);
    assert_ok(CALL(drop_reservation, &r, &dropped, &err));
    return dropped;
}

static void end(const struct sl_lease *lease, enum sl_batch_status status)
{
    struct sl_error why = {0};
    sl_fail(&why, SL_E_WORKER_CRASHED, "it is over");
    assert_ok(CALL(close_batch, lease, status, NULL, status == SL_BATCH_SUCCEEDED ? NULL : &why, &err));
}

static int64_t next_of(const char *dataset)
{
    int64_t v = 0;
    assert_ok(CALL(get_next_version, dataset, &v, &err));
    return v;
}

static void test_reservations_of_a_batch_are_those_that_it_made(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1"), two = ledger_running("b2", "w2", "r2");
    assert_int_equal(count("b1"), 0);
    reserve(&one, "roads");
    reserve(&two, "roads");
    reserve(&two, "parks");
    assert_int_equal(count("b2"), 2);
    struct seen s = {0};
    assert_ok(CALL(reservations, "b1", note, &s, &err));
    assert_int_equal(s.n, 1);
    assert_string_equal(s.items[0].dataset_id, "roads");
    assert_string_equal(s.items[0].batch_id, "b1");
    assert_int_equal(s.items[0].version, 1);
    assert_ok(CALL(release_versions, &two, &err));
    assert_int_equal(count("b2"), 0);
    assert_int_equal(count("b1"), 1);
}

static void test_only_batches_that_are_over_are_told_without_a_name(void **state)
{
    (void)state;
    struct sl_lease running = ledger_running("b1", "w1", "r1"), failed = ledger_running("b2", "w2", "r2"),
                    poison = ledger_running("b3", "w3", "r3"), waits = ledger_running("b4", "w4", "r4"),
                    linked = ledger_running("b5", "w5", "r5");
    reserve(&running, "roads");
    reserve(&failed, "roads");
    reserve(&poison, "roads");
    reserve(&waits, "roads");
    reserve(&linked, "roads");
    assert_int_equal(count(NULL), 0);
    end(&failed, SL_BATCH_FAILED);
    end(&linked, SL_BATCH_SUCCEEDED);
    struct sl_error why = {0};
    char batch_id[SL_BATCH_ID_BYTES];
    bool poisoned = false;
    sl_fail(&why, SL_E_WORKER_CRASHED, "signal 9");
    assert_ok(CALL(abandon, "w3", &why, 1, batch_id, &poisoned, &err));
    assert_true(poisoned);
    assert_ok(CALL(hand_back, &waits, NULL, &why, &err));
    struct seen s = {0};
    bool found[6] = {false};
    assert_ok(CALL(reservations, NULL, note, &s, &err));
    assert_int_equal(s.n, 3);
    for (size_t i = 0; i < s.n; i++)
        found[s.items[i].batch_id[1] - '0'] = true;
    assert_true(found[2] && found[3] && found[5]);
}

static void test_a_reservation_is_dropped_only_while_its_batch_is_over(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1");
    assert_int_equal(reserve(&one, "roads"), 1);
    assert_false(drop("roads", 1, "b1"));
    end(&one, SL_BATCH_QUARANTINED);
    SL_CLEANUP(sl_json_putp) struct json_object *replay = ledger_json("{'force':false}");
    assert_ok(CALL(reopen, "b1", replay, NULL, &err));
    assert_false(drop("roads", 1, "b1")); /* pending again: what recovers has looked before */
    one = ledger_claim("b1", "w2", LEDGER_MINUTE);
    assert_false(drop("roads", 1, "b1"));
    assert_int_equal(reserve(&one, "roads"), 1);
    end(&one, SL_BATCH_FAILED);
    assert_int_equal(next_of("roads"), 2);
    assert_true(drop("roads", 1, "b1"));
    assert_int_equal(next_of("roads"), 1);
    assert_int_equal(count(NULL), 0);
    assert_false(drop("roads", 1, "b1"));
}

static void test_a_number_that_another_batch_has_by_now_is_not_dropped(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1"), two = ledger_running("b2", "w2", "r2");
    assert_int_equal(reserve(&one, "roads"), 1);
    end(&one, SL_BATCH_FAILED);
    assert_true(drop("roads", 1, "b1"));
    assert_int_equal(reserve(&two, "roads"), 1);
    assert_false(drop("roads", 1, "b1"));
    assert_int_equal(count("b2"), 1);
    assert_int_equal(next_of("roads"), 2);
}

static void test_a_reservation_of_a_batch_that_is_not_in_the_ledger_cannot_be_in_the_way(void **state)
{
    (void)state;
    assert_false(drop("roads", 1, "nobody"));
    assert_int_equal(count("nobody"), 0);
    assert_int_equal(next_of("roads"), 1);
}

static int drop_it(void *data, const struct sl_reservation *r, struct sl_error *e)
{
    bool dropped = false;
    int rc = CALL(drop_reservation, r, &dropped, e);
    *(int *)data += dropped;
    return rc;
}

static int refuse(void *data, const struct sl_reservation *r, struct sl_error *e)
{
    (void)r;
    ++*(int *)data;
    return sl_fail(e, SL_E_CANCELLED, "enough");
}

static void test_the_visitor_may_drop_what_it_sees_and_may_stop(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1");
    int n = 0;
    reserve(&one, "roads");
    reserve(&one, "parks");
    end(&one, SL_BATCH_FAILED);
    assert_fails(CALL(reservations, NULL, refuse, &n, &err), SL_E_CANCELLED);
    assert_int_equal(n, 1);
    n = 0;
    assert_ok(CALL(reservations, NULL, drop_it, &n, &err));
    assert_int_equal(n, 2);
    assert_int_equal(count(NULL), 0);
    assert_int_equal(next_of("parks"), 1);
}

int ledger_reservation_suite_run(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_reservations_of_a_batch_are_those_that_it_made),
        LEDGER_TEST(test_only_batches_that_are_over_are_told_without_a_name),
        LEDGER_TEST(test_a_reservation_is_dropped_only_while_its_batch_is_over),
        LEDGER_TEST(test_a_number_that_another_batch_has_by_now_is_not_dropped),
        LEDGER_TEST(test_a_reservation_of_a_batch_that_is_not_in_the_ledger_cannot_be_in_the_way),
        LEDGER_TEST(test_the_visitor_may_drop_what_it_sees_and_may_stop),
    };
    return cmocka_run_group_tests_name("ledger reservations", tests, NULL, NULL);
}

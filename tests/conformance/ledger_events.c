/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger tells of changes, of processes and of itself. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "conformance/ledger_fixture.h"
#include "ledger/ledger.h"

enum { SEEN_MAX = 512, ID_BYTES = 160 };

struct seen {
    char events[SEEN_MAX][ID_BYTES]; /* "batch.running batch:b1:2" */
    size_t n, stop_at;
};

static int note(void *data, struct json_object *doc, struct sl_error *e)
{
    struct seen *s = data;
    int64_t at;
    if (s->stop_at && s->n == s->stop_at)
        return sl_fail(e, SL_E_CANCELLED, "enough");
    assert_true(s->n < SEEN_MAX);
    assert_true(sl_clock_parse(sl_json_str(doc, "at", ""), &at));
    snprintf(s->events[s->n++], ID_BYTES, "%s %s", sl_json_str(doc, "event", "?"), sl_json_str(doc, "_id", "?"));
    return 0;
}

static bool has(const struct seen *s, const char *event)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->events[i], event))
            return true;
    return false;
}

static void expect_events(const struct seen *s, const char *const *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!has(s, expected[i]))
            fail_msg("\"%s\" is missing among %zu events", expected[i], s->n);
    if (s->n != n)
        fail_msg("%zu events instead of %zu, the last \"%s\"", s->n, n, s->events[s->n - 1]);
}

static void test_each_change_is_an_event(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "";
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a1", "roads", 1, "b1", "r1");
    SL_CLEANUP(sl_json_putp) struct json_object *changes = ledger_json("{'rows_in':7}");
    assert_ok(CALL(update_run, &lease, "r1", changes, &err)); /* no event */
    assert_ok(CALL(renew, &lease, LEDGER_MINUTE, &err));      /* no event */
    assert_ok(CALL(commit, &lease, "r1", &asset, 1, NULL, &err));
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    static const char *const expected[] = {"batch.pending batch:b1:1", "batch.running batch:b1:2",
                                           "asset.committed asset:a1", "run.succeeded run:r1",
                                           "batch.succeeded batch:b1:3"};
    expect_events(&s, expected, 5);
    assert_string_equal(s.events[0], expected[0]);
    assert_string_equal(s.events[1], expected[1]);
}

static void test_every_end_of_an_attempt_is_an_event(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "", batch[SL_BATCH_ID_BYTES];
    struct sl_error why = {0};
    bool poisoned = false;
    sl_fail(&why, SL_E_STORE_UNAVAILABLE, "the store is away");
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    assert_ok(CALL(hand_back, &lease, NULL, &why, &err));
    lease = ledger_claim("b1", "w1", LEDGER_MINUTE);
    assert_ok(CALL(abandon, "w1", &why, 0, batch, &poisoned, &err));
    lease = ledger_claim("b1", "w2", LEDGER_MINUTE);
    assert_ok(CALL(close_batch, &lease, SL_BATCH_FAILED, NULL, &why, &err));
    assert_ok(CALL(reopen, "b1", NULL, NULL, &err));
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    static const char *const expected[] = {
        "batch.pending batch:b1:1", "batch.running batch:b1:2", "run.failed run:r1",
        "batch.pending batch:b1:3", "batch.running batch:b1:4", "batch.pending batch:b1:5",
        "batch.running batch:b1:6", "batch.failed batch:b1:7",  "batch.pending batch:b1:8"};
    expect_events(&s, expected, sizeof expected / sizeof *expected);
}

static void test_what_failed_left_no_event(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "";
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a1", "roads", 1, "b1", "r1");
    sl_json_put_str(asset, "kind", "picture");
    assert_fails(CALL(commit, &lease, "r1", &asset, 1, NULL, &err), SL_E_LEDGER_DOCUMENT);
    lease.attempt = 7;
    assert_fails(CALL(close_batch, &lease, SL_BATCH_FAILED, NULL, NULL, &err), SL_E_LEASE_LOST);
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    assert_int_equal(s.n, 2);
}

static void test_a_cursor_goes_on_where_it_was(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "", now[SL_CURSOR_BYTES] = "now";
    ledger_register("b1");
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    assert_int_equal(s.n, 1);
    assert_ok(CALL(events_since, now, note, &s, &err));
    assert_int_equal(s.n, 1);
    ledger_register("b2");
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    assert_true(has(&s, "batch.pending batch:b2:1"));
    size_t n = s.n;
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    assert_int_equal(s.n, n);
    struct seen later = {.n = 0};
    assert_ok(CALL(events_since, now, note, &later, &err));
    assert_true(has(&later, "batch.pending batch:b2:1"));
    char wrong[SL_CURSOR_BYTES] = "yesterday";
    assert_fails(CALL(events_since, wrong, note, &s, &err), SL_E_USAGE);
}

static void test_a_visitor_that_stops_sees_the_rest_later(void **state)
{
    (void)state;
    struct seen s = {.stop_at = 2};
    char cursor[SL_CURSOR_BYTES] = "";
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "b%d", i);
        ledger_register(id);
    }
    assert_fails(CALL(events_since, cursor, note, &s, &err), SL_E_CANCELLED);
    assert_int_equal(s.n, 2);
    s.stop_at = 0;
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    for (int i = 0; i < 5; i++) {
        char event[64];
        snprintf(event, sizeof event, "batch.pending batch:b%d:1", i);
        assert_true(has(&s, event));
    }
}

static void test_the_engine_may_enter_events_of_its_own(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "";
    SL_CLEANUP(sl_json_putp) struct json_object *event =
        ledger_json("{'_id':'gc-1','event':'gc.swept','message':'3 folders','details':{'folders':3,'$odd.key':{'':null}}}");
    assert_ok(CALL(add_event, event, &err));
    assert_ok(CALL(add_event, event, &err)); /* the same again */
    SL_CLEANUP(sl_json_putp) struct json_object *nameless = ledger_json("{'event':'sensor.started'}");
    assert_ok(CALL(add_event, nameless, &err));
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    assert_int_equal(s.n, 2);
    assert_true(has(&s, "gc.swept gc-1"));
    sl_json_put_int(nameless, "surprise", 1);
    assert_fails(CALL(add_event, nameless, &err), SL_E_LEDGER_DOCUMENT);
}

/* ---- several writers ---- */

enum { WRITERS = 4, EACH = 25 };

static _Noreturn void write_events(int number)
{
    struct sl_ledger *own = NULL;
    int rc = ledger_backend->open(ledger_backend->data, &own, NULL);
    for (int i = 0; rc == 0 && i < EACH; i++) {
        char id[32];
        struct json_object *event = ledger_json("{'event':'test.one'}");
        snprintf(id, sizeof id, "e-%d-%d", number, i);
        sl_json_put_str(event, "_id", id);
        rc = own->ops->add_event(own, event, NULL);
        json_object_put(event);
    }
    sl_ledger_free(own);
    _exit(rc < 0);
}

static void test_a_reader_misses_nothing_that_is_entered_meanwhile(void **state)
{
    (void)state;
    pid_t pids[WRITERS];
    int ended = 0;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "now";
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0)
            write_events(i);
    while (ended < WRITERS) {
        int status;
        assert_ok(CALL(events_since, cursor, note, &s, &err));
        for (int i = 0; i < WRITERS; i++) {
            if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pids[i] = 0;
                ended++;
            }
        }
    }
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    for (int i = 0; i < WRITERS; i++) {
        for (int k = 0; k < EACH; k++) {
            char event[64];
            snprintf(event, sizeof event, "test.one e-%d-%d", i, k);
            if (!has(&s, event))
                fail_msg("%s was not seen", event);
        }
    }
}

/* ---- processes, and the server itself ---- */

static int64_t sweep(int64_t age_s, bool dry_run)
{
    int64_t n = -1;
    assert_ok(CALL(sweep_events, age_s, dry_run, &n, &err));
    return n;
}

static void end_batch(const char *id, const char *run)
{
    struct sl_lease lease = ledger_running(id, "w1", run);
    assert_ok(CALL(close_batch, &lease, SL_BATCH_FAILED, NULL, NULL, &err));
}

static void test_old_events_go_but_the_first_of_a_batch_and_those_of_batches_that_are_not_over(void **state)
{
    (void)state;
    struct seen s = {.n = 0};
    char cursor[SL_CURSOR_BYTES] = "";
    SL_CLEANUP(sl_json_putp) struct json_object *own = ledger_json("{'_id':'e1','event':'repair','s3_key':'a/v1/a.parquet'}");
    end_batch("over", "r1"); /* pending, running, run, failed */
    ledger_running("open", "w2", "r2");
    ledger_register("waits");
    assert_ok(CALL(add_event, own, &err));
    ledger_let_expire();
    assert_int_equal(sweep(3600, false), 0);
    assert_int_equal(sweep(0, true), 4);
    assert_int_equal(sweep(0, false), 4);
    assert_int_equal(sweep(0, false), 0);
    assert_ok(CALL(events_since, cursor, note, &s, &err));
    static const char *const expected[] = {"batch.pending batch:over:1", "batch.pending batch:open:1",
                                           "batch.running batch:open:2", "batch.pending batch:waits:1"};
    expect_events(&s, expected, 4);
}

static void test_a_batch_whose_events_are_gone_is_known_and_may_go_again(void **state)
{
    (void)state;
    enum sl_registered how;
    end_batch("b1", "r1");
    ledger_let_expire();
    assert_int_equal(sweep(0, false), 3);
    SL_CLEANUP(sl_json_putp) struct json_object *again = ledger_manifest("b1", '1', NULL), *known = NULL;
    assert_ok(CALL(register_batch, again, &how, &err));
    assert_int_equal(how, SL_REGISTERED_SAME);
    assert_ok(CALL(reopen, "b1", NULL, NULL, &err));
    struct sl_lease lease = ledger_claim("b1", "w2", LEDGER_MINUTE);
    assert_ok(CALL(close_batch, &lease, SL_BATCH_FAILED, NULL, NULL, &err));
    assert_ok(CALL(get_batch, "b1", &known, &err));
    assert_int_equal(json_object_array_length(sl_json_get(known, "history")), 6);
}

static int keep(void *data, struct json_object *doc, struct sl_error *e)
{
    (void)e;
    json_object_put(*(struct json_object **)data);
    *(struct json_object **)data = json_object_get(doc);
    return 0;
}

static void test_processes_announce_themselves_and_leave(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_json("{'role':'worker','host':'gis1','pid':7,'state':'idle'}");
    SL_CLEANUP(sl_json_putp) struct json_object *found = NULL, *again = NULL, *gone = NULL;
    struct sl_find find = {.collection = "processes"};
    assert_ok(CALL(announce, "w1", doc, &err));
    assert_ok(CALL(find, &find, keep, &found, &err));
    assert_string_equal(sl_json_str(found, "_id", ""), "w1");
    assert_string_equal(sl_json_str(found, "role", ""), "worker");
    int64_t first = 0, second = 0;
    assert_true(sl_clock_parse(sl_json_str(found, "seen_at", ""), &first));
    ledger_let_expire();
    sl_json_put_str(doc, "state", "running");
    assert_ok(CALL(announce, "w1", doc, &err));
    assert_ok(CALL(find, &find, keep, &again, &err));
    assert_string_equal(sl_json_str(again, "state", ""), "running");
    assert_true(sl_clock_parse(sl_json_str(again, "seen_at", ""), &second));
    assert_true(second > first);
    assert_ok(CALL(announce, "w1", NULL, &err));
    assert_ok(CALL(find, &find, keep, &gone, &err));
    assert_null(gone);
    assert_ok(CALL(announce, "w1", NULL, &err));
    sl_json_put_int(doc, "surprise", 1);
    assert_fails(CALL(announce, "w1", doc, &err), SL_E_LEDGER_DOCUMENT);
}

static void test_the_server_says_what_it_is(void **state)
{
    (void)state;
    struct sl_ledger_probe probe = {0};
    assert_ok(CALL(probe, &probe, &err));
    assert_non_null(strchr(probe.server, ' '));
    int64_t off_ns = probe.clock_ns - sl_clock_wall_ns();
    assert_true(off_ns > -3600 * SL_NS_PER_S && off_ns < 3600 * SL_NS_PER_S);
}

int ledger_event_suite_run(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_each_change_is_an_event),
        LEDGER_TEST(test_every_end_of_an_attempt_is_an_event),
        LEDGER_TEST(test_what_failed_left_no_event),
        LEDGER_TEST(test_a_cursor_goes_on_where_it_was),
        LEDGER_TEST(test_a_visitor_that_stops_sees_the_rest_later),
        LEDGER_TEST(test_the_engine_may_enter_events_of_its_own),
        LEDGER_TEST(test_a_reader_misses_nothing_that_is_entered_meanwhile),
        LEDGER_TEST(test_old_events_go_but_the_first_of_a_batch_and_those_of_batches_that_are_not_over),
        LEDGER_TEST(test_a_batch_whose_events_are_gone_is_known_and_may_go_again),
        LEDGER_TEST(test_processes_announce_themselves_and_leave),
        LEDGER_TEST(test_the_server_says_what_it_is),
    };
    return cmocka_run_group_tests_name("ledger events", tests, NULL, NULL);
}

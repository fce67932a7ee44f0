/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "json/json.h"
#include "ledger/change.h"
#include "ledger/ledger.h"
#include "support/cm.h"

#define NOW "2026-11-21T09:14:03.123456Z"
#define LATER "2026-11-21T09:15:03.123456Z"

static struct json_object *pending(void)
{
    struct json_object *doc = json_object_new_object();
    sl_json_put_str(doc, "status", "pending");
    sl_json_put_str(doc, "batch_id", "b1");
    sl_ledger_fill_manifest(doc, NOW);
    return doc;
}

static size_t history_length(struct json_object *doc)
{
    return json_object_array_length(sl_json_get(doc, "history"));
}

static const char *last_status(struct json_object *doc)
{
    struct json_object *history = sl_json_get(doc, "history");
    return sl_json_str(json_object_array_get_idx(history, json_object_array_length(history) - 1), "status", "");
}

static void test_a_new_document_gets_what_it_lacks_and_keeps_what_it_has(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = json_object_new_object();
    sl_json_put_str(doc, "status", "quarantined");
    sl_json_put_str(doc, "created_at", LATER);
    sl_ledger_fill_manifest(doc, NOW);
    assert_string_equal(sl_json_str(doc, "created_at", ""), LATER);
    assert_string_equal(sl_json_str(doc, "updated_at", ""), NOW);
    assert_int_equal(sl_json_int(doc, "attempts", -1), 0);
    assert_true(json_object_object_get_ex(doc, "lease", NULL));
    assert_string_equal(last_status(doc), "quarantined");
}

static void test_a_change_leaves_the_document_itself_alone(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = pending();
    SL_CLEANUP(sl_json_putp) struct json_object *changes = sl_ledger_change_claimed(doc, "w1", LATER, NOW);
    SL_CLEANUP(sl_json_putp) struct json_object *after = sl_ledger_merge(doc, changes);
    assert_string_equal(sl_json_str(doc, "status", ""), "pending");
    assert_int_equal(history_length(doc), 1);
    assert_string_equal(sl_json_str(after, "status", ""), "running");
    assert_string_equal(sl_json_str(after, "batch_id", ""), "b1");
    assert_int_equal(history_length(after), 2);
    assert_int_equal(sl_json_int(sl_json_get(after, "lease"), "attempt", 0), 1);
}

static void test_every_status_change_is_in_the_history(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = pending();
    struct sl_error why = {0};
    bool poisoned = false;
    sl_fail(&why, SL_E_NET, "gone");
    struct json_object *changes[] = {
        sl_ledger_change_claimed(doc, "w1", LATER, NOW),
        sl_ledger_change_handed_back(doc, LATER, &why, NOW),
        sl_ledger_change_handed_back(doc, NULL, NULL, NOW),
        sl_ledger_change_closed(doc, SL_BATCH_FAILED, "r1", &why, NOW),
        sl_ledger_change_abandoned(doc, &why, 2, &poisoned, NOW),
        sl_ledger_change_reopened(doc, NULL, NULL, NOW),
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(history_length(changes[i]), 2);
        assert_string_equal(last_status(changes[i]), sl_json_str(changes[i], "status", "none"));
        assert_string_equal(sl_json_str(changes[i], "updated_at", ""), NOW);
        json_object_put(changes[i]);
    }
}

static void test_poison_is_told_with_the_last_error(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = pending();
    struct sl_error why = {0};
    bool poisoned = true;
    sl_fail(&why, SL_E_WORKER_CRASHED, "the worker was ended by signal 11");
    sl_json_put_int(doc, "crashes", 1);
    struct json_object *changes = sl_ledger_change_abandoned(doc, &why, 3, &poisoned, NOW);
    assert_false(poisoned);
    assert_string_equal(sl_json_str(changes, "status", ""), "pending");
    json_object_put(changes);
    changes = sl_ledger_change_abandoned(doc, &why, 2, &poisoned, NOW);
    assert_true(poisoned);
    assert_string_equal(sl_json_str(sl_json_get(changes, "error"), "code", ""), "batch.poison");
    assert_contains(sl_json_str(sl_json_get(changes, "error"), "message", ""), "signal 11");
    json_object_put(changes);
}

static void test_names_of_status_and_error_go_both_ways(void **state)
{
    (void)state;
    for (int i = SL_BATCH_PENDING; i <= SL_BATCH_QUARANTINED; i++) {
        enum sl_batch_status status = SL_BATCH_PENDING;
        assert_true(sl_batch_status_by_name(sl_batch_status_name((enum sl_batch_status)i), &status));
        assert_int_equal(status, i);
    }
    enum sl_batch_status untouched = SL_BATCH_FAILED;
    assert_false(sl_batch_status_by_name("nope", &untouched));
    assert_int_equal(untouched, SL_BATCH_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_document_gets_what_it_lacks_and_keeps_what_it_has),
        cmocka_unit_test(test_a_change_leaves_the_document_itself_alone),
        cmocka_unit_test(test_every_status_change_is_in_the_history),
        cmocka_unit_test(test_poison_is_told_with_the_last_error),
        cmocka_unit_test(test_names_of_status_and_error_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/ledger_suite.h"

#include "conformance/ledger_fixture.h"
#include "ledger/ledger.h"

static struct sl_error boom(void)
{
    struct sl_error e = {0};
    sl_fail(&e, SL_E_STORE_UNAVAILABLE, "the store is away");
    return e;
}

/* ---- registering and claiming ---- */

static void test_registering_again_tells_same_from_other(void **state)
{
    (void)state;
    enum sl_registered how = SL_REGISTERED_OTHER;
    SL_CLEANUP(sl_json_putp) struct json_object *one = ledger_manifest("b1", '1', NULL);
    SL_CLEANUP(sl_json_putp) struct json_object *other = ledger_manifest("b1", '2', NULL);
    assert_ok(CALL(register_batch, one, &how, &err));
    assert_int_equal(how, SL_REGISTERED_NEW);
    assert_ok(CALL(register_batch, one, &how, &err));
    assert_int_equal(how, SL_REGISTERED_SAME);
    sl_json_put_str(other, "uploader", "eve");
    assert_ok(CALL(register_batch, other, &how, &err));
    assert_int_equal(how, SL_REGISTERED_OTHER);
    ledger_expect_batch("b1", "/uploader", "'ana'");
    ledger_expect_batch("b1", "/status", "'pending'");
    ledger_expect_batch("b1", "/history/0/status", "'pending'");
}

static void test_a_manifest_is_kept_as_uploaded(void **state)
{
    (void)state;
    ledger_register("b1");
    ledger_claim("b1", "w1", LEDGER_MINUTE);
    ledger_expect_batch("b1", "/manifest/half", "0.5");
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    assert_ok(CALL(get_batch, "b1", &doc, &err));
    assert_contains(json_object_to_json_string(doc), "12345678901234567890");
}

static void test_invalid_documents_are_refused(void **state)
{
    (void)state;
    enum sl_registered how;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest("b1", '1', NULL);
    sl_json_put_int(doc, "surprise", 1);
    assert_fails(CALL(register_batch, doc, &how, &err), SL_E_LEDGER_DOCUMENT);
    assert_contains(err.message, "surprise");
    json_object_object_del(doc, "surprise");
    sl_json_put_str(doc, "created_at", "yesterday");
    assert_fails(CALL(register_batch, doc, &how, &err), SL_E_LEDGER_DOCUMENT);
    json_object_object_del(doc, "created_at");
    sl_json_put_str(doc, "status", "running");
    assert_fails(CALL(register_batch, doc, &how, &err), SL_E_LEDGER_DOCUMENT);
    struct json_object *found = NULL;
    assert_ok(CALL(get_batch, "b1", &found, &err));
    assert_null(found);
    struct sl_lease lease = ledger_running("b2", "w1", "r2");
    SL_CLEANUP(sl_json_putp) struct json_object *changes = ledger_json("{'rows_in':-1}");
    assert_fails(CALL(update_run, &lease, "r2", changes, &err), SL_E_LEDGER_DOCUMENT);
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a1", "roads", 1, "b2", "r2");
    sl_json_put_str(asset, "kind", "picture");
    assert_fails(CALL(commit, &lease, "r2", &asset, 1, NULL, &err), SL_E_LEDGER_DOCUMENT);
    assert_fails(CALL(hand_back, &lease, "soon", NULL, &err), SL_E_LEDGER_DOCUMENT);
    ledger_expect_batch("b2", "/status", "'running'");
}

static void test_the_oldest_due_batch_is_claimed_first(void **state)
{
    (void)state;
    static const char *const ids[] = {"late", "early", "middle"};
    static const char *const times[] = {"2026-11-21T09:00:03.000000Z", "2026-11-21T09:00:01.000000Z",
                                        "2026-11-21T09:00:02.000000Z"};
    enum sl_registered how;
    for (int i = 0; i < 3; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(ids[i], '1', times[i]);
        assert_ok(CALL(register_batch, doc, &how, &err));
    }
    assert_string_equal(ledger_claim(NULL, "w1", LEDGER_MINUTE).batch_id, "early");
    assert_string_equal(ledger_claim(NULL, "w2", LEDGER_MINUTE).batch_id, "middle");
    assert_string_equal(ledger_claim(NULL, "w3", LEDGER_MINUTE).batch_id, "late");
    struct sl_lease lease;
    bool claimed = true;
    assert_ok(CALL(claim, CLAIM(NULL, "w4", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed);
}

static void test_a_claim_is_in_the_document(void **state)
{
    (void)state;
    ledger_register("b1");
    struct sl_lease lease;
    bool claimed = false;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    assert_ok(CALL(claim, CLAIM(NULL, "w1", LEDGER_MINUTE), &claimed, &lease, &doc, &err));
    assert_int_equal(lease.attempt, 1);
    assert_string_equal(sl_json_str(doc, "status", ""), "running");
    ledger_expect_batch("b1", "/lease/owner", "'w1'");
    ledger_expect_batch("b1", "/lease/attempt", "1");
    ledger_expect_batch("b1", "/attempts", "1");
    ledger_expect_batch("b1", "/history/1/status", "'running'");
}

static void test_a_given_batch_that_cannot_be_claimed_says_why(void **state)
{
    (void)state;
    struct sl_lease lease;
    bool claimed = true;
    assert_fails(CALL(claim, CLAIM("none", "w1", LEDGER_MINUTE), &claimed, &lease, NULL, &err), SL_E_BATCH_NOT_FOUND);
    ledger_register("b1");
    struct sl_lease held = ledger_claim("b1", "w1", LEDGER_MINUTE);
    assert_fails(CALL(claim, CLAIM("b1", "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err), SL_E_BATCH_BUSY);
    assert_contains(err.message, "w1");
    assert_ok(CALL(close_batch, &held, SL_BATCH_SUCCEEDED, NULL, NULL, &err));
    assert_ok(CALL(claim, CLAIM("b1", "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed);
}

static void test_a_batch_is_not_claimed_before_its_time(void **state)
{
    (void)state;
    ledger_register("b1");
    struct sl_lease lease = ledger_claim("b1", "w1", LEDGER_MINUTE);
    struct sl_error why = boom();
    assert_ok(CALL(hand_back, &lease, "2999-01-01T00:00:00.000000Z", &why, &err));
    bool claimed = true;
    assert_ok(CALL(claim, CLAIM(NULL, "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed);
    int64_t pending = 0, running = 0, due = 0;
    assert_ok(CALL(outstanding, &pending, &running, &due, &err));
    assert_int_equal(pending, 1);
    assert_int_equal(running, 0);
    assert_true(due > INT64_C(1000) * 3600 * 24 * 365 * 900);
    ledger_register("b2");
    ledger_register("b3");
    ledger_claim("b3", "w3", LEDGER_MINUTE);
    assert_ok(CALL(outstanding, &pending, &running, &due, &err));
    assert_int_equal(pending, 2);
    assert_int_equal(running, 1);
    assert_int_equal(due, 0);
    assert_ok(CALL(hand_back, &(struct sl_lease){.batch_id = "b3", .owner = "w3", .attempt = 1},
                   "2000-01-01T00:00:00.000000Z", &why, &err));
    ledger_claim("b3", "w3", LEDGER_MINUTE);
}

/* ---- leases ---- */

static void test_an_expired_lease_is_taken_over_and_its_run_ended(void **state)
{
    (void)state;
    struct sl_lease old = ledger_running("b1", "w1", "r1"), new_lease;
    bool claimed = true;
    assert_ok(CALL(claim, CLAIM(NULL, "w2", LEDGER_MINUTE), &claimed, &new_lease, NULL, &err));
    assert_false(claimed);
    assert_ok(CALL(renew, &old, 1, &err));
    ledger_let_expire();
    assert_fails(CALL(renew, &old, LEDGER_MINUTE, &err), SL_E_LEASE_LOST);
    new_lease = ledger_claim(NULL, "w2", LEDGER_MINUTE);
    assert_int_equal(new_lease.attempt, 2);
    ledger_expect_run("r1", "/status", "'failed'");
    ledger_expect_run("r1", "/error/code", "'lease.lost'");
    ledger_expect_batch("b1", "/history/2/taken_from", "'w1'");
    assert_ok(CALL(renew, &new_lease, LEDGER_MINUTE, &err));
}

static void expect_fenced(const struct sl_lease *old)
{
    struct sl_error why = boom();
    int64_t version = 0;
    SL_CLEANUP(sl_json_putp) struct json_object *run = ledger_json("{'_id':'r9'}");
    SL_CLEANUP(sl_json_putp) struct json_object *changes = ledger_json("{'rows_in':7}");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a9", "roads", 9, old->batch_id, "r1");
    assert_fails(CALL(renew, old, LEDGER_MINUTE, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(hand_back, old, NULL, &why, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(close_batch, old, SL_BATCH_FAILED, NULL, &why, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(begin_run, old, run, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(update_run, old, "r1", changes, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(reserve_version, old, "roads", &version, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(release_versions, old, &err), SL_E_LEASE_LOST);
    assert_fails(CALL(commit, old, "r1", &asset, 1, NULL, &err), SL_E_LEASE_LOST);
    struct json_object *none = NULL;
    assert_ok(CALL(get_asset, "a9", &none, &err));
    assert_null(none);
    assert_ok(CALL(get_run, "r9", &none, &err));
    assert_null(none);
}

static void test_every_call_with_an_old_lease_is_fenced(void **state)
{
    (void)state;
    struct sl_lease old = ledger_running("b1", "w1", "r1");
    int64_t version = 0;
    assert_ok(CALL(reserve_version, &old, "roads", &version, &err));
    assert_ok(CALL(renew, &old, 1, &err));
    ledger_let_expire();
    expect_fenced(&old); /* expired, not yet taken */
    struct sl_lease taken = ledger_claim("b1", "w2", LEDGER_MINUTE);
    expect_fenced(&old); /* taken by another */
    struct sl_lease same_owner = taken;
    same_owner.attempt--;
    expect_fenced(&same_owner); /* an earlier attempt of the same owner */
    ledger_expect_batch("b1", "/status", "'running'");
    ledger_expect_batch("b1", "/lease/owner", "'w2'");
    assert_ok(CALL(close_batch, &taken, SL_BATCH_SUCCEEDED, NULL, NULL, &err));
    expect_fenced(&taken); /* over */
    assert_ok(CALL(get_next_version, "roads", &version, &err));
    assert_int_equal(version, 2); /* the reservation outlived them */
}

struct lease_list {
    int n;
    char owners[4][SL_OWNER_BYTES];
};

static int collect_lease(void *data, const struct sl_lease *lease, struct sl_error *e)
{
    (void)e;
    struct lease_list *list = data;
    assert_true(list->n < 4);
    snprintf(list->owners[list->n++], SL_OWNER_BYTES, "%s", lease->owner);
    return 0;
}

static void test_leases_lists_what_is_held(void **state)
{
    (void)state;
    struct lease_list list = {0};
    ledger_register("b1");
    ledger_register("b2");
    ledger_register("b3");
    struct sl_lease first = ledger_claim("b1", "w1", LEDGER_MINUTE);
    ledger_claim("b2", "w2", LEDGER_MINUTE);
    assert_ok(CALL(leases, collect_lease, &list, &err));
    assert_int_equal(list.n, 2);
    assert_ok(CALL(close_batch, &first, SL_BATCH_SUCCEEDED, NULL, NULL, &err));
    list.n = 0;
    assert_ok(CALL(leases, collect_lease, &list, &err));
    assert_int_equal(list.n, 1);
    assert_string_equal(list.owners[0], "w2");
}

/* ---- the ends of an attempt ---- */

static void test_handing_back_untouched_does_not_count(void **state)
{
    (void)state;
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    assert_ok(CALL(hand_back, &lease, NULL, NULL, &err));
    ledger_expect_batch("b1", "/attempts", "0");
    ledger_expect_batch("b1", "/status", "'pending'");
    ledger_expect_batch("b1", "/lease", "null");
    ledger_expect_run("r1", "/status", "'cancelled'");
    lease = ledger_claim("b1", "w2", LEDGER_MINUTE);
    struct sl_error why = boom();
    assert_ok(CALL(hand_back, &lease, NULL, &why, &err));
    ledger_expect_batch("b1", "/attempts", "1");
    ledger_expect_batch("b1", "/error/code", "'store.unavailable'");
}

static void test_closing_ends_batch_and_run_with_the_error(void **state)
{
    (void)state;
    struct sl_error why = boom();
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    assert_ok(CALL(close_batch, &lease, SL_BATCH_QUARANTINED, "r1", &why, &err));
    ledger_expect_batch("b1", "/status", "'quarantined'");
    ledger_expect_batch("b1", "/run_id", "'r1'");
    ledger_expect_batch("b1", "/error/message", "'the store is away'");
    ledger_expect_batch("b1", "/history/2/code", "'store.unavailable'");
    ledger_expect_run("r1", "/status", "'quarantined'");
    assert_true(CALL(close_batch, &lease, SL_BATCH_PENDING, NULL, NULL, &err) < 0);
}

static void test_a_move_is_marked_until_the_manifest_has_left(void **state)
{
    (void)state;
    struct sl_error why = boom();
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    SL_CLEANUP(sl_json_putp) struct json_object *replay = ledger_json("{'from_raw':false}");
    assert_ok(CALL(close_batch, &lease, SL_BATCH_FAILED, "r1", &why, &err));
    assert_ok(CALL(move_manifest, "b1", "quarantine/b1.json", "manifests/b1.json", &err));
    ledger_expect_batch("b1", "/manifest_key", "'quarantine/b1.json'");
    ledger_expect_batch("b1", "/leaving", "'manifests/b1.json'");
    assert_ok(CALL(left_manifest, "b1", "manifests/other.json", &err));
    ledger_expect_batch("b1", "/leaving", "'manifests/b1.json'");
    assert_ok(CALL(left_manifest, "b1", "manifests/b1.json", &err));
    ledger_expect_batch("b1", "/leaving", "null");
    assert_ok(CALL(left_manifest, "b1", "manifests/b1.json", &err));
    assert_ok(CALL(move_manifest, "b1", "quarantine/b1.json", "manifests/b1.json", &err));
    assert_ok(CALL(reopen, "b1", replay, "manifests/again.json", &err));
    ledger_expect_batch("b1", "/manifest_key", "'manifests/again.json'");
    ledger_expect_batch("b1", "/leaving", "null");
    assert_ok(CALL(move_manifest, "b1", "archive/b1.json", NULL, &err));
    ledger_expect_batch("b1", "/leaving", "null");
    assert_fails(CALL(move_manifest, "none", "x", NULL, &err), SL_E_BATCH_NOT_FOUND);
    assert_fails(CALL(left_manifest, "none", "x", &err), SL_E_BATCH_NOT_FOUND);
}

static void test_a_batch_that_ends_its_workers_is_poison(void **state)
{
    (void)state;
    struct sl_error why = boom();
    char batch[SL_BATCH_ID_BYTES] = "x";
    bool poisoned = true;
    assert_ok(CALL(abandon, "w1", &why, 2, batch, &poisoned, &err));
    assert_string_equal(batch, "");
    assert_false(poisoned);
    ledger_running("b1", "w1", "r1");
    assert_ok(CALL(abandon, "w1", &why, 0, batch, &poisoned, &err)); /* not its fault */
    ledger_expect_batch("b1", "/crashes", "0");
    ledger_claim("b1", "w1", LEDGER_MINUTE);
    assert_ok(CALL(abandon, "w1", &why, 2, batch, &poisoned, &err));
    assert_string_equal(batch, "b1");
    assert_false(poisoned);
    ledger_expect_batch("b1", "/status", "'pending'");
    ledger_expect_batch("b1", "/crashes", "1");
    ledger_expect_run("r1", "/status", "'failed'");
    ledger_claim("b1", "w1", LEDGER_MINUTE);
    assert_ok(CALL(abandon, "w1", &why, 2, batch, &poisoned, &err));
    assert_true(poisoned);
    ledger_expect_batch("b1", "/status", "'quarantined'");
    ledger_expect_batch("b1", "/error/code", "'batch.poison'");
}

static void test_only_a_batch_that_is_over_is_reopened(void **state)
{
    (void)state;
    SL_CLEANUP(sl_json_putp) struct json_object *replay = ledger_json("{'force':true,'params':{'x':1}}");
    assert_fails(CALL(reopen, "b1", replay, NULL, &err), SL_E_BATCH_NOT_FOUND);
    ledger_register("b1");
    assert_fails(CALL(reopen, "b1", replay, NULL, &err), SL_E_BATCH_BUSY);
    struct sl_lease lease = ledger_claim("b1", "w1", LEDGER_MINUTE);
    assert_fails(CALL(reopen, "b1", replay, NULL, &err), SL_E_BATCH_BUSY);
    struct sl_error why = boom();
    assert_ok(CALL(close_batch, &lease, SL_BATCH_FAILED, NULL, &why, &err));
    assert_ok(CALL(reopen, "b1", replay, NULL, &err));
    ledger_expect_batch("b1", "/status", "'pending'");
    ledger_expect_batch("b1", "/replay/params/x", "1");
    ledger_expect_batch("b1", "/error", "null");
    ledger_expect_batch("b1", "/attempts_before", "1");
    assert_int_equal(ledger_claim("b1", "w1", LEDGER_MINUTE).attempt, 2);
}

/* ---- runs, versions, assets ---- */

static void test_a_run_begins_once_and_takes_changes(void **state)
{
    (void)state;
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    ledger_expect_batch("b1", "/run_id", "'r1'");
    ledger_expect_run("r1", "/attempt", "1");
    SL_CLEANUP(sl_json_putp) struct json_object *changes =
        ledger_json("{'rows_in':177,'stages':[{'name':'load','rows':177}]}");
    assert_ok(CALL(update_run, &lease, "r1", changes, &err));
    ledger_expect_run("r1", "/stages/0/name", "'load'");
    ledger_expect_run("r1", "/rows_in", "177");
    ledger_expect_run("r1", "/status", "'running'");
    SL_CLEANUP(sl_json_putp) struct json_object *again = ledger_json("{'_id':'r1'}");
    assert_fails(CALL(begin_run, &lease, again, &err), SL_E_LEDGER_CONFLICT);
    assert_fails(CALL(update_run, &lease, "none", changes, &err), SL_E_LEDGER_NOT_FOUND);
    struct sl_lease other = ledger_running("b2", "w2", "r2");
    assert_fails(CALL(update_run, &other, "r1", changes, &err), SL_E_LEDGER_NOT_FOUND);
}

static void test_a_reserved_version_belongs_to_its_batch(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1"), two = ledger_running("b2", "w2", "r2");
    int64_t v = 0;
    assert_ok(CALL(get_next_version, "roads", &v, &err));
    assert_int_equal(v, 1);
    assert_ok(CALL(reserve_version, &one, "roads", &v, &err));
    assert_int_equal(v, 1);
    assert_ok(CALL(reserve_version, &two, "roads", &v, &err));
    assert_int_equal(v, 2);
    assert_ok(CALL(reserve_version, &two, "parks", &v, &err));
    assert_int_equal(v, 1);
    assert_ok(CALL(reserve_version, &one, "roads", &v, &err));
    assert_int_equal(v, 1);
    struct sl_error why = boom();
    assert_ok(CALL(hand_back, &one, NULL, &why, &err));
    one = ledger_claim("b1", "w3", LEDGER_MINUTE);
    assert_ok(CALL(reserve_version, &one, "roads", &v, &err));
    assert_int_equal(v, 1); /* also in a later attempt */
    assert_ok(CALL(get_next_version, "roads", &v, &err));
    assert_int_equal(v, 3);
    assert_ok(CALL(release_versions, &two, &err));
    assert_ok(CALL(get_next_version, "roads", &v, &err));
    assert_int_equal(v, 2);
    assert_ok(CALL(get_next_version, "parks", &v, &err));
    assert_int_equal(v, 1);
}

static void commit_one(struct sl_lease *lease, const char *id, const char *dataset, int64_t version, const char *run)
{
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset(id, dataset, version, lease->batch_id, run);
    SL_CLEANUP(sl_json_putp) struct json_object *changes = ledger_json("{'rows_out':5}");
    assert_ok(CALL(commit, lease, run, &asset, 1, changes, &err));
}

static void test_a_commit_makes_asset_run_and_batch_true_together(void **state)
{
    (void)state;
    struct sl_lease lease = ledger_running("b1", "w1", "r1");
    int64_t v = 0;
    assert_ok(CALL(reserve_version, &lease, "roads", &v, &err));
    commit_one(&lease, "a1", "roads", v, "r1");
    ledger_expect_batch("b1", "/status", "'succeeded'");
    ledger_expect_batch("b1", "/lease", "null");
    ledger_expect_run("r1", "/status", "'succeeded'");
    ledger_expect_run("r1", "/rows_out", "5");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = NULL;
    assert_ok(CALL(get_asset, "a1", &asset, &err));
    assert_string_equal(sl_json_str(asset, "dataset_id", ""), "roads");
    assert_ok(CALL(get_next_version, "roads", &v, &err));
    assert_int_equal(v, 2);
    assert_fails(CALL(renew, &lease, LEDGER_MINUTE, &err), SL_E_LEASE_LOST);
}

static void test_a_commit_that_collides_changes_nothing(void **state)
{
    (void)state;
    struct sl_lease first = ledger_running("b1", "w1", "r1");
    commit_one(&first, "a1", "roads", 1, "r1");
    struct sl_lease second = ledger_running("b2", "w2", "r2");
    struct json_object *assets[2] = {ledger_asset("a2", "parks", 1, "b2", "r2"),
                                     ledger_asset("a3", "roads", 1, "b2", "r2")};
    assert_fails(CALL(commit, &second, "r2", assets, 2, NULL, &err), SL_E_LEDGER_CONFLICT);
    struct json_object *none = NULL;
    assert_ok(CALL(get_asset, "a2", &none, &err));
    assert_null(none);
    ledger_expect_batch("b2", "/status", "'running'");
    ledger_expect_run("r2", "/status", "'running'");
    /* The same key in the same bucket collides too, and after it is put right the commit goes through. */
    sl_json_put_int(assets[1], "version", 2);
    assert_fails(CALL(commit, &second, "r2", assets, 2, NULL, &err), SL_E_LEDGER_CONFLICT);
    sl_json_put_str(assets[1], "s3_key", "roads/v2/roads.parquet");
    assert_ok(CALL(commit, &second, "r2", assets, 2, NULL, &err));
    json_object_put(assets[0]);
    json_object_put(assets[1]);
    ledger_expect_batch("b2", "/status", "'succeeded'");
}

static void expect_id(struct json_object *doc, const char *id)
{
    if (id)
        assert_string_equal(sl_json_str(doc, "_id", "none"), id);
    else
        assert_null(doc);
    json_object_put(doc);
}

static void test_assets_are_found_by_what_names_them(void **state)
{
    (void)state;
    struct sl_lease one = ledger_running("b1", "w1", "r1"), two = ledger_running("b2", "w2", "r2");
    commit_one(&one, "a1", "roads", 1, "r1");
    commit_one(&two, "a2", "roads", 2, "r2");
    struct json_object *doc = NULL;
    assert_ok(CALL(get_latest_asset, "roads", &doc, &err));
    expect_id(doc, "a2");
    assert_ok(CALL(get_latest_asset, "none", &doc, &err));
    expect_id(doc, NULL);
    assert_ok(CALL(get_asset_version, "roads", 1, &doc, &err));
    expect_id(doc, "a1");
    assert_ok(CALL(get_asset_version, "roads", 3, &doc, &err));
    expect_id(doc, NULL);
    assert_ok(CALL(get_asset_by_key, "data-lake", "roads/v2/roads.parquet", &doc, &err));
    expect_id(doc, "a2");
    assert_ok(CALL(get_asset_by_key, "other", "roads/v2/roads.parquet", &doc, &err));
    expect_id(doc, NULL);
    assert_ok(CALL(get_asset_by_fingerprint, "f-1", &doc, &err));
    expect_id(doc, "a2");
    assert_ok(CALL(get_asset_by_fingerprint, "f-2", &doc, &err));
    expect_id(doc, NULL);
    bool exists = false;
    char hash[80];
    snprintf(hash, sizeof hash, "sha256:%063da", 0);
    assert_ok(CALL(asset_exists, hash, &exists, &err));
    assert_true(exists);
    assert_ok(CALL(asset_exists, "sha256:0", &exists, &err));
    assert_false(exists);
}

static void test_a_server_that_went_is_unavailable_and_can_be_opened_again(void **state)
{
    (void)state;
    if (!ledger_backend->stop) {
        print_message("skipped: this server is not ours to stop\n");
        skip();
    }
    ledger_register("b1");
    assert_ok(ledger_backend->stop(ledger_backend->data, &err));
    struct json_object *doc = NULL;
    int rc = CALL(get_batch, "b1", &doc, &err);
    assert_true(rc < 0);
    assert_int_equal(sl_code_class(err.code), SL_CLASS_TRANSIENT);
    assert_int_equal(sl_code_exit(err.code), SL_EXIT_UNAVAILABLE);
    struct sl_ledger *again = NULL;
    rc = ledger_backend->open(ledger_backend->data, &again, &err);
    assert_true(rc < 0);
    assert_int_equal(sl_code_exit(err.code), SL_EXIT_UNAVAILABLE);
    assert_ok(ledger_backend->start(ledger_backend->data, &err));
    assert_ok(ledger_backend->open(ledger_backend->data, &again, &err));
    assert_ok(again->ops->get_batch(again, "b1", &doc, &err));
    assert_non_null(doc);
    json_object_put(doc);
    sl_ledger_free(again);
}

int ledger_suite_run(const struct ledger_backend *backend)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(test_registering_again_tells_same_from_other),
        LEDGER_TEST(test_a_manifest_is_kept_as_uploaded),
        LEDGER_TEST(test_invalid_documents_are_refused),
        LEDGER_TEST(test_the_oldest_due_batch_is_claimed_first),
        LEDGER_TEST(test_a_claim_is_in_the_document),
        LEDGER_TEST(test_a_given_batch_that_cannot_be_claimed_says_why),
        LEDGER_TEST(test_a_batch_is_not_claimed_before_its_time),
        LEDGER_TEST(test_an_expired_lease_is_taken_over_and_its_run_ended),
        LEDGER_TEST(test_every_call_with_an_old_lease_is_fenced),
        LEDGER_TEST(test_leases_lists_what_is_held),
        LEDGER_TEST(test_handing_back_untouched_does_not_count),
        LEDGER_TEST(test_closing_ends_batch_and_run_with_the_error),
        LEDGER_TEST(test_a_batch_that_ends_its_workers_is_poison),
        LEDGER_TEST(test_a_move_is_marked_until_the_manifest_has_left),
        LEDGER_TEST(test_only_a_batch_that_is_over_is_reopened),
        LEDGER_TEST(test_a_run_begins_once_and_takes_changes),
        LEDGER_TEST(test_a_reserved_version_belongs_to_its_batch),
        LEDGER_TEST(test_a_commit_makes_asset_run_and_batch_true_together),
        LEDGER_TEST(test_a_commit_that_collides_changes_nothing),
        LEDGER_TEST(test_assets_are_found_by_what_names_them),
        LEDGER_TEST(test_a_server_that_went_is_unavailable_and_can_be_opened_again),
    };
    ledger_backend = backend;
    int failed = cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
    return failed + ledger_claim_suite_run() + ledger_reservation_suite_run() + ledger_event_suite_run() +
           ledger_process_suite_run() + ledger_find_suite_run();
}

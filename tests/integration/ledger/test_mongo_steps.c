/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an end between any two requests leaves: the line breaks before each request of an operation, and after it has been
 * done but before its answer came. Then somebody else goes on, and the batch is in the ledger once and whole, or not.
 */
#include "mongo_proxy.h"

#include "base/clock.h"
#include "conformance/ledger_fixture.h"
#include "ledger/ledger.h"
#include "ledger/mongo/mongo.h"
#include "support/ferretdb.h"

enum { STEPS_MAX = 60 };

static struct test_ferretdb server;
static struct mongo_proxy proxy;

static int open_at(int port, struct sl_ledger **out, struct sl_error *e)
{
    const struct sl_ledger_mongo_options options = {.host = "127.0.0.1",
                                                    .port = port,
                                                    .database = "steps",
                                                    .timeout_ms = 20000,
                                                    .schemas_dir = SLUICE_SOURCE_DIR "/schemas"};
    return sl_ledger_mongo_open(&options, out, e);
}

static int count_one(void *data, struct json_object *doc, struct sl_error *e)
{
    (void)doc, (void)e;
    ++*(int *)data;
    return 0;
}

static int count_in(const char *collection, const char *filter_text)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = ledger_json(filter_text);
    struct sl_find find = {.collection = collection, .filter = filter};
    int n = 0;
    assert_ok(CALL(find, &find, count_one, &n, &err));
    return n;
}

/* Through the proxy: the line breaks after `left` requests. */
static struct sl_ledger *through_proxy(void)
{
    struct sl_ledger *far = NULL;
    atomic_store(&proxy.state->left, -1);
    assert_ok(open_at(proxy.port, &far, &err));
    return far;
}

static void break_after(int left, bool drop_reply)
{
    atomic_store(&proxy.state->drop_reply, drop_reply);
    atomic_store(&proxy.state->left, left);
}

/* Behind the ledger's back. */
static void take_away(const char *collection, const char *id)
{
    char uri[64];
    bson_error_t error = {0};
    snprintf(uri, sizeof uri, "mongodb://127.0.0.1:%d", server.port);
    mongoc_client_t *client = mongoc_client_new(uri);
    mongoc_collection_t *c = mongoc_client_get_collection(client, "steps", collection);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(id)), reply;
    bson_iter_t it;
    assert_true(mongoc_collection_delete_one(c, filter, NULL, &reply, &error));
    assert_true(bson_iter_init_find(&it, &reply, "deletedCount") && bson_iter_as_int64(&it) == 1);
    bson_destroy(&reply);
    bson_destroy(filter);
    mongoc_collection_destroy(c);
    mongoc_client_destroy(client);
}

/* Whether the line held: then the operation needs no more requests than that. */
static bool was_enough(void)
{
    bool enough = atomic_load(&proxy.state->left) > 0;
    atomic_store(&proxy.state->left, -1);
    return enough;
}

static struct json_object *asset_of(const char *batch, const char *run, const char *id, const char *dataset)
{
    struct json_object *asset = ledger_asset(id, dataset, 1, batch, run);
    char fingerprint[160];
    snprintf(fingerprint, sizeof fingerprint, "f-%s", dataset);
    sl_json_put_str(asset, "fingerprint", fingerprint);
    return asset;
}

static int commit_two(struct sl_ledger *l, const struct sl_lease *lease, const char *run, const char *dataset_a,
                      const char *dataset_b)
{
    char a[160], b[160];
    int64_t version = 0;
    snprintf(a, sizeof a, "%s-%s", run, dataset_a);
    snprintf(b, sizeof b, "%s-%s", run, dataset_b);
    struct json_object *assets[2] = {asset_of(lease->batch_id, run, a, dataset_a), asset_of(lease->batch_id, run, b, dataset_b)};
    SL_CLEANUP(sl_json_putp) struct json_object *changes = ledger_json("{'rows_out':5}");
    int rc = l->ops->reserve_version(l, lease, dataset_a, &version, &err);
    if (rc == 0)
        rc = l->ops->reserve_version(l, lease, dataset_b, &version, &err);
    if (rc == 0)
        rc = l->ops->commit(l, lease, run, assets, 2, changes, &err);
    json_object_put(assets[0]);
    json_object_put(assets[1]);
    return rc;
}

/* The supervisor's part after a worker is gone; then another worker, when there is still something to do. */
static void go_on(const char *batch, const char *owner, const char *dataset_a, const char *dataset_b)
{
    struct sl_error why = {0};
    char found[SL_BATCH_ID_BYTES], run[160];
    bool poisoned;
    sl_fail(&why, SL_E_WORKER_CRASHED, "it is gone");
    assert_ok(CALL(abandon, owner, &why, 0, found, &poisoned, &err));
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    assert_ok(CALL(get_batch, batch, &doc, &err));
    assert_non_null(doc);
    if (!strcmp(sl_json_str(doc, "status", ""), "running")) { /* a claim that was entered just now, by asking */
        assert_ok(CALL(abandon, owner, &why, 0, found, &poisoned, &err));
        assert_string_equal(found, batch);
        json_object_put(doc);
        doc = NULL;
        assert_ok(CALL(get_batch, batch, &doc, &err));
    }
    if (!strcmp(sl_json_str(doc, "status", ""), "pending")) {
        struct sl_lease lease = ledger_claim(batch, "w2", LEDGER_MINUTE);
        snprintf(run, sizeof run, "%s-second", batch);
        SL_CLEANUP(sl_json_putp) struct json_object *run_doc = json_object_new_object();
        sl_json_put_str(run_doc, "_id", run);
        assert_ok(CALL(begin_run, &lease, run_doc, &err));
        assert_ok(commit_two(ledger, &lease, run, dataset_a, dataset_b));
    }
    ledger_expect_batch(batch, "/status", "'succeeded'");
    ledger_expect_batch(batch, "/lease", "null");
}

static void expect_once(const char *batch, const char *dataset_a, const char *dataset_b)
{
    char filter[400];
    bool claimed = true;
    struct sl_lease lease;
    const char *const datasets[] = {dataset_a, dataset_b};
    for (int i = 0; i < 2; i++) {
        struct json_object *asset = NULL;
        snprintf(filter, sizeof filter, "{'dataset_id':'%s'}", datasets[i]);
        assert_int_equal(count_in("assets", filter), 1);
        snprintf(filter, sizeof filter, "{'event':'asset.committed','dataset_id':'%s'}", datasets[i]);
        assert_int_equal(count_in("events", filter), 1);
        snprintf(filter, sizeof filter, "f-%s", datasets[i]);
        assert_ok(CALL(get_asset_by_fingerprint, filter, &asset, &err));
        assert_non_null(asset);
        json_object_put(asset);
    }
    snprintf(filter, sizeof filter, "{'batch_id':'%s','event':'batch.succeeded'}", batch);
    assert_int_equal(count_in("events", filter), 1);
    snprintf(filter, sizeof filter, "{'batch_id':'%s','status':'running'}", batch);
    assert_int_equal(count_in("runs", filter), 0);
    snprintf(filter, sizeof filter, "{'batch_id':'%s','status':'succeeded'}", batch);
    assert_int_equal(count_in("runs", filter), 1);
    int64_t next = 0, pending = 1, running = 1, due = 0;
    assert_ok(CALL(get_next_version, dataset_a, &next, &err));
    assert_int_equal(next, 2);
    assert_ok(CALL(outstanding, &pending, &running, &due, &err));
    assert_int_equal(running, 0);
    assert_int_equal(pending, 0);
    assert_ok(CALL(claim, CLAIM(NULL, "w9", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed);
}

static void test_a_commit_that_breaks_anywhere_is_whole_or_not_there(void **state)
{
    (void)state;
    int steps[2] = {0, 0};
    for (int drop = 0; drop < 2; drop++) {
        bool enough = false;
        for (int n = 1; !enough; n++) {
            char batch[32], run[32], a[32], b[32];
            assert_true(n < STEPS_MAX);
            snprintf(batch, sizeof batch, "b-%d-%d", drop, n);
            snprintf(run, sizeof run, "r-%d-%d", drop, n);
            snprintf(a, sizeof a, "a-%d-%d", drop, n);
            snprintf(b, sizeof b, "c-%d-%d", drop, n);
            struct sl_ledger *far = through_proxy(), *near = ledger;
            ledger = far;
            struct sl_lease lease = ledger_running(batch, "w1", run);
            ledger = near;
            break_after(n, drop);
            int rc = commit_two(far, &lease, run, a, b);
            enough = was_enough();
            sl_ledger_free(far);
            assert_true(rc == 0 || sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT);
            assert_true(rc == 0 || !enough);
            if (rc == 0)
                ledger_expect_batch(batch, "/status", "'succeeded'");
            go_on(batch, "w1", a, b);
            expect_once(batch, a, b);
            steps[drop] = n;
        }
    }
    print_message("reserving twice and committing two assets takes %d requests\n", steps[0] - 1);
}

static void test_a_claim_that_breaks_anywhere_loses_no_batch(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        bool enough = false;
        for (int n = 1; !enough; n++) {
            char batch[32], a[32], b[32];
            struct sl_lease lease;
            bool claimed = false;
            assert_true(n < STEPS_MAX);
            snprintf(batch, sizeof batch, "k-%d-%d", drop, n);
            snprintf(a, sizeof a, "ka-%d-%d", drop, n);
            snprintf(b, sizeof b, "kb-%d-%d", drop, n);
            struct sl_ledger *far = through_proxy();
            ledger_register(batch);
            break_after(n, drop);
            int rc = far->ops->claim(far, CLAIM(NULL, "w1", LEDGER_MINUTE), &claimed, &lease, NULL, &err);
            enough = was_enough();
            sl_ledger_free(far);
            assert_true(rc == 0 || sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT);
            assert_true(rc < 0 || claimed);
            go_on(batch, "w1", a, b);
            expect_once(batch, a, b);
        }
    }
}

static void test_an_end_that_breaks_anywhere_is_an_end_or_none(void **state)
{
    (void)state;
    struct sl_error why = {0};
    sl_fail(&why, SL_E_STORE_UNAVAILABLE, "the store is away");
    for (int drop = 0; drop < 2; drop++) {
        bool enough = false;
        for (int n = 1; !enough; n++) {
            char batch[32], run[32], a[32], b[32];
            assert_true(n < STEPS_MAX);
            snprintf(batch, sizeof batch, "e-%d-%d", drop, n);
            snprintf(run, sizeof run, "er-%d-%d", drop, n);
            snprintf(a, sizeof a, "ea-%d-%d", drop, n);
            snprintf(b, sizeof b, "eb-%d-%d", drop, n);
            struct sl_ledger *far = through_proxy(), *near = ledger;
            ledger = far;
            struct sl_lease lease = ledger_running(batch, "w1", run);
            ledger = near;
            break_after(n, drop);
            int rc = far->ops->hand_back(far, &lease, NULL, &why, &err);
            enough = was_enough();
            sl_ledger_free(far);
            assert_true(rc == 0 || sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT);
            go_on(batch, "w1", a, b);
            expect_once(batch, a, b);
            ledger_expect_run(run, "/status", "'failed'");
        }
    }
}

static void test_a_registration_that_breaks_anywhere_can_be_made_again(void **state)
{
    (void)state;
    for (int drop = 0; drop < 2; drop++) {
        bool enough = false;
        for (int n = 1; !enough; n++) {
            char batch[32];
            enum sl_registered how = SL_REGISTERED_OTHER;
            assert_true(n < STEPS_MAX);
            snprintf(batch, sizeof batch, "g-%d-%d", drop, n);
            struct sl_ledger *far = through_proxy();
            SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(batch, '1', NULL);
            break_after(n, drop);
            int rc = far->ops->register_batch(far, doc, &how, &err);
            enough = was_enough();
            sl_ledger_free(far);
            assert_true(rc == 0 || sl_code_class((enum sl_code)-rc) == SL_CLASS_TRANSIENT);
            assert_ok(CALL(register_batch, doc, &how, &err));
            assert_true(how != SL_REGISTERED_OTHER);
            struct sl_lease lease = ledger_claim(NULL, "w1", LEDGER_MINUTE);
            assert_string_equal(lease.batch_id, batch);
            assert_int_equal(lease.attempt, 1);
            assert_ok(CALL(close_batch, &lease, SL_BATCH_SUCCEEDED, NULL, NULL, &err));
        }
    }
}

static void test_a_collision_with_a_commit_that_is_not_entered_yet_is_seen(void **state)
{
    (void)state;
    for (int n = 1;; n++) {
        char first[32], second[32], a[32], b[32], run[32];
        assert_true(n < STEPS_MAX);
        snprintf(first, sizeof first, "p-%d", n);
        snprintf(second, sizeof second, "q-%d", n);
        snprintf(run, sizeof run, "pr-%d", n);
        snprintf(a, sizeof a, "pa-%d", n);
        snprintf(b, sizeof b, "pb-%d", n);
        struct sl_ledger *far = through_proxy(), *near = ledger;
        ledger = far;
        struct sl_lease lease = ledger_running(first, "w1", run);
        ledger = near;
        break_after(n, false);
        int rc = commit_two(far, &lease, run, a, b);
        bool enough = was_enough();
        sl_ledger_free(far);
        /* Somebody without a reservation wants the same place. */
        snprintf(run, sizeof run, "qr-%d", n);
        struct sl_lease other = ledger_running(second, "w2", run);
        SL_CLEANUP(sl_json_putp) struct json_object *asset = asset_of(second, run, run, a);
        int other_rc = CALL(commit, &other, run, &asset, 1, NULL, &err);
        assert_true(other_rc == 0 || other_rc == -(int)SL_E_LEDGER_CONFLICT);
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        assert_ok(CALL(get_batch, first, &doc, &err));
        bool decided = !strcmp(sl_json_str(doc, "status", ""), "succeeded");
        assert_true(rc < 0 || decided);
        assert_int_equal(other_rc == 0, !decided);
        char filter[100];
        snprintf(filter, sizeof filter, "{'dataset_id':'%s'}", a);
        assert_int_equal(count_in("assets", filter), 1);
        if (enough)
            break;
    }
}

/* ---- hostile documents ---- */

/* ---- places that are lost ---- */

static void test_a_batch_that_has_lost_its_place_is_claimed_nevertheless(void **state)
{
    (void)state;
    struct sl_lease lease;
    struct sl_ledger *other = NULL;
    bool claimed = true;
    ledger_register("lost-running");
    ledger_claim("lost-running", "w1", 1500);
    ledger_register("lost-waiting");
    take_away("leases", "lost-running");
    take_away("queue", "lost-waiting");
    assert_ok(CALL(claim, CLAIM(NULL, "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed); /* young ones may be on their way */
    sl_clock_sleep_ns(2200 * SL_NS_PER_MS);
    assert_ok(open_at(server.port, &other, &err));
    for (int i = 0; i < 2; i++) {
        assert_ok(other->ops->claim(other, CLAIM(NULL, "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
        assert_true(claimed);
        assert_true(!strcmp(lease.batch_id, "lost-running") ? lease.attempt == 2 : lease.attempt == 1);
        assert_ok(other->ops->close_batch(other, &lease, SL_BATCH_FAILED, NULL, NULL, &err));
    }
    assert_ok(other->ops->claim(other, CLAIM(NULL, "w2", LEDGER_MINUTE), &claimed, &lease, NULL, &err));
    assert_false(claimed);
    sl_ledger_free(other);
}

static void test_who_ends_an_attempt_late_does_not_end_the_next(void **state)
{
    (void)state;
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    ledger_register("late");
    struct sl_lease first = ledger_claim("late", "w1", LEDGER_MINUTE);
    assert_ok(CALL(hand_back, &first, NULL, &(const struct sl_error){.code = SL_E_STORE_UNAVAILABLE}, &err));
    struct sl_lease second = ledger_claim("late", "w2", LEDGER_MINUTE);
    assert_ok(sl_ledger_mongo__remove_lease(l, "late", first.attempt, &err));
    assert_ok(CALL(renew, &second, LEDGER_MINUTE, &err));
    assert_ok(CALL(close_batch, &second, SL_BATCH_FAILED, NULL, NULL, &err));
}

static void expect_kept(const char *batch, struct json_object *manifest)
{
    enum sl_registered how;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(batch, '1', NULL), *found = NULL;
    sl_json_put(doc, "manifest", json_object_get(manifest));
    assert_ok(CALL(register_batch, doc, &how, &err));
    ledger_claim(batch, "w1", LEDGER_MINUTE);
    assert_ok(CALL(get_batch, batch, &found, &err));
    if (!json_object_equal(sl_json_get(found, "manifest"), manifest))
        fail_msg("%s came back as %s", json_object_to_json_string(manifest), json_object_to_json_string(sl_json_get(found, "manifest")));
}

static void test_any_manifest_is_kept_as_uploaded(void **state)
{
    (void)state;
    static const char *const manifests[] = {
        "{'$set':{'status':'succeeded'}}",
        "{'a.b':1,'':2,'c':{'$where':'1','.':[{'$ne':null}]}}",
        "{'big':18446744073709551615,'least':-9223372036854775808,'most':9223372036854775807}",
        "{'digits':123456789012345678901234567890}",
        "{'lists':[[1,[2,[3]]],[]],'empty':{},'none':null,'yes':true}",
        "{'tiny':5e-324,'huge':1.7976931348623157e308,'half':0.5,'minus':-0.0}",
        "{'text':'\\u00e9\\ud83d\\ude00 \\\\ / \\n','manifest_text':'x','_id':'y'}",
        "[1,2,3]",
    };
    for (size_t i = 0; i < sizeof manifests / sizeof *manifests; i++) {
        char batch[16];
        snprintf(batch, sizeof batch, "h%zu", i);
        SL_CLEANUP(sl_json_putp) struct json_object *manifest = ledger_json(manifests[i]);
        expect_kept(batch, manifest);
    }
    struct json_object *deep = json_object_new_object();
    for (int i = 0; i < 60; i++) {
        struct json_object *outer = json_object_new_object();
        json_object_object_add(outer, "d", deep);
        deep = outer;
    }
    expect_kept("deep", deep);
    json_object_put(deep);
    char *text = malloc(1000001);
    memset(text, 'x', 1000000);
    text[1000000] = '\0';
    SL_CLEANUP(sl_json_putp) struct json_object *large = json_object_new_object();
    sl_json_put_str(large, "text", text);
    free(text);
    expect_kept("large", large);
}

static void test_what_no_document_can_hold_is_refused_before_anything_is_written(void **state)
{
    (void)state;
    enum sl_registered how;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest("b1", '1', NULL), *none = NULL;
    char *text = malloc((16 << 20) + 1);
    memset(text, 'x', 16 << 20);
    text[16 << 20] = '\0';
    struct json_object *manifest = json_object_new_object();
    sl_json_put_str(manifest, "text", text);
    sl_json_put(doc, "manifest", manifest);
    assert_fails(CALL(register_batch, doc, &how, &err), SL_E_LIMIT);
    assert_ok(CALL(get_batch, "b1", &none, &err));
    assert_null(none);
    struct sl_lease lease = ledger_running("b2", "w1", "r2");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = ledger_asset("a1", "roads", 1, "b2", "r2");
    struct json_object *metadata = json_object_new_object();
    sl_json_put_str(metadata, "text", text);
    sl_json_put(asset, "metadata", metadata);
    free(text);
    assert_fails(CALL(commit, &lease, "r2", &asset, 1, NULL, &err), SL_E_LIMIT);
    ledger_expect_batch("b2", "/status", "'running'");
}

static void test_no_message_has_the_password(void **state)
{
    (void)state;
    static const char *const uris[] = {"mongodb://ana:hunter2@127.0.0.1:1/x?serverSelectionTimeoutMS=200",
                                       "mongodb:/ana:hunter2@host", "mongodb://ana:hunter2@127.0.0.1:1/?tls=maybe",
                                       "mongodb://ana:hunt@er2@127.0.0.1:1/"};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct sl_ledger *none = NULL;
        const struct sl_ledger_mongo_options options = {
            .uri = uris[i], .timeout_ms = 300, .schemas_dir = SLUICE_SOURCE_DIR "/schemas"};
        assert_true(sl_ledger_mongo_open(&options, &none, &err) < 0);
        assert_null(strstr(err.message, "hunt"));
        assert_null(strstr(err.hint, "hunt"));
    }
    const struct sl_ledger_mongo_options away = {
        .uri = uris[0], .timeout_ms = 300, .schemas_dir = SLUICE_SOURCE_DIR "/schemas"};
    struct sl_ledger *none = NULL;
    assert_fails(sl_ledger_mongo_open(&away, &none, &err), SL_E_LEDGER_UNAVAILABLE);
    assert_contains(err.message, "127.0.0.1:1");
}

/* ---- the frame ---- */

static int open_fresh(void *data, struct sl_ledger **out, struct sl_error *e)
{
    (void)data;
    return open_at(server.port, out, e);
}

static int wipe_nothing(void *data, struct sl_error *e)
{
    (void)data, (void)e;
    return 0;
}

#define STEP_TEST(name) cmocka_unit_test_setup_teardown(name, ledger_fixture_set_up, ledger_fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_TEST(test_a_batch_that_has_lost_its_place_is_claimed_nevertheless), /* while there is no other */
        STEP_TEST(test_who_ends_an_attempt_late_does_not_end_the_next),
        STEP_TEST(test_a_registration_that_breaks_anywhere_can_be_made_again),
        STEP_TEST(test_a_claim_that_breaks_anywhere_loses_no_batch),
        STEP_TEST(test_an_end_that_breaks_anywhere_is_an_end_or_none),
        STEP_TEST(test_a_commit_that_breaks_anywhere_is_whole_or_not_there),
        STEP_TEST(test_a_collision_with_a_commit_that_is_not_entered_yet_is_seen),
        STEP_TEST(test_any_manifest_is_kept_as_uploaded),
        STEP_TEST(test_what_no_document_can_hold_is_refused_before_anything_is_written),
        STEP_TEST(test_no_message_has_the_password),
    };
    const struct ledger_backend backend = {.name = "mongo", .open = open_fresh, .wipe = wipe_nothing};
    ledger_backend = &backend;
    int failed = 1;
    if (test_ferretdb_open(&server, &err) == 0) {
        mongo_proxy_open(&proxy, server.port);
        failed = cmocka_run_group_tests_name("ledger in mongodb, step by step", tests, NULL, NULL);
        mongo_proxy_close(&proxy);
    } else {
        print_error("no MongoDB wire server: %s (%s)\n", err.message, err.hint);
    }
    test_ferretdb_close(&server);
    return failed;
}

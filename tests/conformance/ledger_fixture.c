/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/ledger_fixture.h"

#include "base/clock.h"
#include "ledger/ledger.h"

const struct ledger_backend *ledger_backend;
struct sl_ledger *ledger;
struct sl_error err;

int ledger_fixture_set_up(void **state)
{
    (void)state;
    sl_error_clear(&err);
    if (ledger_backend->open(ledger_backend->data, &ledger, &err) == 0 && ledger->ops->prepare(ledger, &err) == 0 &&
        ledger_backend->wipe(ledger_backend->data, &err) == 0)
        return 0;
    print_error("%s (%s)\n", err.message, err.hint);
    return -1;
}

int ledger_fixture_tear_down(void **state)
{
    (void)state;
    sl_ledger_free(ledger);
    ledger = NULL;
    return 0;
}

struct json_object *ledger_json(const char *text)
{
    char copy[8192];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    assert_ok(sl_json_parse("test", copy, strlen(copy), &sl_json_limits_small, &doc, &err));
    return json_object_get(doc->root);
}

static void put_hash(struct json_object *doc, char digit)
{
    char hash[80];
    snprintf(hash, sizeof hash, "sha256:%064d", 0);
    hash[70] = digit;
    sl_json_put_str(doc, "content_hash", hash);
}

struct json_object *ledger_manifest(const char *batch_id, char hash_digit, const char *created_at)
{
    struct json_object *doc = ledger_json("{'status':'pending','intent':'ingest_vector','uploader':'ana',"
                                          "'manifest':{'batch_id':'x','big':12345678901234567890,'half':0.5},"
                                          "'manifest_key':'manifests/x.json','etag':'e'}");
    sl_json_put_str(doc, "batch_id", batch_id);
    put_hash(doc, hash_digit);
    if (created_at)
        sl_json_put_str(doc, "created_at", created_at);
    return doc;
}

struct json_object *ledger_asset(const char *id, const char *dataset, int64_t version, const char *batch_id,
                                 const char *run_id)
{
    struct json_object *doc = ledger_json("{'kind':'vector','bucket':'data-lake','media_type':'x','size_bytes':1,"
                                          "'fingerprint':'f-1','created_at':'2026-11-21T09:14:03.123456Z'}");
    char key[300];
    snprintf(key, sizeof key, "%s/v%lld/%s.parquet", dataset, (long long)version, dataset);
    sl_json_put_str(doc, "_id", id);
    sl_json_put_str(doc, "dataset_id", dataset);
    sl_json_put_int(doc, "version", version);
    sl_json_put_str(doc, "batch_id", batch_id);
    sl_json_put_str(doc, "run_id", run_id);
    sl_json_put_str(doc, "s3_key", key);
    put_hash(doc, 'a');
    return doc;
}

void ledger_register(const char *batch_id)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = ledger_manifest(batch_id, '1', NULL);
    enum sl_registered how = SL_REGISTERED_OTHER;
    assert_ok(CALL(register_batch, doc, &how, &err));
    assert_int_equal(how, SL_REGISTERED_NEW);
}

struct sl_lease ledger_claim(const char *batch_id, const char *owner, int64_t lease_ms)
{
    struct sl_lease lease = {0};
    bool claimed = false;
    assert_ok(CALL(claim, CLAIM(batch_id, owner, lease_ms), &claimed, &lease, NULL, &err));
    assert_true(claimed);
    assert_string_equal(lease.owner, owner);
    if (batch_id)
        assert_string_equal(lease.batch_id, batch_id);
    return lease;
}

struct sl_lease ledger_running(const char *batch_id, const char *owner, const char *run_id)
{
    ledger_register(batch_id);
    struct sl_lease lease = ledger_claim(batch_id, owner, LEDGER_MINUTE);
    SL_CLEANUP(sl_json_putp) struct json_object *run = json_object_new_object();
    sl_json_put_str(run, "_id", run_id);
    assert_ok(CALL(begin_run, &lease, run, &err));
    return lease;
}

static void expect(struct json_object *doc, const char *what, const char *pointer, const char *expected_json)
{
    struct json_object *value = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *expected = ledger_json(expected_json);
    assert_non_null(doc);
    bool there = sl_json_pointer_get(doc, pointer, &value);
    if (!there || !json_object_equal(value, expected))
        fail_msg("%s%s is %s, expected %s", what, pointer, there ? json_object_to_json_string(value) : "missing",
                 expected_json);
}

void ledger_expect_batch(const char *batch_id, const char *pointer, const char *expected_json)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    assert_ok(CALL(get_batch, batch_id, &doc, &err));
    expect(doc, batch_id, pointer, expected_json);
}

void ledger_expect_run(const char *run_id, const char *pointer, const char *expected_json)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    assert_ok(CALL(get_run, run_id, &doc, &err));
    expect(doc, run_id, pointer, expected_json);
}

void ledger_let_expire(void)
{
    sl_clock_sleep_ns(20 * SL_NS_PER_MS);
}

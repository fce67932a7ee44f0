/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults between the store and a real MinIO. After each operation that succeeded there is exactly one object, with the bytes
 * and metadata that were put, and no unfinished upload; what cannot succeed says so and leaves nothing behind.
 */
#include "support/cm.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"
#include "support/minio.h"
#include "support/mitm.h"

enum { SMALL = 100000, LARGE = 13 << 20 /* three parts */ };

static struct test_minio minio;
static struct test_mitm *mitm;
static struct sl_store *spoiled, *direct; /* through the middle, and past it */
static struct sl_error err;
static char *bytes, folder[256], large_path[300];

static const char slow_down[] = "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 71\r\n\r\n"
                                "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>",
                  too_many[] = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                  internal[] = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
                  gateway[] = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
                  timeout[] = "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n";

/* Everything that passes, each once. */
static const struct {
    const char *name;
    struct test_mitm_rule rule;
} faults[] = {
    {"closed before the request", {.act = TEST_MITM_CLOSE}},
    {"reset before the request", {.act = TEST_MITM_CLOSE, .reset = true}},
    {"reset in the request", {.act = TEST_MITM_CUT_REQUEST, .reset = true}},
    {"answer never comes", {.act = TEST_MITM_STALL}},
    {"answer lost", {.act = TEST_MITM_LOSE_ANSWER}},
    {"answer lost by a reset", {.act = TEST_MITM_LOSE_ANSWER, .reset = true}},
    {"answer cut", {.act = TEST_MITM_CUT_ANSWER}},
    {"answer cut in its body", {.act = TEST_MITM_CUT_ANSWER, .after = 50}},
    {"answer reset in its body", {.act = TEST_MITM_CUT_ANSWER, .after = 50, .reset = true}},
    {"SlowDown", {.act = TEST_MITM_SAY, .say = slow_down}},
    {"429 with Retry-After", {.act = TEST_MITM_SAY, .say = too_many}},
    {"500", {.act = TEST_MITM_SAY, .say = internal}},
    {"502 of a proxy", {.act = TEST_MITM_SAY, .say = gateway}},
    {"504", {.act = TEST_MITM_SAY, .say = timeout}},
};
enum { N_FAULTS = sizeof faults / sizeof *faults };

static const struct sl_meta meta = {.pairs = {{"run_id", "r-1"}, {"mongodb_doc_id", "d-1"}}, .n = 2};

static void pass_all(void)
{
    test_mitm_set(mitm, &(struct test_mitm_rule){.act = TEST_MITM_PASS});
}

static void spoil(const struct test_mitm_rule *fault, const char *method, const char *target, int skip, int times)
{
    struct test_mitm_rule rule = *fault;
    rule.method = method;
    rule.target = target;
    rule.skip = skip;
    rule.times = times;
    test_mitm_set(mitm, &rule);
}

static int count(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)entry, (void)e;
    ++*(int *)data;
    return 0;
}

static int objects(void)
{
    int n = 0;
    assert_ok(sl_store_list(direct, "data", "", NULL, 0, count, &n, &err));
    return n;
}

static int64_t uploads(void)
{
    int64_t n = -1;
    assert_ok(sl_store_sweep(direct, 0, true, &n, &err));
    return n;
}

/* One object, whole, with its metadata, and nothing beside it. */
static void assert_stands(const char *key, size_t n)
{
    struct sl_buf got;
    struct sl_meta there;
    struct sl_object_info info;
    sl_buf_init(&got, LARGE);
    assert_ok(sl_store_head(direct, "data", key, &info, &there, &err));
    assert_string_equal(sl_meta_get(&there, "run_id"), "r-1");
    assert_string_equal(sl_meta_get(&there, "mongodb_doc_id"), "d-1");
    assert_ok(sl_store_read(direct, "data", key, &got, NULL, &err));
    assert_int_equal(got.len, n);
    assert_memory_equal(got.data, bytes, n);
    sl_buf_free(&got);
    assert_int_equal(objects(), 1);
    assert_int_equal(uploads(), 0);
}

static void clear(const char *key)
{
    int64_t n;
    pass_all();
    assert_ok(sl_store_remove(direct, "data", key, &err));
    assert_ok(sl_store_sweep(direct, 0, false, &n, &err));
}

/* The request was spoiled, and its answer said what the fault's name says. */
static void assert_spoiled(const char *name, int times)
{
    if (test_mitm_spoiled(mitm) != times)
        fail_msg("%s: %d requests were spoiled, expected %d", name, test_mitm_spoiled(mitm), times);
}

static void check(int rc, const char *name)
{
    if (rc < 0)
        fail_msg("%s: %s", name, err.message);
}

static void test_a_put_succeeds_once_through_any_fault(void **state)
{
    (void)state;
    for (int i = 0; i < N_FAULTS; i++)
        for (int if_absent = 0; if_absent < 2; if_absent++) {
            struct test_mitm_rule fault = faults[i].rule;
            if (fault.act == TEST_MITM_CUT_REQUEST)
                fault.after = SMALL / 2;
            spoil(&fault, "PUT", "/data/", 0, 1);
            const struct sl_put_options options = {.meta = &meta, .if_absent = if_absent != 0};
            struct sl_object_info info, there;
            check(sl_store_put(spoiled, "data", "k", bytes, SMALL, &options, &info, &err), faults[i].name);
            assert_spoiled(faults[i].name, 1);
            assert_stands("k", SMALL);
            assert_ok(sl_store_head(direct, "data", "k", &there, NULL, &err));
            assert_string_equal(info.etag, there.etag);
            clear("k");
        }
}

static void test_a_replacing_put_knows_its_own_bytes_again(void **state)
{
    (void)state;
    struct sl_object_info old, made;
    const struct sl_put_options first = {0};
    assert_ok(sl_store_put(direct, "data", "k", "old", 3, &first, &old, &err));
    spoil(&(struct test_mitm_rule){.act = TEST_MITM_LOSE_ANSWER}, "PUT", "/data/", 0, 1);
    const struct sl_put_options options = {.meta = &meta, .if_match = old.etag};
    assert_ok(sl_store_put(spoiled, "data", "k", bytes, SMALL, &options, &made, &err));
    assert_spoiled("lost", 1);
    assert_stands("k", SMALL);
    clear("k");
}

/* The first try was not carried out, and meanwhile somebody else was there. */
static void test_somebody_elses_object_is_never_taken_for_ones_own(void **state)
{
    (void)state;
    const struct sl_put_options theirs = {0}, ours = {.meta = &meta, .if_absent = true};
    for (int same_bytes = 0; same_bytes < 2; same_bytes++) {
        assert_ok(sl_store_put(direct, "data", "k", same_bytes ? bytes : "other", same_bytes ? SMALL : 5, &theirs, NULL, &err));
        spoil(&(struct test_mitm_rule){.act = TEST_MITM_SAY, .say = internal}, "PUT", "/data/", 0, 1);
        assert_fails(sl_store_put(spoiled, "data", "k", bytes, SMALL, &ours, NULL, &err), SL_E_STORE_PRECONDITION);
        clear("k");
    }
}

static void test_an_upload_in_parts_succeeds_once_through_any_fault_in_a_part(void **state)
{
    (void)state;
    for (int i = 0; i < N_FAULTS; i++) {
        struct test_mitm_rule fault = faults[i].rule;
        if (fault.act == TEST_MITM_CUT_REQUEST)
            fault.after = 1 << 20;
        spoil(&fault, "PUT", "partNumber=", i % 3, 1);
        const struct sl_put_options options = {.meta = &meta, .if_absent = i % 2 != 0};
        check(sl_store_put_file(spoiled, "data", "k", large_path, &options, NULL, &err), faults[i].name);
        assert_spoiled(faults[i].name, 1);
        assert_stands("k", LARGE);
        clear("k");
    }
}

static void test_a_completion_succeeds_once_through_any_fault(void **state)
{
    (void)state;
    for (int i = 0; i < N_FAULTS; i++)
        for (int if_absent = 0; if_absent < 2; if_absent++) {
            struct test_mitm_rule fault = faults[i].rule;
            if (fault.act == TEST_MITM_CUT_REQUEST)
                fault.after = 20;
            spoil(&fault, "POST", "uploadId=", 0, 1);
            const struct sl_put_options options = {.meta = &meta, .if_absent = if_absent != 0};
            struct sl_object_info info, there;
            check(sl_store_put_file(spoiled, "data", "k", large_path, &options, &info, &err), faults[i].name);
            assert_spoiled(faults[i].name, 1);
            assert_stands("k", LARGE);
            assert_ok(sl_store_head(direct, "data", "k", &there, NULL, &err));
            assert_string_equal(info.etag, there.etag);
            clear("k");
        }
}

/* The server began an upload that nobody knows of: a sweep finds it. */
static void test_an_upload_whose_beginning_was_lost_is_swept(void **state)
{
    (void)state;
    int64_t n = 0;
    spoil(&(struct test_mitm_rule){.act = TEST_MITM_LOSE_ANSWER}, "POST", "uploads=", 0, 1);
    const struct sl_put_options options = {.meta = &meta};
    assert_ok(sl_store_put_file(spoiled, "data", "k", large_path, &options, NULL, &err));
    assert_spoiled("lost", 1);
    assert_int_equal(uploads(), 1);
    assert_ok(sl_store_sweep(direct, 0, false, &n, &err));
    assert_int_equal(n, 1);
    assert_stands("k", LARGE);
    clear("k");
}

static void test_an_upload_that_cannot_be_finished_is_taken_back(void **state)
{
    (void)state;
    spoil(&(struct test_mitm_rule){.act = TEST_MITM_CUT_REQUEST, .after = 1 << 20, .reset = true}, "PUT", "partNumber=2", 0, 1000);
    const struct sl_put_options options = {.meta = &meta};
    assert_fails(sl_store_put_file(spoiled, "data", "k", large_path, &options, NULL, &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, "tried 4 times");
    assert_spoiled("cut", 4);
    assert_int_equal(objects(), 0);
    assert_int_equal(uploads(), 0);
    clear("k");
}

static void test_an_object_is_read_whole_through_any_fault(void **state)
{
    (void)state;
    const struct sl_put_options options = {.meta = &meta};
    assert_ok(sl_store_put_file(direct, "data", "k", large_path, &options, NULL, &err));
    for (int i = 0; i < N_FAULTS; i++) {
        struct test_mitm_rule fault = faults[i].rule;
        if (fault.act == TEST_MITM_CUT_REQUEST)
            fault.act = TEST_MITM_CLOSE; /* there is no body to be cut */
        fault.after *= 50000;            /* well into it */
        struct sl_buf got;
        sl_buf_init(&got, LARGE);
        spoil(&fault, "GET", "/data/k", 0, 1);
        check(sl_store_read(spoiled, "data", "k", &got, NULL, &err), faults[i].name);
        assert_spoiled(faults[i].name, 1);
        assert_int_equal(got.len, LARGE);
        assert_memory_equal(got.data, bytes, LARGE);
        sl_buf_free(&got);
    }
    clear("k");
}

static void test_copies_listings_and_removals_succeed_through_any_fault(void **state)
{
    (void)state;
    const struct sl_put_options options = {.meta = &meta}, copied = {.if_absent = true};
    for (int i = 0; i < N_FAULTS; i++) {
        struct test_mitm_rule fault = faults[i].rule;
        int n = 0;
        if (fault.act == TEST_MITM_CUT_REQUEST)
            fault.act = TEST_MITM_CLOSE;
        assert_ok(sl_store_put(direct, "data", "from", bytes, SMALL, &options, NULL, &err));
        spoil(&fault, "PUT", "/data/k", 0, 1);
        check(sl_store_copy(spoiled, "data", "from", "data", "k", &copied, NULL, &err), faults[i].name);
        assert_spoiled(faults[i].name, 1);
        spoil(&fault, "GET", "list-type=2", 0, 1);
        check(sl_store_list(spoiled, "data", "", NULL, 0, count, &n, &err), faults[i].name);
        assert_spoiled(faults[i].name, 1);
        assert_int_equal(n, 2);
        spoil(&fault, "DELETE", "/data/from", 0, 1);
        check(sl_store_remove(spoiled, "data", "from", &err), faults[i].name);
        assert_spoiled(faults[i].name, 1);
        assert_stands("k", SMALL);
        clear("k");
    }
}

static void test_a_server_that_stays_away_is_named(void **state)
{
    (void)state;
    struct sl_object_info info;
    spoil(&(struct test_mitm_rule){.act = TEST_MITM_CLOSE}, NULL, NULL, 0, 1000);
    assert_fails(sl_store_head(spoiled, "data", "k", &info, NULL, &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, test_mitm_url(mitm) + strlen("http://"));
    assert_contains(err.message, "tried 4 times");
    spoil(&(struct test_mitm_rule){.act = TEST_MITM_SAY, .say = slow_down}, NULL, NULL, 0, 1000);
    assert_fails(sl_store_remove(spoiled, "data", "k", &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, "SlowDown");
    pass_all();
}

static int begin(void **state)
{
    (void)state;
    bytes = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    cm_temp_dir(folder, sizeof folder, "faults");
    snprintf(large_path, sizeof large_path, "%s/large", folder);
    assert_ok(sl_file_write_durable(large_path, bytes, LARGE, 0600, &err));
    mitm = test_mitm_start(minio.url);
    struct sl_store_s3_options options = test_minio_options(&minio);
    assert_ok(sl_store_s3_open(&options, &direct, &err));
    options.endpoint = test_mitm_url(mitm);
    options.retries = 3;
    options.timeout_ms = 1500;
    options.parallel = 3;
    assert_ok(sl_store_s3_open(&options, &spoiled, &err));
    assert_ok(sl_store_bucket_make(direct, "data", &err));
    return 0;
}

static int finish(void **state)
{
    (void)state;
    sl_store_free(spoiled);
    sl_store_free(direct);
    test_mitm_stop(mitm);
    assert_ok(sl_dir_remove(folder, &err));
    free(bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_put_succeeds_once_through_any_fault),
        cmocka_unit_test(test_a_replacing_put_knows_its_own_bytes_again),
        cmocka_unit_test(test_somebody_elses_object_is_never_taken_for_ones_own),
        cmocka_unit_test(test_an_upload_in_parts_succeeds_once_through_any_fault_in_a_part),
        cmocka_unit_test(test_a_completion_succeeds_once_through_any_fault),
        cmocka_unit_test(test_an_upload_whose_beginning_was_lost_is_swept),
        cmocka_unit_test(test_an_upload_that_cannot_be_finished_is_taken_back),
        cmocka_unit_test(test_an_object_is_read_whole_through_any_fault),
        cmocka_unit_test(test_copies_listings_and_removals_succeed_through_any_fault),
        cmocka_unit_test(test_a_server_that_stays_away_is_named),
    };
    if (test_minio_start(&minio, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int failures = cmocka_run_group_tests(tests, begin, finish);
    test_minio_stop(&minio);
    return failures;
}

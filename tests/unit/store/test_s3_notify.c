/* SPDX-License-Identifier: Apache-2.0 */
/* What sl_store_notify makes of the lines that a server sends. */
#include "support/cm.h"

#include "store/store.h"
#include "support/httpd.h"

#define HEAD       "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define EMPTY_LINE "{\"Records\":null}\n"
#define OBJECT(key)                                                                                                   \
    "{\"eventName\":\"s3:ObjectCreated:Put\",\"eventTime\":\"2026-11-21T09:14:03.500Z\",\"s3\":{\"bucket\":{\"name\":"  \
    "\"landing\"},\"object\":{\"key\":\"" key "\",\"size\":5,\"eTag\":\"abc-1\"}}}"
#define LINE(records) "{\"Records\":[" records "]}\n"

enum { MOST = 16 };

struct heard {
    int n, ready, stop_at, fail_at;
    char keys[MOST][SL_KEY_MAX_BYTES + 1];
    struct sl_object_info last;
};

static void on_ready(void *data)
{
    struct heard *h = data;
    assert_int_equal(h->n, 0);
    h->ready++;
}

static bool is_to_stop(void *data)
{
    struct heard *h = data;
    return h->stop_at > 0 && h->n >= h->stop_at;
}

static int on_entry(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct heard *h = data;
    assert_true(h->n < MOST);
    snprintf(h->keys[h->n++], sizeof h->keys[0], "%s", entry->key);
    h->last = entry->info;
    return h->fail_at && h->n == h->fail_at ? sl_fail(err, SL_E_DISK_FULL, "no room for another") : 0;
}

/* Listens to a server with this one reply; returns what notify did. */
static int listen_to(const struct test_httpd_reply *reply, struct heard *h, struct sl_error *err)
{
    struct test_httpd *s = test_httpd_start(reply, 1);
    const struct sl_store_s3_options options = {.endpoint = test_httpd_url(s), .access_key = "a", .secret_key = "b",
                                                .region = "us-east-1", .retries = 5, .timeout_ms = 30000};
    struct sl_store *store = NULL;
    assert_int_equal(sl_store_s3_open(&options, &store, err), 0);
    int rc = sl_store_notify(store, "landing", "manifests/", on_ready, is_to_stop, on_entry, h, err);
    const struct test_httpd_request *r = test_httpd_request(s, 0);
    assert_non_null(r);
    assert_string_equal(r->target, "/landing?events=s3%3AObjectCreated%3A%2A&ping=1&prefix=manifests%2F");
    sl_store_free(store);
    char *what = test_httpd_stop(s);
    if (what)
        fail_msg("%s", what);
    return rc;
}

static int listen_to_text(const char *text, size_t piece, enum test_httpd_end end, struct heard *h, struct sl_error *err)
{
    return listen_to(&(struct test_httpd_reply){.raw = text, .piece = piece, .end = end}, h, err);
}

static void test_new_objects_are_told_with_their_names_as_they_are(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 4; piece++) {
        struct sl_error err = {0};
        struct heard h = {.stop_at = 3};
        assert_ok(listen_to_text(HEAD EMPTY_LINE "  \n " LINE(OBJECT("manifests/a b+%20\\u00fc%25\\\".json"))
                                     EMPTY_LINE LINE(OBJECT("manifests/b.json") "," OBJECT("manifests/c.json")),
                                 piece * 7, TEST_HTTPD_STALL, &h, &err));
        assert_int_equal(h.ready, 1);
        assert_int_equal(h.n, 3);
        assert_string_equal(h.keys[0], "manifests/a b+%20\xC3\xBC%25\".json");
        assert_string_equal(h.keys[1], "manifests/b.json");
        assert_string_equal(h.keys[2], "manifests/c.json");
        assert_string_equal(h.last.etag, "abc-1");
        assert_int_equal(h.last.size_bytes, 5);
        assert_int_equal(h.last.modified_ns, INT64_C(1795252443500000000));
    }
}

static void test_what_is_not_a_new_object_of_ours_is_passed_over(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct heard h = {0};
    char elsewhere[] = LINE(OBJECT("manifests/x.json"));
    memcpy(strstr(elsewhere, "landing"), "another", 7);
    char removed[] = LINE(OBJECT("manifests/x.json"));
    memcpy(strstr(removed, "Created"), "Removed", 7);
    char text[8192];
    snprintf(text, sizeof text, "%s%s%s%s", HEAD, elsewhere, removed,
             "[]\n1\n\"x\"\n{}\n{\"Records\":{}}\n{\"Records\":[1,null,{},{\"s3\":[]},{\"eventName\":5}]}\n" /* other shapes */
             LINE(OBJECT("")) LINE(OBJECT("other/x.json")) LINE(OBJECT("manifests/ok")));
    assert_fails(listen_to_text(text, 0, TEST_HTTPD_CLOSE, &h, &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, "has ended the stream");
    assert_int_equal(h.n, 1);
    assert_string_equal(h.keys[0], "manifests/ok");
}

static void test_a_name_longer_than_a_key_is_passed_over(void **state)
{
    (void)state;
    char text[8192], name[1200];
    for (int over = 0; over < 2; over++) {
        struct sl_error err = {0};
        struct heard h = {0};
        snprintf(name, sizeof name, "manifests/%0*d", 1014 + over, 0);
        snprintf(text, sizeof text, "%s{\"Records\":[{\"eventName\":\"s3:ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":"
                 "\"landing\"},\"object\":{\"key\":\"%s\",\"size\":5,\"eTag\":\"e\"}}}]}\n", HEAD, name);
        assert_fails(listen_to_text(text, 0, TEST_HTTPD_CLOSE, &h, &err), SL_E_STORE_UNAVAILABLE);
        assert_int_equal(h.n, over ? 0 : 1);
    }
}

static void test_lines_that_are_no_json_end_the_stream(void **state)
{
    (void)state;
    const char *const bad[] = {HEAD "{\"Records\":\n", HEAD "<xml/>\n", HEAD "{\"a\":1,\"a\":2}\n", HEAD "{} {}\n",
                               HEAD "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", HEAD "\xff\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_error err = {0};
        struct heard h = {0};
        assert_fails(listen_to_text(bad[i], 0, TEST_HTTPD_STALL, &h, &err), SL_E_STORE_UNAVAILABLE);
        assert_contains(err.message, "not understood");
    }
}

static void test_a_line_without_end_is_bounded_and_blanks_are_not_kept(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct heard h = {.stop_at = 1};
    enum { N = 1 << 20 };
    char *text = malloc(N + 2000);
    size_t head = strlen(HEAD);
    memcpy(text, HEAD, head);
    memset(text + head, 'x', N);
    text[head + N] = '\0';
    assert_fails(listen_to_text(text, 0, TEST_HTTPD_STALL, &h, &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, "more than 262144 bytes");
    memset(text + head, ' ', N);
    strcpy(text + head + N, LINE(OBJECT("manifests/late.json")));
    assert_ok(listen_to_text(text, 0, TEST_HTTPD_STALL, &h, &err));
    assert_string_equal(h.keys[0], "manifests/late.json");
    free(text);
}

static void test_a_stream_that_breaks_is_to_be_asked_for_again(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct heard h = {0};
    assert_fails(listen_to_text(HEAD LINE(OBJECT("manifests/a")) "{\"Rec", 0, TEST_HTTPD_RESET, &h, &err),
                 SL_E_STORE_UNAVAILABLE);
    assert_fails(listen_to(&(struct test_httpd_reply){.end = TEST_HTTPD_CLOSE}, &h, &err), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.hint, "MinIO");
    assert_fails(listen_to(&(struct test_httpd_reply){.status = 503}, &h, &err), SL_E_STORE_UNAVAILABLE);
}

static void test_a_server_without_streams_says_so_for_good(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct heard h = {0};
    static const char xml[] = "<Error><Code>NotImplemented</Code><Message>no</Message></Error>",
                      list[] = "<ListBucketResult><Name>landing</Name></ListBucketResult>";
    assert_fails(listen_to(&(struct test_httpd_reply){.status = 501, .body = xml, .n = sizeof xml - 1}, &h, &err),
                 SL_E_STORE_DENIED);
    assert_fails(listen_to(&(struct test_httpd_reply){.status = 400, .body = xml, .n = sizeof xml - 1}, &h, &err),
                 SL_E_STORE_DENIED);
    assert_fails(listen_to(&(struct test_httpd_reply){.status = 403}, &h, &err), SL_E_STORE_DENIED);
    /* Amazon lists the bucket instead. */
    assert_fails(listen_to(&(struct test_httpd_reply){.status = 200, .headers = "Content-Type: application/xml\r\n",
                                                      .body = list, .n = sizeof list - 1},
                           &h, &err),
                 SL_E_STORE_DENIED);
    assert_contains(err.message, "does not stream notifications");
    assert_int_equal(h.ready, 0);
}

static void test_what_the_callback_says_ends_the_stream(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct heard h = {.fail_at = 2};
    assert_fails(listen_to_text(HEAD LINE(OBJECT("manifests/a") "," OBJECT("manifests/b") "," OBJECT("manifests/c")), 0,
                                TEST_HTTPD_STALL, &h, &err),
                 SL_E_DISK_FULL);
    assert_int_equal(h.n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_objects_are_told_with_their_names_as_they_are),
        cmocka_unit_test(test_what_is_not_a_new_object_of_ours_is_passed_over),
        cmocka_unit_test(test_a_name_longer_than_a_key_is_passed_over),
        cmocka_unit_test(test_lines_that_are_no_json_end_the_stream),
        cmocka_unit_test(test_a_line_without_end_is_bounded_and_blanks_are_not_kept),
        cmocka_unit_test(test_a_stream_that_breaks_is_to_be_asked_for_again),
        cmocka_unit_test(test_a_server_without_streams_says_so_for_good),
        cmocka_unit_test(test_what_the_callback_says_ends_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

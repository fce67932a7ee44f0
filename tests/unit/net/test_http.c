/* SPDX-License-Identifier: Apache-2.0 */
/* What a transfer sends and what it hands over when the server behaves. */
#include "http_support.h"

#include <unistd.h>

#include "base/file.h"

static void test_get_hands_over_status_headers_and_body(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(
        SCRIPT({.method = "GET", .target = "/b/k%20?list-type=2&prefix=a%2Fb", .status = 200, .n = 1000,
                .headers = "ETag: \"abc\"\r\nX-Amz-Meta-Name:   two words \t\r\nEmpty:\r\nRetry-After: 3\r\n"}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {
        .method = "GET", .url = at(s, "/b/k%20?list-type=2&prefix=a%2Fb"), .max_body = 1000};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 200);
    assert_int_equal(t.response.content_length, 1000);
    assert_int_equal(t.response.received, 1000);
    assert_int_equal(t.response.body.len, 1000);
    assert_counts(t.response.body.data, 1000);
    assert_string_equal(sl_http_header(&t.response, "etag"), "\"abc\"");
    assert_string_equal(sl_http_header(&t.response, "x-amz-meta-name"), "two words");
    assert_string_equal(sl_http_header(&t.response, "empty"), "");
    assert_null(sl_http_header(&t.response, "missing"));
    assert_int_equal(t.response.retry_after_ms, 3000);
    char value[1024];
    const struct test_httpd_request *r = test_httpd_request(s, 0);
    assert_non_null(test_httpd_header(r, "User-Agent", value));
    assert_memory_equal(value, "sluice/", 7);
    assert_null(test_httpd_header(r, "Expect", value));
    assert_null(test_httpd_header(r, "Accept-Encoding", value));
    assert_null(test_httpd_header(r, "Authorization", value));
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_a_path_is_sent_as_it_is(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.target = "/b/../a/./c//d%2E%2e?x=%2f", .status = 204}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "DELETE", .url = at(s, "/b/../a/./c//d%2E%2e?x=%2f")};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 204);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_head_has_a_length_and_no_body(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s =
        test_httpd_start(SCRIPT({.method = "HEAD", .status = 200, .n = 5368709120, .head_only = true},
                                {.method = "HEAD", .status = 404, .n = 12, .head_only = true}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "HEAD", .url = at(s, "/x")};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.content_length, INT64_C(5368709120));
    assert_int_equal(t.response.received, 0);
    sl_http_response_free(&t.response);
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 404);
    assert_int_equal(test_httpd_connections(s), 1);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_bodies_without_length_are_read_whole(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(
        SCRIPT({.status = 200, .n = 300000, .chunked = true, .piece = 4099},
               {.status = 200, .n = 12345, .no_length = true, .end = TEST_HTTPD_CLOSE}));
    struct sl_http *http = client();
    for (int i = 0; i < 2; i++) {
        struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x"), .max_body = 1 << 20};
        assert_ok(sl_http_perform(http, &t, &err));
        assert_int_equal(t.response.content_length, -1);
        assert_int_equal(t.response.body.len, i == 0 ? 300000 : 12345);
        assert_counts(t.response.body.data, t.response.body.len);
        sl_http_response_free(&t.response);
    }
    sl_http_free(http);
    finish(s);
}

struct taken {
    char *bytes;
    size_t n, limit;
    int heads, status_at_head;
    int64_t sent;
};

static int take(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct taken *taken = data;
    if (taken->n + n > taken->limit)
        return sl_fail(err, SL_E_DISK_FULL, "there is no room");
    memcpy(taken->bytes + taken->n, bytes, n);
    taken->n += n;
    return 0;
}

static int see_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    struct taken *taken = data;
    (void)err;
    taken->heads++;
    taken->status_at_head = head->status;
    assert_int_equal(taken->n, 0);
    return 0;
}

static int refuse_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    (void)data;
    return sl_fail(err, SL_E_STORE_CHANGED, "status %d is not wanted", head->status);
}

static void count_sent(void *data, int64_t bytes)
{
    struct taken *taken = data;
    assert_true(bytes >= taken->sent);
    taken->sent = bytes;
}

static void test_a_large_body_streams_into_the_sink_after_its_head(void **state)
{
    (void)state;
    struct sl_error err = {0};
    const size_t n = 8 << 20;
    struct test_httpd *s = test_httpd_start(SCRIPT({.raw = NULL, .status = 206, .n = 8 << 20}));
    struct sl_http *http = client();
    struct taken taken = {.bytes = malloc(n), .limit = n};
    struct sl_http_transfer t = {
        .method = "GET", .url = at(s, "/x"), .sink = take, .on_head = see_head, .data = &taken};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(taken.n, n);
    assert_counts(taken.bytes, n);
    assert_int_equal(taken.heads, 1);
    assert_int_equal(taken.status_at_head, 206);
    assert_int_equal(t.response.body.len, 0);
    sl_http_response_free(&t.response);
    free(taken.bytes);
    sl_http_free(http);
    finish(s);
}

static void test_the_body_of_an_error_is_kept_and_not_given_to_the_sink(void **state)
{
    (void)state;
    struct sl_error err = {0};
    static const char xml[] = "<Error><Code>SlowDown</Code></Error>";
    struct test_httpd *s = test_httpd_start(
        SCRIPT({.status = 503, .body = xml, .n = sizeof xml - 1}, {.status = 301, .headers = "Location: http://127.0.0.1:1/\r\n"},
               {.status = 500, .n = 200000}, {.status = 500, .n = SL_HTTP_ERROR_BODY_BYTES}));
    struct sl_http *http = client();
    struct taken taken = {0};
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x"), .sink = take, .data = &taken};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 503);
    assert_string_equal(t.response.body.data, xml);
    sl_http_response_free(&t.response);
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 301); /* not followed */
    sl_http_response_free(&t.response);
    for (int i = 0; i < 2; i++) {
        assert_ok(sl_http_perform(http, &t, &err));
        assert_int_equal(t.response.status, 500);
        assert_int_equal(t.response.body.len, SL_HTTP_ERROR_BODY_BYTES);
        sl_http_response_free(&t.response);
    }
    sl_http_free(http);
    finish(s);
}

static void test_an_answer_beyond_the_limit_is_an_error(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200, .n = 1001}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x"), .max_body = 1000};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_LIMIT);
    assert_contains(err.message, "larger than 1000 bytes");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_what_a_callback_says_ends_the_transfer_with_its_error(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200, .n = 100}, {.status = 200, .n = 100}));
    struct sl_http *http = client();
    struct taken taken = {0};
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x"), .sink = take, .data = &taken};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_DISK_FULL);
    assert_string_equal(err.message, "there is no room");
    sl_http_response_free(&t.response);
    t.on_head = refuse_head;
    assert_fails(sl_http_perform(http, &t, &err), SL_E_STORE_CHANGED);
    assert_contains(err.message, "200");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_bytes_are_sent_with_their_length_and_without_waiting(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.method = "PUT", .status = 200}, {.method = "POST", .status = 200},
                                                   {.method = "PUT", .status = 200}, {.method = "GET", .status = 200}));
    struct sl_http *http = client();
    char *bytes = malloc(3 << 20), value[1024];
    for (size_t i = 0; i < 3 << 20; i++)
        bytes[i] = (char)(i % 251);
    struct taken taken = {0};
    const struct sl_http_header headers[] = {{"Content-Type", "application/json"}, {"x-empty", ""}};
    struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/x"), .headers = headers, .n_headers = 2, .sent = count_sent,
                                 .data = &taken, .body = {.source = SL_HTTP_BYTES, .bytes = bytes, .n = 3 << 20}};
    assert_ok(sl_http_perform(http, &t, &err));
    sl_http_response_free(&t.response);
    const struct test_httpd_request *r = test_httpd_request(s, 0);
    assert_int_equal(r->n, 3 << 20);
    assert_memory_equal(r->body, bytes, 3 << 20);
    assert_int_equal(taken.sent, 3 << 20);
    assert_string_equal(test_httpd_header(r, "content-length", value), "3145728");
    assert_string_equal(test_httpd_header(r, "content-type", value), "application/json");
    assert_string_equal(test_httpd_header(r, "x-empty", value), "");
    assert_null(test_httpd_header(r, "expect", value));
    assert_null(test_httpd_header(r, "transfer-encoding", value));
    t.method = "POST";
    t.sent = NULL;
    t.body = (struct sl_http_body){.source = SL_HTTP_NO_BODY};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_string_equal(test_httpd_header(test_httpd_request(s, 1), "content-length", value), "0");
    sl_http_response_free(&t.response);
    t.method = "PUT";
    t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = "", .n = 0};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_string_equal(test_httpd_header(test_httpd_request(s, 2), "content-length", value), "0");
    sl_http_response_free(&t.response);
    t.method = "GET";
    t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = "{}", .n = 2};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_string_equal(test_httpd_request(s, 3)->body, "{}");
    sl_http_response_free(&t.response);
    free(bytes);
    sl_http_free(http);
    finish(s);
}

static void test_a_region_of_a_file_is_sent_and_its_position_stays(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    char dir[256], path[300];
    cm_temp_dir(dir, sizeof dir, "http");
    snprintf(path, sizeof path, "%s/f", dir);
    FILE *f = fopen(path, "w+");
    for (int i = 0; i < 2000000; i++)
        putc(i % 251, f);
    fflush(f);
    lseek(fileno(f), 7, SEEK_SET);
    struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/x"),
                                 .body = {.source = SL_HTTP_FILE, .fd = fileno(f), .offset = 251 * 10, .n = 1500001}};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(test_httpd_request(s, 0)->n, 1500001);
    assert_counts(test_httpd_request(s, 0)->body, 1500001);
    assert_int_equal(lseek(fileno(f), 0, SEEK_CUR), 7);
    sl_http_response_free(&t.response);
    fclose(f);
    assert_ok(sl_dir_remove(dir, &err));
    sl_http_free(http);
    finish(s);
}

struct source {
    int64_t left, fail_at, at;
};

static int64_t produce(void *data, void *out, size_t room, struct sl_error *err)
{
    struct source *source = data;
    if (source->fail_at && source->at >= source->fail_at)
        return sl_fail(err, SL_E_GDAL, "the source ran dry");
    size_t n = room < 5000 ? room : 5000;
    if (source->left < (int64_t)n)
        n = (size_t)source->left;
    for (size_t i = 0; i < n; i++)
        ((char *)out)[i] = (char)((source->at + (int64_t)i) % 251);
    source->left -= (int64_t)n;
    source->at += (int64_t)n;
    return (int64_t)n;
}

static void test_a_stream_is_sent_in_chunks(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    struct source source = {.left = 1234567};
    struct sl_http_transfer t = {.method = "POST", .url = at(s, "/x"),
                                 .body = {.source = SL_HTTP_STREAM, .read = produce, .data = &source}};
    char value[1024];
    assert_ok(sl_http_perform(http, &t, &err));
    assert_string_equal(test_httpd_header(test_httpd_request(s, 0), "transfer-encoding", value), "chunked");
    assert_int_equal(test_httpd_request(s, 0)->n, 1234567);
    assert_counts(test_httpd_request(s, 0)->body, 1234567);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_a_stream_that_fails_never_ends_as_if_it_were_whole(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    struct source source = {.left = 1234567, .fail_at = 100000};
    struct sl_http_transfer t = {.method = "POST", .url = at(s, "/x"),
                                 .body = {.source = SL_HTTP_STREAM, .read = produce, .data = &source}};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_GDAL);
    assert_string_equal(err.message, "the source ran dry");
    assert_int_equal(t.response.status, 0);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    free(test_httpd_stop(s)); /* the request may not have come to it at all */
}

static void test_a_connection_is_used_again(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd_reply script[20];
    for (int i = 0; i < 20; i++)
        script[i] = (struct test_httpd_reply){.status = i % 3 == 2 ? 404 : 200, .n = 100 * i, .chunked = i % 2};
    struct test_httpd *s = test_httpd_start(script, 20);
    struct sl_http *http = client();
    for (int i = 0; i < 20; i++) {
        struct sl_http_transfer t = {.method = i % 2 ? "PUT" : "GET", .url = at(s, "/x"), .max_body = 10000};
        assert_ok(sl_http_perform(http, &t, &err));
        sl_http_response_free(&t.response);
    }
    assert_int_equal(test_httpd_connections(s), 1);
    sl_http_free(http);
    finish(s);
}

static void test_many_run_at_a_time_and_each_is_given_once(void **state)
{
    (void)state;
    enum { N = 40, AT_A_TIME = 8 };
    struct sl_error err = {0};
    struct test_httpd_reply script[N];
    for (int i = 0; i < N; i++)
        script[i] = (struct test_httpd_reply){.status = 200, .n = 50000};
    struct test_httpd *s = test_httpd_start(script, N);
    struct sl_http *http = client();
    struct sl_http_transfer t[N], *done;
    char url[4096];
    snprintf(url, sizeof url, "%s", at(s, "/x"));
    int begun = 0, ended = 0, given[N] = {0};
    while (ended < N) {
        for (; begun < N && begun - ended < AT_A_TIME; begun++) {
            t[begun] = (struct sl_http_transfer){.method = "GET", .url = url, .max_body = 50000};
            assert_ok(sl_http_add(http, &t[begun], &err));
        }
        assert_ok(sl_http_wait(http, -1, &done, &err));
        assert_non_null(done);
        assert_ok(done->rc);
        assert_counts(done->response.body.data, 50000);
        sl_http_response_free(&done->response);
        given[done - t]++;
        ended++;
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(given[i], 1);
    assert_ok(sl_http_wait(http, -1, &done, &err));
    assert_null(done);
    assert_true(test_httpd_connections(s) <= AT_A_TIME);
    sl_http_free(http);
    finish(s);
}

static void test_one_may_be_performed_while_others_run(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200, .n = 10}, {.status = 200, .n = 10}, {.status = 200, .n = 10}));
    struct sl_http *http = client();
    char url[4096];
    snprintf(url, sizeof url, "%s", at(s, "/x"));
    struct sl_http_transfer a = {.method = "GET", .url = url, .max_body = 10}, b = a, c = a, *done;
    assert_ok(sl_http_add(http, &a, &err));
    assert_ok(sl_http_perform(http, &b, &err));
    assert_ok(sl_http_wait(http, -1, &done, &err));
    assert_ptr_equal(done, &a);
    assert_ok(sl_http_perform(http, &c, &err));
    sl_http_response_free(&a.response);
    sl_http_response_free(&b.response);
    sl_http_response_free(&c.response);
    sl_http_free(http);
    finish(s);
}

static void test_a_name_and_password_are_sent_from_the_start(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    const struct sl_http_options options = {.connect_ms = 5000, .silence_ms = 5000, .user = "ana", .password = "p:w"};
    struct sl_http *http = NULL;
    assert_ok(sl_http_new(&options, &http, &err));
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x")};
    char value[1024];
    assert_ok(sl_http_perform(http, &t, &err));
    assert_string_equal(test_httpd_header(test_httpd_request(s, 0), "authorization", value), "Basic YW5hOnA6dw==");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_proxies_and_netrc_of_the_environment_are_not_used(void **state)
{
    (void)state;
    struct sl_error err = {0};
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/x")};
    assert_ok(sl_http_perform(http, &t, &err));
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_requests_that_would_forge_a_line_are_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct sl_http *http = client();
    const struct sl_http_header bad[] = {{"x", "a\r\nb: c"}, {"x", "a\nb"}, {"x y", "a"}, {"x:", "a"}, {"", "a"}};
    for (size_t i = 0; i < 5; i++) {
        struct sl_http_transfer t = {.method = "GET", .url = "http://127.0.0.1:1/", .headers = &bad[i], .n_headers = 1};
        assert_fails(sl_http_perform(http, &t, &err), SL_E_INTERNAL);
    }
    struct sl_http_transfer t = {.method = "GET", .url = "http://127.0.0.1:1/a b"};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_INTERNAL);
    t.url = "http://127.0.0.1:1/\r\n";
    assert_fails(sl_http_perform(http, &t, &err), SL_E_INTERNAL);
    t.url = "http://127.0.0.1:1/";
    t.method = "GET /x HTTP/1.1\r\n";
    assert_fails(sl_http_perform(http, &t, &err), SL_E_INTERNAL);
    sl_http_free(http);
}

static void test_other_schemes_and_passwords_in_urls_are_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct sl_http *http = client();
    const char *const bad[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "127.0.0.1", "",
                               "http://user:secret@127.0.0.1/", "https://key@127.0.0.1/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_http_transfer t = {.method = "GET", .url = bad[i]};
        assert_fails(sl_http_perform(http, &t, &err), SL_E_CONFIG_VALUE);
        assert_null(strstr(err.message, "secret"));
    }
    sl_http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_hands_over_status_headers_and_body),
        cmocka_unit_test(test_a_path_is_sent_as_it_is),
        cmocka_unit_test(test_head_has_a_length_and_no_body),
        cmocka_unit_test(test_bodies_without_length_are_read_whole),
        cmocka_unit_test(test_a_large_body_streams_into_the_sink_after_its_head),
        cmocka_unit_test(test_the_body_of_an_error_is_kept_and_not_given_to_the_sink),
        cmocka_unit_test(test_an_answer_beyond_the_limit_is_an_error),
        cmocka_unit_test(test_what_a_callback_says_ends_the_transfer_with_its_error),
        cmocka_unit_test(test_bytes_are_sent_with_their_length_and_without_waiting),
        cmocka_unit_test(test_a_region_of_a_file_is_sent_and_its_position_stays),
        cmocka_unit_test(test_a_stream_is_sent_in_chunks),
        cmocka_unit_test(test_a_stream_that_fails_never_ends_as_if_it_were_whole),
        cmocka_unit_test(test_a_connection_is_used_again),
        cmocka_unit_test(test_many_run_at_a_time_and_each_is_given_once),
        cmocka_unit_test(test_one_may_be_performed_while_others_run),
        cmocka_unit_test(test_a_name_and_password_are_sent_from_the_start),
        cmocka_unit_test(test_proxies_and_netrc_of_the_environment_are_not_used),
        cmocka_unit_test(test_requests_that_would_forge_a_line_are_refused),
        cmocka_unit_test(test_other_schemes_and_passwords_in_urls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

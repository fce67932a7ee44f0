/* SPDX-License-Identifier: Apache-2.0 */
/* What a transfer says when the server, or what lies between, does not behave. */
#include "http_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

/* Sends one request to a server with this one reply; it must fail as SL_E_NET, naming the server and no secret. */
static void expect_broken(const struct test_httpd_reply *reply, const char *method, const char *says)
{
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(reply, 1);
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = method, .url = at(s, "/x?X-Amz-Signature=secret"), .max_body = 1 << 20};
    char where[64];
    snprintf(where, sizeof where, "127.0.0.1:%d", test_httpd_port(s));
    assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
    assert_int_equal(t.error.code, SL_E_NET);
    assert_contains(err.message, where);
    assert_contains(err.message, says);
    assert_null(strstr(err.message, "secret"));
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_a_refused_connection_is_said_in_plain_words(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, not listening: nobody else gets the port */
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    char url[64], wanted[96];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(a.sin_port));
    snprintf(wanted, sizeof wanted, "127.0.0.1:%d does not answer (connection refused)", ntohs(a.sin_port));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = url};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
    assert_string_equal(err.message, wanted);
    assert_int_equal(t.response.status, 0);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    close(fd);
}

static void test_an_unknown_name_is_said_in_plain_words(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = "http://nowhere.invalid/"};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
    assert_string_equal(err.message, "nowhere.invalid:80 does not answer (the name has no address)");
    sl_http_response_free(&t.response);
    sl_http_free(http);
}

static void test_an_answer_that_never_begins_is_an_error(void **state)
{
    (void)state;
    expect_broken(&(struct test_httpd_reply){.end = TEST_HTTPD_CLOSE}, "PUT", "before it had answered");
    expect_broken(&(struct test_httpd_reply){.end = TEST_HTTPD_RESET}, "PUT", "connection reset by peer");
    expect_broken(&(struct test_httpd_reply){.end = TEST_HTTPD_CLOSE}, "GET", "before it had answered");
}

static void test_an_answer_cut_in_its_head_is_an_error(void **state)
{
    (void)state;
    const int64_t head = (int64_t)strlen("HTTP/1.1 200 Said\r\nX: y\r\nContent-Length: 5\r\n\r\n");
    for (int64_t cut = 1; cut < head; cut++)
        for (int end = TEST_HTTPD_CLOSE; end <= TEST_HTTPD_RESET; end++)
            expect_broken(&(struct test_httpd_reply){.status = 200, .headers = "X: y\r\n", .n = 5, .cut = cut,
                                                     .end = (enum test_httpd_end)end},
                          "GET", cut < 19 ? "" : "before it had answered");
}

static void test_a_body_shorter_than_said_is_an_error(void **state)
{
    (void)state;
    const int64_t head = (int64_t)strlen("HTTP/1.1 200 Said\r\nContent-Length: 1000\r\n\r\n");
    for (int64_t cut = head; cut < head + 1000; cut += 111) {
        char says[64];
        snprintf(says, sizeof says, "after %lld of 1000 bytes", (long long)(cut - head));
        expect_broken(&(struct test_httpd_reply){.status = 200, .n = 1000, .cut = cut, .end = TEST_HTTPD_CLOSE}, "GET",
                      says);
    }
    expect_broken(&(struct test_httpd_reply){.status = 503, .n = 1000, .cut = head + 10, .end = TEST_HTTPD_CLOSE}, "GET",
                  "after 10 of 1000 bytes");
}

static void test_chunks_that_are_cut_anywhere_are_an_error(void **state)
{
    (void)state;
    const int64_t head = (int64_t)strlen("HTTP/1.1 200 Said\r\nTransfer-Encoding: chunked\r\n\r\n");
    /* Without its last line feed it is whole: the last chunk was there. */
    const int64_t all = head + 5 + 1000 + 2 + 4 + 100 + 2 + 5;
    for (int64_t cut = head; cut < all - 1; cut += cut > head + 20 && cut < head + 900 ? 113 : 1)
        expect_broken(&(struct test_httpd_reply){.status = 200, .n = 1100, .chunked = true, .cut = cut,
                                                 .end = TEST_HTTPD_CLOSE},
                      "GET", "broke off its answer after");
}

static void test_answers_that_are_not_http_are_an_error(void **state)
{
    (void)state;
    const char *const bad[] = {"220 ftp.example.org ready\r\n\r\n", "<html>what</html>\r\n\r\n", "\r\n\r\n\r\n",
                               "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_broken(&(struct test_httpd_reply){.raw = bad[i], .end = TEST_HTTPD_CLOSE}, "GET", "");
    expect_broken(&(struct test_httpd_reply){.raw = bad[0], .end = TEST_HTTPD_CLOSE}, "GET", "does not speak HTTP");
}

static void test_lengths_that_contradict_are_an_error(void **state)
{
    (void)state;
    const char *const bad[] = {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde",
                               "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabcde",
                               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nabcde",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_broken(&(struct test_httpd_reply){.raw = bad[i], .end = TEST_HTTPD_CLOSE}, "GET", "");
}

static void test_headers_are_bounded(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char *many = malloc(200000), *p = many;
    for (int i = 0; i < 100; i++)
        p += sprintf(p, "X-%d: %d\r\n", i, i);
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200, .headers = many}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/")};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.n_headers, SL_HTTP_MAX_HEADERS);
    assert_string_equal(sl_http_header(&t.response, "x-63"), "63");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
    while (p - many < SL_HTTP_MAX_HEADER_BYTES)
        p += sprintf(p, "X: 0123456789012345678901234567890123456789\r\n");
    expect_broken(&(struct test_httpd_reply){.status = 200, .headers = many}, "GET", "more headers than are read (65536 bytes)");
    free(many);
}

static void test_interim_answers_are_not_the_answer(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(
        SCRIPT({.raw = "HTTP/1.1 100 Continue\r\nX: interim\r\n\r\nHTTP/1.1 103 Early\r\nLink: y\r\n\r\n"
                       "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok"}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/"), .max_body = 2};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 201);
    assert_int_equal(t.response.n_headers, 1);
    assert_string_equal(t.response.body.data, "ok");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    finish(s);
}

static void test_an_upload_that_is_broken_off_is_an_error(void **state)
{
    (void)state;
    for (int end = TEST_HTTPD_CLOSE; end <= TEST_HTTPD_RESET; end++) {
        struct sl_error err = {0};
        struct test_httpd *s =
            test_httpd_start(SCRIPT({.read_body = 100000, .end = (enum test_httpd_end)end}));
        struct sl_http *http = client();
        char *bytes = calloc(1, 16 << 20);
        struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/"),
                                     .body = {.source = SL_HTTP_BYTES, .bytes = bytes, .n = 16 << 20}};
        assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
        assert_contains(err.message, "before it had answered");
        sl_http_response_free(&t.response);
        free(bytes);
        sl_http_free(http);
        finish(s);
    }
}

static void test_an_error_that_comes_before_the_upload_is_through_is_the_answer(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(
        SCRIPT({.status = 403, .body = "no", .n = 2, .read_body = 100000, .end = TEST_HTTPD_STALL}));
    struct sl_http *http = client();
    char *bytes = calloc(1, 64 << 20);
    struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/"),
                                 .body = {.source = SL_HTTP_BYTES, .bytes = bytes, .n = 64 << 20}};
    assert_ok(sl_http_perform(http, &t, &err));
    assert_int_equal(t.response.status, 403);
    assert_string_equal(t.response.body.data, "no");
    sl_http_response_free(&t.response);
    free(bytes);
    sl_http_free(http);
    finish(s);
}

static void test_a_file_that_became_shorter_is_never_sent_as_whole(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    FILE *f = tmpfile();
    fputs("ten bytes.", f);
    fflush(f);
    struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/"),
                                 .body = {.source = SL_HTTP_FILE, .fd = fileno(f), .n = 1000000}};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_FILE_CHANGED);
    sl_http_response_free(&t.response);
    fclose(f);
    sl_http_free(http);
    free(test_httpd_stop(s)); /* the request may not have come to it at all */
}

/* The second request goes out on a kept connection that dies without an answer: it may have been carried out. */
static void test_what_changes_something_is_not_sent_again_by_itself(void **state)
{
    (void)state;
    const char *const methods[] = {"PUT", "POST", "DELETE"};
    for (int with_body = 0; with_body < 2; with_body++)
        for (int i = 0; i < 3; i++)
            for (int end = TEST_HTTPD_CLOSE; end <= TEST_HTTPD_RESET; end++) {
                struct sl_error err = {0};
                struct test_httpd *s =
                    test_httpd_start(SCRIPT({.status = 200}, {.end = (enum test_httpd_end)end}));
                struct sl_http *http = client();
                struct sl_http_transfer t = {.method = methods[i], .url = at(s, "/")};
                if (with_body)
                    t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = "{}", .n = 2};
                assert_ok(sl_http_perform(http, &t, &err));
                sl_http_response_free(&t.response);
                assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
                assert_contains(err.message, "before it had answered");
                sl_http_response_free(&t.response);
                sl_http_free(http);
                finish(s);
            }
}

static void test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s =
        test_httpd_start(SCRIPT({.status = 200, .end = TEST_HTTPD_CLOSE}, {.status = 200, .end = TEST_HTTPD_KEEP}));
    struct sl_http *http = client();
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/")};
    for (int i = 0; i < 2; i++) {
        assert_ok(sl_http_perform(http, &t, &err));
        sl_http_response_free(&t.response);
    }
    assert_int_equal(test_httpd_connections(s), 2);
    sl_http_free(http);
    finish(s);
}

/* Time that runs a second at each look, so that silence needs no waiting. */
static int64_t running_ns;
static int64_t run_on(void)
{
    return running_ns += SL_NS_PER_S;
}

static void no_sleep(int64_t ns)
{
    (void)ns;
}

static void zeroes(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}

static const struct sl_clock_ops runs_away = {run_on, run_on, no_sleep, zeroes};

static int use_running_clock(void **state)
{
    (void)state;
    sl_clock_set(&runs_away);
    return 0;
}

static int use_system_clock(void **state)
{
    (void)state;
    sl_clock_set(NULL);
    return 0;
}

static void test_silence_ends_a_transfer(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s =
        test_httpd_start(SCRIPT({.end = TEST_HTTPD_STALL}, {.status = 200, .n = 10, .cut = 45, .end = TEST_HTTPD_STALL},
                                {.read_body = 1000, .end = TEST_HTTPD_STALL}));
    const struct sl_http_options options = {.connect_ms = 5000, .silence_ms = 20000};
    struct sl_http *http = NULL;
    assert_ok(sl_http_new(&options, &http, &err));
    char *bytes = calloc(1, 32 << 20);
    for (int i = 0; i < 3; i++) {
        struct sl_http_transfer t = {.method = "PUT", .url = at(s, "/"), .max_body = 100};
        if (i == 2)
            t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = bytes, .n = 32 << 20};
        assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
        assert_contains(err.message, "has been silent for 20");
        sl_http_response_free(&t.response);
    }
    free(bytes);
    sl_http_free(http);
    finish(s);
}

static void test_the_deadline_ends_a_transfer(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.end = TEST_HTTPD_STALL}));
    const struct sl_http_options options = {.connect_ms = 5000};
    struct sl_http *http = NULL;
    assert_ok(sl_http_new(&options, &http, &err));
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/"), .deadline_ms = 60000};
    /* The clock may run out before the request is there: then the server has not seen it, and the script is not played. */
    assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
    assert_contains(err.message, "has not finished its answer within");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    free(test_httpd_stop(s));
}

static bool third_time(void *data)
{
    return ++*(int *)data == 3;
}

static void test_stop_is_asked_and_ends_a_transfer(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.end = TEST_HTTPD_STALL}));
    struct sl_http *http = client();
    int asked = 0;
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/"), .stop = third_time, .data = &asked};
    assert_fails(sl_http_perform(http, &t, &err), SL_E_CANCELLED);
    assert_int_equal(asked, 3);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    free(test_httpd_stop(s));
}

static void test_abort_takes_back_what_has_not_ended(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.end = TEST_HTTPD_STALL}, {.end = TEST_HTTPD_STALL}));
    struct sl_http *http = client();
    char url[4096];
    snprintf(url, sizeof url, "%s", at(s, "/"));
    struct sl_http_transfer a = {.method = "GET", .url = url}, b = a, *done = &a;
    assert_ok(sl_http_add(http, &a, &err));
    assert_ok(sl_http_add(http, &b, &err));
    assert_ok(sl_http_wait(http, 20, &done, &err));
    assert_null(done);
    sl_http_abort(http);
    assert_int_equal(a.rc, -SL_E_CANCELLED);
    assert_int_equal(b.rc, -SL_E_CANCELLED);
    assert_ok(sl_http_wait(http, -1, &done, &err));
    assert_null(done);
    sl_http_response_free(&a.response);
    sl_http_response_free(&b.response);
    sl_http_free(http);
    free(test_httpd_stop(s));
}

static void test_tls_is_spoken_with_whom_the_authority_vouches_for_only(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char dir[256], ca[300], other[300], cert[300], key[300], url[128];
    cm_temp_dir(dir, sizeof dir, "tls");
    test_httpd_certificates(dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(other, sizeof other, "%s/other.pem", dir);
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    struct test_httpd *s = test_httpd_start_tls(SCRIPT({.status = 200, .n = 1000000}, {.status = 200, .n = 10}), cert, key);
    struct sl_http_options options = {.connect_ms = 5000, .silence_ms = 20000, .ca_file = ca};
    struct sl_http *http = NULL;
    assert_ok(sl_http_new(&options, &http, &err));
    struct sl_http_transfer t = {.method = "GET", .url = at(s, "/"), .max_body = 1 << 20};
    for (int i = 0; i < 2; i++) {
        assert_ok(sl_http_perform(http, &t, &err));
        assert_counts(t.response.body.data, t.response.body.len);
        sl_http_response_free(&t.response);
    }
    assert_int_equal(test_httpd_connections(s), 1);
    sl_http_free(http);
    const char *const wrong[] = {other, NULL};
    for (int i = 0; i < 2; i++) {
        options.ca_file = wrong[i];
        assert_ok(sl_http_new(&options, &http, &err));
        assert_fails(sl_http_perform(http, &t, &err), SL_E_NET);
        assert_contains(err.message, "its certificate is not trusted");
        assert_true(err.hint[0] != '\0');
        sl_http_response_free(&t.response);
        sl_http_free(http);
    }
    /* A name that the certificate does not have. */
    options.ca_file = ca;
    assert_ok(sl_http_new(&options, &http, &err));
    snprintf(url, sizeof url, "https://127.0.0.2:%d/", test_httpd_port(s));
    t.url = url;
    assert_int_equal(sl_http_perform(http, &t, &err), -SL_E_NET);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    options.ca_file = key; /* no certificate in it */
    assert_ok(sl_http_new(&options, &http, &err));
    t.url = at(s, "/");
    assert_fails(sl_http_perform(http, &t, &err), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "key.pem");
    sl_http_response_free(&t.response);
    sl_http_free(http);
    options.ca_file = "/nonexistent/ca.pem";
    http = NULL;
    assert_fails(sl_http_new(&options, &http, &err), SL_E_CONFIG_VALUE);
    assert_null(http);
    finish(s);
    assert_ok(sl_dir_remove(dir, &err));
}

static void test_plain_http_to_a_tls_port_and_the_reverse_are_errors(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = test_httpd_start(SCRIPT({.status = 200}));
    struct sl_http *http = client();
    char url[128];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", test_httpd_port(s));
    int asked = -100;
    struct sl_http_transfer t = {.method = "GET", .url = url, .stop = third_time, .data = &asked};
    assert_true(sl_http_perform(http, &t, &err) < 0);
    assert_int_equal(t.response.status, 0);
    sl_http_response_free(&t.response);
    sl_http_free(http);
    free(test_httpd_stop(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_connection_is_said_in_plain_words),
        cmocka_unit_test(test_an_unknown_name_is_said_in_plain_words),
        cmocka_unit_test(test_an_answer_that_never_begins_is_an_error),
        cmocka_unit_test(test_an_answer_cut_in_its_head_is_an_error),
        cmocka_unit_test(test_a_body_shorter_than_said_is_an_error),
        cmocka_unit_test(test_chunks_that_are_cut_anywhere_are_an_error),
        cmocka_unit_test(test_answers_that_are_not_http_are_an_error),
        cmocka_unit_test(test_lengths_that_contradict_are_an_error),
        cmocka_unit_test(test_headers_are_bounded),
        cmocka_unit_test(test_interim_answers_are_not_the_answer),
        cmocka_unit_test(test_an_upload_that_is_broken_off_is_an_error),
        cmocka_unit_test(test_an_error_that_comes_before_the_upload_is_through_is_the_answer),
        cmocka_unit_test(test_a_file_that_became_shorter_is_never_sent_as_whole),
        cmocka_unit_test(test_what_changes_something_is_not_sent_again_by_itself),
        cmocka_unit_test(test_a_kept_connection_that_was_closed_meanwhile_costs_nothing),
        cmocka_unit_test_setup_teardown(test_silence_ends_a_transfer, use_running_clock, use_system_clock),
        cmocka_unit_test_setup_teardown(test_the_deadline_ends_a_transfer, use_running_clock, use_system_clock),
        cmocka_unit_test(test_stop_is_asked_and_ends_a_transfer),
        cmocka_unit_test(test_abort_takes_back_what_has_not_ended),
        cmocka_unit_test(test_tls_is_spoken_with_whom_the_authority_vouches_for_only),
        cmocka_unit_test(test_plain_http_to_a_tls_port_and_the_reverse_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the Trino client asks, follows, refuses and says, before a server that was told what to reply. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/cm.h"
#include "support/httpd.h"

#include "base/clock.h"
#include "iceberg/trino.h"
#include "json/json.h"

enum { PAGES = 8, PAGE_BYTES = 2048 };
static char pages[PAGES][PAGE_BYTES];
static struct test_httpd_reply script[PAGES];

static void no_sleep(int64_t ns)
{
    (void)ns;
}
static int64_t wall(void)
{
    return INT64_C(1700000000) * SL_NS_PER_S;
}
static int64_t mono_now;
static int64_t mono(void)
{
    return mono_now += SL_NS_PER_MS;
}
static void no_random(void *out, size_t bytes)
{
    memset(out, 0, bytes);
}
static const struct sl_clock_ops quick = {wall, mono, no_sleep, no_random};

static int set_up(void **state)
{
    (void)state;
    memset(script, 0, sizeof script);
    memset(pages, 0, sizeof pages);
    sl_clock_set(&quick);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    sl_clock_set(NULL);
    return 0;
}

static const struct sl_trino_target usual = {.name = "trino", .user = "ana", .catalog = "iceberg", .timeout_ms = 100000,
                                             .query_timeout_ms = 1000000, .max_query_bytes = 100000, .retries = 3};

/* The n-th reply: JSON padded to one length, since the server's port is only known once it runs. "@" in it is its address. */
static void page(size_t n, const char *text, const char *url)
{
    size_t used = 0;
    memset(pages[n], ' ', PAGE_BYTES);
    for (; *text; text++) {
        const char *piece = *text == '@' ? url : text;
        size_t bytes = *text == '@' ? strlen(url) : 1;
        assert_in_range(used + bytes, 1, PAGE_BYTES - 1);
        memcpy(pages[n] + used, piece, bytes);
        used += bytes;
    }
}

static struct test_httpd *start(size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!script[i].status)
            script[i] = (struct test_httpd_reply){.method = script[i].method, .target = script[i].target, .status = 200,
                                                  .headers = script[i].headers, .body = pages[i], .n = PAGE_BYTES};
    return test_httpd_start(script, n);
}

static struct sl_trino *client(struct test_httpd *s, struct sl_trino_target target)
{
    struct sl_error err = {0};
    struct sl_trino *t = NULL;
    target.url = test_httpd_url(s);
    assert_int_equal(sl_trino_open(&target, &t, &err), 0);
    return t;
}

static void finish(struct test_httpd *s, struct sl_trino *t)
{
    sl_trino_close(t);
    char *why = test_httpd_stop(s);
    assert_null(why);
}

struct seen {
    int64_t rows, sum;
    char text[64];
};
static int see(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err)
{
    struct seen *seen = data;
    (void)err;
    seen->rows++;
    seen->sum += json_object_get_int64(json_object_array_get_idx(values, 0));
    if (result->n_columns > 1)
        snprintf(seen->text, sizeof seen->text, "%s", json_object_get_string(json_object_array_get_idx(values, 1)));
    return 0;
}

#define COLUMNS "\"columns\":[{\"name\":\"id\",\"type\":\"bigint\"},{\"name\":\"t\",\"type\":\"varchar(3)\"}]"

static void test_rows_of_all_pages_are_given_until_there_is_no_next(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct seen seen = {0};
    script[0] = (struct test_httpd_reply){.method = "POST", .target = "/v1/statement"};
    script[1] = (struct test_httpd_reply){.method = "GET", .target = "/v1/statement/1"};
    struct test_httpd *s = start(4);
    page(0, "{\"id\":\"q\",\"nextUri\":\"@/v1/statement/1\",\"stats\":{\"state\":\"QUEUED\"}}", test_httpd_url(s));
    page(1, "{\"id\":\"q\",\"nextUri\":\"@/v1/statement/2\"," COLUMNS ",\"data\":[[1,\"a\"],[2,\"b\"]]}", test_httpd_url(s));
    page(2, "{\"id\":\"q\",\"nextUri\":\"@/v1/statement/3\"," COLUMNS ",\"data\":[[9007199254740993,null]]}", test_httpd_url(s));
    page(3, "{\"id\":\"q\",\"updateCount\":3," COLUMNS "}", "");
    struct sl_trino *t = client(s, usual);
    int64_t updated = 0;
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, see, &seen, &updated, &err), 0);
    assert_int_equal(seen.rows, 3);
    assert_int_equal(seen.sum, INT64_C(9007199254740996));
    assert_int_equal(updated, 3);
    assert_int_equal(sl_trino_columns(t)->n_columns, 2);
    assert_int_equal(sl_trino_columns(t)->columns[0].type, SL_TRINO_INTEGER);
    assert_int_equal(sl_trino_columns(t)->columns[1].type, SL_TRINO_TEXT);
    char value[1024];
    assert_string_equal(test_httpd_header(test_httpd_request(s, 0), "X-Trino-User", value), "ana");
    assert_memory_equal(test_httpd_request(s, 0)->body, "SELECT 1", 8);
    finish(s, t);
}

static void test_an_address_elsewhere_is_not_followed(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct test_httpd *s = start(1);
    page(0, "{\"id\":\"q\",\"nextUri\":\"@.evil.example/v1/statement/1\"}", test_httpd_url(s));
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), -SL_E_TRINO);
    assert_non_null(strstr(err.message, "another server"));
    assert_int_equal(test_httpd_requests(s), 1);
    finish(s, t);
}

static int code_of(const char *name, const char *type)
{
    struct sl_error err = {0};
    char text[256];
    script[0] = (struct test_httpd_reply){0};
    struct test_httpd *s = start(1);
    snprintf(text, sizeof text, "{\"id\":\"q\",\"error\":{\"message\":\"no\",\"errorName\":\"%s\",\"errorType\":\"%s\"}}", name, type);
    page(0, text, "");
    struct sl_trino_target once = usual;
    once.retries = 0;
    struct sl_trino *t = client(s, once);
    int rc = sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err);
    finish(s, t);
    return -rc;
}

static void test_the_class_of_an_error_is_that_of_its_type(void **state)
{
    (void)state;
    assert_int_equal(code_of("SYNTAX_ERROR", "USER_ERROR"), SL_E_TRINO_QUERY);
    assert_int_equal(code_of("PERMISSION_DENIED", "USER_ERROR"), SL_E_TRINO_DENIED);
    assert_int_equal(code_of("GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR"), SL_E_TRINO);
    assert_int_equal(code_of("ICEBERG_COMMIT_ERROR", "EXTERNAL"), SL_E_TRINO_UNAVAILABLE);
    assert_int_equal(code_of("EXCEEDED_GLOBAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES"), SL_E_TRINO_RESOURCES);
    assert_int_equal(code_of("NO_NODES_AVAILABLE", "INTERNAL_ERROR"), SL_E_TRINO_UNAVAILABLE);
    assert_int_equal(sl_code_class(SL_E_TRINO_RESOURCES), SL_CLASS_TRANSIENT);
}

static void test_no_nodes_and_503_are_tried_again(void **state)
{
    (void)state;
    struct sl_error err = {0};
    int64_t out = 0;
    script[0] = (struct test_httpd_reply){.status = 503, .headers = "Retry-After: 1\r\n", .body = "busy", .n = 4};
    struct test_httpd *s = start(3);
    page(1, "{\"id\":\"q\",\"error\":{\"message\":\"none\",\"errorName\":\"NO_NODES_AVAILABLE\",\"errorType\":\"INTERNAL_ERROR\"}}", "");
    page(2, "{\"id\":\"q\"," COLUMNS ",\"data\":[[7,\"x\"]]}", "");
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_int(t, "SELECT 7", -1, &out, &err), 0);
    assert_int_equal(out, 7);
    finish(s, t);
}

static void test_a_change_whose_answer_is_lost_is_not_sent_again(void **state)
{
    (void)state;
    struct sl_error err = {0};
    script[0] = (struct test_httpd_reply){.raw = "", .end = TEST_HTTPD_RESET, .status = 1, .cut = 1, .n = 1};
    struct test_httpd *s = start(1);
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_run(t, "INSERT INTO t VALUES 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), -SL_E_TRINO_UNAVAILABLE);
    assert_int_equal(test_httpd_requests(s), 1);
    finish(s, t);
}

static int stop_after(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err)
{
    (void)result, (void)values, (void)data;
    return sl_fail(err, SL_E_CANCELLED, "enough");
}

static void test_a_statement_that_nobody_wants_any_more_is_cancelled_there(void **state)
{
    (void)state;
    struct sl_error err = {0};
    script[1] = (struct test_httpd_reply){.method = "DELETE", .target = "/v1/statement/2", .status = 204};
    struct test_httpd *s = start(2);
    page(0, "{\"id\":\"q\",\"nextUri\":\"@/v1/statement/2\"," COLUMNS ",\"data\":[[1,\"a\"]]}", test_httpd_url(s));
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, stop_after, NULL, NULL, &err), -SL_E_CANCELLED);
    finish(s, t);
}

static void test_the_session_follows_the_server(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char value[1024];
    script[0] = (struct test_httpd_reply){.headers = "X-Trino-Set-Session: join=a%2Cb\r\n"};
    script[1] = (struct test_httpd_reply){.headers = "X-Trino-Clear-Session: join\r\n"};
    struct test_httpd *s = start(3);
    for (size_t i = 0; i < 3; i++)
        page(i, "{\"id\":\"q\"}", "");
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_run(t, "SET SESSION join = 'a,b'", SL_TRINO_ONCE, NULL, NULL, NULL, &err), 0);
    assert_string_equal(sl_trino_session(t, "join"), "a,b");
    assert_int_equal(sl_trino_run(t, "RESET SESSION join", SL_TRINO_ONCE, NULL, NULL, NULL, &err), 0);
    assert_string_equal(test_httpd_header(test_httpd_request(s, 1), "X-Trino-Session", value), "join=a%2Cb");
    assert_null(sl_trino_session(t, "join"));
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), 0);
    assert_null(test_httpd_header(test_httpd_request(s, 2), "X-Trino-Session", value));
    finish(s, t);
}

static void test_parameters_are_literals_that_cannot_break_out(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char value[1024];
    const struct sl_trino_param params[] = {{"varchar", "it's'); DROP TABLE t; --"}, {"bigint", "-5"}, {"double", NULL}};
    struct test_httpd *s = start(1);
    page(0, "{\"id\":\"q\"}", "");
    struct sl_trino *t = client(s, usual);
    assert_int_equal(sl_trino_execute(t, "SELECT ?, ?, ?", params, 3, SL_TRINO_ONCE, NULL, NULL, NULL, &err), 0);
    const struct test_httpd_request *r = test_httpd_request(s, 0);
    assert_string_equal(test_httpd_header(r, "X-Trino-Prepared-Statement", value), "sluice=SELECT%20%3F%2C%20%3F%2C%20%3F");
    const char *wanted = "EXECUTE sluice USING 'it''s''); DROP TABLE t; --', bigint '-5', CAST(NULL AS double)";
    assert_int_equal(r->n, strlen(wanted));
    assert_memory_equal(r->body, wanted, strlen(wanted));
    finish(s, t);
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, 1000);
    const struct sl_trino_param bad[] = {{"bigint", "1 OR 1"}, {"double", "1)"}, {"boolean", "x"}, {"varbinary", "zz"},
                                         {"varchar) FROM t --", "x"}, {"decimal(3,1)", "1'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sl_trino_literal(&sql, &bad[i], &err), -SL_E_INTERNAL);
}

static void test_segments_inline_and_spooled_are_rows(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct seen seen = {0};
    script[1] = (struct test_httpd_reply){.method = "GET", .target = "/v1/spooled/s", .status = 200, .body = "[[5,\"z\"]]", .n = 9};
    script[2] = (struct test_httpd_reply){.method = "GET", .target = "/v1/spooled/ack", .status = 200, .body = "", .n = 0};
    struct test_httpd *s = start(3);
    page(0,
         "{\"id\":\"q\"," COLUMNS ",\"data\":{\"encoding\":\"json\",\"segments\":[{\"type\":\"inline\",\"data\":"
         "\"W1sxLCJhIl0sWzIsImIiXV0=\",\"metadata\":{}},{\"type\":\"spooled\",\"uri\":\"@/v1/spooled/s\",\"ackUri\":"
         "\"@/v1/spooled/ack\",\"metadata\":{\"segmentSize\":9}}]}}",
         test_httpd_url(s));
    struct sl_trino_target spooled = usual;
    spooled.encoding = "json";
    struct sl_trino *t = client(s, spooled);
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, see, &seen, NULL, &err), 0);
    assert_int_equal(seen.rows, 3);
    assert_int_equal(seen.sum, 8);
    assert_string_equal(seen.text, "z");
    finish(s, t);
}

static void test_answers_that_are_no_pages_are_errors_of_the_server(void **state)
{
    (void)state;
    static const char *const bad[] = {"{\"id\":", "[]x", "{\"id\":\"q\"," COLUMNS ",\"data\":[[1]]}",
                                      "{\"id\":\"q\"," COLUMNS ",\"data\":[7]}",
                                      "{\"data\":{\"encoding\":\"json+zip\",\"segments\":[]}}",
                                      "{\"data\":{\"encoding\":\"json\",\"segments\":[{\"type\":\"spooled\",\"uri\":\"http://127.0.0.1:1/x\"}]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_error err = {0};
        struct test_httpd *s = start(1);
        page(0, bad[i], "");
        struct sl_trino *t = client(s, usual);
        assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), -SL_E_TRINO);
        finish(s, t);
    }
}

static void test_a_password_is_in_a_header_and_a_refusal_names_the_user_only(void **state)
{
    (void)state;
    struct sl_error err = {0};
    char value[1024];
    script[0] = (struct test_httpd_reply){.status = 401, .body = "no", .n = 2};
    script[1] = (struct test_httpd_reply){.status = 401, .body = "no", .n = 2};
    struct test_httpd *s = start(2);
    struct sl_trino_target with = usual;
    with.password = "hush-hush";
    struct sl_trino *t = client(s, with);
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), -SL_E_TRINO_DENIED);
    assert_string_equal(test_httpd_header(test_httpd_request(s, 0), "Authorization", value), "Basic YW5hOmh1c2gtaHVzaA==");
    assert_non_null(strstr(err.message, "\"ana\""));
    assert_null(strstr(err.message, "hush"));
    sl_trino_close(t);
    with.password = NULL;
    with.token = "a.b.c";
    t = client(s, with);
    assert_int_equal(sl_trino_run(t, "SELECT 1", SL_TRINO_ONCE, NULL, NULL, NULL, &err), -SL_E_TRINO_DENIED);
    assert_string_equal(test_httpd_header(test_httpd_request(s, 1), "Authorization", value), "Bearer a.b.c");
    finish(s, t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_of_all_pages_are_given_until_there_is_no_next),
        TEST(test_an_address_elsewhere_is_not_followed),
        TEST(test_the_class_of_an_error_is_that_of_its_type),
        TEST(test_no_nodes_and_503_are_tried_again),
        TEST(test_a_change_whose_answer_is_lost_is_not_sent_again),
        TEST(test_a_statement_that_nobody_wants_any_more_is_cancelled_there),
        TEST(test_the_session_follows_the_server),
        TEST(test_parameters_are_literals_that_cannot_break_out),
        TEST(test_segments_inline_and_spooled_are_rows),
        TEST(test_answers_that_are_no_pages_are_errors_of_the_server),
        TEST(test_a_password_is_in_a_header_and_a_refusal_names_the_user_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

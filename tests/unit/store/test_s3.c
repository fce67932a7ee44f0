/* SPDX-License-Identifier: Apache-2.0 */
/* The S3 backend against scripted answers: what a good server does once in a long while, and a bad one always. */
#include "unit/store/s3_fixture.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/sha256.h"

#define ABC_BASE64 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="

static int into(void *data, const void *bytes, size_t n, struct sl_error *e)
{
    (void)e;
    sl_buf_add(data, bytes, n);
    return 0;
}

/* --- trying again --- */
static void busy_server_is_asked_again(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "PUT",
         .target = "/lake/k",
         .status = 503,
         .headers = "Retry-After: 3\r\n",
         TEXT(XML_ERROR("SlowDown"))},
        {.method = "PUT", .target = "/lake/k", .status = 0, .end = TEST_HTTPD_RESET},
        {.method = "PUT", .target = "/lake/k", .status = 200, .headers = "ETag: \"e1\"\r\n", TEXT("")},
    };
    S3_SERVE(script);
    int64_t before = s3_skipped_ns;
    struct sl_object_info info;
    assert_ok(sl_store_put(s3_store, "lake", "k", "abc", 3, NULL, &info, &err));
    assert_string_equal(info.etag, "e1");
    assert_true(s3_skipped_ns - before >= 3 * SL_NS_PER_S);
    assert_int_equal(test_httpd_requests(s3_server), 3);
}

static void server_that_stays_busy_is_unavailable(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.status = 503, TEXT(XML_ERROR("SlowDown"))},
        {.status = 500, TEXT("<html>not what one expects")},
        {.status = 503, TEXT(XML_ERROR("SlowDown"))},
    };
    S3_SERVE(script);
    assert_fails(s3_put_abc(NULL), SL_E_STORE_UNAVAILABLE);
    assert_contains(err.message, test_httpd_url(s3_server));
    assert_contains(err.message, "503 SlowDown");
    assert_contains(err.message, "tried 3 times in ");
    assert_null(strstr(err.message, "secret"));
}

static void refused_request_is_not_tried_again(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {{.status = 400, TEXT(XML_ERROR("InvalidArgument"))}};
    S3_SERVE(script);
    assert_fails(s3_put_abc(NULL), SL_E_STORE_DENIED);
    assert_contains(err.message, "400 InvalidArgument: words");
}

/* --- answers that got lost --- */
#define LOST                                                                                                           \
    {                                                                                                                  \
        .method = "PUT", .target = "/lake/k", .status = 0, .end = TEST_HTTPD_RESET                                     \
    }
#define REFUSED                                                                                                        \
    {                                                                                                                  \
        .method = "PUT", .target = "/lake/k", .status = 412, TEXT(XML_ERROR("PreconditionFailed"))                     \
    }
#define THERE(headers_)                                                                                                \
    {                                                                                                                  \
        .method = "HEAD", .target = "/lake/k", .status = 200, .headers = "ETag: \"e9\"\r\n" headers_, .n = 3,          \
        .head_only = true                                                                                              \
    }

static void own_object_is_known_again_after_a_lost_answer(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {LOST, REFUSED, THERE("x-amz-checksum-sha256: " ABC_BASE64 "\r\n")};
    S3_SERVE(script);
    struct sl_object_info info;
    const struct sl_put_options o = {.if_absent = true};
    assert_ok(sl_store_put(s3_store, "lake", "k", "abc", 3, &o, &info, &err));
    assert_string_equal(info.etag, "e9");
    char value[1024];
    assert_string_equal(test_httpd_header(test_httpd_request(s3_server, 1), "If-None-Match", value), "*");
}

static void others_object_stays_a_refusal_after_a_lost_answer(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        LOST, REFUSED, THERE("x-amz-checksum-sha256: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n")};
    S3_SERVE(script);
    const struct sl_put_options o = {.if_absent = true};
    assert_fails(s3_put_abc(&o), SL_E_STORE_PRECONDITION);
}

static void same_bytes_with_other_metadata_are_anothers(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        LOST, REFUSED, THERE("x-amz-checksum-sha256: " ABC_BASE64 "\r\nx-amz-meta-run_id: 2\r\n")};
    S3_SERVE(script);
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "run_id", "1");
    const struct sl_put_options o = {.if_absent = true, .meta = &meta};
    assert_fails(s3_put_abc(&o), SL_E_STORE_PRECONDITION);
}

static void refusal_of_the_first_try_is_final(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {REFUSED};
    S3_SERVE(script);
    const struct sl_put_options o = {.if_match = "e1"};
    assert_fails(s3_put_abc(&o), SL_E_STORE_PRECONDITION);
    assert_contains(err.message, "e1");
}

/* --- reading --- */
static int read_all(struct sl_buf *buf, const char *if_match)
{
    return sl_store_get(s3_store, "lake", "k", 0, -1, if_match, into, buf, NULL, &err);
}

static void truncated_answer_is_asked_for_again(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "GET",
         .status = 206,
         .headers = "ETag: \"e\"\r\nContent-Range: bytes 0-999/1000\r\n",
         .n = 1000,
         .cut = 600,
         .end = TEST_HTTPD_RESET},
        {.method = "GET", .status = 206, .headers = "ETag: \"e\"\r\nContent-Range: bytes 0-999/1000\r\n", .n = 1000},
    };
    S3_SERVE(script);
    struct sl_buf buf;
    sl_buf_init(&buf, 2000);
    assert_ok(read_all(&buf, NULL));
    assert_int_equal(buf.len, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal((unsigned char)buf.data[i], i % 251);
    sl_buf_free(&buf);
}

static void object_that_another_part_belongs_to_is_never_mixed(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "GET",
         .status = 206,
         .headers = "ETag: \"one\"\r\nContent-Range: bytes 0-5242879/5242890\r\n",
         .n = 5 * MIB},
        {.method = "GET",
         .status = 206,
         .headers = "ETag: \"two\"\r\nContent-Range: bytes 5242880-5242889/5242890\r\n",
         .n = 10},
    };
    S3_SERVE(script);
    struct sl_buf buf;
    sl_buf_init(&buf, 20 * MIB);
    assert_fails(read_all(&buf, NULL), SL_E_STORE_CHANGED);
    assert_true(buf.len <= 5 * MIB);
    char value[1024];
    assert_string_equal(test_httpd_header(test_httpd_request(s3_server, 1), "If-Match", value), "\"one\"");
    sl_buf_free(&buf);
}

static void object_that_goes_in_mid_read_has_changed(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "GET",
         .status = 206,
         .headers = "ETag: \"one\"\r\nContent-Range: bytes 0-5242879/5242890\r\n",
         .n = 5 * MIB},
        {.method = "GET", .status = 404, TEXT(XML_ERROR("NoSuchKey"))},
    };
    S3_SERVE(script);
    struct sl_buf buf;
    sl_buf_init(&buf, 20 * MIB);
    assert_fails(read_all(&buf, NULL), SL_E_STORE_CHANGED);
    sl_buf_free(&buf);
}

static void answer_with_other_bytes_than_asked_for_is_refused(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.status = 206, .headers = "ETag: \"e\"\r\nContent-Range: bytes 5-9/10\r\n", TEXT("56789")},
        {.status = 200, .headers = "ETag: \"e\"\r\n", TEXT("0123456789")},
        {.status = 206, .headers = "ETag: \"e\"\r\nContent-Range: bytes 0-9/10\r\n", TEXT("0123456789AAAA")},
    };
    S3_SERVE(script);
    struct sl_buf buf;
    sl_buf_init(&buf, 100);
    assert_fails(read_all(&buf, NULL), SL_E_STORE_UNAVAILABLE);
    assert_int_equal(buf.len, 0);
    sl_buf_free(&buf);
}

/* --- listings --- */
static int none(void *data, const struct sl_list_entry *entry, struct sl_error *e)
{
    (void)e;
    sl_buf_printf(data, "%s;", entry->key);
    return 0;
}

#define ENTRY(key) "<Contents><Key>" key "</Key><ETag>&quot;e&quot;</ETag><Size>3</Size></Contents>"
#define LISTING(text)                                                                                                  \
    {                                                                                                                  \
        .method = "GET", .status = 200,                                                                                \
        TEXT("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" text "</ListBucketResult>")        \
    }

static const struct test_httpd_reply bad_listings[] = {
    LISTING(ENTRY("b") ENTRY("a")),
    LISTING(ENTRY("a") ENTRY("a")),
    LISTING(ENTRY("%00")),
    LISTING(ENTRY("%zz")),
    LISTING(ENTRY("%ff")),
    LISTING(ENTRY("")),
    LISTING("<Contents><Key>a</Key><ETag>e</ETag></Contents>"),
    LISTING("<Contents><Key>a</Key><ETag>e</ETag><Size>-1</Size></Contents>"),
    LISTING("<Contents><Key>a</Key><ETag>e&#10;x</ETag><Size>1</Size></Contents>"),
    LISTING("<IsTruncated>true</IsTruncated>"),
    {.method = "GET", .status = 200, TEXT("<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult>&a;</ListBucketResult>")},
    {.method = "GET", .status = 200, TEXT("<ListBucketResult><Contents>")},
    {.method = "GET", .status = 200, TEXT("")},
};

static void listing_that_cannot_be_is_refused(void **state)
{
    struct sl_buf buf;
    sl_buf_init(&buf, 1000);
    s3_server = test_httpd_start(*state, 1);
    s3_open_with(s3_options());
    assert_fails(sl_store_list(s3_store, "lake", "", NULL, 0, none, &buf, &err), SL_E_NET);
    sl_buf_free(&buf);
}

static void listing_goes_on_from_its_token(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "GET",
         .target = "/lake?encoding-type=url&list-type=2&max-keys=1000&prefix=p%2F&start-after=p%2Fa%20b",
         .status = 200,
         TEXT("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t+/=</"
              "NextContinuationToken>" ENTRY("p/a+c%2B%C3%BC") "</ListBucketResult>")},
        {.method = "GET",
         .target = "/lake?continuation-token=t%2B%2F%3D&encoding-type=url&list-type=2&max-keys=1000&prefix=p%2F",
         .status = 200,
         TEXT("<ListBucketResult>" ENTRY("p/b") "</ListBucketResult>")},
    };
    S3_SERVE(script);
    struct sl_buf buf;
    sl_buf_init(&buf, 1000);
    assert_ok(sl_store_list(s3_store, "lake", "p/", "p/a b", 0, none, &buf, &err));
    assert_string_equal(buf.data, "p/a c+ü;p/b;");
    sl_buf_free(&buf);
}

/* --- XML --- */
static int nothing(void *data, const char *path, const char *text, struct sl_error *e)
{
    (void)path;
    (void)text;
    (void)e;
    ++*(int *)data;
    return 0;
}

static void xml_beyond_its_limits_is_refused(void **state)
{
    (void)state;
    struct sl_buf xml;
    int seen = 0;
    sl_buf_init(&xml, 4 * MIB);
    for (int i = 0; i < 9; i++)
        sl_buf_puts(&xml, "<a>");
    for (int i = 0; i < 9; i++)
        sl_buf_puts(&xml, "</a>");
    assert_fails(sl_s3__xml(xml.data, xml.len, nothing, &seen, &err), SL_E_NET);
    sl_buf_clear(&xml);
    sl_buf_puts(&xml, "<a>");
    for (int i = 0; i < 65536; i++)
        sl_buf_puts(&xml, "<b/>");
    sl_buf_puts(&xml, "</a>");
    assert_fails(sl_s3__xml(xml.data, xml.len, nothing, &seen, &err), SL_E_NET);
    sl_buf_clear(&xml);
    sl_buf_puts(&xml, "<a>");
    for (int i = 0; i < 9000; i++)
        sl_buf_putc(&xml, 'x');
    sl_buf_puts(&xml, "</a>");
    assert_fails(sl_s3__xml(xml.data, xml.len, nothing, &seen, &err), SL_E_NET);
    sl_buf_free(&xml);
    seen = 0;
    assert_ok(sl_s3__xml("<s3:a xmlns:s3='u'><b>&lt;</b></s3:a>", 37, nothing, &seen, &err));
    assert_int_equal(seen, 2);
}

/* --- metadata --- */
static void metadata_travel_as_encoded_words(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "PUT", .status = 200, .headers = "ETag: \"e\"\r\n", TEXT("")},
        {.method = "HEAD",
         .status = 200,
         .n = 3,
         .head_only = true,
         .headers =
             "ETag: \"e\"\r\nx-amz-meta-b: =?UTF-8?B?WsO8cmljaA==?= =?utf-8?q?_=E2=80=94?=\r\nx-amz-meta-plain: a = "
             "b\r\n"
             "x-amz-meta-bad: =?UTF-8?B?%%%?=\r\nx-amz-meta-raw: Z\xc3\xbcrich\r\nx-amz-meta-esc: a\x1b[31m\r\n"},
    };
    S3_SERVE(script);
    struct sl_meta meta = {0}, got;
    char value[1024];
    sl_meta_add(&meta, "a", "Zürich");
    sl_meta_add(&meta, "b", "plain = text");
    sl_meta_add(&meta, "c", " spaces ");
    const struct sl_put_options o = {.meta = &meta, .content_type = "image/tiff"};
    assert_ok(s3_put_abc(&o));
    const struct test_httpd_request *r = test_httpd_request(s3_server, 0);
    assert_string_equal(test_httpd_header(r, "x-amz-meta-a", value), "=?UTF-8?B?WsO8cmljaA==?=");
    assert_string_equal(test_httpd_header(r, "x-amz-meta-b", value), "plain = text");
    assert_string_equal(test_httpd_header(r, "x-amz-meta-c", value), "=?UTF-8?B?IHNwYWNlcyA=?=");
    assert_string_equal(test_httpd_header(r, "content-type", value), "image/tiff");
    assert_string_equal(test_httpd_header(r, "x-amz-checksum-sha256", value), ABC_BASE64);
    assert_ok(sl_store_head(s3_store, "lake", "k", NULL, &got, &err));
    assert_string_equal(sl_meta_get(&got, "b"), "Zürich —");
    assert_string_equal(sl_meta_get(&got, "plain"), "a = b");
    assert_string_equal(sl_meta_get(&got, "bad"), "=?UTF-8?B?%%%?=");
    assert_string_equal(sl_meta_get(&got, "raw"), "Zürich");
    assert_string_equal(sl_meta_get(&got, "esc"), "a\\x1b[31m");
}

/* --- what is wrong, in words --- */
struct refusal {
    const char *name;
    struct test_httpd_reply reply;
    enum sl_code code;
    const char *hint;
};

static const struct refusal refusals[] = {
    {"refusal: key is not known",
     {.status = 403, TEXT(XML_ERROR("InvalidAccessKeyId"))},
     SL_E_STORE_DENIED,
     "MINIO_ACCESS_KEY"},
    {"refusal: secret is wrong",
     {.status = 403, TEXT(XML_ERROR("SignatureDoesNotMatch"))},
     SL_E_STORE_DENIED,
     "MINIO_SECRET_KEY"},
    {"refusal: no right", {.status = 403, TEXT(XML_ERROR("AccessDenied"))}, SL_E_STORE_DENIED, "right"},
    {"refusal: clocks differ",
     {.status = 403, .headers = "Date: Tue, 03 Jan 2040 10:00:00 GMT\r\n", TEXT(XML_ERROR("RequestTimeTooSkewed"))},
     SL_E_STORE_DENIED,
     "behind"},
    {"refusal: other region",
     {.status = 400, TEXT("<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>")},
     SL_E_STORE_DENIED,
     "eu-west-1"},
    {"refusal: no such bucket", {.status = 404, TEXT(XML_ERROR("NoSuchBucket"))}, SL_E_STORE_NOT_FOUND, ""},
    {"refusal: s3_server is full", {.status = 507, TEXT(XML_ERROR("XMinioStorageFull"))}, SL_E_DISK_FULL, ""},
    {"refusal: key that the s3_server cannot hold",
     {.status = 400, TEXT(XML_ERROR("KeyTooLongError"))},
     SL_E_STORE_KEY,
     "255"},
    {"refusal: words that would forge a line",
     {.status = 418, TEXT("<Error><Code>A&#10;b\x1b</Code></Error>")},
     SL_E_STORE_DENIED,
     ""},
};

static void refusal_teaches(void **state)
{
    const struct refusal *r = *state;
    s3_server = test_httpd_start(&r->reply, 1);
    s3_open_with(s3_options());
    assert_fails(s3_put_abc(NULL), r->code);
    assert_contains(err.message, "lake");
    assert_contains(err.hint, r->hint);
    assert_null(strchr(err.message, '\n'));
    assert_null(strstr(err.message, "the-secret"));
}

/* --- opening --- */
static void wrong_options_do_not_open(void **state)
{
    (void)state;
    static const char *const endpoints[] = {"",
                                            "127.0.0.1:9000",
                                            "ftp://host",
                                            "http://",
                                            "http://host/path",
                                            "http://u:p@host",
                                            "http://ho st",
                                            "https://host\r\nx"};
    struct sl_store *s = NULL;
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        struct sl_store_s3_options o = {.endpoint = endpoints[i], .access_key = "a", .secret_key = "b"};
        assert_fails(sl_store_s3_open(&o, &s, &err), SL_E_CONFIG_VALUE);
        assert_null(s);
    }
    struct sl_store_s3_options o = {.endpoint = "http://h", .access_key = "a"};
    assert_fails(sl_store_s3_open(&o, &s, &err), SL_E_CONFIG_VALUE);
    o = (struct sl_store_s3_options){.endpoint = "http://h", .access_key = "a", .secret_key = "b", .region = "<x>"};
    assert_fails(sl_store_s3_open(&o, &s, &err), SL_E_CONFIG_VALUE);
}

static const char *url_of(struct sl_store_s3_options o, const char *bucket)
{
    static char url[4096];
    struct sl_store *s;
    o.access_key = "AK";
    o.secret_key = "SK";
    assert_ok(sl_store_s3_open(&o, &s, &err));
    assert_ok(sl_store_presign(s, "GET", bucket, "a/b c", 60, url, sizeof url, &err));
    sl_store_free(s);
    url[strcspn(url, "?")] = '\0';
    return url;
}

static void bucket_is_in_the_host_or_in_the_path(void **state)
{
    (void)state;
    struct sl_store_s3_options o = {.region = "eu-north-1"};
    assert_string_equal(url_of(o, "lake"), "https://lake.s3.eu-north-1.amazonaws.com/a/b%20c");
    assert_string_equal(url_of(o, "la.ke"), "https://s3.eu-north-1.amazonaws.com/la.ke/a/b%20c");
    o.style = 1;
    assert_string_equal(url_of(o, "lake"), "https://s3.eu-north-1.amazonaws.com/lake/a/b%20c");
    o = (struct sl_store_s3_options){.endpoint = "http://minio:80/"};
    assert_string_equal(url_of(o, "lake"), "http://minio/lake/a/b%20c");
    o.endpoint = "http://minio:9000";
    o.style = 2;
    assert_string_equal(url_of(o, "lake"), "http://lake.minio:9000/a/b%20c");
}

static void session_token_is_sent_and_anonymous_sends_nothing(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "PUT", .status = 200, .headers = "ETag: \"e\"\r\n", TEXT("")},
        {.method = "PUT", .status = 200, .headers = "ETag: \"e\"\r\n", TEXT("")},
    };
    static const char *const nowhere[] = {"HOME", "/nonexistent", NULL};
    char value[1024];
    s3_server = test_httpd_start(script, 2);
    struct sl_store_s3_options o = s3_options();
    o.session_token = "token/+=";
    s3_open_with(o);
    assert_ok(s3_put_abc(NULL));
    sl_store_free(s3_store);
    sl_env_set(nowhere);
    o.access_key = o.secret_key = o.session_token = NULL;
    s3_open_with(o);
    assert_ok(s3_put_abc(NULL));
    const struct test_httpd_request *signed_ = test_httpd_request(s3_server, 0), *plain = test_httpd_request(s3_server, 1);
    assert_string_equal(test_httpd_header(signed_, "x-amz-security-token", value), "token/+=");
    assert_contains(test_httpd_header(signed_, "authorization", value), ";x-amz-security-token, ");
    assert_null(test_httpd_header(plain, "authorization", value));
    assert_null(test_httpd_header(plain, "x-amz-date", value));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, s3_set_up, s3_tear_down)
    const struct CMUnitTest own[] = {
        T(busy_server_is_asked_again),
        T(server_that_stays_busy_is_unavailable),
        T(refused_request_is_not_tried_again),
        T(own_object_is_known_again_after_a_lost_answer),
        T(others_object_stays_a_refusal_after_a_lost_answer),
        T(same_bytes_with_other_metadata_are_anothers),
        T(refusal_of_the_first_try_is_final),
        T(truncated_answer_is_asked_for_again),
        T(object_that_another_part_belongs_to_is_never_mixed),
        T(object_that_goes_in_mid_read_has_changed),
        T(answer_with_other_bytes_than_asked_for_is_refused),
        T(listing_goes_on_from_its_token),
        T(xml_beyond_its_limits_is_refused),
        T(metadata_travel_as_encoded_words),
        T(wrong_options_do_not_open),
        T(bucket_is_in_the_host_or_in_the_path),
        T(session_token_is_sent_and_anonymous_sends_nothing),
    };
    enum {
        OWN = sizeof own / sizeof *own,
        BAD = sizeof bad_listings / sizeof *bad_listings,
        REFUSALS = sizeof refusals / sizeof *refusals
    };
    static struct CMUnitTest tests[OWN + BAD + REFUSALS];
    memcpy(tests, own, sizeof own);
    for (size_t i = 0; i < BAD; i++)
        tests[OWN + i] = (struct CMUnitTest){"listing that cannot be is refused", listing_that_cannot_be_is_refused,
                                             s3_set_up, s3_tear_down, (void *)(uintptr_t)&bad_listings[i]};
    for (size_t i = 0; i < REFUSALS; i++)
        tests[OWN + BAD + i] =
            (struct CMUnitTest){refusals[i].name, refusal_teaches, s3_set_up, s3_tear_down, (void *)(uintptr_t)&refusals[i]};
    return _cmocka_run_group_tests("s3", tests, OWN + BAD + REFUSALS, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS's signature test suite (aws-sig-v4-test-suite of awslabs/aws-c-auth, as in the source distribution of PyPI's
 * botocore 1.44.5, tests/unit/auth/aws4_testsuite; Apache-2.0, Copyright 2019 Amazon.com, Inc. or its affiliates): its
 * requests and expected signatures, in a table of our own. The request of three lines for one header is given with its
 * value on one. Then the examples of "Authenticating Requests: Using the Authorization Header" and "Using Query
 * Parameters" in Amazon S3's API reference.
 */
#include "support/cm.h"

#include <time.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "net/sigv4.h"

#define TOKEN "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
#define STS_TOKEN                                                                                                      \
    "AQoDYXdzEPT//////////"                                                                                            \
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"                     \
    "Ax7mSEI/qkPpKPi/"                                                                                                 \
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"                \
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

enum { MAX_PAIRS = 4 };

struct vector {
    const char *name, *method, *path;
    struct sl_sigv4_query query[MAX_PAIRS];
    struct sl_http_header headers[MAX_PAIRS];
    const char *body, *token, *signature;
};

static const struct vector vectors[] = {
    {.name = "get-header-key-duplicate",
     .method = "GET",
     .path = "/",
     .headers = {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
     .signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {.name = "get-header-value-multiline",
     .method = "GET",
     .path = "/",
     .headers = {{"My-Header1", "value1   value2      value3"}},
     .signature = "cfd34249e4b1c8d6b91ef74165d41a32e5fab3306300901bb65a51a73575eefd"},
    {.name = "get-header-value-order",
     .method = "GET",
     .path = "/",
     .headers =
         {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}},
     .signature = "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {.name = "get-header-value-trim",
     .method = "GET",
     .path = "/",
     .headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}},
     .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {.name = "get-unreserved",
     .method = "GET",
     .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     .signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {.name = "get-utf8",
     .method = "GET",
     .path = "/\xe1\x88\xb4",
     .signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {.name = "get-vanilla",
     .method = "GET",
     .path = "/",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-empty-query-key",
     .method = "GET",
     .path = "/",
     .query = {{"Param1", "value1"}},
     .signature = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {.name = "get-vanilla-query",
     .method = "GET",
     .path = "/",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-query-order-encoded",
     .method = "GET",
     .path = "/",
     .query = {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xe1\x88\xb4", "Value1"}},
     .signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {.name = "get-vanilla-query-order-key",
     .method = "GET",
     .path = "/",
     .query = {{"Param1", "value2"}, {"Param1", "Value1"}},
     .signature = "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
    {.name = "get-vanilla-query-order-key-case",
     .method = "GET",
     .path = "/",
     .query = {{"Param2", "value2"}, {"Param1", "value1"}},
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.name = "get-vanilla-query-order-value",
     .method = "GET",
     .path = "/",
     .query = {{"Param1", "value2"}, {"Param1", "value1"}},
     .signature = "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {.name = "get-vanilla-query-unreserved",
     .method = "GET",
     .path = "/",
     .query = {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
     .signature = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {.name = "get-vanilla-utf8-query",
     .method = "GET",
     .path = "/",
     .query = {{"\xe1\x88\xb4", "bar"}},
     .signature = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {.name = "get-vanilla-with-session-token",
     .method = "GET",
     .path = "/",
     .token = TOKEN,
     .signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {.name = "get-relative",
     .method = "GET",
     .path = "/example/..",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-relative-relative",
     .method = "GET",
     .path = "/example1/example2/../..",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slash",
     .method = "GET",
     .path = "//",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slash-dot-slash",
     .method = "GET",
     .path = "/./",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-slash-pointless-dot",
     .method = "GET",
     .path = "/./example",
     .signature = "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"},
    {.name = "get-slashes",
     .method = "GET",
     .path = "//example//",
     .signature = "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
    {.name = "get-space",
     .method = "GET",
     .path = "/example space/",
     .signature = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {.name = "get-special-character",
     .method = "GET",
     .path = "/example/$delete",
     .signature = "a853c9b21b528b19643d00910d35b83a10c366a10833ceefb45edd6c80e40f27"},
    {.name = "post-header-key-case",
     .method = "POST",
     .path = "/",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-header-key-sort",
     .method = "POST",
     .path = "/",
     .headers = {{"My-Header1", "value1"}},
     .signature = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {.name = "post-header-value-case",
     .method = "POST",
     .path = "/",
     .headers = {{"My-Header1", "VALUE1"}},
     .signature = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {.name = "post-sts-header-after",
     .method = "POST",
     .path = "/",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-sts-header-before",
     .method = "POST",
     .path = "/",
     .token = STS_TOKEN,
     .signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {.name = "post-vanilla",
     .method = "POST",
     .path = "/",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-vanilla-empty-query-value",
     .method = "POST",
     .path = "/",
     .query = {{"Param1", "value1"}},
     .signature = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-vanilla-query",
     .method = "POST",
     .path = "/",
     .query = {{"Param1", "value1"}},
     .signature = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-x-www-form-urlencoded",
     .method = "POST",
     .path = "/",
     .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
     .body = "Param1=value1",
     .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {.name = "post-x-www-form-urlencoded-parameters",
     .method = "POST",
     .path = "/",
     .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}},
     .body = "Param1=value1",
     .signature = "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

static struct sl_error err;

static int64_t ns_of(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
    return (int64_t)timegm(&tm) * SL_NS_PER_S;
}

static void vector_has_its_signature(void **state)
{
    const struct vector *v = *state;
    const struct sl_aws_credentials credentials = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", v->token};
    char hash[SL_SHA256_HEX_BYTES];
    sl_sha256_of(v->body ? v->body : "", v->body ? strlen(v->body) : 0, hash);
    struct sl_sigv4_request r = {.method = v->method,
                                 .host = "example.amazonaws.com",
                                 .path = v->path,
                                 .query = v->query,
                                 .headers = v->headers,
                                 .payload_hash = hash,
                                 .region = "us-east-1",
                                 .service = "service",
                                 .credentials = &credentials,
                                 .wall_ns = ns_of(2015, 8, 30, 12, 36),
                                 .normalize_path = true};
    while (r.n_query < MAX_PAIRS && v->query[r.n_query].name)
        r.n_query++;
    while (r.n_headers < MAX_PAIRS && v->headers[r.n_headers].name)
        r.n_headers++;
    struct sl_sigv4_signed out;
    assert_ok(sl_sigv4_sign(&r, &out, &err));
    assert_string_equal(out.date, "20150830T123600Z");
    assert_contains(out.authorization.data, "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ");
    const char *signature = strstr(out.authorization.data, "Signature=");
    assert_non_null(signature);
    assert_string_equal(signature + strlen("Signature="), v->signature);
    sl_sigv4_signed_free(&out);
}

/* --- S3's own examples --- */
static const struct sl_aws_credentials example = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                                  NULL};
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define PUT_HASH   "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static struct sl_sigv4_request s3_request(const char *method, const char *path)
{
    return (struct sl_sigv4_request){.method = method,
                                     .host = "examplebucket.s3.amazonaws.com",
                                     .path = path,
                                     .payload_hash = EMPTY_HASH,
                                     .region = "us-east-1",
                                     .service = "s3",
                                     .credentials = &example,
                                     .wall_ns = ns_of(2013, 5, 24, 0, 0)};
}

static void assert_signed(const struct sl_sigv4_request *r, const char *url, const char *signed_headers,
                          const char *signature)
{
    struct sl_sigv4_signed out;
    char expected[512];
    assert_ok(sl_sigv4_sign(r, &out, &err));
    snprintf(expected, sizeof expected,
             "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=%s, "
             "Signature=%s",
             signed_headers, signature);
    assert_string_equal(out.authorization.data, expected);
    assert_string_equal(out.path.data, url);
    sl_sigv4_signed_free(&out);
}

static void s3_get_with_a_range_is_signed_as_documented(void **state)
{
    (void)state;
    const struct sl_http_header headers[] = {{"Range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY_HASH}};
    struct sl_sigv4_request r = s3_request("GET", "/test.txt");
    r.headers = headers;
    r.n_headers = 2;
    assert_signed(&r, "/test.txt", "host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void s3_put_is_signed_as_documented(void **state)
{
    (void)state;
    const struct sl_http_header headers[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                             {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
                                             {"x-amz-content-sha256", PUT_HASH}};
    struct sl_sigv4_request r = s3_request("PUT", "/test$file.text");
    r.headers = headers;
    r.n_headers = 3;
    r.payload_hash = PUT_HASH;
    assert_signed(&r, "/test%24file.text", "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void s3_bucket_requests_are_signed_as_documented(void **state)
{
    (void)state;
    const struct sl_http_header headers[] = {{"x-amz-content-sha256", EMPTY_HASH}};
    const struct sl_sigv4_query lifecycle[] = {{"lifecycle", ""}}, list[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct sl_sigv4_request r = s3_request("GET", "/");
    r.headers = headers;
    r.n_headers = 1;
    r.query = lifecycle;
    r.n_query = 1;
    assert_signed(&r, "/?lifecycle=", "host;x-amz-content-sha256;x-amz-date",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    r.query = list;
    r.n_query = 2;
    assert_signed(&r, "/?max-keys=2&prefix=J", "host;x-amz-content-sha256;x-amz-date",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void s3_url_is_presigned_as_documented(void **state)
{
    (void)state;
    struct sl_buf url;
    sl_buf_init(&url, 4096);
    struct sl_sigv4_request r = s3_request("GET", "/test.txt");
    r.payload_hash = "UNSIGNED-PAYLOAD";
    assert_ok(sl_sigv4_presign(&r, 86400, &url, &err));
    assert_string_equal(
        url.data, "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"
                  "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders"
                  "=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    sl_buf_free(&url);
}

static void presigning_refuses_what_no_server_takes(void **state)
{
    (void)state;
    struct sl_buf url;
    sl_buf_init(&url, 4096);
    struct sl_sigv4_request r = s3_request("GET", "/test.txt");
    assert_fails(sl_sigv4_presign(&r, 0, &url, &err), SL_E_STORE_RANGE);
    assert_fails(sl_sigv4_presign(&r, 604801, &url, &err), SL_E_STORE_RANGE);
    assert_ok(sl_sigv4_presign(&r, 604800, &url, &err));
    r.credentials = NULL;
    assert_fails(sl_sigv4_presign(&r, 60, &url, &err), SL_E_CONFIG_VALUE);
    sl_buf_free(&url);
}

static void s3_path_is_not_normalised_and_every_byte_is_encoded_once(void **state)
{
    (void)state;
    struct sl_sigv4_signed out;
    struct sl_sigv4_request r = s3_request("GET", "//a/../b/./c d+e%2F\xc3\xbc~_-.\n");
    assert_ok(sl_sigv4_sign(&r, &out, &err));
    assert_string_equal(out.path.data, "//a/../b/./c%20d%2Be%252F%C3%BC~_-.%0A");
    sl_sigv4_signed_free(&out);
}

static void anonymous_request_has_no_authorization(void **state)
{
    (void)state;
    struct sl_sigv4_signed out;
    struct sl_sigv4_request r = s3_request("GET", "/a b");
    r.credentials = NULL;
    assert_ok(sl_sigv4_sign(&r, &out, &err));
    assert_string_equal(out.authorization.data, "");
    assert_string_equal(out.path.data, "/a%20b");
    sl_sigv4_signed_free(&out);
}

static void secret_key_is_in_nothing_that_comes_out(void **state)
{
    (void)state;
    struct sl_sigv4_signed out;
    struct sl_buf canonical, to_sign;
    sl_buf_init(&canonical, 4096);
    sl_buf_init(&to_sign, 4096);
    struct sl_sigv4_request r = s3_request("GET", "/k");
    assert_ok(sl_sigv4_sign(&r, &out, &err));
    assert_ok(sl_sigv4_canonical(&r, &canonical, &to_sign, &err));
    assert_null(strstr(out.authorization.data, "wJalr"));
    assert_null(strstr(canonical.data, "wJalr"));
    assert_null(strstr(to_sign.data, "wJalr"));
    assert_contains(to_sign.data, "20130524/us-east-1/s3/aws4_request");
    assert_contains(canonical.data, "host:examplebucket.s3.amazonaws.com\nx-amz-date:20130524T000000Z\n\n");
    sl_buf_free(&canonical);
    sl_buf_free(&to_sign);
    sl_sigv4_signed_free(&out);
}

static void too_many_headers_and_parameters_are_refused(void **state)
{
    (void)state;
    struct sl_http_header headers[SL_SIGV4_MAX_HEADERS + 1];
    struct sl_sigv4_query query[33];
    struct sl_sigv4_signed out;
    struct sl_sigv4_request r = s3_request("GET", "/k");
    for (size_t i = 0; i < SL_SIGV4_MAX_HEADERS + 1; i++)
        headers[i] = (struct sl_http_header){"x-a", "1"};
    for (size_t i = 0; i < 33; i++)
        query[i] = (struct sl_sigv4_query){"a", "1"};
    r.headers = headers;
    r.n_headers = SL_SIGV4_MAX_HEADERS + 1;
    assert_fails(sl_sigv4_sign(&r, &out, &err), SL_E_LIMIT);
    r.n_headers = 0;
    r.query = query;
    r.n_query = 33;
    assert_fails(sl_sigv4_sign(&r, &out, &err), SL_E_LIMIT);
}

int main(void)
{
    enum { N = sizeof vectors / sizeof *vectors };
    static struct CMUnitTest tests[N + 16];
    size_t n = 0;
    for (; n < N; n++)
        tests[n] =
            (struct CMUnitTest){vectors[n].name, vector_has_its_signature, NULL, NULL, (void *)(uintptr_t)&vectors[n]};
    const struct CMUnitTest own[] = {
        cmocka_unit_test(s3_get_with_a_range_is_signed_as_documented),
        cmocka_unit_test(s3_put_is_signed_as_documented),
        cmocka_unit_test(s3_bucket_requests_are_signed_as_documented),
        cmocka_unit_test(s3_url_is_presigned_as_documented),
        cmocka_unit_test(presigning_refuses_what_no_server_takes),
        cmocka_unit_test(s3_path_is_not_normalised_and_every_byte_is_encoded_once),
        cmocka_unit_test(anonymous_request_has_no_authorization),
        cmocka_unit_test(secret_key_is_in_nothing_that_comes_out),
        cmocka_unit_test(too_many_headers_and_parameters_are_refused),
    };
    memcpy(&tests[n], own, sizeof own);
    return _cmocka_run_group_tests("sigv4", tests, n + sizeof own / sizeof *own, NULL, NULL);
}

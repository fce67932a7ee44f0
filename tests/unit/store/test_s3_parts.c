/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads in parts, and copies, of the S3 backend against scripted answers. */
#include "unit/store/s3_fixture.h"

#include "base/sha256.h"

/* --- parts --- */
#define STARTED                                                                                                        \
    {                                                                                                                  \
        .method = "POST", .target = "/lake/k?uploads=", .status = 200,                                                 \
        TEXT("<InitiateMultipartUploadResult><UploadId>u 1&amp;</UploadId></InitiateMultipartUploadResult>")           \
    }
#define PART(n_)                                                                                                       \
    {                                                                                                                  \
        .method = "PUT", .target = "/lake/k?partNumber=" n_ "&uploadId=u%201%26", .status = 200,                       \
        .headers = "ETag: \"p" n_ "\"\r\n", TEXT("")                                                                   \
    }

static char *zeros;
enum { ZEROS = 10 * MIB + 1 };

static int put_zeros(const struct sl_put_options *o, struct sl_object_info *info)
{
    zeros = calloc(1, ZEROS);
    assert_non_null(zeros);
    int rc = sl_store_put(s3_store, "lake", "k", zeros, ZEROS, o, info, &err);
    free(zeros);
    return rc;
}

static void parts_are_sent_checked_and_completed(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        STARTED,
        PART("1"),
        PART("2"),
        PART("3"),
        {.method = "POST",
         .target = "/lake/k?uploadId=u%201%26",
         .status = 200,
         TEXT("<CompleteMultipartUploadResult><ETag>&quot;whole-3&quot;</ETag></CompleteMultipartUploadResult>")},
    };
    S3_SERVE(script);
    struct sl_object_info info;
    assert_ok(put_zeros(NULL, &info));
    assert_string_equal(info.etag, "whole-3");
    assert_int_equal(info.size_bytes, ZEROS);
    char value[1024];
    assert_non_null(test_httpd_header(test_httpd_request(s3_server, 2), "x-amz-checksum-sha256", value));
    /* Nothing says that this s3_server looks at the checksum: the signature has the hash as well. */
    assert_int_equal(strlen(test_httpd_header(test_httpd_request(s3_server, 2), "x-amz-content-sha256", value)), 64);
    assert_int_equal(test_httpd_request(s3_server, 3)->n, 1);
    assert_contains(test_httpd_request(s3_server, 4)->body,
                    "<Part><PartNumber>3</PartNumber><ETag>&quot;p3&quot;</ETag><ChecksumSHA256>");
}

static void parts_are_hashed_once_by_a_server_that_says_it_checks_them(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "POST",
         .target = "/lake/k?uploads=",
         .status = 200,
         .headers = "x-amz-checksum-algorithm: SHA256\r\n",
         TEXT("<InitiateMultipartUploadResult><UploadId>u 1&amp;</UploadId></InitiateMultipartUploadResult>")},
        PART("1"),
        PART("2"),
        PART("3"),
        {.method = "POST",
         .status = 200,
         TEXT("<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>")},
    };
    S3_SERVE(script);
    assert_ok(put_zeros(NULL, NULL));
    for (size_t i = 1; i <= 3; i++) {
        char value[1024];
        const struct test_httpd_request *part = test_httpd_request(s3_server, i);
        assert_string_equal(test_httpd_header(part, "x-amz-content-sha256", value), "UNSIGNED-PAYLOAD");
        assert_non_null(test_httpd_header(part, "x-amz-checksum-sha256", value));
        assert_contains(part->headers, "x-amz-checksum-sha256;"); /* in the list of signed headers */
    }
}

static void failed_part_aborts_the_upload(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        STARTED,
        PART("1"),
        {.method = "PUT", .status = 403, TEXT(XML_ERROR("AccessDenied"))},
        {.method = "DELETE", .target = "/lake/k?uploadId=u%201%26", .status = 204, TEXT("")},
    };
    S3_SERVE(script);
    assert_fails(put_zeros(NULL, NULL), SL_E_STORE_DENIED);
    assert_int_equal(test_httpd_requests(s3_server), 4);
}

static void completion_that_says_error_with_200_is_tried_again(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        STARTED,
        PART("1"),
        PART("2"),
        PART("3"),
        {.method = "POST", .status = 200, TEXT(XML_ERROR("InternalError"))},
        {.method = "POST",
         .status = 200,
         TEXT("<CompleteMultipartUploadResult><ETag>whole</ETag></CompleteMultipartUploadResult>")},
    };
    S3_SERVE(script);
    assert_ok(put_zeros(NULL, NULL));
}

/* The checksum that a s3_server gives to an object of these parts. */
static const char *zeros_checksum(void)
{
    static char line[256];
    char hex[SL_SHA256_HEX_BYTES], base64[SL_S3_BASE64_BYTES];
    unsigned char all[3 * SL_SHA256_BYTES];
    char *part = calloc(1, 5 * MIB);
    assert_non_null(part);
    for (int i = 0; i < 3; i++) {
        sl_sha256_of(part, i < 2 ? 5 * MIB : 1, hex);
        for (int k = 0; k < SL_SHA256_BYTES; k++) {
            const char pair[] = {hex[2 * k], hex[2 * k + 1], '\0'};
            all[i * SL_SHA256_BYTES + k] = (unsigned char)strtoul(pair, NULL, 16);
        }
    }
    free(part);
    sl_sha256_of(all, sizeof all, hex);
    sl_s3__base64(hex, base64);
    snprintf(line, sizeof line, "ETag: \"x\"\r\nx-amz-checksum-sha256: %s-3\r\n", base64);
    return line;
}

static void lost_completion_is_known_by_the_object(void **state)
{
    (void)state;
    const struct test_httpd_reply script[] = {
        STARTED,
        PART("1"),
        PART("2"),
        PART("3"),
        {.method = "POST", .status = 0, .end = TEST_HTTPD_RESET},
        {.method = "POST", .status = 404, TEXT(XML_ERROR("NoSuchUpload"))},
        {.method = "HEAD",
         .target = "/lake/k",
         .status = 200,
         .headers = zeros_checksum(),
         .n = ZEROS,
         .head_only = true},
    };
    S3_SERVE(script);
    struct sl_object_info info;
    assert_ok(put_zeros(NULL, &info));
    assert_string_equal(info.etag, "x");
}

static void lost_completion_with_another_object_there_is_a_failure(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        STARTED,
        PART("1"),
        PART("2"),
        PART("3"),
        {.method = "POST", .status = 0, .end = TEST_HTTPD_RESET},
        {.method = "POST", .status = 404, TEXT(XML_ERROR("NoSuchUpload"))},
        {.method = "HEAD", .status = 200, .headers = "ETag: \"x\"\r\n", .n = ZEROS, .head_only = true},
    };
    S3_SERVE(script);
    assert_fails(put_zeros(NULL, NULL), SL_E_STORE_UNAVAILABLE);
}

static void copy_that_says_error_with_200_is_tried_again(void **state)
{
    (void)state;
    static const struct test_httpd_reply script[] = {
        {.method = "HEAD", .target = "/lake/k", .status = 200, .headers = "ETag: \"e\"\r\n", .n = 3, .head_only = true},
        {.method = "PUT", .target = "/raw/c%20d", .status = 200, TEXT(XML_ERROR("SlowDown"))},
        {.method = "PUT",
         .target = "/raw/c%20d",
         .status = 200,
         TEXT("<CopyObjectResult><ETag>\"n\"</ETag></CopyObjectResult>")},
    };
    S3_SERVE(script);
    struct sl_object_info info;
    char value[1024];
    assert_ok(sl_store_copy(s3_store, "lake", "k", "raw", "c d", NULL, &info, &err));
    assert_string_equal(info.etag, "n");
    assert_string_equal(test_httpd_header(test_httpd_request(s3_server, 1), "x-amz-copy-source", value), "/lake/k");
    assert_string_equal(test_httpd_header(test_httpd_request(s3_server, 1), "x-amz-copy-source-if-match", value), "\"e\"");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, s3_set_up, s3_tear_down)
    const struct CMUnitTest tests[] = {
        T(parts_are_sent_checked_and_completed),
        T(parts_are_hashed_once_by_a_server_that_says_it_checks_them),
        T(failed_part_aborts_the_upload),
        T(completion_that_says_error_with_200_is_tried_again),
        T(lost_completion_is_known_by_the_object),
        T(lost_completion_with_another_object_there_is_a_failure),
        T(copy_that_says_error_with_200_is_tried_again),
    };
    return cmocka_run_group_tests_name("s3 parts", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/s3/s3.h"

enum { FOLDER_TRIES = 3 };

struct error_parts {
    struct sl_s3_call *c;
    bool found;
};

static int error_element(void *data, const char *path, const char *text, struct sl_error *err)
{
    struct error_parts *p = data;
    (void)err;
    char shown[256];
    if (!strcmp(path, "Error/Code")) {
        sl_text_escape(p->c->code, sizeof p->c->code, text);
        p->found = true;
    } else if (!strcmp(path, "Error/Message")) {
        sl_text_escape(shown, sizeof shown, text);
        p->c->detail = sl_arena_strdup(p->c->arena, shown);
    } else if (!strcmp(path, "Error/Region")) {
        sl_text_escape(shown, sizeof shown, text);
        p->c->server_region = sl_arena_strdup(p->c->arena, shown);
    }
    return 0;
}

void sl_s3__read_error(struct sl_s3_call *c)
{
    const struct sl_http_response *r = &c->transfer.response;
    struct error_parts p = {.c = c};
    c->status = r->status;
    c->code[0] = '\0';
    c->detail = "";
    /* An answer that is no XML (a proxy's page) still has its status. */
    if (r->body.len)
        sl_s3__xml(r->body.data, r->body.len, error_element, &p, NULL);
    /* Answers to HEAD have no body; MinIO says it in headers. */
    const char *code = sl_http_header(r, "x-minio-error-code"), *region = sl_http_header(r, "x-amz-bucket-region");
    if (!c->code[0] && code)
        sl_text_escape(c->code, sizeof c->code, code);
    if (!c->server_region && region) {
        char shown[64];
        sl_text_escape(shown, sizeof shown, region);
        c->server_region = sl_arena_strdup(c->arena, shown);
    }
}

static bool one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (!strcmp(code, *codes))
            return true;
    return false;
}

/* MinIO keeps objects in folders of a file system. A put into a folder that a removal beside it is just taking away is
 * answered with AccessDenied, the same words as for a right that is missing: a few more tries tell them apart. */
static bool folder_race(const struct sl_s3_call *c)
{
    bool writes = strcmp(c->method, "GET") != 0 && strcmp(c->method, "HEAD") != 0;
    return writes && c->key && c->retry.tries < FOLDER_TRIES && !strcmp(c->code, "AccessDenied") &&
           sl_text_starts(c->s3->server, "MinIO");
}

bool sl_s3__passes(const struct sl_s3_call *c)
{
    static const char *const codes[] = {"SlowDown",
                                        "InternalError",
                                        "RequestTimeout",
                                        "ServiceUnavailable",
                                        "OperationAborted",
                                        "ConditionalRequestConflict",
                                        "BadDigest",
                                        "XAmzContentSHA256Mismatch",
                                        "XAmzContentChecksumMismatch",
                                        "IncompleteBody",
                                        "SlowDownRead",
                                        "SlowDownWrite",
                                        NULL};
    return sl_retry_status(c->status) || one_of(c->code, codes) || folder_race(c);
}

/* "bucket/key", "the bucket b", "the store". */
static const char *object_of(const struct sl_s3_call *c)
{
    if (!c->bucket)
        return sl_arena_printf(c->arena, "%s", c->s3->endpoint);
    return c->key ? sl_arena_printf(c->arena, "%s/%s", c->bucket, c->key)
                  : sl_arena_printf(c->arena, "the bucket %s", c->bucket);
}

static int fail_clock(const struct sl_s3_call *c, const char *object, struct sl_error *err)
{
    const char *date = sl_http_header(&c->transfer.response, "date");
    int64_t theirs = date ? sl_s3__http_date_ns(date) : 0, off = sl_clock_wall_ns() - theirs;
    int rc =
        sl_fail(err, SL_E_STORE_DENIED, "cannot %s %s: this machine's clock and the server's differ", c->verb, object);
    if (theirs)
        sl_error_hint(err, "this clock is %lld s %s the server's: set the time", (long long)llabs(off / SL_NS_PER_S),
                      off > 0 ? "ahead of" : "behind");
    else
        sl_error_hint(err, "set the time of both");
    return rc;
}

static int fail_denied(const struct sl_s3_call *c, const char *object, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_STORE_DENIED, "cannot %s %s: %s%s%s", c->verb, object,
                     c->code[0] ? c->code : "forbidden", c->detail[0] ? ": " : "", c->detail);
    if (!c->s3->signs)
        sl_error_hint(err, "no access key is set: MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or a profile in ~/.aws");
    else if (!strcmp(c->code, "InvalidAccessKeyId"))
        sl_error_hint(err, "%s does not know this access key: check MINIO_ACCESS_KEY", c->s3->endpoint);
    else if (!strcmp(c->code, "SignatureDoesNotMatch"))
        sl_error_hint(err, "the secret key is wrong: check MINIO_SECRET_KEY");
    else if (!strcmp(c->code, "ExpiredToken"))
        sl_error_hint(err, "the session has ended: take new temporary credentials");
    else
        sl_error_hint(err, "the access key has no right to do this");
    return rc;
}

static int fail_key(const struct sl_s3_call *c, const char *object, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_STORE_KEY, "cannot %s %s: the server does not take such a key (%s)", c->verb, object,
                     c->code);
    sl_error_hint(err, "MinIO takes no keys with empty, \".\" or \"..\" parts or with parts of more than 255 bytes");
    return rc;
}

static int fail_region(const struct sl_s3_call *c, const char *object, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_STORE_DENIED, "cannot %s %s: it is in another region than %s", c->verb, object,
                     c->s3->region);
    if (c->server_region)
        sl_error_hint(err, "set minio.region to %s", c->server_region);
    return rc;
}

int sl_s3__fail(const struct sl_s3_call *c, struct sl_error *err)
{
    static const char *const key_codes[] = {"KeyTooLongError",
                                            "XMinioInvalidObjectName",
                                            "XMinioInvalidResourceName",
                                            "XMinioObjectExistsAsDirectory",
                                            "XMinioParentIsObject",
                                            "InvalidObjectName",
                                            "XMinioObjectExistsAsPrefix",
                                            NULL};
    static const char *const full_codes[] = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded",
                                             "InsufficientStorage", NULL};
    static const char *const denied_codes[] = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
                                               "InvalidToken",       "AccessDenied",          NULL};
    const char *object = object_of(c);
    if (!strcmp(c->code, "NoSuchBucket"))
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "the bucket %s does not exist", c->bucket ? c->bucket : "");
    if (one_of(c->code, key_codes))
        return fail_key(c, object, err);
    if (!strcmp(c->code, "RequestTimeTooSkewed"))
        return fail_clock(c, object, err);
    if (!strcmp(c->code, "PermanentRedirect") || !strcmp(c->code, "AuthorizationHeaderMalformed") || c->status == 301 ||
        c->status == 307)
        return fail_region(c, object, err);
    if (one_of(c->code, full_codes) || c->status == 507)
        return sl_fail(err, SL_E_DISK_FULL, "cannot %s %s: the server has no room left (%s)", c->verb, object, c->code);
    if (!strcmp(c->code, "EntityTooLarge"))
        return sl_fail(err, SL_E_LIMIT, "cannot %s %s: it is larger than the server takes", c->verb, object);
    if (c->status == 401 || c->status == 403 || one_of(c->code, denied_codes))
        return fail_denied(c, object, err);
    if (c->status == 404)
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "%s does not exist", object);
    if (c->status == 412)
        return sl_fail(err, SL_E_STORE_PRECONDITION, "%s is not what it was", object);
    if (c->status == 416)
        return sl_fail(err, SL_E_STORE_RANGE, "%s has no such bytes", object);
    int rc = sl_fail(err, SL_E_STORE_DENIED, "cannot %s %s: the server refuses it: %d %s%s%s", c->verb, object,
                     c->status, c->code, c->detail[0] ? ": " : "", c->detail);
    return rc;
}

bool sl_s3__etag(const char *text, char out[SL_ETAG_BYTES])
{
    size_t n = strlen(text);
    if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= SL_ETAG_BYTES)
        return false;
    /* It goes back to the server in a header, and people see it. */
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"')
            return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

static int64_t time_ns(const char *text, const char *format)
{
    struct tm tm = {0};
    const char *end = strptime(text, format, &tm);
    if (!end || tm.tm_year < 70 || tm.tm_year > 300)
        return 0;
    int64_t ns = 0, unit = SL_NS_PER_S / 10;
    if (*end == '.')
        for (end++; *end >= '0' && *end <= '9' && unit > 0; end++, unit /= 10)
            ns += (*end - '0') * unit;
    return (int64_t)timegm(&tm) * SL_NS_PER_S + ns;
}

int64_t sl_s3__http_date_ns(const char *text)
{
    return time_ns(text, "%a, %d %b %Y %H:%M:%S GMT");
}

int64_t sl_s3__iso_ns(const char *text)
{
    return time_ns(text, "%Y-%m-%dT%H:%M:%S");
}

/* "bytes 0-9/100" */
static int64_t range_total(const char *content_range)
{
    const char *slash = strchr(content_range, '/');
    char *end;
    if (!slash || slash[1] < '0' || slash[1] > '9')
        return -1;
    long long total = strtoll(slash + 1, &end, 10);
    return *end ? -1 : total;
}

int sl_s3__info(const struct sl_s3_call *c, struct sl_object_info *info, struct sl_error *err)
{
    const struct sl_http_response *r = &c->transfer.response;
    const char *etag = sl_http_header(r, "etag"), *range = sl_http_header(r, "content-range"),
               *modified = sl_http_header(r, "last-modified");
    struct sl_object_info got = {.size_bytes = range ? range_total(range) : r->content_length,
                                 .modified_ns = modified ? sl_s3__http_date_ns(modified) : 0};
    if (!etag || !sl_s3__etag(etag, got.etag) || got.size_bytes < 0)
        return sl_fail(err, SL_E_NET, "the server's answer for %s has no %s", object_of(c),
                       got.size_bytes < 0 ? "size" : "ETag");
    *info = got;
    return 0;
}

void sl_s3__base64(const char sha256_hex[SL_SHA256_HEX_BYTES], char out[SL_S3_BASE64_BYTES])
{
    unsigned char bytes[SL_SHA256_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++) {
        const char pair[] = {sha256_hex[2 * i], sha256_hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    EVP_EncodeBlock((unsigned char *)out, bytes, sizeof bytes);
}

struct wanted {
    const char *path;
    char *out;
    size_t out_bytes;
    bool found;
};

static int take_text(void *data, const char *path, const char *text, struct sl_error *err)
{
    struct wanted *w = data;
    (void)err;
    if (strcmp(path, w->path) != 0)
        return 0;
    w->found = strlen(text) < w->out_bytes;
    if (w->found)
        memcpy(w->out, text, strlen(text) + 1);
    return 0;
}

int sl_s3__reply_text(const struct sl_s3_call *c, const char *path, char *out, size_t out_bytes, struct sl_error *err)
{
    const struct sl_buf *body = &c->transfer.response.body;
    struct wanted w = {path, out, out_bytes, false};
    int rc = sl_s3__xml(body->data ? body->data : "", body->len, take_text, &w, err);
    if (rc == 0 && !w.found)
        rc = sl_fail(err, SL_E_NET, "the server's answer for %s has no %s", object_of(c), path);
    return rc;
}

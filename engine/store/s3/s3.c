/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, and what concerns buckets, the server, and single objects without their bytes. */
#include "store/s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

enum {
    RETRY_BASE_MS = 100,
    RETRY_MAX_MS = 10000,
    LEAST_PART = 5 * 1024 * 1024,
    DEFAULT_PART = 16 * 1024 * 1024,
    MOST_PARALLEL = 64,
    DEFAULT_PARALLEL = 10,
    DEFAULT_TIMEOUT_MS = 30000,
    DEFAULT_DEADLINE_MS = 120000
};

void sl_s3__remember_bucket(struct sl_s3 *s3, const char *bucket)
{
    for (size_t i = 0; i < s3->n_buckets; i++)
        if (!strcmp(s3->buckets[i], bucket))
            return;
    if (s3->n_buckets < SL_S3_BUCKETS)
        memcpy(s3->buckets[s3->n_buckets++], bucket, strlen(bucket) + 1);
}

/* HEAD of a bucket; *exists, or the error that is not just its absence. */
static int look_at_bucket(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, bool *exists,
                          struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(s3, &c, "look at", "HEAD", bucket, NULL);
    int rc = sl_s3__perform(lane, &c, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        *exists = false;
        rc = 0;
    } else if (rc == 0) {
        *exists = true;
    }
    sl_s3__close_call(&c);
    return rc;
}

static int make(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(s3, &c, "make", "PUT", bucket, NULL);
    if (strcmp(s3->region, "us-east-1") != 0) {
        /* A region comes from the configuration and is checked there: no escapes are needed. */
        const char *body =
            sl_arena_printf(c.arena,
                            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                            "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
                            s3->region);
        sl_s3__bytes(&c, body, strlen(body));
    }
    int rc = sl_s3__perform(lane, &c, err);
    if (rc && !strcmp(c.code, "BucketAlreadyOwnedByYou")) {
        sl_error_clear(err);
        rc = 0;
    } else if (rc && !strcmp(c.code, "BucketAlreadyExists")) {
        rc = sl_fail(err, SL_E_STORE_DENIED, "the bucket %s belongs to somebody else", bucket);
        sl_error_hint(err, "choose another name for it");
    }
    sl_s3__close_call(&c);
    return rc;
}

int sl_s3__bucket_make(struct sl_store *s, const char *bucket, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sl_s3_lane *lane;
    bool exists = false;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    /* Looked at first: whoever may use a bucket need not have the right to make one. */
    rc = look_at_bucket(s3, lane, bucket, &exists, err);
    if (rc == 0 && !exists)
        rc = make(s3, lane, bucket, err);
    if (rc == 0)
        sl_s3__remember_bucket(s3, bucket);
    sl_s3__leave(s3, lane);
    return rc;
}

int sl_s3__bucket_exists(struct sl_store *s, const char *bucket, bool *exists, struct sl_error *err)
{
    struct sl_s3_lane *lane;
    int rc = sl_s3__enter(sl_s3__of(s), &lane, err);
    if (rc)
        return rc;
    rc = look_at_bucket(sl_s3__of(s), lane, bucket, exists, err);
    sl_s3__leave(sl_s3__of(s), lane);
    return rc;
}

int sl_s3__probe(struct sl_store *s, struct sl_store_probe *out, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sl_s3_lane *lane;
    struct sl_s3_call c;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    sl_s3__open_call(s3, &c, "ask", "GET", NULL, NULL);
    c.max_body = SL_S3_LIST_BYTES;
    rc = sl_s3__perform(lane, &c, err);
    /* A key that may not list buckets is a good key all the same. */
    if (rc && !strcmp(c.code, "AccessDenied") && s3->signs) {
        sl_error_clear(err);
        rc = 0;
    }
    if (rc == 0) {
        const char *server = sl_http_header(&c.transfer.response, "server"),
                   *date = sl_http_header(&c.transfer.response, "date");
        *out = (struct sl_store_probe){.free_bytes = -1, .clock_ns = date ? sl_s3__http_date_ns(date) : 0};
        sl_text_escape(out->server, sizeof out->server, server ? server : "");
    }
    sl_s3__close_call(&c);
    sl_s3__leave(s3, lane);
    return rc;
}

int sl_s3__head(struct sl_store *s, const char *bucket, const char *key, struct sl_object_info *info,
                struct sl_meta *meta_out, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sl_object_info got;
    struct sl_s3_lane *lane;
    struct sl_s3_call c;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    sl_s3__open_call(s3, &c, "read", "HEAD", bucket, key);
    rc = sl_s3__perform(lane, &c, err);
    if (rc == 0)
        rc = sl_s3__info(&c, &got, err);
    if (rc == 0 && meta_out) {
        sl_arena_free(s3->meta_arena);
        s3->meta_arena = sl_arena_new();
        sl_s3__get_meta(&c.transfer.response, s3->meta_arena, meta_out);
    }
    if (rc == 0 && info)
        *info = got;
    sl_s3__close_call(&c);
    sl_s3__leave(s3, lane);
    return rc;
}

int sl_s3__remove(struct sl_store *s, const char *bucket, const char *key, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sl_s3_lane *lane;
    struct sl_s3_call c;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    sl_s3__open_call(s3, &c, "remove", "DELETE", bucket, key);
    rc = sl_s3__perform(lane, &c, err);
    if (rc == -SL_E_STORE_NOT_FOUND && strcmp(c.code, "NoSuchBucket") != 0) {
        sl_error_clear(err);
        rc = 0;
    }
    sl_s3__close_call(&c);
    sl_s3__leave(s3, lane);
    return rc;
}

static int presign(struct sl_store *s, const char *method, const char *bucket, const char *key, int64_t expires_s,
                   char *out, size_t out_bytes, struct sl_error *err)
{
    struct sl_buf url;
    sl_buf_init(&url, 16 * 1024);
    int rc = sl_s3__sign_url(sl_s3__of(s), method, bucket, key, expires_s, &url, err);
    if (rc == 0 && url.len >= out_bytes)
        rc = sl_fail(err, SL_E_LIMIT, "the URL of %s/%s is longer than %zu bytes", bucket, key, out_bytes);
    if (rc == 0)
        memcpy(out, url.data, url.len + 1);
    sl_buf_free(&url);
    return rc;
}

static void s3_free(struct sl_store *s)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    if (!s)
        return;
    for (size_t i = 0; i < SL_S3_LANES; i++)
        sl_http_free(s3->lanes[i].http);
    sl_arena_free(s3->meta_arena);
    sl_arena_free(s3->arena);
    free(s3);
}

static const struct sl_store_ops s3_ops = {
    .name = "s3",
    .features = SL_STORE_NOTIFY | SL_STORE_PRESIGN | SL_STORE_PREFIX_KEYS,
    .bucket_make = sl_s3__bucket_make,
    .head = sl_s3__head,
    .get = sl_s3__get,
    .get_file = sl_s3__get_file,
    .put = sl_s3__put,
    .put_file = sl_s3__put_file,
    .put_many = sl_s3__put_many,
    .get_many = sl_s3__get_many,
    .copy = sl_s3__copy,
    .remove = sl_s3__remove,
    .list = sl_s3__list,
    .sweep = sl_s3__sweep,
    .sweep_uploads = sl_s3__sweep_uploads,
    .bucket_exists = sl_s3__bucket_exists,
    .presign = presign,
    .notify = sl_s3__notify,
    .probe = sl_s3__probe,
    .free = s3_free,
};

/* --- opening --- */
static int bad_endpoint(const char *endpoint, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_CONFIG_VALUE, "\"%s\" is not the URL of a store", endpoint);
    sl_error_hint(err, "http://host:port or https://host, without a path");
    return rc;
}

/* Scheme and host; a port that the scheme has anyway goes, since clients don't name it in the Host header either. */
static int take_endpoint(struct sl_s3 *s3, const char *endpoint, struct sl_error *err)
{
    bool tls = sl_text_starts(endpoint, "https://");
    if (!tls && !sl_text_starts(endpoint, "http://"))
        return bad_endpoint(endpoint, err);
    char *host = sl_arena_strdup(s3->arena, endpoint + (tls ? 8 : 7));
    size_t n = strlen(host);
    if (n && host[n - 1] == '/')
        host[--n] = '\0';
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    if (n == 0 || n > 255 || strspn(host, allowed) != n)
        return bad_endpoint(endpoint, err);
    if (sl_text_ends(host, tls ? ":443" : ":80"))
        host[n - (tls ? 4 : 3)] = '\0';
    s3->scheme = tls ? "https" : "http";
    s3->host = host;
    s3->endpoint = sl_arena_printf(s3->arena, "%s://%s", s3->scheme, host);
    return 0;
}

static int take_credentials(struct sl_s3 *s3, const struct sl_store_s3_options *o, struct sl_error *err)
{
    const char *region = NULL;
    bool found = o->access_key != NULL;
    int rc = 0;
    if (found) {
        if (!o->secret_key)
            return sl_fail(err, SL_E_CONFIG_VALUE, "the access key \"%s\" has no secret key", o->access_key);
        s3->credentials = (struct sl_aws_credentials){sl_arena_strdup(s3->arena, o->access_key),
                                                      sl_arena_strdup(s3->arena, o->secret_key),
                                                      sl_arena_strdup(s3->arena, o->session_token)};
    } else {
        rc = sl_aws_find_credentials(o->profile, s3->arena, &found, &s3->credentials, &region, err);
    }
    s3->signs = found;
    s3->region = o->region ? sl_arena_strdup(s3->arena, o->region) : region ? region : "us-east-1";
    if (rc == 0 &&
        (strspn(s3->region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != strlen(s3->region) ||
         !s3->region[0] || strlen(s3->region) > 64))
        rc = sl_fail(err, SL_E_CONFIG_VALUE, "\"%s\" is not a region", s3->region);
    return rc;
}

static int64_t within(int64_t value, int64_t least, int64_t most, int64_t otherwise)
{
    return value <= 0 ? otherwise : value < least ? least : value > most ? most : value;
}

static int take_options(struct sl_s3 *s3, const struct sl_store_s3_options *o, struct sl_error *err)
{
    int rc = take_credentials(s3, o, err);
    if (rc)
        return rc;
    rc = take_endpoint(
        s3, o->endpoint ? o->endpoint : sl_arena_printf(s3->arena, "https://s3.%s.amazonaws.com", s3->region), err);
    if (rc)
        return rc;
    bool amazon = sl_text_ends(s3->host, ".amazonaws.com") || sl_text_ends(s3->host, ".amazonaws.com.cn");
    s3->virtual_hosts = o->style == 2 || (o->style == 0 && amazon);
    int64_t timeout = within(o->timeout_ms, 1, INT32_MAX, DEFAULT_TIMEOUT_MS);
    s3->http_options = (struct sl_http_options){
        .ca_file = sl_arena_strdup(s3->arena, o->ca_file), .connect_ms = timeout, .silence_ms = timeout};
    s3->policy =
        (struct sl_retry_policy){.retries = o->retries < 0 ? 0 : o->retries,
                                 .base_ms = RETRY_BASE_MS,
                                 .max_ms = RETRY_MAX_MS,
                                 .deadline_ms = within(o->retry_deadline_ms, 1, INT32_MAX, DEFAULT_DEADLINE_MS)};
    s3->parallel = (int)within(o->parallel, 1, MOST_PARALLEL, DEFAULT_PARALLEL);
    s3->part_bytes = within(o->part_bytes, LEAST_PART, INT64_C(5) << 30, DEFAULT_PART);
    return 0;
}

int sl_store_s3_open(const struct sl_store_s3_options *options, struct sl_store **out, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_xcalloc(1, sizeof *s3);
    s3->base.ops = &s3_ops;
    s3->arena = sl_arena_new();
    int rc = take_options(s3, options, err);
    if (rc)
        s3_free(&s3->base);
    else
        *out = &s3->base;
    return rc;
}

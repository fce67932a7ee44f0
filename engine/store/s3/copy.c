/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies within the store. CopyObject has no condition on its target that all servers know, so a copy that must not
 * replace anything is made by requests that have one: a small object is read and put, a large one is copied in parts
 * whose completion is conditional. The source is pinned by its ETag throughout.
 */
#include <string.h>

#include "store/s3/s3.h"
#include "store/store.h"

enum { SOURCE_TRIES = 5, MAX_CARRIED = 5 };
#define COPY_OBJECT_MOST (INT64_C(5) << 30)

struct copying {
    struct sl_s3 *s3;
    struct sl_s3_lane *lane;
    const char *from_bucket, *from_key;
    struct sl_s3_call head; /* what the source is */
    struct sl_object_info info;
    struct sl_meta meta;
    const char *type, *checksum; /* NULL: not said */
    struct sl_http_header carried[MAX_CARRIED];
    size_t n_carried;
};

/* Opens c->head; the caller closes it. */
static int look(struct copying *c, const char *if_match, struct sl_error *err)
{
    static const char *const names[MAX_CARRIED] = {"cache-control", "content-disposition", "content-encoding",
                                                   "content-language", "expires"};
    sl_s3__open_call(c->s3, &c->head, "copy", "HEAD", c->from_bucket, c->from_key);
    sl_s3__header(&c->head, "x-amz-checksum-mode", "ENABLED");
    int rc = sl_s3__perform(c->lane, &c->head, err);
    if (rc == 0)
        rc = sl_s3__info(&c->head, &c->info, err);
    if (rc)
        return rc;
    if (if_match && strcmp(c->info.etag, if_match) != 0)
        return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s has etag %s, expected %s", c->from_bucket, c->from_key,
                       c->info.etag, if_match);
    const struct sl_http_response *r = &c->head.transfer.response;
    sl_s3__get_meta(r, c->head.arena, &c->meta);
    c->type = sl_http_header(r, "content-type");
    c->checksum = sl_http_header(r, "x-amz-checksum-sha256");
    c->n_carried = 0;
    for (size_t i = 0; i < MAX_CARRIED; i++)
        if (sl_http_header(r, names[i]))
            c->carried[c->n_carried++] = (struct sl_http_header){names[i], sl_http_header(r, names[i])};
    return 0;
}

/* By the checksum that the server keeps, or by reading the object. */
static int check_hash(const struct copying *c, const char *bucket, const char *key, const char *wanted,
                      struct sl_error *err)
{
    char base64[SL_S3_BASE64_BYTES], hex[SL_SHA256_HEX_BYTES];
    sl_s3__base64(wanted, base64);
    if (c->checksum && !strcmp(c->checksum, base64))
        return 0;
    int rc = sl_store_hash(&c->s3->base, c->from_bucket, c->from_key, c->info.etag, hex, NULL, err);
    if (rc == 0 && strcmp(hex, wanted) != 0)
        rc = sl_fail(err, SL_E_FILE_CHECKSUM, "%s/%s: the bytes have sha256 %s, expected %s", bucket, key, hex, wanted);
    return rc;
}

static const char *source_name(const struct copying *c, struct sl_arena *arena)
{
    struct sl_buf name;
    sl_buf_init(&name, 4 * SL_KEY_MAX_BYTES);
    sl_buf_printf(&name, "/%s/", c->from_bucket);
    sl_sigv4_encode(&name, c->from_key, true);
    const char *kept = sl_arena_strdup(arena, name.data);
    sl_buf_free(&name);
    return kept;
}

static int copy_object(struct copying *c, const struct sl_s3_put *put, bool replace, struct sl_object_info *info,
                       struct sl_error *err)
{
    struct sl_s3_call call;
    char etag[SL_ETAG_BYTES + 16];
    sl_s3__open_call(c->s3, &call, "copy", "PUT", put->bucket, put->key);
    sl_s3__header(&call, "x-amz-copy-source", source_name(c, call.arena));
    sl_s3__header(&call, "x-amz-copy-source-if-match", sl_arena_printf(call.arena, "\"%s\"", c->info.etag));
    sl_s3__header(&call, "x-amz-metadata-directive", replace ? "REPLACE" : "COPY");
    if (replace)
        sl_s3__describe(&call, put);
    call.error_in_body = true;
    int rc = sl_s3__perform(c->lane, &call, err);
    /* A missing source, not a missing target: the message names it. */
    if (rc == -SL_E_STORE_NOT_FOUND && !strcmp(call.code, "NoSuchKey"))
        rc = sl_fail(err, SL_E_STORE_CHANGED, "%s/%s was removed while it was copied", c->from_bucket, c->from_key);
    if (rc == -SL_E_STORE_PRECONDITION)
        rc = sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changed while it was copied", c->from_bucket, c->from_key);
    if (rc == 0)
        rc = sl_s3__reply_text(&call, "CopyObjectResult/ETag", etag, sizeof etag, err);
    if (rc == 0 && !sl_s3__etag(etag, info->etag))
        rc = sl_fail(err, SL_E_NET, "the server's answer for %s/%s has no ETag", put->bucket, put->key);
    info->size_bytes = c->info.size_bytes;
    sl_s3__close_call(&call);
    return rc;
}

static int read_and_put(struct copying *c, struct sl_s3_put *put, struct sl_object_info *info, struct sl_error *err)
{
    struct sl_buf bytes;
    struct sl_put_options options = *put->options;
    sl_buf_init(&bytes, (size_t)c->info.size_bytes);
    struct sl_get_item item = {.bucket = c->from_bucket, .key = c->from_key, .if_match = c->info.etag, .buf = &bytes};
    int rc = sl_store_get_many(&c->s3->base, &item, 1, err);
    if (rc == 0) {
        const struct sl_s3_source source = {.bytes = (const void *)bytes.data, .fd = -1, .total = (int64_t)bytes.len};
        put->source = &source;
        put->options = &options;
        rc = sl_s3__put_source(c->s3, c->lane, put, info, err);
    }
    sl_buf_free(&bytes);
    return rc;
}

static int copy_to(struct copying *c, const char *to_bucket, const char *to_key, const struct sl_put_options *asked,
                   struct sl_object_info *info, struct sl_error *err)
{
    struct sl_put_options options = *asked;
    const struct sl_s3_source size_only = {.fd = -1, .total = c->info.size_bytes};
    struct sl_s3_put put = {.bucket = to_bucket,
                            .key = to_key,
                            .source = &size_only,
                            .options = &options,
                            .carried = c->carried,
                            .n_carried = c->n_carried,
                            .if_absent = asked->if_absent};
    bool replace = asked->meta || asked->content_type;
    bool onto_itself = !strcmp(c->from_bucket, to_bucket) && !strcmp(c->from_key, to_key);
    options.if_match = NULL;
    if (!asked->meta)
        options.meta = &c->meta;
    if (!asked->content_type)
        options.content_type = c->type;
    if (onto_itself && asked->if_absent)
        return sl_s3__refused(&put, err);
    int rc = asked->sha256_hex ? check_hash(c, to_bucket, to_key, asked->sha256_hex, err) : 0;
    if (rc)
        return rc;
    if (onto_itself && !replace) {
        *info = c->info;
        return 0;
    }
    sl_s3__remember_bucket(c->s3, to_bucket);
    if (!asked->if_absent && c->info.size_bytes <= COPY_OBJECT_MOST)
        return copy_object(c, &put, replace, info, err);
    if (c->info.size_bytes <= sl_s3__single_most(c->s3))
        return read_and_put(c, &put, info, err);
    return sl_s3__multipart_copy(c->s3, c->lane, &put, source_name(c, c->head.arena), c->info.etag, info, err);
}

int sl_s3__copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                struct sl_error *err)
{
    struct copying c = {.s3 = sl_s3__of(s), .from_bucket = from_bucket, .from_key = from_key};
    struct sl_object_info info = {0};
    int rc = sl_s3__enter(c.s3, &c.lane, err);
    if (rc)
        return rc;
    /* A source that nobody pinned may change between the look and the copy: then the copy is of what it is now. */
    for (int tries = 0; tries < SOURCE_TRIES; tries++) {
        rc = look(&c, options->if_match, err);
        if (rc == 0)
            rc = copy_to(&c, to_bucket, to_key, options, &info, err);
        sl_s3__close_call(&c.head);
        if (rc != -SL_E_STORE_CHANGED || options->if_match)
            break;
    }
    sl_s3__leave(c.s3, c.lane);
    if (rc == 0 && info_out)
        *info_out = info;
    return rc;
}

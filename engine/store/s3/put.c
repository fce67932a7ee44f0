/* SPDX-License-Identifier: Apache-2.0 */
/* One object in one request, from memory or a file; what all puts have in common. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/s3/s3.h"

enum { BLOCK_BYTES = 1024 * 1024 };

int64_t sl_s3__single_most(const struct sl_s3 *s3)
{
    return 2 * s3->part_bytes;
}

int sl_s3__hash(const struct sl_s3_source *source, char hex[SL_SHA256_HEX_BYTES], struct sl_error *err)
{
    if (source->bytes) {
        sl_sha256_of(source->bytes, (size_t)source->total, hex);
        return 0;
    }
    struct sl_sha256 *hash = sl_sha256_new();
    SL_CLEANUP(sl_freep) char *block = sl_xmalloc(BLOCK_BYTES);
    int rc = 0;
    for (int64_t offset = 0; rc == 0 && offset < source->total;) {
        int64_t left = source->total - offset;
        ssize_t got = pread(source->fd, block, left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = sl_fail_errno(err, errno, "cannot read %s", source->name);
        } else if (got == 0) {
            rc = sl_fail(err, SL_E_FILE_CHANGED, "%s became shorter while it was uploaded", source->name);
        } else {
            sl_sha256_update(hash, block, (size_t)got);
            offset += got;
        }
    }
    sl_sha256_final(hash, hex);
    sl_sha256_free(hash);
    return rc;
}

void sl_s3__set_body(struct sl_s3_call *c, const struct sl_s3_source *source, int64_t offset, int64_t n,
                     const char hex[SL_SHA256_HEX_BYTES], bool checks_sums, char checksum[SL_S3_BASE64_BYTES])
{
    if (source->bytes)
        c->body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = source->bytes + offset, .n = n};
    else
        c->body = (struct sl_http_body){.source = SL_HTTP_FILE, .fd = source->fd, .offset = offset, .n = n};
    sl_s3__base64(hex, checksum);
    sl_s3__header(c, "x-amz-checksum-sha256", checksum);
    c->payload_hash = checks_sums || c->s3->checks_sums ? "UNSIGNED-PAYLOAD" : sl_arena_strdup(c->arena, hex);
}

void sl_s3__describe(struct sl_s3_call *c, const struct sl_s3_put *put)
{
    const char *type = put->options->content_type;
    sl_s3__header(c, "content-type", type ? type : "application/octet-stream");
    for (size_t i = 0; i < put->n_carried; i++)
        sl_s3__header(c, put->carried[i].name, put->carried[i].value);
    sl_s3__put_meta(c, put->options->meta);
}

void sl_s3__conditions(struct sl_s3_call *c, const struct sl_s3_put *put)
{
    if (put->if_absent)
        sl_s3__header(c, "if-none-match", "*");
    if (put->if_match)
        sl_s3__header(c, "if-match", sl_arena_printf(c->arena, "\"%s\"", put->if_match));
}

bool sl_s3__is_refusal(const struct sl_s3_call *c, const struct sl_s3_put *put)
{
    bool conditional = put->if_absent || put->if_match;
    return conditional && (c->status == 412 || (put->if_match && !strcmp(c->code, "NoSuchKey")));
}

int sl_s3__refused(const struct sl_s3_put *put, struct sl_error *err)
{
    if (put->if_absent)
        return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s exists already", put->bucket, put->key);
    return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s does not exist or has another etag (expected %s)", put->bucket,
                   put->key, put->if_match);
}

int sl_s3__wrong_hash(const struct sl_s3_put *put, const char *hex, struct sl_error *err)
{
    return sl_fail(err, SL_E_FILE_CHECKSUM, "%s/%s: the bytes have sha256 %s, expected %s", put->bucket, put->key, hex,
                   put->options->sha256_hex);
}

static bool same_meta(const struct sl_meta *a, const struct sl_meta *b)
{
    size_t n = b ? b->n : 0, matched = 0;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < n; k++)
            matched += !strcmp(a->pairs[i].name, b->pairs[k].name) && !strcmp(a->pairs[i].value, b->pairs[k].value);
    return a->n == n && matched == n;
}

int sl_s3__is_ours(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put, const char *checksum,
                   const char *etag, bool *ours, struct sl_object_info *info, struct sl_error *err)
{
    struct sl_object_info there;
    struct sl_meta meta;
    struct sl_s3_call c;
    *ours = false;
    sl_s3__open_call(s3, &c, "look at", "HEAD", put->bucket, put->key);
    sl_s3__header(&c, "x-amz-checksum-mode", "ENABLED");
    int rc = sl_s3__perform(lane, &c, err);
    if (rc == 0)
        rc = sl_s3__info(&c, &there, err);
    if (rc == 0) {
        const char *said = sl_http_header(&c.transfer.response, "x-amz-checksum-sha256");
        bool same = said && checksum ? !strcmp(said, checksum) : etag && !strcmp(there.etag, etag);
        sl_s3__get_meta(&c.transfer.response, c.arena, &meta);
        *ours = same && there.size_bytes == put->source->total && same_meta(&meta, put->options->meta);
        *info = there;
    } else if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        rc = 0;
    }
    sl_s3__close_call(&c);
    return rc;
}

static void report(const struct sl_s3_put *put, int64_t done)
{
    if (put->options->progress)
        put->options->progress(put->options->progress_data, done, put->source->total);
}

struct progress {
    const struct sl_s3_put *put;
    int64_t shown;
};

static void on_sent(void *data, int64_t bytes)
{
    struct progress *p = data;
    /* A further try begins anew; what is shown never goes back, and is complete only when the server says so. */
    if (bytes > p->shown && bytes < p->put->source->total)
        report(p->put, p->shown = bytes);
}

int sl_s3__end_put(struct sl_s3 *s3, struct sl_s3_lane *lane, struct sl_s3_call *c, const struct sl_s3_put *put,
                   const char *checksum, struct sl_object_info *info_out, struct sl_error *err)
{
    struct sl_object_info info = {0};
    int rc = c->rc;
    if (rc && sl_s3__is_refusal(c, put)) {
        bool ours = false;
        rc = c->doubtful ? sl_s3__is_ours(s3, lane, put, checksum, NULL, &ours, &info, err) : 0;
        if (rc == 0 && !ours)
            rc = sl_s3__refused(put, err);
    } else if (rc) {
        if (err)
            *err = c->error;
    } else {
        const char *etag = sl_http_header(&c->transfer.response, "etag");
        info.size_bytes = put->source->total;
        if (!etag || !sl_s3__etag(etag, info.etag))
            rc = sl_fail(err, SL_E_NET, "the server's answer for %s/%s has no ETag", put->bucket, put->key);
    }
    if (rc == 0) {
        report(put, put->source->total);
        if (info_out)
            *info_out = info;
    }
    return rc;
}

int sl_s3__make_put(struct sl_s3 *s3, struct sl_s3_call *c, const struct sl_s3_put *put,
                    char checksum[SL_S3_BASE64_BYTES], struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    int rc = sl_s3__hash(put->source, hex, err);
    if (rc == 0 && put->options->sha256_hex && strcmp(hex, put->options->sha256_hex) != 0)
        rc = sl_s3__wrong_hash(put, hex, err);
    if (rc)
        return rc;
    sl_s3__open_call(s3, c, "put", "PUT", put->bucket, put->key);
    sl_s3__set_body(c, put->source, 0, put->source->total, hex, false, checksum);
    sl_s3__describe(c, put);
    sl_s3__conditions(c, put);
    return 0;
}

int sl_s3__put_source(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                      struct sl_object_info *info_out, struct sl_error *err)
{
    char checksum[SL_S3_BASE64_BYTES];
    struct progress progress = {put, 0};
    struct sl_s3_call c;
    sl_s3__remember_bucket(s3, put->bucket);
    if (put->source->total > sl_s3__single_most(s3))
        return sl_s3__multipart_put(s3, lane, put, info_out, err);
    int rc = sl_s3__make_put(s3, &c, put, checksum, err);
    if (rc)
        return rc;
    c.sent = put->options->progress ? on_sent : NULL;
    c.data = &progress;
    (void)sl_s3__perform(lane, &c, NULL);
    rc = sl_s3__end_put(s3, lane, &c, put, checksum, info_out, err);
    sl_s3__close_call(&c);
    return rc;
}

int sl_s3__open_file(const char *path, struct sl_s3_source *source, struct sl_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return sl_fail(err, SL_E_FILE_MISSING, "%s does not exist", path);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = sl_fail_errno(err, errno, "cannot open %s", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *source = (struct sl_s3_source){.fd = fd, .name = path, .total = st.st_size};
    return 0;
}

static int put_from(struct sl_s3 *s3, const char *bucket, const char *key, const struct sl_s3_source *source,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    const struct sl_s3_put put = {.bucket = bucket,
                                  .key = key,
                                  .source = source,
                                  .options = options,
                                  .if_absent = options->if_absent,
                                  .if_match = options->if_match};
    struct sl_s3_lane *lane;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    rc = sl_s3__put_source(s3, lane, &put, info_out, err);
    sl_s3__leave(s3, lane);
    return rc;
}

int sl_s3__put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    const struct sl_s3_source source = {.bytes = bytes ? bytes : (const void *)"", .fd = -1, .total = (int64_t)n};
    return put_from(sl_s3__of(s), bucket, key, &source, options, info_out, err);
}

int sl_s3__put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    struct sl_s3_source source;
    int rc = sl_s3__open_file(path, &source, err);
    if (rc)
        return rc;
    rc = put_from(sl_s3__of(s), bucket, key, &source, options, info_out, err);
    close(source.fd);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object in parts: begun, several parts at a time, completed under the put's condition, aborted when anything fails.
 * The object appears with the completion, which is the one request that decides. When its answer is lost, a further try
 * finds no such upload; then the object that is there says whether it is the one that was put.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/s3/s3.h"

enum { MAX_PARTS = 10000, MIB = 1024 * 1024, PART_ETAG_BYTES = 72, AHEAD = 4, HASH_POLL_MS = 2 };
#define COPY_PART_BYTES (INT64_C(512) * MIB)
#define OBJECT_MOST     (INT64_C(5) << 40)

struct part_done {
    char etag[PART_ETAG_BYTES], checksum[SL_S3_BASE64_BYTES];
};

struct upload;

struct slot {
    struct sl_s3_call call;
    struct upload *upload;
    int64_t number; /* from 1 on; 0: free */
    int64_t sent;
};

struct upload {
    struct sl_s3 *s3;
    struct sl_s3_lane *lane;
    const struct sl_s3_put *put;
    const char *copy_source, *copy_etag; /* NULL: bytes are sent */
    char id[SL_S3_UPLOAD_ID_BYTES];
    int64_t part_bytes, n_parts, next; /* the next part to start, from 1 on */
    struct part_done *parts;
    struct slot *slots;
    int n_slots;
    struct sl_s3_ahead *ahead; /* NULL: the parts are copied */
    bool checks_sums;          /* the server has said that it checks each part by its SHA-256 */
    int64_t acknowledged, shown;
};

/* --- parts --- */
static int64_t part_length(const struct upload *u, int64_t number)
{
    int64_t left = u->put->source->total - (number - 1) * u->part_bytes;
    return left < u->part_bytes ? left : u->part_bytes;
}

static void on_sent(void *data, int64_t bytes)
{
    struct slot *s = data;
    struct upload *u = s->upload;
    int64_t sum = u->acknowledged;
    s->sent = bytes;
    for (int i = 0; i < u->n_slots; i++)
        if (u->slots[i].number)
            sum += u->slots[i].sent;
    if (sum > u->shown && sum < u->put->source->total)
        u->put->options->progress(u->put->options->progress_data, u->shown = sum, u->put->source->total);
}

static void fill_part(struct upload *u, struct slot *s, const char *hex)
{
    struct sl_s3_call *c = &s->call;
    int64_t offset = (s->number - 1) * u->part_bytes, n = part_length(u, s->number);
    if (u->copy_source) {
        char range[64];
        snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)offset, (long long)(offset + n - 1));
        sl_s3__header(c, "x-amz-copy-source", u->copy_source);
        sl_s3__header(c, "x-amz-copy-source-range", range);
        sl_s3__header(c, "x-amz-copy-source-if-match", sl_arena_printf(c->arena, "\"%s\"", u->copy_etag));
        c->error_in_body = true;
        return;
    }
    sl_s3__set_body(c, u->put->source, offset, n, hex, u->checks_sums, u->parts[s->number - 1].checksum);
    c->sent = u->put->options->progress ? on_sent : NULL;
}

static int start_part(struct upload *u, struct slot *s, const char *hex, struct sl_error *err)
{
    char number[24];
    s->upload = u;
    s->number = u->next++;
    s->sent = 0;
    sl_s3__open_call(u->s3, &s->call, "put", "PUT", u->put->bucket, u->put->key);
    s->call.data = s;
    snprintf(number, sizeof number, "%lld", (long long)s->number);
    sl_s3__query(&s->call, "partNumber", number);
    sl_s3__query(&s->call, "uploadId", u->id);
    fill_part(u, s, hex);
    return sl_s3__begin(u->lane, &s->call, err);
}

static int take_part(struct upload *u, struct slot *s, struct sl_error *err)
{
    char text[SL_ETAG_BYTES] = "", etag[SL_ETAG_BYTES];
    int rc = s->call.rc;
    if (rc && err) {
        *err = s->call.error;
        if (rc == -SL_E_STORE_PRECONDITION)
            rc = sl_fail(err, SL_E_STORE_CHANGED, "the source of %s/%s changed while it was copied", u->put->bucket,
                         u->put->key);
    } else if (rc == 0) {
        const char *said = sl_http_header(&s->call.transfer.response, "etag");
        if (u->copy_source)
            rc = sl_s3__reply_text(&s->call, "CopyPartResult/ETag", text, sizeof text, err);
        else if (said)
            snprintf(text, sizeof text, "%s", said);
        if (rc == 0 && (!sl_s3__etag(text, etag) || strlen(etag) >= PART_ETAG_BYTES || strpbrk(etag, "<>&")))
            rc = sl_fail(err, SL_E_NET, "the server's answer for a part of %s/%s has no ETag", u->put->bucket,
                         u->put->key);
        else if (rc == 0)
            memcpy(u->parts[s->number - 1].etag, etag, strlen(etag) + 1);
    }
    u->acknowledged += part_length(u, s->number);
    sl_s3__close_call(&s->call);
    s->number = 0;
    return rc;
}

/* Those that are hashed. *hungry: a slot waits for a hash. */
static int start_parts(struct upload *u, bool *hungry, struct sl_error *err)
{
    int rc = 0;
    *hungry = false;
    for (int i = 0; rc == 0 && i < u->n_slots && u->next <= u->n_parts && !*hungry; i++) {
        char hex[SL_SHA256_HEX_BYTES] = "";
        if (u->slots[i].number)
            continue;
        bool idle = !u->lane->in_flight && !u->lane->waiting;
        if (u->ahead)
            rc = sl_s3__ahead_part(u->ahead, u->next - 1, AHEAD, idle, hex, err);
        *hungry = u->ahead && !hex[0];
        if (rc == 0 && !*hungry)
            rc = start_part(u, &u->slots[i], hex, err);
    }
    return rc;
}

static int send_parts(struct upload *u, struct sl_error *err)
{
    for (;;) {
        bool hungry = false;
        struct sl_s3_call *done = NULL;
        int rc = start_parts(u, &hungry, err);
        if (rc == 0)
            rc = sl_s3__next(u->lane, hungry ? HASH_POLL_MS : -1, &done, err);
        if (rc || (!done && !hungry))
            return rc;
        if (done)
            rc = take_part(u, done->data, err);
        if (rc)
            return rc;
    }
}

/* --- begin, complete, abort --- */
static int begin_upload(struct upload *u, struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(u->s3, &c, "put", "POST", u->put->bucket, u->put->key);
    sl_s3__query(&c, "uploads", "");
    sl_s3__describe(&c, u->put);
    if (!u->copy_source)
        sl_s3__header(&c, "x-amz-checksum-algorithm", "SHA256");
    int rc = sl_s3__perform(u->lane, &c, err);
    if (rc == 0)
        rc = sl_s3__reply_text(&c, "InitiateMultipartUploadResult/UploadId", u->id, sizeof u->id, err);
    const char *algorithm = rc == 0 ? sl_http_header(&c.transfer.response, "x-amz-checksum-algorithm") : NULL;
    u->checks_sums = algorithm && !strcmp(algorithm, "SHA256");
    sl_s3__close_call(&c);
    return rc;
}

int sl_s3__abort_upload(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, const char *key,
                        const char *upload_id, struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(s3, &c, "abort the upload of", "DELETE", bucket, key);
    sl_s3__query(&c, "uploadId", upload_id);
    int rc = sl_s3__perform(lane, &c, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        rc = 0;
    }
    sl_s3__close_call(&c);
    return rc;
}

/* What a server without checksums gives to an object in parts: MD5 of the parts' MD5s, "-", their number. */
static bool composite_etag(const struct upload *u, char out[SL_ETAG_BYTES])
{
    EVP_MD_CTX *md5 = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool good = md5 && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1;
    for (int64_t i = 0; good && i < u->n_parts; i++) {
        const char *etag = u->parts[i].etag;
        unsigned char bytes[16];
        good = strlen(etag) == 32 && strspn(etag, "0123456789abcdef") == 32;
        for (size_t k = 0; good && k < sizeof bytes; k++) {
            const char pair[] = {etag[2 * k], etag[2 * k + 1], '\0'};
            bytes[k] = (unsigned char)strtoul(pair, NULL, 16);
        }
        good = good && EVP_DigestUpdate(md5, bytes, sizeof bytes) == 1;
    }
    good = good && EVP_DigestFinal_ex(md5, digest, &n) == 1 && n == 16;
    EVP_MD_CTX_free(md5);
    for (unsigned i = 0; good && i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    if (good)
        snprintf(out + 32, SL_ETAG_BYTES - 32, "-%lld", (long long)u->n_parts);
    return good;
}

/* "Base64 of the SHA-256 of the parts' SHA-256s", "-", their number. */
static void composite_checksum(const struct upload *u, char *out, size_t out_bytes)
{
    struct sl_sha256 *hash = sl_sha256_new();
    char hex[SL_SHA256_HEX_BYTES], base64[SL_S3_BASE64_BYTES];
    for (int64_t i = 0; i < u->n_parts; i++) {
        unsigned char bytes[SL_SHA256_BYTES + 4];
        EVP_DecodeBlock(bytes, (const unsigned char *)u->parts[i].checksum, (int)strlen(u->parts[i].checksum));
        sl_sha256_update(hash, bytes, SL_SHA256_BYTES);
    }
    sl_sha256_final(hash, hex);
    sl_sha256_free(hash);
    sl_s3__base64(hex, base64);
    snprintf(out, out_bytes, "%s-%lld", base64, (long long)u->n_parts);
}

static int recognise(struct upload *u, bool *ours, struct sl_object_info *info, struct sl_error *err)
{
    char etag[SL_ETAG_BYTES], checksum[SL_S3_BASE64_BYTES + 16];
    bool has_etag = composite_etag(u, etag);
    if (!u->copy_source)
        composite_checksum(u, checksum, sizeof checksum);
    return sl_s3__is_ours(u->s3, u->lane, u->put, u->copy_source ? NULL : checksum, has_etag ? etag : NULL, ours, info,
                          err);
}

static const char *completion(struct upload *u, struct sl_arena *arena, size_t *n)
{
    struct sl_buf xml;
    sl_buf_init(&xml, (size_t)u->n_parts * 320 + 256);
    sl_buf_puts(&xml, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (int64_t i = 0; i < u->n_parts; i++) {
        sl_buf_printf(&xml, "<Part><PartNumber>%lld</PartNumber><ETag>&quot;%s&quot;</ETag>", (long long)i + 1,
                      u->parts[i].etag);
        if (!u->copy_source)
            sl_buf_printf(&xml, "<ChecksumSHA256>%s</ChecksumSHA256>", u->parts[i].checksum);
        sl_buf_puts(&xml, "</Part>");
    }
    sl_buf_puts(&xml, "</CompleteMultipartUpload>");
    const char *text = sl_arena_strndup(arena, xml.data, xml.len);
    *n = xml.len;
    sl_buf_free(&xml);
    return text;
}

/* *committed: the upload is over, whatever else fails, and nothing is there to abort. */
static int complete(struct upload *u, struct sl_object_info *info, bool *committed, struct sl_error *err)
{
    struct sl_s3_call c;
    char etag[SL_ETAG_BYTES + 16];
    size_t n;
    sl_s3__open_call(u->s3, &c, "put", "POST", u->put->bucket, u->put->key);
    const char *xml = completion(u, c.arena, &n);
    sl_s3__query(&c, "uploadId", u->id);
    sl_s3__header(&c, "content-type", "application/xml");
    sl_s3__conditions(&c, u->put);
    sl_s3__bytes(&c, xml, n);
    c.error_in_body = true;
    int rc = sl_s3__perform(u->lane, &c, err);
    bool refused = rc && sl_s3__is_refusal(&c, u->put), gone = rc && !strcmp(c.code, "NoSuchUpload");
    *committed = rc == 0 || gone;
    if (rc == 0) {
        rc = sl_s3__reply_text(&c, "CompleteMultipartUploadResult/ETag", etag, sizeof etag, err);
        if (rc == 0 && !sl_s3__etag(etag, info->etag))
            rc = sl_fail(err, SL_E_NET, "the server's answer for %s/%s has no ETag", u->put->bucket, u->put->key);
        info->size_bytes = u->put->source->total;
    } else if (refused || gone) {
        bool ours = false;
        rc = c.doubtful ? recognise(u, &ours, info, err) : 0;
        *committed = *committed || ours;
        if (rc == 0 && !ours)
            rc = refused ? sl_s3__refused(u->put, err)
                         : sl_fail(err, SL_E_STORE_UNAVAILABLE, "the upload of %s/%s was aborted by somebody else",
                                   u->put->bucket, u->put->key);
    }
    sl_s3__close_call(&c);
    return rc;
}

static int check_whole(struct upload *u, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    if (!u->ahead || !u->put->options->sha256_hex)
        return 0;
    int rc = sl_s3__ahead_whole(u->ahead, hex, err);
    return rc == 0 && strcmp(hex, u->put->options->sha256_hex) ? sl_s3__wrong_hash(u->put, hex, err) : rc;
}

/* An early answer where the condition already fails; the completion's is the one that counts. */
static int look_first(struct upload *u, struct sl_error *err)
{
    struct sl_object_info there;
    struct sl_s3_call c;
    if (!u->put->if_absent && !u->put->if_match)
        return 0;
    sl_s3__open_call(u->s3, &c, "look at", "HEAD", u->put->bucket, u->put->key);
    int rc = sl_s3__perform(u->lane, &c, err);
    bool exists = rc == 0;
    if (rc == -SL_E_STORE_NOT_FOUND && strcmp(c.code, "NoSuchBucket") != 0) {
        sl_error_clear(err);
        rc = 0;
    }
    if (exists)
        rc = sl_s3__info(&c, &there, err);
    sl_s3__close_call(&c);
    if (rc == 0 &&
        ((u->put->if_absent && exists) || (u->put->if_match && (!exists || strcmp(there.etag, u->put->if_match) != 0))))
        rc = sl_s3__refused(u->put, err);
    return rc;
}

static void abandon(struct upload *u)
{
    /* Parts that are still under way would be kept by the server after the abort. */
    sl_http_abort(u->lane->http);
    u->lane->in_flight = 0;
    u->lane->waiting = NULL;
    for (int i = 0; i < u->n_slots; i++)
        sl_s3__close_call(&u->slots[i].call);
    /* What an abort that fails leaves behind is found by sweep. */
    (void)sl_s3__abort_upload(u->s3, u->lane, u->put->bucket, u->put->key, u->id, NULL);
}

static int run(struct upload *u, struct sl_object_info *info_out, struct sl_error *err)
{
    struct sl_object_info info = {0};
    bool committed = false;
    int rc = look_first(u, err);
    if (rc == 0)
        rc = begin_upload(u, err);
    if (rc)
        return rc;
    rc = send_parts(u, err);
    if (rc == 0)
        rc = check_whole(u, err);
    if (rc == 0)
        rc = complete(u, &info, &committed, err);
    if (rc && !committed)
        abandon(u);
    if (rc)
        return rc;
    const struct sl_put_options *o = u->put->options;
    if (o->progress)
        o->progress(o->progress_data, u->put->source->total, u->put->source->total);
    if (info_out)
        *info_out = info;
    return 0;
}

static int64_t part_size(int64_t total, int64_t wanted)
{
    int64_t least = (total + MAX_PARTS - 1) / MAX_PARTS;
    int64_t size = least > wanted ? least : wanted;
    return (size + MIB - 1) / MIB * MIB;
}

static int upload(struct upload *u, int64_t part_bytes, struct sl_object_info *info_out, struct sl_error *err)
{
    int64_t total = u->put->source->total;
    if (total > OBJECT_MOST)
        return sl_fail(err, SL_E_LIMIT, "%s/%s would have %lld bytes: no object has more than 5 TiB", u->put->bucket,
                       u->put->key, (long long)total);
    u->part_bytes = part_size(total, part_bytes);
    u->n_parts = (total + u->part_bytes - 1) / u->part_bytes;
    u->next = 1;
    u->n_slots = u->n_parts < u->s3->parallel ? (int)u->n_parts : u->s3->parallel;
    u->parts = sl_xcalloc((size_t)u->n_parts, sizeof *u->parts);
    u->slots = sl_xcalloc((size_t)u->n_slots, sizeof *u->slots);
    int rc = 0;
    if (!u->copy_source)
        rc = sl_s3__ahead_new(u->put->source, u->part_bytes, u->n_parts, AHEAD, u->put->options->sha256_hex, &u->ahead, err);
    if (rc == 0)
        rc = run(u, info_out, err);
    sl_s3__ahead_free(u->ahead);
    free(u->slots);
    free(u->parts);
    return rc;
}

int sl_s3__multipart_put(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                         struct sl_object_info *info_out, struct sl_error *err)
{
    struct upload u = {.s3 = s3, .lane = lane, .put = put};
    return upload(&u, s3->part_bytes, info_out, err);
}

int sl_s3__multipart_copy(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                          const char *copy_source, const char *etag, struct sl_object_info *info_out,
                          struct sl_error *err)
{
    struct upload u = {.s3 = s3, .lane = lane, .put = put, .copy_source = copy_source, .copy_etag = etag};
    return upload(&u, COPY_PART_BYTES, info_out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s3.h - what the files of this folder share. Nobody outside includes it.
 *
 * A call (struct sl_s3_call) is one request with its retries: each try is built and signed anew. Calls run on a lane,
 * which has the connections; an operation takes a lane when it begins and gives it back at its end, so that a callback
 * which uses the store again gets another one and never disturbs transfers under way.
 */
#ifndef SLUICE_STORE_S3_S3_H
#define SLUICE_STORE_S3_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/sys/store.h>

#include "base/arena.h"
#include "base/sha256.h"
#include "net/http.h"
#include "net/retry.h"
#include "net/sigv4.h"

enum {
    SL_S3_LANES = 4,
    SL_S3_HEADERS = 30,
    SL_S3_QUERY = 8,
    SL_S3_CODE_BYTES = 64,
    SL_S3_BUCKETS = 16,
    SL_S3_BASE64_BYTES = 48, /* of a SHA-256, with the NUL */
    SL_S3_UPLOAD_ID_BYTES = 2048,
    SL_S3_REPLY_BYTES = 64 * 1024, /* of an answer that is no listing */
    SL_S3_LIST_BYTES = 8 * 1024 * 1024
};

struct sl_s3_call;

struct sl_s3_lane {
    struct sl_http *http;
    struct sl_s3_call *waiting; /* for their next try */
    int in_flight;
};

struct sl_s3 {
    struct sl_store base;
    struct sl_arena *arena, *meta_arena;           /* of the options; of what the latest head gave out */
    const char *endpoint, *scheme, *host, *region; /* host with its port when that is not the scheme's */
    bool virtual_hosts, signs;
    struct sl_aws_credentials credentials;
    struct sl_http_options http_options;
    struct sl_retry_policy policy;
    int parallel;
    int64_t part_bytes;
    struct sl_s3_lane lanes[SL_S3_LANES];
    int depth;                                    /* lanes in use */
    bool checks_sums;                             /* it has answered with the SHA-256 of a body: it has checked it */
    char server[32];                              /* what it calls itself; "" until it has answered */
    char buckets[SL_S3_BUCKETS][SL_BUCKET_BYTES]; /* that were made or written to: those that sweep looks at */
    size_t n_buckets;
};

static inline struct sl_s3 *sl_s3__of(struct sl_store *store)
{
    return (struct sl_s3 *)(void *)store;
}

void sl_s3__remember_bucket(struct sl_s3 *s3, const char *bucket);

/* --- request.c --- */
struct sl_s3_call {
    /* What is asked. Strings are the call's arena's or outlive it. key NULL: the bucket; bucket NULL: the service. */
    struct sl_arena *arena;
    const char *verb; /* for messages: "read" */
    const char *method, *bucket, *key;
    struct sl_sigv4_query query[SL_S3_QUERY];
    size_t n_query;
    struct sl_http_header headers[SL_S3_HEADERS];
    size_t n_headers;
    const char *payload_hash; /* NULL: there is no body */
    struct sl_http_body body;
    size_t max_body;
    bool error_in_body; /* a 200 may turn out to be a failure */
    int (*on_head)(void *data, const struct sl_http_response *head, struct sl_error *err); /* of 2xx only */
    int (*sink)(void *data, const void *bytes, size_t n, struct sl_error *err);
    bool (*stop)(void *data);  /* as in net/http.h */
    bool once;                 /* one try, whatever happens */
    void (*again)(void *data); /* before a further try: what the sink got does not count */
    void (*sent)(void *data, int64_t bytes);
    void *data;
    /* How it ended: rc 0 is a 2xx. Otherwise status and code are the server's last words, or status is 0. */
    int rc;
    struct sl_error error;
    int status;
    char code[SL_S3_CODE_BYTES];
    const char *detail; /* the server's message, escaped; "" when it had none */
    const char *server_region;
    bool doubtful;                    /* an earlier try may have been carried out although its answer was lost */
    struct sl_http_transfer transfer; /* with the answer */
    /* request.c's own */
    struct sl_s3 *s3;
    struct sl_retry retry;
    int64_t due_ns;
    struct sl_s3_call *next;
};

int sl_s3__enter(struct sl_s3 *s3, struct sl_s3_lane **lane, struct sl_error *err);
/* Ends what is still under way. */
void sl_s3__leave(struct sl_s3 *s3, struct sl_s3_lane *lane);

void sl_s3__open_call(struct sl_s3 *s3, struct sl_s3_call *c, const char *verb, const char *method, const char *bucket,
                      const char *key);
void sl_s3__close_call(struct sl_s3_call *c); /* may be called on one that is all zero */
void sl_s3__query(struct sl_s3_call *c, const char *name, const char *value);
void sl_s3__header(struct sl_s3_call *c, const char *name, const char *value); /* copied; NULL value: nothing */
void sl_s3__bytes(struct sl_s3_call *c, const void *bytes, size_t n);          /* body, hashed here */

/* Starts a call; sl_s3__next gives it back when it is over. */
int sl_s3__begin(struct sl_s3_lane *lane, struct sl_s3_call *c, struct sl_error *err);
/* Runs until a call is over, its retries included, or timeout_ms has passed (-1: none); *done NULL when none is. */
int sl_s3__next(struct sl_s3_lane *lane, int timeout_ms, struct sl_s3_call **done, struct sl_error *err);
/* One call to its end, with nothing else on the lane. Returns c->rc. */
int sl_s3__perform(struct sl_s3_lane *lane, struct sl_s3_call *c, struct sl_error *err);
int sl_s3__sign_url(struct sl_s3 *s3, const char *method, const char *bucket, const char *key, int64_t expires_s,
                    struct sl_buf *url, struct sl_error *err);

/* --- reply.c --- what an answer says */
/* Fills c->status, code, detail, server_region. */
void sl_s3__read_error(struct sl_s3_call *c);
bool sl_s3__passes(const struct sl_s3_call *c); /* a failure that may pass */
/* The store's error for a call that was refused. */
int sl_s3__fail(const struct sl_s3_call *c, struct sl_error *err);
/* ETag, size and time of an answer's headers; SL_E_NET when there is no ETag. */
int sl_s3__info(const struct sl_s3_call *c, struct sl_object_info *info, struct sl_error *err);
bool sl_s3__etag(const char *text, char out[SL_ETAG_BYTES]); /* without its quotes; false for what is none */
int64_t sl_s3__http_date_ns(const char *text);               /* 0: not said */
int64_t sl_s3__iso_ns(const char *text);
void sl_s3__base64(const char sha256_hex[SL_SHA256_HEX_BYTES], char out[SL_S3_BASE64_BYTES]);
/* One text of an XML answer by its path, bounded; SL_E_NET when it is not there. */
int sl_s3__reply_text(const struct sl_s3_call *c, const char *path, char *out, size_t out_bytes, struct sl_error *err);

/* --- xml.c --- */
/* Calls `element` at the end of every element with the names from the root on ("A/B/C") and its text. No document type,
 * no entities but XML's own five, no more than 8 levels, 8 KiB of text and 65,536 elements: else SL_E_NET. */
int sl_s3__xml(const char *text, size_t n,
               int (*element)(void *data, const char *path, const char *text, struct sl_error *err), void *data,
               struct sl_error *err);

/* --- meta.c --- */
void sl_s3__put_meta(struct sl_s3_call *c, const struct sl_meta *meta);
/* Of an answer; strings in the arena. */
void sl_s3__get_meta(const struct sl_http_response *r, struct sl_arena *arena, struct sl_meta *meta);

/* --- put.c --- */
/* Where bytes come from: memory, or a file that is read by pread. */
struct sl_s3_source {
    const unsigned char *bytes; /* NULL: the file */
    int fd;
    const char *name;
    int64_t total;
};
/* What is put where. */
struct sl_s3_put {
    const char *bucket, *key;
    const struct sl_s3_source *source;
    const struct sl_put_options *options;
    const struct sl_http_header *carried; /* further headers of the object */
    size_t n_carried;
    bool if_absent;
    const char *if_match;
};
int sl_s3__hash(const struct sl_s3_source *source, char hex[SL_SHA256_HEX_BYTES], struct sl_error *err);
/* The body with its hash, in the signature and as a checksum, the signed header of which is enough for a server that is
 * known to check it, or has said so of this upload (checks_sums): it hashes once then. */
void sl_s3__set_body(struct sl_s3_call *c, const struct sl_s3_source *source, int64_t offset, int64_t n,
                     const char hex[SL_SHA256_HEX_BYTES], bool checks_sums, char checksum[SL_S3_BASE64_BYTES]);
/* Content type, metadata, carried headers. */
void sl_s3__describe(struct sl_s3_call *c, const struct sl_s3_put *put);
void sl_s3__conditions(struct sl_s3_call *c, const struct sl_s3_put *put);
/* For a put that was refused by its condition: the port's error. */
int sl_s3__refused(const struct sl_s3_put *put, struct sl_error *err);
bool sl_s3__is_refusal(const struct sl_s3_call *c, const struct sl_s3_put *put);
int sl_s3__wrong_hash(const struct sl_s3_put *put, const char *hex, struct sl_error *err);
/* After a try whose answer was lost: whether the object that is there is the one that was put, by size, checksum
 * (SHA-256 in Base64, "…-N" for parts) or else ETag, and metadata. */
int sl_s3__is_ours(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put, const char *checksum,
                   const char *etag, bool *ours, struct sl_object_info *info, struct sl_error *err);
/* A put in one request: opens the call (nothing to close on failure); `checksum` is the SHA-256 in Base64 that it
 * sends. */
int sl_s3__make_put(struct sl_s3 *s3, struct sl_s3_call *c, const struct sl_s3_put *put,
                    char checksum[SL_S3_BASE64_BYTES], struct sl_error *err);
/* What came of it, the lane being free again. */
int sl_s3__end_put(struct sl_s3 *s3, struct sl_s3_lane *lane, struct sl_s3_call *c, const struct sl_s3_put *put,
                   const char *checksum, struct sl_object_info *info_out, struct sl_error *err);
/* Whole, in one request or in parts. */
int sl_s3__put_source(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                      struct sl_object_info *info_out, struct sl_error *err);
int sl_s3__open_file(const char *path, struct sl_s3_source *source, struct sl_error *err);
int64_t sl_s3__single_most(const struct sl_s3 *s3); /* bytes that are put in one request */

/* --- ahead.c --- */
/* Threads that hash the parts of a source, which must outlive it, in order and at most `window` parts ahead of the one that
 * was asked for last; with `whole` also all of it. */
struct sl_s3_ahead;
int sl_s3__ahead_new(const struct sl_s3_source *source, int64_t part_bytes, int64_t n_parts, int window, bool whole,
                     struct sl_s3_ahead **out, struct sl_error *err);
void sl_s3__ahead_free(struct sl_s3_ahead *a); /* NULL is allowed */
/* The hash of a part, counted from 0; "" when it is not known yet and wait is false. */
int sl_s3__ahead_part(struct sl_s3_ahead *a, int64_t index, int window, bool wait, char hex[SL_SHA256_HEX_BYTES],
                      struct sl_error *err);
/* After the last part; waits. */
int sl_s3__ahead_whole(struct sl_s3_ahead *a, char hex[SL_SHA256_HEX_BYTES], struct sl_error *err);

/* --- multipart.c --- */
int sl_s3__multipart_put(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                         struct sl_object_info *info_out, struct sl_error *err);
/* The same with parts that the server copies from an object of that ETag; put->source has its size only. */
int sl_s3__multipart_copy(struct sl_s3 *s3, struct sl_s3_lane *lane, const struct sl_s3_put *put,
                          const char *copy_source, const char *etag, struct sl_object_info *info_out,
                          struct sl_error *err);
int sl_s3__abort_upload(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, const char *key,
                        const char *upload_id, struct sl_error *err);

/* --- operations --- */
int sl_s3__bucket_make(struct sl_store *s, const char *bucket, struct sl_error *err);
int sl_s3__bucket_exists(struct sl_store *s, const char *bucket, bool *exists, struct sl_error *err);
int sl_s3__probe(struct sl_store *s, struct sl_store_probe *out, struct sl_error *err);
int sl_s3__head(struct sl_store *s, const char *bucket, const char *key, struct sl_object_info *info,
                struct sl_meta *meta_out, struct sl_error *err);
int sl_s3__get(struct sl_store *s, const char *bucket, const char *key, int64_t offset, int64_t length,
               const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
               struct sl_error *err);
int sl_s3__get_file(struct sl_store *s, const char *bucket, const char *key, const char *if_match, int fd,
                    void (*written)(void *data, int64_t bytes), void *data, struct sl_object_info *info_out,
                    struct sl_error *err);
int sl_s3__put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
int sl_s3__put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
int sl_s3__put_many(struct sl_store *s, struct sl_put_item *items, size_t n, struct sl_error *err);
int sl_s3__get_many(struct sl_store *s, struct sl_get_item *items, size_t n, struct sl_error *err);
int sl_s3__copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                struct sl_error *err);
int sl_s3__remove(struct sl_store *s, const char *bucket, const char *key, struct sl_error *err);
int sl_s3__list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                sl_store_entry entry, void *data, struct sl_error *err);
int sl_s3__notify(struct sl_store *s, const char *bucket, const char *prefix, void (*ready)(void *data),
                  bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *err);
int sl_s3__sweep(struct sl_store *s, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err);
int sl_s3__sweep_uploads(struct sl_store *s, const char *bucket,
                         int (*leftover)(void *data, const char *key, struct sl_error *err), void *data,
                         int64_t *removed, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the engine's side of the store port: argument checks, whole-object helpers, opening by configuration. */
#ifndef SLUICE_STORE_STORE_H
#define SLUICE_STORE_STORE_H

#include <sluice/sys/store.h>

#include "base/buf.h"

/* Opens a directory tree as a store; makes `root` when it is missing. */
int sl_store_fs_open(const char *root, struct sl_store **out, struct sl_error *err);
/* An S3 store. Strings are copied. Nothing is asked of the server yet. */
struct sl_store_s3_options {
    const char *endpoint;  /* URL, "http://127.0.0.1:9000"; NULL: Amazon's of the region */
    const char *access_key, *secret_key, *session_token; /* access_key NULL: as net/sigv4.h finds them, else anonymous */
    const char *profile;   /* of ~/.aws; NULL: AWS_PROFILE or "default" */
    const char *region;    /* NULL: as the profile says, else us-east-1 */
    const char *ca_file;   /* NULL: the system's */
    int style;             /* 0: virtual for Amazon's hosts, else path; 1: path; 2: virtual */
    int parallel;          /* parts and requests at a time */
    int64_t part_bytes;
    int retries;
    int64_t timeout_ms, retry_deadline_ms;
};
int sl_store_s3_open(const struct sl_store_s3_options *options, struct sl_store **out, struct sl_error *err);
void sl_store_free(struct sl_store *store); /* NULL is allowed */

/* Each checks bucket and key (store.key), calls the backend and prefixes nothing: messages already name the key. */
int sl_store_bucket_make(struct sl_store *s, const char *bucket, struct sl_error *err);
int sl_store_head(struct sl_store *s, const char *bucket, const char *key, struct sl_object_info *info,
                  struct sl_meta *meta_out, struct sl_error *err);
int sl_store_get(struct sl_store *s, const char *bucket, const char *key, int64_t offset, int64_t length,
                 const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
                 struct sl_error *err);
int sl_store_put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
                 const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
int sl_store_put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                      const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
/* Many small objects, several at a time where the backend can. Every item is tried and has its rc and error; returns that
 * of the first that failed. */
int sl_store_put_many(struct sl_store *s, struct sl_put_item *items, size_t n, struct sl_error *err);
int sl_store_get_many(struct sl_store *s, struct sl_get_item *items, size_t n, struct sl_error *err);
int sl_store_copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                  const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                  struct sl_error *err);
int sl_store_remove(struct sl_store *s, const char *bucket, const char *key, struct sl_error *err);
int sl_store_list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after,
                  int64_t max_keys, sl_store_entry entry, void *data, struct sl_error *err);
int sl_store_sweep(struct sl_store *s, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err);
int sl_store_sweep_uploads(struct sl_store *s, const char *bucket,
                           int (*leftover)(void *data, const char *key, struct sl_error *err), void *data,
                           int64_t *removed, struct sl_error *err);
int sl_store_bucket_exists(struct sl_store *s, const char *bucket, bool *exists, struct sl_error *err);
int sl_store_presign(struct sl_store *s, const char *method, const char *bucket, const char *key, int64_t expires_s,
                     char *out, size_t out_bytes, struct sl_error *err);
int sl_store_notify(struct sl_store *s, const char *bucket, const char *prefix, void (*ready)(void *data),
                    bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *err);
int sl_store_probe(struct sl_store *s, struct sl_store_probe *out, struct sl_error *err);
bool sl_store_has(const struct sl_store *s, enum sl_store_feature feature);

/* The whole object into buf (which bounds it). */
int sl_store_read(struct sl_store *s, const char *bucket, const char *key, struct sl_buf *buf,
                  struct sl_object_info *info_out, struct sl_error *err);
/* The whole object into a new local file, hashed on the way (sha256_hex of SL_SHA256_HEX_BYTES;
 * NULL: not hashed). */
int sl_store_download(struct sl_store *s, const char *bucket, const char *key, const char *if_match, const char *path,
                      char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err);
/* Hashes the object without keeping it. */
int sl_store_hash(struct sl_store *s, const char *bucket, const char *key, const char *if_match, char *sha256_hex,
                  struct sl_object_info *info_out, struct sl_error *err);

void sl_meta_add(struct sl_meta *meta, const char *name, const char *value); /* borrowed strings */
const char *sl_meta_get(const struct sl_meta *meta, const char *name);       /* NULL when missing */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/store.h - the port to objects: buckets of keys, as S3 has them. For implementers of a backend; the engine calls
 * through store/store.h.
 *
 * A key is any UTF-8 string of 1 to 1,024 bytes without NUL. An ETag is opaque text that changes whenever the object's
 * bytes do; the same bytes put again may have the same one (SL_STORE_UNIQUE_ETAG). User metadata are pairs of lower-case ASCII names and printable UTF-8 values, 2 KiB in all as S3
 * servers count them: each name with "x-amz-meta-" before it, values that are not ASCII as encoded words (RFC 2047). Every put is
 * atomic and durable: after it returns, the object is there whole, also after a crash; before, the old one or none is.
 * Paths of local files are the engine's own, never from outside. Threads: one sl_store may be used by one thread at a
 * time.
 */
#ifndef SLUICE_SYS_STORE_H
#define SLUICE_SYS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

enum {
    SL_KEY_MAX_BYTES = 1024,
    SL_ETAG_BYTES = 128,
    SL_META_MAX_BYTES = 2048,
    SL_META_MAX_PAIRS = 16,
    SL_BUCKET_BYTES = 64
};

struct sl_meta_pair {
    const char *name, *value;
};

struct sl_meta {
    struct sl_meta_pair pairs[SL_META_MAX_PAIRS];
    size_t n;
};

/* What a backend lacks or does otherwise, each with a sentence in its CONTEXT.md. */
enum sl_store_feature {
    SL_STORE_NOTIFY = 1 << 0,      /* can stream notifications of new objects */
    SL_STORE_PRESIGN = 1 << 1,     /* can make URLs for others */
    SL_STORE_PREFIX_KEYS = 1 << 2, /* holds "a" and "a/b" at the same time */
    SL_STORE_LOCAL_PATH = 1 << 3,  /* local_path gives a file that can be read in place */
    SL_STORE_ANY_KEY = 1 << 4,     /* takes every key; else SL_E_STORE_KEY for those that the server behind it cannot hold */
    SL_STORE_UNIQUE_ETAG = 1 << 5  /* two puts of the same bytes have different ETags */
};

struct sl_object_info {
    char etag[SL_ETAG_BYTES];
    int64_t size_bytes;
    int64_t modified_ns; /* wall clock of the store; for display, never for decisions */
};

struct sl_put_options {
    const struct sl_meta *meta;    /* may be NULL */
    const char *content_type;      /* may be NULL */
    bool if_absent;                /* only when there is no such key: else SL_E_STORE_PRECONDITION */
    const char *if_match;          /* only when the ETag is this: else SL_E_STORE_PRECONDITION; may be NULL */
    const char *sha256_hex;        /* known hash of the bytes, checked on the way where the backend can; may be NULL */
    bool hashed_here; /* sha256_hex is of this very file, read a moment ago by this process: where nothing but a copy on the same
                         machine comes after, the backend need not read it again */
    void (*progress)(void *data, int64_t bytes_done, int64_t bytes_total); /* may be NULL */
    void *progress_data;
};

/* Returns 0 to go on, a negative code to stop (handed on to the caller). */
typedef int (*sl_store_sink)(void *data, const void *bytes, size_t n, struct sl_error *err);

struct sl_list_entry {
    const char *key;
    struct sl_object_info info;
};
/* What a server is and can do, for `sluice doctor`. */
struct sl_store_probe {
    char server[64];       /* "MinIO", "directory"; "" when it does not say */
    int64_t clock_ns;      /* its wall clock when it was asked; 0: has none of its own */
    int64_t free_bytes;    /* -1: not known */
};

typedef int (*sl_store_entry)(void *data, const struct sl_list_entry *entry, struct sl_error *err);

/* One of many small objects that are put together. */
struct sl_put_item {
    const char *bucket, *key;
    const void *bytes;      /* n of them, or the file at path when that is not NULL */
    size_t n;
    const char *path;
    const struct sl_put_options *options; /* may be NULL */
    struct sl_object_info *info_out;      /* may be NULL */
    int rc;                 /* filled: 0, or the code of `error` */
    struct sl_error error;
};

struct sl_buf;

/* One of many small objects that are read together. */
struct sl_get_item {
    const char *bucket, *key;
    const char *if_match;   /* may be NULL */
    struct sl_buf *buf;     /* bounds the object: a larger one is SL_E_LIMIT */
    struct sl_object_info *info_out; /* may be NULL */
    int rc;
    struct sl_error error;
};

struct sl_store {
    const struct sl_store_ops *ops;
    /* the implementation's own follows */
};

struct sl_store_ops {
    const char *name; /* "fs", "s3" */
    unsigned features;

    /* Must provide. Makes the bucket; an existing one is fine. */
    int (*bucket_make)(struct sl_store *store, const char *bucket, struct sl_error *err);
    /* Must provide. SL_E_STORE_NOT_FOUND when there is none (of bucket or key). meta_out may be NULL; its strings live
     * until the next call on this store. content types are kept but not returned. */
    int (*head)(struct sl_store *store, const char *bucket, const char *key, struct sl_object_info *info,
                struct sl_meta *meta_out, struct sl_error *err);
    /* Must provide. Streams bytes [offset, offset + length) into the sink; length -1: to the end. if_match may be NULL;
     * otherwise an object with another ETag, also one that changes in mid-read, is SL_E_STORE_CHANGED and never mixed
     * bytes. offset beyond the end: SL_E_STORE_RANGE. info_out may be NULL. */
    int (*get)(struct sl_store *store, const char *bucket, const char *key, int64_t offset, int64_t length,
               const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
               struct sl_error *err);
    /* May be NULL. The same for a whole object into a file that is open for writing and empty, in any order; written
     * (may be NULL) is told how many bytes from the beginning on are there. On failure the file holds anything. */
    int (*get_file)(struct sl_store *store, const char *bucket, const char *key, const char *if_match, int fd,
                    void (*written)(void *data, int64_t bytes), void *data, struct sl_object_info *info_out,
                    struct sl_error *err);
    /* Must provide. info_out may be NULL. */
    int (*put)(struct sl_store *store, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
    /* Must provide. The same from a local file, streamed. */
    int (*put_file)(struct sl_store *store, const char *bucket, const char *key, const char *path,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
    /* May provide; if absent, one after the other. Puts all, several at a time; each item has its own rc and error, and one
     * that fails does not keep the others from being put. Returns what could not even begin. */
    int (*put_many)(struct sl_store *store, struct sl_put_item *items, size_t n, struct sl_error *err);
    /* May provide; if absent, one after the other. The same for whole small objects into buffers. */
    int (*get_many)(struct sl_store *store, struct sl_get_item *items, size_t n, struct sl_error *err);
    /* Must provide. Within the store, metadata kept unless options->meta is given; if_absent applies to the target,
     * if_match to the source. */
    int (*copy)(struct sl_store *store, const char *from_bucket, const char *from_key, const char *to_bucket,
                const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                struct sl_error *err);
    /* Must provide. A missing key is fine. */
    int (*remove)(struct sl_store *store, const char *bucket, const char *key, struct sl_error *err);
    /* Must provide. Calls `entry` for each key with the prefix, in bytewise order of keys, those after start_after (may
     * be NULL) first, at most max_keys (0: all). Objects put while it lists may or may not be seen. */
    int (*list)(struct sl_store *store, const char *bucket, const char *prefix, const char *start_after,
                int64_t max_keys, sl_store_entry entry, void *data, struct sl_error *err);
    /* May provide (SL_STORE_LOCAL_PATH); if absent, callers download. A path of an open-able file that holds exactly
     * the object's bytes; the caller checks the ETag after reading. */
    int (*local_path)(struct sl_store *store, const char *bucket, const char *key, char *out, size_t out_bytes,
                      struct sl_error *err);
    /* May provide; if absent, nothing to clean. Removes temporary files and unfinished uploads older than age_s;
     * *removed counts them. dry_run only counts. */
    int (*sweep)(struct sl_store *store, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err);
    /* May provide; if absent, nothing to clean. Ends the unfinished uploads of one bucket for which `leftover`, asked after
     * the upload was listed, says 1 (0: it stays; negative: stop). It may call this store. *removed counts them. */
    int (*sweep_uploads)(struct sl_store *store, const char *bucket,
                         int (*leftover)(void *data, const char *key, struct sl_error *err), void *data, int64_t *removed,
                         struct sl_error *err);
    /* Must provide. Whether there is such a bucket, that we may see. */
    int (*bucket_exists)(struct sl_store *store, const char *bucket, bool *exists, struct sl_error *err);
    /* May provide (SL_STORE_PRESIGN). A URL that lets whoever has it do `method` (GET or PUT) with the object for that many
     * seconds (at most 604,800), without other credentials. */
    int (*presign)(struct sl_store *store, const char *method, const char *bucket, const char *key, int64_t expires_s,
                   char *out, size_t out_bytes, struct sl_error *err);
    /* May provide (SL_STORE_NOTIFY). Blocks and calls `entry` for each object that is created under the prefix from now on,
     * until `stop` (asked at least four times a second) says so (returns 0), or the stream ends (SL_E_STORE_UNAVAILABLE:
     * try again later). SL_E_STORE_DENIED: this server has no such stream, or not for us; asking again is useless. `ready`
     * is called once the stream stands: what is created from then on is told. Notifications may be lost: a listing is the
     * truth. `entry` may call the store. */
    int (*notify)(struct sl_store *store, const char *bucket, const char *prefix, void (*ready)(void *data),
                  bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *err);
    /* Must provide. Asks the server. */
    int (*probe)(struct sl_store *store, struct sl_store_probe *out, struct sl_error *err);

    /* Must provide; NULL is allowed. */
    void (*free)(struct sl_store *store);
};

#endif

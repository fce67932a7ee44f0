/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fs.h - what the files of this folder share. Nobody outside includes it.
 *
 * A key becomes a relative path `rel` under its bucket's folder (key.c). Folders are opened component by component with
 * O_NOFOLLOW, so that neither a key nor a link that somebody put into a bucket leads out of the root. Functions that
 * return "an errno" return 0 or a positive errno and leave the message to their caller.
 */
#ifndef SLUICE_STORE_FS_FS_H
#define SLUICE_STORE_FS_FS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include <sluice/sys/store.h>

#include "base/arena.h"
#include "base/sha256.h"

enum { SL_FS_REL_BYTES = PATH_MAX, SL_FS_TAG_BYTES = 40, SL_FS_META_NAME_BYTES = SL_SHA256_HEX_BYTES + SL_FS_TAG_BYTES };

struct sl_fs {
    struct sl_store base;
    char *root; /* absolute */
    int root_fd, tmp_fd, meta_fd, lock_fd;
    struct sl_arena *meta_arena; /* what the latest head gave out */
};

static inline struct sl_fs *sl_fs__of(struct sl_store *store)
{
    return (struct sl_fs *)(void *)store;
}

/* Where an object is, and the folder of its bucket. */
struct sl_fs_object {
    const char *bucket, *key;
    int bucket_fd;
    char rel[SL_FS_REL_BYTES];
    char id[SL_SHA256_HEX_BYTES]; /* hash of bucket and key: names its lock and metadata */
};

/* --- key.c --- */
/* The path of a key (or of its first `bytes`); false when it does not fit. */
bool sl_fs__encode(const char *key, size_t bytes, char *rel, size_t rel_bytes);
/* The component of a key that an encoded name (continued names joined) stands for; out holds as many bytes as name.
 * False when no key has this name. */
bool sl_fs__decode(const char *name, char *out);
/* True for the folder of a name that goes on in it; *bytes is the part before the mark. */
bool sl_fs__continues(const char *name, size_t *bytes);
extern const char sl_fs__mark[]; /* "%+" */

/* --- fs.c --- */
int sl_fs__open_object(struct sl_fs *fs, const char *bucket, const char *key, struct sl_fs_object *o,
                       struct sl_error *err);
void sl_fs__close_object(struct sl_fs_object *o);
int sl_fs__open_bucket(struct sl_fs *fs, const char *bucket, int *fd, struct sl_error *err);
/* Opens the folder at rel ("" is the bucket); `make` makes what is missing. An errno. */
int sl_fs__open_folder(int bucket_fd, const char *rel, size_t bytes, bool make, int *fd);
/* Opens the folder that rel is in; *leaf is the name in it. An errno. */
int sl_fs__open_parent(int bucket_fd, const char *rel, bool make, int *fd, const char **leaf);
/* Stats the object; ENOENT also for what is not a regular file. An errno. */
int sl_fs__stat(const struct sl_fs_object *o, struct stat *st);
/* Opens the object for reading and stats it. An errno. */
int sl_fs__open_read(const struct sl_fs_object *o, int *fd, struct stat *st);
void sl_fs__info(const struct stat *st, struct sl_object_info *info);
bool sl_fs__same(const struct stat *a, const struct stat *b);
/* Store codes for system errors: not_found, denied, key, disk.full, io. */
int sl_fs__fail(struct sl_error *err, int error, const char *verb, const char *bucket, const char *key);
/* Takes the lock of a key, between threads and processes; the descriptor's close releases it. */
int sl_fs__lock(struct sl_fs *fs, const char *id, int *fd, struct sl_error *err);

/* --- meta.c --- metadata of an object's present bytes, in a file of its own named by id and tag --- */
struct sl_fs_props {
    struct sl_meta meta;
    const char *content_type; /* NULL: none */
};
/* The part of an ETag that survives a backup: size and time. Names the metadata. */
void sl_fs__tag(const struct stat *st, char tag[SL_FS_TAG_BYTES]);
int sl_fs__meta_write(struct sl_fs *fs, const struct sl_fs_object *o, const char *tag, const struct sl_fs_props *props,
                      struct sl_error *err);
/* *found false when there is none. Strings in the arena. */
int sl_fs__meta_read(struct sl_fs *fs, const char *id, const char *tag, struct sl_arena *arena,
                     struct sl_fs_props *props, bool *found, struct sl_error *err);
void sl_fs__meta_remove(struct sl_fs *fs, const char *id, const char *tag);
/* Bucket and rel that a metadata file was written for; false when it cannot be read. */
bool sl_fs__meta_owner(struct sl_fs *fs, const char *file, struct sl_arena *arena, const char **bucket,
                       const char **rel);

/* --- put.c, list.c, sweep.c --- */
int sl_fs__put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
int sl_fs__put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err);
int sl_fs__copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                struct sl_error *err);
int sl_fs__list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                sl_store_entry entry, void *data, struct sl_error *err);
int sl_fs__sweep(struct sl_store *s, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err);

#endif

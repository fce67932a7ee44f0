/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How bytes get in: into a temporary file on the same file system, synced; then, under the key's lock, the conditions
 * are checked, metadata written, the file renamed into place, and every folder from it up to the bucket synced. Not only
 * the folders that this put made: another process may have made them a moment ago and not synced them yet.
 */
#include "store/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/uuid7.h"
#include "store/follow.h"

enum { BLOCK_BYTES = 256 * 1024, MAKE_TRIES = 100, FOLLOWED_BYTES = 4 << 20 };

/* Where the bytes come from: memory, or a descriptor of `total` bytes. */
struct source {
    const void *bytes;
    int fd; /* -1: memory */
    int64_t total;
    const char *name; /* for messages */
};

struct put {
    struct sl_fs *fs;
    struct sl_fs_object o;
    const struct sl_put_options *options;
    bool if_absent;
    const char *if_match;
    struct sl_fs_props props;
    char temporary[SL_UUID_TEXT_BYTES];
    int fd; /* of the temporary file */
    struct stat old;
    bool has_old;
};

static int look_at_old(struct put *p, struct sl_error *err)
{
    int error = sl_fs__stat(&p->o, &p->old);
    if (error && error != ENOENT)
        return sl_fs__fail(err, error, "put", p->o.bucket, p->o.key);
    p->has_old = error == 0;
    return 0;
}

static int exists_already(const struct put *p, struct sl_error *err)
{
    return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s exists already", p->o.bucket, p->o.key);
}

static int check_conditions(struct put *p, struct sl_error *err)
{
    int rc = look_at_old(p, err);
    if (rc)
        return rc;
    if (p->if_absent && p->has_old)
        return exists_already(p, err);
    if (!p->if_match)
        return 0;
    if (!p->has_old)
        return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s does not exist (expected etag %s)", p->o.bucket, p->o.key,
                       p->if_match);
    struct sl_object_info info;
    sl_fs__info(&p->old, &info);
    if (strcmp(info.etag, p->if_match) != 0)
        return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s has etag %s, expected %s", p->o.bucket, p->o.key, info.etag,
                       p->if_match);
    return 0;
}

static int write_block(struct put *p, struct sl_sha256 *hash, const void *bytes, size_t n, struct sl_error *err)
{
    if (hash)
        sl_sha256_update(hash, bytes, n);
    int rc = sl_file_write_all(p->fd, bytes, n, err);
    if (rc)
        sl_error_prefix(err, "%s/%s", p->o.bucket, p->o.key);
    return rc;
}

static void report(const struct put *p, int64_t done, int64_t total)
{
    if (p->options->progress)
        p->options->progress(p->options->progress_data, done, total);
}

/* hash and follow: one of them or none. */
static int write_from_fd(struct put *p, const struct source *from, struct sl_sha256 *hash, struct sl_follow *follow,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_freep) char *block = sl_xmalloc(BLOCK_BYTES);
    int64_t done = 0;
    for (;;) {
        ssize_t n = pread(from->fd, block, BLOCK_BYTES, done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_fail_errno(err, errno, "cannot read %s", from->name);
        if (n == 0)
            return 0;
        int rc = write_block(p, hash, block, (size_t)n, err);
        if (rc)
            return rc;
        done += n;
        if (follow)
            sl_follow_written(follow, done);
        report(p, done, from->total > done ? from->total : done);
    }
}

static int check_hash(const struct put *p, const char *hex, struct sl_error *err)
{
    const char *wanted = p->options->sha256_hex;
    return !strcmp(hex, wanted) ? 0
                                : sl_fail(err, SL_E_FILE_CHECKSUM, "%s/%s: the bytes have sha256 %s, expected %s", p->o.bucket,
                                          p->o.key, hex, wanted);
}

/* A thread hashes what was written while more is. */
static int write_followed(struct put *p, const struct source *from, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    struct sl_follow *follow = NULL;
    int rc = sl_follow_new(p->fd, &follow, err);
    if (rc)
        return rc;
    rc = write_from_fd(p, from, NULL, follow, err);
    if (rc) {
        sl_follow_end(follow, NULL, NULL);
        return rc;
    }
    rc = sl_follow_end(follow, hex, err);
    return rc ? rc : check_hash(p, hex, err);
}

static int write_bytes(struct put *p, const struct source *from, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    const char *wanted = p->options->hashed_here ? NULL : p->options->sha256_hex;
    if (wanted && from->fd >= 0 && from->total >= FOLLOWED_BYTES)
        return write_followed(p, from, err);
    struct sl_sha256 *hash = wanted ? sl_sha256_new() : NULL;
    int rc;
    if (from->fd >= 0) {
        rc = write_from_fd(p, from, hash, NULL, err);
    } else {
        rc = write_block(p, hash, from->bytes, (size_t)from->total, err);
        if (rc == 0)
            report(p, from->total, from->total);
    }
    if (rc == 0 && hash) {
        sl_sha256_final(hash, hex);
        rc = check_hash(p, hex, err);
    }
    sl_sha256_free(hash);
    return rc;
}

/* A time that no earlier bytes of this key had, to the nanosecond: the kernel's own would be the same for all within a
 * tick. Then everything to the disk. */
static int stamp(struct put *p, struct sl_error *err)
{
    int64_t ns = sl_clock_wall_ns();
    if (p->has_old) {
        int64_t old_ns = (int64_t)p->old.st_mtim.tv_sec * SL_NS_PER_S + p->old.st_mtim.tv_nsec;
        if (ns <= old_ns)
            ns = old_ns + 1;
    }
    struct timespec t = {.tv_sec = ns / SL_NS_PER_S, .tv_nsec = ns % SL_NS_PER_S}, times[2] = {t, t};
    if (futimens(p->fd, times) != 0 || fsync(p->fd) != 0)
        return sl_fs__fail(err, errno, "put", p->o.bucket, p->o.key);
    return 0;
}

/* An errno. Empty folders that a crash left in the way of a name are removed. */
static int rename_into(struct put *p, int folder, const char *leaf)
{
    for (int tries = 0; tries < 2; tries++) {
        int rc = -1;
        errno = EINVAL;
        if (p->if_absent)
            rc = renameat2(p->fs->tmp_fd, p->temporary, folder, leaf, RENAME_NOREPLACE);
        /* Not every file system knows RENAME_NOREPLACE; the lock keeps other puts away all the same. */
        if (rc != 0 && (errno == EINVAL || errno == ENOSYS))
            rc = renameat(p->fs->tmp_fd, p->temporary, folder, leaf);
        if (rc == 0)
            return 0;
        struct stat st;
        int error = errno;
        bool in_the_way = (error == EISDIR || error == ENOTEMPTY || error == EEXIST) &&
                          fstatat(folder, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
        if (!in_the_way)
            return error;
        if (unlinkat(folder, leaf, AT_REMOVEDIR) != 0)
            return EISDIR;
    }
    return EISDIR;
}

static int move_into_place(struct put *p, struct sl_error *err)
{
    int error = ENOENT;
    /* A folder may be removed, being empty, between its making and the rename: then again. */
    for (int tries = 0; error == ENOENT && tries < MAKE_TRIES; tries++) {
        int folder;
        const char *leaf;
        error = sl_fs__open_parent(p->o.bucket_fd, p->o.rel, true, &folder, &leaf);
        if (error)
            continue;
        error = rename_into(p, folder, leaf);
        close(folder);
    }
    if (error == EEXIST)
        return exists_already(p, err);
    if (error == EISDIR) {
        int rc = sl_fail(err, SL_E_STORE_KEY, "cannot put %s/%s: there are keys below it", p->o.bucket, p->o.key);
        sl_error_hint(err, "this store cannot hold a key \"a\" beside a key \"a/b\"");
        return rc;
    }
    return error ? sl_fs__fail(err, error, "put", p->o.bucket, p->o.key) : 0;
}

static int sync_folders(const struct put *p, struct sl_error *err)
{
    const char *rel = p->o.rel;
    for (const char *end = strrchr(rel, '/');; end = memrchr(rel, '/', (size_t)(end - rel))) {
        int fd, error = sl_fs__open_folder(p->o.bucket_fd, rel, end ? (size_t)(end - rel) : 0, false, &fd);
        if (error == 0) {
            error = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
            close(fd);
        }
        if (error && error != ENOENT)
            return sl_fs__fail(err, error, "sync the folder of", p->o.bucket, p->o.key);
        if (!end)
            return 0;
    }
}

static int commit_locked(struct put *p, struct sl_object_info *info_out, struct sl_error *err)
{
    struct stat before = p->old, st;
    bool had = p->has_old;
    char tag[SL_FS_TAG_BYTES], old_tag[SL_FS_TAG_BYTES];
    int rc = check_conditions(p, err);
    /* Stamped again when another put came between, so that the time is new for the key whatever the clock does. */
    if (rc == 0 && p->has_old && !(had && sl_fs__same(&before, &p->old)))
        rc = stamp(p, err);
    if (rc == 0 && fstat(p->fd, &st) != 0)
        rc = sl_fs__fail(err, errno, "put", p->o.bucket, p->o.key);
    if (rc)
        return rc;
    sl_fs__tag(&st, tag);
    rc = sl_fs__meta_write(p->fs, &p->o, tag, &p->props, err);
    if (rc)
        return rc;
    rc = move_into_place(p, err);
    if (rc) {
        sl_fs__meta_remove(p->fs, p->o.id, tag);
        return rc;
    }
    rc = sync_folders(p, err);
    if (p->has_old) {
        sl_fs__tag(&p->old, old_tag);
        if (strcmp(tag, old_tag) != 0)
            sl_fs__meta_remove(p->fs, p->o.id, old_tag);
    }
    if (rc == 0 && info_out)
        sl_fs__info(&st, info_out);
    return rc;
}

static int commit(struct put *p, struct sl_object_info *info_out, struct sl_error *err)
{
    int lock, rc = sl_fs__lock(p->fs, p->o.id, &lock, err);
    if (rc)
        return rc;
    rc = commit_locked(p, info_out, err);
    close(lock);
    return rc;
}

/* `p` has its object, options and properties; *source_check (may be NULL) runs between the bytes and the commit. */
static int run_put(struct put *p, const struct source *from, int (*still_good)(void *data, struct sl_error *err),
                   void *data, struct sl_object_info *info_out, struct sl_error *err)
{
    /* Once before the bytes are written, for an early answer; it is the check under the lock that counts. */
    int rc = check_conditions(p, err);
    if (rc)
        return rc;
    sl_uuid7(p->temporary);
    p->fd = openat(p->fs->tmp_fd, p->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (p->fd < 0)
        return sl_fs__fail(err, errno == ENOENT ? EIO : errno, "put", p->o.bucket, p->o.key);
    rc = write_bytes(p, from, err);
    if (rc == 0 && still_good)
        rc = still_good(data, err);
    if (rc == 0)
        rc = stamp(p, err);
    if (rc == 0)
        rc = commit(p, info_out, err);
    close(p->fd);
    if (rc)
        unlinkat(p->fs->tmp_fd, p->temporary, 0);
    return rc;
}

static void take_options(struct put *p, struct sl_fs *fs, const struct sl_put_options *options)
{
    *p = (struct put){.fs = fs, .options = options, .if_absent = options->if_absent};
    p->props.content_type = options->content_type;
    if (options->meta)
        p->props.meta = *options->meta;
}

int sl_fs__put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
               const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    struct put p;
    const struct source from = {.bytes = bytes, .fd = -1, .total = (int64_t)n};
    take_options(&p, sl_fs__of(s), options);
    p.if_match = options->if_match;
    int rc = sl_fs__open_object(p.fs, bucket, key, &p.o, err);
    if (rc)
        return rc;
    rc = run_put(&p, &from, NULL, NULL, info_out, err);
    sl_fs__close_object(&p.o);
    return rc;
}

int sl_fs__put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                    const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    struct put p;
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
    const struct source from = {.fd = fd, .total = st.st_size, .name = path};
    take_options(&p, sl_fs__of(s), options);
    p.if_match = options->if_match;
    int rc = sl_fs__open_object(p.fs, bucket, key, &p.o, err);
    if (rc == 0) {
        rc = run_put(&p, &from, NULL, NULL, info_out, err);
        sl_fs__close_object(&p.o);
    }
    close(fd);
    return rc;
}

/* A copy's source, and what it was when the copy began. */
struct copied {
    const struct sl_fs_object *o;
    int fd;
    struct stat st;
};

static int source_still_same(void *data, struct sl_error *err)
{
    const struct copied *c = data;
    struct stat now;
    if (fstat(c->fd, &now) != 0)
        return sl_fs__fail(err, errno, "read", c->o->bucket, c->o->key);
    if (!sl_fs__same(&c->st, &now))
        return sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changed while it was copied", c->o->bucket, c->o->key);
    return 0;
}

static int open_source(struct copied *c, const char *if_match, struct sl_error *err)
{
    int error = sl_fs__open_read(c->o, &c->fd, &c->st);
    if (error)
        return sl_fs__fail(err, error, "copy", c->o->bucket, c->o->key);
    struct sl_object_info info;
    sl_fs__info(&c->st, &info);
    if (!if_match || !strcmp(info.etag, if_match))
        return 0;
    close(c->fd);
    return sl_fail(err, SL_E_STORE_PRECONDITION, "%s/%s has etag %s, expected %s", c->o->bucket, c->o->key, info.etag,
                   if_match);
}

static int copy_from(struct sl_fs *fs, const struct sl_fs_object *from, const char *to_bucket, const char *to_key,
                     const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct copied c = {.o = from};
    struct sl_fs_props kept = {0};
    char tag[SL_FS_TAG_BYTES];
    struct put p;
    bool found = false;
    take_options(&p, fs, options);
    int rc = open_source(&c, options->if_match, err);
    if (rc)
        return rc;
    sl_fs__tag(&c.st, tag);
    rc = sl_fs__meta_read(fs, from->id, tag, arena, &kept, &found, err);
    /* None may also mean that a put has just replaced the object and taken the metadata of these bytes away. */
    struct stat now;
    if (rc == 0 && !found && (sl_fs__stat(from, &now) != 0 || !sl_fs__same(&now, &c.st)))
        rc = sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changed while it was copied", from->bucket, from->key);
    if (!options->meta)
        p.props.meta = kept.meta;
    if (!options->content_type)
        p.props.content_type = kept.content_type;
    if (rc == 0)
        rc = sl_fs__open_object(fs, to_bucket, to_key, &p.o, err);
    if (rc == 0) {
        const struct source bytes = {.fd = c.fd, .total = c.st.st_size, .name = from->key};
        rc = run_put(&p, &bytes, source_still_same, &c, info_out, err);
        sl_fs__close_object(&p.o);
    }
    close(c.fd);
    return rc;
}

int sl_fs__copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(s);
    struct sl_fs_object from;
    int rc = sl_fs__open_object(fs, from_bucket, from_key, &from, err);
    if (rc)
        return rc;
    rc = copy_from(fs, &from, to_bucket, to_key, options, info_out, err);
    sl_fs__close_object(&from);
    return rc;
}

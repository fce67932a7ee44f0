/* SPDX-License-Identifier: Apache-2.0 */
#include "store/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

enum { READ_BLOCK = 256 * 1024, HEAD_TRIES = 100 };

int sl_fs__fail(struct sl_error *err, int error, const char *verb, const char *bucket, const char *key)
{
    switch (error) {
    case ENOENT:
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "%s/%s does not exist", bucket, key);
    case EACCES:
    case EPERM:
    case EROFS:
        return sl_fail(err, SL_E_STORE_DENIED, "cannot %s %s/%s: %s", verb, bucket, key, strerror(error));
    case ENOTDIR:
    case ELOOP: {
        int rc = sl_fail(err, SL_E_STORE_KEY, "cannot %s %s/%s: a part of the key is an object, or a link", verb, bucket,
                         key);
        sl_error_hint(err, "this store cannot hold a key \"a\" beside a key \"a/b\", and follows no links");
        return rc;
    }
    default:
        return sl_fail_errno(err, error, "cannot %s %s/%s", verb, bucket, key);
    }
}

int sl_fs__open_bucket(struct sl_fs *fs, const char *bucket, int *fd, struct sl_error *err)
{
    int got = openat(fs->root_fd, bucket, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (got >= 0) {
        *fd = got;
        return 0;
    }
    if (errno == ENOENT)
        return sl_fail(err, SL_E_STORE_NOT_FOUND, "the bucket %s does not exist", bucket);
    if (errno == EACCES)
        return sl_fail(err, SL_E_STORE_DENIED, "cannot open the bucket %s: %s", bucket, strerror(errno));
    return sl_fail_errno(err, errno, "cannot open the bucket %s", bucket);
}

int sl_fs__open_folder(int bucket_fd, const char *rel, size_t bytes, bool make, int *fd)
{
    int at = fcntl(bucket_fd, F_DUPFD_CLOEXEC, 0), error = at < 0 ? errno : 0;
    char name[NAME_MAX + 1];
    for (size_t i = 0; error == 0 && i < bytes;) {
        const char *slash = memchr(rel + i, '/', bytes - i);
        size_t n = slash ? (size_t)(slash - rel) - i : bytes - i;
        memcpy(name, rel + i, n);
        name[n] = '\0';
        i += n + 1;
        if (make && mkdirat(at, name, 0777) != 0 && errno != EEXIST)
            error = errno;
        int next = error ? -1 : openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && error == 0)
            error = errno;
        close(at);
        at = next;
    }
    if (error == 0)
        *fd = at;
    return error;
}

int sl_fs__open_parent(int bucket_fd, const char *rel, bool make, int *fd, const char **leaf)
{
    const char *slash = strrchr(rel, '/');
    *leaf = slash ? slash + 1 : rel;
    return sl_fs__open_folder(bucket_fd, rel, slash ? (size_t)(slash - rel) : 0, make, fd);
}

/* Nothing below a file or a link is an object of ours. */
static int absent(int error)
{
    return error == ENOTDIR || error == ELOOP ? ENOENT : error;
}

int sl_fs__stat(const struct sl_fs_object *o, struct stat *st)
{
    int fd;
    const char *leaf;
    int error = sl_fs__open_parent(o->bucket_fd, o->rel, false, &fd, &leaf);
    if (error)
        return absent(error);
    if (fstatat(fd, leaf, st, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno;
    else if (!S_ISREG(st->st_mode))
        error = ENOENT;
    close(fd);
    return error;
}

int sl_fs__open_read(const struct sl_fs_object *o, int *fd, struct stat *st)
{
    int folder;
    const char *leaf;
    int error = sl_fs__open_parent(o->bucket_fd, o->rel, false, &folder, &leaf);
    if (error)
        return absent(error);
    /* O_NONBLOCK: a FIFO that somebody put there must not hang the reader. */
    int got = openat(folder, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    error = got < 0 ? absent(errno) : 0;
    close(folder);
    if (error)
        return error == ENXIO ? ENOENT : error;
    if (fstat(got, st) != 0)
        error = errno;
    else if (!S_ISREG(st->st_mode))
        error = ENOENT;
    if (error)
        close(got);
    else
        *fd = got;
    return error;
}

bool sl_fs__same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void sl_fs__info(const struct stat *st, struct sl_object_info *info)
{
    char tag[SL_FS_TAG_BYTES];
    sl_fs__tag(st, tag);
    /* The inode tells apart a file that was moved over another of the same size and time. */
    snprintf(info->etag, sizeof info->etag, "%s-%llx", tag, (unsigned long long)st->st_ino);
    info->size_bytes = st->st_size;
    info->modified_ns = (int64_t)st->st_mtim.tv_sec * SL_NS_PER_S + st->st_mtim.tv_nsec;
}

int sl_fs__open_object(struct sl_fs *fs, const char *bucket, const char *key, struct sl_fs_object *o,
                       struct sl_error *err)
{
    char both[SL_BUCKET_BYTES + SL_KEY_MAX_BYTES + 2];
    o->bucket = bucket;
    o->key = key;
    if (!sl_fs__encode(key, strlen(key), o->rel, sizeof o->rel))
        return sl_fail(err, SL_E_STORE_KEY, "%s/%s is too long a key", bucket, key);
    int n = snprintf(both, sizeof both, "%s/%s", bucket, key);
    sl_sha256_of(both, (size_t)n, o->id);
    return sl_fs__open_bucket(fs, bucket, &o->bucket_fd, err);
}

void sl_fs__close_object(struct sl_fs_object *o)
{
    close(o->bucket_fd);
}

int sl_fs__lock(struct sl_fs *fs, const char *id, int *fd, struct sl_error *err)
{
    /* 256 locks for all keys: they are held for a rename, not while bytes are written. */
    char name[] = {id[0], id[1], '\0'};
    int got = openat(fs->lock_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (got < 0)
        return sl_fs__fail(err, errno == ENOENT ? EIO : errno, "open", ".sluice/lock", name);
    while (flock(got, LOCK_EX) != 0) {
        if (errno != EINTR) {
            int rc = sl_fail_errno(err, errno, "cannot lock %s/.sluice/lock/%s", fs->root, name);
            close(got);
            return rc;
        }
    }
    *fd = got;
    return 0;
}

static int fs_bucket_make(struct sl_store *store, const char *bucket, struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(store);
    int fd;
    if (mkdirat(fs->root_fd, bucket, 0777) != 0 && errno != EEXIST)
        return sl_fs__fail(err, errno == ENOENT ? EIO : errno, "make the bucket in", fs->root, bucket);
    if (fsync(fs->root_fd) != 0 && errno != EINVAL)
        return sl_fail_errno(err, errno, "cannot sync %s", fs->root);
    int rc = sl_fs__open_bucket(fs, bucket, &fd, err);
    if (rc == 0)
        close(fd);
    return rc;
}

/* Metadata that belong to the bytes of `st`: when there are none, the object must not have been replaced meanwhile. */
static int head_meta(struct sl_fs *fs, const struct sl_fs_object *o, struct stat *st, struct sl_meta *meta_out,
                     struct sl_error *err)
{
    for (int i = 0; i < HEAD_TRIES; i++) {
        char tag[SL_FS_TAG_BYTES];
        struct sl_fs_props props = {0};
        struct stat now;
        bool found = false;
        sl_fs__tag(st, tag);
        int rc = sl_fs__meta_read(fs, o->id, tag, fs->meta_arena, &props, &found, err);
        if (rc)
            return rc;
        int error = found ? 0 : sl_fs__stat(o, &now);
        if (error)
            return sl_fs__fail(err, error, "read", o->bucket, o->key);
        if (found || sl_fs__same(st, &now)) {
            *meta_out = props.meta;
            return 0;
        }
        *st = now;
    }
    return sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changes faster than it can be read", o->bucket, o->key);
}

static int fs_head(struct sl_store *store, const char *bucket, const char *key, struct sl_object_info *info,
                   struct sl_meta *meta_out, struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(store);
    struct sl_fs_object o;
    struct stat st;
    int rc = sl_fs__open_object(fs, bucket, key, &o, err);
    if (rc)
        return rc;
    int error = sl_fs__stat(&o, &st);
    if (error)
        rc = sl_fs__fail(err, error, "read", bucket, key);
    if (rc == 0 && meta_out) {
        sl_arena_free(fs->meta_arena);
        fs->meta_arena = sl_arena_new();
        rc = head_meta(fs, &o, &st, meta_out, err);
    }
    if (rc == 0 && info)
        sl_fs__info(&st, info);
    sl_fs__close_object(&o);
    return rc;
}

static int changed(const struct sl_fs_object *o, struct sl_error *err)
{
    return sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changed while it was read", o->bucket, o->key);
}

static int stream(const struct sl_fs_object *o, int fd, const struct stat *st, int64_t offset, int64_t length,
                  sl_store_sink sink, void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) char *block = sl_xmalloc(READ_BLOCK);
    int64_t left = st->st_size - offset;
    if (length >= 0 && length < left)
        left = length;
    while (left > 0) {
        ssize_t n = pread(fd, block, left < READ_BLOCK ? (size_t)left : READ_BLOCK, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_fs__fail(err, errno, "read", o->bucket, o->key);
        if (n == 0)
            return changed(o, err);
        int rc = sink(data, block, (size_t)n, err);
        if (rc)
            return rc;
        offset += n;
        left -= n;
    }
    /* The descriptor stays on the file that was opened: one renamed over it does not matter, one written into does. */
    struct stat now;
    if (fstat(fd, &now) != 0)
        return sl_fs__fail(err, errno, "read", o->bucket, o->key);
    return sl_fs__same(st, &now) ? 0 : changed(o, err);
}

static int fs_get(struct sl_store *store, const char *bucket, const char *key, int64_t offset, int64_t length,
                  const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
                  struct sl_error *err)
{
    struct sl_fs_object o;
    struct sl_object_info info;
    struct stat st;
    int fd = -1, rc = sl_fs__open_object(sl_fs__of(store), bucket, key, &o, err);
    if (rc)
        return rc;
    int error = sl_fs__open_read(&o, &fd, &st);
    if (error) {
        rc = sl_fs__fail(err, error, "read", bucket, key);
    } else {
        sl_fs__info(&st, &info);
        if (if_match && strcmp(if_match, info.etag) != 0)
            rc = sl_fail(err, SL_E_STORE_CHANGED, "%s/%s is not what it was (etag %s, expected %s)", bucket, key,
                         info.etag, if_match);
        else if (offset > info.size_bytes)
            rc = sl_fail(err, SL_E_STORE_RANGE, "%s/%s has %lld bytes, none at %lld", bucket, key,
                         (long long)info.size_bytes, (long long)offset);
        else
            rc = stream(&o, fd, &st, offset, length, sink, data, err);
        close(fd);
    }
    sl_fs__close_object(&o);
    if (rc == 0 && info_out)
        *info_out = info;
    return rc;
}

/* Removes the folders that have become empty, from the inside out; stops at the first that is not. */
static void prune(const struct sl_fs_object *o)
{
    char rel[SL_FS_REL_BYTES];
    memcpy(rel, o->rel, strlen(o->rel) + 1);
    for (char *slash; (slash = strrchr(rel, '/'));) {
        int fd;
        const char *leaf;
        *slash = '\0';
        if (sl_fs__open_parent(o->bucket_fd, rel, false, &fd, &leaf) != 0)
            return;
        bool gone = unlinkat(fd, leaf, AT_REMOVEDIR) == 0;
        if (gone)
            fsync(fd);
        close(fd);
        if (!gone)
            return;
    }
}

/* With the key's lock held. */
static int unlink_object(struct sl_fs *fs, const struct sl_fs_object *o, struct sl_error *err)
{
    struct stat st;
    const char *leaf;
    int folder, error = sl_fs__stat(o, &st);
    if (error == 0)
        error = sl_fs__open_parent(o->bucket_fd, o->rel, false, &folder, &leaf);
    if (error == ENOENT)
        return 0;
    if (error)
        return sl_fs__fail(err, error, "remove", o->bucket, o->key);
    if (unlinkat(folder, leaf, 0) != 0 && errno != ENOENT)
        error = errno;
    else if (fsync(folder) != 0 && errno != EINVAL)
        error = errno;
    close(folder);
    if (error)
        return sl_fs__fail(err, error, "remove", o->bucket, o->key);
    char tag[SL_FS_TAG_BYTES];
    sl_fs__tag(&st, tag);
    sl_fs__meta_remove(fs, o->id, tag);
    prune(o);
    return 0;
}

static int fs_remove(struct sl_store *store, const char *bucket, const char *key, struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(store);
    struct sl_fs_object o;
    int lock, rc = sl_fs__open_object(fs, bucket, key, &o, err);
    if (rc)
        return rc;
    rc = sl_fs__lock(fs, o.id, &lock, err);
    if (rc == 0) {
        rc = unlink_object(fs, &o, err);
        close(lock);
    }
    sl_fs__close_object(&o);
    return rc;
}

static int fs_local_path(struct sl_store *store, const char *bucket, const char *key, char *out, size_t out_bytes,
                         struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(store);
    struct sl_fs_object o;
    struct stat st;
    int rc = sl_fs__open_object(fs, bucket, key, &o, err);
    if (rc)
        return rc;
    int error = sl_fs__stat(&o, &st);
    sl_fs__close_object(&o);
    if (error)
        return sl_fs__fail(err, error, "read", bucket, key);
    if (strlen(fs->root) + strlen(bucket) + strlen(o.rel) + 3 > out_bytes)
        return sl_fail(err, SL_E_LIMIT, "the path of %s/%s is longer than %zu bytes", bucket, key, out_bytes);
    snprintf(out, out_bytes, "%s/%s/%s", fs->root, bucket, o.rel);
    return 0;
}

static int fs_bucket_exists(struct sl_store *store, const char *bucket, bool *exists, struct sl_error *err)
{
    int fd, rc = sl_fs__open_bucket(sl_fs__of(store), bucket, &fd, err);
    if (rc == 0)
        close(fd);
    else if (rc == -SL_E_STORE_NOT_FOUND)
        sl_error_clear(err);
    else
        return rc;
    *exists = rc == 0;
    return 0;
}

static int fs_probe(struct sl_store *store, struct sl_store_probe *out, struct sl_error *err)
{
    const struct sl_fs *fs = sl_fs__of(store);
    struct statvfs st;
    if (fstatvfs(fs->root_fd, &st) != 0)
        return sl_fail_errno(err, errno, "cannot look at %s", fs->root);
    *out = (struct sl_store_probe){.server = "directory", .free_bytes = (int64_t)(st.f_bavail * st.f_frsize)};
    return 0;
}

static void fs_free(struct sl_store *store)
{
    if (!store)
        return;
    struct sl_fs *fs = sl_fs__of(store);
    const int fds[] = {fs->root_fd, fs->tmp_fd, fs->meta_fd, fs->lock_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    sl_arena_free(fs->meta_arena);
    free(fs->root);
    free(fs);
}

static const struct sl_store_ops fs_ops = {
    .name = "fs",
    .features = SL_STORE_LOCAL_PATH | SL_STORE_ANY_KEY | SL_STORE_UNIQUE_ETAG,
    .bucket_make = fs_bucket_make,
    .head = fs_head,
    .get = fs_get,
    .put = sl_fs__put,
    .put_file = sl_fs__put_file,
    .copy = sl_fs__copy,
    .remove = fs_remove,
    .list = sl_fs__list,
    .local_path = fs_local_path,
    .sweep = sl_fs__sweep,
    .bucket_exists = fs_bucket_exists,
    .probe = fs_probe,
    .free = fs_free,
};

static int open_own(struct sl_fs *fs, const char *name, int *fd, struct sl_error *err)
{
    if (mkdirat(fs->root_fd, name, 0777) != 0 && errno != EEXIST)
        return sl_fail_errno(err, errno, "cannot make %s/%s", fs->root, name);
    int got = openat(fs->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (got < 0)
        return sl_fail_errno(err, errno, "cannot open %s/%s", fs->root, name);
    *fd = got;
    return 0;
}

static int open_root(struct sl_fs *fs, const char *root, struct sl_error *err)
{
    int own = -1, rc = sl_dir_make(root, 0777, err);
    if (rc)
        return rc;
    fs->root = realpath(root, NULL);
    if (!fs->root)
        return sl_fail_errno(err, errno, "cannot open the store %s", root);
    fs->root_fd = open(fs->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fs->root_fd < 0)
        return sl_fail_errno(err, errno, "cannot open the store %s", root);
    rc = open_own(fs, ".sluice", &own, err);
    if (rc == 0)
        rc = open_own(fs, ".sluice/tmp", &fs->tmp_fd, err);
    if (rc == 0)
        rc = open_own(fs, ".sluice/meta", &fs->meta_fd, err);
    if (rc == 0)
        rc = open_own(fs, ".sluice/lock", &fs->lock_fd, err);
    if (rc == 0 && (fsync(own) != 0 || fsync(fs->root_fd) != 0) && errno != EINVAL)
        rc = sl_fail_errno(err, errno, "cannot sync the store %s", root);
    if (own >= 0)
        close(own);
    return rc;
}

int sl_store_fs_open(const char *root, struct sl_store **out, struct sl_error *err)
{
    struct sl_fs *fs = sl_xcalloc(1, sizeof *fs);
    fs->base.ops = &fs_ops;
    fs->root_fd = fs->tmp_fd = fs->meta_fd = fs->lock_fd = -1;
    int rc = open_root(fs, root, err);
    if (rc)
        fs_free(&fs->base);
    else
        *out = &fs->base;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What crashes leave behind: temporary files, and metadata of bytes that are no longer there. */
#include "store/fs/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

struct sweep {
    struct sl_fs *fs;
    int64_t before_ns;
    bool dry_run;
    int64_t removed;
};

static bool old_file(const struct sweep *s, int fd, const char *name)
{
    struct stat st;
    if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return false;
    /* The change time: a temporary file's modification time is set by hand just before it is renamed. */
    return (int64_t)st.st_ctim.tv_sec * SL_NS_PER_S + st.st_ctim.tv_nsec <= s->before_ns;
}

static void remove_one(struct sweep *s, int fd, const char *name)
{
    if (s->dry_run || unlinkat(fd, name, 0) == 0)
        s->removed++;
}

static int sweep_temporary(struct sweep *s, int fd, const char *name, struct sl_error *err)
{
    (void)err;
    if (old_file(s, fd, name))
        remove_one(s, fd, name);
    return 0;
}

/* True when the object that the metadata were written for has the bytes of their tag. */
static bool in_use(struct sweep *s, const char *name, const char *bucket, const char *rel)
{
    struct sl_fs_object o = {.bucket = bucket, .key = rel};
    struct stat st;
    char tag[SL_FS_TAG_BYTES];
    if (strlen(rel) >= sizeof o.rel)
        return false;
    memcpy(o.rel, rel, strlen(rel) + 1);
    o.bucket_fd = openat(s->fs->root_fd, bucket, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (o.bucket_fd < 0)
        return errno != ENOENT;
    int error = sl_fs__stat(&o, &st);
    close(o.bucket_fd);
    if (error)
        return error != ENOENT;
    sl_fs__tag(&st, tag);
    return sl_text_ends(name, tag) && name[strlen(name) - strlen(tag) - 1] == '-';
}

static int sweep_meta(struct sweep *s, int fd, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *bucket, *rel;
    if (strlen(name) < SL_SHA256_HEX_BYTES + 2 || !old_file(s, fd, name) ||
        !sl_fs__meta_owner(s->fs, name, arena, &bucket, &rel) || in_use(s, name, bucket, rel))
        return 0;
    int lock, rc = sl_fs__lock(s->fs, name, &lock, err);
    if (rc)
        return rc;
    /* Under the lock no put is between writing metadata and renaming the object. */
    if (!in_use(s, name, bucket, rel))
        remove_one(s, fd, name);
    close(lock);
    return 0;
}

static int each(struct sweep *s, int folder_fd, int (*fn)(struct sweep *s, int fd, const char *name, struct sl_error *err),
                struct sl_error *err)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return sl_fail_errno(err, saved, "cannot list %s/.sluice", s->fs->root);
    }
    int rc = 0;
    struct dirent *e;
    while (rc == 0 && (e = readdir(dir)))
        if (e->d_name[0] != '.')
            rc = fn(s, fd, e->d_name, err);
    closedir(dir);
    return rc;
}

static int sweep_meta_folder(struct sweep *s, int fd, const char *name, struct sl_error *err)
{
    int folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return 0;
    int rc = each(s, folder, sweep_meta, err);
    close(folder);
    return rc;
}

int sl_fs__sweep(struct sl_store *store, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err)
{
    struct sl_fs *fs = sl_fs__of(store);
    struct sweep s = {.fs = fs, .before_ns = sl_clock_wall_ns() - age_s * SL_NS_PER_S, .dry_run = dry_run};
    int rc = each(&s, fs->tmp_fd, sweep_temporary, err);
    if (rc == 0)
        rc = each(&s, fs->meta_fd, sweep_meta_folder, err);
    if (rc == 0)
        *removed = s.removed;
    return rc;
}

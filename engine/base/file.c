/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/uuid7.h"

enum { READ_BLOCK = 64 * 1024, REMOVE_MAX_DEPTH = 64 };

int sl_file_read(const char *path, struct sl_buf *buf, struct sl_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return sl_fail(err, SL_E_FILE_MISSING, "%s does not exist", path);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open %s", path);
    char *block = sl_xmalloc(READ_BLOCK);
    ssize_t n;
    while (((n = read(fd, block, READ_BLOCK)) > 0 || (n < 0 && errno == EINTR)) && !buf->overflow)
        if (n > 0)
            sl_buf_add(buf, block, (size_t)n);
    int rc = n < 0 ? sl_fail_errno(err, errno, "cannot read %s", path) : sl_buf_check(buf, path, err);
    free(block);
    close(fd);
    return rc;
}

int sl_file_write_all(int fd, const void *data, size_t bytes, struct sl_error *err)
{
    const char *p = data;
    while (bytes > 0) {
        ssize_t n = write(fd, p, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sl_fail_errno(err, errno, "cannot write");
        p += n;
        bytes -= (size_t)n;
    }
    return 0;
}

/* "/a/b" -> "/a", "b" -> ".", "/b" -> "/". */
static char *parent_of(const char *path)
{
    char *copy = sl_xstrdup(path);
    char *slash = strrchr(copy, '/');
    if (!slash)
        strcpy(copy, *copy ? "." : "");
    else
        slash[slash == copy ? 1 : 0] = '\0';
    return copy;
}

int sl_file_write_durable(const char *path, const void *data, size_t bytes, mode_t mode, struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES];
    sl_uuid7(id);
    SL_CLEANUP(sl_freep) char *folder = parent_of(path);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *temporary = sl_arena_printf(arena, "%s/.%s.tmp", folder, id);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot create a file in %s", folder);
    int rc = sl_file_write_all(fd, data, bytes, err);
    if (rc)
        sl_error_prefix(err, "%s", path);
    if (rc == 0 && fsync(fd) != 0)
        rc = sl_fail_errno(err, errno, "cannot sync %s", path);
    if (close(fd) != 0 && rc == 0)
        rc = sl_fail_errno(err, errno, "cannot close %s", path);
    if (rc == 0 && rename(temporary, path) != 0)
        rc = sl_fail_errno(err, errno, "cannot rename a file to %s", path);
    if (rc) {
        unlink(temporary);
        return rc;
    }
    return sl_dir_fsync(folder, err);
}

int sl_dir_make(const char *path, mode_t mode, struct sl_error *err)
{
    SL_CLEANUP(sl_freep) char *copy = sl_xstrdup(path);
    for (char *p = copy; *p; p++) {
        if (p == copy || *p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return sl_fail_errno(err, errno, "cannot make the folder %s", copy);
        *p = '/';
    }
    if (mkdir(copy, mode) != 0 && errno != EEXIST)
        return sl_fail_errno(err, errno, "cannot make the folder %s", copy);
    struct stat st;
    if (stat(copy, &st) != 0)
        return sl_fail_errno(err, errno, "cannot make the folder %s", copy);
    if (!S_ISDIR(st.st_mode))
        return sl_fail_errno(err, ENOTDIR, "cannot make the folder %s", copy);
    return 0;
}

/* A removal under way. A tree may be deeper than there are descriptors: what lies too deep is moved up to the top, and
 * the top is gone through again. */
struct removal {
    int top_fd;
    bool again;
};

static int remove_inside(struct removal *r, int fd, const char *path, int depth, struct sl_error *err);

static int remove_folder(struct removal *r, int fd, const char *name, const char *path, int depth,
                         struct sl_error *err)
{
    if (depth == REMOVE_MAX_DEPTH) {
        char id[SL_UUID_TEXT_BYTES];
        sl_uuid7(id);
        r->again = true;
        return renameat(fd, name, r->top_fd, id) ? sl_fail_errno(err, errno, "cannot move %s in %s", name, path) : 0;
    }
    int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = sub < 0 ? sl_fail_errno(err, errno, "cannot remove %s in %s", name, path)
                     : remove_inside(r, sub, path, depth + 1, err);
    if (rc == 0 && unlinkat(fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        rc = sl_fail_errno(err, errno, "cannot remove the folder %s in %s", name, path);
    return rc;
}

/* Takes fd over; removes what is in the folder. path is for messages. */
static int remove_inside(struct removal *r, int fd, const char *path, int depth, struct sl_error *err)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int saved = errno;
        close(fd);
        return sl_fail_errno(err, saved, "cannot list %s", path);
    }
    int rc = 0;
    struct dirent *e;
    while (rc == 0 && (errno = 0, e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (unlinkat(fd, e->d_name, 0) != 0 && errno != ENOENT)
            rc = remove_folder(r, fd, e->d_name, path, depth, err);
    }
    if (rc == 0 && errno)
        rc = sl_fail_errno(err, errno, "cannot list %s", path);
    closedir(dir);
    return rc;
}

/* True for what must never be removed with all that is in it, however it is spelt. */
static bool is_root(const char *path)
{
    struct stat st, root;
    return lstat(path, &st) == 0 && stat("/", &root) == 0 && st.st_dev == root.st_dev && st.st_ino == root.st_ino;
}

int sl_dir_remove(const char *path, struct sl_error *err)
{
    if (!*path || is_root(path))
        return sl_fail(err, SL_E_INTERNAL, "will not remove \"%s\"", path);
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot remove %s", path);
    struct removal r = {.top_fd = fd, .again = true};
    int rc = 0;
    while (rc == 0 && r.again) {
        r.again = false;
        int top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = top < 0 ? sl_fail_errno(err, errno, "cannot list %s", path) : remove_inside(&r, top, path, 0, err);
    }
    close(fd);
    if (rc == 0 && rmdir(path) != 0 && errno != ENOENT)
        rc = sl_fail_errno(err, errno, "cannot remove the folder %s", path);
    return rc;
}

int sl_dir_fsync(const char *path, struct sl_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open the folder %s", path);
    /* Some file systems have nothing to sync for a folder and say EINVAL. */
    int rc = fsync(fd) != 0 && errno != EINVAL ? sl_fail_errno(err, errno, "cannot sync the folder %s", path) : 0;
    close(fd);
    return rc;
}

bool sl_path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int sl_dir_list(const char *path, struct sl_arena *arena, char ***names, size_t *n, struct sl_error *err)
{
    DIR *dir = opendir(path);
    if (!dir && (errno == ENOENT || errno == ENOTDIR))
        return sl_fail(err, SL_E_FILE_MISSING, "the folder %s does not exist", path);
    if (!dir)
        return sl_fail_errno(err, errno, "cannot list %s", path);
    char **list = NULL;
    size_t count = 0, room = 0;
    struct dirent *e;
    while ((errno = 0, e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (count == room) {
            room = room ? 2 * room : 64;
            list = sl_xrealloc(list, room * sizeof *list);
        }
        list[count++] = sl_arena_strdup(arena, e->d_name);
    }
    int rc = errno ? sl_fail_errno(err, errno, "cannot list %s", path) : 0;
    closedir(dir);
    if (rc == 0) {
        if (count)
            qsort(list, count, sizeof *list, by_bytes);
        *names = sl_arena_array(arena, count + 1, sizeof **names);
        for (size_t i = 0; i < count; i++)
            (*names)[i] = list[i];
        *n = count;
    }
    free(list);
    return rc;
}

char *sl_path_join(struct sl_arena *arena, const char *a, const char *b)
{
    size_t n = strlen(a);
    return sl_arena_printf(arena, "%s%s%s", a, n == 0 || a[n - 1] == '/' ? "" : "/", b);
}

const char *sl_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The dot before the extension; a leading dot (".profile") is part of the name. */
static const char *extension_dot(const char *base)
{
    const char *dot = strrchr(base, '.');
    return dot && dot != base ? dot : NULL;
}

char *sl_path_ext(struct sl_arena *arena, const char *path)
{
    const char *dot = extension_dot(sl_path_base(path));
    char *ext = sl_arena_strdup(arena, dot ? dot + 1 : "");
    for (char *p = ext; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return ext;
}

char *sl_path_stem(struct sl_arena *arena, const char *path)
{
    const char *base = sl_path_base(path);
    const char *dot = extension_dot(base);
    return sl_arena_strndup(arena, base, dot ? (size_t)(dot - base) : strlen(base));
}

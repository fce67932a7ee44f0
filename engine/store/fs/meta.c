/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata are kept beside the objects, in .sluice/meta/<first two digits of id>/<id>-<tag>, one file for the bytes that
 * the tag (size and time) tells apart. The file of new bytes is there before they are renamed into place, and that of
 * the old ones goes after: whoever reads an object finds the metadata of exactly these bytes or, when somebody wrote the
 * file by other means, none. Lines of name=value; values are printable, so a newline ends them.
 */
#include "store/fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/uuid7.h"

enum { FILE_MAX_BYTES = 16 * 1024 };
static const char head_line[] = "sluice-meta 1\n";

void sl_fs__tag(const struct stat *st, char tag[SL_FS_TAG_BYTES])
{
    uint64_t ns = (uint64_t)st->st_mtim.tv_sec * (uint64_t)SL_NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;
    snprintf(tag, SL_FS_TAG_BYTES, "%llx-%" PRIx64, (unsigned long long)st->st_size, ns);
}

static int open_folder(struct sl_fs *fs, const char *id, bool make, int *fd)
{
    char name[] = {id[0], id[1], '\0'};
    *fd = -1; /* gcc cannot know that errno is not 0 after a failure */
    if (make && mkdirat(fs->meta_fd, name, 0777) != 0 && errno != EEXIST)
        return errno;
    int got = openat(fs->meta_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (got < 0)
        return errno;
    *fd = got;
    return 0;
}

static void file_name(const char *id, const char *tag, char out[SL_FS_META_NAME_BYTES])
{
    snprintf(out, SL_FS_META_NAME_BYTES, "%s-%s", id, tag);
}

static void format(struct sl_buf *buf, const struct sl_fs_object *o, const struct sl_fs_props *props)
{
    sl_buf_puts(buf, head_line);
    sl_buf_printf(buf, "bucket=%s\npath=%s\n", o->bucket, o->rel);
    if (props->content_type)
        sl_buf_printf(buf, "content-type=%s\n", props->content_type);
    for (size_t i = 0; i < props->meta.n; i++)
        sl_buf_printf(buf, "meta.%s=%s\n", props->meta.pairs[i].name, props->meta.pairs[i].value);
}

static int write_synced(int fd, const struct sl_buf *buf, struct sl_error *err)
{
    int rc = sl_file_write_all(fd, buf->data, buf->len, err);
    if (rc == 0 && fsync(fd) != 0)
        rc = sl_fail_errno(err, errno, "cannot sync");
    if (close(fd) != 0 && rc == 0)
        rc = sl_fail_errno(err, errno, "cannot close");
    return rc;
}

static int put_file(struct sl_fs *fs, int folder, const char *name, const struct sl_buf *buf, struct sl_error *err)
{
    char temporary[SL_UUID_TEXT_BYTES];
    sl_uuid7(temporary);
    int fd = openat(fs->tmp_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot create a file in %s/.sluice/tmp", fs->root);
    int rc = write_synced(fd, buf, err);
    if (rc == 0 && renameat(fs->tmp_fd, temporary, folder, name) != 0)
        rc = sl_fail_errno(err, errno, "cannot rename");
    if (rc) {
        unlinkat(fs->tmp_fd, temporary, 0);
        return rc;
    }
    if ((fsync(folder) != 0 || fsync(fs->meta_fd) != 0) && errno != EINVAL)
        rc = sl_fail_errno(err, errno, "cannot sync");
    return rc;
}

int sl_fs__meta_write(struct sl_fs *fs, const struct sl_fs_object *o, const char *tag, const struct sl_fs_props *props,
                      struct sl_error *err)
{
    char name[SL_FS_META_NAME_BYTES];
    struct sl_buf buf;
    int folder;
    if (props->meta.n == 0 && !props->content_type)
        return 0;
    int error = open_folder(fs, o->id, true, &folder);
    if (error)
        return sl_fail_errno(err, error, "cannot open a folder in %s/.sluice/meta", fs->root);
    sl_buf_init(&buf, FILE_MAX_BYTES);
    format(&buf, o, props);
    file_name(o->id, tag, name);
    int rc = sl_buf_check(&buf, "the object's metadata", err);
    if (rc == 0) {
        rc = put_file(fs, folder, name, &buf, err);
        if (rc)
            sl_error_prefix(err, "metadata of %s/%s", o->bucket, o->key);
    }
    sl_buf_free(&buf);
    close(folder);
    return rc;
}

/* The file's text in the arena; NULL when there is none or it is not one of ours. An errno in *error. */
static char *load(struct sl_fs *fs, const char *id, const char *name, struct sl_arena *arena, int *error)
{
    int folder, fd;
    *error = open_folder(fs, id, false, &folder);
    if (*error)
        return NULL;
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *error = fd < 0 ? errno : 0;
    close(folder);
    if (*error)
        return NULL;
    char *text = sl_arena_alloc(arena, FILE_MAX_BYTES + 1);
    ssize_t n = 0;
    size_t len = 0;
    while (len < FILE_MAX_BYTES && ((n = read(fd, text + len, FILE_MAX_BYTES - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    *error = n < 0 ? errno : 0;
    close(fd);
    bool ours = *error == 0 && strlen(text) == len && sl_text_starts(text, head_line);
    if (*error == 0 && !ours)
        *error = EINVAL;
    return ours ? text + strlen(head_line) : NULL;
}

static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *text = end + 1;
    return line;
}

static char *value_of(char *line)
{
    char *equals = strchr(line, '=');
    if (!equals)
        return NULL;
    *equals = '\0';
    return equals + 1;
}

int sl_fs__meta_read(struct sl_fs *fs, const char *id, const char *tag, struct sl_arena *arena,
                     struct sl_fs_props *props, bool *found, struct sl_error *err)
{
    char name[SL_FS_META_NAME_BYTES];
    int error;
    file_name(id, tag, name);
    char *text = load(fs, id, name, arena, &error);
    if (!text && error == ENOENT) {
        *found = false;
        return 0;
    }
    if (!text)
        return sl_fail_errno(err, error, "cannot read %s/.sluice/meta/%.2s/%s", fs->root, id, name);
    *props = (struct sl_fs_props){0};
    for (char *line; (line = next_line(&text));) {
        char *value = value_of(line);
        if (value && !strcmp(line, "content-type"))
            props->content_type = value;
        else if (value && sl_text_starts(line, "meta.") && props->meta.n < SL_META_MAX_PAIRS)
            props->meta.pairs[props->meta.n++] = (struct sl_meta_pair){line + strlen("meta."), value};
    }
    *found = true;
    return 0;
}

void sl_fs__meta_remove(struct sl_fs *fs, const char *id, const char *tag)
{
    char name[SL_FS_META_NAME_BYTES];
    int folder;
    if (open_folder(fs, id, false, &folder) != 0)
        return;
    file_name(id, tag, name);
    /* Not synced: a crash leaves a file that belongs to no bytes, and sweep finds it. */
    unlinkat(folder, name, 0);
    close(folder);
}

bool sl_fs__meta_owner(struct sl_fs *fs, const char *file, struct sl_arena *arena, const char **bucket,
                       const char **rel)
{
    int error;
    char *text = load(fs, file, file, arena, &error);
    *bucket = *rel = NULL;
    for (char *line; text && (line = next_line(&text));) {
        char *value = value_of(line);
        if (value && !strcmp(line, "bucket"))
            *bucket = value;
        else if (value && !strcmp(line, "path"))
            *rel = value;
    }
    return *bucket && *rel;
}

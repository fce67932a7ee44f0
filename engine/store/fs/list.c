/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing: a walk that sorts one folder at a time. Within a folder a file sorts as its name and a folder as its name and
 * "/", which gives the bytewise order of whole keys ("a-b" < "a/b" < "a0"). Only the folders on the way to the present
 * key are in memory, and no descriptor is held while a folder below is walked.
 */
#include "store/fs/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { JOINED_BYTES = 4 * SL_KEY_MAX_BYTES };

struct walk {
    const char *bucket, *prefix, *start_after;
    int bucket_fd;
    int64_t left; /* keys still wanted; -1: all */
    sl_store_entry entry;
    void *data;
    char key[SL_KEY_MAX_BYTES + 2]; /* of the present folder, with its slash; then of the present object */
    char rel[SL_FS_REL_BYTES];
};

struct item {
    char *path; /* from the folder: one name, or several when the name is continued */
    char *sort; /* component, and a slash for a folder */
    bool folder;
};

struct items {
    struct item *list;
    size_t n, room;
    struct sl_arena *arena;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->sort, ((const struct item *)b)->sort);
}

static bool wanted(const struct walk *w, const char *key, bool folder)
{
    size_t n = strlen(key), prefix = strlen(w->prefix);
    if (n > SL_KEY_MAX_BYTES || !sl_utf8_valid(key, n))
        return false;
    if (folder ? strncmp(key, w->prefix, n < prefix ? n : prefix) != 0 : strncmp(key, w->prefix, prefix) != 0)
        return false;
    if (!w->start_after)
        return true;
    return strcmp(key, w->start_after) > 0 || (folder && sl_text_starts(w->start_after, key));
}

/* joined: the encoded name, all its parts put together. */
static void add(struct walk *w, struct items *items, size_t key_bytes, const char *path, const char *joined,
                bool folder)
{
    char component[JOINED_BYTES + 2];
    if (!sl_fs__decode(joined, component) || strlen(component) + key_bytes > SL_KEY_MAX_BYTES)
        return;
    if (folder)
        strcat(component, "/");
    strcpy(w->key + key_bytes, component);
    bool take = wanted(w, w->key, folder);
    w->key[key_bytes] = '\0';
    if (!take)
        return;
    if (items->n == items->room) {
        items->room = items->room ? 2 * items->room : 64;
        items->list = sl_xrealloc(items->list, items->room * sizeof *items->list);
    }
    items->list[items->n++] = (struct item){sl_arena_strdup(items->arena, path),
                                            sl_arena_strdup(items->arena, component), folder};
}

/* 'd' folder, 'f' file, 0 neither: links and devices are not objects. */
static char kind_of(int fd, const struct dirent *e)
{
    struct stat st;
    if (e->d_type == DT_DIR)
        return 'd';
    if (e->d_type == DT_REG)
        return 'f';
    if (e->d_type != DT_UNKNOWN || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : 0;
}

static int collect(struct walk *w, struct items *items, size_t key_bytes, int fd, const char *path,
                   const char *joined);

static int collect_one(struct walk *w, struct items *items, size_t key_bytes, int fd, const struct dirent *e,
                       const char *path, const char *joined)
{
    char kind = kind_of(fd, e);
    const char *name = e->d_name;
    size_t mark = strlen(sl_fs__mark), bytes = strlen(name);
    if (!kind || !strcmp(name, ".") || !strcmp(name, ".."))
        return 0;
    if (*joined) {
        if (!sl_text_starts(name, sl_fs__mark))
            return 0;
        name += mark;
        bytes -= mark;
    }
    bool goes_on = kind == 'd' && sl_fs__continues(name, &bytes);
    if (strlen(joined) + bytes >= JOINED_BYTES)
        return 0;
    char *sub = sl_arena_printf(items->arena, "%s%s%s", path, *path ? "/" : "", e->d_name);
    char *whole = sl_arena_printf(items->arena, "%s%.*s", joined, (int)bytes, name);
    if (!goes_on) {
        add(w, items, key_bytes, sub, whole, kind == 'd');
        return 0;
    }
    int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? (errno == ENOENT ? 0 : errno) : collect(w, items, key_bytes, below, sub, whole);
}

/* Takes fd over. path and joined: where this is in the folder, when a name goes on here. An errno. */
static int collect(struct walk *w, struct items *items, size_t key_bytes, int fd, const char *path, const char *joined)
{
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int error = errno;
        close(fd);
        return error;
    }
    int error = 0;
    struct dirent *e;
    while (error == 0 && (errno = 0, e = readdir(dir)))
        error = collect_one(w, items, key_bytes, fd, e, path, joined);
    if (error == 0)
        error = errno;
    closedir(dir);
    return error;
}

static int walk_fail(const struct walk *w, int error, struct sl_error *err)
{
    return sl_fs__fail(err, error == ENOENT ? EIO : error, "list", w->bucket, w->key);
}

/* Calls the entry for the object in w->key and w->rel, when it is one. */
static int emit(struct walk *w, int folder_fd, const char *path, struct sl_error *err)
{
    char rel[SL_FS_REL_BYTES];
    struct stat st;
    /* A name that no key has as its path would be a second name of some other key. */
    if (!sl_fs__encode(w->key, strlen(w->key), rel, sizeof rel) || strcmp(rel, w->rel) != 0)
        return 0;
    const char *leaf = strrchr(path, '/');
    int fd = folder_fd, error = 0;
    if (leaf)
        error = sl_fs__open_folder(folder_fd, path, (size_t)(leaf - path), false, &fd);
    if (error == 0 && fstatat(fd, leaf ? leaf + 1 : path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno;
    if (leaf && fd != folder_fd)
        close(fd);
    if (error == ENOENT || error == ENOTDIR || (error == 0 && !S_ISREG(st.st_mode)))
        return 0;
    if (error)
        return walk_fail(w, error, err);
    struct sl_list_entry entry = {.key = w->key};
    sl_fs__info(&st, &entry.info);
    if (w->left > 0)
        w->left--;
    return w->entry(w->data, &entry, err);
}

static int walk_folder(struct walk *w, size_t rel_bytes, size_t key_bytes, struct sl_error *err);

static int visit(struct walk *w, const struct item *item, size_t rel_bytes, size_t key_bytes, int *fd,
                 struct sl_error *err)
{
    size_t path_bytes = strlen(item->path), sort_bytes = strlen(item->sort);
    size_t start = rel_bytes ? rel_bytes + 1 : 0;
    if (start + path_bytes >= sizeof w->rel)
        return 0;
    if (*fd < 0 && !item->folder) {
        int error = sl_fs__open_folder(w->bucket_fd, w->rel, rel_bytes, false, fd);
        if (error)
            return error == ENOENT || error == ENOTDIR || error == ELOOP ? 0 : walk_fail(w, error, err);
    }
    if (rel_bytes)
        w->rel[rel_bytes] = '/';
    memcpy(w->rel + start, item->path, path_bytes + 1);
    memcpy(w->key + key_bytes, item->sort, sort_bytes + 1);
    int rc;
    if (item->folder) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
        rc = walk_folder(w, start + path_bytes, key_bytes + sort_bytes, err);
    } else {
        rc = emit(w, *fd, item->path, err);
    }
    w->rel[rel_bytes] = '\0';
    w->key[key_bytes] = '\0';
    return rc;
}

static int walk_folder(struct walk *w, size_t rel_bytes, size_t key_bytes, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct items items = {.arena = arena};
    int fd, error = sl_fs__open_folder(w->bucket_fd, w->rel, rel_bytes, false, &fd);
    if (error == 0)
        error = collect(w, &items, key_bytes, fd, "", "");
    /* What is gone meanwhile, or was never a folder, holds no keys. */
    int rc = error == 0 || error == ENOENT || error == ENOTDIR || error == ELOOP ? 0 : walk_fail(w, error, err);
    if (items.n)
        qsort(items.list, items.n, sizeof *items.list, by_key);
    fd = -1;
    for (size_t i = 0; rc == 0 && i < items.n && w->left != 0; i++)
        rc = visit(w, &items.list[i], rel_bytes, key_bytes, &fd, err);
    if (fd >= 0)
        close(fd);
    free(items.list);
    return rc;
}

int sl_fs__list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                sl_store_entry entry, void *data, struct sl_error *err)
{
    struct walk w = {.bucket = bucket,
                     .prefix = prefix,
                     .start_after = start_after,
                     .left = max_keys > 0 ? max_keys : -1,
                     .entry = entry,
                     .data = data};
    int rc = sl_fs__open_bucket(sl_fs__of(s), bucket, &w.bucket_fd, err);
    if (rc)
        return rc;
    /* Start where all keys with the prefix are. */
    const char *slash = strrchr(prefix, '/');
    size_t key_bytes = slash ? (size_t)(slash - prefix) + 1 : 0;
    memcpy(w.key, prefix, key_bytes);
    if (!slash || sl_fs__encode(prefix, key_bytes - 1, w.rel, sizeof w.rel))
        rc = walk_folder(&w, strlen(w.rel), key_bytes, err);
    close(w.bucket_fd);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/alias.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_vsi.h>

#define PREFIX "/vsisluice/"

enum { ALIASES_MAX = 64, NAMES_MAX = 8 };

struct entry {
    char *name, *target; /* name: with the folder's number before it */
};

struct sl_alias {
    size_t number;
    struct entry entries[NAMES_MAX];
    size_t n;
    char *memory; /* a file of GDAL's, or NULL */
};

/* GDAL knows a file system by its prefix only, so the folders in use are the process's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sl_alias *aliases[ALIASES_MAX];

static char *target_of(const char *name)
{
    char *found = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < ALIASES_MAX; i++)
        for (size_t k = 0; aliases[i] && k < aliases[i]->n; k++)
            if (!strcmp(aliases[i]->entries[k].name, name))
                found = strdup(aliases[i]->entries[k].target);
    pthread_mutex_unlock(&lock);
    return found;
}

static int alias_stat(void *data, const char *name, VSIStatBufL *out, int flags)
{
    (void)data;
    char *target = target_of(name);
    int rc = target ? VSIStatExL(target, out, flags) : -1;
    free(target);
    return rc;
}

static void *alias_open(void *data, const char *name, const char *access)
{
    (void)data;
    char *target = !strchr(access, 'w') && !strchr(access, '+') && !strchr(access, 'a') ? target_of(name) : NULL;
    VSILFILE *f = target ? VSIFOpenL(target, "rb") : NULL;
    if (!target)
        errno = ENOENT;
    free(target);
    return f;
}

static vsi_l_offset alias_tell(void *file)
{
    return VSIFTellL(file);
}

static int alias_seek(void *file, vsi_l_offset offset, int whence)
{
    return VSIFSeekL(file, offset, whence);
}

static size_t alias_read(void *file, void *buffer, size_t size, size_t count)
{
    return VSIFReadL(buffer, size, count, file);
}

static int alias_eof(void *file)
{
    return VSIFEofL(file);
}

static int alias_close(void *file)
{
    return VSIFCloseL(file);
}

static void install(void)
{
    VSIFilesystemPluginCallbacksStruct *calls = VSIAllocFilesystemPluginCallbacksStruct();
    calls->stat = alias_stat;
    calls->open = alias_open;
    calls->tell = alias_tell;
    calls->seek = alias_seek;
    calls->read = alias_read;
    calls->eof = alias_eof;
    calls->close = alias_close;
    VSIInstallPluginHandler(PREFIX, calls);
    VSIFreeFilesystemPluginCallbacksStruct(calls);
}

int sl_alias_new(struct sl_alias **out, struct sl_error *err)
{
    static size_t counter;
    struct sl_alias *alias = sl_xcalloc(1, sizeof *alias);
    bool kept = false;
    pthread_once(&once, install);
    pthread_mutex_lock(&lock);
    alias->number = counter++;
    for (size_t i = 0; i < ALIASES_MAX && !kept; i++) {
        kept = !aliases[i];
        if (kept)
            aliases[i] = alias;
    }
    pthread_mutex_unlock(&lock);
    if (!kept) {
        free(alias);
        return sl_fail(err, SL_E_LIMIT, "more than %d files are read under other names at once", ALIASES_MAX);
    }
    *out = alias;
    return 0;
}

const char *sl_alias_add(struct sl_alias *alias, const char *name, const char *target, struct sl_arena *arena)
{
    const char *inside = sl_arena_printf(arena, "%zu/%s", alias->number, name);
    pthread_mutex_lock(&lock);
    if (alias->n < NAMES_MAX) {
        struct entry *e = &alias->entries[alias->n];
        *e = (struct entry){strdup(inside), strdup(target)};
        if (!e->name || !e->target)
            sl_oom();
        alias->n++;
    }
    pthread_mutex_unlock(&lock);
    return sl_arena_printf(arena, PREFIX "%s", inside);
}

const char *sl_alias_add_bytes(struct sl_alias *alias, const char *name, unsigned char *bytes, size_t n,
                               struct sl_arena *arena)
{
    const char *memory = sl_arena_printf(arena, "/vsimem/sluice-alias-%zu", alias->number);
    VSILFILE *f = VSIFileFromMemBuffer(memory, bytes, n, TRUE);
    if (f)
        VSIFCloseL(f);
    alias->memory = strdup(memory);
    return sl_alias_add(alias, name, memory, arena);
}

void sl_alias_free(struct sl_alias *alias)
{
    if (!alias)
        return;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < ALIASES_MAX; i++)
        if (aliases[i] == alias)
            aliases[i] = NULL;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < alias->n; i++) {
        free(alias->entries[i].name);
        free(alias->entries[i].target);
    }
    if (alias->memory)
        VSIUnlink(alias->memory);
    free(alias->memory);
    free(alias);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16 * 1024, ALIGN = _Alignof(max_align_t) };

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char data[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *data;
};

struct sl_arena {
    struct chunk *chunks;
    struct deferred *deferred;
};

_Noreturn void sl_oom(void)
{
    static const char line[] = "sluice: out of memory\n";
    ssize_t n = write(STDERR_FILENO, line, sizeof line - 1);
    (void)n;
    _exit(1);
}

void *sl_xmalloc(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p)
        sl_oom();
    return p;
}

void *sl_xcalloc(size_t n, size_t item_bytes)
{
    void *p = calloc(n ? n : 1, item_bytes ? item_bytes : 1);
    if (!p)
        sl_oom();
    return p;
}

void *sl_xrealloc(void *p, size_t bytes)
{
    p = realloc(p, bytes ? bytes : 1);
    if (!p)
        sl_oom();
    return p;
}

char *sl_xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(sl_xmalloc(n), s, n);
}

struct sl_arena *sl_arena_new(void)
{
    return sl_xcalloc(1, sizeof(struct sl_arena));
}

void sl_arena_free(struct sl_arena *arena)
{
    if (!arena)
        return;
    for (struct deferred *d = arena->deferred; d; d = d->next)
        d->fn(d->data);
    for (struct chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(arena);
}

void *sl_arena_alloc(struct sl_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        sl_oom();
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct chunk *c = arena->chunks;
    if (!c || c->size - c->used < bytes) {
        size_t size = bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES;
        struct chunk *fresh = sl_xmalloc(sizeof *fresh + size);
        fresh->used = 0;
        fresh->size = size;
        /* A chunk of its own for a large piece goes behind the current one, which still has room. */
        if (c && size == bytes) {
            fresh->next = c->next;
            c->next = fresh;
        } else {
            fresh->next = c;
            arena->chunks = fresh;
        }
        c = fresh;
    }
    void *p = c->data + c->used;
    c->used += bytes;
    return memset(p, 0, bytes);
}

void *sl_arena_array(struct sl_arena *arena, size_t n, size_t item_bytes)
{
    if (item_bytes && n > SIZE_MAX / item_bytes)
        sl_oom();
    return sl_arena_alloc(arena, n * item_bytes);
}

char *sl_arena_strndup(struct sl_arena *arena, const char *s, size_t bytes)
{
    char *p = sl_arena_alloc(arena, bytes + 1);
    memcpy(p, s, bytes);
    return p;
}

char *sl_arena_strdup(struct sl_arena *arena, const char *s)
{
    return s ? sl_arena_strndup(arena, s, strlen(s)) : NULL;
}

char *sl_arena_vprintf(struct sl_arena *arena, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        sl_oom();
    char *p = sl_arena_alloc(arena, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *sl_arena_printf(struct sl_arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = sl_arena_vprintf(arena, fmt, ap);
    va_end(ap);
    return p;
}

void sl_arena_defer(struct sl_arena *arena, void (*fn)(void *data), void *data)
{
    struct deferred *d = sl_arena_alloc(arena, sizeof *d);
    *d = (struct deferred){arena->deferred, fn, data};
    arena->deferred = d;
}

void sl_arena_freep(struct sl_arena **arena)
{
    sl_arena_free(*arena);
}

void sl_freep(void *pointer_to_pointer)
{
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof p);
    free(p);
}

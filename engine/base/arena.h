/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that lives as long as a run, a step, a parsed document.
 *
 * Nothing in an arena is freed alone; sl_arena_free frees all. Allocation never returns NULL: when the process has no
 * memory left it ends with a line that says so (sl_oom). Work on hostile input runs in worker processes that their
 * supervisor limits and survives, so that an exhausted worker costs one batch. What comes from hostile input is
 * bounded where it is read, not here. Threads: one arena belongs to one thread at a time.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct sl_arena;

struct sl_arena *sl_arena_new(void);
void sl_arena_free(struct sl_arena *arena); /* NULL is allowed */

/* Zeroed, aligned for any type. */
void *sl_arena_alloc(struct sl_arena *arena, size_t bytes);
void *sl_arena_array(struct sl_arena *arena, size_t n, size_t item_bytes);
char *sl_arena_strdup(struct sl_arena *arena, const char *s); /* NULL gives NULL */
char *sl_arena_strndup(struct sl_arena *arena, const char *s, size_t bytes);
char *sl_arena_printf(struct sl_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *sl_arena_vprintf(struct sl_arena *arena, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Calls fn(data) when the arena is freed, last registered first. For foreign handles that live as long as it. */
void sl_arena_defer(struct sl_arena *arena, void (*fn)(void *data), void *data);

/* malloc and realloc that don't return NULL; free() frees. */
void *sl_xmalloc(size_t bytes);
void *sl_xcalloc(size_t n, size_t item_bytes);
void *sl_xrealloc(void *p, size_t bytes);
char *sl_xstrdup(const char *s);
_Noreturn void sl_oom(void);

/* For __attribute__((cleanup)): SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new(); */
#define SL_CLEANUP(fn) __attribute__((cleanup(fn)))
void sl_arena_freep(struct sl_arena **arena);
void sl_freep(void *pointer_to_pointer);

#endif

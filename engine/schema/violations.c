/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "schema/internal.h"

enum { DEFAULT_MAX = 100, MESSAGE_BYTES = 1024, POINTER_BYTES = 16 * 1024 };

static struct sl_violation *add(struct sl_violations *v)
{
    if (v->n >= (v->max ? v->max : DEFAULT_MAX)) {
        v->dropped++;
        return NULL;
    }
    if (v->n == v->capacity) {
        size_t capacity = v->capacity ? v->capacity * 2 : 8;
        struct sl_violation *items = sl_arena_array(v->arena, capacity, sizeof *items);
        if (v->n)
            memcpy(items, v->items, v->n * sizeof *items);
        v->items = items;
        v->capacity = capacity;
    }
    return &v->items[v->n++];
}

static void fill(struct sl_violations *v, const char *instance_pointer, const char *schema_pointer,
                 const char *keyword, const char *message)
{
    struct sl_violation *item = add(v);
    if (!item)
        return;
    char line[MESSAGE_BYTES];
    sl_text_escape(line, sizeof line, message);
    *item = (struct sl_violation){sl_arena_strdup(v->arena, instance_pointer),
                                  sl_arena_strdup(v->arena, schema_pointer), sl_arena_strdup(v->arena, keyword),
                                  sl_arena_strdup(v->arena, line)};
}

void sl_violation_add(struct sl_violations *violations, const char *instance_pointer, const char *schema_pointer,
                      const char *keyword, const char *fmt, ...)
{
    char message[2 * MESSAGE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    fill(violations, instance_pointer, schema_pointer, keyword, message);
}

void sl_schema__violations_copy(struct sl_violations *into, const struct sl_violations *from)
{
    for (size_t i = 0; i < from->n; i++)
        fill(into, from->items[i].instance_pointer, from->items[i].schema_pointer, from->items[i].keyword,
             from->items[i].message);
    into->dropped += from->dropped;
}

static void put_path(struct sl_buf *out, const struct path *path)
{
    if (!path)
        return;
    put_path(out, path->parent);
    if (path->key)
        sl_json_pointer_add(out, path->key);
    else
        sl_buf_printf(out, "/%zu", path->index);
}

static bool report(const struct frame *f, const char *keyword, const struct path *path, const char *message)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf instance, schema;
    sl_buf_init(&instance, POINTER_BYTES);
    sl_buf_init(&schema, POINTER_BYTES);
    put_path(&instance, path);
    sl_buf_puts(&schema, f->node->pointer);
    if (*keyword)
        sl_json_pointer_add(&schema, keyword);
    fill(f->ctx->violations, instance.data, schema.data, keyword, message);
    return false;
}

static bool vreport(const struct frame *f, const struct keyword *kw, const struct path *path, const char *fmt,
                    va_list ap) __attribute__((format(printf, 4, 0)));

static bool vreport(const struct frame *f, const struct keyword *kw, const struct path *path, const char *fmt,
                    va_list ap)
{
    char message[2 * MESSAGE_BYTES];
    vsnprintf(message, sizeof message, fmt, ap);
    return report(f, kw->kind->name, path, message);
}

/* Formatting costs, and whoever only tries branches throws it away. */
#define REPORT(f, kw, path, fmt)                                                                                      \
    do {                                                                                                              \
        if ((f)->ctx->violations) {                                                                                   \
            va_list ap;                                                                                               \
            va_start(ap, fmt);                                                                                        \
            vreport(f, kw, path, fmt, ap);                                                                            \
            va_end(ap);                                                                                               \
        }                                                                                                             \
    } while (0)

bool sl_schema__report(const struct frame *f, const struct keyword *kw, const char *fmt, ...)
{
    REPORT(f, kw, f->path, fmt);
    return false;
}

bool sl_schema__report_member(const struct frame *f, const struct keyword *kw, const char *key, const char *fmt, ...)
{
    struct path path = {f->path, key, 0};
    REPORT(f, kw, &path, fmt);
    return false;
}

bool sl_schema__report_item(const struct frame *f, const struct keyword *kw, size_t index, const char *fmt, ...)
{
    struct path path = {f->path, NULL, index};
    REPORT(f, kw, &path, fmt);
    return false;
}

bool sl_schema__report_node(const struct frame *f, const char *keyword, const char *message)
{
    return f->ctx->violations ? report(f, keyword, f->path, message) : false;
}

void sl_schema__suggest(struct sl_buf *out, const char *word, const char *const *words, size_t n)
{
    const char *nearest = n ? sl_text_nearest(word, words, n) : NULL;
    if (nearest)
        sl_buf_printf(out, ", did you mean \"%s\"?", nearest);
}

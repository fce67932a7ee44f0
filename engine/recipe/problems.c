/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "recipe/binder.h"

void sl_lints__add(struct sl_lints *lints, struct sl_lint lint)
{
    if (lints->n == SL_RECIPE__MAX_LINTS)
        return;
    if (lints->n == lints->capacity) {
        size_t capacity = lints->capacity ? 2 * lints->capacity : 8;
        struct sl_lint *items = sl_arena_array(lints->arena, capacity, sizeof *items);
        for (size_t i = 0; i < lints->n; i++)
            items[i] = lints->items[i];
        lints->items = items;
        lints->capacity = capacity;
    }
    lint.path = sl_arena_strdup(lints->arena, lint.path);
    lint.message = sl_arena_strdup(lints->arena, lint.message);
    lints->items[lints->n++] = lint;
}

/* "file:9:17: what" taken apart. */
void sl_lints__add_syntax(struct sl_lints *lints, const char *path, const struct sl_error *why)
{
    struct sl_lint lint = {.path = path, .line = 1, .column = 1, .error = true, .code = sl_code_name(why->code)};
    const char *text = why->message;
    size_t n = strlen(path);
    lint.message = text;
    if (!strncmp(text, path, n) && text[n] == ':') {
        int line, column, used = 0;
        if (sscanf(text + n, ":%d:%d: %n", &line, &column, &used) == 2 && used > 0) {
            lint.line = line;
            lint.column = column;
            lint.message = text + n + used;
        }
    }
    sl_lints__add(lints, lint);
}

__attribute__((format(printf, 5, 0)))
static void add(struct sl_binder *b, enum sl_code code, int line, int column, const char *fmt, va_list ap)
{
    struct sl_error text;
    sl_vfail(&text, code, fmt, ap);
    sl_lints__add(b->lints, (struct sl_lint){.path = b->doc->name,
                                             .line = line,
                                             .column = column,
                                             .error = true,
                                             .code = sl_code_name(code),
                                             .message = text.message});
}

/* The place of a value; of its parent where its own is not known. */
static void where(const struct sl_doc *doc, const char *pointer, int *line, int *column)
{
    char at[SL_RECIPE__POINTER_BYTES];
    *line = *column = 1;
    if (strlen(pointer) >= sizeof at)
        return;
    strcpy(at, pointer);
    while (!sl_doc_where(doc, at, line, column) && at[0])
        *strrchr(at, '/') = '\0';
}

void sl_binder__problem(struct sl_binder *b, enum sl_code code, const char *pointer, const char *fmt, ...)
{
    int line, column;
    va_list ap;
    where(b->doc, pointer, &line, &column);
    va_start(ap, fmt);
    add(b, code, line, column, fmt, ap);
    va_end(ap);
}

void sl_binder__problem_at_key(struct sl_binder *b, enum sl_code code, const char *pointer, const char *fmt, ...)
{
    int line, column;
    va_list ap;
    if (!sl_doc_where_key(b->doc, pointer, &line, &column))
        where(b->doc, pointer, &line, &column);
    va_start(ap, fmt);
    add(b, code, line, column, fmt, ap);
    va_end(ap);
}

const char *sl_recipe__pointer(struct sl_arena *arena, const char *pointer, const char *token)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf buf;
    sl_buf_init(&buf, SL_RECIPE__POINTER_BYTES);
    sl_buf_puts(&buf, pointer);
    sl_json_pointer_add(&buf, token);
    return sl_arena_strdup(arena, buf.overflow ? pointer : buf.data);
}

const char *sl_recipe__meant(struct sl_arena *arena, const char *word, const char *const *words, size_t n)
{
    const char *nearest = sl_text_nearest(word, words, n);
    return nearest ? sl_arena_printf(arena, ", did you mean \"%s\"?", nearest) : "";
}

enum { SHOW_BYTES = 120 };

const char *sl_recipe__show(struct sl_arena *arena, struct json_object *value)
{
    char text[SHOW_BYTES];
    switch (json_object_get_type(value)) {
    case json_type_null:
        return "nothing";
    case json_type_array:
        return json_object_array_length(value) ? "a list" : "an empty list";
    case json_type_object:
        return "a mapping";
    case json_type_string:
        sl_text_escape(text, sizeof text, json_object_get_string(value));
        return sl_arena_printf(arena, "\"%s\"", text);
    case json_type_boolean:
    case json_type_double:
    case json_type_int:
        break;
    }
    sl_text_escape(text, sizeof text, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
    return sl_arena_strdup(arena, text);
}

const char *sl_recipe__string(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

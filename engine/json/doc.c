/* SPDX-License-Identifier: Apache-2.0 */
#include "json/doc.h"

#include <stdlib.h>
#include <string.h>

#include "json/token.h"

struct mark {
    const char *key;
    uint32_t child, last_child, next;
    struct sl_doc_pos pos, key_pos; /* key_pos.line 0: not known */
};

struct sl_doc_marks {
    struct sl_arena *arena; /* keys and the document's name */
    struct mark *items;
    size_t n, capacity;
    struct sl_doc_pos next_key;
};

struct sl_doc *sl_doc_new(const char *name)
{
    struct sl_doc *doc = sl_xcalloc(1, sizeof *doc);
    doc->marks = sl_xcalloc(1, sizeof *doc->marks);
    doc->marks->arena = sl_arena_new();
    doc->name = sl_arena_strdup(doc->marks->arena, name);
    return doc;
}

void sl_doc_free(struct sl_doc *doc)
{
    if (!doc)
        return;
    json_object_put(doc->root);
    sl_arena_free(doc->marks->arena);
    free(doc->marks->items);
    free(doc->marks);
    free(doc);
}

void sl_doc_freep(struct sl_doc **doc)
{
    sl_doc_free(*doc);
}

void sl_doc_key_at(struct sl_doc *doc, struct sl_doc_pos pos)
{
    doc->marks->next_key = pos;
}

uint32_t sl_doc_mark(struct sl_doc *doc, uint32_t parent, const char *key, struct sl_doc_pos pos)
{
    struct sl_doc_marks *m = doc->marks;
    if (m->n >= SL_DOC_NO_MARK - 1)
        sl_oom();
    if (m->n == m->capacity) {
        m->capacity = m->capacity ? m->capacity * 2 : 64;
        m->items = sl_xrealloc(m->items, m->capacity * sizeof *m->items);
    }
    uint32_t id = (uint32_t)m->n++;
    m->items[id] = (struct mark){.key = sl_arena_strdup(m->arena, key),
                                 .child = SL_DOC_NO_MARK,
                                 .last_child = SL_DOC_NO_MARK,
                                 .next = SL_DOC_NO_MARK,
                                 .pos = pos,
                                 .key_pos = key ? m->next_key : (struct sl_doc_pos){0, 0}};
    m->next_key = (struct sl_doc_pos){0, 0};
    if (parent != SL_DOC_NO_MARK) {
        struct mark *p = &m->items[parent];
        if (p->last_child == SL_DOC_NO_MARK)
            p->child = id;
        else
            m->items[p->last_child].next = id;
        p->last_child = id;
    }
    return id;
}

void sl_doc_mark_copy(struct sl_doc *doc, uint32_t from, uint32_t to)
{
    /* By number, not by pointer: making a mark may move them all. */
    for (uint32_t c = doc->marks->items[from].child; c != SL_DOC_NO_MARK; c = doc->marks->items[c].next) {
        struct mark original = doc->marks->items[c];
        sl_doc_key_at(doc, original.key_pos);
        sl_doc_mark_copy(doc, c, sl_doc_mark(doc, to, original.key, original.pos));
    }
}

static uint32_t find_child(const struct sl_doc_marks *m, uint32_t parent, const char *token)
{
    uint32_t child = m->items[parent].child;
    size_t index = 0;
    if (child == SL_DOC_NO_MARK)
        return child;
    if (!m->items[child].key && !sl_json__token_index(token, &index))
        return SL_DOC_NO_MARK;
    for (; child != SL_DOC_NO_MARK; child = m->items[child].next) {
        const char *key = m->items[child].key;
        if (key ? !strcmp(key, token) : index-- == 0)
            break;
    }
    return child;
}

/* The mark at a pointer, or NULL. */
static const struct mark *find(const struct sl_doc *doc, const char *pointer)
{
    const struct sl_doc_marks *m = doc->marks;
    uint32_t at = m->n ? 0 : SL_DOC_NO_MARK;
    bool found = at != SL_DOC_NO_MARK;
    SL_CLEANUP(sl_buf_free) struct sl_buf token;
    sl_buf_init(&token, SIZE_MAX / 2);
    while (found && *pointer) {
        found = sl_json__token_next(&pointer, &token);
        if (found)
            at = find_child(m, at, token.data);
        found = found && at != SL_DOC_NO_MARK;
    }
    return found ? &m->items[at] : NULL;
}

static bool place(struct sl_doc_pos pos, int *line, int *column)
{
    if (pos.line < 1)
        return false;
    *line = pos.line;
    *column = pos.column;
    return true;
}

bool sl_doc_where(const struct sl_doc *doc, const char *pointer, int *line, int *column)
{
    const struct mark *mark = find(doc, pointer);
    return mark && place(mark->pos, line, column);
}

bool sl_doc_where_key(const struct sl_doc *doc, const char *pointer, int *line, int *column)
{
    const struct mark *mark = find(doc, pointer);
    return mark && place(mark->key_pos, line, column);
}

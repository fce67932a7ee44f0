/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/internal.h"
#include "schema/uri.h"

enum { DEFAULT_DEPTH = 256 };

struct sl_schema_set *sl_schema_set_new(const struct sl_schema_options *options)
{
    struct sl_schema_set *set = sl_xcalloc(1, sizeof *set);
    if (options)
        set->options = *options;
    set->arena = sl_arena_new();
    return set;
}

static void free_anchors(struct sl_schema_set *set)
{
    /* A resource is in the map under its $id and its document's URI: the second time there is nothing left to free. */
    for (size_t i = 0; i < set->by_uri.capacity; i++)
        if (set->by_uri.slots[i].key) {
            struct resource *r = set->by_uri.slots[i].value;
            sl_schema__map_free(&r->anchors);
        }
}

void sl_schema_set_free(struct sl_schema_set *set)
{
    if (!set)
        return;
    free_anchors(set);
    for (size_t i = 0; i < set->n_documents; i++) {
        json_object_put(set->documents[i].json);
        sl_doc_free(set->documents[i].doc);
    }
    free(set->documents);
    free(set->dynamic);
    sl_schema__map_free(&set->by_uri);
    sl_schema__map_free(&set->by_json);
    sl_arena_free(set->arena);
    free(set);
}

int sl_schema_set_add(struct sl_schema_set *set, const char *uri, struct json_object *schema, struct sl_error *err)
{
    char *key = sl_arena_strdup(set->arena, uri);
    sl_schema__uri_split(key);
    if (!json_object_is_type(schema, json_type_object) && !json_object_is_type(schema, json_type_boolean))
        return sl_fail(err, SL_E_SCHEMA_INVALID, "%s is not a schema: expected an object, true or false", uri);
    for (size_t i = 0; i < set->n_documents; i++)
        if (!strcmp(set->documents[i].uri, key))
            return sl_fail(err, SL_E_SCHEMA_INVALID, "%s was added already", uri);
    if (set->n_documents == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : 8;
        set->documents = sl_xrealloc(set->documents, set->capacity * sizeof *set->documents);
    }
    set->documents[set->n_documents++] = (struct document){.uri = key, .json = json_object_get(schema)};
    return 0;
}

void sl_schema__queue(struct compiler *c, struct node *node)
{
    if (node->queued)
        return;
    node->queued = true;
    node->next = c->queue;
    c->queue = node;
}

const struct node *sl_schema__sub(struct compiler *c, struct json_object *json)
{
    struct node *node = sl_schema__node_of(c->set, json);
    sl_schema__queue(c, node);
    return node;
}

int sl_schema__invalid(const struct keyword *kw, struct sl_error *err, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return sl_fail(err, SL_E_SCHEMA_INVALID, "%s#%s/%s %s", kw->node->resource->uri, kw->node->pointer,
                   kw->kind->name, what);
}

int sl_schema__need(const struct keyword *kw, enum json_type type, const char *what, struct sl_error *err)
{
    return json_object_is_type(kw->value, type) ? 0 : sl_schema__invalid(kw, err, "must be %s", what);
}

int sl_schema__need_count(const struct keyword *kw, uint64_t *out, struct sl_error *err)
{
    double d = sl_schema__is_number(kw->value) ? json_object_get_double(kw->value) : -1;
    if (!(sl_schema__types_of(kw->value) & TYPE_INTEGER) || d < 0 || d >= 0x1p63)
        return sl_schema__invalid(kw, err, "must be an integer, at least 0");
    *out = (uint64_t)d;
    return 0;
}

struct json_object *sl_schema__sibling(const struct keyword *kw, const char *name)
{
    return sl_json_get(kw->node->json, name);
}

static int compile_node(struct compiler *c, struct node *node, struct sl_error *err)
{
    struct json_object *value;
    size_t n = 0;
    int rc = 0;
    if (node->is_boolean)
        return 0;
    for (size_t i = 0; sl_schema__kinds[i]; i++)
        n += json_object_object_get_ex(node->json, sl_schema__kinds[i]->name, NULL) ? 1 : 0;
    node->keywords = sl_arena_array(c->set->arena, n, sizeof *node->keywords);
    for (size_t i = 0; rc == 0 && sl_schema__kinds[i]; i++) {
        const struct keyword_kind *kind = sl_schema__kinds[i];
        if (!kind->check || !(kind->vocabulary & node->resource->vocabularies) ||
            !json_object_object_get_ex(node->json, kind->name, &value))
            continue;
        struct keyword *kw = &node->keywords[node->n_keywords];
        *kw = (struct keyword){kind, node, value, NULL};
        rc = kind->compile(c, kw, err);
        /* Counted only when whole, so that nothing reads the data of one that failed. */
        if (rc == 0)
            node->n_keywords++;
        if (kind == &sl_schema__unevaluated_items || kind == &sl_schema__unevaluated_properties)
            node->tracks = true;
    }
    return rc;
}

static int work_off(struct compiler *c, struct sl_error *err)
{
    int rc = 0;
    while (rc == 0) {
        /* Any of them may be the target of a $dynamicRef. */
        for (size_t i = 0; !c->queue && i < c->set->n_dynamic; i++)
            sl_schema__queue(c, c->set->dynamic[i]);
        struct node *node = c->queue;
        if (!node)
            break;
        c->queue = node->next;
        rc = compile_node(c, node, err);
    }
    return rc;
}

int sl_schema_compile(struct sl_schema_set *set, const char *uri, const struct sl_schema **out, struct sl_error *err)
{
    struct compiler c = {.set = set};
    struct node *node;
    const char *anchor;
    int rc = sl_schema__resolve(set, "", uri, &node, &anchor, err);
    if (rc != 0)
        return rc;
    sl_schema__queue(&c, node);
    rc = work_off(&c, err);
    if (rc != 0)
        return rc;
    struct sl_schema *schema = sl_arena_alloc(set->arena, sizeof *schema);
    *schema = (struct sl_schema){node, set->options.assert_format,
                                 set->options.max_depth > 0 ? set->options.max_depth : DEFAULT_DEPTH};
    *out = schema;
    return 0;
}

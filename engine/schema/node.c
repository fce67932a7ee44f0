/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "schema/internal.h"
#include "schema/uri.h"

struct node *sl_schema__node_of(struct sl_schema_set *set, struct json_object *json)
{
    return sl_schema__map_get_address(&set->by_json, json);
}

/* The vocabularies of the metaschema that $schema names; the draft's own for one that says none. */
static int read_vocabularies(struct sl_schema_set *set, const char *dialect, unsigned *out, struct sl_error *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"core", VOCAB_CORE},
                 {"applicator", VOCAB_APPLICATOR},
                 {"unevaluated", VOCAB_UNEVALUATED},
                 {"validation", VOCAB_VALIDATION},
                 {"format-annotation", VOCAB_FORMAT},
                 {"format-assertion", VOCAB_FORMAT_ASSERTION},
                 {"meta-data", 0},
                 {"content", 0}};
    struct resource *metaschema;
    if (!strcmp(dialect, SL_SCHEMA__DRAFT "schema") || !strcmp(dialect, SL_SCHEMA__DRAFT "schema#"))
        return 0;
    if (sl_schema__resource(set, dialect, &metaschema, err) != 0)
        return sl_fail(err, SL_E_SCHEMA_INVALID, "\"$schema\": \"%s\" is not a dialect that is known here", dialect);
    struct json_object *vocabularies = sl_json_get(metaschema->root->json, "$vocabulary");
    if (!json_object_is_type(vocabularies, json_type_object))
        return 0;
    *out = VOCAB_CORE;
    json_object_object_foreach(vocabularies, uri, required)
    {
        size_t i = 0, n = sizeof known / sizeof *known, prefix = strlen(SL_SCHEMA__DRAFT "vocab/");
        bool ours = !strncmp(uri, SL_SCHEMA__DRAFT "vocab/", prefix);
        while (ours && i < n && strcmp(uri + prefix, known[i].name) != 0)
            i++;
        if (ours && i < n)
            *out |= known[i].bit;
        else if (json_object_get_boolean(required))
            return sl_fail(err, SL_E_SCHEMA_INVALID, "vocabulary \"%s\" is required, but not known here", uri);
    }
    return 0;
}

static int register_resource(struct sl_schema_set *set, struct resource *r, const char *uri, struct sl_error *err)
{
    const struct resource *other = sl_schema__map_get(&set->by_uri, uri);
    if (other && other != r)
        return sl_fail(err, SL_E_SCHEMA_INVALID, "two schemas have the identifier \"%s\"", uri);
    sl_schema__map_put(&set->by_uri, uri, r);
    return 0;
}

/* A node with an $id, and the root of a document, are resources of their own. */
static int open_resource(struct sl_schema_set *set, struct node *node, const struct resource *parent,
                         const char *base, struct sl_error *err)
{
    const char *id = sl_json_str(node->json, "$id", NULL);
    char *uri = sl_schema__uri_resolve(set->arena, base, id ? id : "");
    if (*sl_schema__uri_split(uri))
        return sl_fail(err, SL_E_SCHEMA_INVALID, "\"$id\": \"%s\" must not have a fragment", id ? id : base);
    struct resource *r = sl_arena_alloc(set->arena, sizeof *r);
    *r = (struct resource){.uri = uri, .root = node, .vocabularies = parent ? parent->vocabularies : VOCAB_ALL};
    node->resource = r;
    int rc = register_resource(set, r, uri, err);
    const char *dialect = sl_json_str(node->json, "$schema", NULL);
    if (rc == 0 && dialect)
        rc = read_vocabularies(set, dialect, &r->vocabularies, err);
    return rc;
}

static int add_anchor(struct sl_schema_set *set, struct node *node, const char *keyword, bool dynamic,
                      struct sl_error *err)
{
    const char *name = sl_json_str(node->json, keyword, NULL);
    if (!name)
        return 0;
    const struct anchor *other = sl_schema__map_get(&node->resource->anchors, name);
    if (other && other->node != node)
        return sl_fail(err, SL_E_SCHEMA_INVALID, "two schemas of %s have the anchor \"%s\"", node->resource->uri,
                       name);
    struct anchor *a = sl_arena_alloc(set->arena, sizeof *a);
    *a = (struct anchor){node, dynamic || (other && other->dynamic)};
    sl_schema__map_put(&node->resource->anchors, name, a);
    if (!dynamic)
        return 0;
    if (set->n_dynamic == set->dynamic_capacity) {
        set->dynamic_capacity = set->dynamic_capacity ? set->dynamic_capacity * 2 : 16;
        set->dynamic = sl_xrealloc(set->dynamic, set->dynamic_capacity * sizeof(struct node *));
    }
    set->dynamic[set->n_dynamic++] = node;
    return 0;
}

static int child(struct sl_schema_set *set, const struct node *node, const char *keyword, const char *token,
                 struct json_object *json, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf pointer;
    struct node *ignored;
    sl_buf_init(&pointer, SIZE_MAX / 2);
    sl_buf_puts(&pointer, node->pointer);
    sl_json_pointer_add(&pointer, keyword);
    if (token)
        sl_json_pointer_add(&pointer, token);
    return sl_schema__node_new(set, json, node->resource, sl_arena_strdup(set->arena, pointer.data), &ignored, err);
}

static int wrong_shape(const struct node *node, const char *keyword, const char *what, struct sl_error *err)
{
    return sl_fail(err, SL_E_SCHEMA_INVALID, "%s#%s/%s must be %s", node->resource->uri, node->pointer, keyword, what);
}

static int children(struct sl_schema_set *set, const struct node *node, const struct keyword_kind *kind,
                    struct json_object *value, struct sl_error *err)
{
    int rc = 0;
    switch (kind->shape) {
    case SHAPE_ONE:
        return child(set, node, kind->name, NULL, value, err);
    case SHAPE_LIST:
        if (!json_object_is_type(value, json_type_array))
            return wrong_shape(node, kind->name, "an array of schemas", err);
        for (size_t i = 0; rc == 0 && i < json_object_array_length(value); i++) {
            const char *token = sl_arena_printf(set->arena, "%zu", i);
            rc = child(set, node, kind->name, token, json_object_array_get_idx(value, i), err);
        }
        return rc;
    case SHAPE_MAP:
        if (!json_object_is_type(value, json_type_object))
            return wrong_shape(node, kind->name, "an object of schemas", err);
        json_object_object_foreach(value, key, schema)
        {
            if (rc == 0)
                rc = child(set, node, kind->name, key, schema, err);
        }
        return rc;
    case SHAPE_NONE:
        break;
    }
    return 0;
}

/* parent NULL: `json` is the root of a document whose address is the pointer's place (see document_read). */
static int fill(struct sl_schema_set *set, struct node *node, struct resource *parent, const char *base,
                struct sl_error *err)
{
    int rc = 0;
    struct json_object *value;
    node->resource = parent;
    if (!parent || sl_json_str(node->json, "$id", NULL))
        rc = open_resource(set, node, parent, parent ? parent->uri : base, err);
    if (rc == 0 && node->is_boolean)
        return 0;
    if (rc == 0)
        rc = add_anchor(set, node, "$anchor", false, err);
    if (rc == 0)
        rc = add_anchor(set, node, "$dynamicAnchor", true, err);
    for (size_t i = 0; rc == 0 && sl_schema__kinds[i]; i++) {
        const struct keyword_kind *kind = sl_schema__kinds[i];
        if (kind->shape != SHAPE_NONE && json_object_object_get_ex(node->json, kind->name, &value))
            rc = children(set, node, kind, value, err);
    }
    return rc;
}

static int node_new(struct sl_schema_set *set, struct json_object *json, struct resource *parent, const char *base,
                    const char *pointer, struct node **out, struct sl_error *err)
{
    if (!json_object_is_type(json, json_type_object) && !json_object_is_type(json, json_type_boolean))
        return sl_fail(err, SL_E_SCHEMA_INVALID, "%s#%s is not a schema: expected an object, true or false",
                       parent ? parent->uri : base, pointer);
    struct node *node = sl_arena_alloc(set->arena, sizeof *node);
    node->json = json;
    node->pointer = pointer;
    node->is_boolean = json_object_is_type(json, json_type_boolean);
    node->allow = node->is_boolean && json_object_get_boolean(json);
    sl_schema__map_put_address(&set->by_json, json, node);
    int rc = fill(set, node, parent, base, err);
    if (rc == 0)
        *out = node;
    return rc;
}

int sl_schema__node_new(struct sl_schema_set *set, struct json_object *json, struct resource *parent,
                        const char *pointer, struct node **out, struct sl_error *err)
{
    return node_new(set, json, parent, parent->uri, pointer, out, err);
}

int sl_schema__document_read(struct sl_schema_set *set, size_t index, struct sl_error *err)
{
    struct document d = set->documents[index];
    struct node *root;
    if (d.resource)
        return 0;
    int rc = node_new(set, d.json, NULL, d.uri, "", &root, err);
    if (rc != 0)
        return rc;
    set->documents[index].resource = root->resource;
    return register_resource(set, root->resource, d.uri, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "schema/internal.h"
#include "schema/uri.h"

/* A metaschema is parsed when it is first asked for. */
static int find_document(struct sl_schema_set *set, const char *uri, size_t *index)
{
    for (size_t i = 0; i < set->n_documents; i++)
        if (!strcmp(set->documents[i].uri, uri)) {
            *index = i;
            return 0;
        }
    return -1;
}

static int add_metaschema(struct sl_schema_set *set, const char *uri, bool *added, struct sl_error *err)
{
    const char *name = uri + strlen(SL_SCHEMA__DRAFT);
    *added = false;
    if (strncmp(uri, SL_SCHEMA__DRAFT, strlen(SL_SCHEMA__DRAFT)) != 0)
        return 0;
    name += strncmp(name, "meta/", 5) ? 0 : 5;
    for (const struct sl_schema__text *t = sl_schema__metaschemas; t->name; t++) {
        if (strncmp(t->name, name, strlen(name)) != 0 || strcmp(t->name + strlen(name), ".json") != 0)
            continue;
        struct sl_doc *doc;
        int rc = sl_json_parse(t->name, t->text, t->bytes, &sl_json_limits_small, &doc, err);
        if (rc != 0)
            return rc;
        rc = sl_schema_set_add(set, uri, doc->root, err);
        if (rc == 0)
            set->documents[set->n_documents - 1].doc = doc;
        else
            sl_doc_free(doc);
        *added = rc == 0;
        return rc;
    }
    return 0;
}

static struct resource *known(struct sl_schema_set *set, const char *uri)
{
    return sl_schema__map_get(&set->by_uri, uri);
}

int sl_schema__resource(struct sl_schema_set *set, const char *uri, struct resource **out, struct sl_error *err)
{
    size_t index;
    int rc = 0;
    bool added = false;
    struct resource *found = known(set, uri);
    if (!found && find_document(set, uri, &index) == 0)
        rc = sl_schema__document_read(set, index, err);
    else if (!found)
        rc = add_metaschema(set, uri, &added, err);
    if (rc == 0 && added)
        rc = sl_schema__document_read(set, set->n_documents - 1, err);
    /* It may be an $id inside of a document that nobody has asked for. */
    for (size_t i = 0; rc == 0 && !(found = known(set, uri)) && i < set->n_documents; i++)
        rc = sl_schema__document_read(set, i, err);
    if (rc == 0 && !found)
        return sl_fail(err, SL_E_SCHEMA_REF, "schema \"%s\" is not known (nothing is fetched)", uri);
    if (rc == 0)
        *out = found;
    return rc;
}

/* The node at a pointer; one under a keyword that is not known becomes a node of the nearest resource above. */
static int at_pointer(struct sl_schema_set *set, struct resource *r, const char *pointer, struct node **out,
                      struct sl_error *err)
{
    struct json_object *target;
    struct resource *nearest = r;
    if (!sl_json_pointer_get(r->root->json, pointer, &target))
        return sl_fail(err, SL_E_SCHEMA_REF, "%s has nothing at \"%s\"", r->uri, pointer);
    struct node *node = target ? sl_schema__node_of(set, target) : NULL;
    if (node) {
        *out = node;
        return 0;
    }
    for (const char *slash = strchr(pointer, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct json_object *above;
        char *prefix = sl_arena_strndup(set->arena, pointer, (size_t)(slash - pointer));
        const struct node *n = sl_json_pointer_get(r->root->json, prefix, &above) && above
                                   ? sl_schema__node_of(set, above)
                                   : NULL;
        if (n)
            nearest = n->resource;
    }
    const char *place = sl_arena_printf(set->arena, "%s%s", r->root->pointer, pointer);
    return sl_schema__node_new(set, target, nearest, place, out, err);
}

int sl_schema__resolve(struct sl_schema_set *set, const char *base, const char *ref, struct node **out,
                       const char **anchor, struct sl_error *err)
{
    struct resource *r;
    char *uri = sl_schema__uri_resolve(set->arena, base, ref);
    char *fragment = sl_schema__uri_split(uri);
    *anchor = NULL;
    int rc = sl_schema__resource(set, uri, &r, err);
    if (rc != 0)
        return rc;
    sl_schema__uri_decode(fragment);
    if (!*fragment) {
        *out = r->root;
        return 0;
    }
    if (*fragment == '/')
        return at_pointer(set, r, fragment, out, err);
    const struct anchor *a = sl_schema__map_get(&r->anchors, fragment);
    if (!a)
        return sl_fail(err, SL_E_SCHEMA_REF, "%s has no anchor \"%s\"", r->uri, fragment);
    *anchor = fragment;
    *out = a->node;
    return 0;
}

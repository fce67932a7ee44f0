/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/text.h"
#include "json/json.h"
#include "schema/schema.h"

static const char *const collections[] = {"manifests", "runs", "assets", "events", "processes"};

enum { N_COLLECTIONS = sizeof collections / sizeof *collections };

struct sl_ledger_schemas {
    struct sl_schema_set *set;
    const struct sl_schema *schemas[N_COLLECTIONS];
    struct json_object *json[N_COLLECTIONS];
};

void sl_ledger_free(struct sl_ledger *ledger)
{
    if (ledger)
        ledger->ops->free(ledger);
}

static int add_schema(struct sl_ledger_schemas *s, const char *dir, size_t i, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    const char *path = sl_arena_printf(arena, "%s/ledger/%s.schema.json", dir, collections[i]);
    const char *uri = sl_arena_printf(arena, "sluice:ledger/%s", collections[i]);
    int rc = sl_json_parse_file(path, &sl_json_limits_small, &doc, err);
    if (rc < 0 || (rc = sl_schema_set_add(s->set, uri, doc->root, err)) < 0)
        return rc;
    s->json[i] = json_object_get(doc->root);
    return sl_schema_compile(s->set, uri, &s->schemas[i], err);
}

int sl_ledger_schemas_load(const char *schemas_dir, struct sl_ledger_schemas **out, struct sl_error *err)
{
    static const struct sl_schema_options options = {.assert_format = false};
    struct sl_ledger_schemas *s = sl_xcalloc(1, sizeof *s);
    s->set = sl_schema_set_new(&options);
    for (size_t i = 0; i < N_COLLECTIONS; i++) {
        int rc = add_schema(s, schemas_dir, i, err);
        if (rc < 0) {
            sl_ledger_schemas_free(s);
            return rc;
        }
    }
    *out = s;
    return 0;
}

void sl_ledger_schemas_free(struct sl_ledger_schemas *schemas)
{
    if (!schemas)
        return;
    sl_schema_set_free(schemas->set);
    for (size_t i = 0; i < N_COLLECTIONS; i++)
        json_object_put(schemas->json[i]);
    free(schemas);
}

struct json_object *sl_ledger_schema(const struct sl_ledger_schemas *schemas, const char *collection)
{
    for (size_t i = 0; i < N_COLLECTIONS; i++)
        if (!strcmp(collection, collections[i]))
            return schemas->json[i];
    return NULL;
}

int sl_ledger_check_collection(const char *name, struct sl_error *err)
{
    for (size_t i = 0; i < N_COLLECTIONS; i++)
        if (!strcmp(name, collections[i]))
            return 0;
    const char *near = sl_text_nearest(name, collections, N_COLLECTIONS);
    int rc = sl_fail(err, SL_E_LEDGER_FILTER, "the ledger has no collection \"%s\"", name);
    if (near)
        sl_error_hint(err, "did you mean \"%s\"?", near);
    else
        sl_error_hint(err, "there are manifests, runs, assets, events and processes");
    return rc;
}

int sl_ledger_check(const struct sl_ledger_schemas *schemas, const char *collection, struct json_object *doc,
                    struct sl_error *err)
{
    size_t i = 0;
    while (i < N_COLLECTIONS && strcmp(collection, collections[i]) != 0)
        i++;
    if (i == N_COLLECTIONS)
        return sl_fail(err, SL_E_INTERNAL, "the ledger has no collection \"%s\"", collection);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_violations violations = {.arena = arena, .max = 1};
    if (sl_schema_check(schemas->schemas[i], doc, &violations))
        return 0;
    const struct sl_violation *v = violations.n ? &violations.items[0] : NULL;
    return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a document for %s is not valid: %s %s", collection,
                   v && v->instance_pointer[0] ? v->instance_pointer : "the whole", v ? v->message : "is wrong");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/file.h"
#include "manifest/internal.h"

struct sl_manifest_checker {
    struct sl_schema_set *set;
    const struct sl_schema *schema;
};

const struct sl_schema *sl_manifest__schema(const struct sl_manifest_checker *checker)
{
    return checker->schema;
}

int sl_manifest_checker_new(const char *schemas_dir, struct sl_manifest_checker **out, struct sl_error *err)
{
    static const char uri[] = "urn:sluice:manifest";
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int rc = sl_json_parse_file(sl_path_join(arena, schemas_dir, "manifest.schema.json"), &sl_json_limits_small, &doc,
                                err);
    if (rc != 0)
        return rc;
    struct sl_manifest_checker *c = sl_xcalloc(1, sizeof *c);
    c->set = sl_schema_set_new(NULL);
    rc = sl_schema_set_add(c->set, uri, doc->root, err);
    if (rc == 0)
        rc = sl_schema_compile(c->set, uri, &c->schema, err);
    if (rc == 0)
        *out = c;
    else
        sl_manifest_checker_free(c);
    return rc;
}

void sl_manifest_checker_free(struct sl_manifest_checker *checker)
{
    if (checker) {
        sl_schema_set_free(checker->set);
        free(checker);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which system of reference a unit is in: by the file, the manifest and the policy. */
#include "run/batch.h"

static int manifest_crs(struct sl_batch *b, const struct sl_manifest_file *file, const struct sl_crs **out,
                        struct sl_error *err)
{
    *out = NULL;
    if (!file->crs && !file->crs_projjson)
        return 0;
    struct sl_crs *crs = sl_arena_alloc(b->arena, sizeof *crs);
    int rc = file->crs ? sl_crs_parse(file->crs, b->arena, crs, err)
                       : sl_crs_parse_projjson(file->crs_projjson, b->arena, crs, err);
    if (rc == 0)
        *out = crs;
    return rc;
}

/* A file's system lives as long as the file is open; the unit's longer. */
const struct sl_crs *sl_batch_copy_crs(struct sl_arena *arena, const struct sl_crs *crs)
{
    struct sl_crs *copy = sl_arena_alloc(arena, sizeof *copy);
    *copy = (struct sl_crs){.id = sl_arena_strdup(arena, crs->id),
                            .name = sl_arena_strdup(arena, crs->name),
                            .wkt = sl_arena_strdup(arena, crs->wkt),
                            .projjson = sl_arena_strdup(arena, crs->projjson),
                            .unit = sl_arena_strdup(arena, crs->unit),
                            .geographic = crs->geographic,
                            .confidence = crs->confidence};
    return copy;
}

int sl_batch_decide_source_crs(struct sl_batch *b, struct sl_source *source, const struct sl_crs *file_crs,
                               struct sl_error *err)
{
    const struct sl_crs *said = NULL, *used = NULL;
    int rc = manifest_crs(b, source->input->file, &said, err);
    if (rc == 0)
        rc = sl_crs_decide(b->crs_policy, source->input->landing_key, file_crs, said, &used, &source->crs_source, err);
    if (rc == 0)
        source->crs = sl_batch_copy_crs(b->arena, used);
    return rc;
}

int sl_batch_decide_crs(struct sl_batch *b, struct sl_unit *unit, const struct sl_crs *file_crs, struct sl_error *err)
{
    struct sl_source source = {.input = unit->input};
    int rc = sl_batch_decide_source_crs(b, &source, file_crs, err);
    if (rc == 0) {
        unit->crs = source.crs;
        unit->crs_source = source.crs_source;
    }
    return rc;
}

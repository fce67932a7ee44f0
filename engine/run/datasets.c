/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets of the lake that a recipe's steps read: resolved to one version before anything is computed, fetched by hash. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"
#include "lake/outputs.h"
#include "run/batch.h"
#include "run/parts.h"

enum { DATASETS_MAX = 32 };

static bool same(const struct sl_table_ref *a, const struct sl_table_ref *b)
{
    return a->version == b->version && !strcmp(a->dataset, b->dataset);
}

/* What the batch's asset was made with, so that a replay is made with the same. */
static int pinned(struct sl_batch *b, const char *dataset, int64_t *version, struct sl_error *err)
{
    struct sl_ledger *ledger = b->engine->ledger;
    struct json_object *ids = b->replay ? sl_json_get(sl_json_get(b->doc, "replay"), b->into_version ? "into" : "assets") : NULL;
    size_t n = ids ? json_object_array_length(ids) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && *version == 0 && i < n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        rc = ledger->ops->get_asset(ledger, json_object_get_string(json_object_array_get_idx(ids, i)), &doc, err);
        struct json_object *list = doc ? sl_json_get(doc, "datasets") : NULL;
        size_t most = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
        for (size_t k = 0; k < most; k++) {
            struct json_object *o = json_object_array_get_idx(list, k);
            /* One that the recipe names by number is not what its latest was. */
            if (!strcmp(sl_json_str(o, "dataset_id", ""), dataset) && sl_json_bool(o, "latest", false))
                *version = sl_json_int(o, "version", 0);
        }
    }
    return rc;
}

static int not_there(struct sl_batch *b, const struct sl_step *step, const struct sl_table_ref *ref, int64_t version,
                     struct sl_error *err)
{
    struct sl_ledger *ledger = b->engine->ledger;
    SL_CLEANUP(sl_json_putp) struct json_object *latest = NULL;
    int rc = ledger->ops->get_latest_asset(ledger, ref->dataset, &latest, err);
    if (rc < 0)
        return rc;
    if (latest) {
        sl_fail(err, SL_E_RECIPE_OPTION, "step %s: dataset \"%s\" has no version %" PRId64, step->kind->name, ref->dataset, version);
        sl_error_hint(err, "the latest is %" PRId64, sl_json_int(latest, "version", 0));
        return -SL_E_RECIPE_OPTION;
    }
    const char *near = sl_dataset_nearest(b->engine, ref->dataset, b->arena);
    sl_fail(err, SL_E_RECIPE_OPTION, "step %s: there is no dataset \"%s\" in the lake", step->kind->name, ref->dataset);
    if (near)
        sl_error_hint(err, "did you mean \"%s\"?", near);
    return -SL_E_RECIPE_OPTION;
}

static int resolve(struct sl_batch *b, const struct sl_step *step, struct sl_dataset *d, struct sl_error *err)
{
    struct sl_ledger *ledger = b->engine->ledger;
    int64_t version = d->ref.version;
    int rc = version ? 0 : pinned(b, d->ref.dataset, &version, err);
    if (rc == 0)
        rc = version ? ledger->ops->get_asset_version(ledger, d->ref.dataset, version, &d->asset, err)
                     : ledger->ops->get_latest_asset(ledger, d->ref.dataset, &d->asset, err);
    if (rc == 0 && !d->asset)
        rc = not_there(b, step, &d->ref, version, err);
    if (rc < 0)
        return rc;
    d->name = sl_arena_printf(b->arena, "%s v%" PRId64, d->ref.dataset, sl_json_int(d->asset, "version", 0));
    const char *media_type = sl_asset_rows_media_type(d->asset);
    if (!strcmp(media_type, sl_output_geoparquet.media_type))
        return 0;
    sl_fail(err, SL_E_RECIPE_OPTION, "step %s: %s is %s", step->kind->name, d->name, media_type);
    sl_error_hint(err, "a step reads datasets that are GeoParquet");
    return -SL_E_RECIPE_OPTION;
}

int sl_batch_find_datasets(struct sl_batch *b, struct sl_error *err)
{
    b->datasets = sl_arena_array(b->arena, DATASETS_MAX, sizeof *b->datasets);
    int rc = 0;
    for (size_t i = 0; i < b->bound.recipe->n_steps; i++) {
        const struct sl_step *step = &b->bound.steps[i];
        struct sl_table_ref refs[SL_STEP_TABLES_MAX];
        size_t n = step->kind->reads ? step->kind->reads(step->options, refs) : 0;
        for (size_t k = 0; rc == 0 && k < n; k++) {
            bool known = !refs[k].dataset;
            for (size_t j = 0; !known && j < b->n_datasets; j++)
                known = same(&b->datasets[j].ref, &refs[k]);
            if (known)
                continue;
            if (b->n_datasets == DATASETS_MAX)
                return sl_fail(err, SL_E_LIMIT, "recipe %s reads more than %d datasets", b->bound.recipe->name, DATASETS_MAX);
            b->datasets[b->n_datasets].ref = refs[k];
            rc = resolve(b, step, &b->datasets[b->n_datasets++], err);
        }
    }
    return rc;
}

struct json_object *sl_batch_datasets_json(const struct sl_batch *b)
{
    static const char *const members[] = {"dataset_id", "version", "bucket", "s3_key", "content_hash", "size_bytes"};
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < b->n_datasets; i++) {
        struct json_object *o = json_object_new_object(), *asset = b->datasets[i].asset;
        for (size_t k = 0; k < sizeof members / sizeof *members; k++)
            sl_json_put(o, members[k], json_object_get(sl_json_get(asset, members[k])));
        sl_json_put_str(o, "asset_id", sl_json_str(asset, "_id", NULL));
        sl_json_put(o, "latest", json_object_new_boolean(b->datasets[i].ref.version == 0));
        json_object_array_add(list, o);
    }
    return list;
}

/* ---- loading ---- */

static int may_go_on(void *data, struct sl_error *err)
{
    return sl_batch_mine(data, err);
}

static int fetch(struct sl_batch *b, struct sl_dataset *d, struct sl_error *err)
{
    const char *path = sl_arena_printf(b->arena, "%s/lake-%zu.parquet", b->scratch, (size_t)(d - b->datasets));
    int rc = d->local_path ? 0 : sl_batch_mine(b, err);
    if (rc < 0 || d->local_path)
        return rc;
    rc = sl_asset_fetch_rows(b->engine, d->asset, path, may_go_on, b, err);
    if (rc == 0)
        d->local_path = path;
    return rc;
}

/* A code where there is one; else the definition that the asset's STAC item has. */
static int crs_of(struct sl_batch *b, const struct sl_dataset *d, const struct sl_crs **out, struct sl_error *err)
{
    const char *id = sl_json_str(d->asset, "crs", "");
    struct sl_crs *crs = sl_arena_alloc(b->arena, sizeof *crs);
    struct json_object *properties = sl_json_get(sl_json_get(d->asset, "stac"), "properties");
    int rc = sl_crs_well_formed(id) ? sl_crs_parse(id, b->arena, crs, err)
                                    : sl_crs_parse_projjson(sl_json_get(properties, "proj:projjson"), b->arena, crs, err);
    if (rc == 0)
        *out = crs;
    return rc;
}

static const char *geometry_of(struct sl_batch *b, const struct sl_dataset *d)
{
    struct json_object *columns = sl_json_get(d->asset, "columns");
    size_t n = json_object_is_type(columns, json_type_array) ? json_object_array_length(columns) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(columns, i);
        if (!strncasecmp(sl_json_str(c, "type", ""), "geometry", strlen("geometry")))
            return sl_arena_strdup(b->arena, sl_json_str(c, "name", NULL));
    }
    return NULL;
}

int sl_batch_load_dataset(struct sl_batch *b, struct sl_dataset *d, struct sl_work *w, struct sl_work_table *other,
                          struct sl_error *err)
{
    struct sl_parquet_file file = {.as = b->bound.recipe->geometry_column, .geometry = geometry_of(b, d)};
    other->ref = d->ref;
    other->name = d->name;
    int rc = fetch(b, d, err);
    if (rc == 0 && file.geometry)
        rc = crs_of(b, d, &file.crs, err);
    file.path = d->local_path;
    if (rc == 0)
        rc = sl_work_load_dataset(w, &file, other, err);
    if (rc < 0)
        sl_error_prefix(err, "%s", d->name);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Publish: versions, objects, catalog rows, and the ledger's commit last. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sha256.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/batch.h"
#include "run/conserve.h"
#include "run/parts.h"
#include "run/unpublished.h"
#include "store/store.h"

static int is_committed(void *data, const char *bucket, const char *key, bool *out, struct sl_error *err)
{
    struct sl_batch *b = data;
    struct json_object *doc = NULL;
    int rc = b->engine->ledger->ops->get_asset_by_key(b->engine->ledger, bucket, key, &doc, err);
    if (rc == 0)
        *out = doc != NULL;
    json_object_put(doc);
    return rc;
}

static int mine(void *data, struct sl_error *err)
{
    struct sl_batch *b = data;
    int rc = sl_batch_mine(b, err);
    return rc < 0 ? rc : b->engine->ledger->ops->renew(b->engine->ledger, &b->lease, b->engine->config->run_lease_ms, err);
}

static struct sl_lake_object asset_object(const struct sl_batch *b, const struct sl_planned_asset *a)
{
    return (struct sl_lake_object){.bucket = b->engine->config->lake_bucket,
                                   .key = a->key,
                                   .path = a->local_path,
                                   .size_bytes = a->size_bytes,
                                   .content_type = sl_planned_media_type(a),
                                   .sha256_hex = a->sha256_hex,
                                   .asset_id = a->asset_id,
                                   .run_id = b->run_id};
}

/* An object of the version beside the asset's own; its key, hash and size go into the asset's document. */
static struct sl_lake_object object_at(struct sl_batch *b, struct sl_planned_asset *a, const char *kind, const char *key,
                                       const char *media_type, const char *hex, int64_t bytes)
{
    const struct sl_lake_object object = {.bucket = b->engine->config->lake_bucket,
                                          .key = key,
                                          .content_type = media_type,
                                          .sha256_hex = hex,
                                          .asset_id = a->asset_id,
                                          .run_id = b->run_id};
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "kind", kind);
    sl_json_put_str(o, "s3_key", object.key);
    sl_json_put_str(o, "media_type", media_type);
    sl_json_put_str(o, "content_hash", sl_arena_printf(b->arena, "sha256:%s", hex));
    sl_json_put_int(o, "size_bytes", bytes);
    json_object_array_add(sl_json_get(a->doc, "documents"), o);
    return object;
}

static struct sl_lake_object object_beside(struct sl_batch *b, struct sl_planned_asset *a, const char *kind,
                                           const char *suffix, const char *media_type, const char *hex, int64_t bytes)
{
    return object_at(b, a, kind, sl_lake_key(b->arena, a->dataset_id, a->version, suffix), media_type, hex, bytes);
}

static struct sl_lake_object part_object(struct sl_batch *b, struct sl_planned_asset *a, const struct sl_lake_part *part)
{
    struct sl_lake_object object = object_at(b, a, "part", sl_part_key(b->arena, a->dataset_id, a->version, part),
                                             a->parts->media_type, part->sha256_hex, part->bytes);
    object.path = part->path;
    object.size_bytes = part->bytes;
    return object;
}

/* A STAC item or an ISO record. */
static struct sl_lake_object document_object(struct sl_batch *b, struct sl_planned_asset *a, const char *kind,
                                             const char *suffix, const char *media_type, const char *text)
{
    char *hex = sl_arena_alloc(b->arena, SL_SHA256_HEX_BYTES);
    sl_sha256_of(text, strlen(text), hex);
    struct sl_lake_object object = object_beside(b, a, kind, suffix, media_type, hex, (int64_t)strlen(text));
    object.text = text;
    return object;
}

static struct sl_lake_object thumbnail_object(struct sl_batch *b, struct sl_planned_asset *a)
{
    struct sl_lake_object object =
        object_beside(b, a, "thumbnail", "thumbnail.png", "image/png", a->thumbnail_sha256, a->thumbnail_bytes);
    object.path = a->thumbnail_path;
    object.size_bytes = a->thumbnail_bytes;
    return object;
}

static int enter_in_catalog(struct sl_batch *b, const struct sl_planned_asset *a, struct sl_error *err)
{
    double bounds[4];
    struct json_object *list = sl_json_get(a->doc, "bounds");
    bool bounded = json_object_array_length(list) == 4;
    for (size_t i = 0; bounded && i < 4; i++)
        bounds[i] = json_object_get_double(json_object_array_get_idx(list, i));
    const struct sl_catalog_asset row = {.id = a->asset_id,
                                         .dataset_id = a->dataset_id,
                                         .version = a->version,
                                         .batch_id = b->lease.batch_id,
                                         .run_id = b->run_id,
                                         .kind = sl_json_str(a->doc, "kind", NULL),
                                         .bucket = b->engine->config->lake_bucket,
                                         .s3_key = a->key,
                                         .media_type = sl_planned_media_type(a),
                                         .content_hash = sl_json_str(a->doc, "content_hash", NULL),
                                         .crs = sl_json_str(a->doc, "crs", NULL),
                                         .size_bytes = a->size_bytes,
                                         .row_count = sl_json_int(a->doc, "row_count", -1),
                                         .bounds = bounded ? bounds : NULL,
                                         .created_at = sl_json_str(a->doc, "created_at", NULL),
                                         .attempt = b->lease.attempt};
    return sl_catalog_put_asset(b->engine->catalog, &row, err);
}

/* Beside its parts: the asset's own object, two documents, a picture, a list of fields. */
enum { BESIDE_MAX = 5 };

static int publish_one(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    int rc = b->engine->ledger->ops->reserve_version(b->engine->ledger, &b->lease, a->dataset_id, &a->version, err);
    if (rc < 0)
        return rc;
    size_t n = 0, n_parts = a->parts ? a->parts->n : 0;
    a->key = sl_lake_key(b->arena, a->dataset_id, a->version, sl_planned_suffix(a));
    sl_batch_describe_asset(b, a);
    struct sl_lake_object *objects = sl_arena_array(b->arena, n_parts + BESIDE_MAX, sizeof *objects);
    for (size_t i = 0; i < n_parts; i++)
        objects[n++] = part_object(b, a, &a->parts->items[i]);
    objects[n++] = asset_object(b, a);
    if (a->stac_text)
        objects[n++] = document_object(b, a, "stac", "stac.json", "application/geo+json", a->stac_text);
    if (a->iso_text)
        objects[n++] = document_object(b, a, "iso19115", "iso19115.json", "application/json", a->iso_text);
    if (a->fields_text)
        objects[n++] = document_object(b, a, "fields", "fields.json", "application/vnd.sluice.fields+json", a->fields_text);
    if (a->thumbnail_path)
        objects[n++] = thumbnail_object(b, a);
    rc = sl_lake_put_all(b->engine->store, objects, n, is_committed, mine, b, err);
    if (rc == 0)
        rc = enter_in_catalog(b, a, err);
    return rc;
}

static bool to_publish(const struct sl_batch *b, struct sl_planned_asset *a)
{
    if (a->linked || b->into_version)
        return false;
    const char *before = a->before ? sl_json_str(a->before, "content_hash", "") : NULL;
    a->stands = before && !b->force && !strcmp(before + strlen("sha256:"), a->sha256_hex);
    return !a->stands;
}

static struct json_object *short_asset(const struct json_object *doc)
{
    struct json_object *o = json_object_new_object(), *d = (struct json_object *)(uintptr_t)doc;
    sl_json_put_str(o, "asset_id", sl_json_str(d, "_id", NULL));
    sl_json_put_str(o, "dataset_id", sl_json_str(d, "dataset_id", NULL));
    sl_json_put_int(o, "version", sl_json_int(d, "version", 0));
    sl_json_put_str(o, "content_hash", sl_json_str(d, "content_hash", NULL));
    if (!strcmp(sl_json_str(d, "kind", ""), "quarantine")) {
        sl_json_put_str(o, "kind", "quarantine");
        sl_json_put(o, "rows", json_object_get(sl_json_get(d, "row_count")));
        sl_json_put(o, "reasons", json_object_get(sl_json_get(sl_json_get(d, "metadata"), "reasons")));
    }
    return o;
}

/* A replay into a version: what became of it, and what the batch stands for as before. */
static void add_kept(const struct sl_batch *b, struct json_object *list)
{
    struct json_object *ids = sl_json_get(sl_json_get(b->doc, "replay"), "assets");
    size_t n = json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(ids, i));
        bool listed = false;
        for (size_t k = 0; k < json_object_array_length(list); k++)
            listed |= !strcmp(sl_json_str(json_object_array_get_idx(list, k), "asset_id", ""), id);
        struct json_object *o = listed ? NULL : json_object_new_object();
        if (!o)
            continue;
        sl_json_put_str(o, "asset_id", id);
        sl_json_put_str(o, "how", "kept");
        json_object_array_add(list, o);
    }
}

static void add_restored(const struct sl_batch *b, const struct sl_planned_asset *a, struct json_object *list)
{
    if (!a->before)
        return;
    struct json_object *o = short_asset(a->before);
    sl_json_put_str(o, "how", a->restored);
    sl_json_put_str(o, "computed_hash", sl_arena_printf(b->arena, "sha256:%s", a->sha256_hex));
    json_object_array_add(list, o);
}

/* outputs: what this run stands for, each new, linked (deduplicated) or same (a replay's bytes were the same). */
static struct json_object *outputs_json(const struct sl_batch *b)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; b->into_version && i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++)
            add_restored(b, &b->units[i].assets[k], list);
    if (b->into_version) {
        add_kept(b, list);
        return list;
    }
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            const struct sl_planned_asset *a = &b->units[i].assets[k];
            struct json_object *o = short_asset(a->linked ? a->linked : a->stands ? a->before : a->doc);
            sl_json_put_str(o, "how", a->linked ? "linked" : a->stands ? "same" : "new");
            if (a->before && !a->stands)
                sl_json_put_int(o, "before_version", sl_json_int(a->before, "version", 0));
            json_object_array_add(list, o);
        }
    return list;
}

static int conserve_rows(const struct sl_batch *b, struct sl_error *err)
{
    struct sl_row_counts counts = {.in = b->rows_in, .out = b->rows_out, .added = b->added, .dropped = b->dropped};
    for (size_t i = 0; i < b->n_units; i++)
        counts.aside += b->units[i].of ? b->units[i].rows_out : 0;
    return sl_rows_conserved(&counts, err);
}

static int commit(struct sl_batch *b, struct json_object **docs, size_t n, struct sl_stage *stage, struct sl_error *err)
{
    struct json_object *changes = sl_batch_run_changes(b);
    sl_json_put(changes, "outputs", outputs_json(b));
    int rc = sl_batch_mine(b, err);
    if (rc == 0)
        rc = sl_stage_end(b, stage, err);
    sl_json_put(changes, "stages", json_object_get(b->stages));
    if (rc == 0)
        rc = b->engine->ledger->ops->commit(b->engine->ledger, &b->lease, b->run_id, docs, n, changes, err);
    json_object_put(changes);
    return rc;
}

/* ---- what earlier attempts left ---- */

struct cleaning {
    struct sl_batch *b;
    bool all;  /* also under versions that this attempt publishes */
    bool left; /* something could not be cleared */
};

static int may_as_holder(void *data, const struct sl_reservation *r, struct sl_error *err)
{
    (void)r;
    int rc = mine(data, err);
    return rc < 0 ? rc : 1;
}

static bool publishes(const struct sl_batch *b, const struct sl_reservation *r)
{
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            const struct sl_planned_asset *a = &b->units[i].assets[k];
            if (a->key && a->version == r->version && !strcmp(a->dataset_id, r->dataset_id))
                return true;
        }
    return false;
}

static int clean_one(void *data, const struct sl_reservation *r, struct sl_error *err)
{
    struct cleaning *c = data;
    bool cleared = true;
    int rc = c->all || !publishes(c->b, r)
                 ? sl_unpublished_clear(c->b->engine, r, may_as_holder, c->b, &cleared, NULL, err)
                 : 0;
    c->left |= !cleared;
    return rc;
}

static int clean_reserved(struct cleaning *c, struct sl_error *err)
{
    struct sl_ledger *ledger = c->b->engine->ledger;
    return ledger->ops->reservations(ledger, c->b->lease.batch_id, clean_one, c, err);
}

/* The commit gives up the batch's reservations. What an attempt before this one put under one that this attempt does not use,
 * because it links to another's asset by now or names its datasets otherwise, would be found by nobody then. */
static int clean_unused(struct sl_batch *b, struct sl_error *err)
{
    struct cleaning unused = {.b = b};
    return b->lease.attempt > 1 ? clean_reserved(&unused, err) : 0;
}

int sl_batch_publish(struct sl_batch *b, struct sl_error *err)
{
    struct sl_stage stage;
    int rc = conserve_rows(b, err);
    if (rc < 0)
        return rc;
    sl_stage_begin(b, &stage, "publish");
    size_t most = b->n_units * b->bound.recipe->n_outputs, n = 0;
    struct json_object **docs = sl_arena_array(b->arena, most, sizeof *docs);
    stage.bytes = 0;
    for (size_t i = 0; rc == 0 && i < b->n_units; i++)
        for (size_t k = 0; rc == 0 && k < b->units[i].n_assets; k++) {
            struct sl_planned_asset *a = &b->units[i].assets[k];
            if (b->into_version)
                rc = sl_batch_restore(b, a, err);
            if (!to_publish(b, a))
                continue;
            rc = publish_one(b, a, err);
            docs[n++] = a->doc;
            stage.bytes += a->parts ? sl_lake_parts_bytes(a->parts) : a->size_bytes;
        }
    stage.count = (int64_t)n;
    if (rc == 0)
        rc = clean_unused(b, err);
    return rc < 0 ? rc : commit(b, docs, n, &stage, err);
}

/* Whatever the version has, unless the ledger stands by it after all. */
static void take_back(struct sl_batch *b, const struct sl_planned_asset *a)
{
    const char *bucket = b->engine->config->lake_bucket;
    bool committed = true;
    if (is_committed(b, bucket, a->key, &committed, NULL) < 0 || committed)
        return;
    (void)sl_store_remove(b->engine->store, bucket, a->key, NULL);
    struct json_object *documents = a->doc ? sl_json_get(a->doc, "documents") : NULL;
    for (size_t j = 0; documents && j < json_object_array_length(documents); j++)
        (void)sl_store_remove(b->engine->store, bucket,
                              sl_json_str(json_object_array_get_idx(documents, j), "s3_key", ""), NULL);
    (void)sl_catalog_remove_asset(b->engine->catalog, a->asset_id, NULL);
}

void sl_batch_unpublish(struct sl_batch *b)
{
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++)
            if (b->units[i].assets[k].key)
                take_back(b, &b->units[i].assets[k]);
    sl_batch_drop_grids(b);
    sl_batch_drop_tables(b);
    struct sl_error why = {0};
    struct cleaning all = {.b = b, .all = true};
    int rc = clean_reserved(&all, &why);
    if (rc == 0 && !all.left)
        rc = b->engine->ledger->ops->release_versions(b->engine->ledger, &b->lease, &why);
    if (rc < 0) /* what the reservations lead to is cleared when the batch is over, or written again by the next attempt */
        sl_log_error(SL_LOG_WARN, "run.unpublish", &why, NULL);
}

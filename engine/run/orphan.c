/* SPDX-License-Identifier: Apache-2.0 */
#include "run/orphan.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "lake/lake.h"
#include "store/store.h"

static bool names(struct json_object *doc, const char *key)
{
    struct json_object *documents = doc ? sl_json_get(doc, "documents") : NULL;
    size_t n = json_object_is_type(documents, json_type_array) ? json_object_array_length(documents) : 0;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(sl_json_str(json_object_array_get_idx(documents, i), "s3_key", ""), key))
            return true;
    return false;
}

/* By its key and not by its metadata: those may be gone while the ledger still stands by the object. */
int sl_lake_key_known(struct sl_engine *e, const char *key, bool *known, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *asset = NULL;
    int64_t version = 0;
    int rc = e->ledger->ops->get_asset_by_key(e->ledger, e->config->lake_bucket, key, &doc, err);
    if (rc < 0)
        return rc;
    const char *dataset = doc ? NULL : sl_lake_key_split(arena, key, &version);
    if (dataset)
        rc = e->ledger->ops->get_asset_version(e->ledger, dataset, version, &asset, err);
    if (rc == 0)
        *known = doc || names(asset, key);
    return rc;
}

int sl_run_at_work(struct sl_engine *e, const char *run_id, bool *at_work, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL, *batch = NULL;
    int rc = run_id ? e->ledger->ops->get_run(e->ledger, run_id, &run, err) : 0;
    if (rc == 0 && run && !strcmp(sl_json_str(run, "status", ""), "running"))
        rc = e->ledger->ops->get_batch(e->ledger, sl_json_str(run, "batch_id", ""), &batch, err);
    if (rc == 0)
        *at_work = batch && !strcmp(sl_json_str(batch, "status", ""), "running") &&
                   !strcmp(sl_json_str(batch, "run_id", ""), run_id);
    return rc;
}

int sl_run_made(struct sl_engine *e, const char *run_id, const char *asset_id, bool *made, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    int rc = run_id ? e->ledger->ops->get_run(e->ledger, run_id, &run, err) : 0;
    if (rc < 0)
        return rc;
    struct json_object *outputs = run ? sl_json_get(run, "outputs") : NULL;
    size_t n = json_object_is_type(outputs, json_type_array) ? json_object_array_length(outputs) : 0;
    *made = false;
    for (size_t i = 0; i < n && asset_id; i++)
        *made |= !strcmp(sl_json_str(json_object_array_get_idx(outputs, i), "asset_id", ""), asset_id);
    return 0;
}

/* Where it is to lie; another object of that name has the time put before the key. */
static int place_aside(struct sl_engine *e, const char *bucket, const char *key, struct sl_arena *arena,
                       const char **new_key, struct sl_error *err)
{
    struct sl_object_info there;
    char at[SL_ISO8601_BYTES];
    *new_key = sl_arena_printf(arena, SL_ORPHANS_PREFIX "%s", key);
    int rc = sl_store_head(e->store, bucket, *new_key, &there, NULL, err);
    if (rc == 0)
        *new_key = sl_arena_printf(arena, SL_ORPHANS_PREFIX "%s/%s", sl_clock_iso8601(at, sl_clock_wall_ns()), key);
    else if (rc != -SL_E_STORE_NOT_FOUND)
        return rc;
    sl_error_clear(err);
    return 0;
}

int sl_orphan_move_while(struct sl_engine *e, const char *bucket, const char *key, const char *etag, sl_orphan_may may,
                         void *data, struct sl_arena *arena, const char **new_key_out, struct sl_error *err)
{
    const struct sl_put_options options = {.if_absent = true, .if_match = etag};
    const char *new_key = NULL;
    int rc = may ? may(data, err) : 1;
    if (rc < 1 || (rc = place_aside(e, bucket, key, arena, &new_key, err)) < 0 ||
        (rc = sl_store_copy(e->store, bucket, key, bucket, new_key, &options, NULL, err)) < 0)
        return rc;
    rc = may ? may(data, err) : 1; /* copying may take its time */
    if (rc < 1) {
        struct sl_error ignored = {0};
        int undone = sl_store_remove(e->store, bucket, new_key, rc < 0 ? &ignored : err);
        return rc < 0 ? rc : undone;
    }
    rc = sl_store_remove(e->store, bucket, key, err);
    if (rc == 0 && new_key_out)
        *new_key_out = new_key;
    return rc;
}

int sl_orphan_move(struct sl_engine *e, const char *bucket, const char *key, const char *etag, struct sl_arena *arena,
                   const char **new_key_out, struct sl_error *err)
{
    return sl_orphan_move_while(e, bucket, key, etag, NULL, NULL, arena, new_key_out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "geo/crs.h"
#include "json/json.h"
#include "run/run.h"

/* The assets that the batch stands for now: those of its last run that made, linked or confirmed any. */
static int current_assets(struct sl_engine *e, struct json_object *batch, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    const char *run_id = sl_json_str(batch, "run_id", NULL);
    struct json_object *ids = json_object_new_array();
    int rc = run_id ? e->ledger->ops->get_run(e->ledger, run_id, &run, err) : 0;
    if (rc < 0) {
        json_object_put(ids);
        return rc;
    }
    struct json_object *outputs = run ? sl_json_get(run, "outputs") : NULL;
    for (size_t i = 0; outputs && i < json_object_array_length(outputs); i++) {
        const char *id = sl_json_str(json_object_array_get_idx(outputs, i), "asset_id", NULL);
        if (id)
            json_object_array_add(ids, json_object_new_string(id));
    }
    /* A replay that failed has no outputs; what it was to be compared with still stands. */
    if (json_object_array_length(ids) == 0) {
        struct json_object *before = sl_json_get(sl_json_get(batch, "replay"), "assets");
        if (before) {
            json_object_put(ids);
            ids = json_object_get(before);
        }
    }
    *out = ids;
    return 0;
}

static void merge(struct json_object *into, struct json_object *from)
{
    if (!from)
        return;
    json_object_object_foreach(from, key, value)
        if (strcmp(key, "crs_policy") != 0)
            json_object_object_add(into, key, json_object_get(value));
}

/* What the run would refuse is refused here, before the batch that stands is opened again. recipe NULL: by intent. */
static int check_request(struct sl_engine *e, const struct sl_replay *replay, const struct sl_recipe *recipe,
                         struct json_object *manifest, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_bound_recipe bound;
    bool fallback;
    enum sl_crs_policy policy;
    const char *policy_name = replay->params ? sl_json_str(replay->params, "crs_policy", NULL) : NULL;
    if (policy_name && !sl_crs_policy_by_name(policy_name, &policy)) {
        sl_fail(err, SL_E_MANIFEST_PARAM, "crs_policy: \"%s\" is not a policy", policy_name);
        sl_error_hint(err, "it is one of fail, trust_file, trust_manifest");
        return -SL_E_MANIFEST_PARAM;
    }
    struct json_object *first = json_object_array_get_idx(sl_json_get(manifest, "files"), 0);
    int rc = recipe ? 0
                    : sl_recipe_select(e->recipes, sl_json_str(manifest, "intent", ""),
                                       sl_json_str(first, "type", NULL), e->config->run_strict_intents, &recipe,
                                       &fallback, err);
    if (rc < 0)
        return rc;
    struct json_object *given = json_object_new_object();
    merge(given, sl_json_get(manifest, "params"));
    merge(given, replay->params);
    rc = sl_recipe_bind(recipe, &e->kinds, given, arena, &bound, err);
    json_object_put(given);
    return rc;
}

int sl_replay_request(struct sl_engine *e, const struct sl_replay *replay, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *request = json_object_new_object();
    const struct sl_recipe *recipe = NULL;
    struct json_object *ids = NULL;
    char at[SL_ISO8601_BYTES];
    int rc = sl_batch_find(e, replay->batch_id, &batch, err);
    if (rc < 0)
        return rc;
    if (strcmp(sl_json_str(batch, "batch_id", ""), replay->batch_id) != 0) {
        struct json_object *error = sl_json_get(batch, "error");
        sl_fail(err, SL_E_REPLAY_INPUT, "the manifest of batch %s was refused, nothing of it was taken in: %s",
                replay->batch_id, error ? sl_json_str(error, "message", "") : "");
        sl_error_hint(err, "correct the manifest and submit it again; the batch_id is still free");
        return -SL_E_REPLAY_INPUT;
    }
    if (replay->recipe) {
        rc = sl_recipe_by_name(e->recipes, replay->recipe, &recipe, err);
        if (rc < 0)
            return rc;
        sl_json_put_str(request, "recipe", recipe->name);
    }
    rc = check_request(e, replay, recipe, sl_json_get(batch, "manifest"), err);
    if (rc == 0)
        rc = current_assets(e, batch, &ids, err);
    if (rc < 0)
        return rc;
    sl_json_put(request, "compare", json_object_new_boolean(json_object_array_length(ids) > 0));
    sl_json_put(request, "assets", ids);
    sl_json_put(request, "force", json_object_new_boolean(replay->force));
    sl_json_put(request, "from_raw", json_object_new_boolean(true));
    if (replay->params)
        sl_json_put(request, "params", json_object_get(replay->params));
    sl_json_put_str(request, "requested_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    return e->ledger->ops->reopen(e->ledger, replay->batch_id, request, err);
}

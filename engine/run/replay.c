/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
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

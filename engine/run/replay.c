/* SPDX-License-Identifier: Apache-2.0 */
#include "run/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "geo/crs.h"
#include "json/json.h"

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* The assets that the batch stands for now: those of its last run that made, linked or confirmed any. */
static void current_assets(struct sl_replaying *r)
{
    struct json_object *outputs = r->last ? sl_json_get(r->last, "outputs") : NULL;
    r->current = json_object_new_array();
    for (size_t i = 0; i < length(outputs); i++) {
        const char *id = sl_json_str(json_object_array_get_idx(outputs, i), "asset_id", NULL);
        if (id)
            json_object_array_add(r->current, json_object_new_string(id));
    }
    /* A replay that failed has no outputs; what it was to be compared with still stands. */
    struct json_object *before = sl_json_get(sl_json_get(r->batch, "replay"), "assets");
    if (length(r->current) == 0 && before) {
        json_object_put(r->current);
        r->current = json_object_get(before);
    }
}

static void merge(struct json_object *into, struct json_object *from)
{
    if (!from)
        return;
    json_object_object_foreach(from, key, value)
        if (strcmp(key, "crs_policy") != 0)
            json_object_object_add(into, key, json_object_get(value));
}

/* ---- into a version ---- */

struct made {
    struct sl_replaying *r;
    char run_id[64];
    char versions[256];
};

static int note_version(void *data, struct json_object *doc, struct sl_error *err)
{
    struct made *m = data;
    int64_t version = sl_json_int(doc, "version", 0);
    size_t used = strlen(m->versions);
    (void)err;
    if (used + 32 < sizeof m->versions)
        snprintf(m->versions + used, sizeof m->versions - used, "%s%s v%" PRId64, used ? ", " : "",
                 sl_json_str(doc, "dataset_id", ""), version);
    if (version != m->r->asked->into_version)
        return 0;
    json_object_array_add(m->r->into, json_object_new_string(sl_json_str(doc, "_id", "")));
    snprintf(m->run_id, sizeof m->run_id, "%s", sl_json_str(doc, "run_id", ""));
    return 0;
}

/* The version's own run says with which recipe and parameters it was made. */
static int find_version(struct sl_engine *e, struct sl_replaying *r, struct sl_error *err)
{
    struct made m = {.r = r};
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "batch_id", r->asked->batch_id);
    const struct sl_find find = {.collection = "assets", .filter = filter, .sort = "dataset_id:1,version:1"};
    r->into = json_object_new_array();
    int rc = e->ledger->ops->find(e->ledger, &find, note_version, &m, err);
    if (rc == 0 && length(r->into) == 0) {
        sl_fail(err, SL_E_ASSET_NOT_FOUND, "batch %s made no version %" PRId64, r->asked->batch_id,
                r->asked->into_version);
        if (m.versions[0])
            sl_error_hint(err, "it made %s", m.versions);
        return -SL_E_ASSET_NOT_FOUND;
    }
    return rc < 0 ? rc : e->ledger->ops->get_run(e->ledger, m.run_id, &r->model, err);
}

/* ---- the check ---- */

static int find_batch(struct sl_engine *e, struct sl_replaying *r, struct sl_error *err)
{
    const char *id = r->asked->batch_id;
    int rc = sl_batch_find(e, id, &r->batch, err);
    if (rc < 0)
        return rc;
    if (strcmp(sl_json_str(r->batch, "batch_id", ""), id) != 0) {
        struct json_object *error = sl_json_get(r->batch, "error");
        sl_fail(err, SL_E_REPLAY_INPUT, "the manifest of batch %s was refused, nothing of it was taken in: %s", id,
                error ? sl_json_str(error, "message", "") : "");
        sl_error_hint(err, "correct the manifest and submit it again; the batch_id is still free");
        return -SL_E_REPLAY_INPUT;
    }
    const char *run_id = sl_json_str(r->batch, "run_id", NULL);
    return run_id ? e->ledger->ops->get_run(e->ledger, run_id, &r->last, err) : 0;
}

static int choose_crs_policy(struct sl_replaying *r, struct sl_error *err)
{
    enum sl_crs_policy policy;
    r->crs_policy = r->asked->params ? sl_json_str(r->asked->params, "crs_policy", NULL) : NULL;
    if (!r->crs_policy && r->model)
        r->crs_policy = sl_json_str(r->model, "crs_policy", NULL);
    if (!r->crs_policy || sl_crs_policy_by_name(r->crs_policy, &policy))
        return 0;
    sl_fail(err, SL_E_MANIFEST_PARAM, "crs_policy: \"%s\" is not a policy", r->crs_policy);
    sl_error_hint(err, "it is one of fail, trust_file, trust_manifest");
    return -SL_E_MANIFEST_PARAM;
}

static int choose_recipe(struct sl_engine *e, struct sl_replaying *r, struct sl_error *err)
{
    bool fallback;
    const struct sl_recipe *recipe = NULL;
    struct json_object *manifest = sl_json_get(r->batch, "manifest");
    struct json_object *first = json_object_array_get_idx(sl_json_get(manifest, "files"), 0);
    const char *named = r->asked->recipe, *type = sl_json_str(first, "type", "");
    if (!named && r->model)
        named = sl_json_str(sl_json_get(r->model, "recipe"), "name", NULL);
    int rc = named ? sl_recipe_by_name(e->recipes, named, &recipe, err)
                   : sl_recipe_select(e->recipes, sl_json_str(manifest, "intent", ""), type,
                                      e->config->run_strict_intents, &recipe, &fallback, err);
    if (rc == 0 && strcmp(recipe->type, type) != 0)
        rc = sl_fail(err, SL_E_RECIPE_INTENT, "recipe %s takes %s files, batch %s has %s", recipe->name, recipe->type,
                     r->asked->batch_id, type);
    if (rc < 0)
        return rc;
    r->given = json_object_new_object();
    merge(r->given, sl_json_get(manifest, "params"));
    merge(r->given, r->model ? sl_json_get(r->model, "params") : NULL);
    merge(r->given, r->asked->params);
    return sl_recipe_bind(recipe, &e->kinds, r->given, r->arena, &r->bound, err);
}

int sl_replay_look(struct sl_engine *e, const struct sl_replay *asked, struct sl_replaying *out, struct sl_error *err)
{
    struct sl_replaying r = {.asked = asked, .arena = sl_arena_new()};
    int rc = 0;
    if (asked->into_version && asked->force)
        rc = sl_fail(err, SL_E_USAGE, "--force makes a new version, --into-version puts one again: one of them");
    if (rc == 0)
        rc = find_batch(e, &r, err);
    if (rc == 0 && asked->into_version)
        rc = find_version(e, &r, err);
    if (rc == 0)
        rc = choose_crs_policy(&r, err);
    if (rc == 0)
        rc = choose_recipe(e, &r, err);
    if (rc < 0) {
        sl_replay_forget(&r);
        return rc;
    }
    current_assets(&r);
    *out = r;
    return 0;
}

void sl_replay_forget(struct sl_replaying *r)
{
    json_object_put(r->batch);
    json_object_put(r->last);
    json_object_put(r->model);
    json_object_put(r->given);
    json_object_put(r->current);
    json_object_put(r->into);
    sl_arena_free(r->arena);
}

/* ---- the request ---- */

static int check_inputs(struct sl_engine *e, const struct sl_replaying *r, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *inputs = NULL;
    bool intact = false;
    int rc = sl_replay_inputs(e, r, &inputs, &intact, err);
    if (rc < 0 || intact)
        return rc;
    for (size_t i = 0; i < length(inputs); i++) {
        struct json_object *in = json_object_array_get_idx(inputs, i);
        const char *state = sl_json_str(in, "state", "");
        if (strcmp(state, "intact") != 0)
            return sl_fail(err, SL_E_REPLAY_INPUT, "%s of batch %s is not in the raw vault as it was (%s)",
                           sl_json_str(in, "landing_path", ""), r->asked->batch_id, state);
    }
    return sl_fail(err, SL_E_REPLAY_INPUT, "batch %s has no file in the raw vault", r->asked->batch_id);
}

/* Parameters of the model go into the request too: the run knows only manifest and request. */
static struct json_object *request_params(const struct sl_replaying *r)
{
    struct json_object *params = json_object_new_object();
    if (r->model)
        merge(params, sl_json_get(r->model, "params"));
    merge(params, r->asked->params);
    if (r->crs_policy)
        sl_json_put_str(params, "crs_policy", r->crs_policy);
    return params;
}

int sl_replay_request(struct sl_engine *e, const struct sl_replay *replay, struct sl_error *err)
{
    struct sl_replaying r = {0};
    char at[SL_ISO8601_BYTES];
    int rc = sl_replay_look(e, replay, &r, err);
    if (rc == 0 && replay->from_raw)
        rc = check_inputs(e, &r, err);
    if (rc < 0) {
        sl_replay_forget(&r);
        return rc;
    }
    SL_CLEANUP(sl_json_putp) struct json_object *request = json_object_new_object();
    if (replay->recipe || r.model)
        sl_json_put_str(request, "recipe", r.bound.recipe->name);
    sl_json_put(request, "compare", json_object_new_boolean(length(r.current) > 0 || r.into));
    sl_json_put(request, "assets", json_object_get(r.current));
    sl_json_put(request, "force", json_object_new_boolean(replay->force));
    sl_json_put(request, "from_raw", json_object_new_boolean(true));
    if (replay->params || r.model)
        sl_json_put(request, "params", request_params(&r));
    if (r.into) {
        sl_json_put_int(request, "into_version", replay->into_version);
        sl_json_put(request, "into", json_object_get(r.into));
    }
    sl_json_put_str(request, "requested_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    rc = e->ledger->ops->reopen(e->ledger, replay->batch_id, request, NULL, err);
    sl_replay_forget(&r);
    return rc;
}

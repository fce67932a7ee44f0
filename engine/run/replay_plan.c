/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay would do, and which batches one means. */
#include <string.h>

#include "base/sha256.h"
#include "json/json.h"
#include "run/replay.h"
#include "store/store.h"

static const char *raw_state(struct sl_engine *e, struct json_object *in, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    const char *hash = sl_json_str(in, "content_hash", "sha256:");
    int rc = sl_store_hash(e->store, e->config->raw_bucket, sl_json_str(in, "raw_key", ""), NULL, hex, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return "gone";
    }
    return rc < 0 ? NULL : strcmp(hex, hash + strlen("sha256:")) == 0 ? "intact" : "changed";
}

static const char *landing_state(struct sl_engine *e, struct json_object *in, struct sl_error *err)
{
    struct sl_object_info info;
    int rc = sl_store_head(e->store, e->config->landing_bucket, sl_json_str(in, "landing_path", ""), &info, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return "missing";
    }
    return rc < 0 ? NULL : "landing";
}

int sl_replay_inputs(struct sl_engine *e, const struct sl_replaying *r, struct json_object **inputs, bool *intact,
                     struct sl_error *err)
{
    struct json_object *from = r->last ? sl_json_get(r->last, "inputs") : NULL, *list = json_object_new_array();
    size_t n = json_object_is_type(from, json_type_array) ? json_object_array_length(from) : 0;
    bool all = n > 0;
    struct sl_error why = {0};
    for (size_t i = 0; i < n; i++) {
        struct json_object *in = json_object_array_get_idx(from, i), *o = json_object_new_object();
        const char *state =
            sl_json_bool(in, "archived", false) ? raw_state(e, in, &why) : landing_state(e, in, &why);
        json_object_object_foreach(in, name, value)
            json_object_object_add(o, name, json_object_get(value));
        sl_json_put_str(o, "state", state);
        json_object_array_add(list, o);
        if (!state) {
            json_object_put(list);
            if (err)
                *err = why;
            return -(int)why.code;
        }
        all &= !strcmp(state, "intact");
    }
    *inputs = list;
    *intact = all;
    return 0;
}

static struct json_object *recipe_json(const struct sl_replaying *r)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", r->bound.recipe->name);
    sl_json_put_int(o, "version", r->bound.recipe->version);
    sl_json_put_str(o, "hash", sl_arena_printf(r->arena, "sha256:%s", r->bound.recipe->hash));
    return o;
}

static struct json_object *last_json(struct json_object *run)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "run_id", sl_json_str(run, "_id", NULL));
    sl_json_put_str(o, "status", sl_json_str(run, "status", NULL));
    sl_json_put(o, "recipe", json_object_get(sl_json_get(run, "recipe")));
    sl_json_put(o, "params", json_object_get(sl_json_get(run, "params")));
    return o;
}

int sl_replay_plan(struct sl_engine *e, const struct sl_replay *replay, struct json_object **plan, struct sl_error *err)
{
    struct sl_replaying r = {0};
    struct json_object *inputs = NULL;
    bool intact = false;
    int rc = sl_replay_look(e, replay, &r, err);
    if (rc < 0)
        return rc;
    rc = sl_replay_inputs(e, &r, &inputs, &intact, err);
    if (rc < 0) {
        sl_replay_forget(&r);
        return rc;
    }
    /* With what it is compared: the run that made the version, else the last one. */
    struct json_object *with = r.model ? r.model : r.last, *o = json_object_new_object(), *recipe = recipe_json(&r);
    const char *hash = with ? sl_json_str(sl_json_get(with, "recipe"), "hash", NULL) : NULL;
    sl_json_put_str(o, "batch_id", replay->batch_id);
    sl_json_put_str(o, "status", sl_json_str(r.batch, "status", NULL));
    sl_json_put(o, "recipe_changed", hash ? json_object_new_boolean(strcmp(hash, sl_json_str(recipe, "hash", "")) != 0)
                                          : NULL);
    sl_json_put(o, "recipe", recipe);
    sl_json_put(o, "last", with ? last_json(with) : NULL);
    sl_json_put(o, "params", json_object_get(r.bound.params));
    sl_json_put_str(o, "crs_policy", r.crs_policy);
    sl_json_put(o, "into_version", replay->into_version ? json_object_new_int64(replay->into_version) : NULL);
    sl_json_put(o, "intact", json_object_new_boolean(intact));
    sl_json_put(o, "inputs", inputs);
    sl_json_put(o, "assets", json_object_get(r.into ? r.into : r.current));
    sl_replay_forget(&r);
    *plan = o;
    return 0;
}

/* ---- many ---- */

struct choosing {
    struct json_object *of_dataset; /* batch ids as a set; NULL: any */
    sl_ledger_visit visit;
    void *data;
};

static int note_batch(void *data, struct json_object *asset, struct sl_error *err)
{
    (void)err;
    json_object_object_add(data, sl_json_str(asset, "batch_id", ""), NULL);
    return 0;
}

static int choose_one(void *data, struct json_object *batch, struct sl_error *err)
{
    struct choosing *c = data;
    const char *id = sl_json_str(batch, "batch_id", "");
    bool taken_in = sl_json_str(batch, "run_id", NULL) != NULL;
    if (!taken_in || (c->of_dataset && !json_object_object_get_ex(c->of_dataset, id, NULL)))
        return 0;
    return c->visit(c->data, batch, err);
}

static struct json_object *choice_filter(const struct sl_replay_choice *choice)
{
    static const char *const over[] = {"succeeded", "failed", "quarantined"};
    struct json_object *filter = json_object_new_object(), *status = json_object_new_object(),
                       *list = json_object_new_array(), *time = json_object_new_object();
    for (size_t i = 0; i < sizeof over / sizeof *over; i++)
        if (!choice->status || !strcmp(choice->status, over[i]))
            json_object_array_add(list, json_object_new_string(over[i]));
    sl_json_put(status, "$in", list);
    sl_json_put(filter, "status", status);
    if (choice->intent)
        sl_json_put_str(filter, "intent", choice->intent);
    if (choice->since)
        sl_json_put_str(time, "$gte", choice->since);
    if (choice->until)
        sl_json_put_str(time, "$lt", choice->until);
    if (choice->since || choice->until)
        sl_json_put(filter, "created_at", time);
    else
        json_object_put(time);
    return filter;
}

int sl_replay_choose(struct sl_engine *e, const struct sl_replay_choice *choice, sl_ledger_visit visit, void *data,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = choice_filter(choice);
    SL_CLEANUP(sl_json_putp) struct json_object *ids = choice->dataset ? json_object_new_object() : NULL;
    struct choosing choosing = {.of_dataset = ids, .visit = visit, .data = data};
    int rc = 0;
    if (choice->dataset) {
        SL_CLEANUP(sl_json_putp) struct json_object *of = json_object_new_object();
        sl_json_put_str(of, "dataset_id", choice->dataset);
        const struct sl_find assets = {.collection = "assets", .filter = of};
        rc = e->ledger->ops->find(e->ledger, &assets, note_batch, ids, err);
    }
    const struct sl_find find = {.collection = "manifests", .filter = filter, .sort = "created_at:1"};
    return rc < 0 ? rc : e->ledger->ops->find(e->ledger, &find, choose_one, &choosing, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a listing would do now. It reads; it changes nothing. */
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "run/engine.h"
#include "run/manifest_place.h"
#include "sensor/enter.h"
#include "sensor/sensor.h"
#include "store/store.h"

struct keys {
    struct sl_arena *arena;
    const char **items;
    int64_t *sizes;
    int64_t n, most;
    bool more;
};

static int collect(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct keys *k = data;
    if (k->n == k->most) {
        k->more = true;
        return sl_fail(err, SL_E_CANCELLED, "more than %lld manifests", (long long)k->most);
    }
    k->sizes[k->n] = entry->info.size_bytes;
    k->items[k->n++] = sl_arena_strdup(k->arena, entry->key);
    return 0;
}

static void put_error(struct json_object *o, const struct sl_error *why)
{
    sl_json_put_str(o, "code", sl_code_name(why->code));
    sl_json_put_str(o, "message", why->message);
    if (why->hint[0])
        sl_json_put_str(o, "hint", why->hint);
}

/* What the batch that the ledger has already means. */
static int show_known(struct sl_engine *engine, struct json_object *o, struct json_object *doc, const struct sl_found *f,
                      struct sl_error *err)
{
    static const char *const actions[] = {"wait", "archive", "quarantine", "reopen"};
    struct json_object *error = sl_json_get(doc, "error");
    const char *status = sl_json_str(doc, "status", "");
    sl_json_put_str(o, "status", status);
    if (strcmp(sl_json_str(doc, "content_hash", ""), f->manifest.content_hash) != 0) {
        sl_json_put_str(o, "action", "refuse");
        sl_json_put_str(o, "code", sl_code_name(SL_E_BATCH_DUPLICATE));
        sl_json_put_str(o, "message", "the batch was there before with other content");
        return 0;
    }
    enum sl_again again;
    int rc = sl_again_of(engine, doc, f, &again, err);
    if (rc < 0)
        return rc;
    sl_json_put_str(o, "action", actions[again]);
    if (again != SL_AGAIN_WAIT)
        return 0;
    sl_json_put_str(o, "not_before", sl_json_str(doc, "not_before", NULL));
    if (error && !strcmp(status, "pending")) {
        sl_json_put_str(o, "code", sl_json_str(error, "code", NULL));
        sl_json_put_str(o, "message", sl_json_str(error, "message", NULL));
    }
    return 0;
}

static int show_manifest(struct sl_engine *engine, struct sl_found *f, struct json_object *o, struct sl_error *err)
{
    enum sl_verdict verdict = sl_found_judge(engine, f);
    sl_json_put_str(o, "batch_id", f->said_id);
    if (verdict != SL_VERDICT_GOOD) {
        sl_json_put_str(o, "action", "refuse");
        put_error(o, &f->why);
        return 0;
    }
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    sl_json_put_str(o, "intent", f->manifest.intent);
    sl_json_put_int(o, "priority", sl_limits_priority(&engine->limits, f->manifest.intent));
    int rc = engine->ledger->ops->get_batch(engine->ledger, f->manifest.batch_id, &doc, err);
    if (rc == 0 && doc)
        rc = show_known(engine, o, doc, f, err);
    else if (rc == 0)
        sl_json_put_str(o, "action", "enter");
    return rc;
}

static int show_key(struct sl_engine *engine, const char *key, struct json_object *o, struct sl_error *err)
{
    struct sl_found f;
    if (!sl_text_ends(key, ".json")) {
        sl_json_put_str(o, "action", "skip");
        sl_json_put_str(o, "message", "its name does not end in .json");
        return 0;
    }
    int rc = sl_found_read(engine, key, &f, err);
    if (rc == 0)
        rc = show_manifest(engine, &f, o, err);
    sl_found_release(&f);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        sl_json_put_str(o, "action", "skip");
        sl_json_put_str(o, "message", "it went away meanwhile");
        rc = 0;
    }
    return rc;
}

int sl_sensor_preview(struct sl_engine *engine, int64_t most, struct json_object **out, bool *more, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct keys keys = {.arena = arena, .most = most};
    keys.items = sl_arena_array(arena, (size_t)most + 1, sizeof *keys.items);
    keys.sizes = sl_arena_array(arena, (size_t)most + 1, sizeof *keys.sizes);
    int rc = sl_store_list(engine->store, engine->config->landing_bucket, SL_MANIFESTS_PREFIX, NULL, 0, collect, &keys,
                           err);
    if (keys.more) {
        sl_error_clear(err);
        rc = 0;
    }
    SL_CLEANUP(sl_json_putp) struct json_object *list = json_object_new_array();
    for (int64_t i = 0; rc == 0 && i < keys.n; i++) {
        struct json_object *o = json_object_new_object();
        json_object_array_add(list, o);
        sl_json_put_str(o, "key", keys.items[i]);
        sl_json_put_int(o, "size_bytes", keys.sizes[i]);
        rc = show_key(engine, keys.items[i], o, err);
    }
    if (rc < 0)
        return rc;
    *out = json_object_get(list);
    *more = keys.more;
    return 0;
}

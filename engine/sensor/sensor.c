/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "run/event.h"
#include "run/manifest_place.h"
#include "store/store.h"

enum { SEEN_MAX = 65536, TICK_MAX = 10000, MANIFEST_MAX_BYTES = 1024 * 1024 };

/* A ring of hashes of "key\netag" that are entered and wait for their run. Forgetting one only costs a GET. */
struct sl_sensor {
    uint64_t seen[SEEN_MAX];
};

struct tick {
    struct sl_sensor *sensor;
    struct sl_engine *engine;
    const struct sl_run_options *options;
    struct sl_run_summary *summary;
    struct sl_arena *arena; /* of one manifest */
};

struct sl_sensor *sl_sensor_new(void)
{
    return sl_xcalloc(1, sizeof(struct sl_sensor));
}

void sl_sensor_free(struct sl_sensor *sensor)
{
    free(sensor);
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv). */
static uint64_t hash_of(const char *key, const char *etag)
{
    uint64_t h = UINT64_C(14695981039346656037);
    const char *const parts[] = {key, "\n", etag};
    for (size_t i = 0; i < 3; i++)
        for (const char *p = parts[i]; *p; p++)
            h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
    return h ? h : 1;
}

static void tell(struct tick *t, const char *event, const char *batch_id, const struct sl_error *error)
{
    struct json_object *e = sl_event_new(event, batch_id, NULL);
    if (error)
        sl_json_put(e, "error", sl_ledger_error_doc(error));
    if (t->options->listener)
        t->options->listener(t->options->listener_data, e);
    json_object_put(e);
}

/* A document for the ledger. `manifest` is borrowed, NULL when it could not be read. */
static struct json_object *batch_doc(const char *batch_id, const char *status, struct json_object *manifest,
                                     const char *content_hash, const char *key, const char *etag,
                                     const struct sl_error *error)
{
    char at[SL_ISO8601_BYTES];
    sl_clock_iso8601(at, sl_clock_wall_ns());
    struct json_object *d = json_object_new_object(), *history = json_object_new_array(),
                       *entry = json_object_new_object();
    sl_json_put_str(d, "_id", batch_id);
    sl_json_put_str(d, "batch_id", batch_id);
    sl_json_put_str(d, "status", status);
    sl_json_put_str(d, "intent", manifest ? sl_json_str(manifest, "intent", NULL) : NULL);
    sl_json_put_str(d, "uploader", manifest ? sl_json_str(manifest, "uploader", NULL) : NULL);
    sl_json_put(d, "manifest", manifest ? json_object_get(manifest) : NULL);
    sl_json_put_str(d, "manifest_key", key);
    sl_json_put_str(d, "etag", etag);
    sl_json_put_str(d, "content_hash", content_hash);
    sl_json_put_int(d, "attempts", 0);
    sl_json_put_int(d, "crashes", 0);
    sl_json_put(d, "error", error ? sl_ledger_error_doc(error) : NULL);
    sl_json_put_str(entry, "status", status);
    sl_json_put_str(entry, "at", at);
    json_object_array_add(history, entry);
    sl_json_put(d, "history", history);
    sl_json_put_str(d, "created_at", at);
    sl_json_put_str(d, "updated_at", at);
    return d;
}

struct found {
    const char *key, *etag;
    struct sl_buf text;
    struct sl_doc *doc;         /* NULL: not JSON */
    char content_hash[80];
};

/* Refused manifests get a name of their own in the ledger, so that the corrected one may have the batch_id. */
static int refuse(struct tick *t, const struct found *f, const char *said_id, const struct sl_error *error,
                  struct json_object *violations, struct sl_error *err)
{
    const char *stem = sl_path_stem(t->arena, f->key);
    const char *batch_id = sl_arena_printf(t->arena, "%.115s@%.12s", said_id ? said_id : stem, f->content_hash + 7);
    struct json_object *root = f->doc ? f->doc->root : NULL;
    if (root && !json_object_is_type(root, json_type_object))
        root = NULL;
    struct json_object *doc = batch_doc(batch_id, "quarantined", root, f->content_hash, f->key, f->etag, error);
    struct json_object *error_doc =
        sl_manifest_error_doc(said_id ? said_id : batch_id, "quarantined", error, violations);
    enum sl_registered how;
    const char *new_key = NULL;
    int rc = t->engine->ledger->ops->register_batch(t->engine->ledger, doc, &how, err);
    if (rc == 0)
        rc = sl_manifest_to_quarantine(t->engine, batch_id, f->key, error_doc, t->arena, &new_key, err);
    json_object_put(doc);
    json_object_put(error_doc);
    if (rc < 0)
        return rc;
    t->summary->refused++;
    t->summary->last_error = error->code;
    sl_log_error(SL_LOG_ERROR, "sensor.refused", error, "manifest", new_key, NULL);
    tell(t, "refused", said_id ? said_id : batch_id, error);
    return 0;
}

/* The same manifest again, and what the ledger knows of its batch decides: done is filed, waiting waits, and one that
 * failed and was put back by its uploader is tried again with the files as they are now. */
static int again(struct tick *t, const struct found *f, const char *batch_id, struct sl_error *err)
{
    struct sl_ledger *ledger = t->engine->ledger;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    enum sl_batch_status status = SL_BATCH_PENDING;
    int rc = ledger->ops->get_batch(ledger, batch_id, &doc, err);
    if (rc < 0 || !doc)
        return rc;
    sl_batch_status_by_name(sl_json_str(doc, "status", ""), &status);
    if (status == SL_BATCH_SUCCEEDED) {
        sl_log(SL_LOG_INFO, "sensor.same", "batch", batch_id, "status", "succeeded", NULL);
        return sl_manifest_to_archive(t->engine, batch_id, f->key, t->arena, err);
    }
    if (status != SL_BATCH_FAILED && status != SL_BATCH_QUARANTINED)
        return 0;
    const char *known_key = sl_json_str(doc, "manifest_key", ""), *new_key = NULL;
    if (!strcmp(known_key, f->key)) { /* its move to quarantine was interrupted */
        struct sl_error error = {0};
        sl_ledger_error_read(sl_json_get(doc, "error"), &error);
        SL_CLEANUP(sl_json_putp) struct json_object *error_doc =
            sl_manifest_error_doc(batch_id, sl_batch_status_name(status), &error, NULL);
        return sl_manifest_to_quarantine(t->engine, batch_id, f->key, error_doc, t->arena, &new_key, err);
    }
    SL_CLEANUP(sl_json_putp) struct json_object *replay = json_object_new_object();
    char at[SL_ISO8601_BYTES];
    sl_json_put(replay, "from_raw", json_object_new_boolean(false));
    sl_json_put(replay, "compare", json_object_new_boolean(false));
    sl_json_put_str(replay, "requested_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    rc = ledger->ops->reopen(ledger, batch_id, replay, err);
    if (rc == 0)
        rc = ledger->ops->move_manifest(ledger, batch_id, f->key, err);
    if (rc == 0)
        tell(t, "noticed", batch_id, NULL);
    return rc;
}

static int enter(struct tick *t, const struct found *f, const struct sl_manifest *m, struct sl_error *err)
{
    struct json_object *doc = batch_doc(m->batch_id, "pending", m->root, m->content_hash, f->key, f->etag, NULL);
    enum sl_registered how;
    int rc = t->engine->ledger->ops->register_batch(t->engine->ledger, doc, &how, err);
    json_object_put(doc);
    if (rc < 0)
        return rc;
    if (how == SL_REGISTERED_SAME)
        return again(t, f, m->batch_id, err);
    if (how == SL_REGISTERED_OTHER) {
        struct sl_error why = {0};
        sl_fail(&why, SL_E_BATCH_DUPLICATE, "batch %s was there before with other content", m->batch_id);
        sl_error_hint(&why, "give the new manifest a batch_id of its own");
        return refuse(t, f, m->batch_id, &why, NULL, err);
    }
    t->summary->noticed++;
    sl_log(SL_LOG_INFO, "sensor.noticed", "batch", m->batch_id, NULL);
    tell(t, "noticed", m->batch_id, NULL);
    return 0;
}

/* Recipe and parameters are part of the check: what cannot run is refused before anything else happens. */
static int check_recipe(struct tick *t, const struct sl_manifest *m, struct sl_error *why)
{
    const struct sl_recipe *recipe = NULL;
    bool fallback = false;
    struct sl_bound_recipe bound;
    int rc = sl_recipe_select(t->engine->recipes, m->intent, m->files[0].type, t->engine->config->run_strict_intents,
                              &recipe, &fallback, why);
    return rc < 0 ? rc : sl_recipe_bind(recipe, &t->engine->kinds, m->params, t->arena, &bound, why);
}

static int check_limits(struct tick *t, const struct sl_manifest *m, struct sl_error *why)
{
    int64_t most = t->engine->config->input_max_files;
    if ((int64_t)m->n_files <= most)
        return 0;
    return sl_fail(why, SL_E_LIMIT, "the manifest names %zu files, input.max_files is %lld", m->n_files,
                   (long long)most);
}

static int judge(struct tick *t, struct found *f, struct sl_error *err)
{
    struct sl_error why = {0};
    struct sl_violations violations = {.arena = t->arena};
    struct sl_manifest m = {0};
    enum sl_code code = SL_OK;
    if (sl_json_parse(f->key, f->text.data, f->text.len, &sl_json_limits_small, &f->doc, &why) < 0)
        return refuse(t, f, NULL, &why, NULL, err);
    if (!sl_manifest_read(t->engine->checker, f->doc, t->engine->config->landing_bucket, t->arena, &violations, &code,
                          &m)) {
        const char *said = json_object_is_type(f->doc->root, json_type_object)
                               ? sl_json_str(f->doc->root, "batch_id", NULL)
                               : NULL;
        sl_manifest_fail(f->doc, &violations, code, &why);
        return refuse(t, f, said, &why, sl_manifest_violations_json(f->doc, &violations), err);
    }
    if (check_limits(t, &m, &why) < 0 || check_recipe(t, &m, &why) < 0)
        return refuse(t, f, m.batch_id, &why, NULL, err);
    return enter(t, f, &m, err);
}

static int look(struct tick *t, const char *key, struct sl_error *err)
{
    struct found f = {.key = key};
    struct sl_object_info info;
    sl_buf_init(&f.text, MANIFEST_MAX_BYTES);
    t->arena = sl_arena_new();
    int rc = sl_store_read(t->engine->store, t->engine->config->landing_bucket, key, &f.text, &info, err);
    bool too_large = rc == -SL_E_LIMIT;
    if (rc == 0 || too_large) {
        f.etag = info.etag;
        memcpy(f.content_hash, "sha256:", sizeof "sha256:");
        rc = sl_store_hash(t->engine->store, t->engine->config->landing_bucket, key, NULL, f.content_hash + 7, &info,
                           err);
        f.etag = info.etag;
    }
    if (rc == 0 && too_large) {
        struct sl_error why = {0};
        sl_fail(&why, SL_E_JSON_SIZE, "%s is larger than %d bytes", key, MANIFEST_MAX_BYTES);
        rc = refuse(t, &f, NULL, &why, NULL, err);
    } else if (rc == 0) {
        rc = judge(t, &f, err);
    }
    if (rc == 0) {
        uint64_t h = hash_of(key, info.etag);
        t->sensor->seen[h % SEEN_MAX] = h;
    }
    if (rc == -SL_E_STORE_NOT_FOUND) { /* another sensor took it meanwhile */
        sl_error_clear(err);
        rc = 0;
    }
    sl_doc_free(f.doc);
    sl_buf_free(&f.text);
    sl_arena_free(t->arena);
    return rc;
}

struct keys {
    struct sl_sensor *sensor;
    struct sl_arena *arena;
    const char **items;
    size_t n;
};

static int collect(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    (void)err;
    struct keys *k = data;
    uint64_t h = hash_of(entry->key, entry->info.etag);
    bool known = k->sensor->seen[h % SEEN_MAX] == h;
    if (!known && sl_text_ends(entry->key, ".json") && k->n < TICK_MAX)
        k->items[k->n++] = sl_arena_strdup(k->arena, entry->key);
    return 0;
}

int sl_sensor_tick(void *sensor, struct sl_engine *engine, const struct sl_run_options *options,
                   struct sl_run_summary *summary, struct sl_error *err)
{
    struct tick t = {.sensor = sensor, .engine = engine, .options = options, .summary = summary};
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct keys keys = {.sensor = sensor, .arena = arena};
    keys.items = sl_arena_array(arena, TICK_MAX, sizeof *keys.items);
    int rc = sl_store_list(engine->store, engine->config->landing_bucket, SL_MANIFESTS_PREFIX, NULL, 0, collect, &keys,
                           err);
    for (size_t i = 0; rc == 0 && i < keys.n; i++)
        rc = look(&t, keys.items[i], err);
    return rc;
}

int sl_sensor_run(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                  struct sl_error *err)
{
    struct sl_sensor *sensor = sl_sensor_new();
    struct sl_run_options with = *options;
    with.tick = sl_sensor_tick;
    with.tick_data = sensor;
    int rc = sl_run_supervise(engine, &with, summary, err);
    sl_sensor_free(sensor);
    return rc;
}

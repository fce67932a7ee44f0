/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/enter.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "run/event.h"
#include "run/manifest_place.h"
#include "store/store.h"

static void tell(struct sl_tick *t, const char *event, const char *batch_id, const struct sl_error *error)
{
    struct json_object *e = sl_event_new(event, batch_id, NULL);
    if (error)
        sl_json_put(e, "error", sl_ledger_error_doc(error));
    if (t->options->listener)
        t->options->listener(t->options->listener_data, e);
    json_object_put(e);
}

/* A document for the ledger. `manifest` is borrowed, NULL when it could not be read. */
static struct json_object *batch_doc(const struct sl_found *f, const char *batch_id, const char *status,
                                     struct json_object *manifest, const char *content_hash,
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
    sl_json_put_str(d, "manifest_key", f->key);
    sl_json_put_str(d, "etag", f->etag);
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

int sl_tick_refuse(struct sl_tick *t, struct sl_found *f, struct sl_error *err)
{
    const char *batch_id = sl_found_refused_id(f), *shown_id = f->said_id ? f->said_id : batch_id;
    struct json_object *root = f->doc ? f->doc->root : NULL;
    if (root && !json_object_is_type(root, json_type_object))
        root = NULL;
    struct json_object *doc = batch_doc(f, batch_id, "quarantined", root, f->content_hash, &f->why);
    struct json_object *error_doc =
        sl_manifest_error_doc(shown_id, "quarantined", &f->why, json_object_get(f->violations));
    enum sl_registered how;
    const char *new_key = NULL;
    int rc = t->engine->ledger->ops->register_batch(t->engine->ledger, doc, &how, err);
    if (rc == 0)
        rc = sl_manifest_to_quarantine(t->engine, batch_id, f->key, error_doc, f->arena, &new_key, err);
    json_object_put(doc);
    json_object_put(error_doc);
    if (rc < 0)
        return rc;
    t->summary->refused++;
    t->summary->last_error = f->why.code;
    sl_log_error(SL_LOG_ERROR, "sensor.refused", &f->why, "manifest", new_key, NULL);
    tell(t, "refused", shown_id, &f->why);
    return 0;
}

static enum sl_again again_by_ledger(struct json_object *doc, const char *key)
{
    enum sl_batch_status status = SL_BATCH_PENDING;
    sl_batch_status_by_name(sl_json_str(doc, "status", ""), &status);
    if (status == SL_BATCH_SUCCEEDED)
        return SL_AGAIN_ARCHIVE;
    if (status != SL_BATCH_FAILED && status != SL_BATCH_QUARANTINED)
        return SL_AGAIN_WAIT;
    if (!strcmp(sl_json_str(doc, "manifest_key", ""), key) || !strcmp(sl_json_str(doc, "leaving", ""), key))
        return SL_AGAIN_QUARANTINE;
    return SL_AGAIN_REOPEN;
}

/* A kill between the removal and the ledger's word of it leaves a move that has no end: what lies there since is younger
 * than the move's copy, while what was copied is older. One clock has timed both, the store's. */
static int was_put_back(struct sl_engine *engine, struct json_object *doc, const struct sl_found *f, bool *put_back,
                        struct sl_error *err)
{
    struct sl_object_info copy;
    const char *filed = sl_json_str(doc, "manifest_key", "");
    *put_back = false;
    if (!strcmp(filed, f->key))
        return 0;
    int rc = sl_store_head(engine->store, engine->config->landing_bucket, filed, &copy, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    *put_back = rc == 0 && f->modified_ns > copy.modified_ns;
    return rc;
}

int sl_again_of(struct sl_engine *engine, struct json_object *batch_doc, const struct sl_found *found, enum sl_again *again,
                struct sl_error *err)
{
    bool put_back = false;
    enum sl_again said = again_by_ledger(batch_doc, found->key);
    int rc = said == SL_AGAIN_QUARANTINE ? was_put_back(engine, batch_doc, found, &put_back, err) : 0;
    if (rc == 0)
        *again = put_back ? SL_AGAIN_REOPEN : said;
    return rc;
}

static int finish_quarantine(struct sl_tick *t, struct sl_found *f, struct json_object *doc, struct sl_error *err)
{
    struct sl_error error = {0};
    const char *batch_id = f->manifest.batch_id, *new_key = NULL;
    sl_ledger_error_read(sl_json_get(doc, "error"), &error);
    struct json_object *error_doc = sl_manifest_error_doc(batch_id, sl_json_str(doc, "status", ""), &error, NULL);
    int rc = sl_manifest_to_quarantine(t->engine, batch_id, f->key, error_doc, f->arena, &new_key, err);
    json_object_put(error_doc);
    if (rc == 0)
        sl_log(SL_LOG_INFO, "sensor.moved", "batch", batch_id, "manifest", new_key, NULL);
    return rc;
}

/* A wish to try again, with the files as they are now. It was read before the ledger was asked, and may have been moved
 * in between: only what is there now has been put back. */
static int reopen(struct sl_tick *t, struct sl_found *f, struct sl_error *err)
{
    struct sl_ledger *ledger = t->engine->ledger;
    const char *batch_id = f->manifest.batch_id;
    SL_CLEANUP(sl_json_putp) struct json_object *replay = json_object_new_object();
    char at[SL_ISO8601_BYTES];
    sl_json_put(replay, "from_raw", json_object_new_boolean(false));
    sl_json_put(replay, "compare", json_object_new_boolean(false));
    sl_json_put_str(replay, "requested_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    int rc = sl_store_head(t->engine->store, t->engine->config->landing_bucket, f->key, NULL, NULL, err);
    if (rc == 0)
        rc = ledger->ops->reopen(ledger, batch_id, replay, f->key, err);
    if (rc == -SL_E_BATCH_BUSY || rc == -SL_E_STORE_NOT_FOUND) { /* another sensor was first, or it is gone */
        sl_error_clear(err);
        return 0;
    }
    if (rc == 0) {
        t->summary->noticed++;
        tell(t, "noticed", batch_id, NULL);
    }
    return rc;
}

static int come_again(struct sl_tick *t, struct sl_found *f, struct sl_error *err)
{
    struct sl_ledger *ledger = t->engine->ledger;
    const char *batch_id = f->manifest.batch_id;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    enum sl_again again;
    int rc = ledger->ops->get_batch(ledger, batch_id, &doc, err);
    if (rc < 0 || !doc)
        return rc;
    rc = sl_again_of(t->engine, doc, f, &again, err);
    if (rc < 0)
        return rc;
    switch (again) {
    case SL_AGAIN_ARCHIVE:
        sl_log(SL_LOG_INFO, "sensor.same", "batch", batch_id, "status", "succeeded", NULL);
        return sl_manifest_to_archive(t->engine, batch_id, f->key, f->arena, err);
    case SL_AGAIN_QUARANTINE:
        return finish_quarantine(t, f, doc, err);
    case SL_AGAIN_REOPEN:
        return reopen(t, f, err);
    case SL_AGAIN_WAIT:
        break;
    }
    return 0;
}

int sl_tick_enter(struct sl_tick *t, struct sl_found *f, struct sl_error *err)
{
    const struct sl_manifest *m = &f->manifest;
    struct json_object *doc = batch_doc(f, m->batch_id, "pending", m->root, m->content_hash, NULL);
    sl_json_put_int(doc, "priority", sl_limits_priority(&t->engine->limits, m->intent));
    enum sl_registered how;
    int rc = t->engine->ledger->ops->register_batch(t->engine->ledger, doc, &how, err);
    json_object_put(doc);
    if (rc < 0)
        return rc;
    if (how == SL_REGISTERED_SAME)
        return come_again(t, f, err);
    if (how == SL_REGISTERED_OTHER) {
        sl_fail(&f->why, SL_E_BATCH_DUPLICATE, "batch %s was there before with other content", m->batch_id);
        sl_error_hint(&f->why, "give the new manifest a batch_id of its own");
        return sl_tick_refuse(t, f, err);
    }
    t->summary->noticed++;
    sl_log(SL_LOG_INFO, "sensor.noticed", "batch", m->batch_id, NULL);
    tell(t, "noticed", m->batch_id, NULL);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run/unpublished.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/engine.h"
#include "run/orphan.h"
#include "store/store.h"

/* Looked at together: a version has an asset, two documents, a picture, and parts, of which there may be thousands. */
enum { OBJECTS_MAX = 256 };

struct clearing {
    struct sl_engine *engine;
    struct sl_arena *arena;
    const struct sl_reservation *reservation;
    sl_may_clear may;
    void *data;
    const char *keys[OBJECTS_MAX], *etags[OBJECTS_MAX];
    size_t n;
    bool left; /* something of a run's is still there */
    int64_t moved;
};

static int note_object(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct clearing *c = data;
    (void)err;
    c->keys[c->n] = sl_arena_strdup(c->arena, entry->key);
    c->etags[c->n++] = sl_arena_strdup(c->arena, entry->info.etag);
    return 0;
}

static int tell(struct clearing *c, const char *key, const char *run_id, const char *moved_to, struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES], at[SL_ISO8601_BYTES];
    SL_CLEANUP(sl_json_putp) struct json_object *event = json_object_new_object();
    struct json_object *details = json_object_new_object();
    sl_uuid7(id);
    sl_json_put_str(event, "_id", id);
    sl_json_put_str(event, "at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    sl_json_put_str(event, "event", "recover");
    sl_json_put_str(event, "kind", "half_published");
    sl_json_put_str(event, "bucket", c->engine->config->lake_bucket);
    sl_json_put_str(event, "s3_key", key);
    sl_json_put_str(event, "dataset_id", c->reservation->dataset_id);
    sl_json_put_int(event, "version", c->reservation->version);
    sl_json_put_str(event, "batch_id", c->reservation->batch_id);
    sl_json_put_str(event, "run_id", run_id);
    sl_json_put_str(event, "message", "an object of a run that was never committed was moved aside");
    sl_json_put_str(details, "moved_to", moved_to);
    sl_json_put(event, "details", details);
    sl_log(SL_LOG_WARN, "recover.half_published", "batch", c->reservation->batch_id, "run", run_id, "key", key,
           "moved_to", moved_to, NULL);
    return c->engine->ledger->ops->add_event(c->engine->ledger, event, err);
}

static int still(void *data, struct sl_error *err)
{
    struct clearing *c = data;
    return c->may(c->data, c->reservation, err);
}

/* Another who clears the same, or a worker that began after all, was faster: then it is theirs. */
static bool overtaken(int rc)
{
    return rc == -SL_E_STORE_NOT_FOUND || rc == -SL_E_STORE_CHANGED || rc == -SL_E_STORE_PRECONDITION;
}

/* The run that put the object; NULL when its metadata name none. */
static int run_of(struct clearing *c, const char *key, const char **run_id, struct sl_error *err)
{
    struct sl_object_info info;
    struct sl_meta meta = {0};
    int rc = sl_store_head(c->engine->store, c->engine->config->lake_bucket, key, &info, &meta, err);
    const char *found = rc == 0 ? sl_meta_get(&meta, "run_id") : NULL;
    *run_id = found && sl_uuid_valid(found) ? sl_arena_strdup(c->arena, found) : NULL;
    return rc;
}

static int clear_object(struct clearing *c, const char *key, const char *etag, struct sl_error *err)
{
    const char *run_id = NULL, *moved_to = NULL;
    bool known = false, at_work = false;
    int rc = sl_lake_key_known(c->engine, key, &known, err);
    if (rc < 0 || known || (rc = run_of(c, key, &run_id, err)) < 0 || !run_id)
        return rc;
    c->left = true;
    if ((rc = sl_run_at_work(c->engine, run_id, &at_work, err)) < 0 || at_work)
        return rc;
    if ((rc = sl_orphan_move_while(c->engine, c->engine->config->lake_bucket, key, etag, still, c, c->arena, &moved_to,
                                   err)) < 0 ||
        !moved_to)
        return rc;
    c->left = false;
    c->moved++;
    return tell(c, key, run_id, moved_to, err);
}

/* What stays is told by c->left. */
static int clear_page(struct clearing *c, struct sl_error *err)
{
    bool left = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        struct sl_error why = {0};
        c->left = false;
        rc = clear_object(c, c->keys[i], c->etags[i], &why);
        if (overtaken(rc)) {
            c->left = true;
            rc = 0;
        } else if (rc < 0 && err) {
            *err = why;
        }
        left |= c->left;
    }
    c->left = left;
    return rc;
}

static int clear_objects(struct clearing *c, struct sl_error *err)
{
    const struct sl_reservation *r = c->reservation;
    struct sl_arena *whole = c->arena;
    const char *prefix = sl_lake_prefix(whole, r->dataset_id, r->version);
    char after[SL_KEY_MAX_BYTES + 1] = "";
    bool left = false, more = true;
    int rc = 0;
    while (rc == 0 && more) {
        SL_CLEANUP(sl_arena_freep) struct sl_arena *page = sl_arena_new();
        c->arena = page;
        c->n = 0;
        rc = sl_store_list(c->engine->store, c->engine->config->lake_bucket, prefix, *after ? after : NULL, OBJECTS_MAX,
                           note_object, c, err);
        more = c->n == OBJECTS_MAX;
        if (more)
            snprintf(after, sizeof after, "%s", c->keys[c->n - 1]);
        if (rc == 0)
            rc = clear_page(c, err);
        left |= c->left;
    }
    c->arena = whole;
    c->left = left;
    return rc;
}

static int clear_row(struct clearing *c, struct sl_error *err)
{
    const struct sl_reservation *r = c->reservation;
    SL_CLEANUP(sl_json_putp) struct json_object *asset = NULL;
    int rc = c->engine->ledger->ops->get_asset_version(c->engine->ledger, r->dataset_id, r->version, &asset, err);
    if (rc < 0 || asset || (rc = still(c, err)) < 0)
        return rc;
    if (rc == 1)
        return sl_catalog_remove_version(c->engine->catalog, r->dataset_id, r->version, err);
    c->left = true;
    return 0;
}

int sl_unpublished_clear(struct sl_engine *e, const struct sl_reservation *r, sl_may_clear may, void *data,
                         bool *cleared, int64_t *moved, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct clearing *c = sl_arena_alloc(arena, sizeof *c);
    *c = (struct clearing){.engine = e, .arena = arena, .reservation = r, .may = may, .data = data};
    int rc = clear_objects(c, err);
    if (rc == 0 && !c->left)
        rc = clear_row(c, err);
    if (moved)
        *moved += c->moved;
    if (rc == 0)
        *cleared = !c->left;
    return rc;
}

static int may_as_over(void *data, const struct sl_reservation *r, struct sl_error *err)
{
    struct sl_engine *e = data;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = e->ledger->ops->get_batch(e->ledger, r->batch_id, &doc, err);
    const char *status = sl_json_str(doc, "status", "");
    return rc < 0 ? rc : strcmp(status, "pending") != 0 && strcmp(status, "running") != 0;
}

static int recover_one(void *data, const struct sl_reservation *r, struct sl_error *err)
{
    struct sl_engine *e = data;
    char version[32];
    bool cleared = false, dropped = false;
    int rc = may_as_over(e, r, err);
    if (rc != 1)
        return rc;
    rc = sl_unpublished_clear(e, r, may_as_over, e, &cleared, NULL, err);
    if (rc == 0 && cleared)
        rc = e->ledger->ops->drop_reservation(e->ledger, r, &dropped, err);
    if (rc == 0 && dropped)
        sl_log(SL_LOG_WARN, "recover.reservation", "batch", r->batch_id, "dataset", r->dataset_id, "version",
               sl_text_count(version, sizeof version, r->version), NULL);
    return rc;
}

int sl_unpublished_recover(struct sl_engine *e, const char *batch_id, struct sl_error *err)
{
    struct sl_error why = {0};
    if (!e->store || !e->catalog)
        return 0;
    int rc = e->ledger->ops->reservations(e->ledger, batch_id, recover_one, e, &why);
    if (rc < 0 && sl_engine_lost_store((enum sl_code) - rc)) {
        sl_log_error(SL_LOG_WARN, "recover.put_off", &why, NULL);
        return 0;
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Batches enter, are looked at, and end an attempt. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/mongo/mongo.h"

enum { SLOW_NS = 20 * 1000000, SLOW_TIMES = 10, TRIES = 8 };

/* ---- registering ---- */

static int compare_registered(struct sl_ledger_mongo *l, struct json_object *doc, bool *there, enum sl_registered *out,
                              struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *found = NULL;
    int rc = sl_ledger_mongo__get(l, "manifests", sl_json_str(doc, "_id", ""), &found, err);
    *there = found;
    if (rc == 0 && found)
        *out = !strcmp(sl_json_str(found, "content_hash", ""), sl_json_str(doc, "content_hash", "-"))
                   ? SL_REGISTERED_SAME
                   : SL_REGISTERED_OTHER;
    return rc;
}

/* The event first, for there is one of a batch's first moment: who enters it need not look whether the batch is there. The
 * manifest's document last: until then the batch is not there, and whoever registers again goes on. */
static int enter_batch(struct sl_ledger_mongo *l, struct json_object *doc, const bson_t *b, enum sl_registered *out,
                       struct sl_error *err)
{
    bool first = false, there = false, repeated = false;
    int rc = sl_ledger_mongo__event_begins(l, doc, &first, err);
    if (rc == 0 && !first)
        rc = compare_registered(l, doc, &there, out, err);
    if (rc < 0 || there)
        return rc;
    if (strcmp(sl_json_str(doc, "status", ""), "pending") == 0 && (rc = sl_ledger_mongo__put_queue(l, doc, err)) < 0)
        return rc;
    if ((rc = sl_ledger_mongo__insert(l, "manifests", b, &there, &repeated, err)) < 0)
        return rc;
    if (!there || repeated) {
        *out = SL_REGISTERED_NEW;
        return 0;
    }
    return compare_registered(l, doc, &there, out, err);
}

int sl_ledger_mongo__register_batch(struct sl_ledger *ledger, struct json_object *manifest_doc, enum sl_registered *out,
                                    struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = sl_ledger_merge(manifest_doc, nothing);
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    int rc = sl_ledger_mongo__now(l, &us, err);
    if (rc < 0)
        return rc;
    sl_ledger_fill_manifest(doc, sl_ledger_mongo__iso(now, us));
    if ((rc = sl_ledger_mongo__checked(l, "manifests", doc, &b, err)) < 0)
        return rc;
    const char *status = sl_json_str(doc, "status", "");
    if (strcmp(status, "pending") != 0 && strcmp(status, "quarantined") != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a batch cannot be registered as \"%s\"", status);
    return enter_batch(l, doc, b, out, err);
}

/* ---- looking ---- */

int sl_ledger_mongo__get_batch(struct sl_ledger *ledger, const char *batch_id, struct json_object **out,
                               struct sl_error *err)
{
    return sl_ledger_mongo__load(sl_ledger_mongo_of(ledger), batch_id, out, err);
}

int sl_ledger_mongo__move_manifest(struct sl_ledger *ledger, const char *batch_id, const char *manifest_key,
                                   const char *leaving, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    int64_t us = 0, n = 0;
    if (!manifest_key[0])
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a manifest without a key");
    int rc = sl_ledger_mongo__now(l, &us, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
        BCON_NEW("manifest_key", BCON_UTF8(manifest_key), "updated_at", BCON_DATE_TIME(us / 1000));
    if (leaving)
        bson_append_utf8(b, "leaving", -1, leaving, -1);
    else
        bson_append_null(b, "leaving", -1);
    rc = sl_ledger_mongo__set(l, "manifests", batch_id, NULL, b, false, &n, err);
    return rc < 0 || n ? rc : sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", batch_id);
}

/* A look first, for not every server heeds the condition of the update. */
int sl_ledger_mongo__left_manifest(struct sl_ledger *ledger, const char *batch_id, const char *left, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = sl_ledger_mongo__get(l, "manifests", batch_id, &doc, err);
    if (rc < 0)
        return rc;
    if (!doc)
        return sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", batch_id);
    if (strcmp(sl_json_str(doc, "leaving", ""), left) != 0)
        return 0;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *guard = BCON_NEW("leaving", BCON_UTF8(left));
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *gone = BCON_NEW("leaving", BCON_NULL);
    return sl_ledger_mongo__set(l, "manifests", batch_id, guard, gone, false, NULL, err);
}

static int count(struct sl_ledger_mongo *l, const char *collection, int64_t *n, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *command = BCON_NEW("count", BCON_UTF8(collection), "query", "{", "}");
    bson_t reply;
    bson_iter_t it;
    bson_init(&reply);
    int rc = sl_ledger_mongo__run(l, command, false, &reply, NULL, err);
    if (rc == 0)
        *n = bson_iter_init_find(&it, &reply, "n") ? bson_iter_as_int64(&it) : 0;
    bson_destroy(&reply);
    return rc;
}

/* When the first of those that wait is due; 0: it is now. */
static int first_due(struct sl_ledger_mongo *l, int64_t *due_us, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *now = json_object_new_object(), *sort = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL, *later = NULL;
    sl_json_put_int(now, "not_before_us", 0);
    sl_json_put_int(sort, "not_before_us", 1);
    *due_us = 0;
    /* Unsorted first: a server that walks the collection ends at the first that fits, and mostly there is one. */
    int rc = sl_ledger_mongo__list(l, "queue", now, NULL, 1, &list, err);
    if (rc < 0 || json_object_array_length(list))
        return rc;
    rc = sl_ledger_mongo__list(l, "queue", NULL, sort, 1, &later, err);
    if (rc == 0)
        *due_us = sl_json_int(json_object_array_get_idx(later, 0), "not_before_us", 0);
    return rc;
}

static int ask_outstanding(struct sl_ledger_mongo *l, struct sl_error *err)
{
    int64_t began = sl_clock_mono_ns();
    int rc = count(l, "leases", &l->outstanding.running, err);
    if (rc == 0)
        rc = count(l, "queue", &l->outstanding.pending, err);
    l->outstanding.due_us = 0;
    if (rc == 0 && l->outstanding.pending)
        rc = first_due(l, &l->outstanding.due_us, err);
    /* Where counting is slow the answer is good for a while: it takes a tenth of the server at most. */
    int64_t ended = sl_clock_mono_ns(), took = ended - began;
    l->outstanding.until_ns = rc == 0 && took > SLOW_NS ? ended + SLOW_TIMES * took : 0;
    return rc;
}

int sl_ledger_mongo__outstanding(struct sl_ledger *ledger, int64_t *pending, int64_t *running, int64_t *next_due_ms,
                                 struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    int64_t now = 0;
    int rc = sl_clock_mono_ns() < l->outstanding.until_ns ? 0 : ask_outstanding(l, err);
    if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    int64_t wait_us = l->outstanding.due_us - now;
    *pending = l->outstanding.pending;
    *running = l->outstanding.running;
    *next_due_ms = !l->outstanding.pending ? -1 : wait_us <= 0 ? 0 : (wait_us + 999) / 1000;
    return 0;
}

/* ---- the ends of an attempt ---- */

/* Who holds a lease loses it only to a change that was decided first. */
static int end_held(struct sl_ledger_mongo *l, const struct sl_lease *lease, struct json_object *doc,
                    struct sl_ledger_mongo__change *change, struct sl_error *err)
{
    bool won = false;
    int rc = sl_ledger_mongo__decide(l, doc, change, &won, err);
    json_object_put(change->after);
    if (rc < 0 || won)
        return rc;
    rc = sl_ledger_mongo__catch_up(l, doc, 0, err);
    return rc < 0 ? rc : sl_ledger_mongo__lease_lost(lease, err);
}

int sl_ledger_mongo__hand_back(struct sl_ledger *ledger, const struct sl_lease *lease, const char *not_before,
                               const struct sl_error *error, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL;
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    int rc = sl_ledger_mongo__hold_doc(l, lease, &us, &doc, err);
    if (rc < 0)
        return rc;
    changes = sl_ledger_change_handed_back(doc, not_before, error, sl_ledger_mongo__iso(now, us));
    return end_held(l, lease, doc,
                    &(struct sl_ledger_mongo__change){
                        .changes = changes, .run_status = error ? "failed" : "cancelled", .error = error},
                    err);
}

int sl_ledger_mongo__close_batch(struct sl_ledger *ledger, const struct sl_lease *lease, enum sl_batch_status status,
                                 const char *run_id, const struct sl_error *error, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL;
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    if (status == SL_BATCH_PENDING || status == SL_BATCH_RUNNING)
        return sl_fail(err, SL_E_INTERNAL, "a batch cannot be closed as %s", sl_batch_status_name(status));
    int rc = sl_ledger_mongo__hold_doc(l, lease, &us, &doc, err);
    if (rc < 0)
        return rc;
    changes = sl_ledger_change_closed(doc, status, run_id, error, sl_ledger_mongo__iso(now, us));
    return end_held(l, lease, doc,
                    &(struct sl_ledger_mongo__change){
                        .changes = changes, .run_status = sl_batch_status_name(status), .error = error},
                    err);
}

/* The batch that owner holds; *out NULL when it holds none. A lease whose batch is not its any more is cleared away. */
static int held_by(struct sl_ledger_mongo *l, const char *owner, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object(), *sort = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    sl_json_put_str(filter, "owner", owner);
    sl_json_put_int(sort, "created_us", 1);
    *out = NULL;
    int rc = sl_ledger_mongo__list(l, "leases", filter, sort, 0, &list, err);
    for (size_t i = 0; rc == 0 && !*out && i < json_object_array_length(list); i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        struct json_object *place = json_object_array_get_idx(list, i);
        const char *batch_id = sl_json_str(place, "_id", "");
        rc = sl_ledger_mongo__load(l, batch_id, &doc, err);
        if (rc < 0)
            break;
        const char *holder = sl_json_str(sl_json_get(doc, "lease"), "owner", NULL);
        if (holder && !strcmp(holder, owner))
            *out = json_object_get(doc);
        else if (!holder)
            rc = sl_ledger_mongo__remove_lease(l, batch_id, sl_json_int(place, "attempt", 0), err);
    }
    return rc;
}

int sl_ledger_mongo__abandon(struct sl_ledger *ledger, const char *owner, const struct sl_error *error, int max_crashes,
                             char *batch_id_out, bool *poisoned_out, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    for (int i = 0; i < TRIES; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL;
        char now[SL_LEDGER_ISO_BYTES];
        int64_t us = 0;
        bool poisoned = false, won = false;
        int rc = held_by(l, owner, &doc, err);
        if (rc < 0)
            return rc;
        if (!doc) {
            batch_id_out[0] = '\0';
            *poisoned_out = false;
            return 0;
        }
        if ((rc = sl_ledger_mongo__now(l, &us, err)) < 0)
            return rc;
        changes = sl_ledger_change_abandoned(doc, error, max_crashes, &poisoned, sl_ledger_mongo__iso(now, us));
        struct sl_ledger_mongo__change change = {.changes = changes, .run_status = "failed", .error = error};
        rc = sl_ledger_mongo__decide(l, doc, &change, &won, err);
        json_object_put(change.after);
        if (rc < 0 || (!won && (rc = sl_ledger_mongo__catch_up(l, doc, 0, err)) < 0))
            return rc;
        if (won) {
            snprintf(batch_id_out, SL_BATCH_ID_BYTES, "%s", sl_json_str(doc, "batch_id", ""));
            *poisoned_out = poisoned;
            return 0;
        }
    }
    return sl_fail(err, SL_E_LEDGER_UNAVAILABLE, "what %s holds changes faster than it can be read", owner);
}

int sl_ledger_mongo__reopen(struct sl_ledger *ledger, const char *batch_id, struct json_object *replay,
                            const char *manifest_key, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    for (int i = 0; i < TRIES; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL;
        char now[SL_LEDGER_ISO_BYTES];
        int64_t us = 0;
        bool won = false;
        int rc = sl_ledger_mongo__load(l, batch_id, &doc, err);
        if (rc < 0 || (rc = sl_ledger_mongo__now(l, &us, err)) < 0)
            return rc;
        const char *status = sl_json_str(doc, "status", "");
        if (!doc)
            return sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", batch_id);
        if (!strcmp(status, "pending") || !strcmp(status, "running"))
            return sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is %s", batch_id, status);
        changes = sl_ledger_change_reopened(doc, replay, manifest_key, sl_ledger_mongo__iso(now, us));
        struct sl_ledger_mongo__change change = {.changes = changes};
        rc = sl_ledger_mongo__decide(l, doc, &change, &won, err);
        json_object_put(change.after);
        if (rc < 0 || won || (rc = sl_ledger_mongo__catch_up(l, doc, 0, err)) < 0)
            return rc;
    }
    return sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is being reopened", batch_id);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a batch changes where there are no transactions, and where even an update is no compare-and-set.
 *
 * A change is decided by one insert: that of its event, whose _id has the batch and the number of the change (its place
 * in the history). A unique _id can be taken once, on every server. The event holds what is to be written; whoever finds a
 * change decided and not entered enters it, so that it goes forward and never back. All writes of the entering are to the
 * same values, in an order that leaves the batch to be found by a claim until the last one.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "ledger/mongo/mongo.h"

/* GRACE: that long a change is left to who decided it, who is most likely about to enter it. Two that enter the same at the
 * same moment do no harm, but on a server whose updates write whole documents what the quicker one does next could be lost. */
enum { EVENT_ID_BYTES = 256, MAX_STEPS = 64, GRACE_US = 400000, GRACE_STEP_MS = 20 };

static size_t history_length(struct json_object *doc)
{
    struct json_object *history = sl_json_get(doc, "history");
    return json_object_is_type(history, json_type_array) ? json_object_array_length(history) : 0;
}

/* What the event has to hold so that anybody can enter the change. */
static struct json_object *describe(struct sl_ledger_mongo__change *c)
{
    struct json_object *change = json_object_new_object(), *set = json_object_new_object(), *history = NULL;
    char by[SL_UUID_TEXT_BYTES];
    json_object_object_foreach (c->changes, key, value) {
        if (!strcmp(key, "history"))
            history = value;
        else
            json_object_object_add(set, key, json_object_get(value));
    }
    size_t n = json_object_array_length(history);
    sl_uuid7(by);
    sl_json_put_str(change, "by", by);
    sl_json_put(change, "set", set);
    sl_json_put(change, "entry", json_object_get(json_object_array_get_idx(history, n - 1)));
    if (c->run_status)
        sl_json_put(change, "run",
                    sl_ledger_change_run_ended(c->run_status, c->error, sl_json_str(c->changes, "updated_at", "")));
    if (c->commit_id)
        sl_json_put_str(change, "commit", c->commit_id);
    return change;
}

/* The members of the manifest's document that the change sets, with the whole history. */
static struct json_object *members_of(struct json_object *doc, struct json_object *change)
{
    struct json_object *members = json_object_new_object(), *history = json_object_new_array();
    struct json_object *before = sl_json_get(doc, "history"), *set = sl_json_get(change, "set");
    json_object_object_foreach (set, key, value)
        json_object_object_add(members, key, json_object_get(value));
    for (size_t i = 0; i < history_length(doc); i++)
        json_object_array_add(history, json_object_get(json_object_array_get_idx(before, i)));
    json_object_array_add(history, json_object_get(sl_json_get(change, "entry")));
    sl_json_put(members, "history", history);
    return members;
}

static int write_manifest(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object *members,
                          struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *guard = NULL;
    guard = BCON_NEW("history", "{", "$size", BCON_INT32((int32_t)history_length(doc)), "}");
    int rc = sl_ledger_mongo__encode(l, "manifests", members, &b, err);
    return rc < 0 ? rc : sl_ledger_mongo__set(l, "manifests", sl_json_str(doc, "_id", ""), guard, b, false, NULL, err);
}

static int remove_work(struct sl_ledger_mongo *l, const char *batch_id, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "batch_id", batch_id);
    return sl_ledger_mongo__remove_all(l, "work", filter, err);
}

static int write_places(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object *after,
                        struct json_object *members, struct sl_error *err)
{
    const char *batch_id = sl_json_str(doc, "batch_id", ""), *status = sl_json_str(after, "status", "");
    int rc = 0;
    if (!strcmp(status, "running"))
        rc = sl_ledger_mongo__put_lease(l, after, err);
    else if (!strcmp(status, "pending"))
        rc = sl_ledger_mongo__put_queue(l, after, err);
    if (rc < 0 || (rc = write_manifest(l, doc, members, err)) < 0)
        return rc;
    if (!strcmp(status, "running"))
        return sl_ledger_mongo__remove(l, "queue", batch_id, NULL, err);
    rc = sl_ledger_mongo__remove_lease(l, batch_id, sl_json_int(doc, "attempts", 0), err);
    if (rc == 0 && strcmp(status, "pending") != 0 && !strcmp(sl_json_str(doc, "status", ""), "pending"))
        rc = sl_ledger_mongo__remove(l, "queue", batch_id, NULL, err);
    return rc;
}

/* doc: as it was before the change. own: the change as it was made here; NULL when it is another's. */
static int enter(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object *change,
                 const struct sl_ledger_mongo__change *own, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *members = members_of(doc, change), *after = NULL;
    const char *batch_id = sl_json_str(doc, "batch_id", ""), *commit = sl_json_str(change, "commit", NULL);
    const char *now = sl_json_str(members, "updated_at", ""), *run_id = sl_json_str(doc, "run_id", NULL);
    struct json_object *run = sl_json_get(change, "run");
    int rc = 0;
    after = sl_ledger_merge(doc, members);
    if (commit)
        rc = sl_ledger_mongo__enter_commit(l, batch_id, commit, own ? own->commit : NULL, now, err);
    else if (run && run_id)
        rc = sl_ledger_mongo__end_run(l, run_id, sl_json_int(sl_json_get(doc, "lease"), "attempt", -1), false, run, now, err);
    if (rc == 0)
        rc = write_places(l, doc, after, members, err);
    return rc == 0 && commit ? remove_work(l, batch_id, err) : rc;
}

int sl_ledger_mongo__decide(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_ledger_mongo__change *c,
                            bool *won, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *after = sl_ledger_merge(doc, c->changes), *event = NULL;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *whole = NULL;
    int rc = sl_ledger_mongo__checked(l, "manifests", after, &whole, err);
    if (rc < 0)
        return rc;
    event = sl_ledger_event_batch(after);
    struct json_object *change = describe(c);
    sl_json_put(event, "change", change);
    if ((rc = sl_ledger_mongo__event_decides(l, event, won, err)) < 0 || !*won)
        return rc;
    rc = enter(l, doc, change, c, err);
    if (rc == 0)
        c->after = json_object_get(after);
    return rc;
}

/* ---- what others have decided ---- */

static int next_event(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object **out, struct sl_error *err)
{
    char id[EVENT_ID_BYTES];
    snprintf(id, sizeof id, "batch:%s:%zu", sl_json_str(doc, "batch_id", ""), history_length(doc) + 1);
    return sl_ledger_mongo__get(l, "events", id, out, err);
}

static bool is_young(struct json_object *event, int64_t now_us)
{
    int64_t at = 0;
    return sl_clock_parse(sl_json_str(event, "at", ""), &at) && now_us - at >= 0 && now_us - at < GRACE_US;
}

/* Until the decided change after doc, if there is one, has been entered by others or is no longer young. */
static int leave_to_its_maker(struct sl_ledger_mongo *l, const char *batch_id, struct json_object **doc, struct sl_error *err)
{
    for (;;) {
        SL_CLEANUP(sl_json_putp) struct json_object *event = NULL, *fresh = NULL;
        int64_t now = 0;
        int rc = next_event(l, *doc, &event, err);
        if (rc < 0 || !event || (rc = sl_ledger_mongo__now(l, &now, err)) < 0 || !is_young(event, now))
            return rc;
        sl_clock_sleep_ns(GRACE_STEP_MS * SL_NS_PER_MS);
        rc = sl_ledger_mongo__get(l, "manifests", batch_id, &fresh, err);
        if (rc < 0 || !fresh)
            return rc;
        json_object_put(*doc);
        *doc = json_object_get(fresh);
    }
}

/* One step forward when there is one. */
static int step(struct sl_ledger_mongo *l, struct json_object *doc, int64_t older_than_us, bool *stepped,
                struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *event = NULL;
    int64_t now = 0, at = 0;
    *stepped = false;
    int rc = next_event(l, doc, &event, err);
    if (rc < 0 || !event)
        return rc;
    if ((rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    if (older_than_us && sl_clock_parse(sl_json_str(event, "at", ""), &at) && now - at < older_than_us)
        return 0;
    struct json_object *change = sl_json_get(event, "change");
    if (!change)
        return sl_fail(err, SL_E_INTERNAL, "the event %s does not say what it changes", sl_json_str(event, "_id", "?"));
    rc = enter(l, doc, change, NULL, err);
    *stepped = rc == 0;
    return rc;
}

int sl_ledger_mongo__catch_up(struct sl_ledger_mongo *l, struct json_object *doc, int64_t older_than_us,
                              struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *fresh = NULL;
    bool stepped;
    int rc = sl_ledger_mongo__get(l, "manifests", sl_json_str(doc, "_id", ""), &fresh, err);
    if (rc < 0 || !fresh || history_length(fresh) > history_length(doc))
        return rc;
    return step(l, fresh, older_than_us, &stepped, err);
}

static bool is_open(struct json_object *doc)
{
    const char *status = sl_json_str(doc, "status", "");
    return !strcmp(status, "pending") || !strcmp(status, "running");
}

int sl_ledger_mongo__load(struct sl_ledger_mongo *l, const char *batch_id, struct json_object **out,
                          struct sl_error *err)
{
    for (int i = 0; i < MAX_STEPS; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        bool stepped = false;
        int rc = sl_ledger_mongo__get(l, "manifests", batch_id, &doc, err);
        if (rc == 0 && doc && is_open(doc))
            rc = leave_to_its_maker(l, batch_id, &doc, err);
        if (rc == 0 && doc && is_open(doc))
            rc = step(l, doc, 0, &stepped, err);
        if (rc < 0)
            return rc;
        if (!stepped) {
            *out = json_object_get(doc);
            return 0;
        }
    }
    return sl_fail(err, SL_E_LEDGER_UNAVAILABLE, "batch \"%s\" changes faster than it can be read", batch_id);
}

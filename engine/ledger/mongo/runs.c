/* SPDX-License-Identifier: Apache-2.0 */
/* Runs. A run is written by who holds its batch's lease, so the handle that wrote it last knows it. */
#include <string.h>

#include "ledger/mongo/mongo.h"

static void remember(struct sl_ledger_mongo *l, struct json_object *run)
{
    json_object_put(l->run);
    l->run = json_object_get(run);
}

static int get(struct sl_ledger_mongo *l, const char *run_id, bool known_is_enough, struct json_object **out,
               struct sl_error *err)
{
    if (known_is_enough && l->run && !strcmp(sl_json_str(l->run, "_id", ""), run_id)) {
        *out = json_object_get(l->run);
        return 0;
    }
    return sl_ledger_mongo__get(l, "runs", run_id, out, err);
}

static int write_run(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object *changes,
                     struct json_object **after_out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *after = sl_ledger_merge(doc, changes);
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL, *whole = NULL;
    int rc = sl_ledger_mongo__checked(l, "runs", after, &whole, err);
    if (rc < 0 || (rc = sl_ledger_mongo__encode(l, "runs", changes, &b, err)) < 0 ||
        (rc = sl_ledger_mongo__set(l, "runs", sl_json_str(doc, "_id", ""), NULL, b, false, NULL, err)) < 0)
        return rc;
    remember(l, after);
    *after_out = json_object_get(after);
    return 0;
}

int sl_ledger_mongo__end_run_quietly(struct sl_ledger_mongo *l, const char *run_id, int64_t attempt, bool own,
                                     struct json_object *changes, const char *now, struct json_object **event,
                                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *after = NULL;
    *event = NULL;
    int rc = get(l, run_id, own, &doc, err);
    if (rc < 0 || !doc || (attempt >= 0 && sl_json_int(doc, "attempt", -1) != attempt))
        return rc;
    /* One that has ended already may have done so a moment before its event could be entered. */
    if (!strcmp(sl_json_str(doc, "status", ""), "running") && (rc = write_run(l, doc, changes, &after, err)) < 0)
        return rc;
    *event = sl_ledger_event_run(after ? after : doc, now);
    return 0;
}

int sl_ledger_mongo__end_run(struct sl_ledger_mongo *l, const char *run_id, int64_t attempt, bool own,
                             struct json_object *changes, const char *now, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *event = NULL;
    int rc = sl_ledger_mongo__end_run_quietly(l, run_id, attempt, own, changes, now, &event, err);
    return rc < 0 || !event ? rc : sl_ledger_mongo__events(l, &event, 1, err);
}

static int insert_run(struct sl_ledger_mongo *l, const struct sl_lease *lease, struct json_object *run, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *found = NULL;
    bool there = false, repeated = false;
    int rc = sl_ledger_mongo__checked(l, "runs", run, &b, err);
    if (rc == 0)
        rc = sl_ledger_mongo__insert(l, "runs", b, &there, &repeated, err);
    if (rc < 0)
        return rc;
    const char *id = sl_json_str(run, "_id", "");
    if (there && repeated) { /* the answer was lost: it may be this one */
        rc = get(l, id, false, &found, err);
        there = rc == 0 && (strcmp(sl_json_str(found, "owner", ""), lease->owner) != 0 ||
                            sl_json_int(found, "attempt", -1) != lease->attempt);
    }
    if (rc == 0 && there)
        return sl_fail(err, SL_E_LEDGER_CONFLICT, "the ledger has a run %s already", id);
    if (rc == 0)
        remember(l, run);
    return rc;
}

int sl_ledger_mongo__begin_run(struct sl_ledger *ledger, const struct sl_lease *lease, struct json_object *run_doc,
                               struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *run = sl_ledger_merge(run_doc, nothing);
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    int rc = sl_ledger_mongo__hold(l, lease, &us, err);
    if (rc < 0)
        return rc;
    sl_ledger_fill_run(run, lease, sl_ledger_mongo__iso(now, us));
    if (strcmp(sl_json_str(run, "batch_id", ""), lease->batch_id) != 0 ||
        strcmp(sl_json_str(run, "status", ""), "running") != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a run of batch %s begins as running, not as %s of %s",
                       lease->batch_id, sl_json_str(run, "status", "?"), sl_json_str(run, "batch_id", "?"));
    if ((rc = sl_ledger_check(l->schemas, "runs", run, err)) < 0)
        return rc;
    /* The name first: a run that is there is then found through its batch, and ended with it. */
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *guard =
        BCON_NEW("lease.owner", BCON_UTF8(lease->owner), "lease.attempt", BCON_INT64(lease->attempt));
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
        BCON_NEW("run_id", BCON_UTF8(sl_json_str(run, "_id", "")), "updated_at", BCON_DATE_TIME(us / 1000));
    int64_t n = 0;
    rc = sl_ledger_mongo__set(l, "manifests", lease->batch_id, guard, b, false, &n, err);
    if (rc == 0 && !n)
        return sl_ledger_mongo__lease_lost(lease, err);
    return rc < 0 ? rc : insert_run(l, lease, run, err);
}

int sl_ledger_mongo__update_run(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                                struct json_object *changes, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *after = NULL, *event = NULL;
    char now[SL_LEDGER_ISO_BYTES];
    int64_t us = 0;
    int rc = sl_ledger_mongo__hold(l, lease, &us, err);
    if (rc < 0 || (rc = get(l, run_id, true, &doc, err)) < 0)
        return rc;
    if (!doc || strcmp(sl_json_str(doc, "batch_id", ""), lease->batch_id) != 0)
        return sl_fail(err, SL_E_LEDGER_NOT_FOUND, "batch %s has no run %s", lease->batch_id, run_id);
    if (strcmp(sl_json_str(changes, "_id", run_id), run_id) != 0 ||
        strcmp(sl_json_str(changes, "batch_id", lease->batch_id), lease->batch_id) != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "run %s cannot become another run", run_id);
    if ((rc = write_run(l, doc, changes, &after, err)) < 0)
        return rc;
    const char *before = sl_json_str(doc, "status", "");
    if (strcmp(before, "running") != 0 || !strcmp(sl_json_str(after, "status", ""), before))
        return 0;
    event = sl_ledger_event_run(after, sl_ledger_mongo__iso(now, us)); /* a run that ends is an event */
    return sl_ledger_mongo__events(l, &event, 1, err);
}

int sl_ledger_mongo__get_run(struct sl_ledger *ledger, const char *run_id, struct json_object **out,
                             struct sl_error *err)
{
    return sl_ledger_mongo__get(sl_ledger_mongo_of(ledger), "runs", run_id, out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a batch is while it isn't over: in "queue" when it waits, in "leases" when somebody works on it. Both hold one small
 * document of a batch, so that looking for one is cheap on every server; the lease that counts is the one in "leases".
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/mongo/mongo.h"

static int64_t us_of(struct json_object *doc, const char *key)
{
    int64_t us = 0;
    const char *text = sl_json_str(doc, key, NULL);
    return text && sl_clock_parse(text, &us) ? us : 0;
}

static int put(struct sl_ledger_mongo *l, const char *collection, struct json_object *place, bool over,
               struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = sl_ledger_mongo__bson(place);
    bool there = false;
    int rc = sl_ledger_mongo__insert(l, collection, b, &there, NULL, err);
    if (rc < 0 || !there || !over)
        return rc;
    json_object_object_del(place, "_id");
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *members = sl_ledger_mongo__bson(place);
    const char *id = NULL;
    bson_iter_t it;
    if (bson_iter_init_find(&it, b, "_id"))
        id = bson_iter_utf8(&it, NULL);
    return sl_ledger_mongo__set(l, collection, id, NULL, members, true, NULL, err);
}

static int put_lease(struct sl_ledger_mongo *l, struct json_object *doc, bool over, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *place = json_object_new_object();
    struct json_object *lease = sl_json_get(doc, "lease");
    sl_json_put_str(place, "_id", sl_json_str(doc, "batch_id", ""));
    sl_json_put_str(place, "owner", sl_json_str(lease, "owner", ""));
    sl_json_put_int(place, "attempt", sl_json_int(lease, "attempt", 0));
    sl_json_put_int(place, "expires_us", us_of(lease, "expires_at"));
    sl_json_put_str(place, "intent", sl_json_str(doc, "intent", NULL));
    sl_json_put_int(place, "priority", sl_json_int(doc, "priority", 0));
    sl_json_put_int(place, "created_us", us_of(doc, "created_at"));
    return put(l, "leases", place, over, err);
}

int sl_ledger_mongo__put_lease(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_error *err)
{
    return put_lease(l, doc, true, err);
}

int sl_ledger_mongo__remove_lease(struct sl_ledger_mongo *l, const char *batch_id, int64_t attempt, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    struct json_object *most = json_object_new_object();
    sl_json_put_str(filter, "_id", batch_id);
    sl_json_put_int(most, "$lte", attempt);
    sl_json_put(filter, "attempt", most);
    return sl_ledger_mongo__remove_all(l, "leases", filter, err);
}

/* Before the first of another priority than the usual one waits: a claim may not take the first that it finds then. */
static int note_priority(struct sl_ledger_mongo *l, int64_t priority, struct sl_error *err)
{
    if (!l->ferret || l->mixed || priority == 0)
        return 0;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = BCON_NEW("mixed", BCON_BOOL(true));
    int rc = sl_ledger_mongo__set(l, "lookups", SL_LEDGER_PRIORITIES, NULL, b, true, NULL, err);
    l->mixed = rc == 0;
    return rc;
}

static int put_queue(struct sl_ledger_mongo *l, struct json_object *doc, bool over, struct sl_error *err)
{
    int rc = note_priority(l, sl_json_int(doc, "priority", 0), err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *place = json_object_new_object();
    sl_json_put_str(place, "_id", sl_json_str(doc, "batch_id", ""));
    sl_json_put_int(place, "not_before_us", us_of(doc, "not_before"));
    sl_json_put_str(place, "intent", sl_json_str(doc, "intent", NULL));
    sl_json_put_int(place, "priority", sl_json_int(doc, "priority", 0));
    sl_json_put_int(place, "created_us", us_of(doc, "created_at"));
    l->candidates_until_ns = l->outstanding.until_ns = 0;
    return put(l, "queue", place, over, err);
}

int sl_ledger_mongo__put_queue(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_error *err)
{
    return put_queue(l, doc, true, err);
}

int sl_ledger_mongo__lease_lost(const struct sl_lease *lease, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_LEASE_LOST, "batch %s is no longer held by %s (attempt %lld)", lease->batch_id,
                     lease->owner, (long long)lease->attempt);
    sl_error_hint(err, "another worker has taken it over; nothing of this attempt was entered");
    return rc;
}

static bool names(struct json_object *place, const struct sl_lease *lease)
{
    return place && !strcmp(sl_json_str(place, "owner", ""), lease->owner) &&
           sl_json_int(place, "attempt", -1) == lease->attempt;
}

/* *ends_us: when the lease ends as it stands. */
static int hold_until(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t *now_us, int64_t *ends_us,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *place = NULL;
    int64_t now = 0;
    int rc = sl_ledger_mongo__get(l, "leases", lease->batch_id, &place, err);
    if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    if (!names(place, lease) || sl_json_int(place, "expires_us", 0) <= now)
        return sl_ledger_mongo__lease_lost(lease, err);
    *now_us = now;
    *ends_us = sl_json_int(place, "expires_us", 0);
    return 0;
}

int sl_ledger_mongo__hold(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t *now_us,
                          struct sl_error *err)
{
    int64_t now = 0, ends = 0;
    int rc = hold_until(l, lease, &now, &ends, err);
    if (rc == 0 && now_us)
        *now_us = now;
    return rc;
}

/* The document says who has claimed the batch last, and until when at least: before that moment nobody takes it over. What
 * else may have ended the attempt is a change of this document that is decided first, and then the caller's is not. */
static bool holds_by_claim(struct json_object *doc, const struct sl_lease *lease, int64_t now_us)
{
    struct json_object *claimed = sl_json_get(doc, "lease");
    return names(claimed, lease) && us_of(claimed, "expires_at") > now_us;
}

int sl_ledger_mongo__hold_doc(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t *now_us,
                              struct json_object **doc, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *found = NULL;
    int64_t now = 0;
    int rc = sl_ledger_mongo__get(l, "manifests", lease->batch_id, &found, err);
    if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    if (!holds_by_claim(found, lease, now) && (rc = sl_ledger_mongo__hold(l, lease, &now, err)) < 0)
        return rc;
    if (!names(sl_json_get(found, "lease"), lease)) { /* decided, and not all entered yet */
        json_object_put(found);
        found = NULL;
        rc = sl_ledger_mongo__load(l, lease->batch_id, &found, err);
        if (rc == 0 && !names(sl_json_get(found, "lease"), lease))
            rc = sl_ledger_mongo__lease_lost(lease, err);
    }
    if (rc == 0) {
        *now_us = now;
        *doc = json_object_get(found);
    }
    return rc;
}

/* A lease that is made shorter ends no later by what the batch's document says than by "leases". */
static int shorten_claim(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t ends_us, struct sl_error *err)
{
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *guard =
        BCON_NEW("lease.owner", BCON_UTF8(lease->owner), "lease.attempt", BCON_INT64(lease->attempt));
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = BCON_NEW("lease.expires_at", BCON_DATE_TIME(ends_us / 1000));
    return sl_ledger_mongo__set(l, "manifests", lease->batch_id, guard, b, false, NULL, err);
}

int sl_ledger_mongo__renew(struct sl_ledger *ledger, const struct sl_lease *lease, int64_t lease_ms,
                           struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    int64_t now = 0, n = 0, before = 0;
    if (lease_ms <= 0 || lease_ms > SL_LEDGER_LONGEST_LEASE_MS)
        return sl_fail(err, SL_E_INTERNAL, "a lease of %lld ms cannot be given", (long long)lease_ms);
    int rc = hold_until(l, lease, &now, &before, err);
    int64_t ends = now + lease_ms * 1000;
    if (rc == 0 && ends < before)
        rc = shorten_claim(l, lease, ends, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *guard =
        BCON_NEW("owner", BCON_UTF8(lease->owner), "attempt", BCON_INT64(lease->attempt));
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *members = BCON_NEW("expires_us", BCON_INT64(ends));
    rc = sl_ledger_mongo__set(l, "leases", lease->batch_id, guard, members, false, &n, err);
    return rc < 0 || n ? rc : sl_ledger_mongo__lease_lost(lease, err);
}

int sl_ledger_mongo__leases(struct sl_ledger *ledger, sl_lease_visit visit, void *data, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *sort = json_object_new_object(), *list = NULL;
    sl_json_put_int(sort, "created_us", 1);
    sl_json_put_int(sort, "_id", 1);
    int rc = sl_ledger_mongo__list(l, "leases", NULL, sort, 0, &list, err);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++) {
        struct json_object *place = json_object_array_get_idx(list, i);
        struct sl_lease lease = {.attempt = sl_json_int(place, "attempt", 0)};
        snprintf(lease.batch_id, sizeof lease.batch_id, "%s", sl_json_str(place, "_id", ""));
        snprintf(lease.owner, sizeof lease.owner, "%s", sl_json_str(place, "owner", ""));
        rc = visit(data, &lease, err);
    }
    return rc;
}

/* ---- batches without a place ---- */

static int list_ids(struct sl_ledger_mongo *l, const char *collection, struct json_object **ids, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int rc = sl_ledger_mongo__list(l, collection, NULL, NULL, 0, &list, err);
    if (rc < 0)
        return rc;
    *ids = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(list); i++)
        sl_json_put(*ids, sl_json_str(json_object_array_get_idx(list, i), "_id", ""), json_object_new_boolean(true));
    return 0;
}

/* Young ones are most likely on their way to a place. */
static int place_one(struct sl_ledger_mongo *l, struct json_object *doc, struct json_object *leases, struct json_object *queue,
                     int64_t now_us, bool *placed, struct sl_error *err)
{
    enum { YOUNG_US = 2000000 };
    const char *batch_id = sl_json_str(doc, "batch_id", ""), *status = sl_json_str(doc, "status", "");
    bool works = !strcmp(status, "running"), waits = !strcmp(status, "pending");
    if (now_us - us_of(doc, "updated_at") < YOUNG_US)
        return 0;
    if (works && !sl_json_get(leases, batch_id) && us_of(sl_json_get(doc, "lease"), "expires_at") <= now_us) {
        *placed = true;
        return put_lease(l, doc, false, err);
    }
    if (waits && !sl_json_get(queue, batch_id)) {
        *placed = true;
        return put_queue(l, doc, false, err);
    }
    return 0;
}

int sl_ledger_mongo__place_strays(struct sl_ledger_mongo *l, bool *placed, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *open = json_tokener_parse("{\"status\":{\"$in\":[\"pending\",\"running\"]}}");
    SL_CLEANUP(sl_json_putp) struct json_object *leases = NULL, *queue = NULL, *docs = NULL;
    int64_t now = 0;
    *placed = false;
    int rc = list_ids(l, "leases", &leases, err);
    if (rc == 0)
        rc = list_ids(l, "queue", &queue, err);
    if (rc == 0)
        rc = sl_ledger_mongo__list(l, "manifests", open, NULL, 0, &docs, err);
    if (rc == 0)
        rc = sl_ledger_mongo__now(l, &now, err);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(docs); i++)
        rc = place_one(l, json_object_array_get_idx(docs, i), leases, queue, now, placed, err);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which batch is next, and whose it becomes. Candidates are those in "queue" that are due and the expired leases, in order
 * of priority and age; the claim of one is decided like every change of a batch. With limits, one claims at a time: the
 * count and the claim are made under a lock document.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "ledger/mongo/mongo.h"

enum { SLOW_NS = 20 * 1000000, SLOW_TIMES = 10, LOCK_MS = 10000, LOCK_LOOKS = 400, LOCK_WAIT_MS = 5, LOSSES = 200 };
static const int64_t longest_cache_ns = 2 * SL_NS_PER_S, many_cache_ns = SL_NS_PER_S, unfinished_us = 2000000;

#define LOCK_ID "lock:claims"

/* ---- candidates ---- */

static struct json_object *at_most(int64_t now)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "$lte", now);
    return o;
}

static int before(const void *a, const void *b)
{
    struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
    int64_t p = sl_json_int(x, "priority", 0), q = sl_json_int(y, "priority", 0);
    int64_t s = sl_json_int(x, "created_us", 0), t = sl_json_int(y, "created_us", 0);
    if (p != q)
        return p > q ? -1 : 1;
    if (s != t)
        return s < t ? -1 : 1;
    return strcmp(sl_json_str(x, "_id", ""), sl_json_str(y, "_id", ""));
}

/*
 * Those that wait and are due, in order; *cut tells that there are more. A server that walks the collection to put them in
 * order is asked for the first ones as they lie, which is about their age: all of them when they are few, and else good
 * enough as long as nobody has said that their priorities differ.
 */
static int read_waiting(struct sl_ledger_mongo *l, struct json_object *filter, struct json_object *sort,
                        struct json_object **out, bool *cut, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL, *priorities = NULL;
    *cut = false;
    if (!l->ferret)
        return sl_ledger_mongo__list(l, "queue", filter, sort, SL_LEDGER_CANDIDATES, out, err);
    int rc = sl_ledger_mongo__list(l, "queue", filter, NULL, SL_LEDGER_CANDIDATES, &list, err);
    if (rc < 0)
        return rc;
    if (json_object_array_length(list) == SL_LEDGER_CANDIDATES) {
        if ((rc = sl_ledger_mongo__get(l, "lookups", SL_LEDGER_PRIORITIES, &priorities, err)) < 0)
            return rc;
        if (priorities)
            return sl_ledger_mongo__list(l, "queue", filter, sort, SL_LEDGER_CANDIDATES, out, err);
        *cut = true;
    }
    json_object_array_sort(list, before);
    *out = json_object_get(list);
    return 0;
}

/* full: intents that may not start another one; borrowed, an array. */
static int read_candidates(struct sl_ledger_mongo *l, int64_t now, struct json_object *full, struct json_object **out,
                           bool *cut, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *waiting = json_object_new_object(), *sort = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *expired = json_object_new_object(), *list = NULL, *lost = NULL;
    sl_json_put(waiting, "not_before_us", at_most(now));
    sl_json_put(expired, "expires_us", at_most(now));
    if (json_object_array_length(full)) {
        struct json_object *none = json_object_new_object();
        sl_json_put(none, "$nin", json_object_get(full));
        sl_json_put(waiting, "intent", none);
        sl_json_put(expired, "intent", json_object_get(none));
    }
    sl_json_put_int(sort, "priority", -1);
    sl_json_put_int(sort, "created_us", 1);
    sl_json_put_int(sort, "_id", 1);
    int rc = sl_ledger_mongo__list(l, "leases", expired, sort, SL_LEDGER_CANDIDATES, &lost, err);
    if (rc == 0)
        rc = read_waiting(l, waiting, sort, &list, cut, err);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(lost); i++)
        json_object_array_add(list, json_object_get(json_object_array_get_idx(lost, i)));
    if (rc == 0) {
        if (json_object_array_length(lost))
            json_object_array_sort(list, before);
        *out = json_object_get(list);
    }
    return rc;
}

/* Workers that share a long list begin at different places of it, or each would lose most of its claims to the others. */
static struct json_object *rotated(struct json_object *list)
{
    struct json_object *out = json_object_new_array();
    size_t n = json_object_array_length(list);
    uint32_t first;
    sl_clock_random(&first, sizeof first);
    for (size_t i = 0; i < n; i++)
        json_object_array_add(out, json_object_get(json_object_array_get_idx(list, (first + i) % n)));
    return out;
}

/* The list is read anew for each claim, unless reading takes long or many wait: then it is good for some claims. */
static int fill_candidates(struct sl_ledger_mongo *l, int64_t now, struct json_object *full, bool *fresh,
                           struct sl_error *err)
{
    int64_t began = sl_clock_mono_ns();
    *fresh = false;
    if (l->candidates && began < l->candidates_until_ns && !json_object_array_length(full) &&
        l->next_candidate < json_object_array_length(l->candidates))
        return 0;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    bool cut = false;
    int rc = read_candidates(l, now, full, &list, &cut, err);
    if (rc < 0)
        return rc;
    int64_t ended = sl_clock_mono_ns(), keep = SLOW_TIMES * (ended - began);
    bool keeps = (cut || ended - began > SLOW_NS) && !json_object_array_length(full);
    if (cut && keep < many_cache_ns)
        keep = many_cache_ns;
    json_object_put(l->candidates);
    l->candidates = keeps && cut ? rotated(list) : json_object_get(list);
    l->next_candidate = 0;
    l->candidates_until_ns = keeps ? ended + (keep < longest_cache_ns ? keep : longest_cache_ns) : 0;
    *fresh = true;
    return 0;
}

/* ---- one claim ---- */

static bool is_due(struct json_object *doc, struct json_object *place, int64_t now)
{
    const char *status = sl_json_str(doc, "status", "");
    int64_t us = 0;
    if (!strcmp(status, "pending"))
        return !sl_clock_parse(sl_json_str(doc, "not_before", ""), &us) || us <= now;
    /* The lease that counts is the one in "leases"; without one nobody renews. */
    return !strcmp(status, "running") && (!place || sl_json_int(place, "expires_us", 0) <= now);
}

static int take(struct sl_ledger_mongo *l, const struct sl_claim *claim, struct json_object *doc, int64_t now_us,
                bool *claimed, struct sl_lease *lease, struct json_object **doc_out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *changes = NULL;
    char now[SL_LEDGER_ISO_BYTES], ends[SL_LEDGER_ISO_BYTES];
    const char *holder = sl_json_str(sl_json_get(doc, "lease"), "owner", NULL);
    struct sl_error why = {0};
    /* The run of a worker whose lease ran out is over, whatever that worker may think. */
    if (holder)
        sl_fail(&why, SL_E_LEASE_LOST, "%s did not renew its lease in time", holder);
    changes = sl_ledger_change_claimed(doc, claim->owner, sl_ledger_mongo__iso(ends, now_us + claim->lease_ms * 1000),
                                       sl_ledger_mongo__iso(now, now_us));
    struct sl_ledger_mongo__change change = {
        .changes = changes, .run_status = holder ? "failed" : NULL, .error = holder ? &why : NULL};
    int rc = sl_ledger_mongo__decide(l, doc, &change, claimed, err);
    if (rc == 0 && *claimed) {
        *lease = (struct sl_lease){.attempt = sl_json_int(change.after, "attempts", 0)};
        snprintf(lease->batch_id, sizeof lease->batch_id, "%s", sl_json_str(doc, "batch_id", ""));
        snprintf(lease->owner, sizeof lease->owner, "%s", claim->owner);
        if (doc_out)
            *doc_out = json_object_get(change.after);
    }
    json_object_put(change.after);
    return rc;
}

static int claim_named(struct sl_ledger_mongo *l, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                       struct json_object **doc_out, struct sl_error *err)
{
    for (int i = 0; i < LOSSES; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *place = NULL;
        int64_t now = 0;
        int rc = sl_ledger_mongo__load(l, claim->batch_id, &doc, err);
        if (rc == 0)
            rc = sl_ledger_mongo__get(l, "leases", claim->batch_id, &place, err);
        if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
            return rc;
        if (!doc)
            return sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", claim->batch_id);
        if (!is_due(doc, place, now)) {
            *claimed = false;
            return strcmp(sl_json_str(doc, "status", ""), "running") != 0
                       ? 0
                       : sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is held by %s", claim->batch_id,
                                 sl_json_str(sl_json_get(doc, "lease"), "owner", "somebody"));
        }
        rc = take(l, claim, doc, now, claimed, lease, doc_out, err);
        if (rc < 0 || *claimed)
            return rc;
    }
    return sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is being claimed by others", claim->batch_id);
}

/* What stands in "queue" and is not waiting any more. */
static int clear_candidate(struct sl_ledger_mongo *l, struct json_object *candidate, struct json_object *doc, int64_t now,
                           struct sl_error *err)
{
    const char *id = sl_json_str(candidate, "_id", ""), *status = sl_json_str(doc, "status", "");
    bool in_queue = sl_json_get(candidate, "not_before_us") != NULL;
    if (!doc) /* being registered just now; or never to be, after a while */
        return now - sl_json_int(candidate, "created_us", now) > 3600 * INT64_C(1000000) && in_queue
                   ? sl_ledger_mongo__remove(l, "queue", id, NULL, err)
                   : 0;
    if (!strcmp(status, "pending") || !strcmp(status, "running"))
        return sl_ledger_mongo__catch_up(l, doc, unfinished_us, err);
    return in_queue ? sl_ledger_mongo__remove(l, "queue", id, NULL, err)
                    : sl_ledger_mongo__remove_lease(l, id, sl_json_int(candidate, "attempt", 0), err);
}

static int try_candidate(struct sl_ledger_mongo *l, const struct sl_claim *claim, struct json_object *candidate,
                         bool *claimed, struct sl_lease *lease, struct json_object **doc_out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *place = NULL;
    const char *id = sl_json_str(candidate, "_id", "");
    int64_t now = 0;
    int rc = sl_ledger_mongo__get(l, "manifests", id, &doc, err);
    if (rc == 0 && !strcmp(sl_json_str(doc, "status", ""), "running"))
        rc = sl_ledger_mongo__get(l, "leases", id, &place, err);
    if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    if (!doc || !is_due(doc, place, now))
        return clear_candidate(l, candidate, doc, now, err);
    rc = take(l, claim, doc, now, claimed, lease, doc_out, err);
    return rc < 0 || *claimed ? rc : sl_ledger_mongo__catch_up(l, doc, unfinished_us, err);
}

/* Where nothing is due: seldom, and the more seldom the longer it takes on this server. */
static int look_for_strays(struct sl_ledger_mongo *l, bool *placed, struct sl_error *err)
{
    enum { STRAYS_MS = 20000, STRAYS_TIMES = 50 };
    int64_t began = sl_clock_mono_ns();
    *placed = false;
    if (began < l->strays_ns)
        return 0;
    int rc = sl_ledger_mongo__place_strays(l, placed, err);
    int64_t ended = sl_clock_mono_ns(), took = ended - began;
    l->strays_ns = ended + (STRAYS_TIMES * took > STRAYS_MS * SL_NS_PER_MS ? STRAYS_TIMES * took : STRAYS_MS * SL_NS_PER_MS);
    return rc;
}

static int claim_first(struct sl_ledger_mongo *l, const struct sl_claim *claim, struct json_object *full, bool *claimed,
                       struct sl_lease *lease, struct json_object **doc_out, struct sl_error *err)
{
    int64_t now = 0;
    int rc = sl_ledger_mongo__now(l, &now, err);
    *claimed = false;
    for (int losses = 0; rc == 0 && !*claimed && losses < LOSSES;) {
        bool fresh;
        if ((rc = fill_candidates(l, now, full, &fresh, err)) < 0)
            return rc;
        size_t n = json_object_array_length(l->candidates);
        if (fresh && !n) {
            bool placed;
            rc = look_for_strays(l, &placed, err);
            if (rc < 0 || !placed)
                return rc;
            continue;
        }
        for (; rc == 0 && !*claimed && l->next_candidate < n; losses++)
            rc = try_candidate(l, claim, json_object_array_get_idx(l->candidates, l->next_candidate++), claimed, lease,
                               doc_out, err);
        if (fresh && n < SL_LEDGER_CANDIDATES && !*claimed)
            return rc; /* all that were due belong to others by now */
    }
    return rc;
}

/* ---- limits ---- */

static int unlock(struct sl_ledger_mongo *l, const char *token, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "_id", LOCK_ID);
    sl_json_put_str(filter, "token", token);
    return sl_ledger_mongo__remove_all(l, "work", filter, err);
}

/* Who holds it longer than a claim can take is gone: its lock is taken away. */
static int break_stale(struct sl_ledger_mongo *l, int64_t now, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *lock = NULL;
    int rc = sl_ledger_mongo__get(l, "work", LOCK_ID, &lock, err);
    if (rc == 0 && lock && sl_json_int(lock, "until_us", 0) < now)
        rc = unlock(l, sl_json_str(lock, "token", ""), err);
    return rc;
}

static int lock(struct sl_ledger_mongo *l, const char *token, bool *locked, struct sl_error *err)
{
    int rc = 0;
    *locked = false;
    for (int i = 0; rc == 0 && !*locked && i < LOCK_LOOKS; i++) {
        int64_t now = 0;
        bool there = false, repeated = false;
        if ((rc = sl_ledger_mongo__now(l, &now, err)) < 0)
            return rc;
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
            BCON_NEW("_id", BCON_UTF8(LOCK_ID), "token", BCON_UTF8(token), "until_us",
                     BCON_INT64(now + LOCK_MS * INT64_C(1000)));
        rc = sl_ledger_mongo__insert(l, "work", b, &there, &repeated, err);
        *locked = rc == 0 && !there;
        if (rc == 0 && there && i % 40 == 39)
            rc = break_stale(l, now, err);
        if (rc == 0 && there)
            sl_clock_sleep_ns(LOCK_WAIT_MS * SL_NS_PER_MS);
    }
    return rc;
}

/* The intents of which no more may start; *all when none may. */
static int count_running(struct sl_ledger_mongo *l, const struct sl_claim *claim, struct json_object *full, bool *all,
                         struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int64_t now = 0, running = 0;
    int rc = sl_ledger_mongo__list(l, "leases", NULL, NULL, 0, &list, err);
    if (rc < 0 || (rc = sl_ledger_mongo__now(l, &now, err)) < 0)
        return rc;
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++)
        running += sl_json_int(json_object_array_get_idx(list, i), "expires_us", 0) > now;
    *all = claim->most_running > 0 && running >= claim->most_running;
    for (size_t k = 0; k < claim->n_limits; k++) {
        int64_t of_intent = 0;
        for (size_t i = 0; i < n; i++) {
            struct json_object *place = json_object_array_get_idx(list, i);
            of_intent += sl_json_int(place, "expires_us", 0) > now &&
                         !strcmp(sl_json_str(place, "intent", ""), claim->limits[k].intent);
        }
        if (of_intent >= claim->limits[k].most)
            json_object_array_add(full, json_object_new_string(claim->limits[k].intent));
    }
    return 0;
}

static int claim_within_limits(struct sl_ledger_mongo *l, const struct sl_claim *claim, bool *claimed,
                               struct sl_lease *lease, struct json_object **doc_out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *full = json_object_new_array();
    char token[SL_UUID_TEXT_BYTES];
    bool locked = false, all = false;
    sl_uuid7(token);
    *claimed = false;
    int rc = lock(l, token, &locked, err);
    if (rc < 0 || !locked)
        return rc;
    rc = count_running(l, claim, full, &all, err);
    if (rc == 0 && !all)
        rc = claim_first(l, claim, full, claimed, lease, doc_out, err);
    int left = unlock(l, token, rc == 0 ? err : NULL);
    /* What was claimed is claimed, even if the lock has to run out by itself. */
    return rc < 0 || *claimed ? rc : left;
}

int sl_ledger_mongo__claim(struct sl_ledger *ledger, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                           struct json_object **doc_out, struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    if (strlen(claim->owner) >= sizeof lease->owner || claim->lease_ms <= 0 || claim->lease_ms > SL_LEDGER_LONGEST_LEASE_MS)
        return sl_fail(err, SL_E_INTERNAL, "a lease of %lld ms for \"%s\" cannot be given", (long long)claim->lease_ms,
                       claim->owner);
    bool got = false;
    int rc;
    if (claim->batch_id) {
        rc = claim_named(l, claim, &got, lease, doc_out, err);
    } else if (claim->most_running > 0 || claim->n_limits) {
        rc = claim_within_limits(l, claim, &got, lease, doc_out, err);
    } else {
        SL_CLEANUP(sl_json_putp) struct json_object *none = json_object_new_array();
        rc = claim_first(l, claim, none, &got, lease, doc_out, err);
    }
    if (rc == 0)
        *claimed = got;
    return rc;
}

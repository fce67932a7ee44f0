/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

/* The clock is read outside of the sub-select, which waits for the row: a lease that ran out meanwhile has run out. */
#define SELECT_HELD                                                                                                   \
    "SELECT m.doc, " SL_LEDGER_NOW ", m.status = 'running' AND m.lease_owner = $2 AND m.lease_attempt = $3::bigint"    \
    " AND m.lease_expires_at > " SL_LEDGER_NOW " FROM (SELECT doc, status, lease_owner, lease_attempt,"                \
    " lease_expires_at FROM ledger.manifests WHERE batch_id = $1 FOR UPDATE) m"

static int lease_lost(const struct sl_lease *lease, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_LEASE_LOST, "batch %s is no longer held by %s (attempt %lld)", lease->batch_id,
                     lease->owner, (long long)lease->attempt);
    sl_error_hint(err, "another worker has taken it over; nothing of this attempt was entered");
    return rc;
}

static int read_held(struct sl_ledger_pg *l, const struct sl_lease *lease, struct sl_ledger_pg__held *out,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    char attempt[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {lease->batch_id, lease->owner, sl_ledger_pg__number(attempt, lease->attempt)};
    int rc = sl_pg_query(l->pg, SELECT_HELD, 3, params, &res, err);
    if (rc < 0)
        return rc;
    if (!PQntuples(res) || PQgetisnull(res, 0, 2) || PQgetvalue(res, 0, 2)[0] != 't')
        return lease_lost(lease, err);
    snprintf(out->now, sizeof out->now, "%s", PQgetvalue(res, 0, 1));
    return sl_ledger_pg__parse(PQgetvalue(res, 0, 0), &out->doc, err);
}

int sl_ledger_pg__hold(struct sl_ledger_pg *l, const struct sl_lease *lease, struct sl_ledger_pg__held *out,
                       struct sl_error *err)
{
    *out = (struct sl_ledger_pg__held){0};
    int rc = sl_pg_begin(l->pg, err);
    if (rc == 0)
        rc = read_held(l, lease, out, err);
    if (rc < 0)
        sl_pg_rollback(l->pg);
    return rc;
}

int sl_ledger_pg__release(struct sl_ledger_pg *l, struct sl_ledger_pg__held *held, int rc, struct sl_error *err)
{
    if (rc == 0)
        rc = sl_pg_commit(l->pg, err);
    sl_pg_rollback(l->pg);
    json_object_put(held->doc);
    held->doc = NULL;
    return rc;
}

/* ---- registering ---- */

static int compare_registered(struct sl_ledger_pg *l, struct json_object *doc, enum sl_registered *out,
                              struct sl_error *err)
{
    const char *const params[] = {sl_json_str(doc, "batch_id", NULL), sl_json_str(doc, "content_hash", NULL)};
    int64_t same = 0;
    int rc = sl_pg_query_int(l->pg, "SELECT (content_hash = $2)::int FROM ledger.manifests WHERE batch_id = $1", 2,
                             params, 0, &same, err);
    if (rc == 0)
        *out = same ? SL_REGISTERED_SAME : SL_REGISTERED_OTHER;
    return rc;
}

static int enter_batch(struct sl_ledger_pg *l, struct json_object *doc, enum sl_registered *out, struct sl_error *err)
{
    const char *const params[] = {sl_json_str(doc, "_id", NULL),
                                  json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN)};
    int64_t n = 0;
    int rc = sl_pg_query_int(l->pg,
                             "WITH i AS (INSERT INTO ledger.manifests (id, doc) VALUES ($1, $2)"
                             " ON CONFLICT (batch_id) DO NOTHING RETURNING 1) SELECT count(*) FROM i",
                             2, params, 0, &n, err);
    if (rc < 0)
        return sl_ledger_pg__conflict(l, rc, err);
    if (!n)
        return compare_registered(l, doc, out, err);
    SL_CLEANUP(sl_json_putp) struct json_object *event = sl_ledger_event_batch(doc);
    if ((rc = sl_ledger_pg__event(l, event, err)) == 0)
        rc = sl_pg_commit(l->pg, err);
    if (rc == 0)
        *out = SL_REGISTERED_NEW;
    return rc;
}

int sl_ledger_pg__register_batch(struct sl_ledger *ledger, struct json_object *manifest_doc, enum sl_registered *out,
                                 struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(l->pg, "SELECT " SL_LEDGER_NOW, 0, NULL, &res, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = sl_ledger_merge(manifest_doc, nothing);
    sl_ledger_fill_manifest(doc, PQgetvalue(res, 0, 0));
    rc = sl_ledger_check(l->schemas, "manifests", doc, err);
    if (rc < 0)
        return rc;
    const char *status = sl_json_str(doc, "status", "");
    if (strcmp(status, "pending") != 0 && strcmp(status, "quarantined") != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a batch cannot be registered as \"%s\"", status);
    if ((rc = sl_pg_begin(l->pg, err)) == 0)
        rc = enter_batch(l, doc, out, err);
    sl_pg_rollback(l->pg);
    return rc;
}

/* ---- leases ---- */

/* The document stays valid by its making: one time takes another's place. */
int sl_ledger_pg__renew(struct sl_ledger *ledger, const struct sl_lease *lease, int64_t lease_ms,
                        struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    if (lease_ms <= 0 || lease_ms > SL_LEDGER_LONGEST_LEASE_MS)
        return sl_fail(err, SL_E_INTERNAL, "a lease of %lld ms cannot be given", (long long)lease_ms);
    char attempt[SL_LEDGER_NUMBER_BYTES], ms[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {lease->batch_id, lease->owner, sl_ledger_pg__number(attempt, lease->attempt),
                                  sl_ledger_pg__number(ms, lease_ms)};
    int64_t n = 0;
    int rc = sl_pg_query_int(l->pg,
                             "WITH u AS (UPDATE ledger.manifests SET doc = jsonb_set(doc, '{lease,expires_at}',"
                             " to_jsonb(" SL_LEDGER_ISO("clock_timestamp() + $4::bigint * interval '1 ms'") "))"
                             " WHERE batch_id = $1 AND status = 'running' AND lease_owner = $2"
                             " AND lease_attempt = $3::bigint AND lease_expires_at > " SL_LEDGER_NOW
                             " RETURNING 1) SELECT count(*) FROM u",
                             4, params, 0, &n, err);
    return rc < 0 || n == 1 ? rc : lease_lost(lease, err);
}

/* ---- the ends of an attempt ---- */

int sl_ledger_pg__hand_back(struct sl_ledger *ledger, const struct sl_lease *lease, const char *not_before,
                            const struct sl_error *error, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    SL_CLEANUP(sl_json_putp) struct json_object *changes = NULL;
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    changes = sl_ledger_change_handed_back(held.doc, not_before, error, held.now);
    rc = sl_ledger_pg__update(l, "manifests", held.doc, changes, NULL, err);
    if (rc == 0)
        rc = sl_ledger_pg__end_runs(l, lease->batch_id, lease->attempt, error ? "failed" : "cancelled", error,
                                    held.now, err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

int sl_ledger_pg__close_batch(struct sl_ledger *ledger, const struct sl_lease *lease, enum sl_batch_status status,
                              const char *run_id, const struct sl_error *error, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    SL_CLEANUP(sl_json_putp) struct json_object *changes = NULL;
    if (status == SL_BATCH_PENDING || status == SL_BATCH_RUNNING)
        return sl_fail(err, SL_E_INTERNAL, "a batch cannot be closed as %s", sl_batch_status_name(status));
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    changes = sl_ledger_change_closed(held.doc, status, run_id, error, held.now);
    rc = sl_ledger_pg__update(l, "manifests", held.doc, changes, NULL, err);
    if (rc == 0)
        rc = sl_ledger_pg__end_runs(l, lease->batch_id, lease->attempt, sl_batch_status_name(status), error, held.now,
                                    err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

static int bury(struct sl_ledger_pg *l, const char *owner, const struct sl_error *error, int max_crashes,
                char *batch_id_out, bool *poisoned_out, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL;
    const char *const params[] = {owner};
    int rc = sl_pg_query(l->pg,
                         "SELECT doc, " SL_LEDGER_ISO("now()") " FROM ledger.manifests WHERE status = 'running'"
                         " AND lease_owner = $1 ORDER BY created_at, id LIMIT 1 FOR UPDATE",
                         1, params, &res, err);
    if (rc < 0 || !PQntuples(res)) {
        if (rc == 0) {
            batch_id_out[0] = '\0';
            *poisoned_out = false;
        }
        return rc;
    }
    const char *now = PQgetvalue(res, 0, 1);
    if ((rc = sl_ledger_pg__parse(PQgetvalue(res, 0, 0), &doc, err)) < 0)
        return rc;
    bool poisoned = false;
    changes = sl_ledger_change_abandoned(doc, error, max_crashes, &poisoned, now);
    const char *batch_id = sl_json_str(doc, "batch_id", "");
    if ((rc = sl_ledger_pg__update(l, "manifests", doc, changes, NULL, err)) < 0 ||
        (rc = sl_ledger_pg__end_runs(l, batch_id, sl_json_int(doc, "attempts", 0), "failed", error, now, err)) < 0 ||
        (rc = sl_pg_commit(l->pg, err)) < 0)
        return rc;
    snprintf(batch_id_out, SL_BATCH_ID_BYTES, "%s", batch_id);
    *poisoned_out = poisoned;
    return 0;
}

int sl_ledger_pg__abandon(struct sl_ledger *ledger, const char *owner, const struct sl_error *error, int max_crashes,
                          char *batch_id_out, bool *poisoned_out, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    int rc = sl_pg_begin(l->pg, err);
    if (rc == 0)
        rc = bury(l, owner, error, max_crashes, batch_id_out, poisoned_out, err);
    sl_pg_rollback(l->pg);
    return rc;
}

int sl_ledger_pg__lock_batch(struct sl_ledger_pg *l, const char *batch_id, struct sl_ledger_pg__held *out,
                             struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    const char *const params[] = {batch_id};
    int rc = sl_pg_query(l->pg,
                         "SELECT doc, " SL_LEDGER_ISO("now()") " FROM ledger.manifests WHERE batch_id = $1 FOR UPDATE",
                         1, params, &res, err);
    if (rc < 0)
        return rc;
    if (!PQntuples(res))
        return sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", batch_id);
    snprintf(out->now, sizeof out->now, "%s", PQgetvalue(res, 0, 1));
    return sl_ledger_pg__parse(PQgetvalue(res, 0, 0), &out->doc, err);
}

static int reopen_locked(struct sl_ledger_pg *l, const char *batch_id, struct json_object *replay,
                         const char *manifest_key, struct sl_error *err)
{
    struct sl_ledger_pg__held held = {0};
    int rc = sl_ledger_pg__lock_batch(l, batch_id, &held, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = held.doc, *changes = NULL;
    const char *status = sl_json_str(doc, "status", "");
    if (!strcmp(status, "pending") || !strcmp(status, "running"))
        return sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is %s", batch_id, status);
    changes = sl_ledger_change_reopened(doc, replay, manifest_key, held.now);
    rc = sl_ledger_pg__update(l, "manifests", doc, changes, NULL, err);
    return rc < 0 ? rc : sl_pg_commit(l->pg, err);
}

int sl_ledger_pg__reopen(struct sl_ledger *ledger, const char *batch_id, struct json_object *replay,
                         const char *manifest_key, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    int rc = sl_pg_begin(l->pg, err);
    if (rc == 0)
        rc = reopen_locked(l, batch_id, replay, manifest_key, err);
    sl_pg_rollback(l->pg);
    return rc;
}

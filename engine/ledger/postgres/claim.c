/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which batch is next, and whose it becomes. Limits are counted under a lock that every claim with limits takes, and the
 * count is made by the statement after it, so that it sees what the one before has claimed.
 */
#include <stdio.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

#define LIMITS_LOCK "SELECT pg_advisory_xact_lock(7310860921385680)"

#define IS_DUE                                                                                                        \
    "(m.status = 'pending' AND (m.not_before IS NULL OR m.not_before <= " SL_LEDGER_ISO(                              \
        "now()") ") OR m.status = 'running' AND m.lease_expires_at <= " SL_LEDGER_ISO("now()") ")"
#define SELECT_TIMES                                                                                                  \
    "SELECT m.doc, " SL_LEDGER_ISO("now()") ", " SL_LEDGER_ISO("now() + $1::bigint * interval '1 ms'")
#define FIRST_DUE " ORDER BY m.priority DESC, m.created_at, m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED"

static const char any[] =
    SELECT_TIMES " FROM ledger.manifests m WHERE m.status IN ('pending', 'running') AND " IS_DUE FIRST_DUE;
static const char given[] = SELECT_TIMES " FROM ledger.manifests m WHERE m.batch_id = $2 AND " IS_DUE " FOR UPDATE OF m";
/* What runs is what has a lease that holds: taking over an expired one makes one more. */
static const char within_limits[] =
    "WITH running AS MATERIALIZED (SELECT coalesce(r.intent, '') AS intent, count(*) AS n FROM ledger.manifests r"
    " WHERE r.status = 'running' AND r.lease_expires_at > " SL_LEDGER_ISO("now()") " GROUP BY 1),"
    " full_intents AS MATERIALIZED (SELECT w.key AS intent FROM jsonb_each_text($3::jsonb) w LEFT JOIN running r"
    " ON r.intent = w.key WHERE coalesce(r.n, 0) >= w.value::bigint) " SELECT_TIMES
    " FROM ledger.manifests m WHERE m.status IN ('pending', 'running') AND " IS_DUE
    " AND ($2::bigint = 0 OR (SELECT coalesce(sum(n), 0) FROM running) < $2::bigint)"
    " AND coalesce(m.intent, '') NOT IN (SELECT intent FROM full_intents)" FIRST_DUE;

static int lock_within_limits(struct sl_ledger_pg *l, const struct sl_claim *claim, const char *ms, PGresult **res,
                              struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *limits = json_object_new_object();
    char most[SL_LEDGER_NUMBER_BYTES];
    for (size_t i = 0; i < claim->n_limits; i++)
        sl_json_put_int(limits, claim->limits[i].intent, claim->limits[i].most);
    const char *const params[] = {ms, sl_ledger_pg__number(most, claim->most_running),
                                  json_object_to_json_string_ext(limits, JSON_C_TO_STRING_PLAIN)};
    int rc = sl_pg_exec(l->pg, LIMITS_LOCK, err);
    return rc < 0 ? rc : sl_pg_query(l->pg, within_limits, 3, params, res, err);
}

/* Locks a row that is due, or none; res has doc, now and the time at which the lease will end. */
static int lock_due(struct sl_ledger_pg *l, const struct sl_claim *claim, PGresult **res, struct sl_error *err)
{
    char ms[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {sl_ledger_pg__number(ms, claim->lease_ms), claim->batch_id};
    if (claim->batch_id)
        return sl_pg_query(l->pg, given, 2, params, res, err);
    if (claim->most_running > 0 || claim->n_limits)
        return lock_within_limits(l, claim, ms, res, err);
    return sl_pg_query(l->pg, any, 1, params, res, err);
}

/* Why a given batch could not be claimed; 0 when nobody is to blame: it is over, or waits for its time. */
static int explain_unclaimed(struct sl_ledger_pg *l, const char *batch_id, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    const char *const params[] = {batch_id};
    int rc = sl_pg_query(l->pg, "SELECT status, lease_owner FROM ledger.manifests WHERE batch_id = $1", 1,
                         params, &res, err);
    if (rc < 0)
        return rc;
    if (!PQntuples(res))
        return sl_fail(err, SL_E_BATCH_NOT_FOUND, "there is no batch \"%s\"", batch_id);
    const char *status = PQgetvalue(res, 0, 0);
    if (!strcmp(status, "running"))
        return sl_fail(err, SL_E_BATCH_BUSY, "batch \"%s\" is held by %s", batch_id, PQgetvalue(res, 0, 1));
    return 0;
}

/* The run of a worker whose lease ran out is over, whatever that worker may think. */
static int end_lost_runs(struct sl_ledger_pg *l, struct json_object *doc, const char *now, struct sl_error *err)
{
    const char *owner = sl_json_str(sl_json_get(doc, "lease"), "owner", NULL);
    if (!owner)
        return 0;
    struct sl_error why = {0};
    sl_fail(&why, SL_E_LEASE_LOST, "%s did not renew its lease in time", owner);
    return sl_ledger_pg__end_runs(l, sl_json_str(doc, "batch_id", ""), -1, "failed", &why, now, err);
}

static int take(struct sl_ledger_pg *l, const PGresult *res, const char *owner, struct sl_lease *lease,
                struct json_object **doc_out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *changes = NULL, *after = NULL;
    const char *now = PQgetvalue(res, 0, 1);
    int rc = sl_ledger_pg__parse(PQgetvalue(res, 0, 0), &doc, err);
    if (rc < 0 || (rc = end_lost_runs(l, doc, now, err)) < 0)
        return rc;
    changes = sl_ledger_change_claimed(doc, owner, PQgetvalue(res, 0, 2), now);
    if ((rc = sl_ledger_pg__update(l, "manifests", doc, changes, &after, err)) < 0 ||
        (rc = sl_pg_commit(l->pg, err)) < 0)
        return rc;
    *lease = (struct sl_lease){.attempt = sl_json_int(after, "attempts", 0)};
    snprintf(lease->batch_id, sizeof lease->batch_id, "%s", sl_json_str(after, "batch_id", ""));
    snprintf(lease->owner, sizeof lease->owner, "%s", owner);
    if (doc_out)
        *doc_out = json_object_get(after);
    return 0;
}

int sl_ledger_pg__claim(struct sl_ledger *ledger, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                        struct json_object **doc_out, struct sl_error *err)
{
    const char *batch_id = claim->batch_id, *owner = claim->owner;
    int64_t lease_ms = claim->lease_ms;
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    if (strlen(owner) >= sizeof lease->owner || lease_ms <= 0 || lease_ms > SL_LEDGER_LONGEST_LEASE_MS)
        return sl_fail(err, SL_E_INTERNAL, "a lease of %lld ms for \"%s\" cannot be given", (long long)lease_ms, owner);
    int rc = sl_pg_begin(l->pg, err);
    if (rc < 0 || (rc = lock_due(l, claim, &res, err)) < 0)
        goto done;
    if (PQntuples(res)) {
        rc = take(l, res, owner, lease, doc_out, err);
        if (rc == 0)
            *claimed = true;
    } else {
        rc = batch_id ? explain_unclaimed(l, batch_id, err) : 0;
        if (rc == 0)
            *claimed = false;
    }
done:
    sl_pg_rollback(l->pg);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor, the supervisor and people ask about batches without holding one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

int sl_ledger_pg__leases(struct sl_ledger *ledger, sl_lease_visit visit, void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(sl_ledger_pg_of(ledger)->pg,
                         "SELECT batch_id, lease_owner, lease_attempt FROM ledger.manifests"
                         " WHERE status = 'running' AND lease_owner IS NOT NULL ORDER BY created_at, id",
                         0, NULL, &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        struct sl_lease lease = {.attempt = strtoll(PQgetvalue(res, i, 2), NULL, 10)};
        snprintf(lease.batch_id, sizeof lease.batch_id, "%s", PQgetvalue(res, i, 0));
        snprintf(lease.owner, sizeof lease.owner, "%s", PQgetvalue(res, i, 1));
        rc = visit(data, &lease, err);
    }
    return rc;
}

int sl_ledger_pg__get_batch(struct sl_ledger *ledger, const char *batch_id, struct json_object **out,
                            struct sl_error *err)
{
    const char *const params[] = {batch_id};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger), "SELECT doc FROM ledger.manifests WHERE batch_id = $1", 1, params,
                             out, err);
}

static int move_locked(struct sl_ledger_pg *l, const char *batch_id, const char *manifest_key, const char *leaving,
                       struct sl_error *err)
{
    struct sl_ledger_pg__held held = {0};
    int rc = sl_ledger_pg__lock_batch(l, batch_id, &held, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = held.doc, *changes = json_object_new_object();
    sl_json_put_str(changes, "manifest_key", manifest_key);
    sl_json_put_str(changes, "leaving", leaving);
    sl_json_put_str(changes, "updated_at", held.now);
    rc = sl_ledger_pg__update(l, "manifests", doc, changes, NULL, err);
    return rc < 0 ? rc : sl_pg_commit(l->pg, err);
}

int sl_ledger_pg__move_manifest(struct sl_ledger *ledger, const char *batch_id, const char *manifest_key,
                                const char *leaving, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    int rc = sl_pg_begin(l->pg, err);
    if (rc == 0)
        rc = move_locked(l, batch_id, manifest_key, leaving, err);
    sl_pg_rollback(l->pg);
    return rc;
}

static int left_locked(struct sl_ledger_pg *l, const char *batch_id, const char *left, struct sl_error *err)
{
    struct sl_ledger_pg__held held = {0};
    int rc = sl_ledger_pg__lock_batch(l, batch_id, &held, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = held.doc, *changes = json_object_new_object();
    if (strcmp(sl_json_str(doc, "leaving", ""), left) != 0)
        return 0;
    sl_json_put(changes, "leaving", NULL);
    rc = sl_ledger_pg__update(l, "manifests", doc, changes, NULL, err);
    return rc < 0 ? rc : sl_pg_commit(l->pg, err);
}

int sl_ledger_pg__left_manifest(struct sl_ledger *ledger, const char *batch_id, const char *left, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    int rc = sl_pg_begin(l->pg, err);
    if (rc == 0)
        rc = left_locked(l, batch_id, left, err);
    sl_pg_rollback(l->pg);
    return rc;
}

int sl_ledger_pg__outstanding(struct sl_ledger *ledger, int64_t *pending, int64_t *running, int64_t *next_due_ms,
                              struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(sl_ledger_pg_of(ledger)->pg,
                         "SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running'),"
                         " ceil(extract(epoch FROM min(coalesce(not_before::timestamptz, now()))"
                         " FILTER (WHERE status = 'pending') - now()) * 1000)::bigint"
                         " FROM ledger.manifests WHERE status IN ('pending', 'running')",
                         0, NULL, &res, err);
    if (rc < 0)
        return rc;
    *pending = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    *running = strtoll(PQgetvalue(res, 0, 1), NULL, 10);
    int64_t due = PQgetisnull(res, 0, 2) ? -1 : strtoll(PQgetvalue(res, 0, 2), NULL, 10);
    *next_due_ms = *pending && due < 0 ? 0 : due;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

#define NEXT_VERSION                                                                                                  \
    "SELECT 1 + greatest((SELECT coalesce(max(version), 0) FROM ledger.assets WHERE dataset_id = $1),"                 \
    " (SELECT coalesce(max(version), 0) FROM ledger.versions WHERE dataset_id = $1))"

static int reserve(struct sl_ledger_pg *l, const struct sl_lease *lease, const char *dataset_id, int64_t *version,
                   struct sl_error *err)
{
    char number[SL_LEDGER_NUMBER_BYTES];
    const char *params[] = {dataset_id, lease->batch_id, NULL};
    int64_t found = 0;
    /* One batch at a time asks for a number of this dataset; the batch's row is always locked first. */
    int rc = sl_pg_query(l->pg, "SELECT pg_advisory_xact_lock(hashtextextended('sluice.version.' || $1, 0))", 1, params,
                         NULL, err);
    if (rc < 0 || (rc = sl_pg_query_int(l->pg, "SELECT version FROM ledger.versions WHERE dataset_id = $1 AND batch_id = $2",
                                        2, params, 0, &found, err)) < 0)
        return rc;
    if (!found) {
        if ((rc = sl_pg_query_int(l->pg, NEXT_VERSION, 1, params, 1, &found, err)) < 0)
            return rc;
        params[2] = sl_ledger_pg__number(number, found);
        rc = sl_pg_query(l->pg, "INSERT INTO ledger.versions (dataset_id, batch_id, version) VALUES ($1, $2, $3)", 3,
                         params, NULL, err);
        if (rc < 0)
            return rc;
    }
    *version = found;
    return 0;
}

int sl_ledger_pg__reserve_version(struct sl_ledger *ledger, const struct sl_lease *lease, const char *dataset_id,
                                  int64_t *version, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    int64_t found = 0;
    if (!dataset_id[0] || strlen(dataset_id) >= SL_DATASET_BYTES)
        return sl_fail(err, SL_E_LIMIT, "a dataset's name has 1 to %d bytes: \"%s\"", SL_DATASET_BYTES - 1, dataset_id);
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    rc = reserve(l, lease, dataset_id, &found, err);
    rc = sl_ledger_pg__release(l, &held, rc, err);
    if (rc == 0)
        *version = found;
    return rc;
}

int sl_ledger_pg__release_versions(struct sl_ledger *ledger, const struct sl_lease *lease, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    const char *const params[] = {lease->batch_id};
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    rc = sl_pg_query(l->pg, "DELETE FROM ledger.versions WHERE batch_id = $1", 1, params, NULL, err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

int sl_ledger_pg__reservations(struct sl_ledger *ledger, const char *batch_id, sl_reservation_visit visit, void *data,
                               struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    const char *const params[] = {batch_id};
    int rc = sl_pg_query(sl_ledger_pg_of(ledger)->pg,
                         "SELECT v.dataset_id, v.version, v.batch_id FROM ledger.versions v"
                         " LEFT JOIN ledger.manifests m ON m.batch_id = v.batch_id WHERE v.batch_id = $1::text"
                         " OR ($1::text IS NULL AND coalesce(m.status, '') NOT IN ('pending', 'running'))"
                         " ORDER BY v.dataset_id, v.version",
                         1, params, &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        struct sl_reservation r = {.version = strtoll(PQgetvalue(res, i, 1), NULL, 10)};
        snprintf(r.dataset_id, sizeof r.dataset_id, "%s", PQgetvalue(res, i, 0));
        snprintf(r.batch_id, sizeof r.batch_id, "%s", PQgetvalue(res, i, 2));
        rc = visit(data, &r, err);
    }
    return rc;
}

/* The batch's row is locked as by whoever reserves, so that it is either over or has its reservation still. */
int sl_ledger_pg__drop_reservation(struct sl_ledger *ledger, const struct sl_reservation *reservation, bool *dropped,
                                   struct sl_error *err)
{
    char number[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {reservation->dataset_id, sl_ledger_pg__number(number, reservation->version),
                                  reservation->batch_id};
    int64_t n = 0;
    int rc = sl_pg_query_int(sl_ledger_pg_of(ledger)->pg,
                             "WITH b AS (SELECT status FROM ledger.manifests WHERE batch_id = $3 FOR UPDATE),"
                             " d AS (DELETE FROM ledger.versions WHERE dataset_id = $1 AND version = $2::bigint"
                             " AND batch_id = $3 AND NOT EXISTS (SELECT FROM b WHERE status IN ('pending', 'running'))"
                             " RETURNING 1) SELECT count(*) FROM d",
                             3, params, 0, &n, err);
    if (rc == 0)
        *dropped = n == 1;
    return rc;
}

int sl_ledger_pg__get_asset(struct sl_ledger *ledger, const char *asset_id, struct json_object **out,
                            struct sl_error *err)
{
    const char *const params[] = {asset_id};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger), "SELECT doc FROM ledger.assets WHERE id = $1", 1, params, out,
                             err);
}

int sl_ledger_pg__get_latest_asset(struct sl_ledger *ledger, const char *dataset_id, struct json_object **out,
                                   struct sl_error *err)
{
    const char *const params[] = {dataset_id};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger),
                             "SELECT doc FROM ledger.assets WHERE dataset_id = $1 ORDER BY version DESC LIMIT 1", 1,
                             params, out, err);
}

int sl_ledger_pg__get_asset_version(struct sl_ledger *ledger, const char *dataset_id, int64_t version,
                                    struct json_object **out, struct sl_error *err)
{
    char number[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {dataset_id, sl_ledger_pg__number(number, version)};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger),
                             "SELECT doc FROM ledger.assets WHERE dataset_id = $1 AND version = $2::bigint", 2, params,
                             out, err);
}

int sl_ledger_pg__get_asset_by_key(struct sl_ledger *ledger, const char *bucket, const char *s3_key,
                                   struct json_object **out, struct sl_error *err)
{
    const char *const params[] = {bucket, s3_key};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger), "SELECT doc FROM ledger.assets WHERE bucket = $1 AND s3_key = $2",
                             2, params, out, err);
}

/* Forced runs make several of one fingerprint: the newest stands for them. */
int sl_ledger_pg__get_asset_by_fingerprint(struct sl_ledger *ledger, const char *fingerprint,
                                           struct json_object **out, struct sl_error *err)
{
    const char *const params[] = {fingerprint};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger),
                             "SELECT doc FROM ledger.assets WHERE fingerprint = $1 ORDER BY created_at DESC, id DESC"
                             " LIMIT 1",
                             1, params, out, err);
}

int sl_ledger_pg__get_next_version(struct sl_ledger *ledger, const char *dataset_id, int64_t *version,
                                   struct sl_error *err)
{
    const char *const params[] = {dataset_id};
    return sl_pg_query_int(sl_ledger_pg_of(ledger)->pg, NEXT_VERSION, 1, params, 1, version, err);
}

int sl_ledger_pg__asset_exists(struct sl_ledger *ledger, const char *content_hash, bool *exists, struct sl_error *err)
{
    const char *const params[] = {content_hash};
    int64_t found = 0;
    int rc = sl_pg_query_int(sl_ledger_pg_of(ledger)->pg, "SELECT 1 FROM ledger.assets WHERE content_hash = $1 LIMIT 1",
                             1, params, 0, &found, err);
    if (rc == 0)
        *exists = found == 1;
    return rc;
}

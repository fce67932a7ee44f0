/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "catalog/catalog_internal.h"

enum { NUMBER_BYTES = 32 };

static const char *number(char buf[NUMBER_BYTES], int64_t value)
{
    snprintf(buf, NUMBER_BYTES, "%lld", (long long)value);
    return buf;
}

/* One statement: the dataset with its latest version, and the asset. A server goes on with the statement of a worker that
 * was killed, so that it may come after that of the next attempt. */
int sl_catalog_put_asset(struct sl_catalog *catalog, const struct sl_catalog_asset *a, struct sl_error *err)
{
    char version[NUMBER_BYTES], size[NUMBER_BYTES], rows[NUMBER_BYTES], bounds[4][NUMBER_BYTES], attempt[NUMBER_BYTES];
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    for (int i = 0; a->bounds && i < 4; i++)
        snprintf(bounds[i], sizeof bounds[i], "%.17g", a->bounds[i]);
    const char *const params[] = {
        a->id, a->dataset_id, number(version, a->version), a->batch_id, a->run_id, a->kind, a->bucket, a->s3_key,
        a->media_type, a->content_hash, a->crs, number(size, a->size_bytes),
        a->row_count < 0 ? NULL : number(rows, a->row_count), a->bounds ? bounds[0] : NULL,
        a->bounds ? bounds[1] : NULL, a->bounds ? bounds[2] : NULL, a->bounds ? bounds[3] : NULL, a->created_at,
        a->attempt > 0 ? number(attempt, a->attempt) : NULL};
    int rc = sl_pg_query(catalog->pg,
                       "WITH d AS (INSERT INTO catalog.datasets AS d (dataset_id, kind, latest_version)"
                       " VALUES ($2, $6, $3) ON CONFLICT (dataset_id) DO UPDATE SET kind = EXCLUDED.kind,"
                       " updated_at = now(), latest_version = greatest(d.latest_version, EXCLUDED.latest_version))"
                       " INSERT INTO catalog.assets AS a (id, dataset_id, version, batch_id, run_id, kind, bucket, s3_key,"
                       " media_type, content_hash, crs, size_bytes, row_count, min_x, min_y, max_x, max_y, created_at,"
                       " attempt) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,"
                       " coalesce($18, now()),$19::bigint)"
                       " ON CONFLICT (dataset_id, version) DO UPDATE SET id = EXCLUDED.id,"
                       " batch_id = EXCLUDED.batch_id, run_id = EXCLUDED.run_id, kind = EXCLUDED.kind,"
                       " bucket = EXCLUDED.bucket, s3_key = EXCLUDED.s3_key, media_type = EXCLUDED.media_type,"
                       " content_hash = EXCLUDED.content_hash, crs = EXCLUDED.crs, size_bytes = EXCLUDED.size_bytes,"
                       " row_count = EXCLUDED.row_count, min_x = EXCLUDED.min_x, min_y = EXCLUDED.min_y,"
                       " max_x = EXCLUDED.max_x, max_y = EXCLUDED.max_y, created_at = EXCLUDED.created_at,"
                       " attempt = EXCLUDED.attempt WHERE EXCLUDED.attempt IS NULL OR a.attempt IS NULL"
                       " OR a.batch_id <> EXCLUDED.batch_id OR a.attempt <= EXCLUDED.attempt",
                       19, params, &res, err);
    if (rc == 0 && !strcmp(PQcmdTuples(res), "0"))
        rc = sl_fail(err, SL_E_LEASE_LOST, "a later attempt of batch \"%s\" has entered %s v%lld in the catalog", a->batch_id,
                     a->dataset_id, (long long)a->version);
    return rc;
}

/* The deleted row is still seen by the rest of its statement: it is left out by name. */
#define REMOVE_WHERE(condition)                                                                                        \
    "WITH gone AS (DELETE FROM catalog.assets WHERE " condition " RETURNING id, dataset_id)"                           \
    " UPDATE catalog.datasets d SET updated_at = now(), latest_version ="                                              \
    " (SELECT max(version) FROM catalog.assets a WHERE a.dataset_id = d.dataset_id"                                    \
    " AND a.id <> gone.id) FROM gone WHERE d.dataset_id = gone.dataset_id"

int sl_catalog_remove_asset(struct sl_catalog *catalog, const char *id, struct sl_error *err)
{
    const char *const params[] = {id};
    return sl_pg_query(catalog->pg, REMOVE_WHERE("id = $1"), 1, params, NULL, err);
}

int sl_catalog_remove_version(struct sl_catalog *catalog, const char *dataset_id, int64_t version, struct sl_error *err)
{
    char text[NUMBER_BYTES];
    const char *const params[] = {dataset_id, number(text, version)};
    return sl_pg_query(catalog->pg, REMOVE_WHERE("dataset_id = $1 AND version = $2::bigint"), 2, params, NULL, err);
}

static void read_row(const PGresult *res, int row, double bounds[4], struct sl_catalog_asset *out)
{
    *out = (struct sl_catalog_asset){
        .id = sl_catalog__text(res, row, 0),
        .dataset_id = sl_catalog__text(res, row, 1),
        .version = sl_catalog__int(res, row, 2, 0),
        .batch_id = sl_catalog__text(res, row, 3),
        .run_id = sl_catalog__text(res, row, 4),
        .kind = sl_catalog__text(res, row, 5),
        .bucket = sl_catalog__text(res, row, 6),
        .s3_key = sl_catalog__text(res, row, 7),
        .media_type = sl_catalog__text(res, row, 8),
        .content_hash = sl_catalog__text(res, row, 9),
        .crs = sl_catalog__text(res, row, 10),
        .size_bytes = sl_catalog__int(res, row, 11, 0),
        .row_count = sl_catalog__int(res, row, 12, -1),
        .created_at = sl_catalog__text(res, row, 17),
    };
    if (sl_catalog__text(res, row, 13)) {
        for (int i = 0; i < 4; i++)
            bounds[i] = strtod(PQgetvalue(res, row, 13 + i), NULL);
        out->bounds = bounds;
    }
}

int sl_catalog_list_assets(struct sl_catalog *catalog, sl_catalog_asset_visit visit, void *data, struct sl_error *err)
{
    char after[64] = "00000000-0000-0000-0000-000000000000", limit[NUMBER_BYTES];
    number(limit, SL_CATALOG_PAGE_ROWS);
    for (;;) {
        SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
        const char *const params[] = {after, limit};
        int rc = sl_pg_query(catalog->pg,
                             "SELECT id, dataset_id, version, batch_id, run_id, kind, bucket, s3_key, media_type,"
                             " content_hash, crs, size_bytes, row_count, min_x, min_y, max_x, max_y,"
                             " to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                             " FROM catalog.assets WHERE id > $1 ORDER BY id LIMIT $2",
                             2, params, &res, err);
        if (rc < 0)
            return rc;
        int n = PQntuples(res);
        for (int i = 0; i < n; i++) {
            struct sl_catalog_asset row;
            double bounds[4];
            read_row(res, i, bounds, &row);
            if ((rc = visit(data, &row, err)) < 0)
                return rc;
            snprintf(after, sizeof after, "%s", row.id);
        }
        if (n < SL_CATALOG_PAGE_ROWS)
            return 0;
    }
}

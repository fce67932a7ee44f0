/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/arena.h"
#include "catalog/catalog_internal.h"

#define COLUMNS                                                                                                       \
    "f.id, f.source, f.dataset, f.date, f.s3_key, d.bucket, d.content_hash, d.size_bytes, d.batch_id, d.run_id, "      \
    "d.landing_path, d.role FROM catalog.raw_files f JOIN catalog.raw_file_details d ON d.raw_file_id = f.id "

static void read_row(const PGresult *res, int row, struct sl_raw_file *out)
{
    *out = (struct sl_raw_file){
        .id = sl_catalog__text(res, row, 0),
        .source = sl_catalog__text(res, row, 1),
        .dataset = sl_catalog__text(res, row, 2),
        .date = sl_catalog__text(res, row, 3),
        .s3_key = sl_catalog__text(res, row, 4),
        .bucket = sl_catalog__text(res, row, 5),
        .content_hash = sl_catalog__text(res, row, 6),
        .size_bytes = sl_catalog__int(res, row, 7, 0),
        .batch_id = sl_catalog__text(res, row, 8),
        .run_id = sl_catalog__text(res, row, 9),
        .landing_path = sl_catalog__text(res, row, 10),
        .role = sl_catalog__text(res, row, 11),
    };
}

int sl_catalog_put_raw_file(struct sl_catalog *catalog, const struct sl_raw_file *file, struct sl_error *err)
{
    char size[24];
    snprintf(size, sizeof size, "%lld", (long long)file->size_bytes);
    const char *const params[] = {file->id,           file->source, file->dataset,  file->date,   file->s3_key,
                                  file->bucket,       file->content_hash, size,     file->batch_id, file->run_id,
                                  file->landing_path, file->role};
    int64_t n = 0;
    int rc = sl_pg_query_int(catalog->pg,
                             "WITH f AS (INSERT INTO catalog.raw_files (id, source, dataset, date, s3_key)"
                             " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id),"
                             " d AS (INSERT INTO catalog.raw_file_details (raw_file_id, bucket, content_hash,"
                             " size_bytes, batch_id, run_id, landing_path, role)"
                             " SELECT id, $6, $7, $8, $9, $10, $11, $12 FROM f RETURNING 1) SELECT count(*) FROM d",
                             12, params, 0, &n, err);
    if (rc < 0 || n == 1)
        return rc;
    const char *const same[] = {file->id, file->s3_key, file->content_hash};
    rc = sl_pg_query_int(catalog->pg,
                         "SELECT 1 FROM catalog.raw_files f JOIN catalog.raw_file_details d ON d.raw_file_id = f.id"
                         " WHERE f.id = $1 AND f.s3_key = $2 AND d.content_hash = $3",
                         3, same, 0, &n, err);
    if (rc < 0 || n == 1)
        return rc;
    return sl_fail(err, SL_E_POSTGRES_CONFLICT, "the catalog has another raw file %s or %s", file->id, file->s3_key);
}

static void copy_row(struct sl_arena *arena, const struct sl_raw_file *in, struct sl_raw_file *out)
{
    *out = (struct sl_raw_file){
        .id = sl_arena_strdup(arena, in->id),
        .source = sl_arena_strdup(arena, in->source),
        .dataset = sl_arena_strdup(arena, in->dataset),
        .date = sl_arena_strdup(arena, in->date),
        .s3_key = sl_arena_strdup(arena, in->s3_key),
        .bucket = sl_arena_strdup(arena, in->bucket),
        .content_hash = sl_arena_strdup(arena, in->content_hash),
        .size_bytes = in->size_bytes,
        .batch_id = sl_arena_strdup(arena, in->batch_id),
        .run_id = sl_arena_strdup(arena, in->run_id),
        .landing_path = sl_arena_strdup(arena, in->landing_path),
        .role = sl_arena_strdup(arena, in->role),
    };
}

int sl_catalog_find_raw_file(struct sl_catalog *catalog, const char *content_hash, int64_t size_bytes, const char *ext,
                             struct sl_arena *arena, bool *found, struct sl_raw_file *out, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    char size[24];
    snprintf(size, sizeof size, "%lld", (long long)size_bytes);
    const char *const params[] = {content_hash, size, ext ? ext : ""};
    int rc = sl_pg_query(catalog->pg,
                         "SELECT " COLUMNS "WHERE d.content_hash = $1 AND d.size_bytes = $2"
                         " AND coalesce(lower(substring(f.s3_key from '\\.([^./]*)$')), '') = lower($3)"
                         " ORDER BY f.id LIMIT 1",
                         3, params, &res, err);
    if (rc < 0)
        return rc;
    *found = PQntuples(res) == 1;
    if (*found) {
        struct sl_raw_file row;
        read_row(res, 0, &row);
        copy_row(arena, &row, out);
    }
    return 0;
}

/* By pages, so that memory is bounded and the visitor may use the catalog. */
int sl_catalog_list_raw_files(struct sl_catalog *catalog, const char *batch_id, sl_raw_file_visit visit, void *data,
                              struct sl_error *err)
{
    char after[64] = "00000000-0000-0000-0000-000000000000", limit[16];
    snprintf(limit, sizeof limit, "%d", SL_CATALOG_PAGE_ROWS);
    for (;;) {
        SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
        const char *const params[] = {batch_id, after, limit};
        int rc = sl_pg_query(catalog->pg,
                             "SELECT " COLUMNS "WHERE ($1::text IS NULL OR d.batch_id = $1) AND f.id > $2"
                             " ORDER BY f.id LIMIT $3",
                             3, params, &res, err);
        if (rc < 0)
            return rc;
        int n = PQntuples(res);
        for (int i = 0; i < n; i++) {
            struct sl_raw_file row;
            read_row(res, i, &row);
            if ((rc = visit(data, &row, err)) < 0)
                return rc;
            snprintf(after, sizeof after, "%s", row.id);
        }
        if (n < SL_CATALOG_PAGE_ROWS)
            return 0;
    }
}

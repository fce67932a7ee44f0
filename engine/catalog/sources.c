/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog/sources.h"

#include <stdio.h>

#include "base/arena.h"
#include "catalog/catalog_internal.h"

#define ISO(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
#define COLUMNS                                                                                                          \
    "id, source, version, spec_hash, params, " ISO("since") ", " ISO("until") ", status, quarantine_id, job, pages, "   \
    "records, bad, duplicates, batch_id, error, " ISO("created_at") ", " ISO("updated_at") " FROM catalog.source_runs "

int sl_catalog_lock_source(struct sl_catalog *catalog, const char *source, bool *got, struct sl_error *err)
{
    const char *const params[] = {source};
    int64_t n = 0;
    int rc = sl_pg_query_int(catalog->pg,
                             "SELECT pg_try_advisory_lock(hashtextextended('sluice source ' || $1, 7))::int", 1, params, 0,
                             &n, err);
    if (rc == 0)
        *got = n == 1;
    return rc;
}

int sl_catalog_begin_source_run(struct sl_catalog *catalog, const struct sl_source_run *run, struct sl_error *err)
{
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)run->version);
    const char *const params[] = {run->id,    run->source, version,           run->spec_hash, run->params,
                                  run->since, run->until,  run->quarantine_id};
    return sl_pg_query(catalog->pg,
                       "INSERT INTO catalog.source_runs (id, source, version, spec_hash, params, since, until, status,"
                       " quarantine_id) VALUES ($1, $2, $3, $4, $5, $6, $7, 'fetching', $8)",
                       8, params, NULL, err);
}

static void read_run(const PGresult *res, int row, struct sl_source_run *out)
{
    *out = (struct sl_source_run){
        .id = sl_catalog__text(res, row, 0),
        .source = sl_catalog__text(res, row, 1),
        .version = sl_catalog__int(res, row, 2, 0),
        .spec_hash = sl_catalog__text(res, row, 3),
        .params = sl_catalog__text(res, row, 4),
        .since = sl_catalog__text(res, row, 5),
        .until = sl_catalog__text(res, row, 6),
        .status = sl_catalog__text(res, row, 7),
        .quarantine_id = sl_catalog__text(res, row, 8),
        .job = sl_catalog__text(res, row, 9),
        .pages = sl_catalog__int(res, row, 10, -1),
        .records = sl_catalog__int(res, row, 11, -1),
        .bad = sl_catalog__int(res, row, 12, -1),
        .duplicates = sl_catalog__int(res, row, 13, -1),
        .batch_id = sl_catalog__text(res, row, 14),
        .error = sl_catalog__text(res, row, 15),
        .created_at = sl_catalog__text(res, row, 16),
        .updated_at = sl_catalog__text(res, row, 17),
    };
}

static void copy_run(struct sl_arena *arena, struct sl_source_run *run)
{
    const char **const texts[] = {&run->id,     &run->source,        &run->spec_hash, &run->params,   &run->since,
                                  &run->until,  &run->status,        &run->job,       &run->batch_id, &run->error,
                                  &run->created_at, &run->updated_at, &run->quarantine_id};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = sl_arena_strdup(arena, *texts[i]);
}

int sl_catalog_open_source_run(struct sl_catalog *catalog, const char *source, struct sl_arena *arena, bool *found,
                               struct sl_source_run *out, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    const char *const params[] = {source};
    int rc = sl_pg_query(catalog->pg, "SELECT " COLUMNS "WHERE source = $1 AND status = 'fetching' ORDER BY id LIMIT 1", 1,
                         params, &res, err);
    if (rc < 0)
        return rc;
    *found = PQntuples(res) == 1;
    if (*found) {
        read_run(res, 0, out);
        copy_run(arena, out);
    }
    return 0;
}

int sl_catalog_put_source_page(struct sl_catalog *catalog, const char *run_id, const struct sl_source_page *page,
                               struct sl_error *err)
{
    char number[24], records[24], fetched[24];
    snprintf(number, sizeof number, "%lld", (long long)page->number);
    snprintf(records, sizeof records, "%lld", (long long)page->records);
    snprintf(fetched, sizeof fetched, "%lld", (long long)page->fetched_ms);
    const char *const params[] = {run_id,  number,     page->raw_file_id, page->s3_key, page->content_hash,
                                  records, page->next, fetched};
    return sl_pg_query(catalog->pg,
                       "INSERT INTO catalog.source_pages (run_id, number, raw_file_id, s3_key, content_hash, records, next,"
                       " fetched_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                       8, params, NULL, err);
}

int sl_catalog_list_source_pages(struct sl_catalog *catalog, const char *run_id, sl_source_page_visit visit, void *data,
                                 struct sl_error *err)
{
    int64_t last = 0;
    for (;;) {
        SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
        char after[24], limit[16];
        snprintf(after, sizeof after, "%lld", (long long)last);
        snprintf(limit, sizeof limit, "%d", SL_CATALOG_PAGE_ROWS);
        const char *const params[] = {run_id, after, limit};
        int rc = sl_pg_query(catalog->pg,
                             "SELECT number, raw_file_id, s3_key, content_hash, records, next, fetched_ms FROM"
                             " catalog.source_pages WHERE run_id = $1 AND number > $2 ORDER BY number LIMIT $3",
                             3, params, &res, err);
        int n = rc < 0 ? 0 : PQntuples(res);
        for (int i = 0; rc == 0 && i < n; i++) {
            const struct sl_source_page page = {.number = last = sl_catalog__int(res, i, 0, 0),
                                                .raw_file_id = sl_catalog__text(res, i, 1),
                                                .s3_key = sl_catalog__text(res, i, 2),
                                                .content_hash = sl_catalog__text(res, i, 3),
                                                .records = sl_catalog__int(res, i, 4, 0),
                                                .next = sl_catalog__text(res, i, 5),
                                                .fetched_ms = sl_catalog__int(res, i, 6, 0)};
            rc = visit(data, &page, err);
        }
        if (rc < 0 || n < SL_CATALOG_PAGE_ROWS)
            return rc;
    }
}

int sl_catalog_set_source_job(struct sl_catalog *catalog, const char *run_id, const char *job, struct sl_error *err)
{
    const char *const params[] = {run_id, job};
    return sl_pg_query(catalog->pg, "UPDATE catalog.source_runs SET job = $2, updated_at = now() WHERE id = $1", 2, params,
                       NULL, err);
}

static int submit(struct sl_catalog *catalog, const struct sl_source_run *run, const char *job, const char *watermark,
                  struct sl_error *err)
{
    char pages[24], records[24], bad[24], duplicates[24];
    snprintf(pages, sizeof pages, "%lld", (long long)run->pages);
    snprintf(records, sizeof records, "%lld", (long long)run->records);
    snprintf(bad, sizeof bad, "%lld", (long long)run->bad);
    snprintf(duplicates, sizeof duplicates, "%lld", (long long)run->duplicates);
    const char *const counts[] = {run->id, run->batch_id, pages, records, bad, duplicates};
    const char *const mark[] = {job, watermark};
    int rc = sl_pg_query(catalog->pg,
                         "UPDATE catalog.source_runs SET status = CASE WHEN $2::text IS NULL THEN 'succeeded' ELSE"
                         " 'submitted' END, batch_id = $2, pages = $3, records = $4, bad = $5, duplicates = $6, error = NULL,"
                         " updated_at = now() WHERE id = $1",
                         6, counts, NULL, err);
    if (rc == 0 && job)
        rc = sl_pg_query(catalog->pg,
                         "INSERT INTO catalog.watermarks (job, watermark) VALUES ($1, $2) ON CONFLICT (job) DO UPDATE SET"
                         " watermark = greatest(catalog.watermarks.watermark, excluded.watermark), updated_at = now()",
                         2, mark, NULL, err);
    return rc;
}

int sl_catalog_submit_source_run(struct sl_catalog *catalog, const struct sl_source_run *run, const char *job,
                                 const char *watermark, struct sl_error *err)
{
    int rc = sl_pg_begin(catalog->pg, err);
    if (rc == 0)
        rc = submit(catalog, run, job, watermark, err);
    if (rc == 0)
        rc = sl_pg_commit(catalog->pg, err);
    sl_pg_rollback(catalog->pg);
    return rc;
}

int sl_catalog_end_source_run(struct sl_catalog *catalog, const char *run_id, const char *status, const char *error,
                              struct sl_error *err)
{
    const char *const params[] = {run_id, status, error};
    return sl_pg_query(catalog->pg,
                       "UPDATE catalog.source_runs SET status = $2, error = $3, updated_at = now() WHERE id = $1", 3, params,
                       NULL, err);
}

int sl_catalog_list_source_runs(struct sl_catalog *catalog, const char *source, int64_t limit, sl_source_run_visit visit,
                                void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    char most[24];
    snprintf(most, sizeof most, "%lld", (long long)limit);
    const char *const params[] = {source, most};
    int rc = sl_pg_query(catalog->pg, "SELECT " COLUMNS "WHERE $1::text IS NULL OR source = $1 ORDER BY id DESC LIMIT $2", 2,
                         params, &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        struct sl_source_run run;
        read_run(res, i, &run);
        rc = visit(data, &run, err);
    }
    return rc;
}

int sl_catalog_get_watermark(struct sl_catalog *catalog, const char *job, struct sl_arena *arena, const char **out,
                             struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    const char *const params[] = {job};
    int rc = sl_pg_query(catalog->pg, "SELECT watermark FROM catalog.watermarks WHERE job = $1", 1, params, &res, err);
    if (rc == 0)
        *out = PQntuples(res) ? sl_arena_strdup(arena, sl_catalog__text(res, 0, 0)) : NULL;
    return rc;
}

int sl_catalog_count_source_request(struct sl_catalog *catalog, const char *source, int64_t *requests, struct sl_error *err)
{
    const char *const params[] = {source};
    return sl_pg_query_int(catalog->pg,
                           "INSERT INTO catalog.source_budgets AS b (source, day, requests) VALUES ($1,"
                           " (now() AT TIME ZONE 'UTC')::date, 1) ON CONFLICT (source, day) DO UPDATE SET requests ="
                           " b.requests + 1 RETURNING requests",
                           1, params, 0, requests, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sources.h - runs of sources in the catalog: the checkpoint of each page, the lock of a source, watermarks, budgets.
 *
 * A run is one window of a source: `fetching` while pages come, `submitted` once its batch is in the landing zone, then what
 * becomes of the batch. The watermark moves in the transaction that marks the run submitted. Strings that are given back
 * live in the arena given; times are ISO 8601 with "Z", NULL: none.
 */
#ifndef SLUICE_CATALOG_SOURCES_H
#define SLUICE_CATALOG_SOURCES_H

#include "catalog/catalog.h"

struct sl_source_run {
    const char *id; /* UUIDv7 */
    const char *source;
    int64_t version;
    const char *spec_hash;     /* SHA-256 of the source's YAML */
    const char *params;        /* canonical JSON */
    const char *since, *until; /* since ≤ t < until */
    const char *status;        /* "fetching", "submitted", "succeeded", "failed" */
    const char *quarantine_id; /* of the raw file that takes what is bad */
    const char *job;           /* JSON of an asynchronous API; NULL */
    int64_t pages, records, bad, duplicates; /* -1: not known yet */
    const char *batch_id, *error;
    const char *created_at, *updated_at; /* given back only */
};

struct sl_source_page {
    int64_t number; /* from 1 */
    const char *raw_file_id, *s3_key;
    const char *content_hash; /* "sha256:<hex>" */
    int64_t records;
    const char *next; /* JSON: where the next page begins */
    int64_t fetched_ms;
};

/* Held until the catalog is closed, by one process at a time; *got false: another has it. */
int sl_catalog_lock_source(struct sl_catalog *catalog, const char *source, bool *got, struct sl_error *err);

int sl_catalog_begin_source_run(struct sl_catalog *catalog, const struct sl_source_run *run, struct sl_error *err);
/* The oldest run of the source that is still fetching; *found. */
int sl_catalog_open_source_run(struct sl_catalog *catalog, const char *source, struct sl_arena *arena, bool *found,
                               struct sl_source_run *out, struct sl_error *err);
int sl_catalog_put_source_page(struct sl_catalog *catalog, const char *run_id, const struct sl_source_page *page,
                               struct sl_error *err);
typedef int (*sl_source_page_visit)(void *data, const struct sl_source_page *page, struct sl_error *err);
/* In order of their numbers; the visitor may use the catalog. */
int sl_catalog_list_source_pages(struct sl_catalog *catalog, const char *run_id, sl_source_page_visit visit, void *data,
                                 struct sl_error *err);
/* What an asynchronous API was asked for, and is asked about from now on. */
int sl_catalog_set_source_job(struct sl_catalog *catalog, const char *run_id, const char *job, struct sl_error *err);
/* `run`'s id, counts and batch. The watermark of `job` (NULL: it has none) moves with it, never back. */
int sl_catalog_submit_source_run(struct sl_catalog *catalog, const struct sl_source_run *run, const char *job,
                                 const char *watermark, struct sl_error *err);
/* status: "succeeded" or "failed", with the error of the latter. */
int sl_catalog_end_source_run(struct sl_catalog *catalog, const char *run_id, const char *status, const char *error,
                              struct sl_error *err);
typedef int (*sl_source_run_visit)(void *data, const struct sl_source_run *run, struct sl_error *err);
/* The latest first; source NULL: all. At most `limit`. */
int sl_catalog_list_source_runs(struct sl_catalog *catalog, const char *source, int64_t limit, sl_source_run_visit visit,
                                void *data, struct sl_error *err);

/* *out NULL when there is none; in the arena. */
int sl_catalog_get_watermark(struct sl_catalog *catalog, const char *job, struct sl_arena *arena, const char **out,
                             struct sl_error *err);
/* Counts one request of today; *requests are those of today with it. */
int sl_catalog_count_source_request(struct sl_catalog *catalog, const char *source, int64_t *requests, struct sl_error *err);

#endif

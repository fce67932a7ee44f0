/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h - the relational index in PostgreSQL, schema `catalog`: raw_files, datasets, assets, watermarks.
 *
 * The ledger decides what exists; the catalog is for people and tools that speak SQL. Its rows are written before the
 * ledger's commit and put right by `verify --repair` and `gc` afterwards. Migrations are numbered SQL files that are
 * built into the library; they are applied under an advisory lock, each in a transaction, and recorded with their hash
 * in catalog.migrations: a recorded one that has changed since is SL_E_POSTGRES.
 */
#ifndef SLUICE_CATALOG_CATALOG_H
#define SLUICE_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "pg/pg.h"

struct sl_catalog;

int sl_catalog_open(const struct sl_pg_target *target, struct sl_catalog **out, struct sl_error *err);
void sl_catalog_close(struct sl_catalog *catalog); /* NULL is allowed */
/* *applied counts the migrations that ran now; may be NULL. */
int sl_catalog_migrate(struct sl_catalog *catalog, int *applied, struct sl_error *err);

/* A raw file: one object in the raw vault. Strings are borrowed. */
struct sl_raw_file {
    const char *id;           /* UUIDv7 */
    const char *source;       /* who: the uploader's name as key component */
    const char *dataset;
    const char *date;         /* "2026-11-21" */
    const char *s3_key;
    const char *bucket;
    const char *content_hash; /* "sha256:<hex>" */
    int64_t size_bytes;
    const char *batch_id, *run_id;
    const char *landing_path; /* key in the landing bucket */
    const char *role;         /* "main", "sidecar" */
};

/* Inserts; the same id and s3_key again with the same hash is fine, with another one SL_E_POSTGRES_CONFLICT. */
int sl_catalog_put_raw_file(struct sl_catalog *catalog, const struct sl_raw_file *file, struct sl_error *err);
/* An earlier raw file with this hash, size and name extension: its id and s3_key in the arena; *found. */
int sl_catalog_find_raw_file(struct sl_catalog *catalog, const char *content_hash, int64_t size_bytes, const char *ext,
                             struct sl_arena *arena, bool *found, struct sl_raw_file *out, struct sl_error *err);
typedef int (*sl_raw_file_visit)(void *data, const struct sl_raw_file *file, struct sl_error *err);
/* batch_id NULL: all, ordered by id. */
int sl_catalog_list_raw_files(struct sl_catalog *catalog, const char *batch_id, sl_raw_file_visit visit, void *data,
                              struct sl_error *err);

struct sl_catalog_asset {
    const char *id; /* the ledger's _id */
    const char *dataset_id;
    int64_t version;
    const char *batch_id, *run_id, *kind, *bucket, *s3_key, *media_type, *content_hash, *crs;
    int64_t size_bytes, row_count; /* row_count -1: not a table */
    const double *bounds;          /* four, EPSG:4326, or NULL */
    const char *created_at;
    int64_t attempt; /* the lease's; 0: whoever else has entered the row, it is overwritten */
};

/* Upserts by (dataset_id, version); makes the dataset's row. SL_E_LEASE_LOST, and the row stays, when a later attempt of the
 * same batch has entered it. */
int sl_catalog_put_asset(struct sl_catalog *catalog, const struct sl_catalog_asset *asset, struct sl_error *err);
int sl_catalog_remove_asset(struct sl_catalog *catalog, const char *id, struct sl_error *err);
/* The row of a version, whatever its id. */
int sl_catalog_remove_version(struct sl_catalog *catalog, const char *dataset_id, int64_t version, struct sl_error *err);
typedef int (*sl_catalog_asset_visit)(void *data, const struct sl_catalog_asset *asset, struct sl_error *err);
int sl_catalog_list_assets(struct sl_catalog *catalog, sl_catalog_asset_visit visit, void *data,
                           struct sl_error *err);

#endif

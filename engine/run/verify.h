/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - what the parts of verify share. Internal to run/.
 *
 * Everything that the ledger and the catalog say goes into spools first, sorted by what it is compared by; then each pair
 * is walked once, side by side. Whatever looks wrong is asked for again before it is reported, because engines may be at
 * work meanwhile.
 */
#ifndef SLUICE_RUN_VERIFY_H
#define SLUICE_RUN_VERIFY_H

#include "run/run.h"
#include "run/spool.h"

struct sl_verify {
    struct sl_engine *engine;
    const struct sl_verify_options *options;
    struct json_object *problems;
    int64_t n_problems, n_repaired;
    int64_t assets, objects, raw_files, batches, bytes;
    int64_t before_ns;             /* what is older than the grace period was made before this */
    struct sl_spool *asset_ids;    /* id → what the catalog should say */
    struct sl_spool *lake_keys;    /* key → what the ledger says of the object */
    struct sl_spool *raw_rows;     /* key → the catalog's row */
    struct sl_spool *raw_inputs;   /* key → as a run has it */
    struct sl_spool *batch_names;  /* name of the manifest → batch */
    struct sl_spool *batch_runs;   /* run id → the succeeded batch whose latest run it is */
    struct sl_spool *runs;         /* run id → what it stands for */
    struct sl_spool *made_ids;     /* asset id → the succeeded batch that stands for it */
};

struct sl_finding {
    const char *kind, *bucket, *key, *asset_id, *batch_id, *message;
    const char *repair; /* what puts it right; NULL: nothing here can */
    /* Puts it right; NULL: somebody else must. *moved_to may be set, in the arena. */
    int (*fix)(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
               struct sl_error *err);
    const void *data; /* for fix */
};
/* Counts, repairs when that was asked for, and enters into the report and, when repaired, into the ledger's events. */
int sl_verify_report(struct sl_verify *v, const struct sl_finding *finding, struct sl_error *err);
void sl_verify_progress(struct sl_verify *v);
/* A fix: the object goes to orphans/. data: its ETag. */
int sl_verify_move_aside(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena,
                         const char **moved_to, struct sl_error *err);
/* Sets repair and, when the object is older than the grace period, fix. etag is borrowed until the report. */
void sl_verify_orphan(const struct sl_verify *v, struct sl_finding *f, const struct sl_object_info *info);
/* "sha256:…" of an object; counts its bytes. */
int sl_verify_hash(struct sl_verify *v, const char *bucket, const char *key, const char *etag, char hash[72],
                   struct sl_error *err);

/* Fill the spools. */
int sl_verify_read_raw_rows(struct sl_verify *v, struct sl_error *err);
int sl_verify_read_batches(struct sl_verify *v, struct sl_error *err);
int sl_verify_read_runs(struct sl_verify *v, struct sl_error *err);
int sl_verify_read_assets(struct sl_verify *v, struct sl_error *err);
/* Compare. */
int sl_verify_lake(struct sl_verify *v, struct sl_error *err);
int sl_verify_catalog(struct sl_verify *v, struct sl_error *err);
int sl_verify_raw(struct sl_verify *v, struct sl_error *err);
int sl_verify_batches(struct sl_verify *v, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - what the command line, the sensor and later the console ask of the engine.
 *
 * struct sl_engine holds the opened ports; it belongs to one thread of one process. Everything else here is a verb on
 * it. Functions that fill json-c objects hand over a reference.
 */
#ifndef SLUICE_RUN_RUN_H
#define SLUICE_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>
#include <sluice/sys/compute.h>
#include <sluice/sys/ledger.h>
#include <sluice/sys/store.h>

#include "base/arena.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "manifest/manifest.h"
#include "pg/cluster.h"
#include "recipe/recipe.h"
#include "run/limits.h"

/* ---- the engine ---- */

enum sl_needs {
    SL_NEEDS_STORE = 1 << 0,
    SL_NEEDS_LEDGER = 1 << 1,
    SL_NEEDS_CATALOG = 1 << 2,
    SL_NEEDS_COMPUTE = 1 << 3,
    SL_NEEDS_RECIPES = 1 << 4,
    SL_NEEDS_MANIFESTS = 1 << 5, /* the manifest checker */
    SL_NEEDS_RUN = 0x3F,
    SL_NEEDS_WORK = SL_NEEDS_RUN & ~SL_NEEDS_COMPUTE /* a worker: it opens the engine that a batch's recipe names */
};

struct sl_engine {
    const struct sl_config *config;
    unsigned needs; /* enum sl_needs: what was asked for */
    struct sl_arena *arena;
    struct sl_store *store;
    struct sl_ledger *ledger;
    struct sl_catalog *catalog;
    struct sl_compute *compute; /* PostGIS; NULL: not needed so far */
    struct sl_compute *duckdb;  /* NULL: not needed so far */
    struct sl_compute *none;    /* for plans without SQL; NULL: not needed so far */
    struct sl_recipe_set *recipes;
    struct sl_manifest_checker *checker;
    struct sl_kinds kinds;
    struct sl_limits limits;
    struct sl_pg_target ledger_target, catalog_target, compute_target;
    struct sl_cluster_status cluster; /* of the private one; exists false when a server is configured */
    char owner[SL_OWNER_BYTES];       /* this process as holder of leases */
};

/* Ledger, catalog or compute are in the cluster of the home, which opening the engine starts. */
bool sl_engine_needs_cluster(const struct sl_config *config);
/* Makes the home if anything is kept there, starts the private cluster unless a server is configured, opens what is needed
 * (prepared: buckets, migrations, ledger), retrying services that do not answer as run.retries says. */
int sl_engine_open(const struct sl_config *config, unsigned needs, struct sl_engine **out, struct sl_error *err);
void sl_engine_close(struct sl_engine *engine); /* NULL is allowed */
void sl_engine_closep(struct sl_engine **engine);

/* The dataset in the ledger whose name is nearest to the word, or NULL. */
const char *sl_dataset_nearest(struct sl_engine *engine, const char *word, struct sl_arena *arena);

/* ---- submit ---- */

struct sl_submit_file {
    const char *path;   /* local */
    const char *format; /* NULL: by extension */
};

struct sl_submit {
    const char *manifest_path; /* a manifest of the user's; or NULL: one is written from what follows */
    const char *batch_id;      /* NULL: <stem>-<date>-<four random hexadecimal digits> */
    const char *intent, *type, *uploader, *dataset, *crs, *crs_policy, *project, *description, *layer;
    struct json_object *params; /* may be NULL */
    const struct sl_submit_file *files;
    size_t n_files;
    bool dry_run; /* check and print, upload nothing */
    /* bytes_total of this file; may be NULL */
    void (*progress)(void *data, const char *file, int64_t bytes_done, int64_t bytes_total);
    void *progress_data;
};

struct sl_submitted {
    char batch_id[SL_BATCH_ID_BYTES];
    bool already; /* the same batch was there before: nothing was done */
    const char *already_status;
    int64_t n_files, bytes; /* uploaded; in a dry run those that would be */
    char recipe[SL_DATASET_BYTES]; /* that the intent selects now */
    bool fallback;                 /* because no recipe has the intent */
    struct json_object *manifest;
};

/* Uploads the files of a manifest (those that lie beside it), then the manifest; the engine has recipes and manifests. A
 * type or parameters that the recipe does not take upload nothing. An invalid one: violations (arena set
 * by the caller) and nothing is uploaded. */
int sl_submit(struct sl_engine *engine, const struct sl_submit *submit, struct sl_violations *violations,
              struct sl_doc **doc_out, struct sl_submitted *out, struct sl_error *err);

/* ---- running ---- */

/* What happens, for whoever shows it: {event, batch_id, run_id, …} with event noticed, refused, claimed, stage_begin
 * {stage}, stage {stage, duration_ns, rows, bytes, count}, ended {status: succeeded, failed, quarantined, retry, lost;
 * error}, crashed {error}, stopped {code, message, hint: why a worker gave up}. The object is borrowed. */
typedef void (*sl_run_listener)(void *data, struct json_object *event);

struct sl_run_options;
struct sl_run_summary;

/* Where new batches come from; sensor/ has one. */
struct sl_run_source {
    void *data;
    int wake_fd; /* becomes readable when there is something to look at before the next poll; -1: it never tells */
    /* One look, of a few hundred milliseconds at most. poll: it is time for a listing. *again_ms: when it wants to look
     * again without one (0: at once; -1: it is through). Counts what it enters in summary->noticed. */
    int (*look)(void *data, struct sl_engine *engine, const struct sl_run_options *options,
                struct sl_run_summary *summary, bool poll, int64_t *again_ms, struct sl_error *err);
    /* Its state for the document of the process. The caller owns it. */
    struct json_object *(*state)(void *data);
};

enum { SL_WORKERS_NONE = -1 };

struct sl_run_options {
    const char *batch_id;  /* only this one (NULL: all that are due) */
    bool forever;          /* serve: until stopped; else until nothing is pending */
    int workers;           /* 0: as configured; SL_WORKERS_NONE: a sensor alone */
    int64_t wait_ms;       /* how long a batch's missing assets may take; 0: not at all */
    const char *program;   /* the sluice binary to start workers with */
    const char *const *worker_args; /* its global options (home, -c …), NULL-ended */
    sl_run_listener listener;
    void *listener_data;
    const struct sl_run_source *source; /* NULL: only what the ledger already knows is run */
    const char *role; /* for the ledger's collection "processes": "serve", "sensor", "worker"; NULL: not announced */
};

struct sl_run_summary {
    int64_t noticed, refused, succeeded, failed, quarantined, retried, crashed;
    enum sl_code last_error; /* of the last batch that did not succeed; SL_OK */
};

/* The supervisor: recovers what dead processes left, ticks the sensor, starts worker processes and survives them. */
int sl_run_supervise(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                     struct sl_error *err);
/* SIGTERM, SIGINT: no new batches, current ones are finished; a second signal, or run.drain_timeout, ends them (handed
 * back). Async-safe. */
void sl_run_stop(void);
/* SIGHUP: reads the recipes again; while there is an error in them those before stay in force. Async-safe. */
void sl_run_reload(void);

struct sl_worker_options {
    const char *batch_id;
    bool forever;
    int64_t wait_ms;
    int event_fd; /* the channel to the supervisor: events out, orders (run/event.h) in; -1: none */
};
/* One worker process: claims, works, until nothing is due. */
int sl_run_work(struct sl_engine *engine, const struct sl_worker_options *options, struct sl_error *err);

/* ---- replay, verify, lineage, gc ---- */

struct sl_replay {
    const char *batch_id;
    bool force;                  /* a new version also when the bytes are the same */
    bool from_raw;               /* refuse unless every file is in the raw vault, as it was archived */
    int64_t into_version;        /* put this version's object again, if the bytes are the same as they were; 0: no */
    struct json_object *params;  /* --set name=value; may be NULL; crs_policy among them is the manifest's member */
    const char *recipe;          /* NULL: as the intent selects */
};
/* Opens the batch again; sl_run_supervise with its batch_id then carries it out. */
int sl_replay_request(struct sl_engine *engine, const struct sl_replay *replay, struct sl_error *err);
/* What it would do, changing nothing: {batch_id, status, recipe {name, version, hash}, last {run_id, recipe, params},
 * recipe_changed, params, crs_policy, into_version, intact, inputs: [{landing_path, raw_key, content_hash, size_bytes, state:
 * "intact" | "changed" | "gone" | "landing" (not archived yet) | "missing"}], assets: [ids to compare with]}. Reads every
 * raw file. */
int sl_replay_plan(struct sl_engine *engine, const struct sl_replay *replay, struct json_object **plan,
                   struct sl_error *err);
/* Of many: those of the ledger that are over, were taken in once, and fit what is not NULL; the oldest first. */
struct sl_replay_choice {
    const char *intent, *status, *dataset;
    const char *since, *until; /* of created_at, ISO 8601; from, and before */
};
int sl_replay_choose(struct sl_engine *engine, const struct sl_replay_choice *choice, sl_ledger_visit visit, void *data,
                     struct sl_error *err);

/* Two assets' documents compared: {a, b: {_id, dataset_id, version}, equal (the bytes), different: [names], row_count, size_bytes,
 * content_hash, kind, crs, bounds, geometry_types, recipe, params, inputs: {a, b, equal}, columns: {added, removed,
 * retyped, equal}}. */
int sl_asset_diff(struct sl_engine *engine, struct json_object *a, struct json_object *b, struct json_object **out,
                  struct sl_error *err);
/* Two tables' rows, by the columns that both have: {only_a, only_b, both, changed, compared: [columns]}; changed is null
 * without a key, else only_a and only_b are of rows whose key the other lacks. */
int sl_asset_diff_rows(struct sl_engine *engine, struct json_object *a, struct json_object *b, const char *key,
                       struct json_object **out, struct sl_error *err);

struct sl_verify_options {
    bool deep;               /* read every byte */
    bool quick;              /* listings only: objects' metadata are not asked for */
    bool repair;             /* put right what can be without guessing */
    int64_t grace_s;         /* orphans younger than this are left where they are */
    const char *dataset_id;  /* NULL: all */
    void (*progress)(void *data, int64_t assets, int64_t raw_files, int64_t bytes);
    void *progress_data;
};
/* Reads ledger, store, catalog and raw vault against each other, both ways, in bounded memory. {assets, objects, raw_files,
 * batches, bytes, deep, duration_ns, problem_count, repaired, problems: [{kind, bucket, key, asset_id, batch_id, message,
 * repair, repairable, repaired, moved_to, not_repaired}]}; problems has the first 10,000. kind: missing_object,
 * changed_object, metadata, orphan_object, missing_document, catalog, raw_missing, raw_changed, raw_row, raw_orphan,
 * raw_unknown, manifest, run. */
int sl_verify(struct sl_engine *engine, const struct sl_verify_options *options, struct json_object **report,
              struct sl_error *err);

/* what: an asset's id, "bucket/key", "dataset" (the latest version) or "dataset@3". {asset, run, batch, inputs: […]} */
int sl_lineage(struct sl_engine *engine, const char *what, struct json_object **out, struct sl_error *err);
/* The asset document that `what` names. SL_E_ASSET_NOT_FOUND with the nearest dataset. */
int sl_asset_find(struct sl_engine *engine, const char *what, struct json_object **out, struct sl_error *err);
/* The batch document; also of a refused manifest, by the batch_id that it has. SL_E_BATCH_NOT_FOUND with the nearest. */
int sl_batch_find(struct sl_engine *engine, const char *batch_id, struct json_object **out, struct sl_error *err);

struct sl_gc_options {
    int64_t grace_s;   /* what is younger is left where it is */
    int64_t orphans_s; /* what was moved aside longer ago is deleted; -1: nothing is */
    int64_t events_s;  /* events of longer ago are removed */
    bool dry_run;      /* only count */
};
struct sl_gc_report {
    int64_t schemas, foreign_schemas; /* foreign: another account's, they stay */
    int64_t scratch_folders, temporary_objects, orphan_objects, orphan_bytes, catalog_rows, events;
    int64_t moved_aside, moved_aside_bytes; /* what lies in orphans/ of the buckets */
    int64_t deleted, deleted_bytes;         /* of those, the old ones */
};
/* Ephemeral schemas without a running batch, scratch folders, temporary objects and unfinished uploads, catalog rows
 * without a document, lake objects that no document names and older than the grace period (moved to orphans/ in the lake's
 * bucket, not deleted), what was moved aside long ago, and the ledger's events of long ago. */
int sl_gc(struct sl_engine *engine, const struct sl_gc_options *options, struct sl_gc_report *report,
          struct sl_error *err);

/* ---- explain ---- */

/* The plan of a recipe: {recipe, fallback, params, engine, engine_why, units: [{file, layer, passes: [{kind: table | index |
 * skipped, steps, skipped, table, why, sql}], steps: [{name, sql, table}] (each by itself), checks: […], outputs: [{kind,
 * dataset, key, options}]}]}. manifest NULL: a plan without file. No side effects: no table, no object.
 * compute: another engine than the recipe's ("postgis", "duckdb"), NULL: the recipe's. What has no form for it is in
 * `unsupported: [{what: step | check, number, name, line, why}]`, and then there are no units; `notes` has what cannot be
 * known of SQL of the author's own. */
int sl_explain(struct sl_engine *engine, const char *recipe_name, const char *manifest_path, const char *compute,
               struct sl_violations *violations, struct sl_doc **doc_out, struct json_object **plan,
               struct sl_error *err);

#endif

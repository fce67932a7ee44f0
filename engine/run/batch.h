/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - one claimed batch at work, as the stages see it. Internal to run/.
 *
 * prepare → archive → plan → dedupe → compute (load, steps, check, write) → publish → commit → finish. Each stage is a
 * function on struct sl_batch; sl_batch_execute runs them in order, keeps the run document and decides what an error
 * means. Everything here lives in the batch's arena and ends with it.
 */
#ifndef SLUICE_RUN_BATCH_H
#define SLUICE_RUN_BATCH_H

#include <stdatomic.h>

#include "base/uuid7.h"
#include "geo/crs.h"
#include "geo/format.h"
#include "geo/gdal/raster.h"
#include "geo/gdal/vector.h"
#include "geo/table.h"
#include "lake/parts.h"
#include "run/event.h"
#include "run/run.h"
#include "run/work.h"

enum { SL_HASH_TEXT_BYTES = 72 }; /* "sha256:" and 64 digits */

/* One object of the landing zone that the batch names: a main file or a sidecar. */
struct sl_input {
    const struct sl_manifest_file *file;
    const char *landing_key, *role; /* role: "main", "sidecar" */
    const char *ext;
    const char *local_path;
    const char *raw_id, *raw_key;
    bool archived; /* in the raw vault and the catalog from an earlier attempt or run */
    char content_hash[SL_HASH_TEXT_BYTES];
    int64_t size_bytes;
    int64_t rows; /* that were loaded from it; -1: none were */
};

/* One asset that will be. */
struct sl_planned_asset {
    struct sl_unit *unit;
    const struct sl_output *output;
    const char *asset_id, *dataset_id, *key;
    int64_t version;
    char fingerprint[SL_HASH_TEXT_BYTES];
    struct json_object *linked; /* the asset document that already is this one; NULL: to be computed */
    struct json_object *before; /* replay: the batch's earlier asset of this dataset; NULL: none */
    bool stands;                /* replay: the same bytes as before, nothing to publish */
    const char *restored;       /* replay into a version: "intact", "restored", "differs"; NULL: not asked for */
    const char *local_path;
    const struct sl_crs *crs; /* of the object, where its format has only one; NULL: the unit's */
    const struct sl_raster_info *raster; /* what its output's options make of the unit's; NULL: that one */
    char sha256_hex[65]; /* these two are of the asset's own object: with parts, of the index */
    int64_t size_bytes;
    const struct sl_lake_parts *parts; /* NULL: it is one object. Set by sl_batch_set_parts (parts.h) */
    const char *stac_text, *iso_text; /* documents beside it */
    const char *thumbnail_path;       /* the picture beside it; NULL: none */
    char thumbnail_sha256[65];
    int64_t thumbnail_bytes;
    struct json_object *doc;
    const char *fields_text; /* of a grid in parts: the document that lists its fields; NULL: none */
    bool loaded;             /* its rows are in ClickHouse */
    bool appended;           /* its rows are in an Iceberg table, or may be */
    struct json_object *table; /* of an asset whose rows are there: what its document says of them; NULL: none. Of the arena */
};

/* A column and what the file calls it. */
struct sl_renamed {
    const char *name, *source_name;
};

/* A layer of a file that a unit is made of. */
struct sl_source {
    struct sl_input *input;
    const struct sl_format *format;
    const char *layer;                 /* NULL: the only one */
    const struct sl_recipe_role *role; /* that the recipe has it for; NULL: inputs: each */
    const struct sl_crs *crs;
    const char *crs_source;
};

/* What is made into assets by the recipe as one: a layer of a file, or all those that the recipe's `inputs` make one of. */
struct sl_unit {
    struct sl_source *sources; /* in the manifest's order */
    size_t n_sources;
    struct sl_input *input; /* this, format and layer are those of the first source of the main table */
    const struct sl_format *format;
    const char *layer; /* NULL: the only one, or it is one of several sources */
    const char *stem;  /* dataset id where nobody names one */
    struct sl_planned_asset *assets;
    size_t n_assets;
    /* what computing found */
    const struct sl_crs *crs;
    const char *crs_source;
    struct sl_table table;
    struct sl_geometry_facts geometry;
    const struct sl_raster_info *raster;
    double raster_bounds_wgs84[4];
    bool has_raster_bounds;
    const struct sl_vector_info *vector;
    const struct sl_renamed *renamed; /* columns of the first source that were called otherwise */
    size_t n_renamed;
    int64_t bad_rows; /* of the main table's sources, passed over */
    int64_t rows_in, rows_out;
    int64_t rows_made; /* of rasters, by a step */
    bool has_time;     /* of grids: the first and last time that a value is for */
    int64_t time_from_s, time_to_s;
    /* Rows that its checks put aside are a unit of their own, of one asset; of none when there are no such rows. */
    struct sl_unit *aside;       /* NULL: no check puts rows aside */
    const struct sl_unit *of;    /* whose rows these are; NULL: it is no such unit */
    struct json_object *reasons; /* of such a unit: check → rows */
    const struct sl_previous *previous; /* of the first output's dataset; NULL: no check asks */
};

/* A dataset of the lake that steps read: one version of it. */
struct sl_dataset {
    struct sl_table_ref ref;   /* as the recipe has it */
    struct json_object *asset; /* the ledger's document */
    const char *name;          /* "districts v3" */
    const char *local_path;    /* NULL: not fetched yet */
};

struct sl_batch {
    struct sl_engine *engine;
    struct sl_arena *arena;
    struct sl_lease lease;
    struct json_object *doc; /* the ledger's */
    struct sl_doc *manifest_doc;
    struct sl_manifest manifest;
    const struct sl_manifest_file *first;
    struct sl_bound_recipe bound;
    struct json_object *versions; /* of everything that has a say in the bytes */
    enum sl_crs_policy crs_policy;
    bool skip_bad_rows;
    bool replay, force;
    int64_t into_version; /* replay: only this version's objects are put again; 0: no */
    bool begun; /* its run document is in the ledger */
    int64_t told_ns; /* when that was last written; monotonic */
    char run_id[SL_UUID_TEXT_BYTES];
    const char *scratch;
    struct sl_input *inputs;
    size_t n_inputs;
    struct json_object *earlier_inputs; /* of this batch's last run, or NULL */
    struct sl_unit *units;
    size_t n_units;
    struct sl_dataset *datasets;
    size_t n_datasets;
    struct json_object *stages;  /* of the run document */
    struct json_object *dropped; /* policy → rows */
    struct json_object *added;   /* step → rows */
    const char *kept_schema;     /* that stays after the run, NULL: none does */
    struct json_object *warnings;
    int64_t rows_in, rows_out;
    int64_t wait_ms; /* how long missing assets are waited for */
    struct sl_events *events;
    const atomic_bool *lease_lost;
};

/* The time of one stage: begin tells the supervisor, end tells it too and keeps it for the run document, which is written
 * at once when the batch is large or the last writing a second ago, else with the batch's end. */
struct sl_stage {
    const char *name;
    int64_t started_wall_ns, started_mono_ns;
    int64_t rows, bytes; /* -1: does not apply */
    int64_t count;       /* steps, checks, files; -1 */
};
void sl_stage_begin(struct sl_batch *batch, struct sl_stage *stage, const char *name);
int sl_stage_end(struct sl_batch *batch, struct sl_stage *stage, struct sl_error *err);

/* Fails with SL_E_LEASE_LOST when the heartbeat found the lease gone. */
int sl_batch_mine(struct sl_batch *batch, struct sl_error *err);

/* Its last attempt found a file missing, and it was handed back to wait for it. */
bool sl_batch_was_waiting(const struct sl_batch *batch);
int sl_batch_prepare(struct sl_batch *batch, struct sl_error *err);
/* Enters the run in the ledger, with the names that its files will have; then makes the scratch folder: one without a run
 * counts as left over. */
int sl_batch_begin_run(struct sl_batch *batch, struct sl_error *err);
int sl_batch_archive(struct sl_batch *batch, struct sl_error *err);
/* Fails with SL_E_FILE_MISSING for a key of the landing zone. */
int sl_batch_file_missing(const struct sl_batch *batch, const char *landing_key, struct sl_error *err);
int sl_batch_plan(struct sl_batch *batch, struct sl_error *err);
int sl_batch_dedupe(struct sl_batch *batch, struct sl_error *err);
/* Nothing was put aside: the unit has no assets. */
void sl_batch_no_assets(struct sl_unit *unit);
/* unit->previous of what is to be computed, where a check compares: what is last in the ledger now, for a replay what was
 * before its own version. */
int sl_batch_find_previous(struct sl_batch *batch, struct sl_error *err);
int sl_batch_compute_vector(struct sl_batch *batch, struct sl_unit *unit, struct sl_error *err);
/* The same of rows that a step made of the unit's rasters, in unit->crs: a FlatGeobuf file at path, all of its rows counted as
 * added. */
int sl_batch_compute_made(struct sl_batch *batch, struct sl_unit *unit, const char *path, int64_t rows, struct sl_error *err);
/* The tables beside the main one: of the other roles, and of the datasets that steps read. */
int sl_batch_load_others(struct sl_batch *batch, struct sl_unit *unit, struct sl_work *work, struct sl_error *err);
/* The unit's outputs that are not linked, from the last table of the work. */
int sl_batch_write_vector(struct sl_batch *batch, struct sl_unit *unit, struct sl_work *work, struct sl_error *err);
/* The first source of the main table. */
struct sl_source *sl_unit_main(struct sl_unit *unit);
/* Is the file one that the unit is made of? */
bool sl_unit_reads(const struct sl_unit *unit, const struct sl_manifest_file *file);
/* The files' roles are those that the recipe has: SL_E_MANIFEST_SCHEMA names the place in the manifest. */
int sl_roles_check(const struct sl_recipe *recipe, const struct sl_manifest *manifest, struct sl_arena *arena,
                   struct sl_error *err);
/* Loads what the unit is made of; its vectors are opened one after the other. */
int sl_batch_load(struct sl_batch *batch, struct sl_unit *unit, struct sl_work *work, struct sl_vector *first,
                  struct sl_error *err);
/* The datasets that the recipe's steps read, by the ledger: SL_E_RECIPE_OPTION with the nearest when there is none. */
int sl_batch_find_datasets(struct sl_batch *batch, struct sl_error *err);
struct json_object *sl_batch_datasets_json(const struct sl_batch *batch);
int sl_batch_load_dataset(struct sl_batch *batch, struct sl_dataset *dataset, struct sl_work *work, struct sl_work_table *other,
                          struct sl_error *err);
/* Opens a source, notes what its reader says, and decides its CRS. */
int sl_batch_open_source(struct sl_batch *batch, struct sl_source *source, struct sl_vector **out, struct sl_error *err);
/* The system of a file by its own word, the manifest's and the policy: unit->crs and crs_source. */
int sl_batch_decide_crs(struct sl_batch *batch, struct sl_unit *unit, const struct sl_crs *file_crs,
                        struct sl_error *err);
/* The same for one of several: source->crs and crs_source. */
int sl_batch_decide_source_crs(struct sl_batch *batch, struct sl_source *source, const struct sl_crs *file_crs,
                               struct sl_error *err);
/* A file's system lives as long as the file is open; this one as long as the arena. */
const struct sl_crs *sl_batch_copy_crs(struct sl_arena *arena, const struct sl_crs *crs);
int sl_batch_compute_raster(struct sl_batch *batch, struct sl_unit *unit, struct sl_error *err);
/* Fields of a file into ClickHouse or Parquet parts. */
int sl_batch_compute_grid(struct sl_batch *batch, struct sl_unit *unit, struct sl_error *err);
/* After the commit: rows in ClickHouse of what a replay's new version replaces. Before it, of what is not published: those of
 * this attempt. What cannot be reached is logged, and found by `gc`. */
void sl_batch_retire_grids(struct sl_batch *batch);
void sl_batch_drop_grids(struct sl_batch *batch);
/* The rows of the Parquet file that was written for an output of kind iceberg into its table; the asset's object is then a
 * receipt. Where no catalog is configured nothing is done, with a warning: the file is the object. */
int sl_batch_append_table(struct sl_batch *batch, struct sl_planned_asset *asset, int64_t rows, struct sl_error *err);
/* As the two above, of tables. */
void sl_batch_retire_tables(struct sl_batch *batch);
void sl_batch_drop_tables(struct sl_batch *batch);
int sl_batch_publish(struct sl_batch *batch, struct sl_error *err);
/* Puts the object of asset->before again, if its bytes are those that were computed; tells in asset->restored. */
int sl_batch_restore(struct sl_batch *batch, struct sl_planned_asset *asset, struct sl_error *err);
/* After a failure: objects and catalog rows that no ledger document names are taken back, versions released. What cannot
 * be reached now is found by `gc` later, hence no error. */
void sl_batch_unpublish(struct sl_batch *batch);

/* The members of a run document that change while it runs. The caller owns it. */
struct json_object *sl_batch_run_changes(const struct sl_batch *batch);
struct json_object *sl_batch_inputs_json(const struct sl_batch *batch);
/* Fills asset->doc, stac_text and iso_text. */
void sl_batch_describe_asset(struct sl_batch *batch, struct sl_planned_asset *asset);

/* Runs a claimed batch to its end, whatever that is; the ledger says what came out. Fails only when the ledger cannot be
 * told (the lease then expires). *outcome is the batch's error, or SL_OK. */
int sl_batch_execute(struct sl_engine *engine, const struct sl_lease *lease, struct json_object *doc, int64_t wait_ms,
                     struct sl_events *events, const atomic_bool *lease_lost, struct sl_error *outcome,
                     struct sl_error *err);

#endif

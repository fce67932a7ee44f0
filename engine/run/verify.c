/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: ledger, store, catalog and raw vault read against each other, both ways. */
#include "run/verify.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "run/orphan.h"
#include "store/store.h"

enum { PROBLEMS_MAX = 10000 };

void sl_verify_progress(struct sl_verify *v)
{
    if (v->options->progress)
        v->options->progress(v->options->progress_data, v->assets, v->raw_files, v->bytes);
}

static int enter_event(struct sl_verify *v, const struct sl_finding *f, const char *moved_to, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *event = json_object_new_object();
    char id[SL_UUID_TEXT_BYTES], at[SL_ISO8601_BYTES];
    sl_uuid7(id);
    sl_json_put_str(event, "_id", id);
    sl_json_put_str(event, "at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    sl_json_put_str(event, "event", "repair");
    sl_json_put_str(event, "kind", f->kind);
    sl_json_put_str(event, "bucket", f->bucket);
    sl_json_put_str(event, "s3_key", f->key);
    if (f->asset_id)
        sl_json_put_str(event, "asset_id", f->asset_id);
    if (f->batch_id)
        sl_json_put_str(event, "batch_id", f->batch_id);
    sl_json_put_str(event, "message", f->message);
    if (moved_to) {
        struct json_object *details = json_object_new_object();
        sl_json_put_str(details, "moved_to", moved_to);
        sl_json_put(event, "details", details);
    }
    return v->engine->ledger->ops->add_event(v->engine->ledger, event, err);
}

/* A repair that is not possible is told beside its problem; only a service that went away ends the whole. */
static int repair(struct sl_verify *v, const struct sl_finding *f, struct json_object *p, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *moved_to = NULL;
    struct sl_error why = {0};
    int rc = f->fix(v, f, arena, &moved_to, &why);
    if (rc < 0) {
        bool away = sl_code_exit(why.code) == SL_EXIT_UNAVAILABLE;
        if (away && err)
            *err = why;
        sl_json_put_str(p, "not_repaired", why.message);
        return away ? rc : 0;
    }
    v->n_repaired++;
    sl_json_put(p, "repaired", json_object_new_boolean(true));
    if (moved_to)
        sl_json_put_str(p, "moved_to", moved_to);
    return enter_event(v, f, moved_to, err);
}

int sl_verify_report(struct sl_verify *v, const struct sl_finding *f, struct sl_error *err)
{
    struct json_object *p = json_object_new_object();
    sl_json_put_str(p, "kind", f->kind);
    sl_json_put_str(p, "bucket", f->bucket);
    sl_json_put_str(p, "key", f->key);
    sl_json_put_str(p, "asset_id", f->asset_id);
    sl_json_put_str(p, "batch_id", f->batch_id);
    sl_json_put_str(p, "message", f->message);
    sl_json_put_str(p, "repair", f->repair);
    sl_json_put(p, "repairable", json_object_new_boolean(f->fix != NULL));
    sl_json_put(p, "repaired", json_object_new_boolean(false));
    int rc = v->options->repair && f->fix ? repair(v, f, p, err) : 0;
    if (v->n_problems++ < PROBLEMS_MAX)
        json_object_array_add(v->problems, p);
    else
        json_object_put(p);
    return rc;
}

int sl_verify_move_aside(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena,
                         const char **moved_to, struct sl_error *err)
{
    return sl_orphan_move(v->engine, f->bucket, f->key, f->data, arena, moved_to, err);
}

void sl_verify_orphan(const struct sl_verify *v, struct sl_finding *f, const struct sl_object_info *info)
{
    if (info->modified_ns > v->before_ns) {
        f->repair = "left alone until it is older than --grace";
        return;
    }
    f->repair = "sluice verify --repair moves it to " SL_ORPHANS_PREFIX;
    f->fix = sl_verify_move_aside;
    f->data = info->etag;
}

int sl_verify_hash(struct sl_verify *v, const char *bucket, const char *key, const char *etag, char hash[72],
                   struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    struct sl_object_info info;
    int rc = sl_store_hash(v->engine->store, bucket, key, etag, hex, &info, err);
    if (rc < 0)
        return rc;
    snprintf(hash, 72, "sha256:%s", hex);
    v->bytes += info.size_bytes;
    sl_verify_progress(v);
    return 0;
}

/* ---- the whole ---- */

/* What was first and must be there is read first: a batch's assets after the batch, a run's inputs after their rows. So
 * whatever others do meanwhile can only add, and is asked for again. */
static int (*const everything[])(struct sl_verify *v, struct sl_error *err) = {
    sl_verify_read_raw_rows, sl_verify_read_batches, sl_verify_read_runs, sl_verify_read_assets,
    sl_verify_lake,          sl_verify_catalog,      sl_verify_raw,       sl_verify_batches,
};
static int (*const one_dataset[])(struct sl_verify *v, struct sl_error *err) = {
    sl_verify_read_assets,
    sl_verify_lake,
    sl_verify_catalog,
    sl_verify_raw,
};

static int verify(struct sl_verify *v, struct sl_error *err)
{
    int rc = 0;
    if (v->options->dataset_id)
        for (size_t i = 0; rc == 0 && i < sizeof one_dataset / sizeof *one_dataset; i++)
            rc = one_dataset[i](v, err);
    else
        for (size_t i = 0; rc == 0 && i < sizeof everything / sizeof *everything; i++)
            rc = everything[i](v, err);
    return rc;
}

static void spools_of(struct sl_verify *v, struct sl_spool **all[8])
{
    all[0] = &v->asset_ids;
    all[1] = &v->lake_keys;
    all[2] = &v->raw_rows;
    all[3] = &v->raw_inputs;
    all[4] = &v->batch_names;
    all[5] = &v->batch_runs;
    all[6] = &v->runs;
    all[7] = &v->made_ids;
}

int sl_verify(struct sl_engine *e, const struct sl_verify_options *options, struct json_object **report,
              struct sl_error *err)
{
    struct sl_spool **spools[8];
    int64_t began = sl_clock_mono_ns();
    struct sl_verify v = {.engine = e,
                          .options = options,
                          .problems = json_object_new_array(),
                          .before_ns = sl_clock_wall_ns() - options->grace_s * SL_NS_PER_S};
    spools_of(&v, spools);
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++)
        *spools[i] = sl_spool_new(e->config->run_scratch);
    int rc = verify(&v, err);
    for (size_t i = 0; i < sizeof spools / sizeof *spools; i++)
        sl_spool_free(*spools[i]);
    if (rc < 0) {
        json_object_put(v.problems);
        return rc;
    }
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "assets", v.assets);
    sl_json_put_int(o, "objects", v.objects);
    sl_json_put_int(o, "raw_files", v.raw_files);
    sl_json_put_int(o, "batches", v.batches);
    sl_json_put_int(o, "bytes", v.bytes);
    sl_json_put(o, "deep", json_object_new_boolean(options->deep));
    sl_json_put_int(o, "duration_ns", sl_clock_mono_ns() - began);
    sl_json_put_int(o, "problem_count", v.n_problems);
    sl_json_put_int(o, "repaired", v.n_repaired);
    sl_json_put(o, "problems", v.problems);
    *report = o;
    return 0;
}

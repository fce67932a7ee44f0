/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: the raw vault beside the catalog's rows and the inputs that runs name. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "run/orphan.h"
#include "run/verify.h"
#include "store/store.h"

/* ---- what catalog and ledger say ---- */

static int read_row(void *data, const struct sl_raw_file *f, struct sl_error *err)
{
    struct sl_verify *v = data;
    SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
    sl_json_put_str(r, "bucket", f->bucket);
    sl_json_put_str(r, "batch_id", f->batch_id);
    sl_json_put_str(r, "content_hash", f->content_hash);
    sl_json_put_int(r, "size_bytes", f->size_bytes);
    sl_json_put_str(r, "role", f->role);
    return sl_spool_add(v->raw_rows, f->s3_key, r, err);
}

int sl_verify_read_raw_rows(struct sl_verify *v, struct sl_error *err)
{
    return sl_catalog_list_raw_files(v->engine->catalog, NULL, read_row, v, err);
}

static int note_inputs(struct sl_verify *v, struct json_object *run, struct sl_error *err)
{
    struct json_object *inputs = sl_json_get(run, "inputs");
    size_t n = json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
        struct json_object *in = json_object_array_get_idx(inputs, i);
        json_object_object_foreach(in, name, value)
            json_object_object_add(r, name, json_object_get(value));
        sl_json_put_str(r, "batch_id", sl_json_str(run, "batch_id", ""));
        sl_json_put_str(r, "run_id", sl_json_str(run, "_id", ""));
        rc = sl_spool_add(v->raw_inputs, sl_json_str(in, "raw_key", ""), r, err);
    }
    return rc;
}

static int read_run(void *data, struct json_object *run, struct sl_error *err)
{
    struct sl_verify *v = data;
    SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
    struct json_object *outputs = sl_json_get(run, "outputs"), *ids = json_object_new_array();
    size_t n = json_object_is_type(outputs, json_type_array) ? json_object_array_length(outputs) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = sl_json_str(json_object_array_get_idx(outputs, i), "asset_id", NULL);
        if (id)
            json_object_array_add(ids, json_object_new_string(id));
    }
    sl_json_put_str(r, "status", sl_json_str(run, "status", ""));
    sl_json_put(r, "assets", ids);
    int rc = sl_spool_add(v->runs, sl_json_str(run, "_id", ""), r, err);
    return rc < 0 ? rc : note_inputs(v, run, err);
}

int sl_verify_read_runs(struct sl_verify *v, struct sl_error *err)
{
    const struct sl_find all = {.collection = "runs"};
    return v->engine->ledger->ops->find(v->engine->ledger, &all, read_run, v, err);
}

/* ---- one raw file ---- */

struct raw {
    struct json_object *row, *input; /* NULL: none; an input that was archived before one that was only planned */
    bool archived;
};

static void forget(struct raw *raw)
{
    json_object_put(raw->row);
    json_object_put(raw->input);
}

/* What both say of a key, moving both spools past it. */
static int take(struct sl_verify *v, const char *key, struct raw *raw, struct sl_error *err)
{
    const char *at;
    struct json_object *r;
    int rc = sl_spool_peek(v->raw_rows, &at, &r, err);
    if (rc == 0 && at && !strcmp(at, key)) {
        raw->row = json_object_get(r);
        rc = sl_spool_skip(v->raw_rows, err);
    }
    while (rc == 0 && (rc = sl_spool_peek(v->raw_inputs, &at, &r, err)) == 0 && at && !strcmp(at, key)) {
        bool archived = sl_json_bool(r, "archived", false);
        if (!raw->input || (archived && !raw->archived)) {
            json_object_put(raw->input);
            raw->input = json_object_get(r);
        }
        raw->archived |= archived;
        rc = sl_spool_skip(v->raw_inputs, err);
    }
    return rc;
}

/* Source, dataset and date are in the key: {source}/{dataset}/{date}/{id}.{ext}. */
static bool split_key(const char *key, struct sl_arena *arena, struct sl_raw_file *out)
{
    const char *parts[3], *p = key;
    for (int i = 0; i < 3; i++) {
        const char *slash = strchr(p, '/');
        if (!slash || slash == p)
            return false;
        parts[i] = sl_arena_strndup(arena, p, (size_t)(slash - p));
        p = slash + 1;
    }
    out->source = parts[0];
    out->dataset = parts[1];
    out->date = parts[2];
    return *p != '\0';
}

static int fix_row(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                   struct sl_error *err)
{
    struct json_object *in = (struct json_object *)(uintptr_t)f->data;
    char hash[72];
    struct sl_raw_file row = {.id = sl_json_str(in, "raw_file_id", NULL),
                              .s3_key = f->key,
                              .bucket = f->bucket,
                              .content_hash = sl_json_str(in, "content_hash", ""),
                              .size_bytes = sl_json_int(in, "size_bytes", -1),
                              .batch_id = f->batch_id,
                              .run_id = sl_json_str(in, "run_id", NULL),
                              .landing_path = sl_json_str(in, "landing_path", NULL),
                              .role = sl_json_str(in, "role", "main")};
    (void)moved_to;
    if (!row.id || !split_key(f->key, arena, &row))
        return sl_fail(err, SL_E_VERIFY_FAILED, "its key does not tell source, dataset and date");
    int rc = sl_verify_hash(v, f->bucket, f->key, NULL, hash, err);
    if (rc == 0 && strcmp(hash, row.content_hash) != 0)
        rc = sl_fail(err, SL_E_VERIFY_FAILED, "its content is not what the run read");
    return rc < 0 ? rc : sl_catalog_put_raw_file(v->engine->catalog, &row, err);
}

static int check_content(struct sl_verify *v, struct sl_finding *f, const struct raw *raw, int64_t size,
                         bool *good, struct sl_error *err)
{
    char message[160], hash[72];
    struct json_object *said = raw->row ? raw->row : raw->input;
    int64_t want_size = sl_json_int(said, "size_bytes", -1);
    const char *want = sl_json_str(said, "content_hash", "");
    f->kind = "raw_changed";
    f->repair = NULL;
    *good = true;
    if (size != want_size) {
        *good = false;
        snprintf(message, sizeof message, "has %lld bytes, it was archived with %lld", (long long)size,
                 (long long)want_size);
        f->message = message;
        return sl_verify_report(v, f, err);
    }
    if (!v->options->deep)
        return 0;
    int rc = sl_verify_hash(v, f->bucket, f->key, NULL, hash, err);
    if (rc < 0 || !strcmp(hash, want))
        return rc;
    *good = false;
    snprintf(message, sizeof message, "content differs from what was archived (sha256 %.8s… expected %.8s…)",
             hash + strlen("sha256:"), sl_text_starts(want, "sha256:") ? want + strlen("sha256:") : want);
    f->message = message;
    return sl_verify_report(v, f, err);
}

/* What a source has fetched is evidence before any batch is. */
static bool of_source(const struct raw *raw)
{
    static const char *const roles[] = {"page", "pages", "quarantine", "result"};
    for (size_t i = 0; raw->row && i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(sl_json_str(raw->row, "role", ""), roles[i]))
            return true;
    return false;
}

/* An object whose bytes are right, and its entries. */
static int check_entries(struct sl_verify *v, struct sl_finding *f, const struct raw *raw, struct sl_error *err)
{
    bool everything = !v->options->dataset_id;
    f->data = raw->input;
    if (raw->row && !raw->input && everything && !of_source(raw)) {
        f->kind = "raw_unknown";
        f->message = "the catalog has a row for it, but no run in the ledger names it";
        return sl_verify_report(v, f, err);
    }
    if (raw->row && raw->archived &&
        strcmp(sl_json_str(raw->row, "content_hash", ""), sl_json_str(raw->input, "content_hash", "")) != 0) {
        f->kind = "raw_row";
        f->message = "the catalog's row has another hash than the run that read it";
        return sl_verify_report(v, f, err);
    }
    if (raw->row || !everything)
        return 0;
    f->kind = "raw_row";
    f->message = "the catalog has no row for it";
    f->repair = "sluice verify --repair enters it from the run that read it";
    f->fix = fix_row;
    return sl_verify_report(v, f, err);
}

/* A file that was named but not archived is nothing yet; one that lies there all the same belongs to an attempt that was
 * ended, and the next one takes it over. */
static int check_planned(struct sl_verify *v, struct sl_finding *f, const struct raw *raw, struct sl_error *err)
{
    bool at_work = false;
    char repair[SL_BATCH_ID_BYTES + 64];
    int rc = sl_run_at_work(v->engine, sl_json_str(raw->input, "run_id", NULL), &at_work, err);
    if (rc < 0 || at_work)
        return rc;
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
    rc = v->engine->ledger->ops->get_batch(v->engine->ledger, f->batch_id, &batch, err);
    const char *status = batch ? sl_json_str(batch, "status", "") : "";
    if (rc < 0 || !strcmp(status, "pending") || !strcmp(status, "running"))
        return rc;
    f->kind = "raw_row";
    f->message = "a run that was ended put it there and did not enter it in the catalog";
    snprintf(repair, sizeof repair, "sluice replay %s", f->batch_id);
    f->repair = repair;
    return sl_verify_report(v, f, err);
}

/* listed NULL: the listing has no such object. */
static int check_raw(struct sl_verify *v, const char *key, const struct raw *raw, const struct sl_object_info *listed,
                     struct sl_error *err)
{
    struct json_object *said = raw->row ? raw->row : raw->input;
    struct sl_object_info info;
    struct sl_finding f = {.bucket = sl_json_str(said, "bucket", v->engine->config->raw_bucket),
                           .key = key,
                           .batch_id = sl_json_str(said, "batch_id", NULL)};
    bool elsewhere = strcmp(f.bucket, v->engine->config->raw_bucket) != 0, good = true;
    if (!raw->row && !raw->archived)
        return listed ? check_planned(v, &f, raw, err) : 0;
    v->raw_files++;
    sl_verify_progress(v);
    int rc = listed && !elsewhere ? 0 : sl_store_head(v->engine->store, f.bucket, key, &info, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        f.kind = "raw_missing";
        f.message = "the raw file is gone: its batch cannot be replayed";
        f.repair = "put it back from a backup, with the same bytes";
        return sl_verify_report(v, &f, err);
    }
    if (rc == 0)
        rc = check_content(v, &f, raw, listed && !elsewhere ? listed->size_bytes : info.size_bytes, &good, err);
    f.repair = NULL;
    return rc < 0 || !good ? rc : check_entries(v, &f, raw, err);
}

/* ---- the walk ---- */

static int check_stray(struct sl_verify *v, const struct sl_list_entry *entry, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_meta meta = {0};
    struct sl_object_info info;
    bool at_work = false;
    struct sl_finding f = {.kind = "raw_orphan",
                           .bucket = v->engine->config->raw_bucket,
                           .key = entry->key,
                           .message = "neither the catalog nor any run names it"};
    int rc = sl_store_head(v->engine->store, f.bucket, entry->key, &info, &meta, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    if (rc == 0)
        rc = sl_run_at_work(v->engine, sl_arena_strdup(arena, sl_meta_get(&meta, "run_id")), &at_work, err);
    if (rc < 0 || at_work)
        return rc;
    sl_verify_orphan(v, &f, &info);
    return sl_verify_report(v, &f, err);
}

/* The first key of both spools; NULL: both are at their end. */
static int first_key(struct sl_verify *v, const char **key, struct sl_error *err)
{
    const char *a = NULL, *b = NULL;
    struct json_object *r;
    int rc = sl_spool_peek(v->raw_rows, &a, &r, err);
    if (rc == 0)
        rc = sl_spool_peek(v->raw_inputs, &b, &r, err);
    if (rc == 0)
        *key = !a ? b : !b ? a : strcmp(a, b) <= 0 ? a : b;
    return rc;
}

/* What is known of keys before this one (NULL: all that are left) is in no listing. */
static int skip_to(struct sl_verify *v, const char *until, struct sl_error *err)
{
    for (;;) {
        const char *first = NULL;
        int rc = first_key(v, &first, err);
        if (rc < 0 || !first || (until && strcmp(first, until) >= 0))
            return rc;
        SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
        struct raw raw = {0};
        const char *key = sl_arena_strdup(arena, first);
        rc = take(v, key, &raw, err);
        if (rc == 0)
            rc = check_raw(v, key, &raw, NULL, err);
        forget(&raw);
        if (rc < 0)
            return rc;
    }
}

static int check_listed(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct sl_verify *v = data;
    struct raw raw = {0};
    if (sl_text_starts(entry->key, SL_ORPHANS_PREFIX) || sl_text_starts(entry->key, SL_RESERVED_PREFIX))
        return 0;
    int rc = skip_to(v, entry->key, err);
    if (rc == 0)
        rc = take(v, entry->key, &raw, err);
    if (rc == 0)
        rc = raw.row || raw.input ? check_raw(v, entry->key, &raw, &entry->info, err) : check_stray(v, entry, err);
    forget(&raw);
    return rc;
}

int sl_verify_raw(struct sl_verify *v, struct sl_error *err)
{
    int rc = sl_spool_begin(v->raw_rows, err);
    if (rc == 0)
        rc = sl_spool_begin(v->raw_inputs, err);
    if (rc == 0 && !v->options->dataset_id)
        rc = sl_store_list(v->engine->store, v->engine->config->raw_bucket, "", NULL, 0, check_listed, v, err);
    return rc < 0 ? rc : skip_to(v, NULL, err);
}

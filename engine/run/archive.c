/* SPDX-License-Identifier: Apache-2.0 */
/* Archive: each file is read once - hashed, checked, kept in the raw vault, entered in the catalog. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/batch.h"
#include "store/store.h"

enum { PARTS_MAX = 8 }; /* of a format of several files */

static struct sl_input *add_input(struct sl_batch *b, const struct sl_manifest_file *file, const char *key,
                                  const char *role)
{
    struct sl_input *in = &b->inputs[b->n_inputs++];
    in->file = file;
    in->landing_key = key;
    in->role = role;
    in->ext = sl_path_ext(b->arena, key);
    in->rows = -1;
    return in;
}


static int look_earlier(struct sl_batch *b, struct sl_error *err)
{
    const char *earlier = sl_json_str(b->doc, "run_id", NULL);
    struct json_object *replay = sl_json_get(b->doc, "replay");
    /* A manifest that its uploader put there again after a failure means the files as they are now. */
    if (!earlier || (replay && !sl_json_bool(replay, "from_raw", true)))
        return 0;
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    int rc = b->engine->ledger->ops->get_run(b->engine->ledger, earlier, &run, err);
    if (rc == 0 && run)
        b->earlier_inputs = json_object_get(sl_json_get(run, "inputs"));
    return rc;
}

static bool was_archived(const struct sl_batch *b, const char *landing_key)
{
    size_t n = b->earlier_inputs ? json_object_array_length(b->earlier_inputs) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(b->earlier_inputs, i);
        if (sl_json_bool(o, "archived", false) && !strcmp(sl_json_str(o, "landing_path", ""), landing_key))
            return true;
    }
    return false;
}

/* A Shapefile is several files whether its manifest says so or not. Where it lists none, its parts are looked for beside
 * it, here in the landing zone or, in a replay, among what an earlier run archived. */
static int find_parts(struct sl_batch *b, const struct sl_manifest_file *f, struct sl_error *err)
{
    const struct sl_format *format = f->format ? sl_format_by_name(f->format) : sl_format_by_path(f->key, SL_DATA_VECTOR);
    const char *dot = strrchr(sl_path_base(f->key), '.');
    if (f->n_sidecars || !format || !(format->flags & SL_FORMAT_MULTI_FILE) || !dot || sl_format_archive_name(f->key))
        return 0;
    bool upper = dot[1] >= 'A' && dot[1] <= 'Z';
    for (size_t i = 0; format->sidecars[i]; i++) {
        char *key = sl_arena_printf(b->arena, "%.*s.%s", (int)(dot - f->key), f->key, format->sidecars[i]);
        for (char *p = key + (dot - f->key); upper && *p; p++)
            *p = (char)toupper((unsigned char)*p);
        struct sl_object_info info;
        int rc = was_archived(b, key)
                     ? 0
                     : sl_store_head(b->engine->store, b->engine->config->landing_bucket, key, &info, NULL, err);
        if (rc == 0)
            add_input(b, f, key, "sidecar");
        else if (rc != -SL_E_STORE_NOT_FOUND)
            return rc;
        sl_error_clear(err);
    }
    return 0;
}

static int list_inputs(struct sl_batch *b, struct sl_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < b->manifest.n_files; i++)
        n += 1 + b->manifest.files[i].n_sidecars + PARTS_MAX;
    b->inputs = sl_arena_array(b->arena, n, sizeof *b->inputs);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->manifest.n_files; i++) {
        const struct sl_manifest_file *f = &b->manifest.files[i];
        add_input(b, f, f->key, "main");
        for (size_t j = 0; j < f->n_sidecars; j++)
            add_input(b, f, f->sidecar_keys[j], "sidecar");
        rc = find_parts(b, f, err);
    }
    return rc;
}

/* Sidecars share the id of their main file, a batch of one file that of its run. */
static void name_raw(struct sl_batch *b, const char *date)
{
    const char *id = NULL;
    for (size_t i = 0; i < b->n_inputs; i++) {
        struct sl_input *in = &b->inputs[i];
        bool sidecar = !strcmp(in->role, "sidecar");
        if (!sidecar) {
            char fresh[SL_UUID_TEXT_BYTES];
            sl_uuid7(fresh);
            id = b->manifest.n_files == 1 ? b->run_id : sl_arena_strdup(b->arena, fresh);
        }
        if (in->raw_key)
            continue; /* named by an earlier attempt */
        const char *dataset = b->manifest.dataset;
        if (!dataset)
            dataset = sl_path_stem(b->arena, in->file->key);
        in->raw_key = sl_raw_key(b->arena, b->manifest.uploader, dataset, date, id, in->ext);
        char own[SL_UUID_TEXT_BYTES];
        sl_uuid7(own);
        in->raw_id = sidecar ? sl_arena_strdup(b->arena, own) : id;
    }
}

/* What an earlier run of this batch planned or archived is taken over, so that nothing is archived twice. */
static void take_over_earlier(struct sl_batch *b)
{
    size_t n = b->earlier_inputs ? json_object_array_length(b->earlier_inputs) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(b->earlier_inputs, i);
        const char *key = sl_json_str(o, "landing_path", "");
        for (size_t j = 0; j < b->n_inputs; j++) {
            struct sl_input *in = &b->inputs[j];
            if (strcmp(in->landing_key, key) != 0)
                continue;
            in->raw_id = sl_arena_strdup(b->arena, sl_json_str(o, "raw_file_id", NULL));
            in->raw_key = sl_arena_strdup(b->arena, sl_json_str(o, "raw_key", NULL));
            in->archived = sl_json_bool(o, "archived", false);
            snprintf(in->content_hash, sizeof in->content_hash, "%s", sl_json_str(o, "content_hash", ""));
            in->size_bytes = sl_json_int(o, "size_bytes", 0);
        }
    }
}

struct json_object *sl_batch_inputs_json(const struct sl_batch *b)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < b->n_inputs; i++) {
        const struct sl_input *in = &b->inputs[i];
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "raw_file_id", in->raw_id);
        sl_json_put_str(o, "raw_key", in->raw_key);
        sl_json_put_str(o, "landing_path", in->landing_key);
        sl_json_put_str(o, "role", in->role);
        if (in->content_hash[0]) {
            sl_json_put_str(o, "content_hash", in->content_hash);
            sl_json_put_int(o, "size_bytes", in->size_bytes);
        }
        if (in->file->role)
            sl_json_put_str(o, "file_role", in->file->role);
        if (in->rows >= 0)
            sl_json_put_int(o, "rows", in->rows);
        sl_json_put(o, "archived", json_object_new_boolean(in->archived));
        json_object_array_add(list, o);
    }
    return list;
}

int sl_batch_file_missing(const struct sl_batch *b, const char *landing_key, struct sl_error *err)
{
    sl_fail(err, SL_E_FILE_MISSING, "%s/%s does not exist", b->engine->config->landing_bucket, landing_key);
    sl_error_hint(err, "upload the files first and the manifest last; then: sluice replay %s", b->lease.batch_id);
    return -SL_E_FILE_MISSING;
}

static int check_promise(const struct sl_input *in, const char *hex, int64_t size, struct sl_error *err)
{
    bool main_file = !strcmp(in->role, "main");
    if (main_file && in->file->size >= 0 && in->file->size != size) {
        sl_fail(err, SL_E_FILE_SIZE, "%s has %" PRId64 " bytes, the manifest says %" PRId64, in->landing_key, size,
                in->file->size);
        sl_error_hint(err, "upload the file again: it may have been cut");
        return -SL_E_FILE_SIZE;
    }
    if (main_file && in->file->sha256 && strcmp(in->file->sha256, hex) != 0) {
        sl_fail(err, SL_E_FILE_CHECKSUM, "%s has sha256 %s, the manifest says %s", in->landing_key, hex,
                in->file->sha256);
        sl_error_hint(err, "upload the file again, or correct the manifest's sha256");
        return -SL_E_FILE_CHECKSUM;
    }
    return 0;
}

/* The stem of the landing name, made safe: drivers find sidecars by it, and some name the layer after it. */
static int local_name(struct sl_batch *b, struct sl_input *in, size_t i, struct sl_error *err)
{
    size_t group = i;
    while (group > 0 && b->inputs[group].file == b->inputs[group - 1].file)
        group--;
    const char *stem = sl_dataset_id_from(b->arena, sl_path_stem(b->arena, in->file->key));
    const char *folder = sl_arena_printf(b->arena, "%s/in/%zu", b->scratch, group);
    int rc = sl_dir_make(folder, 0700, err);
    in->local_path = sl_arena_printf(b->arena, "%s/%s%s%s", folder, stem, *in->ext ? "." : "", in->ext);
    return rc;
}

static int put_into_vault(struct sl_batch *b, struct sl_input *in, const char *hex, struct sl_error *err)
{
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "run_id", b->run_id);
    sl_meta_add(&meta, "raw_file_id", in->raw_id);
    sl_meta_add(&meta, "content_hash", in->content_hash);
    const struct sl_put_options options = {.meta = &meta, .if_absent = true, .sha256_hex = hex, .hashed_here = true};
    const char *bucket = b->engine->config->raw_bucket;
    int rc = sl_store_put_file(b->engine->store, bucket, in->raw_key, in->local_path, &options, NULL, err);
    if (rc != -SL_E_STORE_PRECONDITION)
        return rc;
    /* An earlier attempt was ended between this put and its ledger entry: fine when the evidence is the same. */
    char there[SL_SHA256_HEX_BYTES];
    sl_error_clear(err);
    rc = sl_store_hash(b->engine->store, bucket, in->raw_key, NULL, there, NULL, err);
    if (rc == 0 && strcmp(there, hex) != 0)
        rc = sl_fail(err, SL_E_FILE_CHANGED, "%s changed between two attempts at batch %s", in->landing_key,
                     b->lease.batch_id);
    return rc;
}

static int enter_in_catalog(struct sl_batch *b, const struct sl_input *in, const char *date, struct sl_error *err)
{
    const char *dataset = b->manifest.dataset ? b->manifest.dataset : sl_path_stem(b->arena, in->file->key);
    const struct sl_raw_file row = {.id = in->raw_id,
                                    .source = sl_dataset_id_from(b->arena, b->manifest.uploader),
                                    .dataset = sl_dataset_id_from(b->arena, dataset),
                                    .date = date,
                                    .s3_key = in->raw_key,
                                    .bucket = b->engine->config->raw_bucket,
                                    .content_hash = in->content_hash,
                                    .size_bytes = in->size_bytes,
                                    .batch_id = b->lease.batch_id,
                                    .run_id = b->run_id,
                                    .landing_path = in->landing_key,
                                    .role = in->role};
    return sl_catalog_put_raw_file(b->engine->catalog, &row, err);
}

/* From the raw vault: what is evidence is taken, and must still be what it was. */
static int fetch_archived(struct sl_batch *b, struct sl_input *in, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    struct sl_object_info info;
    int rc = sl_store_download(b->engine->store, b->engine->config->raw_bucket, in->raw_key, NULL, in->local_path, hex,
                               &info, err);
    if (rc == -SL_E_STORE_NOT_FOUND || (rc == 0 && strcmp(hex, in->content_hash + strlen("sha256:")) != 0)) {
        sl_fail(err, SL_E_REPLAY_INPUT, "%s/%s is %s", b->engine->config->raw_bucket, in->raw_key,
                rc < 0 ? "gone from the raw vault" : "not what was archived: its sha256 differs from the ledger's");
        sl_error_hint(err, "sluice verify --deep");
        return -SL_E_REPLAY_INPUT;
    }
    return rc;
}

static int fetch_landed(struct sl_batch *b, struct sl_input *in, const char *date, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    struct sl_object_info info;
    const char *bucket = b->engine->config->landing_bucket;
    int rc = sl_store_head(b->engine->store, bucket, in->landing_key, &info, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND)
        return sl_batch_file_missing(b, in->landing_key, err);
    if (rc == 0 && info.size_bytes > b->engine->config->input_max_file_bytes)
        return sl_fail(err, SL_E_LIMIT, "%s has %" PRId64 " bytes, input.max_file_bytes is %" PRId64, in->landing_key,
                       info.size_bytes, b->engine->config->input_max_file_bytes);
    char etag[SL_ETAG_BYTES];
    if (rc == 0) {
        snprintf(etag, sizeof etag, "%s", info.etag);
        rc = sl_store_download(b->engine->store, bucket, in->landing_key, etag, in->local_path, hex, &info, err);
    }
    if (rc == 0)
        rc = check_promise(in, hex, info.size_bytes, err);
    if (rc < 0)
        return rc;
    snprintf(in->content_hash, sizeof in->content_hash, "sha256:%s", hex);
    in->size_bytes = info.size_bytes;
    rc = put_into_vault(b, in, hex, err);
    if (rc == 0)
        rc = enter_in_catalog(b, in, date, err);
    in->archived = rc == 0;
    return rc;
}

int sl_batch_archive(struct sl_batch *b, struct sl_error *err)
{
    struct sl_stage stage;
    char date[SL_ISO8601_BYTES];
    sl_stage_begin(b, &stage, "archive");
    sl_clock_date(date, sl_clock_wall_ns());
    int rc = look_earlier(b, err);
    if (rc == 0)
        rc = list_inputs(b, err);
    if (rc == 0) {
        take_over_earlier(b);
        name_raw(b, date);
        rc = sl_batch_begin_run(b, err); /* before the first put, so that a later attempt finds what this one left */
    }
    stage.bytes = 0;
    for (size_t i = 0; rc == 0 && i < b->n_inputs; i++) {
        struct sl_input *in = &b->inputs[i];
        rc = sl_batch_mine(b, err);
        if (rc == 0)
            rc = local_name(b, in, i, err);
        if (rc == 0)
            rc = in->archived ? fetch_archived(b, in, err) : fetch_landed(b, in, date, err);
        stage.bytes += in->size_bytes;
    }
    stage.count = (int64_t)b->n_inputs;
    return rc < 0 ? rc : sl_stage_end(b, &stage, err);
}

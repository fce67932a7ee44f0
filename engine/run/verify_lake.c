/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: the ledger's assets beside the objects of the lake. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/orphan.h"
#include "run/verify.h"
#include "store/store.h"

/* ---- what the ledger says ---- */

/* What an asset's document says of one of its objects; kind "asset", or as in `documents`. */
static struct json_object *object_record(struct json_object *doc, struct json_object *object, const char *kind)
{
    struct json_object *r = json_object_new_object();
    sl_json_put_str(r, "kind", kind);
    sl_json_put_str(r, "bucket", sl_json_str(doc, "bucket", ""));
    sl_json_put_str(r, "asset_id", sl_json_str(doc, "_id", ""));
    sl_json_put_str(r, "batch_id", sl_json_str(doc, "batch_id", ""));
    sl_json_put_str(r, "run_id", sl_json_str(doc, "run_id", ""));
    sl_json_put_int(r, "version", sl_json_int(doc, "version", 0));
    sl_json_put_str(r, "media_type", sl_json_str(object, "media_type", NULL));
    sl_json_put_str(r, "content_hash", sl_json_str(object, "content_hash", ""));
    sl_json_put_int(r, "size_bytes", sl_json_int(object, "size_bytes", -1));
    return r;
}

static int check_object(struct sl_verify *v, const char *key, struct json_object *r, const struct sl_object_info *listed,
                        struct sl_error *err);

/* Objects in another bucket (of an earlier configuration) are in no listing: they are looked at one by one. */
static int note_object(struct sl_verify *v, struct json_object *doc, struct json_object *object, const char *kind,
                       struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *r = object_record(doc, object, kind);
    const char *key = sl_json_str(object, "s3_key", "");
    if (strcmp(sl_json_str(r, "bucket", ""), v->engine->config->lake_bucket) != 0)
        return check_object(v, key, r, NULL, err);
    return sl_spool_add(v->lake_keys, key, r, err);
}

/* The members that the catalog has too. */
static int note_row(struct sl_verify *v, struct json_object *doc, struct sl_error *err)
{
    static const char *const members[] = {"_id",        "dataset_id", "version",      "batch_id",   "run_id",
                                          "kind",       "bucket",     "s3_key",       "media_type", "size_bytes",
                                          "content_hash", "crs",      "row_count",    "bounds",     "created_at"};
    SL_CLEANUP(sl_json_putp) struct json_object *row = json_object_new_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        sl_json_put(row, members[i], json_object_get(sl_json_get(doc, members[i])));
    return sl_spool_add(v->asset_ids, sl_json_str(doc, "_id", ""), row, err);
}

static int note_inputs(struct sl_verify *v, struct json_object *doc, struct sl_error *err)
{
    struct json_object *inputs = sl_json_get(doc, "inputs");
    size_t n = json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct json_object *in = json_object_array_get_idx(inputs, i);
        SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
        json_object_object_foreach(in, name, value)
            json_object_object_add(r, name, json_object_get(value));
        sl_json_put(r, "archived", json_object_new_boolean(true));
        sl_json_put_str(r, "batch_id", sl_json_str(doc, "batch_id", ""));
        sl_json_put_str(r, "run_id", sl_json_str(doc, "run_id", ""));
        rc = sl_spool_add(v->raw_inputs, sl_json_str(in, "raw_key", ""), r, err);
    }
    return rc;
}

static int read_asset(void *data, struct json_object *doc, struct sl_error *err)
{
    struct sl_verify *v = data;
    struct json_object *documents = sl_json_get(doc, "documents");
    size_t n = json_object_is_type(documents, json_type_array) ? json_object_array_length(documents) : 0;
    v->assets++;
    int rc = note_row(v, doc, err);
    if (rc == 0)
        rc = note_object(v, doc, doc, "asset", err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct json_object *d = json_object_array_get_idx(documents, i);
        rc = note_object(v, doc, d, sl_json_str(d, "kind", ""), err);
    }
    if (rc == 0 && v->options->dataset_id)
        rc = note_inputs(v, doc, err);
    sl_verify_progress(v);
    return rc;
}

int sl_verify_read_assets(struct sl_verify *v, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    if (v->options->dataset_id)
        sl_json_put_str(filter, "dataset_id", v->options->dataset_id);
    const struct sl_find all = {.collection = "assets", .filter = filter};
    return v->engine->ledger->ops->find(v->engine->ledger, &all, read_asset, v, err);
}

/* ---- repairs ---- */

static void object_meta(struct sl_meta *meta, struct json_object *r)
{
    sl_meta_add(meta, "mongodb_doc_id", sl_json_str(r, "asset_id", ""));
    sl_meta_add(meta, "run_id", sl_json_str(r, "run_id", ""));
    sl_meta_add(meta, "content_hash", sl_json_str(r, "content_hash", ""));
}

/* The object as it is, put again with the metadata that the ledger has: if its bytes are what the ledger says. */
static int fix_metadata(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                        struct sl_error *err)
{
    struct json_object *r = (struct json_object *)(uintptr_t)f->data;
    struct sl_store *store = v->engine->store;
    struct sl_object_info info;
    struct sl_meta meta = {0};
    char hex[SL_SHA256_HEX_BYTES];
    const char *hash = sl_json_str(r, "content_hash", "");
    const char *path = sl_arena_printf(arena, "%s/.verify-%s", v->engine->config->run_scratch, f->asset_id);
    (void)moved_to;
    int rc = sl_dir_make(v->engine->config->run_scratch, 0700, err);
    if (rc == 0)
        rc = sl_dir_remove(path, err);
    if (rc == 0)
        rc = sl_store_download(store, f->bucket, f->key, NULL, path, hex, &info, err);
    if (rc == 0 && (!sl_text_starts(hash, "sha256:") || strcmp(hex, hash + strlen("sha256:")) != 0))
        rc = sl_fail(err, SL_E_VERIFY_FAILED, "its content is not what the ledger says either");
    if (rc == 0) {
        object_meta(&meta, r);
        const struct sl_put_options options = {.meta = &meta,
                                               .content_type = sl_json_str(r, "media_type", NULL),
                                               .if_match = info.etag,
                                               .sha256_hex = hex};
        rc = sl_store_put_file(store, f->bucket, f->key, path, &options, NULL, err);
    }
    struct sl_error ignored;
    (void)sl_dir_remove(path, &ignored);
    return rc;
}

/* A STAC item or an ISO record is in the asset's document too: put again when its text has the hash of the lost one. */
static int fix_document(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                        struct sl_error *err)
{
    struct json_object *r = (struct json_object *)(uintptr_t)f->data;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    struct sl_meta meta = {0};
    char hex[SL_SHA256_HEX_BYTES];
    const char *hash = sl_json_str(r, "content_hash", "");
    (void)moved_to;
    int rc = v->engine->ledger->ops->get_asset(v->engine->ledger, f->asset_id, &doc, err);
    if (rc < 0)
        return rc;
    struct json_object *content = doc ? sl_json_get(doc, sl_json_str(r, "kind", "")) : NULL;
    if (!content)
        return sl_fail(err, SL_E_VERIFY_FAILED, "the ledger has no copy of it");
    const char *text = sl_lake_document_text(content, arena);
    sl_sha256_of(text, strlen(text), hex);
    if (strcmp(hex, sl_text_starts(hash, "sha256:") ? hash + strlen("sha256:") : "") != 0)
        return sl_fail(err, SL_E_VERIFY_FAILED, "the ledger's copy of it does not give the same bytes");
    object_meta(&meta, r);
    const struct sl_put_options options = {
        .meta = &meta, .content_type = sl_json_str(r, "media_type", NULL), .sha256_hex = hex};
    return sl_store_put(v->engine->store, f->bucket, f->key, text, strlen(text), &options, NULL, err);
}

/* ---- one object ---- */

/* Gone, or with other content. An asset, a part of it and its picture can only be computed again; a document beside it is in the ledger. */
static int report_content(struct sl_verify *v, struct sl_finding *f, struct json_object *r, struct sl_error *err)
{
    char replay[SL_BATCH_ID_BYTES + 64];
    const char *kind = sl_json_str(r, "kind", "");
    if (!strcmp(kind, "asset") || !strcmp(kind, "part") || !strcmp(kind, "thumbnail")) {
        snprintf(replay, sizeof replay, "sluice replay %s --into-version %lld", f->batch_id,
                 (long long)sl_json_int(r, "version", 0));
        f->repair = replay;
    } else {
        f->repair = "sluice verify --repair puts it again from the ledger";
        f->fix = fix_document;
    }
    return sl_verify_report(v, f, err);
}

static const char *wrong_metadata(const struct sl_meta *meta, struct json_object *r)
{
    const char *id = sl_meta_get(meta, "mongodb_doc_id"), *run = sl_meta_get(meta, "run_id"),
               *hash = sl_meta_get(meta, "content_hash");
    if (!id)
        return "its metadata name no ledger document";
    if (strcmp(id, sl_json_str(r, "asset_id", "")) != 0)
        return "its metadata name another ledger document";
    if (!run || strcmp(run, sl_json_str(r, "run_id", "")) != 0)
        return "its metadata name another run than the ledger";
    if (!hash || strcmp(hash, sl_json_str(r, "content_hash", "")) != 0)
        return "its metadata have another content_hash than the ledger";
    return NULL;
}

static int check_metadata(struct sl_verify *v, struct sl_finding *f, struct json_object *r, const struct sl_meta *meta,
                          struct sl_error *err)
{
    f->kind = "metadata";
    f->message = wrong_metadata(meta, r);
    f->repair = "sluice verify --repair puts the object again with the ledger's";
    f->fix = fix_metadata;
    return f->message ? sl_verify_report(v, f, err) : 0;
}

/* The strings of head live until the next one. */
static void keep_meta(struct sl_arena *arena, struct sl_meta *meta)
{
    for (size_t i = 0; i < meta->n; i++) {
        meta->pairs[i].name = sl_arena_strdup(arena, meta->pairs[i].name);
        meta->pairs[i].value = sl_arena_strdup(arena, meta->pairs[i].value);
    }
}

static int check_hash(struct sl_verify *v, struct sl_finding *f, struct json_object *r, bool *good, struct sl_error *err)
{
    char hash[72], message[160];
    const char *want = sl_json_str(r, "content_hash", "");
    int rc = sl_verify_hash(v, f->bucket, f->key, NULL, hash, err);
    *good = rc == 0 && !strcmp(hash, want);
    if (rc < 0 || *good)
        return rc;
    f->kind = "changed_object";
    snprintf(message, sizeof message, "content differs from the ledger (sha256 %.8s… expected %.8s…)",
             hash + strlen("sha256:"), sl_text_starts(want, "sha256:") ? want + strlen("sha256:") : want);
    f->message = message;
    return report_content(v, f, r, err);
}

/* listed: what the listing said, NULL: nothing yet. */
static int check_object(struct sl_verify *v, const char *key, struct json_object *r, const struct sl_object_info *listed,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_meta meta = {0};
    struct sl_object_info info;
    char message[128];
    struct sl_finding f = {.bucket = sl_json_str(r, "bucket", ""),
                           .key = key,
                           .asset_id = sl_json_str(r, "asset_id", NULL),
                           .batch_id = sl_json_str(r, "batch_id", NULL),
                           .data = r};
    int64_t want = sl_json_int(r, "size_bytes", -1);
    bool ask = !listed || !v->options->quick, good = true;
    int rc = ask ? sl_store_head(v->engine->store, f.bucket, key, &info, &meta, err) : 0;
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        f.kind = "missing_object";
        f.message = "the object is gone";
        return report_content(v, &f, r, err);
    }
    if (rc < 0)
        return rc;
    keep_meta(arena, &meta);
    int64_t size = ask ? info.size_bytes : listed->size_bytes;
    v->objects++;
    if (size != want) {
        snprintf(message, sizeof message, "has %lld bytes, the ledger says %lld", (long long)size, (long long)want);
        f.kind = "changed_object";
        f.message = message;
        return report_content(v, &f, r, err);
    }
    rc = v->options->deep ? check_hash(v, &f, r, &good, err) : 0;
    return rc < 0 || !good || !ask ? rc : check_metadata(v, &f, r, &meta, err);
}

/* ---- the other way: an object of the lake without its document ---- */

static int check_stray(struct sl_verify *v, const char *key, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_meta meta = {0};
    struct sl_object_info info;
    bool known = false, at_work = false, made = false;
    struct sl_finding f = {.bucket = v->engine->config->lake_bucket, .key = key};
    int rc = sl_lake_key_known(v->engine, key, &known, err); /* committed since? */
    if (rc < 0 || known)
        return rc;
    rc = sl_store_head(v->engine->store, f.bucket, key, &info, &meta, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    if (rc < 0)
        return rc;
    f.asset_id = sl_arena_strdup(arena, sl_meta_get(&meta, "mongodb_doc_id"));
    const char *run_id = sl_arena_strdup(arena, sl_meta_get(&meta, "run_id"));
    rc = sl_run_at_work(v->engine, run_id, &at_work, err);
    if (rc == 0)
        rc = sl_run_made(v->engine, run_id, f.asset_id, &made, err);
    if (rc < 0 || at_work)
        return rc;
    f.kind = f.asset_id ? "missing_document" : "orphan_object";
    f.message = made         ? "its run ended well, but the ledger has lost its document"
                : f.asset_id ? "the ledger document that it names does not exist"
                             : "no ledger document names it";
    if (made)
        f.repair = "restore the ledger from a backup; or replay its batch with --force for a new version";
    else
        sl_verify_orphan(v, &f, &info);
    return sl_verify_report(v, &f, err);
}

/* Everything that the ledger names before this key is gone. */
static int skip_to(struct sl_verify *v, const char *key, struct sl_error *err)
{
    for (;;) {
        const char *want;
        struct json_object *r;
        int rc = sl_spool_peek(v->lake_keys, &want, &r, err);
        if (rc < 0 || !want || (key && strcmp(want, key) >= 0))
            return rc;
        rc = check_object(v, want, r, NULL, err);
        if (rc == 0)
            rc = sl_spool_skip(v->lake_keys, err);
        if (rc < 0)
            return rc;
    }
}

static int check_listed(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct sl_verify *v = data;
    const char *want;
    struct json_object *r;
    if (sl_text_starts(entry->key, SL_ORPHANS_PREFIX) || sl_text_starts(entry->key, SL_RESERVED_PREFIX))
        return 0;
    int rc = skip_to(v, entry->key, err);
    if (rc == 0)
        rc = sl_spool_peek(v->lake_keys, &want, &r, err);
    if (rc < 0)
        return rc;
    if (!want || strcmp(want, entry->key) != 0)
        return check_stray(v, entry->key, err);
    while (rc == 0 && want && !strcmp(want, entry->key)) {
        rc = check_object(v, want, r, &entry->info, err);
        if (rc == 0)
            rc = sl_spool_skip(v->lake_keys, err);
        if (rc == 0)
            rc = sl_spool_peek(v->lake_keys, &want, &r, err);
    }
    return rc;
}

int sl_verify_lake(struct sl_verify *v, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *dataset = v->options->dataset_id;
    const char *prefix = dataset ? sl_arena_printf(arena, "%s/", dataset) : "";
    int rc = sl_spool_begin(v->lake_keys, err);
    if (rc == 0)
        rc = sl_store_list(v->engine->store, v->engine->config->lake_bucket, prefix, NULL, 0, check_listed, v, err);
    return rc < 0 ? rc : skip_to(v, NULL, err);
}

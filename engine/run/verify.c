/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: ledger, store, catalog and raw vault read against each other, both ways. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "run/run.h"
#include "store/store.h"

enum { PROBLEMS_MAX = 100000 };

struct verify {
    struct sl_engine *engine;
    const struct sl_verify_options *options;
    struct json_object *problems;
    struct json_object *asset_ids; /* id → key; "" once the catalog has it too */
    struct json_object *keys;      /* of the lake that some document names, as a set */
    int64_t assets, raw_files, bytes;
};

static int problem(struct verify *v, const char *kind, const char *bucket, const char *key, const char *asset_id,
                   const char *batch_id, const char *message, const char *repair, struct sl_error *err)
{
    if (json_object_array_length(v->problems) >= PROBLEMS_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d problems", PROBLEMS_MAX);
    struct json_object *p = json_object_new_object();
    sl_json_put_str(p, "kind", kind);
    sl_json_put_str(p, "bucket", bucket);
    sl_json_put_str(p, "key", key);
    sl_json_put_str(p, "asset_id", asset_id);
    sl_json_put_str(p, "batch_id", batch_id);
    sl_json_put_str(p, "message", message);
    sl_json_put_str(p, "repair", repair);
    json_object_array_add(v->problems, p);
    return 0;
}

static void say_progress(struct verify *v)
{
    if (v->options->progress)
        v->options->progress(v->options->progress_data, v->assets, v->raw_files, v->bytes);
}

/* One object against what the ledger says of it. want_id NULL: its metadata are not looked at. */
static int check_object(struct verify *v, const char *bucket, const char *key, int64_t size, const char *hash,
                        const char *want_id, const char *batch_id, const char *missing, const char *changed,
                        struct sl_error *err)
{
    struct sl_object_info info;
    struct sl_meta meta = {0};
    char message[512], repair[256], hex[72];
    snprintf(repair, sizeof repair, "sluice replay %s --force", batch_id);
    int rc = sl_store_head(v->engine->store, bucket, key, &info, &meta, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return problem(v, missing, bucket, key, want_id, batch_id, "the object is gone", repair, err);
    }
    if (rc < 0)
        return rc;
    const char *id = want_id ? sl_meta_get(&meta, "mongodb_doc_id") : NULL;
    bool named = !want_id || (id && !strcmp(id, want_id));
    const char *misnamed = id ? "its metadata name another ledger document" : "its metadata name no ledger document";
    if (info.size_bytes != size) {
        snprintf(message, sizeof message, "has %lld bytes, the ledger says %lld", (long long)info.size_bytes,
                 (long long)size);
        return problem(v, changed, bucket, key, want_id, batch_id, message, repair, err);
    }
    if (!v->options->deep)
        return named ? 0 : problem(v, "metadata", bucket, key, want_id, batch_id, misnamed, repair, err);
    rc = sl_store_hash(v->engine->store, bucket, key, NULL, hex, NULL, err);
    v->bytes += info.size_bytes;
    say_progress(v);
    if (rc < 0)
        return rc;
    if (strcmp(hex, hash + strlen("sha256:")) != 0) {
        snprintf(message, sizeof message, "content differs from the ledger (sha256 %.8s… expected %.8s…)", hex,
                 hash + strlen("sha256:"));
        return problem(v, changed, bucket, key, want_id, batch_id, message, repair, err);
    }
    return named ? 0 : problem(v, "metadata", bucket, key, want_id, batch_id, misnamed, repair, err);
}

static int check_asset(void *data, struct json_object *doc, struct sl_error *err)
{
    struct verify *v = data;
    const char *id = sl_json_str(doc, "_id", ""), *bucket = sl_json_str(doc, "bucket", "");
    const char *batch_id = sl_json_str(doc, "batch_id", "");
    v->assets++;
    json_object_object_add(v->asset_ids, id, json_object_new_string(sl_json_str(doc, "s3_key", "")));
    json_object_object_add(v->keys, sl_json_str(doc, "s3_key", ""), json_object_new_boolean(true));
    int rc = check_object(v, bucket, sl_json_str(doc, "s3_key", ""), sl_json_int(doc, "size_bytes", -1),
                          sl_json_str(doc, "content_hash", "sha256:"), id, batch_id, "missing_object",
                          "changed_object", err);
    struct json_object *documents = sl_json_get(doc, "documents");
    for (size_t i = 0; rc == 0 && documents && i < json_object_array_length(documents); i++) {
        struct json_object *d = json_object_array_get_idx(documents, i);
        json_object_object_add(v->keys, sl_json_str(d, "s3_key", ""), json_object_new_boolean(true));
        rc = check_object(v, bucket, sl_json_str(d, "s3_key", ""), sl_json_int(d, "size_bytes", -1),
                          sl_json_str(d, "content_hash", "sha256:"), id, batch_id, "missing_object", "changed_object",
                          err);
    }
    say_progress(v);
    return rc;
}

/* The other way: an object of the lake without its document. */
static int check_lake_object(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct verify *v = data;
    struct sl_meta meta = {0};
    struct sl_object_info info;
    const char *bucket = v->engine->config->lake_bucket;
    if (!strncmp(entry->key, "orphans/", strlen("orphans/")) || sl_json_get(v->keys, entry->key))
        return 0;
    int rc = sl_store_head(v->engine->store, bucket, entry->key, &info, &meta, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    if (rc < 0)
        return rc;
    const char *id = sl_meta_get(&meta, "mongodb_doc_id");
    char copy[64] = "";
    snprintf(copy, sizeof copy, "%s", id ? id : "");
    return problem(v, id ? "missing_document" : "orphan_object", bucket, entry->key, *copy ? copy : NULL, NULL,
                   id ? "the ledger document that it names does not exist" : "no ledger document names it",
                   "sluice gc moves it to orphans/", err);
}

static int check_raw(void *data, const struct sl_raw_file *file, struct sl_error *err)
{
    struct verify *v = data;
    v->raw_files++;
    return check_object(v, file->bucket, file->s3_key, file->size_bytes, file->content_hash, NULL, file->batch_id,
                        "raw_missing", "raw_changed", err);
}

static int check_catalog_row(void *data, const struct sl_catalog_asset *asset, struct sl_error *err)
{
    struct verify *v = data;
    const char *key = json_object_get_string(sl_json_get(v->asset_ids, asset->id));
    if (key)
        json_object_object_add(v->asset_ids, asset->id, json_object_new_string("")); /* both know it */
    else
        return problem(v, "catalog", asset->bucket, asset->s3_key, asset->id, asset->batch_id,
                       "the catalog has a row that the ledger does not know", "sluice gc removes it", err);
    return 0;
}

static int check_catalog_gaps(struct verify *v, struct sl_error *err)
{
    int rc = 0;
    json_object_object_foreach(v->asset_ids, id, key)
    {
        const char *text = json_object_get_string(key);
        if (rc == 0 && *text)
            rc = problem(v, "catalog", v->engine->config->lake_bucket, text, id, NULL,
                         "the catalog has no row for this asset", NULL, err);
    }
    return rc;
}

int sl_verify(struct sl_engine *e, const struct sl_verify_options *options, struct json_object **report,
              struct sl_error *err)
{
    struct verify v = {.engine = e, .options = options};
    int64_t began = sl_clock_mono_ns();
    v.problems = json_object_new_array();
    v.asset_ids = json_object_new_object();
    v.keys = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    if (options->dataset_id)
        sl_json_put_str(filter, "dataset_id", options->dataset_id);
    const struct sl_find all = {.collection = "assets", .filter = filter, .sort = "created_at:1"};
    int rc = e->ledger->ops->find(e->ledger, &all, check_asset, &v, err);
    if (rc == 0 && !options->dataset_id)
        rc = sl_store_list(e->store, e->config->lake_bucket, "", NULL, 0, check_lake_object, &v, err);
    if (rc == 0 && !options->dataset_id)
        rc = sl_catalog_list_assets(e->catalog, check_catalog_row, &v, err);
    if (rc == 0 && !options->dataset_id)
        rc = check_catalog_gaps(&v, err);
    if (rc == 0 && !options->dataset_id)
        rc = sl_catalog_list_raw_files(e->catalog, NULL, check_raw, &v, err);
    json_object_put(v.asset_ids);
    json_object_put(v.keys);
    if (rc < 0) {
        json_object_put(v.problems);
        return rc;
    }
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "assets", v.assets);
    sl_json_put_int(o, "raw_files", v.raw_files);
    sl_json_put_int(o, "bytes", v.bytes);
    sl_json_put(o, "deep", json_object_new_boolean(options->deep));
    sl_json_put_int(o, "duration_ns", sl_clock_mono_ns() - began);
    sl_json_put(o, "problems", v.problems);
    *report = o;
    return 0;
}

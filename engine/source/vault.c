/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/sha256.h"
#include "lake/lake.h"
#include "source/internal.h"
#include "store/store.h"

const char *sl_vault__key(struct sl_window *w, const char *id, const char *ext)
{
    return sl_raw_key(w->arena, w->spec->name, w->spec->dataset, w->date, id, ext);
}

static int put(struct sl_window *w, const struct sl_vault_file *f, const char *hex, struct sl_error *err)
{
    const char *bucket = w->ports->config->raw_bucket;
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "run_id", w->run.id);
    sl_meta_add(&meta, "raw_file_id", f->id);
    sl_meta_add(&meta, "content_hash", f->content_hash);
    const struct sl_put_options options = {.meta = &meta, .if_absent = true, .sha256_hex = hex, .hashed_here = true};
    int rc = f->path ? sl_store_put_file(w->ports->store, bucket, f->key, f->path, &options, NULL, err)
                     : sl_store_put(w->ports->store, bucket, f->key, f->bytes, f->n, &options, NULL, err);
    if (rc != -SL_E_STORE_PRECONDITION)
        return rc;
    char there[SL_SHA256_HEX_BYTES];
    sl_error_clear(err);
    rc = sl_store_hash(w->ports->store, bucket, f->key, NULL, there, NULL, err);
    if (rc == 0 && strcmp(there, hex) != 0)
        rc = sl_fail(err, SL_E_FILE_CHANGED, "%s/%s is there with other content", bucket, f->key);
    return rc;
}

int sl_vault__put(struct sl_window *w, struct sl_vault_file *f, struct sl_error *err)
{
    char hex[SL_SHA256_HEX_BYTES];
    int rc = 0;
    f->size_bytes = (int64_t)f->n;
    if (f->path)
        rc = sl_sha256_file(f->path, hex, &f->size_bytes, err);
    else
        sl_sha256_of(f->bytes, f->n, hex);
    if (rc < 0)
        return rc;
    snprintf(f->content_hash, sizeof f->content_hash, "sha256:%s", hex);
    rc = put(w, f, hex, err);
    const struct sl_raw_file row = {.id = f->id,
                                    .source = sl_dataset_id_from(w->arena, w->spec->name),
                                    .dataset = w->spec->dataset,
                                    .date = w->date,
                                    .s3_key = f->key,
                                    .bucket = w->ports->config->raw_bucket,
                                    .content_hash = f->content_hash,
                                    .size_bytes = f->size_bytes,
                                    .batch_id = sl_window__batch_id(w),
                                    .run_id = w->run.id,
                                    .role = f->role};
    return rc < 0 ? rc : sl_catalog_put_raw_file(w->ports->catalog, &row, err);
}

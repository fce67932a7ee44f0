/* SPDX-License-Identifier: Apache-2.0 */
/* A replay into a version that exists: its object is put again when the bytes are those that the ledger has. */
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "base/text.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/orphan.h"
#include "run/parts.h"
#include "store/store.h"

struct place {
    const char *bucket, *key, *hex;
};

/* What lies there that is not it goes to orphans/: somebody may want to know what it was. */
static int make_room(struct sl_batch *b, const struct place *p, bool *intact, struct sl_error *err)
{
    struct sl_object_info info;
    char there[SL_SHA256_HEX_BYTES];
    *intact = false;
    int rc = sl_store_hash(b->engine->store, p->bucket, p->key, NULL, there, &info, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    *intact = rc == 0 && !strcmp(there, p->hex);
    return rc < 0 || *intact ? rc : sl_orphan_move(b->engine, p->bucket, p->key, info.etag, b->arena, NULL, err);
}

static int tell(struct sl_batch *b, const struct sl_planned_asset *a, const struct place *p, struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES], at[SL_ISO8601_BYTES];
    SL_CLEANUP(sl_json_putp) struct json_object *event = json_object_new_object();
    sl_uuid7(id);
    sl_json_put_str(event, "_id", id);
    sl_json_put_str(event, "at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    sl_json_put_str(event, "event", "repair");
    sl_json_put_str(event, "kind", "restored_object");
    sl_json_put_str(event, "bucket", p->bucket);
    sl_json_put_str(event, "s3_key", p->key);
    sl_json_put_str(event, "asset_id", sl_json_str(a->before, "_id", NULL));
    sl_json_put_str(event, "batch_id", b->lease.batch_id);
    sl_json_put_str(event, "run_id", b->run_id);
    sl_json_put_str(event, "message", "the object was computed again from the raw files");
    return b->engine->ledger->ops->add_event(b->engine->ledger, event, err);
}

/* One object, from a file with its bytes; *intact: it was there. */
static int restore(struct sl_batch *b, const struct sl_planned_asset *a, const struct place *p, const char *media_type,
                   const char *path, bool *intact, struct sl_error *err)
{
    int rc = sl_batch_mine(b, err);
    if (rc == 0)
        rc = make_room(b, p, intact, err);
    if (rc < 0 || *intact)
        return rc;
    struct sl_meta meta = {0};
    sl_meta_add(&meta, "mongodb_doc_id", sl_json_str(a->before, "_id", ""));
    sl_meta_add(&meta, "run_id", sl_json_str(a->before, "run_id", ""));
    sl_meta_add(&meta, "content_hash", sl_arena_printf(b->arena, "sha256:%s", p->hex));
    const struct sl_put_options options = {
        .meta = &meta, .content_type = media_type, .if_absent = true, .sha256_hex = p->hex};
    rc = sl_store_put_file(b->engine->store, p->bucket, p->key, path, &options, NULL, err);
    return rc < 0 ? rc : tell(b, a, p, err);
}

static bool has_hash(struct json_object *o, const char *hex)
{
    const char *hash = sl_json_str(o, "content_hash", "");
    return sl_text_starts(hash, "sha256:") && !strcmp(hash + strlen("sha256:"), hex);
}

/* The picture beside it, when it came out as it was. */
static int restore_thumbnail(struct sl_batch *b, const struct sl_planned_asset *a, bool *intact, struct sl_error *err)
{
    struct json_object *documents = sl_json_get(a->before, "documents");
    size_t n = json_object_is_type(documents, json_type_array) ? json_object_array_length(documents) : 0;
    for (size_t i = 0; a->thumbnail_path && i < n; i++) {
        struct json_object *o = json_object_array_get_idx(documents, i);
        if (strcmp(sl_json_str(o, "kind", ""), "thumbnail") != 0 || !has_hash(o, a->thumbnail_sha256))
            continue;
        const struct place p = {.bucket = sl_json_str(a->before, "bucket", ""),
                                .key = sl_json_str(o, "s3_key", ""),
                                .hex = a->thumbnail_sha256};
        return restore(b, a, &p, sl_json_str(o, "media_type", NULL), a->thumbnail_path, intact, err);
    }
    *intact = true;
    return 0;
}

/* The index has their hashes and is as it was: so are they. */
static int restore_parts(struct sl_batch *b, const struct sl_planned_asset *a, bool *intact, struct sl_error *err)
{
    const char *dataset = sl_json_str(a->before, "dataset_id", ""), *bucket = sl_json_str(a->before, "bucket", "");
    int rc = 0;
    *intact = true;
    for (size_t i = 0; rc == 0 && a->parts && i < a->parts->n; i++) {
        const struct sl_lake_part *part = &a->parts->items[i];
        const struct place p = {.bucket = bucket,
                                .key = sl_part_key(b->arena, dataset, sl_json_int(a->before, "version", 0), part),
                                .hex = part->sha256_hex};
        bool was_there = false;
        rc = restore(b, a, &p, a->parts->media_type, part->path, &was_there, err);
        *intact = *intact && was_there;
    }
    return rc;
}

int sl_batch_restore(struct sl_batch *b, struct sl_planned_asset *a, struct sl_error *err)
{
    bool intact = false, picture_intact = false, parts_intact = false;
    if (!a->before)
        return 0;
    const struct place p = {.bucket = sl_json_str(a->before, "bucket", ""),
                            .key = sl_json_str(a->before, "s3_key", ""),
                            .hex = a->sha256_hex};
    if (!has_hash(a->before, a->sha256_hex)) {
        a->restored = "differs";
        return 0;
    }
    int rc = restore(b, a, &p, sl_json_str(a->before, "media_type", NULL), a->local_path, &intact, err);
    if (rc == 0)
        rc = restore_parts(b, a, &parts_intact, err);
    if (rc == 0)
        rc = restore_thumbnail(b, a, &picture_intact, err);
    if (rc == 0)
        a->restored = intact && parts_intact && picture_intact ? "intact" : "restored";
    return rc;
}

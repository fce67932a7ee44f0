/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: batches, whether they have what they succeeded with, and where their manifests lie. */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"
#include "json/json.h"
#include "run/manifest_place.h"
#include "run/orphan.h"
#include "run/verify.h"
#include "store/store.h"

enum { GROUP_MAX = 64, MANIFEST_MAX_BYTES = 4 * 1024 * 1024 };

static const char *const prefixes[] = {SL_ARCHIVE_PREFIX, SL_MANIFESTS_PREFIX, SL_QUARANTINE_PREFIX};

/* What follows the prefix; the key itself when it has none of them. */
static const char *name_of(const char *key)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (sl_text_starts(key, prefixes[i]))
            return key + strlen(prefixes[i]);
    return key;
}

static int read_batch(void *data, struct json_object *doc, struct sl_error *err)
{
    struct sl_verify *v = data;
    SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
    const char *key = sl_json_str(doc, "manifest_key", ""), *run_id = sl_json_str(doc, "run_id", NULL);
    v->batches++;
    sl_json_put_str(r, "batch_id", sl_json_str(doc, "batch_id", ""));
    sl_json_put_str(r, "key", key);
    int rc = sl_spool_add(v->batch_names, name_of(key), r, err);
    if (rc == 0 && run_id && !strcmp(sl_json_str(doc, "status", ""), "succeeded"))
        rc = sl_spool_add(v->batch_runs, run_id, r, err);
    return rc;
}

int sl_verify_read_batches(struct sl_verify *v, struct sl_error *err)
{
    const struct sl_find all = {.collection = "manifests"};
    return v->engine->ledger->ops->find(v->engine->ledger, &all, read_batch, v, err);
}

/* ---- succeeded with what? ---- */

static int report_run(struct sl_verify *v, const char *batch_id, const char *message, struct sl_error *err)
{
    const struct sl_finding f = {.kind = "run",
                                 .batch_id = batch_id,
                                 .message = message,
                                 .repair = "restore the ledger from a backup"};
    return sl_verify_report(v, &f, err);
}

static int note_made(struct sl_verify *v, struct json_object *batch, struct json_object *run, struct sl_error *err)
{
    struct json_object *ids = sl_json_get(run, "assets");
    size_t n = json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = sl_spool_add(v->made_ids, json_object_get_string(json_object_array_get_idx(ids, i)), batch, err);
    return rc;
}

/* Moves a spool to the first key that is not before this one; *doc NULL: it has no such key. */
static int look_up(struct sl_spool *spool, const char *key, struct json_object **doc, struct sl_error *err)
{
    for (;;) {
        const char *at;
        int rc = sl_spool_peek(spool, &at, doc, err);
        if (rc < 0)
            return rc;
        if (!at || strcmp(at, key) >= 0) {
            if (at && strcmp(at, key) > 0)
                *doc = NULL;
            return 0;
        }
        rc = sl_spool_skip(spool, err);
        if (rc < 0)
            return rc;
    }
}

/* A batch reopened meanwhile has begun another run. */
static int check_run(struct sl_verify *v, const char *run_id, struct json_object *batch, struct json_object *run,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *now = NULL;
    const char *batch_id = sl_json_str(batch, "batch_id", "");
    if (run && !strcmp(sl_json_str(run, "status", ""), "succeeded"))
        return note_made(v, batch, run, err);
    int rc = v->engine->ledger->ops->get_batch(v->engine->ledger, batch_id, &now, err);
    if (rc < 0 || !now || strcmp(sl_json_str(now, "status", ""), "succeeded") != 0 ||
        strcmp(sl_json_str(now, "run_id", ""), run_id) != 0)
        return rc;
    return report_run(v, batch_id,
                      run ? "the batch succeeded, but its run did not" : "the batch succeeded, but its run is unknown",
                      err);
}

static int check_runs(struct sl_verify *v, struct sl_error *err)
{
    int rc = sl_spool_begin(v->batch_runs, err);
    if (rc == 0)
        rc = sl_spool_begin(v->runs, err);
    while (rc == 0) {
        const char *run_id;
        struct json_object *batch, *run = NULL;
        rc = sl_spool_peek(v->batch_runs, &run_id, &batch, err);
        if (rc < 0 || !run_id)
            return rc;
        rc = look_up(v->runs, run_id, &run, err);
        if (rc == 0)
            rc = check_run(v, run_id, batch, run, err);
        if (rc == 0)
            rc = sl_spool_skip(v->batch_runs, err);
    }
    return rc;
}

static int check_made(struct sl_verify *v, const char *asset_id, struct json_object *batch, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    char repair[SL_BATCH_ID_BYTES + 96];
    const char *batch_id = sl_json_str(batch, "batch_id", "");
    int rc = v->engine->ledger->ops->get_asset(v->engine->ledger, asset_id, &doc, err);
    if (rc < 0 || doc)
        return rc;
    snprintf(repair, sizeof repair, "restore the ledger from a backup; or sluice replay %s --force", batch_id);
    const struct sl_finding f = {.kind = "missing_document",
                                 .asset_id = asset_id,
                                 .batch_id = batch_id,
                                 .message = "the batch succeeded with an asset whose document is gone",
                                 .repair = repair};
    return sl_verify_report(v, &f, err);
}

static int check_assets(struct sl_verify *v, struct sl_error *err)
{
    int rc = sl_spool_begin(v->made_ids, err);
    if (rc == 0)
        rc = sl_spool_begin(v->asset_ids, err);
    while (rc == 0) {
        const char *asset_id;
        struct json_object *batch, *asset = NULL;
        rc = sl_spool_peek(v->made_ids, &asset_id, &batch, err);
        if (rc < 0 || !asset_id)
            return rc;
        rc = look_up(v->asset_ids, asset_id, &asset, err);
        if (rc == 0 && !asset)
            rc = check_made(v, asset_id, batch, err);
        if (rc == 0)
            rc = sl_spool_skip(v->made_ids, err);
    }
    return rc;
}

/* ---- manifests ---- */

/* All batches and all objects of one manifest's name. */
struct group {
    const char *name;
    struct json_object *batches[GROUP_MAX], *objects[GROUP_MAX];
    size_t n_batches, n_objects;
};

static int read_manifest(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct sl_spool *spool = data;
    SL_CLEANUP(sl_json_putp) struct json_object *r = json_object_new_object();
    sl_json_put_str(r, "key", entry->key);
    return sl_spool_add(spool, name_of(entry->key), r, err);
}

static bool claimed(const struct group *g, const char *key)
{
    for (size_t i = 0; i < g->n_batches; i++)
        if (!strcmp(sl_json_str(g->batches[i], "key", ""), key))
            return true;
    return false;
}

/* The ledger has the hash of a manifest's canonical text, or of its bytes where they could not be read as a manifest. */
static int has_content(struct sl_verify *v, const char *key, const char *content_hash, bool *has, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text, canonical;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    char raw[SL_SHA256_HEX_BYTES], read[SL_SHA256_HEX_BYTES] = "";
    struct sl_error ignored;
    sl_buf_init(&text, MANIFEST_MAX_BYTES);
    sl_buf_init(&canonical, MANIFEST_MAX_BYTES);
    int rc = sl_store_read(v->engine->store, v->engine->config->landing_bucket, key, &text, NULL, err);
    if (rc == -SL_E_LIMIT) {
        sl_error_clear(err);
        *has = false;
        return 0;
    }
    if (rc < 0)
        return rc;
    sl_sha256_of(text.data, text.len, raw);
    if (sl_json_parse(key, text.data, text.len, &sl_json_limits_small, &doc, &ignored) == 0) {
        sl_json_canonical(doc->root, &canonical);
        sl_sha256_of(canonical.data, canonical.len, read);
    }
    const char *want = sl_text_starts(content_hash, "sha256:") ? content_hash + strlen("sha256:") : content_hash;
    *has = !strcmp(raw, want) || !strcmp(read, want);
    return 0;
}

static int fix_place(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                     struct sl_error *err)
{
    const char *bucket = f->bucket, *from = f->data;
    const struct sl_put_options options = {.if_absent = true};
    int rc = sl_store_copy(v->engine->store, bucket, from, bucket, f->key, &options, NULL, err);
    if (rc == 0)
        rc = sl_store_remove(v->engine->store, bucket, from, err);
    if (rc == 0)
        *moved_to = sl_arena_strdup(arena, f->key);
    return rc;
}

/* The ledger has what the manifest said; its text may have had other white space. */
static int fix_text(struct sl_verify *v, const struct sl_finding *f, struct sl_arena *arena, const char **moved_to,
                    struct sl_error *err)
{
    struct json_object *batch = (struct json_object *)(uintptr_t)f->data;
    SL_CLEANUP(sl_buf_free) struct sl_buf canonical;
    char hash[72] = "sha256:";
    (void)arena, (void)moved_to;
    sl_buf_init(&canonical, MANIFEST_MAX_BYTES);
    sl_json_canonical(sl_json_get(batch, "manifest"), &canonical);
    int rc = sl_buf_check(&canonical, f->key, err);
    if (rc < 0)
        return rc;
    sl_sha256_of(canonical.data, canonical.len, hash + strlen("sha256:"));
    if (strcmp(hash, sl_json_str(batch, "content_hash", "")) != 0)
        return sl_fail(err, SL_E_VERIFY_FAILED, "the ledger's copy of it has another hash");
    const struct sl_put_options options = {.if_absent = true, .content_type = "application/json"};
    return sl_store_put(v->engine->store, f->bucket, f->key, canonical.data, canonical.len, &options, NULL, err);
}

/* One of the same name elsewhere, that no other batch has and that is this batch's by its content. */
static int find_elsewhere(struct sl_verify *v, const struct group *g, const char *content_hash, const char **out,
                          struct sl_error *err)
{
    int rc = 0;
    *out = NULL;
    for (size_t i = 0; rc == 0 && !*out && i < g->n_objects; i++) {
        bool has = false;
        const char *key = sl_json_str(g->objects[i], "key", "");
        if (claimed(g, key))
            continue;
        rc = has_content(v, key, content_hash, &has, err);
        if (rc == 0 && has)
            *out = key;
        if (rc == -SL_E_STORE_NOT_FOUND) {
            sl_error_clear(err);
            rc = 0;
        }
    }
    return rc;
}

static int report_lost(struct sl_verify *v, const struct group *g, struct json_object *batch, struct sl_error *err)
{
    char message[SL_KEY_MAX_BYTES + 64];
    const char *elsewhere;
    struct sl_finding f = {.kind = "manifest",
                           .bucket = v->engine->config->landing_bucket,
                           .key = sl_json_str(batch, "manifest_key", ""),
                           .batch_id = sl_json_str(batch, "batch_id", NULL)};
    int rc = find_elsewhere(v, g, sl_json_str(batch, "content_hash", ""), &elsewhere, err);
    if (rc < 0)
        return rc;
    if (elsewhere) {
        snprintf(message, sizeof message, "the manifest is not where the ledger says, but at %s", elsewhere);
        f.message = message;
        f.repair = "sluice verify --repair moves it there";
        f.fix = fix_place;
        f.data = elsewhere;
    } else {
        f.message = "the manifest is gone";
        bool kept = json_object_is_type(sl_json_get(batch, "manifest"), json_type_object);
        f.repair = kept ? "sluice verify --repair puts it again from the ledger" : NULL;
        f.fix = kept ? fix_text : NULL;
        f.data = batch;
    }
    return sl_verify_report(v, &f, err);
}

/* Asked for again: others move manifests while this looks. */
static int check_place(struct sl_verify *v, const struct group *g, struct json_object *r, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL;
    struct sl_object_info info;
    const char *key = sl_json_str(r, "key", "");
    for (size_t i = 0; i < g->n_objects; i++)
        if (!strcmp(sl_json_str(g->objects[i], "key", ""), key))
            return 0;
    int rc = v->engine->ledger->ops->get_batch(v->engine->ledger, sl_json_str(r, "batch_id", ""), &batch, err);
    if (rc < 0 || !batch)
        return rc;
    rc = sl_store_head(v->engine->store, v->engine->config->landing_bucket, sl_json_str(batch, "manifest_key", ""),
                       &info, NULL, err);
    if (rc != -SL_E_STORE_NOT_FOUND)
        return rc;
    sl_error_clear(err);
    return report_lost(v, g, batch, err);
}

/* The same manifest in archive/ and in quarantine/, only one of which the ledger names. */
static int check_twice(struct sl_verify *v, const struct group *g, const char *key, struct sl_error *err)
{
    char mine[SL_SHA256_HEX_BYTES], other[SL_SHA256_HEX_BYTES], message[SL_KEY_MAX_BYTES + 64];
    struct sl_object_info info;
    struct sl_store *store = v->engine->store;
    const char *bucket = v->engine->config->landing_bucket;
    if (claimed(g, key) || sl_text_starts(key, SL_MANIFESTS_PREFIX))
        return 0;
    for (size_t i = 0; i < g->n_objects; i++) {
        const char *there = sl_json_str(g->objects[i], "key", "");
        if (!strcmp(there, key) || !claimed(g, there) || sl_text_starts(there, SL_MANIFESTS_PREFIX))
            continue;
        int rc = sl_store_hash(store, bucket, key, NULL, mine, &info, err);
        if (rc == 0)
            rc = sl_store_hash(store, bucket, there, NULL, other, NULL, err);
        if (rc == -SL_E_STORE_NOT_FOUND) {
            sl_error_clear(err);
            return 0;
        }
        if (rc < 0 || strcmp(mine, other) != 0)
            return rc;
        snprintf(message, sizeof message, "the manifest is also at %s, where the ledger says it is", there);
        const struct sl_finding f = {.kind = "manifest",
                                     .bucket = bucket,
                                     .key = key,
                                     .message = message,
                                     .repair = "sluice verify --repair moves this one to " SL_ORPHANS_PREFIX,
                                     .fix = sl_verify_move_aside,
                                     .data = info.etag};
        return sl_verify_report(v, &f, err);
    }
    return 0;
}

static int check_group(struct sl_verify *v, const struct group *g, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < g->n_batches; i++)
        rc = check_place(v, g, g->batches[i], err);
    for (size_t i = 0; rc == 0 && i < g->n_objects; i++)
        rc = check_twice(v, g, sl_json_str(g->objects[i], "key", ""), err);
    return rc;
}

/* Records of the name go into list; what is beyond the most is left out: nobody has so many of one name. */
static int gather(struct sl_spool *spool, const char *name, struct json_object **list, size_t *n, struct sl_error *err)
{
    for (;;) {
        const char *at;
        struct json_object *r;
        int rc = sl_spool_peek(spool, &at, &r, err);
        if (rc < 0 || !at || strcmp(at, name) != 0)
            return rc;
        if (*n < GROUP_MAX)
            list[(*n)++] = json_object_get(r);
        rc = sl_spool_skip(spool, err);
        if (rc < 0)
            return rc;
    }
}

static int check_name(struct sl_verify *v, struct sl_spool *objects, const char *name, struct sl_error *err)
{
    struct group g = {.name = name};
    int rc = gather(v->batch_names, name, g.batches, &g.n_batches, err);
    if (rc == 0)
        rc = gather(objects, name, g.objects, &g.n_objects, err);
    if (rc == 0)
        rc = check_group(v, &g, err);
    for (size_t i = 0; i < g.n_batches; i++)
        json_object_put(g.batches[i]);
    for (size_t i = 0; i < g.n_objects; i++)
        json_object_put(g.objects[i]);
    return rc;
}

static int check_manifests(struct sl_verify *v, struct sl_error *err)
{
    SL_CLEANUP(sl_spool_freep) struct sl_spool *objects = sl_spool_new(v->engine->config->run_scratch);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof prefixes / sizeof *prefixes; i++)
        rc = sl_store_list(v->engine->store, v->engine->config->landing_bucket, prefixes[i], NULL, 0, read_manifest,
                           objects, err);
    if (rc == 0)
        rc = sl_spool_begin(objects, err);
    if (rc == 0)
        rc = sl_spool_begin(v->batch_names, err);
    while (rc == 0) {
        SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
        const char *name;
        struct json_object *r;
        rc = sl_spool_peek(v->batch_names, &name, &r, err);
        if (rc < 0 || !name)
            return rc;
        name = sl_arena_strdup(arena, name);
        struct json_object *ignored;
        rc = look_up(objects, name, &ignored, err);
        if (rc == 0)
            rc = check_name(v, objects, name, err);
    }
    return rc;
}

int sl_verify_batches(struct sl_verify *v, struct sl_error *err)
{
    int rc = check_runs(v, err);
    if (rc == 0)
        rc = check_assets(v, err);
    return rc < 0 ? rc : check_manifests(v, err);
}

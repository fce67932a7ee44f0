/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit. What is to be entered is first laid down in "work", and the places that its assets take are marked in
 * "lookups"; then one insert decides (decide.c); then assets, run and batch are entered, by this one or by whoever
 * finds the decision. A mark whose asset is not there, and is in no decided commit, counts for nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/uuid7.h"
#include "ledger/mongo/mongo.h"

static const struct sl_json_limits limits = {.max_bytes = 64u << 20, .max_depth = 220, .max_values = 8000000};

/* ---- the marks ---- */

static const char *object_mark(struct sl_arena *a, struct json_object *asset)
{
    return sl_arena_printf(a, "object:%s/%s", sl_json_str(asset, "bucket", ""), sl_json_str(asset, "s3_key", ""));
}

static const char *version_mark(struct sl_arena *a, struct json_object *asset)
{
    return sl_arena_printf(a, "version:%s/v%lld", sl_json_str(asset, "dataset_id", ""),
                           (long long)sl_json_int(asset, "version", 0));
}

static const char *fingerprint_mark(struct sl_arena *a, struct json_object *asset)
{
    const char *f = sl_json_str(asset, "fingerprint", NULL);
    return f ? sl_arena_printf(a, "fingerprint:%s", f) : NULL;
}

static bson_t *mark(const char *id, struct json_object *asset)
{
    return BCON_NEW("_id", BCON_UTF8(id), "asset_id", BCON_UTF8(sl_json_str(asset, "_id", "")), "batch_id",
                    BCON_UTF8(sl_json_str(asset, "batch_id", "")));
}

static int insert_marks(struct sl_ledger_mongo *l, struct json_object *const *assets, size_t n, int *there,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    bson_t **docs = sl_arena_array(a, 3 * n + 1, sizeof *docs);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const char *fingerprint = fingerprint_mark(a, assets[i]);
        docs[k++] = mark(object_mark(a, assets[i]), assets[i]);
        docs[k++] = mark(version_mark(a, assets[i]), assets[i]);
        if (fingerprint)
            docs[k++] = mark(fingerprint, assets[i]);
    }
    int rc = k ? sl_ledger_mongo__insert_all(l, "lookups", docs, k, there, err) : 0;
    for (size_t i = 0; i < k; i++)
        bson_destroy(docs[i]);
    return rc;
}

/* Whether the asset of a mark is there, after what is decided has been entered. */
static int asset_of_mark(struct sl_ledger_mongo *l, struct json_object *lookup, bool *there, struct sl_error *err)
{
    const char *asset_id = sl_json_str(lookup, "asset_id", "");
    SL_CLEANUP(sl_json_putp) struct json_object *asset = NULL, *doc = NULL, *again = NULL;
    int rc = sl_ledger_mongo__get(l, "assets", asset_id, &asset, err);
    if (rc == 0 && !asset)
        rc = sl_ledger_mongo__load(l, sl_json_str(lookup, "batch_id", ""), &doc, err);
    if (rc == 0 && !asset)
        rc = sl_ledger_mongo__get(l, "assets", asset_id, &again, err);
    *there = asset || again;
    return rc;
}

/* The mark becomes this asset's, unless another asset stands behind it. */
static int take_mark(struct sl_ledger_mongo *l, const char *id, struct json_object *asset, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *lookup = NULL;
    bool there = false;
    int rc = sl_ledger_mongo__get(l, "lookups", id, &lookup, err);
    if (rc == 0 && lookup)
        rc = asset_of_mark(l, lookup, &there, err);
    if (rc < 0)
        return rc;
    if (there)
        return sl_fail(err, SL_E_LEDGER_CONFLICT, "the ledger has such a document already: %s", id);
    if (lookup && !strcmp(sl_json_str(lookup, "asset_id", ""), sl_json_str(asset, "_id", "-")))
        return 0;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = BCON_NEW("asset_id", BCON_UTF8(sl_json_str(asset, "_id", "")),
                                                            "batch_id", BCON_UTF8(sl_json_str(asset, "batch_id", "")));
    return sl_ledger_mongo__set(l, "lookups", id, NULL, b, true, NULL, err);
}

/* *repoint: a fingerprint was there, and is to name the newer asset once that is committed. */
static int take_places(struct sl_ledger_mongo *l, struct json_object *const *assets, size_t n, bool *repoint,
                       struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    int there = 0;
    int rc = insert_marks(l, assets, n, &there, err);
    *repoint = there > 0;
    for (size_t i = 0; rc == 0 && there && i < n; i++) {
        rc = take_mark(l, object_mark(a, assets[i]), assets[i], err);
        if (rc == 0)
            rc = take_mark(l, version_mark(a, assets[i]), assets[i], err);
    }
    return rc;
}

/* ---- before the decision ---- */

static int check_assets(struct sl_ledger_mongo *l, const struct sl_lease *lease, struct json_object *const *assets,
                        size_t n, struct sl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
        if (strcmp(sl_json_str(assets[i], "batch_id", ""), lease->batch_id) != 0)
            return sl_fail(err, SL_E_LEDGER_DOCUMENT, "an asset of batch %s was to be committed by batch %s",
                           sl_json_str(assets[i], "batch_id", "?"), lease->batch_id);
        int rc = sl_ledger_mongo__checked(l, "assets", assets[i], &b, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_run(struct sl_ledger_mongo *l, const struct sl_lease *lease, const char *run_id, struct json_object *changes,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL, *after = NULL;
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = NULL;
    if (l->run && !strcmp(sl_json_str(l->run, "_id", ""), run_id))
        run = json_object_get(l->run);
    int rc = run ? 0 : sl_ledger_mongo__get(l, "runs", run_id, &run, err);
    if (rc < 0)
        return rc;
    if (!run || strcmp(sl_json_str(run, "batch_id", ""), lease->batch_id) != 0)
        return sl_fail(err, SL_E_LEDGER_NOT_FOUND, "batch %s has no run %s", lease->batch_id, run_id);
    after = sl_ledger_merge(run, changes);
    return sl_ledger_mongo__checked(l, "runs", after, &b, err);
}

static int lay_down(struct sl_ledger_mongo *l, const struct sl_lease *lease, const char *id, struct json_object *body,
                    struct sl_error *err)
{
    const char *text = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);
    if (strlen(text) > SL_LEDGER_MAX_DOCUMENT_BYTES) {
        int rc = sl_fail(err, SL_E_LIMIT, "the commit of batch %s has %zu bytes, the ledger takes %d", lease->batch_id,
                         strlen(text), SL_LEDGER_MAX_DOCUMENT_BYTES);
        sl_error_hint(err, "split the batch into smaller ones");
        return rc;
    }
    SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b =
        BCON_NEW("_id", BCON_UTF8(id), "batch_id", BCON_UTF8(lease->batch_id), "body", BCON_UTF8(text));
    bool there = false;
    return sl_ledger_mongo__insert(l, "work", b, &there, NULL, err);
}

static struct json_object *body_of(const char *run_id, struct json_object *const *assets, size_t n,
                                   struct json_object *run, bool repoint)
{
    struct json_object *body = json_object_new_object(), *list = json_object_new_array();
    for (size_t i = 0; i < n; i++)
        json_object_array_add(list, json_object_get(assets[i]));
    sl_json_put_str(body, "run_id", run_id);
    sl_json_put(body, "run", json_object_get(run));
    sl_json_put(body, "assets", list);
    sl_json_put(body, "repoint", json_object_new_boolean(repoint));
    return body;
}

/* ---- after the decision ---- */

static int enter_assets(struct sl_ledger_mongo *l, struct json_object *list, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    size_t n = json_object_array_length(list), made = 0;
    bson_t **docs = sl_arena_array(a, n + 1, sizeof *docs);
    int rc = 0, there = 0;
    for (; rc == 0 && made < n; made += rc == 0)
        rc = sl_ledger_mongo__encode(l, "assets", json_object_array_get_idx(list, made), &docs[made], err);
    if (rc == 0 && n)
        rc = sl_ledger_mongo__insert_all(l, "assets", docs, n, &there, err);
    for (size_t i = 0; i < made; i++)
        bson_destroy(docs[i]);
    return rc;
}

/* run: that of the run's end, NULL when there is none. */
static int enter_events(struct sl_ledger_mongo *l, struct json_object *list, struct json_object *run, const char *now,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    size_t n = json_object_array_length(list);
    struct json_object **events = sl_arena_array(a, n + 1, sizeof *events);
    for (size_t i = 0; i < n; i++)
        events[i] = sl_ledger_event_asset(json_object_array_get_idx(list, i), now);
    events[n] = run;
    int rc = n || run ? sl_ledger_mongo__events(l, events, n + (run ? 1 : 0), err) : 0;
    for (size_t i = 0; i < n; i++)
        json_object_put(events[i]);
    return rc;
}

/* Where the next version of its dataset is looked for, and what its fingerprint stands for. */
static int lead_to(struct sl_ledger_mongo *l, struct json_object *asset, bool repoint, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *a = sl_arena_new();
    SL_CLEANUP(sl_json_putp) struct json_object *hint = NULL;
    const char *dataset = sl_arena_printf(a, "dataset:%s", sl_json_str(asset, "dataset_id", ""));
    const char *fingerprint = fingerprint_mark(a, asset);
    int64_t version = sl_json_int(asset, "version", 0);
    int rc = 0;
    /* The first needs none: looking begins there. */
    if (version > 1 && (rc = sl_ledger_mongo__get(l, "lookups", dataset, &hint, err)) == 0 &&
        sl_json_int(hint, "version", 0) < version) {
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = BCON_NEW("version", BCON_INT64(version));
        rc = sl_ledger_mongo__set(l, "lookups", dataset, NULL, b, true, NULL, err);
    }
    if (rc == 0 && repoint && fingerprint) {
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *b = mark(fingerprint, asset);
        SL_CLEANUP(sl_ledger_mongo__bsonp) bson_t *members = bson_new();
        bson_copy_to_excluding_noinit(b, members, "_id", NULL);
        rc = sl_ledger_mongo__set(l, "lookups", fingerprint, NULL, members, true, NULL, err);
    }
    return rc;
}

static int enter_body(struct sl_ledger_mongo *l, struct json_object *body, bool own, const char *now, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *run_event = NULL;
    struct json_object *assets = sl_json_get(body, "assets");
    bool repoint = sl_json_bool(body, "repoint", false);
    int rc = enter_assets(l, assets, err);
    for (size_t i = 0; rc == 0 && i < json_object_array_length(assets); i++)
        rc = lead_to(l, json_object_array_get_idx(assets, i), repoint, err);
    if (rc == 0)
        rc = sl_ledger_mongo__end_run_quietly(l, sl_json_str(body, "run_id", ""), -1, own, sl_json_get(body, "run"), now,
                                              &run_event, err);
    return rc < 0 ? rc : enter_events(l, assets, run_event, now, err);
}

int sl_ledger_mongo__enter_commit(struct sl_ledger_mongo *l, const char *batch_id, const char *commit_id,
                                  struct json_object *body, const char *now, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *work = NULL;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *laid = NULL;
    if (body)
        return enter_body(l, body, true, now, err);
    int rc = sl_ledger_mongo__get(l, "work", commit_id, &work, err);
    if (rc < 0 || !work) /* taken away as the last of it: all is entered */
        return rc;
    const char *text = sl_json_str(work, "body", "");
    if ((rc = sl_json_parse(commit_id, text, strlen(text), &limits, &laid, err)) < 0)
        return rc;
    if (!json_object_is_type(sl_json_get(laid->root, "assets"), json_type_array))
        return sl_fail(err, SL_E_INTERNAL, "the commit %s of batch %s cannot be read", commit_id, batch_id);
    return enter_body(l, laid->root, false, now, err);
}

/* ---- the verb ---- */

/* Another change was decided first; it is fine if that was this very commit, whose answer was lost. */
static int lost_or_done(struct sl_ledger_mongo *l, const struct sl_lease *lease, const char *run_id, struct json_object *doc,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *after = NULL;
    int rc = sl_ledger_mongo__catch_up(l, doc, 0, err);
    if (rc == 0)
        rc = sl_ledger_mongo__load(l, lease->batch_id, &after, err);
    if (rc < 0)
        return rc;
    bool done = !strcmp(sl_json_str(after, "status", ""), "succeeded") && !strcmp(sl_json_str(after, "run_id", ""), run_id);
    return done ? 0 : sl_ledger_mongo__lease_lost(lease, err);
}

int sl_ledger_mongo__commit(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                            struct json_object *const *assets, size_t n_assets, struct json_object *run_changes,
                            struct sl_error *err)
{
    struct sl_ledger_mongo *l = sl_ledger_mongo_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *nothing = json_object_new_object(), *ended = NULL, *run = NULL,
                                                *body = NULL, *changes = NULL;
    char now[SL_LEDGER_ISO_BYTES], id[SL_UUID_TEXT_BYTES + 8] = "commit:";
    int64_t us = 0;
    bool repoint = false, won = false;
    int rc = sl_ledger_mongo__hold_doc(l, lease, &us, &doc, err);
    if (rc < 0)
        return rc;
    sl_ledger_mongo__iso(now, us);
    ended = sl_ledger_change_run_ended("succeeded", NULL, now);
    run = sl_ledger_merge(run_changes ? run_changes : nothing, ended);
    if ((rc = check_assets(l, lease, assets, n_assets, err)) < 0 || (rc = check_run(l, lease, run_id, run, err)) < 0 ||
        (rc = take_places(l, assets, n_assets, &repoint, err)) < 0)
        return rc;
    sl_uuid7(id + strlen(id));
    body = body_of(run_id, assets, n_assets, run, repoint);
    if ((rc = lay_down(l, lease, id, body, err)) < 0)
        return rc;
    changes = sl_ledger_change_closed(doc, SL_BATCH_SUCCEEDED, run_id, NULL, now);
    struct sl_ledger_mongo__change change = {.changes = changes, .commit_id = id, .commit = body};
    rc = sl_ledger_mongo__decide(l, doc, &change, &won, err);
    json_object_put(change.after);
    return rc < 0 || won ? rc : lost_or_done(l, lease, run_id, doc, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run/manifest_place.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "store/store.h"

enum { MANIFEST_MAX_BYTES = 4 * 1024 * 1024 };

static int hash_if_there(struct sl_engine *engine, const char *key, char *hex, bool *there, struct sl_error *err)
{
    int rc = sl_store_hash(engine->store, engine->config->landing_bucket, key, NULL, hex, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        *there = false;
        sl_error_clear(err);
        return 0;
    }
    *there = rc == 0;
    return rc;
}

/* prefix + name, or prefix + stem.<eight digits>.json where another manifest of that name lies already; NULL when the
 * manifest itself is gone. */
static int target_key(struct sl_engine *engine, const char *key, const char *prefix, struct sl_arena *arena,
                      const char **out, struct sl_error *err)
{
    const char *name = key + strlen(SL_MANIFESTS_PREFIX);
    char hex[SL_SHA256_HEX_BYTES], other[SL_SHA256_HEX_BYTES];
    bool there = false, taken = false;
    *out = sl_arena_printf(arena, "%s%s", prefix, name);
    int rc = hash_if_there(engine, *out, other, &taken, err);
    if (rc < 0 || !taken)
        return rc;
    rc = hash_if_there(engine, key, hex, &there, err);
    if (rc == 0 && !there)
        *out = NULL;
    if (rc == 0 && there && strcmp(hex, other) != 0) {
        size_t stem = sl_text_ends(name, ".json") ? strlen(name) - 5 : strlen(name);
        *out = sl_arena_printf(arena, "%s%.*s.%.8s.json", prefix, (int)stem, name, hex);
    }
    return rc;
}

/* *new_key is NULL when there is nothing to move. */
static int copy_to(struct sl_engine *engine, const char *key, const char *prefix, struct sl_arena *arena,
                   const char **new_key, struct sl_error *err)
{
    const char *bucket = engine->config->landing_bucket, *target = NULL;
    *new_key = NULL;
    int rc = target_key(engine, key, prefix, arena, &target, err);
    if (rc < 0 || !target)
        return rc;
    rc = sl_store_copy(engine->store, bucket, key, bucket, target, NULL, NULL, err);
    if (rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    if (rc == 0)
        *new_key = target;
    return rc;
}

/* For a batch that has succeeded: whatever lies in manifests/ afterwards is filed, so nobody needs to know whose it is. */
static int finish_move(struct sl_engine *engine, const char *batch_id, const char *key, const char *new_key,
                       struct sl_error *err)
{
    int rc = 0;
    if (batch_id)
        rc = engine->ledger->ops->move_manifest(engine->ledger, batch_id, new_key, NULL, err);
    return rc < 0 ? rc : sl_store_remove(engine->store, engine->config->landing_bucket, key, err);
}

/* For a batch that has ended badly, which goes again when its manifest is put back: the ledger says until the end that
 * what lies there has not been. */
static int finish_marked_move(struct sl_engine *engine, const char *batch_id, const char *key, const char *new_key,
                              struct sl_error *err)
{
    struct sl_ledger *ledger = engine->ledger;
    int rc = ledger->ops->move_manifest(ledger, batch_id, new_key, key, err);
    if (rc == 0)
        rc = sl_store_remove(engine->store, engine->config->landing_bucket, key, err);
    return rc < 0 ? rc : ledger->ops->left_manifest(ledger, batch_id, key, err);
}

int sl_manifest_to_archive(struct sl_engine *engine, const char *batch_id, const char *key, struct sl_arena *arena,
                           struct sl_error *err)
{
    const char *new_key = NULL;
    if (!sl_text_starts(key, SL_MANIFESTS_PREFIX))
        return 0;
    int rc = copy_to(engine, key, SL_ARCHIVE_PREFIX, arena, &new_key, err);
    if (rc < 0 || !new_key)
        return rc;
    return finish_move(engine, batch_id, key, new_key, err);
}

struct json_object *sl_manifest_error_doc(const char *batch_id, const char *status, const struct sl_error *error,
                                          struct json_object *violations)
{
    char at[SL_ISO8601_BYTES];
    struct json_object *doc = json_object_new_object();
    sl_json_put_str(doc, "batch_id", batch_id);
    sl_json_put_str(doc, "status", status);
    sl_json_put(doc, "error", sl_ledger_error_doc(error));
    sl_json_put(doc, "violations", violations ? violations : json_object_new_array());
    sl_json_put_str(doc, "at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    sl_json_put_str(doc, "sluice", SLUICE_VERSION);
    return doc;
}

int sl_manifest_to_quarantine(struct sl_engine *engine, const char *batch_id, const char *key,
                              struct json_object *error_doc, struct sl_arena *arena, const char **new_key_out,
                              struct sl_error *err)
{
    const char *new_key = NULL;
    *new_key_out = key;
    if (!sl_text_starts(key, SL_MANIFESTS_PREFIX))
        return 0;
    int rc = copy_to(engine, key, SL_QUARANTINE_PREFIX, arena, &new_key, err);
    if (rc < 0 || !new_key)
        return rc;
    sl_json_put_str(error_doc, "manifest_key", new_key);
    const char *text = json_object_to_json_string_ext(error_doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
    size_t stem = sl_text_ends(new_key, ".json") ? strlen(new_key) - 5 : strlen(new_key);
    const char *error_key = sl_arena_printf(arena, "%.*s.error.json", (int)stem, new_key);
    const struct sl_put_options options = {.content_type = "application/json"};
    rc = sl_store_put(engine->store, engine->config->landing_bucket, error_key, text, strlen(text), &options, NULL,
                      err);
    if (rc == 0)
        rc = finish_marked_move(engine, batch_id, key, new_key, err);
    if (rc == 0)
        *new_key_out = new_key;
    return rc;
}

static int count_one(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)doc, (void)err;
    ++*(int *)data;
    return 0;
}

/* Another batch's, of a manifest that was refused, stays. */
static int is_claimed(struct sl_engine *engine, const char *key, bool *claimed, struct sl_error *err)
{
    int n = 0;
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    sl_json_put_str(filter, "manifest_key", key);
    const struct sl_find find = {.collection = "manifests", .filter = filter, .limit = 1};
    int rc = engine->ledger->ops->find(engine->ledger, &find, count_one, &n, err);
    *claimed = n > 0;
    return rc;
}

static int remove_twin(struct sl_engine *engine, const char *name, bool *removed, struct sl_arena *arena,
                       struct sl_error *err)
{
    char mine[SL_SHA256_HEX_BYTES], other[SL_SHA256_HEX_BYTES];
    bool there = false, archived = false, claimed = true;
    const char *key = sl_arena_printf(arena, SL_QUARANTINE_PREFIX "%s", name);
    int rc = hash_if_there(engine, key, other, &there, err);
    if (rc == 0 && there)
        rc = hash_if_there(engine, sl_arena_printf(arena, SL_ARCHIVE_PREFIX "%s", name), mine, &archived, err);
    if (rc == 0 && there && archived && !strcmp(mine, other))
        rc = is_claimed(engine, key, &claimed, err);
    *removed = rc == 0 && !claimed;
    return *removed ? sl_store_remove(engine->store, engine->config->landing_bucket, key, err) : rc;
}

static int move_to_archive(struct sl_engine *engine, const char *batch_id, const char *key, bool *moved,
                           struct sl_arena *arena, struct sl_error *err)
{
    const char *bucket = engine->config->landing_bucket;
    const char *new_key = sl_arena_printf(arena, SL_ARCHIVE_PREFIX "%s", key + strlen(SL_QUARANTINE_PREFIX));
    const struct sl_put_options options = {.if_absent = true};
    int rc = sl_store_copy(engine->store, bucket, key, bucket, new_key, &options, NULL, err);
    if (rc == -SL_E_STORE_PRECONDITION || rc == -SL_E_STORE_NOT_FOUND) {
        sl_error_clear(err); /* another lies there, or this one is gone: it stays as the ledger has it */
        return 0;
    }
    if (rc == 0)
        rc = finish_move(engine, batch_id, key, new_key, err);
    *moved = rc == 0;
    return rc;
}

int sl_manifest_forgive(struct sl_engine *engine, const char *batch_id, const char *key, struct sl_arena *arena,
                        struct sl_error *err)
{
    const char *slash = strchr(key, '/');
    bool out = false;
    int rc = sl_text_starts(key, SL_QUARANTINE_PREFIX) ? move_to_archive(engine, batch_id, key, &out, arena, err)
             : slash                                   ? remove_twin(engine, slash + 1, &out, arena, err)
                                                       : 0;
    if (rc < 0 || !out)
        return rc;
    const char *name = slash + 1;
    size_t stem = sl_text_ends(name, ".json") ? strlen(name) - 5 : strlen(name);
    return sl_store_remove(engine->store, engine->config->landing_bucket,
                           sl_arena_printf(arena, SL_QUARANTINE_PREFIX "%.*s.error.json", (int)stem, name), err);
}

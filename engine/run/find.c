/* SPDX-License-Identifier: Apache-2.0 */
/* Finding assets and batches by what people call them, and where an asset comes from. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "run/run.h"

enum { NAMES_MAX = 10000 };

struct names {
    struct sl_arena *arena;
    const char *member;
    const char **items;
    size_t n;
};

static int note_name(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)err;
    struct names *names = data;
    const char *name = sl_json_str(doc, names->member, NULL);
    if (name && names->n < NAMES_MAX)
        names->items[names->n++] = sl_arena_strdup(names->arena, name);
    return 0;
}

/* The name in a collection that was probably meant; NULL. */
static const char *nearest(struct sl_engine *e, const char *collection, const char *member, const char *word,
                           struct sl_arena *arena)
{
    struct names names = {.arena = arena, .member = member};
    names.items = sl_arena_array(arena, NAMES_MAX, sizeof *names.items);
    const struct sl_find find = {.collection = collection, .sort = "created_at:-1", .limit = NAMES_MAX};
    if (e->ledger->ops->find(e->ledger, &find, note_name, &names, NULL) < 0)
        return NULL;
    return sl_text_nearest(word, names.items, names.n);
}

const char *sl_dataset_nearest(struct sl_engine *e, const char *word, struct sl_arena *arena)
{
    return nearest(e, "assets", "dataset_id", word, arena);
}

static int not_found(struct sl_engine *e, enum sl_code code, const char *what_kind, const char *collection,
                     const char *member, const char *what, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *near = nearest(e, collection, member, what, arena);
    sl_fail(err, code, "there is no %s \"%s\"", what_kind, what);
    if (near)
        sl_error_hint(err, "did you mean \"%s\"?", near);
    return -(int)code;
}

static int by_key(struct sl_engine *e, const char *what, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    if (sl_text_starts(what, "s3://"))
        what += strlen("s3://");
    const char *slash = strchr(what, '/');
    if (!slash)
        return 0;
    const char *bucket = sl_arena_strndup(arena, what, (size_t)(slash - what));
    int rc = e->ledger->ops->get_asset_by_key(e->ledger, bucket, slash + 1, out, err);
    if (rc == 0 && !*out) /* a key of the lake without its bucket */
        rc = e->ledger->ops->get_asset_by_key(e->ledger, e->config->lake_bucket, what, out, err);
    return rc;
}

static int by_version(struct sl_engine *e, const char *what, const char *at, struct json_object **out,
                      struct sl_error *err)
{
    char *end = NULL;
    long long version = strtoll(at + 1 + (at[1] == 'v'), &end, 10);
    if (*end || version < 1)
        return 0;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    return e->ledger->ops->get_asset_version(e->ledger, sl_arena_strndup(arena, what, (size_t)(at - what)), version,
                                             out, err);
}

int sl_asset_find(struct sl_engine *e, const char *what, struct json_object **out, struct sl_error *err)
{
    struct json_object *doc = NULL;
    const char *at = strrchr(what, '@');
    int rc = 0;
    if (sl_uuid_valid(what))
        rc = e->ledger->ops->get_asset(e->ledger, what, &doc, err);
    else if (strchr(what, '/'))
        rc = by_key(e, what, &doc, err);
    else if (at)
        rc = by_version(e, what, at, &doc, err);
    else
        rc = e->ledger->ops->get_latest_asset(e->ledger, what, &doc, err);
    if (rc < 0)
        return rc;
    if (!doc)
        return not_found(e, SL_E_ASSET_NOT_FOUND, "asset or dataset", "assets", "dataset_id", what, err);
    *out = doc;
    return 0;
}

static int keep_first(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)err;
    struct json_object **out = data;
    if (!*out)
        *out = json_object_get(doc);
    return 0;
}

/* {"batch_id": {"$regex": "^<name>@[0-9a-f]{12}$"}}: as the sensor enters what it refuses. The caller owns it. */
static struct json_object *refused_as(const char *name)
{
    struct sl_buf pattern;
    struct json_object *filter = json_object_new_object(), *regex = json_object_new_object();
    sl_buf_init(&pattern, 1024);
    sl_buf_putc(&pattern, '^');
    for (const char *p = name; *p; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || *p == '_' ||
                     *p == '-' || (unsigned char)*p >= 0x80;
        if (!plain)
            sl_buf_putc(&pattern, '\\');
        sl_buf_putc(&pattern, *p);
    }
    sl_buf_puts(&pattern, "@[0-9a-f]{12}$");
    sl_json_put_str(regex, "$regex", pattern.data);
    sl_json_put(filter, "batch_id", regex);
    sl_buf_free(&pattern);
    return filter;
}

int sl_batch_find(struct sl_engine *e, const char *batch_id, struct json_object **out, struct sl_error *err)
{
    struct json_object *doc = NULL;
    int rc = e->ledger->ops->get_batch(e->ledger, batch_id, &doc, err);
    if (rc == 0 && !doc && strlen(batch_id) < SL_BATCH_ID_BYTES) {
        SL_CLEANUP(sl_json_putp) struct json_object *filter = refused_as(batch_id);
        const struct sl_find find = {
            .collection = "manifests", .filter = filter, .sort = "created_at:-1", .limit = 1};
        rc = e->ledger->ops->find(e->ledger, &find, keep_first, &doc, err);
    }
    if (rc < 0)
        return rc;
    if (!doc)
        return not_found(e, SL_E_BATCH_NOT_FOUND, "batch", "manifests", "batch_id", batch_id, err);
    *out = doc;
    return 0;
}

int sl_lineage(struct sl_engine *e, const char *what, struct json_object **out, struct sl_error *err)
{
    struct json_object *asset = NULL, *run = NULL, *batch = NULL;
    int rc = sl_asset_find(e, what, &asset, err);
    if (rc < 0)
        return rc;
    rc = e->ledger->ops->get_run(e->ledger, sl_json_str(asset, "run_id", ""), &run, err);
    if (rc == 0)
        rc = e->ledger->ops->get_batch(e->ledger, sl_json_str(asset, "batch_id", ""), &batch, err);
    if (rc < 0) {
        json_object_put(asset);
        json_object_put(run);
        return rc;
    }
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "asset", asset);
    json_object_object_add(o, "run", run);
    json_object_object_add(o, "batch", batch);
    json_object_object_add(o, "inputs", json_object_get(sl_json_get(asset, "inputs")));
    *out = o;
    return 0;
}

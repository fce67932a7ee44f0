/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "run/recover.h"
#include "run/run.h"
#include "store/store.h"

#define ORPHANS "orphans/"

struct gc {
    struct sl_engine *engine;
    struct sl_arena *arena;
    int64_t before_ns; /* younger ones may belong to a run that is not committed yet */
    bool dry_run;
    struct sl_gc_report *report;
    const char **rows; /* catalog rows to remove */
    size_t n_rows;
};

enum { ROWS_MAX = 100000 };

static int count_one(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)doc;
    (void)err;
    *(bool *)data = true;
    return 0;
}

/* By its key and not by its metadata: those may be gone while the ledger still stands by the object. */
static int key_known(struct sl_engine *e, const char *key, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *filter = json_object_new_object();
    int rc = e->ledger->ops->get_asset_by_key(e->ledger, e->config->lake_bucket, key, &doc, err);
    *out = doc != NULL;
    if (rc < 0 || doc)
        return rc;
    sl_json_put_str(filter, "documents.s3_key", key);
    const struct sl_find find = {.collection = "assets", .filter = filter, .limit = 1};
    return e->ledger->ops->find(e->ledger, &find, count_one, out, err);
}

static int known(struct sl_engine *e, const char *asset_id, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = e->ledger->ops->get_asset(e->ledger, asset_id, &doc, err);
    if (rc == 0)
        *out = doc != NULL;
    return rc;
}

/* Moved aside with its metadata, never deleted: somebody may want to know what it was. */
static int look_at_object(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct gc *g = data;
    const char *bucket = g->engine->config->lake_bucket;
    if (!strncmp(entry->key, ORPHANS, strlen(ORPHANS)) || entry->info.modified_ns > g->before_ns)
        return 0;
    const char *key = sl_arena_strdup(g->arena, entry->key);
    bool is_known = true;
    int rc = key_known(g->engine, key, &is_known, err);
    if (rc < 0 || is_known)
        return rc;
    g->report->orphan_objects++;
    g->report->orphan_bytes += entry->info.size_bytes;
    if (g->dry_run)
        return 0;
    rc = sl_store_copy(g->engine->store, bucket, key, bucket, sl_arena_printf(g->arena, ORPHANS "%s", key), NULL, NULL,
                       err);
    return rc < 0 ? rc : sl_store_remove(g->engine->store, bucket, key, err);
}

static int look_at_row(void *data, const struct sl_catalog_asset *asset, struct sl_error *err)
{
    struct gc *g = data;
    bool is_known = false;
    int64_t made_ms = sl_uuid7_unix_ms(asset->id);
    if (made_ms >= 0 && made_ms * SL_NS_PER_MS > g->before_ns)
        return 0;
    int rc = known(g->engine, asset->id, &is_known, err);
    if (rc == 0 && !is_known && g->n_rows < ROWS_MAX)
        g->rows[g->n_rows++] = sl_arena_strdup(g->arena, asset->id);
    return rc;
}

static int remove_rows(struct gc *g, struct sl_error *err)
{
    int rc = sl_catalog_list_assets(g->engine->catalog, look_at_row, g, err);
    g->report->catalog_rows = (int64_t)g->n_rows;
    for (size_t i = 0; rc == 0 && !g->dry_run && i < g->n_rows; i++)
        rc = sl_catalog_remove_asset(g->engine->catalog, g->rows[i], err);
    return rc;
}

int sl_gc(struct sl_engine *e, int64_t grace_s, bool dry_run, struct sl_gc_report *report, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct gc g = {.engine = e,
                   .arena = arena,
                   .before_ns = sl_clock_wall_ns() - grace_s * SL_NS_PER_S,
                   .dry_run = dry_run,
                   .report = report};
    g.rows = sl_arena_array(arena, ROWS_MAX, sizeof *g.rows);
    *report = (struct sl_gc_report){0};
    int rc = sl_recover_leftovers(e, dry_run, &report->schemas, &report->scratch_folders, err);
    if (rc == 0)
        rc = sl_store_sweep(e->store, grace_s, dry_run, &report->temporary_objects, err);
    if (rc == 0)
        rc = sl_store_list(e->store, e->config->lake_bucket, "", NULL, 0, look_at_object, &g, err);
    if (rc == 0)
        rc = remove_rows(&g, err);
    return rc;
}

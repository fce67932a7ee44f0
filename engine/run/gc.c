/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "run/grid_loads.h"
#include "run/iceberg_loads.h"
#include "run/orphan.h"
#include "run/recover.h"
#include "run/spool.h"
#include "store/store.h"

struct gc {
    struct sl_engine *engine;
    struct sl_arena *arena;
    const struct sl_gc_options *options;
    int64_t before_ns; /* younger ones may belong to a run that is not committed yet */
    struct sl_gc_report *report;
    struct sl_spool *keys; /* that the ledger names in the lake */
    const char *bucket;    /* whose orphans/ is looked at */
    const char **rows;     /* catalog rows to remove */
    size_t n_rows;
};

enum { ROWS_MAX = 100000 };

/* ---- the lake ---- */

static int note_keys(void *data, struct json_object *doc, struct sl_error *err)
{
    struct gc *g = data;
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    struct json_object *documents = sl_json_get(doc, "documents");
    size_t n = json_object_is_type(documents, json_type_array) ? json_object_array_length(documents) : 0;
    int rc = sl_spool_add(g->keys, sl_json_str(doc, "s3_key", ""), nothing, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = sl_spool_add(g->keys, sl_json_str(json_object_array_get_idx(documents, i), "s3_key", ""), nothing, err);
    return rc;
}

static int is_named(struct gc *g, const char *key, bool *named, struct sl_error *err)
{
    for (;;) {
        const char *at;
        struct json_object *nothing;
        int rc = sl_spool_peek(g->keys, &at, &nothing, err);
        *named = rc == 0 && at && !strcmp(at, key);
        if (rc < 0 || !at || strcmp(at, key) >= 0)
            return rc;
        rc = sl_spool_skip(g->keys, err);
        if (rc < 0)
            return rc;
    }
}

/* Asked for again: the batch may have been committed since. Moved aside with its metadata, never deleted here: somebody
 * may want to know what it was. */
static int look_at_object(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct gc *g = data;
    const char *bucket = g->engine->config->lake_bucket;
    bool known = false;
    if (sl_text_starts(entry->key, SL_ORPHANS_PREFIX) || sl_text_starts(entry->key, SL_RESERVED_PREFIX))
        return 0;
    int rc = is_named(g, entry->key, &known, err);
    if (rc < 0 || known || entry->info.modified_ns > g->before_ns)
        return rc;
    rc = sl_lake_key_known(g->engine, entry->key, &known, err);
    if (rc < 0 || known)
        return rc;
    g->report->orphan_objects++;
    g->report->orphan_bytes += entry->info.size_bytes;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *key = sl_arena_strdup(arena, entry->key), *etag = sl_arena_strdup(arena, entry->info.etag);
    return g->options->dry_run ? 0 : sl_orphan_move(g->engine, bucket, key, etag, arena, NULL, err);
}

static int sweep_lake(struct gc *g, struct sl_error *err)
{
    const struct sl_find all = {.collection = "assets"};
    g->keys = sl_spool_new(g->engine->config->run_scratch);
    int rc = g->engine->ledger->ops->find(g->engine->ledger, &all, note_keys, g, err);
    if (rc == 0)
        rc = sl_spool_begin(g->keys, err);
    if (rc == 0)
        rc = sl_store_list(g->engine->store, g->engine->config->lake_bucket, "", NULL, 0, look_at_object, g, err);
    sl_spool_free(g->keys);
    return rc;
}

/* ---- what was moved aside ---- */

static int look_aside(void *data, const struct sl_list_entry *entry, struct sl_error *err)
{
    struct gc *g = data;
    g->report->moved_aside++;
    g->report->moved_aside_bytes += entry->info.size_bytes;
    if (g->options->orphans_s < 0 ||
        entry->info.modified_ns > sl_clock_wall_ns() - g->options->orphans_s * SL_NS_PER_S)
        return 0;
    g->report->deleted++;
    g->report->deleted_bytes += entry->info.size_bytes;
    if (g->options->dry_run)
        return 0;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    return sl_store_remove(g->engine->store, g->bucket, sl_arena_strdup(arena, entry->key), err);
}

static int sweep_orphans(struct gc *g, struct sl_error *err)
{
    const struct sl_config *c = g->engine->config;
    const char *const buckets[] = {c->lake_bucket, c->raw_bucket, c->landing_bucket};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof buckets / sizeof *buckets; i++) {
        g->bucket = buckets[i];
        rc = sl_store_list(g->engine->store, g->bucket, SL_ORPHANS_PREFIX, NULL, 0, look_aside, g, err);
    }
    return rc;
}

/* ---- the catalog ---- */

static int look_at_row(void *data, const struct sl_catalog_asset *asset, struct sl_error *err)
{
    struct gc *g = data;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int64_t made_ms = sl_uuid7_unix_ms(asset->id);
    if (made_ms >= 0 && made_ms * SL_NS_PER_MS > g->before_ns)
        return 0;
    int rc = g->engine->ledger->ops->get_asset(g->engine->ledger, asset->id, &doc, err);
    if (rc == 0 && !doc && g->n_rows < ROWS_MAX)
        g->rows[g->n_rows++] = sl_arena_strdup(g->arena, asset->id);
    return rc;
}

static int remove_rows(struct gc *g, struct sl_error *err)
{
    g->rows = sl_arena_array(g->arena, ROWS_MAX, sizeof *g->rows);
    int rc = sl_catalog_list_assets(g->engine->catalog, look_at_row, g, err);
    g->report->catalog_rows = (int64_t)g->n_rows;
    for (size_t i = 0; rc == 0 && !g->options->dry_run && i < g->n_rows; i++)
        rc = sl_catalog_remove_asset(g->engine->catalog, g->rows[i], err);
    return rc;
}

/* ---- scratch ---- */

/* What verify, diff and runs of sources keep beside the runs' folders begins with a dot and has no run. */
static int remove_hidden(struct gc *g, struct sl_error *err)
{
    const char *folder = g->engine->config->run_scratch;
    char **names = NULL;
    size_t n = 0;
    if (!sl_path_exists(folder))
        return 0;
    int rc = sl_dir_list(folder, g->arena, &names, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct stat st;
        const char *path = sl_path_join(g->arena, folder, names[i]);
        bool ours = sl_text_starts(names[i], ".diff-") || sl_text_starts(names[i], ".verify-") || sl_text_starts(names[i], ".source-");
        if (!ours || lstat(path, &st) != 0 || (int64_t)st.st_mtime * SL_NS_PER_S > g->before_ns)
            continue;
        g->report->scratch_folders++;
        rc = g->options->dry_run ? 0 : sl_dir_remove(path, err);
    }
    return rc;
}

int sl_gc(struct sl_engine *e, const struct sl_gc_options *options, struct sl_gc_report *report, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct gc g = {.engine = e,
                   .arena = arena,
                   .options = options,
                   .before_ns = sl_clock_wall_ns() - options->grace_s * SL_NS_PER_S,
                   .report = report};
    *report = (struct sl_gc_report){0};
    int rc = sl_recover_sweep(e, options->grace_s, options->dry_run, &report->schemas, &report->foreign_schemas, &report->scratch_folders,
                              err);
    if (rc == 0)
        rc = remove_hidden(&g, err);
    if (rc == 0)
        rc = sl_store_sweep(e->store, options->grace_s, options->dry_run, &report->temporary_objects, err);
    if (rc == 0)
        rc = sweep_orphans(&g, err);
    if (rc == 0)
        rc = sweep_lake(&g, err);
    if (rc == 0)
        rc = remove_rows(&g, err);
    if (rc == 0)
        rc = e->ledger->ops->sweep_events(e->ledger, options->events_s, options->dry_run, &report->events, err);
    if (rc == 0)
        rc = sl_grid_loads_sweep(e, g.before_ns, options->dry_run, err);
    if (rc == 0)
        rc = sl_iceberg_loads_sweep(e, g.before_ns, options->dry_run, err);
    return rc;
}

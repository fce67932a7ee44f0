/* SPDX-License-Identifier: Apache-2.0 */
#include "run/recover.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "run/engine.h"
#include "run/grid_loads.h"
#include "run/iceberg_loads.h"
#include "run/manifest_place.h"
#include "run/unpublished.h"
#include "run/uploads.h"

struct owners {
    struct sl_arena *arena;
    const char **names;
    size_t n, capacity;
};

static int note_owner(void *data, const struct sl_lease *lease, struct sl_error *err)
{
    struct owners *o = data;
    if (sl_owner_alive(lease->owner))
        return 0;
    if (o->n == o->capacity)
        return sl_fail(err, SL_E_LIMIT, "more than %zu leases of dead processes", o->capacity);
    o->names[o->n++] = sl_arena_strdup(o->arena, lease->owner);
    return 0;
}

/* The whole process went, most often with its supervisor: no fault of the batch, so no crash is counted. */
static int give_back_leases(struct sl_engine *engine, struct sl_error *err)
{
    enum { LEASES_MAX = 4096 };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct owners dead = {.arena = arena, .capacity = LEASES_MAX};
    dead.names = sl_arena_array(arena, LEASES_MAX, sizeof *dead.names);
    int rc = engine->ledger->ops->leases(engine->ledger, note_owner, &dead, err);
    for (size_t i = 0; rc == 0 && i < dead.n; i++) {
        struct sl_error why = {0};
        char batch_id[SL_BATCH_ID_BYTES] = "";
        bool poisoned = false;
        sl_fail(&why, SL_E_WORKER_CRASHED, "worker %s ended without a word", dead.names[i]);
        rc = engine->ledger->ops->abandon(engine->ledger, dead.names[i], &why, 0, batch_id, &poisoned, err);
        if (rc == 0 && batch_id[0])
            sl_log(SL_LOG_WARN, "recover.lease", "batch", batch_id, "owner", dead.names[i], NULL);
    }
    return rc;
}

static int note_process(void *data, struct json_object *doc, struct sl_error *err)
{
    struct owners *o = data;
    const char *owner = sl_json_str(doc, "_id", "");
    (void)err;
    if (!sl_owner_alive(owner) && o->n < o->capacity)
        o->names[o->n++] = sl_arena_strdup(o->arena, owner);
    return 0;
}

/* Processes of this host that could not take themselves away. */
static int take_away_dead(struct sl_engine *engine, struct sl_error *err)
{
    enum { PROCESSES_MAX = 1024 };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct owners dead = {.arena = arena, .capacity = PROCESSES_MAX};
    const struct sl_find all = {.collection = "processes"};
    dead.names = sl_arena_array(arena, PROCESSES_MAX, sizeof *dead.names);
    int rc = engine->ledger->ops->find(engine->ledger, &all, note_process, &dead, err);
    for (size_t i = 0; rc == 0 && i < dead.n; i++)
        rc = engine->ledger->ops->announce(engine->ledger, dead.names[i], NULL, err);
    return rc;
}

/* A run's document comes before its schema, so a run that is not in this ledger is another engine's on the same server,
 * or of a ledger that is no more. */
enum { ANCIENT_HOURS = 48 };

static bool is_ancient(const char *run_id)
{
    int64_t began_ms = sl_uuid7_unix_ms(run_id);
    return began_ms >= 0 && sl_clock_wall_ns() / SL_NS_PER_MS - began_ms > ANCIENT_HOURS * INT64_C(3600000);
}

/* 1: nobody works on this run. */
static int is_leftover(void *data, const char *run_id, struct sl_error *err)
{
    struct sl_engine *engine = data;
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL, *batch = NULL;
    int rc = engine->ledger->ops->get_run(engine->ledger, run_id, &run, err);
    if (rc < 0)
        return rc;
    if (!run || strcmp(sl_json_str(run, "status", ""), "running") != 0)
        return 1;
    rc = engine->ledger->ops->get_batch(engine->ledger, sl_json_str(run, "batch_id", ""), &batch, err);
    if (rc < 0)
        return rc;
    bool current = batch && !strcmp(sl_json_str(batch, "status", ""), "running") &&
                   !strcmp(sl_json_str(batch, "run_id", ""), run_id);
    return current ? 0 : 1;
}

struct schemas {
    struct sl_engine *engine;
    int64_t kept_s; /* how long a schema stays that somebody wants to look at */
};

static bool is_kept(struct json_object *run, const char *run_id, int64_t kept_s)
{
    int64_t began_ms = sl_uuid7_unix_ms(run_id);
    return sl_json_str(run, "kept_schema", NULL) && began_ms >= 0 &&
           sl_clock_wall_ns() / SL_NS_PER_MS - began_ms < kept_s * 1000;
}

/* Of schemas and roles, which several engines may have on one server. */
static int is_leftover_schema(void *data, const char *run_id, struct sl_error *err)
{
    const struct schemas *s = data;
    SL_CLEANUP(sl_json_putp) struct json_object *run = NULL;
    int rc = s->engine->ledger->ops->get_run(s->engine->ledger, run_id, &run, err);
    if (rc < 0)
        return rc;
    if (!run)
        return is_ancient(run_id);
    return is_kept(run, run_id, s->kept_s) ? 0 : is_leftover(s->engine, run_id, err);
}

static int drop_folders(struct sl_engine *engine, bool dry_run, int64_t *n, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char **names = NULL;
    size_t n_names = 0;
    *n = 0;
    if (!sl_path_exists(engine->config->run_scratch))
        return 0;
    int rc = sl_dir_list(engine->config->run_scratch, arena, &names, &n_names, err);
    for (size_t i = 0; rc == 0 && i < n_names; i++) {
        if (!sl_uuid_valid(names[i]))
            continue;
        rc = is_leftover(engine, names[i], err);
        if (rc == 1) {
            (*n)++;
            rc = dry_run ? 0 : sl_dir_remove(sl_path_join(arena, engine->config->run_scratch, names[i]), err);
        }
    }
    return rc;
}

int sl_recover_sweep(struct sl_engine *engine, int64_t kept_s, bool dry_run, int64_t *schemas, int64_t *foreign,
                     int64_t *folders, struct sl_error *err)
{
    struct schemas data = {.engine = engine, .kept_s = kept_s};
    int rc = drop_folders(engine, dry_run, folders, err);
    *schemas = 0;
    if (rc == 0 && engine->compute)
        rc = engine->compute->ops->sweep(engine->compute, is_leftover_schema, &data, dry_run, schemas, foreign, err);
    return rc;
}

int sl_recover_leftovers(struct sl_engine *engine, bool dry_run, int64_t *schemas, int64_t *folders,
                         struct sl_error *err)
{
    enum { KEPT_S = 7 * 24 * 3600 };
    return sl_recover_sweep(engine, KEPT_S, dry_run, schemas, NULL, folders, err);
}

/* Rows and staging tables of those that nobody works on any more. A ClickHouse that is down is no reason not to start: gc finds
 * them too. */
static void drop_grid_loads(struct sl_engine *engine)
{
    struct sl_error why = {0};
    if (sl_grid_loads_sweep(engine, sl_clock_wall_ns() - ANCIENT_HOURS * INT64_C(3600) * SL_NS_PER_S, false, &why) < 0)
        sl_log_error(SL_LOG_WARN, "recover.grid_loads", &why, NULL);
}

int sl_recover(struct sl_engine *engine, struct sl_error *err)
{
    int64_t schemas = 0, folders = 0;
    int rc = give_back_leases(engine, err);
    if (rc == 0)
        rc = take_away_dead(engine, err);
    if (rc == 0)
        rc = sl_recover_leftovers(engine, false, &schemas, &folders, err);
    if (rc == 0)
        rc = sl_unpublished_recover(engine, NULL, err);
    if (rc == 0)
        drop_grid_loads(engine);
    return rc < 0 ? rc : sl_uploads_recover(engine, err);
}

int sl_recover_poisoned(struct sl_engine *engine, const char *batch_id, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL, *error_doc = NULL;
    int rc = engine->ledger->ops->get_batch(engine->ledger, batch_id, &doc, err);
    if (rc < 0 || !doc)
        return rc;
    struct sl_error error = {0};
    const char *new_key = NULL;
    sl_ledger_error_read(sl_json_get(doc, "error"), &error);
    error_doc = sl_manifest_error_doc(batch_id, "quarantined", &error, NULL);
    rc = sl_manifest_to_quarantine(engine, batch_id, sl_json_str(doc, "manifest_key", ""), error_doc, arena, &new_key,
                                   err);
    struct sl_error why = {0};
    if (rc == 0 && sl_grid_loads_of_batch(engine, batch_id, &why) < 0) /* gc finds them too */
        sl_log_error(SL_LOG_WARN, "recover.grid_loads", &why, NULL);
    if (rc == 0 && sl_iceberg_loads_of_batch(engine, batch_id, &why) < 0)
        sl_log_error(SL_LOG_WARN, "recover.iceberg_loads", &why, NULL);
    return rc < 0 ? rc : sl_unpublished_recover(engine, batch_id, err);
}

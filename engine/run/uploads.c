/* SPDX-License-Identifier: Apache-2.0 */
#include "run/uploads.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "json/json.h"
#include "lake/lake.h"
#include "run/engine.h"
#include "run/orphan.h"
#include "store/store.h"

enum { LEASES_MAX = 4096, UUID_CHARS = SL_UUID_TEXT_BYTES - 1 };

struct look {
    struct sl_engine *engine;
    struct sl_arena *arena; /* of one upload */
    const char **batches;   /* at work */
    size_t n;
    const char *dataset; /* whose reservation is looked for */
    int64_t version;
    bool found;
};

static int note_lease(void *data, const struct sl_lease *lease, struct sl_error *err)
{
    struct look *l = data;
    if (l->n == LEASES_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d batches are at work", LEASES_MAX);
    l->batches[l->n++] = sl_arena_strdup(l->arena, lease->batch_id);
    return 0;
}

static int begin(struct look *l, struct sl_engine *engine, struct sl_arena *arena, struct sl_error *err)
{
    *l = (struct look){.engine = engine, .arena = arena};
    l->batches = sl_arena_array(arena, LEASES_MAX, sizeof *l->batches);
    return engine->ledger->ops->leases(engine->ledger, note_lease, l, err);
}

static int note_reservation(void *data, const struct sl_reservation *r, struct sl_error *err)
{
    struct look *l = data;
    (void)err;
    l->found |= r->version == l->version && !strcmp(r->dataset_id, l->dataset);
    return 0;
}

static bool internal(const char *key)
{
    return sl_text_starts(key, SL_ORPHANS_PREFIX) || sl_text_starts(key, SL_RESERVED_PREFIX);
}

/* A committed object is uploaded again only by a replay into its version, which reserves nothing. */
static int is_leftover_in_lake(void *data, const char *key, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_engine *e = data;
    struct look l;
    bool known = false;
    int rc = internal(key) ? 0 : begin(&l, e, arena, err);
    if (rc < 0 || internal(key) || !(l.dataset = sl_lake_key_split(arena, key, &l.version)))
        return rc;
    for (size_t i = 0; rc == 0 && !l.found && i < l.n; i++)
        rc = e->ledger->ops->reservations(e->ledger, l.batches[i], note_reservation, &l, err);
    if (rc == 0 && !l.found && l.n)
        rc = sl_lake_key_known(e, key, &known, err);
    return rc < 0 ? rc : !l.found && !known;
}

/* "ana/roads/2026-11-21/<uuid>.gpkg" */
static bool is_raw_key(const char *key)
{
    const char *name = strrchr(key, '/');
    char id[SL_UUID_TEXT_BYTES] = "";
    if (!name || strlen(name + 1) < UUID_CHARS)
        return false;
    memcpy(id, name + 1, UUID_CHARS);
    return sl_uuid_valid(id) && !internal(key);
}

/* Whether the latest run of the batch has the raw file: it names them before it puts the first. */
static int names_raw(struct sl_engine *e, const char *batch_id, const char *key, bool *out, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *batch = NULL, *run = NULL;
    int rc = e->ledger->ops->get_batch(e->ledger, batch_id, &batch, err);
    const char *run_id = rc == 0 && batch ? sl_json_str(batch, "run_id", NULL) : NULL;
    if (rc == 0 && run_id)
        rc = e->ledger->ops->get_run(e->ledger, run_id, &run, err);
    struct json_object *inputs = rc == 0 && run ? sl_json_get(run, "inputs") : NULL;
    size_t n = json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    for (size_t i = 0; i < n; i++)
        *out |= !strcmp(sl_json_str(json_object_array_get_idx(inputs, i), "raw_key", ""), key);
    return rc;
}

static int is_leftover_in_vault(void *data, const char *key, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_engine *e = data;
    struct look l;
    if (!is_raw_key(key))
        return 0;
    int rc = begin(&l, e, arena, err);
    for (size_t i = 0; rc == 0 && !l.found && i < l.n; i++)
        rc = names_raw(e, l.batches[i], key, &l.found, err);
    return rc < 0 ? rc : !l.found;
}

int sl_uploads_recover(struct sl_engine *e, struct sl_error *err)
{
    struct sl_error why = {0};
    char count[32];
    int64_t lake = 0, vault = 0;
    if (!e->store)
        return 0;
    int rc = sl_store_sweep_uploads(e->store, e->config->lake_bucket, is_leftover_in_lake, e, &lake, &why);
    if (rc == 0)
        rc = sl_store_sweep_uploads(e->store, e->config->raw_bucket, is_leftover_in_vault, e, &vault, &why);
    if (lake + vault)
        sl_log(SL_LOG_INFO, "recover.uploads", "removed", sl_text_count(count, sizeof count, lake + vault), NULL);
    if (rc < 0 && sl_engine_lost_store((enum sl_code) - rc)) {
        sl_log_error(SL_LOG_WARN, "recover.put_off", &why, NULL);
        return 0;
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A claimed batch from its first stage to its end, and what each kind of error means for it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "run/batch.h"
#include "run/manifest_place.h"

static int compute(struct sl_batch *b, struct sl_error *err)
{
    for (size_t i = 0; i < b->n_units; i++) {
        struct sl_unit *u = &b->units[i];
        bool needed = false;
        if (u->of)
            continue;
        for (size_t k = 0; k < u->n_assets; k++)
            needed |= u->assets[k].linked == NULL;
        if (!needed)
            continue;
        int rc = u->format->type == SL_DATA_RASTER ? sl_batch_compute_raster(b, u, err)
                 : u->format->type == SL_DATA_GRID ? sl_batch_compute_grid(b, u, err)
                                                   : sl_batch_compute_vector(b, u, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int stages(struct sl_batch *b, struct sl_error *err)
{
    int rc = sl_batch_prepare(b, err);
    if (rc == 0)
        rc = sl_batch_archive(b, err);
    if (rc == 0)
        rc = sl_batch_plan(b, err);
    if (rc == 0)
        rc = sl_batch_dedupe(b, err);
    if (rc == 0)
        rc = sl_batch_find_previous(b, err);
    if (rc == 0)
        rc = compute(b, err);
    if (rc == 0)
        rc = sl_batch_publish(b, err);
    return rc;
}

/* The supervisor logs it, who also knows of those that died before they could tell. */
static void told(struct sl_batch *b, const char *status, const struct sl_error *error)
{
    struct json_object *e = sl_event_new("ended", b->lease.batch_id, b->run_id);
    sl_json_put_str(e, "status", status);
    if (error)
        sl_json_put(e, "error", sl_ledger_error_doc(error));
    sl_json_put_int(e, "rows", b->rows_out);
    sl_event_send(b->events, e);
}

/* The run document of an attempt that did not succeed; it must not stand in the way of telling the batch's end. */
static void close_run(struct sl_batch *b, const struct sl_error *error)
{
    char at[SL_ISO8601_BYTES];
    if (!b->begun)
        return;
    struct json_object *changes = sl_batch_run_changes(b);
    sl_json_put_str(changes, "status", "failed");
    sl_json_put(changes, "error", sl_ledger_error_doc(error));
    sl_json_put_str(changes, "ended_at", sl_clock_iso8601(at, sl_clock_wall_ns()));
    struct sl_error ignored = {0};
    if (b->engine->ledger->ops->update_run(b->engine->ledger, &b->lease, b->run_id, changes, &ignored) < 0)
        sl_log_error(SL_LOG_WARN, "run.close", &ignored, NULL);
    json_object_put(changes);
}

/* When it was entered, or put back by its uploader after a failure; microseconds. */
static bool waits_since(const struct sl_batch *b, int64_t *since_us)
{
    struct json_object *replay = sl_json_get(b->doc, "replay");
    const char *again = replay ? sl_json_str(replay, "requested_at", NULL) : NULL;
    return (again && sl_clock_parse(again, since_us)) ||
           sl_clock_parse(sl_json_str(b->doc, "created_at", ""), since_us);
}

/* Files that may still be on their way: true while the batch is younger than the limit. *in_ns, until the next look,
 * grows with its age: a file that is a little late is found soon, and a long wait takes few looks. */
static bool waits_for_files(const struct sl_batch *b, const struct sl_error *error, int64_t *in_ns)
{
    enum { LOOK_LEAST_MS = 250, LOOK_MOST_MS = 30000 };
    int64_t since_us = 0, age_ns;
    bool known = waits_since(b, &since_us);
    age_ns = sl_clock_wall_ns() - since_us * 1000;
    *in_ns = age_ns / 4 < LOOK_LEAST_MS * SL_NS_PER_MS  ? LOOK_LEAST_MS * SL_NS_PER_MS
             : age_ns / 4 > LOOK_MOST_MS * SL_NS_PER_MS ? LOOK_MOST_MS * SL_NS_PER_MS
                                                        : age_ns / 4;
    return error->code == SL_E_FILE_MISSING && !b->replay && known && age_ns < b->wait_ms * SL_NS_PER_MS;
}

/* For a batch that waits, told once and not with every look. */
static void told_waiting(struct sl_batch *b, const struct sl_error *error)
{
    struct json_object *e = sl_event_new("ended", b->lease.batch_id, b->run_id);
    bool before = sl_batch_was_waiting(b);
    sl_json_put_str(e, "status", "retry");
    sl_json_put(e, "error", sl_ledger_error_doc(error));
    sl_json_put(e, "waits", json_object_new_boolean(true));
    sl_json_put(e, "again", json_object_new_boolean(before));
    sl_event_send(b->events, e);
}

static int hand_back(struct sl_batch *b, const struct sl_error *error, int64_t in_ns, struct sl_error *err)
{
    char due[SL_ISO8601_BYTES];
    sl_clock_iso8601(due, sl_clock_wall_ns() + in_ns);
    close_run(b, error);
    int rc = b->engine->ledger->ops->hand_back(b->engine->ledger, &b->lease, due, error, err);
    if (rc == 0 && error->code == SL_E_FILE_MISSING)
        told_waiting(b, error);
    else if (rc == 0)
        told(b, "retry", error);
    return rc;
}

static int fail(struct sl_batch *b, const struct sl_error *error, enum sl_batch_status status, struct sl_error *err)
{
    const char *name = sl_batch_status_name(status), *new_key = NULL;
    const char *key = sl_json_str(b->doc, "manifest_key", "");
    struct json_object *error_doc = sl_manifest_error_doc(b->lease.batch_id, name, error, NULL);
    close_run(b, error);
    int rc = b->engine->ledger->ops->close_batch(b->engine->ledger, &b->lease, status, b->run_id, error, err);
    if (rc == 0)
        rc = sl_manifest_to_quarantine(b->engine, b->lease.batch_id, key, error_doc, b->arena, &new_key, err);
    json_object_put(error_doc);
    if (rc == 0)
        told(b, name, error);
    return rc;
}

/* Attempts since the batch was entered or last reopened. */
static int64_t tries_of(const struct sl_batch *b)
{
    return b->lease.attempt - sl_json_int(b->doc, "attempts_before", 0);
}

/* Whoever uploaded the file reads what to do, also where the adapter that failed could not know. */
static void hint_at(struct sl_error *error)
{
    static const struct {
        enum sl_code code;
        const char *hint;
    } hints[] = {
        {SL_E_FILE_TRUNCATED, "upload the file again"},
        {SL_E_FILE_DAMAGED, "open it in the program that made it, save it anew, and upload it again"},
        {SL_E_FILE_FORMAT, "declare the format that it has, or upload it again"},
        {SL_E_LIMIT, "upload it in smaller parts"},
    };
    for (size_t i = 0; !error->hint[0] && i < sizeof hints / sizeof *hints; i++)
        if (hints[i].code == error->code)
            sl_error_hint(error, "%s", hints[i].hint);
}

/* Class and attempts decide: refused stops here, transient goes back until its attempts are used up, the rest ends. */
static int settle(struct sl_batch *b, const struct sl_error *error, struct sl_error *err)
{
    const struct sl_config *config = b->engine->config;
    int64_t tries = tries_of(b);
    enum sl_error_class class_ = sl_code_class(error->code);
    if (error->code == SL_E_LEASE_LOST) {
        told(b, "lost", error);
        return 0;
    }
    sl_batch_unpublish(b);
    int64_t look_again_ns = 0;
    if (waits_for_files(b, error, &look_again_ns))
        return hand_back(b, error, look_again_ns, err);
    if (class_ == SL_CLASS_TRANSIENT && tries < config->run_retries) {
        int64_t wait = sl_clock_backoff_ns((int)tries, config->run_retry_base_ms * SL_NS_PER_MS,
                                           config->run_retry_max_ms * SL_NS_PER_MS);
        return hand_back(b, error, wait, err);
    }
    return fail(b, error, SL_BATCH_FAILED, err);
}

static bool failed_before(const struct sl_batch *b)
{
    struct json_object *history = sl_json_get(b->doc, "history");
    size_t n = json_object_is_type(history, json_type_array) ? json_object_array_length(history) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *status = sl_json_str(json_object_array_get_idx(history, i), "status", "");
        if (!strcmp(status, "failed") || !strcmp(status, "quarantined"))
            return true;
    }
    return false;
}

static int finish(struct sl_batch *b, struct sl_error *err)
{
    const char *key = sl_json_str(b->doc, "manifest_key", "");
    sl_batch_retire_grids(b);
    sl_batch_retire_tables(b);
    int rc = sl_manifest_to_archive(b->engine, b->lease.batch_id, key, b->arena, err);
    if (rc == 0 && failed_before(b))
        rc = sl_manifest_forgive(b->engine, b->lease.batch_id, key, b->arena, err);
    if (rc == 0)
        told(b, "succeeded", NULL);
    return rc;
}

/* A batch that was taken up again and again without an end, by workers or machines that died over it. */
static bool poisonous(const struct sl_batch *b)
{
    return tries_of(b) > 2 * b->engine->config->run_retries + 2;
}

static void release(struct sl_batch *b)
{
    for (size_t i = 0; i < b->n_units; i++)
        for (size_t k = 0; k < b->units[i].n_assets; k++) {
            json_object_put(b->units[i].assets[k].linked);
            json_object_put(b->units[i].assets[k].before);
            json_object_put(b->units[i].assets[k].doc);
        }
    for (size_t i = 0; i < b->n_units; i++)
        json_object_put(b->units[i].reasons);
    for (size_t i = 0; i < b->n_datasets; i++)
        json_object_put(b->datasets[i].asset);
    json_object_put(b->versions);
    json_object_put(b->earlier_inputs);
    json_object_put(b->stages);
    json_object_put(b->dropped);
    json_object_put(b->added);
    json_object_put(b->warnings);
    sl_doc_free(b->manifest_doc);
    struct sl_error ignored = {0};
    if (b->scratch && sl_dir_remove(b->scratch, &ignored) < 0)
        sl_log_error(SL_LOG_WARN, "run.scratch", &ignored, NULL);
    sl_arena_free(b->arena);
}

static void begin(struct sl_batch *b)
{
    struct json_object *replay = sl_json_get(b->doc, "replay");
    b->arena = sl_arena_new();
    b->stages = json_object_new_array();
    b->dropped = json_object_new_object();
    b->added = json_object_new_object();
    b->warnings = json_object_new_array();
    b->replay = replay && sl_json_bool(replay, "compare", false);
    b->force = replay && sl_json_bool(replay, "force", false);
    b->into_version = replay ? sl_json_int(replay, "into_version", 0) : 0;
    sl_uuid7(b->run_id);
    b->scratch = sl_arena_printf(b->arena, "%s/%s", b->engine->config->run_scratch, b->run_id);
    sl_log_context("batch", b->lease.batch_id);
    sl_log_context("run", b->run_id);
    sl_event_send(b->events, sl_event_new("claimed", b->lease.batch_id, b->run_id));
}

int sl_batch_execute(struct sl_engine *engine, const struct sl_lease *lease, struct json_object *doc, int64_t wait_ms,
                     struct sl_events *events, const atomic_bool *lease_lost, struct sl_error *outcome,
                     struct sl_error *err)
{
    struct sl_batch b = {
        .engine = engine, .lease = *lease, .doc = doc, .wait_ms = wait_ms, .events = events, .lease_lost = lease_lost};
    begin(&b);
    sl_error_clear(outcome);
    int rc = 0;
    if (poisonous(&b)) {
        sl_fail(outcome, SL_E_BATCH_POISON, "batch %s was begun %" PRId64 " times and never ended", lease->batch_id,
                lease->attempt);
        sl_batch_unpublish(&b);
        rc = fail(&b, outcome, SL_BATCH_QUARANTINED, err);
    } else if (stages(&b, outcome) < 0) {
        hint_at(outcome);
        rc = settle(&b, outcome, err);
    } else {
        rc = finish(&b, err);
    }
    release(&b);
    sl_log_context("batch", NULL);
    sl_log_context("run", NULL);
    return rc;
}

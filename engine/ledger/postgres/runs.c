/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/postgres/postgres.h"

/* A run that ends is an event. */
static int write_run(struct sl_ledger_pg *l, struct json_object *doc, struct json_object *changes, const char *now,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *after = NULL, *event = NULL;
    int rc = sl_ledger_pg__update(l, "runs", doc, changes, &after, err);
    const char *before = sl_json_str(doc, "status", "");
    if (rc < 0 || strcmp(before, "running") != 0 || !strcmp(sl_json_str(after, "status", ""), before))
        return rc;
    event = sl_ledger_event_run(after, now);
    return sl_ledger_pg__event(l, event, err);
}

int sl_ledger_pg__end_runs(struct sl_ledger_pg *l, const char *batch_id, int64_t attempt, const char *status,
                           const struct sl_error *error, const char *now, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *changes = sl_ledger_change_run_ended(status, error, now);
    char number[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {batch_id, sl_ledger_pg__number(number, attempt)};
    int rc = sl_pg_query(l->pg,
                         "SELECT doc FROM ledger.runs WHERE batch_id = $1 AND status = 'running'"
                         " AND ($2::bigint < 0 OR attempt = $2::bigint)",
                         2, params, &res, err);
    for (int i = 0; rc == 0 && i < PQntuples(res); i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        rc = sl_ledger_pg__parse(PQgetvalue(res, i, 0), &doc, err);
        if (rc == 0)
            rc = write_run(l, doc, changes, now, err);
    }
    return rc;
}

static int insert_run(struct sl_ledger_pg *l, const struct sl_ledger_pg__held *held, const struct sl_lease *lease,
                      struct json_object *run_doc, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *changes = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *run = sl_ledger_merge(run_doc, changes);
    sl_ledger_fill_run(run, lease, held->now);
    if (strcmp(sl_json_str(run, "batch_id", ""), lease->batch_id) != 0 ||
        strcmp(sl_json_str(run, "status", ""), "running") != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "a run of batch %s begins as running, not as %s of %s",
                       lease->batch_id, sl_json_str(run, "status", "?"), sl_json_str(run, "batch_id", "?"));
    int rc = sl_ledger_pg__insert(l, "runs", run, err);
    if (rc < 0)
        return rc;
    sl_json_put_str(changes, "run_id", sl_json_str(run, "_id", ""));
    sl_json_put_str(changes, "updated_at", held->now);
    return sl_ledger_pg__update(l, "manifests", held->doc, changes, NULL, err);
}

int sl_ledger_pg__begin_run(struct sl_ledger *ledger, const struct sl_lease *lease, struct json_object *run_doc,
                            struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    rc = insert_run(l, &held, lease, run_doc, err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

/* The run's document, which must be of this batch; changes may not make it another's. */
static int change_run(struct sl_ledger_pg *l, const struct sl_lease *lease, const char *run_id,
                      struct json_object *changes, const char *now, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    const char *const params[] = {run_id, lease->batch_id};
    int rc = sl_ledger_pg__get(l, "SELECT doc FROM ledger.runs WHERE id = $1 AND batch_id = $2", 2, params, &doc, err);
    if (rc < 0)
        return rc;
    if (!doc)
        return sl_fail(err, SL_E_LEDGER_NOT_FOUND, "batch %s has no run %s", lease->batch_id, run_id);
    if (strcmp(sl_json_str(changes, "_id", run_id), run_id) != 0 ||
        strcmp(sl_json_str(changes, "batch_id", lease->batch_id), lease->batch_id) != 0)
        return sl_fail(err, SL_E_LEDGER_DOCUMENT, "run %s cannot become another run", run_id);
    return write_run(l, doc, changes, now, err);
}

int sl_ledger_pg__update_run(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                             struct json_object *changes, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    rc = change_run(l, lease, run_id, changes, held.now, err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

int sl_ledger_pg__get_run(struct sl_ledger *ledger, const char *run_id, struct json_object **out, struct sl_error *err)
{
    const char *const params[] = {run_id};
    return sl_ledger_pg__get(sl_ledger_pg_of(ledger), "SELECT doc FROM ledger.runs WHERE id = $1", 1, params, out, err);
}

static int enter(struct sl_ledger_pg *l, const struct sl_ledger_pg__held *held, const struct sl_lease *lease,
                 const char *run_id, struct json_object *const *assets, size_t n_assets,
                 struct json_object *run_changes, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *ended = sl_ledger_change_run_ended("succeeded", NULL, held->now);
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *run = sl_ledger_merge(run_changes ? run_changes : nothing, ended);
    SL_CLEANUP(sl_json_putp) struct json_object *batch =
        sl_ledger_change_closed(held->doc, SL_BATCH_SUCCEEDED, run_id, NULL, held->now);
    const char *const params[] = {lease->batch_id};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_assets; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *event = sl_ledger_event_asset(assets[i], held->now);
        rc = strcmp(sl_json_str(assets[i], "batch_id", ""), lease->batch_id) == 0
                 ? sl_ledger_pg__insert(l, "assets", assets[i], err)
                 : sl_fail(err, SL_E_LEDGER_DOCUMENT, "an asset of batch %s was to be committed by batch %s",
                           sl_json_str(assets[i], "batch_id", "?"), lease->batch_id);
        if (rc == 0)
            rc = sl_ledger_pg__event(l, event, err);
    }
    if (rc < 0 || (rc = change_run(l, lease, run_id, run, held->now, err)) < 0 ||
        (rc = sl_pg_query(l->pg, "DELETE FROM ledger.versions WHERE batch_id = $1", 1, params, NULL, err)) < 0)
        return rc;
    return sl_ledger_pg__update(l, "manifests", held->doc, batch, NULL, err);
}

int sl_ledger_pg__commit(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                         struct json_object *const *assets, size_t n_assets, struct json_object *run_changes,
                         struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    struct sl_ledger_pg__held held;
    int rc = sl_ledger_pg__hold(l, lease, &held, err);
    if (rc < 0)
        return rc;
    rc = enter(l, &held, lease, run_id, assets, n_assets, run_changes, err);
    return sl_ledger_pg__release(l, &held, rc, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "ledger/postgres/postgres.h"

static void ledger_free(struct sl_ledger *ledger)
{
    if (!ledger)
        return;
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    sl_pg_close(l->pg);
    sl_ledger_schemas_free(l->schemas);
    sl_arena_free(l->arena);
    free(l);
}

static const struct sl_ledger_ops ops = {
    .name = "postgres",
    .prepare = sl_ledger_pg__prepare,
    .register_batch = sl_ledger_pg__register_batch,
    .claim = sl_ledger_pg__claim,
    .renew = sl_ledger_pg__renew,
    .hand_back = sl_ledger_pg__hand_back,
    .close_batch = sl_ledger_pg__close_batch,
    .abandon = sl_ledger_pg__abandon,
    .leases = sl_ledger_pg__leases,
    .reopen = sl_ledger_pg__reopen,
    .get_batch = sl_ledger_pg__get_batch,
    .move_manifest = sl_ledger_pg__move_manifest,
    .left_manifest = sl_ledger_pg__left_manifest,
    .outstanding = sl_ledger_pg__outstanding,
    .begin_run = sl_ledger_pg__begin_run,
    .update_run = sl_ledger_pg__update_run,
    .get_run = sl_ledger_pg__get_run,
    .reserve_version = sl_ledger_pg__reserve_version,
    .release_versions = sl_ledger_pg__release_versions,
    .reservations = sl_ledger_pg__reservations,
    .drop_reservation = sl_ledger_pg__drop_reservation,
    .commit = sl_ledger_pg__commit,
    .get_asset = sl_ledger_pg__get_asset,
    .get_latest_asset = sl_ledger_pg__get_latest_asset,
    .get_asset_version = sl_ledger_pg__get_asset_version,
    .get_asset_by_key = sl_ledger_pg__get_asset_by_key,
    .get_asset_by_fingerprint = sl_ledger_pg__get_asset_by_fingerprint,
    .get_next_version = sl_ledger_pg__get_next_version,
    .asset_exists = sl_ledger_pg__asset_exists,
    .add_event = sl_ledger_pg__add_event,
    .events_since = sl_ledger_pg__events_since,
    .sweep_events = sl_ledger_pg__sweep_events,
    .announce = sl_ledger_pg__announce,
    .probe = sl_ledger_pg__probe,
    .find = sl_ledger_pg__find,
    .free = ledger_free,
};

int sl_ledger_postgres_open(const struct sl_pg_target *target, const char *schemas_dir, struct sl_ledger **out,
                            struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_xcalloc(1, sizeof *l);
    l->base.ops = &ops;
    l->arena = sl_arena_new();
    l->target = (struct sl_pg_target){
        .dsn = sl_arena_strdup(l->arena, target->dsn),
        .host = sl_arena_strdup(l->arena, target->host),
        .port = target->port,
        .database = sl_arena_strdup(l->arena, target->database),
        .user = sl_arena_strdup(l->arena, target->user),
        .password = sl_arena_strdup(l->arena, target->password),
        .sslmode = sl_arena_strdup(l->arena, target->sslmode),
        .connect_timeout_s = target->connect_timeout_s,
        .silence_ms = target->silence_ms,
    };
    int rc = sl_ledger_schemas_load(schemas_dir, &l->schemas, err);
    if (rc == 0)
        rc = sl_pg_open(&l->target, "sluice ledger", &l->pg, err);
    if (rc < 0) {
        ledger_free(&l->base);
        return rc;
    }
    *out = &l->base;
    return 0;
}

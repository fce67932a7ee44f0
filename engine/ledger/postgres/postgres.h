/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.h - what the files of the PostgreSQL ledger share. */
#ifndef SLUICE_LEDGER_POSTGRES_POSTGRES_H
#define SLUICE_LEDGER_POSTGRES_POSTGRES_H

#include "base/arena.h"
#include "json/json.h"
#include "ledger/change.h"
#include "ledger/event.h"
#include "ledger/ledger.h"
#include "pg/pg.h"

struct sl_ledger_pg {
    struct sl_ledger base;
    struct sl_arena *arena;     /* owns the target's strings */
    struct sl_pg_target target; /* for the connections that find opens */
    struct sl_pg *pg;
    struct sl_ledger_schemas *schemas;
    char server[64]; /* for probe */
};

/* The server's time as documents spell it. Such texts are ordered as the times are (COLLATE "C"). */
#define SL_LEDGER_ISO(time) "ledger.iso(" time ")"
#define SL_LEDGER_NOW SL_LEDGER_ISO("clock_timestamp()")

enum { SL_LEDGER_TIME_BYTES = 40, SL_LEDGER_NUMBER_BYTES = 24 };

static inline struct sl_ledger_pg *sl_ledger_pg_of(struct sl_ledger *ledger)
{
    return (struct sl_ledger_pg *)ledger;
}

/* ---- document.c ---- */
/* A document read back; the caller owns it. */
int sl_ledger_pg__parse(const char *text, struct json_object **out, struct sl_error *err);
/* The first column of the first row as a document; NULL when there is no row. */
int sl_ledger_pg__get(struct sl_ledger_pg *l, const char *sql, int n_params, const char *const *params,
                      struct json_object **out, struct sl_error *err);
/* Checks and inserts. A taken id or key is SL_E_LEDGER_CONFLICT. */
int sl_ledger_pg__insert(struct sl_ledger_pg *l, const char *collection, struct json_object *doc,
                         struct sl_error *err);
/* Checks doc with the changes, writes the changes; the caller holds the row's lock. *after (may be NULL) is the document
 * afterwards. A new status of a batch brings its event. */
int sl_ledger_pg__update(struct sl_ledger_pg *l, const char *collection, struct json_object *doc,
                         struct json_object *changes, struct json_object **after, struct sl_error *err);
const char *sl_ledger_pg__number(char buf[SL_LEDGER_NUMBER_BYTES], int64_t value);
/* Unique violations become SL_E_LEDGER_CONFLICT. Hands rc on. */
int sl_ledger_pg__conflict(struct sl_ledger_pg *l, int rc, struct sl_error *err);

/* ---- batches.c: a transaction that holds the batch's row ---- */
struct sl_ledger_pg__held {
    struct json_object *doc;
    char now[SL_LEDGER_TIME_BYTES];
};
/* Begins a transaction, locks the row and checks the lease; on failure there is no transaction. */
int sl_ledger_pg__hold(struct sl_ledger_pg *l, const struct sl_lease *lease, struct sl_ledger_pg__held *out,
                       struct sl_error *err);
/* Commits when rc is 0, else rolls back; frees what was held. Returns rc or the commit's failure. */
int sl_ledger_pg__release(struct sl_ledger_pg *l, struct sl_ledger_pg__held *held, int rc, struct sl_error *err);
/* Inside of a transaction: locks a batch's row whoever holds its lease. The caller owns out->doc. */
int sl_ledger_pg__lock_batch(struct sl_ledger_pg *l, const char *batch_id, struct sl_ledger_pg__held *out,
                             struct sl_error *err);
/* Ends the runs of a batch that are still "running" (attempt -1: of any). Inside of a transaction. */
int sl_ledger_pg__end_runs(struct sl_ledger_pg *l, const char *batch_id, int64_t attempt, const char *status,
                           const struct sl_error *error, const char *now, struct sl_error *err);

/* ---- events.c ---- */
/* Inside of a transaction, as late as possible: checks the event and enters it; one that is there already stays. */
int sl_ledger_pg__event(struct sl_ledger_pg *l, struct json_object *event, struct sl_error *err);
#define SL_LEDGER_EVENTS_LOCK "7310860921385679"
int sl_ledger_pg__now(struct sl_ledger_pg *l, char now[SL_LEDGER_TIME_BYTES], struct sl_error *err);

/* ---- processes.c ---- */
int sl_ledger_pg__sweep_processes(struct sl_ledger_pg *l, struct sl_error *err);

/* ---- filter.c, sort.c: MongoDB's syntax to SQL ---- */
struct sl_ledger_pg__query {
    struct sl_buf sql;
    struct sl_arena *arena;
    const char **params;
    int n_params;
    int n_aliases;
};
/* Appends a condition on the column `doc`. */
int sl_ledger_pg__filter(struct sl_ledger_pg__query *q, struct json_object *filter, struct sl_error *err);
/* Appends ORDER BY …. */
int sl_ledger_pg__sort(struct sl_ledger_pg__query *q, const char *sort, struct sl_error *err);
/* Adds a parameter (copied) and returns its number. 0 when there are too many. */
int sl_ledger_pg__param(struct sl_ledger_pg__query *q, const char *value);
enum { SL_LEDGER_MAX_PARAMS = 400, SL_LEDGER_MAX_SQL = 262144 };

/* ---- the vtable's functions ---- */
int sl_ledger_pg__prepare(struct sl_ledger *ledger, struct sl_error *err);
int sl_ledger_pg__find(struct sl_ledger *ledger, const struct sl_find *find, sl_ledger_visit visit, void *data,
                       struct sl_error *err);
int sl_ledger_pg__register_batch(struct sl_ledger *ledger, struct json_object *manifest_doc, enum sl_registered *out,
                                 struct sl_error *err);
int sl_ledger_pg__claim(struct sl_ledger *ledger, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                        struct json_object **doc_out, struct sl_error *err);
int sl_ledger_pg__renew(struct sl_ledger *ledger, const struct sl_lease *lease, int64_t lease_ms,
                        struct sl_error *err);
int sl_ledger_pg__hand_back(struct sl_ledger *ledger, const struct sl_lease *lease, const char *not_before,
                            const struct sl_error *error, struct sl_error *err);
int sl_ledger_pg__close_batch(struct sl_ledger *ledger, const struct sl_lease *lease, enum sl_batch_status status,
                              const char *run_id, const struct sl_error *error, struct sl_error *err);
int sl_ledger_pg__abandon(struct sl_ledger *ledger, const char *owner, const struct sl_error *error, int max_crashes,
                          char *batch_id_out, bool *poisoned_out, struct sl_error *err);
int sl_ledger_pg__leases(struct sl_ledger *ledger, sl_lease_visit visit, void *data, struct sl_error *err);
int sl_ledger_pg__reopen(struct sl_ledger *ledger, const char *batch_id, struct json_object *replay,
                         const char *manifest_key, struct sl_error *err);
int sl_ledger_pg__get_batch(struct sl_ledger *ledger, const char *batch_id, struct json_object **out,
                            struct sl_error *err);
int sl_ledger_pg__move_manifest(struct sl_ledger *ledger, const char *batch_id, const char *manifest_key,
                                const char *leaving, struct sl_error *err);
int sl_ledger_pg__left_manifest(struct sl_ledger *ledger, const char *batch_id, const char *left, struct sl_error *err);
int sl_ledger_pg__outstanding(struct sl_ledger *ledger, int64_t *pending, int64_t *running, int64_t *next_due_ms,
                              struct sl_error *err);
int sl_ledger_pg__begin_run(struct sl_ledger *ledger, const struct sl_lease *lease, struct json_object *run_doc,
                            struct sl_error *err);
int sl_ledger_pg__update_run(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                             struct json_object *changes, struct sl_error *err);
int sl_ledger_pg__get_run(struct sl_ledger *ledger, const char *run_id, struct json_object **out,
                          struct sl_error *err);
int sl_ledger_pg__reserve_version(struct sl_ledger *ledger, const struct sl_lease *lease, const char *dataset_id,
                                  int64_t *version, struct sl_error *err);
int sl_ledger_pg__release_versions(struct sl_ledger *ledger, const struct sl_lease *lease, struct sl_error *err);
int sl_ledger_pg__reservations(struct sl_ledger *ledger, const char *batch_id, sl_reservation_visit visit, void *data,
                               struct sl_error *err);
int sl_ledger_pg__drop_reservation(struct sl_ledger *ledger, const struct sl_reservation *reservation, bool *dropped,
                                   struct sl_error *err);
int sl_ledger_pg__commit(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                         struct json_object *const *assets, size_t n_assets, struct json_object *run_changes,
                         struct sl_error *err);
int sl_ledger_pg__get_asset(struct sl_ledger *ledger, const char *asset_id, struct json_object **out,
                            struct sl_error *err);
int sl_ledger_pg__get_latest_asset(struct sl_ledger *ledger, const char *dataset_id, struct json_object **out,
                                   struct sl_error *err);
int sl_ledger_pg__get_asset_version(struct sl_ledger *ledger, const char *dataset_id, int64_t version,
                                    struct json_object **out, struct sl_error *err);
int sl_ledger_pg__get_asset_by_key(struct sl_ledger *ledger, const char *bucket, const char *s3_key,
                                   struct json_object **out, struct sl_error *err);
int sl_ledger_pg__get_asset_by_fingerprint(struct sl_ledger *ledger, const char *fingerprint,
                                           struct json_object **out, struct sl_error *err);
int sl_ledger_pg__get_next_version(struct sl_ledger *ledger, const char *dataset_id, int64_t *version,
                                   struct sl_error *err);
int sl_ledger_pg__asset_exists(struct sl_ledger *ledger, const char *content_hash, bool *exists,
                               struct sl_error *err);
int sl_ledger_pg__add_event(struct sl_ledger *ledger, struct json_object *event, struct sl_error *err);
int sl_ledger_pg__sweep_events(struct sl_ledger *ledger, int64_t age_s, bool dry_run, int64_t *n, struct sl_error *err);
int sl_ledger_pg__events_since(struct sl_ledger *ledger, char cursor[SL_CURSOR_BYTES], sl_ledger_visit visit, void *data,
                               struct sl_error *err);
int sl_ledger_pg__announce(struct sl_ledger *ledger, const char *owner, struct json_object *doc, struct sl_error *err);
int sl_ledger_pg__probe(struct sl_ledger *ledger, struct sl_ledger_probe *out, struct sl_error *err);

#endif

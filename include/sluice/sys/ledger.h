/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/ledger.h - the port to the ledger, the absolute registry: what is not in it does not exist.
 *
 * Documents are json-c objects of the shape that schemas/ledger/ describes (DESIGN §7a); dates in them are ISO 8601 text
 * in UTC with microseconds. Every document is validated before it is written (SL_E_LEDGER_DOCUMENT is a bug of the
 * engine). The engine asks for intents; `find` is for people at the command line. Everything that returns documents
 * hands over a reference. Threads: one sl_ledger belongs to one thread at a time.
 *
 * A lease is the right to work on a batch: owner and attempt are its fencing token. Every call that takes a lease fails
 * with SL_E_LEASE_LOST, changing nothing, when the ledger holds another owner or attempt, or the lease has expired by
 * the ledger's own clock.
 */
#ifndef SLUICE_SYS_LEDGER_H
#define SLUICE_SYS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

enum sl_batch_status { SL_BATCH_PENDING, SL_BATCH_RUNNING, SL_BATCH_SUCCEEDED, SL_BATCH_FAILED, SL_BATCH_QUARANTINED };

enum { SL_BATCH_ID_BYTES = 129, SL_OWNER_BYTES = 129, SL_DATASET_BYTES = 129, SL_CURSOR_BYTES = 128 };

struct sl_lease {
    char batch_id[SL_BATCH_ID_BYTES];
    char owner[SL_OWNER_BYTES];
    int64_t attempt;
};

enum sl_registered { SL_REGISTERED_NEW, SL_REGISTERED_SAME, SL_REGISTERED_OTHER };

/* How many batches of one intent may run at a time. */
struct sl_intent_limit {
    const char *intent;
    int64_t most;
};

struct sl_claim {
    const char *batch_id; /* this one; NULL: the one that is due first */
    const char *owner;
    int64_t lease_ms;
    int64_t most_running; /* in all, on every host; 0: no limit. A named batch is claimed whatever the limits say. */
    const struct sl_intent_limit *limits;
    size_t n_limits;
};

/* What a server is and can do, for `sluice doctor`. Borrowed texts live as long as the ledger. */
struct sl_ledger_probe {
    const char *server;      /* "PostgreSQL 15.20", "MongoDB 7.0.12", "FerretDB 1.24.0" */
    int64_t clock_ns;        /* the server's wall clock, when it was asked */
    bool validators;         /* it refuses documents that do not fit the schemas by itself */
    bool majority;           /* it acknowledges writes by a majority of a replica set */
};

struct sl_find {
    const char *collection;     /* "manifests", "runs", "assets", "events", "processes" */
    struct json_object *filter; /* MongoDB filter syntax; NULL: all */
    const char *sort;           /* "version:-1,created_at:1"; NULL: by _id */
    int64_t limit, skip;        /* limit 0: all */
};
/* A version number that a batch has taken and not committed. */
struct sl_reservation {
    char dataset_id[SL_DATASET_BYTES];
    int64_t version;
    char batch_id[SL_BATCH_ID_BYTES];
};
/* Returns 0 to go on, negative to stop. May call the ledger. */
typedef int (*sl_reservation_visit)(void *data, const struct sl_reservation *reservation, struct sl_error *err);
typedef int (*sl_lease_visit)(void *data, const struct sl_lease *lease, struct sl_error *err);
/* Returns 0 to go on, negative to stop. The document is borrowed. */
typedef int (*sl_ledger_visit)(void *data, struct json_object *doc, struct sl_error *err);

struct sl_ledger {
    const struct sl_ledger_ops *ops;
    /* the implementation's own follows */
};

struct sl_ledger_ops {
    const char *name; /* "postgres", "mongo" */

    /* Must provide. Makes what is missing (schema, collections, indexes); safe to call from several processes. */
    int (*prepare)(struct sl_ledger *ledger, struct sl_error *err);

    /* ---- batches ---- */
    /* Must provide. Enters a manifest document whose status is pending or quarantined; its _id becomes its batch_id. The
     * same batch_id again: SAME when its content_hash is equal, else OTHER; both leave the ledger as it was. */
    int (*register_batch)(struct sl_ledger *ledger, struct json_object *manifest_doc, enum sl_registered *out,
                          struct sl_error *err);
    /* Must provide. Claims the given batch, or (batch_id NULL) of those that are due the one with the highest priority,
     * among equals the oldest: due is pending with not_before in the past, or running with an expired lease. Its status
     * becomes running, attempts grows by one and is the lease's attempt. *claimed false when nothing is due, or nothing
     * within the limits: when several claim at the same moment, a limit is never exceeded for longer than the claim takes.
     * Given a batch that is not due: SL_E_BATCH_NOT_FOUND, or SL_E_BATCH_BUSY when somebody holds it, or *claimed false
     * when it is over or waits for its not_before. doc_out (may be NULL) is the document after the change. A takeover ends
     * the runs of the batch that are still "running". */
    int (*claim)(struct sl_ledger *ledger, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                 struct json_object **doc_out, struct sl_error *err);
    /* Must provide. */
    int (*renew)(struct sl_ledger *ledger, const struct sl_lease *lease, int64_t lease_ms, struct sl_error *err);
    /* Must provide. Back to pending, due at not_before (ISO 8601; NULL: now), with the error of this attempt. A worker
     * that hands a batch back untouched passes no error, and the attempt does not count; nor does one that found a file
     * missing (SL_E_FILE_MISSING) and waits for it, whose error the document then has. */
    int (*hand_back)(struct sl_ledger *ledger, const struct sl_lease *lease, const char *not_before,
                     const struct sl_error *error, struct sl_error *err);
    /* Must provide. Ends the batch: failed or quarantined with its error, or succeeded without new assets (linked
     * ones). run_id may be NULL. Like hand_back it ends a run of this attempt that is still "running". */
    int (*close_batch)(struct sl_ledger *ledger, const struct sl_lease *lease, enum sl_batch_status status,
                       const char *run_id, const struct sl_error *error, struct sl_error *err);
    /* Must provide. For the supervisor whose worker died: what `owner` still holds goes back to pending with the error,
     * `crashes` grows by one; with crashes >= max_crashes it is quarantined as batch.poison. max_crashes 0: it was not the
     * batch's fault, no crash is counted. *batch_id_out (buffer of
     * SL_BATCH_ID_BYTES) is "" when it held nothing; *poisoned_out tells which. The runs of that attempt that are still
     * "running" are closed as failed with the error. */
    int (*abandon)(struct sl_ledger *ledger, const char *owner, const struct sl_error *error, int max_crashes,
                   char *batch_id_out, bool *poisoned_out, struct sl_error *err);
    /* Must provide. Every lease that is held now. */
    int (*leases)(struct sl_ledger *ledger, sl_lease_visit visit, void *data, struct sl_error *err);
    /* Must provide. A batch that is over becomes pending again for a replay: `replay` is kept in its document
     * {force, from_raw, params, requested_at, …}. SL_E_BATCH_BUSY while it is pending or running. manifest_key: where the
     * manifest lies now, when that is why; NULL: where it did. */
    int (*reopen)(struct sl_ledger *ledger, const char *batch_id, struct json_object *replay, const char *manifest_key,
                  struct sl_error *err);
    /* Must provide. *out NULL when there is none. */
    int (*get_batch)(struct sl_ledger *ledger, const char *batch_id, struct json_object **out, struct sl_error *err);
    /* Must provide. Where the manifest lies now (manifests/, archive/, quarantine/). `leaving`, unless NULL, is the key that
     * it is about to be removed from: while the document has it, what lies there is this move's and nobody has put it back. */
    int (*move_manifest)(struct sl_ledger *ledger, const char *batch_id, const char *manifest_key, const char *leaving,
                         struct sl_error *err);
    /* Must provide. It has been removed from there. Nothing happens when the document says `leaving` of another key, or of
     * none. */
    int (*left_manifest)(struct sl_ledger *ledger, const char *batch_id, const char *left, struct sl_error *err);
    /* Must provide. How many are pending or running, and in how many ms the next pending one is due (-1: none). */
    int (*outstanding)(struct sl_ledger *ledger, int64_t *pending, int64_t *running, int64_t *next_due_ms,
                       struct sl_error *err);

    /* ---- runs ---- */
    /* Must provide. Inserts the run document (status running) and sets the batch's run_id. */
    int (*begin_run)(struct sl_ledger *ledger, const struct sl_lease *lease, struct json_object *run_doc,
                     struct sl_error *err);
    /* Must provide. Sets the given members of the run document (stages, rows_in, …). */
    int (*update_run)(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                      struct json_object *changes, struct sl_error *err);
    int (*get_run)(struct sl_ledger *ledger, const char *run_id, struct json_object **out, struct sl_error *err);

    /* ---- datasets and assets ---- */
    /* Must provide. Reserves the next version of the dataset for this batch: one more than the highest committed or
     * reserved one. The same batch asking again gets the same number, also in a later attempt, until it is released or
     * committed. */
    int (*reserve_version)(struct sl_ledger *ledger, const struct sl_lease *lease, const char *dataset_id,
                           int64_t *version, struct sl_error *err);
    /* Must provide. Gives back what the batch has reserved and not committed. */
    int (*release_versions)(struct sl_ledger *ledger, const struct sl_lease *lease, struct sl_error *err);
    /* Must provide. What this batch has reserved, whatever its status; batch_id NULL: what those have reserved that are over,
     * or not in the ledger. */
    int (*reservations)(struct sl_ledger *ledger, const char *batch_id, sl_reservation_visit visit, void *data,
                        struct sl_error *err);
    /* Must provide. Takes a reservation away whose batch is over or not in the ledger. *dropped false, and nothing done:
     * the batch is pending or running again, or there is no such reservation of it any more. */
    int (*drop_reservation)(struct sl_ledger *ledger, const struct sl_reservation *reservation, bool *dropped,
                            struct sl_error *err);
    /* Must provide. THE commit: all asset documents, the run's end (run_changes, status succeeded) and the batch's end
     * (succeeded) become true together, or none does. A crash in the middle is completed or undone by the next claim. */
    int (*commit)(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                  struct json_object *const *assets, size_t n_assets, struct json_object *run_changes,
                  struct sl_error *err);
    /* Must provide. *out NULL when there is none. */
    int (*get_asset)(struct sl_ledger *ledger, const char *asset_id, struct json_object **out, struct sl_error *err);
    int (*get_latest_asset)(struct sl_ledger *ledger, const char *dataset_id, struct json_object **out,
                            struct sl_error *err);
    int (*get_asset_version)(struct sl_ledger *ledger, const char *dataset_id, int64_t version,
                             struct json_object **out, struct sl_error *err);
    int (*get_asset_by_key)(struct sl_ledger *ledger, const char *bucket, const char *s3_key, struct json_object **out,
                            struct sl_error *err);
    int (*get_asset_by_fingerprint)(struct sl_ledger *ledger, const char *fingerprint, struct json_object **out,
                                    struct sl_error *err);
    int (*get_next_version)(struct sl_ledger *ledger, const char *dataset_id, int64_t *version, struct sl_error *err);
    int (*asset_exists)(struct sl_ledger *ledger, const char *content_hash, bool *exists, struct sl_error *err);

    /* ---- for operators ---- */
    /* Must provide. Events are written by the backend itself: one document {_id, at, event, batch_id, …} for each change of
     * a batch's status, each committed asset and each ended run, with an _id that repeats itself when the same change is
     * entered again. This adds one of the engine's own (repair, gc, sensor). */
    int (*add_event)(struct sl_ledger *ledger, struct json_object *event, struct sl_error *err);
    /* Must provide. Visits the events that came after *cursor (text of the backend, "" for the beginning, "now" to begin
     * with what comes next) in the order of their entry, and moves it on. Never waits. An event may be seen twice, none is
     * left out. */
    int (*events_since)(struct sl_ledger *ledger, char cursor[SL_CURSOR_BYTES], sl_ledger_visit visit, void *data,
                        struct sl_error *err);
    /* Must provide. Removes the events of more than age_s ago (their `at`), but each batch's first, which decides that the
     * batch was registered, and all of batches that are not over. *n says how many; with dry_run it only counts. age_s must
     * be longer than any writer may stand still. */
    int (*sweep_events)(struct sl_ledger *ledger, int64_t age_s, bool dry_run, int64_t *n, struct sl_error *err);
    /* Must provide. Enters or renews the document of a running process (collection "processes", _id: its owner name) with
     * the ledger's time as seen_at; doc NULL takes it away. Documents not renewed for a day are swept by prepare. */
    int (*announce)(struct sl_ledger *ledger, const char *owner, struct json_object *doc, struct sl_error *err);
    /* Must provide. */
    int (*probe)(struct sl_ledger *ledger, struct sl_ledger_probe *out, struct sl_error *err);

    /* Must provide. For people; operators as documented in ledger/CONTEXT.md, others are SL_E_LEDGER_FILTER. */
    int (*find)(struct sl_ledger *ledger, const struct sl_find *find, sl_ledger_visit visit, void *data,
                struct sl_error *err);

    /* Must provide; NULL is allowed. */
    void (*free)(struct sl_ledger *ledger);
};

#endif

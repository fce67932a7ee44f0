/* SPDX-License-Identifier: Apache-2.0 */
/* mongo.h - what the files of the MongoDB ledger share. CONTEXT.md tells how a change is decided and entered. */
#ifndef SLUICE_LEDGER_MONGO_MONGO_H
#define SLUICE_LEDGER_MONGO_MONGO_H

#include <mongoc/mongoc.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/json.h"
#include "ledger/change.h"
#include "ledger/event.h"
#include "ledger/ledger.h"

enum {
    SL_LEDGER_MAX_DOCUMENT_BYTES = 15 * 1024 * 1024,
    SL_LEDGER_CANDIDATES = 64,
    SL_LEDGER_STREAMS = 4,
    SL_LEDGER_STREAM_RING = 4096,
    SL_LEDGER_ISO_BYTES = 32,
};

/* In "lookups": whether batches of several priorities have waited, for servers that walk "queue". */
#define SL_LEDGER_PRIORITIES "queue:priorities"

/* One who follows the events: what it has seen of the time that is looked at again. */
struct sl_ledger_mongo__stream {
    uint64_t number; /* 0: free */
    uint64_t ring[SL_LEDGER_STREAM_RING];
    size_t next;
};

struct sl_ledger_mongo {
    struct sl_ledger base;
    struct sl_arena *arena;
    mongoc_uri_t *uri;
    mongoc_client_t *client;
    const char *database;
    const char *place; /* "host:port", without user and password */
    struct sl_ledger_schemas *schemas;
    char server[96];
    bool ferret;    /* its updates are no compare-and-set, and only a filter of {_id} alone is fast */
    bool replicas;
    bool validators;
    int64_t server_us, measured_ns; /* the server's clock at a moment of the monotonic clock */
    int64_t commands;               /* how many were sent, for measurements */
    /* What is due, as it was last read; kept where reading it is slow or many wait. */
    struct json_object *candidates;
    size_t next_candidate;
    int64_t candidates_until_ns;
    int64_t strays_ns; /* when strays are looked for next */
    bool mixed; /* this handle has said that batches of several priorities wait */
    struct {
        int64_t pending, running, due_us, until_ns;
    } outstanding;
    struct json_object *run; /* the run that this handle last wrote, as it is stored */
    struct sl_ledger_mongo__stream *streams;
    uint64_t last_stream;
};

static inline struct sl_ledger_mongo *sl_ledger_mongo_of(struct sl_ledger *base)
{
    return (struct sl_ledger_mongo *)base;
}

void sl_ledger_mongo__bsonp(bson_t **b); /* for SL_CLEANUP */

/* ---- open.c ---- */
int sl_ledger_mongo__connect(struct sl_ledger_mongo *l, struct sl_error *err);
/* The ledger's time in microseconds; asks the server once a minute. */
int sl_ledger_mongo__now(struct sl_ledger_mongo *l, int64_t *us, struct sl_error *err);
/* "2026-11-21T09:14:03.123456Z" */
char *sl_ledger_mongo__iso(char out[SL_LEDGER_ISO_BYTES], int64_t us);

/* ---- document.c: json-c and BSON ---- */
/* A document of a collection with a schema: its dates become BSON dates, members that BSON or a server cannot hold text
 * ("manifest_text"). SL_E_LIMIT when it is too large. The caller owns *out (bson_destroy). */
int sl_ledger_mongo__encode(struct sl_ledger_mongo *l, const char *collection, struct json_object *doc, bson_t **out,
                            struct sl_error *err);
struct json_object *sl_ledger_mongo__decode(const bson_t *b);
/* JSON as it stands, for commands and for collections of the engine's own. */
bson_t *sl_ledger_mongo__bson(struct json_object *doc);
/* Whether the member of the collection's documents at a dotted path is a date. */
bool sl_ledger_mongo__is_date(struct sl_ledger_mongo *l, const char *collection, const char *path);

/* ---- command.c ---- */
/* reply_out may be NULL. A broken connection is made again once and the command repeated (*repeated, may be NULL). */
int sl_ledger_mongo__run(struct sl_ledger_mongo *l, const bson_t *command, bool write, bson_t *reply, bool *repeated,
                         struct sl_error *err);
/* *out NULL when there is none. */
int sl_ledger_mongo__get(struct sl_ledger_mongo *l, const char *collection, const char *id, struct json_object **out,
                         struct sl_error *err);
/* All that fit the filter (JSON; dates as they are), as one array. sort may be NULL; limit 0: all. */
int sl_ledger_mongo__list(struct sl_ledger_mongo *l, const char *collection, struct json_object *filter,
                          struct json_object *sort, int64_t limit, struct json_object **out, struct sl_error *err);
/* All that a find command gives. */
int sl_ledger_mongo__find_all(struct sl_ledger_mongo *l, const bson_t *command, const char *collection,
                              struct json_object **out, struct sl_error *err);
/* Inserts; *there (may be NULL: SL_E_LEDGER_CONFLICT) tells that a document of a unique member's value was there. */
int sl_ledger_mongo__insert(struct sl_ledger_mongo *l, const char *collection, const bson_t *doc, bool *there,
                            bool *repeated, struct sl_error *err);
/* Several at once; those that are there stay. */
int sl_ledger_mongo__insert_all(struct sl_ledger_mongo *l, const char *collection, bson_t *const *docs, size_t n,
                                int *there, struct sl_error *err);
/* Sets members of the document; guard (may be NULL) are further conditions, for servers that compare and set.
 * *matched may be NULL. */
int sl_ledger_mongo__set(struct sl_ledger_mongo *l, const char *collection, const char *id, const bson_t *guard,
                         const bson_t *members, bool upsert, int64_t *matched, struct sl_error *err);
int sl_ledger_mongo__remove(struct sl_ledger_mongo *l, const char *collection, const char *id, int64_t *n,
                            struct sl_error *err);
int sl_ledger_mongo__remove_all(struct sl_ledger_mongo *l, const char *collection, struct json_object *filter,
                                struct sl_error *err);
/* Checks by the schema, then encodes. */
int sl_ledger_mongo__checked(struct sl_ledger_mongo *l, const char *collection, struct json_object *doc, bson_t **out,
                             struct sl_error *err);
int sl_ledger_mongo__fail(struct sl_ledger_mongo *l, const bson_error_t *error, struct sl_error *err);

/* ---- validator.c ---- */
/* A $jsonSchema for MongoDB out of a schema of schemas/ledger: draft 4, no references. The caller owns it. */
struct json_object *sl_ledger_mongo_validator(struct json_object *schema);
/* A schema behind its references; NULL stays NULL. Borrowed. */
struct json_object *sl_ledger_mongo__resolve(struct json_object *root, struct json_object *schema);
bool sl_ledger_mongo__says_date(struct json_object *root, struct json_object *schema);

/* ---- decide.c: a batch's changes ---- */
struct sl_ledger_mongo__change {
    struct json_object *changes;   /* what change.h made */
    const char *run_status;        /* of the run that ends with it; NULL: none does */
    const struct sl_error *error;  /* of that run */
    const char *commit_id;         /* of the document in "work" that is entered with it; NULL: none */
    struct json_object *commit;    /* what that document says; borrowed */
    struct json_object *after;     /* out: the document afterwards; the caller owns it */
};
/* Decides a change of the document as it was read, and enters it. *won false: another change was decided first, and
 * nothing is done. */
int sl_ledger_mongo__decide(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_ledger_mongo__change *change,
                            bool *won, struct sl_error *err);
/* Enters the change that was decided after the document as it was read, if it is older than that. */
int sl_ledger_mongo__catch_up(struct sl_ledger_mongo *l, struct json_object *doc, int64_t older_than_us,
                              struct sl_error *err);
/* The manifest's document with all that is decided entered. *out NULL when there is none. */
int sl_ledger_mongo__load(struct sl_ledger_mongo *l, const char *batch_id, struct json_object **out,
                          struct sl_error *err);

/* ---- leases.c ---- */
/* SL_E_LEASE_LOST unless the lease holds; now may be NULL. */
int sl_ledger_mongo__hold(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t *now_us,
                          struct sl_error *err);
/* The same for a change of the batch that is then decided, and the batch's document. */
int sl_ledger_mongo__hold_doc(struct sl_ledger_mongo *l, const struct sl_lease *lease, int64_t *now_us,
                              struct json_object **doc, struct sl_error *err);
int sl_ledger_mongo__lease_lost(const struct sl_lease *lease, struct sl_error *err);
int sl_ledger_mongo__put_lease(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_error *err);
int sl_ledger_mongo__put_queue(struct sl_ledger_mongo *l, struct json_object *doc, struct sl_error *err);
/* That of this attempt or an earlier one: whoever ends an attempt late must not end the next. */
int sl_ledger_mongo__remove_lease(struct sl_ledger_mongo *l, const char *batch_id, int64_t attempt, struct sl_error *err);
/* Batches that wait or are worked on by their documents, and that no claim would find: they get a place in "queue", or their
 * own ended lease. Several that enter one change, some of them late, can leave such a batch. Walks what is not over. */
int sl_ledger_mongo__place_strays(struct sl_ledger_mongo *l, bool *placed, struct sl_error *err);

/* ---- runs.c ---- */
/* attempt -1: whichever it is of. own: this handle holds the batch's lease. */
int sl_ledger_mongo__end_run(struct sl_ledger_mongo *l, const char *run_id, int64_t attempt, bool own,
                             struct json_object *changes, const char *now, struct sl_error *err);
/* The same without the event, which is the caller's to enter and to put; *event NULL when there is no such run. */
int sl_ledger_mongo__end_run_quietly(struct sl_ledger_mongo *l, const char *run_id, int64_t attempt, bool own,
                                     struct json_object *changes, const char *now, struct json_object **event,
                                     struct sl_error *err);
/* ---- commit.c ---- */
/* body: what the commit's document says, where the caller has laid it down itself and holds the lease; else NULL. */
int sl_ledger_mongo__enter_commit(struct sl_ledger_mongo *l, const char *batch_id, const char *commit_id,
                                  struct json_object *body, const char *now, struct sl_error *err);
/* ---- events.c ---- */
int sl_ledger_mongo__events(struct sl_ledger_mongo *l, struct json_object *const *events, size_t n, struct sl_error *err);
/* Inserts the event of a batch that is being registered; *first tells whether it was not there. */
int sl_ledger_mongo__event_begins(struct sl_ledger_mongo *l, struct json_object *doc, bool *first, struct sl_error *err);
/* Inserts the event of a decision; *won tells whether it was not there. */
int sl_ledger_mongo__event_decides(struct sl_ledger_mongo *l, struct json_object *event, bool *won, struct sl_error *err);

/* ---- the vtable's functions ---- */
int sl_ledger_mongo__prepare(struct sl_ledger *ledger, struct sl_error *err);
int sl_ledger_mongo__find(struct sl_ledger *ledger, const struct sl_find *find, sl_ledger_visit visit, void *data,
                       struct sl_error *err);
int sl_ledger_mongo__register_batch(struct sl_ledger *ledger, struct json_object *manifest_doc, enum sl_registered *out,
                                 struct sl_error *err);
int sl_ledger_mongo__claim(struct sl_ledger *ledger, const struct sl_claim *claim, bool *claimed, struct sl_lease *lease,
                        struct json_object **doc_out, struct sl_error *err);
int sl_ledger_mongo__renew(struct sl_ledger *ledger, const struct sl_lease *lease, int64_t lease_ms,
                        struct sl_error *err);
int sl_ledger_mongo__hand_back(struct sl_ledger *ledger, const struct sl_lease *lease, const char *not_before,
                            const struct sl_error *error, struct sl_error *err);
int sl_ledger_mongo__close_batch(struct sl_ledger *ledger, const struct sl_lease *lease, enum sl_batch_status status,
                              const char *run_id, const struct sl_error *error, struct sl_error *err);
int sl_ledger_mongo__abandon(struct sl_ledger *ledger, const char *owner, const struct sl_error *error, int max_crashes,
                          char *batch_id_out, bool *poisoned_out, struct sl_error *err);
int sl_ledger_mongo__leases(struct sl_ledger *ledger, sl_lease_visit visit, void *data, struct sl_error *err);
int sl_ledger_mongo__reopen(struct sl_ledger *ledger, const char *batch_id, struct json_object *replay,
                         const char *manifest_key, struct sl_error *err);
int sl_ledger_mongo__get_batch(struct sl_ledger *ledger, const char *batch_id, struct json_object **out,
                            struct sl_error *err);
int sl_ledger_mongo__move_manifest(struct sl_ledger *ledger, const char *batch_id, const char *manifest_key,
                                const char *leaving, struct sl_error *err);
int sl_ledger_mongo__left_manifest(struct sl_ledger *ledger, const char *batch_id, const char *left, struct sl_error *err);
int sl_ledger_mongo__outstanding(struct sl_ledger *ledger, int64_t *pending, int64_t *running, int64_t *next_due_ms,
                              struct sl_error *err);
int sl_ledger_mongo__begin_run(struct sl_ledger *ledger, const struct sl_lease *lease, struct json_object *run_doc,
                            struct sl_error *err);
int sl_ledger_mongo__update_run(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                             struct json_object *changes, struct sl_error *err);
int sl_ledger_mongo__get_run(struct sl_ledger *ledger, const char *run_id, struct json_object **out,
                          struct sl_error *err);
int sl_ledger_mongo__reserve_version(struct sl_ledger *ledger, const struct sl_lease *lease, const char *dataset_id,
                                  int64_t *version, struct sl_error *err);
int sl_ledger_mongo__release_versions(struct sl_ledger *ledger, const struct sl_lease *lease, struct sl_error *err);
int sl_ledger_mongo__reservations(struct sl_ledger *ledger, const char *batch_id, sl_reservation_visit visit, void *data,
                                  struct sl_error *err);
int sl_ledger_mongo__drop_reservation(struct sl_ledger *ledger, const struct sl_reservation *reservation, bool *dropped,
                                      struct sl_error *err);
int sl_ledger_mongo__commit(struct sl_ledger *ledger, const struct sl_lease *lease, const char *run_id,
                         struct json_object *const *assets, size_t n_assets, struct json_object *run_changes,
                         struct sl_error *err);
int sl_ledger_mongo__get_asset(struct sl_ledger *ledger, const char *asset_id, struct json_object **out,
                            struct sl_error *err);
int sl_ledger_mongo__get_latest_asset(struct sl_ledger *ledger, const char *dataset_id, struct json_object **out,
                                   struct sl_error *err);
int sl_ledger_mongo__get_asset_version(struct sl_ledger *ledger, const char *dataset_id, int64_t version,
                                    struct json_object **out, struct sl_error *err);
int sl_ledger_mongo__get_asset_by_key(struct sl_ledger *ledger, const char *bucket, const char *s3_key,
                                   struct json_object **out, struct sl_error *err);
int sl_ledger_mongo__get_asset_by_fingerprint(struct sl_ledger *ledger, const char *fingerprint,
                                           struct json_object **out, struct sl_error *err);
int sl_ledger_mongo__get_next_version(struct sl_ledger *ledger, const char *dataset_id, int64_t *version,
                                   struct sl_error *err);
int sl_ledger_mongo__asset_exists(struct sl_ledger *ledger, const char *content_hash, bool *exists,
                               struct sl_error *err);
int sl_ledger_mongo__add_event(struct sl_ledger *ledger, struct json_object *event, struct sl_error *err);
int sl_ledger_mongo__sweep_events(struct sl_ledger *ledger, int64_t age_s, bool dry_run, int64_t *n, struct sl_error *err);
int sl_ledger_mongo__events_since(struct sl_ledger *ledger, char cursor[SL_CURSOR_BYTES], sl_ledger_visit visit, void *data,
                               struct sl_error *err);
int sl_ledger_mongo__announce(struct sl_ledger *ledger, const char *owner, struct json_object *doc, struct sl_error *err);
int sl_ledger_mongo__probe(struct sl_ledger *ledger, struct sl_ledger_probe *out, struct sl_error *err);

#endif

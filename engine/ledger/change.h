/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.h - a batch's transitions, as what changes in its document: the same for every backend.
 *
 * Each function returns the members to be set (the caller owns them); the document itself is only read. `now` is the
 * time of the ledger, ISO 8601. A member that no longer applies is set to null, never removed.
 */
#ifndef SLUICE_LEDGER_CHANGE_H
#define SLUICE_LEDGER_CHANGE_H

#include <sluice/sys/ledger.h>

enum { SL_LEDGER_LONGEST_LEASE_MS = 7 * 24 * 3600 * 1000 };

/* What a new document lacks gets its start value: attempts, crashes, lease, history, times. */
void sl_ledger_fill_manifest(struct json_object *doc, const char *now);
void sl_ledger_fill_run(struct json_object *doc, const struct sl_lease *lease, const char *now);

struct json_object *sl_ledger_change_claimed(struct json_object *doc, const char *owner, const char *expires_at,
                                             const char *now);
/* error NULL: untouched, the attempt does not count. */
struct json_object *sl_ledger_change_handed_back(struct json_object *doc, const char *not_before,
                                                 const struct sl_error *error, const char *now);
struct json_object *sl_ledger_change_closed(struct json_object *doc, enum sl_batch_status status, const char *run_id,
                                            const struct sl_error *error, const char *now);
struct json_object *sl_ledger_change_abandoned(struct json_object *doc, const struct sl_error *error, int max_crashes,
                                               bool *poisoned, const char *now);
struct json_object *sl_ledger_change_reopened(struct json_object *doc, struct json_object *replay,
                                              const char *manifest_key, const char *now);
/* A run whose worker no longer works on it. */
struct json_object *sl_ledger_change_run_ended(const char *status, const struct sl_error *error, const char *now);

/* A new object: doc with the members of changes laid over it. Values are shared. */
struct json_object *sl_ledger_merge(struct json_object *doc, struct json_object *changes);

#endif

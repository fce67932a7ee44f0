/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/change.h"

#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"

static bool lacks(struct json_object *doc, const char *key)
{
    return !json_object_object_get_ex(doc, key, NULL);
}

static struct json_object *entry(const char *status, const struct sl_error *error, const char *now)
{
    struct json_object *e = json_object_new_object();
    sl_json_put_str(e, "status", status);
    sl_json_put_str(e, "at", now);
    if (error)
        sl_json_put_str(e, "code", sl_code_name(error->code));
    return e;
}

/* The history with one entry more; the document's own array is left as it is. */
static void append_history(struct json_object *changes, struct json_object *doc, struct json_object *last)
{
    struct json_object *before = sl_json_get(doc, "history"), *after = json_object_new_array();
    size_t n = json_object_is_type(before, json_type_array) ? json_object_array_length(before) : 0;
    for (size_t i = 0; i < n; i++)
        json_object_array_add(after, json_object_get(json_object_array_get_idx(before, i)));
    json_object_array_add(after, last);
    sl_json_put(changes, "history", after);
}

static struct json_object *begin_change(const char *status, const char *now)
{
    struct json_object *changes = json_object_new_object();
    sl_json_put_str(changes, "status", status);
    sl_json_put_str(changes, "updated_at", now);
    return changes;
}

static void put_error(struct json_object *changes, const struct sl_error *error)
{
    sl_json_put(changes, "error", error ? sl_ledger_error_doc(error) : NULL);
}

void sl_ledger_fill_manifest(struct json_object *doc, const char *now)
{
    static const char *const counters[] = {"attempts", "attempts_before", "crashes"};
    static const char *const nulls[] = {"leaving", "lease", "not_before", "replay", "run_id", "error"};
    static const char *const times[] = {"created_at", "updated_at"};
    /* One batch, one name: documents are found by it on every server. */
    sl_json_put_str(doc, "_id", sl_json_str(doc, "batch_id", NULL));
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (lacks(doc, counters[i]))
            sl_json_put_int(doc, counters[i], 0);
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (lacks(doc, nulls[i]))
            sl_json_put(doc, nulls[i], NULL);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (lacks(doc, times[i]))
            sl_json_put_str(doc, times[i], now);
    if (lacks(doc, "history"))
        append_history(doc, doc, entry(sl_json_str(doc, "status", ""), NULL, now));
}

void sl_ledger_fill_run(struct json_object *doc, const struct sl_lease *lease, const char *now)
{
    if (lacks(doc, "batch_id"))
        sl_json_put_str(doc, "batch_id", lease->batch_id);
    if (lacks(doc, "status"))
        sl_json_put_str(doc, "status", "running");
    if (lacks(doc, "attempt"))
        sl_json_put_int(doc, "attempt", lease->attempt);
    if (lacks(doc, "owner"))
        sl_json_put_str(doc, "owner", lease->owner);
    if (lacks(doc, "started_at"))
        sl_json_put_str(doc, "started_at", now);
}

struct json_object *sl_ledger_change_claimed(struct json_object *doc, const char *owner, const char *expires_at,
                                             const char *now)
{
    struct json_object *changes = begin_change("running", now), *lease = json_object_new_object();
    int64_t attempt = sl_json_int(doc, "attempts", 0) + 1;
    sl_json_put_str(lease, "owner", owner);
    sl_json_put_int(lease, "attempt", attempt);
    sl_json_put_str(lease, "expires_at", expires_at);
    struct json_object *last = entry("running", NULL, now);
    sl_json_put_str(last, "owner", owner);
    sl_json_put_int(last, "attempt", attempt);
    /* It was running already: somebody's lease ran out. */
    const char *before = sl_json_str(sl_json_get(doc, "lease"), "owner", NULL);
    if (before)
        sl_json_put_str(last, "taken_from", before);
    sl_json_put_int(changes, "attempts", attempt);
    sl_json_put(changes, "lease", lease);
    sl_json_put(changes, "not_before", NULL);
    append_history(changes, doc, last);
    return changes;
}

struct json_object *sl_ledger_change_handed_back(struct json_object *doc, const char *not_before,
                                                 const struct sl_error *error, const char *now)
{
    struct json_object *changes = begin_change("pending", now);
    sl_json_put(changes, "lease", NULL);
    sl_json_put_str(changes, "not_before", not_before);
    if (error)
        put_error(changes, error);
    if (!error || error->code == SL_E_FILE_MISSING)
        sl_json_put_int(changes, "attempts", sl_json_int(doc, "attempts", 1) - 1);
    append_history(changes, doc, entry("pending", error, now));
    return changes;
}

struct json_object *sl_ledger_change_closed(struct json_object *doc, enum sl_batch_status status, const char *run_id,
                                            const struct sl_error *error, const char *now)
{
    struct json_object *changes = begin_change(sl_batch_status_name(status), now);
    struct json_object *last = entry(sl_batch_status_name(status), error, now);
    sl_json_put(changes, "lease", NULL);
    sl_json_put(changes, "not_before", NULL);
    if (run_id) {
        sl_json_put_str(changes, "run_id", run_id);
        sl_json_put_str(last, "run_id", run_id);
    }
    put_error(changes, error);
    append_history(changes, doc, last);
    return changes;
}

struct json_object *sl_ledger_change_abandoned(struct json_object *doc, const struct sl_error *error, int max_crashes,
                                               bool *poisoned, const char *now)
{
    int64_t crashes = sl_json_int(doc, "crashes", 0) + (max_crashes > 0);
    *poisoned = max_crashes > 0 && crashes >= max_crashes;
    struct sl_error poison = {0};
    if (*poisoned) {
        sl_fail(&poison, SL_E_BATCH_POISON, "the batch has ended %lld worker%s: %s", (long long)crashes,
                crashes == 1 ? "" : "s", error->message);
        sl_error_hint(&poison, "%s", error->hint[0] ? error->hint : "look at the file with gdalinfo or ogrinfo, then "
                                                                    "sluice replay");
        error = &poison;
    }
    struct json_object *changes = begin_change(*poisoned ? "quarantined" : "pending", now);
    sl_json_put(changes, "lease", NULL);
    sl_json_put(changes, "not_before", NULL);
    sl_json_put_int(changes, "crashes", crashes);
    put_error(changes, error);
    append_history(changes, doc, entry(*poisoned ? "quarantined" : "pending", error, now));
    return changes;
}

struct json_object *sl_ledger_change_reopened(struct json_object *doc, struct json_object *replay,
                                              const char *manifest_key, const char *now)
{
    struct json_object *changes = begin_change("pending", now);
    /* attempts grows on: it is the fencing token. Who counts tries counts from here. */
    sl_json_put_int(changes, "attempts_before", sl_json_int(doc, "attempts", 0));
    sl_json_put_int(changes, "crashes", 0);
    sl_json_put(changes, "not_before", NULL);
    sl_json_put(changes, "error", NULL);
    sl_json_put(changes, "replay", json_object_get(replay));
    if (manifest_key) {
        sl_json_put_str(changes, "manifest_key", manifest_key);
        sl_json_put(changes, "leaving", NULL);
    }
    append_history(changes, doc, entry("pending", NULL, now));
    return changes;
}

struct json_object *sl_ledger_change_run_ended(const char *status, const struct sl_error *error, const char *now)
{
    struct json_object *changes = json_object_new_object();
    sl_json_put_str(changes, "status", status);
    sl_json_put_str(changes, "ended_at", now);
    put_error(changes, error);
    return changes;
}

struct json_object *sl_ledger_merge(struct json_object *doc, struct json_object *changes)
{
    struct json_object *merged = json_object_new_object();
    json_object_object_foreach (doc, key, value)
        json_object_object_add(merged, key, json_object_get(value));
    json_object_object_foreach (changes, name, change)
        json_object_object_add(merged, name, json_object_get(change));
    return merged;
}

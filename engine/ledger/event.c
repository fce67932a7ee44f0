/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/event.h"

#include <stdio.h>

#include "base/uuid7.h"
#include "json/json.h"

enum { ID_BYTES = 256, NAME_BYTES = 64 };

static struct json_object *begin(const char *id, const char *at, const char *kind, const char *what)
{
    struct json_object *e = json_object_new_object();
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", kind, what);
    sl_json_put_str(e, "_id", id);
    sl_json_put_str(e, "at", at);
    sl_json_put_str(e, "event", name);
    return e;
}

/* Members that are there and not null, under the same name. */
static void copy(struct json_object *e, struct json_object *doc, const char *const *names)
{
    for (; *names; names++) {
        struct json_object *value = sl_json_get(doc, *names);
        if (value)
            sl_json_put(e, *names, json_object_get(value));
    }
}

struct json_object *sl_ledger_event_batch(struct json_object *doc)
{
    static const char *const names[] = {"batch_id", "status", "intent", "uploader", "run_id", "error", NULL};
    struct json_object *history = sl_json_get(doc, "history"), *lease = sl_json_get(doc, "lease");
    const char *status = sl_json_str(doc, "status", "");
    size_t n = json_object_is_type(history, json_type_array) ? json_object_array_length(history) : 0;
    char id[ID_BYTES];
    snprintf(id, sizeof id, "batch:%s:%zu", sl_json_str(doc, "batch_id", ""), n);
    struct json_object *e = begin(id, sl_json_str(doc, "updated_at", NULL), "batch", status);
    copy(e, doc, names);
    sl_json_put_int(e, "attempt", sl_json_int(doc, "attempts", 0));
    if (lease)
        sl_json_put_str(e, "owner", sl_json_str(lease, "owner", NULL));
    return e;
}

struct json_object *sl_ledger_event_asset(struct json_object *asset, const char *now)
{
    static const char *const names[] = {"batch_id", "run_id",       "dataset_id", "version", "kind", "bucket",
                                        "s3_key",   "content_hash", "size_bytes", NULL};
    char id[ID_BYTES];
    snprintf(id, sizeof id, "asset:%s", sl_json_str(asset, "_id", ""));
    struct json_object *e = begin(id, now, "asset", "committed");
    sl_json_put_str(e, "asset_id", sl_json_str(asset, "_id", ""));
    copy(e, asset, names);
    return e;
}

struct json_object *sl_ledger_event_run(struct json_object *doc, const char *now)
{
    static const char *const names[] = {"batch_id", "status", "attempt", "owner", "rows_in", "rows_out", "error", NULL};
    char id[ID_BYTES];
    snprintf(id, sizeof id, "run:%s", sl_json_str(doc, "_id", ""));
    struct json_object *e = begin(id, sl_json_str(doc, "ended_at", now), "run", sl_json_str(doc, "status", ""));
    sl_json_put_str(e, "run_id", sl_json_str(doc, "_id", ""));
    copy(e, doc, names);
    return e;
}

void sl_ledger_fill_event(struct json_object *event, const char *now)
{
    char id[SL_UUID_TEXT_BYTES];
    if (!json_object_object_get_ex(event, "_id", NULL)) {
        sl_uuid7(id);
        sl_json_put_str(event, "_id", id);
    }
    if (!json_object_object_get_ex(event, "at", NULL))
        sl_json_put_str(event, "at", now);
}

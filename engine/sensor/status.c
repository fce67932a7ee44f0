/* SPDX-License-Identifier: Apache-2.0 */
/* Who is at work and what waits, from the ledger alone. */
#include <string.h>

#include "json/json.h"
#include "run/engine.h"
#include "sensor/sensor.h"

enum { SHOWN_MAX = 1000 };

static int add_document(void *data, struct json_object *doc, struct sl_error *err)
{
    (void)err;
    json_object_array_add(data, json_object_get(doc));
    return 0;
}

static int add_lease(void *data, const struct sl_lease *lease, struct sl_error *err)
{
    struct json_object *o = json_object_new_object();
    (void)err;
    sl_json_put_str(o, "batch_id", lease->batch_id);
    sl_json_put_str(o, "owner", lease->owner);
    sl_json_put_int(o, "attempt", lease->attempt);
    sl_json_put(o, "alive", json_object_new_boolean(sl_owner_alive(lease->owner)));
    if (json_object_array_length(data) < SHOWN_MAX)
        json_object_array_add(data, o);
    else
        json_object_put(o);
    return 0;
}

static int add_waiting(void *data, struct json_object *doc, struct sl_error *err)
{
    struct json_object *o = json_object_new_object(), *error = sl_json_get(doc, "error");
    (void)err;
    sl_json_put_str(o, "batch_id", sl_json_str(doc, "batch_id", NULL));
    sl_json_put_str(o, "since", sl_json_str(doc, "created_at", NULL));
    sl_json_put_str(o, "not_before", sl_json_str(doc, "not_before", NULL));
    sl_json_put_str(o, "code", error ? sl_json_str(error, "code", NULL) : NULL);
    sl_json_put_str(o, "message", error ? sl_json_str(error, "message", NULL) : NULL);
    json_object_array_add(data, o);
    return 0;
}

static int find(struct sl_engine *engine, const char *collection, const char *filter, const char *sort,
                sl_ledger_visit visit, struct json_object *list, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *parsed = filter ? json_tokener_parse(filter) : NULL;
    const struct sl_find find = {.collection = collection, .filter = parsed, .sort = sort, .limit = SHOWN_MAX};
    return engine->ledger->ops->find(engine->ledger, &find, visit, list, err);
}

int sl_sensor_status(struct sl_engine *engine, struct json_object **out, struct sl_error *err)
{
    struct sl_ledger *ledger = engine->ledger;
    int64_t pending = 0, running = 0, next_due_ms = -1;
    struct json_object *processes = json_object_new_array(), *leases = json_object_new_array(),
                       *waiting = json_object_new_array();
    int rc = find(engine, "processes", NULL, "started_at:1", add_document, processes, err);
    if (rc == 0)
        rc = ledger->ops->outstanding(ledger, &pending, &running, &next_due_ms, err);
    if (rc == 0)
        rc = ledger->ops->leases(ledger, add_lease, leases, err);
    if (rc == 0)
        rc = find(engine, "manifests", "{\"status\": \"pending\", \"not_before\": {\"$ne\": null}}", "created_at:1",
                  add_waiting, waiting, err);
    struct json_object *o = json_object_new_object();
    sl_json_put(o, "processes", processes);
    sl_json_put_int(o, "pending", pending);
    sl_json_put_int(o, "running", running);
    sl_json_put_int(o, "next_due_ms", next_due_ms);
    sl_json_put(o, "leases", leases);
    sl_json_put(o, "waiting", waiting);
    if (rc < 0)
        json_object_put(o);
    else
        *out = o;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Stage times, in the run document and as events; the heartbeat's word on the lease. */
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "run/batch.h"

enum { SMALL_BYTES = 4 << 20, TELL_EVERY_MS = 1000 };

int sl_batch_mine(struct sl_batch *b, struct sl_error *err)
{
    if (!atomic_load(b->lease_lost))
        return 0;
    return sl_fail(err, SL_E_LEASE_LOST, "the lease on batch %s is gone: another worker has it", b->lease.batch_id);
}

void sl_stage_begin(struct sl_batch *b, struct sl_stage *stage, const char *name)
{
    *stage = (struct sl_stage){.name = name,
                               .started_wall_ns = sl_clock_wall_ns(),
                               .started_mono_ns = sl_clock_mono_ns(),
                               .rows = -1,
                               .bytes = -1,
                               .count = -1};
    struct json_object *e = sl_event_new("stage_begin", b->lease.batch_id, b->run_id);
    sl_json_put_str(e, "stage", name);
    sl_event_send(b->events, e);
    sl_log(SL_LOG_DEBUG, "run.stage_begin", "stage", name, NULL);
}

struct json_object *sl_batch_run_changes(const struct sl_batch *b)
{
    struct json_object *changes = json_object_new_object();
    sl_json_put(changes, "stages", json_object_get(b->stages));
    if (b->n_inputs)
        sl_json_put(changes, "inputs", sl_batch_inputs_json(b));
    if (b->n_datasets)
        sl_json_put(changes, "datasets", sl_batch_datasets_json(b));
    sl_json_put_int(changes, "rows_in", b->rows_in);
    sl_json_put_int(changes, "rows_out", b->rows_out);
    sl_json_put(changes, "rows_dropped", json_object_get(b->dropped));
    sl_json_put(changes, "rows_added", json_object_get(b->added));
    sl_json_put(changes, "warnings", json_object_get(b->warnings));
    if (b->kept_schema)
        sl_json_put_str(changes, "kept_schema", b->kept_schema);
    return changes;
}

static bool small(const struct sl_batch *b)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < b->n_inputs; i++)
        bytes += b->inputs[i].size_bytes;
    return bytes < SMALL_BYTES;
}

/* The run document follows a batch that takes long stage by stage. One that is over in a moment tells all with its end:
 * each telling is a transaction. */
static int tell(struct sl_batch *b, struct sl_error *err)
{
    int64_t now = sl_clock_mono_ns();
    if (!b->begun || (small(b) && now - b->told_ns < TELL_EVERY_MS * SL_NS_PER_MS))
        return 0;
    struct json_object *changes = json_object_new_object();
    sl_json_put(changes, "stages", json_object_get(b->stages));
    sl_json_put(changes, "inputs", sl_batch_inputs_json(b));
    int rc = b->engine->ledger->ops->update_run(b->engine->ledger, &b->lease, b->run_id, changes, err);
    json_object_put(changes);
    b->told_ns = now;
    return rc;
}

int sl_stage_end(struct sl_batch *b, struct sl_stage *stage, struct sl_error *err)
{
    char at[SL_ISO8601_BYTES];
    int64_t ns = sl_clock_mono_ns() - stage->started_mono_ns;
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", stage->name);
    sl_json_put_str(o, "started_at", sl_clock_iso8601(at, stage->started_wall_ns));
    sl_json_put_str(o, "ended_at", sl_clock_iso8601(at, stage->started_wall_ns + ns));
    if (stage->rows >= 0)
        sl_json_put_int(o, "rows", stage->rows);
    if (stage->bytes >= 0)
        sl_json_put_int(o, "bytes", stage->bytes);
    if (stage->count >= 0)
        sl_json_put_int(o, "count", stage->count);
    json_object_array_add(b->stages, o);

    struct json_object *e = sl_event_new("stage", b->lease.batch_id, b->run_id);
    json_object_object_foreach(o, key, value)
        if (key[0] != 'n')
            json_object_object_add(e, key, json_object_get(value));
    sl_json_put_str(e, "stage", stage->name);
    sl_json_put_int(e, "duration_ns", ns);
    sl_event_send(b->events, e);

    return tell(b, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run/announce.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "json/json.h"

struct json_object *sl_process_doc(const struct sl_crew *crew, int64_t started_wall_ns, bool stopping)
{
    const struct sl_run_source *source = crew->options->source;
    const struct sl_run_summary *n = crew->summary;
    const char *owner = crew->engine->owner;
    char at[SL_ISO8601_BYTES];
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "role", crew->options->role);
    sl_json_put(o, "host", json_object_new_string_len(owner, (int)strcspn(owner, "/")));
    sl_json_put_int(o, "pid", getpid());
    sl_json_put_str(o, "version", SLUICE_VERSION);
    sl_json_put_str(o, "started_at", sl_clock_iso8601(at, started_wall_ns));
    sl_json_put_str(o, "state", stopping ? "stopping" : "running");
    sl_json_put_int(o, "workers", (int64_t)crew->n);
    struct json_object *d = json_object_new_object();
    sl_json_put_int(d, "busy", (int64_t)sl_crew_busy(crew));
    sl_json_put(d, "batches", sl_crew_json(crew));
    sl_json_put_int(d, "noticed", n->noticed);
    sl_json_put_int(d, "refused", n->refused);
    sl_json_put_int(d, "succeeded", n->succeeded);
    sl_json_put_int(d, "failed", n->failed);
    sl_json_put_int(d, "quarantined", n->quarantined);
    sl_json_put_int(d, "retried", n->retried);
    sl_json_put_int(d, "crashed", n->crashed);
    sl_json_put(d, "sensor", source && source->state ? source->state(source->data) : NULL);
    sl_json_put(o, "details", d);
    return o;
}

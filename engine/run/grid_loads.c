/* SPDX-License-Identifier: Apache-2.0 */
#include "run/grid_loads.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid7.h"
#include "grid/sinks.h"

struct sweep {
    struct sl_engine *engine;
    const char *batch_id; /* NULL: of all */
    int64_t before_ns;    /* of all: those begun earlier */
    bool dry_run;
};

/* A load has its asset's id, which says when it was made. */
static int judge(void *data, const char *load_id, struct sl_error *err)
{
    struct sweep *s = data;
    struct json_object *doc = NULL;
    int64_t made_ms = sl_uuid7_unix_ms(load_id);
    if (made_ms < 0)
        return 0;
    if (!s->batch_id && made_ms * SL_NS_PER_MS >= s->before_ns)
        return 0;
    int rc = s->engine->ledger->ops->get_asset(s->engine->ledger, load_id, &doc, err);
    bool known = doc != NULL;
    json_object_put(doc);
    if (rc < 0 || known)
        return rc;
    sl_log(SL_LOG_INFO, s->dry_run ? "gc.grid_load_would_go" : "gc.grid_load", "load", load_id, NULL);
    return s->dry_run ? 0 : 1;
}

static int sweep(struct sweep *s, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_grid_sink_closep) struct sl_grid_sink *sink = NULL;
    struct sl_clickhouse_target target;
    bool configured = false;
    int rc = sl_clickhouse_target(s->engine->config, arena, &target, &configured, err);
    if (rc < 0 || !configured)
        return rc;
    rc = sl_grid_clickhouse(&target, &sink, err);
    return rc < 0 ? rc : sink->ops->sweep(sink, s->batch_id, judge, s, err);
}

int sl_grid_loads_sweep(struct sl_engine *engine, int64_t before_ns, bool dry_run, struct sl_error *err)
{
    struct sweep s = {.engine = engine, .before_ns = before_ns, .dry_run = dry_run};
    return sweep(&s, err);
}

int sl_grid_loads_of_batch(struct sl_engine *engine, const char *batch_id, struct sl_error *err)
{
    struct sweep s = {.engine = engine, .batch_id = batch_id};
    return sweep(&s, err);
}

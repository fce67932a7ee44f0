/* SPDX-License-Identifier: Apache-2.0 */
#include "run/iceberg_loads.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid7.h"
#include "iceberg/table.h"

struct sweep {
    struct sl_engine *engine;
    const char *batch_id; /* NULL: of all */
    int64_t before_ns;    /* of all: those begun earlier */
    bool dry_run;
};

/* A load has its asset's id, which says when it was made; what is no such id is somebody else's. */
static int judge(void *data, const char *table, const char *load_id, struct sl_error *err)
{
    struct sweep *s = data;
    struct json_object *doc = NULL;
    int64_t made_ms = sl_uuid7_unix_ms(load_id);
    if (made_ms < 0 || (!s->batch_id && made_ms * SL_NS_PER_MS >= s->before_ns))
        return 0;
    int rc = s->engine->ledger->ops->get_asset(s->engine->ledger, load_id, &doc, err);
    bool known = doc != NULL;
    json_object_put(doc);
    if (rc < 0 || known)
        return rc;
    sl_log(SL_LOG_INFO, s->dry_run ? "gc.iceberg_load_would_go" : "gc.iceberg_load", "table", table, "load", load_id, NULL);
    return s->dry_run ? 0 : 1;
}

static int sweep(struct sweep *s, struct sl_error *err)
{
    SL_CLEANUP(sl_table_writer_closep) struct sl_table_writer *w = NULL;
    int rc = sl_table_writer_open(s->engine->config, NULL, &w, err);
    return rc < 0 || !w ? rc : w->ops->sweep(w, NULL, s->batch_id, judge, s, err);
}

int sl_iceberg_loads_sweep(struct sl_engine *engine, int64_t before_ns, bool dry_run, struct sl_error *err)
{
    struct sweep s = {.engine = engine, .before_ns = before_ns, .dry_run = dry_run};
    return sweep(&s, err);
}

int sl_iceberg_loads_of_batch(struct sl_engine *engine, const char *batch_id, struct sl_error *err)
{
    struct sweep s = {.engine = engine, .batch_id = batch_id};
    return sweep(&s, err);
}

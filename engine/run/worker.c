/* SPDX-License-Identifier: Apache-2.0 */
/* One worker process: claims what is due, one batch after the other. */
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/engine.h"
#include "run/heartbeat.h"

enum { IDLE_MS = 200, RECONNECTS_MAX = 3 };

static volatile sig_atomic_t stopping;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static int work_on(struct sl_engine *engine, const struct sl_worker_options *options, struct sl_heartbeat *heartbeat,
                   struct sl_events *events, const struct sl_lease *lease, struct json_object *doc,
                   struct sl_error *err)
{
    struct sl_error outcome = {0};
    int rc = sl_heartbeat_start(heartbeat, lease, err);
    if (rc < 0)
        return rc;
    rc = sl_batch_execute(engine, lease, doc, options->wait_ms, events, sl_heartbeat_lost(heartbeat), &outcome, err);
    sl_heartbeat_stop(heartbeat);
    return rc;
}

/* How long until there may be something to do; -1: never again, as far as this worker goes. */
static int idle_ms(struct sl_engine *engine, const struct sl_worker_options *options, int64_t *wait_ms,
                   struct sl_error *err)
{
    int64_t pending = 0, running = 0, next_due_ms = -1;
    int rc = engine->ledger->ops->outstanding(engine->ledger, &pending, &running, &next_due_ms, err);
    if (rc < 0)
        return rc;
    bool more = options->forever || pending > 0;
    *wait_ms = !more ? -1 : next_due_ms >= 0 && next_due_ms < IDLE_MS ? next_due_ms + 1 : IDLE_MS;
    return 0;
}

static bool over(struct json_object *doc)
{
    const char *status = sl_json_str(doc, "status", "");
    return status[0] != 'p' && status[0] != 'r';
}

/* A named batch: worth waiting for while it is pending. */
static int idle_for_one(struct sl_engine *engine, const char *batch_id, int64_t *wait_ms, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = engine->ledger->ops->get_batch(engine->ledger, batch_id, &doc, err);
    if (rc == 0)
        *wait_ms = !doc || over(doc) ? -1 : IDLE_MS;
    return rc;
}

static int turn(struct sl_engine *engine, const struct sl_worker_options *options, struct sl_heartbeat *heartbeat,
                struct sl_events *events, bool *done, struct sl_error *err)
{
    bool claimed = false;
    struct sl_lease lease;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    const struct sl_claim claim = {
        .batch_id = options->batch_id, .owner = engine->owner, .lease_ms = engine->config->run_lease_ms};
    int rc = engine->ledger->ops->claim(engine->ledger, &claim, &claimed, &lease, &doc, err);
    if (rc < 0)
        return rc;
    if (claimed)
        return work_on(engine, options, heartbeat, events, &lease, doc, err);
    int64_t wait_ms = -1;
    rc = options->batch_id ? idle_for_one(engine, options->batch_id, &wait_ms, err)
                           : idle_ms(engine, options, &wait_ms, err);
    *done = rc == 0 && wait_ms < 0;
    if (rc == 0 && wait_ms > 0)
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    return rc;
}

static bool worth_reconnecting(int rc)
{
    return rc == -SL_E_POSTGRES_UNAVAILABLE || rc == -SL_E_LEDGER_UNAVAILABLE || rc == -SL_E_POSTGRES_CONFLICT;
}

/* What this worker held when the connection broke is due again at once, and not its fault. */
static int reconnect(struct sl_engine *engine, struct sl_error *err)
{
    struct sl_error why = {0};
    char batch_id[SL_BATCH_ID_BYTES];
    bool poisoned = false;
    if (err)
        why = *err;
    sl_log_error(SL_LOG_WARN, "worker.reconnect", &why, NULL);
    int rc = sl_engine_reconnect(engine, err);
    if (rc == 0)
        rc = engine->ledger->ops->abandon(engine->ledger, engine->owner, &why, 0, batch_id, &poisoned, err);
    return rc;
}

int sl_run_work(struct sl_engine *engine, const struct sl_worker_options *options, struct sl_error *err)
{
    struct sl_events events = {.fd = options->event_fd};
    struct sl_heartbeat *heartbeat = NULL;
    const struct sigaction stop = {.sa_handler = on_stop};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    int rc = sl_heartbeat_new(engine, &heartbeat, err);
    bool done = false;
    int reconnects = 0;
    while (rc == 0 && !done && !stopping) {
        rc = turn(engine, options, heartbeat, &events, &done, err);
        if (rc == 0)
            reconnects = 0;
        if (worth_reconnecting(rc) && reconnects++ < RECONNECTS_MAX)
            rc = reconnect(engine, err);
    }
    sl_heartbeat_free(heartbeat);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One worker process: claims what is due, one batch after the other, and waits for orders in between. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "run/batch.h"
#include "run/engine.h"
#include "run/heartbeat.h"
#include "run/reload.h"
#include "store/store.h"

enum { IDLE_LEAST_MS = 50, RECONNECTS_MAX = 3, STORE_WAIT_BASE_MS = 200, STORE_WAIT_MAX_MS = 10000 };

struct worker {
    struct sl_engine *engine;
    const struct sl_worker_options *options;
    struct sl_heartbeat *heartbeat;
    struct sl_events events;
    int64_t fruitless_ms; /* how long the last wait that nothing came of was */
};

static volatile sig_atomic_t stopping, reloading;

static void on_stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void on_reload(int signal_number)
{
    (void)signal_number;
    reloading = 1;
}

static bool worth_reconnecting(int rc)
{
    return rc == -SL_E_POSTGRES_UNAVAILABLE || rc == -SL_E_LEDGER_UNAVAILABLE || rc == -SL_E_POSTGRES_CONFLICT;
}

/* While the store is away every batch would fail, and spend its tries. Nothing is claimed before it answers again. */
static void wait_for_store(struct worker *w, const struct sl_error *why)
{
    bool exists = false;
    struct sl_error error = {0};
    sl_log_error(SL_LOG_WARN, "worker.store_lost", why, NULL);
    for (int attempt = 1; !stopping; attempt++) {
        int rc = sl_store_bucket_exists(w->engine->store, w->engine->config->landing_bucket, &exists, &error);
        if (rc == 0 || !sl_engine_lost_store((enum sl_code)-rc))
            break;
        sl_clock_sleep_ns(
            sl_clock_backoff_ns(attempt, STORE_WAIT_BASE_MS * SL_NS_PER_MS, STORE_WAIT_MAX_MS * SL_NS_PER_MS));
    }
    if (!stopping)
        sl_log(SL_LOG_INFO, "worker.store_back", NULL);
}

static int work_on(struct worker *w, const struct sl_lease *lease, struct json_object *doc, struct sl_error *err)
{
    struct sl_error outcome = {0};
    int rc = sl_heartbeat_start(w->heartbeat, lease, err);
    if (rc < 0)
        return rc;
    rc = sl_batch_execute(w->engine, lease, doc, w->options->wait_ms, &w->events, sl_heartbeat_lost(w->heartbeat),
                          &outcome, err);
    sl_heartbeat_stop(w->heartbeat);
    if (rc == 0 && sl_engine_lost_store(outcome.code) && w->options->forever)
        wait_for_store(w, &outcome);
    if (rc == 0 && worth_reconnecting(-(int)outcome.code)) /* a connection of the batch's that is of no use any more */
        rc = sl_engine_reconnect(w->engine, err);
    return rc;
}

/* How long until there may be something to do; -1: never again, as far as this worker goes. What is due and was not
 * claimed is held by a limit or by a claim of another's: looked at again soon, then less and less often. */
static int idle_ms(struct worker *w, int64_t *wait_ms, struct sl_error *err)
{
    int64_t pending = 0, running = 0, next_due_ms = -1, most = w->engine->config->run_poll_ms;
    struct sl_ledger *ledger = w->engine->ledger;
    int rc = ledger->ops->outstanding(ledger, &pending, &running, &next_due_ms, err);
    if (rc < 0)
        return rc;
    int64_t wait = 2 * w->fruitless_ms;
    wait = pending == 0 ? most : wait < IDLE_LEAST_MS ? IDLE_LEAST_MS : wait;
    if (next_due_ms > 0)
        wait = next_due_ms + 1;
    wait = wait > most ? most : wait;
    if (next_due_ms == 0)
        w->fruitless_ms = wait;
    *wait_ms = w->options->forever || pending > 0 ? wait : -1;
    return 0;
}

static bool over(struct json_object *doc)
{
    const char *status = sl_json_str(doc, "status", "");
    return status[0] != 'p' && status[0] != 'r';
}

/* A named batch: worth waiting for while it is pending. */
static int idle_for_one(struct worker *w, int64_t *wait_ms, struct sl_error *err)
{
    enum { LOOK_MS = 200 };
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    int rc = w->engine->ledger->ops->get_batch(w->engine->ledger, w->options->batch_id, &doc, err);
    if (rc == 0)
        *wait_ms = !doc || over(doc) ? -1 : LOOK_MS;
    return rc;
}

static void hear_orders(struct worker *w)
{
    char orders[64];
    ssize_t n = recv(w->events.fd, orders, sizeof orders, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        if (orders[i] == SL_ORDER_RELOAD)
            reloading = 1;
    if (n > 0)
        w->fruitless_ms = 0;
    if (n == 0)
        w->events.fd = -1; /* the supervisor is gone */
}

/* Until there is an order, a signal, or the time is over. */
static void wait_for_orders(struct worker *w, int64_t wait_ms)
{
    if (w->events.fd < 0) {
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
        return;
    }
    sl_event_send(&w->events, sl_event_new("idle", NULL, NULL));
    struct pollfd p = {.fd = w->events.fd, .events = POLLIN};
    if (w->events.fd >= 0 && poll(&p, 1, (int)wait_ms) > 0)
        hear_orders(w);
}

static void reload_if_told(struct worker *w)
{
    if (!reloading)
        return;
    reloading = 0;
    sl_recipes_reload_logged(w->engine);
}

static int turn(struct worker *w, bool *done, struct sl_error *err)
{
    bool claimed = false;
    struct sl_lease lease;
    struct sl_ledger *ledger = w->engine->ledger;
    SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
    struct sl_claim claim = {
        .batch_id = w->options->batch_id, .owner = w->engine->owner, .lease_ms = w->engine->config->run_lease_ms};
    sl_limits_apply(&w->engine->limits, &claim);
    int rc = ledger->ops->claim(ledger, &claim, &claimed, &lease, &doc, err);
    if (rc < 0)
        return rc;
    if (claimed) {
        w->fruitless_ms = 0;
        rc = work_on(w, &lease, doc, err);
        if (w->events.fd >= 0)
            hear_orders(w);
        return rc;
    }
    int64_t wait_ms = -1;
    rc = w->options->batch_id ? idle_for_one(w, &wait_ms, err) : idle_ms(w, &wait_ms, err);
    *done = rc == 0 && wait_ms < 0;
    if (rc == 0 && wait_ms > 0 && !stopping)
        wait_for_orders(w, wait_ms);
    return rc;
}

/* What this worker held when the connection broke is due again at once, and not its fault. */
static int reconnect(struct worker *w, struct sl_error *err)
{
    struct sl_error why = {0};
    struct sl_engine *engine = w->engine;
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

static void catch_signals(void)
{
    const struct sigaction stop = {.sa_handler = on_stop}, reload = {.sa_handler = on_reload};
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGHUP, &reload, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int sl_run_work(struct sl_engine *engine, const struct sl_worker_options *options, struct sl_error *err)
{
    struct worker w = {.engine = engine, .options = options, .events = {.fd = options->event_fd}};
    catch_signals();
    int rc = sl_heartbeat_new(engine, &w.heartbeat, err);
    bool done = false;
    int reconnects = 0;
    while (rc == 0 && !done && !stopping) {
        reload_if_told(&w);
        rc = turn(&w, &done, err);
        if (rc == 0)
            reconnects = 0;
        if (worth_reconnecting(rc) && reconnects++ < RECONNECTS_MAX)
            rc = reconnect(&w, err);
    }
    sl_heartbeat_free(w.heartbeat);
    return rc;
}

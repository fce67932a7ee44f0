/* SPDX-License-Identifier: Apache-2.0 */
#include "run/heartbeat.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "ledger/ledger.h"
#include "run/engine.h"

struct sl_heartbeat {
    struct sl_engine *engine;
    struct sl_ledger *ledger; /* of the thread while it runs */
    struct sl_lease lease;
    int64_t lease_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, stop;
    atomic_bool lost;
};

int sl_heartbeat_new(struct sl_engine *engine, struct sl_heartbeat **out, struct sl_error *err)
{
    struct sl_heartbeat *h = sl_xcalloc(1, sizeof *h);
    h->engine = engine;
    h->lease_ms = engine->config->run_lease_ms;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    int rc = sl_engine_open_ledger(engine, &h->ledger, err);
    if (rc < 0) {
        sl_heartbeat_free(h);
        return rc;
    }
    *out = h;
    return 0;
}

void sl_heartbeat_free(struct sl_heartbeat *h)
{
    if (!h)
        return;
    sl_heartbeat_stop(h);
    sl_ledger_free(h->ledger);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* A connection that broke is opened anew; *renewed_ns moves on success. */
static void renew(struct sl_heartbeat *h, int64_t *renewed_ns)
{
    struct sl_error err = {0};
    int64_t now = sl_clock_mono_ns();
    int rc = h->ledger ? 0 : sl_engine_open_ledger(h->engine, &h->ledger, &err);
    if (rc == 0)
        rc = h->ledger->ops->renew(h->ledger, &h->lease, h->lease_ms, &err);
    if (rc == 0) {
        *renewed_ns = now;
        return;
    }
    if (rc == -SL_E_LEASE_LOST || now - *renewed_ns > h->lease_ms * SL_NS_PER_MS)
        atomic_store(&h->lost, true);
    if (rc != -SL_E_LEASE_LOST) {
        sl_ledger_free(h->ledger);
        h->ledger = NULL;
    }
}

static void *beat(void *data)
{
    struct sl_heartbeat *h = data;
    int64_t renewed_ns = sl_clock_mono_ns();
    pthread_mutex_lock(&h->lock);
    while (!h->stop && !atomic_load(&h->lost)) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t third_ms = h->lease_ms / 3;
        until.tv_sec += third_ms / 1000;
        until.tv_nsec += (third_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        if (pthread_cond_timedwait(&h->wake, &h->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&h->lock);
        renew(h, &renewed_ns);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

int sl_heartbeat_start(struct sl_heartbeat *h, const struct sl_lease *lease, struct sl_error *err)
{
    h->lease = *lease;
    h->stop = false;
    atomic_store(&h->lost, false);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int e = pthread_create(&h->thread, NULL, beat, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e)
        return sl_fail_errno(err, e, "cannot start the heartbeat of batch %s", lease->batch_id);
    h->running = true;
    return 0;
}

void sl_heartbeat_stop(struct sl_heartbeat *h)
{
    if (!h->running)
        return;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    h->running = false;
}

const atomic_bool *sl_heartbeat_lost(const struct sl_heartbeat *h)
{
    return &h->lost;
}

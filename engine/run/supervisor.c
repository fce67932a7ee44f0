/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: looks for new batches, keeps a crew of workers at them, and survives what goes away. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "json/json.h"
#include "run/announce.h"
#include "run/crew.h"
#include "run/engine.h"
#include "run/recover.h"
#include "run/reload.h"
#include "run/unpublished.h"
#include "store/store.h"

enum {
    TURN_MS = 100,
    COUNT_MS = 100,
    ANNOUNCE_MS = 10000,
    LOST_IN_A_ROW = 3,
    BUGS_IN_A_ROW = 5,
    LOOK_AGAIN_MAX_MS = 30000,
    PAUSE_BASE_MS = 200
};

struct supervisor {
    struct sl_crew crew;
    struct sl_engine *engine;
    const struct sl_run_options *options;
    int64_t started_wall_ns;
    int64_t next_poll_ns, again_ns; /* of the source; again_ns -1: not before the next poll */
    int64_t next_count_ns, next_announce_ns;
    int64_t kill_at_ns; /* of a stop that takes too long; 0: no stop yet */
    int looks_failed, turns_failed;
    int stops_passed, reloads_passed;
    bool announced;
    size_t want;
};

static volatile sig_atomic_t stop_signals, reload_signals;

void sl_run_stop(void)
{
    stop_signals++;
}

void sl_run_reload(void)
{
    reload_signals++;
}

/* A store that does not answer costs a server nothing but time: its looks come at longer and longer intervals, said when
 * it begins and when it is over. */
static int look_failed(struct supervisor *s, int rc, struct sl_error *err)
{
    enum sl_code code = (enum sl_code)-rc;
    if (!s->options->forever || !sl_engine_lost_store(code))
        return rc;
    int64_t wait_ns = sl_clock_backoff_ns(++s->looks_failed, s->engine->config->sensor_poll_ms * SL_NS_PER_MS,
                                          LOOK_AGAIN_MAX_MS * SL_NS_PER_MS);
    sl_log_error(s->looks_failed == 1 ? SL_LOG_WARN : SL_LOG_DEBUG, "sensor.store_lost", err, NULL);
    s->next_poll_ns = sl_clock_mono_ns() + wait_ns;
    s->again_ns = -1;
    sl_error_clear(err);
    return 0;
}

static bool woken(const struct sl_run_source *source)
{
    uint64_t n;
    return source->wake_fd >= 0 && read(source->wake_fd, &n, sizeof n) > 0;
}

static int look(struct supervisor *s, struct sl_error *err)
{
    const struct sl_run_source *source = s->options->source;
    struct sl_run_summary *summary = s->crew.summary;
    int64_t now = sl_clock_mono_ns(), noticed = summary->noticed, again_ms = -1;
    if (!source || stop_signals)
        return 0;
    bool poll = now >= s->next_poll_ns, again = s->again_ns >= 0 && now >= s->again_ns;
    if (!woken(source) && !poll && !again)
        return 0;
    if (poll)
        s->next_poll_ns = now + s->engine->config->sensor_poll_ms * SL_NS_PER_MS;
    int rc = source->look(source->data, s->engine, s->options, summary, poll, &again_ms, err);
    if (summary->noticed > noticed) {
        sl_crew_poke(&s->crew, (size_t)(summary->noticed - noticed));
        s->crew.changed = true;
    }
    if (rc < 0)
        return look_failed(s, rc, err);
    if (s->looks_failed) {
        sl_log(SL_LOG_INFO, "sensor.store_back", NULL);
        rc = sl_unpublished_recover(s->engine, NULL, err); /* what could not be taken back meanwhile */
    }
    s->looks_failed = 0;
    s->again_ns = again_ms < 0 ? -1 : sl_clock_mono_ns() + again_ms * SL_NS_PER_MS;
    return rc;
}

/* Of a run that ends when nothing is left to do: as many workers as there are batches for. */
static int count_wanted(struct supervisor *s, struct sl_error *err)
{
    struct sl_ledger *ledger = s->engine->ledger;
    if (s->options->batch_id) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        int rc = ledger->ops->get_batch(ledger, s->options->batch_id, &doc, err);
        const char *status = doc ? sl_json_str(doc, "status", "") : "";
        if (rc == 0)
            s->want = !strcmp(status, "pending");
        return rc;
    }
    int64_t pending = 0, running = 0, next_due_ms = -1;
    int rc = ledger->ops->outstanding(ledger, &pending, &running, &next_due_ms, err);
    if (rc == 0)
        s->want = pending > 0 ? (size_t)pending + sl_crew_busy(&s->crew) : 0;
    return rc;
}

/* Workers are wanted while there is, or may be, something to do. */
static int fill_up(struct supervisor *s, struct sl_error *err)
{
    size_t alive = sl_crew_alive(&s->crew);
    int64_t now = sl_clock_mono_ns();
    int rc = 0;
    if (stop_signals || s->crew.error.code != SL_OK) {
        s->want = 0;
    } else if (s->options->forever) {
        s->want = s->crew.n;
    } else if (alive < s->crew.n && (alive == 0 || s->crew.changed || now >= s->next_count_ns)) {
        rc = count_wanted(s, err);
        s->next_count_ns = now + COUNT_MS * SL_NS_PER_MS;
    }
    s->crew.changed = false;
    return rc < 0 ? rc : sl_crew_fill(&s->crew, s->want, err);
}

static void obey_signals(struct supervisor *s)
{
    int stops = stop_signals, reloads = reload_signals;
    int64_t now = sl_clock_mono_ns();
    if (stops && !s->kill_at_ns)
        s->kill_at_ns = now + s->engine->config->run_drain_timeout_ms * SL_NS_PER_MS;
    if (stops == 1 && now >= s->kill_at_ns)
        stops = 2;
    if (s->stops_passed < stops) {
        sl_crew_signal(&s->crew, stops > 1 ? SIGKILL : SIGTERM);
        s->stops_passed = stops;
    }
    if (s->reloads_passed != reloads) {
        s->reloads_passed = reloads;
        sl_recipes_reload_logged(s->engine);
        sl_crew_order(&s->crew, SL_ORDER_RELOAD);
    }
}

static int announce(struct supervisor *s, struct sl_error *err)
{
    int64_t now = sl_clock_mono_ns();
    struct sl_ledger *ledger = s->engine->ledger;
    if (!s->options->role || now < s->next_announce_ns)
        return 0;
    s->next_announce_ns = now + ANNOUNCE_MS * SL_NS_PER_MS;
    struct json_object *doc = sl_process_doc(&s->crew, s->started_wall_ns, stop_signals > 0);
    int rc = ledger->ops->announce(ledger, s->engine->owner, doc, err);
    json_object_put(doc);
    s->announced |= rc == 0;
    return rc;
}

static void take_leave(struct supervisor *s)
{
    struct sl_error ignored = {0};
    struct sl_ledger *ledger = s->engine->ledger;
    if (s->announced && ledger && ledger->ops->announce(ledger, s->engine->owner, NULL, &ignored) < 0)
        sl_log_error(SL_LOG_WARN, "supervisor.leave", &ignored, NULL);
}

static int turn_timeout_ms(const struct supervisor *s)
{
    int64_t now = sl_clock_mono_ns(), until = now + TURN_MS * SL_NS_PER_MS;
    if (s->options->source && !stop_signals) {
        until = s->next_poll_ns < until ? s->next_poll_ns : until;
        until = s->again_ns >= 0 && s->again_ns < until ? s->again_ns : until;
    }
    return until <= now ? 0 : (int)((until - now) / SL_NS_PER_MS) + 1;
}

static int turn(struct supervisor *s, bool *done, struct sl_error *err)
{
    obey_signals(s);
    int rc = look(s, err);
    if (rc == 0)
        rc = sl_crew_reap(&s->crew, err);
    if (rc == 0)
        rc = fill_up(s, err);
    if (rc == 0)
        rc = announce(s, err);
    if (rc < 0)
        return rc;
    bool idle = sl_crew_alive(&s->crew) == 0;
    if (idle && !stop_signals && sl_engine_lost(s->crew.error.code)) {
        if (err)
            *err = s->crew.error;
        rc = -(int)s->crew.error.code; /* as if it had been noticed here: the same remedy */
        s->crew.error.code = SL_OK;
        return rc;
    }
    bool through = s->want == 0 && s->again_ns < 0 && !s->options->forever;
    *done = idle && (through || stop_signals || s->crew.error.code != SL_OK);
    if (*done)
        return 0;
    sl_crew_enforce_time(&s->crew);
    sl_crew_listen(&s->crew, s->options->source ? s->options->source->wake_fd : -1, turn_timeout_ms(s));
    return 0;
}

/* A service that went away: asked again with patience; what the workers held meanwhile is given back. */
static int come_back(struct supervisor *s, struct sl_error *err)
{
    sl_log_error(SL_LOG_WARN, "supervisor.reconnect", err, NULL);
    int rc = sl_engine_reconnect(s->engine, err);
    return rc < 0 ? rc : sl_recover(s->engine, err);
}

/* `run` asks a few times in a row for what went away, a server asks for ever for what may pass. What looks like a mistake
 * of ours may be the last words of a server that was killed: it ends a server only when it comes again and again. */
static bool worth_another_try(const struct supervisor *s, enum sl_code code)
{
    enum sl_error_class class = sl_code_class(code);
    if (stop_signals)
        return false;
    if (!s->options->forever)
        return sl_engine_lost(code) && s->turns_failed < LOST_IN_A_ROW;
    return class == SL_CLASS_TRANSIENT || (class == SL_CLASS_BUG && s->turns_failed < BUGS_IN_A_ROW);
}

static void rest(const struct supervisor *s)
{
    int64_t until = sl_clock_mono_ns() + sl_clock_backoff_ns(s->turns_failed, PAUSE_BASE_MS * SL_NS_PER_MS,
                                                             LOOK_AGAIN_MAX_MS * SL_NS_PER_MS);
    for (int64_t now = sl_clock_mono_ns(); now < until && !stop_signals; now = sl_clock_mono_ns())
        sl_clock_sleep_ns(until - now < TURN_MS * SL_NS_PER_MS ? until - now : TURN_MS * SL_NS_PER_MS);
}

/* 0: what failed may be done again. */
static int try_again(struct supervisor *s, int rc, struct sl_error *err)
{
    while (rc < 0 && worth_another_try(s, (enum sl_code)-rc)) {
        enum sl_code code = (enum sl_code)-rc;
        s->turns_failed++;
        if (sl_code_class(code) == SL_CLASS_TRANSIENT && !sl_engine_lost(code)) {
            sl_log_error(SL_LOG_WARN, "supervisor.again", err, NULL);
            rest(s);
            return 0;
        }
        rc = come_back(s, err);
        if (rc < 0 && !s->options->forever)
            return rc; /* it has had the patience of every port */
        if (rc < 0)
            rest(s);
    }
    return rc;
}

static int loop(struct supervisor *s, struct sl_error *err)
{
    int rc = 0;
    bool done = false;
    while (rc == 0 && !done) {
        rc = turn(s, &done, err);
        if (rc < 0)
            rc = try_again(s, rc, err);
        else if (s->options->forever || !sl_crew_alive(&s->crew))
            s->turns_failed = 0;
    }
    return rc;
}

static size_t crew_size(const struct sl_engine *engine, const struct sl_run_options *options)
{
    int64_t n = options->workers ? options->workers : engine->config->run_workers;
    if (options->workers == SL_WORKERS_NONE)
        return 0;
    return options->batch_id ? 1 : n < 1 ? 1 : n > SL_CREW_MAX ? SL_CREW_MAX : (size_t)n;
}

/* What uploads that were never finished have left. A server's age is long enough for every upload that may still be at
 * work, users' own into the landing zone among them; `gc` takes a shorter one. */
static int sweep_store(struct sl_engine *engine, struct sl_error *err)
{
    enum { SAFE_AGE_S = 24 * 3600 };
    char count[32];
    int64_t removed = 0, longest_s = 2 * engine->config->run_timeout_ms / 1000;
    int rc = sl_store_sweep(engine->store, longest_s > SAFE_AGE_S ? longest_s : SAFE_AGE_S, false, &removed, err);
    if (rc == 0 && removed)
        sl_log(SL_LOG_INFO, "recover.uploads", "removed", sl_text_count(count, sizeof count, removed), NULL);
    return rc;
}

/* What is left of before. */
static int begin(struct supervisor *s, struct sl_error *err)
{
    int rc;
    do {
        rc = sl_recover(s->engine, err);
        if (rc == 0 && s->options->forever && s->engine->store)
            rc = sweep_store(s->engine, err);
        if (rc == 0)
            return 0;
        rc = try_again(s, rc, err);
    } while (rc == 0);
    return rc;
}

int sl_run_supervise(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                     struct sl_error *err)
{
    struct supervisor *s = sl_xcalloc(1, sizeof *s);
    *summary = (struct sl_run_summary){0};
    s->engine = engine;
    s->options = options;
    s->crew = (struct sl_crew){.engine = engine, .options = options, .summary = summary, .n = crew_size(engine, options)};
    s->started_wall_ns = sl_clock_wall_ns();
    s->again_ns = -1;
    s->reloads_passed = reload_signals;
    int rc = begin(s, err);
    if (rc == 0)
        rc = loop(s, err);
    sl_crew_end(&s->crew);
    take_leave(s);
    if (rc == 0 && s->crew.error.code != SL_OK) {
        rc = -(int)s->crew.error.code;
        if (err)
            *err = s->crew.error;
    }
    free(s);
    return rc;
}

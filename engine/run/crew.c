/* SPDX-License-Identifier: Apache-2.0 */
#include "run/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "run/engine.h"
#include "run/recover.h"

enum { LINE_MAX_BYTES = 128 * 1024, CRASHES_MAX = 2, FAILURES_MAX = 5, ARGS_MAX = 64, RESTART_BASE_MS = 100, RESTART_MAX_MS = 30000 };

static void tell(struct sl_crew *c, struct json_object *event)
{
    if (c->options->listener)
        c->options->listener(c->options->listener_data, event);
}

static void count_end(struct sl_crew *c, struct json_object *event)
{
    const char *status = sl_json_str(event, "status", "");
    struct json_object *error = sl_json_get(event, "error");
    c->summary->succeeded += !strcmp(status, "succeeded");
    c->summary->failed += !strcmp(status, "failed");
    c->summary->quarantined += !strcmp(status, "quarantined");
    c->summary->retried += !strcmp(status, "retry");
    if (error && strcmp(status, "retry") != 0)
        c->summary->last_error = sl_code_by_name(sl_json_str(error, "code", ""));
}

static void hear(struct sl_crew *c, struct sl_crew_worker *w, const char *line)
{
    struct json_object *event = json_tokener_parse(line);
    const char *name = event && json_object_is_type(event, json_type_object) ? sl_json_str(event, "event", "") : NULL;
    if (name && !strcmp(name, "idle")) {
        w->idle = true;
        w->failures = 0;
        name = NULL; /* between the two of us */
        if (c->owed > 0) {
            c->owed--;
            sl_crew_poke(c, 1);
        }
    }
    if (!name) {
        json_object_put(event);
        return;
    }
    if (!strcmp(name, "claimed")) {
        snprintf(w->batch_id, sizeof w->batch_id, "%s", sl_json_str(event, "batch_id", ""));
        snprintf(w->run_id, sizeof w->run_id, "%s", sl_json_str(event, "run_id", ""));
        w->batch_started_ns = sl_clock_mono_ns();
        w->failures = 0;
        w->idle = false;
    } else if (!strcmp(name, "ended")) {
        count_end(c, event);
        w->batch_started_ns = 0;
        c->changed = true;
        if (c->engine->limits.most_running || c->engine->limits.n_intents)
            sl_crew_poke(c, 1); /* one more is within the limits now */
    } else if (!strcmp(name, "stopped")) {
        sl_ledger_error_read(event, &c->error);
        w->gave_up = true;
    }
    tell(c, event);
    json_object_put(event);
}

/* Reads what the worker has written so far; false at its end. */
static bool read_events(struct sl_crew *c, struct sl_crew_worker *w)
{
    char block[8192];
    ssize_t n = read(w->fd, block, sizeof block);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < n; i++) {
        if (block[i] != '\n') {
            sl_buf_putc(&w->line, block[i]);
            continue;
        }
        if (!w->line.overflow)
            hear(c, w, w->line.data);
        sl_buf_clear(&w->line);
    }
    return n > 0;
}

static int spawn(struct sl_crew *c, int channel, pid_t *pid, struct sl_error *err)
{
    const char *argv[ARGS_MAX + 12];
    char wait[32];
    size_t n = 0;
    argv[n++] = c->options->program;
    for (size_t i = 0; c->options->worker_args && c->options->worker_args[i] && n < ARGS_MAX; i++)
        argv[n++] = c->options->worker_args[i];
    snprintf(wait, sizeof wait, "%lld", (long long)c->options->wait_ms);
    argv[n++] = "worker";
    argv[n++] = "--events-fd";
    argv[n++] = "3";
    argv[n++] = "--wait-ms";
    argv[n++] = wait;
    if (c->options->batch_id) {
        argv[n++] = "--batch";
        argv[n++] = c->options->batch_id;
    }
    if (c->options->forever)
        argv[n++] = "--forever";
    argv[n] = NULL;
    const struct sl_process_options options = {.argv = argv,
                                               .stdin_fd = -1,
                                               .stdout_fd = -1,
                                               .stderr_fd = -1,
                                               .keep_fd = channel,
                                               .address_space_bytes = c->engine->config->run_worker_memory_bytes,
                                               .die_with_parent = true,
                                               .new_group = true};
    return sl_process_start(&options, pid, err);
}

static int start_worker(struct sl_crew *c, struct sl_crew_worker *w, struct sl_error *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return sl_fail_errno(err, errno, "cannot make a channel to a worker");
    int failures = w->failures, rc = spawn(c, fds[1], &w->pid, err);
    close(fds[1]);
    if (rc < 0) {
        close(fds[0]);
        w->pid = 0;
        return rc;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *w = (struct sl_crew_worker){.pid = w->pid, .fd = fds[0], .failures = failures};
    sl_owner_of((int)w->pid, w->owner);
    sl_buf_init(&w->line, LINE_MAX_BYTES);
    return 0;
}

int sl_crew_fill(struct sl_crew *c, size_t want, struct sl_error *err)
{
    int rc = 0;
    size_t have = sl_crew_alive(c);
    int64_t now = sl_clock_mono_ns();
    for (size_t i = 0; rc == 0 && i < c->n && have < want; i++)
        if (!c->workers[i].pid && now >= c->workers[i].not_before_ns) {
            rc = start_worker(c, &c->workers[i], err);
            have++;
        }
    return rc;
}

static void say_why(struct sl_error *why, const struct sl_crew *c, const struct sl_crew_worker *w, int status)
{
    const char *batch = w->batch_id[0] ? w->batch_id : "(none)";
    if (w->timed_out) {
        sl_fail(why, SL_E_WORKER_TIMEOUT, "batch %s was ended after %lld s", batch,
                (long long)(c->engine->config->run_timeout_ms / 1000));
        sl_error_hint(why, "raise run.timeout, or split the file");
    } else if (w->ended) {
        sl_fail(why, SL_E_CANCELLED, "batch %s was handed back: its worker was stopped", batch);
    } else if (WIFSIGNALED(status)) {
        sl_fail(why, SL_E_WORKER_CRASHED, "the worker of batch %s was ended by signal %d (%s)", batch, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    } else {
        sl_fail(why, SL_E_WORKER_CRASHED, "the worker of batch %s ended with code %d", batch, WEXITSTATUS(status));
        if (c->engine->config->run_worker_memory_bytes > 0)
            sl_error_hint(why, "it may have run out of memory: run.worker_memory");
    }
}

/* What the dead worker held goes back or, the second time, to quarantine. One that gave up for want of a service, or was
 * told to end, has not been killed by its batch. */
static int bury(struct sl_crew *c, struct sl_crew_worker *w, int status, struct sl_error *err)
{
    struct sl_error why = c->error;
    char batch_id[SL_BATCH_ID_BYTES] = "";
    bool poisoned = false;
    if (!w->gave_up)
        say_why(&why, c, w, status);
    int most = w->gave_up || (w->ended && !w->timed_out) ? 0 : w->timed_out ? 1 : CRASHES_MAX;
    int rc = c->engine->ledger->ops->abandon(c->engine->ledger, w->owner, &why, most, batch_id, &poisoned, err);
    if (rc < 0 || !batch_id[0])
        return rc;
    c->summary->crashed += !w->ended;
    sl_log_error(w->ended ? SL_LOG_WARN : SL_LOG_ERROR, w->ended ? "worker.ended" : "worker.crashed", &why, "batch",
                 batch_id, NULL);
    struct json_object *event = sl_event_new(poisoned ? "ended" : "crashed", batch_id, w->run_id);
    sl_json_put(event, "error", sl_ledger_error_doc(&why));
    if (poisoned) {
        sl_json_put_str(event, "status", "quarantined");
        rc = sl_recover_poisoned(c->engine, batch_id, err);
        count_end(c, event);
    }
    tell(c, event);
    json_object_put(event);
    int64_t schemas = 0, folders = 0;
    return rc < 0 ? rc : sl_recover_leftovers(c->engine, false, &schemas, &folders, err);
}

/* A server goes on whatever a worker gave up for, and says it; a run ends with it. */
static void go_on(struct sl_crew *c, const struct sl_error *why)
{
    if (!c->options->forever || why->code == SL_OK)
        return;
    sl_log_error(SL_LOG_ERROR, "worker.failed", why, NULL);
    c->error = (struct sl_error){0};
}

/* A worker that cannot even begin is not started over and over without a pause, and a run does not try for ever. A server
 * does: what keeps its workers from working may pass. */
static void put_off_restart(struct sl_crew *c, struct sl_crew_worker *w, bool in_order, int status)
{
    if (w->ended || w->batch_started_ns || (in_order && !w->gave_up)) {
        struct sl_error gave_up = c->error; /* in the middle of a batch, or at its end: the next one need not wait */
        go_on(c, &gave_up);
        return;
    }
    w->failures++;
    w->not_before_ns = sl_clock_mono_ns() + sl_clock_backoff_ns(w->failures, RESTART_BASE_MS * SL_NS_PER_MS,
                                                                RESTART_MAX_MS * SL_NS_PER_MS);
    struct sl_error why = c->error;
    if (!w->gave_up)
        say_why(&why, c, w, status);
    if (!c->options->forever && w->failures >= FAILURES_MAX)
        c->error = why;
    go_on(c, &why);
}

static int reap_one(struct sl_crew *c, struct sl_crew_worker *w, int status, struct sl_error *err)
{
    while (read_events(c, w)) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            break;
    }
    close(w->fd);
    sl_buf_free(&w->line);
    w->pid = 0;
    c->changed = true;
    bool in_order = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || w->gave_up);
    int rc = in_order && !w->batch_started_ns ? 0 : bury(c, w, status, err);
    put_off_restart(c, w, in_order, status);
    return rc;
}

int sl_crew_reap(struct sl_crew *c, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        struct sl_crew_worker *w = &c->workers[i];
        int status;
        if (w->pid && waitpid(w->pid, &status, WNOHANG) == w->pid)
            rc = reap_one(c, w, status, err);
    }
    return rc;
}

void sl_crew_enforce_time(struct sl_crew *c)
{
    int64_t now = sl_clock_mono_ns(), most = c->engine->config->run_timeout_ms * SL_NS_PER_MS;
    for (size_t i = 0; i < c->n; i++) {
        struct sl_crew_worker *w = &c->workers[i];
        if (w->pid && w->batch_started_ns && now - w->batch_started_ns > most && !w->timed_out) {
            w->timed_out = true;
            kill(w->pid, SIGKILL);
        }
    }
}

size_t sl_crew_alive(const struct sl_crew *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->workers[i].pid != 0;
    return n;
}

size_t sl_crew_busy(const struct sl_crew *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->workers[i].pid != 0 && c->workers[i].batch_started_ns != 0;
    return n;
}

/* A worker whose channel is full has orders enough. */
static void give(struct sl_crew_worker *w, enum sl_order order)
{
    char byte = (char)order;
    ssize_t n = send(w->fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n;
}

void sl_crew_poke(struct sl_crew *c, size_t n)
{
    for (size_t i = 0; i < c->n && n > 0; i++) {
        struct sl_crew_worker *w = &c->workers[i];
        if (!w->pid || !w->idle)
            continue;
        w->idle = false; /* until it says so again */
        give(w, SL_ORDER_WORK);
        n--;
    }
    c->owed = c->owed + n > c->n ? c->n : c->owed + n; /* those who work now claim on anyway */
}

void sl_crew_order(struct sl_crew *c, enum sl_order order)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->workers[i].pid)
            give(&c->workers[i], order);
}

void sl_crew_signal(struct sl_crew *c, int signal_number)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->workers[i].pid) {
            c->workers[i].ended |= signal_number == SIGKILL;
            kill(c->workers[i].pid, signal_number);
        }
    sl_crew_order(c, SL_ORDER_WORK); /* one that was about to wait looks again, and sees that it is to stop */
}

void sl_crew_listen(struct sl_crew *c, int wake_fd, int timeout_ms)
{
    struct pollfd p[SL_CREW_MAX + 1];
    nfds_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->workers[i].pid)
            p[n++] = (struct pollfd){.fd = c->workers[i].fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    if (poll(p, n, timeout_ms) <= 0)
        return;
    bool ended = false;
    for (size_t i = 0; i < c->n; i++)
        if (c->workers[i].pid)
            ended |= !read_events(c, &c->workers[i]);
    if (ended)
        sl_clock_sleep_ns(SL_NS_PER_MS); /* until waitpid sees it */
}

static bool gather(struct sl_crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct sl_crew_worker *w = &c->workers[i];
        if (w->pid && waitpid(w->pid, NULL, WNOHANG) != 0) {
            close(w->fd);
            sl_buf_free(&w->line);
            w->pid = 0;
        }
    }
    return sl_crew_alive(c) == 0;
}

void sl_crew_end(struct sl_crew *c)
{
    int64_t until = sl_clock_mono_ns() + c->engine->config->run_drain_timeout_ms * SL_NS_PER_MS;
    sl_crew_signal(c, SIGTERM);
    while (!gather(c)) {
        if (sl_clock_mono_ns() >= until)
            sl_crew_signal(c, SIGKILL);
        sl_crew_listen(c, -1, 50); /* heard, so that none of them stands still for a full channel */
    }
}

struct json_object *sl_crew_json(const struct sl_crew *c)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < c->n; i++) {
        const struct sl_crew_worker *w = &c->workers[i];
        if (!w->pid || !w->batch_started_ns)
            continue;
        struct json_object *o = json_object_new_object();
        sl_json_put_int(o, "pid", w->pid);
        sl_json_put_str(o, "batch_id", w->batch_id);
        sl_json_put_str(o, "run_id", w->run_id);
        json_object_array_add(list, o);
    }
    return list;
}

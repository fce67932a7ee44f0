/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: starts worker processes, hears their events, survives their crashes and says whose batch it was. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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
#include "run/event.h"
#include "run/recover.h"

enum { WORKERS_MAX = 256, LINE_MAX_BYTES = 128 * 1024, POLL_MS = 100, CRASHES_MAX = 2, ARGS_MAX = 64 };

struct worker {
    pid_t pid; /* 0: none */
    int fd;
    char owner[SL_OWNER_BYTES];
    char batch_id[SL_BATCH_ID_BYTES], run_id[40];
    int64_t batch_started_ns; /* monotonic; 0: idle */
    bool timed_out, gave_up; /* gave_up: it said why it cannot go on */
    struct sl_buf line;
};

struct supervisor {
    struct sl_engine *engine;
    const struct sl_run_options *options;
    struct sl_run_summary *summary;
    struct worker workers[WORKERS_MAX];
    size_t n_workers;
    int64_t next_tick_ns;
    struct sl_error worker_error; /* why a worker could not go on */
};

static volatile sig_atomic_t stop_signals;

void sl_run_stop(void)
{
    stop_signals++;
}

static void tell(struct supervisor *s, struct json_object *event)
{
    if (s->options->listener)
        s->options->listener(s->options->listener_data, event);
}

static void count_end(struct supervisor *s, struct json_object *event)
{
    const char *status = sl_json_str(event, "status", "");
    struct json_object *error = sl_json_get(event, "error");
    s->summary->succeeded += !strcmp(status, "succeeded");
    s->summary->failed += !strcmp(status, "failed");
    s->summary->quarantined += !strcmp(status, "quarantined");
    s->summary->retried += !strcmp(status, "retry");
    if (error && strcmp(status, "retry") != 0)
        s->summary->last_error = sl_code_by_name(sl_json_str(error, "code", ""));
}

static void hear(struct supervisor *s, struct worker *w, const char *line)
{
    struct json_object *event = json_tokener_parse(line);
    if (!event || !json_object_is_type(event, json_type_object)) {
        json_object_put(event);
        return;
    }
    const char *name = sl_json_str(event, "event", "");
    if (!strcmp(name, "claimed")) {
        snprintf(w->batch_id, sizeof w->batch_id, "%s", sl_json_str(event, "batch_id", ""));
        snprintf(w->run_id, sizeof w->run_id, "%s", sl_json_str(event, "run_id", ""));
        w->batch_started_ns = sl_clock_mono_ns();
    } else if (!strcmp(name, "ended")) {
        count_end(s, event);
        w->batch_started_ns = 0;
    } else if (!strcmp(name, "stopped")) {
        sl_ledger_error_read(event, &s->worker_error);
        w->gave_up = true;
    }
    tell(s, event);
    json_object_put(event);
}

/* Reads what the worker has written so far; false at its end. */
static bool read_events(struct supervisor *s, struct worker *w)
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
            hear(s, w, w->line.data);
        sl_buf_clear(&w->line);
    }
    return n > 0;
}

static int start_worker(struct supervisor *s, struct worker *w, struct sl_error *err)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return sl_fail_errno(err, errno, "cannot make a channel to a worker");
    const char *argv[ARGS_MAX + 12];
    char wait[32];
    size_t n = 0;
    argv[n++] = s->options->program;
    for (size_t i = 0; s->options->worker_args && s->options->worker_args[i] && n < ARGS_MAX; i++)
        argv[n++] = s->options->worker_args[i];
    snprintf(wait, sizeof wait, "%lld", (long long)s->options->wait_ms);
    argv[n++] = "worker";
    argv[n++] = "--events-fd";
    argv[n++] = "3";
    argv[n++] = "--wait-ms";
    argv[n++] = wait;
    if (s->options->batch_id) {
        argv[n++] = "--batch";
        argv[n++] = s->options->batch_id;
    }
    if (s->options->forever)
        argv[n++] = "--forever";
    argv[n] = NULL;
    const struct sl_process_options options = {.argv = argv,
                                               .stdin_fd = -1,
                                               .stdout_fd = -1,
                                               .stderr_fd = -1,
                                               .keep_fd = fds[1],
                                               .address_space_bytes = s->engine->config->run_worker_memory_bytes,
                                               .die_with_parent = true,
                                               .new_group = true};
    int rc = sl_process_start(&options, &w->pid, err);
    close(fds[1]);
    if (rc < 0) {
        close(fds[0]);
        w->pid = 0;
        return rc;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    w->fd = fds[0];
    w->batch_started_ns = 0;
    w->timed_out = w->gave_up = false;
    w->batch_id[0] = w->run_id[0] = '\0';
    sl_owner_of((int)w->pid, w->owner);
    sl_buf_init(&w->line, LINE_MAX_BYTES);
    return 0;
}

static void say_why(struct sl_error *why, const struct supervisor *s, const struct worker *w, int status)
{
    const char *batch = w->batch_id[0] ? w->batch_id : "(none)";
    if (w->timed_out) {
        sl_fail(why, SL_E_WORKER_TIMEOUT, "batch %s was ended after %lld s", batch,
                (long long)(s->engine->config->run_timeout_ms / 1000));
        sl_error_hint(why, "raise run.timeout, or split the file");
    } else if (WIFSIGNALED(status)) {
        sl_fail(why, SL_E_WORKER_CRASHED, "the worker of batch %s was ended by signal %d (%s)", batch, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    } else {
        sl_fail(why, SL_E_WORKER_CRASHED, "the worker of batch %s ended with code %d", batch, WEXITSTATUS(status));
        if (s->engine->config->run_worker_memory_bytes > 0)
            sl_error_hint(why, "it may have run out of memory: run.worker_memory");
    }
}

/* What the dead worker held goes back or, the second time, to quarantine. One that gave up for want of a service has not
 * been killed by its batch. */
static int bury(struct supervisor *s, struct worker *w, int status, struct sl_error *err)
{
    struct sl_error why = s->worker_error;
    char batch_id[SL_BATCH_ID_BYTES] = "";
    bool poisoned = false;
    if (!w->gave_up)
        say_why(&why, s, w, status);
    int most = w->gave_up ? 0 : w->timed_out ? 1 : CRASHES_MAX;
    int rc = s->engine->ledger->ops->abandon(s->engine->ledger, w->owner, &why, most, batch_id, &poisoned, err);
    if (rc < 0 || !batch_id[0])
        return rc;
    s->summary->crashed++;
    sl_log_error(SL_LOG_ERROR, "worker.crashed", &why, "batch", batch_id, NULL);
    struct json_object *event = sl_event_new(poisoned ? "ended" : "crashed", batch_id, w->run_id);
    sl_json_put(event, "error", sl_ledger_error_doc(&why));
    if (poisoned) {
        sl_json_put_str(event, "status", "quarantined");
        rc = sl_recover_poisoned(s->engine, batch_id, err);
        count_end(s, event);
    }
    tell(s, event);
    json_object_put(event);
    int64_t schemas = 0, folders = 0;
    return rc < 0 ? rc : sl_recover_leftovers(s->engine, false, &schemas, &folders, err);
}

static int reap(struct supervisor *s, struct worker *w, int status, struct sl_error *err)
{
    while (read_events(s, w)) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        if (poll(&p, 1, 0) <= 0)
            break;
    }
    close(w->fd);
    sl_buf_free(&w->line);
    w->pid = 0;
    bool in_order = WIFEXITED(status) && (WEXITSTATUS(status) == 0 || w->gave_up);
    return in_order && !w->batch_started_ns ? 0 : bury(s, w, status, err);
}

static int reap_all(struct supervisor *s, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        int status;
        if (w->pid && waitpid(w->pid, &status, WNOHANG) == w->pid)
            rc = reap(s, w, status, err);
    }
    return rc;
}

static void enforce_time(struct supervisor *s)
{
    int64_t now = sl_clock_mono_ns(), most = s->engine->config->run_timeout_ms * SL_NS_PER_MS;
    for (size_t i = 0; i < s->n_workers; i++) {
        struct worker *w = &s->workers[i];
        if (w->pid && w->batch_started_ns && now - w->batch_started_ns > most && !w->timed_out) {
            w->timed_out = true;
            kill(w->pid, SIGKILL);
        }
    }
}

static size_t alive(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_workers; i++)
        n += s->workers[i].pid != 0;
    return n;
}

static void listen_to_workers(struct supervisor *s, int timeout_ms)
{
    struct pollfd p[WORKERS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].pid)
            p[n++] = (struct pollfd){.fd = s->workers[i].fd, .events = POLLIN};
    if (n == 0) {
        sl_clock_sleep_ns(timeout_ms * SL_NS_PER_MS);
        return;
    }
    if (poll(p, n, timeout_ms) <= 0)
        return;
    bool ended = false;
    for (size_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].pid)
            ended |= !read_events(s, &s->workers[i]);
    if (ended)
        sl_clock_sleep_ns(SL_NS_PER_MS); /* until waitpid sees it */
}

static int tick(struct supervisor *s, struct sl_error *err)
{
    int64_t now = sl_clock_mono_ns();
    if (!s->options->tick || now < s->next_tick_ns || stop_signals)
        return 0;
    s->next_tick_ns = now + s->engine->config->sensor_poll_ms * SL_NS_PER_MS;
    return s->options->tick(s->options->tick_data, s->engine, s->options, s->summary, err);
}

/* Workers are wanted while there is, or may be, something to do. */
static int wanted(struct supervisor *s, size_t *n, struct sl_error *err)
{
    int64_t pending = 0, running = 0, next_due_ms = -1;
    *n = 0;
    if (stop_signals || s->worker_error.code != SL_OK)
        return 0;
    if (s->options->forever) {
        *n = s->n_workers;
        return 0;
    }
    if (s->options->batch_id) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        int rc = s->engine->ledger->ops->get_batch(s->engine->ledger, s->options->batch_id, &doc, err);
        const char *status = doc ? sl_json_str(doc, "status", "") : "";
        *n = !strcmp(status, "pending");
        return rc;
    }
    int rc = s->engine->ledger->ops->outstanding(s->engine->ledger, &pending, &running, &next_due_ms, err);
    size_t busy = 0;
    for (size_t i = 0; i < s->n_workers; i++)
        busy += s->workers[i].batch_started_ns != 0;
    *n = pending > 0 ? (size_t)pending + busy : 0;
    if (*n > s->n_workers)
        *n = s->n_workers;
    return rc;
}

static int fill_up(struct supervisor *s, struct sl_error *err)
{
    size_t want = 0;
    int rc = wanted(s, &want, err);
    size_t have = alive(s);
    for (size_t i = 0; rc == 0 && i < s->n_workers && have < want; i++)
        if (!s->workers[i].pid) {
            rc = start_worker(s, &s->workers[i], err);
            have++;
        }
    return rc;
}

static void pass_signal(struct supervisor *s, int *passed)
{
    if (*passed >= stop_signals)
        return;
    *passed = stop_signals;
    for (size_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].pid)
            kill(s->workers[i].pid, *passed > 1 ? SIGKILL : SIGTERM);
}

static bool gone(enum sl_code code)
{
    return code == SL_E_POSTGRES_UNAVAILABLE || code == SL_E_LEDGER_UNAVAILABLE || code == SL_E_STORE_UNAVAILABLE;
}

static int turn(struct supervisor *s, int *passed, bool *done, struct sl_error *err)
{
    pass_signal(s, passed);
    int rc = tick(s, err);
    if (rc == 0)
        rc = reap_all(s, err);
    if (rc == 0)
        rc = fill_up(s, err);
    if (rc < 0)
        return rc;
    bool idle = alive(s) == 0;
    if (idle && s->worker_error.code != SL_OK && !stop_signals && gone(s->worker_error.code)) {
        if (err)
            *err = s->worker_error;
        rc = -(int)s->worker_error.code; /* as if it had been noticed here: the same remedy */
        s->worker_error.code = SL_OK;
        return rc;
    }
    *done = idle && (!s->options->forever || stop_signals || s->worker_error.code != SL_OK);
    enforce_time(s);
    listen_to_workers(s, POLL_MS);
    return 0;
}

/* A service that went away: asked again with patience; what the workers held meanwhile is given back. `run` does so once
 * in a row, `serve` for ever. */
static int come_back(struct supervisor *s, struct sl_error *err)
{
    int rc;
    do {
        sl_log_error(SL_LOG_WARN, "supervisor.reconnect", err, NULL);
        rc = sl_engine_reconnect(s->engine, err);
    } while (rc < 0 && s->options->forever && !stop_signals && gone((enum sl_code)-rc));
    return rc < 0 ? rc : sl_recover(s->engine, err);
}

static int loop(struct supervisor *s, struct sl_error *err)
{
    enum { IN_A_ROW = 3 };
    int passed = 0, rc = 0, lost = 0;
    bool done = false;
    while (rc == 0 && !done) {
        rc = turn(s, &passed, &done, err);
        if (rc == 0)
            lost = alive(s) ? lost : 0;
        else if (gone((enum sl_code)-rc) && !stop_signals && (s->options->forever || lost++ < IN_A_ROW))
            rc = come_back(s, err);
    }
    return rc;
}

static void end_workers(struct supervisor *s)
{
    for (size_t i = 0; i < s->n_workers; i++)
        if (s->workers[i].pid) {
            kill(s->workers[i].pid, SIGTERM);
            waitpid(s->workers[i].pid, NULL, 0);
            close(s->workers[i].fd);
            sl_buf_free(&s->workers[i].line);
        }
}

int sl_run_supervise(struct sl_engine *engine, const struct sl_run_options *options, struct sl_run_summary *summary,
                     struct sl_error *err)
{
    struct supervisor *s = sl_xcalloc(1, sizeof *s);
    *summary = (struct sl_run_summary){0};
    s->engine = engine;
    s->options = options;
    s->summary = summary;
    int64_t n = options->workers ? options->workers : engine->config->run_workers;
    s->n_workers = options->batch_id ? 1 : n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (size_t)n;
    int rc = sl_recover(engine, err);
    if (rc == 0)
        rc = loop(s, err);
    end_workers(s);
    if (rc == 0 && s->worker_error.code != SL_OK) {
        rc = -(int)s->worker_error.code;
        if (err)
            *err = s->worker_error;
    }
    free(s);
    return rc;
}

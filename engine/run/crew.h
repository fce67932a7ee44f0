/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew.h - the worker processes of a supervisor: started, heard, given orders, ended, and their batches given back when
 * they die. Internal to run/. Threads: the supervisor's.
 */
#ifndef SLUICE_RUN_CREW_H
#define SLUICE_RUN_CREW_H

#include <sys/types.h>

#include "base/buf.h"
#include "run/event.h"
#include "run/run.h"

enum { SL_CREW_MAX = 256 };

struct sl_crew_worker {
    pid_t pid; /* 0: none */
    int fd;
    char owner[SL_OWNER_BYTES];
    char batch_id[SL_BATCH_ID_BYTES], run_id[40];
    int64_t batch_started_ns; /* monotonic; 0: no batch */
    int64_t not_before_ns;    /* when one may be started in its place */
    int failures;             /* ends in a row without a batch */
    bool idle;                /* it waits for an order */
    bool timed_out, ended;    /* by us: for its batch's length; for a stop */
    bool gave_up;             /* it said why it cannot go on */
    struct sl_buf line;
};

struct sl_crew {
    struct sl_engine *engine;
    const struct sl_run_options *options;
    struct sl_run_summary *summary;
    struct sl_crew_worker workers[SL_CREW_MAX];
    size_t n;
    size_t owed;           /* pokes that found nobody idle */
    bool changed;          /* a batch ended, a worker came or went: worth another look */
    struct sl_error error; /* why a worker could not go on */
};

size_t sl_crew_alive(const struct sl_crew *crew);
size_t sl_crew_busy(const struct sl_crew *crew);
/* Starts workers until `want` are alive, those whose time to start again has come. */
int sl_crew_fill(struct sl_crew *crew, size_t want, struct sl_error *err);
/* Tells so many idle workers that there is something to claim. */
void sl_crew_poke(struct sl_crew *crew, size_t n);
/* An order to all of them. */
void sl_crew_order(struct sl_crew *crew, enum sl_order order);
/* SIGTERM lets them finish their batches; SIGKILL ends them, and what they held is no crash of its batch. */
void sl_crew_signal(struct sl_crew *crew, int signal_number);
/* Ends those whose batch takes longer than run.timeout. */
void sl_crew_enforce_time(struct sl_crew *crew);
/* Waits for events of the workers, or until wake_fd (-1: none) is readable; hears them. */
void sl_crew_listen(struct sl_crew *crew, int wake_fd, int timeout_ms);
/* Those that have ended: what they held goes back, or the second time to quarantine. */
int sl_crew_reap(struct sl_crew *crew, struct sl_error *err);
/* SIGTERM, and after run.drain_timeout SIGKILL; returns when none is left. What they held expires or is recovered. */
void sl_crew_end(struct sl_crew *crew);
/* [{pid, batch_id, run_id}] of those at work. The caller owns it. */
struct json_object *sl_crew_json(const struct sl_crew *crew);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - what the supervisor tells, made into lines: for people one a batch at its end; where stderr is no terminal
 * one log line a stage; with --jsonl one event a line.
 *
 * Unless somebody asked for a log (log.level, --log-level) the processes at work don't log: what they would say is what
 * is printed here.
 */
#ifndef SLUICE_CLI_WATCH_H
#define SLUICE_CLI_WATCH_H

#include "cli/cli.h"
#include "run/run.h"

struct sl_cli_watch {
    const char *batch_id; /* only this one; NULL: all */
    bool forever, look;   /* look: for new manifests too */
    int workers;          /* 0: as configured; SL_WORKERS_NONE */
    const char *role;     /* in the ledger's "processes"; NULL: not there */
    bool silent;          /* the caller answers: nothing on stdout */
    bool materialize, keep_schema; /* run.materialize, run.keep_schema for these workers */
};

/* From now on SIGTERM is kept for the supervision that is to begin. */
void sl_cli_keep_stop(void);
/* Supervises workers of this binary, this home and these settings; prints as it goes, and with --json the summary with
 * its batches at the end. */
int sl_cli_supervise(struct sl_cli *cli, struct sl_engine *engine, const struct sl_cli_watch *watch,
                     struct sl_run_summary *summary, struct sl_error *err);

#endif

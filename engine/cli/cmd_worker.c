/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/watch.h"
#include "json/json.h"
#include "run/event.h"

struct args {
    int64_t workers;
    /* between a supervisor and the processes that it starts */
    const char *batch;
    int64_t events_fd, wait_ms;
    bool forever;
};

enum { WORKERS_MAX = 256 };

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"workers", 0, "N", SL_CLI_INTEGER, AT(workers), "processes at work (default: run.workers)", NULL, 0},
    {"events-fd", 0, "N", SL_CLI_INTEGER, AT(events_fd), NULL, NULL, 0},
    {"batch", 0, "ID", SL_CLI_TEXT, AT(batch), NULL, NULL, 0},
    {"wait-ms", 0, "N", SL_CLI_INTEGER, AT(wait_ms), NULL, NULL, 0},
    {"forever", 0, NULL, SL_CLI_FLAG, AT(forever), NULL, NULL, 0},
};

/* Why it gives up, told to the supervisor, who says it once for all. */
static int stopped(struct sl_cli *cli, int fd, const struct sl_error *error)
{
    struct sl_events events = {.fd = fd};
    struct json_object *e = sl_event_new("stopped", NULL, NULL);
    sl_json_put_str(e, "code", sl_code_name(error->code));
    sl_json_put_str(e, "message", error->message);
    sl_json_put_str(e, "hint", error->hint);
    sl_event_send(&events, e);
    cli->exit_code = sl_code_exit(error->code);
    return 0;
}

/* One process of a supervisor's. */
static int work(struct sl_cli *cli, const struct args *a, struct sl_error *err)
{
    struct sl_engine *engine;
    struct sl_worker_options worker = {
        .batch_id = a->batch, .forever = a->forever, .wait_ms = a->wait_ms, .event_fd = (int)a->events_fd};
    int rc = sl_cli_engine(cli, SL_NEEDS_WORK, &engine, err);
    if (!rc)
        rc = sl_run_work(engine, &worker, err);
    return rc ? stopped(cli, worker.event_fd, err) : 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_engine *engine;
    struct sl_run_summary summary = {0};
    const struct sl_cli_watch watch = {.forever = true, .workers = (int)a->workers, .role = "worker"};
    if (a->events_fd > 0)
        return work(cli, a, err);
    if (a->workers > WORKERS_MAX)
        return sl_fail(err, SL_E_USAGE, "--workers: at most %d", WORKERS_MAX);
    sl_cli_keep_stop();
    int rc = sl_cli_engine(cli, SL_NEEDS_RUN, &engine, err);
    return rc ? rc : sl_cli_supervise(cli, engine, &watch, &summary, err);
}

const struct sl_command sl_cmd_worker = {
    .name = "worker",
    .summary = "carry out what a sensor enters, here or on another host",
    .group = SL_GROUP_WORK,
    .usage = "[OPTIONS]",
    .examples = "  sluice worker\n"
                "  sluice worker --workers 4\n",
    .details = "Takes batches from the ledger for ever; a `sluice sensor` or `sluice serve` somewhere notices them.\n"
               "Ctrl-C or SIGTERM lets the batches at work finish; a second one, or run.drain_timeout, hands them\n"
               "back. SIGHUP reads the recipes again.\n",
    .logs = true,
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

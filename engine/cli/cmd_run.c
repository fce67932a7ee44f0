/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/watch.h"

struct args {
    bool once, materialize, keep_schema;
    const char *batch;
    int64_t workers;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option run_options[] = {
    {"once", 0, NULL, SL_CLI_FLAG, AT(once), "don't wait for files that are not there yet", NULL, 0},
    {"batch", 0, "ID", SL_CLI_TEXT, AT(batch), "only this batch", NULL, 0},
    {"workers", 0, "N", SL_CLI_INTEGER, AT(workers), "processes at work (default: run.workers)", NULL, 0},
    {"materialize", 0, NULL, SL_CLI_FLAG, AT(materialize), "a table for every step, to find what one does", NULL, 0},
    {"keep-schema", 0, NULL, SL_CLI_FLAG, AT(keep_schema), "keep the run's tables: batch show has the schema's name", NULL, 0},
};
static const struct sl_cli_option serve_options[] = {
    {"workers", 0, "N", SL_CLI_INTEGER, AT(workers), "processes at work (default: run.workers)", NULL, 0},
};

enum { WORKERS_MAX = 256 };

static int supervise(struct sl_cli *cli, const struct args *a, bool forever, struct sl_error *err)
{
    struct sl_engine *engine;
    struct sl_run_summary summary = {0};
    struct sl_cli_watch watch = {
        .batch_id = a->batch, .forever = forever, .look = true, .workers = (int)a->workers,
        .role = forever ? "serve" : NULL, .materialize = a->materialize, .keep_schema = a->keep_schema};
    if (a->workers > WORKERS_MAX)
        return sl_fail(err, SL_E_USAGE, "--workers: at most %d", WORKERS_MAX);
    if (forever)
        sl_cli_keep_stop();
    int rc = sl_cli_engine(cli, SL_NEEDS_RUN, &engine, err);
    if (!rc)
        rc = sl_cli_supervise(cli, engine, &watch, &summary, err);
    if (rc)
        return rc;
    bool nothing = !summary.succeeded && !summary.failed && !summary.quarantined && !summary.refused;
    if (!forever && nothing && !cli->json && !cli->quiet)
        sl_cli_line(&cli->err, "run", "nothing is waiting");
    if (!forever)
        cli->exit_code = sl_code_exit(summary.last_error);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    return supervise(cli, args, false, err);
}

static int serve(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    return supervise(cli, args, true, err);
}

const struct sl_command sl_cmd_run = {
    .name = "run",
    .summary = "ingest what was uploaded, until nothing is waiting",
    .group = SL_GROUP_WORK,
    .usage = "[OPTIONS]",
    .examples = "  sluice run\n"
                "  sluice run --batch roads-20261121-7f3a\n"
                "  sluice run --workers 4 --json\n"
                "  sluice run --batch roads-20261121-7f3a --materialize --keep-schema\n",
    .details = "Ends with 0 when every batch succeeded, else with the exit code of the last one's error. May\n"
               "be killed at any time: the next run finishes what was begun. What --keep-schema keeps is dropped\n"
               "after seven days, or by `sluice gc --yes --grace 0s`.\n",
    SL_CLI_OPTIONS(run_options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

const struct sl_command sl_cmd_serve = {
    .name = "serve",
    .summary = "the same for ever: watch the landing zone, ingest what arrives",
    .group = SL_GROUP_WORK,
    .usage = "[OPTIONS]",
    .examples = "  sluice serve\n"
                "  sluice serve --workers 4\n",
    .details = "One sensor and run.workers processes. Several hosts may do so on the same services;\n"
               "`sluice sensor` and `sluice worker` are the two halves. Ctrl-C or SIGTERM lets the batches at\n"
               "work finish; a second one, or run.drain_timeout, hands them back. SIGHUP reads the recipes\n"
               "again: with an error in one of them those before stay in force.\n",
    .logs = true,
    SL_CLI_OPTIONS(serve_options),
    .args_bytes = sizeof(struct args),
    .run = serve,
};

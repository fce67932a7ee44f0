/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "json/json.h"
#include "run/event.h"

struct args {
    const char *batch;
    int64_t events_fd, wait_ms;
    bool forever;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"events-fd", 0, "N", SL_CLI_INTEGER, AT(events_fd), "descriptor for events, one JSON object a line", NULL, 0},
    {"batch", 0, "ID", SL_CLI_TEXT, AT(batch), "only this batch", NULL, 0},
    {"wait-ms", 0, "N", SL_CLI_INTEGER, AT(wait_ms), "how long missing files are waited for", NULL, 0},
    {"forever", 0, NULL, SL_CLI_FLAG, AT(forever), "until stopped", NULL, 0},
};

/* Why it gives up, told to the supervisor, who says it once for all. */
static int stopped(struct sl_cli *cli, int fd, int rc, const struct sl_error *error)
{
    struct sl_events events = {.fd = fd};
    if (fd < 0)
        return rc;
    struct json_object *e = sl_event_new("stopped", NULL, NULL);
    sl_json_put_str(e, "code", sl_code_name(error->code));
    sl_json_put_str(e, "message", error->message);
    sl_json_put_str(e, "hint", error->hint);
    sl_event_send(&events, e);
    cli->exit_code = sl_code_exit(error->code);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_engine *engine;
    struct sl_worker_options worker = {.batch_id = a->batch,
                                       .forever = a->forever,
                                       .wait_ms = a->wait_ms,
                                       .event_fd = a->events_fd > 0 ? (int)a->events_fd : -1};
    int rc = sl_cli_engine(cli, SL_NEEDS_RUN, &engine, err);
    if (!rc)
        rc = sl_run_work(engine, &worker, err);
    return rc ? stopped(cli, worker.event_fd, rc, err) : 0;
}

const struct sl_command sl_cmd_worker = {
    .name = "worker",
    .summary = "one worker process of run or serve; they start it",
    .group = SL_GROUP_HIDDEN,
    .usage = "[OPTIONS]",
    .logs = true,
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor.h"

#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/watch.h"
#include "json/json.h"

enum { PREVIEW_LIMIT = 200, PREVIEW_MOST = 100000, SILENT_S = 60 };

struct preview_args {
    int64_t limit;
};

#define AT(member) offsetof(struct preview_args, member)
static const struct sl_cli_option preview_options[] = {
    {"limit", 0, "N", SL_CLI_INTEGER, AT(limit), "at most so many manifests", NULL, PREVIEW_LIMIT},
};

static int sensor(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    struct sl_run_summary summary = {0};
    const struct sl_cli_watch watch = {.forever = true, .look = true, .workers = SL_WORKERS_NONE, .role = "sensor"};
    sl_cli_keep_stop();
    int rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &engine, err);
    return rc ? rc : sl_cli_supervise(cli, engine, &watch, &summary, err);
}

/* ---- preview ---- */

static enum sl_colour action_colour(const char *action)
{
    if (!strcmp(action, "enter") || !strcmp(action, "reopen"))
        return SL_GREEN;
    return !strcmp(action, "refuse") || !strcmp(action, "quarantine") ? SL_RED : SL_PLAIN;
}

static const char *why(struct sl_cli *cli, struct json_object *o)
{
    const char *action = sl_json_str(o, "action", ""), *message = sl_json_str(o, "message", NULL),
               *status = sl_json_str(o, "status", NULL), *code = sl_json_str(o, "code", NULL);
    if (message && code)
        return sl_arena_printf(cli->arena, "%s: %s", code, message);
    if (message)
        return message;
    if (!strcmp(action, "enter"))
        return "new";
    if (!strcmp(action, "archive"))
        return "done before: the same manifest again";
    if (!strcmp(action, "quarantine"))
        return sl_arena_printf(cli->arena, "%s: its move was interrupted", status ? status : "over");
    if (!strcmp(action, "reopen"))
        return sl_arena_printf(cli->arena, "%s before, and put back: tried again", status ? status : "failed");
    return status ? status : "";
}

static void preview_table(struct sl_cli *cli, struct json_object *list)
{
    static const struct sl_cli_column columns[] = {
        {"MANIFEST", SL_LEFT, 16}, {"BATCH", SL_LEFT, 12}, {"INTENT", SL_LEFT, 10}, {"DOES", SL_LEFT, 0}, {"WHY", SL_PROSE, 30}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 5);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *action = sl_json_str(o, "action", "");
        sl_cli_cell(table, sl_json_str(o, "key", NULL));
        sl_cli_cell(table, sl_json_str(o, "batch_id", NULL));
        sl_cli_cell(table, sl_json_str(o, "intent", NULL));
        sl_cli_cell_colour(table, action_colour(action), action);
        sl_cli_cell(table, why(cli, o));
    }
    sl_cli_table_print(table, &cli->out);
}

static int preview(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct preview_args *a = args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    bool more = false;
    if (a->limit < 1 || a->limit > PREVIEW_MOST)
        return sl_fail(err, SL_E_USAGE, "--limit: 1 to %d", PREVIEW_MOST);
    int rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &engine, err);
    if (!rc)
        rc = sl_sensor_preview(engine, a->limit, &list, &more, err);
    if (rc)
        return rc;
    size_t n = json_object_array_length(list);
    if (cli->json) {
        struct sl_cli_stream stream = {.cli = cli};
        for (size_t i = 0; i < n; i++)
            sl_cli_stream_item(&stream, json_object_array_get_idx(list, i));
        sl_cli_stream_end(&stream);
    } else if (n == 0) {
        sl_cli_line(&cli->err, "sensor", "manifests/ is empty");
    } else {
        preview_table(cli, list);
    }
    if (more)
        sl_cli_line(&cli->err, "sensor", "there are more: --limit N");
    return 0;
}

/* ---- status ---- */

static const char *ago(struct sl_cli *cli, const char *at, const char *now)
{
    int64_t ns = sl_cli_between(at, now);
    return ns < 0 ? "-" : sl_arena_printf(cli->arena, "%s ago", sl_cli_took(cli->arena, ns));
}

/* Processes renew their document every ten seconds. */
static const char *state(struct json_object *process, const char *now)
{
    int64_t silent_ns = sl_cli_between(sl_json_str(process, "seen_at", NULL), now);
    return silent_ns > SILENT_S * SL_NS_PER_S ? "silent" : sl_json_str(process, "state", NULL);
}

static void processes_table(struct sl_cli *cli, struct json_object *list, const char *now)
{
    static const struct sl_cli_column columns[] = {{"PROCESS", SL_LEFT, 0},  {"HOST", SL_LEFT, 8},    {"PID", SL_RIGHT, 0},
                                                   {"STATE", SL_LEFT, 0},    {"WORKERS", SL_LEFT, 0}, {"SENSOR", SL_LEFT, 0},
                                                   {"LISTED", SL_LEFT, 0},   {"SEEN", SL_LEFT, 0}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 8);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i), *d = sl_json_get(o, "details"),
                           *sensor = d ? sl_json_get(d, "sensor") : NULL;
        sl_cli_cell(table, sl_json_str(o, "role", NULL));
        sl_cli_cell(table, sl_json_str(o, "host", NULL));
        sl_cli_cell(table, sl_arena_printf(cli->arena, "%lld", (long long)sl_json_int(o, "pid", 0)));
        sl_cli_cell(table, state(o, now));
        sl_cli_cell(table, sl_arena_printf(cli->arena, "%lld of %lld busy", (long long)sl_json_int(d, "busy", 0),
                                           (long long)sl_json_int(o, "workers", 0)));
        sl_cli_cell(table, sensor ? sl_json_str(sensor, "mode", NULL) : NULL);
        sl_cli_cell(table, sensor ? ago(cli, sl_json_str(sensor, "listed_at", NULL), now) : NULL);
        sl_cli_cell(table, ago(cli, sl_json_str(o, "seen_at", NULL), now));
    }
    sl_cli_table_print(table, &cli->out);
}

static void leases_table(struct sl_cli *cli, struct json_object *list)
{
    static const struct sl_cli_column columns[] = {
        {"BATCH", SL_LEFT, 12}, {"ATTEMPT", SL_RIGHT, 0}, {"HELD BY", SL_LEFT, 20}, {"ALIVE", SL_LEFT, 0}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        sl_cli_cell(table, sl_json_str(o, "batch_id", NULL));
        sl_cli_cell(table, sl_arena_printf(cli->arena, "%lld", (long long)sl_json_int(o, "attempt", 0)));
        sl_cli_cell(table, sl_json_str(o, "owner", NULL));
        sl_cli_cell(table, sl_json_bool(o, "alive", false) ? "yes, or on another host" : "no: to be given back");
    }
    sl_out_text(&cli->out, "\n");
    sl_cli_table_print(table, &cli->out);
}

static void waiting_table(struct sl_cli *cli, struct json_object *list, const char *now)
{
    static const struct sl_cli_column columns[] = {
        {"WAITING", SL_LEFT, 12}, {"SINCE", SL_LEFT, 0}, {"NEXT LOOK", SL_LEFT, 0}, {"FOR", SL_PROSE, 30}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        int64_t left = sl_cli_between(now, sl_json_str(o, "not_before", NULL));
        sl_cli_cell(table, sl_json_str(o, "batch_id", NULL));
        sl_cli_cell(table, ago(cli, sl_json_str(o, "since", NULL), now));
        sl_cli_cell(table, left > 0 ? sl_arena_printf(cli->arena, "in %s", sl_cli_took(cli->arena, left)) : "now");
        sl_cli_cell(table, sl_json_str(o, "message", NULL));
    }
    sl_out_text(&cli->out, "\n");
    sl_cli_table_print(table, &cli->out);
}

static int status(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *o = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = sl_sensor_status(engine, &o, err);
    if (rc)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, o);
        return 0;
    }
    char now[SL_ISO8601_BYTES];
    sl_clock_iso8601(now, sl_clock_wall_ns());
    struct json_object *processes = sl_json_get(o, "processes"), *leases = sl_json_get(o, "leases"),
                       *waiting = sl_json_get(o, "waiting");
    sl_cli_line(&cli->out, "batches", "%lld pending, %lld running", (long long)sl_json_int(o, "pending", 0),
                (long long)sl_json_int(o, "running", 0));
    if (json_object_array_length(processes))
        processes_table(cli, processes, now);
    else
        sl_cli_line(&cli->out, "processes", "none is running: sluice serve");
    if (json_object_array_length(leases))
        leases_table(cli, leases);
    if (json_object_array_length(waiting))
        waiting_table(cli, waiting, now);
    return 0;
}

static const struct sl_command cmd_preview = {
    .name = "preview",
    .summary = "what a look at the landing zone would do, and why; it does nothing",
    .group = SL_GROUP_LOOK,
    .usage = "[OPTIONS]",
    .examples = "  sluice sensor preview\n"
                "  sluice sensor preview --json --limit 1000\n",
    SL_CLI_OPTIONS(preview_options),
    .args_bytes = sizeof(struct preview_args),
    .run = preview,
};
static const struct sl_command cmd_status = {
    .name = "status",
    .summary = "which processes run where, what they do, what waits for what",
    .group = SL_GROUP_LOOK,
    .usage = "",
    .examples = "  sluice sensor status\n"
                "  sluice sensor status --json\n",
    .run = status,
};
static const struct sl_command *const verbs[] = {&cmd_preview, &cmd_status, NULL};

const struct sl_command sl_cmd_sensor = {
    .name = "sensor",
    .summary = "watch the landing zone without workers; see what it does",
    .group = SL_GROUP_WORK,
    .usage = "[VERB]",
    .examples = "  sluice sensor\n"
                "  sluice sensor preview\n"
                "  sluice sensor status\n",
    .details = "Without a verb it watches for ever and enters what arrives in the ledger; `sluice worker` on this or\n"
               "other hosts carries it out. Several may watch one landing zone. SIGTERM ends it, SIGHUP reads the\n"
               "recipes again.\n",
    .logs = true,
    .verbs = verbs,
    .run = sensor,
};

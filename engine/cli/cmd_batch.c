/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_batch.h"
#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/when.h"
#include "json/json.h"

struct args {
    const char *status, *intent, *since, *until;
    int64_t limit;
};

static const char *const statuses[] = {"pending", "running", "succeeded", "failed", "quarantined", NULL};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"status", 0, "STATUS", SL_CLI_CHOICE, AT(status),
     "pending, running, succeeded, failed or quarantined", statuses, 0},
    {"intent", 0, "INTENT", SL_CLI_TEXT, AT(intent), "of this intent", NULL, 0},
    {"since", 0, "TIME", SL_CLI_TEXT, AT(since), "uploaded since: 2026-11-21, 2026-11-21T09:14, or 7d ago", NULL, 0},
    {"until", 0, "TIME", SL_CLI_TEXT, AT(until), "uploaded before", NULL, 0},
    {"limit", 0, "N", SL_CLI_INTEGER, AT(limit), "at most so many, the newest first (default: 50; 0: all)", NULL, 50},
};

static int make_filter(const struct args *a, struct json_object *filter, struct sl_error *err)
{
    const char *const texts[] = {a->since, a->until};
    static const char *const names[] = {"since", "until"}, *const operators[] = {"$gte", "$lt"};
    struct json_object *time = json_object_new_object();
    int rc = 0;
    if (a->status)
        sl_json_put_str(filter, "status", a->status);
    if (a->intent)
        sl_json_put_str(filter, "intent", a->intent);
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        char at[SL_ISO8601_BYTES];
        rc = texts[i] ? sl_cli_when(texts[i], names[i], at, err) : 0;
        if (rc == 0 && texts[i])
            sl_json_put_str(time, operators[i], at);
    }
    if (rc == 0 && json_object_object_length(time) > 0)
        sl_json_put(filter, "created_at", time);
    else
        json_object_put(time);
    return rc;
}

static int list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    int64_t n = 0;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *filter = json_object_new_object();
    struct sl_find find = {.collection = "manifests", .filter = filter, .sort = "created_at:-1", .limit = a->limit};
    int rc = make_filter(a, filter, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = sl_cli_documents(cli, engine, &find, NULL, NULL, &n, err);
    if (rc || cli->json || cli->quiet)
        return rc;
    if (n == 0)
        sl_out_text(&cli->err,
                    json_object_object_length(filter) ? "no batch fits\n" : "no batch yet: sluice submit, then sluice run\n");
    else if (n == a->limit)
        sl_out_printf(&cli->err, "the newest %s; --limit N shows more\n", sl_cli_count(cli->arena, n));
    return 0;
}

static const struct sl_command cmd_list = {
    .name = "list",
    .summary = "batches, the newest first",
    .group = SL_GROUP_LOOK,
    .usage = "[OPTIONS]",
    .examples = "  sluice batch list\n"
                "  sluice batch list --status failed --intent ingest_vector --since 7d\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = list,
};
static const struct sl_command *const verbs[] = {&cmd_list, &sl_cmd_batch_show, NULL};

const struct sl_command sl_cmd_batch = {
    .name = "batch",
    .summary = "batches: what was uploaded, and what became of it",
    .group = SL_GROUP_LOOK,
    .examples = "  sluice batch list --status failed\n"
                "  sluice batch show roads-20261121-7f3a\n",
    .verbs = verbs,
};

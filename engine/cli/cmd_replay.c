/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/watch.h"
#include "json/json.h"

struct args {
    bool force;
    struct sl_cli_list set;
    const char *recipe;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"force", 'f', NULL, SL_CLI_FLAG, AT(force), "a new version also when the bytes are the same", NULL, 0},
    {"set", 0, "NAME=VALUE", SL_CLI_LIST, AT(set), "a parameter, or crs_policy, other than in the manifest", NULL, 0},
    {"recipe", 0, "RECIPE", SL_CLI_TEXT, AT(recipe), "instead of the one that the intent selects", NULL, 0},
};

/* "run 0199…  same inputs, same recipe, same bytes (sha256 9b0c…): version 3 stands" */
static void print_output(struct sl_cli *cli, struct json_object *run, struct json_object *o, bool changed)
{
    struct sl_arena *a = cli->arena;
    const char *how = sl_json_str(o, "how", "new"), *what;
    int64_t version = sl_json_int(o, "version", 0), before = sl_json_int(o, "before_version", 0);
    const char *hash = sl_cli_hash(a, sl_json_str(o, "content_hash", NULL));
    if (strcmp(how, "new"))
        what = sl_arena_printf(a, "%ssame bytes (%s): version %" PRId64 " stands",
                               changed ? "" : "same inputs, same recipe, ", hash, version);
    else if (before)
        what = sl_arena_printf(a, "version %" PRId64 " made (%s), beside version %" PRId64, version, hash, before);
    else
        what = sl_arena_printf(a, "version %" PRId64 " made (%s)", version, hash);
    sl_out_printf(&cli->out, "run %s  %s: %s\n", sl_cli_member(a, run, "_id"), sl_cli_member(a, o, "dataset_id"), what);
}

static void answer(struct sl_cli *cli, struct json_object *whole, bool changed)
{
    struct json_object *run = sl_json_get(whole, "run"), *outputs = sl_json_get(run, "outputs");
    size_t n = json_object_is_type(outputs, json_type_array) ? json_object_array_length(outputs) : 0;
    for (size_t i = 0; i < n; i++)
        print_output(cli, run, json_object_array_get_idx(outputs, i), changed);
}

static int assign_all(const struct args *a, struct json_object **out, struct sl_error *err)
{
    if (a->set.n == 0)
        return 0;
    struct json_object *params = json_object_new_object();
    for (size_t i = 0; i < a->set.n; i++) {
        int rc = sl_cli_assign(params, a->set.items[i], "set", err);
        if (rc) {
            json_object_put(params);
            return rc;
        }
    }
    *out = params;
    return 0;
}

static int run_replay(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const char *batch_id = cli->operands.items[0];
    struct sl_engine *engine;
    struct sl_run_summary summary = {0};
    struct sl_cli_watch watch = {.batch_id = batch_id, .workers = 1, .silent = cli->json};
    SL_CLEANUP(sl_json_putp) struct json_object *params = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *whole = NULL;
    int rc = assign_all(a, &params, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_RUN, &engine, err);
    struct sl_replay replay = {.batch_id = batch_id, .force = a->force, .params = params, .recipe = a->recipe};
    if (!rc)
        rc = sl_replay_request(engine, &replay, err);
    if (!rc)
        rc = sl_cli_supervise(cli, engine, &watch, &summary, err);
    if (!rc)
        rc = sl_cli_batch_whole(engine, batch_id, &whole, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_json(cli, whole);
    else if (summary.last_error == SL_OK)
        answer(cli, whole, params || a->recipe);
    cli->exit_code = sl_code_exit(summary.last_error);
    return 0;
}

const struct sl_command sl_cmd_replay = {
    .name = "replay",
    .summary = "run a batch again from its raw files: are the bytes the same",
    .group = SL_GROUP_KEEP,
    .usage = "[OPTIONS] BATCH",
    .examples = "  sluice replay roads-20261121-7f3a\n"
                "  sluice replay b-0412 --set crs_policy=trust_file\n"
                "  sluice replay roads-20261121-7f3a --force\n",
    .details = "The raw files' hashes are checked first. The same bytes leave the version as it is (unless\n"
               "--force); other bytes make a new one.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .least = 1,
    .most = 1,
    .run = run_replay,
};

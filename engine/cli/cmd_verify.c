/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "json/json.h"

struct args {
    bool deep;
    const char *dataset;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"deep", 0, NULL, SL_CLI_FLAG, AT(deep), "read every byte and compare the hashes", NULL, 0},
    {"dataset", 0, "NAME", SL_CLI_TEXT, AT(dataset), "only this dataset", NULL, 0},
};

static void show_progress(void *data, int64_t assets, int64_t raw_files, int64_t bytes)
{
    struct sl_cli_progress *progress = data;
    struct sl_arena *a = sl_arena_new();
    sl_cli_progress_text(progress,
                         sl_arena_printf(a, "verify    %s · %s · %s", sl_cli_plural(a, assets, "asset", "assets"),
                                         sl_cli_plural(a, raw_files, "raw file", "raw files"), sl_cli_size(a, bytes)));
    sl_arena_free(a);
}

static void print_problem(struct sl_cli *cli, struct json_object *p)
{
    struct sl_arena *a = cli->arena;
    const char *key = sl_json_str(p, "key", NULL), *repair = sl_json_str(p, "repair", NULL);
    sl_out_text(&cli->out, "  ");
    if (key)
        sl_out_printf(&cli->out, "%s/%s  ", sl_cli_member(a, p, "bucket"), sl_out_escape(a, key));
    sl_out_printf(&cli->out, "%s\n", sl_cli_member(a, p, "message"));
    if (repair && *repair)
        sl_out_printf(&cli->out, "  repair: %s\n", sl_out_escape(a, repair));
}

static void print_report(struct sl_cli *cli, struct json_object *report, struct json_object *problems, size_t n,
                         bool deep)
{
    struct sl_arena *a = cli->arena;
    sl_out_printf(&cli->out, "%s · %s", sl_cli_plural(a, sl_json_int(report, "assets", 0), "asset", "assets"),
                  sl_cli_plural(a, sl_json_int(report, "raw_files", 0), "raw file", "raw files"));
    if (deep)
        sl_out_printf(&cli->out, " · %s read", sl_cli_size(a, sl_json_int(report, "bytes", 0)));
    sl_out_printf(&cli->out, " in %s\n", sl_cli_took(a, sl_json_int(report, "duration_ns", 0)));
    if (!n) {
        sl_out_coloured(&cli->out, SL_GREEN, deep ? "everything is as the ledger says" : "everything is there");
        sl_out_text(&cli->out, deep ? "\n" : " (sluice verify --deep reads every byte)\n");
        return;
    }
    sl_out_coloured(&cli->out, SL_RED, sl_cli_plural(a, (int64_t)n, "problem", "problems"));
    sl_out_text(&cli->out, ":\n");
    for (size_t i = 0; i < n; i++)
        print_problem(cli, json_object_array_get_idx(problems, i));
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_cli_progress progress;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *report = NULL;
    struct sl_verify_options verify = {
        .deep = a->deep, .dataset_id = a->dataset, .progress = show_progress, .progress_data = &progress};
    sl_cli_progress_begin(&progress, cli);
    int rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_CATALOG, &engine, err);
    if (!rc)
        rc = sl_verify(engine, &verify, &report, err);
    sl_cli_progress_clear(&progress);
    if (rc)
        return rc;
    struct json_object *problems = sl_json_get(report, "problems");
    size_t n = json_object_is_type(problems, json_type_array) ? json_object_array_length(problems) : 0;
    if (cli->json)
        sl_cli_json(cli, report);
    else
        print_report(cli, report, problems, n, a->deep);
    cli->exit_code = n ? sl_code_exit(SL_E_VERIFY_FAILED) : SL_EXIT_OK;
    return 0;
}

const struct sl_command sl_cmd_verify = {
    .name = "verify",
    .summary = "is the lake as the ledger says, and the raw vault too",
    .group = SL_GROUP_KEEP,
    .usage = "[--deep] [--dataset NAME]",
    .examples = "  sluice verify\n"
                "  sluice verify --deep\n"
                "  sluice verify --dataset roads --json\n",
    .details = "Changes nothing. Ends with 1 when there is a problem; each names its repair.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

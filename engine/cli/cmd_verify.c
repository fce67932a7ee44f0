/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "json/json.h"

enum { GRACE_DEFAULT_S = 86400 };

struct args {
    bool deep, quick, repair, dry_run, yes;
    int64_t grace_s;
    const char *dataset;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"deep", 0, NULL, SL_CLI_FLAG, AT(deep), "read every byte and compare the hashes", NULL, 0},
    {"quick", 0, NULL, SL_CLI_FLAG, AT(quick), "listings only: don't ask for each object's metadata", NULL, 0},
    {"repair", 0, NULL, SL_CLI_FLAG, AT(repair), "say what can be put right without guessing; with --yes do it", NULL, 0},
    {"yes", 'y', NULL, SL_CLI_FLAG, AT(yes), "with --repair: do it", NULL, 0},
    {"dry-run", 'n', NULL, SL_CLI_FLAG, AT(dry_run), "with --repair: only say it (as without --yes)", NULL, 0},
    {"grace", 0, "TIME", SL_CLI_DURATION, AT(grace_s),
     "leave orphans that are younger: 45s, 30m, 12h, 7d (default: 1d)", NULL, GRACE_DEFAULT_S},
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
    const char *key = sl_json_str(p, "key", NULL), *repair = sl_json_str(p, "repair", NULL),
               *batch = sl_json_str(p, "batch_id", NULL), *not_repaired = sl_json_str(p, "not_repaired", NULL),
               *moved = sl_json_str(p, "moved_to", NULL);
    sl_out_text(&cli->out, "  ");
    if (key)
        sl_out_printf(&cli->out, "%s/%s  ", sl_cli_member(a, p, "bucket"), sl_out_escape(a, key));
    else if (batch)
        sl_out_printf(&cli->out, "batch %s  ", sl_out_escape(a, batch));
    sl_out_printf(&cli->out, "%s\n", sl_cli_member(a, p, "message"));
    if (sl_json_bool(p, "repaired", false))
        sl_out_printf(&cli->out, "  repaired%s%s\n", moved ? ": now at " : "", moved ? sl_out_escape(a, moved) : "");
    else if (not_repaired)
        sl_out_printf(&cli->out, "  not repaired: %s\n", sl_out_escape(a, not_repaired));
    else if (repair && *repair)
        sl_out_printf(&cli->out, "  repair: %s\n", sl_out_escape(a, repair));
}

static void print_counts(struct sl_cli *cli, struct json_object *report, bool deep)
{
    struct sl_arena *a = cli->arena;
    sl_out_printf(&cli->out, "%s · %s", sl_cli_plural(a, sl_json_int(report, "assets", 0), "asset", "assets"),
                  sl_cli_plural(a, sl_json_int(report, "raw_files", 0), "raw file", "raw files"));
    if (sl_json_int(report, "batches", 0))
        sl_out_printf(&cli->out, " · %s", sl_cli_plural(a, sl_json_int(report, "batches", 0), "batch", "batches"));
    if (deep)
        sl_out_printf(&cli->out, " · %s read", sl_cli_size(a, sl_json_int(report, "bytes", 0)));
    sl_out_printf(&cli->out, " in %s\n", sl_cli_took(a, sl_json_int(report, "duration_ns", 0)));
}

static int64_t repairable(struct json_object *problems)
{
    int64_t n = 0;
    for (size_t i = 0; i < json_object_array_length(problems); i++)
        n += sl_json_bool(json_object_array_get_idx(problems, i), "repairable", false);
    return n;
}

static void print_report(struct sl_cli *cli, const struct args *args, struct json_object *report, bool did)
{
    struct sl_arena *a = cli->arena;
    struct json_object *problems = sl_json_get(report, "problems");
    int64_t n = sl_json_int(report, "problem_count", 0), repaired = sl_json_int(report, "repaired", 0);
    size_t shown = json_object_array_length(problems);
    print_counts(cli, report, args->deep);
    if (!n) {
        sl_out_coloured(&cli->out, SL_GREEN, args->deep ? "everything is as the ledger says" : "everything is there");
        sl_out_text(&cli->out, args->deep ? "\n" : " (sluice verify --deep reads every byte)\n");
        return;
    }
    sl_out_coloured(&cli->out, repaired == n ? SL_YELLOW : SL_RED, sl_cli_plural(a, n, "problem", "problems"));
    sl_out_text(&cli->out, ":\n");
    for (size_t i = 0; i < shown; i++)
        print_problem(cli, json_object_array_get_idx(problems, i));
    if ((int64_t)shown < n)
        sl_out_printf(&cli->out, "  and %s more\n", sl_cli_count(a, n - (int64_t)shown));
    if (did)
        sl_out_printf(&cli->out, "%s of %s repaired\n", sl_cli_count(a, repaired), sl_cli_count(a, n));
    else if (args->repair)
        sl_out_printf(&cli->out, "nothing was changed; sluice verify --repair --yes repairs %s of %s\n",
                      sl_cli_count(a, repairable(problems)), sl_cli_count(a, (int64_t)shown));
}

static int check_use(const struct args *a, struct sl_error *err)
{
    if (a->deep && a->quick)
        return sl_fail(err, SL_E_USAGE, "--deep reads everything, --quick nothing: one of them");
    if (!a->repair && (a->yes || a->dry_run)) {
        sl_fail(err, SL_E_USAGE, "%s goes with --repair", a->yes ? "--yes" : "--dry-run");
        sl_error_hint(err, "sluice verify alone changes nothing");
        return -SL_E_USAGE;
    }
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_cli_progress progress;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *report = NULL;
    struct sl_verify_options verify = {.deep = a->deep,
                                       .quick = a->quick,
                                       .repair = a->repair && a->yes && !a->dry_run,
                                       .grace_s = a->grace_s,
                                       .dataset_id = a->dataset,
                                       .progress = show_progress,
                                       .progress_data = &progress};
    int rc = check_use(a, err);
    sl_cli_progress_begin(&progress, cli);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_STORE | SL_NEEDS_LEDGER | SL_NEEDS_CATALOG, &engine, err);
    if (!rc)
        rc = sl_verify(engine, &verify, &report, err);
    sl_cli_progress_clear(&progress);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_json(cli, report);
    else
        print_report(cli, a, report, verify.repair);
    bool all_well = sl_json_int(report, "problem_count", 0) == sl_json_int(report, "repaired", 0);
    cli->exit_code = all_well ? SL_EXIT_OK : sl_code_exit(SL_E_VERIFY_FAILED);
    return 0;
}

const struct sl_command sl_cmd_verify = {
    .name = "verify",
    .summary = "is the lake as the ledger says, and the raw vault too",
    .group = SL_GROUP_KEEP,
    .usage = "[--deep] [--repair [--yes]] [--dataset NAME]",
    .examples = "  sluice verify\n"
                "  sluice verify --deep\n"
                "  sluice verify --repair\n"
                "  sluice verify --repair --yes --grace 7d\n"
                "  sluice verify --dataset roads --json\n",
    .details = "Reads ledger, lake, catalog, raw vault and manifests against each other, both ways. Ends with 1\n"
               "when a problem is left; each names its repair. Without --repair --yes nothing is changed.\n"
               "A repair takes what the ledger says, never a guess: catalog rows, objects' metadata, STAC and\n"
               "ISO documents, the manifests' places. What nobody names and is older than --grace is moved to\n"
               "orphans/ of its bucket, never deleted. Each repair is an event of the ledger.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

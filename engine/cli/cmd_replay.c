/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/diff.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/watch.h"
#include "cli/when.h"
#include "json/json.h"

enum { BATCHES_MAX = 100000 };

struct args {
    bool force, from_raw, dry_run, yes;
    int64_t into_version;
    struct sl_cli_list set;
    const char *recipe, *intent, *since, *until, *dataset, *status;
};

static const char *const statuses[] = {"succeeded", "failed", "quarantined", NULL};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"force", 'f', NULL, SL_CLI_FLAG, AT(force), "a new version also when the bytes are the same", NULL, 0},
    {"set", 0, "NAME=VALUE", SL_CLI_LIST, AT(set), "a parameter, or crs_policy, other than in the manifest", NULL, 0},
    {"recipe", 0, "RECIPE", SL_CLI_TEXT, AT(recipe), "instead of the one that the intent selects", NULL, 0},
    {"from-raw", 0, NULL, SL_CLI_FLAG, AT(from_raw), "refuse unless every file is in the raw vault as it was", NULL, 0},
    {"into-version", 0, "N", SL_CLI_INTEGER, AT(into_version),
     "put version N's object again, if the bytes are the same", NULL, 0},
    {"dry-run", 'n', NULL, SL_CLI_FLAG, AT(dry_run), "say what would be done, and whether the raw files are intact", NULL,
     0},
    {"intent", 0, "INTENT", SL_CLI_TEXT, AT(intent), "all batches of this intent", NULL, 0},
    {"dataset", 0, "NAME", SL_CLI_TEXT, AT(dataset), "all batches that made a version of this dataset", NULL, 0},
    {"status", 0, "STATUS", SL_CLI_CHOICE, AT(status), "all that succeeded, failed or were quarantined", statuses, 0},
    {"since", 0, "TIME", SL_CLI_TEXT, AT(since), "all uploaded since: 2026-11-21, 2026-11-21T09:14, or 7d ago", NULL, 0},
    {"until", 0, "TIME", SL_CLI_TEXT, AT(until), "all uploaded before", NULL, 0},
    {"yes", 'y', NULL, SL_CLI_FLAG, AT(yes), "do it for more than one", NULL, 0},
};

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* ---- what came out ---- */

/* Whether the run before had the same recipe and parameters. */
static const char *sameness(struct sl_engine *engine, struct json_object *run, struct json_object *asset)
{
    SL_CLEANUP(sl_json_putp) struct json_object *made = NULL;
    struct sl_error ignored;
    const char *run_id = sl_json_str(asset, "run_id", "");
    if (engine->ledger->ops->get_run(engine->ledger, run_id, &made, &ignored) < 0 || !made)
        return "";
    const char *a = sl_json_str(sl_json_get(made, "recipe"), "hash", ""),
               *b = sl_json_str(sl_json_get(run, "recipe"), "hash", "");
    if (strcmp(a, b) != 0)
        return "same inputs, other recipe, ";
    if (!json_object_equal(sl_json_get(made, "params"), sl_json_get(run, "params")))
        return "same inputs, same recipe, other parameters, ";
    return "same inputs, same recipe, ";
}

static const char *made_text(struct sl_arena *a, struct sl_engine *engine, struct json_object *o, const char *hash)
{
    struct json_object *before = NULL, *after = NULL, *diff = NULL;
    struct sl_ledger *ledger = engine->ledger;
    struct sl_error ignored;
    int64_t version = sl_json_int(o, "version", 0), was = sl_json_int(o, "before_version", 0);
    const char *text = sl_arena_printf(a, "version %" PRId64 " made (%s)", version, hash);
    if (was && !ledger->ops->get_asset_version(ledger, sl_json_str(o, "dataset_id", ""), was, &before, &ignored) &&
        !ledger->ops->get_asset(ledger, sl_json_str(o, "asset_id", ""), &after, &ignored) && before && after &&
        !sl_asset_diff(engine, before, after, &diff, &ignored))
        text = sl_json_bool(diff, "equal", false)
                   ? sl_arena_printf(a, "%s, the same bytes as version %" PRId64, text, was)
                   : sl_arena_printf(a, "%s; to version %" PRId64 ": %s", text, was, sl_cli_diff_short(a, diff));
    json_object_put(before);
    json_object_put(after);
    json_object_put(diff);
    return text;
}

/* "same inputs, same recipe, same bytes (sha256 9b0c…): version 3 stands" */
static const char *output_text(struct sl_arena *a, struct sl_engine *engine, struct json_object *run,
                               struct json_object *asset, struct json_object *o)
{
    const char *how = sl_json_str(o, "how", "new"), *hash = sl_cli_hash(a, sl_json_str(o, "content_hash", NULL));
    int64_t version = sl_json_int(o, "version", 0);
    if (!strcmp(how, "new"))
        return made_text(a, engine, o, hash);
    if (!strcmp(how, "restored"))
        return sl_arena_printf(a, "the same bytes as they were (%s): the object of version %" PRId64 " is whole again",
                               hash, version);
    if (!strcmp(how, "intact"))
        return sl_arena_printf(a, "the object of version %" PRId64 " is intact (%s): nothing to put again", version, hash);
    return sl_arena_printf(a, "%ssame bytes (%s): version %" PRId64 " stands", sameness(engine, run, asset), hash,
                           version);
}

static int refuse_other_bytes(struct sl_cli *cli, struct json_object *o, struct sl_error *err)
{
    struct sl_arena *a = cli->arena;
    sl_fail(err, SL_E_REPLAY_INPUT, "%s: the computed bytes (%s) are not those of version %" PRId64
            " (%s): nothing was put",
            sl_json_str(o, "dataset_id", ""), sl_cli_hash(a, sl_json_str(o, "computed_hash", NULL)),
            sl_json_int(o, "version", 0), sl_cli_hash(a, sl_json_str(o, "content_hash", NULL)));
    sl_error_hint(err, "recipe, parameters or library versions differ since: a replay without --into-version makes a "
                       "new version");
    return -SL_E_REPLAY_INPUT;
}

static struct json_object *asset_of(struct json_object *whole, const char *asset_id)
{
    struct json_object *assets = sl_json_get(whole, "assets");
    for (size_t i = 0; i < length(assets); i++)
        if (!strcmp(sl_json_str(json_object_array_get_idx(assets, i), "_id", ""), asset_id))
            return json_object_array_get_idx(assets, i);
    return NULL;
}

static int answer(struct sl_cli *cli, struct sl_engine *engine, struct json_object *whole, struct sl_error *err)
{
    struct json_object *run = sl_json_get(whole, "run"), *outputs = sl_json_get(run, "outputs");
    int rc = 0;
    for (size_t i = 0; i < length(outputs); i++) {
        struct json_object *o = json_object_array_get_idx(outputs, i);
        const char *how = sl_json_str(o, "how", "new");
        if (!strcmp(how, "differs"))
            rc = refuse_other_bytes(cli, o, err);
        else if (strcmp(how, "kept") != 0 && !cli->json)
            sl_out_printf(&cli->out, "run %s  %s: %s\n", sl_cli_member(cli->arena, run, "_id"),
                          sl_cli_member(cli->arena, o, "dataset_id"),
                          output_text(cli->arena, engine, run, asset_of(whole, sl_json_str(o, "asset_id", "")), o));
    }
    return rc;
}

/* ---- what would be done ---- */

static const char *recipe_text(struct sl_arena *a, struct json_object *plan)
{
    struct json_object *recipe = sl_json_get(plan, "recipe"), *changed = sl_json_get(plan, "recipe_changed");
    return sl_arena_printf(a, "%s v%" PRId64 " (%s)%s", sl_cli_member(a, recipe, "name"),
                           sl_json_int(recipe, "version", 0), sl_cli_hash(a, sl_json_str(recipe, "hash", NULL)),
                           !changed                            ? ""
                           : json_object_get_boolean(changed) ? ", other than then"
                                                               : ", the same as then");
}

static void show_plan(struct sl_cli *cli, struct json_object *plan)
{
    struct sl_arena *a = cli->arena;
    struct json_object *inputs = sl_json_get(plan, "inputs");
    int64_t into = sl_json_int(plan, "into_version", 0);
    sl_cli_line(&cli->out, "batch", "%s   %s", sl_cli_member(a, plan, "batch_id"), sl_cli_member(a, plan, "status"));
    sl_cli_line(&cli->out, "recipe", "%s", recipe_text(a, plan));
    sl_cli_line(&cli->out, "params", "%s",
                sl_out_escape(a, json_object_to_json_string_ext(sl_json_get(plan, "params"), JSON_C_TO_STRING_PLAIN)));
    for (size_t i = 0; i < length(inputs); i++) {
        struct json_object *in = json_object_array_get_idx(inputs, i);
        sl_cli_line(&cli->out, i ? "" : "files", "%s  %s  %s  %s", sl_cli_member(a, in, "landing_path"),
                    sl_cli_size(a, sl_json_int(in, "size_bytes", 0)),
                    sl_cli_hash(a, sl_json_str(in, "content_hash", NULL)), sl_cli_member(a, in, "state"));
    }
    if (into)
        sl_cli_line(&cli->out, "into", "version %" PRId64 ", if the bytes are the same as they were", into);
    sl_out_text(&cli->out, sl_json_bool(plan, "intact", false) ? "nothing was changed: every raw file is intact\n"
                                                               : "nothing was changed: not every file is to be had\n");
}

static int plan_one(struct sl_cli *cli, struct sl_engine *engine, const struct sl_replay *replay, struct sl_error *err)
{
    SL_CLEANUP(sl_json_putp) struct json_object *plan = NULL;
    int rc = sl_replay_plan(engine, replay, &plan, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_json(cli, plan);
    else
        show_plan(cli, plan);
    return 0;
}

/* ---- one ---- */

static int replay_one(struct sl_cli *cli, struct sl_engine *engine, const struct sl_replay *replay, struct sl_error *err)
{
    struct sl_run_summary summary = {0};
    struct sl_cli_watch watch = {.batch_id = replay->batch_id, .workers = 1, .silent = cli->json};
    SL_CLEANUP(sl_json_putp) struct json_object *whole = NULL;
    int rc = sl_replay_request(engine, replay, err);
    if (!rc)
        rc = sl_cli_supervise(cli, engine, &watch, &summary, err);
    if (!rc)
        rc = sl_cli_batch_whole(engine, replay->batch_id, &whole, err);
    if (rc)
        return rc;
    cli->exit_code = sl_code_exit(summary.last_error);
    if (cli->json)
        sl_cli_json(cli, whole);
    return summary.last_error == SL_OK ? answer(cli, engine, whole, err) : 0;
}

/* ---- many ---- */

struct chosen {
    struct sl_cli *cli;
    struct sl_cli_table *table;
    const char **ids;
    size_t n;
};

static int note_batch(void *data, struct json_object *batch, struct sl_error *err)
{
    struct chosen *c = data;
    if (c->n == BATCHES_MAX)
        return sl_fail(err, SL_E_LIMIT, "more than %d batches at once: choose fewer by --since and --until", BATCHES_MAX);
    c->ids[c->n++] = sl_arena_strdup(c->cli->arena, sl_json_str(batch, "batch_id", ""));
    sl_cli_documents_row(c->table, "manifests", c->cli->arena, batch);
    return 0;
}

static int choose(struct sl_cli *cli, struct sl_engine *engine, const struct args *a, struct chosen *c,
                  struct sl_error *err)
{
    char since[SL_ISO8601_BYTES], until[SL_ISO8601_BYTES];
    const struct sl_replay_choice choice = {.intent = a->intent,
                                            .status = a->status,
                                            .dataset = a->dataset,
                                            .since = a->since ? since : NULL,
                                            .until = a->until ? until : NULL};
    int rc = a->since ? sl_cli_when(a->since, "since", since, err) : 0;
    if (!rc && a->until)
        rc = sl_cli_when(a->until, "until", until, err);
    c->cli = cli;
    c->table = sl_cli_documents_table(cli->arena, "manifests");
    c->ids = sl_arena_array(cli->arena, BATCHES_MAX, sizeof *c->ids);
    return rc ? rc : sl_replay_choose(engine, &choice, note_batch, c, err);
}

static int plan_many(struct sl_cli *cli, struct sl_engine *engine, const struct chosen *c, struct sl_replay *replay,
                     struct sl_error *err)
{
    static const struct sl_cli_column columns[] = {
        {"BATCH", SL_LEFT, 12}, {"RECIPE", SL_LEFT, 20}, {"FILES", SL_RIGHT, 0}, {"RAW FILES", SL_LEFT, 0}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, sizeof columns / sizeof *columns);
    struct sl_cli_stream stream = {.cli = cli};
    for (size_t i = 0; i < c->n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *plan = NULL;
        replay->batch_id = c->ids[i];
        int rc = sl_replay_plan(engine, replay, &plan, err);
        if (rc)
            return rc;
        if (cli->json)
            sl_cli_stream_item(&stream, plan);
        sl_cli_cell(table, c->ids[i]);
        sl_cli_cell(table, recipe_text(cli->arena, plan));
        sl_cli_cell(table, sl_cli_count(cli->arena, (int64_t)length(sl_json_get(plan, "inputs"))));
        sl_cli_cell(table, sl_json_bool(plan, "intact", false) ? "intact" : "not all");
    }
    if (cli->json)
        sl_cli_stream_end(&stream);
    else
        sl_cli_table_print(table, &cli->out);
    return 0;
}

/* One that cannot be replayed does not keep the others from it. */
static int request_all(struct sl_cli *cli, struct sl_engine *engine, struct chosen *c, struct sl_replay *replay,
                       struct sl_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct sl_error why = {0};
        replay->batch_id = c->ids[i];
        int rc = sl_replay_request(engine, replay, &why);
        if (rc == 0) {
            c->ids[kept++] = c->ids[i];
            continue;
        }
        if (sl_code_exit(why.code) == SL_EXIT_UNAVAILABLE) {
            *err = why;
            return rc;
        }
        sl_error_prefix(&why, "%s", c->ids[i]);
        sl_cli_print_error(cli, &why);
        cli->exit_code = sl_code_exit(why.code);
    }
    c->n = kept;
    return 0;
}

static int carry_out(struct sl_cli *cli, struct sl_engine *engine, struct chosen *c, struct sl_error *err)
{
    struct sl_run_summary summary = {0};
    struct sl_cli_watch watch = {.silent = cli->json};
    struct sl_cli_stream stream = {.cli = cli};
    int rc = c->n ? sl_cli_supervise(cli, engine, &watch, &summary, err) : 0;
    for (size_t i = 0; !rc && i < c->n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *whole = NULL;
        rc = sl_cli_batch_whole(engine, c->ids[i], &whole, err);
        if (!rc && cli->json)
            sl_cli_stream_item(&stream, whole);
        if (!rc && !strcmp(sl_json_str(whole, "status", ""), "succeeded"))
            rc = answer(cli, engine, whole, err);
    }
    if (!rc && cli->json)
        sl_cli_stream_end(&stream);
    if (summary.last_error != SL_OK)
        cli->exit_code = sl_code_exit(summary.last_error);
    return rc;
}

static int replay_many(struct sl_cli *cli, struct sl_engine *engine, const struct args *a, struct sl_replay *replay,
                       struct sl_error *err)
{
    struct chosen c = {0};
    int rc = choose(cli, engine, a, &c, err);
    if (rc)
        return rc;
    const char *batches = sl_cli_plural(cli->arena, (int64_t)c.n, "batch", "batches");
    if (c.n == 0) {
        sl_cli_line(&cli->err, "replay", "no batch fits");
        return cli->json ? plan_many(cli, engine, &c, replay, err) : 0;
    }
    bool act = !a->dry_run && (a->yes || c.n == 1);
    if (!act) {
        rc = a->dry_run || cli->json ? plan_many(cli, engine, &c, replay, err)
                                     : (sl_cli_table_print(c.table, &cli->out), 0);
        if (!rc)
            sl_out_printf(&cli->err, "nothing was changed; with --yes %s would be replayed\n", batches);
        return rc;
    }
    if (!cli->json)
        sl_cli_table_print(c.table, &cli->out);
    sl_out_flush(&cli->out);
    rc = request_all(cli, engine, &c, replay, err);
    return rc ? rc : carry_out(cli, engine, &c, err);
}

/* ---- the verb ---- */

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

static int check_use(const struct sl_cli *cli, const struct args *a, bool many, struct sl_error *err)
{
    int rc = 0;
    if (many == (cli->operands.n == 1))
        rc = sl_fail(err, SL_E_USAGE, many ? "a batch, or --intent, --dataset, --status, --since, --until: one of them"
                                           : "which batch?");
    else if (many && a->into_version)
        rc = sl_fail(err, SL_E_USAGE, "--into-version is for one batch");
    if (rc)
        sl_error_hint(err, "sluice replay BATCH, or sluice replay --intent INTENT --since 7d");
    return rc;
}

static int run_replay(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *params = NULL;
    bool many = a->intent || a->since || a->until || a->dataset || a->status;
    int rc = check_use(cli, a, many, err);
    if (!rc)
        rc = assign_all(a, &params, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_RUN, &engine, err);
    if (rc)
        return rc;
    struct sl_replay replay = {.batch_id = many ? NULL : cli->operands.items[0],
                               .force = a->force,
                               .from_raw = a->from_raw,
                               .into_version = a->into_version,
                               .params = params,
                               .recipe = a->recipe};
    if (many)
        return replay_many(cli, engine, a, &replay, err);
    return a->dry_run ? plan_one(cli, engine, &replay, err) : replay_one(cli, engine, &replay, err);
}

const struct sl_command sl_cmd_replay = {
    .name = "replay",
    .summary = "run batches again from their raw files: are the bytes the same",
    .group = SL_GROUP_KEEP,
    .usage = "[OPTIONS] BATCH | --intent INTENT [--since TIME] [--until TIME] [--yes]",
    .examples = "  sluice replay roads-20261121-7f3a\n"
                "  sluice replay roads-20261121-7f3a --dry-run\n"
                "  sluice replay b-0412 --set crs_policy=trust_file\n"
                "  sluice replay parks-20261013 --into-version 2\n"
                "  sluice replay --intent ingest_road_network --since 7d --yes\n",
    .details = "The raw files' hashes are checked first. The same bytes leave the version as it is (unless\n"
               "--force); other bytes make a new one, and what differs is told in a line. --into-version puts\n"
               "a lost or damaged object again with the recipe and parameters that made it, and only when\n"
               "the bytes are those that the ledger has; what lay there is moved to orphans/. Of many, what\n"
               "would be replayed is listed first, and --yes does it.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .most = 1,
    .run = run_replay,
};

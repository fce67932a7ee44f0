/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/cmd_batch.h"
#include "cli/documents.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static void show_head(struct sl_cli *cli, struct json_object *batch, struct json_object *run)
{
    struct sl_arena *a = cli->arena;
    const char *status = sl_json_str(batch, "status", "-");
    int64_t ns = run ? sl_cli_between(sl_json_str(run, "started_at", NULL), sl_json_str(run, "ended_at", NULL)) : -1;
    sl_cli_label(&cli->out, "batch");
    sl_out_printf(&cli->out, "%s   ", sl_cli_member(a, batch, "batch_id"));
    sl_out_coloured(&cli->out, sl_cli_status_colour(status), sl_out_escape(a, status));
    if (ns >= 0 && !strcmp(status, "succeeded"))
        sl_out_printf(&cli->out, " in %s", sl_cli_took(a, ns));
    sl_out_printf(&cli->out, "   by %s   intent %s\n", sl_cli_member(a, batch, "uploader"),
                  sl_cli_member(a, batch, "intent"));
    if (sl_json_int(batch, "attempts", 0) > 1)
        sl_cli_line(&cli->out, "attempts", "%" PRId64, sl_json_int(batch, "attempts", 0));
}

static void show_recipe(struct sl_cli *cli, struct json_object *run, const char *intent)
{
    struct sl_arena *a = cli->arena;
    struct json_object *recipe = sl_json_get(run, "recipe");
    if (!recipe)
        return;
    sl_cli_line(&cli->out, "recipe", "%s v%" PRId64 " (%s)  engine %s", sl_cli_member(a, recipe, "name"),
                sl_json_int(recipe, "version", 0), sl_cli_hash(a, sl_json_str(recipe, "hash", NULL)),
                sl_cli_member(a, run, "engine"));
    if (sl_json_bool(recipe, "fallback", false))
        sl_cli_line(&cli->out, "", "no recipe has the intent \"%s\": this is the default one of its type", intent);
}

static void show_stages(struct sl_cli *cli, struct json_object *run)
{
    struct json_object *stages = sl_json_get(run, "stages");
    if (length(stages) == 0)
        return;
    sl_cli_label(&cli->out, "stages");
    for (size_t i = 0; i < length(stages); i++) {
        struct json_object *s = json_object_array_get_idx(stages, i);
        int64_t ns = sl_cli_between(sl_json_str(s, "started_at", NULL), sl_json_str(s, "ended_at", NULL));
        sl_out_printf(&cli->out, "%s%s", i ? "   " : "",
                      sl_cli_stage(cli->arena, sl_json_str(s, "name", "-"), -1, -1, ns));
    }
    sl_out_text(&cli->out, "\n");
}

/* "500,000 in · 12 dropped (empty geometry) · 499,988 out" */
static void show_rows(struct sl_cli *cli, struct json_object *run)
{
    struct sl_arena *a = cli->arena;
    struct json_object *counts[] = {sl_json_get(run, "rows_dropped"), sl_json_get(run, "rows_added")};
    static const char *const words[] = {"dropped", "added"};
    int64_t in = sl_json_int(run, "rows_in", 0), rows_out = sl_json_int(run, "rows_out", 0);
    if (!sl_json_get(run, "rows_in") || (in == 0 && rows_out == 0))
        return;
    sl_cli_label(&cli->out, "rows");
    sl_out_printf(&cli->out, "%s in", sl_cli_count(a, in));
    for (size_t i = 0; i < 2; i++) {
        if (!json_object_is_type(counts[i], json_type_object))
            continue;
        json_object_object_foreach(counts[i], policy, n)
            sl_out_printf(&cli->out, " · %s %s (%s)", sl_cli_count(a, json_object_get_int64(n)), words[i],
                          sl_out_escape(a, policy));
    }
    sl_out_printf(&cli->out, " · %s out\n", sl_cli_count(a, rows_out));
}

/* What the run says of the asset; NULL when it says nothing. */
static struct json_object *output_of(struct json_object *run, const char *asset_id)
{
    struct json_object *outputs = sl_json_get(run, "outputs");
    for (size_t i = 0; i < length(outputs); i++) {
        struct json_object *o = json_object_array_get_idx(outputs, i);
        if (!strcmp(sl_json_str(o, "asset_id", ""), asset_id))
            return o;
    }
    return NULL;
}

static void show_asset(struct sl_cli *cli, struct sl_engine *engine, struct json_object *run, struct json_object *asset,
                       bool first)
{
    struct sl_arena *a = cli->arena;
    SL_CLEANUP(sl_json_putp) struct json_object *before = NULL;
    struct json_object *output = output_of(run, sl_json_str(asset, "_id", ""));
    const char *dataset = sl_json_str(asset, "dataset_id", ""), *change, *aside = output ? sl_cli_put_aside(a, output) : NULL,
               *how = output ? sl_json_str(output, "how", "new") : "new";
    int64_t version = sl_json_int(asset, "version", 0);
    struct sl_error ignored;
    sl_cli_line(&cli->out, first ? "assets" : "", "%s v%" PRId64 "  %s  %s  %s", sl_out_escape(a, dataset), version,
                sl_cli_object(a, asset), sl_cli_size(a, sl_cli_asset_bytes(asset)),
                sl_cli_hash(a, sl_json_str(asset, "content_hash", NULL)));
    if (aside)
        sl_cli_line(&cli->out, "", "%s", aside);
    if (!strcmp(how, "linked"))
        sl_cli_line(&cli->out, "", "was there already: same inputs, same recipe");
    else if (!strcmp(how, "same"))
        sl_cli_line(&cli->out, "", "same bytes as before: version %" PRId64 " stands", version);
    else if (version > 1 &&
             !engine->ledger->ops->get_asset_version(engine->ledger, dataset, version - 1, &before, &ignored) &&
             (change = sl_cli_asset_change(a, before, asset)))
        sl_cli_line(&cli->out, "", "%s", change);
}

static void show_warnings(struct sl_cli *cli, struct json_object *run)
{
    struct json_object *warnings = sl_json_get(run, "warnings");
    for (size_t i = 0; i < length(warnings); i++) {
        struct json_object *w = json_object_array_get_idx(warnings, i);
        const char *text = json_object_is_type(w, json_type_object) ? sl_json_str(w, "message", NULL)
                                                                     : json_object_get_string(w);
        sl_cli_line(&cli->out, i ? "" : "warning", "%s", sl_out_escape(cli->arena, text));
    }
}

/* What may put it right without a new upload; NULL when nothing does. */
static const char *remedy(struct sl_arena *a, const char *batch_id, enum sl_code code)
{
    const char *id = sl_out_escape(a, batch_id);
    if (code == SL_E_CRS_MISMATCH)
        return sl_arena_printf(a, "sluice replay %s --set crs_policy=trust_file", id);
    if (code == SL_E_MANIFEST_PARAM)
        return sl_arena_printf(a, "sluice replay %s --set NAME=VALUE", id);
    if (code == SL_E_INTERNAL || sl_code_class(code) == SL_CLASS_TRANSIENT || code == SL_E_BATCH_POISON ||
        code == SL_E_WORKER_TIMEOUT || code == SL_E_WORKER_MEMORY)
        return sl_arena_printf(a, "sluice replay %s", id);
    return NULL;
}

static void show_error(struct sl_cli *cli, struct json_object *batch)
{
    struct sl_arena *a = cli->arena;
    struct json_object *error = sl_json_get(batch, "error");
    const char *status = sl_json_str(batch, "status", ""), *hint = sl_json_str(error, "hint", NULL), *try_;
    const char *id = sl_json_str(batch, "batch_id", NULL), *label = "hint";
    if (!json_object_is_type(error, json_type_object))
        return;
    bool over = !strcmp(status, "failed") || !strcmp(status, "quarantined");
    sl_cli_line(&cli->out, over ? "error" : "last error", "%s: %s", sl_cli_member(a, error, "code"),
                sl_cli_member(a, error, "message"));
    if (hint && *hint) {
        sl_cli_line(&cli->out, label, "%s", sl_out_escape(a, hint));
        label = "";
    }
    if (!over)
        return;
    sl_cli_line(&cli->out, label, "the upload is kept: %s/%s/, manifest in %s", cli->config->landing_bucket,
                sl_out_escape(a, id), sl_cli_member(a, batch, "manifest_key"));
    try_ = id ? remedy(a, id, sl_code_by_name(sl_json_str(error, "code", NULL))) : NULL;
    if (try_)
        sl_cli_line(&cli->out, "try", "%s", try_);
}

static void show_whole(struct sl_cli *cli, struct sl_engine *engine, struct json_object *whole)
{
    struct json_object *batch = whole, *run = sl_json_get(whole, "run");
    struct json_object *assets = sl_json_get(whole, "assets");
    show_head(cli, batch, run);
    if (run) {
        show_recipe(cli, run, sl_cli_member(cli->arena, batch, "intent"));
        show_stages(cli, run);
        show_rows(cli, run);
    }
    for (size_t i = 0; i < length(assets); i++)
        show_asset(cli, engine, run, json_object_array_get_idx(assets, i), i == 0);
    if (run)
        show_warnings(cli, run);
    if (strcmp(sl_json_str(batch, "status", ""), "succeeded"))
        show_error(cli, batch);
}

static int run_show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *whole = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER, &engine, err);
    if (!rc)
        rc = sl_cli_batch_whole(engine, cli->operands.items[0], &whole, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_json(cli, whole);
    else
        show_whole(cli, engine, whole);
    return 0;
}

const struct sl_command sl_cmd_batch_show = {
    .name = "show",
    .summary = "what happened to a batch, what came out, what to do",
    .group = SL_GROUP_LOOK,
    .usage = "BATCH",
    .examples = "  sluice batch show roads-20261121-7f3a\n"
                "  sluice batch show roads-20261121-7f3a --json\n",
    .details = "JSON: the batch's document as it is stored, with the documents of its run and assets as members.\n",
    .least = 1,
    .most = 1,
    .run = run_show,
};

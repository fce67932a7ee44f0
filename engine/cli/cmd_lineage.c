/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

/* DuckDB calls itself v1.5.5. */
static const char *version(struct sl_arena *a, struct json_object *versions, const char *name)
{
    const char *text = sl_cli_member(a, versions, name);
    return *text == 'v' ? text + 1 : text;
}

/* "postgis 3.3.2, gdal 3.6.2, …": the engine that ran the recipe first. */
static const char *versions(struct sl_arena *a, struct json_object *run)
{
    static const char *const names[] = {"postgis", "duckdb", "gdal", "sluice"};
    struct json_object *v = sl_json_get(run, "versions");
    const char *engine = sl_json_str(run, "engine", "");
    const char *text = sl_cli_member(a, run, "engine");
    if (sl_json_str(v, engine, NULL))
        text = sl_arena_printf(a, "%s %s", text, version(a, v, engine));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], engine) && sl_json_str(v, names[i], NULL))
            text = sl_arena_printf(a, "%s, %s %s", text, names[i], version(a, v, names[i]));
    return text;
}

static void print_asset(struct sl_cli *cli, struct json_object *asset)
{
    struct sl_arena *a = cli->arena;
    sl_out_coloured(
        &cli->out, SL_BOLD,
        sl_arena_printf(a, "%s v%" PRId64, sl_cli_member(a, asset, "dataset_id"), sl_json_int(asset, "version", 0)));
    sl_out_printf(&cli->out, "   %s\n│  %s   %s   %s UTC\n", sl_cli_object(a, asset),
                  sl_cli_hash(a, sl_json_str(asset, "content_hash", NULL)),
                  sl_cli_size(a, sl_cli_asset_bytes(asset)),
                  sl_cli_time(a, sl_json_str(asset, "created_at", NULL)));
}

static void print_run(struct sl_cli *cli, struct json_object *run)
{
    struct sl_arena *a = cli->arena;
    struct json_object *recipe = sl_json_get(run, "recipe");
    sl_out_printf(&cli->out, "└─ run %s   recipe %s v%" PRId64 " (%s)\n   │  engine %s\n", sl_cli_member(a, run, "_id"),
                  sl_cli_member(a, recipe, "name"), sl_json_int(recipe, "version", 0),
                  sl_cli_hash(a, sl_json_str(recipe, "hash", NULL)), versions(a, run));
}

static void print_batch(struct sl_cli *cli, struct json_object *batch)
{
    struct sl_arena *a = cli->arena;
    struct json_object *metadata = sl_json_get(sl_json_get(batch, "manifest"), "metadata");
    const char *description = sl_json_str(metadata, "description", NULL);
    sl_out_printf(&cli->out, "   └─ batch %s   by %s", sl_cli_member(a, batch, "batch_id"),
                  sl_cli_member(a, batch, "uploader"));
    if (description && *description)
        sl_out_printf(&cli->out, "   \"%s\"", sl_out_escape(a, description));
    sl_out_text(&cli->out, "\n");
}

static void print_input(struct sl_cli *cli, struct json_object *in, bool last)
{
    struct sl_arena *a = cli->arena;
    const char *landing = sl_json_str(in, "landing_path", NULL), *slash = landing ? strrchr(landing, '/') : NULL;
    sl_out_printf(&cli->out, "      %s %s   %s", last ? "└─" : "├─", sl_out_escape(a, slash ? slash + 1 : landing),
                  sl_cli_hash(a, sl_json_str(in, "content_hash", NULL)));
    if (sl_json_get(in, "size_bytes"))
        sl_out_printf(&cli->out, "   %s", sl_cli_size(a, sl_json_int(in, "size_bytes", 0)));
    sl_out_printf(&cli->out, "\n      %s  %s/%s\n", last ? " " : "│", sl_out_escape(a, cli->config->raw_bucket),
                  sl_cli_member(a, in, "raw_key"));
}

static void print_dataset(struct sl_cli *cli, struct json_object *d, bool last)
{
    struct sl_arena *a = cli->arena;
    sl_out_printf(&cli->out, "      %s %s v%" PRId64 "   %s   %s\n", last ? "└─" : "├─", sl_cli_member(a, d, "dataset_id"),
                  sl_json_int(d, "version", 0), sl_cli_hash(a, sl_json_str(d, "content_hash", NULL)),
                  sl_cli_size(a, sl_json_int(d, "size_bytes", 0)));
    sl_out_printf(&cli->out, "      %s  %s\n", last ? " " : "│", sl_cli_object(a, d));
}

static size_t length(struct json_object *list)
{
    return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static int run_lineage(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    SL_CLEANUP(sl_json_putp) struct json_object *o = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | SL_NEEDS_CATALOG, &engine, err);
    if (!rc)
        rc = sl_lineage(engine, cli->operands.items[0], &o, err);
    if (rc)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, o);
        return 0;
    }
    struct json_object *inputs = sl_json_get(o, "inputs");
    struct json_object *datasets = sl_json_get(sl_json_get(o, "asset"), "datasets");
    size_t n = length(inputs), more = length(datasets);
    print_asset(cli, sl_json_get(o, "asset"));
    print_run(cli, sl_json_get(o, "run"));
    print_batch(cli, sl_json_get(o, "batch"));
    for (size_t i = 0; i < n; i++)
        print_input(cli, json_object_array_get_idx(inputs, i), i + 1 == n + more);
    for (size_t i = 0; i < more; i++)
        print_dataset(cli, json_object_array_get_idx(datasets, i), i + 1 == more);
    return 0;
}

const struct sl_command sl_cmd_lineage = {
    .name = "lineage",
    .summary = "where a dataset comes from: run, recipe, batch, raw files",
    .group = SL_GROUP_LOOK,
    .usage = "WHAT",
    .examples = "  sluice lineage roads\n"
                "  sluice lineage roads@3\n"
                "  sluice lineage data-lake/roads/v3/roads.parquet --json\n",
    .details = "WHAT is a dataset (its latest version), dataset@version, bucket/key or an asset's id.\n",
    .least = 1,
    .most = 1,
    .run = run_lineage,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/cmd_recipe.h"
#include "cli/graph.h"
#include "cli/invalid.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

struct args {
    const char *manifest, *graph, *engine;
};

static const struct sl_cli_option options[] = {
    {"manifest", 'm', "FILE", SL_CLI_TEXT, offsetof(struct args, manifest),
     "resolve it for this manifest: parameters, files, keys",
     NULL, 0},
    {"engine", 'e', "ENGINE", SL_CLI_TEXT, offsetof(struct args, engine),
     "as if the recipe said postgis or duckdb; lists what it lacks", NULL, 0},
    {"graph", 'g', "FORM", SL_CLI_TEXT, offsetof(struct args, graph), "mermaid: a flowchart as text", NULL, 0},
};

/* SQL is text of the recipe's author: every line of it made printable, indented. */
static void print_sql(struct sl_cli *cli, const char *sql)
{
    char *copy = sl_arena_strdup(cli->arena, sql), *save = NULL;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        sl_out_text(&cli->out, "              ");
        sl_out_safe(&cli->out, line);
        sl_out_text(&cli->out, "\n");
    }
}

static void print_items(struct sl_cli *cli, struct json_object *unit, const char *key, const char *label)
{
    struct json_object *list = sl_json_get(unit, key);
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        const char *name = sl_json_str(item, "name", sl_json_str(item, "kind", NULL)),
                   *sql = sl_json_str(item, "sql", NULL);
        const char *table = sl_json_str(item, "table", NULL), *dataset = sl_json_str(item, "dataset", NULL);
        sl_cli_label(&cli->out, i ? "" : label);
        sl_out_printf(&cli->out, "  %s", sl_out_escape(cli->arena, name));
        if (table)
            sl_out_printf(&cli->out, " → %s", sl_out_escape(cli->arena, table));
        if (dataset)
            sl_out_printf(&cli->out, " → %s  %s", sl_out_escape(cli->arena, dataset),
                          sl_cli_member(cli->arena, item, "key"));
        sl_out_text(&cli->out, "\n");
        if (sql)
            print_sql(cli, sql);
    }
}

/* Those that have no SQL; the others are in the passes. */
static void print_raster_steps(struct sl_cli *cli, struct json_object *list)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i), *given = sl_json_get(item, "options");
        if (!given)
            continue;
        const char *text = json_object_to_json_string_ext(given, JSON_C_TO_STRING_PLAIN);
        sl_cli_line(&cli->out, i ? "" : "steps", "%s %s", sl_cli_member(cli->arena, item, "name"), sl_out_escape(cli->arena, text));
    }
}

static const char *joined(struct sl_cli *cli, struct json_object *names)
{
    size_t n = json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = sl_arena_printf(cli->arena, "%s%s%s", text, i ? ", " : "",
                               json_object_get_string(json_object_array_get_idx(names, i)));
    return sl_out_escape(cli->arena, text);
}

/* One line for what a pass makes, one for why, then its query. */
static void print_passes(struct sl_cli *cli, struct json_object *unit)
{
    struct json_object *list = sl_json_get(unit, "passes");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *pass = json_object_array_get_idx(list, i), *skipped = sl_json_get(pass, "skipped");
        const char *table = sl_json_str(pass, "table", NULL), *sql = sl_json_str(pass, "sql", NULL);
        bool none = !strcmp(sl_json_str(pass, "kind", ""), "skipped");
        sl_cli_line(&cli->out, i ? "" : "passes", "%zu  %s%s%s%s", i + 1, joined(cli, sl_json_get(pass, "steps")),
                    table ? " → " : none ? ": skipped" : "", table ? sl_out_escape(cli->arena, table) : "",
                    json_object_is_type(skipped, json_type_array) && json_object_array_length(skipped)
                        ? sl_arena_printf(cli->arena, " (without %s)", joined(cli, skipped))
                        : "");
        sl_cli_line(&cli->out, "", "   %s", sl_cli_member(cli->arena, pass, "why"));
        if (sql)
            print_sql(cli, sql);
    }
}

static void print_head(struct sl_cli *cli, struct json_object *plan)
{
    struct json_object *recipe = sl_json_get(plan, "recipe"), *params = sl_json_get(plan, "params");
    bool fallback = sl_json_bool(plan, "fallback", sl_json_bool(recipe, "fallback", false));
    if (json_object_is_type(recipe, json_type_object))
        sl_cli_line(&cli->out, "recipe", "%s v%" PRId64 "%s", sl_cli_member(cli->arena, recipe, "name"),
                    sl_json_int(recipe, "version", 0), fallback ? "  (no recipe has this intent: the default one)" : "");
    else
        sl_cli_line(&cli->out, "recipe", "%s%s", sl_cli_member(cli->arena, plan, "recipe"),
                    fallback ? "  (no recipe has this intent: the default one)" : "");
    sl_cli_line(&cli->out, "engine", "%s (%s)", sl_cli_member(cli->arena, plan, "engine"),
                sl_cli_member(cli->arena, plan, "engine_why"));
    if (json_object_is_type(params, json_type_object) && json_object_object_length(params) > 0) {
        const char *label = "params";
        json_object_object_foreach(params, key, value)
        {
            const char *text = value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null";
            sl_cli_line(&cli->out, label, "%s = %s", sl_out_escape(cli->arena, key), sl_out_escape(cli->arena, text));
            label = "";
        }
    }
}

/* What stands in the way of another engine, or what nobody but the author knows. */
static void print_judged(struct sl_cli *cli, struct json_object *list)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        sl_cli_line(&cli->out, "", "%s %" PRId64 " (%s): %s   line %" PRId64, sl_cli_member(cli->arena, o, "what"),
                    sl_json_int(o, "number", 0), sl_cli_member(cli->arena, o, "name"), sl_cli_member(cli->arena, o, "why"),
                    sl_json_int(o, "line", 0));
    }
}

static void print_plan(struct sl_cli *cli, struct json_object *plan)
{
    struct json_object *units = sl_json_get(plan, "units");
    size_t n = json_object_is_type(units, json_type_array) ? json_object_array_length(units) : 0;
    print_head(cli, plan);
    print_judged(cli, sl_json_get(plan, "unsupported"));
    print_judged(cli, sl_json_get(plan, "notes"));
    for (size_t i = 0; i < n; i++) {
        struct json_object *unit = json_object_array_get_idx(units, i);
        const char *file = sl_json_str(unit, "file", NULL), *layer = sl_json_str(unit, "layer", NULL);
        if (file)
            sl_cli_line(&cli->out, "file", "%s%s%s", sl_out_escape(cli->arena, file), layer ? ", layer " : "",
                        layer ? sl_out_escape(cli->arena, layer) : "");
        print_raster_steps(cli, sl_json_get(unit, "steps"));
        print_passes(cli, unit);
        print_items(cli, unit, "checks", "checks");
        print_items(cli, unit, "outputs", "outputs");
    }
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    const char *name = cli->operands.n ? cli->operands.items[0] : NULL;
    struct sl_engine *engine;
    if (!name && !a->manifest) {
        int rc = sl_fail(err, SL_E_USAGE, "name a recipe or a manifest");
        sl_error_hint(err, "sluice recipe list");
        return rc;
    }
    if (a->graph && strcmp(a->graph, "mermaid") != 0)
        return sl_fail(err, SL_E_USAGE, "--graph: expected mermaid, found \"%s\"", a->graph);
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES | SL_NEEDS_MANIFESTS, &engine, err);
    if (rc)
        return rc;
    struct sl_violations violations = {.arena = cli->arena};
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    SL_CLEANUP(sl_json_putp) struct json_object *plan = NULL;
    rc = sl_explain(engine, name, a->manifest, a->engine, &violations, &doc, &plan, err);
    if (rc)
        return sl_cli_invalid(cli, rc, doc, &violations, &cli->err, NULL, err);
    if (a->graph)
        sl_cli_mermaid(&cli->out, cli->arena, plan);
    else if (cli->json)
        sl_cli_json(cli, plan);
    else
        print_plan(cli, plan);
    struct json_object *unsupported = sl_json_get(plan, "unsupported");
    if (unsupported && json_object_array_length(unsupported) > 0)
        cli->exit_code = SL_EXIT_INPUT;
    return 0;
}

const struct sl_command sl_cmd_recipe_explain = {
    .name = "explain",
    .summary = "the SQL that would run, in which passes and why, and the keys",
    .group = SL_GROUP_SETUP,
    .usage = "[--manifest FILE] [--engine ENGINE] [--graph mermaid] [RECIPE]",
    .examples = "  sluice recipe explain ingest_vector\n"
                "  sluice recipe explain --manifest batch.json\n"
                "  sluice recipe explain road_network --engine duckdb\n"
                "  sluice recipe explain road_network --graph mermaid\n",
    .details = "Nothing is made or changed: no table, no object, no document. Steps that need no table between\n"
               "them are one pass; with -c run.materialize=true each is shown by itself. Ends with 3 when a step\n"
               "or check has no form for the engine that was asked for.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .most = 1,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cli/cmd_recipe.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

static const char *joined(struct sl_arena *arena, const char *const *items, size_t n)
{
    const char *text = n ? "" : "-";
    for (size_t i = 0; i < n; i++)
        text = sl_arena_printf(arena, "%s%s%s", text, i ? ", " : "", items[i]);
    return text;
}

static const char *kinds(struct sl_arena *arena, const struct sl_recipe_item *items, size_t n, const char *between)
{
    const char *text = n ? "" : "-";
    for (size_t i = 0; i < n; i++)
        text = sl_arena_printf(arena, "%s%s%s", text, i ? between : "", items[i].kind);
    return text;
}

static struct json_object *strings(const char *const *items, size_t n)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < n; i++)
        json_object_array_add(list, json_object_new_string(items[i]));
    return list;
}

static struct json_object *summary_json(const struct sl_recipe *r)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", r->name);
    sl_json_put_int(o, "version", r->version);
    sl_json_put_str(o, "type", r->type);
    sl_json_put_str(o, "engine", r->engine);
    sl_json_put(o, "intents", strings(r->intents, r->n_intents));
    sl_json_put(o, "default", json_object_new_boolean(r->is_default));
    sl_json_put_str(o, "description", r->description);
    sl_json_put_str(o, "hash", r->hash);
    sl_json_put_str(o, "path", r->path);
    return o;
}

static void print_lints(struct sl_cli *cli, const struct sl_lints *lints, struct sl_out *out)
{
    for (size_t i = 0; i < lints->n; i++) {
        const struct sl_lint *l = &lints->items[i];
        sl_out_safe(out, l->path);
        sl_out_printf(out, ":%d:%d: ", l->line, l->column);
        sl_out_coloured(out, l->error ? SL_RED : SL_YELLOW, l->error ? "error" : "warning");
        sl_out_printf(out, ": %s\n", sl_out_escape(cli->arena, l->message));
    }
}

static int list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    static const struct sl_cli_column columns[] = {{"RECIPE", SL_LEFT, 12}, {"VERSION", SL_RIGHT, 0},
                                                   {"TYPE", SL_LEFT, 0},    {"ENGINE", SL_LEFT, 0},
                                                   {"INTENTS", SL_LEFT, 16}, {"DESCRIPTION", SL_PROSE, 24}};
    struct sl_engine *engine;
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES, &engine, err);
    if (rc)
        return rc;
    struct sl_cli_stream stream = {.cli = cli};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 6);
    for (size_t i = 0; i < sl_recipe_set_count(engine->recipes); i++) {
        const struct sl_recipe *r = sl_recipe_set_at(engine->recipes, i);
        if (cli->json) {
            struct json_object *o = summary_json(r);
            sl_cli_stream_item(&stream, o);
            json_object_put(o);
            continue;
        }
        sl_cli_cell(table, r->name);
        sl_cli_cell(table, sl_arena_printf(cli->arena, "%" PRId64, r->version));
        sl_cli_cell(table, r->is_default ? sl_arena_printf(cli->arena, "%s (default)", r->type) : r->type);
        sl_cli_cell(table, r->engine);
        sl_cli_cell(table, joined(cli->arena, r->intents, r->n_intents));
        sl_cli_cell(table, r->description);
    }
    if (cli->json)
        sl_cli_stream_end(&stream);
    else
        sl_cli_table_print(table, &cli->out);
    print_lints(cli, sl_recipe_set_lints(engine->recipes), &cli->err);
    return 0;
}

static void show_params(struct sl_cli *cli, const struct sl_recipe *r)
{
    static const struct sl_cli_column columns[] = {
        {"PARAMETER", SL_LEFT, 0}, {"TYPE", SL_LEFT, 0}, {"DEFAULT", SL_LEFT, 10}, {"DESCRIPTION", SL_PROSE, 24}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (size_t i = 0; i < r->n_params; i++) {
        const struct sl_recipe_param *p = &r->params[i];
        struct json_object *d = sl_json_get(p->schema, "default");
        sl_cli_cell(table, p->name);
        sl_cli_cell(table, p->type);
        sl_cli_cell(table, d ? json_object_to_json_string_ext(d, JSON_C_TO_STRING_PLAIN) : "must be given");
        sl_cli_cell(table, sl_json_str(p->schema, "description", NULL));
    }
    sl_out_text(&cli->out, "\n");
    sl_cli_table_print(table, &cli->out);
}

static void show_for_people(struct sl_cli *cli, const struct sl_recipe *r)
{
    struct sl_arena *a = cli->arena;
    struct sl_out *out = &cli->out;
    sl_cli_line(out, "recipe", "%s v%" PRId64 " (sha256 %.8s…)", sl_out_escape(a, r->name), r->version, r->hash);
    if (r->description)
        sl_cli_line(out, "", "%s", sl_out_escape(a, r->description));
    sl_cli_line(out, "intents", "%s", sl_out_escape(a, joined(a, r->intents, r->n_intents)));
    sl_cli_line(out, "type", "%s%s", r->type, r->is_default ? ", taken for unknown intents" : "");
    sl_cli_line(out, "engine", "%s", r->engine);
    sl_cli_line(out, "steps", "%s", sl_out_escape(a, kinds(a, r->steps, r->n_steps, " → ")));
    sl_cli_line(out, "checks", "%s", sl_out_escape(a, kinds(a, r->checks, r->n_checks, ", ")));
    sl_cli_line(out, "outputs", "%s", sl_out_escape(a, kinds(a, r->outputs, r->n_outputs, ", ")));
    sl_cli_line(out, "file", "%s", sl_out_escape(a, r->path));
    if (r->n_params)
        show_params(cli, r);
}

static int show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    const struct sl_recipe *recipe;
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES, &engine, err);
    if (!rc)
        rc = sl_recipe_by_name(engine->recipes, cli->operands.items[0], &recipe, err);
    if (rc)
        return rc;
    if (!cli->json) {
        show_for_people(cli, recipe);
        return 0;
    }
    struct json_object *o = summary_json(recipe);
    sl_json_put(o, "recipe", json_object_get(recipe->doc->root));
    sl_cli_json(cli, o);
    json_object_put(o);
    return 0;
}

static struct json_object *lint_json(const struct sl_lint *l)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "path", l->path);
    sl_json_put_int(o, "line", l->line);
    sl_json_put_int(o, "column", l->column);
    sl_json_put_str(o, "severity", l->error ? "error" : "warning");
    sl_json_put_str(o, "code", l->code);
    sl_json_put_str(o, "message", l->message);
    return o;
}

static void lint_summary(struct sl_cli *cli, const struct sl_lints *lints, size_t errors)
{
    struct sl_arena *a = cli->arena;
    size_t warnings = lints->n - errors;
    if (errors)
        sl_out_text(&cli->out, sl_cli_plural(a, (int64_t)errors, "error", "errors"));
    if (warnings)
        sl_out_printf(&cli->out, "%s%s", errors ? ", " : "",
                      sl_cli_plural(a, (int64_t)warnings, "warning", "warnings"));
    if (!lints->n)
        sl_out_printf(&cli->out, "%s ok", sl_cli_plural(a, (int64_t)cli->operands.n, "recipe", "recipes"));
    sl_out_text(&cli->out, "\n");
}

static int lint(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    struct sl_lints lints = {.arena = cli->arena};
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES, &engine, err);
    for (size_t i = 0; !rc && i < cli->operands.n; i++) {
        const struct sl_recipe *recipe;
        rc = sl_recipe_lint_file(engine->recipes, cli->operands.items[i], &lints, &recipe, err);
    }
    if (rc)
        return rc;
    size_t errors = 0;
    struct sl_cli_stream stream = {.cli = cli};
    for (size_t i = 0; i < lints.n; i++) {
        errors += lints.items[i].error;
        if (cli->json) {
            struct json_object *o = lint_json(&lints.items[i]);
            sl_cli_stream_item(&stream, o);
            json_object_put(o);
        }
    }
    if (cli->json) {
        sl_cli_stream_end(&stream);
    } else {
        print_lints(cli, &lints, &cli->out);
        lint_summary(cli, &lints, errors);
    }
    cli->exit_code = errors ? SL_EXIT_INPUT : SL_EXIT_OK;
    return 0;
}

static int schema(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES, &engine, err);
    if (rc)
        return rc;
    struct json_object *o = sl_recipe_schema(&engine->kinds);
    sl_cli_json(cli, o);
    json_object_put(o);
    return 0;
}

static const struct sl_command cmd_list = {
    .name = "list",
    .summary = "the recipes, and which intents select them",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice recipe list\n",
    .run = list,
};
static const struct sl_command cmd_show = {
    .name = "show",
    .summary = "what a recipe does, and its parameters",
    .group = SL_GROUP_SETUP,
    .usage = "RECIPE",
    .examples = "  sluice recipe show ingest_vector\n"
                "  sluice recipe show ingest_vector --json\n",
    .least = 1,
    .most = 1,
    .run = show,
};
static const struct sl_command cmd_lint = {
    .name = "lint",
    .summary = "every mistake in recipe files, with line and column",
    .group = SL_GROUP_SETUP,
    .usage = "FILE…",
    .examples = "  sluice recipe lint recipes/roads.yaml\n",
    .details = "Ends with 3 when there are errors; warnings don't count.\n",
    .least = 1,
    .most = SL_CLI_ANY,
    .run = lint,
};
static const struct sl_command cmd_schema = {
    .name = "schema",
    .summary = "the JSON Schema of recipes, for editors",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice recipe schema > recipe.schema.json\n",
    .run = schema,
};
static const struct sl_command *const verbs[] = {&cmd_list,          &cmd_show,   &sl_cmd_recipe_new,     &cmd_lint,
                                                 &sl_cmd_recipe_test, &sl_cmd_recipe_explain, &cmd_schema, NULL};

const struct sl_command sl_cmd_recipe = {
    .name = "recipe",
    .summary = "recipes: what is done to which data",
    .group = SL_GROUP_SETUP,
    .examples = "  sluice recipe list\n"
                "  sluice recipe lint recipes/roads.yaml\n"
                "  sluice recipe explain ingest_vector --manifest batch.json\n",
    .verbs = verbs,
};

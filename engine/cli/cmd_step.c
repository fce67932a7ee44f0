/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"
#include "step/step.h"

enum { NAMES_MAX = 128 };

static struct json_object *dialects_json(unsigned dialects)
{
    struct json_object *list = json_object_new_array();
    for (int d = SL_DIALECT_POSTGIS; d <= SL_DIALECT_DUCKDB; d++)
        if (dialects & 1u << d)
            json_object_array_add(list, json_object_new_string(sl_dialect_name((enum sl_dialect)d)));
    return list;
}

static struct json_object *kind_json(const struct sl_step_kind *k)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", k->name);
    sl_json_put_str(o, "class", k->class_ == SL_STEP_INDEX ? "index" : "transform");
    sl_json_put_str(o, "data_type", sl_step_is_for_rasters(k) ? "raster" : "vector");
    sl_json_put_str(o, "makes", sl_step_is_for_rasters(k) && !k->vectorise ? "raster" : "vector");
    sl_json_put_str(o, "summary", k->summary);
    sl_json_put(o, "engines", dialects_json(k->dialects));
    if (k->drops)
        sl_json_put_str(o, "drops", k->drops);
    sl_json_put(o, "options", sl_recipe_options_json(&k->options));
    if (k->example)
        sl_json_put_str(o, "example", k->example);
    return o;
}

static struct json_object *check_json(const struct sl_check_kind *k)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", k->name);
    sl_json_put_str(o, "class", "check");
    sl_json_put_str(o, "data_type", "vector");
    sl_json_put_str(o, "summary", k->summary);
    sl_json_put(o, "engines", dialects_json(k->dialects));
    sl_json_put(o, "quarantines", json_object_new_boolean(k->predicate != NULL));
    sl_json_put(o, "options", sl_recipe_options_json(&k->options));
    if (k->example)
        sl_json_put_str(o, "example", k->example);
    return o;
}

static const char *engines(struct sl_arena *arena, unsigned dialects)
{
    const char *text = "";
    for (int d = SL_DIALECT_POSTGIS; d <= SL_DIALECT_DUCKDB; d++)
        if (dialects & 1u << d)
            text = sl_arena_printf(arena, "%s%s%s", text, *text ? ", " : "", sl_dialect_name((enum sl_dialect)d));
    return text;
}

static void list_checks(struct sl_cli *cli, struct sl_cli_stream *stream, struct sl_cli_table *table)
{
    for (const struct sl_check_kind *const *k = sl_checks; *k; k++) {
        if (cli->json) {
            struct json_object *o = check_json(*k);
            sl_cli_stream_item(stream, o);
            json_object_put(o);
            continue;
        }
        sl_cli_cell(table, (*k)->name);
        sl_cli_cell(table, "check");
        sl_cli_cell(table, engines(cli->arena, (*k)->dialects));
        sl_cli_cell(table, (*k)->summary);
    }
}

static int list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args, (void)err;
    static const struct sl_cli_column columns[] = {
        {"STEP", SL_LEFT, 0}, {"FOR", SL_LEFT, 0}, {"ENGINES", SL_LEFT, 0}, {"WHAT IT DOES", SL_PROSE, 30}};
    struct sl_cli_stream stream = {.cli = cli};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (const struct sl_step_kind *const *k = sl_steps; *k; k++) {
        if (cli->json) {
            struct json_object *o = kind_json(*k);
            sl_cli_stream_item(&stream, o);
            json_object_put(o);
            continue;
        }
        sl_cli_cell(table, (*k)->name);
        sl_cli_cell(table, (*k)->vectorise ? "raster → vector" : sl_step_is_for_rasters(*k) ? "raster" : "vector");
        sl_cli_cell(table, sl_step_is_for_rasters(*k) ? "-" : engines(cli->arena, (*k)->dialects));
        sl_cli_cell(table, (*k)->summary);
    }
    list_checks(cli, &stream, table);
    if (cli->json)
        sl_cli_stream_end(&stream);
    else
        sl_cli_table_print(table, &cli->out);
    return 0;
}

static void show_check(struct sl_cli *cli, const struct sl_check_kind *check)
{
    if (cli->json) {
        struct json_object *o = check_json(check);
        sl_cli_json(cli, o);
        json_object_put(o);
        return;
    }
    struct sl_buf text;
    sl_buf_init(&text, 64 << 10);
    sl_recipe_describe_check(check, &text);
    sl_out_text(&cli->out, text.data);
    sl_buf_free(&text);
}

static int no_such_kind(const char *name, struct sl_error *err)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; sl_steps[i] && n < NAMES_MAX; i++)
        names[n++] = sl_steps[i]->name;
    for (size_t i = 0; sl_checks[i] && n < NAMES_MAX; i++)
        names[n++] = sl_checks[i]->name;
    int rc = sl_cli_not_found(SL_E_RECIPE_STEP, "step", name, names, n, err);
    sl_error_hint(err, "sluice step list");
    return rc;
}

static int show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    const char *name = cli->operands.items[0];
    const struct sl_step_kind *kind = sl_step_by_name(name);
    const struct sl_check_kind *check = kind ? NULL : sl_check_by_name(name);
    if (check)
        show_check(cli, check);
    if (!kind)
        return check ? 0 : no_such_kind(name, err);
    /* One name may have two kinds, side by side in the list. */
    const struct sl_step_kind *second = NULL;
    for (size_t i = 0; sl_steps[i]; i++)
        if (sl_steps[i] != kind && !strcmp(sl_steps[i]->name, name))
            second = sl_steps[i];
    if (cli->json) {
        struct json_object *o = kind_json(kind);
        if (second) {
            struct json_object *both = json_object_new_array();
            json_object_array_add(both, o);
            json_object_array_add(both, kind_json(second));
            o = both;
        }
        sl_cli_json(cli, o);
        json_object_put(o);
        return 0;
    }
    struct sl_buf text;
    sl_buf_init(&text, 64 << 10);
    sl_recipe_describe_step(kind, &text);
    if (second) {
        sl_buf_putc(&text, '\n');
        sl_recipe_describe_step(second, &text);
    }
    sl_out_text(&cli->out, text.data);
    sl_buf_free(&text);
    return 0;
}

static const struct sl_command cmd_list = {
    .name = "list",
    .summary = "the steps and checks that a recipe can have",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice step list\n"
                "  sluice step list --json\n",
    .run = list,
};
static const struct sl_command cmd_show = {
    .name = "show",
    .summary = "what a step or check does, its options and an example",
    .group = SL_GROUP_SETUP,
    .usage = "STEP",
    .examples = "  sluice step show simplify\n",
    .least = 1,
    .most = 1,
    .run = show,
};
static const struct sl_command *const verbs[] = {&cmd_list, &cmd_show, NULL};

const struct sl_command sl_cmd_step = {
    .name = "step",
    .summary = "the steps that recipes are made of",
    .group = SL_GROUP_SETUP,
    .examples = "  sluice step list\n"
                "  sluice step show simplify\n",
    .verbs = verbs,
};

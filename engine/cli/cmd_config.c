/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"

struct args {
    bool origin, help_texts;
};

static const struct sl_cli_option options[] = {
    {"origin", 0, NULL, SL_CLI_FLAG, offsetof(struct args, origin), "where each value comes from", NULL, 0},
    {"explain", 0, NULL, SL_CLI_FLAG, offsetof(struct args, help_texts), "what each setting is for", NULL, 0},
};

struct shown {
    struct sl_cli *cli;
    const struct args *args;
    struct sl_cli_table *table;
    struct sl_cli_stream stream;
};

static int entry_json(struct shown *s, const struct sl_config_entry *e)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "key", e->key);
    sl_json_put_str(o, "value", e->value);
    sl_json_put_str(o, "origin", e->origin);
    sl_json_put_str(o, "help", e->help);
    sl_cli_stream_item(&s->stream, o);
    json_object_put(o);
    return 0;
}

static int show_entry(void *data, const struct sl_config_entry *e, struct sl_error *err)
{
    (void)err;
    struct shown *s = data;
    if (s->cli->json)
        return entry_json(s, e);
    sl_cli_cell(s->table, e->key);
    sl_cli_cell(s->table, e->value && *e->value ? e->value : "-");
    if (s->args->origin)
        sl_cli_cell(s->table, e->origin);
    if (s->args->help_texts)
        sl_cli_cell(s->table, e->help);
    return 0;
}

static int show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_cli_column columns[4] = {{"KEY", SL_LEFT, 0}, {"VALUE", SL_LEFT, 16}};
    size_t n = 2;
    if (a->origin)
        columns[n++] = (struct sl_cli_column){"ORIGIN", SL_LEFT, 16};
    if (a->help_texts)
        columns[n++] = (struct sl_cli_column){"WHAT IT IS FOR", SL_PROSE, 24};
    const struct sl_config *config;
    int rc = sl_cli_config(cli, &config, err);
    if (rc)
        return rc;
    struct shown s = {cli, a, sl_cli_table_new(cli->arena, columns, n), {.cli = cli}};
    rc = sl_config_show(config, show_entry, &s, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_stream_end(&s.stream);
    else
        sl_cli_table_print(s.table, &cli->out);
    return 0;
}

static const struct sl_command cmd_show = {
    .name = "show",
    .summary = "every setting as it holds, secrets masked",
    .group = SL_GROUP_SETUP,
    .usage = "[--origin] [--explain]",
    .examples = "  sluice config show --origin\n"
                "  sluice config show --explain\n"
                "  sluice -c run.workers=4 config show --json\n",
    .details = "A setting comes from -c KEY=VALUE, else the environment, else .env, else sluice.yaml, else\n"
               "its default.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = show,
};
static const struct sl_command *const verbs[] = {&cmd_show, NULL};

const struct sl_command sl_cmd_config = {
    .name = "config",
    .summary = "the settings",
    .group = SL_GROUP_SETUP,
    .examples = "  sluice config show --origin\n",
    .verbs = verbs,
};

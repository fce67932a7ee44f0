/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/cmd_source.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "config/config.h"
#include "json/json.h"
#include "source/normalise.h"
#include "source/source.h"

int sl_cli_sources(struct sl_cli *cli, struct sl_source_set **out, struct sl_error *err)
{
    const struct sl_config *config;
    int rc = sl_cli_config(cli, &config, err);
    return rc < 0 ? rc : sl_source_set_load(config->sources_path, out, err);
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

static struct json_object *summary_json(const struct sl_source_spec *s)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_str(o, "name", s->name);
    sl_json_put_int(o, "version", s->version);
    sl_json_put_str(o, "dataset", s->dataset);
    sl_json_put_str(o, "intent", s->intent);
    sl_json_put_str(o, "description", s->description);
    sl_json_put_str(o, "hash", s->hash);
    sl_json_put_str(o, "path", s->path);
    return o;
}

static int list(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    static const struct sl_cli_column columns[] = {
        {"SOURCE", SL_LEFT, 12}, {"VERSION", SL_RIGHT, 0}, {"DATASET", SL_LEFT, 12}, {"DESCRIPTION", SL_PROSE, 24}};
    SL_CLEANUP(sl_cli_free_sources) struct sl_source_set *set = NULL;
    (void)args;
    int rc = sl_cli_sources(cli, &set, err);
    if (rc)
        return rc;
    struct sl_cli_stream stream = {.cli = cli};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (size_t i = 0; i < sl_source_set_count(set); i++) {
        const struct sl_source_spec *s = sl_source_set_at(set, i);
        if (cli->json) {
            struct json_object *o = summary_json(s);
            sl_cli_stream_item(&stream, o);
            json_object_put(o);
            continue;
        }
        sl_cli_cell(table, s->name);
        sl_cli_cell(table, sl_arena_printf(cli->arena, "%" PRId64, s->version));
        sl_cli_cell(table, s->dataset);
        sl_cli_cell(table, s->description);
    }
    if (cli->json)
        sl_cli_stream_end(&stream);
    else
        sl_cli_table_print(table, &cli->out);
    print_lints(cli, sl_source_set_lints(set), &cli->err);
    return 0;
}

static void show_params(struct sl_cli *cli, const struct sl_source_spec *s)
{
    static const struct sl_cli_column columns[] = {
        {"PARAMETER", SL_LEFT, 0}, {"TYPE", SL_LEFT, 0}, {"DEFAULT", SL_LEFT, 10}, {"DESCRIPTION", SL_PROSE, 24}};
    struct sl_cli_table *table = sl_cli_table_new(cli->arena, columns, 4);
    for (size_t i = 0; i < s->n_params; i++) {
        struct json_object *d = sl_json_get(s->params[i].schema, "default");
        sl_cli_cell(table, s->params[i].name);
        sl_cli_cell(table, s->params[i].type);
        sl_cli_cell(table, d ? json_object_to_json_string_ext(d, JSON_C_TO_STRING_PLAIN) : "must be given");
        sl_cli_cell(table, sl_json_str(s->params[i].schema, "description", NULL));
    }
    sl_out_text(&cli->out, "\n");
    sl_cli_table_print(table, &cli->out);
}

static void show_for_people(struct sl_cli *cli, const struct sl_source_spec *s)
{
    struct sl_arena *a = cli->arena;
    struct sl_out *out = &cli->out;
    const struct sl_source_request *q = &s->request;
    sl_cli_line(out, "source", "%s v%" PRId64 " (sha256 %.8s…)", sl_out_escape(a, s->name), s->version, s->hash);
    if (s->description)
        sl_cli_line(out, "", "%s", sl_out_escape(a, s->description));
    sl_cli_line(out, "dataset", "%s, by intent %s", sl_out_escape(a, s->dataset), sl_out_escape(a, s->intent));
    sl_cli_line(out, "request", "%s%s", q->base_url ? sl_out_escape(a, q->base_url) : "", sl_out_escape(a, q->path));
    if (q->has_auth)
        sl_cli_line(out, "secret", "%s%s", sl_out_escape(a, q->auth.secret), q->auth.optional ? " (may be left out)" : "");
    if (s->has_incremental)
        sl_cli_line(out, "from", "%s%s%s", sl_out_escape(a, s->incremental.start),
                    s->incremental.window_ms ? ", in windows of " : "", s->incremental.window_ms ? s->incremental.window : "");
    for (size_t i = 0; i < s->n_ops; i++)
        sl_cli_line(out, i ? "" : "records", "%s", s->ops[i].kind->name);
    sl_cli_line(out, "file", "%s", sl_out_escape(a, s->path));
    if (s->n_params)
        show_params(cli, s);
}

static int show(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    SL_CLEANUP(sl_cli_free_sources) struct sl_source_set *set = NULL;
    const struct sl_source_spec *spec = NULL;
    (void)args;
    int rc = sl_cli_sources(cli, &set, err);
    if (!rc)
        rc = sl_source_by_name(set, cli->operands.items[0], &spec, err);
    if (rc)
        return rc;
    if (!cli->json) {
        show_for_people(cli, spec);
        return 0;
    }
    struct json_object *o = summary_json(spec);
    sl_json_put(o, "source", json_object_get(spec->doc->root));
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

static int lint(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct sl_lints lints = {.arena = cli->arena};
    struct sl_cli_stream stream = {.cli = cli};
    int rc = 0;
    (void)args;
    for (size_t i = 0; !rc && i < cli->operands.n; i++) {
        const struct sl_source_spec *spec;
        rc = sl_source_lint_file(cli->operands.items[i], &lints, &spec, err);
    }
    if (rc)
        return rc;
    for (size_t i = 0; cli->json && i < lints.n; i++) {
        struct json_object *o = lint_json(&lints.items[i]);
        sl_cli_stream_item(&stream, o);
        json_object_put(o);
    }
    if (cli->json) {
        sl_cli_stream_end(&stream);
    } else {
        print_lints(cli, &lints, &cli->out);
        sl_out_printf(&cli->out, "%s\n",
                      lints.n ? sl_cli_plural(cli->arena, (int64_t)lints.n, "error", "errors")
                              : sl_arena_printf(cli->arena, "%s ok",
                                                sl_cli_plural(cli->arena, (int64_t)cli->operands.n, "source", "sources")));
    }
    cli->exit_code = lints.n ? SL_EXIT_INPUT : SL_EXIT_OK;
    return 0;
}

static int schema(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct json_object *o = sl_source_schema();
    (void)args, (void)err;
    sl_cli_json(cli, o);
    json_object_put(o);
    return 0;
}

void sl_cli_free_sources(struct sl_source_set **set)
{
    sl_source_set_free(*set);
}

static const struct sl_command cmd_list = {
    .name = "list",
    .summary = "the sources, and what comes from them",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice source list\n",
    .run = list,
};
static const struct sl_command cmd_show = {
    .name = "show",
    .summary = "what a source asks for, and its parameters",
    .group = SL_GROUP_SETUP,
    .usage = "SOURCE",
    .examples = "  sluice source show noaa_precip15\n",
    .least = 1,
    .most = 1,
    .run = show,
};
static const struct sl_command cmd_lint = {
    .name = "lint",
    .summary = "every mistake in source files, with line and column",
    .group = SL_GROUP_SETUP,
    .usage = "FILE…",
    .examples = "  sluice source lint sources/stations.yaml\n",
    .details = "Ends with 3 when there are errors.\n",
    .least = 1,
    .most = SL_CLI_ANY,
    .run = lint,
};
static const struct sl_command cmd_schema = {
    .name = "schema",
    .summary = "the JSON Schema of sources, for editors",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice source schema > source.schema.json\n",
    .run = schema,
};
static const struct sl_command *const verbs[] = {&cmd_list, &cmd_show, &cmd_lint, &cmd_schema, &sl_cmd_source_run, &sl_cmd_source_status, NULL};

const struct sl_command sl_cmd_source = {
    .name = "source",
    .summary = "web APIs whose records are fetched",
    .group = SL_GROUP_WORK,
    .examples = "  sluice source list\n"
                "  sluice source run noaa_precip15 --since 2010-01-01 --until 2010-02-01\n"
                "  sluice source status\n",
    .verbs = verbs,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "cli/cmd_grid.h"
#include "cli/grid_args.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

static const struct sl_cli_option options[] = {
    {"variable", 0, "NAME", SL_CLI_TEXT, SL_CLI_GRID_AT(variable), "of this variable only", NULL, 0},
    {"since", 0, "TIME", SL_CLI_TEXT, SL_CLI_GRID_AT(since), "from this time on, in UTC", NULL, 0},
    {"until", 0, "TIME", SL_CLI_TEXT, SL_CLI_GRID_AT(until), "up to this time", NULL, 0},
    SL_CLI_GRID_WHICH,
};

static const struct sl_cli_column columns[] = {{"VARIABLE", SL_LEFT, 8}, {"UNITS", SL_LEFT, 6}, {"LEVEL", SL_LEFT, 12},
                                               {"TIMES", SL_LEFT, 24},   {"N", SL_RIGHT, 0},    {"MEMBERS", SL_LEFT, 0},
                                               {"VALUES", SL_RIGHT, 0},  {"SIZE", SL_RIGHT, 0}};

static const char *range(struct sl_arena *a, struct json_object *list)
{
    size_t n = list ? json_object_array_length(list) : 0;
    if (n == 0)
        return NULL;
    double first = json_object_get_double(json_object_array_get_idx(list, 0));
    double last = json_object_get_double(json_object_array_get_idx(list, n - 1));
    return n == 1 ? sl_arena_printf(a, "%g", first) : sl_arena_printf(a, "%g–%g", first, last);
}

static const char *levels(struct sl_arena *a, struct json_object *o)
{
    const char *numbers = range(a, sl_json_get(o, "levels")), *type = sl_json_str(o, "level_type", "");
    if (!*type)
        return NULL;
    return numbers ? sl_arena_printf(a, "%s %s", sl_out_escape(a, type), numbers) : sl_out_escape(a, type);
}

static const char *times(struct sl_arena *a, struct json_object *t)
{
    const char *first = sl_cli_time(a, sl_json_str(t, "first", NULL)),
               *last = sl_cli_time(a, sl_json_str(t, "last", NULL));
    enum { DAY = 10 }; /* characters */
    if (!strcmp(first, last))
        return first;
    bool one_day = strlen(last) > DAY && !strncmp(first, last, DAY);
    return sl_arena_printf(a, "%s – %s", first, one_day ? last + DAY + 1 : last);
}

static void add_row(struct sl_cli_table *table, struct sl_arena *a, struct json_object *o)
{
    struct json_object *t = sl_json_get(o, "times"), *bytes = sl_json_get(o, "size_bytes");
    const char *step_type = sl_json_str(o, "step_type", "");
    bool instant = !strcmp(step_type, "instant") || !*step_type;
    sl_cli_cell(table, instant
                           ? sl_cli_member(a, o, "variable")
                           : sl_arena_printf(a, "%s %s", sl_cli_member(a, o, "variable"), sl_out_escape(a, step_type)));
    sl_cli_cell(table, sl_cli_member(a, o, "units"));
    sl_cli_cell(table, levels(a, o));
    sl_cli_cell(table, times(a, t));
    sl_cli_cell(table, sl_cli_count(a, sl_json_int(t, "count", 0)));
    sl_cli_cell(table, range(a, sl_json_get(o, "members")));
    sl_cli_cell(table, sl_cli_count(a, sl_json_int(o, "values", 0)));
    sl_cli_cell(table, bytes ? sl_cli_size(a, json_object_get_int64(bytes)) : NULL);
}

/* The datasets come one after the other: a table each. */
static void print_fields(struct sl_cli *cli, struct json_object *list)
{
    struct sl_arena *a = cli->arena;
    const char *before = "";
    struct sl_cli_table *table = NULL;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *title =
            sl_arena_printf(a, "%s   from %s", sl_cli_member(a, o, "dataset_id"), sl_cli_member(a, o, "source"));
        if (strcmp(title, before) != 0) {
            if (table)
                sl_cli_table_print(table, &cli->out);
            sl_out_printf(&cli->out, "%s%s\n", table ? "\n" : "", title);
            table = sl_cli_table_new(a, columns, sizeof columns / sizeof *columns);
            before = title;
        }
        add_row(table, a, o);
    }
    if (table)
        sl_cli_table_print(table, &cli->out);
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct sl_engine *engine;
    struct sl_grid_filter filter;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int rc = sl_cli_grid_filter(args, &filter, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | (unsigned)SL_NEEDS_STORE, &engine, err);
    if (!rc)
        rc = sl_grid_fields(engine, &filter, &list, err);
    if (rc)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, list);
        return 0;
    }
    size_t n = json_object_array_length(list);
    if (n == 0 && !cli->quiet)
        sl_out_text(&cli->err, "no field fits: sluice submit --type grid FILE, then sluice run\n");
    print_fields(cli, list);
    return 0;
}

const struct sl_command sl_cmd_grid_fields = {
    .name = "fields",
    .summary = "which fields there are: levels, times, members, how much",
    .group = SL_GROUP_LOOK,
    .usage = "[--variable NAME] [--dataset ID] [OPTIONS]",
    .examples = "  sluice grid fields\n"
                "  sluice grid fields --variable 2t --since 2025-03-11 --json\n",
    .details = "A line for each variable, type of level and kind of step of a dataset. SIZE is the values'\n"
               "share of what their assets take in the store.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct sl_cli_grid_args),
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/chart.h"
#include "cli/cmd_grid.h"
#include "cli/grid_args.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

static const struct sl_cli_option options[] = {
    SL_CLI_GRID_PLACE,
    {"since", 0, "TIME", SL_CLI_TEXT, SL_CLI_GRID_AT(since), "from this time on, in UTC", NULL, 0},
    {"until", 0, "TIME", SL_CLI_TEXT, SL_CLI_GRID_AT(until), "up to this time", NULL, 0},
    SL_CLI_GRID_WHICH,
};

enum { CHARTS_MOST = 3, FILES_MOST = 20 };

static const struct sl_cli_column columns[] = {{"TIME", SL_LEFT, 0},    {"VALUE", SL_RIGHT, 0},  {"UNITS", SL_LEFT, 6},
                                               {"LEVEL", SL_LEFT, 16},  {"MEMBER", SL_RIGHT, 0}, {"STEP", SL_RIGHT, 0},
                                               {"DATASET", SL_LEFT, 8}, {"FILE", SL_RIGHT, 0}};

/* The raw files of a series, in the order in which they come; the number of one begins with 1. */
struct files {
    struct json_object **items; /* an answer that has it */
    size_t n;
};

static size_t file_of(struct sl_arena *arena, struct files *f, struct json_object *answer, size_t most)
{
    const char *id = sl_json_str(answer, "raw_file_id", "");
    if (!f->items)
        f->items = sl_arena_array(arena, most, sizeof(struct json_object *));
    for (size_t i = f->n; i-- > 0;)
        if (!strcmp(sl_json_str(f->items[i], "raw_file_id", ""), id))
            return i + 1;
    f->items[f->n++] = answer;
    return f->n;
}

static void add_row(struct sl_cli_table *table, struct sl_arena *a, struct json_object *o, size_t file)
{
    struct json_object *value = sl_json_get(o, "value");
    int64_t member = sl_json_int(o, "member", -1), from = sl_json_int(o, "step_from_s", 0),
            to = sl_json_int(o, "step_to_s", 0);
    const char *step = sl_cli_grid_step(a, to);
    sl_cli_cell(table, sl_cli_time(a, sl_json_str(o, "valid_time", NULL)));
    sl_cli_cell(table, value ? sl_arena_printf(a, "%.6g", json_object_get_double(value)) : NULL);
    sl_cli_cell(table, sl_cli_member(a, o, "units"));
    sl_cli_cell(table, sl_cli_grid_level(a, sl_json_str(o, "level_type", ""), sl_json_get(o, "level")));
    sl_cli_cell(table, member < 0 ? NULL : sl_arena_printf(a, "%" PRId64, member));
    sl_cli_cell(table, from == to ? step : sl_arena_printf(a, "%s–%s", sl_cli_grid_step(a, from), step));
    sl_cli_cell(table,
                sl_arena_printf(a, "%s v%" PRId64, sl_cli_member(a, o, "dataset_id"), sl_json_int(o, "version", 0)));
    sl_cli_cell(table, sl_arena_printf(a, "%zu", file));
}

/* ---- charts: one for each line of values ---- */

static const char *line_of(struct sl_arena *a, struct json_object *o)
{
    int64_t member = sl_json_int(o, "member", -1);
    const char *step_type = sl_json_str(o, "step_type", "");
    return sl_arena_printf(a, "%s %s%s%s%s%s", sl_cli_member(a, o, "dataset_id"),
                           sl_cli_grid_level(a, sl_json_str(o, "level_type", ""), sl_json_get(o, "level")),
                           member < 0 ? "" : " member ", member < 0 ? "" : sl_arena_printf(a, "%" PRId64, member),
                           strcmp(step_type, "instant") != 0 ? " " : "",
                           strcmp(step_type, "instant") != 0 ? sl_out_escape(a, step_type) : "");
}

struct line {
    const char *name;
    struct sl_cli_sample *samples;
    size_t n, capacity;
    const char *from, *to;
};

static int64_t seconds_of(struct json_object *o)
{
    int64_t us = 0;
    return sl_clock_parse(sl_json_str(o, "valid_time", ""), &us) ? us / 1000000 : 0;
}

static size_t gather(struct sl_arena *a, struct json_object *list, struct line *lines, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *name = sl_json_get(o, "value") ? line_of(a, o) : NULL;
        size_t k = 0;
        while (name && k < n && strcmp(lines[k].name, name) != 0)
            k++;
        if (!name)
            continue;
        if (k == n && n++ == most)
            return n;
        struct line *l = &lines[k];
        if (!l->name)
            *l = (struct line){.name = name, .from = sl_cli_time(a, sl_json_str(o, "valid_time", NULL))};
        if (l->n == l->capacity) {
            l->capacity = l->capacity ? 2 * l->capacity : 64;
            l->samples = sl_xrealloc(l->samples, l->capacity * sizeof *l->samples);
        }
        l->samples[l->n++] =
            (struct sl_cli_sample){(double)seconds_of(o), json_object_get_double(sl_json_get(o, "value"))};
        l->to = sl_cli_time(a, sl_json_str(o, "valid_time", NULL));
    }
    return n;
}

static void charts(struct sl_cli *cli, struct json_object *list)
{
    struct line lines[CHARTS_MOST + 1] = {{0}};
    size_t n = gather(cli->arena, list, lines, CHARTS_MOST);
    for (size_t k = 0; k < n && n <= CHARTS_MOST; k++) {
        if (lines[k].n < 2)
            continue;
        sl_out_printf(&cli->out, "\n%s\n", lines[k].name);
        sl_cli_chart(&cli->out, lines[k].samples, lines[k].n, lines[k].from, lines[k].to);
    }
    if (n > CHARTS_MOST)
        sl_out_printf(&cli->out, "\nno chart of more than %d lines: name a level, a member or a dataset\n",
                      CHARTS_MOST);
    for (size_t k = 0; k < CHARTS_MOST; k++)
        free(lines[k].samples);
}

static void print_files(struct sl_cli *cli, const struct files *f)
{
    struct sl_arena *a = cli->arena;
    sl_out_text(&cli->out, "\n");
    for (size_t i = 0; i < f->n && i < FILES_MOST; i++)
        sl_out_printf(&cli->out, "file %zu  %s v%" PRId64 "   raw-vault %s   %s\n", i + 1,
                      sl_cli_member(a, f->items[i], "dataset_id"), sl_json_int(f->items[i], "version", 0),
                      sl_cli_member(a, f->items[i], "raw_key"),
                      sl_cli_hash(a, sl_json_str(f->items[i], "content_hash", NULL)));
    if (f->n > FILES_MOST)
        sl_out_printf(&cli->out, "and %zu more files: --json has the file of each value\n", f->n - FILES_MOST);
}

static void print_places(struct sl_cli *cli, struct json_object *list)
{
    struct json_object *o = NULL;
    size_t without = 0, n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *next = json_object_array_get_idx(list, i);
        without += !sl_json_get(next, "value");
        o = o || !sl_json_get(next, "value") ? o : next;
    }
    if (o)
        sl_out_printf(&cli->out, "%s at %.4f %.4f", sl_cli_member(cli->arena, o, "variable"),
                      json_object_get_double(sl_json_get(o, "lat")), json_object_get_double(sl_json_get(o, "lon")));
    if (o && sl_json_get(o, "points"))
        sl_out_text(&cli->out, ", between four points");
    else if (o)
        sl_out_printf(&cli->out, ", %.1f km away", json_object_get_double(sl_json_get(o, "distance_km")));
    sl_out_printf(&cli->out, ": %s", sl_cli_plural(cli->arena, (int64_t)n, "value", "values"));
    if (without)
        sl_out_printf(&cli->out, ", %zu of them missing there", without);
    sl_out_text(&cli->out, "\n");
}

static void print_series(struct sl_cli *cli, struct json_object *list)
{
    struct sl_arena *a = cli->arena;
    struct sl_cli_table *table = sl_cli_table_new(a, columns, sizeof columns / sizeof *columns);
    struct files files = {0};
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        add_row(table, a, o, file_of(a, &files, o, n));
    }
    print_places(cli, list);
    sl_cli_table_print(table, &cli->out);
    charts(cli, list);
    print_files(cli, &files);
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct sl_engine *engine;
    struct sl_grid_question question;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int rc = sl_cli_grid_question(args, &question, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | (unsigned)SL_NEEDS_STORE, &engine, err);
    if (!rc)
        rc = sl_grid_series(engine, &question, &list, err);
    if (rc)
        return rc;
    if (cli->json)
        sl_cli_json(cli, list);
    else
        print_series(cli, list);
    return 0;
}

const struct sl_command sl_cmd_grid_series = {
    .name = "series",
    .summary = "the values at a place over time, and their files",
    .group = SL_GROUP_LOOK,
    .usage = "--variable NAME --lat DEGREES --lon DEGREES [OPTIONS]",
    .examples = "  sluice grid series --variable 2t --lat 52.52 --lon 13.40 --since 7d\n"
                "  sluice grid series --variable t --level 500 --lat 0 --lon 0 --method bilinear --json\n",
    .details = "As sluice grid point has it, of each time that there is. Of what several versions of a\n"
               "dataset have the newest answers. --json has each value with its raw file.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct sl_cli_grid_args),
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cmd_grid.h"
#include "cli/grid_args.h"
#include "cli/show.h"
#include "geo/format.h"
#include "grid/reader.h"
#include "json/json.h"

enum { GROUPS_MAX = 10000 };
#define ADDRESS_SPACE_BYTES ((rlim_t)8 << 30)

struct info_args {
    const char *format;
    bool fields, quick;
};

/* Fields of one variable, kind of level and step, and grid. */
struct group {
    const char *variable, *level_type, *step_type, *grid;
    int64_t n, points, missing, valid_from, valid_to, step_from, step_to, member_from, member_to;
    double level_from, level_to;
};

struct info {
    struct sl_cli *cli;
    const struct info_args *args;
    struct group *groups;
    size_t n_groups, capacity;
    int64_t n_fields;
    struct json_object *fields;
    struct sl_cli_table *table;
};

/* ---- values as text ---- */

static const char *when_of(struct sl_arena *arena, int64_t s)
{
    char text[SL_ISO8601_BYTES];
    if (s > INT64_MAX / SL_NS_PER_S || s < INT64_MIN / SL_NS_PER_S)
        return "-"; /* before 1677 or after 2262 */
    return sl_cli_time(arena, sl_clock_iso8601(text, s * SL_NS_PER_S));
}

static const char *range(struct sl_arena *arena, const char *from, const char *to)
{
    return !strcmp(from, to) ? from : sl_arena_printf(arena, "%s – %s", from, to);
}

static const char *level_of(struct sl_arena *arena, const char *type, double from, double to)
{
    if (!type || isnan(from))
        return type ? sl_out_escape(arena, type) : "-";
    return from == to ? sl_arena_printf(arena, "%s %g", sl_out_escape(arena, type), from)
                      : sl_arena_printf(arena, "%s %g – %g", sl_out_escape(arena, type), from, to);
}

/* ---- people's form ---- */

static const struct sl_cli_column field_columns[] = {
    {"INDEX", SL_RIGHT, 0},  {"OFFSET", SL_RIGHT, 0}, {"VARIABLE", SL_LEFT, 8}, {"LEVEL", SL_LEFT, 16},
    {"VALID", SL_LEFT, 0},   {"STEP", SL_LEFT, 0},    {"MEMBER", SL_RIGHT, 0},  {"GRID", SL_LEFT, 8},
    {"POINTS", SL_RIGHT, 0}, {"MISSING", SL_RIGHT, 0}};
static const struct sl_cli_column group_columns[] = {
    {"VARIABLE", SL_LEFT, 8}, {"LEVEL", SL_LEFT, 16},   {"VALID", SL_LEFT, 16},
    {"STEP", SL_LEFT, 8},     {"MEMBERS", SL_LEFT, 0},  {"GRID", SL_LEFT, 8},
    {"POINTS", SL_RIGHT, 0},  {"MISSING", SL_RIGHT, 0}, {"FIELDS", SL_RIGHT, 0}};

static const char *number(struct sl_arena *arena, int64_t n)
{
    return n < 0 ? NULL : sl_arena_printf(arena, "%" PRId64, n);
}

static void field_row(struct info *i, const struct sl_grid_field *f)
{
    struct sl_arena *a = i->cli->arena;
    sl_cli_cell(i->table, number(a, f->index));
    sl_cli_cell(i->table, number(a, f->offset));
    sl_cli_cell(i->table, sl_out_escape(a, f->variable));
    sl_cli_cell(i->table, level_of(a, f->level_type, f->level, f->level));
    sl_cli_cell(i->table, when_of(a, f->valid_s));
    sl_cli_cell(i->table, range(a, sl_cli_grid_step(a, f->step_from_s), sl_cli_grid_step(a, f->step_to_s)));
    sl_cli_cell(i->table, number(a, f->member));
    sl_cli_cell(i->table, f->points ? sl_out_escape(a, f->points->type) : NULL);
    sl_cli_cell(i->table, f->points ? sl_cli_count(a, (int64_t)f->points->n) : NULL);
    sl_cli_cell(i->table, f->points ? sl_cli_count(a, (int64_t)f->n_missing) : NULL);
}

static void group_row(struct info *i, struct sl_cli_table *table, const struct group *g)
{
    struct sl_arena *a = i->cli->arena;
    const char *steps = range(a, sl_cli_grid_step(a, g->step_from), sl_cli_grid_step(a, g->step_to));
    sl_cli_cell(table, sl_out_escape(a, g->variable));
    sl_cli_cell(table, level_of(a, g->level_type, g->level_from, g->level_to));
    sl_cli_cell(table, range(a, when_of(a, g->valid_from), when_of(a, g->valid_to)));
    sl_cli_cell(table, !strcmp(g->step_type, "instant")
                           ? steps
                           : sl_arena_printf(a, "%s %s", sl_out_escape(a, g->step_type), steps));
    sl_cli_cell(table, g->member_from < 0 ? NULL : range(a, number(a, g->member_from), number(a, g->member_to)));
    sl_cli_cell(table, g->grid ? sl_out_escape(a, g->grid) : NULL);
    sl_cli_cell(table, i->args->quick ? NULL : sl_cli_count(a, g->points));
    sl_cli_cell(table, i->args->quick ? NULL : sl_cli_count(a, g->missing));
    sl_cli_cell(table, sl_cli_count(a, g->n));
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static struct group *group_of(struct info *i, const struct sl_grid_field *f)
{
    const char *grid = f->points ? f->points->type : NULL;
    for (size_t k = 0; k < i->n_groups; k++) {
        struct group *g = &i->groups[k];
        if (same(g->variable, f->variable) && same(g->level_type, f->level_type) && same(g->step_type, f->step_type) &&
            same(g->grid, grid) && (!f->points || g->points == (int64_t)f->points->n))
            return g;
    }
    if (i->n_groups == GROUPS_MAX)
        return NULL;
    if (i->n_groups == i->capacity) {
        i->capacity = i->capacity ? 2 * i->capacity : 64;
        i->groups = sl_xrealloc(i->groups, i->capacity * sizeof *i->groups);
    }
    struct sl_arena *a = i->cli->arena;
    struct group *g = &i->groups[i->n_groups++];
    *g = (struct group){.variable = sl_arena_strdup(a, f->variable),
                        .level_type = sl_arena_strdup(a, f->level_type),
                        .step_type = sl_arena_strdup(a, f->step_type),
                        .grid = sl_arena_strdup(a, grid),
                        .points = f->points ? (int64_t)f->points->n : 0,
                        .valid_from = f->valid_s,
                        .valid_to = f->valid_s,
                        .step_from = f->step_from_s,
                        .step_to = f->step_to_s,
                        .member_from = f->member,
                        .member_to = f->member,
                        .level_from = f->level,
                        .level_to = f->level};
    return g;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int put_in_group(struct info *i, const struct sl_grid_field *f, struct sl_error *err)
{
    struct group *g = group_of(i, f);
    if (!g)
        return sl_fail(err, SL_E_LIMIT, "the file has more than %d kinds of fields", GROUPS_MAX);
    g->n++;
    g->missing += (int64_t)f->n_missing;
    g->valid_from = least(g->valid_from, f->valid_s);
    g->valid_to = most(g->valid_to, f->valid_s);
    g->step_from = least(g->step_from, f->step_from_s);
    g->step_to = most(g->step_to, f->step_to_s);
    g->member_from = least(g->member_from, f->member);
    g->member_to = most(g->member_to, f->member);
    g->level_from = fmin(g->level_from, f->level);
    g->level_to = fmax(g->level_to, f->level);
    return 0;
}

/* ---- JSON ---- */

static void put_number(struct json_object *o, const char *key, double value)
{
    sl_json_put(o, key, isnan(value) ? NULL : json_object_new_double(value));
}

static void put_time(struct json_object *o, const char *key, int64_t s)
{
    char text[SL_ISO8601_BYTES];
    bool fits = s <= INT64_MAX / SL_NS_PER_S && s >= INT64_MIN / SL_NS_PER_S;
    sl_json_put_str(o, key, fits ? sl_clock_iso8601(text, s * SL_NS_PER_S) : NULL);
}

static struct json_object *field_json(const struct sl_grid_field *f)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "index", f->index);
    sl_json_put(o, "offset", f->offset < 0 ? NULL : json_object_new_int64(f->offset));
    sl_json_put_str(o, "variable", f->variable);
    sl_json_put_str(o, "name", f->name);
    sl_json_put_str(o, "standard_name", f->standard_name);
    sl_json_put_str(o, "units", f->units);
    sl_json_put(o, "param_id", f->param_id < 0 ? NULL : json_object_new_int64(f->param_id));
    sl_json_put_str(o, "level_type", f->level_type);
    put_number(o, "level", f->level);
    put_number(o, "level_top", f->level_top);
    put_number(o, "level_bottom", f->level_bottom);
    put_time(o, "valid_time", f->valid_s);
    put_time(o, "reference_time", f->reference_s);
    sl_json_put_str(o, "step_type", f->step_type);
    sl_json_put_int(o, "step_from_s", f->step_from_s);
    sl_json_put_int(o, "step_to_s", f->step_to_s);
    sl_json_put(o, "member", f->member < 0 ? NULL : json_object_new_int64(f->member));
    if (f->points) {
        sl_json_put_str(o, "grid", f->points->type);
        sl_json_put_str(o, "grid_id", f->points->id);
        sl_json_put_int(o, "points", (int64_t)f->points->n);
        sl_json_put_int(o, "missing", (int64_t)f->n_missing);
    }
    return o;
}

static struct json_object *problems_json(const struct sl_grid_skipped *skipped, size_t n)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < n && i < SL_GRID_SKIPPED_KEPT; i++) {
        struct json_object *o = json_object_new_object();
        sl_json_put_int(o, "index", skipped[i].index);
        sl_json_put(o, "offset", skipped[i].offset < 0 ? NULL : json_object_new_int64(skipped[i].offset));
        sl_json_put_str(o, "code", sl_code_name(skipped[i].why.code));
        sl_json_put_str(o, "message", skipped[i].why.message);
        json_object_array_add(list, o);
    }
    return list;
}

/* ---- the verb ---- */

static void answer(struct info *i, const char *path, const struct sl_format *format, struct sl_grid_reader *reader)
{
    struct sl_cli *cli = i->cli;
    size_t n_problems;
    const struct sl_grid_skipped *skipped = sl_grid_skipped(reader, &n_problems);
    cli->exit_code = n_problems ? SL_EXIT_INPUT : SL_EXIT_OK;
    if (cli->json) {
        struct json_object *o = json_object_new_object();
        sl_json_put_str(o, "path", path);
        sl_json_put_str(o, "format", format->name);
        sl_json_put_int(o, "n_fields", i->n_fields);
        sl_json_put_int(o, "n_problems", (int64_t)n_problems);
        sl_json_put(o, "fields", json_object_get(i->fields));
        sl_json_put(o, "problems", problems_json(skipped, n_problems));
        sl_cli_json(cli, o);
        json_object_put(o);
        return;
    }
    struct sl_cli_table *table = i->table;
    if (!table) {
        table = sl_cli_table_new(cli->arena, group_columns, sizeof group_columns / sizeof *group_columns);
        for (size_t k = 0; k < i->n_groups; k++)
            group_row(i, table, &i->groups[k]);
    }
    sl_cli_table_print(table, &cli->out);
    sl_out_printf(&cli->out, "%s: %s, %s\n", format->name, sl_cli_plural(cli->arena, i->n_fields, "field", "fields"),
                  sl_cli_plural(cli->arena, (int64_t)n_problems, "problem", "problems"));
    for (size_t k = 0; k < n_problems && k < SL_GRID_SKIPPED_KEPT; k++)
        sl_out_printf(&cli->out, "  %s\n", sl_out_escape(cli->arena, skipped[k].why.message));
    if (n_problems > SL_GRID_SKIPPED_KEPT)
        sl_out_printf(&cli->out, "  and %zu more\n", n_problems - SL_GRID_SKIPPED_KEPT);
}

static int read_file(struct info *i, const char *path, const struct sl_format *format, struct sl_error *err)
{
    const struct sl_grid_options options = {.format = format, .skip_undecodable = true};
    SL_CLEANUP(sl_grid_closep) struct sl_grid_reader *reader = NULL;
    const struct sl_grid_field *f = NULL;
    int rc = sl_grid_open(path, &options, &reader, err);
    while (rc == 0) {
        rc = i->args->quick ? sl_grid_next_header(reader, &f, err) : sl_grid_next(reader, &f, err);
        if (rc < 0 || !f)
            break;
        i->n_fields++;
        if (i->cli->json)
            json_object_array_add(i->fields, field_json(f));
        else if (i->table)
            field_row(i, f);
        else
            rc = put_in_group(i, f, err);
    }
    if (rc == 0)
        answer(i, path, format, reader);
    return rc;
}

/* The file is hostile and the libraries that read it are not ours: a process of its own does it and says all, this one
 * waits. 1 in the child, 0 in the parent, which has its exit code then. */
static int confine(struct sl_cli *cli, const char *path, struct sl_error *err)
{
    int status = 0;
    pid_t pid = fork();
    if (pid < 0)
        return sl_fail(err, SL_E_PROCESS, "cannot start a process to read \"%s\"", path);
    if (pid == 0) {
        struct rlimit memory = {ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES}, none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
        setrlimit(RLIMIT_AS, &memory);
#else
        (void)memory; /* AddressSanitizer reserves more */
#endif
        return 1;
    }
    while (waitpid(pid, &status, 0) < 0)
        continue;
    if (!WIFEXITED(status))
        return sl_fail(err, SL_E_FILE_DAMAGED, "reading \"%s\" ended its process by signal %d", path, WTERMSIG(status));
    cli->exit_code = WEXITSTATUS(status);
    return 0;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct info_args *a = args;
    const char *path = cli->operands.items[0];
    const struct sl_format *format = a->format ? sl_format_by_name(a->format) : sl_format_by_path(path, SL_DATA_GRID);
    if (!format || format->type != SL_DATA_GRID) {
        int rc = sl_fail(err, SL_E_USAGE,
                         a->format ? "\"%s\" is no format of grids" : "the name \"%s\" does not say its format",
                         a->format ? a->format : path);
        sl_error_hint(err, "--format GRIB or --format NetCDF");
        return rc;
    }
    int rc = confine(cli, path, err);
    if (rc <= 0)
        return rc;
    struct info i = {.cli = cli, .args = a, .fields = cli->json ? json_object_new_array() : NULL};
    if (a->fields && !cli->json)
        i.table = sl_cli_table_new(cli->arena, field_columns, sizeof field_columns / sizeof *field_columns);
    rc = read_file(&i, path, format, err);
    json_object_put(i.fields);
    free(i.groups);
    return rc;
}

static const struct sl_cli_option options[] = {
    {.name = "format",
     .argument = "FORMAT",
     .type = SL_CLI_TEXT,
     .offset = offsetof(struct info_args, format),
     .help = "GRIB or NetCDF, where the name does not say it"},
    {.name = "fields",
     .type = SL_CLI_FLAG,
     .offset = offsetof(struct info_args, fields),
     .help = "a line for each field"},
    {.name = "quick",
     .type = SL_CLI_FLAG,
     .offset = offsetof(struct info_args, quick),
     .help = "headers only: values are not decoded"},
};

const struct sl_command sl_cmd_grid_info = {
    .name = "info",
    .summary = "what a GRIB or NetCDF file holds, before it is ingested",
    .group = SL_GROUP_LOOK,
    .usage = "[--fields] [--quick] FILE",
    .examples = "  sluice grid info forecast.grib2\n"
                "  sluice grid info forecast.grib2 --fields\n"
                "  sluice grid info era5.nc --json\n",
    .details = "Fields of one variable, kind of level and step, and grid share a line. What cannot be\n"
               "decoded is named by its message and offset; then the exit code is 3.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct info_args),
    .least = 1,
    .most = 1,
    .run = run,
};

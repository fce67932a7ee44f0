/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grid_dump - what the reader gives of a file, for tests that compare it with other programs.
 *
 *   grid_dump [OPTION=VALUE]… FORMAT FILE
 *
 * One JSON line a field; with rows=PATH its points as triples of doubles (lat, lon, value) in that file, one field
 * after the other, NaN where there is no value. Options: skip, headers, variables, level_type, levels, members, steps,
 * area, every (lists by commas); bench=N reads the file N times and prints rows a second.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "geo/format.h"
#include "grid/reader.h"

enum { LIST_MAX = 64 };

static struct {
    struct sl_grid_options options;
    const char *rows;
    bool headers;
    int bench;
    const char *variables[LIST_MAX];
    double levels[LIST_MAX];
    int64_t members[LIST_MAX], steps[LIST_MAX];
} to;

static void text(const char *name, const char *value)
{
    printf(", \"%s\": ", name);
    if (!value) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *value; value++)
        if (*value == '"' || *value == '\\')
            printf("\\%c", *value);
        else
            putchar(*value);
    putchar('"');
}

static void number(const char *name, double value)
{
    if (isnan(value))
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %.17g", name, value);
}

static void print_points(const struct sl_grid_field *f)
{
    const struct sl_grid_points *p = f->points;
    text("grid", p->type);
    text("grid_id", p->id);
    text("projjson", p->projjson);
    printf(", \"n\": %zu, \"rows\": %zu, \"columns\": %zu, \"missing\": %zu", p->n, p->n_rows, p->n_columns,
           f->n_missing);
    number("dx", p->dx);
    number("dy", p->dy);
}

static void print(const struct sl_grid_field *f)
{
    printf("{\"index\": %" PRId64 ", \"offset\": %" PRId64 ", \"bytes\": %" PRId64
           ", \"edition\": %d, \"param\": %" PRId64 ", \"reference\": %" PRId64 ", \"valid\": %" PRId64
           ", \"from\": %" PRId64 ", \"to\": %" PRId64 ", \"member\": %" PRId64,
           f->index, f->offset, f->bytes, f->edition, f->param_id, f->reference_s, f->valid_s, f->step_from_s,
           f->step_to_s, f->member);
    text("variable", f->variable);
    text("name", f->name);
    text("standard_name", f->standard_name);
    text("units", f->units);
    text("step_type", f->step_type);
    text("level_type", f->level_type);
    text("centre", f->centre);
    number("level", f->level);
    number("top", f->level_top);
    number("bottom", f->level_bottom);
    if (f->points)
        print_points(f);
    printf("}\n");
}

static void write_rows(const struct sl_grid_field *f, FILE *file)
{
    for (size_t i = 0; i < f->points->n; i++) {
        double row[3];
        sl_grid_place(f->points, i, &row[0], &row[1]);
        row[2] = f->values[i];
        fwrite(row, sizeof row, 1, file);
    }
}

static int read_fields(const char *path, FILE *rows, bool quiet, int64_t *n, struct sl_error *err)
{
    struct sl_grid_reader *reader;
    const struct sl_grid_field *field;
    int rc = sl_grid_open(path, &to.options, &reader, err);
    if (rc < 0)
        return rc;
    for (;;) {
        rc = to.headers ? sl_grid_next_header(reader, &field, err) : sl_grid_next(reader, &field, err);
        if (rc < 0 || !field)
            break;
        *n += field->points ? (int64_t)(field->points->n - field->n_missing) : 0;
        if (!quiet)
            print(field);
        if (rows && field->points)
            write_rows(field, rows);
    }
    size_t n_skipped;
    const struct sl_grid_skipped *skipped = sl_grid_skipped(reader, &n_skipped);
    for (size_t i = 0; i < n_skipped && i < SL_GRID_SKIPPED_KEPT; i++)
        fprintf(stderr, "skipped %" PRId64 " %" PRId64 " %s %s\n", skipped[i].index, skipped[i].offset,
                sl_code_name(skipped[i].why.code), skipped[i].why.message);
    sl_grid_close(reader);
    return rc;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t list(char *value, double *out)
{
    size_t n = 0;
    for (char *p = strtok(value, ","); p && n < LIST_MAX; p = strtok(NULL, ","))
        out[n++] = strtod(p, NULL);
    return n;
}

static size_t list_int(char *value, int64_t *out)
{
    double numbers[LIST_MAX];
    size_t n = list(value, numbers);
    for (size_t i = 0; i < n; i++)
        out[i] = (int64_t)numbers[i];
    return n;
}

static bool set(char *name, char *value)
{
    struct sl_grid_select *s = &to.options.select;
    if (!strcmp(name, "skip"))
        to.options.skip_undecodable = true;
    else if (!strcmp(name, "headers"))
        to.headers = true;
    else if (!strcmp(name, "rows"))
        to.rows = value;
    else if (!strcmp(name, "bench"))
        to.bench = atoi(value);
    else if (!strcmp(name, "level_type"))
        s->level_type = value;
    else if (!strcmp(name, "levels"))
        s->n_levels = list(value, to.levels);
    else if (!strcmp(name, "members"))
        s->n_members = list_int(value, to.members);
    else if (!strcmp(name, "steps"))
        s->n_steps = list_int(value, to.steps);
    else if (!strcmp(name, "area"))
        s->has_area = list(value, s->area) == 4;
    else if (!strcmp(name, "every"))
        s->every = atoi(value);
    else if (!strcmp(name, "variables"))
        for (char *p = strtok(value, ","); p && s->n_variables < LIST_MAX; p = strtok(NULL, ","))
            to.variables[s->n_variables++] = p;
    else
        return false;
    return true;
}

static int fail(const struct sl_error *err)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", sl_code_name(err->code), err->message);
    if (err->hint[0])
        fprintf(stderr, "hint: %s\n", err->hint);
    return sl_code_exit(err->code);
}

int main(int argc, char **argv)
{
    struct sl_error err = {0};
    struct sl_grid_select *s = &to.options.select;
    s->variables = to.variables;
    s->levels = to.levels;
    s->members = to.members;
    s->steps_s = to.steps;
    int i = 1;
    for (char *equals; i < argc - 2; i++) {
        equals = strchr(argv[i], '=');
        if (equals)
            *equals = '\0';
        if (!set(argv[i], equals ? equals + 1 : argv[i]))
            return 2;
    }
    if (argc - i != 2)
        return 2;
    to.options.format = sl_format_by_name(argv[i]);
    FILE *rows = to.rows ? fopen(to.rows, "wb") : NULL;
    if (to.rows && !rows)
        return 1;
    int64_t n = 0;
    double begun = now();
    int rc = 0;
    for (int k = 0; k < (to.bench ? to.bench : 1) && rc == 0; k++)
        rc = read_fields(argv[i + 1], rows, to.bench > 0, &n, &err);
    if (rows)
        fclose(rows);
    if (rc < 0)
        return fail(&err);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    if (to.bench)
        printf("%.1f million rows a second, %ld MB\n", (double)n / (now() - begun) / 1e6, used.ru_maxrss / 1024);
    return 0;
}

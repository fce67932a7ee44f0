/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid_args.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/when.h"

const char *const sl_cli_grid_methods[] = {"nearest", "bilinear", NULL};

static int read_number(const char *text, const char *option, double least, double most, double *out,
                       struct sl_error *err)
{
    char *end = NULL;
    if (!text)
        return sl_fail(err, SL_E_USAGE, "--%s is missing", option);
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        return sl_fail(err, SL_E_USAGE, "--%s: expected a number from %g to %g, found \"%s\"", option, least, most,
                       text);
    *out = value;
    return 0;
}

/* Seconds; what is left of a second goes. */
static int read_time(const char *text, const char *option, int64_t *out, struct sl_error *err)
{
    char when[SL_ISO8601_BYTES];
    int64_t us = 0;
    int rc = sl_cli_when(text, option, when, err);
    if (!rc && !sl_clock_parse(when, &us))
        rc = sl_fail(err, SL_E_USAGE, "--%s: \"%s\" is no time", option, text);
    if (!rc)
        *out = (us - (us % 1000000 + 1000000) % 1000000) / 1000000;
    return rc;
}

int sl_cli_grid_filter(const struct sl_cli_grid_args *a, struct sl_grid_filter *out, struct sl_error *err)
{
    double member = -1, step = 0;
    struct sl_grid_filter f = {.variable = a->variable,
                               .dataset = a->dataset,
                               .source = a->source,
                               .level_type = a->level_type,
                               .level = NAN,
                               .step_s = SL_GRID_NO_STEP,
                               .since_s = INT64_MIN,
                               .until_s = INT64_MAX};
    int rc = a->level ? read_number(a->level, "level", -1e12, 1e12, &f.level, err) : 0;
    rc = rc || !a->member ? rc : read_number(a->member, "member", 0, 1e6, &member, err);
    rc = rc || !a->step ? rc : read_number(a->step, "step", -1e6, 1e6, &step, err);
    rc = rc || !a->at ? rc : read_time(a->at, "at", &f.since_s, err);
    f.until_s = a->at ? f.since_s : f.until_s;
    rc = rc || !a->since ? rc : read_time(a->since, "since", &f.since_s, err);
    rc = rc || !a->until ? rc : read_time(a->until, "until", &f.until_s, err);
    if (!rc && f.since_s > f.until_s)
        rc = sl_fail(err, SL_E_USAGE, "--since %s is after --until %s", a->since, a->until);
    f.member = (int64_t)member;
    f.step_s = a->step ? llround(step * 3600) : SL_GRID_NO_STEP;
    if (!rc)
        *out = f;
    return rc;
}

int sl_cli_grid_question(const struct sl_cli_grid_args *a, struct sl_grid_question *out, struct sl_error *err)
{
    struct sl_grid_question q = {.method =
                                     a->method && !strcmp(a->method, "bilinear") ? SL_GRID_BILINEAR : SL_GRID_NEAREST};
    if (!a->variable)
        return sl_fail(err, SL_E_USAGE, "--variable is missing");
    int rc = read_number(a->lat, "lat", -90, 90, &q.lat, err);
    rc = rc ? rc : read_number(a->lon, "lon", -180, 360, &q.lon, err);
    rc = rc ? rc : sl_cli_grid_filter(a, &q.filter, err);
    if (!rc)
        *out = q;
    return rc;
}

const char *sl_cli_grid_level(struct sl_arena *arena, const char *type, struct json_object *level)
{
    if (!type || !*type)
        return "-";
    return level ? sl_arena_printf(arena, "%s %g", sl_out_escape(arena, type), json_object_get_double(level))
                 : sl_out_escape(arena, type);
}

const char *sl_cli_grid_step(struct sl_arena *arena, int64_t s)
{
    if (s % 3600 == 0)
        return sl_arena_printf(arena, "%" PRId64 " h", s / 3600);
    return s % 60 == 0 ? sl_arena_printf(arena, "%" PRId64 " min", s / 60) : sl_arena_printf(arena, "%" PRId64 " s", s);
}

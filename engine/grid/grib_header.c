/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "grid/grib_internal.h"
#include "grid/times.h"

enum { TEXT_BYTES = 256 };

bool sl_grib__long(codes_handle *h, const char *key, long *out)
{
    int err = 0;
    long value;
    if (codes_get_long(h, key, &value) != CODES_SUCCESS || codes_is_missing(h, key, &err) == 1)
        return false;
    *out = value;
    return true;
}

static bool get_double(codes_handle *h, const char *key, double *out)
{
    int err = 0;
    double value;
    if (codes_get_double(h, key, &value) != CODES_SUCCESS || codes_is_missing(h, key, &err) == 1)
        return false;
    *out = value;
    return true;
}

bool sl_grib__text(codes_handle *h, const char *key, char *out, size_t out_bytes)
{
    char text[1024];
    size_t n = sizeof text;
    if (codes_get_string(h, key, text, &n) != CODES_SUCCESS || !text[0])
        return false;
    snprintf(out, out_bytes, "%s", text);
    return true;
}

/* NULL for what ecCodes has no word for. */
static const char *word(codes_handle *h, const char *key, struct sl_arena *arena)
{
    char text[TEXT_BYTES];
    if (!sl_grib__text(h, key, text, sizeof text) || !strcmp(text, "unknown") || !strcmp(text, "~"))
        return NULL;
    return sl_arena_strdup(arena, text);
}

/* ---- what ---- */

static const char *number_name(codes_handle *h, int edition, int64_t param_id, struct sl_arena *arena)
{
    long a = 0, b = 0, c = 0;
    if (param_id > 0)
        return sl_arena_printf(arena, "param%lld", (long long)param_id);
    if (edition == 1) {
        sl_grib__long(h, "table2Version", &a);
        sl_grib__long(h, "indicatorOfParameter", &b);
        return sl_arena_printf(arena, "%ld.%ld", a, b);
    }
    sl_grib__long(h, "discipline", &a);
    sl_grib__long(h, "parameterCategory", &b);
    sl_grib__long(h, "parameterNumber", &c);
    return sl_arena_printf(arena, "%ld.%ld.%ld", a, b, c);
}

/* Percentiles, spreads, probabilities, wave spectra: fields of one shortName, time and level that are different things.
 */
static const char *variable_of(codes_handle *h, const char *short_name, struct sl_arena *arena)
{
    static const char *const keys[] = {"percentileValue",
                                       "quantileValue",
                                       "totalNumberOfQuantiles",
                                       "derivedForecast",
                                       "probabilityType",
                                       "scaleFactorOfLowerLimit",
                                       "scaledValueOfLowerLimit",
                                       "scaleFactorOfUpperLimit",
                                       "scaledValueOfUpperLimit",
                                       "waveDirectionNumber",
                                       "waveFrequencyNumber",
                                       "directionNumber",
                                       "frequencyNumber",
                                       "scaledValueOfFirstWavelength",
                                       "scaledValueOfSecondWavelength",
                                       "scaledValueOfFirstSize",
                                       "scaledValueOfSecondSize",
                                       "clusterIdentifier"};
    const char *variable = short_name, *between = "[";
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        long value;
        if (!sl_grib__long(h, keys[i], &value))
            continue;
        variable = sl_arena_printf(arena, "%s%s%s=%ld", variable, between, keys[i], value);
        between = ",";
    }
    return variable == short_name ? short_name : sl_arena_printf(arena, "%s]", variable);
}

static void what(codes_handle *h, int edition, struct sl_arena *arena, struct sl_grid_field *f, const char **short_name)
{
    long param = 0;
    f->edition = edition;
    f->param_id = sl_grib__long(h, "paramId", &param) && param > 0 ? param : -1;
    *short_name = word(h, "shortName", arena);
    if (!*short_name)
        *short_name = number_name(h, edition, f->param_id, arena);
    f->variable = variable_of(h, *short_name, arena);
    f->name = word(h, "name", arena);
    f->standard_name = word(h, "cfName", arena);
    f->units = word(h, "units", arena);
    f->centre = word(h, "centre", arena);
}

/* ---- when ---- */

/* Seconds of a unit of edition 2's table 4.4; months and years as ecCodes counts them. */
static int64_t unit_seconds(long unit)
{
    static const struct {
        long code;
        int64_t s;
    } units[] = {{0, 60},     {1, 3600},   {2, 86400}, {3, 30 * 86400LL}, {4, 365 * 86400LL}, {10, 10800},
                 {11, 21600}, {12, 43200}, {13, 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].code == unit)
            return units[i].s;
    return 0;
}

/* By ecCodes, in seconds, else what is no whole number of hours is refused or rounded. */
static bool steps_by_library(codes_handle *h, struct sl_grid_field *f)
{
    long from, to;
    size_t n = 1;
    if (codes_set_string(h, "stepUnits", "s", &n) != CODES_SUCCESS ||
        codes_get_long(h, "startStep", &from) != CODES_SUCCESS || codes_get_long(h, "endStep", &to) != CODES_SUCCESS)
        return false;
    f->step_from_s = from;
    f->step_to_s = to;
    return true;
}

/* Of edition 2 by its own numbers: what lies before the reference time, which ecCodes does not bring to seconds. */
static bool steps_by_numbers(codes_handle *h, struct sl_grid_field *f)
{
    long unit, count, length = 0, length_unit = 1;
    if (!sl_grib__long(h, "indicatorOfUnitOfTimeRange", &unit) || !sl_grib__long(h, "forecastTime", &count) ||
        !unit_seconds(unit))
        return false;
    if (sl_grib__long(h, "lengthOfTimeRange", &length) &&
        (!sl_grib__long(h, "indicatorOfUnitForTimeRange", &length_unit) || !unit_seconds(length_unit)))
        return false;
    f->step_from_s = count * unit_seconds(unit);
    f->step_to_s = f->step_from_s + length * unit_seconds(length_unit);
    return true;
}

static int when(codes_handle *h, struct sl_arena *arena, struct sl_grid_field *f, struct sl_error *err)
{
    long date = 0, time = 0, second = 0;
    if (!sl_grib__long(h, "dataDate", &date) || !sl_grib__long(h, "dataTime", &time))
        return sl_fail(err, SL_E_FILE_DAMAGED, "it has no date and time");
    sl_grib__long(h, "second", &second);
    struct sl_grid__date d = {.year = date / 10000,
                              .month = (int)(date / 100 % 100),
                              .day = (int)(date % 100),
                              .hour = (int)(time / 100),
                              .minute = (int)(time % 100),
                              .second = (int)second};
    if (sl_grid__seconds(&d, SL_GRID__GREGORIAN, &f->reference_s) < 0)
        return sl_fail(err, SL_E_FILE_DAMAGED, "its date %ld, time %ld:%02ld is none", date, time, second);
    f->step_type = word(h, "stepType", arena);
    if (!f->step_type)
        f->step_type = "instant";
    if (!steps_by_library(h, f) && !(f->edition == 2 && steps_by_numbers(h, f)))
        return sl_fail(err, SL_E_FILE_DAMAGED, "its step has a unit or range that cannot be told in seconds");
    f->valid_s = f->reference_s + f->step_to_s;
    return 0;
}

/* ---- where in height and ensemble ---- */

/* Types that are one surface and have no number, for which files write 0 or nothing. */
static bool has_no_number(const char *type)
{
    static const char *const names[] = {"surface",      "meanSea",          "cloudBase",  "cloudTop",
                                        "isothermZero", "tropopause",       "nominalTop", "maxWind",
                                        "seaBottom",    "entireAtmosphere", "atmosphere", "adiabaticCondensation",
                                        "entireOcean",  "oceanSurface",     "seaIce"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], type))
            return true;
    return false;
}

static void level(codes_handle *h, int edition, struct sl_arena *arena, struct sl_grid_field *f)
{
    long type = 255, second = 255;
    double top, bottom;
    f->level = f->level_top = f->level_bottom = NAN;
    bool known = sl_grib__long(h, edition == 1 ? "indicatorOfTypeOfLevel" : "typeOfFirstFixedSurface", &type);
    sl_grib__long(h, "typeOfSecondFixedSurface", &second);
    f->level_type = word(h, "typeOfLevel", arena);
    if (!f->level_type && known && type != 255)
        f->level_type = second == 255 ? sl_arena_printf(arena, "type%ld", type)
                                      : sl_arena_printf(arena, "type%ld-%ld", type, second);
    if (!f->level_type)
        return;
    get_double(h, "level", &f->level);
    if (f->level == 0 && has_no_number(f->level_type))
        f->level = NAN;
    if (get_double(h, "topLevel", &top) && get_double(h, "bottomLevel", &bottom) && top != bottom) {
        f->level_top = top;
        f->level_bottom = bottom;
    }
}

static void member(codes_handle *h, struct sl_grid_field *f)
{
    long number = -1, of = 0;
    sl_grib__long(h, "numberOfForecastsInEnsemble", &of);
    bool has = sl_grib__long(h, "perturbationNumber", &number) || sl_grib__long(h, "number", &number);
    f->member =
        has && (of > 0 || number > 0) ? number : -1; /* 0 of none is how a single forecast says that it is one */
}

int sl_grib__header(codes_handle *h, int edition, struct sl_arena *arena, struct sl_grid_field *out,
                    const char **short_name, struct sl_error *err)
{
    what(h, edition, arena, out, short_name);
    level(h, edition, arena, out);
    member(h, out);
    return when(h, arena, out, err);
}

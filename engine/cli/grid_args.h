/* SPDX-License-Identifier: Apache-2.0 */
/* grid_args.h - what the verbs that ask for values of grids have in common: their options, and how a value looks. */
#ifndef SLUICE_CLI_GRID_ARGS_H
#define SLUICE_CLI_GRID_ARGS_H

#include "cli/cli.h"
#include "run/grid_ask.h"

struct sl_cli_grid_args {
    const char *variable, *lat, *lon, *at, *since, *until, *level, *level_type, *dataset, *source, *member, *step,
        *method;
};

/* Which fields; times by --at, or by --since and --until. */
int sl_cli_grid_filter(const struct sl_cli_grid_args *args, struct sl_grid_filter *out, struct sl_error *err);
/* And where; the variable and the place must be given. */
int sl_cli_grid_question(const struct sl_cli_grid_args *args, struct sl_grid_question *out, struct sl_error *err);

/* "isobaricInhPa 500", "surface", "-" */
const char *sl_cli_grid_level(struct sl_arena *arena, const char *type, struct json_object *level);
/* "3 h", "90 min" */
const char *sl_cli_grid_step(struct sl_arena *arena, int64_t s);

#define SL_CLI_GRID_AT(member) offsetof(struct sl_cli_grid_args, member)
#define SL_CLI_GRID_PLACE                                                                                              \
    {"variable", 0, "NAME", SL_CLI_TEXT, SL_CLI_GRID_AT(variable), "short name: 2t, tp, pm2p5", NULL, 0},              \
        {"lat", 0, "DEGREES", SL_CLI_TEXT, SL_CLI_GRID_AT(lat), "latitude, -90 to 90", NULL, 0},                       \
        {"lon", 0, "DEGREES", SL_CLI_TEXT, SL_CLI_GRID_AT(lon), "longitude, -180 to 360", NULL, 0},                    \
    {                                                                                                                  \
        "method", 0, "METHOD", SL_CLI_CHOICE, SL_CLI_GRID_AT(method), "nearest (default) or bilinear",                 \
            sl_cli_grid_methods, 0                                                                                     \
    }
#define SL_CLI_GRID_WHICH                                                                                              \
    {"level", 0, "N", SL_CLI_TEXT, SL_CLI_GRID_AT(level), "of this level only, in the unit of its type", NULL, 0},     \
        {"level-type",                                                                                                 \
         0,                                                                                                            \
         "TYPE",                                                                                                       \
         SL_CLI_TEXT,                                                                                                  \
         SL_CLI_GRID_AT(level_type),                                                                                   \
         "of this type of level only: surface, isobaricInhPa",                                                         \
         NULL,                                                                                                         \
         0},                                                                                                           \
        {"member", 0, "N", SL_CLI_TEXT, SL_CLI_GRID_AT(member), "of this member of an ensemble only", NULL, 0},        \
        {"step", 0, "HOURS", SL_CLI_TEXT, SL_CLI_GRID_AT(step), "so long after the reference time only", NULL, 0},     \
        {"dataset", 0, "ID", SL_CLI_TEXT, SL_CLI_GRID_AT(dataset), "of this dataset only", NULL, 0},                   \
    {                                                                                                                  \
        "source", 0, "NAME", SL_CLI_TEXT, SL_CLI_GRID_AT(source), "of this uploader or source only", NULL, 0           \
    }
extern const char *const sl_cli_grid_methods[];

#endif

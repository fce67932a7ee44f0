/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_grid.h"
#include "cli/open.h"
#include "cli/show.h"
#include "cli/when.h"
#include "json/json.h"
#include "run/grid_ask.h"

struct args {
    const char *variable, *lat, *lon, *at, *level, *level_type, *dataset, *member;
};

#define AT(member) offsetof(struct args, member)
static const struct sl_cli_option options[] = {
    {"variable", 0, "NAME", SL_CLI_TEXT, AT(variable), "short name: 2t, tp, pm2p5", NULL, 0},
    {"lat", 0, "DEGREES", SL_CLI_TEXT, AT(lat), "latitude, -90 to 90", NULL, 0},
    {"lon", 0, "DEGREES", SL_CLI_TEXT, AT(lon), "longitude, -180 to 360", NULL, 0},
    {"at", 0, "TIME", SL_CLI_TEXT, AT(at), "the time that the value is for, in UTC", NULL, 0},
    {"level", 0, "N", SL_CLI_TEXT, AT(level), "of this level only, in the unit of its type", NULL, 0},
    {"level-type", 0, "TYPE", SL_CLI_TEXT, AT(level_type), "of this type of level only: surface, isobaricInhPa", NULL,
     0},
    {"member", 0, "N", SL_CLI_TEXT, AT(member), "of this member of an ensemble only", NULL, 0},
    {"dataset", 0, "ID", SL_CLI_TEXT, AT(dataset), "of this dataset only", NULL, 0},
};

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

static int read_question(const struct args *a, struct sl_grid_question *q, struct sl_error *err)
{
    char when[SL_ISO8601_BYTES];
    int64_t at_us = 0;
    double member = -1;
    *q = (struct sl_grid_question){
        .variable = a->variable, .dataset = a->dataset, .level_type = a->level_type, .level = NAN};
    if (!a->variable || !a->at)
        return sl_fail(err, SL_E_USAGE, "--%s is missing", a->variable ? "at" : "variable");
    int rc = read_number(a->lat, "lat", -90, 90, &q->lat, err);
    rc = rc ? rc : read_number(a->lon, "lon", -180, 360, &q->lon, err);
    rc = rc || !a->level ? rc : read_number(a->level, "level", -1e12, 1e12, &q->level, err);
    rc = rc || !a->member ? rc : read_number(a->member, "member", 0, 1e6, &member, err);
    rc = rc ? rc : sl_cli_when(a->at, "at", when, err);
    if (!rc && !sl_clock_parse(when, &at_us))
        rc = sl_fail(err, SL_E_USAGE, "--at: \"%s\" is no time", a->at);
    q->member = (int64_t)member;
    q->valid_s = (at_us - (at_us % 1000000 + 1000000) % 1000000) / 1000000;
    return rc;
}

static void print_answer(struct sl_cli *cli, struct json_object *o)
{
    struct sl_arena *a = cli->arena;
    struct json_object *level = sl_json_get(o, "level");
    sl_out_printf(&cli->out, "%s  %.6g %s", sl_cli_member(a, o, "variable"),
                  json_object_get_double(sl_json_get(o, "value")),
                  sl_json_str(o, "units", "") ? sl_json_str(o, "units", "") : "");
    sl_out_printf(&cli->out, "   %s   at %.4f %.4f, %.1f km away", sl_cli_time(a, sl_json_str(o, "valid_time", NULL)),
                  json_object_get_double(sl_json_get(o, "lat")), json_object_get_double(sl_json_get(o, "lon")),
                  json_object_get_double(sl_json_get(o, "distance_km")));
    if (sl_json_str(o, "level_type", NULL) && *sl_json_str(o, "level_type", ""))
        sl_out_printf(&cli->out, "   %s", sl_cli_member(a, o, "level_type"));
    if (level)
        sl_out_printf(&cli->out, " %g", json_object_get_double(level));
    if (sl_json_int(o, "member", -1) >= 0)
        sl_out_printf(&cli->out, "   member %" PRId64, sl_json_int(o, "member", -1));
    sl_out_printf(&cli->out, "\n└─ %s v%" PRId64 "   raw-vault %s   %s\n", sl_cli_member(a, o, "dataset_id"),
                  sl_json_int(o, "version", 0), sl_cli_member(a, o, "raw_key"),
                  sl_cli_hash(a, sl_json_str(o, "content_hash", NULL)));
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    struct sl_engine *engine;
    struct sl_grid_question question;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int rc = read_question(args, &question, err);
    if (!rc)
        rc = sl_cli_engine(cli, SL_NEEDS_LEDGER | (unsigned)SL_NEEDS_STORE, &engine, err);
    if (!rc)
        rc = sl_grid_point(engine, &question, &list, err);
    if (rc)
        return rc;
    if (cli->json) {
        sl_cli_json(cli, list);
        return 0;
    }
    for (size_t i = 0; i < json_object_array_length(list); i++)
        print_answer(cli, json_object_array_get_idx(list, i));
    return 0;
}

const struct sl_command sl_cmd_grid_point = {
    .name = "point",
    .summary = "the value nearest to a place at a time, and the file that it is from",
    .group = SL_GROUP_LOOK,
    .usage = "--variable NAME --lat DEGREES --lon DEGREES --at TIME [OPTIONS]",
    .examples = "  sluice grid point --variable 2t --lat 52.52 --lon 13.40 --at 2025-03-11T14:00Z\n"
                "  sluice grid point --variable t --level 500 --lat 0 --lon 179.9 --at "
                "2025-03-11 --json\n",
    .details = "The nearest point of each field that fits, by great circle; nothing is interpolated.\n"
               "Values of several datasets, levels, members or steps are several answers, the newest first.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

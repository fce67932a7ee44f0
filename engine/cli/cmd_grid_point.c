/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "cli/cmd_grid.h"
#include "cli/grid_args.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

static const struct sl_cli_option options[] = {
    SL_CLI_GRID_PLACE,
    {"at", 0, "TIME", SL_CLI_TEXT, SL_CLI_GRID_AT(at), "the time that the value is for, in UTC", NULL, 0},
    SL_CLI_GRID_WHICH,
};

static double number(struct json_object *o, const char *key)
{
    return json_object_get_double(sl_json_get(o, key));
}

static void print_points(struct sl_cli *cli, struct json_object *points, const char *units)
{
    size_t n = points ? json_object_array_length(points) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *p = json_object_array_get_idx(points, i);
        sl_out_printf(&cli->out, "├─ %.6g %s   at %.4f %.4f, counts %.3f\n", number(p, "value"), units,
                      number(p, "lat"), number(p, "lon"), number(p, "weight"));
    }
}

static void print_answer(struct sl_cli *cli, struct json_object *o)
{
    struct sl_arena *a = cli->arena;
    const char *units = sl_json_str(o, "units", "") ? sl_out_escape(a, sl_json_str(o, "units", "")) : "";
    struct json_object *points = sl_json_get(o, "points");
    if (sl_json_get(o, "value"))
        sl_out_printf(&cli->out, "%s  %.6g %s", sl_cli_member(a, o, "variable"), number(o, "value"), units);
    else
        sl_out_printf(&cli->out, "%s  no value", sl_cli_member(a, o, "variable"));
    sl_out_printf(&cli->out, "   %s", sl_cli_time(a, sl_json_str(o, "valid_time", NULL)));
    if (!sl_json_get(o, "value"))
        sl_out_printf(&cli->out, "   %s", sl_cli_member(a, o, "why"));
    else if (points)
        sl_out_printf(&cli->out, "   at %.4f %.4f, between four points", number(o, "lat"), number(o, "lon"));
    else
        sl_out_printf(&cli->out, "   at %.4f %.4f, %.1f km away", number(o, "lat"), number(o, "lon"),
                      number(o, "distance_km"));
    if (*sl_json_str(o, "level_type", ""))
        sl_out_printf(&cli->out, "   %s",
                      sl_cli_grid_level(a, sl_json_str(o, "level_type", ""), sl_json_get(o, "level")));
    if (sl_json_int(o, "member", -1) >= 0)
        sl_out_printf(&cli->out, "   member %" PRId64, sl_json_int(o, "member", -1));
    sl_out_text(&cli->out, "\n");
    print_points(cli, points, units);
    sl_out_printf(&cli->out, "└─ %s v%" PRId64 "   raw-vault %s   %s\n", sl_cli_member(a, o, "dataset_id"),
                  sl_json_int(o, "version", 0), sl_cli_member(a, o, "raw_key"),
                  sl_cli_hash(a, sl_json_str(o, "content_hash", NULL)));
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct sl_cli_grid_args *a = args;
    struct sl_engine *engine;
    struct sl_grid_question question;
    SL_CLEANUP(sl_json_putp) struct json_object *list = NULL;
    int rc = sl_cli_grid_question(a, &question, err);
    if (!rc && !a->at)
        rc = sl_fail(err, SL_E_USAGE, "--at is missing");
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
    .summary = "the value at a place and a time, and the file that it is from",
    .group = SL_GROUP_LOOK,
    .usage = "--variable NAME --lat DEGREES --lon DEGREES --at TIME [OPTIONS]",
    .examples = "  sluice grid point --variable 2t --lat 52.52 --lon 13.40 --at 2025-03-11T14:00Z\n"
                "  sluice grid point --variable t --level 500 --lat 0 --lon 179.9 --at "
                "2025-03-11 --json\n",
    .details = "Of each field that fits the nearest point by great circle, or between the four points\n"
               "around the place (bilinear), which are told with their values. Values of several datasets,\n"
               "levels, members or steps are several answers, the newest first. Reduced and unstructured\n"
               "grids have no cells of four points; neither have places beside missing values.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct sl_cli_grid_args),
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <libpq-fe.h>

#include "cli/commands.h"
#include "cli/show.h"
#include "geo/duckdb/duck.h"
#include "geo/gdal/gdal.h"
#include "json/json.h"

struct part {
    const char *name, *version;
};

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args, (void)err;
    int pq = PQlibVersion();
    const char *duckdb = sl_duck_version();
    const struct part parts[] = {
        {"sluice", SLUICE_VERSION},
        {"gdal", sl_gdal_version()},
        {"proj", sl_proj_version()},
        {"geos", sl_geos_version()},
        {"duckdb", duckdb + (duckdb[0] == 'v')},
        {"libpq", sl_arena_printf(cli->arena, "%d.%d", pq / 10000, pq % 10000)},
    };
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (cli->json)
            sl_json_put_str(o, parts[i].name, parts[i].version);
        else
            sl_cli_line(&cli->out, parts[i].name, "%s", sl_out_escape(cli->arena, parts[i].version));
    }
    if (cli->json)
        sl_cli_json(cli, o);
    json_object_put(o);
    return 0;
}

const struct sl_command sl_cmd_version = {
    .name = "version",
    .summary = "versions of sluice and of what it stands on",
    .group = SL_GROUP_SETUP,
    .usage = "",
    .examples = "  sluice version\n"
                "  sluice version --json\n",
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"

struct args {
    bool fast;
};

static const struct sl_cli_option options[] = {
    {"fast", 0, NULL, SL_CLI_FLAG, offsetof(struct args, fast),
     "end sessions that are open instead of waiting for them", NULL, 0},
};

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct args *a = args;
    struct sl_cluster_options options_;
    struct sl_cluster_status before = {0}, after = {0};
    int rc = sl_cli_cluster(cli, &options_, err);
    if (!rc && sl_path_exists(options_.home))
        rc = sl_cluster_look(&options_, &before, err);
    if (!rc && before.running)
        rc = sl_cluster_stop(&options_, a->fast, &after, err);
    if (rc)
        return rc;
    if (cli->json) {
        struct json_object *o = json_object_new_object();
        sl_json_put(o, "stopped", json_object_new_boolean(before.running));
        sl_json_put_str(o, "data_dir", before.exists ? before.data_dir : NULL);
        sl_cli_json(cli, o);
        json_object_put(o);
        return 0;
    }
    sl_cli_line(&cli->out, "postgis", "%s",
                before.running  ? "private cluster stopped"
                : before.exists ? "private cluster was not running"
                                : "there is no private cluster in this home");
    return 0;
}

const struct sl_command sl_cmd_stop = {
    .name = "stop",
    .summary = "stop the private PostGIS of the home",
    .group = SL_GROUP_SETUP,
    .usage = "[--fast]",
    .examples = "  sluice stop\n",
    .details = "The next verb that needs it starts it again. Nothing is lost.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct args),
    .run = run,
};

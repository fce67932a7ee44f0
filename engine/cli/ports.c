/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's ports for verbs that need them: most of the program's start-up time is spent here, so others don't pay. */
#include "base/file.h"
#include "cli/open.h"
#include "config/config.h"
#include "run/run.h"

static void close_engine(struct sl_cli *cli)
{
    sl_engine_close(cli->engine);
    cli->engine = NULL;
}

/* Who asks what is there must not be answered from a home that was made for the question: it may be a mistyped one. */
static int find_home(const struct sl_cli *cli, const struct sl_config *config, struct sl_error *err)
{
    enum sl_cli_group group = cli->command->group;
    bool asks = group == SL_GROUP_LOOK || group == SL_GROUP_KEEP;
    if (!asks || !sl_engine_needs_cluster(config) || sl_path_exists(config->home))
        return 0;
    sl_fail(err, SL_E_CONFIG_HOME, "there is no home at %s", config->home);
    sl_error_hint(err, "sluice init makes one; --home or SLUICE_HOME names another");
    return -SL_E_CONFIG_HOME;
}

int sl_cli_engine(struct sl_cli *cli, unsigned needs, struct sl_engine **out, struct sl_error *err)
{
    const struct sl_config *config;
    int rc = sl_cli_config(cli, &config, err);
    if (!rc)
        rc = find_home(cli, config, err);
    if (!rc && !cli->engine)
        rc = sl_engine_open(config, needs, &cli->engine, err);
    if (rc)
        return rc;
    cli->close_engine = close_engine;
    *out = cli->engine;
    return 0;
}

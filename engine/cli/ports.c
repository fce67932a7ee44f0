/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's ports for verbs that need them: most of the program's start-up time is spent here, so others don't pay. */
#include "cli/open.h"

static void close_engine(struct sl_cli *cli)
{
    sl_engine_close(cli->engine);
    cli->engine = NULL;
}

int sl_cli_engine(struct sl_cli *cli, unsigned needs, struct sl_engine **out, struct sl_error *err)
{
    const struct sl_config *config;
    int rc = sl_cli_config(cli, &config, err);
    if (!rc && !cli->engine)
        rc = sl_engine_open(config, needs, &cli->engine, err);
    if (rc)
        return rc;
    cli->close_engine = close_engine;
    *out = cli->engine;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open.h - what verbs work with: the configuration and the engine's ports, opened when first asked for, closed by the
 * core. The log is set up with the configuration.
 */
#ifndef SLUICE_CLI_OPEN_H
#define SLUICE_CLI_OPEN_H

#include "base/log.h"
#include "cli/cli.h"
#include "run/run.h"

enum { SL_CLI_LOG_OFF = SL_LOG_ERROR + 1 };

int sl_cli_config(struct sl_cli *cli, const struct sl_config **out, struct sl_error *err);
/* needs: enum sl_needs. Once per invocation. */
int sl_cli_engine(struct sl_cli *cli, unsigned needs, struct sl_engine **out, struct sl_error *err);
/* How the private cluster of this home is reached. */
int sl_cli_cluster(struct sl_cli *cli, struct sl_cluster_options *out, struct sl_error *err);
/* Did somebody ask for a log (--log-level, or log.level from anywhere but the defaults; serve, sensor and worker
 * have one unless stderr is a terminal)? Verbs say all that people need by themselves. */
bool sl_cli_log_wanted(const struct sl_cli *cli);
/* Sets the least level that is logged, in the configured form. */
void sl_cli_log(const struct sl_cli *cli, int least);
void sl_cli_close(struct sl_cli *cli);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_source.h - the verbs of `sluice source`, and what they share. */
#ifndef SLUICE_CLI_CMD_SOURCE_H
#define SLUICE_CLI_CMD_SOURCE_H

#include "cli/cli.h"
#include "source/spec.h"

extern const struct sl_command sl_cmd_source_run, sl_cmd_source_status;

/* All of sources.path. */
int sl_cli_sources(struct sl_cli *cli, struct sl_source_set **out, struct sl_error *err);
void sl_cli_free_sources(struct sl_source_set **set);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the verbs, each defined in its cmd_<verb>.c. The table is commands.c. */
#ifndef SLUICE_CLI_COMMANDS_H
#define SLUICE_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_asset, sl_cmd_batch, sl_cmd_config, sl_cmd_doctor, sl_cmd_gc, sl_cmd_grid, sl_cmd_help,
    sl_cmd_init, sl_cmd_ledger, sl_cmd_lineage, sl_cmd_recipe, sl_cmd_replay, sl_cmd_run, sl_cmd_sensor, sl_cmd_serve, sl_cmd_source, sl_cmd_step,
    sl_cmd_stop, sl_cmd_table, sl_cmd_sql, sl_cmd_submit, sl_cmd_validate, sl_cmd_verify, sl_cmd_version, sl_cmd_worker;

#endif

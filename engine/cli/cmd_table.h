/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_table.h - the verbs of `sluice table`. */
#ifndef SLUICE_CLI_CMD_TABLE_H
#define SLUICE_CLI_CMD_TABLE_H

#include "cli/cli.h"

struct sl_doc;
struct sl_iceberg;

extern const struct sl_command sl_cmd_table_list, sl_cmd_table_describe, sl_cmd_table_snapshots, sl_cmd_table_maintain;

/* The catalog of the settings; SL_E_CONFIG_VALUE where there is none. */
int sl_cli_iceberg(struct sl_cli *cli, struct sl_iceberg **out, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_grid.h - the verbs of `sluice grid`. */
#ifndef SLUICE_CLI_CMD_GRID_H
#define SLUICE_CLI_CMD_GRID_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_grid_fields, sl_cmd_grid_info, sl_cmd_grid_point, sl_cmd_grid_series;

#endif

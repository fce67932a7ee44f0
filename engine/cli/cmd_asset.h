/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_asset.h - the verbs of `asset` that have a file of their own. */
#ifndef SLUICE_CLI_CMD_ASSET_H
#define SLUICE_CLI_CMD_ASSET_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_asset_collection, sl_cmd_asset_diff, sl_cmd_asset_get;

#endif

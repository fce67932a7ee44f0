/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_batch.h - the verbs of `batch` that have a file of their own. */
#ifndef SLUICE_CLI_CMD_BATCH_H
#define SLUICE_CLI_CMD_BATCH_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_batch_show;

#endif

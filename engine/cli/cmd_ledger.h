/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ledger.h - the verbs of `sluice ledger` that have a file of their own. */
#ifndef SLUICE_CLI_CMD_LEDGER_H
#define SLUICE_CLI_CMD_LEDGER_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_ledger_watch;

#endif

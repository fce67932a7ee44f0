/* SPDX-License-Identifier: Apache-2.0 */
/* open.h - what verbs work with, opened when first asked for and closed by the core. */
#ifndef SLUICE_CLI_OPEN_H
#define SLUICE_CLI_OPEN_H

#include "cli/cli.h"

void sl_cli_close(struct sl_cli *cli);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/open.h"

void sl_cli_close(struct sl_cli *cli)
{
    (void)cli;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

const struct sl_command *const sl_commands[] = {
    &sl_cmd_help,
    NULL,
};

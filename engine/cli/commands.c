/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

/* In order of help. */
const struct sl_command *const sl_commands[] = {
    &sl_cmd_stop, &sl_cmd_step, &sl_cmd_config, &sl_cmd_version, &sl_cmd_help, NULL,
};

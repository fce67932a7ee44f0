/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_recipe.h - the verbs of `recipe` that have a file of their own. */
#ifndef SLUICE_CLI_CMD_RECIPE_H
#define SLUICE_CLI_CMD_RECIPE_H

#include "cli/cli.h"

extern const struct sl_command sl_cmd_recipe_explain, sl_cmd_recipe_new, sl_cmd_recipe_test;

#endif

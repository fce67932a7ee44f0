/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h - how the difference of two assets looks: whole, and in one line. */
#ifndef SLUICE_CLI_DIFF_H
#define SLUICE_CLI_DIFF_H

#include "cli/cli.h"

/* What differs, a line each, as sl_asset_diff has it; rows (may be NULL) as sl_asset_diff_rows. */
void sl_cli_diff_print(struct sl_cli *cli, struct json_object *diff, struct json_object *rows);
/* "+1,204 rows, columns: + length_m, bounds, 68 MB → 69 MB"; "only the bytes" when nothing else says why. */
const char *sl_cli_diff_short(struct sl_arena *arena, struct json_object *diff);

#endif

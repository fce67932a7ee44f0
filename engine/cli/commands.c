/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

/* In order of help. */
const struct sl_command *const sl_commands[] = {
    &sl_cmd_submit, &sl_cmd_run,    &sl_cmd_serve, &sl_cmd_sensor, &sl_cmd_source, &sl_cmd_worker, &sl_cmd_validate, /* bring data in */
    &sl_cmd_batch,  &sl_cmd_asset,  &sl_cmd_lineage, &sl_cmd_ledger, &sl_cmd_grid, &sl_cmd_table, &sl_cmd_sql,                  /* see */
    &sl_cmd_verify, &sl_cmd_replay, &sl_cmd_gc,                                       /* keep right */
    &sl_cmd_init,   &sl_cmd_stop,   &sl_cmd_doctor,  &sl_cmd_recipe, &sl_cmd_step,    /* set up */
    &sl_cmd_config, &sl_cmd_version, &sl_cmd_help,   NULL,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* grid_work.h - what an output of type grid asks of a reader. Internal to run/. */
#ifndef SLUICE_RUN_GRID_WORK_H
#define SLUICE_RUN_GRID_WORK_H

#include "grid/reader.h"
#include "lake/outputs.h"

/* Lists are made in the arena. */
void sl_grid_select_of(const struct sl_output_grid *output, struct sl_arena *arena, struct sl_grid_select *out);

#endif

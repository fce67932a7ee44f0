/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cmd_grid.h"

#include "cli/commands.h"

static const struct sl_command *const verbs[] = {&sl_cmd_grid_fields, &sl_cmd_grid_point, &sl_cmd_grid_series,
                                                 &sl_cmd_grid_info, NULL};

const struct sl_command sl_cmd_grid = {
    .name = "grid",
    .summary = "weather and climate fields",
    .group = SL_GROUP_LOOK,
    .examples = "  sluice grid info forecast.grib2\n"
                "  sluice grid fields\n"
                "  sluice grid point --variable 2t --lat 52.52 --lon 13.40 --at 2025-03-11T14:00\n"
                "  sluice grid series --variable 2t --lat 52.52 --lon 13.40 --since 7d\n",
    .verbs = verbs,
};

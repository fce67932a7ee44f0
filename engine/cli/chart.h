/* SPDX-License-Identifier: Apache-2.0 */
/* chart.h - a small chart of values over time, of characters only: blocks on a terminal, ASCII elsewhere. */
#ifndef SLUICE_CLI_CHART_H
#define SLUICE_CLI_CHART_H

#include "cli/out.h"

struct sl_cli_sample {
    double at, value; /* in order of `at`, finite */
};

/* Eight lines with the least and greatest value beside them, and one with `from` and `to` below; several samples of one
 * column are drawn as their mean. Nothing for fewer than two samples. */
void sl_cli_chart(struct sl_out *out, const struct sl_cli_sample *samples, size_t n, const char *from, const char *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h - one line that moves, on a terminal only; elsewhere nothing.
 */
#ifndef SLUICE_CLI_PROGRESS_H
#define SLUICE_CLI_PROGRESS_H

#include "cli/cli.h"

struct sl_cli_progress {
    struct sl_out *out;  /* NULL: nobody sees it */
    struct sl_arena *arena;
    int64_t started_ns, drawn_ns;
    bool drawn;
};

void sl_cli_progress_begin(struct sl_cli_progress *p, struct sl_cli *cli);
/* "upload    roads.gpkg  180 MB  ████████████████████ 100 %  410 MB/s"; total 0 or less: unknown. At most ten a second,
 * and the last one. */
void sl_cli_progress_bytes(struct sl_cli_progress *p, const char *label, const char *what, int64_t done, int64_t total);
/* Free text. */
void sl_cli_progress_text(struct sl_cli_progress *p, const char *text);
/* Leaves the line as it stands and goes to the next. */
void sl_cli_progress_keep(struct sl_cli_progress *p);
/* Takes the line away, so that something else can be printed. */
void sl_cli_progress_clear(struct sl_cli_progress *p);

#endif

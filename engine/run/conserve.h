/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conserve.h - the gate before publishing: every row that came in goes out, or is dropped under a policy that has a name;
 * and those dropped under "quarantine" are in the assets of rows put aside.
 */
#ifndef SLUICE_RUN_CONSERVE_H
#define SLUICE_RUN_CONSERVE_H

#include <stdint.h>

#include <json-c/json.h>
#include <sluice/error.h>

#define SL_DROPPED_QUARANTINE "quarantine"

struct sl_row_counts {
    int64_t in, out;
    int64_t aside;                       /* rows in assets of rows put aside */
    struct json_object *added, *dropped; /* policy → rows */
};

/* SL_E_ROWS_LOST. */
int sl_rows_conserved(const struct sl_row_counts *counts, struct sl_error *err);

#endif

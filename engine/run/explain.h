/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - what explain.c asks for the plan of a unit. Internal to run/. */
#ifndef SLUICE_RUN_EXPLAIN_H
#define SLUICE_RUN_EXPLAIN_H

#include "recipe/plan.h"
#include "step/step.h"

struct json_object;

struct sl_explained {
    const struct sl_bound_recipe *bound;
    struct sl_arena *arena;
    enum sl_dialect dialect;
    bool materialize;
    struct sl_step_context context; /* of the table as it is loaded */
};

/* Adds {kind: table | index | skipped, steps, skipped, table, why, sql} for each pass. */
int sl_explain_passes(const struct sl_explained *in, struct json_object *list, struct sl_error *err);
/* As SRID the code of an EPSG system, -1 for others: without an engine no more is known. */
int sl_explain_srid(void *data, const char *crs, struct sl_error *err);

#endif

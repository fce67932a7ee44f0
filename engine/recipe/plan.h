/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - the passes in which a bound recipe's steps run.
 *
 * A pass makes one table by one query, from one transform or several neighbours that need no table between them, or it is
 * an index step. What the passes make is the same however they are cut: `materialize` gives each transform its own table.
 *
 * Neighbours are one query when each makes every row from one row (SL_STEP_ROW_WISE), whether they change columns or not;
 * a `sql` step stays apart. At most one of them may change the number of rows, so that the difference between what goes
 * into the pass and what comes out is that step's. An index that nothing would use parts no neighbours.
 * A plan is read-only and lives in the arena given to make it.
 */
#ifndef SLUICE_RECIPE_PLAN_H
#define SLUICE_RECIPE_PLAN_H

#include "recipe/recipe.h"

enum sl_pass_kind {
    SL_PASS_TABLE, /* one query of the transforms from … to - 1; index steps among them are skipped */
    SL_PASS_INDEX, /* one statement on the current table */
    SL_PASS_SKIP   /* an index step that no later query would use */
};

struct sl_pass {
    enum sl_pass_kind kind;
    size_t from, to;   /* steps of the recipe; to > from; the last one of a TABLE is a transform */
    size_t transforms; /* how many of a TABLE's steps are */
    const char *table; /* what it makes: "step_2", "processed"; NULL for an index */
    const char *why;   /* a sentence for `recipe explain` */
};

struct sl_plan_options {
    bool materialize; /* a table for each transform, every index */
};

struct sl_plan {
    struct sl_pass *passes; /* in order; every step is in exactly one */
    size_t n;
    bool materialized;
};

/* Where the plan runs: the recipe's engine, or "none" where that is PostGIS and nothing needs SQL: one table from each layer,
 * no pass that makes or indexes a table, no check but such as look at columns or the count of rows. */
const char *sl_plan_engine(const struct sl_bound_recipe *bound, const struct sl_plan_options *options);
void sl_plan_make(const struct sl_bound_recipe *bound, const struct sl_plan_options *options, struct sl_arena *arena,
                  struct sl_plan *out);
/* The name of the table of a transform, whether its pass makes it or not. */
const char *sl_plan_table_name(const struct sl_bound_recipe *bound, size_t step, struct sl_arena *arena);
/* Why an index step is not carried out. */
const char *sl_plan_skipped(void);

#endif

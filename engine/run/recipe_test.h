/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe_test.h - a recipe's test carried out: its rows go the way of a batch, in an ephemeral schema, to no lake.
 */
#ifndef SLUICE_RUN_RECIPE_TEST_H
#define SLUICE_RUN_RECIPE_TEST_H

#include "run/run.h"

enum { SL_RECIPE_TEST_DIFFERENCES_MAX = 20 };

struct sl_recipe_test_result {
    const char *differences[SL_RECIPE_TEST_DIFFERENCES_MAX]; /* sentences; none: it passed */
    size_t n;          /* of those */
    size_t left_out;   /* further ones */
    int64_t duration_ns;
};

/* engine: recipes and compute. Texts are made in the arena. What is wrong with the recipe or its rows is a difference; a
 * code comes back only for what has nothing to do with them (a service that does not answer, a full disk). */
int sl_recipe_test_run(struct sl_engine *engine, const struct sl_recipe *recipe, const struct sl_recipe_test *test,
                       struct sl_arena *arena, struct sl_recipe_test_result *out, struct sl_error *err);

#endif

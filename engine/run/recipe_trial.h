/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_trial.h - one recipe's test at work, as tests of rows and of pixels share it. Internal to run/recipe_test*.c. */
#ifndef SLUICE_RUN_RECIPE_TRIAL_H
#define SLUICE_RUN_RECIPE_TRIAL_H

#include "base/uuid7.h"
#include "run/recipe_test.h"
#include "run/work.h"

struct sl_trial {
    struct sl_engine *engine;
    const struct sl_recipe *recipe;
    const struct sl_recipe_test *test;
    struct sl_arena *arena;
    struct sl_recipe_test_result *result;
    struct sl_bound_recipe bound, vector_part;
    struct sl_plan plan;
    struct sl_work work; /* of rows */
    char run_id[SL_UUID_TEXT_BYTES];
    const char *scratch, *input;
    struct json_object *found; /* features */
};

/* A difference; data is the struct sl_trial. */
void sl_trial_say(void *data, const char *difference);
/* The file beside the recipe: trial->input. */
int sl_trial_find_file(struct sl_trial *trial, struct sl_error *err);
/* The test of a raster recipe, compared. */
int sl_trial_raster(struct sl_trial *trial, struct sl_error *err);
/* The test of a grid recipe, compared. */
int sl_trial_grid(struct sl_trial *trial, struct sl_error *err);
/* The vectors that the steps on rasters make of the test's raster: a FlatGeobuf file. *crs: of its coordinates. Their rows are
 * counted as added. */
int sl_trial_vectorise(struct sl_trial *trial, const char **path, const struct sl_crs **crs, struct sl_error *err);

#endif

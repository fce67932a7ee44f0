/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raster_work.h - rasters on their way through a bound recipe: steps, then a COG or vectors. Knows no batch, so that a batch and a
 * recipe's test go the same way. Threads: one.
 */
#ifndef SLUICE_RUN_RASTER_WORK_H
#define SLUICE_RUN_RASTER_WORK_H

#include <sluice/sys/raster_step.h>

#include "geo/gdal/raster.h"
#include "recipe/recipe.h"

struct json_object;

struct sl_raster_work {
    const struct sl_bound_recipe *bound;
    struct sl_raster_step_context context;
    struct sl_raster **items; /* the opened files, then in items[0] what the steps made; owned */
    size_t n;
    /* May be NULL. Asked before each step: a negative code ends the work. */
    int (*may_go_on)(void *data, struct sl_error *err);
    void *data;
};

void sl_raster_work_close(struct sl_raster_work *work);
/* Each step's result takes the place of what it was made of; one that makes vectors is left. Errors name the step. */
int sl_raster_work_steps(struct sl_raster_work *work, struct sl_error *err);
/* items[0] in a CRS (NULL: its own) as an output's nodata and alpha have it; *out stays NULL where these ask for nothing. The
 * caller closes it. */
int sl_raster_work_view(struct sl_raster_work *work, const struct sl_output *output, const struct sl_crs *crs,
                        struct sl_raster **out, struct sl_error *err);
/* A raster as a COG with an output's options; NULL: items[0]. crs: to write in place of the raster's; NULL: its own. */
int sl_raster_work_write(struct sl_raster_work *work, struct sl_raster *raster, const struct sl_output *output,
                         const struct sl_crs *crs, const char *path, struct sl_error *err);
/* The step that makes vectors of items[0]: a FlatGeobuf file of the scratch folder, in the raster's CRS. Its rows are counted in
 * `added` under the step's name. */
int sl_raster_work_vectorise(struct sl_raster_work *work, struct sl_arena *arena, struct json_object *added, const char **path,
                             int64_t *rows, struct sl_error *err);

#endif

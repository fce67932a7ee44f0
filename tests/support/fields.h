/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - fields of grids made up for tests: a global regular grid whose values say where they are. */
#ifndef SLUICE_TESTS_SUPPORT_FIELDS_H
#define SLUICE_TESTS_SUPPORT_FIELDS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "grid/field.h"

struct test_grid {
    struct sl_grid_points points;
    double *lats, *lons, *values;
};

/* step: degrees between points; from the north, longitudes from 0 as most files have them. */
static inline void test_grid_make(struct test_grid *g, double step)
{
    char text[64];
    size_t rows = (size_t)(180 / step) + 1, columns = (size_t)(360 / step);
    g->lats = malloc(rows * sizeof *g->lats);
    g->lons = malloc(columns * sizeof *g->lons);
    g->values = malloc(rows * columns * sizeof *g->values);
    for (size_t i = 0; i < rows; i++)
        g->lats[i] = 90 - (double)i * step;
    for (size_t i = 0; i < columns; i++)
        g->lons[i] = (double)i * step;
    g->points = (struct sl_grid_points){.type = "regular_ll",
                                        .n = rows * columns,
                                        .lats = g->lats,
                                        .lons = g->lons,
                                        .n_rows = rows,
                                        .n_columns = columns,
                                        .dx = step,
                                        .dy = step};
    snprintf(text, sizeof text, "regular_ll %.17g", step);
    sl_sha256_of(text, strlen(text), g->points.id);
}

static inline void test_grid_free(struct test_grid *g)
{
    free(g->lats);
    free(g->lons);
    free(g->values);
}

static inline double test_grid_value(double lat, double lon, int64_t valid_s)
{
    return 280 + lat / 3 + sin(lon * 0.017) + (double)(valid_s % 86400) / 7777;
}

/* Values of that time; every missing_each-th is missing, 0: none. */
static inline struct sl_grid_field test_grid_field(struct test_grid *g, const char *variable, int64_t valid_s,
                                                   size_t missing_each)
{
    size_t missing = 0;
    for (size_t i = 0; i < g->points.n; i++) {
        double lat, lon;
        sl_grid_place(&g->points, i, &lat, &lon);
        bool gone = missing_each && i % missing_each == 0;
        g->values[i] = gone ? NAN : test_grid_value(lat, lon, valid_s);
        missing += gone;
    }
    return (struct sl_grid_field){.variable = variable,
                                  .name = "2 metre temperature",
                                  .units = "K",
                                  .param_id = 167,
                                  .reference_s = valid_s - 3600,
                                  .valid_s = valid_s,
                                  .step_type = "instant",
                                  .step_from_s = 3600,
                                  .step_to_s = 3600,
                                  .level_type = "heightAboveGround",
                                  .level = 2,
                                  .level_top = NAN,
                                  .level_bottom = NAN,
                                  .member = -1,
                                  .points = &g->points,
                                  .values = g->values,
                                  .n_missing = missing,
                                  .edition = 2,
                                  .centre = "ecmf"};
}

#endif

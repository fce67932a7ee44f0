/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.h - the tests of a recipe: rows in, rows out; of rasters, pixels, and rows where a step makes vectors of them;
 * of grids, fields in and their values out.
 *
 * They stand under `tests:` in the recipe or in a file beside it (roads.yaml: roads.tests.yaml, a mapping with `tests:`
 * only). They have no part in the recipe's hash. Read-only; they live with their recipe.
 */
#ifndef SLUICE_RECIPE_TEST_H
#define SLUICE_RECIPE_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/sys/step.h>

struct json_object;

/* Of input and of expect. */
enum { SL_RECIPE_TEST_ROWS_MAX = 1000, SL_RECIPE_TEST_SIDE_MAX = 256, SL_RECIPE_TEST_BANDS_MAX = 16 };

struct sl_recipe_test {
    const char *name;
    struct json_object *params; /* as a manifest gives them; NULL: none */
    const char *crs;            /* of the input's coordinates */
    struct json_object *input;  /* GeoJSON features, {bounds, type, nodata, bands} or {lats, lons, fields}; NULL: file */
    const char *file;           /* GeoJSON or GeoTIFF, beside the recipe; NULL: input */
    struct json_object *expect; /* features, a raster or values, of which only named members count; NULL: not asked for */
    bool ordered;
    double tolerance;
    int64_t rows;               /* -1: not asked for */
    struct sl_names columns;    /* n 0: not asked for */
    struct json_object *dropped; /* {policy: rows}; NULL: not asked for */
    const char *warns;          /* a part of a warning; NULL */
    const char *fails;          /* code of the error that ends it; NULL: it succeeds */
    const char *path;           /* the file that it stands in */
    int line, column;
};

#endif

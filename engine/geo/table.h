/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - what a table of a compute session looks like. Read-only once filled; strings in an arena. */
#ifndef SLUICE_GEO_TABLE_H
#define SLUICE_GEO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/crs.h"

struct sl_column {
    const char *name;
    const char *type;        /* as the compute engine spells it: "text", "bigint", "geometry" */
    const char *source_name; /* the file's name of it when it had to be changed, else NULL */
    bool geometry;
};

struct sl_table {
    const char *schema, *name;
    const char *query; /* a SELECT that stands in its place; NULL: the table is there */
    struct sl_column *columns;
    size_t n_columns;
    const char *geometry; /* the geometry column's name; NULL when there is none */
    int srid;             /* of the geometry column; 0: none */
    int64_t rows;         /* -1: not counted */
};

#endif

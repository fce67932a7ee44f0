/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - tables put under each other: several files that become one table, and the step union.
 *
 * Columns go by name, whatever its case; those of the first table come first, as it spells them, and the geometry last.
 * A table without a column has NULL there. Types of one name are the same or get the one that holds both: smallint,
 * integer, bigint, double precision; real and double precision; date and timestamp; text. All others have none in common.
 * Geometries come in the CRS that is asked for.
 */
#ifndef SLUICE_STEP_MERGE_H
#define SLUICE_STEP_MERGE_H

#include <sluice/sys/step.h>

#include "geo/sql.h"
#include "geo/table.h"

struct sl_merge_part {
    struct sl_table table; /* with its columns */
    const struct sl_crs *crs; /* NULL: without geometry */
    const char *name;         /* in messages */
    const char *source;       /* its rows' value in the source column; NULL: none */
};

struct sl_merge {
    const struct sl_merge_part *parts;
    size_t n;
    const char *geometry;      /* the geometry column's name in the result */
    const char *source_column; /* NULL: none */
    enum sl_mismatch mismatch;
    const struct sl_crs *crs; /* of the result */
    int srid;                 /* PostGIS's of that; 0: none */
    struct sl_arena *arena;
};

/* A SELECT of all rows. SL_E_RECIPE_OPTION names the column and both tables where their types have none in common, and when
 * the source column is there already. */
int sl_merge_sql(const struct sl_merge *merge, struct sl_sql *out, struct sl_error *err);
/* The type that holds the values of both, as out's dialect spells it; NULL: there is none. */
const char *sl_merge_type(const char *a, const char *b, enum sl_dialect dialect);
/* The geometry column of a table (without "@"): transformed to `to` where it is in another system; DuckDB is told both. */
void sl_merge_geometry(const struct sl_table *table, const struct sl_crs *from, const struct sl_crs *to, int srid,
                       struct sl_sql *out);

#endif

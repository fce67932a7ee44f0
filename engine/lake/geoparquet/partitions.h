/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitions.h - a relation written as many Parquet files, in folders named after the values of one to three columns.
 *
 * The rows are sorted by those columns into one file first, their order within a part kept, and each part is written
 * from its range of that: memory is bounded by the sl_duck whatever the number of parts, and each is a GeoParquet file
 * of its own, with the bounds and types of its rows. The columns of the folders are not in the files, as Hive, Spark,
 * pyarrow and DuckDB have it. Rows without any give one part without folders.
 */
#ifndef SLUICE_LAKE_GEOPARQUET_PARTITIONS_H
#define SLUICE_LAKE_GEOPARQUET_PARTITIONS_H

#include "base/arena.h"
#include "lake/geoparquet/geoparquet.h"
#include "lake/parts.h"

struct sl_partitions {
    const char *const *by; /* columns of the table */
    size_t n_by;
    const char *stem; /* of the local files that are made: "<stem>-00001.parquet" */
    const char *media_type;
    int (*may_go_on)(void *data, struct sl_error *err); /* asked before each part; may be NULL */
    void *data;
};

/* SL_E_RECIPE_OPTION for a column that is not there or cannot name folders, SL_E_LIMIT for values that cannot, or too
 * many. The parts' strings are the arena's; on failure files may be left with the stem. */
int sl_partitions_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                        const struct sl_geoparquet_options *options, const struct sl_partitions *how,
                        struct sl_arena *arena, struct sl_lake_parts *out, struct sl_error *err);

#endif

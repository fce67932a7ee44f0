/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geoparquet.h - a relation written as GeoParquet 1.1: WKB, PROJJSON, bbox, geometry types, covering column "bbox".
 *
 * Written through DuckDB with our own `geo` metadata. The bytes depend on the rows, their order, the options and the
 * versions of DuckDB and sluice, and on nothing else (no time, no run id, no threads). Memory is bounded by the
 * sl_duck and the row group. Specification: GeoParquet 1.1.0.
 */
#ifndef SLUICE_LAKE_GEOPARQUET_GEOPARQUET_H
#define SLUICE_LAKE_GEOPARQUET_GEOPARQUET_H

#include <sluice/sys/compute.h>

#include "geo/table.h"

struct sl_geoparquet_options {
    const char *compression; /* "zstd", "snappy", "gzip", "none"; NULL: zstd */
    int64_t compression_level; /* of zstd, 1 to 22; 0: DuckDB's own */
    int64_t row_group_rows;  /* 0: 122,880 */
    bool covering;           /* the bbox column and its covering metadata */
};

struct sl_geoparquet_facts {
    int64_t rows;      /* counted in the finished file's own footer */
    int64_t size_bytes;
    char sha256_hex[65];
    int64_t row_groups;
};

/* table describes the relation's columns; a table without geometry becomes plain Parquet. crs may be NULL only then. */
int sl_geoparquet_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                        const struct sl_geometry_facts *geometry, const struct sl_geoparquet_options *options,
                        const char *path, struct sl_geoparquet_facts *facts, struct sl_error *err);
/* The value of the key `geo` for those; the caller owns it. */
struct json_object *sl_geoparquet_metadata(const struct sl_table *table, const struct sl_crs *crs,
                                           const struct sl_geometry_facts *geometry,
                                           const struct sl_geoparquet_options *options, struct sl_error *err);

#endif

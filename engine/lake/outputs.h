/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.h - the kinds of output that a recipe may name, and their options as bound. All of it is constant. */
#ifndef SLUICE_LAKE_OUTPUTS_H
#define SLUICE_LAKE_OUTPUTS_H

#include <sluice/sys/step.h>

extern const struct sl_output_kind *const sl_outputs[]; /* ended by NULL, in order of name */
extern const struct sl_output_kind sl_output_geoparquet, sl_output_cog, sl_output_flatgeobuf, sl_output_geopackage,
    sl_output_geojsonseq, sl_output_csv, sl_output_parquet;

enum sl_output_sort { SL_OUTPUT_SORT_HILBERT, SL_OUTPUT_SORT_NONE, SL_OUTPUT_SORT_COLUMNS };

/* The options of every output of rows begin with it. */
struct sl_output_order {
    int sort;           /* enum sl_output_sort */
    struct sl_names by; /* of SORT_COLUMNS */
};
/* NULL for an output that has none. */
const struct sl_output_order *sl_output_order_of(const struct sl_output_kind *kind, const void *options);

struct sl_output_geoparquet {
    struct sl_output_order order;
    int compression; /* see sl_output_geoparquet_compression */
    int64_t compression_level; /* of zstd */
    int64_t row_group_rows;
    bool covering;
    struct sl_names partition_by; /* none: one file */
};
/* What rows that checks put aside are written as: GeoParquet in its default form. No recipe names it. */
extern const struct sl_output_kind sl_output_quarantine;
extern const struct sl_output_geoparquet sl_output_quarantine_options;
bool sl_output_is_geoparquet(const struct sl_output_kind *kind); /* its options are a struct sl_output_geoparquet */
const char *sl_output_geoparquet_compression(const struct sl_output_geoparquet *options); /* "zstd" */

/* Of the other vector outputs; each reads what its options have. */
struct sl_output_features {
    struct sl_output_order order;
    bool spatial_index;
    bool reproject, record_separator;
    int64_t decimals;
    int geometry, delimiter; /* enum sl_features_geometry; see sl_output_csv_delimiter */
    bool header;
};
char sl_output_csv_delimiter(const struct sl_output_features *options);

struct sl_output_cog {
    int compression, resampling; /* see the two functions */
    int64_t block_size;          /* pixels */
    int64_t level, quality;      /* 0: GDAL's own */
    double max_z_error;
    int overviews; /* enum sl_output_overviews */
    int predictor; /* see sl_output_cog_predictor */
    struct json_object *nodata; /* a number, "nan" or "none"; NULL: the raster's */
    bool add_alpha;
};
enum sl_output_overviews { SL_OUTPUT_OVERVIEWS_AUTO, SL_OUTPUT_OVERVIEWS_NONE };
/* Whether nodata is said; then *none, or *value, which may be NaN. */
bool sl_output_cog_nodata(const struct sl_output_cog *options, bool *none, double *value);
const char *sl_output_cog_predictor(const struct sl_output_cog *options); /* "STANDARD"; NULL: by the data type */
const char *sl_output_cog_compression(const struct sl_output_cog *options); /* "DEFLATE": GDAL's names */
const char *sl_output_cog_resampling(const struct sl_output_cog *options);  /* "AVERAGE"; NULL: by the raster's kind */

/* Lists are JSON, NULL for all. */
struct sl_output_grid {
    struct json_object *variables, *levels, *members, *steps; /* steps: hours */
    const char *level_type;
    struct sl_bounds area;
    int64_t every;
    int on_undecodable; /* 0: fail, 1: skip */
};
extern const struct sl_output_kind sl_output_grid;

/* Rows for an Iceberg table; Parquet in the lake where none is configured. */
struct sl_output_iceberg {
    struct sl_output_order order;
    const char *table;                /* "ns.name" */
    struct json_object *partition_by; /* a list of texts; NULL for none */
    int mode;                         /* append */
    bool evolve;
};
extern const struct sl_output_kind sl_output_iceberg;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.h - the kinds of output that a recipe may name, and their options as bound. All of it is constant. */
#ifndef SLUICE_LAKE_OUTPUTS_H
#define SLUICE_LAKE_OUTPUTS_H

#include <sluice/sys/step.h>

extern const struct sl_output_kind *const sl_outputs[]; /* ended by NULL, in order of name */
extern const struct sl_output_kind sl_output_geoparquet, sl_output_cog;

enum sl_output_sort { SL_OUTPUT_SORT_HILBERT, SL_OUTPUT_SORT_NONE };

struct sl_output_geoparquet {
    int sort;        /* enum sl_output_sort */
    int compression; /* see sl_output_geoparquet_compression */
    int64_t row_group_rows;
    bool covering;
};
const char *sl_output_geoparquet_compression(const struct sl_output_geoparquet *options); /* "zstd" */

struct sl_output_cog {
    int compression, resampling; /* see the two functions */
    int64_t block_size;          /* pixels */
};
const char *sl_output_cog_compression(const struct sl_output_cog *options); /* "DEFLATE": GDAL's names */
const char *sl_output_cog_resampling(const struct sl_output_cog *options);  /* "AVERAGE"; NULL: by the raster's kind */

#endif

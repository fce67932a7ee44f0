/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cog.h - the structure of a Cloud Optimized GeoTIFF, checked by reading its directories and offsets ourselves.
 *
 * Rules: tiled, overviews down to one block, directories before data, overviews' data before the full resolution's,
 * every tile inside of the file (GDAL's "Cloud Optimized GeoTIFF" driver documentation and validate_cloud_optimized_geotiff).
 */
#ifndef SLUICE_LAKE_COG_COG_H
#define SLUICE_LAKE_COG_COG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

struct sl_cog_facts {
    int64_t width, height, overviews, size_bytes;
    char sha256_hex[65];
};

/* SL_E_OUTPUT_INVALID says which rule is broken. Classic TIFF and BigTIFF, both byte orders. overviews: they go down to one
 * block; else there are none. */
int sl_cog_check(const char *path, bool overviews, struct sl_cog_facts *facts, struct sl_error *err);

#endif

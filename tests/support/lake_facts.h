/* SPDX-License-Identifier: Apache-2.0 */
/* lake_facts.h - facts of assets that were never made: for the tests of STAC and ISO metadata. */
#ifndef SLUICE_TESTS_LAKE_FACTS_H
#define SLUICE_TESTS_LAKE_FACTS_H

#include <math.h>
#include <string.h>

#include "lake/facts.h"

enum sample { SAMPLE_VECTOR, SAMPLE_RASTER, SAMPLE_EMPTY, SAMPLE_PACIFIC, SAMPLE_TABLE, SAMPLES };
static const char *const sample_names[SAMPLES] = {"vector", "raster", "empty", "pacific", "table"};

/* The arena owns the CRS; the rest is static. */
static inline struct sl_lake_facts sample_facts(enum sample sample, struct sl_arena *arena)
{
    static const struct sl_lake_input inputs[] = {
        {.raw_key = "ana/roads/2026-11-21/0199a3c4.gpkg", .content_hash = "sha256:77aa",
         .landing_path = "landing-zone/b-1/roads.gpkg"}};
    static const struct sl_lake_software software[] = {{"sluice", "0.1.0"}, {"gdal", "3.6.2"}};
    static const struct sl_column columns[] = {
        {.name = "id", .type = "bigint"}, {.name = "näme", .type = "text"}, {.name = "geom", .type = "geometry", .geometry = true}};
    static struct sl_raster_band bands[] = {
        {.data_type = "Byte", .color_interpretation = "Red", .description = "", .has_nodata = true, .nodata = 0},
        {.data_type = "Float32", .color_interpretation = "Gray", .description = "height", .has_nodata = true}};
    static struct sl_raster_info raster = {.width = 700, .height = 900, .bands = bands, .n_bands = 2, .has_transform = true,
                                           .transform = {500000, 30, 0, 5800000, 0, -30}};
    struct sl_lake_facts f = {
        .asset_id = "0199a3c4-0000-7000-8000-000000000001", .dataset_id = "roads", .version = 3, .kind = "vector",
        .description = "weekly road export", .created_at = "2026-11-21T09:14:03.000000Z", .license = "CC-BY-4.0",
        .project = "ALPHA", .uploader = "ana", .has_bounds = true, .bounds = {500000, 5773000, 521000, 5800000},
        .bounds_wgs84 = {15, 52.1, 15.3125, 52.35}, .geometry_types = "MultiPolygon,Polygon", .columns = columns,
        .n_columns = 3, .row_count = 499988, .href = "roads.parquet", .metadata_href = "roads.iso19115.json",
        .media_type = "application/vnd.apache.parquet", .size_bytes = 68000000,
        .sha256_hex = "9b0c000000000000000000000000000000000000000000000000000000000000", .batch_id = "b-1",
        .run_id = "0199a3c4", .inputs = inputs, .n_inputs = 1, .recipe_name = "road_network", .recipe_version = 2,
        .recipe_hash = "sha256:5c1e", .software = software, .n_software = 2};
    bands[1].nodata = NAN;
    struct sl_crs *crs = sl_arena_alloc(arena, sizeof *crs);
    if (sl_crs_parse("EPSG:25833", arena, crs, NULL) == 0)
        f.crs = crs;
    if (sample == SAMPLE_EMPTY)
        f.has_bounds = false;
    if (sample == SAMPLE_PACIFIC)
        memcpy(f.bounds_wgs84, (double[4]){170, -10, -170, 10}, sizeof f.bounds_wgs84);
    if (sample == SAMPLE_TABLE) {
        f.kind = "table";
        f.crs = NULL;
        f.has_bounds = false;
        f.geometry_types = NULL;
        f.n_columns = 2;
    }
    if (sample == SAMPLE_RASTER) {
        f.kind = "raster";
        f.raster = &raster;
        f.n_columns = 0;
        f.geometry_types = NULL;
        f.row_count = -1;
        f.href = "roads.tif";
        f.media_type = "image/tiff; application=geotiff; profile=cloud-optimized";
    }
    return f;
}

#endif

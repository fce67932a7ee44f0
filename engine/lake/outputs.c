/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/outputs.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- geoparquet ---------------------------------------------------------------------------------------------------------- */

static const char *const sorts[] = {[SL_OUTPUT_SORT_HILBERT] = "hilbert", [SL_OUTPUT_SORT_NONE] = "none", NULL};
static const char *const parquet_compressions[] = {"zstd", "snappy", "gzip", "none", NULL};

static const struct sl_option geoparquet_items[] = {
    {.name = "sort",
     .type = SL_OPT_ENUM,
     .default_json = "\"hilbert\"",
     .offset = offsetof(struct sl_output_geoparquet, sort),
     .choices = sorts,
     .help = "The order of the rows: hilbert puts neighbours side by side, so that readers of a small area skip the rest; "
             "none keeps the order of the steps."},
    {.name = "compression",
     .type = SL_OPT_ENUM,
     .default_json = "\"zstd\"",
     .offset = offsetof(struct sl_output_geoparquet, compression),
     .choices = parquet_compressions,
     .help = "How pages are compressed."},
    {.name = "row_group_rows",
     .type = SL_OPT_INTEGER,
     .default_json = "122880",
     .offset = offsetof(struct sl_output_geoparquet, row_group_rows),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 2048,
     .maximum = 10000000,
     .help = "Rows of one row group: fewer let readers skip more, more compress better."},
    {.name = "covering",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct sl_output_geoparquet, covering),
     .help = "true: a column with each row's bounding box, by which readers select without reading geometries."},
};

const struct sl_output_kind sl_output_geoparquet = {
    .name = "geoparquet",
    .summary = "A GeoParquet 1.1 file of the vector data.",
    .help = "WKB geometries with their CRS, bounds and types in the file's metadata; x is easting or longitude. The same "
            "rows give the same bytes.",
    .example = "- geoparquet: {dataset: roads, sort: hilbert}",
    .data_type = "vector",
    .asset_kind = "vector",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .options = {.items = geoparquet_items,
                .n = COUNT(geoparquet_items),
                .struct_bytes = sizeof(struct sl_output_geoparquet)},
};

const char *sl_output_geoparquet_compression(const struct sl_output_geoparquet *options)
{
    return parquet_compressions[options->compression];
}

/* -- cog ----------------------------------------------------------------------------------------------------------------- */

static const char *const cog_compressions[] = {"deflate", "zstd", "lzw", "jpeg", "webp", "lerc", "none", NULL};
static const char *const gdal_compressions[] = {"DEFLATE", "ZSTD", "LZW", "JPEG", "WEBP", "LERC", "NONE"};
static const char *const resamplings[] = {"auto",  "nearest",     "average", "bilinear", "cubic",
                                          "cubicspline", "lanczos", "mode",    "rms",      NULL};
static const char *const gdal_resamplings[] = {NULL,    "NEAREST",     "AVERAGE", "BILINEAR", "CUBIC",
                                               "CUBICSPLINE", "LANCZOS", "MODE",    "RMS"};

static const struct sl_option cog_items[] = {
    {.name = "compression",
     .type = SL_OPT_ENUM,
     .default_json = "\"deflate\"",
     .offset = offsetof(struct sl_output_cog, compression),
     .choices = cog_compressions,
     .help = "How blocks are compressed. jpeg and webp lose detail and take 8-bit images only."},
    {.name = "resampling",
     .type = SL_OPT_ENUM,
     .default_json = "\"auto\"",
     .offset = offsetof(struct sl_output_cog, resampling),
     .choices = resamplings,
     .help = "How overviews are made; auto takes average, and nearest for palettes and masks."},
    {.name = "block_size",
     .type = SL_OPT_INTEGER,
     .default_json = "512",
     .offset = offsetof(struct sl_output_cog, block_size),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 128,
     .maximum = 4096,
     .help = "Width and height of a block in pixels, a multiple of 16."},
};

static int validate_cog(const void *data, struct sl_error *err)
{
    const struct sl_output_cog *o = data;
    if (o->block_size % 16 == 0)
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "block_size: expected a multiple of 16, found %lld", (long long)o->block_size);
}

const struct sl_output_kind sl_output_cog = {
    .name = "cog",
    .summary = "A Cloud Optimized GeoTIFF of the raster.",
    .help = "Tiled, with overviews inside; CRS, nodata and colours are those of the file.",
    .example = "- cog: {compression: zstd}",
    .data_type = "raster",
    .asset_kind = "raster",
    .extension = "tif",
    .media_type = "image/tiff; application=geotiff; profile=cloud-optimized",
    .options = {.items = cog_items, .n = COUNT(cog_items), .struct_bytes = sizeof(struct sl_output_cog)},
    .validate = validate_cog,
};

const char *sl_output_cog_compression(const struct sl_output_cog *options)
{
    return gdal_compressions[options->compression];
}

const char *sl_output_cog_resampling(const struct sl_output_cog *options)
{
    return gdal_resamplings[options->resampling];
}

const struct sl_output_kind *const sl_outputs[] = {&sl_output_cog, &sl_output_geoparquet, NULL};

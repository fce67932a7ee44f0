/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/outputs.h"
#include "lake/parts.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include <json-c/json.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- order of vector data ---- */

static const char *const sorts[] = {[SL_OUTPUT_SORT_HILBERT] = "hilbert",
                                    [SL_OUTPUT_SORT_NONE] = "none",
                                    [SL_OUTPUT_SORT_COLUMNS] = "columns",
                                    NULL};

/* First of each vector output's options, as struct sl_output_order is of their structs. */
#define ORDER_OPTIONS                                                                                                      \
    {.name = "sort",                                                                                                       \
     .type = SL_OPT_ENUM,                                                                                                  \
     .default_json = "\"hilbert\"",                                                                                        \
     .offset = offsetof(struct sl_output_order, sort),                                                                     \
     .choices = sorts,                                                                                                     \
     .help = "The order of the rows: hilbert puts neighbours side by side, so that readers of a small area skip the "      \
             "rest; none keeps the order of the steps; columns sorts by sort_by."},                                        \
        {.name = "sort_by",                                                                                                \
         .type = SL_OPT_COLUMNS,                                                                                           \
         .default_json = "null",                                                                                           \
         .offset = offsetof(struct sl_output_order, by),                                                                   \
         .help = "The columns to sort by, with sort: columns; NULL comes last, text goes by its bytes."}

static int validate_order(const void *data, struct sl_error *err)
{
    const struct sl_output_order *order = data;
    bool columns = order->sort == SL_OUTPUT_SORT_COLUMNS;
    if (columns == (order->by.n > 0))
        return 0;
    return columns ? sl_fail(err, SL_E_RECIPE_OPTION, "sort: columns needs sort_by, a list of columns")
                   : sl_fail(err, SL_E_RECIPE_OPTION, "sort_by goes with sort: columns only");
}

const struct sl_output_order *sl_output_order_of(const struct sl_output_kind *kind, const void *options)
{
    return strcmp(kind->data_type, "raster") != 0 ? options : NULL;
}

/* ---- geoparquet ---- */

static const char *const parquet_compressions[] = {"zstd", "snappy", "gzip", "none", NULL};

#define PARTITION_OPTION                                                                                                   \
    {.name = "partition_by",                                                                                               \
     .type = SL_OPT_COLUMNS,                                                                                               \
     .default_json = "null",                                                                                               \
     .offset = offsetof(struct sl_output_geoparquet, partition_by),                                                        \
     .help = "One to three columns: the rows of each of their values are a file of their own, in folders column=value. The " \
             "columns are then in the names of the folders and not in the files, as Hive's readers take it."}

static int validate_parquet(const void *data, struct sl_error *err)
{
    const struct sl_output_geoparquet *o = data;
    int rc = validate_order(&o->order, err);
    if (rc == 0 && o->partition_by.n > SL_LAKE_PART_COLUMNS_MAX)
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "partition_by takes at most %d columns", SL_LAKE_PART_COLUMNS_MAX);
    return rc;
}

static const struct sl_option geoparquet_items[] = {
    ORDER_OPTIONS,
    {.name = "compression",
     .type = SL_OPT_ENUM,
     .default_json = "\"zstd\"",
     .offset = offsetof(struct sl_output_geoparquet, compression),
     .choices = parquet_compressions,
     .help = "How pages are compressed."},
    {.name = "compression_level",
     .type = SL_OPT_INTEGER,
     .default_json = "1",
     .offset = offsetof(struct sl_output_geoparquet, compression_level),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 1,
     .maximum = 22,
     .help = "Of zstd: higher is smaller and slower; coordinates gain next to nothing. The others have none."},
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
    PARTITION_OPTION,
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
    .validate = validate_parquet,
};

const struct sl_output_geoparquet sl_output_quarantine_options = {
    .order = {.sort = SL_OUTPUT_SORT_HILBERT}, .compression_level = 1, .row_group_rows = 122880, .covering = true};

const struct sl_output_kind sl_output_quarantine = {
    .name = "quarantine",
    .summary = "The rows that broke a rule, with the reasons.",
    .data_type = "vector",
    .asset_kind = "quarantine",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
};

/* ---- parquet ---- */

#define COMPRESSION_OPTIONS                                                                                                \
    {.name = "compression",                                                                                                \
     .type = SL_OPT_ENUM,                                                                                                  \
     .default_json = "\"zstd\"",                                                                                           \
     .offset = offsetof(struct sl_output_geoparquet, compression),                                                         \
     .choices = parquet_compressions,                                                                                      \
     .help = "How pages are compressed."},                                                                                 \
        {.name = "compression_level",                                                                                      \
         .type = SL_OPT_INTEGER,                                                                                           \
         .default_json = "1",                                                                                              \
         .offset = offsetof(struct sl_output_geoparquet, compression_level),                                               \
         .bounded_below = true,                                                                                            \
         .bounded_above = true,                                                                                            \
         .minimum = 1,                                                                                                     \
         .maximum = 22,                                                                                                    \
         .help = "Of zstd: higher is smaller and slower. The others have none."},                                          \
        {.name = "row_group_rows",                                                                                         \
         .type = SL_OPT_INTEGER,                                                                                           \
         .default_json = "122880",                                                                                         \
         .offset = offsetof(struct sl_output_geoparquet, row_group_rows),                                                  \
         .bounded_below = true,                                                                                            \
         .bounded_above = true,                                                                                            \
         .minimum = 2048,                                                                                                  \
         .maximum = 10000000,                                                                                              \
         .help = "Rows of one row group: fewer let readers skip more, more compress better."}

static const struct sl_option parquet_items[] = {
    {.name = "sort",
     .type = SL_OPT_ENUM,
     .default_json = "\"none\"",
     .offset = offsetof(struct sl_output_order, sort),
     .choices = sorts,
     .help = "The order of the rows: none keeps the order of the steps; columns sorts by sort_by. A table has no hilbert."},
    {.name = "sort_by",
     .type = SL_OPT_COLUMNS,
     .default_json = "null",
     .offset = offsetof(struct sl_output_order, by),
     .help = "The columns to sort by, with sort: columns; NULL comes last, text goes by its bytes."},
    COMPRESSION_OPTIONS,
    PARTITION_OPTION,
};

static int validate_table(const void *data, struct sl_error *err)
{
    const struct sl_output_order *order = data;
    if (order->sort == SL_OUTPUT_SORT_HILBERT)
        return sl_fail(err, SL_E_RECIPE_OPTION, "sort: hilbert is about the geometry, which a table has not");
    return validate_parquet(data, err);
}

const struct sl_output_kind sl_output_parquet = {
    .name = "parquet",
    .summary = "A Parquet file of a table without geometry.",
    .help = "The columns with their types and nothing else. The same rows give the same bytes.",
    .example = "- parquet: {dataset: stations, sort: columns, sort_by: [id]}",
    .data_type = "table",
    .asset_kind = "table",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .options = {.items = parquet_items, .n = COUNT(parquet_items), .struct_bytes = sizeof(struct sl_output_geoparquet)},
    .validate = validate_table,
};

bool sl_output_is_geoparquet(const struct sl_output_kind *kind)
{
    return kind == &sl_output_geoparquet || kind == &sl_output_parquet || kind == &sl_output_quarantine;
}

const char *sl_output_geoparquet_compression(const struct sl_output_geoparquet *options)
{
    return parquet_compressions[options->compression];
}

/* ---- features: FlatGeobuf, GeoPackage, GeoJSON text sequences, CSV ---- */

static const struct sl_option indexed_items[] = {
    ORDER_OPTIONS,
    {.name = "spatial_index",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct sl_output_features, spatial_index),
     .help = "true: an R-tree, by which readers select. The rows of a FlatGeobuf are then in the order of its index."},
};

const struct sl_output_kind sl_output_flatgeobuf = {
    .name = "flatgeobuf",
    .summary = "A FlatGeobuf file of the vector data.",
    .help = "One layer named as the dataset, with its CRS; times keep milliseconds, lists become JSON. A row without "
            "geometry, or with an empty one, has no place in it and is refused. The same rows give the same bytes.",
    .example = "- flatgeobuf: {dataset: roads_fgb}",
    .data_type = "vector",
    .asset_kind = "vector",
    .extension = "fgb",
    .media_type = "application/vnd.flatgeobuf",
    .options = {.items = indexed_items, .n = COUNT(indexed_items), .struct_bytes = sizeof(struct sl_output_features)},
    .validate = validate_order,
};

const struct sl_output_kind sl_output_geopackage = {
    .name = "geopackage",
    .summary = "A GeoPackage of the vector data.",
    .help = "One layer named as the dataset, with its CRS; times keep milliseconds, lists become JSON. The feature id is "
            "the number of the row. What it says of its last change is always 1970-01-01, so that the same rows give the "
            "same bytes.",
    .example = "- geopackage: {dataset: roads_gpkg}",
    .data_type = "vector",
    .asset_kind = "vector",
    .extension = "gpkg",
    .media_type = "application/geopackage+sqlite3",
    .options = {.items = indexed_items, .n = COUNT(indexed_items), .struct_bytes = sizeof(struct sl_output_features)},
    .validate = validate_order,
};

static const struct sl_option geojsonseq_items[] = {
    ORDER_OPTIONS,
    {.name = "reproject",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct sl_output_features, reproject),
     .help = "GeoJSON has longitude and latitude of WGS 84 only. true: rows in another CRS are brought to it; false: they "
             "are refused."},
    {.name = "decimals",
     .type = SL_OPT_INTEGER,
     .default_json = "7",
     .offset = offsetof(struct sl_output_features, decimals),
     .bounded_below = true,
     .bounded_above = true,
     .minimum = 0,
     .maximum = 15,
     .help = "Digits of coordinates after the point; 7 are about a centimetre."},
    {.name = "record_separator",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct sl_output_features, record_separator),
     .help = "true: each feature begins with the control character RS, as RFC 8142 wants; false: one feature a line."},
};

const struct sl_output_kind sl_output_geojsonseq = {
    .name = "geojsonseq",
    .summary = "A GeoJSON text sequence of the vector data, one feature a record.",
    .help = "RFC 8142 with features of RFC 7946: outer rings counterclockwise, x is longitude. Times are text in ISO 8601, "
            "bytes are hexadecimal, numbers that are none are null.",
    .example = "- geojsonseq: {dataset: roads_json, reproject: true}",
    .data_type = "vector",
    .asset_kind = "vector",
    .extension = "geojsons",
    .media_type = "application/geo+json-seq",
    .options = {.items = geojsonseq_items, .n = COUNT(geojsonseq_items), .struct_bytes = sizeof(struct sl_output_features)},
    .validate = validate_order,
};

static const char *const geometries[] = {"wkt", "xy", "none", NULL}; /* as enum sl_features_geometry */
static const char *const delimiters[] = {"comma", "semicolon", "tab", NULL};

static const struct sl_option csv_items[] = {
    ORDER_OPTIONS,
    {.name = "geometry",
     .type = SL_OPT_ENUM,
     .default_json = "\"wkt\"",
     .offset = offsetof(struct sl_output_features, geometry),
     .choices = geometries,
     .help = "wkt: a column of WKT; xy: columns x and y (and z, where there is one), for points only; none: no geometry."},
    {.name = "delimiter",
     .type = SL_OPT_ENUM,
     .default_json = "\"comma\"",
     .offset = offsetof(struct sl_output_features, delimiter),
     .choices = delimiters,
     .help = "What stands between two fields."},
    {.name = "header",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct sl_output_features, header),
     .help = "true: the first line has the columns' names."},
};

const struct sl_output_kind sl_output_csv = {
    .name = "csv",
    .summary = "A CSV file of the vector data.",
    .help = "UTF-8, RFC 4180 with lines that end in a line feed. An empty field is NULL, two quotes are an empty text. Times "
            "are in ISO 8601, bytes hexadecimal, lists JSON. The CRS is that of the asset's metadata: the file has no "
            "place for it.",
    .example = "- csv: {dataset: stops_csv, geometry: xy}",
    .data_type = "vector",
    .tables = true,
    .asset_kind = "vector",
    .extension = "csv",
    .media_type = "text/csv",
    .options = {.items = csv_items, .n = COUNT(csv_items), .struct_bytes = sizeof(struct sl_output_features)},
    .validate = validate_order,
};

char sl_output_csv_delimiter(const struct sl_output_features *options)
{
    return ",;\t"[options->delimiter];
}

/* ---- iceberg ---- */

static const char *const iceberg_modes[] = {"append", NULL};

static const struct sl_option iceberg_items[] = {
    ORDER_OPTIONS,
    {.name = "table",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_output_iceberg, table),
     .help = "namespace.table, of letters, digits, _ and -; both are made where they are missing."},
    {.name = "partition_by",
     .type = SL_OPT_VALUES,
     .default_json = "null",
     .offset = offsetof(struct sl_output_iceberg, partition_by),
     .help = "Of a table that is made: columns, or year, month, day, hour(column), bucket or truncate(N, column)."},
    {.name = "mode",
     .type = SL_OPT_ENUM,
     .default_json = "\"append\"",
     .offset = offsetof(struct sl_output_iceberg, mode),
     .choices = iceberg_modes,
     .help = "append: rows are added, each once; those of earlier batches stay."},
    {.name = "evolve",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct sl_output_iceberg, evolve),
     .help = "true: columns that the table lacks are added to it; false: they fail the batch. Types are never changed."},
};

static bool plain_name(const char *text, size_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return n > 0 && n <= 128 && strspn(text, letters) >= n;
}

static int validate_iceberg(const void *data, struct sl_error *err)
{
    const struct sl_output_iceberg *o = data;
    const char *dot = strchr(o->table, '.');
    size_t n = o->partition_by ? json_object_array_length(o->partition_by) : 0;
    int rc = validate_order(&o->order, err);
    if (rc == 0 && (!dot || !plain_name(o->table, (size_t)(dot - o->table)) || !plain_name(dot + 1, strlen(dot + 1))))
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "table: \"%s\" is not namespace.table", o->table);
    if (rc == 0 && n > 8)
        rc = sl_fail(err, SL_E_RECIPE_OPTION, "partition_by takes at most 8 columns");
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!json_object_is_type(json_object_array_get_idx(o->partition_by, i), json_type_string))
            rc = sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: expected a list of texts");
    return rc;
}

const struct sl_output_kind sl_output_iceberg = {
    .name = "iceberg",
    .summary = "The rows, appended to an Iceberg table.",
    .help = "By the REST catalog of iceberg.catalog_uri. Geometries are WKB, with columns xmin, ymin, xmax, ymax; _load_id is "
            "the asset, _batch_id the batch. The lake's object is a receipt. Without a catalog the rows are a Parquet file in "
            "the lake, one version a batch.",
    .example = "- iceberg: {dataset: readings, table: noaa.readings, partition_by: [\"month(event_time)\"]}",
    .data_type = "vector",
    .tables = true,
    .asset_kind = "vector",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .options = {.items = iceberg_items, .n = COUNT(iceberg_items), .struct_bytes = sizeof(struct sl_output_iceberg)},
    .validate = validate_iceberg,
};

/* ---- cog ---- */

static const char *const cog_compressions[] = {"deflate", "zstd", "lzw", "jpeg", "webp", "lerc", "none", NULL};
static const char *const gdal_compressions[] = {"DEFLATE", "ZSTD", "LZW", "JPEG", "WEBP", "LERC", "NONE"};
static const char *const resamplings[] = {"auto",  "nearest",     "average", "bilinear", "cubic",
                                          "cubicspline", "lanczos", "mode",    "rms",      NULL};
static const char *const gdal_resamplings[] = {NULL,    "NEAREST",     "AVERAGE", "BILINEAR", "CUBIC",
                                               "CUBICSPLINE", "LANCZOS", "MODE",    "RMS"};

static const char *const overviews[] = {"auto", "none", NULL};
static const char *const predictors[] = {"auto", "standard", "floating_point", "none", NULL};
static const char *const gdal_predictors[] = {NULL, "STANDARD", "FLOATING_POINT", "NO"};

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
    {.name = "level",
     .type = SL_OPT_INTEGER,
     .default_json = "0",
     .offset = offsetof(struct sl_output_cog, level),
     .bounded_below = true,
     .bounded_above = true,
     .maximum = 22,
     .help = "Of deflate (up to 12) and zstd: higher is smaller and slower; 0: as GDAL has it."},
    {.name = "quality",
     .type = SL_OPT_INTEGER,
     .default_json = "0",
     .offset = offsetof(struct sl_output_cog, quality),
     .bounded_below = true,
     .bounded_above = true,
     .maximum = 100,
     .help = "Of jpeg and webp, to 100 (webp: without loss); 0: 75."},
    {.name = "max_z_error",
     .type = SL_OPT_NUMBER,
     .default_json = "0",
     .offset = offsetof(struct sl_output_cog, max_z_error),
     .bounded_below = true,
     .help = "Of lerc: how far a value may be off, in its own unit; 0: without loss."},
    {.name = "overviews",
     .type = SL_OPT_ENUM,
     .default_json = "\"auto\"",
     .offset = offsetof(struct sl_output_cog, overviews),
     .choices = overviews,
     .help = "auto: smaller versions inside of the file, halved until one fits into a block, made by resampling; none: readers "
             "of a whole large raster then read all of it."},
    {.name = "predictor",
     .type = SL_OPT_ENUM,
     .default_json = "\"auto\"",
     .offset = offsetof(struct sl_output_cog, predictor),
     .choices = predictors,
     .help = "What deflate, zstd and lzw compress instead of the values: auto takes standard (differences) for integers, "
             "floating_point for floats, none for palettes and packed bits."},
    {.name = "nodata",
     .type = SL_OPT_JSON,
     .default_json = "null",
     .offset = offsetof(struct sl_output_cog, nodata),
     .help = "The value that the file says means no data: a number, nan, or none; without it the raster's own. No pixel changes."},
    {.name = "add_alpha",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct sl_output_cog, add_alpha),
     .help = "true: nodata or the mask of an 8-bit image becomes an alpha band, as viewers of images expect it; one that has an "
             "alpha band keeps it. false: mask, alpha and nodata stay what they are."},
};

static int validate_cog(const void *data, struct sl_error *err)
{
    const struct sl_output_cog *o = data;
    const char *compression = cog_compressions[o->compression];
    bool leveled = !strcmp(compression, "deflate") || !strcmp(compression, "zstd");
    bool lossy = !strcmp(compression, "jpeg") || !strcmp(compression, "webp");
    if (o->block_size % 16 != 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "block_size: expected a multiple of 16, found %lld", (long long)o->block_size);
    if (o->level > 0 && (!leveled || (!strcmp(compression, "deflate") && o->level > 12)))
        return sl_fail(err, SL_E_RECIPE_OPTION, "level %lld does not go with compression %s", (long long)o->level, compression);
    if (o->quality > 0 && !lossy)
        return sl_fail(err, SL_E_RECIPE_OPTION, "quality does not go with compression %s", compression);
    if (o->max_z_error > 0 && strcmp(compression, "lerc") != 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "max_z_error does not go with compression %s", compression);
    if (o->predictor > 0 && !leveled && strcmp(compression, "lzw") != 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "predictor does not go with compression %s", compression);
    if (o->overviews == SL_OUTPUT_OVERVIEWS_NONE && o->resampling > 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "resampling is that of overviews, and overviews is none");
    const char *word = json_object_is_type(o->nodata, json_type_string) ? json_object_get_string(o->nodata) : "";
    bool number = json_object_is_type(o->nodata, json_type_int) || json_object_is_type(o->nodata, json_type_double);
    if (o->nodata && !number && strcmp(word, "nan") != 0 && strcmp(word, "none") != 0)
        return sl_fail(err, SL_E_RECIPE_OPTION, "nodata: expected a number, nan or none");
    return 0;
}

const struct sl_output_kind sl_output_cog = {
    .name = "cog",
    .summary = "A Cloud Optimized GeoTIFF of the raster.",
    .help = "Tiled, with overviews inside; CRS, nodata, mask, alpha and colours are those of the file.",
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

const char *sl_output_cog_predictor(const struct sl_output_cog *options)
{
    return gdal_predictors[options->predictor];
}

bool sl_output_cog_nodata(const struct sl_output_cog *options, bool *none, double *value)
{
    const char *word = json_object_is_type(options->nodata, json_type_string) ? json_object_get_string(options->nodata) : "";
    *none = !strcmp(word, "none");
    *value = !strcmp(word, "nan") ? NAN : json_object_get_double(options->nodata);
    return options->nodata != NULL;
}

const char *sl_output_cog_resampling(const struct sl_output_cog *options)
{
    return gdal_resamplings[options->resampling];
}

const struct sl_output_kind *const sl_outputs[] = {&sl_output_cog,        &sl_output_csv,        &sl_output_flatgeobuf, &sl_output_geojsonseq,
                                                  &sl_output_geopackage, &sl_output_geoparquet, &sl_output_grid,       &sl_output_iceberg,    &sl_output_parquet,
                                                  NULL};

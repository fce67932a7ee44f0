/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/format.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static const char *const none[] = {NULL};
static const char *const types[] = {
    [SL_DATA_VECTOR] = "vector", [SL_DATA_RASTER] = "raster", [SL_DATA_GRID] = "grid", [SL_DATA_TABLE] = "table"};

/* Left out on purpose: drivers that fetch what a file names (VRT, KML's network links by LIBKML) or that run code. GML may
 * fetch schemas and entities: the first is off, the second refused (gdal/vector_promise.c). In an
 * archive are read only those that go through a file from its beginning to its end. */
enum { ZIPPED = SL_FORMAT_ZIPPED, MULTI = SL_FORMAT_MULTI_FILE, TABULAR = SL_FORMAT_TABULAR };
#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
const struct sl_format sl_formats[] = {
    {"GPKG", NAMES("GeoPackage"), SL_DATA_VECTOR, "GPKG", NAMES("gpkg"), none, "application/geopackage+sqlite3", TABULAR},
    {"Shapefile", NAMES("ESRI Shapefile", "SHP"), SL_DATA_VECTOR, "ESRI Shapefile", NAMES("shp", "shp.zip", "zip"),
     NAMES("shx", "dbf", "prj", "cpg"), "application/vnd.shp", MULTI | ZIPPED},
    {"GeoJSON", none, SL_DATA_VECTOR, "GeoJSON", NAMES("geojson", "json"), none, "application/geo+json", ZIPPED},
    {"GeoJSONSeq", NAMES("GeoJSONL", "NDGeoJSON", "GeoJSON Text Sequences"), SL_DATA_VECTOR, "GeoJSONSeq",
     NAMES("geojsonl", "geojsons", "ndgeojson"), none, "application/geo+json-seq", ZIPPED},
    {"FlatGeobuf", NAMES("FGB"), SL_DATA_VECTOR, "FlatGeobuf", NAMES("fgb"), none, "application/flatgeobuf", 0},
    {"OpenFileGDB", NAMES("FileGDB", "ESRI FileGDB", "GDB"), SL_DATA_VECTOR, "OpenFileGDB", NAMES("gdb.zip", "gdb"), none,
     "application/x-filegdb", TABULAR | ZIPPED},
    {"TopoJSON", none, SL_DATA_VECTOR, "TopoJSON", NAMES("topojson", "topo.json", "json"), none,
     "application/topo+json", 0},
    {"KML", none, SL_DATA_VECTOR, "KML", NAMES("kml", "kmz"), none,
     "application/vnd.google-earth.kml+xml", ZIPPED},
    {"GML", none, SL_DATA_VECTOR, "GML", NAMES("gml"), NAMES("xsd", "gfs"), "application/gml+xml", 0},
    {"DXF", none, SL_DATA_VECTOR, "DXF", NAMES("dxf"), none, "image/vnd.dxf", 0},
    {"GPX", none, SL_DATA_VECTOR, "GPX", NAMES("gpx"), none, "application/gpx+xml", ZIPPED},
    {"OSM", NAMES("OpenStreetMap", "PBF"), SL_DATA_VECTOR, "OSM", NAMES("osm.pbf", "pbf", "osm"), none,
     "application/vnd.openstreetmap.data+pbf", 0},
    {"GTiff", NAMES("GeoTIFF", "TIFF", "COG"), SL_DATA_RASTER, "GTiff", NAMES("tif", "tiff"), NAMES("tfw"),
     "image/tiff; application=geotiff", 0},
    {"JPEG2000", NAMES("JP2", "JP2OpenJPEG"), SL_DATA_RASTER, "JP2OpenJPEG", NAMES("jp2", "j2k"), NAMES("j2w"),
     "image/jp2", 0},
    {"PNG", none, SL_DATA_RASTER, "PNG", NAMES("png"), NAMES("pgw"), "image/png", 0},
    {"JPEG", NAMES("JPG"), SL_DATA_RASTER, "JPEG", NAMES("jpg", "jpeg"), NAMES("jgw"), "image/jpeg", 0},
    {"HFA", NAMES("ERDAS Imagine", "IMG"), SL_DATA_RASTER, "HFA", NAMES("img"), NAMES("ige"),
     "application/vnd.erdas.imagine", 0},
    {"AAIGrid", NAMES("ESRI ASCII", "ASC"), SL_DATA_RASTER, "AAIGrid", NAMES("asc"), NAMES("prj"), "text/plain", 0},
    {"GRIB", NAMES("GRIB1", "GRIB2"), SL_DATA_GRID, "GRIB", NAMES("grib2", "grib", "grb2", "grb"), none,
     "application/wmo-grib", 0},
    {"NetCDF", NAMES("NC", "NetCDF4"), SL_DATA_GRID, "netCDF", NAMES("nc", "nc4"), none, "application/x-netcdf", 0},
    {"DBF", NAMES("dBASE", "dBase III"), SL_DATA_TABLE, "ESRI Shapefile", NAMES("dbf"), NAMES("cpg"), "application/dbase", 0},
    {"Parquet", none, SL_DATA_TABLE, "", NAMES("parquet"), none, "application/vnd.apache.parquet", SL_FORMAT_BY_DUCKDB},
    {"CSV", none, SL_DATA_VECTOR, "CSV", NAMES("csv"), none, "text/csv", TABULAR | ZIPPED},
};
const size_t sl_n_formats = sizeof sl_formats / sizeof *sl_formats;

const char *sl_data_type_name(enum sl_data_type type)
{
    return (size_t)type < sizeof types / sizeof *types ? types[type] : "unknown";
}

bool sl_data_type_by_name(const char *name, enum sl_data_type *out)
{
    for (size_t i = 0; name && i < sizeof types / sizeof *types; i++) {
        if (!strcmp(types[i], name)) {
            *out = (enum sl_data_type)i;
            return true;
        }
    }
    return false;
}

const struct sl_format *sl_format_by_name(const char *name)
{
    for (size_t i = 0; name && i < sl_n_formats; i++) {
        if (!strcasecmp(sl_formats[i].name, name))
            return &sl_formats[i];
        for (const char *const *alias = sl_formats[i].aliases; *alias; alias++)
            if (!strcasecmp(*alias, name))
                return &sl_formats[i];
    }
    return NULL;
}

bool sl_format_has_extension(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n > m + 1 && path[n - m - 1] == '.' && path[n - m - 2] != '/' && !strcasecmp(path + n - m, extension);
}

bool sl_format_archive_name(const char *path)
{
    return sl_format_has_extension(path, "zip") || sl_format_has_extension(path, "kmz");
}

bool sl_format_suits(const struct sl_format *format, enum sl_data_type type)
{
    return format->type == type || ((format->flags & TABULAR) && type == SL_DATA_TABLE);
}

const struct sl_format *sl_format_by_path(const char *path, enum sl_data_type type)
{
    /* The longest match wins, so that roads.topo.json is not GeoJSON; between equals, the first of the table. */
    const struct sl_format *best = NULL;
    size_t best_bytes = 0;
    for (size_t i = 0; i < sl_n_formats; i++) {
        if (!sl_format_suits(&sl_formats[i], type))
            continue;
        for (const char *const *e = sl_formats[i].extensions; *e; e++) {
            if (strlen(*e) > best_bytes && sl_format_has_extension(path, *e)) {
                best = &sl_formats[i];
                best_bytes = strlen(*e);
            }
        }
    }
    return best;
}

const char *sl_format_nearest(const char *name)
{
    enum { MAX_WORDS = 96 };
    const char *words[MAX_WORDS];
    size_t n = 0;
    for (size_t i = 0; i < sl_n_formats; i++) {
        if (n < MAX_WORDS)
            words[n++] = sl_formats[i].name;
        for (const char *const *alias = sl_formats[i].aliases; *alias && n < MAX_WORDS; alias++)
            words[n++] = *alias;
    }
    return sl_text_nearest(name, words, n);
}

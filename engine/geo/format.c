/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/format.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static const char *const none[] = {NULL};
static const char *const types[] = {
    [SL_DATA_VECTOR] = "vector", [SL_DATA_RASTER] = "raster", [SL_DATA_GRID] = "grid", [SL_DATA_TABLE] = "table"};

/* Left out on purpose: drivers that fetch what a file names (GML's schemas, VRT, KML's network links by LIBKML), that
 * need a folder instead of a file (OpenFileGDB), or that run code. */
#define NAMES(...) (const char *const[]){__VA_ARGS__, NULL}
const struct sl_format sl_formats[] = {
    {"GPKG", NAMES("GeoPackage"), SL_DATA_VECTOR, "GPKG", NAMES("gpkg"), none, "application/geopackage+sqlite3", false},
    {"Shapefile", NAMES("ESRI Shapefile", "SHP"), SL_DATA_VECTOR, "ESRI Shapefile", NAMES("shp"),
     NAMES("shx", "dbf", "prj", "cpg"), "application/vnd.shp", true},
    {"GeoJSON", none, SL_DATA_VECTOR, "GeoJSON", NAMES("geojson", "json"), none, "application/geo+json", false},
    {"GeoJSONSeq", NAMES("GeoJSONL", "NDGeoJSON", "GeoJSON Text Sequences"), SL_DATA_VECTOR, "GeoJSONSeq",
     NAMES("geojsonl", "geojsons", "ndgeojson"), none, "application/geo+json-seq", false},
    {"FlatGeobuf", NAMES("FGB"), SL_DATA_VECTOR, "FlatGeobuf", NAMES("fgb"), none, "application/flatgeobuf", false},
    {"TopoJSON", none, SL_DATA_VECTOR, "TopoJSON", NAMES("topojson", "topo.json", "json"), none,
     "application/topo+json", false},
    {"KML", none, SL_DATA_VECTOR, "KML", NAMES("kml"), none, "application/vnd.google-earth.kml+xml", false},
    {"GPX", none, SL_DATA_VECTOR, "GPX", NAMES("gpx"), none, "application/gpx+xml", false},
    {"OSM", NAMES("OpenStreetMap", "PBF"), SL_DATA_VECTOR, "OSM", NAMES("osm.pbf", "pbf", "osm"), none,
     "application/vnd.openstreetmap.data+pbf", false},
    {"GTiff", NAMES("GeoTIFF", "TIFF", "COG"), SL_DATA_RASTER, "GTiff", NAMES("tif", "tiff"), NAMES("tfw"),
     "image/tiff; application=geotiff", false},
    {"JPEG2000", NAMES("JP2", "JP2OpenJPEG"), SL_DATA_RASTER, "JP2OpenJPEG", NAMES("jp2", "j2k"), NAMES("j2w"),
     "image/jp2", false},
    {"PNG", none, SL_DATA_RASTER, "PNG", NAMES("png"), NAMES("pgw"), "image/png", false},
    {"JPEG", NAMES("JPG"), SL_DATA_RASTER, "JPEG", NAMES("jpg", "jpeg"), NAMES("jgw"), "image/jpeg", false},
    {"HFA", NAMES("ERDAS Imagine", "IMG"), SL_DATA_RASTER, "HFA", NAMES("img"), NAMES("ige"),
     "application/vnd.erdas.imagine", false},
    {"AAIGrid", NAMES("ESRI ASCII", "ASC"), SL_DATA_RASTER, "AAIGrid", NAMES("asc"), NAMES("prj"), "text/plain", false},
    {"GRIB", NAMES("GRIB1", "GRIB2"), SL_DATA_GRID, "GRIB", NAMES("grib2", "grib", "grb2", "grb"), none,
     "application/wmo-grib", false},
    {"NetCDF", NAMES("NC", "NetCDF4"), SL_DATA_GRID, "netCDF", NAMES("nc", "nc4"), none, "application/x-netcdf", false},
    {"CSV", none, SL_DATA_TABLE, "CSV", NAMES("csv"), none, "text/csv", false},
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

static bool has_extension(const char *path, const char *extension)
{
    size_t n = strlen(path), m = strlen(extension);
    return n > m + 1 && path[n - m - 1] == '.' && path[n - m - 2] != '/' && !strcasecmp(path + n - m, extension);
}

const struct sl_format *sl_format_by_path(const char *path, enum sl_data_type type)
{
    /* The longest match wins, so that roads.topo.json is not GeoJSON; between equals, the first of the table. */
    const struct sl_format *best = NULL;
    size_t best_bytes = 0;
    for (size_t i = 0; i < sl_n_formats; i++) {
        if (sl_formats[i].type != type)
            continue;
        for (const char *const *e = sl_formats[i].extensions; *e; e++) {
            if (strlen(*e) > best_bytes && has_extension(path, *e)) {
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format.h - the file formats that sluice reads: one table of their names in manifests, GDAL drivers, extensions.
 *
 * A file is opened with the driver of its declared format and no other, so that a VRT dressed as a GeoTIFF is not
 * opened as a VRT. What a format's driver could reach beyond its own file is named here (sidecars).
 */
#ifndef SLUICE_GEO_FORMAT_H
#define SLUICE_GEO_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum sl_data_type { SL_DATA_VECTOR, SL_DATA_RASTER, SL_DATA_GRID, SL_DATA_TABLE };
const char *sl_data_type_name(enum sl_data_type type); /* "vector", … */
bool sl_data_type_by_name(const char *name, enum sl_data_type *out);

enum {
    /* The sidecars are parts of the format itself: where a manifest lists none, those that lie beside the main file under
     * its stem are taken in. */
    SL_FORMAT_MULTI_FILE = 1 << 0,
    SL_FORMAT_ZIPPED = 1 << 1,  /* is also read within a ZIP archive */
    SL_FORMAT_TABULAR = 1 << 2, /* may also be declared as a table */
    SL_FORMAT_BY_DUCKDB = 1 << 3 /* GDAL has no driver for it: DuckDB reads it */
};

struct sl_format {
    const char *name;              /* canonical: "GPKG" */
    const char *const *aliases;    /* further names that manifests use, any case: "GeoPackage"; NULL-ended */
    enum sl_data_type type;
    const char *driver;            /* GDAL's short name */
    const char *const *extensions; /* lower case, without the dot; the first is the one the raw vault uses; NULL-ended */
    const char *const *sidecars;   /* extensions of files that belong to it: "shx", "dbf", …; NULL-ended */
    const char *media_type;
    unsigned flags;                /* SL_FORMAT_… */
};

extern const struct sl_format sl_formats[];
extern const size_t sl_n_formats;

const struct sl_format *sl_format_by_name(const char *name);    /* NULL when unknown; case does not count */
const struct sl_format *sl_format_by_path(const char *path, enum sl_data_type type); /* by extension */
const char *sl_format_nearest(const char *name);                /* for did-you-mean; NULL */
bool sl_format_suits(const struct sl_format *format, enum sl_data_type type); /* may a file of the type have it? */
bool sl_format_archive_name(const char *path); /* does the name say that the file is a ZIP archive (.zip, .kmz)? */
bool sl_format_has_extension(const char *path, const char *extension); /* case does not count */

#endif

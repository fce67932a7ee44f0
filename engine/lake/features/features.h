/* SPDX-License-Identifier: Apache-2.0 */
/*
 * features.h - a relation written as FlatGeobuf, GeoPackage, GeoJSON text sequence or CSV.
 *
 * The rows are the relation's, in its order (a FlatGeobuf with an index has its own). Memory does not grow with them. The
 * same rows, options and versions give the same bytes. Rows are counted again in the finished file.
 */
#ifndef SLUICE_LAKE_FEATURES_FEATURES_H
#define SLUICE_LAKE_FEATURES_FEATURES_H

#include <sluice/sys/compute.h>

#include "geo/table.h"

enum sl_features_format { SL_FEATURES_FLATGEOBUF, SL_FEATURES_GEOPACKAGE, SL_FEATURES_GEOJSONSEQ, SL_FEATURES_CSV };
enum sl_features_geometry { SL_FEATURES_WKT, SL_FEATURES_XY, SL_FEATURES_NO_GEOMETRY };

struct sl_features_options {
    enum sl_features_format format;
    const char *layer;  /* FlatGeobuf, GeoPackage */
    bool spatial_index; /* the same */
    int decimals;       /* GeoJSON: of coordinates */
    bool lines;         /* GeoJSON: one object a line, without the record separator of RFC 8142 */
    bool reproject;     /* GeoJSON: to longitude and latitude, the only system that it has */
    enum sl_features_geometry geometry; /* CSV */
    char delimiter;                     /* CSV */
    bool header;                        /* CSV */
};

struct sl_features_facts {
    int64_t rows;
    int64_t size_bytes;
    char sha256_hex[65];
    bool reprojected; /* coordinates are no longer in the table's CRS but longitude and latitude */
};

/* SL_E_CRS_MISMATCH for GeoJSON of another system that may not be reprojected, SL_E_GEOMETRY_CONTRACT for x and y of what
 * is no point, and for a FlatGeobuf of rows whose geometry is NULL or empty. On failure nothing is left at path. */
int sl_features_write(const struct sl_relation *relation, const struct sl_table *table, const struct sl_crs *crs,
                      const struct sl_geometry_facts *geometry, const struct sl_features_options *options,
                      const char *path, struct sl_features_facts *facts, struct sl_error *err);

#endif

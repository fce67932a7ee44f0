/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what is known of one asset when it is published: the one source of its STAC item and its ISO 19115 metadata.
 *
 * The run fills it; everything is borrowed and read-only. A NULL string is "not known" and leaves its member out.
 */
#ifndef SLUICE_LAKE_FACTS_H
#define SLUICE_LAKE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "geo/crs.h"
#include "geo/gdal/raster.h"
#include "geo/table.h"

struct sl_lake_input {
    const char *raw_key, *content_hash, *landing_path;
    const char *lake_key; /* of a dataset in the lake; then it has no raw_key */
};

struct sl_lake_software {
    const char *name, *version; /* "gdal", "3.6.2" */
};

struct sl_lake_facts {
    const char *asset_id, *dataset_id;
    int64_t version;
    const char *title; /* NULL: the dataset's id */
    const char *description;
    const char *kind;       /* "vector", "raster", "grid", "table" */
    const char *created_at; /* ISO 8601, UTC */
    const char *license;    /* of the manifest's metadata; SPDX or free text */
    const char *project, *uploader;

    const struct sl_crs *crs; /* NULL: none */
    bool has_bounds;
    double bounds[4], bounds_wgs84[4]; /* in crs; longitude and latitude, xmin > xmax over the antimeridian */
    const char *geometry_types;        /* "MultiPolygon,Polygon" */
    const struct sl_column *columns;
    size_t n_columns;
    int64_t row_count;                   /* -1: not counted */
    const struct sl_raster_info *raster; /* NULL: none */
    const char *time_from, *time_to;     /* that it is about, ISO 8601; NULL: not known */

    const char *href;          /* relative to the documents: "roads.parquet" */
    const char *metadata_href; /* of the ISO document, for the STAC item; may be NULL */
    const char *thumbnail_href; /* may be NULL */
    const char *media_type;
    int64_t size_bytes;
    const char *sha256_hex;

    const char *batch_id, *run_id;
    const struct sl_lake_input *inputs;
    size_t n_inputs;
    const char *recipe_name;
    int64_t recipe_version;
    const char *recipe_hash;
    const struct sl_lake_software *software;
    size_t n_software;
};

/* A JSON number in the shortest text that is read back as the same double; NULL (JSON null) when it is not finite. */
struct json_object *sl_lake_number(double value);
struct json_object *sl_lake_numbers(const double *values, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* features_internal.h - the two formats that are text, behind features.h. */
#ifndef SLUICE_LAKE_FEATURES_INTERNAL_H
#define SLUICE_LAKE_FEATURES_INTERNAL_H

#include <stdio.h>

#include "geo/gdal/geometry_text.h"
#include "geo/rows.h"
#include "lake/features/features.h"

/* A file of records being written. */
struct sl_text_file {
    FILE *file;
    const char *geometry; /* the column with WKB */
    const struct sl_features_options *options;
    struct sl_geometry_text *wkb;
    struct sl_buf record;
    const struct sl_value_column *columns;
    enum sl_value_type *types;
    char **names; /* as they are written: JSON strings, or CSV fields */
    size_t n, at; /* columns, and which of them is the geometry */
    bool high; /* some geometries have Z */
};

struct sl_rows_sink sl_features__geojsonseq(struct sl_text_file *file);
struct sl_rows_sink sl_features__csv(struct sl_text_file *file);
/* Shared beginning, and the record to the file. */
int sl_features__begin(struct sl_text_file *file, const struct sl_value_column *columns, size_t n, struct sl_error *err);
int sl_features__flush(struct sl_text_file *file, struct sl_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vector_write.h - rows into a FlatGeobuf or GeoPackage file by GDAL. Threads: one per writer.
 *
 * The same rows give the same bytes: no time of writing is in the file. Times keep milliseconds. Memory does not grow with
 * the rows, but for the index of a FlatGeobuf (40 bytes a row).
 */
#ifndef SLUICE_GEO_GDAL_VECTOR_WRITE_H
#define SLUICE_GEO_GDAL_VECTOR_WRITE_H

#include <stdbool.h>

#include <sluice/error.h>

#include "geo/crs.h"
#include "geo/rows.h"

struct sl_vector_writer;

struct sl_vector_write_options {
    const char *driver;         /* "FlatGeobuf", "GPKG" */
    const char *layer;
    const struct sl_crs *crs;
    const char *geometry;       /* the column with WKB */
    const char *geometry_types; /* as in sl_geometry_facts: one type makes a layer of it, more one of any geometry */
    bool spatial_index;
};

/* Nothing is written before the sink's begin. The file must not be there; its name ends in .fgb or .gpkg. Strings are borrowed until close. */
int sl_vector_writer_open(const char *path, const struct sl_vector_write_options *options,
                          struct sl_vector_writer **out, struct sl_error *err);
struct sl_rows_sink sl_vector_writer_sink(struct sl_vector_writer *writer);
/* Ends the file; on failure nothing is left at path. Then the writer can only be freed. */
int sl_vector_writer_finish(struct sl_vector_writer *writer, struct sl_error *err);
void sl_vector_writer_free(struct sl_vector_writer *writer); /* NULL is allowed; an unfinished file is removed */
void sl_vector_writer_freep(struct sl_vector_writer **writer);
/* The rows of the only layer of a file, by reading it. */
int sl_vector_count(const char *path, const char *driver, int64_t *rows, struct sl_error *err);

#endif

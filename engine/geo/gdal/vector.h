/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vector.h - a layer of a vector file as a stream of Arrow batches.
 *
 * The stream's columns: every field of the layer under its own name, then the geometry as WKB (ISO, with Z and M) in
 * the column "geom". The names are made fit for a table by one rule (sl_vector_column_names): see geo/CONTEXT.md. A file
 * that ends early, skips a record or has fewer rows than its header promises is an error (file.truncated, file.damaged)
 * when the stream has been read to its end: sl_vector_finish. Threads: one.
 */
#ifndef SLUICE_GEO_GDAL_VECTOR_H
#define SLUICE_GEO_GDAL_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "geo/crs.h"
#include "geo/format.h"

struct ArrowArrayStream;
struct sl_vector;

struct sl_vector_options {
    const struct sl_format *format;
    const char *layer;    /* NULL: the only one; SL_E_FILE_LAYER names what there is when that is not clear */
    const char *encoding; /* of a DBF or CSV; NULL: what the file says */
    const char *geometry_column; /* name in the stream; NULL: "geom" */
    bool as_table;        /* of a CSV: columns of coordinates or WKT are columns and make no geometry;
                             of GeoJSON: the geometry is left out */
    bool any_layer;       /* of an archive, whichever: for a look at what there is */
    bool skip_bad_rows;   /* else the first that cannot be read is the stream's failure */
};

struct sl_vector_field {
    const char *name;     /* in the stream */
    const char *source_name; /* in the file; NULL when it is the same */
    const char *type;     /* OGR's: "Integer64", "String(JSON)", … */
    const char *sql_type; /* for a PostGIS table: "bigint", "text", "timestamptz", … */
};

enum { SL_VECTOR_NOTES_MAX = 40, SL_VECTOR_BAD_ROWS_NAMED = 20, SL_VECTOR_BAD_ROWS_MAX = 1000 };

struct sl_vector_info {
    const char *layer;
    struct sl_vector_field *fields;
    size_t n_fields;
    bool has_geometry;
    const char *geometry_type; /* "MultiPolygon Z", "Unknown (any)" */
    struct sl_crs *crs;        /* NULL: the file does not say */
    int64_t promised_rows;     /* by the file's header; -1: it promises nothing */
    int64_t file_bytes;        /* of the file itself, without sidecars */
    const char *notes[SL_VECTOR_NOTES_MAX]; /* what people should know of how it was read; whole after sl_vector_finish */
    size_t n_notes;
    int64_t bad_rows;          /* that were passed over */
    int64_t measured_left;     /* geometries that came without their M: sl_vector_leave_measures */
};

/* path is a local file of the engine's own naming; its sidecars lie beside it with the same stem. A ZIP archive
 * (geo/gdal/zip.h) is read in place: of a Shapefile each .shp in it is a layer, of other formats it has one file.
 * SL_E_FILE_FORMAT when it is not what was declared. */
int sl_vector_open(const char *path, const struct sl_vector_options *options, struct sl_vector **out,
                   struct sl_error *err);
void sl_vector_close(struct sl_vector *vector);
void sl_vector_closep(struct sl_vector **vector);
const struct sl_vector_info *sl_vector_info(const struct sl_vector *vector);
struct sl_vector_layer {
    const char *name;
    bool has_geometry; /* false: a table of attributes only, such as the styles that desktop programs keep in a file */
};
/* All layers, in the arena, in the file's order. For a file of several: each may become a dataset. */
int sl_vector_layers(const char *path, const struct sl_format *format, struct sl_arena *arena,
                     struct sl_vector_layer **layers, size_t *n, struct sl_error *err);
/* The format of what a ZIP archive has: the first of the table's that it has a file of. *format stays as it is where the
 * file is no archive, or has none. */
int sl_vector_format_inside(const char *path, const struct sl_format **format, struct sl_error *err);
const char *sl_vector_geometry_column(const struct sl_vector *vector); /* its name in the stream */
/* From the next stream on, geometries come as EWKB with this SRID (PostGIS's own form); 0: plain ISO WKB. */
void sl_vector_set_srid(struct sl_vector *vector, int srid);
/* From the next stream on, geometries come without M. */
void sl_vector_leave_measures(struct sl_vector *vector, bool leave);
/* One stream at a time, from the first row; the caller releases it before it closes the vector. */
int sl_vector_stream(struct sl_vector *vector, struct ArrowArrayStream *out, struct sl_error *err);
/* After the stream's end: what went wrong while reading, and whether all promised rows came. *rows are those that the
 * stream gave. A file of bad rows only fails as its first one. */
int sl_vector_finish(struct sl_vector *vector, int64_t *rows, struct sl_error *err);

/*
 * Names fit for a table, in the arena: a name that can be kept is kept. Not kept: names that are `geometry`, "bbox" or a
 * system column of PostgreSQL, that differ from an earlier one by nothing or by case only, that are empty or longer than
 * 63 bytes, or have control characters or bytes that are not UTF-8 (which become "_"). These are cut at a character and
 * get the first suffix _1, _2, … that makes them unlike all others.
 */
void sl_vector_column_names(const char *const *names, size_t n, const char *geometry, struct sl_arena *arena,
                            const char **out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* vector_internal.h - what the files that read a layer share. */
#ifndef SLUICE_GEO_GDAL_VECTOR_INTERNAL_H
#define SLUICE_GEO_GDAL_VECTOR_INTERNAL_H

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_recordbatch.h>

#include "base/buf.h"
#include "geo/gdal/vector.h"

enum sl_vector__kind {
    SL_KIND_BOOL,
    SL_KIND_INT16,
    SL_KIND_INT32,
    SL_KIND_INT64,
    SL_KIND_FLOAT,
    SL_KIND_DOUBLE,
    SL_KIND_TEXT,
    SL_KIND_BINARY,
    SL_KIND_DATE,
    SL_KIND_TIME,
    SL_KIND_TIMESTAMP, /* without a zone */
    SL_KIND_INSTANT    /* UTC */
};

struct sl_vector__type {
    enum sl_vector__kind kind; /* of the value, or of a list's items */
    bool list;
};

struct sl_alias;
/* Where the data is, for GDAL. */
struct sl_vector__place {
    const char *path;
    const char *layer;         /* to look for in the dataset; NULL: its only one */
    const char **layers;       /* of an archive of Shapefiles, each a dataset of its own */
    size_t n_layers;           /* 0: the dataset has them */
    struct sl_alias *alias;    /* under which path is; NULL: it is a real one */
    bool index_made;           /* a Shapefile's, which was missing */
};

struct sl_vector {
    struct sl_arena *arena;
    GDALDatasetH dataset;
    OGRLayerH layer;
    const char *base_name; /* of the file, for messages */
    const struct sl_format *format;
    const char *geometry_column;
    struct sl_vector_info info;
    struct sl_vector__type *types; /* as many as fields */
    struct sl_vector__place place;
    void *recode; /* iconv's, into UTF-8; NULL: texts are UTF-8 */
    int geometry_field; /* of a CSV, the column that has WKT, which the driver passes over where it is none; else -1 */
    int srid;
    bool skip_bad_rows, no_geometry, leave_measures;
    int64_t rows;              /* those given, without bad ones */
    int64_t bad_lines;         /* that were left out before the driver saw them */
    int64_t curves, surfaces;  /* geometries that were made lines and polygons */
    struct sl_error first_bad; /* row */
    bool ended;
    struct sl_error failure; /* of the stream; code SL_OK: none */
    struct sl_duck *duck;    /* of a Parquet file; then there is no dataset */
    const char *select;      /* its rows */
    struct ArrowArrayStream inner;
    struct ArrowSchema schema;
};

/* A Parquet file: opened, streamed and closed by DuckDB. */
int sl_vector__open_parquet(struct sl_vector *vector, const char *path, struct sl_error *err);
int sl_vector__stream_parquet(struct sl_vector *vector, struct ArrowArrayStream *out, struct sl_error *err);
void sl_vector__close_parquet(struct sl_vector *vector);
void sl_vector__place_end(struct sl_vector__place *place);
/* The parts of a Shapefile under one stem, where they have not one by themselves, and with an index, where there is none:
 * path and alias of the place. In an archive by the names of its entries, on disk beside the path. */
int sl_vector__shapefile_in(struct sl_vector__place *place, const char *archive, const char *shp,
                            const char *const *entries, size_t n, struct sl_arena *arena, struct sl_error *err);
int sl_vector__shapefile_at(struct sl_vector__place *place, const char *path, struct sl_arena *arena,
                            struct sl_error *err);
/* Strings live in the arena, or are the caller's. *out is to be ended, after a failure too. */
int sl_vector__place(const char *path, const struct sl_vector_options *options, struct sl_arena *arena,
                     struct sl_vector__place *out, struct sl_error *err);
/* SL_E_FILE_LAYER with what there is; name NULL: none was said. */
int sl_vector__fail_layer(const char *path, const char *name, const char *const *layers, size_t n,
                          struct sl_error *err);
/* Opens a place's path with the driver of the format only. *promised_rows as sl_vector__promise has it. */
int sl_vector__open_dataset(const char *path, const struct sl_vector_options *options, GDALDatasetH *out,
                            int64_t *promised_rows, struct sl_error *err);
/* What the file's own headers promise, without GDAL: SL_E_FILE_TRUNCATED when the file is shorter, SL_E_FILE_MISSING
 * when a necessary sidecar is not there. *rows is -1 when nothing is promised. */
int sl_vector__promise(const char *path, const struct sl_format *format, int64_t *rows, struct sl_error *err);
/* What is not in headers: rows of a CSV, what a service's reply promises, what the driver passes over. Promises and notes
 * go into info. The layer is chosen and described. */
int sl_vector__look(struct sl_vector *vector, const char *path, struct sl_error *err);
/* Before an OSM extract is opened: SL_E_FILE_TRUNCATED, and the driver's settings for it (of the process: one extract at a
 * time), which _end takes back. */
int sl_vector__prepare_osm(const char *path, struct sl_error *err);
void sl_vector__end_osm(void);
void sl_vector__choose_osm_layer(GDALDatasetH dataset, const char *layer);
/* After GeoJSON lines could not be opened: which line it is (SL_E_FILE_DAMAGED, SL_E_FILE_TRUNCATED), or, where bad rows are
 * passed over, *mended: a copy without them, made beside a file of that name. 0 without one: it is something else. */
int sl_vector__mend_lines(struct sl_vector *vector, const char *beside, const char **mended, struct sl_error *err);
/* A sidecar's path, in the case that is there: upper-case Shapefiles are common. */
const char *sl_vector__beside(struct sl_arena *arena, const char *path, const char *lower, const char *upper);
/* Finds the encoding of the file's texts, declared in the manifest (NULL: not) or by the file, before they are read.
 * SL_E_FILE_DAMAGED where a declaration cannot be true. */
int sl_vector__open_text(struct sl_vector *vector, const char *path, const char *declared, struct sl_error *err);
void sl_vector__close_text(struct sl_vector *vector);
/* NULL, or what is wrong with the text. */
const char *sl_vector__recode(void *recode, const char *text, size_t bytes, struct sl_buf *out);
/* One line for people about how the file was read, at most SL_VECTOR_NOTES_MAX of them. */
void sl_vector__note(struct sl_vector *vector, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fills info's fields and the types. */
int sl_vector__describe_fields(struct sl_vector *vector, struct sl_error *err);
/* The next batch; *out is released (release NULL) at the end. */
int sl_vector__next_batch(struct sl_vector *vector, struct ArrowArray *out, struct sl_error *err);
const char *sl_vector__arrow_format(enum sl_vector__kind kind);
const char *sl_vector__item_format(struct sl_vector__type type);
/* Does this warning of GDAL mean that something of the file did not come over? */
bool sl_vector__lossy(const char *warning);
/* The code of a failure while reading: SL_E_FILE_TRUNCATED when its text speaks of an early end. */
enum sl_code sl_vector__damage_code(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - the fields of a GRIB or NetCDF file, one after the other, in memory that one field needs.
 *
 * Threads: one. Files are hostile: every count and size is bounded before memory is asked for. A field that cannot be read
 * is named by its index, offset and reason; whether it is passed over is the caller's choice.
 */
#ifndef SLUICE_GRID_READER_H
#define SLUICE_GRID_READER_H

#include <sluice/error.h>

#include "geo/format.h"
#include "grid/field.h"

enum { SL_GRID_MAX_POINTS = 100 * 1000 * 1000 }; /* of one field; more is SL_E_LIMIT */

/* Of ecCodes, "2.28.0". */
const char *sl_grid_eccodes_version(void);

struct sl_grid_reader;

/* What of the file is wanted; zeroed: all of it. Lists are borrowed. */
struct sl_grid_select {
    const char *const *variables; /* shortNames or paramIds as text */
    size_t n_variables;
    const char *level_type; /* NULL: any */
    const double *levels;
    size_t n_levels;
    const int64_t *members;
    size_t n_members;
    const int64_t *steps_s; /* step_to_s */
    size_t n_steps;
    bool has_area; /* [west, south, east, north]; west > east: over the antimeridian */
    double area[4];
    int64_t every; /* n-th point in each direction, of an irregular grid each n-th point; 0 and 1: all */
};

struct sl_grid_options {
    const struct sl_format *format; /* GRIB or NetCDF */
    struct sl_grid_select select;
    bool skip_undecodable; /* else the first one ends the reading */
};

/* SL_E_FILE_FORMAT for what is no such file, SL_E_FILE_TRUNCATED, SL_E_FILE_DAMAGED, SL_E_LIMIT. */
int sl_grid_open(const char *path, const struct sl_grid_options *options, struct sl_grid_reader **out,
                 struct sl_error *err);
void sl_grid_close(struct sl_grid_reader *reader); /* NULL is allowed */
void sl_grid_closep(struct sl_grid_reader **reader);
/* *out NULL at the end; it lives until the next call. Area and every-n-th are applied: its points are those that are left. */
int sl_grid_next(struct sl_grid_reader *reader, const struct sl_grid_field **out, struct sl_error *err);
/* The same without decoding: points and values are NULL, n_missing is 0. */
int sl_grid_next_header(struct sl_grid_reader *reader, const struct sl_grid_field **out, struct sl_error *err);

/* What the selection left out of what was read so far: whole fields, and points (of those fields, and of the others by area and
 * every-n-th). Points of fields are not counted where only headers are read. */
struct sl_grid_left_out {
    int64_t fields, points;
};
struct sl_grid_left_out sl_grid_left_out(const struct sl_grid_reader *reader);

/* Fields that were passed over because they could not be decoded. */
struct sl_grid_skipped {
    int64_t index, offset;
    struct sl_error why;
};
enum { SL_GRID_SKIPPED_KEPT = 100 };
/* *n counts all of them, the first SL_GRID_SKIPPED_KEPT are kept. */
const struct sl_grid_skipped *sl_grid_skipped(const struct sl_grid_reader *reader, size_t *n);

#endif

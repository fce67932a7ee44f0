/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netcdf_internal.h - a NetCDF file as CF says it: its coordinates, and the arrays that are fields.
 *
 * Lifetimes: all of it lives in the reader's arena; the handles of GDAL are released when that is freed.
 */
#ifndef SLUICE_GRID_NETCDF_INTERNAL_H
#define SLUICE_GRID_NETCDF_INTERNAL_H

#include <gdal.h>

#include "grid/reader_internal.h"
#include "grid/times.h"

enum { SL_NC__DIMS_MAX = 12, SL_NC__COORDINATES_MAX = 24, SL_NC__ARRAYS_MAX = 4096, SL_NC__TEXT_BYTES = 256 };

enum sl_nc__role {
    SL_NC__OTHER,
    SL_NC__LAT,
    SL_NC__LON,
    SL_NC__Y, /* projected */
    SL_NC__X,
    SL_NC__TIME,
    SL_NC__REFERENCE,
    SL_NC__LEAD,
    SL_NC__LEVEL,
    SL_NC__MEMBER
};

/* A coordinate of a field: along one of its dimensions, or of all of it. */
struct sl_nc__coordinate {
    enum sl_nc__role role;
    GDALMDArrayH array;
    const char *name, *units;
    int dim;        /* of the field; -1: one value for all */
    int dim2;       /* the second, of two-dimensional latitudes and longitudes; -1: none */
    double *values; /* of those that are not places; NULL until read */
    size_t n;
    const double *bounds; /* pairs; NULL: it has none */
};

struct sl_nc__field {
    GDALMDArrayH array;
    const char *name;
    size_t n_dims, size[SL_NC__DIMS_MAX];
    const char *dim_names[SL_NC__DIMS_MAX];
    int y, x; /* horizontal dimensions; x -1: points of one dimension, y */
    struct sl_nc__coordinate coordinates[SL_NC__COORDINATES_MAX];
    size_t n_coordinates;
};

/* ---- netcdf_look.c ---- */

/* The attribute as text in the arena; NULL: there is none. Numbers by sl_nc__numbers, at most `most` of them. */
const char *sl_nc__text(GDALMDArrayH array, const char *name, struct sl_arena *arena);
size_t sl_nc__numbers(GDALMDArrayH array, const char *name, double *out, size_t most);
/* The array, if it is a field: *is. */
int sl_nc__look(GDALGroupH root, GDALMDArrayH array, struct sl_arena *arena, struct sl_nc__field *out, bool *is,
                struct sl_error *err);
const struct sl_nc__coordinate *sl_nc__find(const struct sl_nc__field *field, enum sl_nc__role role);
/* Values of a coordinate without packing; SL_E_LIMIT beyond `most`. */
int sl_nc__read(GDALMDArrayH array, size_t most, double **values, size_t *n, struct sl_error *err);

/* ---- netcdf_values.c ---- */

/* Which of the numbers are values, and what they mean. */
struct sl_nc__packing {
    double scale, offset, least, most;
    double fills[10];
    size_t n_fills;
    double wrap; /* added to negative ones, of integers that are unsigned; 0: not */
    bool packed;
};
void sl_nc__packing_of(GDALMDArrayH array, struct sl_nc__packing *out);
/* In place; what is no value becomes NAN. */
void sl_nc__unpack(const struct sl_nc__packing *packing, double *values, size_t n);

/* ---- netcdf_points.c ---- */

int sl_nc__points(const struct sl_nc__field *field, struct sl_arena *arena, struct sl_grid__full *out,
                  struct sl_error *err);
/* Hash of the coordinates' names, their values being the same throughout a file. */
void sl_nc__definition(const struct sl_nc__field *field, char hex[65]);

/* ---- netcdf_whole.c ---- */

int sl_nc__check_whole(const char *path, struct sl_error *err);

/* ---- netcdf_inside.c ---- */

/* Of NetCDF-4: all that the file shows is in the file itself. SL_E_FILE_FORMAT names what is not. */
int sl_nc__check_inside(const char *path, struct sl_error *err);

#endif

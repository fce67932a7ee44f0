/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.h - one field of a weather or climate file: one variable at one time, level and member, at the points of a grid.
 *
 * The one rule: a value is the double that the decoder gave, and a point has the place that the file says, without
 * interpolation. Longitudes are brought to [-180, 180) here and nowhere else (sl_grid_wrap). Points without a value (bitmap,
 * missing value, NaN) have no row. Times are seconds since 1970 in UTC and may be negative. What tells two fields apart is
 * sl_grid_field's variable, times, level, step type and range, and member: points that differ in one of them only are
 * different rows.
 */
#ifndef SLUICE_GRID_FIELD_H
#define SLUICE_GRID_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The points of a grid, in the order in which the file has their values. Shared by the fields that have the same one. */
struct sl_grid_points {
    const char *type; /* ecCodes' gridType: "regular_ll", "reduced_gg", …; of NetCDF "regular_ll", "axes", "curvilinear" */
    char id[65];      /* SHA-256 of the definition, in hex: the same id, the same points in the same order */
    size_t n;
    /* Degrees. Of a grid whose points are all pairs of two axes `lats` has n_rows and `lons` n_columns entries, and point i is
     * (lats[i / n_columns], lons[i % n_columns]), or with `columns_first` (lats[i % n_rows], lons[i / n_rows]); otherwise
     * n_rows is 0 and both have n. */
    const double *lats, *lons;
    size_t n_rows, n_columns;
    bool columns_first;
    /* Of a global reduced Gaussian grid, which would be large otherwise: n_reduced rows, `lats` has one entry a row and `lons`
     * none, and row r has the points from row_starts[r] to row_starts[r + 1], at i · 360 / (how many they are) degrees. */
    const uint32_t *row_starts;
    size_t n_reduced;
    const char *projjson; /* of a projected grid, its system; NULL: longitude and latitude */
    double dx, dy;        /* of a projected grid, metres; else degrees; 0: not regular */
};

/* The place of point i, longitude wrapped. */
void sl_grid_place(const struct sl_grid_points *points, size_t i, double *lat, double *lon);
double sl_grid_wrap(double lon);

struct sl_grid_field {
    const char *variable;      /* shortName; of NetCDF the variable's name */
    const char *name;          /* "2 metre temperature"; NULL: not known */
    const char *standard_name; /* CF; NULL */
    const char *units;         /* as the file says; NULL */
    int64_t param_id;          /* ecCodes'; -1: none */
    int64_t reference_s;       /* of the forecast or analysis */
    int64_t valid_s;           /* to which the value applies; of a range its end */
    const char *step_type;     /* "instant", "accum", "avg", "max", "min", "diff", …; of NetCDF by cell_methods */
    int64_t step_from_s, step_to_s; /* after reference_s; equal for an instant */
    const char *level_type;    /* typeOfLevel: "surface", "isobaricInhPa", …; NULL: none */
    double level;              /* in the unit of the type; NAN: it has none */
    double level_top, level_bottom; /* of a layer; NAN: it is none */
    int64_t member;            /* of an ensemble; -1: none */
    const struct sl_grid_points *points;
    const double *values;      /* points->n of them; NAN: missing */
    size_t n_missing;
    int64_t index;             /* in the file, from 0: message; of NetCDF slice */
    int64_t offset, bytes;     /* of the message in the file; -1: it has no place of its own */
    int edition;               /* of GRIB; 0: NetCDF */
    const char *centre;        /* "ecmf"; NULL */
};

#endif

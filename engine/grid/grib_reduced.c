/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Global reduced Gaussian grids by their rows: 12 bytes a row instead of 16 a point, and without ecCodes' iterator,
 * which would need 24 a point. Latitudes are ecCodes' own of the Gaussian number, longitudes are computed as its
 * iterator does.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "grid/grib_internal.h"

/* How far first and last places in a message may be from those of the grid: edition 1 has thousandths. */
static const double NEAR = 2e-3;

static bool near(codes_handle *h, const char *key, double wanted)
{
    double value;
    return codes_get_double(h, key, &value) == CODES_SUCCESS && fabs(value - wanted) <= NEAR;
}

static bool runs_straight(codes_handle *h)
{
    static const char *const against[] = {"iScansNegatively", "jScansPositively", "jPointsAreConsecutive",
                                          "alternativeRowScanning"};
    for (size_t i = 0; i < sizeof against / sizeof *against; i++) {
        long value = 0;
        if (sl_grib__long(h, against[i], &value) && value != 0)
            return false;
    }
    return true;
}

/* The beginnings of the rows; NULL: they are not those of all the n points. */
static uint32_t *starts_of(const long *counts, size_t rows, size_t n, long *most)
{
    uint32_t *starts = sl_xmalloc((rows + 1) * sizeof *starts);
    size_t sum = 0;
    *most = 0;
    for (size_t r = 0; r < rows && sum <= n; r++) {
        starts[r] = (uint32_t)sum;
        sum = counts[r] < 1 ? n + 1 : sum + (size_t)counts[r];
        *most = counts[r] > *most ? counts[r] : *most;
    }
    starts[rows] = (uint32_t)n;
    if (sum == n)
        return starts;
    free(starts);
    return NULL;
}

static bool is_global(codes_handle *h, const double *lats, size_t rows, long most)
{
    return near(h, "latitudeOfFirstGridPointInDegrees", lats[0]) &&
           near(h, "latitudeOfLastGridPointInDegrees", lats[rows - 1]) &&
           near(h, "longitudeOfFirstGridPointInDegrees", 0) &&
           near(h, "longitudeOfLastGridPointInDegrees", 360.0 - 360.0 / (double)most);
}

int sl_grib__reduced(codes_handle *h, const char *type, size_t n, struct sl_grid__full *out, struct sl_error *err)
{
    long gaussian = 0, most = 0;
    size_t rows = 0, got;
    if (strcmp(type, "reduced_gg") != 0 || !sl_grib__long(h, "N", &gaussian) || gaussian < 1 || !runs_straight(h))
        return 0;
    if (codes_get_size(h, "pl", &rows) != CODES_SUCCESS || rows != 2 * (size_t)gaussian || n > UINT32_MAX)
        return 0;
    long *counts = sl_xmalloc(rows * sizeof *counts);
    double *lats = sl_xmalloc(rows * sizeof *lats);
    got = rows;
    int rc = sl_grib__check(codes_get_long_array(h, "pl", counts, &got), "its list of rows cannot be read", err);
    if (rc == 0)
        rc = sl_grib__check(codes_get_gaussian_latitudes(gaussian, lats), "its latitudes cannot be found", err);
    uint32_t *starts = rc == 0 && got == rows ? starts_of(counts, rows, n, &most) : NULL;
    free(counts);
    if (starts && is_global(h, lats, rows, most)) {
        out->lats = lats;
        out->row_starts = starts;
        out->n_reduced = rows;
        return 1;
    }
    free(starts);
    free(lats);
    return rc;
}

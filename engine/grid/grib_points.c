/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "grid/grib_internal.h"

enum { TYPE_BYTES = 64, REDUCED_ROWS_MAX = 1 << 20, GAUSSIAN_MAX = 20000 };

/* ---- how many ---- */

static bool is_type(const char *type, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(*list, type))
            return true;
    return false;
}

static bool is_reduced(const char *type)
{
    return !strncmp(type, "reduced_", 8);
}

static int refuse_type(const char *type, struct sl_error *err)
{
    if (!strcmp(type, "sh") || strstr(type, "_sh")) {
        int rc = sl_fail(err, SL_E_FILE_FORMAT,
                         "it has spherical harmonics (gridType \"%s\"), which are no values at places", type);
        sl_error_hint(err, "convert it to a grid first, such as by cdo sp2gp or at the archive it comes from");
        return rc;
    }
    return sl_fail(err, SL_E_FILE_FORMAT, "its gridType \"%s\" has no places that eccodes knows", type);
}

static int grid_type(codes_handle *h, char type[TYPE_BYTES], struct sl_error *err)
{
    static const char *const known[] = {"regular_ll",
                                        "regular_gg",
                                        "reduced_gg",
                                        "reduced_ll",
                                        "rotated_ll",
                                        "rotated_gg",
                                        "reduced_rotated_gg",
                                        "reduced_rotated_ll",
                                        "lambert",
                                        "polar_stereographic",
                                        "mercator",
                                        "lambert_azimuthal_equal_area",
                                        "space_view",
                                        NULL};
    if (!sl_grib__text(h, "gridType", type, TYPE_BYTES))
        snprintf(type, TYPE_BYTES, "unknown");
    return is_type(type, known) ? 0 : refuse_type(type, err);
}

/* Ni × Nj, or the sum of a reduced grid's rows; 0: it does not say. */
static int says(codes_handle *h, const char *type, int64_t *out, struct sl_error *err)
{
    long ni = 0, nj = 0, gaussian = 0;
    size_t rows = 0;
    *out = 0;
    /* ecCodes computes all latitudes of N, whatever their number is. */
    if (strstr(type, "_gg") && (!sl_grib__long(h, "N", &gaussian) || gaussian < 1 || gaussian > GAUSSIAN_MAX))
        return sl_fail(err, SL_E_FILE_DAMAGED, "its Gaussian grid of %ld parallels is impossible", gaussian);
    if (!is_reduced(type)) {
        if (!sl_grib__long(h, "Ni", &ni) || !sl_grib__long(h, "Nj", &nj))
            return 0;
        if (ni < 1 || nj < 1 || ni > SL_GRID_MAX_POINTS || nj > SL_GRID_MAX_POINTS)
            return sl_fail(err, SL_E_FILE_DAMAGED, "its grid of %ld by %ld points is impossible", ni, nj);
        *out = (int64_t)ni * nj;
        return 0;
    }
    if (codes_get_size(h, "pl", &rows) != CODES_SUCCESS || rows < 1 || rows > REDUCED_ROWS_MAX)
        return sl_fail(err, SL_E_FILE_DAMAGED, "its reduced grid has no list of rows");
    return 0;
}

/* Simple packing without an end: ecCodes would read beyond the message. */
static int check_packed(codes_handle *h, const struct sl_grib__piece *piece, struct sl_error *err)
{
    const unsigned char *d = piece->data + piece->sections[5].at;
    long bits = 0;
    if (piece->edition != 2 || d[9] != 0 || d[10] != 0 || !sl_grib__long(h, "bitsPerValue", &bits))
        return 0;
    int64_t values = (int64_t)d[5] << 24 | (int64_t)d[6] << 16 | (int64_t)d[7] << 8 | (int64_t)d[8];
    int64_t has = ((int64_t)piece->sections[7].bytes - 5) * 8;
    if (bits < 0 || bits > 64 || values * bits > has)
        return sl_fail(err, SL_E_FILE_DAMAGED, "it says that it has %lld values of %ld bits, and has data for %lld",
                       (long long)values, bits, (long long)(bits > 0 ? has / bits : 0));
    return 0;
}

int sl_grib__count(codes_handle *h, const struct sl_grib__piece *piece, size_t *n, struct sl_error *err)
{
    char type[TYPE_BYTES];
    int64_t grid = 0;
    long points = 0;
    size_t values = 0;
    int rc = grid_type(h, type, err);
    if (rc == 0)
        rc = says(h, type, &grid, err);
    if (rc == 0)
        rc = check_packed(h, piece, err);
    if (rc < 0)
        return rc;
    if (!sl_grib__long(h, "numberOfDataPoints", &points) || points < 1)
        return sl_fail(err, SL_E_FILE_DAMAGED, "its grid has no points");
    if (grid && grid != points)
        return sl_fail(err, SL_E_FILE_DAMAGED, "its grid has %lld points by rows and columns, and %ld by its count",
                       (long long)grid, points);
    if (points > SL_GRID_MAX_POINTS)
        return sl_fail(err, SL_E_LIMIT, "it has %ld points, more than %d", points, SL_GRID_MAX_POINTS);
    rc = sl_grib__check(codes_get_size(h, "values", &values), "its values cannot be counted", err);
    if (rc == 0 && values != (size_t)points)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "its grid has %ld points, and it has %zu values", points, values);
    if (rc == 0)
        *n = values;
    return rc;
}

void sl_grib__definition(const struct sl_grib__piece *piece, size_t n, char hex[65])
{
    struct sl_sha256 *hash = sl_sha256_new();
    const struct sl_grib__section *grid = &piece->sections[piece->edition == 1 ? 2 : 3];
    char head[64];
    /* Edition 1 may name a grid of a catalogue instead: by centre and number, octets 5 and 7 of section 1. */
    const unsigned char *s1 = piece->data + piece->sections[1].at;
    int len = snprintf(head, sizeof head, "%d %zu %d %d", piece->edition, n, piece->edition == 1 ? s1[4] : 0,
                       piece->edition == 1 ? s1[6] : 0);
    sl_sha256_update(hash, head, (size_t)len);
    sl_sha256_update(hash, piece->data + grid->at, grid->bytes);
    sl_sha256_final(hash, hex);
    sl_sha256_free(hash);
}

/* ---- where ---- */

struct scan_mode {
    long ni, nj, i_negative, j_positive, by_column, alternating;
};

static struct scan_mode mode_of(codes_handle *h)
{
    struct scan_mode m = {.j_positive = 0};
    sl_grib__long(h, "Ni", &m.ni);
    sl_grib__long(h, "Nj", &m.nj);
    sl_grib__long(h, "iScansNegatively", &m.i_negative);
    sl_grib__long(h, "jScansPositively", &m.j_positive);
    sl_grib__long(h, "jPointsAreConsecutive", &m.by_column);
    sl_grib__long(h, "alternativeRowScanning", &m.alternating);
    return m;
}

static void reverse(double *values, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        double kept = values[i];
        values[i] = values[n - 1 - i];
        values[n - 1 - i] = kept;
    }
}

int sl_grib__straighten(codes_handle *h, double *values, size_t n, struct sl_error *err)
{
    struct scan_mode m = mode_of(h);
    if (!m.alternating)
        return 0;
    size_t line = (size_t)(m.by_column ? m.nj : m.ni);
    if (m.ni < 1 || m.nj < 1 || (size_t)m.ni * (size_t)m.nj != n)
        return sl_fail(err, SL_E_FILE_FORMAT, "its rows run to and fro, and are of different lengths");
    for (size_t at = line; at + line <= n; at += 2 * line)
        reverse(values + at, line);
    return 0;
}

static void iterator_free(codes_iterator **iterator)
{
    if (*iterator)
        codes_grib_iterator_delete(*iterator);
}

static int iterate(codes_handle *h, codes_iterator **out, struct sl_error *err)
{
    int code = 0;
    codes_iterator *it = codes_grib_iterator_new(h, 0, &code);
    int rc = sl_grib__check(it     ? CODES_SUCCESS
                            : code ? code
                                   : CODES_GEOCALCULUS_PROBLEM,
                            "its points cannot be found", err);
    if (rc < 0 && it)
        codes_grib_iterator_delete(it);
    if (rc == 0)
        *out = it;
    return rc;
}

static int short_of_points(struct sl_error *err)
{
    return sl_fail(err, SL_E_FILE_DAMAGED, "its grid has fewer points than it says");
}

/* Reads the points as two axes. 1: they are; 0: they are not all pairs of two axes. */
static int read_axes(codes_handle *h, const struct scan_mode *m, struct sl_grid__full *out, struct sl_error *err)
{
    size_t rows = (size_t)m->nj, columns = (size_t)m->ni, i = 0;
    SL_CLEANUP(iterator_free) codes_iterator *it = NULL;
    int rc = iterate(h, &it, err);
    if (rc < 0)
        return rc;
    double *lats = sl_xmalloc(rows * sizeof *lats), *lons = sl_xmalloc(columns * sizeof *lons), lat, lon, value;
    bool same = true;
    for (; i < rows * columns && same && codes_grib_iterator_next(it, &lat, &lon, &value); i++) {
        size_t row = m->by_column ? i % rows : i / columns, column = m->by_column ? i / rows : i % columns;
        if (column == 0)
            lats[row] = lat;
        if (row == 0)
            lons[column] = lon;
        same = lats[row] == lat && lons[column] == lon;
    }
    if (!same || i < rows * columns) {
        free(lats);
        free(lons);
        return same ? short_of_points(err) : 0;
    }
    out->lats = lats;
    out->lons = lons;
    out->n_rows = rows;
    out->n_columns = columns;
    out->columns_first = m->by_column;
    return 1;
}

static int read_all(codes_handle *h, struct sl_grid__full *out, struct sl_error *err)
{
    size_t i = 0;
    double value;
    SL_CLEANUP(iterator_free) codes_iterator *it = NULL;
    int rc = iterate(h, &it, err);
    if (rc < 0)
        return rc;
    out->lats = sl_xmalloc(out->n * sizeof *out->lats);
    out->lons = sl_xmalloc(out->n * sizeof *out->lons);
    while (i < out->n && codes_grib_iterator_next(it, &out->lats[i], &out->lons[i], &value))
        i++;
    return i < out->n ? short_of_points(err) : 0;
}

/* The k-th value's place among those of a projected grid, which ecCodes gives row by row, each from west to east. */
static size_t canonical(const struct scan_mode *m, size_t k)
{
    size_t ni = (size_t)m->ni, nj = (size_t)m->nj;
    size_t i = m->by_column ? k / nj : k % ni, j = m->by_column ? k % nj : k / ni;
    if (m->i_negative)
        i = ni - 1 - i;
    if (!m->j_positive)
        j = nj - 1 - j;
    return j * ni + i;
}

static double *permuted(const struct scan_mode *m, double *from, size_t n)
{
    double *to = sl_xmalloc(n * sizeof *to);
    for (size_t k = 0; k < n; k++)
        to[k] = from[canonical(m, k)];
    free(from);
    return to;
}

static bool is_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static int check_places(struct sl_grid__full *out, struct sl_error *err)
{
    size_t n_lats = out->n_rows ? out->n_rows : out->n, n_lons = out->n_rows ? out->n_columns : out->n;
    for (size_t i = 0; i < n_lats; i++)
        if (!(fabs(out->lats[i]) <= 90.0 + 1e-6))
            return sl_fail(err, SL_E_FILE_DAMAGED, "its grid has a point at latitude %g", out->lats[i]);
    for (size_t i = 0; i < n_lats; i++)
        out->lats[i] = fmin(90.0, fmax(-90.0, out->lats[i]));
    return is_finite(out->lons, n_lons) ? 0
                                        : sl_fail(err, SL_E_FILE_DAMAGED, "its grid has a point without a longitude");
}

int sl_grib__points(codes_handle *h, size_t n, struct sl_grid__full *out, struct sl_error *err)
{
    static const char *const axes[] = {"regular_ll", "regular_gg", NULL};
    static const char *const projected[] = {"lambert", "polar_stereographic", "mercator",
                                            "lambert_azimuthal_equal_area", NULL};
    static _Thread_local char type[TYPE_BYTES];
    int rc = grid_type(h, type, err);
    if (rc < 0)
        return rc;
    struct scan_mode m = mode_of(h);
    *out = (struct sl_grid__full){.n = n, .type = type};
    rc = sl_grib__reduced(h, type, n, out, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    bool lines = !is_reduced(type) && m.ni > 0 && m.nj > 0 && (size_t)m.ni * (size_t)m.nj == n;
    *out = (struct sl_grid__full){.n = n, .type = type, .width = lines ? (size_t)(m.by_column ? m.nj : m.ni) : 0};
    rc = lines && is_type(type, axes) ? read_axes(h, &m, out, err) : 0;
    if (rc == 0)
        rc = read_all(h, out, err);
    if (rc == 0 && lines && is_type(type, projected)) {
        out->lats = permuted(&m, out->lats, n);
        out->lons = permuted(&m, out->lons, n);
    }
    if (rc >= 0)
        rc = check_places(out, err);
    if (rc >= 0)
        return 0;
    free(out->lats);
    free(out->lons);
    return rc;
}

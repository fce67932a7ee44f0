/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <ogr_srs_api.h>

#include "base/sha256.h"
#include "geo/crs.h"
#include "grid/netcdf_internal.h"

void sl_nc__definition(const struct sl_nc__field *f, char hex[65])
{
    struct sl_sha256 *hash = sl_sha256_new();
    for (size_t i = 0; i < f->n_coordinates; i++) {
        const struct sl_nc__coordinate *c = &f->coordinates[i];
        if (c->role >= SL_NC__LAT && c->role <= SL_NC__X) {
            const char *name = GDALMDArrayGetFullName(c->array);
            sl_sha256_update(hash, name, strlen(name) + 1);
        }
    }
    sl_sha256_final(hash, hex);
    sl_sha256_free(hash);
}

static bool even(const double *axis, size_t n)
{
    double d = n > 1 ? (axis[n - 1] - axis[0]) / (double)(n - 1) : 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(axis[i] - axis[0] - (double)i * d) > 1e-4)
            return false;
    return d != 0;
}

static bool all_finite(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static int axes(const struct sl_nc__field *f, struct sl_grid__full *out, struct sl_error *err)
{
    int rc = sl_nc__read(sl_nc__find(f, SL_NC__LAT)->array, SL_GRID_MAX_POINTS, &out->lats, &out->n_rows, err);
    if (rc == 0)
        rc = sl_nc__read(sl_nc__find(f, SL_NC__LON)->array, SL_GRID_MAX_POINTS, &out->lons, &out->n_columns, err);
    if (rc < 0)
        return rc;
    if (!all_finite(out->lats, out->n_rows) || !all_finite(out->lons, out->n_columns))
        return sl_fail(err, SL_E_FILE_DAMAGED, "its latitudes or longitudes have missing values");
    out->type = even(out->lats, out->n_rows) && even(out->lons, out->n_columns) ? "regular_ll" : "axes";
    return 0;
}

/* Points that have a place each: of two dimensions, or of one. */
static int listed(const struct sl_nc__field *f, struct sl_grid__full *out, struct sl_error *err)
{
    size_t n_lats, n_lons;
    int rc = sl_nc__read(sl_nc__find(f, SL_NC__LAT)->array, SL_GRID_MAX_POINTS, &out->lats, &n_lats, err);
    if (rc == 0)
        rc = sl_nc__read(sl_nc__find(f, SL_NC__LON)->array, SL_GRID_MAX_POINTS, &out->lons, &n_lons, err);
    if (rc == 0 && (n_lats != out->n || n_lons != out->n))
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "it has %zu points, %zu latitudes and %zu longitudes", out->n, n_lats,
                     n_lons);
    out->type = f->x >= 0 ? "curvilinear" : "unstructured";
    out->width = f->x >= 0 ? f->size[f->x] : 0;
    return rc;
}

static double metres(const struct sl_nc__coordinate *c)
{
    return c->units && (!strcmp(c->units, "km") || !strcmp(c->units, "kilometre") || !strcmp(c->units, "kilometer"))
               ? 1000.0
               : 1.0;
}

static int to_places(OGRSpatialReferenceH from, double *x, double *y, size_t n, struct sl_error *err)
{
    OGRSpatialReferenceH to = OSRNewSpatialReference(NULL);
    OGRSpatialReferenceH own = OSRClone(from);
    OSRImportFromEPSG(to, 4326);
    OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
    OSRSetAxisMappingStrategy(own, OAMS_TRADITIONAL_GIS_ORDER);
    OGRCoordinateTransformationH t = OCTNewCoordinateTransformation(own, to);
    bool ok = t != NULL;
    for (size_t at = 0; ok && at < n; at += 65536) {
        size_t k = n - at < 65536 ? n - at : 65536;
        OCTTransform(t, (int)k, x + at, y + at, NULL); /* those without a place become infinite, and are left out */
    }
    if (t)
        OCTDestroyCoordinateTransformation(t);
    OSRDestroySpatialReference(own);
    OSRDestroySpatialReference(to);
    return ok ? 0 : sl_fail(err, SL_E_CRS_UNKNOWN, "its grid_mapping cannot be brought to longitude and latitude");
}

static const char *projjson_of(OGRSpatialReferenceH srs, struct sl_arena *arena)
{
    char *wkt = NULL;
    struct sl_crs crs;
    static const char *const options[] = {"FORMAT=WKT2_2019", NULL};
    bool known =
        OSRExportToWktEx(srs, &wkt, options) == OGRERR_NONE && wkt && sl_crs_from_wkt(wkt, arena, &crs, NULL) == 0;
    CPLFree(wkt);
    return known ? crs.projjson : NULL;
}

static int projected(const struct sl_nc__field *f, struct sl_arena *arena, struct sl_grid__full *out,
                     struct sl_error *err)
{
    const struct sl_nc__coordinate *cy = sl_nc__find(f, SL_NC__Y), *cx = sl_nc__find(f, SL_NC__X);
    double *ys = NULL, *xs = NULL, by = metres(cy), bx = metres(cx);
    size_t ny, nx;
    OGRSpatialReferenceH srs = GDALMDArrayGetSpatialRef(f->array);
    if (!srs)
        return sl_fail(err, SL_E_CRS_MISSING, "it has projected axes and no grid_mapping that is understood");
    int rc = sl_nc__read(cy->array, SL_GRID_MAX_POINTS, &ys, &ny, err);
    if (rc == 0)
        rc = sl_nc__read(cx->array, SL_GRID_MAX_POINTS, &xs, &nx, err);
    if (rc == 0) {
        out->lats = sl_xmalloc(out->n * sizeof *out->lats);
        out->lons = sl_xmalloc(out->n * sizeof *out->lons);
        for (size_t i = 0; i < out->n; i++) {
            out->lats[i] = ys[i / nx] * by;
            out->lons[i] = xs[i % nx] * bx;
        }
        out->type = "curvilinear";
        out->width = nx;
        out->dx = even(xs, nx) ? fabs(xs[1] - xs[0]) * bx : 0;
        out->dy = even(ys, ny) ? fabs(ys[1] - ys[0]) * by : 0;
        out->projjson = projjson_of(srs, arena);
        rc = to_places(srs, out->lons, out->lats, out->n, err);
    }
    free(ys);
    free(xs);
    OSRDestroySpatialReference(srs);
    return rc;
}

/* Beyond the poles there is no place; infinite ones become NAN, as the file's own missing ones are. */
static int check(struct sl_grid__full *out, struct sl_error *err)
{
    size_t n = out->n_rows ? out->n_rows : out->n;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(out->lats[i]) && fabs(out->lats[i]) > 90.0 + 1e-4)
            return sl_fail(err, SL_E_FILE_DAMAGED, "its grid has a point at latitude %g", out->lats[i]);
        out->lats[i] = isfinite(out->lats[i]) ? fmin(90.0, fmax(-90.0, out->lats[i])) : NAN;
    }
    return 0;
}

int sl_nc__points(const struct sl_nc__field *f, struct sl_arena *arena, struct sl_grid__full *out, struct sl_error *err)
{
    const struct sl_nc__coordinate *lat = sl_nc__find(f, SL_NC__LAT), *lon = sl_nc__find(f, SL_NC__LON);
    size_t ny = f->size[f->y], nx = f->x >= 0 ? f->size[f->x] : 1;
    *out = (struct sl_grid__full){.n = ny * nx};
    bool has_places = lat && lon && lat->dim == f->y && (lat->dim2 == f->x || f->x < 0 || lon->dim == f->x);
    int rc = !has_places                  ? projected(f, arena, out, err)
             : lat->dim2 < 0 && f->x >= 0 ? axes(f, out, err)
                                          : listed(f, out, err);
    if (rc == 0 && out->n_rows && out->n_rows * out->n_columns != out->n)
        rc = sl_fail(err, SL_E_FILE_DAMAGED, "its axes and its values differ in size");
    if (rc == 0)
        rc = check(out, err);
    if (rc == 0)
        return 0;
    free(out->lats);
    free(out->lons);
    return rc;
}

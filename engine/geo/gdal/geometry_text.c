/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/geometry_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "base/arena.h"
#include "geo/gdal/gdal.h"

struct sl_geometry_text {
    OGRCoordinateTransformationH transform; /* NULL: none */
    double *x, *y, *z;                      /* of one ring */
    size_t room;
};

static OGRSpatialReferenceH system_of(const char *wkt)
{
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    char *text = sl_xstrdup(wkt), *rest = text;
    bool done = srs && OSRImportFromWkt(srs, &rest) == OGRERR_NONE;
    free(text);
    if (done)
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    else if (srs)
        OSRDestroySpatialReference(srs);
    return done ? srs : NULL;
}

static int make_transform(struct sl_geometry_text *t, const struct sl_crs *crs, struct sl_error *err)
{
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    OGRSpatialReferenceH from = system_of(crs->wkt), to = OSRNewSpatialReference(NULL);
    if (from && to && OSRImportFromEPSG(to, 4326) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(to, OAMS_TRADITIONAL_GIS_ORDER);
        t->transform = OCTNewCoordinateTransformation(from, to);
    }
    OSRDestroySpatialReference(from);
    OSRDestroySpatialReference(to);
    bool said = sl_gdal_errors_end(SL_E_CRS_UNKNOWN, &gdal);
    if (t->transform)
        return 0;
    return sl_fail(err, SL_E_CRS_UNKNOWN, "there is no way from %s to longitude and latitude: %s",
                   crs->id ? crs->id : crs->name, said ? gdal.message : "no reason given");
}

int sl_geometry_text_new(const struct sl_crs *to_lonlat, struct sl_geometry_text **out, struct sl_error *err)
{
    SL_CLEANUP(sl_geometry_text_freep) struct sl_geometry_text *t = sl_xcalloc(1, sizeof *t);
    int rc = sl_gdal_setup(err);
    if (rc == 0 && to_lonlat)
        rc = make_transform(t, to_lonlat, err);
    if (rc < 0)
        return rc;
    *out = t;
    t = NULL;
    return 0;
}

void sl_geometry_text_free(struct sl_geometry_text *text)
{
    if (!text)
        return;
    if (text->transform)
        OCTDestroyCoordinateTransformation(text->transform);
    free(text->x);
    free(text->y);
    free(text->z);
    free(text);
}

void sl_geometry_text_freep(struct sl_geometry_text **text)
{
    sl_geometry_text_free(*text);
}

static int read_wkb(const void *wkb, size_t bytes, OGRGeometryH *out, struct sl_error *err)
{
    struct sl_error gdal = {0};
    if (bytes > INT_MAX)
        return sl_fail(err, SL_E_LIMIT, "a geometry of %zu bytes is too large", bytes);
    sl_gdal_errors_begin();
    OGRErr failed = OGR_G_CreateFromWkb(wkb, NULL, out, (int)bytes);
    bool said = sl_gdal_errors_end(SL_E_OUTPUT_INVALID, &gdal);
    if (failed == OGRERR_NONE && *out)
        return 0;
    return sl_fail(err, SL_E_OUTPUT_INVALID, "a geometry is no WKB: %s", said ? gdal.message : "no reason given");
}

static void make_room(struct sl_geometry_text *t, size_t n)
{
    if (n <= t->room)
        return;
    t->x = sl_xrealloc(t->x, n * sizeof *t->x);
    t->y = sl_xrealloc(t->y, n * sizeof *t->y);
    t->z = sl_xrealloc(t->z, n * sizeof *t->z);
    t->room = n;
}

static void swap_ends(double *values, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        double v = values[i];
        values[i] = values[n - 1 - i];
        values[n - 1 - i] = v;
    }
}

/* Twice the ring's signed area, about its first point so that large coordinates lose no digits. */
static double turn(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 1; i + 1 < n; i++)
        sum += (x[i] - x[0]) * (y[i + 1] - y[0]) - (x[i + 1] - x[0]) * (y[i] - y[0]);
    return sum;
}

static void wind_ring(struct sl_geometry_text *t, OGRGeometryH ring, bool outer)
{
    size_t n = (size_t)OGR_G_GetPointCount(ring);
    bool high = OGR_G_Is3D(ring);
    make_room(t, n);
    OGR_G_GetPoints(ring, t->x, sizeof *t->x, t->y, sizeof *t->y, high ? t->z : NULL, high ? sizeof *t->z : 0);
    double area = turn(t->x, t->y, n);
    if (area == 0 || (area > 0) == outer)
        return;
    swap_ends(t->x, n);
    swap_ends(t->y, n);
    swap_ends(t->z, n);
    OGR_G_SetPoints(ring, (int)n, t->x, sizeof *t->x, t->y, sizeof *t->y, high ? t->z : NULL, high ? sizeof *t->z : 0);
}

/* WKB that PostGIS or DuckDB wrote is nested as deep as they allow, and GDAL has read it before this. */
static void wind(struct sl_geometry_text *t, OGRGeometryH geometry)
{
    int n = OGR_G_GetGeometryCount(geometry);
    bool polygon = wkbFlatten(OGR_G_GetGeometryType(geometry)) == wkbPolygon;
    for (int i = 0; i < n; i++) {
        OGRGeometryH part = OGR_G_GetGeometryRef(geometry, i);
        if (polygon)
            wind_ring(t, part, i == 0);
        else
            wind(t, part);
    }
}

static int move(struct sl_geometry_text *t, OGRGeometryH geometry, struct sl_error *err)
{
    struct sl_error gdal = {0};
    if (!t->transform)
        return 0;
    sl_gdal_errors_begin();
    OGRErr failed = OGR_G_Transform(geometry, t->transform);
    bool said = sl_gdal_errors_end(SL_E_GEOMETRY_CONTRACT, &gdal);
    if (failed == OGRERR_NONE && !said)
        return 0;
    return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "a geometry has no place in longitude and latitude: %s",
                   said ? gdal.message : "no reason given");
}

int sl_geometry_text_json(struct sl_geometry_text *text, const void *wkb, size_t bytes, int decimals, struct sl_buf *out,
                          struct sl_error *err)
{
    OGRGeometryH geometry = NULL;
    int rc = read_wkb(wkb, bytes, &geometry, err);
    if (rc < 0)
        return rc;
    rc = move(text, geometry, err);
    char *json = NULL;
    if (rc == 0) {
        char digits[16];
        snprintf(digits, sizeof digits, "%d", decimals);
        wind(text, geometry);
        char **options = CSLSetNameValue(NULL, "COORDINATE_PRECISION", digits);
        json = OGR_G_ExportToJsonEx(geometry, options);
        CSLDestroy(options);
        if (!json)
            rc = sl_fail(err, SL_E_GEOMETRY_CONTRACT, "a %s has no form in GeoJSON", OGR_G_GetGeometryName(geometry));
        else
            sl_buf_puts(out, json);
    }
    CPLFree(json);
    OGR_G_DestroyGeometry(geometry);
    return rc;
}

int sl_geometry_text_wkt(struct sl_geometry_text *text, const void *wkb, size_t bytes, struct sl_buf *out,
                         struct sl_error *err)
{
    OGRGeometryH geometry = NULL;
    char *wkt = NULL;
    int rc = read_wkb(wkb, bytes, &geometry, err);
    if (rc < 0)
        return rc;
    rc = move(text, geometry, err);
    if (rc == 0 && OGR_G_ExportToIsoWkt(geometry, &wkt) != OGRERR_NONE)
        rc = sl_fail(err, SL_E_GEOMETRY_CONTRACT, "a %s has no form in WKT", OGR_G_GetGeometryName(geometry));
    if (rc == 0)
        sl_buf_puts(out, wkt);
    CPLFree(wkt);
    OGR_G_DestroyGeometry(geometry);
    return rc;
}

int sl_geometry_text_point(const void *wkb, size_t bytes, double xyz[3], int *n, struct sl_error *err)
{
    OGRGeometryH geometry = NULL;
    int rc = read_wkb(wkb, bytes, &geometry, err);
    if (rc < 0)
        return rc;
    if (wkbFlatten(OGR_G_GetGeometryType(geometry)) != wkbPoint) {
        rc = sl_fail(err, SL_E_GEOMETRY_CONTRACT, "a %s has no x and y", OGR_G_GetGeometryName(geometry));
        sl_error_hint(err, "take geometry: wkt, or put a step centroid before the output");
    } else {
        bool high = OGR_G_Is3D(geometry);
        *n = OGR_G_IsEmpty(geometry) ? 0 : high ? 3 : 2;
        if (*n)
            OGR_G_GetPoint(geometry, 0, &xyz[0], &xyz[1], &xyz[2]);
    }
    OGR_G_DestroyGeometry(geometry);
    return rc;
}

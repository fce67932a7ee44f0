/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/raster_values.h"

#include <math.h>
#include <stdlib.h>

#include <gdal.h>
#include <ogr_srs_api.h>

#include "base/arena.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"

/* What GDAL said since sl_gdal_errors_begin, or `what` where it said nothing. */
static int failed(enum sl_code code, const char *what, struct sl_error *err)
{
    struct sl_error why = {0};
    if (!sl_gdal_errors_end(code, &why))
        return sl_fail(err, code, "%s failed", what);
    if (err)
        *err = why;
    return -(int)why.code;
}

static int put_band(GDALDatasetH dataset, const struct sl_raster_values *v, size_t i, struct sl_error *err)
{
    size_t n = (size_t)(v->width * v->height);
    GDALRasterBandH band = GDALGetRasterBand(dataset, (int)i + 1);
    double *row = sl_xcalloc(n, sizeof *row);
    bool real = GDALDataTypeIsFloating(GDALGetRasterDataType(band));
    int rc = 0;
    for (size_t k = 0; rc == 0 && k < n; k++) {
        row[k] = v->pixels[i * n + k];
        if (!isnan(row[k]))
            continue;
        if (!v->has_nodata && !real)
            rc = sl_fail(err, SL_E_RECIPE_OPTION, "a pixel has no value, and the raster no nodata to say so");
        if (v->has_nodata)
            row[k] = v->nodata;
    }
    if (rc == 0 && v->has_nodata)
        GDALSetRasterNoDataValue(band, v->nodata);
    if (rc == 0 && GDALRasterIO(band, GF_Write, 0, 0, (int)v->width, (int)v->height, row, (int)v->width, (int)v->height,
                                GDT_Float64, 0, 0) != CE_None)
        rc = failed(SL_E_GDAL, "writing pixels", err);
    free(row);
    return rc;
}

static int put_place(GDALDatasetH dataset, const struct sl_raster_values *v, struct sl_error *err)
{
    double transform[6] = {v->bounds[0], (v->bounds[2] - v->bounds[0]) / (double)v->width,   0,
                           v->bounds[3], 0, (v->bounds[1] - v->bounds[3]) / (double)v->height};
    OGRSpatialReferenceH srs = v->crs ? sl_raster__srs(v->crs) : NULL;
    CPLErr done = GDALSetGeoTransform(dataset, transform);
    if (done == CE_None && srs)
        done = GDALSetSpatialRef(dataset, srs);
    if (srs)
        OSRDestroySpatialReference(srs);
    return done == CE_None ? 0 : failed(SL_E_GDAL, "placing a raster", err);
}

int sl_raster_values_write(const struct sl_raster_values *v, const char *path, struct sl_error *err)
{
    GDALDataType type = GDALGetDataTypeByName(v->data_type);
    GDALDriverH driver = GDALGetDriverByName("GTiff");
    if (type == GDT_Unknown || GDALDataTypeIsComplex(type))
        return sl_fail(err, SL_E_RECIPE_OPTION, "there is no data type \"%s\"", v->data_type);
    sl_gdal_errors_begin();
    GDALDatasetH dataset = driver ? GDALCreate(driver, path, (int)v->width, (int)v->height, (int)v->n_bands, type, NULL) : NULL;
    if (!dataset)
        return failed(SL_E_GDAL, "making a raster", err);
    int rc = put_place(dataset, v, err);
    for (size_t i = 0; rc == 0 && i < v->n_bands; i++)
        rc = put_band(dataset, v, i, err);
    GDALFlushCache(dataset);
    GDALClose(dataset);
    return rc;
}

int sl_raster_values_read(struct sl_raster *raster, int number, double *out, struct sl_error *err)
{
    int width = (int)raster->info.width, height = (int)raster->info.height;
    size_t n = (size_t)width * (size_t)height;
    GDALRasterBandH band = GDALGetRasterBand(raster->dataset, number);
    unsigned char *mask = sl_xcalloc(n, 1);
    sl_gdal_errors_begin();
    CPLErr done = GDALRasterIO(band, GF_Read, 0, 0, width, height, out, width, height, GDT_Float64, 0, 0);
    if (done == CE_None)
        done = GDALRasterIO(GDALGetMaskBand(band), GF_Read, 0, 0, width, height, mask, width, height, GDT_Byte, 0, 0);
    for (size_t i = 0; done == CE_None && i < n; i++)
        if (!mask[i])
            out[i] = NAN;
    free(mask);
    return done == CE_None ? 0 : failed(SL_E_FILE_DAMAGED, "reading pixels", err);
}

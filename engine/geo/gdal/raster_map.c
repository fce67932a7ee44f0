/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels computed from pixels at the same place, block by block, in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum {
    SIDE = 512,             /* of a block: that of the file it is written to */
    WORK_BYTES = 128 << 20, /* of all bands of a block */
    LEAST_ROWS = 16
};

/* One result at work. */
struct mapper {
    const struct sl_raster_map *map;
    struct sl_raster *in;
    GDALDatasetH out;
    GDALDataType type;
    bool has_nodata;
    double nodata, least, greatest; /* of the type */
    size_t n_in, n_out, pixels;     /* of the largest block */
    double **inputs, **outputs, *values;
    unsigned char *mask;
    struct sl_error why; /* what the map said */
};

/* ---- data types ---- */

static bool range_of(GDALDataType type, double *least, double *greatest)
{
    static const struct {
        GDALDataType type;
        double least, greatest;
    } ranges[] = {{GDT_Byte, 0, 255},
                  {GDT_UInt16, 0, 65535},
                  {GDT_Int16, -32768, 32767},
                  {GDT_UInt32, 0, 4294967295.0},
                  {GDT_Int32, -2147483648.0, 2147483647.0},
                  {GDT_Float32, -3.4028234663852886e38, 3.4028234663852886e38},
                  {GDT_Float64, -INFINITY, INFINITY}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].type == type) {
            *least = ranges[i].least;
            *greatest = ranges[i].greatest;
            return true;
        }
    return false;
}

static bool is_float(GDALDataType type)
{
    return type == GDT_Float32 || type == GDT_Float64;
}

static bool type_has(const struct mapper *m, double value)
{
    if (isnan(value))
        return is_float(m->type);
    return value >= m->least && value <= m->greatest && (is_float(m->type) || value == rint(value));
}

static int choose_nodata(struct mapper *m, struct sl_error *err)
{
    const struct sl_raster_map *map = m->map;
    const struct sl_raster_band *band = &m->in->info.bands[0];
    m->has_nodata = map->no_data == SL_NODATA_VALUE;
    m->nodata = map->nodata;
    if (m->has_nodata && !type_has(m, m->nodata))
        return sl_fail(err, SL_E_RECIPE_OPTION, "nodata %.15g is no value of data type %s", m->nodata, map->data_type);
    if (map->no_data != SL_NODATA_KEEP)
        return 0;
    if (band->has_nodata && type_has(m, band->nodata)) {
        m->has_nodata = true;
        m->nodata = band->nodata;
    } else if (is_float(m->type)) {
        m->has_nodata = true;
        m->nodata = NAN;
    }
    return 0;
}

/* ---- a block ---- */

static bool reads(const struct mapper *m, size_t band)
{
    return !m->map->reads || m->map->reads(m->map->data, band);
}

static bool read_band(const struct mapper *m, size_t i, int x, int y, int width, int height)
{
    GDALRasterBandH band = GDALGetRasterBand(m->in->dataset, (int)i + 1);
    size_t n = (size_t)width * (size_t)height;
    double *values = m->inputs[i];
    if (GDALRasterIO(band, GF_Read, x, y, width, height, values, width, height, GDT_Float64, 0, 0) != CE_None)
        return false;
    int flags = GDALGetMaskFlags(band);
    /* An alpha band that goes along says itself what does not count. */
    if ((flags & GMF_ALL_VALID) || ((flags & GMF_ALPHA) && m->map->keeps_bands))
        return true;
    /* GDAL's mask of a nodata value compares as GDAL does, floats too. */
    if (GDALRasterIO(GDALGetMaskBand(band), GF_Read, x, y, width, height, m->mask, width, height, GDT_Byte, 0, 0) != CE_None)
        return false;
    for (size_t k = 0; k < n; k++)
        if (m->mask[k] == 0)
            values[k] = NAN;
    return true;
}

/* What goes into the file: within the type's range, rounded, nodata where there is no value. */
static int settle(struct mapper *m, double *values, size_t n, struct sl_error *err)
{
    bool integer = !is_float(m->type);
    for (size_t k = 0; k < n; k++) {
        double v = values[k];
        if (isnan(v)) {
            if (!m->has_nodata && integer) {
                sl_fail(err, SL_E_RECIPE_OPTION, "%s has pixels without a value, and the result has no nodata to say so",
                        m->in->name);
                sl_error_hint(err, "give the step a nodata, or a data_type of floats");
                return -(int)SL_E_RECIPE_OPTION;
            }
            values[k] = m->has_nodata ? m->nodata : NAN;
            continue;
        }
        if (!isinf(v) || integer)
            v = v < m->least ? m->least : v > m->greatest ? m->greatest : v;
        values[k] = integer ? rint(v) : v;
    }
    return 0;
}

static int map_block(struct mapper *m, int x, int y, int width, int height)
{
    size_t n = (size_t)width * (size_t)height;
    for (size_t i = 0; i < m->n_in; i++)
        if (m->inputs[i] && !read_band(m, i, x, y, width, height))
            return -(int)SL_E_GDAL;
    int rc = m->map->pixels(m->map->data, (const double *const *)m->inputs, m->outputs, n, &m->why);
    for (size_t i = 0; rc == 0 && i < m->n_out; i++) {
        rc = settle(m, m->outputs[i], n, &m->why);
        if (rc == 0 && GDALRasterIO(GDALGetRasterBand(m->out, (int)i + 1), GF_Write, x, y, width, height, m->outputs[i],
                                    width, height, GDT_Float64, 0, 0) != CE_None)
            rc = -(int)SL_E_GDAL;
    }
    return rc;
}

static int map_all(struct mapper *m, struct sl_raster_made *made, int rows)
{
    int64_t width = m->in->info.width, height = m->in->info.height;
    for (int64_t y = 0; y < height; y += rows) {
        for (int64_t x = 0; x < width; x += SIDE) {
            int w = (int)(width - x < SIDE ? width - x : SIDE), h = (int)(height - y < rows ? height - y : rows);
            int rc = map_block(m, (int)x, (int)y, w, h);
            if (rc < 0)
                return rc;
        }
        if (!sl_raster__make_progress((double)y / (double)height, NULL, made))
            return -(int)SL_E_CANCELLED;
    }
    return 0;
}

/* ---- the file ---- */

static void copy_place(const struct sl_raster *in, GDALDatasetH out)
{
    double t[6];
    OGRSpatialReferenceH srs = GDALGetSpatialRef(in->dataset);
    if (GDALGetGeoTransform(in->dataset, t) == CE_None)
        GDALSetGeoTransform(out, t);
    if (srs)
        GDALSetSpatialRef(out, srs);
    if (in->info.gcps > 0 && !in->info.has_transform)
        GDALSetGCPs2(out, GDALGetGCPCount(in->dataset), GDALGetGCPs(in->dataset), GDALGetGCPSpatialRef(in->dataset));
}

static void describe_bands(const struct mapper *m)
{
    for (size_t i = 0; i < m->n_out; i++) {
        GDALRasterBandH to = GDALGetRasterBand(m->out, (int)i + 1);
        GDALRasterBandH from = m->map->keeps_bands ? GDALGetRasterBand(m->in->dataset, (int)i + 1) : NULL;
        const char *text = m->map->descriptions ? m->map->descriptions[i] : NULL;
        if (from && GDALGetRasterColorInterpretation(from) != GCI_PaletteIndex)
            GDALSetRasterColorInterpretation(to, GDALGetRasterColorInterpretation(from));
        if (!text && from)
            text = GDALGetDescription(from);
        if (text && *text)
            GDALSetDescription(to, text);
        if (m->has_nodata)
            GDALSetRasterNoDataValue(to, m->nodata);
    }
}

static int create(struct mapper *m, const char *path)
{
    char **options = sl_raster__make_options();
    m->out = GDALCreate(GDALGetDriverByName("GTiff"), path, (int)m->in->info.width, (int)m->in->info.height,
                        (int)m->n_out, m->type, options);
    CSLDestroy(options);
    if (!m->out)
        return -(int)SL_E_GDAL;
    copy_place(m->in, m->out);
    describe_bands(m);
    return 0;
}

/* Buffers of a block: fewer rows where there are many bands, but whole blocks of the file where that is possible. */
static int reserve(struct mapper *m)
{
    size_t bands = m->n_out, rows = SIDE;
    m->n_in = m->in->info.n_bands;
    m->inputs = sl_xcalloc(m->n_in + m->n_out, sizeof(double *));
    m->outputs = m->inputs + m->n_in;
    for (size_t i = 0; i < m->n_in; i++)
        bands += reads(m, i);
    while (rows > LEAST_ROWS && rows * SIDE * bands * sizeof(double) > WORK_BYTES)
        rows /= 2;
    m->pixels = rows * SIDE;
    m->values = sl_xcalloc(bands * m->pixels, sizeof(double));
    m->mask = sl_xmalloc(m->pixels);
    double *next = m->values;
    for (size_t i = 0; i < m->n_in + m->n_out; i++)
        if (i >= m->n_in || reads(m, i)) {
            m->inputs[i] = next;
            next += m->pixels;
        }
    return (int)rows;
}

static void release(struct mapper *m)
{
    free(m->values);
    free(m->mask);
    free(m->inputs);
}

int sl_raster_map(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_map *map,
                  struct sl_raster **out, struct sl_error *err)
{
    struct mapper m = {.map = map, .in = in, .n_out = map->n_bands, .type = GDALGetDataTypeByName(map->data_type)};
    struct sl_raster_made made;
    if (!range_of(m.type, &m.least, &m.greatest))
        return sl_fail(err, SL_E_RECIPE_OPTION, "data type %s cannot be computed", map->data_type);
    for (size_t i = 0; i < in->info.n_bands; i++)
        if (GDALDataTypeIsComplex(GDALGetRasterDataType(GDALGetRasterBand(in->dataset, (int)i + 1))))
            return sl_fail(err, SL_E_RECIPE_OPTION, "%s has complex numbers, which cannot be computed", in->name);
    int rc = choose_nodata(&m, err);
    rc = rc < 0 ? rc : sl_raster__check_blocks(in, err);
    rc = rc < 0 ? rc : sl_raster__make_limit(context, in->name, in->info.width, in->info.height, (int64_t)m.n_out, err);
    rc = rc < 0 ? rc : sl_raster__make_begin(&made, context, in->name, err);
    if (rc < 0)
        return rc;
    struct sl_error gdal = {0};
    int rows = reserve(&m);
    sl_gdal_errors_begin();
    rc = create(&m, made.path);
    if (rc == 0)
        rc = map_all(&m, &made, rows);
    if (m.out)
        GDALClose(m.out);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    release(&m);
    if (!said && rc < 0 && m.why.code != SL_OK)
        gdal = m.why;
    return sl_raster__make_end(&made, rc < 0 || said, &gdal, &in, 1, out, err);
}

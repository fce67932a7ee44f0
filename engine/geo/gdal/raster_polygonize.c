/* SPDX-License-Identifier: Apache-2.0 */
/* Areas of equal pixels, by GDAL's algorithm of two passes. Its memory grows with the areas that it begins and with their
 * outlines, neither of which GDAL bounds: both are counted first, two lines at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <ogr_api.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum { PARTS_MAX = 5 * 1000 * 1000, SIDES_MAX = 20 * 1000 * 1000 };
static const int64_t EXACT_MAX = (int64_t)1 << 53; /* what a polygon's value goes through is a double */

/* ---- counting ---- */

/* A line of pixels as numbers that are compared only. */
struct line {
    int64_t *values;
    unsigned char *mask; /* 0: not taken */
};

struct counter {
    GDALRasterBandH band, mask;
    int width, height;
    bool floats, eight;
    float *real;
    struct line above, here;
    int64_t parts, sides;
    bool inexact;
};

static bool read_line(struct counter *c, int y)
{
    size_t n = (size_t)c->width;
    GDALDataType type = c->floats ? GDT_Float32 : GDT_Int64;
    void *into = c->floats ? (void *)c->real : (void *)c->here.values;
    if (GDALRasterIO(c->band, GF_Read, 0, y, c->width, 1, into, c->width, 1, type, 0, 0) != CE_None)
        return false;
    if (c->mask && GDALRasterIO(c->mask, GF_Read, 0, y, c->width, 1, c->here.mask, c->width, 1, GDT_Byte, 0, 0) != CE_None)
        return false;
    for (size_t i = 0; c->floats && i < n; i++) {
        int32_t bits = 0;
        memcpy(&bits, &c->real[i], sizeof bits);
        c->here.values[i] = bits;
    }
    for (size_t i = 0; !c->floats && i < n; i++)
        c->inexact = c->inexact || (c->here.mask[i] && (c->here.values[i] > EXACT_MAX || c->here.values[i] < -EXACT_MAX));
    return true;
}

static bool same(const struct line *a, int i, const struct line *b, int k)
{
    return a->mask[i] && b->mask[k] && a->values[i] == b->values[k];
}

/* GDAL begins an area wherever no neighbour before a pixel is of its value, also those that turn out to be one later. */
static void count_line(struct counter *c)
{
    const struct line *h = &c->here, *a = &c->above;
    for (int i = 0; i < c->width; i++) {
        bool left = i > 0 && same(h, i, h, i - 1), up = same(h, i, a, i);
        bool corner = c->eight && ((i > 0 && same(h, i, a, i - 1)) || (i + 1 < c->width && same(h, i, a, i + 1)));
        if (!left)
            c->sides += (h->mask[i] != 0) + (i > 0 && h->mask[i - 1]);
        if (!up)
            c->sides += (h->mask[i] != 0) + (a->mask[i] != 0);
        c->parts += h->mask[i] && !left && !up && !corner;
    }
    c->sides += h->mask[c->width - 1] != 0;
}

static int judge(const struct sl_raster_layer *l, const struct counter *c, bool read, struct sl_error *err)
{
    static const char *const hint = "make classes of its values with a calc step, or a coarser grid with a warp step";
    if (c->parts > PARTS_MAX)
        return sl_raster__too_many(l, "areas", PARTS_MAX, hint, err);
    if (c->sides > SIDES_MAX)
        return sl_raster__too_many(l, "sides of areas", SIDES_MAX, hint, err);
    if (c->inexact) {
        sl_fail(err, SL_E_RECIPE_OPTION, "%s has values beyond 2^53, which no polygon can be given exactly", l->in->name);
        sl_error_hint(err, "bring them into range with a calc step");
        return -(int)SL_E_RECIPE_OPTION;
    }
    return read ? 0 : -(int)SL_E_GDAL;
}

static bool count_all(struct sl_raster_layer *l, struct counter *c)
{
    bool read = true;
    for (int y = 0; read && y < c->height && c->parts <= PARTS_MAX && c->sides <= SIDES_MAX && !c->inexact; y++) {
        read = read_line(c, y) && sl_raster__layer_progress(0, NULL, l);
        if (read)
            count_line(c);
        struct line above = c->above;
        c->above = c->here;
        c->here = above;
        if (!c->mask)
            memset(c->here.mask, 1, (size_t)c->width);
    }
    return read;
}

static int count(struct sl_raster_layer *l, GDALRasterBandH band, GDALRasterBandH mask, bool eight, struct sl_error *err)
{
    struct counter c = {.band = band,
                        .mask = mask,
                        .width = GDALGetRasterBandXSize(band),
                        .height = GDALGetRasterBandYSize(band),
                        .floats = GDALDataTypeIsFloating(GDALGetRasterDataType(band)) != 0,
                        .eight = eight};
    size_t n = (size_t)c.width;
    c.real = sl_xcalloc(n, sizeof *c.real);
    c.here = (struct line){sl_xcalloc(n, sizeof(int64_t)), sl_xcalloc(n, 1)};
    c.above = (struct line){sl_xcalloc(n, sizeof(int64_t)), sl_xcalloc(n, 1)};
    memset(c.here.mask, 1, n);
    bool read = count_all(l, &c);
    int rc = judge(l, &c, read, err);
    free(c.real);
    free(c.here.values);
    free(c.here.mask);
    free(c.above.values);
    free(c.above.mask);
    return rc;
}

/* ---- making ---- */

int sl_raster__polygons(struct sl_raster_layer *l, GDALRasterBandH band, GDALRasterBandH mask, bool eight, int field,
                        struct sl_error *err)
{
    int rc = count(l, band, mask, eight, err);
    if (rc < 0)
        return rc;
    char **options = eight ? CSLSetNameValue(NULL, "8CONNECTED", "8") : NULL;
    bool floats = GDALDataTypeIsFloating(GDALGetRasterDataType(band)) != 0;
    CPLErr made = floats ? GDALFPolygonize(band, mask, l->layer, field, options, sl_raster__layer_progress, l)
                         : GDALPolygonize(band, mask, l->layer, field, options, sl_raster__layer_progress, l);
    CSLDestroy(options);
    return made == CE_None ? 0 : -(int)SL_E_GDAL;
}

/* ---- the step ---- */

/* NaN, nodata and masked pixels of floats become one NaN that is nodata: GDAL's mask of a band has not all of them. */
static int copy(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err)
{
    const struct sl_raster_polygonize *p = data;
    (void)err;
    memcpy(out[0], in[p->band - 1], n * sizeof **out);
    return 0;
}

static bool reads(void *data, size_t band)
{
    const struct sl_raster_polygonize *p = data;
    return (int64_t)band == p->band - 1;
}

static int as_floats(const struct sl_raster_step_context *context, struct sl_raster *in, struct sl_raster_polygonize *p,
                     struct sl_raster **out, struct sl_error *err)
{
    const struct sl_raster_map map = {.data_type = "Float32",
                                      .n_bands = 1,
                                      .no_data = SL_NODATA_VALUE,
                                      .nodata = NAN,
                                      .pixels = copy,
                                      .data = p,
                                      .reads = reads};
    return sl_raster_map(context, in, &map, out, err);
}

static int field_type(GDALDataType type)
{
    if (GDALDataTypeIsFloating(type))
        return OFTReal;
    return type == GDT_UInt32 || type == GDT_Int64 || type == GDT_UInt64 ? OFTInteger64 : OFTInteger;
}

static int check_type(const struct sl_raster_layer *l, GDALDataType type, struct sl_error *err)
{
    if (!GDALDataTypeIsComplex(type) && type != GDT_UInt64)
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "%s has pixels of type %s, of which no polygons can be made", l->in->name,
                   GDALGetDataTypeName(type));
}

static int make(struct sl_raster_layer *l, GDALRasterBandH band, const struct sl_raster_polygonize *p, struct sl_error *err)
{
    GDALDataType type = GDALGetRasterDataType(band);
    const struct sl_raster_field fields[] = {{p->column, field_type(type)}};
    bool masked = p->skip_nodata && !(GDALGetMaskFlags(band) & GMF_ALL_VALID);
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    int rc = sl_raster__layer_create(l, wkbPolygon, fields, 1) ? 0 : -(int)SL_E_GDAL;
    struct sl_error why = {0};
    if (rc == 0)
        rc = sl_raster__polygons(l, band, masked ? GDALGetMaskBand(band) : NULL, p->eight_connected, 0, &why);
    sl_raster__layer_close(l);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    return sl_raster__layer_end(l, rc < 0 || said, why.code != SL_OK ? &why : &gdal, "polygons", err);
}

int sl_raster_polygonize(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_polygonize *given,
                         const char *path, int64_t *rows, struct sl_error *err)
{
    struct sl_raster_polygonize p = *given;
    struct sl_raster_layer l;
    SL_CLEANUP(sl_raster_closep) struct sl_raster *floats = NULL;
    int rc = sl_raster__layer_begin(&l, context, in, path, err);
    rc = rc < 0 ? rc : sl_raster__layer_band(&l, p.band, err);
    if (rc < 0)
        return rc;
    l.max_features = p.max_features;
    GDALRasterBandH band = GDALGetRasterBand(in->dataset, (int)p.band);
    rc = check_type(&l, GDALGetRasterDataType(band), err);
    if (rc == 0 && p.skip_nodata && GDALDataTypeIsFloating(GDALGetRasterDataType(band))) {
        rc = as_floats(context, in, &p, &floats, err);
        band = rc == 0 ? GDALGetRasterBand(floats->dataset, 1) : NULL;
    }
    rc = rc < 0 ? rc : make(&l, band, &p, err);
    if (rc == 0)
        *rows = l.rows;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of equal height, or the areas between them, by GDAL's marching squares. What crosses the squares is counted first,
 * since GDAL keeps lines that are not closed yet in memory, and areas all. To make areas it looks for each ring of a level
 * in all others of that level, point by point, and cannot be stopped meanwhile: the lines are made first, which takes little
 * time, and tell how much that would be. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpl_string.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <ogr_api.h>

#include "base/buf.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum {
    CROSSINGS_OF_LINES_MAX = 20 * 1000 * 1000,
    CROSSINGS_OF_AREAS_MAX = 5 * 1000 * 1000,
    RINGS_OF_AREAS_MAX = 200 * 1000,
    NAME_BYTES = 256,
    LEVELS_MAX = 100 * 1000 /* in one square: more is no picture of anything */
};

/* Rings of a level times the points of that level, over all levels: about half a minute of one processor. */
static const double looks_max = 1e9;

/* ---- values ---- */

/* Where masked, nodata and NaN are all NaN, which GDAL leaves out. */
static int copy(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err)
{
    const struct sl_raster_contour *c = data;
    (void)err;
    memcpy(out[0], in[c->band - 1], n * sizeof **out);
    return 0;
}

static bool reads(void *data, size_t band)
{
    const struct sl_raster_contour *c = data;
    return (int64_t)band == c->band - 1;
}

static bool fits_float(GDALDataType type)
{
    return type == GDT_Byte || type == GDT_UInt16 || type == GDT_Int16 || type == GDT_Float32;
}

static int with_nan(const struct sl_raster_step_context *context, struct sl_raster *in, GDALDataType type,
                    struct sl_raster_contour *c, struct sl_raster **out, struct sl_error *err)
{
    const struct sl_raster_map map = {.data_type = fits_float(type) ? "Float32" : "Float64",
                                      .n_bands = 1,
                                      .no_data = SL_NODATA_VALUE,
                                      .nodata = NAN,
                                      .pixels = copy,
                                      .data = c,
                                      .reads = reads};
    return sl_raster_map(context, in, &map, out, err);
}

/* ---- counting ---- */

struct counter {
    const struct sl_raster_contour *contour;
    int width;
    double *above, *here;
    int64_t crossings;
    double least, greatest;
};

/* How many levels are not above a value: the difference of two is what lies between them. */
static double levels_to(const struct sl_raster_contour *c, double value)
{
    if (c->interval > 0)
        return floor((value - c->base) / c->interval);
    size_t low = 0, high = c->n_levels;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c->levels[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    return (double)low;
}

static void take(double v, double *least, double *greatest)
{
    if (!isfinite(v))
        return;
    *least = fmin(*least, v);
    *greatest = fmax(*greatest, v);
}

static bool count_line(struct counter *c)
{
    for (int i = 0; i < c->width; i++) {
        double least = INFINITY, greatest = -INFINITY;
        take(c->above[i], &least, &greatest);
        take(c->here[i], &least, &greatest);
        if (i + 1 < c->width) {
            take(c->above[i + 1], &least, &greatest);
            take(c->here[i + 1], &least, &greatest);
        }
        if (least > greatest)
            continue;
        double between = levels_to(c->contour, greatest) - levels_to(c->contour, least);
        if (!(between <= LEVELS_MAX))
            return false;
        c->crossings += (int64_t)between;
        c->least = fmin(c->least, least);
        c->greatest = fmax(c->greatest, greatest);
    }
    return true;
}

static int judge(const struct sl_raster_layer *l, const struct counter *c, bool sane, struct sl_error *err)
{
    int64_t most = c->contour->polygons ? CROSSINGS_OF_AREAS_MAX : CROSSINGS_OF_LINES_MAX;
    if (sane && c->crossings <= most)
        return 0;
    return sl_raster__too_many(l, "points of contours", most,
                               "take a wider interval, fewer levels, or a coarser grid with a warp step", err);
}

static int count(struct sl_raster_layer *l, GDALRasterBandH band, struct counter *c, struct sl_error *err)
{
    int64_t most = c->contour->polygons ? CROSSINGS_OF_AREAS_MAX : CROSSINGS_OF_LINES_MAX;
    int height = GDALGetRasterBandYSize(band);
    bool sane = true;
    c->width = GDALGetRasterBandXSize(band);
    c->above = sl_xcalloc(2 * (size_t)c->width, sizeof *c->above);
    c->here = c->above + c->width;
    double *lines = c->above;
    int rc = 0;
    for (int y = 0; rc == 0 && sane && y < height && c->crossings <= most; y++) {
        if (GDALRasterIO(band, GF_Read, 0, y, c->width, 1, c->here, c->width, 1, GDT_Float64, 0, 0) != CE_None ||
            !sl_raster__layer_progress(0, NULL, l)) {
            rc = -(int)SL_E_GDAL;
            break;
        }
        if (y == 0)
            memcpy(c->above, c->here, (size_t)c->width * sizeof *c->here);
        sane = count_line(c);
        double *above = c->above;
        c->above = c->here;
        c->here = above;
    }
    free(lines);
    return rc < 0 ? rc : judge(l, c, sane, err);
}

/* ---- making ---- */

static char **add_number(char **list, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    return CSLSetNameValue(list, key, text);
}

static char **options_of(const struct sl_raster_contour *c)
{
    char **list = NULL;
    if (c->interval > 0) {
        list = add_number(add_number(NULL, "LEVEL_INTERVAL", c->interval), "LEVEL_BASE", c->base);
    } else {
        struct sl_buf text;
        sl_buf_init(&text, 1 << 20);
        for (size_t i = 0; i < c->n_levels; i++)
            sl_buf_printf(&text, "%s%.17g", i ? "," : "", c->levels[i]);
        list = CSLSetNameValue(NULL, "FIXED_LEVELS", text.data ? text.data : "");
        sl_buf_free(&text);
    }
    if (!c->polygons)
        return CSLSetNameValue(list, "ELEV_FIELD", "0");
    list = CSLSetNameValue(CSLSetNameValue(list, "ELEV_FIELD_MIN", "0"), "ELEV_FIELD_MAX", "1");
    return CSLSetNameValue(list, "POLYGONIZE", "YES");
}

/* ---- what areas would cost ---- */

struct ring {
    double level;
    int points;
};

static int by_level(const void *a, const void *b)
{
    double x = ((const struct ring *)a)->level, y = ((const struct ring *)b)->level;
    return x < y ? -1 : x > y;
}

static double looks_of(struct ring *rings, size_t n)
{
    double looks = 0, points = 0;
    qsort(rings, n, sizeof *rings, by_level);
    for (size_t i = 0, first = 0; i < n; i++) {
        points += rings[i].points;
        if (i + 1 < n && rings[i + 1].level == rings[i].level)
            continue;
        looks += (double)(i + 1 - first) * points;
        first = i + 1;
        points = 0;
    }
    return looks;
}

static double looks_in(OGRLayerH lines)
{
    size_t n = 0, most = (size_t)OGR_L_GetFeatureCount(lines, TRUE);
    struct ring *rings = sl_xcalloc(most + 1, sizeof *rings);
    OGRFeatureH f;
    OGR_L_ResetReading(lines);
    while (n < most && (f = OGR_L_GetNextFeature(lines)) != NULL) {
        OGRGeometryH g = OGR_F_GetGeometryRef(f);
        rings[n++] = (struct ring){OGR_F_GetFieldAsDouble(f, 0), g ? OGR_G_GetPointCount(g) : 0};
        OGR_F_Destroy(f);
    }
    double looks = looks_of(rings, n);
    free(rings);
    return looks;
}

static int too_many_small(const struct sl_raster_layer *l, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_LIMIT, "%s has too many small contours for areas between them", l->in->name);
    sl_error_hint(err, "smooth it, take fewer levels, a coarser grid with a warp step, or lines (polygons: false)");
    return rc;
}

static int judge_lines(const struct sl_raster_layer *l, struct sl_error *err)
{
    static const char *const drivers[] = {"FlatGeobuf", NULL};
    GDALDatasetH file = GDALOpenEx(l->path, GDAL_OF_VECTOR | GDAL_OF_READONLY, drivers, NULL, NULL);
    if (!file)
        return -(int)SL_E_GDAL;
    double looks = looks_in(GDALDatasetGetLayer(file, 0));
    GDALClose(file);
    return looks > looks_max ? too_many_small(l, err) : 0;
}

/* The lines, in the place of the areas' file, which is made anew. */
static int judge_areas(struct sl_raster_layer *l, GDALRasterBandH band, const struct sl_raster_contour *c, struct sl_error *err)
{
    static const struct sl_raster_field level = {"level", OFTReal};
    struct sl_raster_contour lines_only = *c;
    lines_only.polygons = false;
    int64_t most = l->max_features;
    char **options = options_of(&lines_only);
    l->max_features = RINGS_OF_AREAS_MAX;
    bool made = sl_raster__layer_create(l, wkbLineString, &level, 1) &&
                GDALContourGenerateEx(band, l->layer, options, sl_raster__layer_progress, l) == CE_None;
    sl_raster__layer_close(l);
    int rc = l->over ? too_many_small(l, err) : made ? judge_lines(l, err) : -(int)SL_E_GDAL;
    CSLDestroy(options);
    unlink(l->path);
    l->max_features = most;
    l->over = false;
    l->rows = 0;
    return rc;
}

static int make(struct sl_raster_layer *l, GDALRasterBandH band, const struct sl_raster_contour *c, struct sl_error *err)
{
    struct counter counter = {.contour = c, .least = INFINITY, .greatest = -INFINITY};
    struct sl_error gdal = {0}, why = {0};
    char **options = options_of(c), lower[NAME_BYTES], upper[NAME_BYTES];
    const struct sl_raster_field line[] = {{c->column, OFTReal}}, area[] = {{lower, OFTReal}, {upper, OFTReal}};
    snprintf(lower, sizeof lower, "%s_min", c->column);
    snprintf(upper, sizeof upper, "%s_max", c->column);
    sl_gdal_errors_begin();
    int rc = count(l, band, &counter, &why);
    if (rc == 0 && c->polygons && counter.least <= counter.greatest)
        rc = judge_areas(l, band, c, &why);
    if (rc == 0 && !(c->polygons ? sl_raster__layer_create(l, wkbMultiPolygon, area, 2)
                                 : sl_raster__layer_create(l, wkbLineString, line, 1)))
        rc = -(int)SL_E_GDAL;
    /* Without any value there is nothing to make, and of areas GDAL would ask for their range. */
    if (rc == 0 && counter.least <= counter.greatest &&
        GDALContourGenerateEx(band, l->layer, options, sl_raster__layer_progress, l) != CE_None)
        rc = -(int)SL_E_GDAL;
    sl_raster__layer_close(l);
    CSLDestroy(options);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    return sl_raster__layer_end(l, rc < 0 || said, why.code != SL_OK ? &why : &gdal, "contours", err);
}

int sl_raster_contour(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_contour *given,
                      const char *path, int64_t *rows, struct sl_error *err)
{
    struct sl_raster_contour c = *given;
    struct sl_raster_layer l;
    SL_CLEANUP(sl_raster_closep) struct sl_raster *values = NULL;
    int rc = sl_raster__layer_begin(&l, context, in, path, err);
    rc = rc < 0 ? rc : sl_raster__layer_band(&l, c.band, err);
    if (rc < 0)
        return rc;
    l.max_features = c.max_features;
    GDALRasterBandH band = GDALGetRasterBand(in->dataset, (int)c.band);
    GDALDataType type = GDALGetRasterDataType(band);
    if (GDALDataTypeIsFloating(type) || !(GDALGetMaskFlags(band) & GMF_ALL_VALID)) {
        rc = with_nan(context, in, type, &c, &values, err);
        band = rc == 0 ? GDALGetRasterBand(values->dataset, 1) : NULL;
    }
    rc = rc < 0 ? rc : make(&l, band, &c, err);
    if (rc == 0)
        *rows = l.rows;
    return rc;
}

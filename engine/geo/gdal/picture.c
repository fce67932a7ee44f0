/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gdal.h>

#include "base/arena.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"

enum { LEVEL_SIDE_MAX = 4096, CHANNELS = 4 };
static const double LOW_PERCENTILE = 0.02, HIGH_PERCENTILE = 0.98;

/* ---- which bands, and which of their levels ---- */

struct source {
    GDALRasterBandH bands[3]; /* red, green, blue, or one three times over */
    size_t n;                 /* 1 or 3 different ones */
    GDALColorTableH palette;
    bool stretch;
};

static struct source choose(const struct sl_raster *r)
{
    static const GDALColorInterp colors[3] = {GCI_RedBand, GCI_GreenBand, GCI_BlueBand};
    GDALRasterBandH first = GDALGetRasterBand(r->dataset, 1);
    struct source s = {.bands = {first, first, first}, .n = 1, .palette = GDALGetRasterColorTable(first)};
    size_t found = 0;
    GDALRasterBandH rgb[3] = {NULL};
    for (size_t i = 1; i <= r->info.n_bands; i++)
        for (size_t c = 0; c < 3; c++) {
            GDALRasterBandH band = GDALGetRasterBand(r->dataset, (int)i);
            if (!rgb[c] && GDALGetRasterColorInterpretation(band) == colors[c]) {
                rgb[c] = band;
                found++;
            }
        }
    if (found == 3) {
        memcpy(s.bands, rgb, sizeof rgb);
        s.n = 3;
    }
    s.stretch = !s.palette && (s.n == 1 || GDALGetRasterDataType(s.bands[0]) != GDT_Byte);
    return s;
}

/* The smallest overview that still has as many pixels as the picture. */
static GDALRasterBandH level_of(GDALRasterBandH band, int width, int height)
{
    GDALRasterBandH best = band;
    for (int i = 0; i < GDALGetOverviewCount(band); i++) {
        GDALRasterBandH o = GDALGetOverview(band, i);
        if (o && GDALGetRasterBandXSize(o) >= width && GDALGetRasterBandYSize(o) >= height &&
            GDALGetRasterBandXSize(o) < GDALGetRasterBandXSize(best))
            best = o;
    }
    return best;
}

/* One level of a band in memory: values, and which of them count. */
struct level {
    int width, height;
    float *values;
    unsigned char *mask;
};

/* A raster without overviews is read in steps, so that the level stays small. */
static bool read_level(GDALRasterBandH band, int width, int height, struct level *out)
{
    GDALRasterBandH level = level_of(band, width, height);
    int full_width = GDALGetRasterBandXSize(level), full_height = GDALGetRasterBandYSize(level);
    out->width = full_width < LEVEL_SIDE_MAX ? full_width : width;
    out->height = full_height < LEVEL_SIDE_MAX ? full_height : height;
    size_t n = (size_t)out->width * (size_t)out->height;
    out->values = sl_xmalloc(n * sizeof *out->values);
    out->mask = sl_xmalloc(n);
    return GDALRasterIO(level, GF_Read, 0, 0, full_width, full_height, out->values, out->width, out->height, GDT_Float32, 0,
                        0) == CE_None &&
           GDALRasterIO(GDALGetMaskBand(level), GF_Read, 0, 0, full_width, full_height, out->mask, out->width, out->height,
                        GDT_Byte, 0, 0) == CE_None;
}

/* ---- from the level to the picture ---- */

/* Where pixel i of n begins among `of` pixels. */
static int begin(int i, int n, int of)
{
    return (int)((int64_t)i * of / n);
}

/* Mean of the values that count; NaN where there is none. share: how much of the area counts. */
static float mean(const struct level *l, int x0, int x1, int y0, int y1, float *share)
{
    double sum = 0, counted = 0, opacity = 0;
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            size_t k = (size_t)y * (size_t)l->width + (size_t)x;
            if (l->mask[k] == 0 || !isfinite(l->values[k]))
                continue;
            sum += (double)l->values[k];
            opacity += l->mask[k];
            counted++;
        }
    *share = (float)(opacity / (255.0 * (x1 - x0) * (y1 - y0)));
    return counted > 0 ? (float)(sum / counted) : NAN;
}

static void shrink(const struct level *l, const struct sl_picture *p, bool classes, float *values, float *shares)
{
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) {
            int x0 = begin(x, p->width, l->width), x1 = begin(x + 1, p->width, l->width);
            int y0 = begin(y, p->height, l->height), y1 = begin(y + 1, p->height, l->height);
            size_t k = (size_t)y * (size_t)p->width + (size_t)x;
            if (classes) /* the middle one: a mean of classes is none */
                x0 = (x0 + x1) / 2, y0 = (y0 + y1) / 2, x1 = x0, y1 = y0;
            values[k] = mean(l, x0, x1 > x0 ? x1 : x0 + 1, y0, y1 > y0 ? y1 : y0 + 1, &shares[k]);
        }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void percentiles(const float *values, size_t n, double *low, double *high)
{
    SL_CLEANUP(sl_freep) float *sorted = sl_xmalloc((n + 1) * sizeof *sorted);
    size_t known = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            sorted[known++] = values[i];
    *low = *high = 0;
    if (known == 0)
        return;
    qsort(sorted, known, sizeof *sorted, by_value);
    *low = (double)sorted[(size_t)(LOW_PERCENTILE * (double)(known - 1))];
    *high = (double)sorted[(size_t)(HIGH_PERCENTILE * (double)(known - 1))];
}

static unsigned char to_byte(double v)
{
    return (unsigned char)(v <= 0 ? 0 : v >= 255 ? 255 : lround(v));
}

/* One channel of all pixels; the alpha is that of the channel that covers most. */
static void paint(struct sl_picture *p, size_t channel, const float *values, const float *shares, bool stretch)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    double low = 0, high = 255;
    if (stretch)
        percentiles(values, n, &low, &high);
    for (size_t k = 0; k < n; k++) {
        unsigned char *pixel = p->rgba + k * CHANNELS;
        if (!isfinite(values[k]))
            continue;
        pixel[channel] = to_byte(high > low ? ((double)values[k] - low) / (high - low) * 255 : 127);
        unsigned char alpha = to_byte((double)shares[k] * 255);
        pixel[3] = alpha > pixel[3] ? alpha : pixel[3];
    }
}

static void paint_palette(struct sl_picture *p, GDALColorTableH palette, const float *values, const float *shares)
{
    size_t n = (size_t)p->width * (size_t)p->height;
    for (size_t k = 0; k < n; k++) {
        int index = isfinite(values[k]) && values[k] >= 0 && values[k] < 65536 ? (int)values[k] : -1;
        const GDALColorEntry *e = index >= 0 ? GDALGetColorEntry(palette, index) : NULL;
        if (!e)
            continue;
        const short parts[CHANNELS] = {e->c1, e->c2, e->c3, e->c4};
        for (size_t c = 0; c < CHANNELS; c++)
            p->rgba[k * CHANNELS + c] = to_byte(parts[c]);
        p->rgba[k * CHANNELS + 3] = to_byte((double)shares[k] * parts[3]);
    }
}

static bool draw(const struct sl_raster *r, struct sl_picture *p)
{
    struct source s = choose(r);
    size_t n = (size_t)p->width * (size_t)p->height;
    bool classes = sl_raster__is_classes(r), done = true;
    SL_CLEANUP(sl_freep) float *values = sl_xmalloc(n * sizeof *values);
    SL_CLEANUP(sl_freep) float *shares = sl_xmalloc(n * sizeof *shares);
    for (size_t c = 0; c < s.n && done; c++) {
        struct level l = {0};
        done = read_level(s.bands[c], p->width, p->height, &l);
        if (done)
            shrink(&l, p, classes, values, shares);
        free(l.values);
        free(l.mask);
        if (done && s.palette)
            paint_palette(p, s.palette, values, shares);
        else if (done)
            paint(p, c, values, shares, s.stretch);
    }
    for (size_t k = 0; done && s.n == 1 && !s.palette && k < n; k++)
        p->rgba[k * CHANNELS + 1] = p->rgba[k * CHANNELS + 2] = p->rgba[k * CHANNELS];
    return done;
}

int sl_raster_picture(struct sl_raster *raster, int side, struct sl_picture *out, struct sl_error *err)
{
    int64_t longest = raster->info.width > raster->info.height ? raster->info.width : raster->info.height;
    double factor = longest > side ? (double)side / (double)longest : 1;
    struct sl_picture p = {.width = (int)fmax(1, rint((double)raster->info.width * factor)),
                           .height = (int)fmax(1, rint((double)raster->info.height * factor))};
    p.rgba = sl_xcalloc((size_t)p.width * (size_t)p.height, CHANNELS);
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    bool done = draw(raster, &p), said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    if (done && !said) {
        *out = p;
        return 0;
    }
    free(p.rgba);
    return sl_fail(err, said ? gdal.code : SL_E_GDAL, "no picture can be made of %s: %s", raster->name,
                   said ? gdal.message : "gdal gave no reason");
}

/* ---- PNG ---- */

static GDALDatasetH in_memory(const struct sl_picture *p)
{
    static const GDALColorInterp colors[CHANNELS] = {GCI_RedBand, GCI_GreenBand, GCI_BlueBand, GCI_AlphaBand};
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("MEM"), "", p->width, p->height, CHANNELS, GDT_Byte, NULL);
    bool done = ds && GDALDatasetRasterIO(ds, GF_Write, 0, 0, p->width, p->height, p->rgba, p->width, p->height, GDT_Byte,
                                          CHANNELS, NULL, CHANNELS, CHANNELS * p->width, 1) == CE_None;
    for (int i = 0; done && i < CHANNELS; i++)
        GDALSetRasterColorInterpretation(GDALGetRasterBand(ds, i + 1), colors[i]);
    if (ds && !done) {
        GDALClose(ds);
        ds = NULL;
    }
    return ds;
}

int sl_picture_write_png(const struct sl_picture *picture, const char *path, struct sl_error *err)
{
    int rc = sl_gdal_setup(err);
    if (rc < 0)
        return rc;
    struct sl_error gdal = {0};
    GDALDriverH png = GDALGetDriverByName("PNG");
    if (!png)
        return sl_fail(err, SL_E_GDAL, "gdal %s has no driver \"PNG\"", sl_gdal_version());
    sl_gdal_errors_begin();
    GDALDatasetH source = in_memory(picture);
    GDALDatasetH written = source ? GDALCreateCopy(png, path, source, FALSE, NULL, NULL, NULL) : NULL;
    if (written)
        GDALClose(written);
    if (source)
        GDALClose(source);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    if (written && !said)
        return 0;
    unlink(path);
    return sl_fail(err, said ? gdal.code : SL_E_GDAL, "the thumbnail cannot be written: %s",
                   said ? gdal.message : "gdal gave no reason");
}

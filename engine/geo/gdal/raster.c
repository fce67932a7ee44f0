/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/raster.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <gdal.h>
#include <ogr_srs_api.h>

#include "base/file.h"
#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"

enum {
    SIBLINGS_MAX = 16,
    BANDS_MAX = 65535,
    BLOCK_BYTES_MAX = 1 << 30 /* GDAL has a block in memory whole: of a file of one strip, the file */
};

/* ---- opening ---- */

/* The file itself and its declared sidecars: whatever else lies in the folder is not looked at. */
static void list_siblings(const char *path, const struct sl_format *format, struct sl_arena *arena,
                          char *siblings[SIBLINGS_MAX])
{
    size_t n = 0;
    const char *base = sl_path_base(path);
    const char *dot = strrchr(base, '.');
    int stem_bytes = dot ? (int)(dot - base) : (int)strlen(base);
    siblings[n++] = sl_arena_strdup(arena, base);
    for (const char *const *e = format->sidecars; e && *e && n + 1 < SIBLINGS_MAX; e++) {
        char *name = sl_arena_printf(arena, "%.*s.%s", stem_bytes, base, *e);
        struct stat st;
        if (stat(sl_arena_printf(arena, "%.*s%s", (int)(base - path), path, name), &st) == 0)
            siblings[n++] = name;
    }
    siblings[n] = NULL;
}

static int fail_open(struct sl_raster *r, const char *path, const struct sl_format *format,
                     const char *const *siblings, struct sl_error *err)
{
    const char *only[] = {format->driver, NULL};
    struct sl_error gdal = {0};
    bool said = sl_gdal_errors_end(SL_E_FILE_DAMAGED, &gdal);
    if (said && (gdal.code == SL_E_MEMORY || gdal.code == SL_E_DISK_FULL)) {
        if (err)
            *err = gdal;
        return -(int)gdal.code;
    }
    if (GDALIdentifyDriverEx(path, GDAL_OF_RASTER, only, siblings))
        return sl_fail(err, SL_E_FILE_DAMAGED, "%s cannot be opened as %s: %s", r->name, format->name, gdal.message);
    sl_fail(err, SL_E_FILE_FORMAT, "%s is not a %s file", r->name, format->name);
    sl_error_hint(err, "declare the format that the file really has, or repair the file");
    return -(int)SL_E_FILE_FORMAT;
}

static int open_dataset(struct sl_raster *r, const char *path, const struct sl_format *format, struct sl_error *err)
{
    const char *only[] = {format->driver, NULL};
    char *siblings[SIBLINGS_MAX];
    struct stat st;
    if (stat(path, &st) < 0)
        return sl_fail(err, SL_E_FILE_MISSING, "%s does not exist", r->name);
    r->file_bytes = st.st_size;
    list_siblings(path, format, r->arena, siblings);
    const char *const *names = (const char *const *)siblings;
    sl_gdal_errors_begin();
    r->dataset = GDALOpenEx(path, GDAL_OF_RASTER | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, only, NULL, names);
    if (!r->dataset)
        return fail_open(r, path, format, names, err);
    return sl_gdal_errors_end(SL_E_FILE_DAMAGED, err) ? -(int)SL_E_FILE_DAMAGED : 0;
}

/* ---- limits and refusals, before a pixel is read ---- */

static int check_size(const struct sl_raster *r, const struct sl_raster_limits *limits, struct sl_error *err)
{
    int64_t width = GDALGetRasterXSize(r->dataset), height = GDALGetRasterYSize(r->dataset), pixels = 0;
    int bands = GDALGetRasterCount(r->dataset);
    if (bands < 1 || width < 1 || height < 1)
        return sl_fail(err, SL_E_FILE_FORMAT, "%s has no pixels", r->name);
    if (bands > BANDS_MAX || __builtin_mul_overflow(width * height, (int64_t)bands, &pixels))
        pixels = INT64_MAX;
    if (limits && limits->max_pixels > 0 && pixels > limits->max_pixels)
        return sl_fail(err, SL_E_LIMIT, "%s has %lld x %lld pixels in %d bands, more than the limit of %lld", r->name,
                       (long long)width, (long long)height, bands, (long long)limits->max_pixels);
    int block_width = 0, block_height = 0;
    GDALRasterBandH band = GDALGetRasterBand(r->dataset, 1);
    GDALGetBlockSize(band, &block_width, &block_height);
    int64_t block = (int64_t)block_width * block_height * GDALGetDataTypeSizeBytes(GDALGetRasterDataType(band));
    if (block > BLOCK_BYTES_MAX)
        return sl_fail(err, SL_E_LIMIT, "%s has blocks of %d x %d pixels, which is too large to read in pieces", r->name,
                       block_width, block_height);
    return 0;
}

/* Metadata inside of a file can make GDAL open others: as overviews, or for the place of each pixel. */
static int check_references(const struct sl_raster *r, struct sl_error *err)
{
    static const char *const references[][2] = {
        {"OVERVIEW_FILE", "OVERVIEWS"}, {"X_DATASET", "GEOLOCATION"}, {"Y_DATASET", "GEOLOCATION"}};
    for (int b = 0; b <= GDALGetRasterCount(r->dataset); b++) {
        GDALMajorObjectH object = b ? (GDALMajorObjectH)GDALGetRasterBand(r->dataset, b) : r->dataset;
        for (size_t i = 0; i < sizeof references / sizeof *references; i++)
            if (GDALGetMetadataItem(object, references[i][0], references[i][1]))
                return sl_fail(err, SL_E_FILE_FORMAT, "%s refers to another file (%s), which is not allowed", r->name,
                               references[i][0]);
    }
    return 0;
}

static int check_single(const struct sl_raster *r, struct sl_error *err)
{
    char **list = GDALGetMetadata(r->dataset, "SUBDATASETS");
    size_t n = 0;
    while (list && list[n])
        n++;
    if (n / 2 <= 1)
        return 0;
    sl_fail(err, SL_E_FILE_LAYER, "%s holds %zu images, expected one", r->name, n / 2);
    sl_error_hint(err, "upload each image as a file of its own");
    return -(int)SL_E_FILE_LAYER;
}

/* ---- description ---- */

static void describe_bands(struct sl_raster *r)
{
    struct sl_raster_info *info = &r->info;
    info->n_bands = (size_t)GDALGetRasterCount(r->dataset);
    info->bands = sl_arena_array(r->arena, info->n_bands, sizeof *info->bands);
    for (size_t i = 0; i < info->n_bands; i++) {
        GDALRasterBandH band = GDALGetRasterBand(r->dataset, (int)i + 1);
        GDALDataType type = GDALGetRasterDataType(band);
        struct sl_raster_band *out = &info->bands[i];
        int has = 0;
        out->data_type = GDALGetDataTypeName(type);
        out->color_interpretation = GDALGetColorInterpretationName(GDALGetRasterColorInterpretation(band));
        out->description = sl_arena_strdup(r->arena, GDALGetDescription(band));
        if (type == GDT_Int64)
            out->nodata = (double)GDALGetRasterNoDataValueAsInt64(band, &has);
        else if (type == GDT_UInt64)
            out->nodata = (double)GDALGetRasterNoDataValueAsUInt64(band, &has);
        else
            out->nodata = GDALGetRasterNoDataValue(band, &has);
        out->has_nodata = has != 0;
        if (!has)
            out->nodata = 0;
    }
    info->overviews = GDALGetOverviewCount(GDALGetRasterBand(r->dataset, 1));
}

static int describe_crs(struct sl_raster *r, struct sl_error *err)
{
    static const char *const wkt2[] = {"FORMAT=WKT2_2019", NULL};
    OGRSpatialReferenceH srs = GDALGetSpatialRef(r->dataset);
    if (!srs && r->info.gcps > 0)
        srs = GDALGetGCPSpatialRef(r->dataset);
    /* A local system is what GDAL makes of GeoTIFF keys that say nothing: it has no place on earth. */
    if (!srs || OSRIsLocal(srs))
        return 0;
    char *wkt = NULL;
    if (OSRExportToWktEx(srs, &wkt, wkt2) != OGRERR_NONE || !wkt || !*wkt) {
        CPLFree(wkt);
        return sl_fail(err, SL_E_CRS_UNKNOWN, "the CRS of %s cannot be understood", r->name);
    }
    struct sl_crs *crs = sl_arena_alloc(r->arena, sizeof *crs);
    int rc = sl_crs_from_wkt(wkt, r->arena, crs, err);
    CPLFree(wkt);
    if (rc < 0)
        sl_error_prefix(err, "%s", r->name);
    else
        r->info.crs = crs;
    return rc;
}

static int describe_place(struct sl_raster *r, struct sl_error *err)
{
    struct sl_raster_info *info = &r->info;
    double *t = info->transform;
    info->gcps = GDALGetGCPCount(r->dataset);
    info->has_transform = GDALGetGeoTransform(r->dataset, t) == CE_None;
    if (!info->has_transform) {
        memset(t, 0, sizeof info->transform);
        return 0;
    }
    double *b = info->bounds;
    b[0] = b[1] = INFINITY;
    b[2] = b[3] = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        double column = corner & 1 ? (double)info->width : 0, row = corner & 2 ? (double)info->height : 0;
        double x = t[0] + column * t[1] + row * t[2], y = t[3] + column * t[4] + row * t[5];
        b[0] = fmin(b[0], x);
        b[1] = fmin(b[1], y);
        b[2] = fmax(b[2], x);
        b[3] = fmax(b[3], y);
    }
    for (int i = 0; i < 6; i++)
        if (!isfinite(t[i]) || (i < 4 && !isfinite(b[i])))
            return sl_fail(err, SL_E_FILE_DAMAGED, "the place of %s on earth is not a finite number", r->name);
    if (t[1] * t[5] - t[2] * t[4] == 0)
        return sl_fail(err, SL_E_FILE_DAMAGED, "the pixels of %s have no area", r->name);
    return 0;
}

static int describe(struct sl_raster *r, struct sl_error *err)
{
    r->info.width = GDALGetRasterXSize(r->dataset);
    r->info.height = GDALGetRasterYSize(r->dataset);
    sl_gdal_errors_begin();
    int rc = describe_place(r, err);
    rc = rc < 0 ? rc : describe_crs(r, err);
    if (rc == 0)
        describe_bands(r);
    struct sl_error gdal = {0};
    bool said = sl_gdal_errors_end(SL_E_FILE_DAMAGED, &gdal);
    if (rc == 0 && said) {
        rc = sl_fail(err, gdal.code, "%s: %s", r->name, gdal.message);
    }
    return rc;
}

int sl_raster_open(const char *path, const struct sl_format *format, const struct sl_raster_limits *limits,
                   struct sl_raster **out, struct sl_error *err)
{
    int rc = sl_gdal_setup(err);
    if (rc < 0)
        return rc;
    struct sl_raster *r = sl_xcalloc(1, sizeof *r);
    r->arena = sl_arena_new();
    r->refs = 1;
    r->name = sl_arena_strdup(r->arena, sl_path_base(path));
    rc = sl_text_starts(path, "/vsi") ? sl_fail(err, SL_E_FILE_FORMAT, "\"%s\" is not a local file", path)
                                      : open_dataset(r, path, format, err);
    rc = rc < 0 ? rc : check_size(r, limits, err);
    rc = rc < 0 ? rc : check_references(r, err);
    rc = rc < 0 ? rc : check_single(r, err);
    rc = rc < 0 ? rc : describe(r, err);
    if (rc < 0) {
        sl_raster_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

int sl_raster__adopt(GDALDatasetH dataset, const char *name, struct sl_raster *const *below, size_t n_below,
                     struct sl_raster **out, struct sl_error *err)
{
    struct sl_raster *r = sl_xcalloc(1, sizeof *r);
    r->arena = sl_arena_new();
    r->refs = 1;
    r->name = sl_arena_strdup(r->arena, name);
    r->dataset = dataset;
    r->below = sl_arena_array(r->arena, n_below + 1, sizeof(struct sl_raster *));
    r->n_below = n_below;
    for (size_t i = 0; i < n_below; i++) {
        r->below[i] = below[i];
        below[i]->refs++;
    }
    int rc = describe(r, err);
    if (rc < 0) {
        sl_raster_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

bool sl_raster__is_classes(const struct sl_raster *raster)
{
    GDALRasterBandH band = GDALGetRasterBand(raster->dataset, 1);
    return GDALGetRasterColorInterpretation(band) == GCI_PaletteIndex || GDALGetRasterColorTable(band) ||
           GDALGetRasterCategoryNames(band) || GDALGetMetadataItem(band, "NBITS", "IMAGE_STRUCTURE");
}

bool sl_raster__is_north_up(const struct sl_raster *raster)
{
    const double *t = raster->info.transform;
    return raster->info.has_transform && t[2] == 0 && t[4] == 0 && t[1] > 0 && t[5] < 0;
}

void sl_raster_close(struct sl_raster *raster)
{
    if (!raster || --raster->refs > 0)
        return;
    if (raster->dataset)
        GDALClose(raster->dataset);
    for (size_t i = 0; i < raster->n_below; i++)
        sl_raster_close(raster->below[i]);
    if (raster->scratch_path)
        unlink(raster->scratch_path);
    free(raster->scratch_path);
    sl_arena_free(raster->arena);
    free(raster);
}

void sl_raster_closep(struct sl_raster **raster)
{
    sl_raster_close(*raster);
}

const struct sl_raster_info *sl_raster_info(const struct sl_raster *raster)
{
    return &raster->info;
}

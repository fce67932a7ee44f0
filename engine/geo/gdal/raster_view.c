/* SPDX-License-Identifier: Apache-2.0 */
/* Rasters that are computed as they are read: another CRS, a part, a choice of bands. All are VRTs in memory. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cpl_string.h>
#include <gdal.h>
#include <gdal_frmts.h>
#include <gdal_utils.h>
#include <ogr_srs_api.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

/* ---- GDAL's VRT driver, kept out of the way ---- */

static pthread_mutex_t vrt_lock = PTHREAD_MUTEX_INITIALIZER;
static GDALDriverH vrt_driver;

/* The driver is in GDAL's list only as long as a VRT is being made (which would put it there itself), so that no file is
 * ever opened as a VRT. */
GDALDatasetH sl_raster__with_vrt(GDALDatasetH (*make)(void *data), void *data)
{
    GDALDatasetH made = NULL;
    pthread_mutex_lock(&vrt_lock);
    if (vrt_driver) {
        GDALRegisterDriver(vrt_driver);
    } else {
        GDALRegister_VRT();
        vrt_driver = GDALGetDriverByName("VRT");
    }
    if (vrt_driver) {
        made = make(data);
        GDALDeregisterDriver(vrt_driver);
    }
    pthread_mutex_unlock(&vrt_lock);
    return made;
}

static GDALDatasetH copy_as_vrt(void *dataset)
{
    return GDALCreateCopy(vrt_driver, "", dataset, FALSE, NULL, NULL, NULL);
}

GDALDatasetH sl_raster__view(GDALDatasetH dataset)
{
    return sl_raster__with_vrt(copy_as_vrt, dataset);
}

void *sl_raster__srs(const struct sl_crs *crs)
{
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    char *wkt = sl_xstrdup(crs->wkt), *rest = wkt;
    bool done = srs && OSRImportFromWkt(srs, &rest) == OGRERR_NONE;
    free(wkt);
    if (done)
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    else if (srs)
        OSRDestroySpatialReference(srs);
    return done ? srs : NULL;
}

/* ---- another CRS ---- */

static int fail_view(const struct sl_raster *in, const char *what, struct sl_error *err)
{
    struct sl_error gdal = {0};
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    return sl_fail(err, said ? gdal.code : SL_E_GDAL, "%s: %s: %s", in->name, what,
                   said ? gdal.message : "gdal gave no reason");
}

int sl_raster_assign(struct sl_raster *in, const struct sl_crs *crs, struct sl_raster **out, struct sl_error *err)
{
    sl_gdal_errors_begin();
    OGRSpatialReferenceH srs = sl_raster__srs(crs);
    GDALDatasetH view = srs ? sl_raster__view(in->dataset) : NULL;
    bool done = view && (in->info.gcps > 0
                             ? GDALSetGCPs2(view, GDALGetGCPCount(in->dataset), GDALGetGCPs(in->dataset), srs)
                             : GDALSetSpatialRef(view, srs)) == CE_None;
    if (srs)
        OSRDestroySpatialReference(srs);
    if (!done) {
        if (view)
            GDALClose(view);
        return fail_view(in, "it cannot be given another CRS", err);
    }
    (void)sl_gdal_errors_end(SL_E_GDAL, NULL);
    return sl_raster__adopt(view, in->name, &in, 1, out, err);
}

/* ---- a part, some bands ---- */

struct translation {
    GDALDatasetH source;
    char **arguments;
};

static GDALDatasetH translate_to_vrt(void *data)
{
    struct translation *t = data;
    int bad_usage = 0;
    GDALTranslateOptions *options = GDALTranslateOptionsNew(t->arguments, NULL);
    GDALDatasetH made = options ? GDALTranslate("", t->source, options, &bad_usage) : NULL;
    GDALTranslateOptionsFree(options);
    return made;
}

static int translate(struct sl_raster *in, char **arguments, const char *what, struct sl_raster **out,
                     struct sl_error *err)
{
    struct translation t = {in->dataset, arguments};
    sl_gdal_errors_begin();
    GDALDatasetH view = sl_raster__with_vrt(translate_to_vrt, &t);
    if (!view)
        return fail_view(in, what, err);
    (void)sl_gdal_errors_end(SL_E_GDAL, NULL);
    return sl_raster__adopt(view, in->name, &in, 1, out, err);
}

/* Bounds in another CRS, as bounds in the raster's. */
static int own_bounds(const struct sl_raster *in, const struct sl_bounds *b, const char *crs, double own[4],
                      struct sl_error *err)
{
    own[0] = b->xmin, own[1] = b->ymin, own[2] = b->xmax, own[3] = b->ymax;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_crs from;
    int rc = crs ? sl_crs_parse(crs, arena, &from, err) : 0;
    if (rc < 0 || !crs || (in->info.crs && sl_crs_same(&from, in->info.crs)))
        return rc;
    if (!in->info.crs)
        return sl_fail(err, SL_E_CRS_MISSING, "%s has no CRS to find the bounds in", in->name);
    enum { POINTS_OF_AN_EDGE = 21 };
    OGRSpatialReferenceH a = sl_raster__srs(&from), z = sl_raster__srs(in->info.crs);
    OGRCoordinateTransformationH t = a && z ? OCTNewCoordinateTransformation(a, z) : NULL;
    double in_crs[4];
    bool done = t && OCTTransformBounds(t, own[0], own[1], own[2], own[3], &in_crs[0], &in_crs[1], &in_crs[2], &in_crs[3],
                                        POINTS_OF_AN_EDGE);
    for (int i = 0; done && i < 4; i++)
        done = isfinite(in_crs[i]);
    if (t)
        OCTDestroyCoordinateTransformation(t);
    if (a)
        OSRDestroySpatialReference(a);
    if (z)
        OSRDestroySpatialReference(z);
    if (!done)
        return sl_fail(err, SL_E_CRS_MISMATCH, "the bounds [%.15g, %.15g, %.15g, %.15g] of %s have no place in the CRS of %s",
                       own[0], own[1], own[2], own[3], crs, in->name);
    memcpy(own, in_crs, sizeof in_crs);
    return 0;
}

/* Whole pixels from a position along one axis: a bound that lies on an edge but for the last digits takes no pixel more. */
static void window(double from, double to, int64_t pixels, int64_t *first, int64_t *n)
{
    const double tolerance = 1e-6;
    double low = floor(from + tolerance), high = ceil(to - tolerance);
    low = fmin(fmax(low, 0), (double)pixels);
    high = fmin(fmax(high, 0), (double)pixels);
    *first = (int64_t)low;
    *n = high > low ? (int64_t)(high - low) : 0;
}

int sl_raster_clip(struct sl_raster *in, const struct sl_bounds *bounds, const char *crs, struct sl_raster **out,
                   struct sl_error *err)
{
    const double *t = in->info.transform;
    double b[4];
    if (!sl_raster__is_north_up(in)) {
        sl_fail(err, SL_E_RECIPE_OPTION, "clip: %s is %s", in->name,
                in->info.has_transform ? "rotated, so that bounds are no rectangle of pixels" : "not georeferenced");
        sl_error_hint(err, "put a warp step before it");
        return -(int)SL_E_RECIPE_OPTION;
    }
    if (bounds->xmin > bounds->xmax)
        return sl_fail(err, SL_E_RECIPE_OPTION, "clip: the bounds of a raster cannot go over the antimeridian");
    int rc = own_bounds(in, bounds, crs, b, err);
    if (rc < 0)
        return rc;
    int64_t x, y, width, height;
    window((b[0] - t[0]) / t[1], (b[2] - t[0]) / t[1], in->info.width, &x, &width);
    window((b[3] - t[3]) / t[5], (b[1] - t[3]) / t[5], in->info.height, &y, &height);
    if (width == 0 || height == 0)
        return sl_fail(err, SL_E_RECIPE_OPTION,
                       "clip: the bounds [%.15g, %.15g, %.15g, %.15g] lie outside of %s, which has [%.15g, %.15g, %.15g, %.15g]",
                       b[0], b[1], b[2], b[3], in->name, in->info.bounds[0], in->info.bounds[1], in->info.bounds[2],
                       in->info.bounds[3]);
    char numbers[4][24];
    const int64_t values[4] = {x, y, width, height};
    char **arguments = CSLAddString(CSLAddString(CSLAddString(NULL, "-of"), "VRT"), "-srcwin");
    for (int i = 0; i < 4; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)values[i]);
        arguments = CSLAddString(arguments, numbers[i]);
    }
    rc = translate(in, arguments, "it cannot be clipped", out, err);
    CSLDestroy(arguments);
    return rc;
}

int sl_raster_bands(struct sl_raster *in, const int *numbers, size_t n, struct sl_raster **out, struct sl_error *err)
{
    char **arguments = CSLAddString(CSLAddString(NULL, "-of"), "VRT");
    for (size_t i = 0; i < n; i++) {
        char text[16];
        if (numbers[i] < 1 || (size_t)numbers[i] > in->info.n_bands) {
            CSLDestroy(arguments);
            return sl_fail(err, SL_E_RECIPE_OPTION, "%s has %zu band%s, there is no band %d", in->name, in->info.n_bands,
                           in->info.n_bands == 1 ? "" : "s", numbers[i]);
        }
        snprintf(text, sizeof text, "%d", numbers[i]);
        arguments = CSLAddString(CSLAddString(arguments, "-b"), text);
    }
    int rc = translate(in, arguments, "its bands cannot be chosen", out, err);
    CSLDestroy(arguments);
    return rc;
}

/* ---- what means no data ---- */

static bool type_has(GDALDataType type, double value)
{
    static const struct {
        GDALDataType type;
        double least, greatest;
    } ranges[] = {{GDT_Byte, 0, 255},
                  {GDT_UInt16, 0, 65535},
                  {GDT_Int16, -32768, 32767},
                  {GDT_UInt32, 0, 4294967295.0},
                  {GDT_Int32, -2147483648.0, 2147483647.0},
                  {GDT_UInt64, 0, 9007199254740992.0},
                  {GDT_Int64, -9007199254740992.0, 9007199254740992.0}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (ranges[i].type == type)
            return value >= ranges[i].least && value <= ranges[i].greatest && value == rint(value);
    return true;
}

int sl_raster_say_nodata(struct sl_raster *in, bool none, double value, struct sl_raster **out, struct sl_error *err)
{
    char text[40] = "none";
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(in->dataset, 1));
    if (!none && !type_has(type, value))
        return sl_fail(err, SL_E_RECIPE_OPTION, "nodata %.15g is no value of %s, which has pixels of type %s", value, in->name,
                       GDALGetDataTypeName(type));
    if (!none && isnan(value))
        snprintf(text, sizeof text, "nan");
    else if (!none)
        snprintf(text, sizeof text, "%.17g", value);
    char **arguments = CSLAddString(CSLAddString(NULL, "-of"), "VRT");
    arguments = CSLAddString(CSLAddString(arguments, "-a_nodata"), text);
    int rc = translate(in, arguments, "its nodata cannot be changed", out, err);
    CSLDestroy(arguments);
    return rc;
}

int sl_raster_add_alpha(struct sl_raster *in, struct sl_raster **out, struct sl_error *err)
{
    size_t n = in->info.n_bands;
    bool byte = GDALGetRasterDataType(GDALGetRasterBand(in->dataset, 1)) == GDT_Byte;
    char **arguments = CSLAddString(CSLAddString(NULL, "-of"), "VRT"), number[32];
    if (!byte || (n != 1 && n != 3) || sl_raster__is_classes(in)) {
        CSLDestroy(arguments);
        sl_fail(err, SL_E_RECIPE_OPTION, "add_alpha is for 1 or 3 bands of type Byte without a palette, %s has other", in->name);
        sl_error_hint(err, "leave add_alpha out: nodata and masks stay what they are");
        return -(int)SL_E_RECIPE_OPTION;
    }
    for (size_t i = 1; i <= n; i++) {
        snprintf(number, sizeof number, "%zu", i);
        arguments = CSLAddString(CSLAddString(arguments, "-b"), number);
    }
    arguments = CSLAddString(CSLAddString(arguments, "-b"), "mask");
    arguments = CSLAddString(CSLAddString(arguments, "-mask"), "none");
    arguments = CSLAddString(CSLAddString(arguments, "-a_nodata"), "none");
    int rc = translate(in, arguments, "no alpha band can be made", out, err);
    CSLDestroy(arguments);
    if (rc < 0)
        return rc;
    GDALRasterBandH alpha = GDALGetRasterBand((*out)->dataset, (int)n + 1);
    GDALSetRasterColorInterpretation(alpha, GCI_AlphaBand);
    (*out)->info.bands[n].color_interpretation = GDALGetColorInterpretationName(GCI_AlphaBand);
    return 0;
}

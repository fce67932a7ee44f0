/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/raster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <gdal_alg.h>
#include <ogr_srs_api.h>

#include "base/text.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum { BLOCK_SIZE = 512, BLOCK_MIN = 128, BLOCK_MAX = 4096, BLOCKS_CHECKED_MAX = 4 * 1000 * 1000, THREADS_MAX = 256 };

static const char *const compressions[] = {"DEFLATE", "ZSTD", "LZW", "JPEG", "WEBP", "LERC", "NONE"};
static const char *const resamplings[] = {"nearest", "average", "bilinear", "cubic", "cubicspline",
                                          "lanczos", "mode",    "rms",      "gauss"};

/* ---- options ---- */

/* Differences between neighbours are small for measured values; palette numbers and packed bits have none, and TIFF
 * defines none for complex numbers. */
static const char *predictor(const struct sl_raster *r, const char *compression)
{
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(r->dataset, 1));
    bool takes_one = !strcmp(compression, "DEFLATE") || !strcmp(compression, "ZSTD") || !strcmp(compression, "LZW");
    if (!takes_one || GDALDataTypeIsComplex(type) || sl_raster__is_classes(r))
        return "NO";
    return GDALDataTypeIsFloating(type) ? "FLOATING_POINT" : "STANDARD";
}

/* What the recipe asks for, where the data type has it. */
static int choose_predictor(const struct sl_raster *r, const struct sl_cog_options *o, const char *compression, const char **out,
                            struct sl_error *err)
{
    GDALDataType type = GDALGetRasterDataType(GDALGetRasterBand(r->dataset, 1));
    bool floats = o->predictor && !strcmp(o->predictor, "FLOATING_POINT"), none = o->predictor && !strcmp(o->predictor, "NO");
    bool bits = GDALGetMetadataItem(GDALGetRasterBand(r->dataset, 1), "NBITS", "IMAGE_STRUCTURE") != NULL;
    *out = o->predictor ? o->predictor : predictor(r, compression);
    if (!o->predictor || none || (!GDALDataTypeIsComplex(type) && !bits && floats == (GDALDataTypeIsFloating(type) && floats)))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "predictor %s does not go with %s, which has pixels of type %s", o->predictor, r->name,
                   GDALGetDataTypeName(type));
}

static const char *one_of(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!strcasecmp(words[i], word))
            return words[i];
    return NULL;
}

static int fail_word(const char *what, const char *word, const char *const *words, size_t n, struct sl_error *err)
{
    const char *near = sl_text_nearest(word, words, n);
    return near ? sl_fail(err, SL_E_RECIPE_OPTION, "%s \"%s\" does not exist, did you mean \"%s\"?", what, word, near)
                : sl_fail(err, SL_E_RECIPE_OPTION, "%s \"%s\" does not exist", what, word);
}

static int choose_compression(const struct sl_raster *r, const struct sl_cog_options *o, const char **out,
                              struct sl_error *err)
{
    size_t n = sizeof compressions / sizeof *compressions;
    const char *name = one_of(compressions, n, o->compression ? o->compression : "DEFLATE");
    if (!name)
        return fail_word("compression", o->compression, compressions, n, err);
    char value[32];
    snprintf(value, sizeof value, "<Value>%s</Value>", name);
    const char *known = GDALGetMetadataItem(GDALGetDriverByName("COG"), GDAL_DMD_CREATIONOPTIONLIST, NULL);
    if (!known || !strstr(known, value))
        return sl_fail(err, SL_E_RECIPE_OPTION, "this gdal (%s) is built without compression %s", sl_gdal_version(), name);
    /* GDAL would go by way of a driver that is not registered, and JPEG has no room for the fourth band. */
    size_t bands = r->info.n_bands;
    bool byte = GDALGetRasterDataType(GDALGetRasterBand(r->dataset, 1)) == GDT_Byte && !sl_raster__is_classes(r);
    if (!strcmp(name, "JPEG") && (!byte || (bands != 1 && bands != 3)))
        return sl_fail(err, SL_E_RECIPE_OPTION, "compression JPEG is for 1 or 3 bands of type Byte, %s has other", r->name);
    if (!strcmp(name, "WEBP") && (!byte || (bands != 3 && bands != 4)))
        return sl_fail(err, SL_E_RECIPE_OPTION, "compression WEBP is for 3 or 4 bands of type Byte, %s has other", r->name);
    *out = name;
    return 0;
}

static int choose_options(const struct sl_raster *r, const struct sl_cog_options *o, char ***out, struct sl_error *err)
{
    const char *compression = NULL;
    size_t n = sizeof resamplings / sizeof *resamplings;
    const char *wanted = o->resampling ? o->resampling : sl_raster__is_classes(r) ? "nearest" : "average";
    const char *resampling = one_of(resamplings, n, wanted);
    int block = o->block_size ? o->block_size : BLOCK_SIZE;
    if (!resampling)
        return fail_word("resampling", wanted, resamplings, n, err);
    if (block < BLOCK_MIN || block > BLOCK_MAX || block % 16)
        return sl_fail(err, SL_E_RECIPE_OPTION, "block size %d is not a multiple of 16 between %d and %d", block, BLOCK_MIN,
                       BLOCK_MAX);
    if (o->threads < 0 || o->threads > THREADS_MAX)
        return sl_fail(err, SL_E_RECIPE_OPTION, "%d threads are not between 0 (all cores) and %d", o->threads, THREADS_MAX);
    const char *differences = NULL;
    int rc = choose_compression(r, o, &compression, err);
    rc = rc < 0 ? rc : choose_predictor(r, o, compression, &differences, err);
    if (rc < 0)
        return rc;
    char number[16], threads[16], level[16], quality[16], error[40];
    snprintf(number, sizeof number, "%d", block);
    snprintf(threads, sizeof threads, "%d", o->threads);
    snprintf(level, sizeof level, "%d", o->level);
    snprintf(quality, sizeof quality, "%d", o->quality);
    snprintf(error, sizeof error, "%.17g", o->max_z_error);
    char **list = CSLSetNameValue(NULL, "COMPRESS", compression);
    list = CSLSetNameValue(list, "PREDICTOR", differences);
    list = CSLSetNameValue(list, "BLOCKSIZE", number);
    if (o->level > 0 && (!strcmp(compression, "DEFLATE") || !strcmp(compression, "ZSTD")))
        list = CSLSetNameValue(list, "LEVEL", level);
    if (o->quality > 0 && (!strcmp(compression, "JPEG") || !strcmp(compression, "WEBP")))
        list = CSLSetNameValue(list, "QUALITY", quality);
    if (o->max_z_error > 0 && !strcmp(compression, "LERC"))
        list = CSLSetNameValue(list, "MAX_Z_ERROR", error);
    list = CSLSetNameValue(list, "RESAMPLING", resampling);
    /* What the input brings may be made by another rule, or lie. */
    list = CSLSetNameValue(list, "OVERVIEWS", o->no_overviews ? "NONE" : "IGNORE_EXISTING");
    list = CSLSetNameValue(list, "BIGTIFF", "IF_SAFER");
    *out = CSLSetNameValue(list, "NUM_THREADS", o->threads ? threads : "ALL_CPUS");
    return 0;
}

/* ---- reading every pixel ---- */

/* Where each block lies is in the directory: a file that ends before its last block was cut off, whatever the decoder
 * would make of the rest (libjpeg fills with grey). */
int sl_raster__check_blocks(const struct sl_raster *r, struct sl_error *err)
{
    for (size_t i = 0; i < r->n_below; i++) {
        int rc = sl_raster__check_blocks(r->below[i], err);
        if (rc < 0)
            return rc;
    }
    GDALDriverH driver = GDALGetDatasetDriver(r->dataset);
    const char *interleave = GDALGetMetadataItem(r->dataset, "INTERLEAVE", "IMAGE_STRUCTURE");
    if (!driver || strcmp(GDALGetDriverShortName(driver), "GTiff") != 0 || r->scratch_path)
        return 0;
    int planes = interleave && !strcmp(interleave, "BAND") ? (int)r->info.n_bands : 1, bw = 1, bh = 1;
    GDALGetBlockSize(GDALGetRasterBand(r->dataset, 1), &bw, &bh);
    int64_t across = (r->info.width + bw - 1) / bw, down = (r->info.height + bh - 1) / bh;
    if (across * down > BLOCKS_CHECKED_MAX / planes)
        return 0;
    for (int p = 1; p <= planes; p++) {
        GDALRasterBandH band = GDALGetRasterBand(r->dataset, p);
        for (int64_t i = 0; i < across * down; i++) {
            char key[64];
            snprintf(key, sizeof key, "BLOCK_OFFSET_%lld_%lld", (long long)(i % across), (long long)(i / across));
            const char *text = GDALGetMetadataItem(band, key, "TIFF");
            int64_t offset = text ? CPLAtoGIntBig(text) : 0;
            snprintf(key, sizeof key, "BLOCK_SIZE_%lld_%lld", (long long)(i % across), (long long)(i / across));
            text = offset ? GDALGetMetadataItem(band, key, "TIFF") : NULL;
            int64_t bytes = text ? CPLAtoGIntBig(text) : 0, end = 0;
            if (offset < 0 || bytes < 0 || __builtin_add_overflow(offset, bytes, &end) || end > r->file_bytes)
                return sl_fail(err, SL_E_FILE_TRUNCATED, "%s ends at byte %lld, but its pixels go on", r->name,
                               (long long)r->file_bytes);
        }
    }
    return 0;
}

/* Whose fault a failed copy was: the input's, when it cannot be read alone either. */
bool sl_raster__is_damaged(const struct sl_raster *r, struct sl_error *err)
{
    for (size_t i = 0; i < r->n_below; i++)
        if (sl_raster__is_damaged(r->below[i], err))
            return true;
    if (r->n_below > 0 || r->scratch_path)
        return false;
    sl_gdal_errors_begin();
    for (int b = 1; b <= GDALGetRasterCount(r->dataset); b++)
        GDALChecksumImage(GDALGetRasterBand(r->dataset, b), 0, 0, (int)r->info.width, (int)r->info.height);
    struct sl_error gdal = {0};
    if (!sl_gdal_errors_end(SL_E_FILE_DAMAGED, &gdal))
        return false;
    sl_fail(err, gdal.code, "the pixels of %s cannot all be read: %s", r->name, gdal.message);
    return true;
}

/* ---- writing ---- */

struct watch {
    const struct sl_cog_options *options;
    bool stopped;
};

static int CPL_STDCALL on_progress(double fraction, const char *message, void *data)
{
    (void)message;
    struct watch *w = data;
    if (w->options->progress && w->options->progress(w->options->progress_data, fraction) == 0)
        w->stopped = true;
    return !w->stopped;
}

static void remove_unfinished(const char *path)
{
    /* What GDAL's COG driver keeps beside its output while it works. */
    static const char *const suffixes[] = {"", ".ovr.tmp", ".msk.ovr.tmp", ".warped.tif.tmp"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[4096];
        if (snprintf(name, sizeof name, "%s%s", path, suffixes[i]) < (int)sizeof name)
            unlink(name);
    }
}

static int fail_copy(const struct sl_raster *r, const struct watch *w, struct sl_error *gdal, struct sl_error *err)
{
    if (w->stopped)
        return sl_fail(err, SL_E_CANCELLED, "writing %s was stopped", r->name);
    if (gdal->code != SL_E_DISK_FULL && gdal->code != SL_E_MEMORY) {
        struct sl_error input = {0};
        if (sl_raster__is_damaged(r, &input))
            *gdal = input;
    }
    if (err)
        *err = *gdal;
    return -(int)gdal->code;
}

static int copy(const struct sl_raster *r, GDALDatasetH source, const char *path, char **list,
                const struct sl_cog_options *options, struct sl_error *err)
{
    struct watch w = {.options = options};
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    GDALDatasetH written =
        GDALCreateCopy(GDALGetDriverByName("COG"), path, source, FALSE, list, on_progress, &w);
    /* The last bytes go out when it is closed: a full disk may show only here. */
    if (written)
        GDALClose(written);
    bool failed = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    if (!failed && !written)
        sl_fail(&gdal, SL_E_GDAL, "gdal wrote nothing and did not say why");
    if (!failed && written)
        return 0;
    remove_unfinished(path);
    return fail_copy(r, &w, &gdal, err);
}

int sl_raster_write_cog(struct sl_raster *raster, const char *path, const struct sl_cog_options *options,
                        struct sl_error *err)
{
    static const struct sl_cog_options defaults = {0};
    const struct sl_cog_options *o = options ? options : &defaults;
    char **list = NULL;
    int rc = choose_options(raster, o, &list, err);
    rc = rc < 0 ? rc : sl_raster__check_blocks(raster, err);
    if (rc < 0) {
        CSLDestroy(list);
        return rc;
    }
    struct sl_raster *view = NULL;
    if (o->crs && !(raster->info.crs && sl_crs_same(raster->info.crs, o->crs)))
        rc = sl_raster_assign(raster, o->crs, &view, err);
    if (rc == 0)
        rc = copy(raster, view ? view->dataset : raster->dataset, path, list, o, err);
    sl_raster_close(view);
    CSLDestroy(list);
    return rc;
}

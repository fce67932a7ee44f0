/* SPDX-License-Identifier: Apache-2.0 */
/* Rasters that a step writes to the scratch folder: where, how, and what failing means. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cpl_string.h>
#include <gdal.h>

#include "base/uuid7.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"

int sl_raster__make_begin(struct sl_raster_made *made, const struct sl_raster_step_context *context, const char *name,
                          struct sl_error *err)
{
    char id[SL_UUID_TEXT_BYTES];
    sl_uuid7(id);
    *made = (struct sl_raster_made){.context = context, .name = name};
    if (snprintf(made->path, sizeof made->path, "%s/raster-%s.tif", context->scratch, id) >= (int)sizeof made->path)
        return sl_fail(err, SL_E_LIMIT, "the path of the scratch folder is longer than %zu bytes", sizeof made->path);
    return 0;
}

/* Not compressed: it is read once or twice and thrown away. */
char **sl_raster__make_options(void)
{
    static const char *const items[] = {"TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512", "BIGTIFF=IF_SAFER",
                                        "SPARSE_OK=TRUE", NULL};
    char **list = NULL;
    for (size_t i = 0; items[i]; i++)
        list = CSLAddString(list, items[i]);
    return list;
}

int sl_raster__make_limit(const struct sl_raster_step_context *context, const char *name, int64_t width, int64_t height,
                          int64_t bands, struct sl_error *err)
{
    int64_t pixels = 0;
    bool over = __builtin_mul_overflow(width, height, &pixels) || __builtin_mul_overflow(pixels, bands, &pixels);
    if (!over && (context->max_pixels <= 0 || pixels <= context->max_pixels))
        return 0;
    sl_fail(err, SL_E_LIMIT, "%s would get %lld x %lld pixels in %lld bands, more than the limit of %lld", name,
            (long long)width, (long long)height, (long long)bands, (long long)context->max_pixels);
    sl_error_hint(err, "ask for a coarser resolution, or raise raster.max_pixels");
    return -(int)SL_E_LIMIT;
}

int CPL_STDCALL sl_raster__make_progress(double fraction, const char *message, void *data)
{
    struct sl_raster_made *made = data;
    (void)message;
    if (made->context->progress && made->context->progress(made->context->progress_data, fraction) == 0)
        made->stopped = true;
    return !made->stopped;
}

int sl_raster__make_failed(struct sl_raster_made *made, const struct sl_error *gdal, struct sl_raster *const *in, size_t n,
                           struct sl_error *err)
{
    if (made->stopped)
        return sl_fail(err, SL_E_CANCELLED, "working on %s was stopped", made->name);
    if (gdal->code != SL_E_DISK_FULL && gdal->code != SL_E_MEMORY && sl_code_class(gdal->code) != SL_CLASS_INPUT)
        for (size_t i = 0; i < n; i++)
            if (sl_raster__is_damaged(in[i], err))
                return err ? -(int)err->code : -(int)SL_E_FILE_DAMAGED;
    if (err)
        *err = *gdal;
    return -(int)gdal->code;
}

int sl_raster__make_end(struct sl_raster_made *made, bool failed, const struct sl_error *gdal,
                        struct sl_raster *const *in, size_t n, struct sl_raster **out, struct sl_error *err)
{
    static const char *const only[] = {"GTiff", NULL}, *const alone[] = {NULL};
    struct sl_error why = {0};
    if (failed) {
        if (gdal && gdal->code != SL_OK)
            why = *gdal;
        else
            sl_fail(&why, SL_E_GDAL, "%s: gdal made nothing and did not say why", made->name);
        unlink(made->path);
        return sl_raster__make_failed(made, &why, in, n, err);
    }
    sl_gdal_errors_begin();
    GDALDatasetH dataset = GDALOpenEx(made->path, GDAL_OF_RASTER | GDAL_OF_READONLY, only, NULL, alone);
    if (sl_gdal_errors_end(SL_E_GDAL, &why) || !dataset) {
        if (dataset)
            GDALClose(dataset);
        unlink(made->path);
        return sl_fail(err, why.code == SL_OK ? SL_E_GDAL : why.code, "%s: what was made cannot be read again: %s",
                       made->name, why.message);
    }
    int rc = sl_raster__adopt(dataset, made->name, NULL, 0, out, err);
    if (rc < 0)
        unlink(made->path);
    else
        (*out)->scratch_path = sl_xstrdup(made->path);
    return rc;
}

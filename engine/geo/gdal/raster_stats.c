/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of all pixels, kept with a view of the raster and so in the file that is written of it. */
#include <cpl_error.h>
#include <gdal.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

/* A band without any data has none, which GDAL calls a failure. */
static bool has_data(GDALRasterBandH band, struct sl_raster_made *made, struct sl_raster_band *out)
{
    sl_gdal_errors_begin();
    CPLErr rc = GDALComputeRasterStatistics(band, FALSE, &out->minimum, &out->maximum, &out->mean, &out->stddev,
                                            sl_raster__make_progress, made);
    return rc == CE_None;
}

int sl_raster_stats(const struct sl_raster_step_context *context, struct sl_raster *in, struct sl_raster **out,
                    struct sl_error *err)
{
    struct sl_raster_made watch = {.context = context, .name = in->name};
    struct sl_raster *made = NULL;
    int rc = sl_raster__check_blocks(in, err);
    if (rc < 0)
        return rc;
    GDALDatasetH view = sl_raster__view(in->dataset);
    if (!view)
        return sl_fail(err, SL_E_GDAL, "%s: no view of it can be made", in->name);
    rc = sl_raster__adopt(view, in->name, &in, 1, &made, err);
    for (size_t i = 0; rc == 0 && i < made->info.n_bands; i++) {
        struct sl_raster_band *band = &made->info.bands[i];
        struct sl_error gdal = {0};
        band->has_statistics = has_data(GDALGetRasterBand(view, (int)i + 1), &watch, band);
        bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
        if (watch.stopped)
            rc = sl_fail(err, SL_E_CANCELLED, "working on %s was stopped", in->name);
        else if (said && sl_raster__is_damaged(in, err))
            rc = err ? -(int)err->code : -(int)SL_E_FILE_DAMAGED;
    }
    if (rc < 0)
        sl_raster_close(made);
    else
        *out = made;
    return rc;
}

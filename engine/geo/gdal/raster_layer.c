/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors that a step makes of a raster: the file in the scratch folder, its limits, and what failing means. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cpl_string.h>
#include <gdal.h>
#include <ogr_api.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"

int sl_raster__layer_begin(struct sl_raster_layer *l, const struct sl_raster_step_context *context, struct sl_raster *in,
                           const char *path, struct sl_error *err)
{
    *l = (struct sl_raster_layer){.watch = {.context = context, .name = in->name}, .in = in, .path = path};
    if (!in->info.has_transform) {
        sl_fail(err, SL_E_FILE_FORMAT, "%s has no transform, so that its pixels have no place yet", in->name);
        sl_error_hint(err, "%s", in->info.gcps > 0 ? "put a warp step before it, which makes the transform from the control points"
                                                   : "upload it with a world file, or as a GeoTIFF that has its place");
        return -(int)SL_E_FILE_FORMAT;
    }
    return sl_raster__check_blocks(in, err);
}

int sl_raster__layer_band(const struct sl_raster_layer *l, int64_t band, struct sl_error *err)
{
    if (band >= 1 && (size_t)band <= l->in->info.n_bands)
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "%s has %zu band%s, there is no band %" PRId64, l->in->name, l->in->info.n_bands,
                   l->in->info.n_bands == 1 ? "" : "s", band);
}

int sl_raster__too_many(const struct sl_raster_layer *l, const char *what, int64_t most, const char *hint, struct sl_error *err)
{
    sl_fail(err, SL_E_LIMIT, "%s would become more than %" PRId64 " %s", l->in->name, most, what);
    sl_error_hint(err, "%s", hint);
    return -(int)SL_E_LIMIT;
}

static bool create(struct sl_raster_layer *l, bool indexed)
{
    char **options = CSLSetNameValue(NULL, "SPATIAL_INDEX", indexed ? "YES" : "NO");
    l->dataset = GDALCreate(GDALGetDriverByName("FlatGeobuf"), l->path, 0, 0, 0, GDT_Unknown, NULL);
    if (l->dataset)
        l->layer = GDALDatasetCreateLayer(l->dataset, "vectors", NULL, (OGRwkbGeometryType)l->geometry_type, options);
    CSLDestroy(options);
    bool ok = l->layer != NULL;
    for (size_t i = 0; ok && i < l->n_fields; i++) {
        OGRFieldDefnH field = OGR_Fld_Create(l->fields[i].name, (OGRFieldType)l->fields[i].type);
        ok = OGR_L_CreateField(l->layer, field, FALSE) == OGRERR_NONE;
        OGR_Fld_Destroy(field);
    }
    return ok;
}

bool sl_raster__layer_create(struct sl_raster_layer *l, int geometry_type, const struct sl_raster_field *fields, size_t n)
{
    l->geometry_type = geometry_type;
    l->fields = fields;
    l->n_fields = n;
    return create(l, false);
}

/* No features yet: asking the layer would read the file that is being written. */
static int64_t written(const struct sl_raster_layer *l)
{
    return l->layer && OGR_L_TestCapability(l->layer, OLCFastFeatureCount) ? OGR_L_GetFeatureCount(l->layer, FALSE) : 0;
}

int CPL_STDCALL sl_raster__layer_progress(double fraction, const char *message, void *data)
{
    struct sl_raster_layer *l = data;
    l->over = l->over || (l->max_features > 0 && written(l) > l->max_features);
    return !l->over && sl_raster__make_progress(fraction, message, &l->watch);
}

void sl_raster__layer_close(struct sl_raster_layer *l)
{
    if (!l->dataset)
        return;
    l->rows = written(l);
    if (l->max_features > 0 && l->rows > l->max_features)
        l->over = true;
    GDALClose(l->dataset);
    l->dataset = NULL;
    /* Without features and index GDAL leaves an empty file, which is none of its format; with an index it writes the head. */
    if (l->rows == 0 && !l->over && !l->watch.stopped) {
        unlink(l->path);
        create(l, true);
        if (l->dataset)
            GDALClose(l->dataset);
        l->dataset = NULL;
    }
    l->layer = NULL;
}

int sl_raster__layer_end(struct sl_raster_layer *l, bool failed, const struct sl_error *gdal, const char *what, struct sl_error *err)
{
    if (!failed && !l->over)
        return 0;
    unlink(l->path);
    if (l->over)
        return sl_raster__too_many(l, what, l->max_features,
                                   "make classes of its values with a calc step, a coarser grid with a warp step, or raise "
                                   "max_features",
                                   err);
    struct sl_error why = {0};
    if (gdal && gdal->code != SL_OK)
        why = *gdal;
    else
        sl_fail(&why, SL_E_GDAL, "%s: gdal made no %s and did not say why", l->in->name, what);
    return sl_raster__make_failed(&l->watch, &why, &l->in, 1, err);
}

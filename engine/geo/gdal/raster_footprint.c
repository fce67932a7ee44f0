/* SPDX-License-Identifier: Apache-2.0 */
/* The outline of what a raster has data for: a raster of ones, its polygons, and of these one multipolygon. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <gdal.h>
#include <ogr_api.h>

#include "geo/gdal/gdal.h"
#include "geo/gdal/raster_internal.h"
#include "geo/gdal/raster_steps.h"

enum { PARTS_MAX = 1000 * 1000, PATH_BYTES = 4200 };

/* ---- a raster of ones ---- */

struct marks {
    const struct sl_raster_info *info;
    int64_t valid; /* pixels */
};

static bool is_alpha(const struct sl_raster_info *info, size_t band)
{
    return info->n_bands > 1 && !strcmp(info->bands[band].color_interpretation, "Alpha");
}

static bool counts(void *data, size_t band)
{
    const struct marks *m = data;
    return !is_alpha(m->info, band);
}

static int mark(void *data, const double *const *in, double *const *out, size_t n, struct sl_error *err)
{
    struct marks *m = data;
    (void)err;
    for (size_t k = 0; k < n; k++)
        out[0][k] = NAN;
    for (size_t i = 0; i < m->info->n_bands; i++)
        for (size_t k = 0; !is_alpha(m->info, i) && k < n; k++)
            if (!isnan(in[i][k]))
                out[0][k] = 1;
    for (size_t k = 0; k < n; k++)
        m->valid += !isnan(out[0][k]);
    return 0;
}

/* ---- one multipolygon ---- */

static OGRGeometryH filled(OGRGeometryH polygon)
{
    OGRGeometryH outer = OGR_G_CreateGeometry(wkbPolygon);
    if (OGR_G_GetGeometryCount(polygon) > 0)
        OGR_G_AddGeometry(outer, OGR_G_GetGeometryRef(polygon, 0));
    return outer;
}

/* All polygons of the file; NULL when it cannot be read. */
static OGRGeometryH collect(const char *path, bool holes)
{
    static const char *const only[] = {"FlatGeobuf", NULL}, *const alone[] = {NULL};
    GDALDatasetH dataset = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, only, NULL, alone);
    OGRLayerH layer = dataset ? GDALDatasetGetLayer(dataset, 0) : NULL;
    OGRGeometryH all = layer ? OGR_G_CreateGeometry(wkbMultiPolygon) : NULL;
    OGRFeatureH feature = NULL;
    while (all && (feature = OGR_L_GetNextFeature(layer))) {
        OGRGeometryH polygon = OGR_F_GetGeometryRef(feature);
        if (polygon && holes)
            OGR_G_AddGeometry(all, polygon);
        else if (polygon)
            OGR_G_AddGeometryDirectly(all, filled(polygon));
        OGR_F_Destroy(feature);
    }
    if (dataset)
        GDALClose(dataset);
    return all;
}

/* Takes `from`; an operation that fails gives NULL, and GDAL said why. */
static OGRGeometryH then(OGRGeometryH from, OGRGeometryH made)
{
    OGR_G_DestroyGeometry(from);
    return made;
}

static OGRGeometryH shape(OGRGeometryH all, const struct sl_raster_footprint *f, double pixel)
{
    double tolerance = f->tolerance > 0 ? f->tolerance : f->simplify_pixels * pixel;
    /* What lies in a filled hole is under the filling. */
    if (!f->holes)
        all = then(all, OGR_G_UnionCascaded(all));
    if (all && tolerance > 0)
        all = then(all, OGR_G_SimplifyPreserveTopology(all, tolerance));
    /* Pixels that meet at a corner only make rings that touch themselves. */
    if (all && !OGR_G_IsValid(all))
        all = then(all, OGR_G_MakeValid(all));
    return all ? OGR_G_ForceToMultiPolygon(all) : NULL;
}

static bool add(struct sl_raster_layer *l, OGRGeometryH outline, int64_t valid)
{
    OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(l->layer));
    OGR_F_SetFieldInteger64(feature, 0, valid);
    bool ok = OGR_F_SetGeometry(feature, outline) == OGRERR_NONE && OGR_L_CreateFeature(l->layer, feature) == OGRERR_NONE;
    OGR_F_Destroy(feature);
    return ok;
}

/* ---- the step ---- */

static int make_parts(struct sl_raster_layer *parts, struct sl_raster *ones, struct sl_error *err)
{
    struct sl_error gdal = {0}, why = {0};
    GDALRasterBandH band = GDALGetRasterBand(ones->dataset, 1);
    sl_gdal_errors_begin();
    int rc = sl_raster__layer_create(parts, wkbPolygon, NULL, 0) ? 0 : -(int)SL_E_GDAL;
    if (rc == 0)
        rc = sl_raster__polygons(parts, band, GDALGetMaskBand(band), false, -1, &why);
    sl_raster__layer_close(parts);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    return sl_raster__layer_end(parts, rc < 0 || said, why.code != SL_OK ? &why : &gdal, "parts of a footprint", err);
}

static int make_one(struct sl_raster_layer *l, const char *parts, int64_t valid, const struct sl_raster_footprint *f,
                    struct sl_error *err)
{
    static const struct sl_raster_field fields[] = {{"valid_pixels", OFTInteger64}};
    const double *t = l->in->info.transform;
    struct sl_error gdal = {0};
    OGRGeometryH outline = NULL;
    sl_gdal_errors_begin();
    bool ok = sl_raster__layer_create(l, wkbMultiPolygon, fields, 1);
    if (ok && valid > 0) {
        OGRGeometryH all = collect(parts, f->holes);
        outline = all ? shape(all, f, sqrt(fabs(t[1] * t[5] - t[2] * t[4]))) : NULL;
        ok = outline && add(l, outline, valid);
    }
    OGR_G_DestroyGeometry(outline);
    sl_raster__layer_close(l);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    return sl_raster__layer_end(l, !ok || said, &gdal, "footprint", err);
}

int sl_raster_footprint(const struct sl_raster_step_context *context, struct sl_raster *in, const struct sl_raster_footprint *f,
                        const char *path, int64_t *rows, struct sl_error *err)
{
    struct marks marks = {.info = &in->info};
    const struct sl_raster_map map = {.data_type = "Byte", .n_bands = 1, .no_data = SL_NODATA_VALUE, .pixels = mark, .data = &marks,
                                      .reads = counts};
    SL_CLEANUP(sl_raster_closep) struct sl_raster *ones = NULL;
    struct sl_raster_layer l, parts;
    char parts_path[PATH_BYTES];
    int rc = sl_raster__layer_begin(&l, context, in, path, err);
    if (rc == 0 && snprintf(parts_path, sizeof parts_path, "%s.parts.fgb", path) >= (int)sizeof parts_path)
        rc = sl_fail(err, SL_E_LIMIT, "the path of the scratch folder is longer than %d bytes", PATH_BYTES);
    rc = rc < 0 ? rc : sl_raster_map(context, in, &map, &ones, err);
    rc = rc < 0 ? rc : sl_raster__layer_begin(&parts, context, ones, parts_path, err);
    if (rc < 0)
        return rc;
    parts.max_features = PARTS_MAX;
    rc = make_parts(&parts, ones, err);
    rc = rc < 0 ? rc : make_one(&l, parts_path, marks.valid, f, err);
    unlink(parts_path);
    if (rc == 0)
        *rows = l.rows;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/gdal/vector_write.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_string.h>
#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "base/arena.h"
#include "geo/gdal/gdal.h"

enum { NAME_BYTES = 80, ROWS_A_TRANSACTION = 100000 };

struct sl_vector_writer {
    struct sl_vector_write_options options;
    char *path;
    GDALDatasetH dataset;
    OGRLayerH layer;
    OGRFeatureDefnH shape;
    const struct sl_value_column *columns;
    enum sl_value_type *types;
    size_t n, geometry; /* columns, and which of them is the geometry */
    struct sl_buf text; /* a value that needs a NUL at its end */
    int64_t rows;
    bool finished;
};

/* GDAL has no call for it: what a GeoPackage says of when it was changed. One time for all, so that bytes are the same. */
static void fix_time(bool on)
{
    CPLSetThreadLocalConfigOption("OGR_CURRENT_DATE", on ? "1970-01-01T00:00:00.000Z" : NULL);
}

static int fail_gdal(const struct sl_vector_writer *w, struct sl_error *gdal, bool said, const char *what,
                     struct sl_error *err)
{
    if (!said)
        return sl_fail(err, SL_E_GDAL, "%s: gdal could not %s and did not say why", w->options.driver, what);
    sl_error_prefix(gdal, "%s: %s", w->options.driver, what);
    if (err)
        *err = *gdal;
    return -(int)gdal->code;
}

/* ---- the layer ---- */

static OGRwkbGeometryType layer_type(const char *types)
{
    static const struct {
        const char *name;
        OGRwkbGeometryType type;
    } all[] = {{"Point", wkbPoint},
               {"LineString", wkbLineString},
               {"Polygon", wkbPolygon},
               {"MultiPoint", wkbMultiPoint},
               {"MultiLineString", wkbMultiLineString},
               {"MultiPolygon", wkbMultiPolygon},
               {"GeometryCollection", wkbGeometryCollection}};
    for (size_t i = 0; types && i < sizeof all / sizeof *all; i++) {
        size_t n = strlen(all[i].name);
        if (strncmp(types, all[i].name, n) != 0)
            continue;
        if (!types[n])
            return all[i].type;
        if (!strcmp(types + n, " Z"))
            return wkbSetZ(all[i].type);
    }
    return wkbUnknown;
}

static OGRFieldType field_type(enum sl_value_type type, OGRFieldSubType *sub)
{
    *sub = type == SL_VALUE_BOOL ? OFSTBoolean : type == SL_VALUE_FLOAT ? OFSTFloat32 : type == SL_VALUE_JSON ? OFSTJSON : OFSTNone;
    switch (type) {
    case SL_VALUE_BOOL:
    case SL_VALUE_INT: return OFTInteger;
    case SL_VALUE_INT64: return OFTInteger64;
    case SL_VALUE_FLOAT:
    case SL_VALUE_DOUBLE: return OFTReal;
    case SL_VALUE_BYTES: return OFTBinary;
    case SL_VALUE_DATE: return OFTDate;
    /* Neither format has a type of times of day. */
    case SL_VALUE_TIME: return OFTString;
    case SL_VALUE_TIMESTAMP:
    case SL_VALUE_INSTANT: return OFTDateTime;
    default: return OFTString;
    }
}

static bool taken(const struct sl_vector_writer *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcasecmp(w->columns[i].name, name))
            return true;
    return false;
}

static char **layer_options(const struct sl_vector_writer *w)
{
    char fid[NAME_BYTES] = "fid";
    char **list = CSLSetNameValue(NULL, "SPATIAL_INDEX", w->options.spatial_index ? "YES" : "NO");
    if (strcmp(w->options.driver, "GPKG") != 0)
        return list;
    for (int i = 1; taken(w, fid); i++)
        snprintf(fid, sizeof fid, "fid_%d", i);
    list = CSLSetNameValue(list, "FID", fid);
    return CSLSetNameValue(list, "GEOMETRY_NAME", w->options.geometry);
}

static OGRSpatialReferenceH reference(const struct sl_crs *crs)
{
    OGRSpatialReferenceH srs = crs ? OSRNewSpatialReference(NULL) : NULL;
    char *wkt = srs ? sl_xstrdup(crs->wkt) : NULL, *rest = wkt;
    if (srs && OSRImportFromWkt(srs, &rest) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    } else if (srs) {
        OSRDestroySpatialReference(srs);
        srs = NULL;
    }
    free(wkt);
    return srs;
}

static bool add_fields(struct sl_vector_writer *w)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->n; i++) {
        if (i == w->geometry)
            continue;
        OGRFieldSubType sub;
        OGRFieldDefnH field = OGR_Fld_Create(w->columns[i].name, field_type(w->columns[i].type, &sub));
        OGR_Fld_SetSubType(field, sub);
        ok = OGR_L_CreateField(w->layer, field, FALSE) == OGRERR_NONE;
        OGR_Fld_Destroy(field);
    }
    return ok;
}

static bool create(struct sl_vector_writer *w)
{
    GDALDriverH driver = GDALGetDriverByName(w->options.driver);
    /* The table of row counts would be one more place to be wrong; readers count. */
    char **list = !strcmp(w->options.driver, "GPKG") ? CSLSetNameValue(NULL, "ADD_GPKG_OGR_CONTENTS", "NO") : NULL;
    w->dataset = driver ? GDALCreate(driver, w->path, 0, 0, 0, GDT_Unknown, list) : NULL;
    CSLDestroy(list);
    if (!w->dataset)
        return false;
    OGRSpatialReferenceH srs = reference(w->options.crs);
    list = layer_options(w);
    w->layer = GDALDatasetCreateLayer(w->dataset, w->options.layer, srs, layer_type(w->options.geometry_types), list);
    CSLDestroy(list);
    if (srs)
        OSRRelease(srs);
    if (!w->layer || !add_fields(w))
        return false;
    w->shape = OGR_L_GetLayerDefn(w->layer);
    return GDALDatasetStartTransaction(w->dataset, FALSE) == OGRERR_NONE || !GDALDatasetTestCapability(w->dataset, ODsCTransactions);
}

static int begin(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    struct sl_vector_writer *w = data;
    struct sl_error gdal = {0};
    w->columns = columns;
    w->n = n;
    w->geometry = n;
    w->types = sl_xcalloc(n + 1, sizeof *w->types);
    for (size_t i = 0; i < n; i++) {
        w->types[i] = columns[i].type;
        if (!strcmp(columns[i].name, w->options.geometry))
            w->geometry = i;
    }
    if (w->geometry == n)
        return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "there is no geometry column \"%s\"", w->options.geometry);
    fix_time(true);
    sl_gdal_errors_begin();
    bool ok = create(w);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    fix_time(false);
    return ok && !said ? 0 : fail_gdal(w, &gdal, said, "create a layer", err);
}

/* ---- rows ---- */

static void set_time(OGRFeatureH feature, int field, const struct sl_value *v, enum sl_value_type type)
{
    const struct sl_value_time *t = &v->time;
    int zone = type == SL_VALUE_INSTANT ? 100 : 0; /* GDAL's numbers: UTC, unknown */
    OGR_F_SetFieldDateTimeEx(feature, field, t->year, t->month, t->day, t->hour, t->minute,
                             (float)((double)t->micros / 1e6), zone);
}

static int set_field(struct sl_vector_writer *w, OGRFeatureH feature, int field, size_t column, const struct sl_value *v,
                     struct sl_error *err)
{
    switch (w->types[column]) {
    case SL_VALUE_BOOL:
    case SL_VALUE_INT:
        OGR_F_SetFieldInteger(feature, field, (int)v->integer);
        return 0;
    case SL_VALUE_INT64:
        OGR_F_SetFieldInteger64(feature, field, v->integer);
        return 0;
    case SL_VALUE_FLOAT:
    case SL_VALUE_DOUBLE:
        OGR_F_SetFieldDouble(feature, field, v->real);
        return 0;
    case SL_VALUE_BYTES:
        if (v->n > INT_MAX)
            return sl_fail(err, SL_E_LIMIT, "a value of %zu bytes is too large", v->n);
        OGR_F_SetFieldBinary(feature, field, (int)v->n, v->bytes);
        return 0;
    case SL_VALUE_DATE:
    case SL_VALUE_TIMESTAMP:
    case SL_VALUE_INSTANT:
        set_time(feature, field, v, w->types[column]);
        return 0;
    default:
        sl_buf_clear(&w->text);
        sl_value_text(v, w->types[column], &w->text);
        OGR_F_SetFieldString(feature, field, w->text.data);
        return sl_buf_check(&w->text, "a text", err);
    }
}

static int fill(struct sl_vector_writer *w, OGRFeatureH feature, const struct sl_value *values, struct sl_error *err)
{
    int rc = 0, field = 0;
    for (size_t i = 0; rc == 0 && i < w->n; i++) {
        if (i == w->geometry)
            continue;
        if (values[i].null)
            OGR_F_SetFieldNull(feature, field);
        else
            rc = set_field(w, feature, field, i, &values[i], err);
        field++;
    }
    const struct sl_value *g = &values[w->geometry];
    OGRGeometryH geometry = NULL;
    if (rc < 0 || g->null)
        return rc;
    if (g->n > INT_MAX || OGR_G_CreateFromWkb(g->bytes, NULL, &geometry, (int)g->n) != OGRERR_NONE)
        return sl_fail(err, SL_E_OUTPUT_INVALID, "row %" PRId64 ": the geometry is no WKB", w->rows + 1);
    OGR_F_SetGeometryDirectly(feature, geometry);
    return 0;
}

static bool next_transaction(struct sl_vector_writer *w)
{
    if (w->rows % ROWS_A_TRANSACTION != 0 || !GDALDatasetTestCapability(w->dataset, ODsCTransactions))
        return true;
    return GDALDatasetCommitTransaction(w->dataset) == OGRERR_NONE &&
           GDALDatasetStartTransaction(w->dataset, FALSE) == OGRERR_NONE;
}

static int row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct sl_vector_writer *w = data;
    struct sl_error gdal = {0};
    sl_gdal_errors_begin();
    OGRFeatureH feature = OGR_F_Create(w->shape);
    int rc = fill(w, feature, values, err);
    bool ok = rc == 0 && OGR_L_CreateFeature(w->layer, feature) == OGRERR_NONE;
    OGR_F_Destroy(feature);
    w->rows++;
    ok = ok && next_transaction(w);
    bool said = sl_gdal_errors_end(SL_E_GDAL, &gdal);
    if (rc < 0 || (ok && !said))
        return rc;
    return fail_gdal(w, &gdal, said, "write a row", err);
}

/* ---- lifetime ---- */

int sl_vector_writer_open(const char *path, const struct sl_vector_write_options *options,
                          struct sl_vector_writer **out, struct sl_error *err)
{
    int rc = sl_gdal_setup(err);
    if (rc < 0)
        return rc;
    struct sl_vector_writer *w = sl_xcalloc(1, sizeof *w);
    w->options = *options;
    w->path = sl_xstrdup(path);
    sl_buf_init(&w->text, INT_MAX);
    *out = w;
    return 0;
}

struct sl_rows_sink sl_vector_writer_sink(struct sl_vector_writer *writer)
{
    return (struct sl_rows_sink){.begin = begin, .row = row, .data = writer};
}

/* The last bytes, and the index, go out when the file is closed. */
static bool close_file(struct sl_vector_writer *w, bool keep, struct sl_error *gdal, bool *said)
{
    fix_time(true);
    sl_gdal_errors_begin();
    bool ok = true;
    if (keep && GDALDatasetTestCapability(w->dataset, ODsCTransactions))
        ok = GDALDatasetCommitTransaction(w->dataset) == OGRERR_NONE;
    GDALClose(w->dataset);
    w->dataset = NULL;
    *said = sl_gdal_errors_end(SL_E_GDAL, gdal);
    fix_time(false);
    return ok && !*said;
}

int sl_vector_writer_finish(struct sl_vector_writer *writer, struct sl_error *err)
{
    struct sl_error gdal = {0};
    bool said = false;
    writer->finished = writer->dataset && close_file(writer, true, &gdal, &said);
    return writer->finished ? 0 : fail_gdal(writer, &gdal, said, "end the file", err);
}

void sl_vector_writer_free(struct sl_vector_writer *writer)
{
    struct sl_error ignored = {0};
    bool said;
    if (!writer)
        return;
    if (writer->dataset)
        close_file(writer, false, &ignored, &said);
    if (!writer->finished) {
        static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
        char name[4096];
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
            if (snprintf(name, sizeof name, "%s%s", writer->path, suffixes[i]) < (int)sizeof name)
                unlink(name);
    }
    sl_buf_free(&writer->text);
    free(writer->types);
    free(writer->path);
    free(writer);
}

void sl_vector_writer_freep(struct sl_vector_writer **writer)
{
    sl_vector_writer_free(*writer);
}

int sl_vector_count(const char *path, const char *driver, int64_t *rows, struct sl_error *err)
{
    const char *const drivers[] = {driver, NULL};
    struct sl_error gdal = {0};
    int64_t n = -1;
    sl_gdal_errors_begin();
    GDALDatasetH dataset = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_READONLY, drivers, NULL, NULL);
    OGRLayerH layer = dataset && GDALDatasetGetLayerCount(dataset) == 1 ? GDALDatasetGetLayer(dataset, 0) : NULL;
    if (layer)
        n = OGR_L_GetFeatureCount(layer, TRUE);
    if (dataset)
        GDALClose(dataset);
    bool said = sl_gdal_errors_end(SL_E_OUTPUT_INVALID, &gdal);
    if (n >= 0 && !said) {
        *rows = n;
        return 0;
    }
    return sl_fail(err, SL_E_OUTPUT_INVALID, "the written file cannot be read: %s", said ? gdal.message : "it has no layer");
}

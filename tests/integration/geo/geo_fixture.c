/* SPDX-License-Identifier: Apache-2.0 */
#include "geo_fixture.h"

#include <sys/stat.h>

#include "base/file.h"
#include "geo/gdal/gdal.h"
#include "pg/pg.h"

struct geo_fixture geo;
struct sl_error err;

struct sl_compute *geo_compute(int threads)
{
    struct sl_compute *compute = NULL;
    struct sl_postgis_options options = {.target = geo.cluster.target,
                                         .statement_timeout_ms = 60000,
                                         .duck = {.threads = threads,
                                                  .memory_bytes = (int64_t)400 << 20,
                                                  .extensions_dir = SLUICE_SOURCE_DIR "/.cache/duckdb/1.5.5/extensions"}};
    assert_ok(sl_postgis_open(&options, &compute, &err));
    return compute;
}

int geo_setup(void **state)
{
    (void)state;
    geo.arena = sl_arena_new();
    cm_temp_dir(geo.dir, sizeof geo.dir, "geo");
    assert_ok(sl_gdal_setup(&err));
    GDALAllRegister(); /* the tests write with drivers that the engine does not read with */
    assert_ok(test_cluster_open(&geo.cluster, NULL, true, &err));
    geo.compute = geo_compute(2);
    return 0;
}

int geo_teardown(void **state)
{
    (void)state;
    geo.compute->ops->free(geo.compute);
    test_cluster_close(&geo.cluster);
    sl_dir_remove(geo.dir, NULL);
    sl_arena_free(geo.arena);
    return 0;
}

const char *geo_path(const char *name)
{
    return sl_path_join(geo.arena, geo.dir, name);
}

GDALDatasetH geo_create(const char *driver, const char *path, const char *layer, int epsg, OGRwkbGeometryType type,
                        OGRLayerH *out)
{
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName(driver), path, 0, 0, 0, GDT_Unknown, NULL);
    assert_non_null(ds);
    OGRSpatialReferenceH srs = NULL;
    if (epsg) {
        srs = OSRNewSpatialReference(NULL);
        OSRImportFromEPSG(srs, epsg);
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    }
    *out = GDALDatasetCreateLayer(ds, layer, srs, type, NULL);
    assert_non_null(*out);
    if (srs)
        OSRRelease(srs);
    return ds;
}

void geo_field(OGRLayerH layer, const char *name, OGRFieldType type, OGRFieldSubType sub)
{
    OGRFieldDefnH field = OGR_Fld_Create(name, type);
    OGR_Fld_SetSubType(field, sub);
    assert_int_equal(OGR_L_CreateField(layer, field, TRUE), OGRERR_NONE);
    OGR_Fld_Destroy(field);
}

void geo_squares(const char *driver, const char *path, int count)
{
    OGRLayerH layer;
    GDALDatasetH ds = geo_create(driver, path, "squares", 25833, wkbPolygon, &layer);
    geo_field(layer, "id", OFTInteger, OFSTNone);
    geo_field(layer, "name", OFTString, OFSTNone);
    GDALDatasetStartTransaction(ds, FALSE);
    for (int i = 0; i < count; i++) {
        char text[256];
        double x = 300000 + 10.0 * (double)(i * 7919L % 10007), y = 5700000 + 10.0 * (double)(i * 104729L % 9973);
        snprintf(text, sizeof text, "POLYGON((%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f))", x, y, x + 5, y,
                 x + 5, y + 5, x, y + 5, x, y);
        char *wkt = text;
        OGRGeometryH g = NULL;
        OGR_G_CreateFromWkt(&wkt, NULL, &g);
        OGRFeatureH f = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGR_F_SetGeometryDirectly(f, g);
        OGR_F_SetFieldInteger(f, 0, i);
        snprintf(text, sizeof text, "square %d", i);
        OGR_F_SetFieldString(f, 1, text);
        assert_int_equal(OGR_L_CreateFeature(layer, f), OGRERR_NONE);
        OGR_F_Destroy(f);
    }
    GDALDatasetCommitTransaction(ds);
    GDALClose(ds);
}

int geo_open(const char *path, const char *format, struct sl_vector **out)
{
    struct sl_vector_options options = {.format = sl_format_by_name(format)};
    assert_non_null(options.format);
    return sl_vector_open(path, &options, out, &err);
}

int geo_load(struct sl_compute_session *session, const char *path, const char *format, const char *table,
             int64_t *rows)
{
    struct sl_vector *vector = NULL;
    int rc = geo_open(path, format, &vector);
    if (rc == 0)
        rc = session->compute->ops->load(session, vector, sl_vector_info(vector)->crs, table, rows, &err);
    sl_vector_close(vector);
    return rc;
}

struct sl_compute_session *geo_begin(struct sl_compute *compute)
{
    struct sl_compute_session *session = NULL;
    assert_ok(compute->ops->begin(compute, RUN_ID, geo.dir, &session, &err));
    return session;
}

int geo_eject(struct sl_compute_session *session, const char *table, const char *epsg, const char *path,
              struct sl_geoparquet_facts *facts)
{
    const struct sl_compute_ops *ops = session->compute->ops;
    struct sl_table t;
    struct sl_crs crs = {0};
    struct sl_geometry_facts geometry = {0};
    struct sl_relation relation;
    struct sl_geoparquet_options options = {.covering = true};
    int rc = ops->describe(session, table, true, geo.arena, &t, &err);
    if (rc == 0)
        rc = sl_crs_parse(epsg, geo.arena, &crs, &err);
    if (rc == 0 && t.geometry)
        rc = ops->geometry_facts(session, &t, &crs, &geometry, &err);
    if (rc == 0)
        rc = ops->relation(session, &t, SL_ORDER_HILBERT, geo.arena, &relation, &err);
    if (rc == 0)
        rc = sl_geoparquet_write(&relation, &t, &crs, &geometry, &options, path, facts, &err);
    return rc;
}

static int add_row(void *data, const char *const *values, size_t n, struct sl_error *e)
{
    (void)e;
    for (size_t i = 0; i < n; i++) {
        sl_buf_puts(data, values[i] ? values[i] : "NULL");
        sl_buf_putc(data, i + 1 < n ? '|' : '\n');
    }
    return 0;
}

const char *geo_ask(const char *sql)
{
    struct sl_duck *duck = NULL;
    struct sl_duck_options options = {.threads = 1};
    struct sl_buf out;
    sl_buf_init(&out, 1 << 20);
    assert_ok(sl_duck_open(&options, &duck, &err));
    assert_ok(sl_duck_exec(duck, "SET enable_geoparquet_conversion = false", SL_E_DUCKDB, NULL, &err));
    assert_ok(sl_duck_query(duck, sql, add_row, &out, &err));
    sl_duck_close(duck);
    const char *text = sl_arena_strdup(geo.arena, out.data);
    sl_buf_free(&out);
    return text;
}

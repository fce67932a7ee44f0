/* SPDX-License-Identifier: Apache-2.0 */
/* What GDAL wrote into a file is what Parquet has in the end, value by value. */
#include "geo_fixture.h"

#include <unistd.h>

#include "base/file.h"

static struct sl_compute_session *session;

static int begin(void **state)
{
    (void)state;
    session = geo_begin(geo.compute);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return session->compute->ops->end(session, false, &err);
}

static OGRFeatureH feature(OGRLayerH layer, const char *wkt)
{
    OGRFeatureH f = OGR_F_Create(OGR_L_GetLayerDefn(layer));
    OGRGeometryH g = NULL;
    char text[512], *p = text;
    snprintf(text, sizeof text, "%s", wkt ? wkt : "");
    if (wkt) {
        assert_int_equal(OGR_G_CreateFromWkt(&p, NULL, &g), OGRERR_NONE);
        OGR_F_SetGeometryDirectly(f, g);
    }
    return f;
}

static void add(OGRLayerH layer, OGRFeatureH f)
{
    assert_int_equal(OGR_L_CreateFeature(layer, f), OGRERR_NONE);
    OGR_F_Destroy(f);
}

static const char *through(const char *path, const char *format, const char *epsg, int64_t wanted)
{
    const char *parquet = sl_arena_printf(geo.arena, "%s.parquet", path);
    struct sl_geoparquet_facts facts;
    int64_t rows;
    assert_ok(geo_load(session, path, format, "raw_data", &rows));
    assert_int_equal(rows, wanted);
    assert_ok(geo_eject(session, "raw_data", epsg, parquet, &facts));
    assert_int_equal(facts.rows, wanted);
    return parquet;
}

static void scalars_of_a_geopackage_survive(void **state)
{
    (void)state;
    OGRLayerH layer;
    const char *path = geo_path("scalars.gpkg");
    GDALDatasetH ds = geo_create("GPKG", path, "t", 4326, wkbPoint, &layer);
    geo_field(layer, "i", OFTInteger, OFSTNone);
    geo_field(layer, "b", OFTInteger, OFSTBoolean);
    geo_field(layer, "s16", OFTInteger, OFSTInt16);
    geo_field(layer, "i64", OFTInteger64, OFSTNone);
    geo_field(layer, "r", OFTReal, OFSTNone);
    geo_field(layer, "f32", OFTReal, OFSTFloat32);
    geo_field(layer, "s", OFTString, OFSTNone);
    geo_field(layer, "js", OFTString, OFSTJSON);
    geo_field(layer, "d", OFTDate, OFSTNone);
    geo_field(layer, "dt", OFTDateTime, OFSTNone);
    geo_field(layer, "bin", OFTBinary, OFSTNone);
    OGRFeatureH f = feature(layer, "POINT (1.5 -2.5)");
    OGR_F_SetFieldInteger(f, 0, -2147483647);
    OGR_F_SetFieldInteger(f, 1, 1);
    OGR_F_SetFieldInteger(f, 2, -32768);
    OGR_F_SetFieldInteger64(f, 3, INT64_C(9007199254740993));
    OGR_F_SetFieldDouble(f, 4, 0.1);
    OGR_F_SetFieldDouble(f, 5, 0.5);
    OGR_F_SetFieldString(f, 6, "h\xc3\xa9 'quoted' \\ \t");
    OGR_F_SetFieldString(f, 7, "{\"a\":  1.0, \"a\": 2}");
    OGR_F_SetFieldDateTimeEx(f, 8, 1600, 2, 29, 0, 0, 0, 0);
    OGR_F_SetFieldDateTimeEx(f, 9, 2020, 2, 29, 12, 34, 56.789f, 108); /* two hours east */
    OGR_F_SetFieldBinary(f, 10, 4, "\0\xff\n\\");
    add(layer, f);
    f = feature(layer, "POINT (1 1)");
    for (int i = 0; i < 6; i++)
        OGR_F_SetFieldNull(f, i); /* the rest stays unset */
    add(layer, f);
    GDALClose(ds);
    const char *parquet = through(path, "GPKG", "EPSG:4326", 2);
    assert_answer(sl_arena_printf(geo.arena,
                                  "SELECT i, b, s16, i64, r, f32, s, js, d, epoch_ms(dt), hex(bin) FROM '%s' WHERE i IS NOT NULL",
                                  parquet),
                  "-2147483647|true|-32768|9007199254740993|0.1|0.5|h\xc3\xa9 'quoted' \\ \t|{\"a\":  1.0, \"a\": 2}|"
                  "1600-02-29|1582972496789|00FF0A5C\n");
    assert_answer(sl_arena_printf(geo.arena, "SELECT COLUMNS(* EXCLUDE (geom, bbox)) FROM '%s' WHERE i IS NULL", parquet),
                  "NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n");
    assert_answer(sl_arena_printf(geo.arena, "SELECT string_agg(type, ',' ORDER BY column_id) FROM parquet_schema('%s') "
                                             "WHERE type IS NOT NULL AND name NOT IN ('xmin', 'ymin', 'xmax', 'ymax')", parquet),
                  "INT32,BOOLEAN,INT32,INT64,DOUBLE,FLOAT,BYTE_ARRAY,BYTE_ARRAY,INT32,INT64,BYTE_ARRAY,BYTE_ARRAY\n");
}

static void lists_and_times_of_geojson_survive(void **state)
{
    (void)state;
    const char *path = geo_path("lists.geojson");
    static const char text[] =
        "{\"type\": \"FeatureCollection\", \"features\": ["
        "{\"type\": \"Feature\", \"properties\": {\"sl\": [\"a\", \"b,c\", \"\"], \"il\": [1, -2], \"i64l\": [1099511627776], "
        "\"rl\": [0.5, 1e300], \"bl\": [true, false], \"t\": \"12:34:56.789\", \"d\": \"2020-02-29\", "
        "\"dt\": \"2020-02-29T12:34:56.789\"}, \"geometry\": {\"type\": \"Point\", \"coordinates\": [1, 2]}},"
        "{\"type\": \"Feature\", \"properties\": {\"sl\": [], \"il\": null}, \"geometry\": null}]}";
    assert_ok(sl_file_write_durable(path, text, strlen(text), 0644, &err));
    const char *parquet = through(path, "GeoJSON", "EPSG:4326", 2);
    assert_answer(sl_arena_printf(geo.arena, "SELECT sl::VARCHAR, il::VARCHAR, i64l::VARCHAR, rl::VARCHAR, bl::VARCHAR, t, d, dt, typeof(dt) FROM '%s' ORDER BY t IS NULL", parquet),
                  "[a, 'b,c', '']|[1, -2]|[1099511627776]|[0.5, 1e+300]|[true, false]|12:34:56.789|2020-02-29|"
                  "2020-02-29 12:34:56.789|TIMESTAMP\n"
                  "[]|NULL|NULL|NULL|NULL|NULL|NULL|NULL|TIMESTAMP\n");
}

static void a_zone_makes_instants(void **state)
{
    (void)state;
    const char *path = geo_path("zones.geojson");
    static const char text[] =
        "{\"type\": \"FeatureCollection\", \"features\": ["
        "{\"type\": \"Feature\", \"properties\": {\"n\": 1, \"dt\": \"2020-01-01T00:30:00-05:45\"}, \"geometry\": null},"
        "{\"type\": \"Feature\", \"properties\": {\"n\": 2, \"dt\": \"2020-01-01T00:30:00Z\"}, \"geometry\": null},"
        "{\"type\": \"Feature\", \"properties\": {\"n\": 3, \"dt\": \"1901-01-01T00:30:00\"}, \"geometry\": null}]}";
    assert_ok(sl_file_write_durable(path, text, strlen(text), 0644, &err));
    const char *parquet = through(path, "GeoJSON", "EPSG:4326", 3);
    assert_answer(sl_arena_printf(geo.arena, "SELECT n, epoch(dt)::BIGINT, typeof(dt) FROM '%s' ORDER BY n", parquet),
                  "1|1577859300|TIMESTAMP WITH TIME ZONE\n2|1577838600|TIMESTAMP WITH TIME ZONE\n"
                  "3|-2177451000|TIMESTAMP WITH TIME ZONE\n");
}

static const struct {
    const char *wkt, *type, *box;
} geometries[] = {
    {NULL, "NULL", "NULL"},
    {"POINT EMPTY", "POINT EMPTY", "NULL"},
    {"POLYGON EMPTY", "POLYGON EMPTY", "NULL"},
    {"POINT (1 2)", "POINT (1 2)", "1.0"},
    {"POINT Z (3 4 5)", "POINT Z (3 4 5)", "3.0"},
    {"POINT M (6 7 8)", "POINT (6 7)", "6.0"},
    {"LINESTRING ZM (9 1 2 3,10 1 2 3)", "LINESTRING Z (9 1 2, 10 1 2)", "9.0"},
    {"TRIANGLE ((20 0,21 0,20 1,20 0))", "MULTIPOLYGON (((20 0, 21 0, 20 1, 20 0)))", "20.0"},
    {"GEOMETRYCOLLECTION (POINT (30 1),LINESTRING (30 1,31 2))", "GEOMETRYCOLLECTION (POINT (30 1), LINESTRING (30 1, 31 2))", "30.0"},
    {"MULTIPOINT ((40 1),(41 1))", "MULTIPOINT (40 1, 41 1)", "40.0"},
};

static void all_kinds_of_geometry_survive(void **state)
{
    (void)state;
    OGRLayerH layer;
    const char *path = geo_path("kinds.gpkg");
    GDALDatasetH ds = geo_create("GPKG", path, "t", 4326, wkbUnknown, &layer);
    geo_field(layer, "n", OFTInteger, OFSTNone);
    size_t n = sizeof geometries / sizeof *geometries;
    for (size_t i = 0; i <= n; i++) {
        OGRFeatureH f = feature(layer, i < n ? geometries[i].wkt : "CIRCULARSTRING (50 0,51 1,52 0)");
        OGR_F_SetFieldInteger(f, 0, (int)i);
        add(layer, f);
    }
    GDALClose(ds);
    const char *parquet = through(path, "GPKG", "EPSG:4326", (int64_t)n + 1);
    struct sl_duck *duck = NULL;
    struct sl_duck_options options = {.threads = 1, .extensions_dir = SLUICE_SOURCE_DIR "/.cache/duckdb/1.5.5/extensions"};
    assert_ok(sl_duck_open(&options, &duck, &err));
    assert_ok(sl_duck_load(duck, "spatial", &err));
    assert_ok(sl_duck_exec(duck, "SET enable_geoparquet_conversion = false", SL_E_DUCKDB, NULL, &err));
    for (size_t i = 0; i < n; i++) {
        int64_t same = 0;
        const char *box = sl_arena_printf(geo.arena, strcmp(geometries[i].box, "NULL") ? "bbox.xmin = %s" : "bbox IS %s", geometries[i].box);
        const char *shape = geometries[i].wkt ? sl_arena_printf(geo.arena, "ST_AsText(ST_GeomFromWKB(geom)) = '%s'", geometries[i].type)
                                              : "geom IS NULL";
        const char *sql = sl_arena_printf(geo.arena, "SELECT count(*) FROM (SELECT n, geom, bbox FROM '%s') WHERE n = %zu AND %s AND %s",
                                          parquet, i, shape, box);
        assert_ok(sl_duck_query_int(duck, sql, &same, &err));
        if (same != 1)
            fail_msg("%s: %s", sql, geo_ask(sl_arena_printf(geo.arena, "SELECT hex(geom), bbox::VARCHAR FROM '%s' WHERE n = %zu", parquet, i)));
    }
    int64_t lines = 0;
    assert_ok(sl_duck_query_int(duck, sl_arena_printf(geo.arena, "SELECT ST_NPoints(ST_GeomFromWKB(geom)) FROM '%s' WHERE n = %zu", parquet, n), &lines, &err));
    assert_true(lines > 20);
    sl_duck_close(duck);
    const char *types = geo_ask(sl_arena_printf(geo.arena, "SELECT decode(value)::JSON->'columns'->'geom'->>'geometry_types' FROM parquet_kv_metadata('%s') WHERE key = 'geo'", parquet));
    assert_string_equal(types, "[\"GeometryCollection\",\"LineString\",\"LineString Z\",\"MultiPoint\",\"MultiPolygon\",\"Point\",\"Point Z\",\"Polygon\"]\n");
}

static void hostile_names_become_columns(void **state)
{
    (void)state;
    OGRLayerH layer;
    const char *path = geo_path("names.gpkg");
    GDALDatasetH ds = geo_create("GPKG", path, "t\"; DROP TABLE x; --", 4326, wkbPoint, &layer);
    geo_field(layer, "a\"; DROP SCHEMA public CASCADE; --", OFTInteger, OFSTNone);
    geo_field(layer, "bbox", OFTInteger, OFSTNone);
    geo_field(layer, "xmin", OFTInteger, OFSTNone);
    geo_field(layer, "select", OFTInteger, OFSTNone);
    OGRFeatureH f = feature(layer, "POINT (1 1)");
    for (int i = 0; i < 4; i++)
        OGR_F_SetFieldInteger(f, i, i);
    add(layer, f);
    GDALClose(ds);
    const char *parquet = through(path, "GPKG", "EPSG:4326", 1);
    assert_answer(sl_arena_printf(geo.arena, "SELECT \"a\"\"; DROP SCHEMA public CASCADE; --\", bbox_1, xmin_1, \"select\" FROM '%s'", parquet),
                  "0|1|2|3\n");
}

static void text_that_is_not_utf8_names_its_row(void **state)
{
    (void)state;
    OGRLayerH layer;
    const char *path = geo_path("latin.gpkg");
    GDALDatasetH ds = geo_create("GPKG", path, "t", 4326, wkbPoint, &layer);
    geo_field(layer, "s", OFTString, OFSTNone);
    OGRFeatureH f = feature(layer, "POINT (1 1)");
    add(layer, f);
    f = feature(layer, "POINT (1 1)");
    OGR_F_SetFieldString(f, 0, "caf\xe9");
    add(layer, f);
    GDALClose(ds);
    int64_t rows;
    assert_fails(geo_load(session, path, "GPKG", "raw_data", &rows), SL_E_FILE_DAMAGED);
    assert_contains(err.message, "row 2 (feature 2), \"s\"");
}

static void a_ring_that_is_not_closed_names_its_row(void **state)
{
    (void)state;
    const char *path = geo_path("open.geojson");
    static const char text[] = "{\"type\": \"FeatureCollection\", \"features\": [{\"type\": \"Feature\", \"properties\": {}, "
                               "\"geometry\": {\"type\": \"Polygon\", \"coordinates\": [[[0,0],[1,0],[1,1],[0,1]]]}}]}";
    assert_ok(sl_file_write_durable(path, text, strlen(text), 0644, &err));
    int64_t rows;
    assert_fails(geo_load(session, path, "GeoJSON", "raw_data", &rows), SL_E_FILE_DAMAGED);
    assert_contains(err.message, "row 1");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(scalars_of_a_geopackage_survive),   T(lists_and_times_of_geojson_survive),
        T(a_zone_makes_instants),             T(all_kinds_of_geometry_survive),
        T(hostile_names_become_columns),      T(text_that_is_not_utf8_names_its_row),
        T(a_ring_that_is_not_closed_names_its_row),
    };
    return cmocka_run_group_tests(tests, geo_setup, geo_teardown);
}

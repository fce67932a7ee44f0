/* SPDX-License-Identifier: Apache-2.0 */
/* The compute port on DuckDB: values, confinement, the time-out, its own functions, the same bytes every time. */
#include "support/cm.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gdal.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>

#include "base/arena.h"
#include "base/file.h"
#include "geo/duckdb/compute_internal.h"
#include "geo/duckdb/functions.h"
#include "geo/gdal/gdal.h"
#include "geo/gdal/vector.h"
#include "lake/geoparquet/geoparquet.h"

#define RUN_ID "0199a3c4-0000-7000-8000-000000000001"

static struct sl_error err;
static struct sl_arena *arena;
static char dir[128];
static struct sl_compute *compute;
static struct sl_compute_session *session;

static struct sl_compute *open_compute(int threads, int64_t timeout_ms)
{
    struct sl_compute *made = NULL;
    const struct sl_duckdb_options options = {
        .statement_timeout_ms = timeout_ms,
        .duck = {.threads = threads, .extensions_dir = SLUICE_SOURCE_DIR "/.cache/duckdb/1.5.5/extensions"}};
    assert_ok(sl_duckdb_open(&options, &made, &err));
    return made;
}

static const char *path(const char *name)
{
    return sl_path_join(arena, dir, name);
}

static struct sl_compute_session *begin_on(struct sl_compute *c)
{
    struct sl_compute_session *s = NULL;
    assert_ok(c->ops->begin(c, RUN_ID, path("scratch"), &s, &err));
    return s;
}

static int setup(void **state)
{
    (void)state;
    arena = sl_arena_new();
    cm_temp_dir(dir, sizeof dir, "duckdb");
    assert_ok(sl_gdal_setup(&err));
    GDALAllRegister();
    compute = open_compute(2, 60000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    compute->ops->free(compute);
    sl_dir_remove(dir, NULL);
    sl_arena_free(arena);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    session = begin_on(compute);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_ok(session->compute->ops->end(session, false, &err));
    return 0;
}

static int64_t make(struct sl_compute_session *s, const char *select, const char *table)
{
    int64_t rows = -1;
    assert_ok(s->compute->ops->transform(s, select, table, &rows, &err));
    return rows;
}

static int64_t ask(struct sl_compute_session *s, const char *sql)
{
    int64_t n = -1;
    assert_ok(s->compute->ops->query_int(s, sql, &n, &err));
    return n;
}

/* Rows of the classes of geometry that are hard: Z, M, both, empty, NULL. */
static void write_shapes(const char *file)
{
    static const char *const shapes[] = {"POINT Z (1 2 3)", "POINT M (1 2 4)", "LINESTRING ZM (0 0 1 2,3 4 5 6)",
                                         "POLYGON ((0 0,4 0,4 4,0 4,0 0))", "POINT EMPTY", "MULTIPOLYGON EMPTY",
                                         "CIRCULARSTRING (0 0,1 1,2 0)", NULL};
    OGRSpatialReferenceH srs = OSRNewSpatialReference(NULL);
    OSRImportFromEPSG(srs, 25833);
    GDALDatasetH ds = GDALCreate(GDALGetDriverByName("GPKG"), file, 0, 0, 0, GDT_Unknown, NULL);
    OGRLayerH layer = GDALDatasetCreateLayer(ds, "shapes", srs, wkbUnknown, NULL);
    OGRFieldDefnH field = OGR_Fld_Create("id", OFTInteger64);
    OGR_L_CreateField(layer, field, TRUE);
    OGR_Fld_Destroy(field);
    for (int i = 0; i < 8; i++) {
        OGRFeatureH f = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH g = NULL;
        char text[100];
        char *wkt = text;
        snprintf(text, sizeof text, "%s", shapes[i] ? shapes[i] : "");
        if (shapes[i] && OGR_G_CreateFromWkt(&wkt, NULL, &g) == OGRERR_NONE)
            OGR_F_SetGeometryDirectly(f, g);
        OGR_F_SetFieldInteger64(f, 0, i);
        assert_int_equal(OGR_L_CreateFeature(layer, f), OGRERR_NONE);
        OGR_F_Destroy(f);
    }
    OSRRelease(srs);
    GDALClose(ds);
}

static int64_t load(struct sl_compute_session *s, const char *file, const char *format, const char *table)
{
    const struct sl_vector_options options = {.format = sl_format_by_name(format)};
    struct sl_vector *vector = NULL;
    int64_t rows = -1;
    assert_ok(sl_vector_open(file, &options, &vector, &err));
    assert_ok(s->compute->ops->load(s, vector, sl_vector_info(vector)->crs, table, &rows, &err));
    sl_vector_close(vector);
    return rows;
}

static void every_kind_of_geometry_comes_in_and_is_told(void **state)
{
    (void)state;
    struct sl_table table;
    struct sl_geometry_facts facts;
    write_shapes(path("shapes.gpkg"));
    assert_int_equal(load(session, path("shapes.gpkg"), "GPKG", "raw_data"), 8);
    assert_ok(session->compute->ops->describe(session, "raw_data", true, arena, &table, &err));
    assert_int_equal(table.rows, 8);
    assert_string_equal(table.columns[0].type, "bigint");
    assert_string_equal(table.geometry, "geom");
    assert_ok(session->compute->ops->geometry_facts(session, &table, NULL, &facts, &err));
    assert_string_equal(facts.types, "LineString,LineString Z,MultiPolygon,Point,Point Z,Polygon");
    assert_int_equal(facts.null_count, 1);
    assert_int_equal(facts.empty_count, 2);
    assert_int_equal(facts.measured_count, 2);
    assert_true(facts.any && facts.bounds[0] == 0 && facts.bounds[2] == 4 && facts.bounds[3] == 4);
}

static void a_file_that_lies_is_told_by_its_reader(void **state)
{
    (void)state;
    const struct sl_vector_options options = {.format = sl_format_by_name("GeoJSON")};
    struct sl_vector *vector = NULL;
    int64_t rows;
    FILE *f = fopen(path("cut.json"), "w");
    fputs("{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":{},\"geometry\":"
          "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1]]]}}]}", f);
    fclose(f);
    assert_ok(sl_vector_open(path("cut.json"), &options, &vector, &err));
    assert_int_equal(session->compute->ops->load(session, vector, NULL, "raw_data", &rows, &err), -SL_E_FILE_DAMAGED);
    sl_vector_close(vector);
}

/* ---- confinement ------------------------------------------------------------------------------------------------ */

static const char *const hostile[] = {
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_blob('tables.duckdb')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM ST_Read('/etc/passwd')",
    "SELECT * FROM ST_Read('/vsicurl/http://127.0.0.1/x.fgb')",
    "SELECT * FROM ST_Read_Meta('/etc/passwd')",
    "SELECT * FROM (SELECT 1 AS a WHERE EXISTS (SELECT 1 FROM read_json('/etc/passwd')))",
    "WITH x AS (SELECT * FROM parquet_scan('/x.parquet')) SELECT * FROM x",
    "SELECT (SELECT count(*) FROM glob('/*')) AS a",
    "SELECT * FROM query('SELECT 1 AS a')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM tables.main.x",
    "SELECT * FROM enable_logging('all')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT current_setting('temp_directory') AS a",
    "SELECT getenv('HOME') AS a",
    "SELECT 1 AS a; DROP SCHEMA main",
    "SELECT 1 AS a; SELECT 2 AS b",
    "INSERT INTO t VALUES (1)",
    "SELECT sl_transform(ST_Point(1, 2), '/etc/passwd', 'EPSG:4326') AS a",
    "SELECT * FROM nowhere",
    "SELEC 1",
};

static void hostile_sql_gains_nothing(void **state)
{
    (void)state;
    int64_t rows;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        int rc = session->compute->ops->transform(session, hostile[i], "stolen", &rows, &err);
        if (rc != -(int)SL_E_STEP_SQL)
            fail_msg("%s was not refused as step.sql: %d %s", hostile[i], rc, err.message);
        assert_null(strchr(err.message, '\n'));
        if (session->compute->ops->query_int(session, hostile[i], &rows, &err) == 0)
            fail_msg("%s was answered", hostile[i]);
    }
    static const char *const statements[] = {"COPY (SELECT 1) TO '/tmp/sluice-stolen'", "LOAD httpfs", "INSTALL httpfs",
                                             "ATTACH '/tmp/sluice-stolen.db'", "SET enable_external_access = true",
                                             "SET memory_limit = '100GB'", "RESET lock_configuration", "SELECT 1; SELECT 2",
                                             "COPY (SELECT 1) TO '/tmp/sluice-stolen' (FORMAT parquet)"};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (session->compute->ops->execute(session, statements[i], &err) != -(int)SL_E_STEP_SQL)
            fail_msg("%s was not refused", statements[i]);
    assert_int_not_equal(access("/tmp/sluice-stolen", F_OK), 0);
    assert_int_equal(make(session, "SELECT x AS a FROM unnest([1, 2]) AS u(x), range(3)", "fine"), 6);
}

static void a_query_that_takes_too_long_is_ended(void **state)
{
    (void)state;
    struct sl_compute *hasty = open_compute(1, 200);
    struct sl_compute_session *s = begin_on(hasty);
    int64_t rows;
    int rc = s->compute->ops->transform(s, "SELECT sum(sin(a.range * b.range)) AS a FROM range(10000000) a, range(10000000) b",
                                        "t", &rows, &err);
    assert_int_equal(rc, -SL_E_STEP_TIMEOUT);
    assert_int_equal(make(s, "SELECT 1 AS a", "t"), 1);
    assert_ok(s->compute->ops->end(s, false, &err));
    hasty->ops->free(hasty);
}

static void the_end_leaves_nothing(void **state)
{
    (void)state;
    char **names = NULL;
    size_t n = 1;
    struct sl_compute_session *s = begin_on(compute);
    make(s, "SELECT range AS a FROM range(100000)", "t");
    assert_ok(s->compute->ops->end(s, false, &err));
    assert_ok(sl_dir_list(path("scratch"), arena, &names, &n, &err));
    assert_int_equal(n, 0);
}

/* ---- functions -------------------------------------------------------------------------------------------------- */

/* Polygons of all sizes around the tolerance: wobbly circles. */
#define WOBBLY                                                                                                      \
    "SELECT i, ST_MakePolygon(ST_MakeLine(list_append(p, p[1]))) AS geom FROM (SELECT i, list_transform(range(5 + i % 20), "  \
    "lambda k: ST_Point(cos(2 * pi() * k / (5 + i % 20)) * (1 + (hash(i * 100 + k) % 1000) / 4000.0) * (1 + i % 7), "           \
    "sin(2 * pi() * k / (5 + i % 20)) * (1 + (hash(i * 77 + k) % 1000) / 4000.0) * (1 + i % 7))) AS p FROM "                    \
    "(SELECT range AS i FROM range(20000)))"

static void what_is_said_to_be_kept_would_be_kept(void **state)
{
    (void)state;
    make(session, WOBBLY, "wobbly");
    make(session, "SELECT *, ST_ExteriorRing(geom) AS line, unnest([0.0, 0.05, 0.2, 0.5, 1.0]) AS t FROM wobbly", "asked");
    assert_int_equal(ask(session, "SELECT count(*) FROM asked WHERE sl_simplify_keeps(geom, t) AND "
                                  "ST_AsWKB(ST_SimplifyPreserveTopology(geom, t)) <> ST_AsWKB(geom)"), 0);
    assert_int_equal(ask(session, "SELECT count(*) FROM asked WHERE sl_simplify_keeps(line, t) AND "
                                  "ST_AsWKB(ST_SimplifyPreserveTopology(line, t)) <> ST_AsWKB(line)"), 0);
    assert_true(ask(session, "SELECT count(*) FROM asked WHERE sl_simplify_keeps(geom, t)") > 10000);
    assert_true(ask(session, "SELECT count(*) FROM asked WHERE NOT sl_simplify_keeps(geom, t)") > 10000);
}

/* Rings that cross themselves, lie flat or fold back are among them. */
static void what_is_simplified_here_is_what_the_extension_makes(void **state)
{
    (void)state;
    make(session, WOBBLY, "wobbly");
    make(session, "SELECT i, ST_MakePolygon(ST_MakeLine(list_append(p, p[1]))) AS geom FROM (SELECT i, list_transform(range(4 + "
                  "i % 13), lambda k: ST_Point(hash(i * 100 + k) % 40 / 10.0, hash(i * 77 + k) % 40 / 10.0)) AS p FROM "
                  "(SELECT range AS i FROM range(20000)))", "wild");
    make(session, "SELECT geom, unnest([0.0, 0.05, 0.2, 0.5, 1.0, 3.0]) AS t FROM (SELECT geom FROM wobbly UNION ALL "
                  "SELECT geom FROM wild UNION ALL SELECT ST_Force3DZ(geom, i) FROM wobbly WHERE i < 1000)", "asked");
    assert_int_equal(ask(session, "SELECT count(*) FROM asked WHERE sl_simplify(geom, t)::BLOB <> "
                                  "ST_SimplifyPreserveTopology(geom, t)::BLOB"), 0);
    assert_true(ask(session, "SELECT count(*) FROM asked WHERE sl_simplify(geom, t)::BLOB <> geom::BLOB") > 20000);
}

static void a_transformation_is_that_of_the_extension(void **state)
{
    (void)state;
    make(session, "SELECT ST_Point(300000 + range, 5700000 + 3 * range) AS geom FROM range(5000) UNION ALL "
                  "SELECT NULL UNION ALL SELECT ST_GeomFromText('POLYGON EMPTY') UNION ALL "
                  "SELECT ST_GeomFromText('POINT EMPTY') UNION ALL SELECT ST_GeomFromText('GEOMETRYCOLLECTION Z "
                  "(POINT Z (300000 5700000 7),MULTILINESTRING Z ((300000 5700000 1,300001 5700000 2)))')", "t");
    assert_int_equal(ask(session, "SELECT count(*) FROM t WHERE sl_transform(geom, 'EPSG:25833', 'EPSG:4326')::BLOB IS "
                                  "DISTINCT FROM ST_Transform(geom, 'EPSG:25833', 'EPSG:4326', true)::BLOB"), 0);
    assert_int_equal(ask(session, "SELECT count(*) FROM t WHERE sl_transform(geom, 'EPSG:25833', 'EPSG:4326') IS NULL"), 1);
}

static void a_point_without_a_place_ends_the_transformation(void **state)
{
    (void)state;
    int64_t rows;
    assert_int_equal(session->compute->ops->transform(
                         session, "SELECT sl_transform(ST_Point(1e30, 1e30), 'EPSG:25833', 'EPSG:4326') AS geom", "t", &rows,
                         &err), -SL_E_STEP_SQL);
    assert_non_null(strstr(err.message, "has no place in \"EPSG:4326\""));
}

/* ---- order ------------------------------------------------------------------------------------------------------ */

static const char *written(int threads)
{
    struct sl_compute *c = open_compute(threads, 60000);
    struct sl_compute_session *s = begin_on(c);
    struct sl_table table;
    struct sl_geometry_facts facts = {0};
    struct sl_relation relation;
    struct sl_crs crs;
    struct sl_geoparquet_facts done;
    const struct sl_geoparquet_options options = {.covering = true};
    make(s, "SELECT range AS id, range % 7 AS kind, ST_Point(range % 97, range % 89) AS geom FROM range(200000) "
            "ORDER BY hash(range)", "processed");
    assert_ok(sl_crs_parse("EPSG:4326", arena, &crs, &err));
    assert_ok(s->compute->ops->describe(s, "processed", true, arena, &table, &err));
    assert_ok(s->compute->ops->geometry_facts(s, &table, &crs, &facts, &err));
    assert_ok(s->compute->ops->relation(s, &table, SL_ORDER_HILBERT, arena, &relation, &err));
    assert_ok(sl_geoparquet_write(&relation, &table, &crs, &facts, &options, path("scratch/out.parquet"), &done, &err));
    assert_int_equal(done.rows, 200000);
    assert_ok(s->compute->ops->end(s, false, &err));
    unlink(path("scratch/out.parquet"));
    c->ops->free(c);
    return sl_arena_strdup(arena, done.sha256_hex);
}

static void the_bytes_are_the_same_on_any_number_of_threads(void **state)
{
    (void)state;
    const char *one = written(1);
    assert_string_equal(written(2), one);
    assert_string_equal(written(4), one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_of_geometry_comes_in_and_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_file_that_lies_is_told_by_its_reader, begin, end),
        cmocka_unit_test_setup_teardown(hostile_sql_gains_nothing, begin, end),
        cmocka_unit_test(a_query_that_takes_too_long_is_ended),
        cmocka_unit_test(the_end_leaves_nothing),
        cmocka_unit_test_setup_teardown(what_is_said_to_be_kept_would_be_kept, begin, end),
        cmocka_unit_test_setup_teardown(what_is_simplified_here_is_what_the_extension_makes, begin, end),
        cmocka_unit_test_setup_teardown(a_transformation_is_that_of_the_extension, begin, end),
        cmocka_unit_test_setup_teardown(a_point_without_a_place_ends_the_transformation, begin, end),
        cmocka_unit_test(the_bytes_are_the_same_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

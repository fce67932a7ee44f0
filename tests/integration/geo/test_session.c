/* SPDX-License-Identifier: Apache-2.0 */
/* A session's confinement, its end, damaged files, and the same bytes every time. */
#include "geo_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "geo/postgis/postgis_internal.h"
#include "pg/pg.h"

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

static int64_t admin_int(const char *sql)
{
    struct sl_pg *pg = NULL;
    int64_t n = -1;
    assert_ok(sl_pg_open(&geo.cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_query_int(pg, sql, 0, NULL, -1, &n, &err));
    sl_pg_close(pg);
    return n;
}

static void admin(const char *sql)
{
    struct sl_pg *pg = NULL;
    assert_ok(sl_pg_open(&geo.cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_exec(pg, sql, &err));
    sl_pg_close(pg);
}

/* ---- confinement ------------------------------------------------------------------------------------------------ */

static const char *const hostile[] = {
    "SELECT * FROM ledger.secrets",
    "SELECT 1 AS a; DROP TABLE ledger.secrets",
    "SELECT 1 AS a; SELECT 2 AS b",
    "SELECT pg_read_file('/etc/passwd') AS a",
    "SELECT lo_export(1, '/tmp/x') AS a",
    "SELECT set_config('role', 'sluice', false) AS a, count(*) FROM ledger.secrets",
    "SELECT set_config('session_authorization', 'sluice', false) AS a",
    "SELECT rolpassword FROM pg_authid",
    "SELECT pg_ls_dir('/') AS a",
    "SELECT pg_reload_conf() AS a",
    "WITH x AS (INSERT INTO ledger.secrets VALUES ('x') RETURNING *) SELECT * FROM x",
    "SELECT * FROM dblink('', 'select 1') AS t(a int)",
    "SELECT * FROM nowhere",
    "SELEC 1",
};

static void hostile_sql_gains_nothing(void **state)
{
    (void)state;
    int64_t rows;
    admin("CREATE SCHEMA IF NOT EXISTS ledger; CREATE TABLE IF NOT EXISTS ledger.secrets AS SELECT 'secret' AS s");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        if (session->compute->ops->transform(session, hostile[i], "stolen", &rows, &err) != -(int)SL_E_STEP_SQL)
            fail_msg("%s was not refused as step.sql: %s", hostile[i], err.message);
        assert_null(strchr(err.message, '\n'));
    }
    static const char *const statements[] = {"COPY (SELECT 1) TO '/tmp/sluice-stolen'",
                                             "COPY (SELECT 1) TO PROGRAM 'true'",
                                             "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                                             "CREATE SCHEMA other", "CREATE ROLE other", "SET ROLE sluice",
                                             "ALTER SYSTEM SET work_mem = '1GB'", "RESET ROLE; SELECT 1"};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (session->compute->ops->execute(session, statements[i], &err) != -(int)SL_E_STEP_SQL)
            fail_msg("%s was not refused", statements[i]);
    assert_int_equal(admin_int("SELECT count(*) FROM ledger.secrets"), 1);
    assert_ok(session->compute->ops->transform(session, "SELECT 1 AS a", "fine", &rows, &err));
}

static void a_timeout_cannot_be_switched_off(void **state)
{
    (void)state;
    int64_t rows;
    assert_ok(session->compute->ops->transform(session, "SELECT set_config('statement_timeout', '0', false) AS a, "
                                                        "set_config('search_path', 'pg_catalog', false) AS b", "t0", &rows, &err));
    assert_ok(session->compute->ops->transform(session, "SELECT current_setting('statement_timeout') AS a, "
                                                        "ST_X(ST_MakePoint(1, 2)) AS b", "t1", &rows, &err));
    char sql[200];
    int64_t n;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\".t1 WHERE a = '1min'", session->schema);
    assert_ok(session->compute->ops->query_int(session, sql, &n, &err));
    assert_int_equal(n, 1);
}

static void a_failed_load_does_not_tell_the_password(void **state)
{
    (void)state;
    struct sl_compute_session *s = geo_begin(geo.compute);
    const char *password = sl_postgis__session(s)->password;
    int64_t rows;
    geo_squares("FlatGeobuf", geo_path("few.fgb"), 10);
    assert_int_equal(strlen(password), 64);
    admin(sl_arena_printf(geo.arena, "ALTER ROLE \"%s\" NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                     "WHERE usename = '%s'", s->schema, s->schema));
    assert_int_not_equal(geo_load(s, geo_path("few.fgb"), "FlatGeobuf", "raw_data", &rows), 0);
    assert_null(strstr(err.message, password));
    assert_int_not_equal(sl_duck_exec(sl_postgis__session(s)->duck, "CALL pg_clear_cache(); SELECT * FROM pg.raw_data",
                                      SL_E_DUCKDB, NULL, &err), 0);
    assert_null(strstr(err.message, password));
    assert_null(strstr(err.hint, password));
    assert_ok(s->compute->ops->end(s, false, &err));
}

/* ---- life and death --------------------------------------------------------------------------------------------- */

static int is_orphan(void *data, const char *run_id, struct sl_error *e)
{
    (void)e;
    assert_string_equal(run_id, RUN_ID);
    return *(int *)data;
}

static void the_end_leaves_nothing(void **state)
{
    (void)state;
    struct sl_compute *compute = geo_compute(1);
    struct sl_compute_session *s = geo_begin(compute);
    int64_t rows;
    assert_ok(s->compute->ops->transform(s, "SELECT lo_from_bytea(0, 'x') AS o", "t", &rows, &err));
    assert_ok(s->compute->ops->end(s, false, &err));
    assert_int_equal(admin_int("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'proc\\_%'"), 0);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_largeobject_metadata"), 0);
    compute->ops->free(compute);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'proc\\_%'"), 0);
}

static int64_t session_int(struct sl_compute_session *s, const char *sql)
{
    int64_t n = -1;
    assert_ok(s->compute->ops->query_int(s, sql, &n, &err));
    return n;
}

static void a_session_taken_up_again_knows_nothing_of_the_last_run(void **state)
{
    (void)state;
    static const char other_run[] = "01234567-89ab-7cde-8f01-23456789abce";
    static const char *const traces[] = {"CREATE TEMPORARY TABLE pg_temp_trace AS SELECT 1 AS a", "PREPARE trace AS SELECT 1",
                                         "LISTEN trace", "SET search_path = pg_catalog", "SET statement_timeout = 0",
                                         "CREATE TABLE trace AS SELECT 1 AS a"};
    struct sl_compute *compute = geo_compute(1);
    struct sl_compute_session *s = geo_begin(compute);
    char left[SL_PROC_NAME_BYTES];
    int64_t rows;
    snprintf(left, sizeof left, "%s", s->schema);
    int64_t backend = session_int(s, "SELECT pg_backend_pid()");
    assert_ok(s->compute->ops->transform(s, "SELECT lo_from_bytea(0, 'x') AS o, pg_advisory_lock(77)::text AS l", "t", &rows, &err));
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++)
        assert_ok(s->compute->ops->execute(s, traces[i], &err));
    assert_ok(s->compute->ops->end(s, false, &err));

    assert_ok(compute->ops->begin(compute, other_run, geo.dir, &s, &err));
    assert_string_not_equal(s->schema, left);
    assert_int_equal(session_int(s, "SELECT pg_backend_pid()"), backend);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'proc\\_%'"), 1);
    assert_int_equal(session_int(s, "SELECT (current_user = nspname)::int FROM pg_namespace WHERE nspname LIKE 'proc\\_%'"), 1);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_class WHERE relname IN ('trace', 'pg_temp_trace', 't')"), 0);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_prepared_statements"), 0);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_listening_channels()"), 0);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"), 0);
    assert_int_equal(session_int(s, "SELECT count(*) FROM pg_largeobject_metadata"), 0);
    assert_int_equal(session_int(s, "SELECT (current_setting('statement_timeout') = '1min')::int"), 1);
    assert_int_equal(session_int(s, "SELECT (current_schema() = current_user)::int"), 1);
    assert_ok(s->compute->ops->end(s, false, &err));
    compute->ops->free(compute);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'proc\\_%'"), 0);
}

static void a_session_whose_role_was_swept_is_made_anew(void **state)
{
    (void)state;
    struct sl_compute *compute = geo_compute(1);
    struct sl_compute_session *s = geo_begin(compute);
    int64_t dropped = -1;
    assert_ok(s->compute->ops->end(s, false, &err));
    assert_ok(geo.compute->ops->sweep(geo.compute, is_orphan, &(int){1}, false, &dropped, NULL, &err));
    assert_int_equal(dropped, 1);
    s = geo_begin(compute);
    assert_int_equal(session_int(s, "SELECT 1"), 1);
    geo_squares("FlatGeobuf", geo_path("anew.fgb"), 10);
    assert_ok(geo_load(s, geo_path("anew.fgb"), "FlatGeobuf", "raw_data", &dropped));
    struct sl_geoparquet_facts facts;
    assert_ok(geo_eject(s, "raw_data", "EPSG:25833", geo_path("anew.parquet"), &facts));
    assert_int_equal(facts.rows, 10);
    assert_ok(s->compute->ops->end(s, false, &err));
    compute->ops->free(compute);
}

static void sweep_drops_orphans_only(void **state)
{
    (void)state;
    int64_t dropped = -1;
    struct sl_compute *compute = geo_compute(1);
    struct sl_compute_session *s = geo_begin(compute);
    assert_ok(s->compute->ops->end(s, true, &err));
    compute->ops->free(compute);
    admin("CREATE SCHEMA IF NOT EXISTS proc_somebody");
    assert_ok(geo.compute->ops->sweep(geo.compute, is_orphan, &(int){0}, false, &dropped, NULL, &err));
    assert_int_equal(dropped, 0);
    assert_ok(geo.compute->ops->sweep(geo.compute, is_orphan, &(int){1}, true, &dropped, NULL, &err));
    assert_int_equal(dropped, 1);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'proc\\_%'"), 1);
    assert_ok(geo.compute->ops->sweep(geo.compute, is_orphan, &(int){1}, false, &dropped, NULL, &err));
    assert_int_equal(dropped, 1);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'proc\\_%'"), 0);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_namespace WHERE nspname = 'proc_somebody'"), 1);
    admin("DROP SCHEMA proc_somebody");
}

struct rival {
    struct sl_pg *pg;
    pthread_t thread;
};

/* Commits its own drop once somebody waits for it. */
static void *drop_first(void *data)
{
    struct rival *r = data;
    int64_t waits = 0;
    for (int i = 0; i < 2000 && !waits; i++) {
        usleep(5000);
        if (sl_pg_query_int(r->pg, "SELECT count(*) FROM pg_locks WHERE NOT granted", 0, NULL, 0, &waits, NULL) < 0)
            break;
    }
    if (sl_pg_commit(r->pg, NULL) < 0)
        waits = 0;
    return waits ? r : NULL;
}

static void two_may_sweep_the_same_at_a_time(void **state)
{
    (void)state;
    struct rival rival = {0};
    char sql[512], name[SL_PROC_NAME_BYTES];
    int64_t dropped = -1;
    void *waited = NULL;
    struct sl_compute *compute = geo_compute(1);
    struct sl_compute_session *s = geo_begin(compute);
    snprintf(name, sizeof name, "%s", s->schema);
    assert_ok(s->compute->ops->end(s, true, &err));
    compute->ops->free(compute);
    assert_ok(sl_pg_open(&geo.cluster.target, "rival", &rival.pg, &err));
    snprintf(sql, sizeof sql, "DROP SCHEMA \"%s\" CASCADE; DROP OWNED BY \"%s\" CASCADE; DROP ROLE \"%s\"", name, name, name);
    assert_ok(sl_pg_begin(rival.pg, &err));
    assert_ok(sl_pg_exec(rival.pg, sql, &err));
    assert_int_equal(pthread_create(&rival.thread, NULL, drop_first, &rival), 0);
    int rc = geo.compute->ops->sweep(geo.compute, is_orphan, &(int){1}, false, &dropped, NULL, &err);
    assert_int_equal(pthread_join(rival.thread, &waited), 0);
    sl_pg_close(rival.pg);
    assert_ok(rc);
    assert_non_null(waited);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'proc\\_%'"), 0);
}

static void a_crs_without_a_code_gets_one_private_srid(void **state)
{
    (void)state;
    struct sl_crs crs = {0};
    int before = 0, after = 0;
    static const char wkt[] =
        "PROJCRS[\"site grid\",BASEGEOGCRS[\"WGS 84\",DATUM[\"World Geodetic System 1984\",ELLIPSOID[\"WGS 84\",6378137,"
        "298.257223563,LENGTHUNIT[\"metre\",1]]],PRIMEM[\"Greenwich\",0,ANGLEUNIT[\"degree\",0.0174532925199433]]],"
        "CONVERSION[\"site\",METHOD[\"Transverse Mercator\",ID[\"EPSG\",9807]],PARAMETER[\"Latitude of natural origin\",51.3,"
        "ANGLEUNIT[\"degree\",0.0174532925199433]],PARAMETER[\"Longitude of natural origin\",12.7,ANGLEUNIT[\"degree\","
        "0.0174532925199433]],PARAMETER[\"Scale factor at natural origin\",1,SCALEUNIT[\"unity\",1]],PARAMETER[\"False easting\","
        "1234,LENGTHUNIT[\"metre\",1]],PARAMETER[\"False northing\",777,LENGTHUNIT[\"metre\",1]]],CS[Cartesian,2],"
        "AXIS[\"(E)\",east],AXIS[\"(N)\",north],LENGTHUNIT[\"metre\",1]]";
    assert_ok(sl_crs_from_wkt(wkt, geo.arena, &crs, &err));
    assert_null(crs.id);
    assert_ok(geo.compute->ops->srid(geo.compute, &crs, &before, &err));
    assert_int_equal(before, -1);
    const char *path = geo_path("site.geojson");
    static const char text[] = "{\"type\": \"FeatureCollection\", \"features\": [{\"type\": \"Feature\", \"properties\": {\"a\": 1}, "
                               "\"geometry\": {\"type\": \"Point\", \"coordinates\": [1234, 777]}}]}";
    assert_ok(sl_file_write_durable(path, text, strlen(text), 0644, &err));
    struct sl_vector *vector = NULL;
    int64_t rows, near = 0;
    assert_ok(geo_open(path, "GeoJSON", &vector));
    assert_ok(session->compute->ops->load(session, vector, &crs, "raw_data", &rows, &err));
    sl_vector_close(vector);
    assert_ok(geo.compute->ops->srid(geo.compute, &crs, &after, &err));
    assert_true(after >= 900000 && after < 990000);
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\".raw_data WHERE ST_DWithin(ST_Transform(geom, 4326), ST_SetSRID(ST_MakePoint(12.7, 51.3), 4326), 1e-7)", session->schema);
    assert_ok(session->compute->ops->query_int(session, sql, &near, &err));
    assert_int_equal(near, 1);
}

/* ---- damaged files ---------------------------------------------------------------------------------------------- */

static void cut(const char *path, double fraction)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, (off_t)((double)st.st_size * fraction)), 0);
}

static int load_cut(const char *driver, const char *format, const char *name, double fraction)
{
    int64_t rows;
    const char *path = geo_path(name);
    geo_squares(driver, path, 2000);
    cut(path, fraction);
    err = (struct sl_error){0};
    char schema[100];
    snprintf(schema, sizeof schema, "DROP TABLE IF EXISTS \"%s\".raw_data", session->schema);
    assert_ok(session->compute->ops->execute(session, schema, &err));
    return geo_load(session, path, format, "raw_data", &rows);
}

static void cut_files_are_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *driver, *format, *ext;
    } formats[] = {{"ESRI Shapefile", "Shapefile", "shp"}, {"GPKG", "GPKG", "gpkg"}, {"FlatGeobuf", "FlatGeobuf", "fgb"},
                   {"GeoJSON", "GeoJSON", "geojson"}, {"GeoJSONSeq", "GeoJSONSeq", "geojsonl"}};
    static const double fractions[] = {0.05, 0.5, 0.9, 0.999};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        for (size_t k = 0; k < sizeof fractions / sizeof *fractions; k++) {
            char name[64];
            snprintf(name, sizeof name, "cut%zu.%s", k, formats[i].ext);
            int rc = load_cut(formats[i].driver, formats[i].format, name, fractions[k]);
            if (rc != -(int)SL_E_FILE_TRUNCATED && rc != -(int)SL_E_FILE_DAMAGED)
                fail_msg("%s cut at %g: %s %s", formats[i].format, fractions[k], rc ? sl_code_name((enum sl_code)-rc) : "was taken",
                         err.message);
        }
    }
}

static int load_without(const char *stem, const char *sidecar, int64_t *rows)
{
    char shp[64], name[64];
    snprintf(shp, sizeof shp, "%s.shp", stem);
    snprintf(name, sizeof name, "%s.%s", stem, sidecar);
    geo_squares("ESRI Shapefile", geo_path(shp), 10);
    assert_int_equal(unlink(geo_path(name)), 0);
    return geo_load(session, geo_path(shp), "Shapefile", "raw_data", rows);
}

/* The index can be made anew from the shapes, the attributes cannot. */
static void a_shapefile_may_lack_its_index_but_not_its_attributes(void **state)
{
    (void)state;
    int64_t rows = 0;
    assert_fails(load_without("alone", "dbf", &rows), SL_E_FILE_MISSING);
    assert_ok(load_without("unindexed", "shx", &rows));
    assert_int_equal(rows, 10);
}

static void deleted_rows_of_a_dbf_are_not_missed(void **state)
{
    (void)state;
    const char *path = geo_path("deleted.shp");
    int64_t rows;
    geo_squares("ESRI Shapefile", path, 10);
    GDALDatasetH ds = GDALOpenEx(path, GDAL_OF_VECTOR | GDAL_OF_UPDATE, NULL, NULL, NULL);
    assert_int_equal(OGR_L_DeleteFeature(GDALDatasetGetLayer(ds, 0), 3), OGRERR_NONE);
    GDALClose(ds);
    assert_ok(geo_load(session, path, "Shapefile", "raw_data", &rows));
    assert_int_equal(rows, 9);
}

static void another_format_is_refused(void **state)
{
    (void)state;
    int64_t rows;
    struct sl_vector *vector = NULL;
    static const char vrt[] = "<OGRVRTDataSource><OGRVRTLayer name=\"x\"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>";
    const char *path = geo_path("dressed.gpkg");
    assert_ok(sl_file_write_durable(path, vrt, strlen(vrt), 0644, &err));
    assert_fails(geo_load(session, path, "GPKG", "raw_data", &rows), SL_E_FILE_FORMAT);
    assert_contains(err.message, "\"dressed.gpkg\" is not a GPKG file");
    geo_squares("FlatGeobuf", geo_path("real.fgb"), 3);
    assert_fails(geo_load(session, geo_path("real.fgb"), "GeoJSON", "raw_data", &rows), SL_E_FILE_FORMAT);
    assert_fails(geo_open(geo_path("missing.gpkg"), "GPKG", &vector), SL_E_FILE_MISSING);
}

static void a_layer_is_named_when_there_are_several(void **state)
{
    (void)state;
    OGRLayerH layer;
    struct sl_vector *vector = NULL;
    const char *path = geo_path("two.gpkg");
    GDALDatasetH ds = geo_create("GPKG", path, "roads", 25833, wkbPoint, &layer);
    assert_non_null(GDALDatasetCreateLayer(ds, "rivers", NULL, wkbPoint, NULL));
    GDALClose(ds);
    assert_fails(geo_open(path, "GPKG", &vector), SL_E_FILE_LAYER);
    assert_contains(err.hint, "\"roads\", \"rivers\"");
    struct sl_vector_options options = {.format = sl_format_by_name("GPKG"), .layer = "rivers"};
    assert_ok(sl_vector_open(path, &options, &vector, &err));
    assert_string_equal(sl_vector_info(vector)->layer, "rivers");
    sl_vector_close(vector);
    struct sl_vector_layer *layers;
    size_t n;
    assert_ok(sl_vector_layers(path, options.format, geo.arena, &layers, &n, &err));
    assert_int_equal(n, 2);
    assert_string_equal(layers[1].name, "rivers");
    assert_true(layers[0].has_geometry && layers[1].has_geometry);
}

/* ---- the same bytes ---------------------------------------------------------------------------------------------- */

static void the_bytes_are_the_same_whatever_the_threads(void **state)
{
    (void)state;
    char first[65] = "";
    geo_squares("FlatGeobuf", geo_path("same.fgb"), 30000);
    for (int threads = 1; threads <= 4; threads *= 2) {
        struct sl_compute *compute = geo_compute(threads);
        struct sl_compute_session *s = geo_begin(compute);
        struct sl_geoparquet_facts facts;
        int64_t rows;
        char select[400];
        assert_ok(geo_load(s, geo_path("same.fgb"), "FlatGeobuf", "raw_data", &rows));
        snprintf(select, sizeof select, "SELECT id %% 7 AS k, name, ST_Transform(geom, 4326) AS geom FROM \"%s\".raw_data ORDER BY random()", s->schema);
        assert_ok(compute->ops->transform(s, select, "processed", &rows, &err));
        assert_int_equal(rows, 30000);
        assert_ok(geo_eject(s, "processed", "EPSG:4326", geo_path("same.parquet"), &facts));
        if (*first)
            assert_string_equal(first, facts.sha256_hex);
        snprintf(first, sizeof first, "%s", facts.sha256_hex);
        assert_int_equal(facts.rows, 30000);
        assert_ok(compute->ops->end(s, false, &err));
        compute->ops->free(compute);
    }
}

static const char *described(const char *select)
{
    struct sl_table t = {0};
    const char *text = "";
    assert_ok(session->compute->ops->describe_query(session, select, geo.arena, &t, &err));
    for (size_t i = 0; i < t.n_columns; i++)
        text = sl_arena_printf(geo.arena, "%s%s%s %s%s", text, i ? ", " : "", t.columns[i].name, t.columns[i].type,
                               t.columns[i].geometry ? "!" : "");
    return sl_arena_printf(geo.arena, "%s; %s", text, t.geometry ? t.geometry : "-");
}

static void a_query_is_described_as_the_table_that_it_would_make(void **state)
{
    (void)state;
    static const char select[] = "SELECT 1 AS a, 2::numeric(10, 2) AS \"B \"\"x\", 'x' AS c, ARRAY[1.5::float8] AS d, "
                                 "'x'::varchar(7) AS e, now() AS f, ST_Point(1, 2) AS geom";
    static const char wanted[] = "a integer, B \"x numeric(10,2), c text, d double precision[], e character varying(7), "
                                 "f timestamp with time zone, geom geometry!; geom";
    struct sl_table made = {0};
    int64_t rows;
    assert_string_equal(described(select), wanted);
    assert_ok(session->compute->ops->transform(session, select, "made", &rows, &err));
    assert_ok(session->compute->ops->describe(session, "made", false, geo.arena, &made, &err));
    assert_string_equal(described("SELECT * FROM made"), wanted);
    assert_int_equal(made.n_columns, 7);
}

static void a_described_query_is_not_run(void **state)
{
    (void)state;
    assert_string_equal(described("SELECT 1 / (random() * 0)::int AS n"), "n integer; -");
}

static void what_cannot_be_described_is_a_fault_of_the_step(void **state)
{
    (void)state;
    struct sl_table t = {0};
    static const char *const wrong[] = {"SELECT nothing FROM nowhere", "SELEC 1", "SELECT 1 AS a; SELECT 2 AS b", "ANALYZE"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (session->compute->ops->describe_query(session, wrong[i], geo.arena, &t, &err) != -(int)SL_E_STEP_SQL)
            fail_msg("%s was not refused as step.sql: %s", wrong[i], err.message);
    assert_string_equal(described("SELECT 1 AS n"), "n integer; -");
}

/* Last: it ends the server under a load. */
static void a_server_that_dies_in_mid_load_is_unavailable(void **state)
{
    (void)state;
    int64_t rows;
    struct sl_cluster_status status;
    geo_squares("FlatGeobuf", geo_path("big.fgb"), 150000);
    struct sl_compute_session *s = geo_begin(geo.compute);
    int pid = geo.cluster.status.pid;
    assert_true(pid > 1);
    pid_t killer = fork();
    if (killer == 0) {
        usleep(200000);
        kill(pid, SIGQUIT);
        _exit(0);
    }
    int rc = geo_load(s, geo_path("big.fgb"), "FlatGeobuf", "raw_data", &rows);
    waitpid(killer, NULL, 0);
    if (rc == 0) { /* the load was faster: the next statement meets the dead server */
        usleep(500000);
        rc = s->compute->ops->execute(s, "SELECT 1", &err);
    }
    assert_int_equal(rc, -(int)SL_E_POSTGRES_UNAVAILABLE);
    s->compute->ops->end(s, true, NULL);
    assert_ok(sl_cluster_start(&geo.cluster.options, &status, &err));
}

/* It is opened behind the caller's back, who hears of it when it is needed, and as often as it asks. */
static void a_duckdb_that_does_not_open_is_told_to_who_wants_it(void **state)
{
    (void)state;
    struct sl_compute *compute = NULL;
    struct sl_postgis_options options = {.target = geo.cluster.target, .duck = {.threads = 1, .extensions_dir = geo.dir}};
    assert_ok(sl_postgis_open(&options, &compute, &err));
    struct sl_compute_session *s = geo_begin(compute);
    struct sl_table table;
    struct sl_relation relation = {0};
    int64_t rows = 0;
    assert_ok(compute->ops->transform(s, "SELECT 1 AS a", "t", &rows, &err));
    assert_ok(compute->ops->describe(s, "t", true, geo.arena, &table, &err));
    for (int i = 0; i < 2; i++) {
        sl_error_clear(&err);
        assert_int_equal(compute->ops->relation(s, &table, SL_ORDER_NONE, geo.arena, &relation, &err), -(int)SL_E_DUCKDB);
        assert_non_null(strstr(err.message, "postgres_scanner"));
    }
    assert_null(relation.sql);
    sl_error_clear(&err);
    assert_ok(compute->ops->end(s, false, &err));
    compute->ops->free(compute);
    assert_int_equal(admin_int("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'proc\\_%'"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(hostile_sql_gains_nothing),
        T(a_timeout_cannot_be_switched_off),
        cmocka_unit_test(a_failed_load_does_not_tell_the_password),
        cmocka_unit_test(a_duckdb_that_does_not_open_is_told_to_who_wants_it),
        cmocka_unit_test(the_end_leaves_nothing),
        cmocka_unit_test(a_session_taken_up_again_knows_nothing_of_the_last_run),
        cmocka_unit_test(a_session_whose_role_was_swept_is_made_anew),
        cmocka_unit_test(sweep_drops_orphans_only),
        cmocka_unit_test(two_may_sweep_the_same_at_a_time),
        T(a_query_is_described_as_the_table_that_it_would_make),
        T(a_described_query_is_not_run),
        T(what_cannot_be_described_is_a_fault_of_the_step),
        T(a_crs_without_a_code_gets_one_private_srid),
        T(cut_files_are_noticed),
        T(a_shapefile_may_lack_its_index_but_not_its_attributes),
        T(deleted_rows_of_a_dbf_are_not_missed),
        T(another_format_is_refused),
        T(a_layer_is_named_when_there_are_several),
        cmocka_unit_test(the_bytes_are_the_same_whatever_the_threads),
        cmocka_unit_test(a_server_that_dies_in_mid_load_is_unavailable),
    };
    return cmocka_run_group_tests(tests, geo_setup, geo_teardown);
}

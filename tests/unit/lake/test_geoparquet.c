/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <json-c/json.h>

#include "base/file.h"
#include "geo/crs.h"
#include "geo/duckdb/duck.h"
#include "lake/geoparquet/geoparquet.h"

static struct sl_duck *duck;
static struct sl_arena *arena;
static struct sl_crs crs;
static struct sl_error err;
static char dir[128];

static struct sl_column columns[] = {{.name = "n", .type = "bigint"}, {.name = "geom", .type = "geometry", .geometry = true}};
static const struct sl_table table = {.name = "t", .columns = columns, .n_columns = 2, .geometry = "geom", .rows = -1};
static const struct sl_geometry_facts facts = {.any = true, .bounds = {0.1, 1, 2, 3}, .types = "Point,Point Z"};
static const struct sl_geoparquet_options covered = {.covering = true};
/* POINT(n 2), every third NULL, and one POINT EMPTY. */
static const char rows[] =
    "SELECT range AS n, CASE WHEN range % 3 = 0 THEN NULL WHEN range = 1 THEN "
    "unhex('0101000000000000000000F87F000000000000F87F') ELSE unhex('0101000000000000000000F03F0000000000000040') END "
    "AS geom FROM range(10000)";

static int setup(void **state)
{
    (void)state;
    arena = sl_arena_new();
    cm_temp_dir(dir, sizeof dir, "geoparquet");
    struct sl_duck_options options = {.threads = 2};
    assert_ok(sl_duck_open(&options, &duck, &err));
    assert_ok(sl_crs_parse("EPSG:4326", arena, &crs, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sl_duck_close(duck);
    sl_dir_remove(dir, NULL);
    sl_arena_free(arena);
    return 0;
}

static int write_rows(const struct sl_table *t, const struct sl_geoparquet_options *options, const char *path,
                      struct sl_geoparquet_facts *out)
{
    struct sl_relation relation = {.sql = rows, .duck = duck};
    return sl_geoparquet_write(&relation, t, &crs, &facts, options, path, out, &err);
}

/* $ in the text stands for the file. */
static int64_t ask(const char *sql, const char *path)
{
    int64_t n = -1;
    size_t before = strcspn(sql, "$");
    const char *text = sl_arena_printf(arena, "%.*s'%s'%s", (int)before, sql, path, sql + before + 1);
    assert_ok(sl_duck_exec(duck, "SET enable_geoparquet_conversion = false", SL_E_DUCKDB, NULL, &err));
    assert_ok(sl_duck_query_int(duck, text, &n, &err));
    return n;
}

static void metadata_says_what_the_specification_wants(void **state)
{
    (void)state;
    struct json_object *geo = sl_geoparquet_metadata(&table, &crs, &facts, &covered, &err), *columns_, *column, *value;
    assert_non_null(geo);
    assert_true(json_object_object_get_ex(geo, "version", &value));
    assert_string_equal(json_object_get_string(value), "1.1.0");
    assert_true(json_object_object_get_ex(geo, "columns", &columns_));
    assert_true(json_object_object_get_ex(columns_, "geom", &column));
    assert_true(json_object_object_get_ex(column, "geometry_types", &value));
    assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), "[\"Point\",\"Point Z\"]");
    assert_true(json_object_object_get_ex(column, "bbox", &value));
    assert_string_equal(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), "[0.1,1,2,3]");
    assert_true(json_object_object_get_ex(column, "crs", &value));
    assert_int_equal(json_object_get_type(value), json_type_object);
    assert_true(json_object_object_get_ex(column, "covering", &value));
    assert_contains(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), "\"xmin\":[\"bbox\",\"xmin\"]");
    assert_false(json_object_object_get_ex(column, "orientation", &value));
    json_object_put(geo);
}

static void types_that_geoparquet_has_not_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"CurvePolygon", "Point M", "Point,Tin", "Point Z Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_geometry_facts f = facts;
        snprintf(f.types, sizeof f.types, "%s", bad[i]);
        assert_null(sl_geoparquet_metadata(&table, &crs, &f, &covered, &err));
        assert_int_equal(err.code, SL_E_GEOMETRY_CONTRACT);
    }
}

static void the_footer_gives_the_facts(void **state)
{
    (void)state;
    struct sl_geoparquet_facts out;
    const char *path = sl_path_join(arena, dir, "a.parquet");
    struct sl_geoparquet_options options = {.covering = true, .row_group_rows = 4096};
    assert_ok(write_rows(&table, &options, path, &out));
    assert_int_equal(out.rows, 10000);
    assert_int_equal(out.row_groups, 3);
    assert_int_equal(strlen(out.sha256_hex), 64);
    assert_int_equal(ask("SELECT count(*) FROM parquet_kv_metadata($) WHERE key = 'geo'", path), 1);
    assert_int_equal(ask("SELECT count(*) FROM parquet_kv_metadata($)", path), 1);
    assert_int_equal(ask("SELECT count(*) FROM parquet_schema($) WHERE name = 'geom' AND type = 'BYTE_ARRAY' AND "
                         "logical_type IS NULL", path), 1);
}

static void the_covering_column_fits_the_geometry(void **state)
{
    (void)state;
    struct sl_geoparquet_facts out;
    const char *path = sl_path_join(arena, dir, "b.parquet");
    assert_ok(write_rows(&table, &covered, path, &out));
    assert_int_equal(ask("SELECT count(*) FROM $ WHERE bbox IS NULL AND (geom IS NULL OR n = 1)", path), 3335);
    assert_int_equal(ask("SELECT count(*) FROM $ WHERE bbox.xmin = 1 AND bbox.ymin = 2 AND bbox.xmax = 1 AND bbox.ymax = 2",
                         path), 6665);
}

static void a_column_named_bbox_keeps_its_name(void **state)
{
    (void)state;
    struct sl_geoparquet_facts out;
    struct sl_column own[] = {{.name = "BBOX", .type = "bigint"}, {.name = "geom", .type = "geometry", .geometry = true}};
    struct sl_table t = table;
    t.columns = own;
    struct sl_relation relation = {.sql = "SELECT 7 AS \"BBOX\", NULL::BLOB AS geom", .duck = duck};
    const char *path = sl_path_join(arena, dir, "c.parquet");
    assert_ok(sl_geoparquet_write(&relation, &t, &crs, &facts, &covered, path, &out, &err));
    assert_int_equal(ask("SELECT \"BBOX\" FROM $ WHERE bbox_1 IS NULL", path), 7);
}

static void a_table_without_geometry_is_plain_parquet(void **state)
{
    (void)state;
    struct sl_geoparquet_facts out;
    struct sl_table t = table;
    t.geometry = NULL;
    t.n_columns = 1;
    struct sl_relation relation = {.sql = "SELECT range AS n FROM range(5)", .duck = duck};
    const char *path = sl_path_join(arena, dir, "d.parquet");
    assert_ok(sl_geoparquet_write(&relation, &t, NULL, NULL, &covered, path, &out, &err));
    assert_int_equal(out.rows, 5);
    assert_int_equal(ask("SELECT count(*) FROM parquet_kv_metadata($)", path), 0);
}

static void a_failure_leaves_no_file(void **state)
{
    (void)state;
    struct sl_geoparquet_facts out;
    const char *path = sl_path_join(arena, dir, "e.parquet");
    struct sl_relation relation = {.sql = "SELECT range AS n, CASE WHEN range < 300000 THEN NULL::BLOB ELSE error('stop')::BLOB END "
                                          "AS geom FROM range(400000)", .duck = duck};
    assert_fails(sl_geoparquet_write(&relation, &table, &crs, &facts, &covered, path, &out, &err), SL_E_DUCKDB);
    assert_false(sl_path_exists(path));
    struct sl_geoparquet_options unknown = {.compression = "rar"};
    assert_fails(write_rows(&table, &unknown, path, &out), SL_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_says_what_the_specification_wants),
        cmocka_unit_test(types_that_geoparquet_has_not_are_refused),
        cmocka_unit_test(the_footer_gives_the_facts),
        cmocka_unit_test(the_covering_column_fits_the_geometry),
        cmocka_unit_test(a_column_named_bbox_keeps_its_name),
        cmocka_unit_test(a_table_without_geometry_is_plain_parquet),
        cmocka_unit_test(a_failure_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

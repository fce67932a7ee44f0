/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <unistd.h>

#include "base/file.h"
#include "geo/crs.h"
#include "geo/duckdb/duck.h"
#include "lake/features/features.h"

static struct sl_duck *duck;
static struct sl_arena *arena;
static struct sl_crs lonlat, metres;
static struct sl_error err;
static char dir[128];

static const struct sl_table table = {.name = "t", .geometry = "geom", .rows = -1};
static const struct sl_geometry_facts points = {.any = true, .types = "Point"};
#define POINT "unhex('0101000000000000000000F03F0000000000000040')" /* 1 2 */
/* A square that turns clockwise: 0 0, 0 1, 1 1, 1 0. */
#define SQUARE                                                                                                             \
    "unhex('0103000000010000000500000000000000000000000000000000000000' || '0000000000000000000000000000F03F' || "         \
    "'000000000000F03F000000000000F03F' || '000000000000F03F0000000000000000' || '00000000000000000000000000000000')"

static int setup(void **state)
{
    (void)state;
    arena = sl_arena_new();
    cm_temp_dir(dir, sizeof dir, "features");
    struct sl_duck_options options = {.threads = 2};
    assert_ok(sl_duck_open(&options, &duck, &err));
    assert_ok(sl_crs_parse("EPSG:4326", arena, &lonlat, &err));
    assert_ok(sl_crs_parse("EPSG:25833", arena, &metres, &err));
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

static const char *path_of(const char *name)
{
    return sl_path_join(arena, dir, name);
}

static int write_as(struct sl_features_options options, const struct sl_crs *crs, const char *sql, const char *name,
                    struct sl_features_facts *facts)
{
    const struct sl_relation relation = {.sql = sql, .duck = duck};
    options.layer = "t";
    return sl_features_write(&relation, &table, crs, &points, &options, path_of(name), facts, &err);
}

/* The whole text of what is written. */
static const char *text_of(struct sl_features_options options, const char *sql)
{
    struct sl_features_facts facts;
    char *text = sl_arena_alloc(arena, 65536);
    assert_ok(write_as(options, &lonlat, sql, "text", &facts));
    FILE *file = fopen(path_of("text"), "rb");
    assert_non_null(file);
    text[fread(text, 1, 65535, file)] = '\0';
    fclose(file);
    assert_int_equal(facts.size_bytes, strlen(text));
    return text;
}

static const struct sl_features_options csv = {.format = SL_FEATURES_CSV, .delimiter = ',', .header = true};
static const struct sl_features_options seq = {.format = SL_FEATURES_GEOJSONSEQ, .decimals = 7};

static void csv_tells_null_from_empty_and_quotes_what_needs_it(void **state)
{
    (void)state;
    assert_string_equal(text_of(csv, "SELECT * FROM (VALUES (1, NULL, " POINT "), (2, '', NULL), (3, 'a,\"b\"', NULL), "
                                     "(4, E'two\\nlines', NULL), (5, ' x', NULL)) AS t(n, \"a,b\", geom)"),
                        "n,\"a,b\",geom\n1,,POINT (1 2)\n2,\"\",\n3,\"a,\"\"b\"\"\",\n4,\"two\nlines\",\n5,\" x\",\n");
}

static void csv_numbers_read_back_the_same(void **state)
{
    (void)state;
    struct sl_features_options o = csv;
    o.geometry = SL_FEATURES_NO_GEOMETRY;
    assert_string_equal(
        text_of(o, "SELECT 0.1::DOUBLE AS d, 0.1::FLOAT AS f, 9007199254740993 AS i, 1e300::DOUBLE AS h, true AS b, "
                   "12345678901234567.89::DECIMAL(20,2) AS x, [1, NULL] AS l, '\\xAB'::BLOB AS y, " POINT " AS geom"),
        "d,f,i,h,b,x,l,y\n0.1,0.1,9007199254740993,1e+300,true,12345678901234567.89,\"[1,null]\",ab\n");
}

static void csv_axes_get_names_that_are_free(void **state)
{
    (void)state;
    struct sl_features_options o = csv;
    o.geometry = SL_FEATURES_XY;
    o.delimiter = ';';
    assert_string_equal(text_of(o, "SELECT 7 AS \"X\", " POINT " AS geom"), "X;x_1;y\n7;1;2\n");
}

static void times_are_iso_8601(void **state)
{
    (void)state;
    struct sl_features_options o = csv;
    o.geometry = SL_FEATURES_NO_GEOMETRY;
    o.header = false;
    assert_string_equal(text_of(o, "SELECT DATE '2020-02-29', TIME '01:02:03.5', TIMESTAMP '2021-01-02 03:04:05.000006', "
                                   "epoch_ms(0)::TIMESTAMP::TIMESTAMP_S, " POINT " AS geom"),
                        "2020-02-29,01:02:03.500,2021-01-02T03:04:05.000006,1970-01-01T00:00:00\n");
}

static void a_date_that_no_format_has_is_refused_by_row_and_column(void **state)
{
    (void)state;
    struct sl_features_facts facts;
    assert_int_equal(write_as(csv, &lonlat, "SELECT 'infinity'::DATE AS due, " POINT " AS geom", "never", &facts),
                     -SL_E_FILE_DAMAGED);
    assert_contains(err.message, "\"due\", row 1");
    assert_int_not_equal(access(path_of("never"), F_OK), 0);
}

static void geojson_keeps_texts_that_look_like_json_and_turns_rings(void **state)
{
    (void)state;
    assert_string_equal(text_of(seq, "SELECT '[1]' AS t, [1, 2] AS l, 'NaN'::DOUBLE AS x, " SQUARE " AS geom"),
                        "\x1e{\"type\":\"Feature\",\"properties\":{\"t\":\"[1]\",\"l\":[1,2],\"x\":null},\"geometry\":"
                        "{ \"type\": \"Polygon\", \"coordinates\": [ [ [ 0.0, 0.0 ], [ 1.0, 0.0 ], [ 1.0, 1.0 ], [ 0.0, 1.0 ], "
                        "[ 0.0, 0.0 ] ] ] }}\n");
}

static void geojson_escapes_names_and_control_characters(void **state)
{
    (void)state;
    struct sl_features_options o = seq;
    o.lines = true;
    assert_string_equal(text_of(o, "SELECT E'a\\tb\\x1e' AS \"q\"\"\", NULL::BLOB AS geom"),
                        "{\"type\":\"Feature\",\"properties\":{\"q\\\"\":\"a\\u0009b\\u001e\"},\"geometry\":null}\n");
}

static void geojson_of_another_system_wants_leave_to_reproject(void **state)
{
    (void)state;
    struct sl_features_options o = seq;
    struct sl_features_facts facts;
    const char *sql = "SELECT 1 AS n, " POINT " AS geom";
    assert_int_equal(write_as(o, &metres, sql, "refused", &facts), -SL_E_CRS_MISMATCH);
    assert_contains(err.hint, "reproject: true");
    o.reproject = true;
    assert_ok(write_as(o, &metres, sql, "moved", &facts));
    assert_true(facts.reprojected);
}

static void the_same_rows_give_the_same_bytes(void **state)
{
    (void)state;
    const enum sl_features_format formats[] = {SL_FEATURES_FLATGEOBUF, SL_FEATURES_GEOPACKAGE, SL_FEATURES_GEOJSONSEQ,
                                               SL_FEATURES_CSV};
    for (size_t i = 0; i < 4; i++) {
        struct sl_features_options o = {.format = formats[i], .spatial_index = true, .delimiter = ','};
        struct sl_features_facts a, b;
        const char *sql = "SELECT range AS fid, 'x' || range AS t, " POINT " AS geom FROM range(5000)";
        assert_ok(write_as(o, &lonlat, sql, sl_arena_printf(arena, "a%zu.fgb", i), &a));
        usleep(2000); /* GeoPackage would write milliseconds */
        assert_ok(write_as(o, &lonlat, sql, sl_arena_printf(arena, "b%zu.fgb", i), &b));
        assert_int_equal(a.rows, 5000);
        assert_string_equal(a.sha256_hex, b.sha256_hex);
    }
}

static void what_fails_on_the_way_leaves_no_file(void **state)
{
    (void)state;
    const enum sl_features_format formats[] = {SL_FEATURES_FLATGEOBUF, SL_FEATURES_GEOPACKAGE, SL_FEATURES_GEOJSONSEQ,
                                               SL_FEATURES_CSV};
    for (size_t i = 0; i < 4; i++) {
        struct sl_features_options o = {.format = formats[i], .spatial_index = true, .delimiter = ','};
        struct sl_features_facts facts = {.rows = 77};
        assert_true(write_as(o, &lonlat, "SELECT CASE WHEN range < 4000 THEN 1 ELSE error('gone') END AS n, " POINT
                                         " AS geom FROM range(5000)", "half.fgb", &facts) < 0);
        assert_contains(err.message, "gone");
        assert_int_equal(facts.rows, 77);
        assert_int_not_equal(access(path_of("half.fgb"), F_OK), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_tells_null_from_empty_and_quotes_what_needs_it),
        cmocka_unit_test(csv_numbers_read_back_the_same),
        cmocka_unit_test(csv_axes_get_names_that_are_free),
        cmocka_unit_test(times_are_iso_8601),
        cmocka_unit_test(a_date_that_no_format_has_is_refused_by_row_and_column),
        cmocka_unit_test(geojson_keeps_texts_that_look_like_json_and_turns_rings),
        cmocka_unit_test(geojson_escapes_names_and_control_characters),
        cmocka_unit_test(geojson_of_another_system_wants_leave_to_reproject),
        cmocka_unit_test(the_same_rows_give_the_same_bytes),
        cmocka_unit_test(what_fails_on_the_way_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

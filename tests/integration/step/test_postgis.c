/* SPDX-License-Identifier: Apache-2.0 */
/* Each step's and check's SQL as PostGIS runs it, on rows that are meant to break it; results are written out. */
#include "support/cm.h"

#include <unistd.h>

#include "base/file.h"
#include "lake/outputs.h"
#include "recipe/recipe.h"
#include "step/step.h"
#include "support/cluster.h"

static struct test_cluster cluster;
static struct sl_error err;
static struct sl_pg *pg;
static struct sl_arena *arena;
static struct sl_recipe_set *set;
static struct sl_kinds kinds;

static int set_up(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    kinds = (struct sl_kinds){sl_steps, sl_checks, sl_outputs};
    arena = sl_arena_new();
    if (test_cluster_open(&cluster, NULL, true, &err) == 0 && sl_pg_open(&cluster.target, "test", &pg, &err) == 0 &&
        sl_recipe_set_load(none, &kinds, &set, &err) == 0)
        return sl_pg_exec(pg, "SET client_min_messages = warning", &err);
    print_error("%s (%s)\n", err.message, err.hint);
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    sl_recipe_set_free(set);
    sl_pg_close(pg);
    test_cluster_close(&cluster);
    sl_arena_free(arena);
    return 0;
}

/* The table t of schema "proc 1" with these rows: (name, kind, geometry as WKT with its SRID). */
static void given(const char *rows)
{
    assert_ok(sl_pg_exec(pg, "DROP SCHEMA IF EXISTS \"proc 1\" CASCADE; CREATE SCHEMA \"proc 1\";"
                             "CREATE TABLE \"proc 1\".\"t\"\"0\" (name text, \"ki\"\"nd; --\" int, geom geometry)", &err));
    assert_ok(sl_pg_exec(pg, sl_arena_printf(arena, "INSERT INTO \"proc 1\".\"t\"\"0\" SELECT * FROM (VALUES %s) AS v", rows),
                         &err));
}

static struct sl_column columns[] = {{.name = "name", .type = "text"},
                                     {.name = "ki\"nd; --", .type = "integer"},
                                     {.name = "geom", .type = "geometry", .geometry = true}};
static struct sl_table table = {.schema = "proc 1", .name = "t\"0", .columns = columns, .n_columns = 3,
                                .geometry = "geom", .srid = 25833};

static int srid(void *data, const char *crs, struct sl_error *e)
{
    (void)data, (void)e;
    return atoi(strchr(crs, ':') + 1);
}

static struct sl_step_context context = {.input = &table, .geometry = "geom", .srid = srid};

static struct sl_bound_recipe bound(const char *lines)
{
    char path[] = "/tmp/recipe-XXXXXX.yaml";
    struct sl_lints lints = {.arena = arena};
    const struct sl_recipe *recipe = NULL;
    struct sl_bound_recipe out = {0};
    const char *text = sl_arena_printf(arena, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\n"
                                              "type: vector\nparams:\n  p: {type: string, default: \"o'\\\\x\"}\n"
                                              "  n: {type: number, default: -2}\n%soutputs:\n  - geoparquet: {}\n", lines);
    int fd = mkstemps(path, 5);
    assert_ok(sl_file_write_all(fd, text, strlen(text), &err));
    close(fd);
    assert_ok(sl_recipe_lint_file(set, path, &lints, &recipe, &err));
    unlink(path);
    if (!recipe)
        fail_msg("%s", lints.items[0].message);
    assert_ok(sl_recipe_bind(recipe, &kinds, NULL, arena, &out, &err));
    return out;
}

static const char *sql_of(const char *step)
{
    struct sl_sql sql;
    struct sl_bound_recipe b = bound(sl_arena_printf(arena, "steps:\n  - %s\n", step));
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    context.arena = arena;
    assert_ok(sl_step_sql(b.steps[0].kind, b.steps[0].options, &context, &sql, &err));
    const char *text = sl_arena_strdup(arena, sql.buf.data);
    sl_sql_free(&sql);
    return text;
}

/* The step's result, a row a line: its columns, the geometry as "SRID;WKT" rounded. */
static void assert_gives(const char *step, const char *geometry, const char *expected)
{
    struct sl_buf out;
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    assert_ok(sl_pg_exec(pg, sl_arena_printf(arena, "CREATE UNLOGGED TABLE \"proc 1\".next AS %s", sql_of(step)), &err));
    assert_ok(sl_pg_query(pg, sl_arena_printf(arena, "SELECT r.*, %s AS geom FROM (SELECT * FROM \"proc 1\".next) AS r "
                                                     "ORDER BY name COLLATE \"C\"", geometry), 0, NULL, &result, &err));
    sl_buf_init(&out, 1 << 16);
    for (int row = 0; row < PQntuples(result); row++)
        for (int c = 0; c < PQnfields(result); c++) {
            bool raw = !strcmp(PQfname(result, c), "geom") && c + 1 < PQnfields(result);
            if (!raw)
                sl_buf_printf(&out, "%s%s", PQgetisnull(result, row, c) ? "-" : PQgetvalue(result, row, c),
                              c + 1 < PQnfields(result) ? " | " : "\n");
        }
    assert_string_equal(out.data, expected);
    sl_buf_free(&out);
    assert_ok(sl_pg_exec(pg, "DROP TABLE \"proc 1\".next", &err));
}

#define WKT "ST_SRID(geom) || ';' || ST_AsText(geom, 5)"

static void test_normalize_crs_transforms_rows_and_keeps_null_and_empty(void **state)
{
    (void)state;
    given("('a', 1, 'SRID=25833;POINT(392000 5820000)'::geometry), ('b', 2, NULL), ('c', 3, 'SRID=25833;POINT EMPTY')");
    /* pyproj with always_xy has 13.40828, 52.51940 */
    assert_gives("normalize_crs: {to: \"EPSG:4326\"}", "ST_SRID(geom) || ';' || ST_AsText(geom, 3)",
          "a | 1 | 4326;POINT(13.408 52.519)\nb | 2 | -\nc | 3 | 4326;POINT EMPTY\n");
    assert_gives("normalize_crs: {to: \"EPSG:25833\"}", WKT, "a | 1 | 25833;POINT(392000 5820000)\nb | 2 | -\nc | 3 | 25833;POINT EMPTY\n");
}

static void test_simplify_loses_no_geometry_whatever_it_is(void **state)
{
    (void)state;
    given("('a line', 1, 'LINESTRING(0 0,5 0.1,10 0)'::geometry), ('b small', 2, 'POLYGON((0 0,0 1,1 1,1 0,0 0))'),"
          "('c null', 3, NULL), ('d empty', 4, 'POLYGON EMPTY'), ('e point', 5, 'POINT(1 2)'),"
          "('f curve', 6, 'CIRCULARSTRING(0 0,0.5 0.5,1 0)'), ('g z', 7, 'LINESTRING Z (0 0 1,5 0 2,10 0 3)'),"
          "('h invalid', 8, 'POLYGON((0 0,20 20,20 0,0 20,0 0))'),"
          "('i mixed', 9, 'GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,5 0.1,10 0))')");
    assert_gives("simplify: {tolerance: 3}", WKT,
          "a line | 1 | 0;LINESTRING(0 0,10 0)\nb small | 2 | 0;POLYGON((0 0,0 1,1 1,1 0,0 0))\nc null | 3 | -\n"
          "d empty | 4 | 0;POLYGON EMPTY\ne point | 5 | 0;POINT(1 2)\nf curve | 6 | 0;LINESTRING(0 0,1 0)\n"
          "g z | 7 | 0;LINESTRING Z (0 0 1,10 0 3)\nh invalid | 8 | 0;POLYGON((0 0,20 20,20 0,0 20,0 0))\n"
          "i mixed | 9 | 0;GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,10 0))\n");
    assert_gives("simplify: {tolerance: 3, preserve_topology: false}", WKT,
          "a line | 1 | 0;LINESTRING(0 0,10 0)\nb small | 2 | 0;POLYGON((0 0,0 1,1 1,0 0))\nc null | 3 | -\n"
          "d empty | 4 | 0;POLYGON EMPTY\ne point | 5 | 0;POINT(1 2)\nf curve | 6 | 0;LINESTRING(0 0,1 0)\n"
          "g z | 7 | 0;LINESTRING Z (0 0 1,10 0 3)\nh invalid | 8 | 0;POLYGON((0 0,20 20,20 0,0 20,0 0))\n"
          "i mixed | 9 | 0;GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,10 0))\n");
}

static void test_make_valid_repairs_and_keeps_the_type(void **state)
{
    (void)state;
    given("('a bowtie', 1, 'POLYGON((0 0,2 2,2 0,0 2,0 0))'::geometry),"
          "('b spike', 2, 'POLYGON((0 0,2 0,2 2,0 2,0 0,-1 0,0 0))'), ('c flat', 3, 'POLYGON((0 0,2 2,0 0,0 0))'),"
          "('d null', 4, NULL), ('e valid', 5, 'LINESTRING(0 0,1 1)'),"
          "('f curve', 6, 'CURVEPOLYGON((0 0,2 2,2 0,0 2,0 0))'),"
          "('g collection', 7, 'GEOMETRYCOLLECTION(POINT(5 5),POLYGON((0 0,2 2,2 0,0 2,0 0)))')");
    assert_gives("make_valid: {}", "ST_IsValid(geom) || ' ' || ST_AsText(ST_Normalize(geom))",
          "a bowtie | 1 | true MULTIPOLYGON(((1 1,2 2,2 0,1 1)),((0 0,0 2,1 1,0 0)))\n"
          "b spike | 2 | true MULTIPOLYGON(((0 0,0 2,2 2,2 0,0 0)))\nc flat | 3 | true POLYGON EMPTY\nd null | 4 | -\n"
          "e valid | 5 | true LINESTRING(0 0,1 1)\n"
          "f curve | 6 | true MULTIPOLYGON(((1 1,2 2,2 0,1 1)),((0 0,0 2,1 1,0 0)))\n"
          "g collection | 7 | true GEOMETRYCOLLECTION(MULTIPOLYGON(((1 1,2 2,2 0,1 1)),((0 0,0 2,1 1,0 0))),POINT(5 5))\n");
    assert_gives("make_valid: {keep_type: false}", "GeometryType(geom)",
          "a bowtie | 1 | MULTIPOLYGON\nb spike | 2 | GEOMETRYCOLLECTION\nc flat | 3 | LINESTRING\nd null | 4 | -\n"
          "e valid | 5 | LINESTRING\nf curve | 6 | MULTIPOLYGON\ng collection | 7 | GEOMETRYCOLLECTION\n");
    assert_gives("make_valid: {method: structure}", "ST_IsValid(geom) || ' ' || GeometryType(geom)",
          "a bowtie | 1 | true MULTIPOLYGON\nb spike | 2 | true POLYGON\nc flat | 3 | true POLYGON\nd null | 4 | -\n"
          "e valid | 5 | true LINESTRING\nf curve | 6 | true MULTIPOLYGON\ng collection | 7 | true GEOMETRYCOLLECTION\n");
}

static void test_filter_and_select_and_sql_take_hostile_names_and_values(void **state)
{
    (void)state;
    given("('o''\\x', 1, 'POINT(0 0)'::geometry), ('b', 2, 'POINT EMPTY'), ('c', 3, NULL)");
    assert_gives("filter: {where: \"name = ${p}\"}", WKT, "o'\\x | 1 | 0;POINT(0 0)\n");
    assert_gives("filter: {where: \"NOT ST_IsEmpty({{geom}}) -- none\"}", WKT, "o'\\x | 1 | 0;POINT(0 0)\n");
    assert_gives("select: {exclude: [\"ki\\\"nd; --\"]}", WKT, "b | 0;POINT EMPTY\nc | -\no'\\x | 0;POINT(0 0)\n");
    assert_gives("sql: {select: \"SELECT name, 1 -${n} AS three, {{geom}} FROM {{input}} WHERE name <> ${p} -- x\"}", WKT,
          "b | 3 | 0;POINT EMPTY\nc | 3 | -\n");
    assert_gives("sql: {select: \"WITH a AS (SELECT * FROM {{input}}) SELECT name, {{geom}} FROM a ORDER BY name LIMIT 1\"}", WKT,
          "b | 0;POINT EMPTY\n");
}

static void test_a_sql_step_is_a_query_or_nothing(void **state)
{
    (void)state;
    given("('a', 1, 'POINT(0 0)'::geometry)");
    static const char *const hostile[] = {
        "sql: {select: \"DELETE FROM {{input}} RETURNING *\"}",
        "sql: {select: \"WITH d AS (DELETE FROM {{input}} RETURNING *) SELECT * FROM d\"}",
        "sql: {select: \"SELECT * INTO stolen FROM {{input}}\"}",
        "sql: {select: \"TABLE {{input}} ) UNION ( TABLE {{input}}\"}",
        "filter: {where: \"true) UNION SELECT * FROM (SELECT 1\"}",
    };
    for (size_t i = 0; i < 3; i++) {
        const char *sql = sl_arena_printf(arena, "CREATE TABLE \"proc 1\".next AS %s", sql_of(hostile[i]));
        assert_true(sl_pg_exec(pg, sql, &err) < 0);
        assert_int_equal(err.code, SL_E_POSTGRES);
    }
    for (size_t i = 3; i < 5; i++) { /* never reach the server */
        struct sl_lints lints = {.arena = arena};
        char path[] = "/tmp/recipe-XXXXXX.yaml";
        const struct sl_recipe *recipe = NULL;
        const char *text = sl_arena_printf(arena, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\n"
                                                  "type: vector\nsteps:\n  - %s\noutputs:\n  - geoparquet: {}\n", hostile[i]);
        int fd = mkstemps(path, 5);
        assert_ok(sl_file_write_all(fd, text, strlen(text), &err));
        close(fd);
        assert_ok(sl_recipe_lint_file(set, path, &lints, &recipe, &err));
        unlink(path);
        assert_null(recipe);
        assert_contains(lints.items[0].message, "a closing parenthesis without an opening one");
    }
    int64_t rows = -1;
    assert_ok(sl_pg_query_int(pg, "SELECT count(*) FROM \"proc 1\".\"t\"\"0\"", 0, NULL, -1, &rows, &err));
    assert_int_equal(rows, 1);
}

static void test_spatial_index_makes_a_gist_index(void **state)
{
    (void)state;
    int64_t n = 0;
    given("('a', 1, 'POINT(0 0)'::geometry)");
    assert_ok(sl_pg_exec(pg, sql_of("spatial_index: {}"), &err));
    assert_ok(sl_pg_query_int(pg, "SELECT count(*) FROM pg_indexes WHERE schemaname = 'proc 1' AND indexdef LIKE "
                                  "'%USING gist (geom)%'", 0, NULL, -1, &n, &err));
    assert_int_equal(n, 1);
}

static void breaks(const char *check, int64_t expected)
{
    struct sl_sql sql;
    int64_t n = -1;
    struct sl_bound_recipe b = bound(sl_arena_printf(arena, "checks:\n  - %s\n", check));
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    context.arena = arena;
    assert_ok(sl_check_sql(b.checks[0].kind, b.checks[0].options, &context, &sql, &err));
    assert_ok(sl_pg_query_int(pg, sql.buf.data, 0, NULL, -1, &n, &err));
    assert_int_equal(n, expected);
    sl_sql_free(&sql);
}

static void test_checks_count_rows(void **state)
{
    (void)state;
    given("('a', 1, 'POLYGON((0 0,2 2,2 0,0 2,0 0))'::geometry), ('a', 1, NULL), ('a', 2, 'POINT EMPTY'),"
          "(NULL, 1, 'POINT(0 0)'), (NULL, 1, 'POINT(0 0)')");
    breaks("not_empty: {}", 0);
    breaks("valid_geometry: {}", 1);
    breaks("not_null: {columns: [name]}", 2);
    breaks("not_null: {columns: [name, geom]}", 3);
    breaks("unique: {columns: [name]}", 3);
    breaks("unique: {columns: [name, \"ki\\\"nd; --\"]}", 2);
    breaks("unique: {columns: [geom]}", 2);
    assert_ok(sl_pg_exec(pg, "TRUNCATE \"proc 1\".\"t\"\"0\"", &err));
    breaks("not_empty: {}", 1);
    breaks("unique: {columns: [name]}", 0);
    breaks("valid_geometry: {}", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalize_crs_transforms_rows_and_keeps_null_and_empty),
        cmocka_unit_test(test_simplify_loses_no_geometry_whatever_it_is),
        cmocka_unit_test(test_make_valid_repairs_and_keeps_the_type),
        cmocka_unit_test(test_filter_and_select_and_sql_take_hostile_names_and_values),
        cmocka_unit_test(test_a_sql_step_is_a_query_or_nothing),
        cmocka_unit_test(test_spatial_index_makes_a_gist_index),
        cmocka_unit_test(test_checks_count_rows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables put under each other: which columns and types come out, and the SQL of it. */
#include "support/cm.h"

#include <string.h>

#include "base/arena.h"
#include "step/merge.h"

static struct sl_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = sl_arena_new();
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    sl_arena_free(arena);
    return 0;
}

static struct sl_column one_columns[] = {{.name = "Name", .type = "text"},
                                         {.name = "n", .type = "integer"},
                                         {.name = "geom", .type = "geometry", .geometry = true}};
static struct sl_column other_columns[] = {{.name = "geom", .type = "geometry", .geometry = true},
                                           {.name = "n", .type = "bigint"},
                                           {.name = "a\"b", .type = "date"},
                                           {.name = "name", .type = "character varying(9)"}};

static struct sl_merge_part part(const char *name, struct sl_column *columns, size_t n, int srid)
{
    return (struct sl_merge_part){.name = name, .source = name, .table = {.schema = "s", .name = name, .columns = columns,
                                  .n_columns = n, .geometry = "geom", .srid = srid}};
}

static void made(const struct sl_merge *merge, const char *expected)
{
    struct sl_sql sql;
    struct sl_error err = {0};
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    int rc = sl_merge_sql(merge, &sql, &err);
    assert_string_equal(rc < 0 ? err.message : sql.buf.data, expected);
    sl_sql_free(&sql);
}

static void test_columns_go_by_name_and_geometries_into_one_system(void **state)
{
    (void)state;
    const struct sl_merge_part parts[] = {part("a", one_columns, 3, 25833), part("b", other_columns, 4, 4326)};
    const struct sl_merge merge = {.parts = parts, .n = 2, .geometry = "geom", .srid = 25833, .arena = arena};
    made(&merge, "SELECT \"Name\" AS \"Name\", CAST(\"n\" AS bigint) AS \"n\", CAST(NULL AS date) AS \"a\"\"b\", "
                 "\"geom\" AS \"geom\" FROM \"s\".\"a\" UNION ALL SELECT CAST(\"name\" AS text) AS \"Name\", \"n\" AS \"n\", "
                 "\"a\"\"b\" AS \"a\"\"b\", ST_Transform(\"geom\", 25833) AS \"geom\" FROM \"s\".\"b\"");
}

static void test_a_source_column_has_the_parts_names_as_literals(void **state)
{
    (void)state;
    const struct sl_merge_part parts[] = {part("o'x", one_columns, 1, 0)};
    const struct sl_merge merge = {.parts = parts, .n = 1, .geometry = "geom", .source_column = "file", .arena = arena};
    made(&merge, "SELECT \"Name\" AS \"Name\", CAST('o''x' AS text) AS \"file\", \"geom\" AS \"geom\" FROM \"s\".\"o'x\"");
    const struct sl_merge taken = {.parts = parts, .n = 1, .geometry = "geom", .source_column = "NAME", .arena = arena};
    made(&taken, "source_column: column \"NAME\" exists already in o'x");
}

static void test_types_without_one_in_common_are_told_with_both_tables(void **state)
{
    (void)state;
    struct sl_column dated[] = {{.name = "N", .type = "date"}};
    const struct sl_merge_part parts[] = {part("a", one_columns, 3, 0), part("b", dated, 1, 0)};
    struct sl_merge merge = {.parts = parts, .n = 2, .geometry = "geom", .arena = arena};
    made(&merge, "column \"n\" is integer in a, and date in b");
}

static void test_numbers_and_times_widen_and_others_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *common;
    } all[] = {{"smallint", "integer", "integer"},
               {"bigint", "integer", "bigint"},
               {"bigint", "double precision", "double precision"},
               {"real", "smallint", "double precision"},
               {"numeric(10,2)", "integer", "double precision"},
               {"date", "timestamp without time zone", "timestamp without time zone"},
               {"character varying(3)", "text", "text"},
               {"boolean", "boolean", "boolean"},
               {"boolean", "integer", NULL},
               {"text[]", "text", NULL},
               {"numeric(4,1)[]", "integer", NULL},
               {"timestamp with time zone", "timestamp without time zone", NULL},
               {"text", "integer", NULL}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *found = sl_merge_type(all[i].a, all[i].b, SL_DIALECT_POSTGIS);
        const char *turned = sl_merge_type(all[i].b, all[i].a, SL_DIALECT_POSTGIS);
        assert_string_equal(found ? found : "none", all[i].common ? all[i].common : "none");
        assert_string_equal(turned ? turned : "none", all[i].common ? all[i].common : "none");
    }
    assert_string_equal(sl_merge_type("BIGINT", "DOUBLE", SL_DIALECT_DUCKDB), "DOUBLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_go_by_name_and_geometries_into_one_system),
        cmocka_unit_test(test_a_source_column_has_the_parts_names_as_literals),
        cmocka_unit_test(test_types_without_one_in_common_are_told_with_both_tables),
        cmocka_unit_test(test_numbers_and_times_widen_and_others_do_not),
    };
    return cmocka_run_group_tests(tests, open_arena, free_arena);
}

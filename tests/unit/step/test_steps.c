/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of every step and check, exactly, on a table whose names are as hostile as names can be. */
#include "../recipe/recipe_support.h"

struct fixture {
    struct sl_arena *arena;
    struct sl_kinds kinds;
    struct sl_recipe_set *set;
    struct sl_column columns[3];
    struct sl_table table;
    struct sl_step_context context;
    struct sl_error err;
};

/* What the compute engine would say: EPSG's codes, a private one, and a server that is gone. */
static int srid(void *data, const char *crs, struct sl_error *err)
{
    (void)data;
    if (!strncmp(crs, "EPSG:", 5))
        return atoi(crs + 5);
    if (!strcmp(crs, "ESRI:102003"))
        return sl_fail(err, SL_E_POSTGRES_UNAVAILABLE, "gone");
    return -1;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = sl_arena_new();
    f->kinds = all_kinds();
    f->set = empty_set(&f->kinds);
    f->columns[0] = (struct sl_column){.name = "a\"b; DROP TABLE x --", .type = "text"};
    f->columns[1] = (struct sl_column){.name = "geom", .type = "geometry", .geometry = true};
    f->columns[2] = (struct sl_column){.name = "Straße '", .type = "text"};
    f->table = (struct sl_table){.schema = "proc_1", .name = "raw\"data", .columns = f->columns, .n_columns = 3,
                                 .geometry = "geom", .srid = 25833, .rows = -1};
    f->context = (struct sl_step_context){.input = &f->table, .geometry = "geom", .arena = f->arena, .srid = srid};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sl_recipe_set_free(f->set);
    sl_arena_free(f->arena);
    free(f);
    return 0;
}

static struct sl_bound_recipe bound(struct fixture *f, const char *lines)
{
    struct sl_bound_recipe out;
    if (sl_recipe_bind(recipe_of(f->set, f->arena, lines), &f->kinds, NULL, f->arena, &out, &f->err) < 0)
        fail_msg("%s", f->err.message);
    return out;
}

static int build(struct fixture *f, const char *step, struct sl_sql *sql)
{
    struct sl_bound_recipe b = bound(f, sl_arena_printf(f->arena, "params:\n  p: {type: string, default: \"it's\"}\n"
                                                                  "steps:\n  - %s\n", step));
    return sl_step_sql(b.steps[0].kind, b.steps[0].options, &f->context, sql, &f->err);
}

static void builds(struct fixture *f, const char *step, const char *expected)
{
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    if (build(f, step, &sql) < 0)
        fail_msg("%s: %s", step, f->err.message);
    assert_string_equal(sql.buf.data, expected);
    sl_sql_free(&sql);
}

static void refuses(struct fixture *f, const char *step, enum sl_code code, const char *message)
{
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    assert_int_equal(build(f, step, &sql), -(int)code);
    assert_string_equal(f->err.message, message);
    sl_sql_free(&sql);
}

static void checks(struct fixture *f, const char *check, const char *expected, int64_t broken, const char *sentence)
{
    char said[512];
    struct sl_sql sql;
    struct sl_bound_recipe b = bound(f, sl_arena_printf(f->arena, "checks:\n  - %s\n", check));
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    if (sl_check_sql(b.checks[0].kind, b.checks[0].options, &f->context, &sql, &f->err) < 0)
        fail_msg("%s", f->err.message);
    assert_memory_equal(sql.buf.data, expected, strlen(expected)); /* a long one by its beginning: sql.expected has all */
    struct sl_table counted = *f->context.input;
    struct sl_step_context with_rows = f->context;
    counted.rows = 1177;
    with_rows.input = &counted;
    b.checks[0].kind->sentence(&with_rows, b.checks[0].options, broken, said, sizeof said);
    assert_string_equal(said, sentence);
    sl_sql_free(&sql);
}

#define OTHERS "\"a\"\"b; DROP TABLE x --\", \"Straße '\", "
#define INPUT  "\"proc_1\".\"raw\"\"data\""

static void test_normalize_crs_transforms(void **state)
{
    builds(*state, "normalize_crs: {to: \"EPSG:4326\"}",
           "SELECT " OTHERS "ST_Transform(\"geom\", 4326) AS \"geom\" FROM " INPUT);
}

static void test_normalize_crs_leaves_what_is_there_already(void **state)
{
    builds(*state, "normalize_crs: {to: \"EPSG:25833\"}", "SELECT " OTHERS "\"geom\" AS \"geom\" FROM " INPUT);
}

static void test_normalize_crs_says_when_it_cannot(void **state)
{
    struct fixture *f = *state;
    refuses(f, "normalize_crs: {to: \"OGC:CRS84\"}", SL_E_CRS_UNKNOWN,
            "normalize_crs: the compute engine has no SRID for \"OGC:CRS84\"");
    refuses(f, "normalize_crs: {to: \"ESRI:102003\"}", SL_E_POSTGRES_UNAVAILABLE, "gone");
    f->table.srid = 0;
    refuses(f, "normalize_crs: {to: \"EPSG:4326\"}", SL_E_CRS_MISSING,
            "normalize_crs: the geometry has no CRS to transform from");
}

static void test_simplify_keeps_topology_or_collapsed_geometries(void **state)
{
    builds(*state, "simplify: {tolerance: 0.00001}",
           "SELECT " OTHERS "CASE WHEN ST_NPoints(\"sl_simple\") = ST_NPoints(\"geom\") THEN \"geom\" "
           "WHEN ST_NRings(\"sl_simple\") = ST_NRings(\"geom\") AND ST_NPoints(\"sl_simple\") > 4 * ST_NRings(\"geom\") "
           "AND ST_IsValid(\"sl_simple\") THEN \"sl_simple\" "
           "ELSE ST_SimplifyPreserveTopology(\"geom\", 1e-05) END AS \"geom\" FROM (SELECT *, "
           "CASE WHEN GeometryType(\"geom\") IN ('POLYGON', 'MULTIPOLYGON') AND ST_Zmflag(\"geom\") IN (0, 2) "
           "THEN ST_Simplify(\"geom\", 1e-05, true) END AS \"sl_simple\" FROM " INPUT " OFFSET '0'::bigint) AS simplified");
    builds(*state, "simplify: {tolerance: 10, preserve_topology: false}",
           "SELECT " OTHERS "COALESCE(ST_Simplify(ST_CurveToLine(\"geom\"), 10, true), \"geom\") AS \"geom\" FROM " INPUT);
}

static void test_make_valid_touches_only_invalid_geometries(void **state)
{
    builds(*state, "make_valid: {}",
           "SELECT " OTHERS "CASE WHEN ST_IsValid(\"geom\") THEN \"geom\" WHEN GeometryType(\"geom\") <> "
           "'GEOMETRYCOLLECTION' THEN ST_CollectionExtract(ST_MakeValid(ST_CurveToLine(\"geom\"), 'method=linework'), "
           "ST_Dimension(\"geom\") + 1) ELSE ST_MakeValid(ST_CurveToLine(\"geom\"), 'method=linework') END AS \"geom\" FROM " INPUT);
    builds(*state, "make_valid: {method: structure, keep_type: false}",
           "SELECT " OTHERS "CASE WHEN ST_IsValid(\"geom\") THEN \"geom\" ELSE ST_MakeValid(ST_CurveToLine(\"geom\"), "
           "'method=structure') END AS \"geom\" FROM " INPUT);
}

static void test_spatial_index_is_one_statement(void **state)
{
    builds(*state, "spatial_index: {}", "CREATE INDEX ON " INPUT " USING gist (\"geom\")");
}

static void test_filter_keeps_its_expression_in_parentheses(void **state)
{
    builds(*state, "filter: {where: \"kind = ${p} OR ST_IsEmpty({{geom}})\"}",
           "SELECT " OTHERS "\"geom\" FROM " INPUT " WHERE (kind = 'it''s' OR ST_IsEmpty(\"geom\"))");
}

static void test_select_keeps_columns_in_the_given_order_and_the_geometry_last(void **state)
{
    builds(*state, "select: {columns: [\"Straße '\", geom]}", "SELECT \"Straße '\", \"geom\" FROM " INPUT);
    builds(*state, "select: {columns: [geom]}", "SELECT \"geom\" FROM " INPUT);
    builds(*state, "select: {exclude: [\"Straße '\"]}", "SELECT \"a\"\"b; DROP TABLE x --\", \"geom\" FROM " INPUT);
}

static void test_select_refuses_columns_that_are_not_there_and_to_drop_the_geometry(void **state)
{
    refuses(*state, "select: {columns: [\"Strase '\"]}", SL_E_RECIPE_OPTION,
            "column \"Strase '\" does not exist, did you mean \"Straße '\"?");
    refuses(*state, "select: {exclude: [zzzzzzz]}", SL_E_RECIPE_OPTION, "column \"zzzzzzz\" does not exist");
    refuses(*state, "select: {exclude: [geom]}", SL_E_RECIPE_OPTION, "select: the geometry \"geom\" cannot be left out");
}

static void test_sql_is_wrapped_so_that_only_a_query_fits(void **state)
{
    builds(*state, "sql: {select: \"SELECT *, ${p} AS q FROM {{input}} -- all\"}",
           "SELECT * FROM (SELECT *, 'it''s' AS q FROM " INPUT "  ) AS t");
}

static void test_without_a_file_columns_are_a_comment(void **state)
{
    struct fixture *f = *state;
    f->table.columns = NULL;
    f->table.n_columns = 0;
    f->table.srid = 0;
    f->context.srid = NULL;
    builds(f, "normalize_crs: {to: \"EPSG:4326\"}",
           "SELECT /* the file's other columns, */ ST_Transform(\"geom\", 4326) AS \"geom\" FROM " INPUT);
    builds(f, "select: {columns: [anything]}", "SELECT \"anything\", \"geom\" FROM " INPUT);
    builds(f, "select: {exclude: [anything]}",
           "SELECT /* the file's columns that are not excluded, */ \"geom\" FROM " INPUT);
}

static void test_steps_of_the_geometry_need_one(void **state)
{
    struct fixture *f = *state;
    f->columns[1].name = "other";
    refuses(f, "make_valid: {}", SL_E_GEOMETRY_CONTRACT, "make_valid: the table has no geometry column \"geom\"");
    refuses(f, "simplify: {tolerance: 1}", SL_E_GEOMETRY_CONTRACT, "simplify: the table has no geometry column \"geom\"");
    refuses(f, "spatial_index: {}", SL_E_GEOMETRY_CONTRACT, "spatial_index: the table has no geometry column \"geom\"");
    builds(f, "filter: {where: \"true\"}", "SELECT * FROM " INPUT " WHERE (true)");
}

static void test_another_dialect_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    assert_int_equal(build(f, "snap_to_grid: {size: 1}", &sql), -(int)SL_E_RECIPE_STEP);
    assert_string_equal(f->err.message, "snap_to_grid has no form for engine duckdb");
    sl_sql_free(&sql);
}

static void test_names_that_no_table_can_have_are_refused(void **state)
{
    struct fixture *f = *state;
    f->columns[0].name = "a_name_that_is_longer_than_the_sixty_three_bytes_which_postgresql_keeps";
    struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    assert_true(build(f, "make_valid: {}", &sql) < 0);
    sl_sql_free(&sql);
}

static void test_checks_count_what_breaks_the_rule(void **state)
{
    checks(*state, "not_empty: {}", "SELECT CASE WHEN EXISTS (SELECT 1 FROM " INPUT ") THEN 0 ELSE 1 END", 1,
           "there are no rows");
    checks(*state, "valid_geometry: {}", "SELECT count(*) FROM " INPUT " WHERE NOT ST_IsValid(\"geom\")", 12,
           "12 of 1,177 rows have an invalid geometry");
    checks(*state, "not_null: {columns: [\"Straße '\", geom]}",
           "SELECT count(*) FROM " INPUT " WHERE \"Straße '\" IS NULL OR \"geom\" IS NULL", 1,
           "1 of 1,177 rows has no value in Straße ', geom");
    checks(*state, "unique: {columns: [\"Straße '\"]}",
           "SELECT count(*) FROM " INPUT " WHERE \"Straße '\" IS NOT NULL AND (\"Straße '\") IN (SELECT \"Straße '\" FROM " INPUT
           " GROUP BY \"Straße '\" HAVING count(*) > 1)",
           3, "3 of 1,177 rows share with another one their Straße '");
    checks(*state, "row_count: {min: 2000}", "SELECT CASE WHEN count(*) BETWEEN 2000 AND 9223372036854775807 THEN 0 ELSE 1 END FROM " INPUT,
           1, "the number of rows is 1,177, expected at least 2,000");
    checks(*state, "row_count: {min: 2, max: 10}", "SELECT CASE WHEN count(*) BETWEEN 2 AND 10 THEN 0 ELSE 1 END FROM " INPUT, 1,
           "the number of rows is 1,177, expected 2 to 10");
    checks(*state, "accepted_values: {column: \"Straße '\", values: [a]}",
           "SELECT count(*) FROM " INPUT " WHERE \"Straße '\" IS NOT NULL AND NOT (CAST(\"Straße '\" AS text) IN ('a'))", 1,
           "1 of 1,177 rows has a value in Straße ' that is not accepted");
    checks(*state, "expression: {rule: \"true\"}", "SELECT count(*) FROM " INPUT " WHERE NOT (true)", 12,
           "12 of 1,177 rows break the rule");
    checks(*state, "expression: {rule: \"true\", message: are closed}", "SELECT count(*) FROM " INPUT " WHERE NOT (true)", 1,
           "1 of 1,177 rows are closed");
    checks(*state, "in_bounds: {bounds: [1, 2, 3, 4.5], crs: \"EPSG:4326\"}",
           "SELECT count(*) FROM " INPUT " WHERE NOT ST_IsEmpty(\"geom\") AND NOT ST_CoveredBy(ST_CurveToLine(\"geom\"), ", 12,
           "12 of 1,177 rows reach out of the bounds [1, 2, 3, 4.5]");
}

/* ---- what is compared with the last version ---- */

/* The table has n rows; the last version had (version, rows, columns). Gives what the check says, or notes, or "". */
static const char *compared(struct fixture *f, const char *check, int64_t rows, const struct sl_previous *previous)
{
    struct sl_bound_recipe b = bound(f, sl_arena_printf(f->arena, "checks:\n  - %s\n", check));
    const struct sl_check_kind *kind = b.checks[0].kind;
    struct sl_table table = *f->context.input;
    struct sl_step_context context = f->context;
    char said[512] = "";
    struct sl_sql sql;
    int64_t broken = 0;
    table.rows = rows;
    context.input = &table;
    context.previous = previous;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    assert_int_equal(sl_check_sql(kind, b.checks[0].options, &context, &sql, &f->err), 0);
    if (kind->judge) {
        broken = kind->judge(&context, b.checks[0].options);
    } else {
        int64_t least = strtoll(strstr(sql.buf.data, "BETWEEN ") + 8, NULL, 10);
        broken = rows < least || rows > strtoll(strstr(sql.buf.data, "AND ") + 4, NULL, 10);
    }
    sl_sql_free(&sql);
    if (broken)
        kind->sentence(&context, b.checks[0].options, broken, said, sizeof said);
    else
        kind->note(&context, b.checks[0].options, said, sizeof said);
    return sl_arena_printf(f->arena, "%s%s", broken ? "broken: " : "", said);
}

static void test_the_number_of_rows_is_compared_with_the_last_version(void **state)
{
    struct fixture *f = *state;
    const struct sl_previous first = {.dataset_id = "roads", .rows = -1}, last = {.dataset_id = "roads", .version = 3, .rows = 1000};
    assert_string_equal(compared(f, "row_count: {max_drop_percent: 10}", 5, NULL), "");
    assert_string_equal(compared(f, "row_count: {max_drop_percent: 10}", 5, &first), "roads has no earlier version to compare with");
    assert_string_equal(compared(f, "row_count: {min: 1}", 5, &first), "");
    assert_string_equal(compared(f, "row_count: {max_drop_percent: 10}", 900, &last), "");
    assert_string_equal(compared(f, "row_count: {max_drop_percent: 10}", 90000, &last), "");
    assert_string_equal(compared(f, "row_count: {max_drop_percent: 10}", 899, &last),
                        "broken: the number of rows is 899, expected at least 900 (roads v3 has 1,000)");
    assert_string_equal(compared(f, "row_count: {max_change_percent: 0.1}", 1001, &last), "");
    assert_string_equal(compared(f, "row_count: {max_change_percent: 0.1}", 1002, &last),
                        "broken: the number of rows is 1,002, expected 999 to 1,001 (roads v3 has 1,000)");
    assert_string_equal(compared(f, "row_count: {max_change_percent: 50, max_drop_percent: 1, max: 1200}", 980, &last),
                        "broken: the number of rows is 980, expected 990 to 1,200 (roads v3 has 1,000)");
}

static void test_columns_are_compared_with_the_recipe_or_the_last_version(void **state)
{
    struct fixture *f = *state;
    static const struct sl_column same[] = {{.name = "geom", .type = "GEOMETRY"}, {.name = "a\"b; DROP TABLE x --", .type = "VARCHAR"},
                                            {.name = "Straße '", .type = "text"}};
    static const struct sl_column other[] = {{.name = "geom", .type = "geometry"}, {.name = "Straße '", .type = "bigint"},
                                             {.name = "gone", .type = "text"}};
    const struct sl_previous first = {.dataset_id = "roads"}, alike = {"roads", 2, 5, same, 3}, differs = {"roads", 3, 5, other, 3};
    assert_string_equal(compared(f, "schema: {}", 1, NULL), "");
    assert_string_equal(compared(f, "schema: {policy: freeze}", 1, &first), "roads has no earlier version to compare with");
    assert_string_equal(compared(f, "schema: {policy: freeze}", 1, &alike), "");
    assert_string_equal(compared(f, "schema: {}", 1, &differs),
                        "broken: compared with roads v3 \"Straße '\" is text, not integer, \"gone\" is missing");
    assert_string_equal(compared(f, "schema: {policy: warn}", 1, &differs),
                        "compared with roads v3 \"Straße '\" is text, not integer, \"gone\" is missing, "
                        "\"a\"b; DROP TABLE x --\" is new");
    assert_string_equal(compared(f, "schema: {columns: {\"Straße '\": text}}", 1, &differs),
                        "compared with the recipe's columns \"a\"b; DROP TABLE x --\" is new");
    assert_string_equal(compared(f, "schema: {columns: {\"Straße '\": any}, policy: freeze}", 1, NULL),
                        "broken: compared with the recipe's columns \"a\"b; DROP TABLE x --\" is new");
    assert_string_equal(compared(f, "schema: {columns: {\"Straße '\": number}}", 1, &first),
                        "broken: compared with the recipe's columns \"Straße '\" is text, not number");
}

static void test_kinds_are_in_order_and_consistent(void **state)
{
    (void)state;
    for (size_t i = 0; sl_steps[i]; i++) {
        const struct sl_step_kind *k = sl_steps[i];
        int order = i ? strcmp(sl_steps[i - 1]->name, k->name) : -1;
        /* Of two with one name the one for vectors comes first. */
        assert_true(order < 0 || (order == 0 && !sl_steps[i - 1]->data_type && k->data_type));
        assert_ptr_equal(sl_step_by_name(k->name), sl_steps[order == 0 ? i - 1 : i]);
        assert_int_equal(sl_step_is_for_rasters(k), (k->apply != NULL) + (k->vectorise != NULL));
        if (sl_step_is_for_rasters(k)) {
            assert_true(!k->build && k->dialects == 0 && !k->drops);
            continue;
        }
        assert_non_null(k->build);
        assert_true(k->options.struct_bytes > 0);
        assert_true(k->dialects != 0);
        /* Either it keeps the rows, or the loss has a name. */
        assert_true(((k->flags & SL_STEP_KEEPS_ROWS) != 0) != (k->drops != NULL));
    }
    for (size_t i = 1; sl_checks[i]; i++)
        assert_true(strcmp(sl_checks[i - 1]->name, sl_checks[i]->name) < 0);
    assert_null(sl_step_by_name("simplfy"));
    assert_string_equal(sl_check_by_name("unique")->name, "unique");
}

static int other(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err)
{
    static const struct sl_table unknown = {.schema = "s", .name = "t", .rows = -1};
    (void)data, (void)ref, (void)placed, (void)err;
    *out = (struct sl_other_table){.name = "another table", .table = &unknown};
    return 0;
}

static void test_every_example_is_a_step_that_lints_and_builds(void **state)
{
    struct fixture *f = *state;
    f->table.columns = NULL; /* as without a file: examples have columns of their own */
    f->table.n_columns = 0;
    f->context.other = other;
    for (size_t i = 0; sl_steps[i]; i++) {
        struct sl_sql sql;
        if (sl_step_is_for_rasters(sl_steps[i]))
            continue;
        struct sl_bound_recipe b = bound(f, sl_arena_printf(f->arena, "inputs: {roles: {main: {main: true}, paths: {}, tracks: {}}}\n"
                                                            "params:\n  least: {type: integer, default: 1}\nsteps:\n%s\n",
                                                            sl_steps[i]->example));
        sl_sql_init(&sql, SL_DIALECT_POSTGIS);
        assert_int_equal(sl_step_sql(b.steps[0].kind, b.steps[0].options, &f->context, &sql, &f->err), 0);
        sl_sql_free(&sql);
    }
    for (size_t i = 0; sl_checks[i]; i++)
        bound(f, sl_arena_printf(f->arena, "checks:\n%s\n", sl_checks[i]->example));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_normalize_crs_transforms),
        TEST(test_normalize_crs_leaves_what_is_there_already),
        TEST(test_normalize_crs_says_when_it_cannot),
        TEST(test_simplify_keeps_topology_or_collapsed_geometries),
        TEST(test_make_valid_touches_only_invalid_geometries),
        TEST(test_spatial_index_is_one_statement),
        TEST(test_filter_keeps_its_expression_in_parentheses),
        TEST(test_select_keeps_columns_in_the_given_order_and_the_geometry_last),
        TEST(test_select_refuses_columns_that_are_not_there_and_to_drop_the_geometry),
        TEST(test_sql_is_wrapped_so_that_only_a_query_fits),
        TEST(test_without_a_file_columns_are_a_comment),
        TEST(test_steps_of_the_geometry_need_one),
        TEST(test_another_dialect_is_refused_by_name),
        TEST(test_names_that_no_table_can_have_are_refused),
        TEST(test_checks_count_what_breaks_the_rule),
        TEST(test_the_number_of_rows_is_compared_with_the_last_version),
        TEST(test_columns_are_compared_with_the_recipe_or_the_last_version),
        TEST(test_kinds_are_in_order_and_consistent),
        TEST(test_every_example_is_a_step_that_lints_and_builds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "geo/duckdb/duck.h"

static struct sl_duck *duck;
static struct sl_error err;

static int open_duck(void **state)
{
    (void)state;
    struct sl_duck_options options = {.threads = 2, .memory_bytes = 64 << 20};
    return sl_duck_open(&options, &duck, &err);
}

static int close_duck(void **state)
{
    (void)state;
    sl_duck_close(duck);
    duck = NULL;
    return 0;
}

static void statements_run_and_say_what_changed(void **state)
{
    (void)state;
    int64_t n = -1;
    assert_ok(sl_duck_exec(duck, "CREATE TABLE t AS SELECT 1 AS a WHERE false", SL_E_DUCKDB, NULL, &err));
    assert_ok(sl_duck_exec(duck, "INSERT INTO t SELECT range FROM range(1000)", SL_E_DUCKDB, &n, &err));
    assert_int_equal(n, 1000);
    assert_ok(sl_duck_query_int(duck, "SELECT sum(a) FROM t", &n, &err));
    assert_int_equal(n, 499500);
}

static void a_failure_has_the_given_code_and_one_line(void **state)
{
    (void)state;
    assert_fails(sl_duck_exec(duck, "SELECT * FROM nowhere", SL_E_STEP_SQL, NULL, &err), SL_E_STEP_SQL);
    assert_contains(err.message, "nowhere");
    assert_null(strchr(err.message, '\n'));
    assert_null(strstr(err.message, "LINE 1"));
    assert_null(strstr(err.message, "Catalog Error"));
}

static void memory_is_bounded_without_a_spill_folder(void **state)
{
    (void)state;
    assert_fails(sl_duck_exec(duck, "CREATE TABLE big AS SELECT hash(range) AS h, repeat('x', 200) || range AS t FROM range(4000000)",
                              SL_E_DUCKDB, NULL, &err),
                 SL_E_MEMORY);
}

static int collect(void *data, const char *const *values, size_t n, struct sl_error *e)
{
    char *out = data;
    (void)e;
    for (size_t i = 0; i < n; i++) {
        strcat(out, values[i] ? values[i] : "NULL");
        strcat(out, "|");
    }
    return 0;
}

static int stop(void *data, const char *const *values, size_t n, struct sl_error *e)
{
    (void)values;
    (void)n;
    ++*(int *)data;
    return sl_fail(e, SL_E_CANCELLED, "enough");
}

static void rows_come_as_texts(void **state)
{
    (void)state;
    char out[200] = "";
    assert_ok(sl_duck_query(duck, "SELECT 1, NULL, 'é', true, DATE '2020-02-29' UNION ALL SELECT 2, 'x', '', false, NULL ORDER BY 1",
                            collect, out, &err));
    assert_string_equal(out, "1|NULL|é|true|2020-02-29|2|x||false|NULL|");
}

static void a_row_function_can_stop(void **state)
{
    (void)state;
    int calls = 0;
    assert_fails(sl_duck_query(duck, "SELECT * FROM range(10)", stop, &calls, &err), SL_E_CANCELLED);
    assert_int_equal(calls, 1);
}

static void extensions_come_from_the_folder_only(void **state)
{
    (void)state;
    assert_fails(sl_duck_load(duck, "spatial", &err), SL_E_DUCKDB);
    assert_fails(sl_duck_load(duck, "../x", &err), SL_E_INTERNAL);
    assert_fails(sl_duck_exec(duck, "INSTALL httpfs", SL_E_DUCKDB, NULL, &err), SL_E_DUCKDB);
    assert_fails(sl_duck_exec(duck, "SELECT * FROM 'https://127.0.0.1:1/x.parquet'", SL_E_DUCKDB, NULL, &err), SL_E_DUCKDB);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_duck, close_duck)
    const struct CMUnitTest tests[] = {
        T(statements_run_and_say_what_changed),
        T(a_failure_has_the_given_code_and_one_line),
        T(memory_is_bounded_without_a_spill_folder),
        T(rows_come_as_texts),
        T(a_row_function_can_stop),
        T(extensions_come_from_the_folder_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

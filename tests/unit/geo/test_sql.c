/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <math.h>

#include "geo/sql.h"

static struct sl_sql sql;

static int fresh(void **state)
{
    (void)state;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    return 0;
}

static int done(void **state)
{
    (void)state;
    sl_sql_free(&sql);
    return 0;
}

static void a_hostile_identifier_stays_one_identifier(void **state)
{
    (void)state;
    sl_sql_table(&sql, "s\"; DROP SCHEMA x; --", "t.\"u\"");
    assert_string_equal(sql.buf.data, "\"s\"\"; DROP SCHEMA x; --\".\"t.\"\"u\"\"\"");
    assert_int_equal(sl_sql_check(&sql, NULL), 0);
}

static void a_hostile_literal_stays_one_literal(void **state)
{
    (void)state;
    sl_sql_literal(&sql, "a'; DROP TABLE t; --");
    sl_sql_text(&sql, ", ");
    sl_sql_literal(&sql, "back\\slash'");
    assert_string_equal(sql.buf.data, "'a''; DROP TABLE t; --', E'back\\\\slash'''");
}

static void duckdb_keeps_backslashes(void **state)
{
    (void)state;
    sql.dialect = SL_DIALECT_DUCKDB;
    sl_sql_literal(&sql, "C:\\x'y");
    assert_string_equal(sql.buf.data, "'C:\\x''y'");
}

static void numbers_read_back_the_same(void **state)
{
    (void)state;
    static const double values[] = {0.1, 1e-7, 1.0 / 3, 123456789.125, 1e22, 5e-324, 1.7976931348623157e308, -0.5};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        sl_buf_clear(&sql.buf);
        sl_sql_double(&sql, values[i]);
        assert_memory_equal(&(double){strtod(sql.buf.data, NULL)}, &values[i], sizeof(double));
    }
    sl_buf_clear(&sql.buf);
    sl_sql_double(&sql, 0.0001);
    assert_string_equal(sql.buf.data, "0.0001");
}

static void a_negative_number_begins_no_comment(void **state)
{
    (void)state;
    sl_sql_text(&sql, "1-");
    sl_sql_int(&sql, -1);
    assert_string_equal(sql.buf.data, "1- -1");
}

static void what_cannot_be_said_is_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct {
        const char *ident;
        const char *why;
    } bad[] = {
        {"", "empty"},
        {"\xff", "utf-8"},
        {"a23456789a23456789a23456789a23456789a23456789a23456789a23456789abcd", "63"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sl_sql_free(&sql);
        sl_sql_ident(&sql, bad[i].ident);
        assert_fails(sl_sql_check(&sql, &err), SL_E_LIMIT);
        assert_contains(err.message, bad[i].why);
    }
    sl_sql_free(&sql);
    sl_sql_double(&sql, NAN);
    assert_fails(sl_sql_check(&sql, &err), SL_E_LIMIT);
}

static void too_much_text_is_refused(void **state)
{
    (void)state;
    struct sl_error err = {0};
    for (int i = 0; i < (1 << 18); i++)
        sl_sql_text(&sql, "12345");
    assert_fails(sl_sql_check(&sql, &err), SL_E_LIMIT);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fresh, done)
    const struct CMUnitTest tests[] = {
        T(a_hostile_identifier_stays_one_identifier), T(a_hostile_literal_stays_one_literal),
        T(duckdb_keeps_backslashes),                  T(numbers_read_back_the_same),
        T(a_negative_number_begins_no_comment),       T(what_cannot_be_said_is_refused),
        T(too_much_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

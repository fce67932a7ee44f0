/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "pg/pg_internal.h"

static const char *ident(struct sl_buf *buf, const char *name)
{
    sl_buf_clear(buf);
    sl_pg_ident(buf, name);
    return buf->data;
}

static const char *literal(struct sl_buf *buf, const char *value)
{
    sl_buf_clear(buf);
    sl_pg_literal(buf, value);
    return buf->data;
}

static void test_identifiers_are_always_quoted(void **state)
{
    (void)state;
    SL_CLEANUP(sl_buf_free) struct sl_buf buf;
    sl_buf_init(&buf, 256);
    assert_string_equal(ident(&buf, "roads"), "\"roads\"");
    assert_string_equal(ident(&buf, "SELECT"), "\"SELECT\"");
    assert_string_equal(ident(&buf, "a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    assert_string_equal(ident(&buf, "straße"), "\"straße\"");
}

static void test_literals_mean_what_they_say(void **state)
{
    (void)state;
    SL_CLEANUP(sl_buf_free) struct sl_buf buf;
    sl_buf_init(&buf, 256);
    assert_string_equal(literal(&buf, "x"), "'x'");
    assert_string_equal(literal(&buf, ""), "''");
    assert_string_equal(literal(&buf, "O'Brien"), "'O''Brien'");
    assert_string_equal(literal(&buf, "a\\'b"), " E'a\\\\''b'");
}

static const char *value_of(const struct sl_pg__keywords *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->names[i], name))
            return k->values[i];
    return NULL;
}

static void test_parts_win_over_the_dsn(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_pg_target target = {.dsn = "postgresql://ana:s3cret@gis1:6000/maps?sslmode=require", .host = "gis2",
                                  .database = "sluice"};
    struct sl_pg__keywords k;
    assert_int_equal(sl_pg__keywords(&target, "test", arena, &k, NULL), 0);
    assert_string_equal(value_of(&k, "host"), "gis2");
    assert_string_equal(value_of(&k, "port"), "6000");
    assert_string_equal(value_of(&k, "dbname"), "sluice");
    assert_string_equal(value_of(&k, "user"), "ana");
    assert_string_equal(value_of(&k, "password"), "s3cret");
    assert_string_equal(value_of(&k, "sslmode"), "require");
    assert_string_equal(value_of(&k, "connect_timeout"), "10");
    assert_string_equal(value_of(&k, "application_name"), "test");
    assert_null(k.names[k.n]);
}

static void test_a_database_name_is_never_expanded_as_a_connection_string(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_pg_target target = {.host = "gis1", .database = "host=evil password=x"};
    struct sl_pg__keywords k;
    assert_int_equal(sl_pg__keywords(&target, "test", arena, &k, NULL), 0);
    assert_string_equal(value_of(&k, "host"), "gis1");
    assert_string_equal(value_of(&k, "dbname"), "host=evil password=x");
}

static void test_a_name_for_messages_has_no_password(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_pg_target target = {.host = "gis1", .port = 5433, .database = "sluice", .user = "ana",
                                  .password = "s3cret"};
    struct sl_pg__keywords k;
    char name[SL_PG_NAME_BYTES];
    assert_int_equal(sl_pg__keywords(&target, "test", arena, &k, NULL), 0);
    sl_pg__name(&k, name, sizeof name);
    assert_string_equal(name, "gis1:5433/sluice as ana");
}

static void test_a_bad_dsn_is_refused_without_being_quoted(void **state)
{
    (void)state;
    static const char *const bad[] = {"postgresql://ana:s3cret@[gis1/x", "host=gis1 password=x s3cret",
                                      "s3cret", "postgresql://ana:s3cret@gis1/x?nonsense=s3cret"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
        struct sl_pg_target target = {.dsn = bad[i]};
        struct sl_pg__keywords k;
        struct sl_error err = {0};
        assert_int_equal(sl_pg__keywords(&target, "test", arena, &k, &err), -SL_E_CONFIG_VALUE);
        assert_null(strstr(err.message, "s3cret"));
        assert_null(strstr(err.hint, "s3cret"));
    }
}

static void test_sqlstates_have_their_codes(void **state)
{
    (void)state;
    assert_int_equal(sl_pg_code_of("40001"), SL_E_POSTGRES_CONFLICT);
    assert_int_equal(sl_pg_code_of("40P01"), SL_E_POSTGRES_CONFLICT);
    assert_int_equal(sl_pg_code_of("23505"), SL_E_POSTGRES_CONFLICT);
    assert_int_equal(sl_pg_code_of("57014"), SL_E_STEP_TIMEOUT);
    assert_int_equal(sl_pg_code_of("57P01"), SL_E_POSTGRES_UNAVAILABLE);
    assert_int_equal(sl_pg_code_of("08006"), SL_E_POSTGRES_UNAVAILABLE);
    assert_int_equal(sl_pg_code_of("53300"), SL_E_POSTGRES_UNAVAILABLE);
    assert_int_equal(sl_pg_code_of("53100"), SL_E_DISK_FULL);
    assert_int_equal(sl_pg_code_of("42501"), SL_E_POSTGRES_DENIED);
    assert_int_equal(sl_pg_code_of("28P01"), SL_E_POSTGRES_DENIED);
    assert_int_equal(sl_pg_code_of("42601"), SL_E_POSTGRES);
    assert_int_equal(sl_pg_code_of(NULL), SL_E_POSTGRES);
}

static void test_a_refused_connection_says_why_in_one_line(void **state)
{
    (void)state;
    char reason[128];
    static const char down[] = "connection to server at \"127.0.0.1\", port 5432 failed: Connection refused\n"
                               "\tIs the server running on that host and accepting TCP/IP connections?\n";
    static const char denied[] = "connection to server at \"gis1\" (10.0.0.1), port 5432 failed: FATAL:  password "
                                 "authentication failed for user \"ana\"\n";
    static const char missing[] = "connection to server on socket \"/x\" failed: FATAL:  database \"maps\" does not "
                                  "exist\n";
    assert_int_equal(sl_pg__connect_code(down), SL_E_POSTGRES_UNAVAILABLE);
    sl_pg__connect_reason(down, reason, sizeof reason);
    assert_string_equal(reason, "connection refused");
    assert_int_equal(sl_pg__connect_code(denied), SL_E_POSTGRES_DENIED);
    sl_pg__connect_reason(denied, reason, sizeof reason);
    assert_string_equal(reason, "password authentication failed for user \"ana\"");
    assert_int_equal(sl_pg__connect_code(missing), SL_E_POSTGRES_DENIED);
}

static void test_a_server_that_is_not_there_is_unavailable(void **state)
{
    (void)state;
    struct sl_pg_target target = {.host = "/tmp/no-such-folder-of-sluice", .database = "x", .user = "ana",
                                  .password = "s3cret"};
    struct sl_pg *pg = NULL;
    struct sl_error err = {0};
    assert_int_equal(sl_pg_open(&target, "test", &pg, &err), -SL_E_POSTGRES_UNAVAILABLE);
    assert_null(pg);
    assert_null(strstr(err.message, "s3cret"));
    assert_non_null(strstr(err.message, "/tmp/no-such-folder-of-sluice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identifiers_are_always_quoted),
        cmocka_unit_test(test_literals_mean_what_they_say),
        cmocka_unit_test(test_parts_win_over_the_dsn),
        cmocka_unit_test(test_a_database_name_is_never_expanded_as_a_connection_string),
        cmocka_unit_test(test_a_name_for_messages_has_no_password),
        cmocka_unit_test(test_a_bad_dsn_is_refused_without_being_quoted),
        cmocka_unit_test(test_sqlstates_have_their_codes),
        cmocka_unit_test(test_a_refused_connection_says_why_in_one_line),
        cmocka_unit_test(test_a_server_that_is_not_there_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

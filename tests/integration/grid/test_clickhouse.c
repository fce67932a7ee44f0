/* SPDX-License-Identifier: Apache-2.0 */
/* Loads of fields in a real ClickHouse: there once and whole, or not at all. */
#include "support/cm.h"

#include <unistd.h>

#include "base/arena.h"
#include "grid/clickhouse.h"
#include "grid/layout.h"
#include "grid/sinks.h"
#include "support/clickhouse.h"
#include "support/fields.h"
#include "support/mitm.h"

#define LOAD_A "0199a3c4-0000-7000-8000-00000000000a"
#define LOAD_B "0199a3c4-0000-7000-8000-00000000000b"
#define RAW    "0199a3c4-0000-7000-8000-0000000000f1"
#define NOON   INT64_C(1741694400) /* 2025-03-11T12:00Z */

static struct test_clickhouse server;
static struct sl_error err;

static struct sl_clickhouse_target target_at(const char *url, const char *database)
{
    return (struct sl_clickhouse_target){.url = url,
                                         .name = "clickhouse at 127.0.0.1",
                                         .user = server.user,
                                         .password = server.password,
                                         .database = database,
                                         .timeout_ms = 20000,
                                         .retries = 2};
}

struct world {
    char database[32];
    struct sl_clickhouse_target target;
    struct sl_clickhouse *ch;
    struct sl_grid_sink *sink;
};

static void open_world(struct world *w, const char *url)
{
    static int number;
    snprintf(w->database, sizeof w->database, "w%d", ++number);
    w->target = target_at(server.url, w->database);
    assert_ok(sl_clickhouse_open(&w->target, &w->ch, &err));
    struct sl_clickhouse_target of_sink = target_at(url ? url : server.url, w->database);
    assert_ok(sl_clickhouse_migrate(w->ch, NULL, &err));
    assert_ok(sl_grid_clickhouse(&of_sink, &w->sink, &err));
}

static void close_world(struct world *w)
{
    sl_grid_sink_closep(&w->sink);
    sl_clickhouse_close(w->ch);
}

static int64_t number(struct world *w, const char *sql)
{
    int64_t out = -1;
    assert_ok(sl_clickhouse_int(w->ch, sql, -1, &out, &err));
    return out;
}

static struct sl_grid_load load_of(const char *id)
{
    return (struct sl_grid_load){
        .load_id = id, .batch_id = "b1", .source = "ana", .dataset = "era5", .folder = "/tmp"};
}

/* begin, `hours` fields of the grid, and what finish says. */
static int load(struct world *w, const char *id, struct test_grid *g, int hours, struct sl_grid_loaded *out)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const struct sl_grid_load l = load_of(id);
    int rc = w->sink->ops->begin(w->sink, &l, &err);
    for (int h = 0; rc == 0 && h < hours; h++) {
        struct sl_grid_field f = test_grid_field(g, "2t", NOON + h * 3600, h == 1 ? 10 : 0);
        f.index = h;
        rc = w->sink->ops->put(w->sink, &f, RAW, &err);
    }
    return rc < 0 ? rc : w->sink->ops->finish(w->sink, arena, out, &err);
}

static void assert_no_stages(struct world *w)
{
    assert_int_equal(
        number(w, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%stage%'"), 0);
}

static int compare_value(void *data, char *const *columns, size_t n, struct sl_error *error)
{
    (void)n, (void)error;
    double lat = strtod(columns[0], NULL), lon = strtod(columns[1], NULL);
    double wanted = test_grid_value(lat, lon, strtoll(columns[2], NULL, 10));
    int64_t bits = strtoll(columns[3], NULL, 10), own;
    memcpy(&own, &wanted, sizeof own);
    assert_true(bits == own);
    assert_int_equal(strtol(columns[4], NULL, 10), sl_grid_cell(lat, lon));
    ++*(int *)data;
    return 0;
}

static void every_value_arrives_to_the_last_bit_at_its_place(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded loaded;
    int seen = 0;
    open_world(&w, NULL);
    test_grid_make(&g, 2.5);
    assert_ok(load(&w, LOAD_A, &g, 3, &loaded));
    assert_int_equal(loaded.fields, 3);
    assert_int_equal(loaded.missing, (g.points.n + 9) / 10);
    assert_int_equal(loaded.rows + loaded.missing, 3 * g.points.n);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), loaded.rows);
    assert_ok(sl_clickhouse_query(
        w.ch, "SELECT lat, lon, valid_time, reinterpretAsInt64(reinterpretAsString(value)), cell FROM grid_data",
        compare_value, &seen, &err));
    assert_int_equal(seen, loaded.rows);
    assert_int_equal(
        number(&w, "SELECT count() FROM grid_data WHERE toUnixTimestamp(timestamp) = valid_time AND reference_time ="
                   " valid_time - 3600 AND step_to = 3600 AND step_from = 3600 AND level = 2 AND member = -1 AND"
                   " level_type = 'heightAboveGround' AND step_type = 'instant' AND variable = '2t' AND source ="
                   " 'ana' AND dataset = 'era5' AND raw_file_id = '" RAW "' AND load_id = '" LOAD_A "'"),
        loaded.rows);
    assert_int_equal(number(&w, "SELECT sum(rows) FROM grid_fields"), loaded.rows);
    assert_int_equal(
        number(&w, "SELECT abs((SELECT sum(sum) FROM grid_fields) - (SELECT sum(value) FROM grid_data)) < 0.001"), 1);
    assert_no_stages(&w);
    test_grid_free(&g);
    close_world(&w);
}

static void the_habitual_query_finds_the_nearest_point(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded loaded;
    open_world(&w, NULL);
    test_grid_make(&g, 0.5);
    assert_ok(load(&w, LOAD_A, &g, 2, &loaded));
    assert_int_equal(
        number(&w, "SELECT toInt64(lat * 100) * 100000 + toInt64(lon * 100) FROM grid_data WHERE variable = '2t' AND"
                   " timestamp = toDateTime('2025-03-11 13:00:00', 'UTC') ORDER BY"
                   " greatCircleDistance(lon, lat, 13.40, 52.52) LIMIT 1"),
        5250 * 100000 + 1350);
    test_grid_free(&g);
    close_world(&w);
}

static void the_same_load_again_replaces_itself_and_others_stay(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded first, second;
    open_world(&w, NULL);
    test_grid_make(&g, 5);
    assert_ok(load(&w, LOAD_B, &g, 1, &first));
    assert_ok(load(&w, LOAD_A, &g, 2, &first));
    assert_ok(load(&w, LOAD_A, &g, 3, &second));
    assert_int_equal(number(&w, "SELECT count() FROM grid_data WHERE load_id = '" LOAD_A "'"), second.rows);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data WHERE load_id = '" LOAD_B "'"), g.points.n);
    assert_int_equal(number(&w, "SELECT count() FROM grid_fields"), 4);
    test_grid_free(&g);
    close_world(&w);
}

static void what_is_begun_is_not_visible_and_abandoned_leaves_nothing(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    open_world(&w, NULL);
    test_grid_make(&g, 1);
    const struct sl_grid_load l = load_of(LOAD_A);
    assert_ok(w.sink->ops->begin(w.sink, &l, &err));
    struct sl_grid_field f = test_grid_field(&g, "2t", NOON, 0);
    for (int i = 0; i < 20; i++) /* beyond one block */
        assert_ok(w.sink->ops->put(w.sink, &f, RAW, &err));
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), 0);
    w.sink->ops->abandon(w.sink);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), 0);
    assert_no_stages(&w);
    test_grid_free(&g);
    close_world(&w);
}

static int drop_b(void *data, const char *load_id, struct sl_error *error)
{
    (void)error;
    ++*(int *)data;
    return !strcmp(load_id, LOAD_B);
}

static void sweeping_drops_what_the_visitor_says_with_its_staging(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded loaded;
    int seen = 0;
    open_world(&w, NULL);
    test_grid_make(&g, 10);
    assert_ok(load(&w, LOAD_A, &g, 1, &loaded));
    assert_ok(load(&w, LOAD_B, &g, 1, &loaded));
    /* As a killed attempt leaves it. */
    assert_ok(sl_clickhouse_exec(w.ch, "CREATE TABLE grid_stage_0199a3c400007000800000000000000b_0badcafe AS grid_data",
                                 &err));
    assert_ok(w.sink->ops->sweep(w.sink, NULL, drop_b, &seen, &err));
    assert_int_equal(seen, 2);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data WHERE load_id = '" LOAD_B "'"), 0);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), loaded.rows);
    assert_ok(w.sink->ops->drop(w.sink, LOAD_A, &err));
    assert_ok(w.sink->ops->drop(w.sink, LOAD_A, &err));
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), 0);
    assert_int_equal(number(&w, "SELECT count() FROM grid_fields"), 0);
    test_grid_free(&g);
    close_world(&w);
}

static void hostile_names_are_names(void **state)
{
    (void)state;
    static const char *const names[] = {"a'b", "a\\", "'; DROP TABLE grid_data; --", "tab\there", "line\nhere", "ünï"};
    enum { N = sizeof names / sizeof *names };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_grid_loaded loaded;
    struct world w;
    struct test_grid g;
    open_world(&w, NULL);
    test_grid_make(&g, 30);
    const struct sl_grid_load l = load_of(LOAD_A);
    assert_ok(w.sink->ops->begin(w.sink, &l, &err));
    for (size_t i = 0; i < N; i++) {
        struct sl_grid_field f = test_grid_field(&g, names[i], NOON, 0);
        assert_ok(w.sink->ops->put(w.sink, &f, RAW, &err));
    }
    assert_ok(w.sink->ops->finish(w.sink, arena, &loaded, &err));
    for (size_t i = 0; i < N; i++) {
        SL_CLEANUP(sl_buf_free) struct sl_buf sql;
        sl_buf_init(&sql, 1000);
        sl_buf_puts(&sql, "SELECT count() FROM grid_data WHERE variable = ");
        sl_clickhouse_quote(&sql, names[i]);
        assert_int_equal(number(&w, sql.data), g.points.n);
        sl_buf_clear(&sql);
        sl_buf_puts(&sql, "SELECT count() FROM grid_fields WHERE variable = ");
        sl_clickhouse_quote(&sql, names[i]);
        assert_int_equal(number(&w, sql.data), 1);
    }
    test_grid_free(&g);
    close_world(&w);
}

static void thousands_of_small_fields_make_few_parts(void **state)
{
    (void)state;
    enum { FIELDS = 5000 };
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_grid_loaded loaded;
    struct world w;
    struct test_grid g;
    open_world(&w, NULL);
    test_grid_make(&g, 30);
    const struct sl_grid_load l = load_of(LOAD_A);
    assert_ok(w.sink->ops->begin(w.sink, &l, &err));
    for (int i = 0; i < FIELDS; i++) {
        char variable[16];
        snprintf(variable, sizeof variable, "v%d", i % 300);
        struct sl_grid_field f = test_grid_field(&g, variable, NOON + i / 300 * 3600, 0);
        assert_ok(w.sink->ops->put(w.sink, &f, RAW, &err));
    }
    assert_ok(w.sink->ops->finish(w.sink, arena, &loaded, &err));
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), FIELDS * g.points.n);
    assert_int_equal(number(&w, "SELECT uniqExact(field) FROM grid_data WHERE variable = 'v299'"), FIELDS / 300);
    assert_true(
        number(
            &w,
            "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'grid_data' AND active") <=
        3);
    test_grid_free(&g);
    close_world(&w);
}

static void times_beyond_what_datetime_holds_are_exact_in_valid_time(void **state)
{
    (void)state;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const int64_t times[] = {-5000000000, -1, 0, 4294967295, 9000000000};
    struct sl_grid_loaded loaded;
    struct world w;
    struct test_grid g;
    open_world(&w, NULL);
    test_grid_make(&g, 30);
    const struct sl_grid_load l = load_of(LOAD_A);
    assert_ok(w.sink->ops->begin(w.sink, &l, &err));
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct sl_grid_field f = test_grid_field(&g, "2t", times[i], 0);
        assert_ok(w.sink->ops->put(w.sink, &f, RAW, &err));
    }
    assert_ok(w.sink->ops->finish(w.sink, arena, &loaded, &err));
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT count() FROM grid_data WHERE valid_time = %lld AND toUnixTimestamp(timestamp) = %lld",
                 (long long)times[i],
                 times[i] < 0            ? 0LL
                 : times[i] > 4294967295 ? 4294967295LL
                                         : (long long)times[i]);
        assert_int_equal(number(&w, sql), g.points.n);
    }
    test_grid_free(&g);
    close_world(&w);
}

static void compressed_blocks_hold_the_same_rows(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded plain, framed;
    open_world(&w, NULL);
    test_grid_make(&g, 0.5);
    assert_ok(load(&w, LOAD_A, &g, 8, &plain));
    struct sl_clickhouse_target compressing = w.target;
    compressing.compress = true;
    sl_grid_sink_closep(&w.sink);
    assert_ok(sl_grid_clickhouse(&compressing, &w.sink, &err));
    assert_ok(load(&w, LOAD_B, &g, 8, &framed));
    assert_int_equal(
        number(&w, "SELECT count() FROM (SELECT field, lat, lon, value, cell, variable, count() AS n FROM grid_data"
                   " GROUP BY field, lat, lon, value, cell, variable) WHERE n != 2"),
        0);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), plain.rows + framed.rows);
    test_grid_free(&g);
    close_world(&w);
}

static void a_wrong_password_is_denied_in_one_line_without_it(void **state)
{
    (void)state;
    struct sl_grid_sink *sink = NULL;
    struct sl_clickhouse_target t = target_at(server.url, "any");
    t.password = "guessed-wrong";
    assert_fails(sl_grid_clickhouse(&t, &sink, &err), SL_E_CLICKHOUSE_DENIED);
    assert_null(strstr(err.message, "guessed-wrong"));
    assert_null(strchr(err.message, '\n'));
    assert_null(sink);
}

static void a_server_that_is_not_there_is_unavailable(void **state)
{
    (void)state;
    struct sl_grid_sink *sink = NULL;
    struct sl_clickhouse_target t = target_at("http://127.0.0.1:1", "any");
    t.retries = 0;
    assert_fails(sl_grid_clickhouse(&t, &sink, &err), SL_E_CLICKHOUSE_UNAVAILABLE);
    assert_contains(err.message, "127.0.0.1:1");
}

/* Whichever reply is lost, the load fails and leaves nothing, or is there once. */
static void a_lost_reply_doubles_nothing(void **state)
{
    (void)state;
    struct test_mitm *mitm = test_mitm_start(server.url);
    for (int at = 0; at < 12; at++) {
        struct test_mitm_rule rule = {.act = TEST_MITM_LOSE_ANSWER,
                                      .method = "POST",
                                      .target = at == 0 ? "INSERT" : NULL,
                                      .skip = at == 0 ? 0 : at - 1,
                                      .times = 1};
        struct world w;
        struct test_grid g;
        struct sl_grid_loaded loaded = {0};
        open_world(&w, test_mitm_url(mitm));
        test_grid_make(&g, 2.5);
        test_mitm_set(mitm, &rule);
        int rc = load(&w, LOAD_A, &g, 3, &loaded);
        if (at < 9)
            assert_int_equal(test_mitm_spoiled(mitm), 1);
        if (rc < 0) {
            assert_int_equal(rc, -SL_E_CLICKHOUSE_UNAVAILABLE);
            w.sink->ops->abandon(w.sink);
            assert_no_stages(&w);
            assert_int_equal(number(&w, "SELECT count() FROM grid_data"), 0);
            assert_ok(load(&w, LOAD_A, &g, 3, &loaded));
        }
        assert_int_equal(number(&w, "SELECT count() FROM grid_data"), loaded.rows);
        assert_int_equal(number(&w, "SELECT count() FROM grid_fields"), 3);
        assert_no_stages(&w);
        test_grid_free(&g);
        close_world(&w);
        test_mitm_set(mitm, &(struct test_mitm_rule){.act = TEST_MITM_PASS});
    }
    test_mitm_stop(mitm);
}

static void a_server_killed_in_mid_insert_leaves_nothing_visible(void **state)
{
    (void)state;
    struct world w;
    struct test_grid g;
    struct sl_grid_loaded loaded;
    open_world(&w, NULL);
    test_grid_make(&g, 0.5);
    const struct sl_grid_load l = load_of(LOAD_A);
    assert_ok(w.sink->ops->begin(w.sink, &l, &err));
    int rc = 0;
    for (int i = 0; rc == 0 && i < 40; i++) {
        struct sl_grid_field f = test_grid_field(&g, "2t", NOON + i * 3600, 0);
        if (i == 9)
            test_clickhouse_kill(&server);
        rc = w.sink->ops->put(w.sink, &f, RAW, &err);
    }
    assert_int_equal(rc, -SL_E_CLICKHOUSE_UNAVAILABLE);
    w.sink->ops->abandon(w.sink);
    assert_ok(test_clickhouse_revive(&server, &err));
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), 0);
    assert_int_equal(number(&w, "SELECT count() FROM grid_fields"), 0);
    assert_ok(load(&w, LOAD_A, &g, 2, &loaded));
    int seen = 0;
    assert_ok(w.sink->ops->sweep(w.sink, NULL, drop_b, &seen, &err));
    assert_int_equal(seen, 1);
    assert_int_equal(number(&w, "SELECT count() FROM grid_data"), loaded.rows);
    test_grid_free(&g);
    close_world(&w);
}

static int start(void **state)
{
    (void)state;
    return test_clickhouse_start(&server, &err) == 0 ? 0 : (fprintf(stderr, "%s\n", err.message), -1);
}

static int stop(void **state)
{
    (void)state;
    test_clickhouse_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_arrives_to_the_last_bit_at_its_place),
        cmocka_unit_test(the_habitual_query_finds_the_nearest_point),
        cmocka_unit_test(the_same_load_again_replaces_itself_and_others_stay),
        cmocka_unit_test(what_is_begun_is_not_visible_and_abandoned_leaves_nothing),
        cmocka_unit_test(sweeping_drops_what_the_visitor_says_with_its_staging),
        cmocka_unit_test(hostile_names_are_names),
        cmocka_unit_test(thousands_of_small_fields_make_few_parts),
        cmocka_unit_test(times_beyond_what_datetime_holds_are_exact_in_valid_time),
        cmocka_unit_test(compressed_blocks_hold_the_same_rows),
        cmocka_unit_test(a_wrong_password_is_denied_in_one_line_without_it),
        cmocka_unit_test(a_server_that_is_not_there_is_unavailable),
        cmocka_unit_test(a_lost_reply_doubles_nothing),
        cmocka_unit_test(a_server_killed_in_mid_insert_leaves_nothing_visible),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

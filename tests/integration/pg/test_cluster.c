/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "support/cluster.h"
#include "support/cm.h"

static struct test_cluster cluster;
static struct sl_error err;

static int set_up(void **state)
{
    (void)state;
    if (test_cluster_open(&cluster, NULL, true, &err) == 0)
        return 0;
    print_error("%s (%s)\n", err.message, err.hint);
    test_cluster_close(&cluster);
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_cluster_close(&cluster);
    return 0;
}

static int64_t ask(const char *sql)
{
    struct sl_pg *pg = NULL;
    int64_t value = -1;
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_query_int(pg, sql, 0, NULL, -1, &value, &err));
    sl_pg_close(pg);
    return value;
}

static void test_a_new_cluster_has_postgis_and_no_port(void **state)
{
    (void)state;
    assert_true(cluster.status.made_now && cluster.status.started_now && cluster.status.running);
    assert_true(cluster.status.pid > 1);
    assert_int_equal(strncmp(cluster.status.version, "1", 1), 0);
    assert_int_equal(ask("SELECT count(*) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
                         "WHERE extname = 'postgis' AND nspname = 'public'"),
                     1);
    assert_int_equal(ask("SELECT count(*) FROM pg_settings WHERE (name, setting) IN (('listen_addresses', ''), "
                         "('fsync', 'on'), ('synchronous_commit', 'on'), ('jit', 'off'), ('wal_level', 'minimal'), "
                         "('max_connections', '100'), ('unix_socket_permissions', '0700'))"),
                     7);
    struct stat st;
    assert_int_equal(stat(cluster.status.socket_dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_a_server_that_is_silent_for_too_long_is_given_up_and_ends_the_statement(void **state)
{
    (void)state;
    struct sl_pg *pg = NULL;
    struct sl_pg_target target = cluster.target;
    target.silence_ms = 200;
    assert_ok(sl_pg_open(&target, "test silence", &pg, &err));
    assert_ok(sl_pg_exec(pg, "SELECT pg_sleep(0.01); SELECT 1", &err));
    assert_int_equal(sl_pg_exec(pg, "SELECT pg_sleep(600)", &err), -SL_E_POSTGRES_UNAVAILABLE);
    assert_non_null(strstr(err.message, "does not answer (silent for 0.2 s)"));
    assert_false(sl_pg_alive(pg));
    assert_int_equal(sl_pg_exec(pg, "SELECT 1", &err), -SL_E_POSTGRES_UNAVAILABLE);
    sl_pg_close(pg);
    while (ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test silence'") > 0)
        sl_clock_sleep_ns(50 * SL_NS_PER_MS);
}

static void test_starting_again_changes_nothing(void **state)
{
    (void)state;
    struct sl_cluster_status again;
    assert_ok(sl_cluster_start(&cluster.options, &again, &err));
    assert_false(again.made_now || again.started_now);
    assert_true(again.running);
    assert_int_equal(again.pid, ask("SELECT (string_to_array(pg_read_file('postmaster.pid'), E'\\n'))[1]"));
}

static void test_stopping_and_starting_keeps_the_data(void **state)
{
    (void)state;
    ask("CREATE TABLE kept AS SELECT 7 AS x");
    struct sl_cluster_status status;
    assert_ok(sl_cluster_stop(&cluster.options, true, &status, &err));
    assert_true(status.exists);
    assert_false(status.running);
    assert_ok(sl_cluster_look(&cluster.options, &status, &err));
    assert_false(status.running);
    struct sl_pg *pg = NULL;
    assert_int_equal(sl_pg_open(&cluster.target, "test", &pg, &err), -SL_E_POSTGRES_UNAVAILABLE);
    assert_ok(sl_cluster_start(&cluster.options, &status, &err));
    assert_true(status.started_now);
    assert_false(status.made_now);
    assert_int_equal(ask("SELECT x FROM kept"), 7);
}

static void test_a_killed_server_is_noticed_and_started_again(void **state)
{
    (void)state;
    struct sl_cluster_status status;
    struct sl_pg *pg = NULL;
    assert_ok(sl_cluster_look(&cluster.options, &status, &err));
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_int_equal(kill(status.pid, SIGKILL), 0);
    assert_ok(sl_cluster_start(&cluster.options, &status, &err));
    assert_true(status.started_now && status.running);
    assert_int_equal(sl_pg_exec(pg, "SELECT 1", &err), -SL_E_POSTGRES_UNAVAILABLE);
    assert_false(sl_pg_alive(pg));
    assert_int_equal(sl_pg_exec(pg, "SELECT 1", &err), -SL_E_POSTGRES_UNAVAILABLE);
    sl_pg_close(pg);
    assert_int_equal(ask("SELECT x FROM kept"), 7);
}

/* The children start as the test does: several processes at once. */
static void test_several_processes_may_start_at_once(void **state)
{
    (void)state;
    enum { PROCESSES = 4 };
    struct test_cluster fresh;
    assert_ok(test_cluster_open(&fresh, NULL, false, &err));
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        if ((pids[i] = fork()) == 0) {
            struct sl_cluster_status status = {0};
            int rc = sl_cluster_start(&fresh.options, &status, NULL);
            _exit(rc < 0 || !status.running ? 100 : status.made_now ? 1 : 0);
        }
    }
    int makers = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 100);
        makers += WEXITSTATUS(status);
    }
    test_cluster_close(&fresh);
    assert_int_equal(makers, 1);
}

static void test_what_a_killed_initdb_left_is_replaced(void **state)
{
    (void)state;
    struct test_cluster fresh;
    char path[256];
    assert_ok(test_cluster_open(&fresh, NULL, false, &err));
    snprintf(path, sizeof path, "%s/postgres/data.new/base", fresh.home);
    assert_ok(sl_dir_make(path, 0700, &err));
    assert_ok(sl_cluster_start(&fresh.options, &fresh.status, &err));
    assert_true(fresh.status.running && fresh.status.made_now);
    snprintf(path, sizeof path, "%s/postgres/data.new", fresh.home);
    assert_false(sl_path_exists(path));
    test_cluster_close(&fresh);
}

static void test_a_long_home_gets_a_short_socket_folder(void **state)
{
    (void)state;
    struct test_cluster fresh;
    char home[256];
    assert_ok(test_cluster_open(&fresh, NULL, false, &err));
    snprintf(home, sizeof home, "%s/%0100d", fresh.home, 0);
    assert_ok(sl_dir_make(home, 0755, &err));
    fresh.options.home = home;
    assert_ok(sl_cluster_start(&fresh.options, &fresh.status, &err));
    assert_int_equal(strncmp(fresh.status.socket_dir, "/tmp/sluice-", 12), 0);
    struct stat st;
    assert_int_equal(lstat(fresh.status.socket_dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    test_cluster_close(&fresh);
}

static void test_a_socket_folder_of_somebody_else_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can make a folder of somebody else\n");
        skip();
    }
    struct test_cluster fresh;
    struct sl_cluster_status status;
    char home[256];
    assert_ok(test_cluster_open(&fresh, NULL, false, &err));
    snprintf(home, sizeof home, "%s/%0100d", fresh.home, 0);
    assert_ok(sl_dir_make(home, 0755, &err));
    fresh.options.home = home;
    assert_ok(sl_cluster_look(&fresh.options, &status, &err));
    assert_int_equal(mkdir(status.socket_dir, 0777), 0);
    assert_int_equal(chown(status.socket_dir, 65534, 65534), 0);
    assert_int_equal(sl_cluster_start(&fresh.options, &status, &err), -SL_E_CONFIG_HOME);
    assert_non_null(strstr(err.message, "somebody else"));
    test_cluster_close(&fresh);
}

static void test_a_home_that_the_server_cannot_enter_has_its_data_elsewhere(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root runs the server as another user\n");
        skip();
    }
    struct test_cluster fresh;
    char path[256], closed[128];
    cm_temp_dir(closed, sizeof closed, "closed"); /* mode 0700, of root */
    assert_ok(test_cluster_open(&fresh, closed, true, &err));
    snprintf(path, sizeof path, "%s/postgres.location", fresh.home);
    bool recorded = sl_path_exists(path), below = !strncmp(fresh.status.data_dir, fresh.home, strlen(fresh.home));
    struct sl_cluster_status again;
    assert_ok(sl_cluster_start(&fresh.options, &again, &err));
    test_cluster_close(&fresh);
    rmdir(closed);
    assert_true(recorded);
    assert_false(below);
    assert_int_equal(strncmp(fresh.status.data_dir, "/var/lib/sluice/", 16), 0);
    assert_string_equal(again.data_dir, fresh.status.data_dir);
}

static void test_a_forged_location_is_refused(void **state)
{
    (void)state;
    struct test_cluster fresh;
    struct sl_cluster_status status;
    char path[256];
    assert_ok(test_cluster_open(&fresh, NULL, false, &err));
    snprintf(path, sizeof path, "%s/postgres.location", fresh.home);
    assert_ok(sl_file_write_durable(path, "/etc\n", 5, 0644, &err));
    assert_int_equal(sl_cluster_start(&fresh.options, &status, &err), -SL_E_CONFIG_HOME);
    test_cluster_close(&fresh);
}

static void test_statement_errors_have_their_codes(void **state)
{
    (void)state;
    struct sl_pg *pg = NULL;
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_int_equal(sl_pg_exec(pg, "SELEC 1", &err), -SL_E_POSTGRES);
    assert_string_equal(sl_pg_sqlstate(pg), "42601");
    assert_ok(sl_pg_exec(pg, "CREATE TEMP TABLE t (x int PRIMARY KEY); INSERT INTO t VALUES (1)", &err));
    assert_int_equal(sl_pg_exec(pg, "INSERT INTO t VALUES (1)", &err), -SL_E_POSTGRES_CONFLICT);
    assert_int_equal(sl_pg_exec(pg, "SET statement_timeout = 20; SELECT pg_sleep(30)", &err), -SL_E_STEP_TIMEOUT);
    assert_ok(sl_pg_exec(pg, "SET statement_timeout = 0; SET ROLE pg_monitor", &err));
    assert_int_equal(sl_pg_exec(pg, "CREATE SCHEMA nope", &err), -SL_E_POSTGRES_DENIED);
    assert_ok(sl_pg_exec(pg, "RESET ROLE", &err));
    assert_int_equal(sl_pg_exec(pg, "COPY t FROM STDIN", &err), -SL_E_INTERNAL);
    sl_pg_close(pg);
}

static void test_a_failed_transaction_is_not_reported_as_committed(void **state)
{
    (void)state;
    struct sl_pg *pg = NULL;
    assert_ok(sl_pg_open(&cluster.target, "test", &pg, &err));
    assert_ok(sl_pg_begin(pg, &err));
    assert_int_equal(sl_pg_exec(pg, "SELECT 1/0", &err), -SL_E_POSTGRES);
    assert_int_equal(sl_pg_commit(pg, &err), -SL_E_INTERNAL);
    assert_ok(sl_pg_begin(pg, &err));
    assert_ok(sl_pg_exec(pg, "CREATE TABLE gone (x int)", &err));
    sl_pg_rollback(pg);
    int64_t n = 0;
    assert_ok(sl_pg_query_int(pg, "SELECT count(*) FROM pg_class WHERE relname = 'gone'", 0, NULL, -1, &n, &err));
    assert_int_equal(n, 0);
    sl_pg_close(pg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_cluster_has_postgis_and_no_port),
        cmocka_unit_test(test_a_server_that_is_silent_for_too_long_is_given_up_and_ends_the_statement),
        cmocka_unit_test(test_starting_again_changes_nothing),
        cmocka_unit_test(test_stopping_and_starting_keeps_the_data),
        cmocka_unit_test(test_a_killed_server_is_noticed_and_started_again),
        cmocka_unit_test(test_statement_errors_have_their_codes),
        cmocka_unit_test(test_a_failed_transaction_is_not_reported_as_committed),
        cmocka_unit_test(test_several_processes_may_start_at_once),
        cmocka_unit_test(test_what_a_killed_initdb_left_is_replaced),
        cmocka_unit_test(test_a_long_home_gets_a_short_socket_folder),
        cmocka_unit_test(test_a_socket_folder_of_somebody_else_is_refused),
        cmocka_unit_test(test_a_home_that_the_server_cannot_enter_has_its_data_elsewhere),
        cmocka_unit_test(test_a_forged_location_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

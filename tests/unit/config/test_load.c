/* SPDX-License-Identifier: Apache-2.0 */
/* All sources together, in a working folder of the test's own. */
#include "support/cm.h"

#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "config/config.h"

static char folder[256], before[4096];
static struct sl_arena *arena;
static struct sl_config *config;
static struct sl_error err;
static const char *const no_env[] = {NULL};

static int set_up(void **state)
{
    (void)state;
    char made[256];
    arena = sl_arena_new();
    err = (struct sl_error){0};
    sl_env_set(no_env);
    cm_temp_dir(made, sizeof made, "config");
    /* getcwd tells the folder without links. */
    return !getcwd(before, sizeof before) || chdir(made) || !getcwd(folder, sizeof folder);
}

static int tear_down(void **state)
{
    (void)state;
    sl_config_free(config);
    config = NULL;
    sl_arena_free(arena);
    sl_env_set(NULL);
    return chdir(before) || sl_dir_remove(folder, NULL);
}

static void write_file(const char *name, const char *text)
{
    assert_ok(sl_file_write_durable(name, text, strlen(text), 0600, &err));
}

static void write_yaml(const char *text)
{
    assert_ok(sl_dir_make(".sluice", 0700, &err));
    write_file(".sluice/sluice.yaml", text);
}

static int load(void)
{
    sl_config_free(config);
    config = NULL;
    return sl_config_load(NULL, 0, &config, &err);
}

static int load_flag(const char *key, const char *value)
{
    const struct sl_config_flag flag = {key, value};
    sl_config_free(config);
    config = NULL;
    return sl_config_load(&flag, 1, &config, &err);
}

struct wanted {
    const char *key;
    char value[1024], origin[256];
};

static int pick(void *data, const struct sl_config_entry *e, struct sl_error *unused)
{
    struct wanted *w = data;
    (void)unused;
    if (!strcmp(e->key, w->key)) {
        snprintf(w->value, sizeof w->value, "%s", e->value);
        snprintf(w->origin, sizeof w->origin, "%s", e->origin);
    }
    return 0;
}

static void assert_shown(const char *key, const char *value, const char *origin)
{
    struct wanted w = {.key = key, .value = "(none)"};
    assert_ok(sl_config_show(config, pick, &w, &err));
    assert_string_equal(w.value, value);
    assert_string_equal(w.origin, origin);
}

static const char *here(const char *rel)
{
    return sl_path_join(arena, folder, rel);
}

static void defaults_need_nothing(void **state)
{
    (void)state;
    assert_ok(load());
    assert_string_equal(config->home, here(".sluice"));
    assert_string_equal(config->store_root, here(".sluice/store"));
    assert_string_equal(config->run_scratch, here(".sluice/tmp"));
    assert_string_equal(config->store_backend, "fs");
    assert_string_equal(config->landing_bucket, "landing-zone");
    assert_string_equal(config->lake_bucket, "data-lake");
    assert_string_equal(config->raw_bucket, "raw-vault");
    assert_string_equal(config->ledger_backend, "postgres");
    assert_string_equal(config->postgres_host, "");
    assert_int_equal(config->postgres_port, 5432);
    assert_string_equal(config->postgres_db, "sluice");
    assert_int_equal(config->run_lease_ms, 60000);
    assert_int_equal(config->compute_memory_bytes, 400000000);
    assert_int_equal(config->compute_statement_timeout_ms, 600000);
    assert_int_equal(config->sensor_wait_limit_ms, 600000);
    assert_false(config->run_strict_intents);
    assert_string_equal(config->crs_policy, "fail");
    assert_int_equal(config->duckdb_extensions[0], '/');
    assert_shown("run.lease", "60s", "default");
}

static void sources_beat_each_other_in_order(void **state)
{
    (void)state;
    static const char *const env[] = {"POSTGRES_HOST", "from-env", NULL};
    assert_ok(load());
    assert_shown("postgres.host", "", "default");
    write_yaml("store:\n  root: x\npostgres:\n  host: from-file\n");
    assert_ok(load());
    assert_string_equal(config->postgres_host, "from-file");
    assert_shown("postgres.host", "from-file", "sluice.yaml:4:9");
    write_file(".env", "\nPOSTGRES_HOST=from-dotenv\n");
    assert_ok(load());
    assert_shown("postgres.host", "from-dotenv", ".env:2");
    sl_env_set(env);
    assert_ok(load());
    assert_shown("postgres.host", "from-env", "environment POSTGRES_HOST");
    assert_ok(load_flag("postgres.host", "from-flag"));
    assert_shown("postgres.host", "from-flag", "flag");
    assert_string_equal(config->postgres_host, "from-flag");
}

static void own_names_beat_shared_ones(void **state)
{
    (void)state;
    static const char *const both[] = {"PGHOST", "pg", "POSTGRES_HOST", "postgres", NULL};
    static const char *const all[] = {"PGHOST", "pg", "POSTGRES_HOST", "postgres", "SLUICE_POSTGRES_HOST", "own", NULL};
    sl_env_set(both);
    assert_ok(load());
    assert_shown("postgres.host", "postgres", "environment POSTGRES_HOST");
    sl_env_set(all);
    assert_ok(load());
    assert_shown("postgres.host", "own", "environment SLUICE_POSTGRES_HOST");
}

static void operators_names_are_known(void **state)
{
    (void)state;
    static const char *const env[] = {"MINIO_ENDPOINT", "minio:9000", "MINIO_ENDPOINT_URL", "http://minio:9000",
                                      "MINIO_ACCESS_KEY", "ak", "MINIO_SECRET_KEY", "sk", "MINIO_RAW_BUCKET", "vault",
                                      "MINIO_USE_SSL", "True", "MONGODB_URI", "mongodb://h/", "MONGO_HOST", "mh",
                                      "PGPORT", "6000", "PGUSER", "u", "PGPASSWORD", "p", "PGDATABASE", "d", "PGSSLMODE",
                                      "require", "CLICKHOUSE_HOST", "ch", "CLICKHOUSE_PASSWORD", "cp", NULL};
    sl_env_set(env);
    assert_ok(load());
    assert_string_equal(config->minio_endpoint, "minio:9000");
    assert_string_equal(config->minio_endpoint_url, "http://minio:9000");
    assert_string_equal(config->minio_access_key, "ak");
    assert_string_equal(config->minio_secret_key, "sk");
    assert_string_equal(config->raw_bucket, "vault");
    assert_true(config->minio_use_ssl);
    assert_string_equal(config->mongodb_uri, "mongodb://h/");
    assert_string_equal(config->mongodb_host, "mh");
    assert_int_equal(config->postgres_port, 6000);
    assert_string_equal(config->postgres_user, "u");
    assert_string_equal(config->postgres_password, "p");
    assert_string_equal(config->postgres_db, "d");
    assert_string_equal(config->postgres_sslmode, "require");
    assert_string_equal(config->clickhouse_host, "ch");
    assert_string_equal(config->clickhouse_password, "cp");
}

static int no_secret(void *data, const struct sl_config_entry *e, struct sl_error *unused)
{
    (void)data;
    (void)unused;
    assert_null(strstr(e->value, "s3cret"));
    assert_null(strstr(e->origin, "s3cret"));
    return 0;
}

static void secrets_are_never_shown(void **state)
{
    (void)state;
    static const char *const env[] = {"POSTGRES_PASSWORD", "s3cret", "MINIO_SECRET_KEY", "s3cret", "MONGO_PASSWORD",
                                      "s3cret", "CLICKHOUSE_PASSWORD", "s3cret", "MONGODB_URI", "mongodb://u:s3cret@h/",
                                      "SLUICE_LEDGER_DSN", "host=h password=s3cret", "SLUICE_COMPUTE_DSN", "s3cret",
                                      "CLICKHOUSE_URL", "http://u:s3cret@h:8123", NULL};
    sl_env_set(env);
    assert_ok(load());
    assert_string_equal(config->postgres_password, "s3cret");
    assert_string_equal(config->ledger_dsn, "host=h password=s3cret");
    assert_ok(sl_config_show(config, no_secret, NULL, &err));
    assert_shown("postgres.password", "********", "environment POSTGRES_PASSWORD");
    assert_shown("ledger.dsn", "host=h password=********", "environment SLUICE_LEDGER_DSN");
    assert_shown("catalog.dsn", "", "default");
}

static void secrets_are_read_from_files(void **state)
{
    (void)state;
    static const char *const env[] = {"POSTGRES_PASSWORD_FILE", "pw", NULL};
    write_file("pw", "two\nlines\n\n");
    write_file("uri", "mongodb://u:p@h/\r\n");
    write_file(".env", "MONGODB_URI_FILE=uri\n");
    sl_env_set(env);
    assert_ok(load());
    assert_string_equal(config->postgres_password, "two\nlines\n");
    assert_shown("postgres.password", "********", "environment POSTGRES_PASSWORD_FILE");
    assert_string_equal(config->mongodb_uri, "mongodb://u:p@h/");
    assert_shown("mongodb.uri", "mongodb://u:********@h/", ".env:1");
}

static void secret_and_its_file_contradict(void **state)
{
    (void)state;
    static const char *const env[] = {"MINIO_SECRET_KEY", "s3cret", "MINIO_SECRET_KEY_FILE", "x", NULL};
    sl_env_set(env);
    assert_fails(load(), SL_E_CONFIG_VALUE);
    assert_string_equal(err.message, "MINIO_SECRET_KEY and MINIO_SECRET_KEY_FILE are both set");
}

static void missing_file_of_a_secret_is_named(void **state)
{
    (void)state;
    static const char *const env[] = {"POSTGRES_PASSWORD_FILE", "/nonexistent/pw", NULL};
    sl_env_set(env);
    assert_fails(load(), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "/nonexistent/pw");
    assert_contains(err.message, "POSTGRES_PASSWORD_FILE");
}

static void only_secrets_have_files(void **state)
{
    (void)state;
    static const char *const env[] = {"POSTGRES_HOST_FILE", "/nonexistent", NULL};
    sl_env_set(env);
    assert_ok(load());
    assert_string_equal(config->postgres_host, "");
}

static void unknown_flag_gets_the_nearest_setting(void **state)
{
    (void)state;
    assert_fails(load_flag("run.worker", "4"), SL_E_CONFIG_KEY);
    assert_contains(err.message, "\"run.worker\"");
    assert_string_equal(err.hint, "did you mean \"run.workers\"?");
    assert_int_equal(sl_code_exit(err.code), SL_EXIT_CONFIG);
    assert_null(config);
}

static void unknown_key_in_the_file_is_placed(void **state)
{
    (void)state;
    write_yaml("run:\n  workers: 4\n  retrys: 3\n");
    assert_fails(load(), SL_E_CONFIG_KEY);
    assert_contains(err.message, "sluice.yaml:3:3: ");
    assert_contains(err.message, "\"run.retrys\"");
    assert_string_equal(err.hint, "did you mean \"run.retries\"?");
    write_yaml("rum:\n  workers: 4\n");
    assert_fails(load(), SL_E_CONFIG_KEY);
    assert_contains(err.message, "\"rum\"");
}

static void unknown_name_of_ours_in_dotenv_is_an_error(void **state)
{
    (void)state;
    write_file(".env", "OTHER_PROGRAM=1\nSLUICE_RUN_WORKER=4\n");
    assert_fails(load(), SL_E_CONFIG_KEY);
    assert_contains(err.message, ".env:2: ");
    assert_string_equal(err.hint, "did you mean SLUICE_RUN_WORKERS?");
    write_file(".env", "SLUICE_RUN_WORKERS=4\nSLUICE_LEDGER_DSN_FILE=x\nPOSTGRES_NONSENSE=1\n");
    write_file("x", "host=h\n");
    assert_ok(load());
    assert_int_equal(config->run_workers, 4);
    assert_string_equal(config->ledger_dsn, "host=h");
}

static void file_takes_dots_and_mappings(void **state)
{
    (void)state;
    write_yaml("run.workers: 3\nrun: {strict_intents: true, lease: 90s}\ncompute:\npostgres: {password: ~}\n"
               "compute.memory: 500000000\nlog: {level: \"debug\"}\n");
    assert_ok(load());
    assert_int_equal(config->run_workers, 3);
    assert_true(config->run_strict_intents);
    assert_int_equal(config->run_lease_ms, 90000);
    assert_int_equal(config->compute_memory_bytes, 500000000);
    assert_string_equal(config->log_level, "debug");
    assert_shown("run.workers", "3", "sluice.yaml:1:14");
    assert_shown("postgres.password", "", "default");
}

static void file_with_mistakes_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sl_code code;
        const char *part;
    } cases[] = {
        {"run: [", SL_E_CONFIG_SYNTAX, "sluice.yaml"},
        {"- a\n", SL_E_CONFIG_SYNTAX, "mapping"},
        {"run.workers: 1\nrun: {workers: 2}\n", SL_E_CONFIG_SYNTAX, "given twice"},
        {"run.workers: 1\nrun.workers: 2\n", SL_E_CONFIG_SYNTAX, "sluice.yaml"},
        {"run: 4\n", SL_E_CONFIG_VALUE, "sluice.yaml:1:6: run expects a mapping"},
        {"run.workers: {a: 1}\n", SL_E_CONFIG_VALUE, "run.workers expects one value"},
        {"run.workers: [1]\n", SL_E_CONFIG_VALUE, "run.workers expects one value"},
        {"run.workers: many\n", SL_E_CONFIG_VALUE, "run.workers (sluice.yaml:1:14) is \"many\""},
        {"postgres: {user: 0123}\n", SL_E_CONFIG_VALUE, "expected a string"},
        {"postgres: {user: \"a\\0b\"}\n", SL_E_CONFIG_SYNTAX, "NUL"},
        {"store.backend: gcs\n", SL_E_CONFIG_VALUE, "store.backend"},
        {"home: x\n", SL_E_CONFIG_KEY, "\"home\" cannot be set"},
        {"config: x\n", SL_E_CONFIG_KEY, "\"config\" cannot be set"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_yaml(cases[i].text);
        assert_fails(load(), cases[i].code);
        assert_contains(err.message, cases[i].part);
        assert_int_equal(sl_code_exit(err.code), SL_EXIT_CONFIG);
    }
}

static void bad_value_of_a_secret_is_not_repeated(void **state)
{
    (void)state;
    write_yaml("postgres: {password: 123456}\n");
    assert_fails(load(), SL_E_CONFIG_VALUE);
    assert_null(strstr(err.message, "123456"));
}

static void named_file_must_exist_and_may_set_the_home(void **state)
{
    (void)state;
    static const char *const env[] = {"SLUICE_CONFIG", "conf/site.yaml", NULL};
    sl_env_set(env);
    assert_fails(load(), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "conf/site.yaml");
    assert_ok(sl_dir_make("conf", 0700, &err));
    write_file("conf/site.yaml", "home: ../data\nstore: {root: objects}\n");
    assert_ok(load());
    /* Relative to the file, not to the working folder. */
    assert_string_equal(config->home, here("conf/../data"));
    assert_string_equal(config->store_root, here("conf/objects"));
    assert_string_equal(config->run_scratch, here("conf/../data/tmp"));
    assert_shown("home", here("conf/../data"), "site.yaml:1:7");
    assert_shown("config", here("conf/site.yaml"), "environment SLUICE_CONFIG");
}

static void home_says_where_the_file_is(void **state)
{
    (void)state;
    static const char *const env[] = {"SLUICE_HOME", "h", NULL};
    sl_env_set(env);
    assert_ok(sl_dir_make("h", 0700, &err));
    write_file("h/sluice.yaml", "run.workers: 7\n");
    assert_ok(load());
    assert_int_equal(config->run_workers, 7);
    assert_string_equal(config->home, here("h"));
    assert_string_equal(config->config_file, here("h/sluice.yaml"));
    assert_ok(load_flag("home", "other"));
    assert_string_equal(config->home, here("other"));
    assert_int_equal(config->run_workers, 1);
    assert_fails(load_flag("home", ""), SL_E_CONFIG_HOME);
}

static void recipe_folders_are_those_that_exist(void **state)
{
    (void)state;
    assert_ok(load());
    for (size_t i = 0; config->recipes_path[i]; i++)
        assert_true(sl_path_exists(config->recipes_path[i]));
    assert_ok(sl_dir_make(".sluice/recipes", 0700, &err));
    assert_ok(load());
    assert_string_equal(config->recipes_path[0], here(".sluice/recipes"));
    assert_ok(sl_dir_make("a", 0700, &err));
    assert_ok(sl_dir_make("b", 0700, &err));
    assert_ok(load_flag("recipes.path", "a:./b"));
    assert_string_equal(config->recipes_path[0], here("a"));
    assert_string_equal(config->recipes_path[1], here("b"));
    assert_null(config->recipes_path[2]);
    assert_fails(load_flag("recipes.path", "a:nope"), SL_E_CONFIG_VALUE);
    assert_contains(err.message, here("nope"));
    write_yaml("recipes:\n  path: [../a, ../b]\n");
    assert_ok(load());
    assert_string_equal(config->recipes_path[1], here(".sluice/../b"));
}

static void last_of_equal_flags_counts(void **state)
{
    (void)state;
    const struct sl_config_flag flags[] = {{"run.workers", "2"}, {"run.workers", "3"}};
    assert_ok(sl_config_load(flags, 2, &config, &err));
    assert_int_equal(config->run_workers, 3);
    sl_config_free(NULL);
}

static void dotenv_with_a_mistake_is_refused(void **state)
{
    (void)state;
    write_file(".env", "A='open\n");
    assert_fails(load(), SL_E_CONFIG_SYNTAX);
    assert_contains(err.message, ".env:1: ");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(defaults_need_nothing),
        T(sources_beat_each_other_in_order),
        T(own_names_beat_shared_ones),
        T(operators_names_are_known),
        T(secrets_are_never_shown),
        T(secrets_are_read_from_files),
        T(secret_and_its_file_contradict),
        T(missing_file_of_a_secret_is_named),
        T(only_secrets_have_files),
        T(unknown_flag_gets_the_nearest_setting),
        T(unknown_key_in_the_file_is_placed),
        T(unknown_name_of_ours_in_dotenv_is_an_error),
        T(file_takes_dots_and_mappings),
        T(file_with_mistakes_is_refused),
        T(bad_value_of_a_secret_is_not_repeated),
        T(named_file_must_exist_and_may_set_the_home),
        T(home_says_where_the_file_is),
        T(recipe_folders_are_those_that_exist),
        T(last_of_equal_flags_counts),
        T(dotenv_with_a_mistake_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

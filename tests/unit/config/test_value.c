/* SPDX-License-Identifier: Apache-2.0 */
/* .env, quantities and masks, without files. */
#include "support/cm.h"

#include "config/settings.h"

static struct sl_arena *arena;
static struct sl_error err;

static int set_up(void **state)
{
    (void)state;
    arena = sl_arena_new();
    err = (struct sl_error){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_arena_free(arena);
    return 0;
}

static const char *in_dotenv(const struct sl_dotenv *env, const char *name)
{
    const struct sl_dotenv_pair *p = sl_dotenv_find(env, name);
    return p ? p->value : NULL;
}

static void dotenv_reads_plain_quoted_and_exported_values(void **state)
{
    (void)state;
    struct sl_dotenv env;
    /* "B = x" is not NAME=value. */
    assert_fails(sl_dotenv_parse(".env", "A=1\nB = x\n", arena, &env, &err), SL_E_CONFIG_SYNTAX);
    assert_contains(err.message, ".env:2: expected NAME=value");
    assert_ok(sl_dotenv_parse(".env",
                              "# comment\n\nA=plain\n"
                              "export C= with space  # comment\nD='single $X \\n # no comment' # c\r\n"
                              "E=\"double \\\"q\\\" \\$X \\\\ a\\nb\"\nF=a#b\nG=\nH=first\nH=last\nI=#c\n"
                              "  J=indented",
                              arena, &env, &err));
    assert_string_equal(in_dotenv(&env, "A"), "plain");
    assert_string_equal(in_dotenv(&env, "C"), "with space");
    assert_string_equal(in_dotenv(&env, "D"), "single $X \\n # no comment");
    assert_string_equal(in_dotenv(&env, "E"), "double \"q\" $X \\ a\nb");
    assert_string_equal(in_dotenv(&env, "F"), "a#b");
    assert_null(in_dotenv(&env, "G"));
    assert_string_equal(in_dotenv(&env, "H"), "last");
    assert_null(in_dotenv(&env, "I"));
    assert_string_equal(in_dotenv(&env, "J"), "indented");
    assert_int_equal(sl_dotenv_find(&env, "D")->line, 5);
}

static void dotenv_says_what_is_wrong_on_which_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"A", "=x", "1A=x", "A-B=x", "A=\"open", "A='open", "A=\"x\" y", "A=\"\\q\"",
                                      "export", "A:x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_dotenv env;
        char *text = sl_arena_printf(arena, "OK=1\n%s\n", bad[i]);
        assert_fails(sl_dotenv_parse(".env", text, arena, &env, &err), SL_E_CONFIG_SYNTAX);
        assert_contains(err.message, ".env:2: ");
    }
}

static void dotenv_is_bounded(void **state)
{
    (void)state;
    struct sl_dotenv env;
    struct sl_buf buf;
    sl_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 1001; i++)
        sl_buf_printf(&buf, "A%d=1\n", i);
    assert_fails(sl_dotenv_parse(".env", buf.data, arena, &env, &err), SL_E_LIMIT);
    sl_buf_free(&buf);
}

static int set(const char *key, const char *text, struct sl_config *config)
{
    const char *shown;
    const struct sl_raw raw = {.text = text, .origin = "flag", .base = "/base"};
    return sl_config__set(config, &sl_config__settings[sl_config__find(key)], &raw, arena, &shown, &err);
}

static void quantities_have_units(void **state)
{
    (void)state;
    struct sl_config c;
    static const struct {
        const char *text;
        int64_t bytes;
    } sizes[] = {{"16777216", 16777216}, {"400MB", 400000000}, {"400 MB", 400000000}, {"64MiB", 64 << 20},
                 {"2GiB", INT64_C(2) << 30}, {"1TB", INT64_C(1000000000000)}};
    static const struct {
        const char *text;
        int64_t ms;
    } times[] = {{"500ms", 500}, {"60s", 60000}, {"10min", 600000}, {"1h", 3600000}, {"2 s", 2000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_ok(set("compute.memory", sizes[i].text, &c));
        assert_int_equal(c.compute_memory_bytes, sizes[i].bytes);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_ok(set("sensor.poll", times[i].text, &c));
        assert_int_equal(c.sensor_poll_ms, times[i].ms);
    }
    assert_ok(set("sensor.wait_limit", "0", &c));
    assert_int_equal(c.sensor_wait_limit_ms, 0);
}

static void values_out_of_form_or_range_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"compute.memory", "many"},  {"compute.memory", "1"},       {"compute.memory", "-5GB"}, {"compute.memory", "4XB"},
        {"compute.memory", ""},      {"compute.memory", "99999999TB"}, {"sensor.poll", "60"},   {"sensor.poll", "-1s"},
        {"sensor.poll", "2 weeks"},  {"postgres.port", "0"},        {"postgres.port", "65536"}, {"postgres.port", "5432x"},
        {"postgres.port", "0x10"},   {"postgres.port", "99999999999999999999"}, {"run.workers", "1.5"},
        {"run.strict_intents", "maybe"}, {"log.level", "loud"},     {"log.level", ""},          {"crs.policy", "trust"},
        {"store.backend", "gcs"},    {"ledger.backend", "mongodb"}, {"store.backend", "fs s3"}, {"run.lease", "1ms"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_config c = {0};
        assert_fails(set(bad[i][0], bad[i][1], &c), SL_E_CONFIG_VALUE);
        assert_contains(err.message, bad[i][0]);
        assert_contains(err.message, "flag");
    }
}

static void paths_become_absolute(void **state)
{
    (void)state;
    assert_string_equal(sl_config__absolute(arena, "/base", "./.sluice"), "/base/.sluice");
    assert_string_equal(sl_config__absolute(arena, "/base/", "a//b/./c/"), "/base/a/b/c");
    assert_string_equal(sl_config__absolute(arena, "/base", "../x"), "/base/../x");
    assert_string_equal(sl_config__absolute(arena, "/base", "/x"), "/x");
    assert_string_equal(sl_config__absolute(arena, "/base", "/"), "/");
}

static void passwords_in_connection_strings_are_masked(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"postgres://ana:s3cret@gis1:5432/db?sslmode=require", "postgres://ana:********@gis1:5432/db?sslmode=require"},
        {"postgresql://ana@gis1/db", "postgresql://ana@gis1/db"},
        {"postgres://gis1:5432/db", "postgres://gis1:5432/db"},
        {"mongodb://u:s3cret/@x@h1,h2/db", "mongodb://u:********@h1,h2/db"},
        {"postgres://h/db?user=a&password=s3cret&x=1", "postgres://h/db?user=a&password=********&x=1"},
        {"host=gis1 user=ana password=s3cret port=5432", "host=gis1 user=ana password=******** port=5432"},
        {"password='s3 cre\\'t' host=h", "password=******** host=h"},
        {"password = s3cret host = 'a b'", "password=******** host='a b'"},
        {"sslpassword=s3cret", "sslpassword=********"},
        {"password='s3cret", "********"},
        {"s3cret", "********"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *shown = sl_config__mask_dsn(arena, cases[i][0]);
        assert_string_equal(shown, cases[i][1]);
        assert_null(strstr(shown, "cre"));
    }
}

static void table_is_sound(void **state)
{
    (void)state;
    char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES], others[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES];
    for (size_t i = 0; i < sl_config__n_settings; i++) {
        const struct sl_setting *s = &sl_config__settings[i];
        size_t n = sl_config__env_names(s, names);
        assert_true(*s->help && s->fallback);
        assert_true(s->type != SL_SET_ENUM || s->choices);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(s->key, sl_config__settings[k].key);
            assert_int_not_equal(s->offset, sl_config__settings[k].offset);
            size_t m = sl_config__env_names(&sl_config__settings[k], others);
            for (size_t a = 0; a < n; a++)
                for (size_t b = 0; b < m; b++)
                    assert_string_not_equal(names[a], others[b]);
        }
    }
}

static void environment_names_are_in_order(void **state)
{
    (void)state;
    char names[SL_CONFIG_MAX_ENV][SL_CONFIG_ENV_BYTES];
    assert_int_equal(sl_config__env_names(&sl_config__settings[sl_config__find("postgres.db")], names), 3);
    assert_string_equal(names[0], "SLUICE_POSTGRES_DB");
    assert_string_equal(names[1], "POSTGRES_DB");
    assert_string_equal(names[2], "PGDATABASE");
    assert_int_equal(sl_config__env_names(&sl_config__settings[sl_config__find("run.worker_memory")], names), 1);
    assert_string_equal(names[0], "SLUICE_RUN_WORKER_MEMORY");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(dotenv_reads_plain_quoted_and_exported_values),
        T(dotenv_says_what_is_wrong_on_which_line),
        T(dotenv_is_bounded),
        T(quantities_have_units),
        T(values_out_of_form_or_range_are_refused),
        T(paths_become_absolute),
        T(passwords_in_connection_strings_are_masked),
        T(table_is_sound),
        T(environment_names_are_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

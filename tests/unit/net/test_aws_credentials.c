/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/arena.h"
#include "base/env.h"
#include "base/file.h"
#include "net/sigv4.h"

static struct sl_error err;
static struct sl_arena *arena;
static char home[256];
static bool found;
static struct sl_aws_credentials got;
static const char *region;

static int set_up(void **state)
{
    (void)state;
    arena = sl_arena_new();
    cm_temp_dir(home, sizeof home, "aws");
    found = false;
    got = (struct sl_aws_credentials){0};
    region = NULL;
    return sl_dir_make(sl_path_join(arena, home, ".aws"), 0700, &err);
}

static int tear_down(void **state)
{
    (void)state;
    sl_env_set(NULL);
    sl_arena_free(arena);
    return sl_dir_remove(home, &err);
}

static void file(const char *name, const char *text)
{
    assert_ok(sl_file_write_durable(sl_path_join(arena, home, name), text, strlen(text), 0600, &err));
}

static void find(const char *profile)
{
    assert_ok(sl_aws_find_credentials(profile, arena, &found, &got, &region, &err));
}

#define CREDENTIALS                                                                                                    \
    "# a comment\n[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key=secret/+=\n\n"                       \
    "[other]\r\naws_access_key_id=AKOTHER\r\naws_secret_access_key = othersecret\r\naws_session_token = tok==\r\n"

static void environment_comes_before_files(void **state)
{
    (void)state;
    const char *env[] = {"HOME", home, "AWS_ACCESS_KEY_ID", "AKENV", "AWS_SECRET_ACCESS_KEY", "envsecret", NULL};
    sl_env_set(env);
    file(".aws/credentials", CREDENTIALS);
    find(NULL);
    assert_true(found);
    assert_string_equal(got.access_key, "AKENV");
    assert_string_equal(got.secret_key, "envsecret");
    assert_null(got.session_token);
    assert_null(region);
}

static void default_profile_is_read_from_the_home(void **state)
{
    (void)state;
    const char *env[] = {"HOME", home, NULL};
    sl_env_set(env);
    file(".aws/credentials", CREDENTIALS);
    file(".aws/config",
         "[profile other]\nregion = eu-west-1\n[default]\nregion = eu-north-1\ns3 =\n  region = nested\n");
    find(NULL);
    assert_true(found);
    assert_string_equal(got.access_key, "AKDEFAULT");
    assert_string_equal(got.secret_key, "secret/+=");
    assert_string_equal(region, "eu-north-1");
}

static void named_profile_wins_over_the_environment(void **state)
{
    (void)state;
    const char *env[] = {
        "HOME",      home, "AWS_ACCESS_KEY_ID", "AKENV", "AWS_SECRET_ACCESS_KEY", "envsecret", "AWS_DEFAULT_REGION",
        "us-west-2", NULL};
    sl_env_set(env);
    file(".aws/credentials", CREDENTIALS);
    find("other");
    assert_true(found);
    assert_string_equal(got.access_key, "AKOTHER");
    assert_string_equal(got.secret_key, "othersecret");
    assert_string_equal(got.session_token, "tok==");
    assert_string_equal(region, "us-west-2");
}

static void files_may_be_elsewhere(void **state)
{
    (void)state;
    const char *at = sl_path_join(arena, home, "keys"), *config = sl_path_join(arena, home, "settings");
    const char *env[] = {"AWS_SHARED_CREDENTIALS_FILE", at, "AWS_CONFIG_FILE", config, "AWS_PROFILE", "other", NULL};
    sl_env_set(env);
    file("keys", CREDENTIALS);
    file("settings", "[profile other]\nregion = eu-west-1\n");
    find(NULL);
    assert_string_equal(got.access_key, "AKOTHER");
    assert_string_equal(region, "eu-west-1");
}

static void nothing_anywhere_is_no_error(void **state)
{
    (void)state;
    const char *env[] = {"HOME", home, NULL};
    sl_env_set(env);
    find(NULL);
    assert_false(found);
    const char *none[] = {NULL};
    sl_env_set(none);
    find(NULL);
    assert_false(found);
}

static void named_profile_without_keys_is_an_error(void **state)
{
    (void)state;
    const char *env[] = {"HOME", home, NULL};
    sl_env_set(env);
    file(".aws/credentials", CREDENTIALS);
    assert_fails(sl_aws_find_credentials("nobody", arena, &found, &got, &region, &err), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "\"nobody\"");
    file(".aws/config", "[profile sso]\nsso_start_url = https://example.org\n");
    assert_fails(sl_aws_find_credentials("sso", arena, &found, &got, &region, &err), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "has no access key");
    assert_null(strstr(err.message, "secret"));
}

static void huge_file_is_refused(void **state)
{
    (void)state;
    const char *env[] = {"HOME", home, NULL};
    sl_env_set(env);
    char *text = calloc(1, 300 * 1024 + 1);
    assert_non_null(text);
    memset(text, '#', 300 * 1024);
    file(".aws/credentials", text);
    free(text);
    assert_fails(sl_aws_find_credentials(NULL, arena, &found, &got, &region, &err), SL_E_LIMIT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(environment_comes_before_files),
        T(default_profile_is_read_from_the_home),
        T(named_profile_wins_over_the_environment),
        T(files_may_be_elsewhere),
        T(nothing_anywhere_is_no_error),
        T(named_profile_without_keys_is_an_error),
        T(huge_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include <sys/mman.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/log.h"

static int fd;
static char text[65536];

static int64_t fixed(void)
{
    return INT64_C(1795252443123456789);
}

static const struct sl_clock_ops fake = {fixed, fixed, NULL, NULL};

static int open_log(void **state)
{
    (void)state;
    sl_clock_set(&fake);
    fd = memfd_create("log", MFD_CLOEXEC);
    return fd < 0;
}

static int close_log(void **state)
{
    (void)state;
    sl_clock_set(NULL);
    sl_log_context("batch", NULL);
    sl_log_context("run", NULL);
    return close(fd);
}

static const char *logged(void)
{
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static void test_text_line_has_time_level_event_context_and_fields(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_INFO, SL_LOG_TEXT, fd);
    sl_log_context("batch", "b-1");
    sl_log_context("run", "0199");
    sl_log(SL_LOG_INFO, "run.stage", "stage", "load", "none", NULL, "rows", "177", NULL);
    assert_string_equal(logged(), "2026-11-21T09:14:03.123Z info run.stage batch=b-1 run=0199 stage=load rows=177\n");
}

static void test_lower_levels_are_left_out(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_WARN, SL_LOG_TEXT, fd);
    sl_log(SL_LOG_INFO, "x", NULL);
    assert_string_equal(logged(), "");
    assert_false(sl_log_enabled(SL_LOG_INFO));
    assert_true(sl_log_enabled(SL_LOG_ERROR));
}

static void test_hostile_values_forge_no_line_and_no_field(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_INFO, SL_LOG_TEXT, fd);
    sl_log(SL_LOG_INFO, "e", "file", "a\n2026 error forged", "b", "x=\"1", "c", "", NULL);
    assert_contains(logged(), " file=\"a\\x0a2026 error forged\" b=\"x=\\\"1\" c=\"\"\n");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void test_json_line_parses_and_keeps_the_value(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_INFO, SL_LOG_JSON, fd);
    struct sl_error err = {0};
    sl_fail(&err, SL_E_CRS_MISSING, "%s", "a \"b\" \\ c");
    sl_error_hint(&err, "say so");
    sl_log_error(SL_LOG_ERROR, "run.failed", &err, "value", "tab\there \"q\"\n", "bad", "x\xff", NULL);
    struct json_object *o = json_tokener_parse(logged());
    assert_non_null(o);
    assert_string_equal(json_object_get_string(json_object_object_get(o, "time")), "2026-11-21T09:14:03.123Z");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "level")), "error");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "code")), "crs.missing");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "message")), "a \"b\" \\ c");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "hint")), "say so");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "value")), "tab\there \"q\"\n");
    assert_string_equal(json_object_get_string(json_object_object_get(o, "bad")), "x\\xff");
    json_object_put(o);
}

static void test_too_long_fields_leave_a_well_formed_line(void **state)
{
    (void)state;
    sl_log_setup(SL_LOG_INFO, SL_LOG_JSON, fd);
    char huge[10000];
    memset(huge, '\x01', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    sl_log(SL_LOG_INFO, "e", "a", huge, "b", huge, "c", huge, "d", huge, "e1", huge, "f", huge, "g", huge, "h", huge,
           "i", huge, "j", huge, "k", huge, "l", huge, "m", huge, "n", huge, "o", huge, "p", huge, "q", huge, NULL);
    struct json_object *o = json_tokener_parse(logged());
    assert_non_null(o);
    assert_non_null(json_object_object_get(o, "a"));
    assert_null(json_object_object_get(o, "q"));
    json_object_put(o);
}

static void test_context_is_bounded_and_removable(void **state)
{
    (void)state;
    static const char *const names[] = {"c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"};
    sl_log_setup(SL_LOG_INFO, SL_LOG_TEXT, fd);
    for (size_t i = 0; i < 9; i++)
        sl_log_context(names[i], "v");
    sl_log_context("c2", NULL);
    sl_log_context("c3", "w");
    sl_log(SL_LOG_INFO, "e", NULL);
    for (size_t i = 0; i < 9; i++)
        sl_log_context(names[i], NULL);
    assert_contains(logged(), " e c1=v c3=w c4=v c5=v c6=v c7=v c8=v\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_line_has_time_level_event_context_and_fields, open_log, close_log),
        cmocka_unit_test_setup_teardown(test_lower_levels_are_left_out, open_log, close_log),
        cmocka_unit_test_setup_teardown(test_hostile_values_forge_no_line_and_no_field, open_log, close_log),
        cmocka_unit_test_setup_teardown(test_json_line_parses_and_keeps_the_value, open_log, close_log),
        cmocka_unit_test_setup_teardown(test_too_long_fields_leave_a_well_formed_line, open_log, close_log),
        cmocka_unit_test_setup_teardown(test_context_is_bounded_and_removable, open_log, close_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

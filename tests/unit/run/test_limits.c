/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "run/limits.h"

static struct sl_error err;
static struct sl_arena *arena;
static struct sl_config *config;

static int set_up(void **state)
{
    (void)state;
    err = (struct sl_error){0};
    arena = sl_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_config_free(config);
    config = NULL;
    sl_arena_free(arena);
    return 0;
}

static void configure(const char *limits, const char *priorities)
{
    const struct sl_config_flag flags[] = {{"run.most_running", "7"},
                                           {"run.intent_limits", limits},
                                           {"run.intent_priorities", priorities},
                                           {"schemas.path", SLUICE_SOURCE_DIR "/schemas"}};
    assert_ok(sl_config_load(flags, 4, &config, &err));
}

static void refuse_limits(const char *text, const char *part)
{
    struct sl_limits l;
    configure(text, "");
    assert_fails(sl_limits_read(config, arena, &l, &err), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "run.intent_limits (flag)");
    assert_contains(err.message, part);
    assert_non_null(strstr(err.hint, "intent=number"));
    sl_config_free(config);
    config = NULL;
}

static void test_nothing_configured_limits_nothing(void **state)
{
    (void)state;
    struct sl_limits l;
    configure("", " ,, ");
    assert_ok(sl_limits_read(config, arena, &l, &err));
    assert_int_equal(l.most_running, 7);
    assert_int_equal(l.n_intents, 0);
    assert_int_equal(sl_limits_priority(&l, "any"), 0);
    assert_int_equal(sl_limits_priority(&l, NULL), 0);
}

static void test_limits_go_into_a_claim_as_they_were_written(void **state)
{
    (void)state;
    struct sl_limits l;
    struct sl_claim claim = {0};
    configure("ingest_grib=1, a=b=4", "");
    assert_ok(sl_limits_read(config, arena, &l, &err));
    sl_limits_apply(&l, &claim);
    assert_int_equal(claim.most_running, 7);
    assert_int_equal(claim.n_limits, 2);
    assert_string_equal(claim.limits[0].intent, "ingest_grib");
    assert_int_equal(claim.limits[0].most, 1);
    assert_string_equal(claim.limits[1].intent, "a=b");
    assert_int_equal(claim.limits[1].most, 4);
}

static void test_priorities_may_be_negative_and_others_have_none(void **state)
{
    (void)state;
    struct sl_limits l;
    configure("", "urgent=10 bulk=-5");
    assert_ok(sl_limits_read(config, arena, &l, &err));
    assert_int_equal(sl_limits_priority(&l, "urgent"), 10);
    assert_int_equal(sl_limits_priority(&l, "bulk"), -5);
    assert_int_equal(sl_limits_priority(&l, "urgen"), 0);
}

static void test_a_wrong_item_is_named_with_its_setting_and_its_place(void **state)
{
    (void)state;
    refuse_limits("grib", "\"grib\" is not");
    refuse_limits("ok=1 =2", "\"=2\"");
    refuse_limits("grib=", "\"grib=\"");
    refuse_limits("grib=many", "\"grib=many\" has no whole number");
    refuse_limits("grib=1.5", "\"grib=1.5\"");
    refuse_limits("grib=0", "too small");
    refuse_limits("grib=99999999999999999999", "too large");
    refuse_limits("grib=1 grib=2", "second");
}

static void test_the_number_of_items_is_bounded(void **state)
{
    (void)state;
    struct sl_limits l;
    char text[16 * (SL_LIMITS_MAX + 1)] = "";
    for (int i = 0; i <= SL_LIMITS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "i%d=1 ", i);
    configure("", text);
    assert_fails(sl_limits_read(config, arena, &l, &err), SL_E_CONFIG_VALUE);
    assert_contains(err.message, "run.intent_priorities");
    assert_contains(err.message, "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_configured_limits_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limits_go_into_a_claim_as_they_were_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_priorities_may_be_negative_and_others_have_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_item_is_named_with_its_setting_and_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_number_of_items_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

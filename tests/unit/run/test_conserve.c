/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "json/json.h"
#include "run/conserve.h"

static struct sl_error err;

/* dropped and added as JSON. */
static int gate(int64_t in, const char *added, int64_t out, const char *dropped, int64_t aside)
{
    SL_CLEANUP(sl_json_putp) struct json_object *a = json_tokener_parse(added);
    SL_CLEANUP(sl_json_putp) struct json_object *d = json_tokener_parse(dropped);
    const struct sl_row_counts counts = {.in = in, .out = out, .aside = aside, .added = a, .dropped = d};
    err = (struct sl_error){0};
    return sl_rows_conserved(&counts, &err);
}

static void test_the_gate_is_open_when_every_row_is_accounted_for(void **state)
{
    (void)state;
    assert_ok(gate(0, "{}", 0, "{}", 0));
    assert_ok(gate(7, "{}", 7, "{}", 0));
    assert_ok(gate(7, "{\"explode\": 3, \"sql\": 1}", 8, "{\"filter\": 3}", 0));
    assert_ok(gate(7, "{}", 1, "{\"filter\": 2, \"quarantine\": 4}", 4));
    assert_ok(gate(7, "{}", 0, "{\"quarantine\": 7}", 7));
}

static void test_the_gate_closes_when_a_row_is_lost_or_made(void **state)
{
    (void)state;
    assert_fails(gate(7, "{}", 6, "{}", 0), SL_E_ROWS_LOST);
    assert_contains(err.message, "7 rows in and 0 added, but 6 out and 0 dropped");
    assert_fails(gate(7, "{}", 8, "{}", 0), SL_E_ROWS_LOST);
    assert_fails(gate(7, "{\"explode\": 3}", 8, "{\"filter\": 3}", 0), SL_E_ROWS_LOST);
    assert_fails(gate(7, "{}", 4, "{\"quarantine\": 2}", 2), SL_E_ROWS_LOST);
}

static void test_the_gate_closes_when_rows_put_aside_are_not_those_written(void **state)
{
    (void)state;
    assert_fails(gate(7, "{}", 4, "{\"quarantine\": 3}", 2), SL_E_ROWS_LOST);
    assert_contains(err.message, "3 rows were put aside, but 2 are written");
    assert_fails(gate(7, "{}", 4, "{\"quarantine\": 3}", 0), SL_E_ROWS_LOST);
    assert_fails(gate(7, "{}", 4, "{\"filter\": 3}", 3), SL_E_ROWS_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gate_is_open_when_every_row_is_accounted_for),
        cmocka_unit_test(test_the_gate_closes_when_a_row_is_lost_or_made),
        cmocka_unit_test(test_the_gate_closes_when_rows_put_aside_are_not_those_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

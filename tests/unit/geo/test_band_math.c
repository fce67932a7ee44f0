/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions on bands: what they give, and what hostile ones cannot do. */
#include <math.h>

#include "support/cm.h"

#include "geo/band_math.h"

enum { N = 2500 }; /* more than one piece of work */

static struct sl_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = sl_arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_arena_free(arena);
    return 0;
}

/* Of b1 = 7, b2 = -2, b3 without a value. */
static double value_of(const char *text)
{
    struct sl_band_math *math = NULL;
    struct sl_error err = {0};
    static double one[N], two[N], three[N], out[N];
    const double *const bands[] = {one, two, three};
    for (int i = 0; i < N; i++) {
        one[i] = 7;
        two[i] = -2;
        three[i] = NAN;
    }
    if (sl_band_math_parse(text, arena, &math, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    sl_band_math_run(math, bands, out, N);
    for (int i = 1; i < N; i++)
        assert_true(out[i] == out[0] || (isnan(out[i]) && isnan(out[0])));
    return out[0];
}

static void gives(const char *text, double expected)
{
    double got = value_of(text);
    if (!(got == expected || (isnan(got) && isnan(expected))))
        fail_msg("%s gives %.17g, expected %.17g", text, got, expected);
}

static void test_operators_bind_as_in_arithmetic(void **state)
{
    (void)state;
    gives("1 + 2 * 3", 7);
    gives("(1 + 2) * 3", 9);
    gives("10 - 4 - 3", 3);
    gives("16 / 4 / 2", 2);
    gives("-b2", 2);
    gives("--b1", 7);
    gives("2 - -3", 5);
    gives("-b1 * 2", -14);
    gives(" b1\t+\nb2 ", 5);
    gives("1e3 + .5 + 2E-1", 1000.7);
    gives("b1 > b2", 1);
    gives("b1 + 1 == 8", 1);
    gives("b1 != 7", 0);
    gives("(b1 >= 7) + (b1 <= 7) + (b1 < 7)", 2);
}

static void test_functions_do_what_they_are_called(void **state)
{
    (void)state;
    gives("min(b1, b2, 3)", -2);
    gives("max(b1, 3, 99, 4)", 99);
    gives("abs(b2)", 2);
    gives("sqrt(b1 + 2)", 3);
    gives("log(exp(2))", 2);
    gives("log10(1000)", 3);
    gives("pow(b2, 3)", -8);
    gives("floor(2.7) + ceil(2.2) + round(2.5)", 8);
    gives("where(b1 > 5, b2, 100)", -2);
    gives("where(b1 > 9, b2, where(b2 < 0, 1, 2))", 1);
}

static void test_no_data_goes_through_everything_but_what_asks_for_it(void **state)
{
    (void)state;
    const char *const nothing[] = {"b3", "b3 + 1", "b3 * 0", "-b3", "min(b1, b3)", "max(b3, b1)", "b3 > 1", "b3 == b3",
                                   "pow(b3, 0)", "where(b3, 1, 2)", "nodata", "where(b1 > 0, nodata, 1)", "abs(b3)"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        gives(nothing[i], NAN);
    gives("is_nodata(b3)", 1);
    gives("is_nodata(b1)", 0);
    gives("where(is_nodata(b3), b1, b3)", 7);
    gives("where(b1 > 0, 5, b3)", 5);
}

static void test_what_is_no_finite_number_is_no_data(void **state)
{
    (void)state;
    gives("b1 / 0", NAN);
    gives("0 / 0", NAN);
    gives("sqrt(b2)", NAN);
    gives("log(0)", NAN);
    gives("exp(10000)", NAN);
    gives("is_nodata(1 / 0)", 1);
    gives("max(1 / 0, 3)", NAN);
}

static void refused(const char *text, const char *message)
{
    struct sl_band_math *math = NULL;
    struct sl_error err = {0};
    assert_int_equal(sl_band_math_parse(text, arena, &math, &err), -(int)SL_E_RECIPE_OPTION);
    if (!strstr(err.message, message))
        fail_msg("%s: %s", text, err.message);
    assert_null(strchr(err.message, '\n'));
    assert_null(math);
}

static void test_what_is_wrong_is_named_with_its_place(void **state)
{
    (void)state;
    refused("", "it ends where a value is expected at character 1");
    refused("b1 +", "it ends where a value is expected at character 5");
    refused("b1 b2", "an operator is expected at character 4");
    refused("(b1", "\")\" is expected at character 4");
    refused("b1)", "an operator is expected at character 3");
    refused("b0", "no band");
    refused("b65536", "no band");
    refused("b99999999999999999999", "no band");
    refused("min(b1)", "too few values");
    refused("where(b1, 2)", "too few values");
    refused("abs(1, 2)", "too many values");
    refused("sqr(2)", "did you mean \"sqrt\"?");
    refused("1.2.3", "no number");
    refused("12abc", "no number");
    refused("1e999", "no number");
    refused("b1 < 2 < 3", "an operator is expected");
    refused("b1 = 2", "an operator is expected");
    refused("abs 2", "\"(\" is expected");
}

static void test_hostile_expressions_run_into_a_limit_or_nothing(void **state)
{
    (void)state;
    const char *const code[] = {"system(b1)", "__import__('os')", "b1; b2", "b1 \\ b2", "b1 ** b2", "$b1", "${b1}", "b1[0]",
                                "\"b1\"", "\xff\xfe", "b1 ? 1 : 2", "%n%s", "0x10", "b1, b2"};
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        refused(code[i], "expression");
    char *deep = sl_arena_alloc(arena, 4000);
    memset(deep, '(', 3000);
    refused(deep, "nested too deeply");
    char *minus = sl_arena_alloc(arena, 4001);
    memset(minus, '-', 4000);
    refused(minus, "it ends where a value is expected");
    char *longer = sl_arena_alloc(arena, SL_BAND_MATH_BYTES + 2);
    memset(longer, '1', SL_BAND_MATH_BYTES + 1);
    refused(longer, "more than 4096 bytes");
    char *digits = sl_arena_alloc(arena, 201);
    memset(digits, '1', 200);
    refused(digits, "too many digits");
    /* As long as it may be, and as many values waiting at a time as there can be. */
    char *sum = sl_arena_alloc(arena, SL_BAND_MATH_BYTES + 1);
    for (size_t i = 0; i + 1 < SL_BAND_MATH_BYTES; i += 2)
        memcpy(sum + i, i ? "+1" : " 1", 2);
    gives(sum, SL_BAND_MATH_BYTES / 2);
    char *nested = sl_arena_strdup(arena, "1");
    for (int i = 0; i < SL_BAND_MATH_DEPTH - 1; i++)
        nested = sl_arena_printf(arena, "2*(1+%s)-1-1", nested);
    assert_true(value_of(nested) > 0);
}

static void test_it_knows_which_bands_it_reads(void **state)
{
    (void)state;
    struct sl_band_math *math = NULL;
    assert_int_equal(sl_band_math_parse("b2 + where(b7 > 1, 2, b2)", arena, &math, NULL), 0);
    assert_int_equal(sl_band_math_highest(math), 7);
    assert_true(sl_band_math_reads(math, 2) && sl_band_math_reads(math, 7));
    assert_false(sl_band_math_reads(math, 1) || sl_band_math_reads(math, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators_bind_as_in_arithmetic),
        cmocka_unit_test(test_functions_do_what_they_are_called),
        cmocka_unit_test(test_no_data_goes_through_everything_but_what_asks_for_it),
        cmocka_unit_test(test_what_is_no_finite_number_is_no_data),
        cmocka_unit_test(test_what_is_wrong_is_named_with_its_place),
        cmocka_unit_test(test_hostile_expressions_run_into_a_limit_or_nothing),
        cmocka_unit_test(test_it_knows_which_bands_it_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

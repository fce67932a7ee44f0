/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that are about columns and rows, on both engines. */
#include "both.h"

static void test_rename_swaps_names_and_takes_hostile_ones(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'POINT(0 0)'), ('b', 2, NULL), (NULL, NULL, 'POINT EMPTY')");
    assert_both_give("rename: {columns: {name: \"ki\\\"nd; --\", \"ki\\\"nd; --\": name}}", BOTH, 0,
              "- | - | POINT EMPTY\na | 1 | POINT(0 0)\nb | 2 | -\n");
    assert_both_give("rename: {columns: {name: \"select\", \"ki\\\"nd; --\": "
              "\"Ünïcödé name of exactly sixty-three bytes, which is the mo\"}}",
              BOTH, 0, "- | - | POINT EMPTY\na | 1 | POINT(0 0)\nb | 2 | -\n");
}

static void test_drop_columns_passes_over_what_is_not_there(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'POINT(0 0)'), ('b', 2, NULL)");
    assert_both_give("drop_columns: {columns: [\"ki\\\"nd; --\", zzz], if_there: true}", BOTH, 0, "a | POINT(0 0)\nb | -\n");
}

static void test_add_column_is_one_value_a_row(void **state)
{
    (void)state;
    both_given_plain(0, "('o''\\x', 1, 'POINT(3 4)'), ('b', 2, NULL)");
    assert_both_give("add_column: {name: \"order\", value: \"ST_X({{geom}}) + \\\"ki\\\"\\\"nd; --\\\" -- sum\", type: double}", BOTH, 0,
              "b | 2 | - | -\no'\\x | 1 | 4 | POINT(3 4)\n");
    assert_both_give("add_column: {name: name, value: \"name = ${p}\", replace: true}", BOTH, 0,
              "false | 2 | -\ntrue | 1 | POINT(3 4)\n");
}

static void test_cast_takes_what_has_a_form_and_no_more(void **state)
{
    (void)state;
    both_given_plain(0, "(' 12 ', 1, NULL), ('12.0', 2, NULL), ('12.7', 3, NULL), ('', 4, NULL), (NULL, 5, NULL),"
                        "('2147483648', 6, NULL), ('1_000', 7, NULL), ('0x1F', 8, NULL), ('-7.', 9, NULL), ('+5', 10, NULL),"
                        "('99999999999999999999999', 11, NULL), ('1e3', 12, NULL), ('1e999', 13, NULL), ('.5', 14, NULL),"
                        "('NaN', 15, NULL), ('1e-400', 16, NULL)");
    assert_both_give("cast: {columns: {name: integer}, on_error: \"null\"}", BOTH, 0,
              "-7 | 9 | -\n- | 11 | -\n- | 12 | -\n- | 13 | -\n- | 14 | -\n- | 15 | -\n- | 16 | -\n- | 3 | -\n- | 4 | -\n- | 5 | -\n"
              "- | 6 | -\n- | 7 | -\n- | 8 | -\n12 | 1 | -\n12 | 2 | -\n5 | 10 | -\n");
    assert_both_give("cast: {columns: {name: bigint}, on_error: drop}", BOTH, 0,
              "-7 | 9 | -\n- | 4 | -\n- | 5 | -\n12 | 1 | -\n12 | 2 | -\n2.14748365e+09 | 6 | -\n5 | 10 | -\n");
    assert_both_give("cast: {columns: {name: double}, on_error: drop}", BOTH, 0,
              "-7 | 9 | -\n- | 4 | -\n- | 5 | -\n0.5 | 14 | -\n0 | 16 | -\n1000 | 12 | -\n12.7 | 3 | -\n12 | 1 | -\n12 | 2 | -\n"
              "1e+23 | 11 | -\n2.14748365e+09 | 6 | -\n5 | 10 | -\n");
    assert_both_fail("cast: {columns: {name: integer}}", "column name, value 12.7");
    assert_both_give("cast: {columns: {\"ki\\\"nd; --\": boolean}, on_error: drop}", BOTH, 0, " 12  | true | -\n");
    assert_both_agree("cast: {columns: {\"ki\\\"nd; --\": text, name: text}}", 0);
}

static void test_cast_knows_dates_and_times(void **state)
{
    (void)state;
    both_given_plain(0, "('2024-02-29', 1, NULL), ('2023-02-29', 2, NULL), ('2024-1-5', 3, NULL), ('31.12.2024', 4, NULL),"
                        "('2024-04-31', 5, NULL), ('0000-01-01', 6, NULL), ('2024-02-29T10:00', 7, NULL),"
                        "('2024-02-29 10:00:00.25+02:00', 8, NULL), ('2024-02-29T23:59:59Z', 9, NULL), ('2024-02-30 10:00', 10, NULL),"
                        "('2024-02-29 24:00', 11, NULL), ('today', 12, NULL), ('2024-02-29 10:00:00-0330', 13, NULL)");
    assert_both_give("cast: {columns: {name: date}, on_error: drop}", BOTH, 0, "2024-01-05 | 3 | -\n2024-02-29 | 1 | -\n");
    assert_both_give("cast: {columns: {name: date}, on_error: drop, dates: dmy}", BOTH, 0, "2024-12-31 | 4 | -\n");
    assert_both_give("cast: {columns: {name: timestamp}, on_error: drop}", BOTH, 0,
              "2024-02-29 00:00:00 | 1 | -\n2024-02-29 08:00:00.25 | 8 | -\n2024-02-29 10:00:00 | 7 | -\n"
              "2024-02-29 13:30:00 | 13 | -\n2024-02-29 23:59:59 | 9 | -\n");
}

static void test_cast_between_typed_columns(void **state)
{
    (void)state;
    static struct sl_column columns[] = {{.name = "d", .type = "double precision"}, {.name = "b", .type = "boolean"},
                                         {.name = "t", .type = "timestamp without time zone"}, {.name = "i", .type = "bigint"},
                                         {.name = "geom", .type = "geometry", .geometry = true}};
    both_given(columns, 5, 0, "(1.5, true, TIMESTAMP '2024-01-02 03:04:05', 1, 'POINT(1 2)'),"
                              "(7.0, false, NULL, 5000000000, NULL), (NULL, NULL, TIMESTAMP '1999-12-31 23:59:59', NULL, NULL),"
                              "(1e300, true, NULL, 0, NULL)");
    assert_both_give("cast: {columns: {d: bigint, b: integer, t: date, i: integer}, on_error: \"null\"}", BOTH, 0,
              "- | - | 1999-12-31 | - | -\n- | 1 | - | 0 | -\n- | 1 | 2024-01-02 | 1 | POINT(1 2)\n7 | 0 | - | - | -\n");
    assert_both_give("cast: {columns: {d: text, b: text, t: text, i: boolean}, on_error: drop}", BOTH, 0,
              "- | - | 1999-12-31 23:59:59 | - | -\n1.5 | true | 2024-01-02 03:04:05 | true | POINT(1 2)\n1e+300 | true | - | false | -\n");
    assert_both_fail("cast: {columns: {i: integer}}", "column i, value 5000000000");
}

static void test_explode_makes_rows_of_parts_and_loses_none(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'MULTIPOINT((0 0),(1 1))'), ('b', 2, NULL), ('c', 3, 'MULTIPOLYGON EMPTY'), ('d', 4, 'POINT(2 2)'),"
                        "('e', 5, 'GEOMETRYCOLLECTION(POINT(0 0),LINESTRING(0 0,1 1),GEOMETRYCOLLECTION(POINT(9 9)))'),"
                        "('f', 6, 'GEOMETRYCOLLECTION EMPTY'), ('g', 7, 'MULTILINESTRING Z ((0 0 1,1 1 1),(2 2 2,3 3 2))'),"
                        "('~curve', 8, 'MULTICURVE((0 0,1 1),CIRCULARSTRING(0 0,1 1,2 0))')");
    assert_both_give("explode: {}", BOTH, 0,
              "a | 1 | POINT(0 0)\na | 1 | POINT(1 1)\nb | 2 | -\nc | 3 | MULTIPOLYGON EMPTY\nd | 4 | POINT(2 2)\n"
              "e | 5 | POINT(0 0)\ne | 5 | LINESTRING(0 0,1 1)\ne | 5 | POINT(9 9)\nf | 6 | GEOMETRYCOLLECTION EMPTY\n"
              "g | 7 | LINESTRING Z (0 0 1,1 1 1)\ng | 7 | LINESTRING Z (2 2 2,3 3 2)\n~curve | 8 | LINESTRING(0 0,1 1)\n"
              "~curve | 8 | CIRCULARSTRING(0 0,1 1,2 0)\n");
    assert_both_give("explode: {into: types, part_column: part}", BOTH, 0,
              "a | 1 | 1 | MULTIPOINT((0 0),(1 1))\nb | 2 | 1 | -\nc | 3 | 1 | MULTIPOLYGON EMPTY\nd | 4 | 1 | POINT(2 2)\n"
              "e | 5 | 1 | MULTIPOINT((0 0),(9 9))\ne | 5 | 2 | MULTILINESTRING((0 0,1 1))\nf | 6 | 1 | GEOMETRYCOLLECTION EMPTY\n"
              "g | 7 | 1 | MULTILINESTRING Z ((0 0 1,1 1 1),(2 2 2,3 3 2))\n"
              "~curve | 8 | 1 | MULTICURVE((0 0,1 1),CIRCULARSTRING(0 0,1 1,2 0))\n");
}

static void test_explode_beside_columns_of_its_own_names(void **state)
{
    (void)state;
    static struct sl_column columns[] = {{.name = "sl_part", .type = "text"}, {.name = "SL_NUMBER", .type = "integer"},
                                         {.name = "n", .type = "integer"}, {.name = "path", .type = "integer"},
                                         {.name = "geom", .type = "geometry", .geometry = true}};
    both_given(columns, 5, 0, "('a', 1, 2, 3, 'MULTIPOINT((0 0),(1 1))')");
    assert_both_give("explode: {part_column: part}", BOTH, 0, "a | 1 | 2 | 3 | 1 | POINT(0 0)\na | 1 | 2 | 3 | 2 | POINT(1 1)\n");
}

static void test_dedupe_keeps_one_of_the_same_and_all_without_a_key(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'POINT(0 0)'), ('a', 3, 'POINT(1 1)'), ('a', NULL, NULL), ('b', 1, 'POLYGON((0 0,1 0,1 1,0 0))'),"
                        "('c', 1, 'POLYGON((1 1,0 0,1 0,1 1))'), (NULL, 1, 'POINT(5 5)'), (NULL, 1, 'POINT(5 5)'),"
                        "('d', 1, 'POLYGON EMPTY'), ('e', 1, 'POLYGON EMPTY'), ('f', 9, NULL), ('g', 9, NULL)");
    assert_both_give("dedupe: {columns: [name], order_by: [\"ki\\\"nd; --\"]}", BOTH, 0,
              "- | 1 | POINT(5 5)\n- | 1 | POINT(5 5)\na | 1 | POINT(0 0)\nb | 1 | POLYGON((0 0,1 0,1 1,0 0))\n"
              "c | 1 | POLYGON((1 1,0 0,1 0,1 1))\nd | 1 | POLYGON EMPTY\ne | 1 | POLYGON EMPTY\nf | 9 | -\ng | 9 | -\n");
    assert_both_give("dedupe: {columns: [name], order_by: [\"ki\\\"nd; --\"], keep: last}", BOTH, 0,
              "- | 1 | POINT(5 5)\n- | 1 | POINT(5 5)\na | 3 | POINT(1 1)\nb | 1 | POLYGON((0 0,1 0,1 1,0 0))\n"
              "c | 1 | POLYGON((1 1,0 0,1 0,1 1))\nd | 1 | POLYGON EMPTY\ne | 1 | POLYGON EMPTY\nf | 9 | -\ng | 9 | -\n");
    assert_both_give("dedupe: {geometry: true}", BOTH, 0,
              "- | 1 | POINT(5 5)\na | - | -\na | 1 | POINT(0 0)\na | 3 | POINT(1 1)\nb | 1 | POLYGON((0 0,1 0,1 1,0 0))\n"
              "d | 1 | POLYGON EMPTY\nf | 9 | -\ng | 9 | -\n");
}

static void test_checks_count_the_same_on_both(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'POLYGON((0 0,2 2,2 0,0 2,0 0))'), ('a', 1, NULL), ('a', 2, 'POINT EMPTY'),"
                        "(NULL, 1, 'POINT(0 0)'), (NULL, 1, 'POINT(0 0)')");
    assert_both_break("not_empty: {}", 0);
    assert_both_break("valid_geometry: {}", 1);
    assert_both_break("not_null: {columns: [name, geom]}", 3);
    assert_both_break("unique: {columns: [name, \"ki\\\"nd; --\"]}", 2);
    assert_both_break("unique: {columns: [geom]}", 2);
}

static void test_checks_put_the_same_rows_aside_on_both(void **state)
{
    (void)state;
    both_given_plain(0, "('a', 1, 'POLYGON((0 0,2 2,2 0,0 2,0 0))'), ('b', 2, NULL), ('c', 3, 'POINT EMPTY'), ('d', 4, 'POINT(9 9)'),"
                        "(NULL, 5, 'POINT(0 0)'), ('it''s', 6, 'POINT(0 0)'), ('e', 7, 'POINT(1 1)'), ('e', NULL, 'POINT(1 1)')");
    assert_both_put_aside("  - valid_geometry: {on_fail: quarantine}\n"
                   "  - not_null: {columns: [\"ki\\\"nd; --\", name], on_fail: quarantine}\n"
                   "  - unique: {columns: [name], on_fail: quarantine}\n"
                   "  - in_bounds: {bounds: [0, 0, 5, 5], on_fail: quarantine}\n"
                   "  - accepted_values: {column: name, values: [a, b, c, d, e], on_fail: quarantine}\n"
                   "  - expression: {rule: \"name <> 'b'\", message: \"it's b\", on_fail: quarantine}\n",
                   "- | 5 | not_null: no value in ki\"nd; --, name | POINT(0 0)\n"
                   "a | 1 | valid_geometry | POLYGON((0 0,2 2,2 0,0 2,0 0))\n"
                   "b | 2 | expression: it's b | -\n"
                   "d | 4 | in_bounds: out of the bounds [0, 0, 5, 5] | POINT(9 9)\n"
                   "e | - | not_null: no value in ki\"nd; --, name; unique: another row has the same name | POINT(1 1)\n"
                   "e | 7 | unique: another row has the same name | POINT(1 1)\n"
                   "it's | 6 | accepted_values: a value in name that is not accepted | POINT(0 0)\n",
                   "c | 3 | POINT EMPTY\n");
    both_given_plain(0, "('a', 1, 'POINT(0 0)')");
    assert_both_put_aside("  - not_null: {columns: [name], on_fail: quarantine}\n", "", "a | 1 | POINT(0 0)\n");
}

static void test_checks_of_values_count_the_same_on_both(void **state)
{
    (void)state;
    both_given_plain(0, "('asphalt', 1, NULL), ('it''s', 2, NULL), (NULL, 3, NULL), ('12', NULL, NULL), ('x y', 5, 'POINT(1 1)')");
    assert_both_break("accepted_values: {column: name, values: [asphalt, \"it's\", 12]}", 1);
    assert_both_break("accepted_values: {column: \"ki\\\"nd; --\", values: [1, 2.0, 3, \"five\"]}", 1);
    assert_both_break("accepted_values: {column: \"ki\\\"nd; --\", values: [\"five\", true]}", 4);
    assert_both_break("accepted_values: {column: name, pattern: \"[a-z']+|[0-9]{2}\"}", 1);
    assert_both_break("accepted_values: {column: name, pattern: \"asphalt|x\"}", 3);
    assert_both_break("expression: {rule: \"name <> 'asphalt'\"}", 1);
    assert_both_break("expression: {rule: \"name = ${p} OR {{geom}} IS NULL -- or\"}", 1);
    assert_both_break("row_count: {min: 5, max: 5}", 0);
    assert_both_break("row_count: {min: 6}", 1);
    assert_both_break("row_count: {max: 4}", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rename_swaps_names_and_takes_hostile_ones),
        cmocka_unit_test(test_drop_columns_passes_over_what_is_not_there),
        cmocka_unit_test(test_add_column_is_one_value_a_row),
        cmocka_unit_test(test_cast_takes_what_has_a_form_and_no_more),
        cmocka_unit_test(test_cast_knows_dates_and_times),
        cmocka_unit_test(test_cast_between_typed_columns),
        cmocka_unit_test(test_explode_makes_rows_of_parts_and_loses_none),
        cmocka_unit_test(test_explode_beside_columns_of_its_own_names),
        cmocka_unit_test(test_dedupe_keeps_one_of_the_same_and_all_without_a_key),
        cmocka_unit_test(test_checks_count_the_same_on_both),
        cmocka_unit_test(test_checks_put_the_same_rows_aside_on_both),
        cmocka_unit_test(test_checks_of_values_count_the_same_on_both),
    };
    return cmocka_run_group_tests(tests, both_open, both_close);
}

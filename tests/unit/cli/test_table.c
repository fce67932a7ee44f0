/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/text.h"
#include "cli/table.h"

static const struct sl_cli_column columns[] = {{"NAME", SL_LEFT, 8}, {"SIZE", SL_RIGHT, 0}, {"KEY", SL_LEFT, 12}};

struct fixture {
    struct sl_arena *arena;
    struct sl_out out;
    struct sl_cli_table *table;
};

static struct fixture begin(int width)
{
    struct fixture f = {.arena = sl_arena_new()};
    sl_out_init(&f.out, -1, true);
    f.out.width = width;
    f.table = sl_cli_table_new(f.arena, columns, 3);
    return f;
}

static void row(struct fixture *f, const char *a, const char *b, const char *c)
{
    sl_cli_cell(f->table, a);
    sl_cli_cell(f->table, b);
    sl_cli_cell(f->table, c);
}

static void end(struct fixture *f)
{
    sl_out_free(&f->out);
    sl_arena_free(f->arena);
}

static void test_columns_are_as_wide_as_their_content(void **state)
{
    (void)state;
    struct fixture f = begin(100);
    row(&f, "roads", "68 MB", "a/b");
    row(&f, "Straßen", "9 B", NULL);
    sl_cli_table_print(f.table, &f.out);
    assert_string_equal(f.out.buf.data, "NAME      SIZE  KEY\n"
                                        "roads    68 MB  a/b\n"
                                        "Straßen    9 B  -\n");
    end(&f);
}

static void test_wide_characters_count_twice(void **state)
{
    (void)state;
    struct fixture f = begin(100);
    row(&f, "道路", "1", "x");
    row(&f, "abcd", "2", "y");
    sl_cli_table_print(f.table, &f.out);
    assert_string_equal(f.out.buf.data, "NAME  SIZE  KEY\n"
                                        "道路     1  x\n"
                                        "abcd     2  y\n");
    end(&f);
}

static void test_no_line_is_wider_than_the_terminal(void **state)
{
    (void)state;
    struct fixture f = begin(40);
    row(&f, "a-dataset-with-a-rather-long-name", "123 MB",
        "data-lake/a-dataset-with-a-rather-long-name/v3/Straßen道路.parquet");
    sl_cli_table_print(f.table, &f.out);
    char *copy = sl_arena_strdup(f.arena, f.out.buf.data);
    int lines = 0;
    for (char *l = strtok(copy, "\n"); l; l = strtok(NULL, "\n"), lines++)
        assert_true(sl_text_columns(l) <= 40);
    assert_int_equal(lines, 2);
    assert_contains(f.out.buf.data, "123 MB");
    assert_contains(f.out.buf.data, "…");
    end(&f);
}

static void test_shortening_keeps_both_ends(void **state)
{
    (void)state;
    struct sl_arena *arena = sl_arena_new();
    assert_string_equal(sl_cli_shorten(arena, "abcdefghij", 10), "abcdefghij");
    assert_string_equal(sl_cli_shorten(arena, "abcdefghij", 7), "abc…hij");
    assert_string_equal(sl_cli_shorten(arena, "äbcdefghïj", 4), "äb…j");
    for (size_t n = 1; n < 12; n++)
        assert_true(sl_text_columns(sl_cli_shorten(arena, "道路の地図データ", n)) <= n);
    sl_arena_free(arena);
}

static void test_prose_breaks_between_words(void **state)
{
    (void)state;
    static const struct sl_cli_column prose[] = {{"STEP", SL_LEFT, 0}, {"WHAT", SL_PROSE, 10}};
    struct fixture f = begin(16);
    f.table = sl_cli_table_new(f.arena, prose, 2);
    sl_cli_cell(f.table, "sql");
    sl_cli_cell(f.table, "Läuft über viele Wörter hin");
    sl_cli_table_print(f.table, &f.out);
    assert_string_equal(f.out.buf.data, "STEP  WHAT\n"
                                        "sql   Läuft über\n"
                                        "      viele\n"
                                        "      Wörter hin\n");
    end(&f);
}

static void test_hostile_cells_stay_on_their_line(void **state)
{
    (void)state;
    struct fixture f = begin(100);
    row(&f, "a\nb", "\x1b[31m", "\xff");
    sl_cli_table_print(f.table, &f.out);
    assert_contains(f.out.buf.data, "a\\x0ab");
    assert_contains(f.out.buf.data, "\\x1b[31m");
    assert_null(strchr(f.out.buf.data, 0x1b));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_as_wide_as_their_content),
        cmocka_unit_test(test_wide_characters_count_twice),
        cmocka_unit_test(test_no_line_is_wider_than_the_terminal),
        cmocka_unit_test(test_shortening_keeps_both_ends),
        cmocka_unit_test(test_prose_breaks_between_words),
        cmocka_unit_test(test_hostile_cells_stay_on_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

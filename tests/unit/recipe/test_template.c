/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe_support.h"

#include "recipe/template.h"

struct fixture {
    struct sl_arena *arena;
    struct sl_recipe_param params[6];
    struct json_object *values;
    struct sl_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const char *const declared[][2] = {{"x", "number"},  {"n", "integer"}, {"s", "string"},
                                              {"b", "boolean"}, {"c", "crs"},     {"col", "column"}};
    f->arena = sl_arena_new();
    for (size_t i = 0; i < 6; i++)
        f->params[i] = (struct sl_recipe_param){.name = declared[i][0], .type = declared[i][1]};
    f->values = json_tokener_parse("{\"x\": 0.1, \"n\": -5, \"s\": \"O'Hara \\\\ x\", \"b\": true, \"c\": \"EPSG:4326\","
                                   " \"col\": \"a\\\"b\"}");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_object_put(f->values);
    sl_arena_free(f->arena);
    free(f);
    return 0;
}

static int parse(struct fixture *f, const char *text, const struct sl_template **out)
{
    return sl_template_parse(text, f->params, 6, f->values, f->arena, out, &f->err);
}

static void prints(struct fixture *f, const char *text, const char *expected)
{
    const struct sl_template *t = NULL;
    struct sl_table table = {.schema = "proc_1", .name = "step\"0"};
    struct sl_step_context context = {.input = &table, .geometry = "geom"};
    struct sl_sql sql;
    if (parse(f, text, &t) < 0)
        fail_msg("%s: %s", text, f->err.message);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    assert_int_equal(sl_template_print(t, &context, &sql, &f->err), 0);
    assert_string_equal(sql.buf.data, expected);
    sl_sql_free(&sql);
}

static void refuses(struct fixture *f, const char *text, const char *message)
{
    const struct sl_template *t = NULL;
    if (parse(f, text, &t) == 0)
        fail_msg("was taken: %s", text);
    assert_null(t);
    assert_string_equal(f->err.message, message);
}

static void test_tables_and_geometry_become_identifiers(void **state)
{
    prints(*state, "SELECT {{geom}} FROM {{input}}", "SELECT \"geom\" FROM \"proc_1\".\"step\"\"0\"");
    prints(*state, "SELECT t.{{ geom }} FROM {{ input }} t", "SELECT t.\"geom\" FROM \"proc_1\".\"step\"\"0\" t");
}

static void test_parameters_become_literals_of_their_type(void **state)
{
    prints(*state, "a > ${x}", "a > 0.1");
    prints(*state, "a > ${n}", "a > (-5)");
    prints(*state, "a = ${s}", "a = E'O''Hara \\\\ x'");
    prints(*state, "a = ${b} AND f(${c})", "a = TRUE AND f('EPSG:4326')");
    prints(*state, "t.${col} = 1", "t.\"a\"\"b\" = 1");
}

static void test_a_negative_number_never_starts_a_comment(void **state)
{
    prints(*state, "1 -${n}", "1 - (-5)");
    prints(*state, "${n}::text", "(-5)::text");
}

static void test_a_literal_never_gets_a_prefix(void **state)
{
    prints(*state, "U&${c}", "U& 'EPSG:4326'");
    refuses(*state, "E${s}", "${s} touches what is beside it: put a space between");
    refuses(*state, "a${x}", "${x} touches what is beside it: put a space between");
    refuses(*state, "${x}e5", "${x} touches what is beside it: put a space between");
    refuses(*state, "${x}${n}", "${x} touches what is beside it: put a space between");
    refuses(*state, "${col}\"x\"", "${col} touches what is beside it: put a space between");
    refuses(*state, "\"x\"${col}", "${col} touches what is beside it: put a space between");
}

static void test_holes_in_quotes_are_refused(void **state)
{
    refuses(*state, "a = '${s}'", "${s} stands inside of quotes, where nothing is put in");
    refuses(*state, "a = '{{input}}'", "{{input}} stands inside of quotes, where nothing is put in");
    refuses(*state, "a = \"${col}\"", "${col} stands inside of quotes, where nothing is put in");
    refuses(*state, "a = $$ ${s} $$", "${s} stands inside of quotes, where nothing is put in");
    refuses(*state, "a = $t$ {{geom}} $t$", "{{geom}} stands inside of quotes, where nothing is put in");
    refuses(*state, "a = E'\\' ${s}'", "${s} stands inside of quotes, where nothing is put in");
}

static void test_quoted_pieces_are_kept_as_they_are(void **state)
{
    prints(*state, "a = 'it''s; (' AND \"x;\"\"(\" > 0", "a = 'it''s; (' AND \"x;\"\"(\" > 0");
    prints(*state, "a = E'\\'; (' AND b", "a = E'\\'; (' AND b");
    prints(*state, "a = $x$ ' ; ( $y$ $x$", "a = $x$ ' ; ( $y$ $x$");
    prints(*state, "a = '{{1,2},{3,4}}'::int[]", "a = '{{1,2},{3,4}}'::int[]");
    prints(*state, "straße > 0 AND \"größe\" = '≥ 東京'", "straße > 0 AND \"größe\" = '≥ 東京'");
    prints(*state, "date'2020-01-01' < d", "date'2020-01-01' < d");
    prints(*state, "tag$x$ = 1", "tag$x$ = 1");
}

static void test_comments_are_left_out(void **state)
{
    prints(*state, "a -- ; ' ( ${nope}\n> 1", "a  \n> 1");
    prints(*state, "a /* ; /* nested ' */ ( */ > 1", "a   > 1");
    prints(*state, "a > 1 -- the end", "a > 1  ");
    prints(*state, "'a -- b' || '/* c'", "'a -- b' || '/* c'");
}

static void test_what_leaves_its_parentheses_is_refused(void **state)
{
    refuses(*state, "1) OR (1", "a closing parenthesis without an opening one");
    refuses(*state, "(1", "an opening parenthesis is never closed");
    refuses(*state, "1; DROP TABLE x", "a semicolon: write one query or expression without it");
    refuses(*state, "'a", "a quote (') is opened and never closed");
    refuses(*state, "\"a", "a quote (\") is opened and never closed");
    refuses(*state, "E'a\\'", "a quote (') is opened and never closed");
    refuses(*state, "$x$ a $y$", "a dollar quote is opened and never closed");
    refuses(*state, "a /* /* */", "a comment is opened and never closed");
    refuses(*state, "a \\ b", "a backslash outside of quotes");
}

static void test_texts_that_sql_would_join_are_refused(void **state)
{
    refuses(*state, "E'a'\n'\\'", "two texts stand side by side: write || between them");
    refuses(*state, "'a' /* c */ 'b'", "two texts stand side by side: write || between them");
    refuses(*state, "'a'\nE'b'", "two texts stand side by side: write || between them");
    refuses(*state, "${s}\n'\\'", "two texts stand side by side: write || between them");
    refuses(*state, "'a'\n${s}", "a parameter stands beside a text: write || between them");
}

static void test_unknown_holes_get_the_nearest(void **state)
{
    refuses(*state, "{{gemo}}", "{{gemo}} is neither {{input}}, {{geom}} nor {{role.NAME}}, did you mean \"geom\"?");
    refuses(*state, "${clo} > 1", "parameter \"clo\" is not declared, did you mean \"col\"?");
    refuses(*state, "{{ 1 }}", "\"{{\" that is not {{input}} or {{geom}}");
    refuses(*state, "${}", "\"${\" that is not ${name}");
    refuses(*state, "a = $1", "a numbered parameter ($1) has no value here: write ${name}");
    refuses(*state, "a = $", "a \"$\" that starts neither ${name} nor a dollar quote");
}

static void test_empty_and_endless_texts_are_refused(void **state)
{
    refuses(*state, "", "the SQL text is empty");
    refuses(*state, " -- nothing\n", "the SQL text is empty");
    struct sl_buf text;
    sl_buf_init(&text, 1 << 20);
    for (int i = 0; i < 70000; i++)
        sl_buf_putc(&text, '1');
    refuses(*state, text.data, "the SQL text is longer than 65536 bytes");
    sl_buf_clear(&text);
    for (int i = 0; i < 600; i++)
        sl_buf_puts(&text, "${x} + ");
    refuses(*state, text.data, "more than 512 holes");
    sl_buf_free(&text);
}

static void test_without_values_it_parses_and_does_not_print(void **state)
{
    struct fixture *f = *state;
    const struct sl_template *t;
    struct sl_table table = {.name = "t"};
    struct sl_step_context context = {.input = &table, .geometry = "geom"};
    struct sl_sql sql;
    assert_int_equal(sl_template_parse("a > ${x}", f->params, 6, NULL, f->arena, &t, &f->err), 0);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    assert_true(sl_template_print(t, &context, &sql, &f->err) < 0);
    sl_sql_free(&sql);
}

static void test_every_prefix_of_a_text_ends(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "SELECT E'\\'', $q$ x $q$, \"a\"\"b\", ${s}, (1) /* /* */ */ -- x\n FROM {{input}} \xc3\xa9";
    for (size_t n = 0; n < sizeof text; n++) {
        const struct sl_template *t;
        parse(f, sl_arena_strndup(f->arena, text, n), &t);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tables_and_geometry_become_identifiers),
        TEST(test_parameters_become_literals_of_their_type),
        TEST(test_a_negative_number_never_starts_a_comment),
        TEST(test_a_literal_never_gets_a_prefix),
        TEST(test_holes_in_quotes_are_refused),
        TEST(test_quoted_pieces_are_kept_as_they_are),
        TEST(test_comments_are_left_out),
        TEST(test_what_leaves_its_parentheses_is_refused),
        TEST(test_texts_that_sql_would_join_are_refused),
        TEST(test_unknown_holes_get_the_nearest),
        TEST(test_empty_and_endless_texts_are_refused),
        TEST(test_without_values_it_parses_and_does_not_print),
        TEST(test_every_prefix_of_a_text_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

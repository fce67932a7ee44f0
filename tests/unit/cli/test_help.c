/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "base/text.h"
#include "cli/cli.h"

static void each_line_fits(const char *text, size_t columns, int *lines)
{
    char *copy = sl_xstrdup(text);
    *lines = 0;
    for (char *p = copy, *end; (end = strchr(p, '\n')); p = end + 1, (*lines)++) {
        *end = '\0';
        if (sl_text_columns(p) > columns)
            fail_msg("wider than %zu columns: %s", columns, p);
    }
    free(copy);
}

static void test_the_first_screen_is_a_screen(void **state)
{
    (void)state;
    struct sl_out out;
    int lines;
    sl_out_init(&out, -1, false);
    sl_cli_help_first(&out);
    each_line_fits(out.buf.data, 80, &lines);
    assert_true(lines <= 24);
    assert_contains(out.buf.data, "sluice help --all");
    sl_out_free(&out);
}

/* Calls visit for every verb and nested verb. */
static void walk(const struct sl_command *const *commands, const struct sl_command *parent,
                 void (*visit)(const struct sl_command *parent, const struct sl_command *c))
{
    for (size_t i = 0; commands[i]; i++) {
        visit(parent, commands[i]);
        if (commands[i]->verbs)
            walk(commands[i]->verbs, commands[i], visit);
    }
}

static void check_verb(const struct sl_command *parent, const struct sl_command *c)
{
    struct sl_out out;
    int lines;
    sl_out_init(&out, -1, false);
    sl_cli_help_verb(parent, c, &out);
    each_line_fits(out.buf.data, 100, &lines);
    if (c->group != SL_GROUP_HIDDEN && !sl_text_starts(out.buf.data, "Examples\n"))
        fail_msg("help of %s does not begin with examples", c->name);
    assert_true(c->verbs || c->run);
    for (size_t i = 0; i < c->n_options; i++) {
        const struct sl_cli_option *o = &c->options[i];
        assert_true((o->type == SL_CLI_FLAG) == (o->argument == NULL));
        assert_true((o->type == SL_CLI_CHOICE) == (o->choices != NULL));
        assert_true(o->offset < c->args_bytes);
        for (size_t g = 0; g < sl_n_cli_global_options; g++)
            assert_string_not_equal(o->name, sl_cli_global_options[g].name);
    }
    sl_out_free(&out);
}

static void test_every_verb_begins_with_examples_and_fits(void **state)
{
    (void)state;
    walk(sl_commands, NULL, check_verb);
}

static struct sl_out all;

static void check_listed(const struct sl_command *parent, const struct sl_command *c)
{
    char line[128];
    if (c->verbs)
        return;
    snprintf(line, sizeof line, "\n  %s%s%s ", parent ? parent->name : "", parent ? " " : "", c->name);
    if (!parent && c->group == SL_GROUP_HIDDEN)
        assert_null(strstr(all.buf.data, line));
    else
        assert_contains(all.buf.data, line);
}

static void test_help_all_lists_every_verb_but_hidden_ones(void **state)
{
    (void)state;
    int lines;
    sl_out_init(&all, -1, false);
    sl_cli_help_all(sl_commands, &all);
    each_line_fits(all.buf.data, 100, &lines);
    walk(sl_commands, NULL, check_listed);
    sl_out_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_screen_is_a_screen),
        cmocka_unit_test(test_every_verb_begins_with_examples_and_fits),
        cmocka_unit_test(test_help_all_lists_every_verb_but_hidden_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "support/cm.h"

#include "cli/cli.h"
#include "json/json.h"

struct args {
    bool force;
    const char *output;
    const char *type;
    int64_t limit, grace_s;
    struct sl_cli_list params;
};

static const char *const types[] = {"vector", "raster", NULL};
static const struct sl_cli_option options[] = {
    {"force", 'f', NULL, SL_CLI_FLAG, offsetof(struct args, force), "", NULL, 0},
    {"output", 'o', "FILE", SL_CLI_TEXT, offsetof(struct args, output), "", NULL, 0},
    {"type", 0, "TYPE", SL_CLI_CHOICE, offsetof(struct args, type), "", types, 0},
    {"limit", 0, "N", SL_CLI_INTEGER, offsetof(struct args, limit), "", NULL, 50},
    {"grace", 0, "TIME", SL_CLI_DURATION, offsetof(struct args, grace_s), "", NULL, 0},
    {"param", 0, "K=V", SL_CLI_LIST, offsetof(struct args, params), "", NULL, 0},
};
static const struct sl_command get = {.name = "get",
                                      .summary = "x",
                                      .usage = "WHAT",
                                      SL_CLI_OPTIONS(options),
                                      .args_bytes = sizeof(struct args),
                                      .least = 1,
                                      .most = 1};
static const struct sl_command list = {.name = "list", .summary = "x", .usage = ""};
static const struct sl_command *const asset_verbs[] = {&get, &list, NULL};
static const struct sl_command asset = {.name = "asset", .summary = "x", .verbs = asset_verbs};
static const struct sl_command many = {.name = "submit", .summary = "x", .usage = "FILE…", .most = SL_CLI_ANY};
static const struct sl_command *const commands[] = {&asset, &many, NULL};

struct parsed {
    struct sl_cli cli;
    void *args;
    struct sl_error err;
    int rc;
};

/* Splits the line at its spaces, parses. */
static struct parsed *parse(const char *line)
{
    struct parsed *p = calloc(1, sizeof *p);
    p->cli.arena = sl_arena_new();
    char *copy = sl_arena_strdup(p->cli.arena, line);
    const char *words[64];
    size_t n = 0;
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        words[n++] = w;
    p->rc = sl_cli_parse(&p->cli, commands, n, words, &p->args, &p->err);
    return p;
}

static void done(struct parsed *p)
{
    sl_arena_free(p->cli.arena);
    free(p);
}

static void refused(const char *line, const char *message)
{
    struct parsed *p = parse(line);
    assert_int_equal(p->rc, -(int)SL_E_USAGE);
    assert_string_equal(p->err.message, message);
    done(p);
}

static void test_options_come_before_after_and_between_operands(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--json asset get roads --force -o x --limit=3", "asset --json get -f --output=x roads --limit 3",
        "asset get --limit 3 -fox --json -- roads",
    };
    for (size_t i = 0; i < 3; i++) {
        struct parsed *p = parse(lines[i]);
        assert_int_equal(p->rc, 0);
        const struct args *a = p->args;
        assert_ptr_equal(p->cli.command, &get);
        assert_ptr_equal(p->cli.parent, &asset);
        assert_true(p->cli.json && a->force);
        assert_string_equal(a->output, "x");
        assert_int_equal(a->limit, 3);
        assert_int_equal(p->cli.operands.n, 1);
        assert_string_equal(p->cli.operands.items[0], "roads");
        done(p);
    }
}

static void test_a_number_that_is_not_given_has_its_initial_value(void **state)
{
    (void)state;
    struct parsed *p = parse("asset get roads");
    assert_int_equal(((const struct args *)p->args)->limit, 50);
    done(p);
    p = parse("asset get roads --limit 0");
    assert_int_equal(((const struct args *)p->args)->limit, 0);
    done(p);
}

static void test_lists_keep_every_value_in_order(void **state)
{
    (void)state;
    struct parsed *p = parse("submit a b c d e -c x=1 -c y=2 -c z=3");
    assert_int_equal(p->rc, 0);
    assert_int_equal(p->cli.operands.n, 5);
    assert_string_equal(p->cli.operands.items[4], "e");
    assert_int_equal(p->cli.globals.settings.n, 3);
    assert_string_equal(p->cli.globals.settings.items[2], "z=3");
    done(p);
}

static void test_a_lone_hyphen_is_a_value_and_an_operand(void **state)
{
    (void)state;
    struct parsed *p = parse("asset get - -o -");
    assert_int_equal(p->rc, 0);
    assert_string_equal(p->cli.operands.items[0], "-");
    assert_string_equal(((const struct args *)p->args)->output, "-");
    done(p);
}

static void test_times_are_read_with_their_unit(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int64_t s;
    } cases[] = {{"asset get x --grace 7d", 7 * 86400}, {"asset get x --grace 12h", 12 * 3600},
                 {"asset get x --grace 30m", 1800},     {"asset get x --grace 45s", 45},
                 {"asset get x --grace 45", 45}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed *p = parse(cases[i].line);
        assert_int_equal(p->rc, 0);
        assert_int_equal(((const struct args *)p->args)->grace_s, cases[i].s);
        done(p);
    }
    refused("asset get x --grace 7w", "--grace: expected a time such as 45s, 30m, 12h or 7d, found \"7w\"");
    refused("asset get x --grace d", "--grace: expected a time such as 45s, 30m, 12h or 7d, found \"d\"");
}

static void test_mistyped_words_get_the_nearest(void **state)
{
    (void)state;
    refused("asset get x --forse", "unknown option --forse, did you mean --force?");
    refused("asset get x --jsn", "unknown option --jsn, did you mean --json?");
    refused("asset get x --forse=1", "unknown option --forse, did you mean --force?");
    refused("asset get x --zzzzzzz", "unknown option --zzzzzzz");
    refused("asset get x -z", "unknown option -z");
    refused("submitt x", "unknown verb \"submitt\", did you mean \"submit\"?");
    refused("asset lsit", "unknown verb \"asset lsit\", did you mean \"asset list\"?");
    refused("qqqq", "unknown verb \"qqqq\"");
    refused("asset get x --type vectr", "--type: \"vectr\" is not one of vector, raster, did you mean \"vector\"?");
}

static void test_wrong_use_says_what_is_expected(void **state)
{
    (void)state;
    refused("asset", "\"asset\" needs a verb: get, list");
    refused("asset get", "something is missing: sluice asset get WHAT");
    refused("asset get a b", "\"b\" is too much: sluice asset get WHAT");
    refused("asset get a --output", "--output needs a value: --output FILE");
    refused("asset get a --force=yes", "--force takes no value");
    refused("asset get a --limit -1", "--limit: expected a whole number, found \"-1\"");
    refused("asset get a --limit 3x", "--limit: expected a whole number, found \"3x\"");
    refused("asset get a --limit 99999999999999999999", "--limit: expected a whole number, found \"99999999999999999999\"");
}

static void test_help_wins_over_what_is_wrong_elsewhere(void **state)
{
    (void)state;
    struct parsed *p = parse("asset get --help");
    assert_int_equal(p->rc, 0);
    assert_true(p->cli.globals.help);
    done(p);
    p = parse("asset get --help --forse");
    assert_int_equal(p->rc, 0);
    done(p);
}

static void test_json_is_known_also_after_the_mistake(void **state)
{
    (void)state;
    struct parsed *p = parse("asset lsit --json");
    assert_int_equal(p->rc, -(int)SL_E_USAGE);
    assert_true(p->cli.json);
    done(p);
}

static void test_assignments_are_typed(void **state)
{
    (void)state;
    struct sl_error err = {0};
    struct json_object *o = json_object_new_object();
    assert_ok(sl_cli_assign(o, "a=0.5", "set", &err));
    assert_ok(sl_cli_assign(o, "b=trust_file", "set", &err));
    assert_ok(sl_cli_assign(o, "c=true", "set", &err));
    assert_ok(sl_cli_assign(o, "d=x=y", "set", &err));
    assert_ok(sl_cli_assign(o, "e=[1,2]", "set", &err));
    assert_ok(sl_cli_assign(o, "f=null", "set", &err));
    assert_ok(sl_cli_assign(o, "g=", "set", &err));
    assert_ok(sl_cli_assign(o, "h=007", "set", &err));
    assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":0.5,\"b\":\"trust_file\",\"c\":true,\"d\":\"x=y\",\"e\":[1,2],\"f\":null,\"g\":\"\","
                        "\"h\":\"007\"}");
    assert_fails(sl_cli_assign(o, "novalue", "set", &err), SL_E_USAGE);
    assert_fails(sl_cli_assign(o, "=1", "set", &err), SL_E_USAGE);
    assert_fails(sl_cli_assign(o, "a=\xff", "set", &err), SL_E_USAGE);
    json_object_put(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_come_before_after_and_between_operands),
        cmocka_unit_test(test_a_number_that_is_not_given_has_its_initial_value),
        cmocka_unit_test(test_lists_keep_every_value_in_order),
        cmocka_unit_test(test_a_lone_hyphen_is_a_value_and_an_operand),
        cmocka_unit_test(test_times_are_read_with_their_unit),
        cmocka_unit_test(test_mistyped_words_get_the_nearest),
        cmocka_unit_test(test_wrong_use_says_what_is_expected),
        cmocka_unit_test(test_help_wins_over_what_is_wrong_elsewhere),
        cmocka_unit_test(test_json_is_known_also_after_the_mistake),
        cmocka_unit_test(test_assignments_are_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

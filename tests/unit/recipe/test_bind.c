/* SPDX-License-Identifier: Apache-2.0 */
/* A recipe bound to a manifest's parameters: defaults, types, where values go, the hash. */
#include "recipe_support.h"

#include "lake/lake.h"

struct fixture {
    struct sl_arena *arena;
    struct sl_kinds kinds;
    struct sl_recipe_set *set;
    struct sl_bound_recipe bound;
    struct sl_error err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = sl_arena_new();
    f->kinds = all_kinds();
    f->set = empty_set(&f->kinds);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    sl_recipe_set_free(f->set);
    sl_arena_free(f->arena);
    free(f);
    return 0;
}

static int bind(struct fixture *f, const char *lines, const char *given)
{
    const struct sl_recipe *recipe = recipe_of(f->set, f->arena, lines);
    struct json_object *params = given ? json_tokener_parse(given) : NULL;
    int rc = sl_recipe_bind(recipe, &f->kinds, params, f->arena, &f->bound, &f->err);
    json_object_put(params);
    return rc;
}

static void refuses(struct fixture *f, const char *lines, const char *given, const char *message)
{
    assert_int_equal(bind(f, lines, given), -(int)SL_E_MANIFEST_PARAM);
    assert_string_equal(f->err.message, message);
}

#define PARAMS                                                                                                         \
    "params:\n"                                                                                                        \
    "  tolerance: {type: number, default: 0.5, minimum: 0, maximum: 2}\n"                                              \
    "  n: {type: integer, default: 3}\n"                                                                               \
    "  city: {type: string, default: bonn, enum: [bonn, köln]}\n"                                                      \
    "  on: {type: boolean, default: false}\n"                                                                          \
    "  crs: {type: crs, default: \"EPSG:4326\"}\n"                                                                     \
    "  key: {type: column, default: id}\n"

static void test_parameters_have_defaults_and_come_in_order_of_name(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bind(f, PARAMS, NULL), 0);
    assert_string_equal(json_object_to_json_string_ext(f->bound.params, JSON_C_TO_STRING_PLAIN),
                        "{\"city\":\"bonn\",\"crs\":\"EPSG:4326\",\"key\":\"id\",\"n\":3,\"on\":false,\"tolerance\":0.5}");
}

static void test_given_values_win_and_outlive_the_manifest(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bind(f, PARAMS, "{\"city\": \"köln\", \"tolerance\": 2, \"n\": 4.0}"), 0);
    assert_string_equal(sl_json_str(f->bound.params, "city", ""), "köln");
    assert_true(sl_json_num(f->bound.params, "tolerance", 0) == 2);
}

static void test_wrong_values_name_the_parameter(void **state)
{
    struct fixture *f = *state;
    refuses(f, PARAMS, "{\"tolerance\": \"1 m\"}", "parameter \"tolerance\": expected a number from 0 to 2, found \"1 m\"");
    refuses(f, PARAMS, "{\"tolerance\": -1}", "parameter \"tolerance\": expected a number from 0 to 2, found -1");
    refuses(f, PARAMS, "{\"n\": 1.5}", "parameter \"n\": expected an integer, found 1.5");
    refuses(f, PARAMS, "{\"city\": \"bon\"}",
            "parameter \"city\": expected one of bonn, köln, found \"bon\", did you mean \"bonn\"?");
    refuses(f, PARAMS, "{\"on\": 1}", "parameter \"on\": expected true or false, found 1");
    refuses(f, PARAMS, "{\"crs\": \"/etc/passwd\"}",
            "parameter \"crs\": expected a CRS such as \"EPSG:4326\", found \"/etc/passwd\"");
    refuses(f, PARAMS, "{\"key\": \"\"}", "parameter \"key\": expected a column's name, found \"\"");
    refuses(f, PARAMS, "{\"key\": \"a\\u0000b\"}", "parameter \"key\": expected a column's name, found \"a\"");
    refuses(f, PARAMS, "{\"city\": null}", "parameter \"city\": expected a text, found nothing");
    refuses(f, PARAMS, "[]", "params: expected an object, found an empty list");
}

static void test_unknown_and_missing_ones_are_refused(void **state)
{
    struct fixture *f = *state;
    refuses(f, PARAMS, "{\"tolerence\": 1}",
            "recipe \"test\" has no parameter \"tolerence\", did you mean \"tolerance\"?");
    refuses(f, "", "{\"a\": 1, \"b\": 2}", "recipe \"test\" has no parameter \"a\" (and 1 more)");
    refuses(f, "params:\n  must: {type: string}\n", NULL, "recipe \"test\" needs parameter \"must\"");
}

struct normalize { const char *to; };
struct simplify { double tolerance; bool preserve_topology; };

static void test_a_whole_value_gets_the_typed_parameter(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bind(f, PARAMS "steps:\n  - simplify: {tolerance: \"${tolerance}\", preserve_topology: \"${on}\"}\n"
                                    "  - normalize_crs: {to: \"${crs}\"}\n",
                          "{\"tolerance\": 1, \"crs\": \"EPSG:25833\"}"), 0);
    const struct simplify *s = f->bound.steps[0].options;
    const struct normalize *n = f->bound.steps[1].options;
    assert_true(s->tolerance == 1);
    assert_false(s->preserve_topology);
    assert_string_equal(n->to, "EPSG:25833");
    assert_string_equal(f->bound.steps[1].kind->name, "normalize_crs");
    assert_string_equal(f->bound.steps[1].kind->crs_after(n), "EPSG:25833");
}

static void test_a_value_that_the_option_refuses_names_place_and_parameter(void **state)
{
    struct fixture *f = *state;
    int rc = bind(f, "params:\n  t: {type: number, default: 1}\nsteps:\n  - simplify: {tolerance: \"${t}\"}\n", "{\"t\": -1}");
    assert_int_equal(rc, -(int)SL_E_MANIFEST_PARAM);
    assert_non_null(strstr(f->err.message, ".yaml:10:27: tolerance: expected a number ≥ 0, found -1 (parameter \"t\")"));
}

static void test_text_takes_parameters_inside(void **state)
{
    struct fixture *f = *state;
    const char *lines = PARAMS "checks:\n  - not_empty: {on_fail: warn}\n  - not_empty: {}\n";
    const struct sl_recipe *recipe;
    struct sl_lints lints = {.arena = f->arena};
    const char *text = sl_arena_printf(f->arena, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\n"
                                                 "type: vector\n%soutputs:\n  - geoparquet: {dataset: \"a_${city}_${n}\"}\n",
                                       lines);
    recipe = lint_text(f->set, text, &lints);
    assert_non_null(recipe);
    assert_int_equal(sl_recipe_bind(recipe, &f->kinds, NULL, f->arena, &f->bound, &f->err), 0);
    assert_string_equal(f->bound.outputs[0].dataset, "a_bonn_3");
    assert_int_equal(f->bound.checks[0].on_fail, SL_ON_FAIL_WARN);
    assert_int_equal(f->bound.checks[1].on_fail, SL_ON_FAIL_FAIL);
    struct json_object *given = json_tokener_parse("{\"city\": \"köln\"}");
    assert_true(sl_recipe_bind(recipe, &f->kinds, given, f->arena, &f->bound, &f->err) < 0);
    assert_non_null(strstr(f->err.message, "dataset: \"a_köln_3\" is not a dataset's name"));
    json_object_put(given);
}

static void test_a_text_takes_a_number_as_its_whole_value(void **state)
{
    struct fixture *f = *state;
    struct sl_lints lints = {.arena = f->arena};
    const struct sl_recipe *recipe =
        lint_text(f->set, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\ntype: vector\n"
                          "params:\n  year: {type: integer}\noutputs:\n  - geoparquet: {dataset: \"${year}\"}\n", &lints);
    struct json_object *given = json_tokener_parse("{\"year\": 2026}");
    assert_non_null(recipe);
    assert_int_equal(sl_recipe_bind(recipe, &f->kinds, given, f->arena, &f->bound, &f->err), 0);
    assert_string_equal(f->bound.outputs[0].dataset, "2026");
    json_object_put(given);
}

static void test_a_dataset_is_named_by_the_rule_of_the_lake(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a", "A.b-c_9", "9", ".a", "-a", "_a", "", "a b", "../a", "a/b", "ä", "a~",
                                        "a0123456789012345678901234567890123456789012345678901234567890123456789012345678"
                                        "9012345678901234567890123456789012345678901234567",
                                        "a0123456789012345678901234567890123456789012345678901234567890123456789012345678"
                                        "90123456789012345678901234567890123456789012345678"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sl_lints lints = {.arena = f->arena};
        const char *text = sl_arena_printf(f->arena, "apiVersion: sluice/v1\nkind: Recipe\nname: t\nversion: 1\nintents: [t]\n"
                                                     "type: vector\noutputs:\n  - geoparquet: {dataset: \"%s\"}\n", names[i]);
        assert_int_equal(lint_text(f->set, text, &lints) != NULL, sl_dataset_id_valid(names[i]));
    }
}

static void test_outputs_have_their_defaults(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bind(f, "", NULL), 0);
    const struct sl_output_geoparquet *o = f->bound.outputs[0].options;
    assert_null(f->bound.outputs[0].dataset);
    assert_int_equal(o->order.sort, SL_OUTPUT_SORT_HILBERT);
    assert_string_equal(sl_output_geoparquet_compression(o), "zstd");
    assert_int_equal(o->row_group_rows, 122880);
    assert_true(o->covering);
}

static void test_the_hash_counts_content_and_not_layout(void **state)
{
    struct fixture *f = *state;
    const char *one = recipe_of(f->set, f->arena, "# a comment\nsteps:\n  - simplify: {tolerance: 1.0}\n")->hash;
    const char *same = recipe_of(f->set, f->arena, "steps: [{simplify: {\"tolerance\": 1}}]")->hash;
    const char *other = recipe_of(f->set, f->arena, "steps:\n  - simplify: {tolerance: 2}\n")->hash;
    assert_int_equal(strlen(one), 64);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
}

static void test_lists_and_mappings_take_parameters_one_by_one(void **state)
{
    struct fixture *f = *state;
    const char *lines = PARAMS "steps:\n  - rename: {columns: {a: \"${key}\"}}\n  - clip: {bounds: [0, \"${tolerance}\", \"${n}\", 9]}\n"
                               "checks:\n  - accepted_values: {column: \"${key}\", values: [\"${city}\", \"${n}\", \"${on}\", 7.5]}\n";
    assert_int_equal(bind(f, lines, "{\"city\": \"köln\"}"), 0);
    const struct sl_map *map = f->bound.steps[0].options;
    assert_int_equal(map->n, 1);
    assert_string_equal(map->items[0].name, "a");
    assert_string_equal(map->items[0].value, "id");
    const struct sl_bounds *bounds = f->bound.steps[1].options;
    assert_true(bounds->given && bounds->ymin > 0.4 && bounds->ymin < 0.6 && bounds->xmax > 2.9 && bounds->xmax < 3.1);
    const struct {
        const char *column, *pattern;
        struct json_object *values;
    } *accepted = f->bound.checks[0].options;
    assert_string_equal(json_object_to_json_string_ext(accepted->values, JSON_C_TO_STRING_PLAIN), "[\"köln\",3,false,7.5]");
}

static void test_relations_between_options_wait_for_their_values(void **state)
{
    struct fixture *f = *state;
    const char *lines = "params:\n  least: {type: integer}\n  most: {type: integer, default: 5}\n  column: {type: column}\n"
                        "steps:\n  - measure: {area: \"${column}\"}\nchecks:\n  - row_count: {min: \"${least}\", max: \"${most}\"}\n";
    assert_int_equal(bind(f, lines, "{\"least\": 5, \"column\": \"a\"}"), 0);
    assert_int_equal(bind(f, lines, "{\"least\": 6, \"column\": \"a\"}"), -(int)SL_E_RECIPE_OPTION);
    assert_non_null(strstr(f->err.message, ":14:16: check \"row_count\": min 6 is greater than max 5"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parameters_have_defaults_and_come_in_order_of_name),
        TEST(test_given_values_win_and_outlive_the_manifest),
        TEST(test_wrong_values_name_the_parameter),
        TEST(test_unknown_and_missing_ones_are_refused),
        TEST(test_a_whole_value_gets_the_typed_parameter),
        TEST(test_a_value_that_the_option_refuses_names_place_and_parameter),
        TEST(test_text_takes_parameters_inside),
        TEST(test_a_text_takes_a_number_as_its_whole_value),
        TEST(test_a_dataset_is_named_by_the_rule_of_the_lake),
        TEST(test_outputs_have_their_defaults),
        TEST(test_the_hash_counts_content_and_not_layout),
        TEST(test_lists_and_mappings_take_parameters_one_by_one),
        TEST(test_relations_between_options_wait_for_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

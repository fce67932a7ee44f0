/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schemas/recipe.schema.json is what the tables generate. `--print` prints what they generate, `--tree FILE` a recipe's
 * tree as JSON (tests/integration/test_recipe_schema.py validates it with somebody else's validator).
 */
#include "recipe_support.h"

#include "base/text.h"
#include "yaml/yaml.h"

static void test_the_committed_schema_is_the_generated_one(void **state)
{
    (void)state;
    struct sl_kinds kinds = all_kinds();
    struct json_object *generated = sl_recipe_schema(&kinds);
    struct json_object *committed = json_object_from_file(SLUICE_SOURCE_DIR "/schemas/recipe.schema.json");
    assert_non_null(committed);
    assert_string_equal(json_object_to_json_string(committed), json_object_to_json_string(generated));
    json_object_put(generated);
    json_object_put(committed);
}

static void test_every_option_has_help_and_a_summary_ends_in_a_stop(void **state)
{
    (void)state;
    for (size_t i = 0; sl_steps[i]; i++) {
        const struct sl_options *o = &sl_steps[i]->options;
        assert_int_equal(sl_steps[i]->summary[strlen(sl_steps[i]->summary) - 1], '.');
        assert_non_null(sl_steps[i]->example);
        for (size_t k = 0; k < o->n; k++)
            assert_true(strlen(o->items[k].help) > 10);
    }
}

static void test_a_description_names_options_types_defaults_and_an_example(void **state)
{
    (void)state;
    struct sl_buf out;
    sl_buf_init(&out, 1 << 16);
    sl_recipe_describe_step(sl_step_by_name("simplify"), &out);
    assert_non_null(strstr(out.data, "simplify (step)\n"));
    assert_non_null(strstr(out.data, "  tolerance: a number ≥ 0 (required)\n"));
    assert_non_null(strstr(out.data, "  preserve_topology: true or false (default true)\n"));
    assert_non_null(strstr(out.data, "Example:\n  - simplify: {tolerance: 0.00001"));
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 104);
    sl_buf_free(&out);
}

static void test_every_description_fits_a_hundred_columns(void **state)
{
    (void)state;
    struct sl_buf out;
    sl_buf_init(&out, 1 << 20);
    for (size_t i = 0; sl_steps[i]; i++)
        sl_recipe_describe_step(sl_steps[i], &out);
    for (size_t i = 0; sl_checks[i]; i++)
        sl_recipe_describe_check(sl_checks[i], &out);
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
        if (sl_text_columns(line) > 100)
            fail_msg("%s", line);
    sl_buf_free(&out);
}

static void test_options_as_json_have_types_and_bounds(void **state)
{
    (void)state;
    struct json_object *list = sl_recipe_options_json(&sl_output_geoparquet.options);
    struct json_object *rows = json_object_array_get_idx(list, 4);
    assert_string_equal(sl_json_str(rows, "name", ""), "row_group_rows");
    assert_string_equal(sl_json_str(rows, "type", ""), "integer");
    assert_int_equal(sl_json_int(rows, "default", 0), 122880);
    assert_int_equal(sl_json_int(rows, "minimum", 0), 2048);
    json_object_put(list);
}

static int print_tree(const char *path)
{
    struct sl_doc *doc = NULL;
    struct sl_error err;
    if (sl_yaml_parse_file(path, &sl_json_limits_small, &doc, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    puts(json_object_to_json_string(doc->root));
    sl_doc_free(doc);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_committed_schema_is_the_generated_one),
        cmocka_unit_test(test_every_option_has_help_and_a_summary_ends_in_a_stop),
        cmocka_unit_test(test_a_description_names_options_types_defaults_and_an_example),
        cmocka_unit_test(test_every_description_fits_a_hundred_columns),
        cmocka_unit_test(test_options_as_json_have_types_and_bounds),
    };
    if (argc == 2 && !strcmp(argv[1], "--print")) {
        struct sl_kinds kinds = all_kinds();
        struct json_object *schema = sl_recipe_schema(&kinds);
        puts(json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(schema);
        return 0;
    }
    if (argc == 3 && !strcmp(argv[1], "--tree"))
        return print_tree(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cmd_recipe.h"
#include "cli/open.h"
#include "cli/show.h"
#include "json/json.h"
#include "run/recipe_test.h"

struct tally {
    struct sl_cli_stream stream;
    int64_t passed, failed, recipes;
};

static bool is_file(const char *operand)
{
    return strchr(operand, '/') || sl_text_ends(operand, ".yaml");
}

static struct json_object *result_json(const struct sl_recipe *recipe, const struct sl_recipe_test *test,
                                       const struct sl_recipe_test_result *result)
{
    struct json_object *o = json_object_new_object(), *differences = json_object_new_array();
    for (size_t i = 0; i < result->n; i++)
        json_object_array_add(differences, json_object_new_string(result->differences[i]));
    sl_json_put_str(o, "recipe", recipe->name);
    sl_json_put_str(o, "test", test->name);
    sl_json_put(o, "passed", json_object_new_boolean(result->n == 0));
    sl_json_put(o, "differences", differences);
    sl_json_put_str(o, "path", test->path);
    sl_json_put_int(o, "line", test->line);
    sl_json_put_int(o, "column", test->column);
    sl_json_put_int(o, "duration_ns", result->duration_ns);
    return o;
}

static void print_failure(struct sl_cli *cli, const struct sl_recipe_test *test,
                          const struct sl_recipe_test_result *result)
{
    struct sl_out *out = &cli->out;
    sl_out_text(out, "  ");
    sl_out_safe(out, test->path);
    sl_out_printf(out, ":%d:%d: ", test->line, test->column);
    sl_out_safe(out, test->name);
    sl_out_text(out, "\n");
    for (size_t i = 0; i < result->n; i++) {
        sl_out_text(out, "    ");
        sl_out_safe(out, result->differences[i]);
        sl_out_text(out, "\n");
    }
    if (result->left_out)
        sl_out_printf(out, "    and %s more\n", sl_cli_count(cli->arena, (int64_t)result->left_out));
}

static void print_recipe(struct sl_cli *cli, const struct sl_recipe *recipe, const struct sl_recipe_test_result *results,
                         int64_t failed, int64_t ns)
{
    int64_t n = (int64_t)recipe->n_tests;
    sl_out_printf(&cli->out, "%-24s  ", sl_out_escape(cli->arena, recipe->name));
    if (failed) {
        sl_out_coloured(&cli->out, SL_RED, "failed");
        sl_out_printf(&cli->out, "  %" PRId64 " of %s\n", failed, sl_cli_plural(cli->arena, n, "test", "tests"));
    } else {
        sl_out_coloured(&cli->out, SL_GREEN, "ok");
        sl_out_printf(&cli->out, "      %s  %s\n", sl_cli_plural(cli->arena, n, "test", "tests"),
                      sl_cli_took(cli->arena, ns));
    }
    for (size_t i = 0; i < recipe->n_tests; i++)
        if (results[i].n)
            print_failure(cli, &recipe->tests[i], &results[i]);
}

static int test_recipe(struct sl_cli *cli, struct sl_engine *engine, const struct sl_recipe *recipe, struct tally *tally,
                       struct sl_error *err)
{
    struct sl_recipe_test_result *results =
        sl_arena_array(cli->arena, recipe->n_tests ? recipe->n_tests : 1, sizeof *results);
    int64_t failed = 0, ns = 0;
    for (size_t i = 0; i < recipe->n_tests; i++) {
        int rc = sl_recipe_test_run(engine, recipe, &recipe->tests[i], cli->arena, &results[i], err);
        if (rc < 0) {
            sl_error_prefix(err, "test \"%s\" of recipe %s", recipe->tests[i].name, recipe->name);
            return rc;
        }
        failed += results[i].n > 0;
        ns += results[i].duration_ns;
        if (cli->json) {
            struct json_object *o = result_json(recipe, &recipe->tests[i], &results[i]);
            sl_cli_stream_item(&tally->stream, o);
            json_object_put(o);
        }
    }
    tally->recipes++;
    tally->failed += failed;
    tally->passed += (int64_t)recipe->n_tests - failed;
    if (!cli->json && recipe->n_tests)
        print_recipe(cli, recipe, results, failed, ns);
    else if (!cli->json)
        sl_out_printf(&cli->out, "%-24s  no tests\n", sl_out_escape(cli->arena, recipe->name));
    return 0;
}

/* A file with mistakes is not tested: they are what `recipe lint` prints. */
static int from_file(struct sl_cli *cli, struct sl_engine *engine, const char *path, const struct sl_recipe **recipe,
                     struct sl_error *err)
{
    struct sl_lints lints = {.arena = cli->arena};
    int rc = sl_recipe_lint_file(engine->recipes, path, &lints, recipe, err);
    if (rc < 0 || *recipe)
        return rc;
    const struct sl_lint *first = &lints.items[0];
    rc = sl_fail(err, SL_E_RECIPE_SCHEMA, "%s:%d:%d: %s", first->path, first->line, first->column, first->message);
    sl_error_hint(err, "sluice recipe lint %s", path);
    return rc;
}

static int find(struct sl_cli *cli, struct sl_engine *engine, const char *operand, const struct sl_recipe **recipe,
                struct sl_error *err)
{
    return is_file(operand) ? from_file(cli, engine, operand, recipe, err)
                            : sl_recipe_by_name(engine->recipes, operand, recipe, err);
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    (void)args;
    struct sl_engine *engine;
    struct tally tally = {.stream = {.cli = cli}};
    const struct sl_recipe *recipe = NULL;
    int rc = sl_cli_engine(cli, SL_NEEDS_RECIPES | SL_NEEDS_COMPUTE, &engine, err);
    for (size_t i = 0; rc == 0 && i < cli->operands.n; i++) {
        rc = find(cli, engine, cli->operands.items[i], &recipe, err);
        if (rc == 0)
            rc = test_recipe(cli, engine, recipe, &tally, err);
    }
    size_t n = cli->operands.n || rc < 0 ? 0 : sl_recipe_set_count(engine->recipes);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = test_recipe(cli, engine, sl_recipe_set_at(engine->recipes, i), &tally, err);
    if (rc < 0)
        return rc;
    if (cli->json)
        sl_cli_stream_end(&tally.stream);
    else
        sl_out_printf(&cli->out, "%s, %s passed, %" PRId64 " failed\n",
                      sl_cli_plural(cli->arena, tally.recipes, "recipe", "recipes"),
                      sl_cli_plural(cli->arena, tally.passed, "test", "tests"), tally.failed);
    cli->exit_code = tally.failed ? SL_EXIT_INPUT : SL_EXIT_OK;
    return 0;
}

const struct sl_command sl_cmd_recipe_test = {
    .name = "test",
    .summary = "carry out the tests of recipes",
    .group = SL_GROUP_SETUP,
    .usage = "[RECIPE|FILE…]",
    .examples = "  sluice recipe test\n"
                "  sluice recipe test ingest_vector\n"
                "  sluice recipe test recipes/roads.yaml --json\n",
    .details = "A test has rows that come in and rows that are expected, under `tests:` of the recipe or in a\n"
               "file beside it (roads.yaml: roads.tests.yaml). It runs in a schema of its own, which is dropped.\n"
               "Ends with 3 when a test fails.\n",
    .most = SL_CLI_ANY,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* recipe_support.h - what the tests of recipes and steps share: the real kinds, recipes from texts. */
#ifndef SLUICE_TESTS_RECIPE_SUPPORT_H
#define SLUICE_TESTS_RECIPE_SUPPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "lake/outputs.h"
#include "recipe/recipe.h"
#include "step/step.h"

#define RECIPES SLUICE_SOURCE_DIR "/tests/data/recipes"

static inline struct sl_kinds all_kinds(void)
{
    return (struct sl_kinds){.steps = sl_steps, .checks = sl_checks, .outputs = sl_outputs};
}

/* A set of no folder, to lint single files with. */
static inline struct sl_recipe_set *empty_set(const struct sl_kinds *kinds)
{
    static const char *const none[] = {NULL};
    struct sl_recipe_set *set = NULL;
    assert_int_equal(sl_recipe_set_load(none, kinds, &set, NULL), 0);
    return set;
}

/* Lints a text as a file of its own; lints in the arena. */
static inline const struct sl_recipe *lint_text(struct sl_recipe_set *set, const char *text, struct sl_lints *lints)
{
    char path[] = "/tmp/recipe-XXXXXX.yaml";
    const struct sl_recipe *recipe = NULL;
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    assert_int_equal(sl_file_write_all(fd, text, strlen(text), NULL), 0);
    close(fd);
    assert_int_equal(sl_recipe_lint_file(set, path, lints, &recipe, NULL), 0);
    unlink(path);
    return recipe;
}

/* A recipe of this type with these lines after its head; it must be without fault. */
static inline const struct sl_recipe *recipe_of(struct sl_recipe_set *set, struct sl_arena *arena, const char *lines)
{
    struct sl_lints lints = {.arena = arena};
    const struct sl_recipe *recipe =
        lint_text(set, sl_arena_printf(arena, "apiVersion: sluice/v1\nkind: Recipe\nname: test\nversion: 1\n"
                                              "intents: [test]\ntype: vector\n%s\noutputs:\n  - geoparquet: {}\n", lines),
                  &lints);
    if (!recipe)
        fail_msg("%d:%d: %s", lints.items[0].line, lints.items[0].column, lints.items[0].message);
    return recipe;
}

#endif

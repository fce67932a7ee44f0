/* SPDX-License-Identifier: Apache-2.0 */
#include "recipe/plan.h"

#include <string.h>

#include "base/arena.h"

static bool transforms(const struct sl_step *step)
{
    return step->kind->class_ == SL_STEP_TRANSFORM;
}

static bool fuses(const struct sl_step *step)
{
    return transforms(step) && (step->kind->flags & SL_STEP_ROW_WISE) != 0;
}

static bool keeps_rows(const struct sl_step *step)
{
    return (step->kind->flags & SL_STEP_KEEPS_ROWS) != 0;
}

const char *sl_plan_skipped(void)
{
    return "no later step searches by place, and the outputs have an order of their own";
}

const char *sl_plan_table_name(const struct sl_bound_recipe *bound, size_t step, struct sl_arena *arena)
{
    for (size_t i = step + 1; i < bound->recipe->n_steps; i++)
        if (transforms(&bound->steps[i]))
            return sl_arena_printf(arena, "step_%zu", step);
    return "processed";
}

/* An index serves the next query on its table, if that may look for places: the next transform makes another table. */
static bool index_is_used(const struct sl_bound_recipe *bound, size_t index)
{
    for (size_t i = index + 1; i < bound->recipe->n_steps; i++)
        if (transforms(&bound->steps[i]))
            return (bound->steps[i].kind->flags & (SL_STEP_SEARCHES | SL_STEP_UNTRUSTED)) != 0;
    return false;
}

static struct sl_pass pass_of_index(const struct sl_bound_recipe *bound, size_t i, bool materialize)
{
    struct sl_pass pass = {.kind = SL_PASS_INDEX, .from = i, .to = i + 1, .why = "the next step may search by place"};
    if (materialize) {
        pass.why = "every step is carried out";
    } else if (!index_is_used(bound, i)) {
        pass.kind = SL_PASS_SKIP;
        pass.why = sl_plan_skipped();
    }
    return pass;
}

/* Takes the neighbours into the pass that can be part of its query. */
static void extend(const struct sl_bound_recipe *bound, struct sl_pass *pass)
{
    bool steady = keeps_rows(&bound->steps[pass->from]);
    for (size_t i = pass->to; i < bound->recipe->n_steps; i++) {
        const struct sl_step *next = &bound->steps[i];
        if (!transforms(next) && !index_is_used(bound, i))
            continue;
        if (!fuses(next) || (!steady && !keeps_rows(next)))
            return;
        steady = steady && keeps_rows(next);
        pass->to = i + 1;
        pass->transforms++;
    }
}

static const char *why_apart(const struct sl_step *step)
{
    if (!(step->kind->flags & SL_STEP_ROW_WISE))
        return step->kind->flags & SL_STEP_UNTRUSTED ? "a query of the recipe's own is one" : "it looks at more than one row";
    return "no neighbour can be part of its query";
}

static struct sl_pass pass_of_transforms(const struct sl_bound_recipe *bound, size_t i, bool materialize,
                                         struct sl_arena *arena)
{
    struct sl_pass pass = {.kind = SL_PASS_TABLE, .from = i, .to = i + 1, .transforms = 1};
    if (!materialize && fuses(&bound->steps[i]))
        extend(bound, &pass);
    pass.why = materialize           ? "every step has a table"
               : pass.transforms > 1 ? "neighbours that make each row from one row are one query"
                                     : why_apart(&bound->steps[i]);
    pass.table = sl_plan_table_name(bound, pass.to - 1, arena);
    return pass;
}

void sl_plan_make(const struct sl_bound_recipe *bound, const struct sl_plan_options *options, struct sl_arena *arena,
                  struct sl_plan *out)
{
    size_t n = bound->recipe->n_steps;
    struct sl_plan plan = {.materialized = options->materialize};
    plan.passes = sl_arena_array(arena, n ? n : 1, sizeof *plan.passes);
    for (size_t i = 0; i < n; i = plan.passes[plan.n++].to)
        plan.passes[plan.n] = transforms(&bound->steps[i])
                                  ? pass_of_transforms(bound, i, options->materialize, arena)
                                  : pass_of_index(bound, i, options->materialize);
    *out = plan;
}

static bool needs_no_sql(const struct sl_check *check)
{
    return check->kind->counts || (check->kind->judge && !check->kind->predicate);
}

const char *sl_plan_engine(const struct sl_bound_recipe *bound, const struct sl_plan_options *options)
{
    const struct sl_recipe *r = bound->recipe;
    bool none = !strcmp(r->engine, "postgis") && !strcmp(r->type, "vector") && r->inputs.kind == SL_INPUTS_EACH;
    for (size_t i = 0; none && i < r->n_steps; i++)
        none = !options->materialize && !transforms(&bound->steps[i]) && !index_is_used(bound, i);
    for (size_t i = 0; none && i < r->n_checks; i++)
        none = needs_no_sql(&bound->checks[i]);
    return none ? "none" : r->engine;
}

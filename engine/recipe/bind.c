/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "recipe/binder.h"

/* One line for the first problem, how many more there are. */
static int fail(struct sl_error *err, enum sl_code code, const char *first, size_t more)
{
    if (more == 0)
        return sl_fail(err, code, "%s", first);
    return sl_fail(err, code, "%s (and %zu more)", first, more);
}

struct values {
    const struct sl_recipe *recipe;
    struct json_object *given, *out;
    struct sl_arena *arena;
    const char *first; /* the first problem */
    size_t n;          /* of problems */
};

static void problem(struct values *v, const char *text)
{
    if (v->n++ == 0)
        v->first = text;
}

static void find_unknown(struct values *v)
{
    const struct sl_recipe *recipe = v->recipe;
    if (!v->given)
        return;
    json_object_object_foreach(v->given, name, value)
    {
        (void)value;
        if (!sl_param__find(recipe->params, recipe->n_params, name))
            problem(v, sl_arena_printf(v->arena, "recipe \"%s\" has no parameter \"%s\"%s", recipe->name, name,
                                       sl_param__meant(v->arena, recipe->params, recipe->n_params, name)));
    }
}

static void take(struct values *v, const struct sl_recipe_param *param)
{
    struct json_object *value = NULL;
    bool given = v->given && json_object_object_get_ex(v->given, param->name, &value);
    if (!given && !json_object_object_get_ex(param->schema, "default", &value)) {
        problem(v, sl_arena_printf(v->arena, "recipe \"%s\" needs parameter \"%s\"", v->recipe->name, param->name));
        return;
    }
    const char *wrong = given ? sl_param__check(param, value, v->arena) : NULL;
    if (wrong)
        problem(v, sl_arena_printf(v->arena, "parameter \"%s\": %s", param->name, wrong));
    else
        sl_json_put(v->out, param->name, json_object_get(value));
}

/* In order of name, so that the same values read the same wherever they are kept. */
static void take_all(struct values *v)
{
    const struct sl_recipe_param *params = v->recipe->params, *last = NULL;
    for (size_t done = 0; done < v->recipe->n_params; done++) {
        const struct sl_recipe_param *next = NULL;
        for (size_t i = 0; i < v->recipe->n_params; i++)
            if ((!last || strcmp(params[i].name, last->name) > 0) && (!next || strcmp(params[i].name, next->name) < 0))
                next = &params[i];
        take(v, next);
        last = next;
    }
}

static int resolve_params(const struct sl_recipe *recipe, struct json_object *given, struct sl_arena *arena,
                          struct json_object **out, struct sl_error *err)
{
    struct values v = {.recipe = recipe, .given = given, .arena = arena};
    if (given && !json_object_is_type(given, json_type_object))
        return sl_fail(err, SL_E_MANIFEST_PARAM, "params: expected an object, found %s", sl_recipe__show(arena, given));
    v.out = sl_recipe__keep(arena, json_object_new_object());
    find_unknown(&v);
    take_all(&v);
    if (v.n > 0) {
        int rc = fail(err, SL_E_MANIFEST_PARAM, v.first, v.n - 1);
        sl_error_hint(err, "sluice recipe show %s", recipe->name);
        return rc;
    }
    *out = v.out;
    return 0;
}

int sl_recipe_bind(const struct sl_recipe *recipe, const struct sl_kinds *kinds, struct json_object *given,
                   struct sl_arena *arena, struct sl_bound_recipe *out, struct sl_error *err)
{
    struct sl_bound_recipe bound = {.recipe = recipe};
    struct sl_lints lints = {.arena = arena};
    int rc = resolve_params(recipe, given, arena, &bound.params, err);
    if (rc < 0)
        return rc;
    struct sl_binder b = {.doc = recipe->doc,
                          .params = recipe->params,
                          .n_params = recipe->n_params,
                          .values = bound.params,
                          .values_complete = true,
                          .value_code = SL_E_MANIFEST_PARAM,
                          .arena = arena,
                          .lints = &lints};
    if (!sl_items__bind(&b, recipe, kinds, &bound)) {
        const struct sl_lint *first = &lints.items[0];
        return fail(err, sl_code_by_name(first->code),
                    sl_arena_printf(arena, "%s:%d:%d: %s", first->path, first->line, first->column, first->message),
                    lints.n - 1);
    }
    *out = bound;
    return 0;
}

bool sl_recipe_makes_vectors(const struct sl_recipe *recipe)
{
    return strcmp(recipe->type, recipe->output_type) != 0;
}

void sl_recipe_vector_part(const struct sl_bound_recipe *bound, struct sl_arena *arena, struct sl_bound_recipe *out)
{
    struct sl_recipe *rest = sl_arena_alloc(arena, sizeof *rest);
    size_t before = bound->recipe->n_raster_steps;
    *rest = *bound->recipe;
    rest->type = rest->output_type;
    rest->steps += before;
    rest->n_steps -= before;
    rest->n_raster_steps = 0;
    *out = *bound;
    out->recipe = rest;
    out->steps += before;
    out->steps_before += before;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "geo/sql.h"
#include "recipe/binder.h"

/* As enum sl_on_fail; a rule about the table as a whole has no rows to put aside. */
static const char *const row_choices[] = {"fail", "warn", "quarantine", NULL};
static const char *const table_choices[] = {"fail", "warn", NULL};

struct check_common {
    int on_fail;
};

static const struct sl_option row_check_items[] = {
    {.name = "on_fail",
     .type = SL_OPT_ENUM,
     .default_json = "\"fail\"",
     .offset = offsetof(struct check_common, on_fail),
     .choices = row_choices,
     .help = "What a broken rule does: fail ends the batch and nothing is published, warn is written into the run, quarantine "
             "puts the rows that break it aside, with the reasons, into an asset of their own."},
};

static const struct sl_option table_check_items[] = {
    {.name = "on_fail",
     .type = SL_OPT_ENUM,
     .default_json = "\"fail\"",
     .offset = offsetof(struct check_common, on_fail),
     .choices = table_choices,
     .help = "What a broken rule does: fail ends the batch and nothing is published, warn is written into the run."},
};

static const struct sl_options row_check = {
    .items = row_check_items, .n = 1, .struct_bytes = sizeof(struct check_common)};
static const struct sl_options table_check = {
    .items = table_check_items, .n = 1, .struct_bytes = sizeof(struct check_common)};

const struct sl_options *sl_check__common(const struct sl_check_kind *kind)
{
    return kind->predicate ? &row_check : &table_check;
}

struct output_common {
    const char *dataset;
    bool thumbnail;
};

static const struct sl_option output_common_items[] = {
    {.name = "dataset",
     .type = SL_OPT_STRING,
     .default_json = "null",
     .offset = offsetof(struct output_common, dataset),
     .help = "The dataset that it becomes a version of; without it the manifest's, else the file's name."},
    {.name = "thumbnail",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct output_common, thumbnail),
     .help = "true: a PNG of at most 256 pixels lies beside it, for those who look through a catalogue."},
};

const struct sl_options sl_output__common = {
    .items = output_common_items, .n = 2, .struct_bytes = sizeof(struct output_common)};

/* ---- kinds by name ---- */

static int dialect_of(const char *engine)
{
    static const enum sl_dialect all[] = {SL_DIALECT_POSTGIS, SL_DIALECT_DUCKDB};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(sl_dialect_name(all[i]), engine))
            return (int)all[i];
    return -1;
}

enum { MAX_KINDS = 256 };

static void no_such_kind(struct sl_binder *b, const struct sl_recipe_item *item, enum sl_code code, const char *noun,
                         const char *const *names, size_t n)
{
    sl_binder__problem_at_key(b, code, item->pointer, "%s \"%s\" does not exist%s", noun, item->kind,
                              sl_recipe__meant(b->arena, item->kind, names, n));
}

static const char *data_type_of(const struct sl_step_kind *kind)
{
    return kind->data_type ? kind->data_type : "vector";
}

/* A table has the steps of vectors. */
static bool is_of_type(const struct sl_step_kind *kind, const char *type)
{
    return !strcmp(data_type_of(kind), strcmp(type, "table") ? type : "vector");
}

/* The step's name that makes vectors of rasters. */
static const char *maker(const struct sl_recipe *recipe)
{
    return recipe->steps[recipe->n_raster_steps - 1].kind;
}

/* A step that exists, but not for what the recipe has in its place. */
static void misplaced(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_recipe_item *item, bool after,
                      const struct sl_step_kind *kind)
{
    const char *of = data_type_of(kind);
    if (!sl_recipe_makes_vectors(recipe))
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer, "step \"%s\" is for %ss, the recipe's type is %s", item->kind,
                                  of, recipe->type);
    else if (after && kind->vectorise)
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer,
                                  "step \"%s\" makes vectors of a raster, and %s before it has: a recipe has one such step",
                                  item->kind, maker(recipe));
    else if (after)
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer,
                                  "step \"%s\" is for %ss, and %s before it makes vectors: put it before %s", item->kind, of,
                                  maker(recipe), maker(recipe));
    else
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer,
                                  "step \"%s\" is for %ss, which %s makes: put it after %s", item->kind, of, maker(recipe),
                                  maker(recipe));
}

bool sl_recipe_is_table(const struct sl_recipe *recipe)
{
    return !strcmp(recipe->type, "table");
}

static bool needs_geometry(unsigned flags, const struct sl_recipe *recipe)
{
    return (flags & SL_STEP_PLACES) && sl_recipe_is_table(recipe);
}

static const struct sl_step_kind *step_kind(struct sl_binder *b, const struct sl_kinds *kinds, const struct sl_recipe *recipe,
                                            const struct sl_recipe_item *item)
{
    const char *names[MAX_KINDS];
    const struct sl_step_kind *other = NULL;
    size_t n = 0;
    bool after = (size_t)(item - recipe->steps) >= recipe->n_raster_steps;
    const char *type = after ? recipe->output_type : recipe->type;
    for (size_t i = 0; kinds->steps[i]; i++) {
        const struct sl_step_kind *kind = kinds->steps[i];
        bool fits = is_of_type(kind, type) && !needs_geometry(kind->flags, recipe), same = !strcmp(kind->name, item->kind);
        if (fits && same)
            return kind;
        if (same)
            other = kind;
        if (fits && n < MAX_KINDS)
            names[n++] = kind->name;
    }
    if (other && needs_geometry(other->flags, recipe))
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer, "step \"%s\" is about the geometry, which a table has not",
                                  item->kind);
    else if (other)
        misplaced(b, recipe, item, after, other);
    else
        no_such_kind(b, item, SL_E_RECIPE_STEP, "step", names, n);
    return NULL;
}

static const struct sl_check_kind *check_kind(struct sl_binder *b, const struct sl_kinds *kinds,
                                              const struct sl_recipe_item *item)
{
    const char *names[MAX_KINDS];
    size_t n = 0;
    for (; kinds->checks[n] && n < MAX_KINDS; n++) {
        if (!strcmp(kinds->checks[n]->name, item->kind))
            return kinds->checks[n];
        names[n] = kinds->checks[n]->name;
    }
    no_such_kind(b, item, SL_E_RECIPE_STEP, "check", names, n);
    return NULL;
}

static const struct sl_output_kind *output_kind(struct sl_binder *b, const struct sl_kinds *kinds,
                                                const struct sl_recipe_item *item)
{
    const char *names[MAX_KINDS];
    size_t n = 0;
    for (; kinds->outputs[n] && n < MAX_KINDS; n++) {
        if (!strcmp(kinds->outputs[n]->name, item->kind))
            return kinds->outputs[n];
        names[n] = kinds->outputs[n]->name;
    }
    no_such_kind(b, item, SL_E_RECIPE_STEP, "output", names, n);
    return NULL;
}

/* ---- binding ---- */

static const char *what_of(struct sl_binder *b, const char *noun, const struct sl_recipe_item *item)
{
    return sl_arena_printf(b->arena, "%s \"%s\"", noun, item->kind);
}

static void *options_struct(struct sl_binder *b, const struct sl_options *table)
{
    return sl_arena_alloc(b->arena, table->struct_bytes ? table->struct_bytes : 1);
}

static bool has_dialect(struct sl_binder *b, const struct sl_recipe *recipe, const char *what, unsigned dialects,
                        const struct sl_recipe_item *item)
{
    int dialect = dialect_of(recipe->engine);
    if (dialect < 0 || (dialects & 1u << dialect))
        return true;
    sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer, "%s has no form for engine %s", what, recipe->engine);
    return false;
}

static bool relations(struct sl_binder *b, int (*validate)(const void *, struct sl_error *), const void *options,
                      const char *what, const struct sl_recipe_item *item)
{
    struct sl_error why;
    if (!validate || b->incomplete || validate(options, &why) == 0)
        return true;
    sl_binder__problem(b, why.code, item->pointer, "%s: %s", what, why.message);
    return false;
}

static bool valid_dataset(const char *name);

static bool declared_role(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_step *step, const char *name)
{
    const char *what = what_of(b, "step", step->item), *names[SL_RECIPE__MAX_ROLES];
    const struct sl_recipe_role *role = sl_recipe_role(recipe, name);
    size_t n = 0;
    bool author = (step->kind->flags & SL_STEP_UNTRUSTED) != 0;
    for (size_t i = 0; i < recipe->inputs.n_roles; i++)
        if (recipe->inputs.roles[i].name && !recipe->inputs.roles[i].main)
            names[n++] = recipe->inputs.roles[i].name;
    if (role && role->main)
        sl_binder__problem(b, SL_E_RECIPE_OPTION, step->item->pointer,
                           "%s: role \"%s\" is the main one, which the steps begin with", what, name);
    else if (role && author && !role->required)
        sl_binder__problem(b, SL_E_RECIPE_OPTION, step->item->pointer,
                           "%s: role \"%s\" is not required, so that its table may be missing", what, name);
    else if (!role)
        sl_binder__problem(b, SL_E_RECIPE_OPTION, step->item->pointer, "%s: the recipe's inputs have no role \"%s\"%s", what,
                           name, sl_recipe__meant(b->arena, name, names, n));
    return role && !role->main && (!author || role->required);
}

/* The other tables that a step reads are there, as far as a recipe can say. */
static bool check_tables(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_step *step)
{
    struct sl_table_ref refs[SL_STEP_TABLES_MAX];
    bool ok = true;
    size_t n = step->kind->reads && !b->incomplete ? step->kind->reads(step->options, refs) : 0;
    for (size_t i = 0; i < n; i++) {
        if (refs[i].role)
            ok &= declared_role(b, recipe, step, refs[i].role);
        if (!refs[i].dataset || valid_dataset(refs[i].dataset))
            continue;
        sl_binder__problem(b, SL_E_RECIPE_OPTION, sl_recipe__pointer(b->arena, step->item->pointer, "dataset"),
                           "dataset: \"%s\" is not a dataset's name", refs[i].dataset);
        ok = false;
    }
    return ok;
}

static bool bind_step(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_kinds *kinds,
                      const struct sl_recipe_item *item, struct sl_step *out)
{
    const struct sl_step_kind *kind = step_kind(b, kinds, recipe, item);
    if (!kind)
        return false;
    const char *what = what_of(b, "step", item);
    struct sl_binder_part part = {&kind->options, options_struct(b, &kind->options)};
    *out = (struct sl_step){.kind = kind, .options = part.out, .item = item};
    /* Both, so that one lint tells all. */
    bool speaks = kind->apply || kind->vectorise || has_dialect(b, recipe, what, kind->dialects, item);
    bool bound = sl_options__bind(b, &part, 1, item->options, item->pointer, what) &&
                 relations(b, kind->validate, part.out, what, item) && check_tables(b, recipe, out);
    return speaks && bound;
}

static bool bind_check(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_kinds *kinds,
                       const struct sl_recipe_item *item, struct sl_check *out)
{
    const struct sl_check_kind *kind = check_kind(b, kinds, item);
    if (kind && kind->places && sl_recipe_is_table(recipe)) {
        sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, item->pointer, "check \"%s\" is about the geometry, which a table has not",
                                  item->kind);
        return false;
    }
    if (!kind)
        return false;
    const char *what = what_of(b, "check", item);
    struct check_common common = {0};
    struct sl_binder_part parts[] = {{&kind->options, options_struct(b, &kind->options)}, {sl_check__common(kind), &common}};
    bool ok = sl_options__bind(b, parts, 2, item->options, item->pointer, what) &&
              relations(b, kind->validate, parts[0].out, what, item);
    *out = (struct sl_check){.kind = kind,
                             .options = parts[0].out,
                             .on_fail = (enum sl_on_fail)common.on_fail,
                             .item = item};
    return has_dialect(b, recipe, what, kind->dialects, item) & ok;
}

/* The rule of lake/lake.h, which stands above this folder. */
static bool valid_dataset(const char *name)
{
    static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t n = strlen(name);
    if (n == 0 || n > SL_RECIPE__MAX_NAME || !strchr(alnum, *name))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr(alnum, name[i]) && !strchr("._-", name[i]))
            return false;
    return true;
}

static bool check_dataset(struct sl_binder *b, const char *dataset, const struct sl_recipe_item *item)
{
    if (!dataset || valid_dataset(dataset))
        return true;
    sl_binder__problem(b, SL_E_RECIPE_OPTION, sl_recipe__pointer(b->arena, item->pointer, "dataset"),
                       "dataset: \"%s\" is not a dataset's name: 1 to %d letters, digits, \".\", \"_\" and \"-\", a "
                       "letter or digit first",
                       dataset, SL_RECIPE__MAX_NAME);
    return false;
}

static bool bind_output(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_kinds *kinds,
                        const struct sl_recipe_item *item, struct sl_output *out)
{
    const struct sl_output_kind *kind = output_kind(b, kinds, item);
    if (!kind)
        return false;
    const char *what = what_of(b, "output", item);
    struct output_common common = {0};
    struct sl_binder_part parts[] = {{&kind->options, options_struct(b, &kind->options)}, {&sl_output__common, &common}};
    bool ok = sl_options__bind(b, parts, 2, item->options, item->pointer, what) &&
              relations(b, kind->validate, parts[0].out, what, item) && check_dataset(b, common.dataset, item);
    *out = (struct sl_output){.kind = kind,
                              .options = parts[0].out,
                              .dataset = common.dataset,
                              .thumbnail = common.thumbnail,
                              .item = item};
    if (strcmp(kind->data_type, recipe->output_type) == 0 || (kind->tables && sl_recipe_is_table(recipe)))
        return ok;
    if (sl_recipe_makes_vectors(recipe))
        sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, item->pointer,
                                  "%s is for type %s, and %s makes vectors: outputs after it are vector outputs, such as "
                                  "geoparquet",
                                  what, kind->data_type, maker(recipe));
    else
        sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, item->pointer, "%s is for type %s, the recipe's type is %s", what,
                              kind->data_type, recipe->type);
    return false;
}

/* Two outputs of one dataset would be two versions of it out of one run. Where none is given, the second is named after the
 * first and its own format. */
static bool datasets_differ(struct sl_binder *b, const struct sl_output *outputs, size_t n)
{
    bool ok = true;
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const char *d = outputs[i].dataset, *e = outputs[j].dataset;
            bool same = d && e ? !strcmp(d, e) : !d && !e && outputs[i].kind == outputs[j].kind;
            if (!outputs[i].item || !outputs[j].item || !same)
                continue;
            sl_binder__problem_at_key(b, SL_E_RECIPE_OPTION, outputs[i].item->pointer,
                                      "two outputs write the same dataset: give each its own `dataset`");
            ok = false;
            break;
        }
    return ok;
}

/* Several rasters become one by a step that says how, and only at the beginning. */
static bool merging_fits(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_step *steps)
{
    bool merged = !strcmp(recipe->type, "raster") && recipe->inputs.kind == SL_INPUTS_MERGE, ok = true;
    for (size_t i = 0; i < recipe->n_steps; i++) {
        bool merges = steps[i].kind && (steps[i].kind->flags & SL_STEP_MERGES);
        if (i == 0 && merged && steps[i].kind && !merges) {
            sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, recipe->steps[i].pointer,
                                      "inputs: merge of rasters has mosaic as its first step");
            ok = false;
        } else if (i > 0 && merges) {
            sl_binder__problem_at_key(b, SL_E_RECIPE_STEP, recipe->steps[i].pointer, "step \"%s\" can only be the first",
                                      steps[i].kind->name);
            ok = false;
        }
    }
    if (merged && recipe->n_steps == 0) {
        sl_binder__problem(b, SL_E_RECIPE_STEP, "/inputs", "inputs: merge of rasters needs a step: mosaic");
        ok = false;
    }
    return ok;
}

bool sl_items__bind(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_kinds *kinds,
                    struct sl_bound_recipe *out)
{
    bool ok = true;
    b->bare = sl_recipe_is_table(recipe);
    out->recipe = recipe;
    out->steps = sl_arena_array(b->arena, recipe->n_steps + 1, sizeof *out->steps);
    out->checks = sl_arena_array(b->arena, recipe->n_checks + 1, sizeof *out->checks);
    out->outputs = sl_arena_array(b->arena, recipe->n_outputs + 1, sizeof *out->outputs);
    for (size_t i = 0; i < recipe->n_steps; i++)
        ok &= bind_step(b, recipe, kinds, &recipe->steps[i], &out->steps[i]);
    ok &= merging_fits(b, recipe, out->steps);
    for (size_t i = 0; i < recipe->n_checks; i++)
        ok &= bind_check(b, recipe, kinds, &recipe->checks[i], &out->checks[i]);
    for (size_t i = 0; i < recipe->n_outputs; i++)
        ok &= bind_output(b, recipe, kinds, &recipe->outputs[i], &out->outputs[i]);
    /* While a dataset's name waits for its parameter, two outputs may look alike. */
    return ok && (!b->values_complete || datasets_differ(b, out->outputs, recipe->n_outputs));
}

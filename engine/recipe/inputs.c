/* SPDX-License-Identifier: Apache-2.0 */
/* `inputs:` of a recipe: how the files of a batch become tables. */
#include <string.h>

#include "recipe/binder.h"

static const char *const mismatches[] = {[SL_MISMATCH_FAIL] = "fail", [SL_MISMATCH_TEXT] = "text", NULL};

struct options {
    bool main, required, many;
    const char *source_column;
    int mismatch;
};

#define SOURCE_COLUMN                                                                                                  \
    {.name = "source_column",                                                                                          \
     .type = SL_OPT_COLUMN,                                                                                            \
     .default_json = "null",                                                                                           \
     .offset = offsetof(struct options, source_column),                                                                \
     .help = "A new column with the name of the file that a row is from."}
#define MISMATCH                                                                                                       \
    {.name = "mismatch",                                                                                               \
     .type = SL_OPT_ENUM,                                                                                              \
     .default_json = "\"fail\"",                                                                                       \
     .offset = offsetof(struct options, mismatch),                                                                     \
     .choices = mismatches,                                                                                            \
     .help = "When columns of one name have types without one in common. fail: the batch ends and the error names both " \
             "files; text: the column becomes text."}

static const struct sl_option merge_items[] = {SOURCE_COLUMN, MISMATCH};

static const struct sl_option role_items[] = {
    {.name = "main",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, main),
     .help = "true: the steps begin with this table. Exactly one role has it."},
    {.name = "required",
     .type = SL_OPT_BOOL,
     .default_json = "true",
     .offset = offsetof(struct options, required),
     .help = "false: a batch may come without a file of this role; steps that read it are then left out."},
    {.name = "many",
     .type = SL_OPT_BOOL,
     .default_json = "false",
     .offset = offsetof(struct options, many),
     .help = "true: several files, or layers, may have this role; they become one table, as with inputs: merge."},
    SOURCE_COLUMN,
    MISMATCH,
};

#define TABLE(list)                                                                                                    \
    {                                                                                                                  \
        .items = list, .n = sizeof list / sizeof *list, .struct_bytes = sizeof(struct options)                         \
    }
const struct sl_options sl_inputs__merge = TABLE(merge_items);
const struct sl_options sl_inputs__role = TABLE(role_items);

const struct sl_recipe_role *sl_recipe_role(const struct sl_recipe *recipe, const char *name)
{
    for (size_t i = 0; i < recipe->inputs.n_roles; i++)
        if (recipe->inputs.roles[i].name && !strcmp(recipe->inputs.roles[i].name, name))
            return &recipe->inputs.roles[i];
    return NULL;
}

static bool bind(struct sl_binder *b, const struct sl_options *table, struct json_object *given, const char *pointer,
                 const char *what, struct sl_recipe_role *role)
{
    struct options o = {0};
    struct sl_binder_part part = {table, &o};
    bool literal = b->literal;
    b->literal = true;
    bool ok = sl_options__bind(b, &part, 1, given, pointer, what);
    b->literal = literal;
    role->main = o.main;
    role->required = o.required;
    role->many = o.many;
    role->source_column = o.source_column;
    role->mismatch = (enum sl_mismatch)o.mismatch;
    return ok;
}

static bool read_merge(struct sl_binder *b, struct json_object *given, struct sl_recipe *recipe)
{
    struct sl_recipe_role *role = sl_arena_alloc(b->arena, sizeof *role);
    bool ok = bind(b, &sl_inputs__merge, given, "/inputs/merge", "inputs: merge", role);
    role->main = role->required = role->many = true;
    recipe->inputs = (struct sl_recipe_inputs){.kind = SL_INPUTS_MERGE, .roles = role, .n_roles = 1};
    return ok;
}

static bool valid_name(const char *name)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t n = strlen(name);
    return n > 0 && n <= SL_RECIPE__MAX_ROLE && *name >= 'a' && *name <= 'z' && strspn(name, rest) == n;
}

static bool read_role(struct sl_binder *b, const char *name, struct json_object *given, struct sl_recipe_role *role)
{
    const char *pointer = sl_recipe__pointer(b->arena, "/inputs/roles", name);
    role->name = name;
    bool ok = bind(b, &sl_inputs__role, given, pointer, sl_arena_printf(b->arena, "role \"%s\"", name), role);
    if (valid_name(name))
        return ok;
    sl_binder__problem_at_key(b, SL_E_RECIPE_SCHEMA, pointer,
                              "inputs: a role's name is 1 to %d of a-z, 0-9 and \"_\", a letter first, found \"%s\"",
                              SL_RECIPE__MAX_ROLE, name);
    return false;
}

/* The order of a mapping's members means nothing, so the main role is not just the first. */
static bool one_main(struct sl_binder *b, const struct sl_recipe_inputs *inputs)
{
    size_t n = 0;
    bool ok = true;
    for (size_t i = 0; i < inputs->n_roles; i++) {
        const struct sl_recipe_role *role = &inputs->roles[i];
        n += role->main;
        if (!role->main || role->required)
            continue;
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, sl_recipe__pointer(b->arena, "/inputs/roles", role->name),
                           "inputs: role \"%s\" is main and has to be required", role->name);
        ok = false;
    }
    if (n == 1)
        return ok;
    sl_binder__problem(b, SL_E_RECIPE_SCHEMA, "/inputs/roles", "inputs: expected `main: true` of exactly one role, found %zu", n);
    return false;
}

static bool read_roles(struct sl_binder *b, struct json_object *given, struct sl_recipe *recipe)
{
    bool mapping = json_object_is_type(given, json_type_object), ok = true;
    size_t n = mapping ? (size_t)json_object_object_length(given) : 0;
    if (n == 0 || n > SL_RECIPE__MAX_ROLES) {
        sl_binder__problem(b, n ? SL_E_LIMIT : SL_E_RECIPE_SCHEMA, "/inputs/roles",
                           "inputs: expected a mapping of 1 to %d roles, found %s", SL_RECIPE__MAX_ROLES,
                           n         ? sl_arena_printf(b->arena, "%zu", n)
                           : mapping ? "none"
                                     : sl_recipe__show(b->arena, given));
        return false;
    }
    struct sl_recipe_inputs *inputs = &recipe->inputs;
    *inputs = (struct sl_recipe_inputs){.kind = SL_INPUTS_ROLES, .roles = sl_arena_array(b->arena, n, sizeof *inputs->roles)};
    json_object_object_foreach(given, name, options)
        ok &= read_role(b, name, options, &inputs->roles[inputs->n_roles++]);
    if (strcmp(recipe->type, "vector") != 0) {
        sl_binder__problem(b, SL_E_RECIPE_SCHEMA, "/inputs", "inputs: roles are for type vector, the recipe's type is %s",
                           recipe->type);
        ok = false;
    }
    return one_main(b, inputs) && ok;
}

bool sl_inputs__read(struct sl_binder *b, struct json_object *value, struct sl_recipe *recipe)
{
    const char *word = sl_recipe__string(value);
    struct json_object *merge = NULL, *roles = NULL;
    bool one = json_object_is_type(value, json_type_object) && json_object_object_length(value) == 1;
    if (word && !strcmp(word, "each"))
        return true;
    if (word && !strcmp(word, "merge"))
        return read_merge(b, NULL, recipe);
    if (one && json_object_object_get_ex(value, "merge", &merge))
        return read_merge(b, merge, recipe);
    if (one && json_object_object_get_ex(value, "roles", &roles))
        return read_roles(b, roles, recipe);
    static const char *const words[] = {"each", "merge", "roles"};
    sl_binder__problem(b, SL_E_RECIPE_SCHEMA, "/inputs", "inputs: expected each, merge, {merge: …} or {roles: …}, found %s%s",
                       sl_recipe__show(b->arena, value), word ? sl_recipe__meant(b->arena, word, words, 3) : "");
    return false;
}

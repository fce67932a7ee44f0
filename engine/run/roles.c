/* SPDX-License-Identifier: Apache-2.0 */
/* What each file of a manifest is for, by the recipe's `inputs: roles`. */
#include <string.h>

#include "base/text.h"
#include "run/batch.h"

static const char *role_names(const struct sl_recipe *recipe, struct sl_arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < recipe->inputs.n_roles; i++)
        text = sl_arena_printf(arena, "%s%s%s", text, i ? ", " : "", recipe->inputs.roles[i].name);
    return text;
}

static int unknown_role(const struct sl_recipe *recipe, const char *role, size_t i, struct sl_arena *arena,
                        struct sl_error *err)
{
    const char **names = sl_arena_array(arena, recipe->inputs.n_roles, sizeof *names);
    for (size_t k = 0; k < recipe->inputs.n_roles; k++)
        names[k] = recipe->inputs.roles[k].name;
    const char *near = sl_text_nearest(role, names, recipe->inputs.n_roles);
    sl_fail(err, SL_E_MANIFEST_SCHEMA, "/files/%zu/role: recipe %s has no role \"%s\"%s%s%s", i, recipe->name, role,
            near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    sl_error_hint(err, "its roles are %s", role_names(recipe, arena));
    return -SL_E_MANIFEST_SCHEMA;
}

static int check_file(const struct sl_recipe *recipe, const struct sl_manifest *m, size_t i, struct sl_arena *arena,
                      struct sl_error *err)
{
    const char *name = m->files[i].role;
    const struct sl_recipe_role *role = name ? sl_recipe_role(recipe, name) : NULL;
    if (!name) {
        sl_fail(err, SL_E_MANIFEST_SCHEMA, "/files/%zu: \"role\" is missing, which recipe %s needs of each file", i,
                recipe->name);
        sl_error_hint(err, "its roles are %s", role_names(recipe, arena));
        return -SL_E_MANIFEST_SCHEMA;
    }
    if (!role)
        return unknown_role(recipe, name, i, arena, err);
    for (size_t k = 0; !role->many && k < i; k++) {
        if (strcmp(m->files[k].role, name) != 0)
            continue;
        sl_fail(err, SL_E_MANIFEST_SCHEMA, "/files/%zu/role: \"%s\" is the role of /files/%zu already, and recipe %s takes one file of it",
                i, name, k, recipe->name);
        sl_error_hint(err, "submit a batch for each, or write `many: true` for the role in the recipe");
        return -SL_E_MANIFEST_SCHEMA;
    }
    return 0;
}

int sl_roles_check(const struct sl_recipe *recipe, const struct sl_manifest *m, struct sl_arena *arena, struct sl_error *err)
{
    int rc = 0;
    if (recipe->inputs.kind != SL_INPUTS_ROLES)
        return 0;
    for (size_t i = 0; rc == 0 && i < m->n_files; i++)
        rc = check_file(recipe, m, i, arena, err);
    for (size_t r = 0; rc == 0 && r < recipe->inputs.n_roles; r++) {
        const struct sl_recipe_role *role = &recipe->inputs.roles[r];
        bool there = !role->required;
        for (size_t i = 0; !there && i < m->n_files; i++)
            there = !strcmp(m->files[i].role, role->name);
        if (there)
            continue;
        rc = sl_fail(err, SL_E_MANIFEST_SCHEMA, "/files: no file has the role \"%s\", which recipe %s needs", role->name,
                     recipe->name);
        sl_error_hint(err, "give the file a \"role\" in the manifest; the recipe's are %s", role_names(recipe, arena));
    }
    return rc;
}

bool sl_unit_reads(const struct sl_unit *unit, const struct sl_manifest_file *file)
{
    for (size_t i = 0; i < unit->n_sources; i++)
        if (unit->sources[i].input->file == file)
            return true;
    return false;
}

struct sl_source *sl_unit_main(struct sl_unit *unit)
{
    for (size_t i = 0; i < unit->n_sources; i++)
        if (!unit->sources[i].role || unit->sources[i].role->main)
            return &unit->sources[i];
    return &unit->sources[0];
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "recipe/binder.h"

enum { MAX_FILES = 1000 }; /* of one folder */

struct entry {
    const struct sl_recipe *recipe;
    size_t folder; /* its place in the list: a lower one wins */
    bool clashes;
};

struct sl_recipe_set {
    struct sl_arena *arena;
    const struct sl_kinds *kinds;
    struct entry *entries;
    size_t n, capacity;
    struct sl_lints lints;
};

static void append(struct sl_recipe_set *set, const struct sl_recipe *recipe, size_t folder)
{
    if (set->n == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 16;
        struct entry *entries = sl_arena_array(set->arena, capacity, sizeof *entries);
        for (size_t i = 0; i < set->n; i++)
            entries[i] = set->entries[i];
        set->entries = entries;
        set->capacity = capacity;
    }
    set->entries[set->n++] = (struct entry){.recipe = recipe, .folder = folder};
}

static int read_folder(struct sl_recipe_set *set, const char *folder, size_t index, struct sl_error *err)
{
    char **names;
    size_t n, files = 0;
    if (!sl_path_exists(folder))
        return 0;
    int rc = sl_dir_list(folder, set->arena, &names, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct sl_recipe *recipe = NULL;
        if (!sl_text_ends(names[i], ".yaml") || sl_text_ends(names[i], SL_RECIPE__TESTS_SUFFIX))
            continue;
        if (++files > MAX_FILES)
            return sl_fail(err, SL_E_LIMIT, "more than %d recipes in \"%s\"", MAX_FILES, folder);
        rc = sl_recipe__load(sl_path_join(set->arena, folder, names[i]), set->kinds, set->arena, &set->lints, &recipe, err);
        if (rc == 0 && recipe)
            append(set, recipe, index);
    }
    return rc;
}

/* ---- clashes ---- */

static bool has_intent(const struct sl_recipe *recipe, const char *intent)
{
    for (size_t i = 0; i < recipe->n_intents; i++)
        if (!strcmp(recipe->intents[i], intent))
            return true;
    return false;
}

static void clash(struct sl_recipe_set *set, struct entry *entry, const struct sl_recipe *other, const char *pointer,
                  const char *what)
{
    const struct sl_recipe *recipe = entry->recipe;
    struct sl_binder b = {.doc = recipe->doc, .arena = set->arena, .lints = &set->lints};
    entry->clashes = true;
    sl_binder__problem(&b, SL_E_RECIPE_INTENT, pointer, "%s is that of %s too", what, other->path);
}

static void compare(struct sl_recipe_set *set, struct entry *a, const struct entry *b)
{
    const struct sl_recipe *r = a->recipe, *other = b->recipe;
    if (!strcmp(r->name, other->name))
        clash(set, a, other, "/name", sl_arena_printf(set->arena, "name \"%s\"", r->name));
    for (size_t i = 0; i < r->n_intents; i++)
        if (has_intent(other, r->intents[i]))
            clash(set, a, other, sl_arena_printf(set->arena, "/intents/%zu", i),
                  sl_arena_printf(set->arena, "intent \"%s\"", r->intents[i]));
    if (r->is_default && other->is_default && !strcmp(r->type, other->type))
        clash(set, a, other, "/default", sl_arena_printf(set->arena, "default for type %s", r->type));
}

static void drop_clashing(struct sl_recipe_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++)
        for (size_t j = 0; j < set->n; j++)
            if (i != j && set->entries[i].folder == set->entries[j].folder)
                compare(set, &set->entries[i], &set->entries[j]);
    for (size_t i = 0; i < set->n; i++)
        if (!set->entries[i].clashes)
            set->entries[kept++] = set->entries[i];
    set->n = kept;
}

/* Of two with one name the earlier folder's stays; then by name. */
static void order(struct sl_recipe_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++) { /* entries come by folder, so that an earlier one was seen before */
        struct entry entry = set->entries[i];
        size_t at = 0;
        while (at < kept && strcmp(set->entries[at].recipe->name, entry.recipe->name) < 0)
            at++;
        if (at < kept && !strcmp(set->entries[at].recipe->name, entry.recipe->name))
            continue;
        for (size_t j = kept++; j > at; j--)
            set->entries[j] = set->entries[j - 1];
        set->entries[at] = entry;
    }
    set->n = kept;
}

int sl_recipe_set_load(const char *const *folders, const struct sl_kinds *kinds, struct sl_recipe_set **out,
                       struct sl_error *err)
{
    struct sl_arena *arena = sl_arena_new();
    struct sl_recipe_set *set = sl_arena_alloc(arena, sizeof *set);
    *set = (struct sl_recipe_set){.arena = arena, .kinds = kinds, .lints = {.arena = arena}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && folders[i]; i++)
        rc = read_folder(set, folders[i], i, err);
    if (rc < 0) {
        sl_recipe_set_free(set);
        return rc;
    }
    drop_clashing(set);
    order(set);
    *out = set;
    return 0;
}

void sl_recipe_set_free(struct sl_recipe_set *set)
{
    if (set)
        sl_arena_free(set->arena);
}

size_t sl_recipe_set_count(const struct sl_recipe_set *set)
{
    return set->n;
}

const struct sl_recipe *sl_recipe_set_at(const struct sl_recipe_set *set, size_t i)
{
    return i < set->n ? set->entries[i].recipe : NULL;
}

const struct sl_lints *sl_recipe_set_lints(const struct sl_recipe_set *set)
{
    return &set->lints;
}

int sl_recipe_lint_file(struct sl_recipe_set *set, const char *path, struct sl_lints *lints,
                        const struct sl_recipe **out, struct sl_error *err)
{
    return sl_recipe__load(path, set->kinds, set->arena, lints, out, err);
}

/* ---- finding ---- */

/* The entry of the earliest folder for an intent. */
static const struct sl_recipe *by_intent(const struct sl_recipe_set *set, const char *intent)
{
    const struct entry *best = NULL;
    for (size_t i = 0; i < set->n; i++) {
        const struct entry *e = &set->entries[i];
        if (has_intent(e->recipe, intent) && (!best || e->folder < best->folder))
            best = e;
    }
    return best ? best->recipe : NULL;
}

static const struct sl_recipe *default_of(const struct sl_recipe_set *set, const char *type)
{
    const struct entry *best = NULL;
    for (size_t i = 0; type && i < set->n; i++) {
        const struct entry *e = &set->entries[i];
        if (e->recipe->is_default && !strcmp(e->recipe->type, type) && (!best || e->folder < best->folder))
            best = e;
    }
    return best ? best->recipe : NULL;
}

int sl_recipe_by_name(const struct sl_recipe_set *set, const char *name, const struct sl_recipe **out,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char **names = sl_arena_array(arena, set->n + 1, sizeof *names);
    for (size_t i = 0; i < set->n; i++) {
        names[i] = set->entries[i].recipe->name;
        if (!strcmp(names[i], name)) {
            *out = set->entries[i].recipe;
            return 0;
        }
    }
    const struct sl_recipe *serves = by_intent(set, name);
    int rc = serves ? sl_fail(err, SL_E_RECIPE_NOT_FOUND, "recipe \"%s\" does not exist; intent \"%s\" selects \"%s\"",
                              name, name, serves->name)
                    : sl_fail(err, SL_E_RECIPE_NOT_FOUND, "recipe \"%s\" does not exist%s", name,
                              sl_recipe__meant(arena, name, names, set->n));
    sl_error_hint(err, "sluice recipe list");
    return rc;
}

static int no_intent(const struct sl_recipe_set *set, const char *intent, const char *type, bool strict,
                     struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    size_t n = 0, i = 0;
    for (size_t r = 0; r < set->n; r++)
        n += set->entries[r].recipe->n_intents;
    const char **intents = sl_arena_array(arena, n + 1, sizeof *intents);
    for (size_t r = 0; r < set->n; r++)
        for (size_t k = 0; k < set->entries[r].recipe->n_intents; k++)
            intents[i++] = set->entries[r].recipe->intents[k];
    const char *meant = sl_recipe__meant(arena, intent, intents, n);
    int rc = strict || !type
                 ? sl_fail(err, SL_E_RECIPE_INTENT, "no recipe has the intent \"%s\"%s", intent, meant)
                 : sl_fail(err, SL_E_RECIPE_INTENT, "no recipe has the intent \"%s\", and type %s has no default recipe%s",
                           intent, type, meant);
    sl_error_hint(err, "sluice recipe list");
    return rc;
}

int sl_recipe_select(const struct sl_recipe_set *set, const char *intent, const char *type, bool strict,
                     const struct sl_recipe **out, bool *fallback, struct sl_error *err)
{
    const struct sl_recipe *recipe = by_intent(set, intent);
    if (recipe && type && strcmp(recipe->type, type) != 0)
        return sl_fail(err, SL_E_RECIPE_INTENT, "intent \"%s\" is for files of type %s, the manifest's are of type %s",
                       intent, recipe->type, type);
    const struct sl_recipe *instead = recipe || strict ? NULL : default_of(set, type);
    if (!recipe && !instead)
        return no_intent(set, intent, type, strict, err);
    *out = recipe ? recipe : instead;
    *fallback = !recipe;
    return 0;
}

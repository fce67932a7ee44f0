/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "source/spec.h"

enum { MAX_FILES = 1000 }; /* of one folder */

struct sl_source_set {
    struct sl_arena *arena;
    const struct sl_source_spec **items; /* by name */
    size_t n, capacity;
    struct sl_lints lints;
};

/* In its place by name; one that is there already, from an earlier folder, stays. */
static void insert(struct sl_source_set *set, const struct sl_source_spec *spec)
{
    size_t at = 0;
    if (set->n == set->capacity) {
        size_t capacity = set->capacity ? 2 * set->capacity : 16;
        const struct sl_source_spec **items = sl_arena_array(set->arena, capacity, sizeof *items);
        for (size_t i = 0; i < set->n; i++)
            items[i] = set->items[i];
        set->items = items;
        set->capacity = capacity;
    }
    while (at < set->n && strcmp(set->items[at]->name, spec->name) < 0)
        at++;
    if (at < set->n && !strcmp(set->items[at]->name, spec->name))
        return;
    for (size_t i = set->n++; i > at; i--)
        set->items[i] = set->items[i - 1];
    set->items[at] = spec;
}

static int read_folder(struct sl_source_set *set, const char *folder, struct sl_error *err)
{
    char **names;
    size_t n = 0, files = 0;
    if (!sl_path_exists(folder))
        return 0;
    int rc = sl_dir_list(folder, set->arena, &names, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct sl_source_spec *spec = NULL;
        if (!sl_text_ends(names[i], ".yaml"))
            continue;
        if (++files > MAX_FILES)
            return sl_fail(err, SL_E_LIMIT, "more than %d sources in \"%s\"", MAX_FILES, folder);
        rc = sl_source_lint_file(sl_path_join(set->arena, folder, names[i]), &set->lints, &spec, err);
        if (rc == 0 && spec)
            insert(set, spec);
    }
    return rc;
}

int sl_source_set_load(const char *const *folders, struct sl_source_set **out, struct sl_error *err)
{
    struct sl_arena *arena = sl_arena_new();
    struct sl_source_set *set = sl_arena_alloc(arena, sizeof *set);
    *set = (struct sl_source_set){.arena = arena, .lints = {.arena = arena}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && folders[i]; i++)
        rc = read_folder(set, folders[i], err);
    if (rc < 0)
        sl_source_set_free(set);
    else
        *out = set;
    return rc;
}

void sl_source_set_free(struct sl_source_set *set)
{
    if (set)
        sl_arena_free(set->arena);
}

size_t sl_source_set_count(const struct sl_source_set *set)
{
    return set->n;
}

const struct sl_source_spec *sl_source_set_at(const struct sl_source_set *set, size_t i)
{
    return i < set->n ? set->items[i] : NULL;
}

const struct sl_lints *sl_source_set_lints(const struct sl_source_set *set)
{
    return &set->lints;
}

int sl_source_by_name(const struct sl_source_set *set, const char *name, const struct sl_source_spec **out,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char **names = sl_arena_array(arena, set->n + 1, sizeof *names);
    for (size_t i = 0; i < set->n; i++) {
        names[i] = set->items[i]->name;
        if (!strcmp(names[i], name)) {
            *out = set->items[i];
            return 0;
        }
    }
    const char *near = sl_text_nearest(name, names, set->n);
    int rc = near ? sl_fail(err, SL_E_SOURCE_NOT_FOUND, "source \"%s\" does not exist, did you mean \"%s\"?", name, near)
                  : sl_fail(err, SL_E_SOURCE_NOT_FOUND, "source \"%s\" does not exist", name);
    sl_error_hint(err, "sluice source list; sluice source lint FILE says why one is left out");
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run/reload.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "json/json.h"

enum { NAMES_MAX_BYTES = 4096 };

static const struct sl_recipe *find(const struct sl_recipe_set *set, const char *name)
{
    for (size_t i = 0; i < sl_recipe_set_count(set); i++)
        if (!strcmp(sl_recipe_set_at(set, i)->name, name))
            return sl_recipe_set_at(set, i);
    return NULL;
}

static int refuse_errors(const struct sl_recipe_set *set, struct sl_error *err)
{
    const struct sl_lints *lints = sl_recipe_set_lints(set);
    const struct sl_lint *first = NULL;
    size_t n = 0;
    for (size_t i = 0; lints && i < lints->n; i++)
        if (lints->items[i].error) {
            first = first ? first : &lints->items[i];
            n++;
        }
    if (!first)
        return 0;
    sl_fail(err, SL_E_RECIPE_SCHEMA, "%s:%d:%d: %s", first->path, first->line, first->column, first->message);
    sl_error_hint(err, "%zu problem%s in all: sluice recipe lint", n, n == 1 ? "" : "s");
    return -SL_E_RECIPE_SCHEMA;
}

static struct json_object *compare(const struct sl_recipe_set *old, const struct sl_recipe_set *new)
{
    struct json_object *o = json_object_new_object(), *added = json_object_new_array(),
                       *removed = json_object_new_array(), *changed = json_object_new_array();
    for (size_t i = 0; i < sl_recipe_set_count(new); i++) {
        const struct sl_recipe *r = sl_recipe_set_at(new, i), *before = find(old, r->name);
        if (!before || strcmp(before->hash, r->hash) != 0)
            json_object_array_add(before ? changed : added, json_object_new_string(r->name));
    }
    for (size_t i = 0; i < sl_recipe_set_count(old); i++)
        if (!find(new, sl_recipe_set_at(old, i)->name))
            json_object_array_add(removed, json_object_new_string(sl_recipe_set_at(old, i)->name));
    sl_json_put(o, "added", added);
    sl_json_put(o, "removed", removed);
    sl_json_put(o, "changed", changed);
    return o;
}

int sl_recipes_reload(struct sl_engine *engine, struct json_object **changes, struct sl_error *err)
{
    struct sl_recipe_set *set = NULL;
    int rc = sl_recipe_set_load(engine->config->recipes_path, &engine->kinds, &set, err);
    if (rc == 0)
        rc = refuse_errors(set, err);
    if (rc < 0) {
        sl_recipe_set_free(set);
        return rc;
    }
    *changes = compare(engine->recipes, set);
    sl_recipe_set_free(engine->recipes);
    engine->recipes = set;
    return 0;
}

/* "a, b", or NULL for none: then the field is left out. */
static const char *names(struct json_object *list, struct sl_buf *text)
{
    sl_buf_init(text, NAMES_MAX_BYTES);
    for (size_t i = 0; i < json_object_array_length(list); i++)
        sl_buf_printf(text, "%s%s", i ? ", " : "", json_object_get_string(json_object_array_get_idx(list, i)));
    return text->len ? text->data : NULL;
}

void sl_recipes_reload_logged(struct sl_engine *engine)
{
    SL_CLEANUP(sl_json_putp) struct json_object *changes = NULL;
    struct sl_error error = {0};
    if (sl_recipes_reload(engine, &changes, &error) < 0) {
        sl_log_error(SL_LOG_ERROR, "recipes.refused", &error, "remain", "those before", NULL);
        return;
    }
    struct sl_buf added, removed, changed;
    const char *a = names(sl_json_get(changes, "added"), &added), *r = names(sl_json_get(changes, "removed"), &removed),
               *c = names(sl_json_get(changes, "changed"), &changed);
    sl_log(SL_LOG_INFO, "recipes.reloaded", "added", a, "removed", r, "changed", c, "unchanged",
           a || r || c ? NULL : "all", NULL);
    sl_buf_free(&added);
    sl_buf_free(&removed);
    sl_buf_free(&changed);
}

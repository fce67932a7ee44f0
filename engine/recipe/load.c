/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "geo/format.h"
#include "recipe/binder.h"
#include "yaml/yaml.h"

const struct sl_recipe__field sl_recipe__fields[] = {
    {"apiVersion", "The version of this format: sluice/v1.", true},
    {"kind", "Recipe.", true},
    {"name", "The recipe's name, unique in its folder: 1 to 63 of a-z, 0-9 and \"_\", a letter first.", true},
    {"version", "Counts up whenever the recipe's results change; an integer ≥ 1.", true},
    {"description", "What the recipe is for, a sentence.", false},
    {"intents", "The manifest's intents that select this recipe.", false},
    {"type", "The type of files that it takes.", true},
    {"engine",
     "Where its SQL runs; without it postgis for vector, table and rasters that a step makes vectors of, none for other rasters "
     "and grid.",
     false},
    {"geometry_column", "The name of the one geometry column, before and after every step.", false},
    {"default", "true: also taken for intents that no recipe has, for files of its type.", false},
    {"params", "Values that a manifest may give, by name; written ${name} where they are used.", false},
    {"inputs", "How the files of a batch become tables: each (for itself), merge (all into one) or roles.", false},
    {"steps", "What is done to the data, in order; one step an item.", false},
    {"checks", "What has to hold after the steps.", false},
    {"outputs", "What is written to the lake.", true},
    {"tests", "Rows in and rows out, for `sluice recipe test`; they may also stand in a file beside the recipe.", false},
};
const size_t sl_recipe__n_fields = sizeof sl_recipe__fields / sizeof *sl_recipe__fields;

const char *const sl_recipe__types[] = {"vector", "raster", "grid", "table", NULL};
const char *const sl_recipe__engines[] = {"postgis", "duckdb", "none", NULL};

/* A recipe being read. */
struct reader {
    struct sl_binder b;
    struct json_object *root;
    struct sl_recipe *recipe;
    bool ok;
};

#define SYNTAX SL_E_RECIPE_SCHEMA

static void expected(struct reader *r, const char *key, const char *what, struct json_object *value)
{
    struct sl_arena *arena = r->b.arena;
    sl_binder__problem(&r->b, SYNTAX, sl_recipe__pointer(arena, "", key), "%s: expected %s, found %s", key, what,
                       sl_recipe__show(arena, value));
    r->ok = false;
}

/* ---- scalars of the top level ---- */

static bool has(const struct reader *r, const char *key, struct json_object **value)
{
    return json_object_object_get_ex(r->root, key, value);
}

static void read_constant(struct reader *r, const char *key, const char *constant)
{
    struct json_object *value;
    if (!has(r, key, &value))
        return;
    const char *text = sl_recipe__string(value);
    if (!text || strcmp(text, constant) != 0)
        expected(r, key, constant, value);
}

static const char *read_choice(struct reader *r, const char *key, const char *const *choices, const char *fallback)
{
    struct json_object *value;
    const char *list = "one of";
    if (!has(r, key, &value))
        return fallback;
    const char *text = sl_recipe__string(value);
    size_t n = 0;
    for (; choices[n]; n++) {
        if (text && !strcmp(choices[n], text))
            return choices[n];
        list = sl_arena_printf(r->b.arena, "%s%s %s", list, n ? "," : "", choices[n]);
    }
    sl_binder__problem(&r->b, SYNTAX, sl_recipe__pointer(r->b.arena, "", key), "%s: expected %s, found %s%s", key, list,
                       sl_recipe__show(r->b.arena, value),
                       text ? sl_recipe__meant(r->b.arena, text, choices, n) : "");
    r->ok = false;
    return fallback;
}

static bool word_of(const char *text, size_t max, const char *first, const char *rest)
{
    size_t n = strlen(text);
    return n > 0 && n <= max && strchr(first, *text) && strspn(text, rest) == n;
}

#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static void read_name(struct reader *r)
{
    struct json_object *value;
    if (!has(r, "name", &value))
        return;
    const char *text = sl_recipe__string(value);
    if (text && word_of(text, 63, LOWER, LOWER DIGITS "_"))
        r->recipe->name = text;
    else
        expected(r, "name", "1 to 63 of a-z, 0-9 and \"_\", a letter first", value);
}

static void read_version(struct reader *r)
{
    struct json_object *value;
    if (!has(r, "version", &value))
        return;
    r->recipe->version = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    if (r->recipe->version < 1)
        expected(r, "version", "an integer ≥ 1", value);
}

static void read_texts(struct reader *r)
{
    struct json_object *value;
    if (has(r, "description", &value)) {
        r->recipe->description = sl_recipe__string(value);
        if (!r->recipe->description || strlen(r->recipe->description) > SL_RECIPE__MAX_STRING)
            expected(r, "description", "a text", value);
    }
    r->recipe->geometry_column = "geom";
    if (has(r, "geometry_column", &value)) {
        const char *text = sl_recipe__string(value);
        if (text && word_of(text, 63, LETTERS "_", LETTERS DIGITS "_"))
            r->recipe->geometry_column = text;
        else
            expected(r, "geometry_column", "1 to 63 letters, digits and \"_\", a letter first", value);
    }
    if (has(r, "default", &value)) {
        r->recipe->is_default = json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
        if (!json_object_is_type(value, json_type_boolean))
            expected(r, "default", "true or false", value);
    }
}

static void read_intents(struct reader *r)
{
    struct json_object *value, *item;
    struct sl_recipe *recipe = r->recipe;
    if (!has(r, "intents", &value))
        return;
    size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    if (n == 0 || n > SL_RECIPE__MAX_INTENTS) {
        expected(r, "intents", sl_arena_printf(r->b.arena, "a list of 1 to %d intents", SL_RECIPE__MAX_INTENTS), value);
        return;
    }
    const char **intents = sl_arena_array(r->b.arena, n, sizeof *intents);
    recipe->intents = intents;
    for (size_t i = 0; i < n; i++) {
        const char *pointer = sl_arena_printf(r->b.arena, "/intents/%zu", i);
        item = json_object_array_get_idx(value, i);
        const char *text = sl_recipe__string(item);
        bool twice = false;
        for (size_t j = 0; text && j < recipe->n_intents; j++)
            twice = twice || !strcmp(intents[j], text);
        if (text && !twice && word_of(text, SL_RECIPE__MAX_NAME, LETTERS, LETTERS DIGITS "_.-")) {
            intents[recipe->n_intents++] = text;
            continue;
        }
        sl_binder__problem(&r->b, SYNTAX, pointer,
                           twice ? "intents: %s is there twice"
                                 : "intents: expected letters, digits, \"_\", \".\" and \"-\", a letter first, found %s",
                           sl_recipe__show(r->b.arena, item));
        r->ok = false;
    }
}

/* ---- steps, checks, outputs ---- */

/* `- simplify: {…}`: a mapping of one member, whose value is a mapping or nothing. */
static bool read_item(struct reader *r, const char *noun, const char *pointer, struct json_object *value,
                      struct sl_recipe_item *out)
{
    struct sl_arena *arena = r->b.arena;
    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1) {
        const char *text = sl_recipe__string(value);
        const char *hint = text ? sl_arena_printf(arena, ", write `%s: {}`", text) : "";
        bool many = json_object_is_type(value, json_type_object);
        sl_binder__problem(&r->b, SYNTAX, pointer,
                           many ? "expected a mapping of one %s, found %s%s" : "expected a %s with its options, found %s%s",
                           noun,
                           many ? sl_arena_printf(arena, "%d members", json_object_object_length(value))
                                : sl_recipe__show(arena, value),
                           hint);
        return false;
    }
    json_object_object_foreach(value, kind, options)
    {
        *out = (struct sl_recipe_item){.kind = kind, .options = options};
        out->pointer = sl_recipe__pointer(arena, pointer, kind);
    }
    if (!sl_doc_where_key(r->b.doc, out->pointer, &out->line, &out->column))
        sl_doc_where(r->b.doc, pointer, &out->line, &out->column);
    return true;
}

static void read_items(struct reader *r, const char *key, const char *noun, size_t max, struct sl_recipe_item **items,
                       size_t *n_items)
{
    struct json_object *value;
    *n_items = 0;
    if (!has(r, key, &value) || (!value && strcmp(key, "outputs") != 0))
        return;
    size_t n = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    bool needed = !strcmp(key, "outputs");
    if (!json_object_is_type(value, json_type_array) || n > max || (needed && n == 0)) {
        const char *found = n > max ? sl_arena_printf(r->b.arena, "%zu", n) : sl_recipe__show(r->b.arena, value);
        sl_binder__problem(&r->b, n > max ? SL_E_LIMIT : SYNTAX, sl_recipe__pointer(r->b.arena, "", key),
                           "%s: expected a list of %s%zu, found %s", key, needed ? "1 to " : "at most ", max, found);
        r->ok = false;
        return;
    }
    *items = sl_arena_array(r->b.arena, n, sizeof **items);
    for (size_t i = 0; i < n; i++) {
        const char *pointer = sl_arena_printf(r->b.arena, "/%s/%zu", key, i);
        if (read_item(r, noun, pointer, json_object_array_get_idx(value, i), &(*items)[*n_items]))
            (*n_items)++;
        else
            r->ok = false;
    }
}

/* ---- the whole ---- */

static void check_members(struct reader *r)
{
    const char *names[32];
    size_t n = 0;
    for (; n < sl_recipe__n_fields; n++)
        names[n] = sl_recipe__fields[n].name;
    json_object_object_foreach(r->root, key, value)
    {
        bool known = false;
        (void)value;
        for (size_t i = 0; i < n; i++)
            known = known || !strcmp(names[i], key);
        if (known)
            continue;
        sl_binder__problem_at_key(&r->b, SYNTAX, sl_recipe__pointer(r->b.arena, "", key), "a recipe has no \"%s\"%s",
                                  key, sl_recipe__meant(r->b.arena, key, names, n));
        r->ok = false;
    }
    for (size_t i = 0; i < n; i++)
        if (sl_recipe__fields[i].required && !has(r, names[i], NULL)) {
            sl_binder__problem(&r->b, SYNTAX, "", "\"%s\" is missing", names[i]);
            r->ok = false;
        }
}

/* Which steps are for rasters, and what comes out of them. */
static void divide_steps(struct reader *r, const struct sl_kinds *kinds)
{
    struct sl_recipe *recipe = r->recipe;
    recipe->output_type = recipe->type;
    recipe->n_raster_steps = strcmp(recipe->type, "raster") ? 0 : recipe->n_steps;
    for (size_t i = 0; i < recipe->n_raster_steps; i++)
        for (size_t k = 0; kinds->steps[k]; k++) {
            if (!kinds->steps[k]->vectorise || strcmp(kinds->steps[k]->name, recipe->steps[i].kind) != 0)
                continue;
            recipe->output_type = "vector";
            recipe->n_raster_steps = i + 1;
        }
}

static void read_engine(struct reader *r)
{
    struct sl_recipe *recipe = r->recipe;
    bool tabular = !strcmp(recipe->output_type, "vector") || !strcmp(recipe->output_type, "table");
    recipe->engine = read_choice(r, "engine", sl_recipe__engines, tabular ? "postgis" : "none");
    if (!tabular && strcmp(recipe->engine, "none") != 0) {
        sl_binder__problem(&r->b, SYNTAX, "/engine", "engine: expected none, since type %s has no table, found \"%s\"",
                           recipe->type, recipe->engine);
        r->ok = false;
    }
    if (tabular && !strcmp(recipe->engine, "none")) {
        sl_binder__problem(&r->b, SYNTAX, "/engine", "engine: expected postgis or duckdb for %s%s, found \"none\"",
                           sl_recipe_makes_vectors(recipe) ? "vectors that are made of a " : "type ", recipe->type);
        r->ok = false;
    }
}

static void check_whole(struct reader *r)
{
    struct sl_recipe *recipe = r->recipe;
    bool stepless = !strcmp(recipe->engine, "none") && strcmp(recipe->type, "raster") != 0 && recipe->n_steps > 0;
    if (stepless || (!strcmp(recipe->engine, "none") && recipe->n_checks > 0)) {
        const struct sl_recipe_item *item = stepless ? &recipe->steps[0] : &recipe->checks[0];
        sl_binder__problem_at_key(&r->b, SYNTAX, item->pointer, "type %s has no %s", recipe->type, stepless ? "steps" : "checks");
        r->ok = false;
    }
    if (recipe->n_intents == 0 && !recipe->is_default && !has(r, "intents", NULL)) {
        sl_binder__problem(&r->b, SYNTAX, "", "\"intents\" is missing: without it, or default: true, nothing selects this "
                                              "recipe");
        r->ok = false;
    }
}

static void bind_with_defaults(struct reader *r, const struct sl_kinds *kinds)
{
    struct sl_bound_recipe scratch = {0};
    struct sl_recipe *recipe = r->recipe;
    r->b.params = recipe->params;
    r->b.n_params = recipe->n_params;
    r->b.values = sl_param__defaults(recipe, r->b.arena);
    r->b.values_complete = json_object_object_length(r->b.values) == (int)recipe->n_params;
    r->ok &= sl_items__bind(&r->b, recipe, kinds, &scratch);
}

/* Tests say what a recipe does and are no part of it. */
static void hash(struct sl_recipe *recipe)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    SL_CLEANUP(sl_json_putp) struct json_object *rest = json_object_new_object();
    json_object_object_foreach(recipe->doc->root, key, value)
        if (strcmp(key, "tests") != 0)
            sl_json_put(rest, key, json_object_get(value));
    sl_buf_init(&text, 64 * sl_json_limits_small.max_bytes);
    sl_json_canonical(rest, &text);
    sl_sha256_of(text.data, text.len, recipe->hash);
}

static bool read_recipe(struct reader *r, const struct sl_kinds *kinds)
{
    struct sl_recipe *recipe = r->recipe;
    struct json_object *params, *inputs, *tests;
    if (!json_object_is_type(r->root, json_type_object)) {
        sl_binder__problem(&r->b, SYNTAX, "", "expected a recipe, found %s", sl_recipe__show(r->b.arena, r->root));
        return false;
    }
    check_members(r);
    read_constant(r, "apiVersion", "sluice/v1");
    read_constant(r, "kind", "Recipe");
    read_name(r);
    read_version(r);
    read_texts(r);
    read_intents(r);
    recipe->type = read_choice(r, "type", sl_recipe__types, "vector");
    if (has(r, "params", &params) && params)
        r->ok &= sl_param__read(&r->b, params, recipe);
    if (has(r, "inputs", &inputs))
        r->ok &= sl_inputs__read(&r->b, inputs, recipe);
    read_items(r, "steps", "step", SL_RECIPE__MAX_STEPS, &recipe->steps, &recipe->n_steps);
    divide_steps(r, kinds);
    read_engine(r);
    read_items(r, "checks", "check", SL_RECIPE__MAX_CHECKS, &recipe->checks, &recipe->n_checks);
    read_items(r, "outputs", "output", SL_RECIPE__MAX_OUTPUTS, &recipe->outputs, &recipe->n_outputs);
    if (has(r, "tests", &tests) && tests)
        r->ok &= sl_test__read(&r->b, tests, recipe);
    check_whole(r);
    bind_with_defaults(r, kinds);
    return r->ok;
}

static void free_doc(void *doc)
{
    sl_doc_free(doc);
}

/* Lines of a file in the order of the file. */
static int by_place(const void *a, const void *b)
{
    const struct sl_lint *x = a, *y = b;
    return x->line != y->line ? x->line - y->line : x->column - y->column;
}

/* Insertion sort: few items, and those of one place stay in the order in which they were found. */
static void sort(struct sl_lint *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sl_lint item = items[i];
        size_t j = i;
        for (; j > 0 && by_place(&item, &items[j - 1]) < 0; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

int sl_recipe__load(const char *path, const struct sl_kinds *kinds, struct sl_arena *arena, struct sl_lints *lints,
                    const struct sl_recipe **out, struct sl_error *err)
{
    struct sl_doc *doc = NULL;
    struct sl_error why;
    size_t first = lints->n;
    int rc = sl_yaml_parse_file(path, &sl_json_limits_small, &doc, &why);
    *out = NULL;
    if (rc < 0 && (why.code == SL_E_IO || why.code == SL_E_FILE_MISSING)) {
        if (err)
            *err = why;
        return rc;
    }
    if (rc < 0) {
        sl_lints__add_syntax(lints, path, &why);
        return 0;
    }
    sl_arena_defer(arena, free_doc, doc);
    struct sl_recipe *recipe = sl_arena_alloc(arena, sizeof *recipe);
    *recipe = (struct sl_recipe){.name = "", .path = doc->name, .doc = doc};
    struct reader r = {.b = {.doc = doc, .value_code = SL_E_RECIPE_PARAM, .arena = arena, .lints = lints},
                       .root = doc->root,
                       .recipe = recipe,
                       .ok = true};
    bool fine = read_recipe(&r, kinds);
    sort(lints->items + first, lints->n - first);
    first = lints->n;
    rc = sl_test__read_beside(&r.b, recipe, &fine, err);
    if (rc == 0 && fine) {
        hash(recipe);
        *out = recipe;
    }
    sort(lints->items + first, lints->n - first);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recipe.h - recipes: read from YAML, linted, selected by intent, bound to a manifest's parameters.
 *
 * A recipe is read-only and lives in its set's arena; a bound recipe lives in the arena of its run. Every error has
 * file:line:column. Steps, checks and outputs come from the tables in struct sl_kinds. Threads: a set may be read by
 * several.
 */
#ifndef SLUICE_RECIPE_RECIPE_H
#define SLUICE_RECIPE_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>
#include <sluice/sys/step.h>

#include "json/json.h"
#include "recipe/test.h"

struct sl_recipe_item { /* a step, check or output as written: its options may still hold ${param} */
    const char *kind;
    struct json_object *options; /* borrowed */
    const char *pointer;         /* "/steps/0/simplify" */
    int line, column;
};

struct sl_recipe_param {
    const char *name, *type; /* "number", "integer", "string", "boolean", "crs", "column" */
    struct json_object *schema; /* as written: default, minimum, maximum, enum, description */
};

/* How the files of a batch become tables. */
enum sl_inputs_kind {
    SL_INPUTS_EACH,  /* each file, or layer, goes through the recipe for itself */
    SL_INPUTS_MERGE, /* all of them are one table */
    SL_INPUTS_ROLES  /* the manifest says what each file is for */
};

/* Files that become one table. */
struct sl_recipe_role {
    const char *name; /* NULL: all files of the batch, for SL_INPUTS_MERGE */
    bool main;        /* the table that the steps begin with; of exactly one role */
    bool required, many;
    const char *source_column; /* that says which file a row is from; NULL: none */
    enum sl_mismatch mismatch;
};

struct sl_recipe_inputs {
    enum sl_inputs_kind kind;
    struct sl_recipe_role *roles; /* none of EACH, one of MERGE */
    size_t n_roles;
};

struct sl_recipe {
    const char *name;
    int64_t version;
    const char *description; /* may be NULL */
    const char *const *intents; /* n_intents */
    size_t n_intents;
    const char *type;   /* "vector", "raster", … */
    const char *output_type; /* of what checks and outputs get: type, or "vector" where a step makes vectors of rasters */
    size_t n_raster_steps;   /* the first ones of a raster recipe, to that step; the rest are for vectors */
    const char *engine; /* "postgis", "duckdb", "none" */
    const char *geometry_column; /* "geom" */
    bool is_default;    /* `default: true`: taken for unknown intents of its type */
    struct sl_recipe_param *params;
    size_t n_params;
    struct sl_recipe_inputs inputs;
    struct sl_recipe_item *steps, *checks, *outputs;
    size_t n_steps, n_checks, n_outputs;
    struct sl_recipe_test *tests; /* of the recipe, then those of the file beside it */
    size_t n_tests;
    const char *path;   /* file */
    char hash[65];      /* SHA-256 of its canonical JSON without tests: comments and layout don't count */
    const struct sl_doc *doc;
};

/* A problem that lint found. */
struct sl_lint {
    const char *path;
    int line, column;
    bool error; /* else a warning */
    const char *code, *message;
};

struct sl_lints {
    struct sl_lint *items;
    size_t n, capacity;     /* at most 100 are kept */
    struct sl_arena *arena; /* owns items and texts; set by the caller */
};

/* The role of that name, or NULL. */
const struct sl_recipe_role *sl_recipe_role(const struct sl_recipe *recipe, const char *name);

struct sl_recipe_set;

/* Reads every *.yaml of the folders (NULL-ended list; one that is not there is skipped); of two recipes with one name, one
 * intent or default for one type the earlier folder's wins. A recipe with errors is left out and its lints kept; two
 * recipes of one name, one intent or default for one type in one folder is an error of both. `kinds` must outlive the set. */
int sl_recipe_set_load(const char *const *folders, const struct sl_kinds *kinds, struct sl_recipe_set **out,
                       struct sl_error *err);
void sl_recipe_set_free(struct sl_recipe_set *set);
size_t sl_recipe_set_count(const struct sl_recipe_set *set);
const struct sl_recipe *sl_recipe_set_at(const struct sl_recipe_set *set, size_t i); /* by name */
const struct sl_lints *sl_recipe_set_lints(const struct sl_recipe_set *set);
/* One file, whether in a set or not: all problems in lints; *out NULL when it has errors. Owned by the set. */
int sl_recipe_lint_file(struct sl_recipe_set *set, const char *path, struct sl_lints *lints,
                        const struct sl_recipe **out, struct sl_error *err);
/* SL_E_RECIPE_NOT_FOUND with the nearest name, or the name of the recipe that has it as intent. */
int sl_recipe_by_name(const struct sl_recipe_set *set, const char *name, const struct sl_recipe **out,
                      struct sl_error *err);
/* By intent. No recipe for it: the default one of the type with *fallback true, or under strict (or without a default)
 * SL_E_RECIPE_INTENT with the nearest intent; so is an intent whose recipe is for another type. type NULL: any, and
 * then there is no default. */
/* Of tables without geometry. */
bool sl_recipe_is_table(const struct sl_recipe *recipe);
int sl_recipe_select(const struct sl_recipe_set *set, const char *intent, const char *type, bool strict,
                     const struct sl_recipe **out, bool *fallback, struct sl_error *err);

/* ---- bound to parameters ---- */

struct sl_step {
    const struct sl_step_kind *kind;
    void *options;
    const struct sl_recipe_item *item;
};

struct sl_check {
    const struct sl_check_kind *kind;
    void *options;
    enum sl_on_fail on_fail;
    const struct sl_recipe_item *item;
};

struct sl_output {
    const struct sl_output_kind *kind;
    void *options;
    const char *dataset; /* NULL: the manifest's, or the file's stem */
    bool thumbnail;      /* a small PNG beside the asset */
    const struct sl_recipe_item *item;
};

struct sl_bound_recipe {
    const struct sl_recipe *recipe;
    bool fallback;
    size_t steps_before;        /* of the recipe, that are not in this part of it (sl_recipe_vector_part) */
    struct json_object *params; /* all of them with their values, in order of name; lives with the arena */
    struct sl_step *steps;
    struct sl_check *checks;
    struct sl_output *outputs;
};

/* given: the manifest's `params` (NULL: none). SL_E_MANIFEST_PARAM names an unknown parameter (with the nearest) or a
 * wrong value. */
int sl_recipe_bind(const struct sl_recipe *recipe, const struct sl_kinds *kinds, struct json_object *given,
                   struct sl_arena *arena, struct sl_bound_recipe *out, struct sl_error *err);

/* Does a step make vectors of rasters? */
bool sl_recipe_makes_vectors(const struct sl_recipe *recipe);
/* What comes after the steps on rasters, as a recipe for vectors; of other recipes all of it. In the arena. */
void sl_recipe_vector_part(const struct sl_bound_recipe *bound, struct sl_arena *arena, struct sl_bound_recipe *out);

/* schemas/recipe.schema.json: draft-07, from the tables. The caller owns it. */
struct json_object *sl_recipe_schema(const struct sl_kinds *kinds);
/* `step show`: name, summary, options with types, defaults and help, an example. */
void sl_recipe_describe_step(const struct sl_step_kind *kind, struct sl_buf *out);
void sl_recipe_describe_check(const struct sl_check_kind *kind, struct sl_buf *out);
void sl_recipe_describe_output(const struct sl_output_kind *kind, struct sl_buf *out);
/* [{name, type, required, default, minimum, maximum, choices, help}, …] for --json. The caller owns it. */
struct json_object *sl_recipe_options_json(const struct sl_options *options);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binder.h - inside of recipe/, and of what is read in the same way (source/): a tree bound to options' tables, every problem collected with its place.
 *
 * One binder serves a recipe's lint (values: the parameters' defaults; those without one are unknown and only their
 * types are checked) and its binding for a run (values: all of them). What it makes lives in `arena`.
 */
#ifndef SLUICE_RECIPE_BINDER_H
#define SLUICE_RECIPE_BINDER_H

#include "recipe/recipe.h"

enum {
    SL_RECIPE__MAX_STEPS = 64,
    SL_RECIPE__MAX_CHECKS = 64,
    SL_RECIPE__MAX_OUTPUTS = 16,
    SL_RECIPE__MAX_PARAMS = 64,
    SL_RECIPE__MAX_INTENTS = 64,
    SL_RECIPE__MAX_TESTS = 200,
    SL_RECIPE__MAX_COLUMNS = 1600, /* of a list; PostgreSQL's own limit of a table */
    SL_RECIPE__MAX_VALUES = 10000, /* of a list of accepted values */
    SL_RECIPE__MAX_NAME = 128,     /* bytes of an intent, a dataset */
    SL_RECIPE__MAX_COLUMN = 255,   /* bytes of a column's name */
    SL_RECIPE__MAX_STRING = 4096,  /* bytes of a string option */
    SL_RECIPE__MAX_LINTS = 100,
    SL_RECIPE__POINTER_BYTES = 4096
};

struct sl_binder {
    const struct sl_doc *doc;
    const struct sl_recipe_param *params;
    size_t n_params;
    struct json_object *values; /* NULL: no value is known */
    bool bare;                  /* its tables have no geometry */
    bool literal;               /* "${name}" is plain text here */
    bool values_complete;       /* values has every parameter: SQL templates get them */
    bool incomplete; /* an option of the item at hand is a parameter without a value: relations cannot be judged */
    enum sl_code value_code;    /* of a wrong value that came by a parameter */
    struct sl_arena *arena;
    struct sl_lints *lints;
};

/* An options' table and where its struct is. */
struct sl_binder_part {
    const struct sl_options *table;
    void *out; /* zeroed, table->struct_bytes */
};

/* -- problems.c -- */
void sl_binder__problem(struct sl_binder *b, enum sl_code code, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same at the place of a member's name rather than its value's. */
void sl_binder__problem_at_key(struct sl_binder *b, enum sl_code code, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void sl_lints__add(struct sl_lints *lints, struct sl_lint lint);
/* The error of a reader, with its place; a message without one stays whole. */
void sl_lints__add_syntax(struct sl_lints *lints, const char *path, const struct sl_error *why);
/* pointer + "/" + token, in the arena. */
const char *sl_recipe__pointer(struct sl_arena *arena, const char *pointer, const char *token);
/* ", did you mean \"x\"?" or "", in the arena. */
const char *sl_recipe__meant(struct sl_arena *arena, const char *word, const char *const *words, size_t n);
/* A value as messages quote it: "1 m", 12, a list, nothing; in the arena. */
const char *sl_recipe__show(struct sl_arena *arena, struct json_object *value);
/* A JSON string without NUL inside; NULL when it is something else. */
const char *sl_recipe__string(struct json_object *value);

/* -- options.c -- */
/* Binds the members of `given` (an object, or NULL for none) to the tables; a member that no table has, a missing one
 * and a wrong one are problems. Returns true when there was none. `what` names the owner: step "simplify". */
bool sl_options__bind(struct sl_binder *b, const struct sl_binder_part *parts, size_t n_parts,
                      struct json_object *given, const char *pointer, const char *what);
/* "a number ≥ 0": what an option's value has to be; in the arena. */
const char *sl_options__expects(struct sl_arena *arena, const struct sl_option *option);
/* The draft-07 schema of a mapping of these options (schema.c), and the definitions that such schemas refer to. */
struct json_object *sl_options__schema(const struct sl_options *table);
struct json_object *sl_options__definitions(void);
const struct sl_option *sl_options__find(const struct sl_options *table, const char *name);

/* -- params.c -- */
enum sl_param_type { SL_PARAM_NUMBER, SL_PARAM_INTEGER, SL_PARAM_STRING, SL_PARAM_BOOLEAN, SL_PARAM_CRS, SL_PARAM_COLUMN };
extern const char *const sl_param__types[]; /* in that order, NULL-ended */
extern const struct sl_options sl_param__options; /* of a declaration */
enum sl_param_type sl_param__type(const struct sl_recipe_param *param);
const struct sl_recipe_param *sl_param__find(const struct sl_recipe_param *params, size_t n, const char *name);
/* NULL when the value fits the declaration, else what is wrong with it: "expected a number ≥ 0, found …". */
const char *sl_param__check(const struct sl_recipe_param *param, struct json_object *value, struct sl_arena *arena);
/* ", did you mean …" among the declared ones. */
const char *sl_param__meant(struct sl_arena *arena, const struct sl_recipe_param *params, size_t n, const char *name);
/* Reads `params:`; false when there were problems. A faulty declaration leaves a parameter of type NULL, which fits
 * everywhere. */
bool sl_param__read(struct sl_binder *b, struct json_object *declared, struct sl_recipe *recipe);
/* The defaults as {name: value}; the arena owns it. */
struct json_object *sl_param__defaults(const struct sl_recipe *recipe, struct sl_arena *arena);
/* The object is put when the arena is freed. */
struct json_object *sl_recipe__keep(struct sl_arena *arena, struct json_object *value);

/* -- inputs.c -- */
enum { SL_RECIPE__MAX_ROLES = 32, SL_RECIPE__MAX_ROLE = 48 };
extern const struct sl_options sl_inputs__merge; /* of inputs: {merge: …} */
extern const struct sl_options sl_inputs__role;  /* of one role */
/* Reads `inputs:`; false when there were problems. */
bool sl_inputs__read(struct sl_binder *b, struct json_object *value, struct sl_recipe *recipe);

/* -- items.c -- */
const struct sl_options *sl_check__common(const struct sl_check_kind *kind); /* on_fail */
extern const struct sl_options sl_output__common; /* dataset */
/* Binds all steps, checks and outputs; problems are in b->lints. Items whose kind does not exist are left out of the
 * result (which is then of no use but for linting). */
bool sl_items__bind(struct sl_binder *b, const struct sl_recipe *recipe, const struct sl_kinds *kinds,
                    struct sl_bound_recipe *out);

/* -- test.c -- */
#define SL_RECIPE__TESTS_SUFFIX ".tests.yaml"
extern const struct sl_options sl_test__options;
/* Appends the tests of a list to the recipe's; false when there were problems. */
bool sl_test__read(struct sl_binder *b, struct json_object *list, struct sl_recipe *recipe);
/* Those of the file beside the recipe, if there is one. *ok becomes false when there were problems. */
int sl_test__read_beside(struct sl_binder *b, struct sl_recipe *recipe, bool *ok, struct sl_error *err);
const char *sl_test__path_beside(const char *recipe_path, struct sl_arena *arena);

/* -- load.c -- */
struct sl_recipe__field {
    const char *name, *help;
    bool required;
};
extern const struct sl_recipe__field sl_recipe__fields[]; /* of the top level, in the order of the schema */
extern const size_t sl_recipe__n_fields;
extern const char *const sl_recipe__types[], *const sl_recipe__engines[];

/* Reads and lints one file. *out NULL when it has errors. err only for what is no fault of the recipe (I/O). */
int sl_recipe__load(const char *path, const struct sl_kinds *kinds, struct sl_arena *arena, struct sl_lints *lints,
                    const struct sl_recipe **out, struct sl_error *err);

/* What is wrong with the fields that a test of type grid gives, in the arena; NULL: nothing. */
const char *sl_test__fields_wrong(struct json_object *given, struct sl_arena *arena);

#endif

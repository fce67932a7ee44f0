/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put_aside.h - the rows that break rules taken out of a table, by three statements.
 *
 * 1. a table of the rows that break any of the rules, with a flag for each rule and where the row lies;
 * 2. from that, the table that is published: all columns, the reasons, the geometry;
 * 3. the rows are deleted from the input, whose other rows stay where they are.
 * Every rule is evaluated once for every row, and all of them see the table as it was. Threads: none of it has state.
 */
#ifndef SLUICE_STEP_PUT_ASIDE_H
#define SLUICE_STEP_PUT_ASIDE_H

#include "recipe/recipe.h"
#include "step/step.h"

struct sl_put_aside {
    const struct sl_check *const *checks; /* all have a predicate */
    size_t n;
    const char *broken; /* the first table's name, in the input's schema */
    /* set by sl_put_aside_find */
    const char *row;      /* its column that says where a row lies */
    const char **flags;   /* n: its columns that say which rules a row breaks */
    const char *reasons;  /* the second table's column: a list of texts, "not_null: no value in name" */
};

/* 1. The SELECT of the rows that break a rule; fills the names in `p`, which live in the context's arena. */
int sl_put_aside_find(struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out,
                      struct sl_error *err);
/* How many rows break rule i: a SELECT of one number. */
void sl_put_aside_count(const struct sl_put_aside *p, const struct sl_step_context *context, size_t i, struct sl_sql *out);
/* 2. */
void sl_put_aside_table(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out);
/* 3. */
void sl_put_aside_remove(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out);

#endif

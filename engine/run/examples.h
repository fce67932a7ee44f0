/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples.h - which rows break a rule, for the sentence about it.
 *
 * The feature id of a file is no column, so rows are named by a key: the columns of a check `unique` of the recipe, else a
 * column with one of the usual names of ids, else by where their geometry is.
 */
#ifndef SLUICE_RUN_EXAMPLES_H
#define SLUICE_RUN_EXAMPLES_H

#include "run/work.h"

/* ": id 7, id 9" of at most five, with ", …" where there are more; "" where rows have no key and no place. In the arena. */
int sl_work_examples(struct sl_work *work, const struct sl_check *check, const char **out, struct sl_error *err);

#endif

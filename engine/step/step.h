/* SPDX-License-Identifier: Apache-2.0 */
/* step.h - the registry of step and check kinds, and what builders share. One file per kind. */
#ifndef SLUICE_STEP_STEP_H
#define SLUICE_STEP_STEP_H

#include <sluice/sys/step.h>

#include "geo/sql.h"
#include "geo/table.h"

extern const struct sl_step_kind *const sl_steps[];   /* ended by NULL, in order of name */
extern const struct sl_check_kind *const sl_checks[];

const struct sl_step_kind *sl_step_by_name(const char *name); /* NULL when unknown */

/* Appends every column of the input but the geometry, each quoted and followed by ", "; where the columns are not known
 * yet, `t.* minus the geometry` as a comment that makes clear that this is an explanation. */
void sl_step_other_columns(const struct sl_step_context *context, struct sl_sql *out);
/* SL_E_RECIPE_OPTION when the input has no such column (with the nearest); fine while the columns are not known. */
int sl_step_require_column(const struct sl_step_context *context, const char *column, struct sl_error *err);

/* The transform's SELECT or the index's statement. */
int sl_step_sql(const struct sl_step_kind *kind, const void *options, const struct sl_step_context *context,
                struct sl_sql *out, struct sl_error *err);

#endif

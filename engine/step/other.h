/* SPDX-License-Identifier: Apache-2.0 */
/* other.h - inside of step/: the table beside its input that a step reads, as its options name it. */
#ifndef SLUICE_STEP_OTHER_H
#define SLUICE_STEP_OTHER_H

#include <sluice/sys/step.h>

#include "geo/sql.h"

struct sl_step_other {
    const char *role, *dataset;
    int64_t version;
};

/* The three options, for a struct with a member `other`. */
#define SL_STEP__OTHER(options)                                                                                        \
    {.name = "role",                                                                                                   \
     .type = SL_OPT_STRING,                                                                                            \
     .default_json = "null",                                                                                           \
     .offset = offsetof(struct options, other.role),                                                                   \
     .help = "The other table: the files that have this role, one of the recipe's inputs. A batch without such a file, " \
             "where the role is not required: the step is left out."},                                                 \
        {.name = "dataset",                                                                                            \
         .type = SL_OPT_STRING,                                                                                        \
         .default_json = "null",                                                                                       \
         .offset = offsetof(struct options, other.dataset),                                                            \
         .help = "The other table: a dataset in the lake, as GeoParquet."},                                            \
        {.name = "version",                                                                                            \
         .type = SL_OPT_VERSION,                                                                                       \
         .default_json = "\"latest\"",                                                                                 \
         .offset = offsetof(struct options, other.version),                                                            \
         .help = "Of the dataset. latest: the one that is the latest when the batch runs; the run document says which, " \
                 "and a replay takes the same."}

bool sl_step_other_given(const struct sl_step_other *other);
/* Exactly one of role and dataset. */
int sl_step_other_validate(const struct sl_step_other *other, struct sl_error *err);
size_t sl_step_other_reads(const struct sl_step_other *other, struct sl_table_ref out[SL_STEP_TABLES_MAX]);
int sl_step_other_find(const struct sl_step_context *context, const struct sl_step_other *other, bool placed,
                       struct sl_other_table *out, struct sl_error *err);
/* SELECT * FROM the input: what a step is whose other table is absent. */
void sl_step_other_absent(const struct sl_step_context *context, struct sl_sql *out);

#endif

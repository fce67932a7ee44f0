/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.h - one table on its way through a bound recipe in a compute session: loaded, taken through the steps, checked.
 *
 * Around every step stand the geometry contract (exactly one geometry column, of the recipe's name), the CRS, and the
 * count of rows: what a step drops or adds is counted under its policy. Knows no batch and no ledger, so that a batch and
 * a recipe's test go the same way. The caller owns everything that a struct sl_work points to, and the session.
 * Threads: one.
 */
#ifndef SLUICE_RUN_WORK_H
#define SLUICE_RUN_WORK_H

#include <sluice/sys/compute.h>

#include "geo/crs.h"
#include "geo/table.h"
#include "recipe/plan.h"
#include "step/merge.h"
#include "step/step.h"

struct json_object;

/* A table beside the current one, that steps may read: of a role, or a dataset. */
struct sl_work_table {
    struct sl_table_ref ref;
    const char *name;         /* in messages: "role zones", "districts v3" */
    const struct sl_crs *crs; /* NULL: it has no geometry */
    struct sl_table table;
    bool absent, indexed;
    struct sl_work_placed *placed; /* copies in other systems */
};

/* What steps made on the way (copies, indexes) stays known, also when a pass is begun again. */
struct sl_work_tables {
    struct sl_work_table *items;
    size_t n, n_made;
};

struct sl_work {
    struct sl_compute *compute;
    struct sl_compute_session *session;
    const struct sl_bound_recipe *bound;
    const struct sl_plan *plan;
    struct sl_arena *arena;
    struct json_object *dropped;  /* policy → rows; borrowed */
    struct json_object *added;    /* step → rows; borrowed */
    struct json_object *warnings; /* texts; borrowed */
    struct json_object *reasons;  /* check → rows that it put aside; borrowed; may be NULL */
    /* May be NULL. Asked before each pass: a negative code ends the work (the lease is gone). */
    int (*may_go_on)(void *data, struct sl_error *err);
    void *data;
    const struct sl_previous *previous; /* the dataset's last version; NULL: not known. Borrowed */
    const struct sl_crs *crs; /* of the current table; the caller sets that of the input */
    struct sl_table table;    /* the current one */
    size_t passes_done;       /* of the plan, while loading */
    struct sl_table aside;    /* rows that checks put aside, with their reasons; without a name: none were */
    struct sl_work_tables *others;
};

/* What a builder of SQL is told about the current table. */
struct sl_step_context sl_work_context(struct sl_work *work);
/* The layer becomes the table `raw_data`. `vector` stays the caller's. Where the engine can, and the plan's first pass makes
 * one row of each by steps of the engine's own, it becomes what that pass makes, and is never stored as it was. */
int sl_work_load(struct sl_work *work, struct sl_vector *vector, struct sl_error *err);
/* A layer that is to be merged with others: a table of its own, and its columns. `part` has its name and source. */
int sl_work_load_part(struct sl_work *work, struct sl_vector *vector, const struct sl_crs *crs, struct sl_merge_part *part,
                      struct sl_error *err);
/* The parts become one table in the CRS `crs`, and are dropped. *out is what it looks like, with its count of rows. */
int sl_work_merge(struct sl_work *work, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                  const struct sl_crs *crs, const char *table, struct sl_table *out, struct sl_error *err);
/* The same for the table that the steps begin with, `raw_data`, in the system of the work. */
int sl_work_merge_main(struct sl_work *work, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                       struct sl_error *err);
/* A layer, or a dataset's file, becomes a table beside the current one; `other` has its ref and name, and gets its table. */
int sl_work_load_other(struct sl_work *work, struct sl_vector *vector, const struct sl_crs *crs, struct sl_work_table *other,
                       struct sl_error *err);
int sl_work_load_dataset(struct sl_work *work, const struct sl_parquet_file *file, struct sl_work_table *other,
                         struct sl_error *err);
int sl_work_merge_other(struct sl_work *work, const struct sl_recipe_role *role, const struct sl_merge_part *parts, size_t n,
                        struct sl_work_table *other, struct sl_error *err);
/* work->others, made when there are none. */
struct sl_work_tables *sl_work_tables(struct sl_work *work);
/* What struct sl_step_context.other is; data is the work. */
int sl_work_other(void *data, const struct sl_table_ref *ref, bool placed, struct sl_other_table *out, struct sl_error *err);
/* The plan's first pass on the layer as it is read. *done: it was; else nothing has changed. */
int sl_work_load_through(struct sl_work *work, struct sl_vector *vector, bool *done, struct sl_error *err);
/* A sentence into the warnings, once. */
void sl_work_note(void *data, const char *sentence);
/* All passes of the plan. Errors name the step. */
int sl_work_steps(struct sl_work *work, struct sl_error *err);
/* First the checks that put rows aside, all in one query; they are dropped under the policy "quarantine". Then the others,
 * in order, on the rows that are left: SL_E_CHECK_FAILED for the first that fails, a warning for one that only warns. */
int sl_work_checks(struct sl_work *work, struct sl_error *err);

/* Describes a table of the session as the current one and holds it to the contract. `after` names the step that made it. */
int sl_work_look_at(struct sl_work *work, const char *table, const char *after, struct sl_error *err);
/* Exactly one geometry column, of the agreed name: SL_E_GEOMETRY_CONTRACT. */
int sl_work_check_contract(const struct sl_work *work, const char *after, struct sl_error *err);
/* A step of the author's own SQL may have moved the geometry into another system: the SRID says which. */
int sl_work_follow_crs(struct sl_work *work, const char *after, struct sl_error *err);

#endif

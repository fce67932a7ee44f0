/* SPDX-License-Identifier: Apache-2.0 */
/* The passes of a plan, and what each does to columns, CRS and the count of rows. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "geo/sql.h"
#include "json/json.h"
#include "run/work.h"

static void count_difference(struct sl_work *w, const struct sl_step_kind *kind, int64_t before, int64_t after)
{
    struct json_object *into = after < before ? w->dropped : w->added;
    const char *policy = kind->drops ? kind->drops : kind->name;
    int64_t n = after < before ? before - after : after - before;
    if (n > 0)
        sl_json_put_int(into, policy, sl_json_int(into, policy, 0) + n);
}

/* The CRS after a step is known by its options, or (a step of the author's own SQL) by the SRID. */
static int enter_crs(struct sl_work *w, const struct sl_step *step, struct sl_error *err)
{
    const char *crs_after = step->kind->crs_after ? step->kind->crs_after(step->options) : NULL;
    if (!crs_after)
        return 0;
    struct sl_crs *crs = sl_arena_alloc(w->arena, sizeof *crs);
    int rc = sl_crs_parse(crs_after, w->arena, crs, err);
    w->crs = crs;
    return rc;
}

static void count(struct json_object *into, const char *policy, int64_t n)
{
    if (n > 0)
        sl_json_put_int(into, policy, sl_json_int(into, policy, 0) + n);
}

/* How many rows of the input are in the output, where a step may drop some and add others. */
static int count_kept(struct sl_work *w, const struct sl_step *step, int64_t *kept, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    *kept = w->table.rows;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = step->kind->kept(&context, step->options, &sql, err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    return rc < 0 || sql.buf.len == 0 ? rc : w->compute->ops->query_int(w->session, sql.buf.data, kept, err);
}

static int count_rows(struct sl_work *w, const struct sl_step *step, int64_t before, int64_t kept, int64_t after,
                      struct sl_error *err)
{
    if (!step->kind->kept) {
        count_difference(w, step->kind, before, after);
        return 0;
    }
    int rc = step->kind->judge ? step->kind->judge(step->options, before, kept, after, err) : 0;
    if (rc == 0 && (kept > before || kept > after))
        rc = sl_fail(err, SL_E_ROWS_LOST, "step %s made %" PRId64 " rows of %" PRId64 ", and has %" PRId64 " of them",
                     step->kind->name, after, before, kept);
    count(w->dropped, step->kind->drops ? step->kind->drops : step->kind->name, before - kept);
    count(w->added, step->kind->name, after - kept);
    return rc;
}

static int transform(struct sl_work *w, const struct sl_step *step, const char *sql, const char *name,
                     struct sl_error *err)
{
    int64_t before = w->table.rows, rows = 0, kept = 0;
    int rc = step->kind->kept ? count_kept(w, step, &kept, err) : 0;
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql, name, &rows, err);
    if (rc < 0)
        return rc;
    rc = sl_work_look_at(w, name, step->kind->name, err);
    if (rc < 0)
        return rc;
    w->table.rows = rows;
    if ((step->kind->flags & SL_STEP_KEEPS_ROWS) && rows != before)
        return sl_fail(err, SL_E_ROWS_LOST, "step %s made %" PRId64 " rows of %" PRId64, step->kind->name, rows,
                       before);
    rc = count_rows(w, step, before, kept, rows, err);
    if (rc == 0)
        rc = enter_crs(w, step, err);
    return rc < 0 ? rc : sl_work_follow_crs(w, step->kind->name, err);
}

static int build_step(struct sl_work *w, const struct sl_step *step, struct sl_sql *sql, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    int rc = sl_step_sql(step->kind, step->options, &context, sql, err);
    return rc < 0 ? rc : sl_sql_check(sql, err);
}

static int run_step(struct sl_work *w, size_t i, struct sl_error *err)
{
    const struct sl_step *step = &w->bound->steps[i];
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = build_step(w, step, &sql, err);
    if (rc == 0)
        rc = step->kind->class_ == SL_STEP_TRANSFORM
                 ? transform(w, step, sql.buf.data, sl_plan_table_name(w->bound, i, w->arena), err)
                 : w->compute->ops->execute(w->session, sql.buf.data, err);
    if (rc < 0 && (rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT))
        sl_error_prefix(err, "step %zu (%s) of recipe %s", w->bound->steps_before + i + 1, step->kind->name, w->bound->recipe->name);
    return rc;
}

/* What w's current table would be after this step of a query that makes no table yet. */
static int enter_query(struct sl_work *w, const struct sl_step *step, const char *select, struct sl_error *err)
{
    struct sl_table found = {0};
    if (!(step->kind->flags & SL_STEP_KEEPS_COLUMNS)) {
        int rc = w->compute->ops->describe_query(w->session, select, w->arena, &found, err);
        if (rc < 0)
            return rc;
        w->table.columns = found.columns;
        w->table.n_columns = found.n_columns;
        w->table.geometry = found.geometry;
        rc = sl_work_check_contract(w, step->kind->name, err);
        if (rc < 0)
            return rc;
    }
    w->table.query = select;
    int rc = enter_crs(w, step, err);
    return rc < 0 || !w->crs ? rc : w->compute->ops->srid(w->compute, w->crs, &w->table.srid, err);
}

/* One SELECT of a pass's transforms; w is then where it would be after them. *changes: the step that may change the number
 * of rows, or NULL; *known: the columns are as they were. */
static int fuse(struct sl_work *w, const struct sl_pass *pass, const struct sl_step **changes, bool *known,
                struct sl_error *err)
{
    int rc = 0;
    for (size_t i = pass->from; rc == 0 && i < pass->to; i++) {
        const struct sl_step *step = &w->bound->steps[i];
        if (step->kind->class_ != SL_STEP_TRANSFORM)
            continue;
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
        rc = build_step(w, step, &sql, err);
        if (rc == 0)
            rc = enter_query(w, step, sl_arena_strdup(w->arena, sql.buf.data), err);
        *known = *known && (step->kind->flags & SL_STEP_KEEPS_COLUMNS);
        if (!(step->kind->flags & SL_STEP_KEEPS_ROWS))
            *changes = step;
    }
    return rc;
}

static int drop(struct sl_work *w, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_sql_text(&sql, "DROP TABLE ");
    sl_sql_table(&sql, w->session->schema, name);
    int rc = sl_sql_check(&sql, err);
    return rc < 0 ? rc : w->compute->ops->execute(w->session, sql.buf.data, err);
}

/* What is the fault of a step or of its SQL, and not of the world. */
static bool is_a_steps(int rc)
{
    return rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT || rc == -SL_E_GEOMETRY_CONTRACT || rc == -SL_E_RECIPE_OPTION ||
           rc == -SL_E_RECIPE_STEP || rc == -SL_E_CRS_UNKNOWN || rc == -SL_E_CRS_MISSING;
}

static int after_fused(struct sl_work *w, const struct sl_pass *pass, const struct sl_table *before, bool known,
                       struct sl_error *err)
{
    const char *last = w->bound->steps[pass->to - 1].kind->name;
    if (!known) {
        int rc = sl_work_look_at(w, pass->table, last, err);
        return rc < 0 ? rc : sl_work_follow_crs(w, last, err);
    }
    /* Steps of the engine's own that keep columns: what the table has is known. */
    w->table = *before;
    w->table.name = pass->table;
    return w->crs ? w->compute->ops->srid(w->compute, w->crs, &w->table.srid, err) : 0;
}

/* Several steps in one pass. Where that fails, or has another number of rows than it may, they are run one by one, so that
 * the error is of the step that made it and each has its own time: then *done is false and nothing has changed. */
static int run_fused(struct sl_work *w, const struct sl_pass *pass, bool *done, struct sl_error *err)
{
    const struct sl_work before = *w;
    const struct sl_step *changes = NULL;
    bool known = true, made = false;
    int64_t rows = 0;
    int rc = fuse(w, pass, &changes, &known, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, w->table.query, pass->table, &rows, err);
    made = rc == 0;
    if (made && !changes && rows != before.table.rows)
        rc = -SL_E_ROWS_LOST;
    if (rc < 0) {
        *w = before;
        if (!made && !is_a_steps(rc))
            return rc;
        sl_error_clear(err);
        return made ? drop(w, pass->table, err) : 0;
    }
    *done = true;
    rc = after_fused(w, pass, &before.table, known, err);
    w->table.rows = rows;
    if (rc == 0 && changes)
        count_difference(w, changes->kind, before.table.rows, rows);
    return rc;
}

/* A row from each row, by SQL that is known to read its input in one place. */
static bool passes_through(const struct sl_work *w)
{
    const unsigned wanted = SL_STEP_ROW_WISE | SL_STEP_KEEPS_ROWS;
    const struct sl_pass *pass = w->plan && w->plan->n ? &w->plan->passes[0] : NULL;
    if (!w->compute->ops->load_view || !pass || pass->kind != SL_PASS_TABLE || w->plan->materialized ||
        sl_recipe_is_table(w->bound->recipe))
        return false;
    for (size_t i = pass->from; i < pass->to; i++) {
        const struct sl_step_kind *kind = w->bound->steps[i].kind;
        if (kind->class_ != SL_STEP_TRANSFORM || (kind->flags & wanted) != wanted || kind->flags & SL_STEP_UNTRUSTED ||
            kind->kept)
            return false;
    }
    return true;
}

/* raw_data is there to be read: from here on an error may be of a step, and then the pass is run again from a table. */
static int through(struct sl_work *w, const struct sl_pass *pass, struct sl_table *loaded, bool *known, int64_t *rows,
                   struct sl_error *err)
{
    const struct sl_step *changes = NULL;
    int rc = sl_work_look_at(w, "raw_data", "loading", err);
    if (rc == 0)
        rc = sl_work_follow_crs(w, "loading", err);
    *loaded = w->table;
    if (rc == 0)
        rc = fuse(w, pass, &changes, known, err);
    return rc < 0 ? rc : w->compute->ops->transform(w->session, w->table.query, pass->table, rows, err);
}

int sl_work_load_through(struct sl_work *w, struct sl_vector *vector, bool *done, struct sl_error *err)
{
    if (!passes_through(w))
        return 0;
    const struct sl_work before = *w;
    const struct sl_pass *pass = &w->plan->passes[0];
    struct sl_table loaded = {0};
    struct sl_error why = {0};
    bool known = true;
    int64_t rows = 0, read = 0;
    int rc = w->compute->ops->load_view(w->session, vector, w->crs, "raw_data", err);
    if (rc < 0)
        return rc;
    int made = through(w, pass, &loaded, &known, &rows, &why);
    rc = w->compute->ops->load_view_end(w->session, vector, "raw_data", made, &read, &why);
    if (rc < 0 || rows != read) {
        *w = before;
        int dropped = made < 0 ? 0 : drop(w, pass->table, &why);
        rc = rc < 0 ? rc : dropped;
        if (rc == 0 || is_a_steps(rc))
            return 0;
        if (err)
            *err = why;
        return rc;
    }
    rc = after_fused(w, pass, &loaded, known, err);
    w->table.rows = rows;
    w->passes_done = 1;
    *done = rc == 0;
    return rc;
}

static int run_pass(struct sl_work *w, const struct sl_pass *pass, struct sl_error *err)
{
    bool done = pass->kind == SL_PASS_SKIP;
    int rc = 0;
    if (pass->transforms > 1)
        rc = run_fused(w, pass, &done, err);
    for (size_t i = pass->from; rc == 0 && !done && i < pass->to; i++)
        if (pass->kind == SL_PASS_INDEX || w->bound->steps[i].kind->class_ == SL_STEP_TRANSFORM)
            rc = run_step(w, i, err);
    return rc;
}

int sl_work_steps(struct sl_work *w, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = w->passes_done; rc == 0 && i < w->plan->n; i++) {
        rc = w->may_go_on ? w->may_go_on(w->data, err) : 0;
        if (rc == 0)
            rc = run_pass(w, &w->plan->passes[i], err);
    }
    return rc;
}

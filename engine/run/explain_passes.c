/* SPDX-License-Identifier: Apache-2.0 */
/* Explain: the passes of the plan with the query of each, as steps.c would put it together. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "json/json.h"
#include "run/explain.h"

struct passes {
    const struct sl_explained *in;
    struct sl_plan plan;
    struct sl_table table; /* the current one */
    const struct sl_crs *crs;
};

int sl_explain_srid(void *data, const char *crs, struct sl_error *err)
{
    (void)data;
    (void)err;
    return !strncmp(crs, "EPSG:", 5) ? atoi(crs + 5) : -1;
}

/* After this step; which columns it leaves is not known without an engine. */
static int enter(struct passes *p, const struct sl_step *step, struct sl_error *err)
{
    const char *after = step->kind->crs_after ? step->kind->crs_after(step->options) : NULL;
    if (!(step->kind->flags & SL_STEP_KEEPS_COLUMNS)) {
        p->table.columns = NULL;
        p->table.n_columns = 0;
    }
    if (!after)
        return 0;
    struct sl_crs *crs = sl_arena_alloc(p->in->arena, sizeof *crs);
    p->crs = crs;
    p->table.srid = sl_explain_srid(NULL, after, NULL);
    return sl_crs_parse(after, p->in->arena, crs, err);
}

static int build(struct passes *p, const struct sl_step *step, const char **out, struct sl_error *err)
{
    struct sl_step_context context = p->in->context;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    context.input = &p->table;
    context.crs = p->crs;
    sl_sql_init(&sql, p->in->dialect);
    int rc = sl_step_sql(step->kind, step->options, &context, &sql, err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    if (rc == 0)
        *out = sl_arena_strdup(p->in->arena, sql.buf.data);
    return rc;
}

static int explain_pass(struct passes *p, const struct sl_pass *pass, struct json_object *list, struct sl_error *err)
{
    static const char *const kinds[] = {[SL_PASS_TABLE] = "table", [SL_PASS_INDEX] = "index", [SL_PASS_SKIP] = "skipped"};
    struct json_object *o = json_object_new_object(), *steps = json_object_new_array(), *skipped = json_object_new_array();
    const char *sql = NULL;
    int rc = 0;
    for (size_t i = pass->from; rc == 0 && i < pass->to; i++) {
        const struct sl_step *step = &p->in->bound->steps[i];
        bool transform = step->kind->class_ == SL_STEP_TRANSFORM, left = pass->kind == SL_PASS_TABLE && !transform;
        json_object_array_add(left ? skipped : steps, json_object_new_string(step->kind->name));
        if (left || pass->kind == SL_PASS_SKIP)
            continue;
        rc = build(p, step, &sql, err);
        if (rc == 0 && transform)
            rc = enter(p, step, err);
        if (transform)
            p->table.query = sql;
    }
    if (pass->kind == SL_PASS_TABLE) {
        p->table.name = pass->table;
        p->table.query = NULL;
    }
    sl_json_put_str(o, "kind", kinds[pass->kind]);
    sl_json_put(o, "steps", steps);
    sl_json_put(o, "skipped", skipped);
    sl_json_put_str(o, "table", pass->table);
    sl_json_put_str(o, "why", pass->why);
    sl_json_put_str(o, "sql", sql);
    json_object_array_add(list, o);
    return rc;
}

int sl_explain_passes(const struct sl_explained *in, struct json_object *list, struct sl_error *err)
{
    struct passes p = {.in = in, .table = *in->context.input, .crs = in->context.crs};
    int rc = 0;
    sl_plan_make(in->bound, &(struct sl_plan_options){.materialize = in->materialize}, in->arena, &p.plan);
    for (size_t i = 0; rc == 0 && i < p.plan.n; i++)
        rc = explain_pass(&p, &p.plan.passes[i], list, err);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "step/put_aside.h"

#include "base/arena.h"

/* Both engines have a hidden column that says where a row lies, which stays while no row is changed. */
static const char *place_of_row(const struct sl_sql *out)
{
    return out->dialect == SL_DIALECT_POSTGIS ? "ctid" : "rowid";
}

static void name_columns(struct sl_put_aside *p, const struct sl_step_context *context)
{
    p->row = sl_step_free_name(context, "sl_row");
    p->reasons = sl_step_free_name(context, "_reasons");
    p->flags = sl_arena_array(context->arena, p->n, sizeof *p->flags);
    for (size_t i = 0; i < p->n; i++)
        p->flags[i] = sl_step_free_name(context, sl_arena_printf(context->arena, "sl_broken_%zu", i));
}

static int flag(const struct sl_put_aside *p, const struct sl_step_context *context, size_t i, struct sl_sql *out,
                struct sl_error *err)
{
    const struct sl_check *check = p->checks[i];
    if (!(check->kind->dialects & 1u << out->dialect))
        return sl_step_no_dialect(check->kind->name, out, err);
    sl_sql_text(out, ", COALESCE((");
    int rc = check->kind->predicate(context, check->options, out, err);
    sl_sql_text(out, "), false) AS ");
    sl_sql_ident(out, p->flags[i]);
    return rc;
}

int sl_put_aside_find(struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out,
                      struct sl_error *err)
{
    int rc = 0;
    name_columns(p, context);
    sl_sql_text(out, "SELECT * FROM (SELECT *, ");
    sl_sql_text(out, place_of_row(out));
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, p->row);
    for (size_t i = 0; rc == 0 && i < p->n; i++)
        rc = flag(p, context, i, out, err);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, ") AS judged WHERE ");
    for (size_t i = 0; i < p->n; i++) {
        sl_sql_text(out, i ? " OR " : "");
        sl_sql_ident(out, p->flags[i]);
    }
    return rc < 0 ? rc : sl_sql_check(out, err);
}

static void from_broken(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, " FROM ");
    sl_sql_table(out, context->input->schema, p->broken);
}

void sl_put_aside_count(const struct sl_put_aside *p, const struct sl_step_context *context, size_t i, struct sl_sql *out)
{
    sl_sql_text(out, "SELECT count(*)");
    from_broken(p, context, out);
    sl_sql_text(out, " WHERE ");
    sl_sql_ident(out, p->flags[i]);
}

static void reason(const struct sl_put_aside *p, const struct sl_step_context *context, size_t i, struct sl_sql *out)
{
    const struct sl_check_kind *kind = p->checks[i]->kind;
    sl_sql_literal(out, sl_arena_printf(context->arena, "%s: ", kind->name));
    sl_sql_text(out, " || ");
    kind->reason(context, p->checks[i]->options, out);
}

static void reasons(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out)
{
    bool postgis = out->dialect == SL_DIALECT_POSTGIS;
    sl_sql_text(out, postgis ? "array_remove(ARRAY[" : "flatten([");
    for (size_t i = 0; i < p->n; i++) {
        sl_sql_text(out, i ? ", CASE WHEN " : "CASE WHEN ");
        sl_sql_ident(out, p->flags[i]);
        sl_sql_text(out, postgis ? " THEN " : " THEN [");
        reason(p, context, i, out);
        sl_sql_text(out, postgis ? " END" : "] ELSE CAST([] AS VARCHAR[]) END");
    }
    sl_sql_text(out, postgis ? "], NULL) AS " : "]) AS ");
    sl_sql_ident(out, p->reasons);
}

void sl_put_aside_table(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out)
{
    sl_step_select_begin(context, out);
    reasons(p, context, out);
    if (sl_step_has_geometry(context)) {
        sl_sql_text(out, ", ");
        sl_step_geometry(context, out);
    }
    from_broken(p, context, out);
}

void sl_put_aside_remove(const struct sl_put_aside *p, const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, "DELETE FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, " WHERE ");
    sl_sql_text(out, place_of_row(out));
    sl_sql_text(out, " IN (SELECT ");
    sl_sql_ident(out, p->row);
    from_broken(p, context, out);
    sl_sql_text(out, ")");
}

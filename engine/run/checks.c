/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "geo/sql.h"
#include "json/json.h"
#include "run/conserve.h"
#include "run/examples.h"
#include "run/work.h"
#include "step/put_aside.h"

static void warn(struct sl_work *w, const struct sl_check *check, const char *sentence)
{
    json_object_array_add(w->warnings, json_object_new_string(sl_arena_printf(w->arena, "check %s: %s", check->kind->name,
                                                                              sentence)));
}

/* Up to five of the rows that break a rule, for people. They are a help, so that none is told where they cannot be had. */
static const char *examples(struct sl_work *w, const struct sl_check *check)
{
    const char *text = "";
    struct sl_error ignored = {0};
    if (check->kind->predicate && sl_work_examples(w, check, &text, &ignored) < 0)
        sl_log_error(SL_LOG_DEBUG, "run.examples", &ignored, NULL);
    return text;
}

static int judge(struct sl_work *w, const struct sl_check *check, int64_t broken, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    const char *recipe = w->bound->recipe->name, *aside = "";
    char said[512];
    check->kind->sentence(&context, check->options, broken, said, sizeof said);
    if (!check->kind->predicate && w->aside.name)
        aside = sl_arena_printf(w->arena, " (%" PRId64 " were put aside)", w->aside.rows);
    const char *sentence = sl_arena_printf(w->arena, "%s%s%s", said, examples(w, check), aside);
    if (check->on_fail != SL_ON_FAIL_FAIL) {
        warn(w, check, sentence);
        return 0;
    }
    sl_fail(err, SL_E_CHECK_FAILED, "check %s: %s", check->kind->name, sentence);
    if (check->kind->predicate)
        sl_error_hint(err, "correct the file, which is kept in the raw vault, or put such rows aside: on_fail: quarantine in recipe %s",
                      recipe);
    else
        sl_error_hint(err, "the file is kept in the raw vault; correct it, or change the check's on_fail in recipe %s", recipe);
    return -SL_E_CHECK_FAILED;
}

static int count_broken(struct sl_work *w, const struct sl_check *check, const struct sl_step_context *context,
                        int64_t *broken, struct sl_error *err)
{
    if (check->kind->judge) {
        *broken = check->kind->judge(context, check->options);
        return 0;
    }
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = sl_check_sql(check->kind, check->options, context, &sql, err);
    if (rc == 0)
        rc = w->compute->ops->query_int(w->session, sql.buf.data, broken, err);
    if (rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT)
        sl_error_prefix(err, "check %s of recipe %s", check->kind->name, w->bound->recipe->name);
    return rc;
}

static int run_check(struct sl_work *w, const struct sl_check *check, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    int64_t broken = 0;
    char note[512] = "";
    int rc = count_broken(w, check, &context, &broken, err);
    if (rc == 0 && check->kind->note)
        check->kind->note(&context, check->options, note, sizeof note);
    if (*note)
        warn(w, check, note);
    return rc == 0 && broken > 0 ? judge(w, check, broken, err) : rc;
}

/* ---- rows put aside ---- */

/* Each check counts the rows that break it; a row that breaks two is in both. */
static int count_reasons(struct sl_work *w, const struct sl_put_aside *p, const struct sl_step_context *context,
                         struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && w->reasons && i < p->n; i++) {
        const char *name = p->checks[i]->kind->name;
        int64_t n = 0;
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
        sl_put_aside_count(p, context, i, &sql);
        rc = sl_sql_check(&sql, err);
        if (rc == 0)
            rc = w->compute->ops->query_int(w->session, sql.buf.data, &n, err);
        if (rc == 0 && n > 0)
            sl_json_put_int(w->reasons, name, sl_json_int(w->reasons, name, 0) + n);
    }
    return rc;
}

static int make_aside(struct sl_work *w, const struct sl_put_aside *p, const struct sl_step_context *context,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_table aside = {0};
    int64_t rows = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_put_aside_table(p, context, &sql);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql.buf.data, "put_aside", &rows, err);
    if (rc == 0)
        rc = w->compute->ops->describe(w->session, "put_aside", false, w->arena, &aside, err);
    if (rc < 0)
        return rc;
    aside.rows = rows;
    aside.srid = w->table.srid;
    w->aside = aside;
    return 0;
}

static int remove_aside(struct sl_work *w, const struct sl_put_aside *p, const struct sl_step_context *context,
                        struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    sl_put_aside_remove(p, context, &sql);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->execute(w->session, sql.buf.data, err);
    if (rc < 0)
        return rc;
    w->table.rows -= w->aside.rows;
    sl_json_put_int(w->dropped, SL_DROPPED_QUARANTINE,
                    sl_json_int(w->dropped, SL_DROPPED_QUARANTINE, 0) + w->aside.rows);
    return 0;
}

static int put_aside(struct sl_work *w, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    const struct sl_check **checks = sl_arena_array(w->arena, w->bound->recipe->n_checks + 1, sizeof *checks);
    struct sl_put_aside p = {.checks = checks, .broken = "broken"};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t rows = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    for (size_t i = 0; i < w->bound->recipe->n_checks; i++)
        if (w->bound->checks[i].on_fail == SL_ON_FAIL_QUARANTINE)
            checks[p.n++] = &w->bound->checks[i];
    if (p.n == 0)
        return 0;
    int rc = sl_put_aside_find(&p, &context, &sql, err);
    if (rc == 0)
        rc = w->compute->ops->transform(w->session, sql.buf.data, p.broken, &rows, err);
    if (rc == 0 && rows > 0)
        rc = count_reasons(w, &p, &context, err);
    if (rc == 0 && rows > 0)
        rc = make_aside(w, &p, &context, err);
    if (rc == 0 && rows > 0)
        rc = remove_aside(w, &p, &context, err);
    if (rc == -SL_E_STEP_SQL || rc == -SL_E_STEP_TIMEOUT)
        sl_error_prefix(err, "checks of recipe %s", w->bound->recipe->name);
    return rc;
}

int sl_work_checks(struct sl_work *w, struct sl_error *err)
{
    int rc = put_aside(w, err);
    for (size_t i = 0; rc == 0 && i < w->bound->recipe->n_checks; i++)
        if (w->bound->checks[i].on_fail != SL_ON_FAIL_QUARANTINE)
            rc = run_check(w, &w->bound->checks[i], err);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/arena.h"
#include "geo/sql.h"
#include "json/json.h"
#include "run/work.h"

static int judge(struct sl_work *w, const struct sl_check *check, int64_t broken, struct sl_error *err)
{
    char sentence[512];
    check->kind->sentence(check->options, broken, w->table.rows, sentence, sizeof sentence);
    if (check->on_fail == SL_ON_FAIL_FAIL) {
        sl_fail(err, SL_E_CHECK_FAILED, "check %s: %s", check->kind->name, sentence);
        sl_error_hint(err, "the file is kept in the raw vault; correct it, or change the check's on_fail in recipe %s",
                      w->bound->recipe->name);
        return -SL_E_CHECK_FAILED;
    }
    json_object_array_add(w->warnings,
                          json_object_new_string(sl_arena_printf(w->arena, "check %s: %s", check->kind->name,
                                                                 sentence)));
    return 0;
}

static int run_check(struct sl_work *w, const struct sl_check *check, struct sl_error *err)
{
    const struct sl_step_context context = sl_work_context(w);
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t broken = 0;
    sl_sql_init(&sql, (enum sl_dialect)w->compute->ops->dialect);
    int rc = check->kind->build(&context, check->options, &sql, err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = w->compute->ops->query_int(w->session, sql.buf.data, &broken, err);
    return rc == 0 && broken > 0 ? judge(w, check, broken, err) : rc;
}

int sl_work_checks(struct sl_work *w, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < w->bound->recipe->n_checks; i++)
        rc = run_check(w, &w->bound->checks[i], err);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* not_empty, not_null and unique: checks of rows and columns, the same in every dialect. */
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"
#include "step/kinds.h"
#include "step/step.h"

enum { ALL_DIALECTS = SL_STEP__BOTH };

struct columns {
    struct sl_names columns;
};

struct nothing {
    char unused;
};

static const struct sl_option columns_items[] = {
    {.name = "columns",
     .type = SL_OPT_COLUMNS,
     .offset = offsetof(struct columns, columns),
     .help = "The columns that the rule is about."},
};

/* ---- not_empty ---- */

static int build_not_empty(const struct sl_step_context *context, const void *data, struct sl_sql *out,
                           struct sl_error *err)
{
    (void)data, (void)err;
    sl_sql_text(out, "SELECT CASE WHEN EXISTS (SELECT 1 FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, ") THEN 0 ELSE 1 END");
    return 0;
}

static void say_not_empty(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                          size_t out_bytes)
{
    (void)context, (void)data, (void)broken;
    snprintf(out, out_bytes, "there are no rows");
}

const struct sl_check_kind sl_check__not_empty = {
    .name = "not_empty",
    .summary = "There is at least one row.",
    .example = "- not_empty: {on_fail: warn}",
    .dialects = ALL_DIALECTS,
    .counts = true,
    .options = {.items = NULL, .n = 0, .struct_bytes = sizeof(struct nothing)},
    .build = build_not_empty,
    .sentence = say_not_empty,
};

/* ---- not_null ---- */

static void each(const struct sl_names *names, const char *before, const char *after, const char *between,
                 struct sl_sql *out)
{
    for (size_t i = 0; i < names->n; i++) {
        sl_sql_text(out, i ? between : "");
        sl_sql_text(out, before);
        sl_sql_ident(out, names->items[i]);
        sl_sql_text(out, after);
    }
}

static int not_null_predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out,
                              struct sl_error *err)
{
    const struct columns *o = data;
    int rc = sl_step_require_columns(context, &o->columns, err);
    if (rc == 0)
        each(&o->columns, "", " IS NULL", " OR ", out);
    return rc;
}

static void names_literal(const struct sl_step_context *context, const struct columns *o, const char *before,
                          struct sl_sql *out)
{
    char names[256];
    sl_step_names(&o->columns, names, sizeof names);
    sl_sql_literal(out, sl_arena_printf(context->arena, "%s%s", before, names));
}

static void not_null_reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    names_literal(context, data, "no value in ", out);
}

static void say(const struct columns *o, const char *have, const char *has, int64_t broken, int64_t rows, char *out,
                size_t out_bytes)
{
    char names[256], n[32], all[32];
    sl_step_names(&o->columns, names, sizeof names);
    snprintf(out, out_bytes, "%s of %s rows %s %s", sl_text_count(n, sizeof n, broken),
             sl_text_count(all, sizeof all, rows), broken == 1 ? has : have, names);
}

static void say_not_null(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                         size_t out_bytes)
{
    say(data, "have no value in", "has no value in", broken, context->input->rows, out, out_bytes);
}

const struct sl_check_kind sl_check__not_null = {
    .name = "not_null",
    .summary = "Every row has a value in each of these columns.",
    .example = "- not_null: {columns: [name]}",
    .dialects = ALL_DIALECTS,
    .options = {.items = columns_items, .n = SL_STEP__COUNT(columns_items), .struct_bytes = sizeof(struct columns)},
    .predicate = not_null_predicate,
    .reason = not_null_reason,
    .sentence = say_not_null,
};

/* ---- unique ---- */

const char *sl_check_unique_column(const void *options)
{
    const struct columns *o = options;
    return o->columns.n == 1 ? o->columns.items[0] : NULL;
}

/* Which of them is the right one nobody knows, so that all of them break the rule. */
static int unique_predicate(const struct sl_step_context *context, const void *data, struct sl_sql *out, struct sl_error *err)
{
    const struct columns *o = data;
    int rc = sl_step_require_columns(context, &o->columns, err);
    if (rc < 0)
        return rc;
    each(&o->columns, "", " IS NOT NULL", " AND ", out);
    sl_sql_text(out, " AND (");
    each(&o->columns, "", "", ", ", out);
    sl_sql_text(out, ") IN (SELECT ");
    each(&o->columns, "", "", ", ", out);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
    sl_sql_text(out, " GROUP BY ");
    each(&o->columns, "", "", ", ", out);
    sl_sql_text(out, " HAVING count(*) > 1)");
    return 0;
}

static void unique_reason(const struct sl_step_context *context, const void *data, struct sl_sql *out)
{
    names_literal(context, data, "another row has the same ", out);
}

static void say_unique(const struct sl_step_context *context, const void *data, int64_t broken, char *out,
                       size_t out_bytes)
{
    say(data, "share with another one their", "shares with another one its", broken, context->input->rows, out, out_bytes);
}

const struct sl_check_kind sl_check__unique = {
    .name = "unique",
    .summary = "No two rows have the same values in these columns.",
    .help = "All rows that share their values break it: which of them is the right one the check cannot know. The step dedupe "
            "keeps one of them. A row without a value in one of the columns equals no other.",
    .example = "- unique: {columns: [id]}",
    .dialects = ALL_DIALECTS,
    .options = {.items = columns_items, .n = SL_STEP__COUNT(columns_items), .struct_bytes = sizeof(struct columns)},
    .predicate = unique_predicate,
    .reason = unique_reason,
    .sentence = say_unique,
};

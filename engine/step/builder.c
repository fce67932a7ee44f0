/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "step/step.h"

bool sl_step_knows_columns(const struct sl_step_context *context)
{
    return context->input->columns != NULL;
}

static bool is_geometry(const struct sl_step_context *context, const char *column)
{
    return !strcmp(column, context->geometry);
}

bool sl_step_has_geometry(const struct sl_step_context *context)
{
    if (!sl_step_knows_columns(context))
        return true;
    for (size_t i = 0; i < context->input->n_columns; i++)
        if (is_geometry(context, context->input->columns[i].name))
            return true;
    return false;
}

void sl_step_other_columns(const struct sl_step_context *context, struct sl_sql *out)
{
    if (!sl_step_knows_columns(context)) {
        sl_sql_text(out, "/* the file's other columns, */ ");
        return;
    }
    for (size_t i = 0; i < context->input->n_columns; i++) {
        const char *name = context->input->columns[i].name;
        if (is_geometry(context, name))
            continue;
        sl_sql_ident(out, name);
        sl_sql_text(out, ", ");
    }
}

int sl_step_require_column(const struct sl_step_context *context, const char *column, struct sl_error *err)
{
    if (!sl_step_knows_columns(context))
        return 0;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    size_t n = context->input->n_columns;
    const char **names = sl_arena_array(arena, n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        names[i] = context->input->columns[i].name;
        if (!strcmp(names[i], column))
            return 0;
    }
    const char *nearest = sl_text_nearest(column, names, n);
    return nearest ? sl_fail(err, SL_E_RECIPE_OPTION, "column \"%s\" does not exist, did you mean \"%s\"?", column, nearest)
                   : sl_fail(err, SL_E_RECIPE_OPTION, "column \"%s\" does not exist", column);
}

int sl_step_require_columns(const struct sl_step_context *context, const struct sl_names *columns, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < columns->n; i++)
        rc = sl_step_require_column(context, columns->items[i], err);
    return rc;
}

int sl_step_require_geometry(const struct sl_step_context *context, const char *kind, struct sl_error *err)
{
    if (sl_step_has_geometry(context))
        return 0;
    return sl_fail(err, SL_E_GEOMETRY_CONTRACT, "%s: the table has no geometry column \"%s\"", kind, context->geometry);
}

void sl_step_geometry(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_ident(out, context->geometry);
}

void sl_step_table(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_table(out, context->input->schema, context->input->name);
}

int sl_step_no_dialect(const char *kind, const struct sl_sql *out, struct sl_error *err)
{
    int rc = sl_fail(err, SL_E_RECIPE_STEP, "%s has no form for engine %s", kind, sl_dialect_name(out->dialect));
    sl_error_hint(err, "write \"engine: postgis\" in the recipe");
    return rc;
}

void sl_step_names(const struct sl_names *names, char *out, size_t out_bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < names->n && used < out_bytes; i++)
        used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", i ? ", " : "", names->items[i]);
}

void sl_step_select_begin(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, "SELECT ");
    sl_step_other_columns(context, out);
}

void sl_step_select_end(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, " AS ");
    sl_step_geometry(context, out);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
}

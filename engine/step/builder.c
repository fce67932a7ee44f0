/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/text.h"
#include "step/step.h"

bool sl_step_knows_columns(const struct sl_step_context *context)
{
    return context->input->columns != NULL;
}

static bool is_geometry(const struct sl_step_context *context, const char *column)
{
    return !context->no_geometry && !strcmp(column, context->geometry);
}

bool sl_step_has_geometry(const struct sl_step_context *context)
{
    if (context->no_geometry || !sl_step_knows_columns(context))
        return !context->no_geometry;
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

static bool reserved(const struct sl_step_context *context, const char *name)
{
    static const char *const names[] = {"bbox", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return !strcasecmp(name, context->geometry);
}

static bool sound(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            return false;
    return *name && strlen(name) <= SL_STEP_COLUMN_BYTES;
}

int sl_step_require_new_column(const struct sl_step_context *context, const char *kind, const char *name,
                               const char *except, struct sl_error *err)
{
    if (!sound(name))
        return sl_fail(err, SL_E_RECIPE_OPTION, "%s: \"%s\" is no name for a column: 1 to %d bytes without control characters",
                       kind, name, SL_STEP_COLUMN_BYTES);
    if (reserved(context, name))
        return sl_fail(err, SL_E_RECIPE_OPTION, "%s: the column name \"%s\" is reserved", kind, name);
    for (size_t i = 0; sl_step_knows_columns(context) && i < context->input->n_columns; i++) {
        const char *there = context->input->columns[i].name;
        if (strcasecmp(there, name) != 0 || (except && !strcmp(there, except)))
            continue;
        return strcmp(there, name) != 0
                   ? sl_fail(err, SL_E_RECIPE_OPTION, "%s: column \"%s\" differs from \"%s\" by case only", kind, name, there)
                   : sl_fail(err, SL_E_RECIPE_OPTION, "%s: column \"%s\" exists already", kind, name);
    }
    return 0;
}

const char *sl_step_free_name(const struct sl_step_context *context, const char *base)
{
    const char *name = base;
    size_t n = sl_step_knows_columns(context) ? context->input->n_columns : 0;
    for (size_t k = 1, i = 0; i < n; i++)
        if (!strcasecmp(context->input->columns[i].name, name)) {
            name = sl_arena_printf(context->arena, "%s_%zu", base, k++);
            i = (size_t)-1;
        }
    return name;
}

const struct sl_column *sl_step_column(const struct sl_step_context *context, const char *name)
{
    for (size_t i = 0; sl_step_knows_columns(context) && i < context->input->n_columns; i++)
        if (!strcmp(context->input->columns[i].name, name))
            return &context->input->columns[i];
    return NULL;
}

bool sl_step_names_has(const struct sl_names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (!strcmp(names->items[i], name))
            return true;
    return false;
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

/* OFFSET keeps PostgreSQL's planner from folding two queries into one; only as a constant of its final type it leaves it
 * free to do both in parallel. DuckDB keeps them apart by itself, and would go through an OFFSET on one core. */
void sl_step_fence(struct sl_sql *out)
{
    if (out->dialect == SL_DIALECT_POSTGIS)
        sl_sql_text(out, " OFFSET '0'::bigint");
}

void sl_step_table(const struct sl_step_context *context, struct sl_sql *out)
{
    const struct sl_table *input = context->input;
    if (!input->query) {
        sl_sql_table(out, input->schema, input->name);
        return;
    }
    sl_sql_text(out, "(");
    sl_sql_text(out, input->query);
    sl_step_fence(out);
    sl_sql_text(out, ") AS ");
    sl_sql_ident(out, input->name);
}

void sl_step_put(const struct sl_step_context *context, struct sl_sql *out, const char *trusted)
{
    for (const char *at; (at = strchr(trusted, '@')); trusted = at + 1) {
        sl_sql_text(out, sl_arena_strndup(context->arena, trusted, (size_t)(at - trusted)));
        sl_step_geometry(context, out);
    }
    sl_sql_text(out, trusted);
}

const char *sl_step_lines(const struct sl_sql *out)
{
    return out->dialect == SL_DIALECT_POSTGIS ? "ST_CurveToLine(@)" : "@";
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

void sl_step_last_column(const struct sl_step_context *context, const char *qualifier, struct sl_sql *out)
{
    if (!context->no_geometry) {
        sl_sql_text(out, qualifier);
        sl_step_geometry(context, out);
    } else if (out->buf.len > 2 && !strcmp(out->buf.data + out->buf.len - 2, ", ")) {
        out->buf.len -= 2;
        out->buf.data[out->buf.len] = '\0';
    }
}

void sl_step_select_end(const struct sl_step_context *context, struct sl_sql *out)
{
    sl_sql_text(out, " AS ");
    sl_step_geometry(context, out);
    sl_sql_text(out, " FROM ");
    sl_step_table(context, out);
}

int sl_step_geometry_only(const struct sl_step_context *context, const char *kind, const char *trusted, struct sl_sql *out,
                          struct sl_error *err)
{
    int rc = sl_step_require_geometry(context, kind, err);
    if (rc < 0)
        return rc;
    sl_step_select_begin(context, out);
    sl_step_put(context, out, trusted);
    sl_step_select_end(context, out);
    return 0;
}

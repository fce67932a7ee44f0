/* SPDX-License-Identifier: Apache-2.0 */
#include "step/merge.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"

/* ---- types ---- */

enum number { NO_NUMBER, SMALL, INTEGER, BIG, REAL, DOUBLE };

static enum number number_of(const char *type)
{
    static const struct {
        const char *name;
        enum number number;
    } all[] = {{"smallint", SMALL}, {"integer", INTEGER}, {"bigint", BIG}, {"real", REAL},
               {"float", REAL},     {"double", DOUBLE},   {"double precision", DOUBLE}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcasecmp(type, all[i].name))
            return all[i].number;
    return NO_NUMBER;
}

static bool exact(const char *type)
{
    return !strchr(type, '[') && (!strncasecmp(type, "numeric", 7) || !strncasecmp(type, "decimal", 7));
}

static bool textual(const char *type)
{
    return !strcasecmp(type, "text") || (!strchr(type, '[') && !strncasecmp(type, "character varying", 17)) ||
           !strcasecmp(type, "varchar");
}

static bool dated(const char *type)
{
    return !strcasecmp(type, "date") || !strcasecmp(type, "timestamp") || !strcasecmp(type, "timestamp without time zone");
}

static const char *text_type(enum sl_dialect dialect)
{
    return dialect == SL_DIALECT_DUCKDB ? "VARCHAR" : "text";
}

const char *sl_merge_type(const char *a, const char *b, enum sl_dialect dialect)
{
    enum number x = number_of(a), y = number_of(b);
    if (!strcasecmp(a, b))
        return a;
    if (x && y && x < REAL && y < REAL)
        return x > y ? a : b;
    if ((x || exact(a)) && (y || exact(b)))
        return dialect == SL_DIALECT_DUCKDB ? "DOUBLE" : "double precision";
    if (dated(a) && dated(b))
        return !strcasecmp(a, "date") ? b : a;
    return textual(a) && textual(b) ? text_type(dialect) : NULL;
}

/* ---- columns ---- */

struct merged {
    const char *name, *type;
    size_t first; /* the part that it was found in */
};

struct merging {
    const struct sl_merge *m;
    struct merged *columns;
    size_t n;
    bool geometry;
    enum sl_dialect dialect;
};

static struct merged *find(const struct merging *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (!strcasecmp(g->columns[i].name, name))
            return &g->columns[i];
    return NULL;
}

static bool is_geometry(const struct sl_table *table, const struct sl_column *c)
{
    return c->geometry && table->geometry && !strcmp(c->name, table->geometry);
}

static const struct sl_column *column_of(const struct sl_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (!is_geometry(table, &table->columns[i]) && !strcasecmp(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static int agree(const struct merging *g, struct merged *there, const struct sl_column *c, size_t part, struct sl_error *err)
{
    const char *type = sl_merge_type(there->type, c->type, g->dialect);
    if (!type && g->m->mismatch == SL_MISMATCH_TEXT)
        type = text_type(g->dialect);
    if (!type) {
        sl_fail(err, SL_E_RECIPE_OPTION, "column \"%s\" is %s in %s, and %s in %s", there->name, there->type,
                g->m->parts[there->first].name, c->type, g->m->parts[part].name);
        sl_error_hint(err, "give it one type in all of them, with cast where a step can, or say mismatch: text");
        return -SL_E_RECIPE_OPTION;
    }
    there->type = type;
    return 0;
}

static int collect(struct merging *g, struct sl_error *err)
{
    size_t most = 0;
    for (size_t p = 0; p < g->m->n; p++)
        most += g->m->parts[p].table.n_columns;
    g->columns = sl_arena_array(g->m->arena, most + 1, sizeof *g->columns);
    int rc = 0;
    for (size_t p = 0; rc == 0 && p < g->m->n; p++) {
        const struct sl_table *table = &g->m->parts[p].table;
        g->geometry |= table->geometry != NULL;
        for (size_t i = 0; rc == 0 && i < table->n_columns; i++) {
            const struct sl_column *c = &table->columns[i];
            struct merged *there = find(g, c->name);
            if (is_geometry(table, c))
                continue;
            if (there)
                rc = agree(g, there, c, p, err);
            else
                g->columns[g->n++] = (struct merged){.name = c->name, .type = c->type, .first = p};
        }
    }
    return rc;
}

static int check_source_column(const struct merging *g, struct sl_error *err)
{
    const char *name = g->m->source_column;
    const struct merged *there = name ? find(g, name) : NULL;
    if (!there && (!name || strcasecmp(name, g->m->geometry) != 0))
        return 0;
    return sl_fail(err, SL_E_RECIPE_OPTION, "source_column: column \"%s\" exists already%s%s", name, there ? " in " : "",
                   there ? g->m->parts[there->first].name : "");
}

/* ---- SQL ---- */

void sl_merge_geometry(const struct sl_table *table, const struct sl_crs *from, const struct sl_crs *to, int srid,
                       struct sl_sql *out)
{
    bool duckdb = out->dialect == SL_DIALECT_DUCKDB;
    bool there = duckdb ? !from || !to || sl_crs_same(from, to) : table->srid == srid || table->srid <= 0 || srid <= 0;
    sl_sql_text(out, there ? "" : "ST_Transform(");
    sl_sql_ident(out, table->geometry);
    if (there)
        return;
    sl_sql_text(out, ", ");
    if (!duckdb) {
        sl_sql_int(out, srid);
    } else {
        sl_sql_literal(out, from->id ? from->id : from->projjson);
        sl_sql_text(out, ", ");
        sl_sql_literal(out, to->id ? to->id : to->projjson);
        sl_sql_text(out, ", true");
    }
    sl_sql_text(out, ")");
}

static void value(const struct merged *want, const struct sl_column *have, struct sl_sql *out)
{
    bool cast = !have || strcasecmp(have->type, want->type) != 0;
    sl_sql_text(out, cast ? "CAST(" : "");
    if (have)
        sl_sql_ident(out, have->name);
    else
        sl_sql_text(out, "NULL");
    if (cast) {
        sl_sql_text(out, " AS ");
        sl_sql_text(out, want->type); /* as the compute engine itself spells it */
        sl_sql_text(out, ")");
    }
    sl_sql_text(out, " AS ");
    sl_sql_ident(out, want->name);
}

static void select_part(const struct merging *g, const struct sl_merge_part *part, struct sl_sql *out)
{
    const struct sl_merge *m = g->m;
    sl_sql_text(out, "SELECT ");
    for (size_t i = 0; i < g->n; i++) {
        sl_sql_text(out, i ? ", " : "");
        value(&g->columns[i], column_of(&part->table, g->columns[i].name), out);
    }
    const char *comma = g->n ? ", " : "";
    if (m->source_column) {
        sl_sql_text(out, comma);
        sl_sql_text(out, "CAST(");
        if (part->source)
            sl_sql_literal(out, part->source);
        else
            sl_sql_text(out, "NULL");
        sl_sql_text(out, " AS ");
        sl_sql_text(out, text_type(g->dialect));
        sl_sql_text(out, ") AS ");
        sl_sql_ident(out, m->source_column);
        comma = ", ";
    }
    if (g->geometry) {
        sl_sql_text(out, comma);
        if (part->table.geometry)
            sl_merge_geometry(&part->table, part->crs, m->crs, m->srid, out);
        else
            sl_sql_text(out, "CAST(NULL AS geometry)");
        sl_sql_text(out, " AS ");
        sl_sql_ident(out, m->geometry);
    }
    sl_sql_text(out, " FROM ");
    if (!part->table.query) {
        sl_sql_table(out, part->table.schema, part->table.name);
        return;
    }
    sl_sql_text(out, "(");
    sl_sql_text(out, part->table.query);
    sl_sql_text(out, ") AS t");
}

int sl_merge_sql(const struct sl_merge *m, struct sl_sql *out, struct sl_error *err)
{
    struct merging g = {.m = m, .dialect = out->dialect};
    int rc = collect(&g, err);
    if (rc == 0)
        rc = check_source_column(&g, err);
    for (size_t p = 0; rc == 0 && p < m->n; p++) {
        sl_sql_text(out, p ? " UNION ALL " : "");
        select_part(&g, &m->parts[p], out);
    }
    return rc < 0 ? rc : sl_sql_check(out, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that loads are put into: their columns and partitions, made and widened. */
#include "iceberg/duck_writer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"

/* ---- columns ---- */

static int add_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct sl_iceberg__columns *c = data;
    if (n < 2 || !values[0] || !values[1])
        return 0;
    if (c->n == SL_TABLE_COLUMNS_MAX)
        return sl_fail(err, SL_E_LIMIT, "a table has more than %d columns", SL_TABLE_COLUMNS_MAX);
    c->items[c->n].name = sl_arena_strdup(c->arena, values[0]);
    c->items[c->n++].type = sl_arena_strdup(c->arena, values[1]);
    return 0;
}

static int describe(struct sl_iceberg__writer *w, struct sl_sql *sql, struct sl_iceberg__columns *out, struct sl_error *err)
{
    out->items = sl_arena_array(out->arena, SL_TABLE_COLUMNS_MAX, sizeof *out->items);
    int rc = sl_sql_check(sql, err);
    if (rc == 0)
        rc = sl_iceberg__ready(w, err);
    return sl_iceberg__meaning(rc < 0 ? rc : sl_duck_query(w->duck, sql->buf.data, add_column, out, err), err);
}

const struct sl_iceberg__column *sl_iceberg__find(const struct sl_iceberg__columns *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcasecmp(c->items[i].name, name))
            return &c->items[i];
    return NULL;
}

/* The types that Iceberg has. */
static const char *iceberg_type(const char *type)
{
    static const char *const same[] = {"BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIME", "TIMESTAMP",
                                       "TIMESTAMP WITH TIME ZONE", "VARCHAR", "BLOB", "UUID", "VARCHAR[]", "BIGINT[]", "DOUBLE[]", NULL};
    static const char *const small[] = {"TINYINT", "SMALLINT", "UTINYINT", "USMALLINT", NULL};
    for (size_t i = 0; same[i]; i++)
        if (!strcmp(type, same[i]))
            return same[i];
    for (size_t i = 0; small[i]; i++)
        if (!strcmp(type, small[i]))
            return "INTEGER";
    if (!strncmp(type, "DECIMAL(", 8))
        return type;
    if (!strncmp(type, "TIMESTAMP_", 10))
        return "TIMESTAMP";
    return !strcmp(type, "UINTEGER") ? "BIGINT" : !strcmp(type, "UBIGINT") ? "DECIMAL(20,0)" : "VARCHAR";
}

static bool is_box(const struct sl_iceberg__column *c)
{
    return !strcmp(c->name, "bbox") && !strncmp(c->type, "STRUCT(xmin ", 12);
}

/* The file's columns as the table has them, and in `select` what gives them. */
int sl_iceberg__file_columns(struct sl_iceberg__writer *w, const struct sl_table_load *load, struct sl_iceberg__columns *out, struct sl_sql *select, struct sl_error *err)
{
    static const char *const sides[] = {"xmin", "ymin", "xmax", "ymax"};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_iceberg__columns file = {.arena = out->arena};
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(");
    sl_sql_literal(&sql, load->path);
    sl_sql_text(&sql, "))");
    int rc = describe(w, &sql, &file, err);
    out->items = sl_arena_array(out->arena, file.n + 8, sizeof *out->items);
    for (size_t i = 0; rc == 0 && i < file.n; i++) {
        const struct sl_iceberg__column *c = &file.items[i];
        if (!strcasecmp(c->name, SL_TABLE_LOAD_COLUMN) || !strcasecmp(c->name, SL_TABLE_BATCH_COLUMN))
            return sl_fail(err, SL_E_ICEBERG_SCHEMA, "the name of column \"%s\" is the engine's own", c->name);
        for (size_t k = 0; is_box(c) && k < 4; k++) {
            if (sl_iceberg__find(&file, sides[k]))
                continue; /* the data's own column of that name stays what it is */
            sl_sql_text(select, "CAST(bbox.");
            sl_sql_text(select, sides[k]);
            sl_sql_text(select, " AS DOUBLE) AS ");
            sl_sql_text(select, sides[k]);
            sl_sql_text(select, ", ");
            out->items[out->n++] = (struct sl_iceberg__column){sides[k], "DOUBLE"};
        }
        if (is_box(c))
            continue;
        const char *type = iceberg_type(c->type);
        sl_sql_text(select, "CAST(");
        sl_sql_ident(select, c->name);
        sl_sql_text(select, " AS ");
        sl_sql_text(select, type);
        sl_sql_text(select, ") AS ");
        sl_sql_ident(select, c->name);
        sl_sql_text(select, ", ");
        out->items[out->n++] = (struct sl_iceberg__column){c->name, type};
    }
    return rc;
}

/* ---- the table ---- */

/* Splits "bucket(16, id)" into its parts; column is what is left of the text. */
static bool partition(const char *text, const char **transform, int *number, const char **column, size_t *n)
{
    static const char *const times[] = {"year", "month", "day", "hour", NULL}, *const numbered[] = {"bucket", "truncate", NULL};
    const char *p = text;
    *transform = NULL;
    *number = 0;
    for (size_t i = 0; times[i] && !*transform; i++)
        if (!strncmp(p, times[i], strlen(times[i])) && p[strlen(times[i])] == '(')
            *transform = times[i];
    for (size_t i = 0; numbered[i] && !*transform; i++)
        if (!strncmp(p, numbered[i], strlen(numbered[i])) && p[strlen(numbered[i])] == '(')
            *transform = numbered[i];
    if (*transform) {
        p += strlen(*transform) + 1;
        if (**transform == 'b' || **transform == 't') {
            char *end = NULL;
            long value = strtol(p, &end, 10);
            if (end == p || value < 1 || value > 100000 || *end != ',')
                return false;
            *number = (int)value;
            for (p = end + 1; *p == ' '; p++) {
            }
        }
    }
    *column = p;
    *n = strlen(p);
    if (*transform && (*n == 0 || p[--*n] != ')'))
        return false;
    for (size_t i = 0; i < *n; i++)
        if (strchr("()\"',;", p[i]))
            return false;
    return *n > 0 && *n < 128;
}

bool sl_table_partition_valid(const char *text)
{
    const char *transform, *column;
    int number;
    size_t n;
    return partition(text, &transform, &number, &column, &n);
}

static int partitions(struct sl_sql *sql, const struct sl_table_load *load, const struct sl_iceberg__columns *columns, struct sl_arena *arena,
                      struct sl_error *err)
{
    for (size_t i = 0; i < load->n_partition_by; i++) {
        const char *transform, *column;
        int number;
        size_t n;
        char text[32];
        if (!partition(load->partition_by[i], &transform, &number, &column, &n))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: \"%s\" is no partition", load->partition_by[i]);
        column = sl_arena_strndup(arena, column, n);
        if (!sl_iceberg__find(columns, column))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: there is no column \"%s\" after the steps", column);
        sl_sql_text(sql, i ? ", " : " PARTITIONED BY (");
        if (transform) {
            snprintf(text, sizeof text, number ? "%s(%d, " : "%s(", transform, number);
            sl_sql_text(sql, text);
        }
        sl_sql_ident(sql, column);
        sl_sql_text(sql, transform ? ")" : "");
    }
    sl_sql_text(sql, load->n_partition_by ? ")" : "");
    return 0;
}

int sl_iceberg__create(struct sl_iceberg__writer *w, const struct sl_table_load *load, const struct sl_iceberg__columns *columns, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql space_sql;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const char *space = NULL, *name = NULL;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_init(&space_sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg_split(load->table, columns->arena, &space, &name, err);
    if (rc < 0)
        return rc;
    sl_sql_text(&space_sql, "CREATE SCHEMA IF NOT EXISTS ice.");
    sl_sql_ident(&space_sql, space);
    sl_sql_text(&sql, "CREATE TABLE IF NOT EXISTS ");
    rc = sl_iceberg__put_name(&sql, load->table, err);
    sl_sql_text(&sql, " (");
    for (size_t i = 0; i < columns->n; i++) {
        sl_sql_ident(&sql, columns->items[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, columns->items[i].type);
        sl_sql_text(&sql, ", ");
    }
    sl_sql_text(&sql, SL_TABLE_LOAD_COLUMN " VARCHAR, " SL_TABLE_BATCH_COLUMN " VARCHAR)");
    if (rc == 0)
        rc = partitions(&sql, load, columns, columns->arena, err);
    if (rc == 0)
        rc = sl_iceberg__exec(w, &space_sql, NULL, err);
    return rc < 0 ? rc : sl_iceberg__exec(w, &sql, NULL, err);
}

/* May values of one be put into a column of the other without loss? */
static bool fits(const char *from, const char *to)
{
    return !strcmp(from, to) || (!strcmp(from, "INTEGER") && !strcmp(to, "BIGINT")) ||
           (!strcmp(from, "FLOAT") && !strcmp(to, "DOUBLE")) || (!strcmp(from, "INTEGER") && !strcmp(to, "DOUBLE")) ||
           (!strcmp(from, "DATE") && !strcmp(to, "TIMESTAMP")) || !strcmp(to, "VARCHAR") ||
           (!strncmp(from, "DECIMAL", 7) && !strncmp(to, "DECIMAL", 7));
}

int sl_iceberg__evolve(struct sl_iceberg__writer *w, const struct sl_table_load *load, const struct sl_iceberg__columns *have, const struct sl_iceberg__columns *want,
                  struct sl_error *err)
{
    int rc = 0;
    if (!sl_iceberg__find(have, SL_TABLE_LOAD_COLUMN) || !sl_iceberg__find(have, SL_TABLE_BATCH_COLUMN)) {
        sl_fail(err, SL_E_ICEBERG_SCHEMA, "table \"%s\" has no columns " SL_TABLE_LOAD_COLUMN " and " SL_TABLE_BATCH_COLUMN, load->table);
        sl_error_hint(err, "it was made by something else: add both as text columns, or name another table");
        return -SL_E_ICEBERG_SCHEMA;
    }
    for (size_t i = 0; rc == 0 && i < want->n; i++) {
        const struct sl_iceberg__column *c = &want->items[i], *there = sl_iceberg__find(have, c->name);
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        sl_sql_init(&sql, SL_DIALECT_DUCKDB);
        if (there && fits(c->type, there->type))
            continue;
        if (there)
            return sl_fail(err, SL_E_ICEBERG_SCHEMA, "column \"%s\" of table \"%s\" is %s, the data's is %s", c->name, load->table,
                           there->type, c->type);
        if (!load->evolve) {
            sl_fail(err, SL_E_ICEBERG_SCHEMA, "table \"%s\" has no column \"%s\"", load->table, c->name);
            sl_error_hint(err, "drop it in a step, or let the output add columns: evolve: true");
            return -SL_E_ICEBERG_SCHEMA;
        }
        sl_sql_text(&sql, "ALTER TABLE ");
        rc = sl_iceberg__put_name(&sql, load->table, err);
        sl_sql_text(&sql, " ADD COLUMN ");
        sl_sql_ident(&sql, c->name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, c->type);
        rc = rc < 0 ? rc : sl_iceberg__exec(w, &sql, NULL, err);
    }
    return rc;
}

int sl_iceberg__table_columns(struct sl_iceberg__writer *w, const char *table, struct sl_iceberg__columns *out, bool *there, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg_table(w->catalog, table, &answer, err);
    *there = rc == 0;
    if (rc == -SL_E_TABLE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE ");
    if (rc == 0)
        rc = sl_iceberg__put_name(&sql, table, err);
    sl_sql_text(&sql, ")");
    return rc < 0 ? rc : describe(w, &sql, out, err);
}

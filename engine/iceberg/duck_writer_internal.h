/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer by DuckDB's Iceberg extension is made of: duck_writer.c has its loads, duck_table.c its tables. */
#ifndef SLUICE_ICEBERG_DUCK_WRITER_INTERNAL_H
#define SLUICE_ICEBERG_DUCK_WRITER_INTERNAL_H

#include "base/arena.h"
#include "config/config.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "iceberg/catalog.h"
#include "iceberg/table.h"

struct sl_iceberg__writer {
    struct sl_table_writer port;
    const struct sl_config *config;
    struct sl_arena *arena;
    char *scratch;
    struct sl_duck *duck; /* NULL: not attached yet, or given up after a failure */
    struct sl_iceberg *catalog;
};

struct sl_iceberg__column {
    const char *name, *type; /* DuckDB's words */
};
struct sl_iceberg__columns {
    struct sl_arena *arena; /* of the strings */
    struct sl_iceberg__column *items;
    size_t n;
};

/* A DuckDB with the catalog attached is there. */
int sl_iceberg__ready(struct sl_iceberg__writer *w, struct sl_error *err);
/* The code that a failure of DuckDB means, by its text. */
int sl_iceberg__meaning(int rc, struct sl_error *err);
int sl_iceberg__exec(struct sl_iceberg__writer *w, struct sl_sql *sql, int64_t *changed, struct sl_error *err);
/* ice."space"."name" */
int sl_iceberg__put_name(struct sl_sql *sql, const char *table, struct sl_error *err);

/* By name, in any case of letters; NULL: none. */
const struct sl_iceberg__column *sl_iceberg__find(const struct sl_iceberg__columns *c, const char *name);
/* The file's columns as the table has them, and in `select` what gives them, each with a comma behind. */
int sl_iceberg__file_columns(struct sl_iceberg__writer *w, const struct sl_table_load *load, struct sl_iceberg__columns *out,
                             struct sl_sql *select, struct sl_error *err);
int sl_iceberg__table_columns(struct sl_iceberg__writer *w, const char *table, struct sl_iceberg__columns *out, bool *there,
                              struct sl_error *err);
int sl_iceberg__create(struct sl_iceberg__writer *w, const struct sl_table_load *load, const struct sl_iceberg__columns *columns,
                       struct sl_error *err);
/* Columns that the table lacks are added where the load lets them; SL_E_ICEBERG_SCHEMA for what does not fit. */
int sl_iceberg__evolve(struct sl_iceberg__writer *w, const struct sl_table_load *load, const struct sl_iceberg__columns *have,
                       const struct sl_iceberg__columns *want, struct sl_error *err);

#endif

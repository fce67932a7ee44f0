/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.h - rows from the engine's own code into a table of a sl_duck, value by value.
 *
 * A row is as many values as the table has columns, then sl_duck_append_row. DuckDB keeps what was appended in chunks and
 * writes it to the table as they fill; sl_duck_append_close writes the rest. Failures are kept until the row's end. While an
 * appender is open its table must not change. Threads: one.
 */
#ifndef SLUICE_GEO_DUCKDB_APPEND_H
#define SLUICE_GEO_DUCKDB_APPEND_H

#include "geo/duckdb/duck.h"

struct sl_duck_append;

enum sl_duck_item { SL_DUCK_BIGINT, SL_DUCK_DOUBLE, SL_DUCK_VARCHAR, SL_DUCK_BOOLEAN };

/* One item of a list. */
struct sl_duck_value {
    bool is_null;
    int64_t integer; /* also of a boolean */
    double number;
    const char *text;
    size_t bytes;
};

int sl_duck_append_open(struct sl_duck *duck, const char *table, struct sl_duck_append **out, struct sl_error *err);
void sl_duck_append_null(struct sl_duck_append *append);
void sl_duck_append_int64(struct sl_duck_append *append, int64_t value);
void sl_duck_append_double(struct sl_duck_append *append, double value);
void sl_duck_append_bool(struct sl_duck_append *append, bool value);
void sl_duck_append_text(struct sl_duck_append *append, const char *text, size_t bytes); /* UTF-8 */
void sl_duck_append_timestamp(struct sl_duck_append *append, int64_t unix_us);
void sl_duck_append_list(struct sl_duck_append *append, enum sl_duck_item type, const struct sl_duck_value *items, size_t n);
int sl_duck_append_row(struct sl_duck_append *append, struct sl_error *err);
/* Writes what is left; frees in any case. NULL is allowed. */
int sl_duck_append_close(struct sl_duck_append *append, struct sl_error *err);

#endif

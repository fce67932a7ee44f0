/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - SQL text built from trusted pieces and quoted ones, for a named dialect.
 *
 * Only string literals of the engine's source go through sl_sql_text and the format of sl_sql_printf's %-free pieces;
 * everything that comes from outside goes through ident, literal or number. PostGIS and DuckDB quote alike: identifiers
 * in "", literals in '' (a literal with a backslash becomes E'…' where the dialect needs it).
 */
#ifndef SLUICE_GEO_SQL_H
#define SLUICE_GEO_SQL_H

#include <stdint.h>

#include <sluice/error.h>

#include "base/buf.h"

enum sl_dialect { SL_DIALECT_POSTGIS, SL_DIALECT_DUCKDB };
const char *sl_dialect_name(enum sl_dialect dialect); /* "postgis", "duckdb" */

struct sl_sql {
    struct sl_buf buf;
    enum sl_dialect dialect;
    const char *invalid; /* why sl_sql_check fails, or NULL: a constant sentence */
};

void sl_sql_init(struct sl_sql *sql, enum sl_dialect dialect); /* at most 1 MiB of text */
void sl_sql_free(struct sl_sql *sql);
void sl_sql_text(struct sl_sql *sql, const char *trusted);
void sl_sql_ident(struct sl_sql *sql, const char *name);
void sl_sql_table(struct sl_sql *sql, const char *schema, const char *table); /* schema NULL: the table alone */
void sl_sql_literal(struct sl_sql *sql, const char *value);
void sl_sql_int(struct sl_sql *sql, int64_t value);
void sl_sql_double(struct sl_sql *sql, double value); /* shortest text that reads back the same; finite */
/* SL_E_LIMIT when something was too long, a name empty, text not UTF-8 or a number not finite. Check before use. */
int sl_sql_check(const struct sl_sql *sql, struct sl_error *err);

#endif

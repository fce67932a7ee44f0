/* SPDX-License-Identifier: Apache-2.0 */
/* duck_internal.h - for code that adds functions to DuckDB: the connection behind a sl_duck. */
#ifndef SLUICE_GEO_DUCKDB_DUCK_INTERNAL_H
#define SLUICE_GEO_DUCKDB_DUCK_INTERNAL_H

#include <duckdb.h>

#include "geo/duckdb/duck.h"

duckdb_connection sl_duck__connection(struct sl_duck *duck);
bool *sl_duck__has_wkb_box(struct sl_duck *duck);

/* DuckDB's message as an error; SL_E_DUCKDB unless it is one of the world. */
int sl_duck__fail(duckdb_error_type type, const char *message, struct sl_error *err);

#endif

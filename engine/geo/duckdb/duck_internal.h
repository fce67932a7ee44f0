/* SPDX-License-Identifier: Apache-2.0 */
/* duck_internal.h - for code that adds functions to DuckDB: the connection behind a sl_duck. */
#ifndef SLUICE_GEO_DUCKDB_DUCK_INTERNAL_H
#define SLUICE_GEO_DUCKDB_DUCK_INTERNAL_H

#include <duckdb.h>
#include <pthread.h>

#include "geo/duckdb/duck.h"

duckdb_connection sl_duck__connection(struct sl_duck *duck);

struct sl_duck__boxes {
    bool added; /* the function is there */
    void (*geometry)(void *data, const struct sl_wkb_box *box, const void *wkb, size_t bytes); /* NULL: nobody watches */
    void *data;
    pthread_mutex_t mutex;
};
struct sl_duck__boxes *sl_duck__boxes(struct sl_duck *duck);

/* DuckDB's message as an error; SL_E_DUCKDB unless it is one of the world. */
int sl_duck__fail(duckdb_error_type type, const char *message, struct sl_error *err);

#endif

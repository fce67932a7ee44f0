/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.h - functions of the engine's own in DuckDB's SQL, and what they do without DuckDB.
 *
 * sl_transform(GEOMETRY, from, to) → GEOMETRY: coordinates from one system to another, x first in both; a point without a
 * result is an error. Systems are AUTHORITY:CODE or PROJJSON, as geo/crs.h takes them.
 * sl_simplify_keeps(GEOMETRY, tolerance) → BOOLEAN: true only where ST_SimplifyPreserveTopology would change nothing, so that
 * it need not be asked: most geometries of a fine tolerance.
 * sl_simplify(GEOMETRY, tolerance) → GEOMETRY: what it makes of one, or NULL where only it knows.
 */
#ifndef SLUICE_GEO_DUCKDB_FUNCTIONS_H
#define SLUICE_GEO_DUCKDB_FUNCTIONS_H

#include "geo/duckdb/duck_internal.h"

/* sl_wkb_place(BLOB, srid) → UBIGINT and sl_wkb_type(BLOB) → INTEGER: see place.c. */
int sl_duck__add_places(struct sl_duck *duck, struct sl_error *err);
/* Where PostGIS's own order of geometries puts this one among others of a system; an empty geometry first, at 0. */
uint64_t sl_wkb_place(const void *wkb, size_t bytes, int srid);
int sl_duck__add_functions(struct sl_duck *duck, struct sl_error *err);

/* Of one thread. */
struct sl_transformer;
struct sl_transformer *sl_transformer_new(void);
void sl_transformer_free(struct sl_transformer *transformer); /* NULL is allowed */
bool sl_transformer_ready(const struct sl_transformer *transformer);
/* Free when they are the systems that it has. */
int sl_transformer_set(struct sl_transformer *transformer, const char *from, const char *to, struct sl_error *err);
/* *out has as many bytes as wkb, and is the transformer's until the next run. SL_E_STEP_SQL for a point without a result. */
int sl_transformer_run(struct sl_transformer *transformer, const void *wkb, size_t bytes, const void **out,
                       struct sl_error *err);

/* What ST_SimplifyPreserveTopology makes of a polygon without holes, into `out`, which has as many bytes as wkb; returns how
 * many it took, 0 where it is not sure what comes out, and for other geometries. */
size_t sl_simplify_ring(const void *wkb, size_t bytes, double tolerance, unsigned char *out);
bool sl_simplify_keeps(const void *wkb, size_t bytes, double tolerance);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compute.h - the compute port on DuckDB's spatial extension, in the process.
 *
 * A run's tables are in a database file of its own in its scratch folder, so that memory is bounded by the sl_duck's and
 * nothing outlives that folder. Geometry has no SRID there: the caller keeps the CRS. What a recipe's author writes is a
 * query and runs confined: no files, no network, no extensions, no settings.
 */
#ifndef SLUICE_GEO_DUCKDB_COMPUTE_H
#define SLUICE_GEO_DUCKDB_COMPUTE_H

#include <sluice/sys/compute.h>

#include "geo/duckdb/duck.h"

struct sl_duckdb_options {
    int64_t statement_timeout_ms; /* 0: an hour */
    struct sl_duck_options duck;  /* temp_dir and database are the session's own; strings are copied */
};

/* Fails when the extension spatial is not there. */
int sl_duckdb_open(const struct sl_duckdb_options *options, struct sl_compute **out, struct sl_error *err);

/* "none": DuckDB without that extension, for tables that go from a file to the outputs as they are. It runs no SQL of a
 * recipe's; rows have the order that PostGIS gives them. */
int sl_duckdb_open_bare(const struct sl_duckdb_options *options, struct sl_compute **out, struct sl_error *err);

#endif

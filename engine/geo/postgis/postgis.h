/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgis.h - the compute port on PostGIS: rows in by binary COPY, SQL in PostGIS, rows out by DuckDB.
 *
 * A run's role is its own: LOGIN with a random password, owner of its schema and of nothing else, with
 * statement_timeout. After the run it is cleared of all that it owns and kept for the next, under that one's name; it is
 * dropped with the sl_compute.
 */
#ifndef SLUICE_GEO_POSTGIS_POSTGIS_H
#define SLUICE_GEO_POSTGIS_POSTGIS_H

#include <sluice/sys/compute.h>

#include "geo/duckdb/duck.h"
#include "geo/proc.h"
#include "pg/pg.h"

struct sl_postgis_options {
    struct sl_pg_target target; /* as a role that may make roles and schemas; strings are copied */
    int64_t statement_timeout_ms;
    struct sl_duck_options duck; /* temp_dir is replaced by the run's scratch; strings are copied */
};

int sl_postgis_open(const struct sl_postgis_options *options, struct sl_compute **out, struct sl_error *err);

#endif

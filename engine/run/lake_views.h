/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lake_views.h - the datasets of the lake as views of a DuckDB, for queries that read.
 *
 * A view is the latest version of its dataset; of a dataset whose versions are rows that were appended (`metadata.append`) it
 * is all of them together, of each batch the last. Only what is in the ledger is seen. The one rule: make, then confine, then
 * ask whatever people write; what was confined cannot be opened again. Threads: that of the DuckDB.
 */
#ifndef SLUICE_RUN_LAKE_VIEWS_H
#define SLUICE_RUN_LAKE_VIEWS_H

#include "base/arena.h"
#include "geo/duckdb/duck.h"
#include "run/engine.h"

enum { SL_LAKE_VIEWS_MAX = 1000, SL_LAKE_VIEW_FILES_MAX = 100000 };

/* Views of the datasets whose names are in `query`, Iceberg tables among them, attached as `ice` if one is asked for. Views of
 * no dataset are no failure: DuckDB says what does not exist. SL_E_LIMIT beyond the maxima above. */
int sl_lake_views_make(struct sl_engine *engine, struct sl_duck *duck, const char *query, struct sl_arena *arena,
                       struct sl_error *err);

#endif

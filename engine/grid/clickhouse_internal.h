/* SPDX-License-Identifier: Apache-2.0 */
/* clickhouse_internal.h - what the files of the ClickHouse side share. */
#ifndef SLUICE_GRID_CLICKHOUSE_INTERNAL_H
#define SLUICE_GRID_CLICKHOUSE_INTERNAL_H

#include "grid/clickhouse.h"

extern const unsigned char sl_clickhouse__schema[]; /* schema.sql, ended by NUL */

int sl_clickhouse__make_database(struct sl_clickhouse *ch, struct sl_error *err);

#endif

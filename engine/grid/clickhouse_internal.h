/* SPDX-License-Identifier: Apache-2.0 */
/* clickhouse_internal.h - what the files of the ClickHouse side share. */
#ifndef SLUICE_GRID_CLICKHOUSE_INTERNAL_H
#define SLUICE_GRID_CLICKHOUSE_INTERNAL_H

#include "grid/clickhouse.h"
#include "grid/sinks.h"

extern const unsigned char sl_clickhouse__schema[]; /* schema.sql, ended by NUL */

int sl_clickhouse__execf(struct sl_clickhouse *ch, struct sl_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum { SL_CLICKHOUSE__HEX_BYTES = 33 };
/* A load's id as the names of its staging tables have it. */
void sl_clickhouse__hex(const char *load_id, char out[SL_CLICKHOUSE__HEX_BYTES]);
/* drop and sweep of the sink. */
int sl_clickhouse__drop(struct sl_clickhouse *ch, const char *load_id, struct sl_error *err);
int sl_clickhouse__sweep(struct sl_clickhouse *ch, const char *batch_id,
                         int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data,
                         struct sl_error *err);

extern const char sl_clickhouse__field_columns[]; /* "load_id, load, …", of grid_fields */
/* Adds the row of a field, tab-separated, of these columns. */
void sl_clickhouse__field_row(struct sl_buf *rows, const struct sl_grid_load *load, size_t number,
                              const struct sl_grid_field *field, double spacing, const char *raw_file_id,
                              const struct sl_grid_sums *sums);
/* The text in the column `about` of a field's rows. */
void sl_clickhouse__about(struct sl_buf *out, const struct sl_grid_load *load, const struct sl_grid_field *field,
                          const char *raw_file_id);

int sl_clickhouse__make_database(struct sl_clickhouse *ch, struct sl_error *err);

#endif

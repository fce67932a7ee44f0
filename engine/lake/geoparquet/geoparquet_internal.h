/* SPDX-License-Identifier: Apache-2.0 */
/* geoparquet_internal.h - the covering column's name, which writer and metadata share. */
#ifndef SLUICE_LAKE_GEOPARQUET_INTERNAL_H
#define SLUICE_LAKE_GEOPARQUET_INTERNAL_H

#include "lake/geoparquet/geoparquet.h"

enum { SL_COVERING_NAME_BYTES = 32 };

/* "bbox", or the first of bbox_1, bbox_2, … when a column of the table has that name already; in `out`. */
const char *sl_geoparquet__covering_name(const struct sl_table *table, char out[SL_COVERING_NAME_BYTES]);

#endif

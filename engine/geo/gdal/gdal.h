/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gdal.h - GDAL's one-time set-up and its errors as sl_error.
 *
 * Set-up registers the drivers of geo/format.h and nothing that reaches the network, runs code or opens other files
 * (no VRT, WMS, HTTP, PDF …), turns PROJ's network and GDAL's listing of sibling folders off, and bounds the block cache. GDAL's
 * error handler collects per thread; nothing goes to stderr.
 */
#ifndef SLUICE_GEO_GDAL_GDAL_H
#define SLUICE_GEO_GDAL_GDAL_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/error.h>

/* Safe to call often. */
int sl_gdal_setup(struct sl_error *err);
/* From here on, errors of this thread's GDAL calls are collected: the first failure is kept (most often the cause). */
void sl_gdal_errors_begin(void);
/* The failure since begin, if any: true and err filled with `code` (disk-full and out-of-memory get their own). */
bool sl_gdal_errors_end(enum sl_code code, struct sl_error *err);
/* The warnings since begin, at most SL_GDAL_WARNINGS_MAX; the caller knows which of them mean lost data. They stay until
 * this thread's next begin. */
enum { SL_GDAL_WARNINGS_MAX = 8 };
size_t sl_gdal_warnings(const char *const **out);
size_t sl_gdal_reported(void); /* a failure and the warnings kept, since begin: has it grown, the last call said something */
const char *sl_gdal_version(void);
const char *sl_proj_version(void);
/* The folders that PROJ looks for its database and grids in, separated by colons. */
const char *sl_proj_search_path(void);
const char *sl_geos_version(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transverse.h - from a transverse Mercator projection (UTM and most national grids) back to longitude and latitude, in half of
 * PROJ's time.
 *
 * Only where PROJ's own operation is that and nothing more: no change of datum, one operation for the whole system. PROJ stays
 * the measure: the two are compared before the first use, and what lies far from the central meridian is left to it.
 * Threads: as long as nobody calls sl_transverse_of, any number.
 */
#ifndef SLUICE_GEO_DUCKDB_TRANSVERSE_H
#define SLUICE_GEO_DUCKDB_TRANSVERSE_H

#include <stdbool.h>
#include <stddef.h>

#include <proj.h>

enum { SL_TRANSVERSE_ORDER = 6 };

struct sl_transverse {
    double lon0, scale, false_easting, false_northing; /* radians, metres */
    double beta[SL_TRANSVERSE_ORDER], delta[SL_TRANSVERSE_ORDER];
};

/* false: PROJ's `operation`, from `source` to degrees with x first, is something else. */
bool sl_transverse_of(PJ_CONTEXT *ctx, const PJ *source, PJ *operation, struct sl_transverse *out);
/* Metres to degrees, n of them in place; false where one is out of reach, and nothing has changed. */
bool sl_transverse_inverse(const struct sl_transverse *t, double *x, double *y, size_t n);

#endif

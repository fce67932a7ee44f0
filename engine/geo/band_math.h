/* SPDX-License-Identifier: Apache-2.0 */
/*
 * band_math.h - expressions on the bands of a raster: parsed once, computed on arrays of doubles.
 *
 *   comparison: sum [< <= > >= == != sum]      1 or 0
 *   sum:        product {+ - product}
 *   product:    signed {* / signed}
 *   signed:     {+ -} value
 *   value:      number | b1 … b65535 | nodata | function(…) | (comparison)
 *   functions:  min max (2 to 16 values), abs sqrt log log10 exp floor ceil round is_nodata (1), pow (2), where (3)
 *
 * NaN stands for nodata: whatever is computed with it is nodata but is_nodata, and the side that `where` does not take. A
 * result that is no finite number (division by zero, the root of a negative number) is nodata. The text is hostile: at most
 * SL_BAND_MATH_BYTES, and nesting of SL_BAND_MATH_DEPTH. Threads: read-only once parsed.
 */
#ifndef SLUICE_GEO_BAND_MATH_H
#define SLUICE_GEO_BAND_MATH_H

#include <stdbool.h>
#include <stddef.h>

#include <sluice/error.h>

#include "base/arena.h"

enum { SL_BAND_MATH_BYTES = 4096, SL_BAND_MATH_DEPTH = 64, SL_BAND_MATH_BANDS = 65535 };

struct sl_band_math;

/* SL_E_RECIPE_OPTION names what is wrong and where, counted from 1. It lives in the arena. */
int sl_band_math_parse(const char *text, struct sl_arena *arena, struct sl_band_math **out, struct sl_error *err);
/* The highest band that it names; 0: none. */
size_t sl_band_math_highest(const struct sl_band_math *math);
bool sl_band_math_reads(const struct sl_band_math *math, size_t band); /* from 1 */
/* in[band - 1][0..n) for every band that it reads, out[0..n). */
void sl_band_math_run(const struct sl_band_math *math, const double *const *in, double *out, size_t n);

#endif

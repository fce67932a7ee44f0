/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sys/raster_step.h - what a step on rasters is, for those who add one.
 *
 * A step turns opened rasters into the next one. It is a view wherever GDAL can compute pixels as they are asked for
 * (a part, a choice of bands), else it is written to a file of the scratch folder, block by block: the memory of a chain
 * does not grow with its rasters. The description (name, options, help) is a struct sl_step_kind as any other's, with
 * data_type "raster" and `apply`. Threads: one chain, one thread; what GDAL starts beneath obeys `threads`.
 */
#ifndef SLUICE_SYS_RASTER_STEP_H
#define SLUICE_SYS_RASTER_STEP_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

struct sl_raster;

struct sl_raster_step_context {
    const char *scratch;  /* a folder of the run's own; what is written there goes with the raster that reads it */
    int threads;          /* 0: all cores */
    int64_t memory_bytes; /* of a warp's working buffers; 0: GDAL's own */
    int64_t max_pixels;   /* width × height × bands of a result; 0: no limit */
    int (*progress)(void *data, double fraction); /* returns 0 to stop; may be NULL */
    void *progress_data;
};

/* Reads in[0..n) (n is 1 but for a kind with SL_STEP_MERGES) and makes *out, the caller's to close. The inputs stay the
 * caller's and may be closed before *out: it holds on to what it needs. */
typedef int sl_raster_apply(const struct sl_raster_step_context *context, const void *options,
                            struct sl_raster *const *in, size_t n, struct sl_raster **out, struct sl_error *err);

/* Makes vectors of a raster: a FlatGeobuf file at path (which is not there yet) in the coordinates of the raster's CRS, that
 * the recipe's remaining steps get as their input. *rows: how many features it has. On failure nothing is left at path. */
typedef int sl_raster_vectorise(const struct sl_raster_step_context *context, const void *options, struct sl_raster *in,
                                const char *path, int64_t *rows, struct sl_error *err);

#endif

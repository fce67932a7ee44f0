/* SPDX-License-Identifier: Apache-2.0 */
/*
 * native.h - blocks of grid_data in ClickHouse's Native format, made while they are sent: of a block only what differs
 * from point to point is kept, what a field has in common is written from its run.
 *
 * Threads: a block belongs to one at a time.
 */
#ifndef SLUICE_GRID_NATIVE_H
#define SLUICE_GRID_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

enum { SL_GRID_BLOCK_ROWS = 1 << 20, SL_GRID_BLOCK_RUNS = 4096 /* fields of one block */ };

/* Rows of one field, one after the other. */
struct sl_grid_run {
    size_t rows;
    char *variable, *about; /* the block's */
    uint32_t timestamp, field;
    uint64_t load;
};

struct sl_grid_block {
    struct sl_grid_run *runs;
    size_t n_runs, runs_room, n_rows, rows_room;
    uint16_t *cells;
    int32_t *lats_e7, *lons_e7;
    double *values;
};

/* rows_room: the most rows that it will have, at most SL_GRID_BLOCK_ROWS. */
void sl_grid_block_init(struct sl_grid_block *block, size_t rows_room);
void sl_grid_block_free(struct sl_grid_block *block);
void sl_grid_block_clear(struct sl_grid_block *block);
/* A new run, empty; texts are copied. NULL when the block has no room for another. */
struct sl_grid_run *sl_grid_block_run(struct sl_grid_block *block, const char *variable, const char *about);
/* The last run, which stayed empty, goes. */
void sl_grid_block_unrun(struct sl_grid_block *block);

/* The columns that a block has, for the INSERT: "variable, timestamp, …". */
extern const char sl_grid_native_columns[];

struct sl_grid_native; /* a block on its way */
/* framed: in frames of LZ4, as ClickHouse has them. The block must stay as it is until the stream is freed. */
struct sl_grid_native *sl_grid_native_new(const struct sl_grid_block *block, bool framed);
void sl_grid_native_free(struct sl_grid_native *native);
/* As struct sl_http_body's read: fills out, 0 at the end. */
int64_t sl_grid_native_read(void *native, void *out, size_t room, struct sl_error *err);

#endif

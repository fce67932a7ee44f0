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

enum {
    SL_GRID_BLOCK_ROWS = 1 << 20,
    SL_GRID_BLOCK_RUNS = 4096, /* fields of one block */
    SL_GRID_RUN_TEXT = 128     /* of each text, with its NUL; a longer one is SL_E_LIMIT */
};

enum sl_grid_text {
    SL_GRID_VARIABLE,
    SL_GRID_SOURCE,
    SL_GRID_DATASET,
    SL_GRID_LEVEL_TYPE,
    SL_GRID_STEP_TYPE,
    SL_GRID_RAW_FILE,
    SL_GRID_LOAD,
    SL_GRID_TEXTS
};

/* Rows of one field, one after the other. */
struct sl_grid_run {
    size_t rows;
    char texts[SL_GRID_TEXTS][SL_GRID_RUN_TEXT];
    uint32_t timestamp, field;
    int64_t valid_time, reference_time, step_from;
    double level;
    int32_t member;
};

struct sl_grid_block {
    struct sl_grid_run *runs;
    size_t n_runs, runs_room, n_rows, rows_room;
    uint16_t *cells;
    double *lats, *lons, *values;
};

/* rows_room: the most rows that it will have, at most SL_GRID_BLOCK_ROWS. */
void sl_grid_block_init(struct sl_grid_block *block, size_t rows_room);
void sl_grid_block_free(struct sl_grid_block *block);
void sl_grid_block_clear(struct sl_grid_block *block);
/* A new run, empty. NULL when the block has no room for another. */
struct sl_grid_run *sl_grid_block_run(struct sl_grid_block *block);

/* The columns that a block has, for the INSERT: "variable, source, …". */
extern const char sl_grid_native_columns[];

struct sl_grid_native; /* a block on its way */
/* framed: in frames of LZ4, as ClickHouse has them. The block must stay as it is until the stream is freed. */
struct sl_grid_native *sl_grid_native_new(const struct sl_grid_block *block, bool framed);
void sl_grid_native_free(struct sl_grid_native *native);
/* As struct sl_http_body's read: fills out, 0 at the end. */
int64_t sl_grid_native_read(void *native, void *out, size_t room, struct sl_error *err);

#endif

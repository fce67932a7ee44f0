/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - where rows of fields go: ClickHouse, or Parquet files for the lake. A row is one point of one field.
 *
 * One load is what one asset has: it is begun, given fields, and finished; until then nobody sees any of it. The same load
 * again (after a kill, or a lost reply) replaces itself: rows are never doubled. `drop` takes a whole load away; again is free.
 * Rows are given in the order of the store: by cell (layout.h) within a field. Threads: one a sink.
 */
#ifndef SLUICE_GRID_SINK_H
#define SLUICE_GRID_SINK_H

#include <sluice/error.h>

#include "grid/field.h"

struct sl_arena;

/* Of what a load's rows are, beside what their field says. Strings are borrowed until the load ends. */
struct sl_grid_load {
    const char *load_id;     /* the asset's: a UUID */
    const char *batch_id;    /* whose attempts these are: what a killed one left is found by it */
    const char *source, *dataset;
    const char *folder;      /* of the scratch, where files are made */
    int (*may_go_on)(void *data, struct sl_error *err); /* asked between fields */
    void *data;
};

/* A file of a load, for the lake: NULL-ended names and values of its partition. */
struct sl_grid_part {
    const char *path;   /* local */
    const char *suffix; /* of its key under the version's prefix: "variable=t2m/date=2025-03-11/part-0.parquet" */
    int64_t rows, bytes;
    char sha256_hex[65];
};

/* What a load has, when it is finished. */
struct sl_grid_loaded {
    int64_t fields, rows, missing;
    const struct sl_grid_part *parts; /* in order of their suffixes; none: the rows are in a server */
    size_t n_parts;
};

struct sl_grid_sink;
struct sl_grid_sink_ops {
    const char *name; /* "clickhouse", "parquet" */
    /* Must provide, all of them. raw_file_id: the file that the field came from. */
    int (*begin)(struct sl_grid_sink *sink, const struct sl_grid_load *load, struct sl_error *err);
    int (*put)(struct sl_grid_sink *sink, const struct sl_grid_field *field, const char *raw_file_id, struct sl_error *err);
    /* All rows are there and can be seen, once. Strings of *out live in the arena. */
    int (*finish)(struct sl_grid_sink *sink, struct sl_arena *arena, struct sl_grid_loaded *out, struct sl_error *err);
    void (*abandon)(struct sl_grid_sink *sink); /* what was begun is taken back; the lost connection may prevent it */
    int (*drop)(struct sl_grid_sink *sink, const char *load_id, struct sl_error *err);
    /* Calls visit for every load that has rows, of one batch or (NULL) of all; a 1 from it drops that load. */
    int (*sweep)(struct sl_grid_sink *sink, const char *batch_id, int (*visit)(void *data, const char *load_id, struct sl_error *err), void *data,
                 struct sl_error *err);
    void (*close)(struct sl_grid_sink *sink);
};

struct sl_grid_sink {
    const struct sl_grid_sink_ops *ops;
};

#endif

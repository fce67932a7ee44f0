/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - Iceberg tables that are appended to: one load is what one asset has. Every row carries `_load_id` (the asset's id)
 * and `_batch_id`.
 *
 * The one rule: an append whose answer was lost is looked for before it is tried again, by its load; so a load is there whole
 * or not at all, once. Who begins a further attempt of a batch sweeps that batch's loads first. Writers reach the catalog by
 * commits that fail when another was faster: those are tried again. Threads: one a handle.
 */
#ifndef SLUICE_ICEBERG_TABLE_H
#define SLUICE_ICEBERG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

struct sl_config;
struct sl_table_writer;

enum { SL_TABLE_COLUMNS_MAX = 900, SL_TABLE_PARTITIONS_MAX = 8 };
#define SL_TABLE_LOAD_COLUMN "_load_id"
#define SL_TABLE_BATCH_COLUMN "_batch_id"

struct sl_table_load {
    const char *table;                    /* "ns.name" */
    const char *const *partition_by;      /* "station", "month(event_time)", "bucket(16, id)"; of a table that is made */
    size_t n_partition_by;
    bool evolve;                          /* columns that the table lacks are added to it; else they are an error */
    const char *load_id, *batch_id;
    const char *path;                     /* a Parquet file of this machine */
    int64_t rows;                         /* that it has */
};

/* What a load has made of the table. Strings are the caller's arena's. */
struct sl_table_loaded {
    int64_t rows, files, snapshot_id; /* files: of the table, with this load */
    const char *metadata_location;
};

struct sl_arena;
struct sl_table_writer_ops {
    const char *name; /* "duckdb" */
    /* Must provide, all of them. */
    /* Makes namespace and table where they are missing, adds columns, and appends; a load that is there already is adopted
     * when it is whole, dropped and appended again when it is not. */
    int (*append)(struct sl_table_writer *w, const struct sl_table_load *load, struct sl_arena *arena, struct sl_table_loaded *out,
                  struct sl_error *err);
    /* Rows of a load; 0 for a table that is not there. */
    int (*count)(struct sl_table_writer *w, const char *table, const char *load_id, int64_t *rows, struct sl_error *err);
    int (*drop)(struct sl_table_writer *w, const char *table, const char *load_id, struct sl_error *err);
    /* Calls visit for every load of a table (NULL: of all tables), of one batch or (NULL) of all; a 1 from it drops that load. */
    int (*sweep)(struct sl_table_writer *w, const char *table, const char *batch_id,
                 int (*visit)(void *data, const char *table, const char *load_id, struct sl_error *err), void *data,
                 struct sl_error *err);
    void (*close)(struct sl_table_writer *w);
};
struct sl_table_writer {
    const struct sl_table_writer_ops *ops;
};

/* By the settings; *out NULL where no catalog is configured. scratch: a folder where it may spill; NULL: it may not. */
int sl_table_writer_open(const struct sl_config *config, const char *scratch, struct sl_table_writer **out, struct sl_error *err);
void sl_table_writer_closep(struct sl_table_writer **w);

/* Is it "column" or one of "year|month|day|hour(column)", "bucket|truncate(N, column)"? *column is of the text's length or shorter. */
bool sl_table_partition_valid(const char *text);

struct sl_duck;
/* DuckDB with the catalog attached as `ice`, to be read only or written. Secrets are in the statement alone. */
int sl_table_attach_store(const struct sl_config *config, struct sl_duck *duck, struct sl_error *err); /* only the store */
int sl_table_attach(const struct sl_config *config, struct sl_duck *duck, bool read_only, struct sl_error *err);

#endif

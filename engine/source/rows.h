/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - records become rows of a typed table on disk, and the table one Parquet file.
 *
 * Columns that the source declares come first, in their order; what records bring besides follows in the order of its coming,
 * if the drift policy lets it: integers are BIGINT, other numbers DOUBLE, texts VARCHAR, lists of one of these LIST, objects
 * and mixtures VARCHAR with their JSON. A column that was not declared widens (BIGINT to DOUBLE to VARCHAR); a declared one
 * keeps its type, and what does not fit goes the way of its policy, evolve as discard_row. Memory is bounded; rows are in the
 * order in which they came; the same records give the same bytes. Threads: one.
 */
#ifndef SLUICE_SOURCE_ROWS_H
#define SLUICE_SOURCE_ROWS_H

#include "source/spec.h"

struct sl_rows;

struct sl_rows_counts {
    int64_t rows;       /* in the file */
    int64_t duplicates; /* alike in the key, left out */
    int64_t discarded;  /* values */
};

/* scratch: an empty folder of the caller's. */
int sl_rows_open(const struct sl_source_spec *spec, const char *scratch, struct sl_rows **out, struct sl_error *err);
/* 0; 1: the record is bad, `err` says why; negative: the run fails. */
int sl_rows_add(struct sl_rows *rows, struct json_object *record, struct sl_error *err);
/* Takes out duplicates and writes the file. Nothing can be added then. */
int sl_rows_write(struct sl_rows *rows, const char *path, struct sl_rows_counts *counts, struct sl_error *err);
/* The first rows as JSON objects, for a look; the caller owns the array. */
int sl_rows_peek(struct sl_rows *rows, int64_t most, struct json_object **out, struct sl_error *err);
void sl_rows_free(struct sl_rows *rows); /* NULL is allowed */
void sl_rows_freep(struct sl_rows **rows);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duck.h - DuckDB in the process, by its C API: the mover of rows.
 *
 * One database per sl_duck, in memory or in a file, with bounded memory and its spill folder in the run's scratch; no network, no
 * automatic installation or loading of extensions, community and unsigned extensions off. Extensions are loaded by path from
 * `extensions_dir` only. Threads: one caller at a time (DuckDB itself uses `threads`).
 */
#ifndef SLUICE_GEO_DUCKDB_DUCK_H
#define SLUICE_GEO_DUCKDB_DUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "geo/rows.h"

struct ArrowArrayStream;
struct sl_duck;
struct sl_wkb_box;

struct sl_duck_options {
    int threads;             /* 0: all cores */
    int64_t memory_bytes;    /* 0: 400 MB */
    const char *temp_dir;    /* where it may spill; NULL: it may not */
    const char *database;    /* a file, made when it is not there; NULL: in memory */
    const char *extensions_dir;
    bool signature_checked;  /* this process had DuckDB check the extensions' files, and they are as they were: not again */
};

int sl_duck_open(const struct sl_duck_options *options, struct sl_duck **out, struct sl_error *err);
void sl_duck_close(struct sl_duck *duck); /* NULL is allowed */
void sl_duck_closep(struct sl_duck **duck);
/* "postgres_scanner", "spatial": LOAD of <extensions_dir>/<name>.duckdb_extension; again is free. With spatial come
 * the functions of functions.h. */
int sl_duck_load(struct sl_duck *duck, const char *extension, struct sl_error *err);
/* `code` is what a failure of this statement means (SL_E_DUCKDB most often); out of memory, disk full and lost
 * connections get their own. *changed (may be NULL): rows inserted, copied. */
int sl_duck_exec(struct sl_duck *duck, const char *sql, enum sl_code code, int64_t *changed, struct sl_error *err);
/* The same for one statement and no more; *changed also for the rows of CREATE TABLE … AS. */
int sl_duck_exec_one(struct sl_duck *duck, const char *sql, enum sl_code code, int64_t *changed, struct sl_error *err);
/* From now on one statement is worked on by DuckDB's own threads alone while its caller sleeps. A caller that takes part spins
 * while there is no work for it, at the cost of the threads that have some. */
int sl_duck_leave_to_threads(struct sl_duck *duck, struct sl_error *err);
/* From now on no statement reads or writes files outside of the folder, loads extensions or changes settings of the
 * database. For good. */
int sl_duck_confine(struct sl_duck *duck, const char *folder, struct sl_error *err);
int sl_duck_query_int(struct sl_duck *duck, const char *sql, int64_t *out, struct sl_error *err);
/* Calls row(values, n) with texts (NULL for NULL) for each row. Nested values must be cast to VARCHAR by the query. */
int sl_duck_query(struct sl_duck *duck, const char *sql,
                  int (*row)(void *data, const char *const *values, size_t n, struct sl_error *err), void *data,
                  struct sl_error *err);
/* The rows of a SELECT in their order, as they come: memory does not grow with their number. Decimals of up to 15 digits are
 * doubles, longer ones and what has no type of its own text, lists JSON. SL_E_FILE_DAMAGED for a date outside of the years
 * 1 to 9999. No other statement may run on this sl_duck meanwhile. */
int sl_duck_rows(struct sl_duck *duck, const char *sql, const struct sl_rows_sink *sink, int64_t *rows,
                 struct sl_error *err);
/* Makes the stream a view that can be read once. The stream must outlive its reading; the caller releases it. */
int sl_duck_arrow_view(struct sl_duck *duck, const char *name, struct ArrowArrayStream *stream, struct sl_error *err);
/* A SELECT's rows in their order as an Arrow stream, a chunk at a time. The caller releases it, before the sl_duck; no other
 * statement may run on that meanwhile. */
int sl_duck_arrow_stream(struct sl_duck *duck, const char *sql, struct ArrowArrayStream *out, struct sl_error *err);
/* Adds the function sl_wkb_box(BLOB) → STRUCT(xmin, ymin, xmax, ymax DOUBLE), NULL for NULL, for an empty geometry and for
 * what is not WKB, and sl_wkb_type(BLOB) → INTEGER, the type in ISO's numbers (1003: polygon with Z); again is free. */
int sl_duck_add_wkb_box(struct sl_duck *duck, struct sl_error *err);
/* From now on sl_wkb_box gives each geometry that has a box to `geometry`, too, in no order, one at a time, from threads of
 * DuckDB's; NULL: no more. While no statement runs. For a drawing of what is written while it is written. */
void sl_duck_watch_boxes(struct sl_duck *duck,
                         void (*geometry)(void *data, const struct sl_wkb_box *box, const void *wkb, size_t bytes), void *data);
/* Interrupts what runs now; from any thread. */
void sl_duck_interrupt(struct sl_duck *duck);
const char *sl_duck_version(void);

#endif

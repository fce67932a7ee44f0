/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - rows and columns for people: as wide as their content, narrowed to the line where they must be.
 *
 * Numbers are aligned right. When a table is wider than the line, its shrinking columns give way, the widest first, by
 * an ellipsis in the middle (the ends of a key say most). Strings are copied into the arena and made printable.
 */
#ifndef SLUICE_CLI_TABLE_H
#define SLUICE_CLI_TABLE_H

#include "cli/out.h"

enum { SL_CLI_COLUMNS_MAX = 12 };

enum sl_cli_align {
    SL_LEFT,
    SL_RIGHT,
    SL_PROSE /* left, and broken between words instead of shortened; only the last column */
};

struct sl_cli_column {
    const char *title; /* capitals */
    enum sl_cli_align align;
    size_t least;      /* columns that it may be narrowed to; 0: it never shrinks */
};

struct sl_cli_table; /* lives in its arena */

struct sl_cli_table *sl_cli_table_new(struct sl_arena *arena, const struct sl_cli_column *columns, size_t n_columns);
/* The next cell, row after row; NULL is "-". */
void sl_cli_cell(struct sl_cli_table *table, const char *text);
void sl_cli_cell_colour(struct sl_cli_table *table, enum sl_colour colour, const char *text);
size_t sl_cli_table_rows(const struct sl_cli_table *table);
void sl_cli_table_print(struct sl_cli_table *table, struct sl_out *out);

/* text in at most `columns` columns with "…" in its middle; printable text in, the arena owns the result. */
const char *sl_cli_shorten(struct sl_arena *arena, const char *text, size_t columns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

enum { GAP = 2 };

struct cell {
    const char *text;
    enum sl_colour colour;
};

struct sl_cli_table {
    struct sl_arena *arena;
    const struct sl_cli_column *columns;
    size_t n_columns;
    struct cell *cells;
    size_t n_cells, capacity;
};

struct sl_cli_table *sl_cli_table_new(struct sl_arena *arena, const struct sl_cli_column *columns, size_t n_columns)
{
    struct sl_cli_table *table = sl_arena_alloc(arena, sizeof *table);
    table->arena = arena;
    table->columns = columns;
    table->n_columns = n_columns < SL_CLI_COLUMNS_MAX ? n_columns : SL_CLI_COLUMNS_MAX;
    return table;
}

void sl_cli_cell_colour(struct sl_cli_table *table, enum sl_colour colour, const char *text)
{
    if (table->n_cells == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        struct cell *cells = sl_arena_array(table->arena, capacity, sizeof *cells);
        if (table->n_cells)
            memcpy(cells, table->cells, table->n_cells * sizeof *cells);
        table->cells = cells;
        table->capacity = capacity;
    }
    table->cells[table->n_cells++] = (struct cell){sl_out_escape(table->arena, text), colour};
}

void sl_cli_cell(struct sl_cli_table *table, const char *text)
{
    sl_cli_cell_colour(table, SL_PLAIN, text);
}

size_t sl_cli_table_rows(const struct sl_cli_table *table)
{
    return table->n_cells / table->n_columns;
}

static size_t char_bytes(const char *s)
{
    size_t n = 1;
    while (((unsigned char)s[n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* Columns of the first n bytes of s. */
static size_t columns_of(struct sl_arena *arena, const char *s, size_t n)
{
    return sl_text_columns(sl_arena_strndup(arena, s, n));
}

const char *sl_cli_shorten(struct sl_arena *arena, const char *text, size_t columns)
{
    size_t all = sl_text_columns(text);
    if (all <= columns)
        return text;
    if (columns < 3)
        return columns ? "…" : "";
    size_t tail = (columns - 1) / 2, head = columns - 1 - tail, used = 0, rest = all;
    const char *p = text, *q;
    while (*p) {
        size_t n = char_bytes(p), c = columns_of(arena, p, n);
        if (used + c > head)
            break;
        used += c;
        rest -= c;
        p += n;
    }
    for (q = p; *q && rest > tail; q += char_bytes(q))
        rest -= columns_of(arena, q, char_bytes(q));
    return sl_arena_printf(arena, "%.*s…%s", (int)(p - text), text, q);
}

static void measure(const struct sl_cli_table *table, size_t *widths)
{
    for (size_t c = 0; c < table->n_columns; c++)
        widths[c] = sl_text_columns(table->columns[c].title);
    for (size_t i = 0; i < table->n_cells; i++) {
        size_t c = i % table->n_columns, w = sl_text_columns(table->cells[i].text);
        if (w > widths[c])
            widths[c] = w;
    }
}

/* Takes one column after the other from the widest that may still shrink. */
static void fit(const struct sl_cli_table *table, size_t *widths, size_t line)
{
    size_t total = GAP * (table->n_columns - 1);
    for (size_t c = 0; c < table->n_columns; c++)
        total += widths[c];
    while (total > line) {
        size_t widest = SIZE_MAX;
        for (size_t c = 0; c < table->n_columns; c++)
            if (table->columns[c].least && widths[c] > table->columns[c].least &&
                (widest == SIZE_MAX || widths[c] > widths[widest]))
                widest = c;
        if (widest == SIZE_MAX)
            return;
        widths[widest]--;
        total--;
    }
}

/* The bytes of text that fit in `columns`, whole words if there is a space to break at. */
static size_t words_that_fit(struct sl_arena *arena, const char *text, size_t columns)
{
    size_t bytes = 0, used = 0, at_space = 0;
    while (text[bytes]) {
        size_t n = char_bytes(text + bytes);
        used += columns_of(arena, text + bytes, n);
        if (used > columns)
            return text[bytes] == ' ' ? bytes : at_space ? at_space : bytes ? bytes : n;
        if (text[bytes] == ' ')
            at_space = bytes;
        bytes += n;
    }
    return bytes;
}

static void print_prose(const struct sl_cli_table *table, size_t indent, size_t width, struct cell cell,
                        struct sl_out *out)
{
    for (const char *p = cell.text;;) {
        size_t n = words_that_fit(table->arena, p, width);
        sl_out_coloured(out, cell.colour, sl_arena_strndup(table->arena, p, n));
        sl_out_text(out, "\n");
        for (p += n; *p == ' '; p++)
            ;
        if (!*p)
            return;
        sl_out_spaces(out, indent);
    }
}

static void print_cell(const struct sl_cli_table *table, size_t c, const size_t *widths, struct cell cell,
                       struct sl_out *out)
{
    bool last = c + 1 == table->n_columns;
    if (last && table->columns[c].align == SL_PROSE) {
        size_t indent = GAP * c;
        for (size_t i = 0; i < c; i++)
            indent += widths[i];
        print_prose(table, indent, widths[c], cell, out);
        return;
    }
    const char *text = sl_cli_shorten(table->arena, cell.text, widths[c]);
    size_t pad = widths[c] - sl_text_columns(text);
    if (table->columns[c].align == SL_RIGHT)
        sl_out_spaces(out, pad);
    sl_out_coloured(out, cell.colour, text);
    if (table->columns[c].align != SL_RIGHT && !last)
        sl_out_spaces(out, pad);
    if (last)
        sl_out_text(out, "\n");
    else
        sl_out_spaces(out, GAP);
}

void sl_cli_table_print(struct sl_cli_table *table, struct sl_out *out)
{
    size_t widths[SL_CLI_COLUMNS_MAX] = {0};
    measure(table, widths);
    fit(table, widths, (size_t)out->width);
    for (size_t c = 0; c < table->n_columns; c++)
        print_cell(table, c, widths, (struct cell){table->columns[c].title, SL_BOLD}, out);
    for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
        for (size_t c = 0; c < table->n_columns; c++)
            print_cell(table, c, widths, table->cells[i + c], out);
}

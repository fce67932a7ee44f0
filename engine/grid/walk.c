/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the stores for reduced grids, without an order in memory: rows have their points from west to east
 * already, so that those of a cell are a few runs, one a row.
 */
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "grid/sorted.h"

enum { COLUMNS = 360 };

static int band_of(double lat)
{
    return sl_grid_cell(lat, 0) / COLUMNS;
}

static size_t count_of(const struct sl_grid_points *p, size_t row)
{
    return p->row_starts[row + 1] - p->row_starts[row];
}

/* Of the j-th point from -180 degrees on, which is the i-th of its row. */
static double lon_of(const struct sl_grid_points *p, size_t row, size_t j, size_t *i)
{
    size_t count = count_of(p, row);
    *i = j + (count + 1) / 2;
    *i = *i >= count ? *i - count : *i;
    return sl_grid_wrap((double)*i * 360.0 / (double)count);
}

/* The rows of the degree that ends above row `high`, which is southmost; they go from north to south. */
static void begin_band(struct sl_grid_walk *w, const struct sl_grid_points *p, size_t high)
{
    w->high = w->low = high;
    while (w->low > 0 && band_of(p->lats[w->low - 1]) == band_of(p->lats[high - 1]))
        w->low--;
    if (high - w->low > w->cursors_room) {
        free(w->cursors);
        w->cursors_room = high - w->low;
        w->cursors = sl_xmalloc(w->cursors_room * sizeof *w->cursors);
    }
    for (size_t r = 0; r < high - w->low; r++)
        w->cursors[r] = 0;
    w->column = 0;
    w->row = high;
}

void sl_grid_walk_begin(struct sl_grid_walk *w, const struct sl_grid_points *p)
{
    begin_band(w, p, p->n_reduced);
}

bool sl_grid_walk_next(struct sl_grid_walk *w, const struct sl_grid_points *p, size_t *index, double *lat, double *lon,
                       uint16_t *cell)
{
    for (;;) {
        if (w->row == w->low) { /* the cell is done */
            w->row = w->high;
            if (++w->column == COLUMNS && w->low == 0)
                return false;
            if (w->column == COLUMNS)
                begin_band(w, p, w->low);
        }
        size_t row = w->row - 1, i;
        uint32_t *cursor = &w->cursors[row - w->low];
        if (*cursor < count_of(p, row)) {
            *lon = lon_of(p, row, *cursor, &i);
            if ((int)floor(*lon + 180.0) <= w->column) {
                *lat = p->lats[row];
                *index = p->row_starts[row] + i;
                *cell = (uint16_t)sl_grid_cell(*lat, *lon);
                ++*cursor;
                return true;
            }
        }
        w->row--;
    }
}

void sl_grid_walk_free(struct sl_grid_walk *w)
{
    free(w->cursors);
    *w = (struct sl_grid_walk){0};
}

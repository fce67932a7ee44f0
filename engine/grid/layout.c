/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/layout.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"

enum { ROWS = 180, COLUMNS = 360 };

static double radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

double sl_grid_wrap(double lon)
{
    double wrapped = lon >= -180.0 && lon < 180.0 ? lon : lon - 360.0 * floor((lon + 180.0) / 360.0);
    return wrapped >= 180.0 ? -180.0 : wrapped; /* rounding, for what lies just below -180 */
}

static void place_reduced(const struct sl_grid_points *p, size_t i, double *lat, double *lon)
{
    size_t low = 0, high = p->n_reduced; /* the row is in [low, high) */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (p->row_starts[middle] <= i)
            low = middle;
        else
            high = middle;
    }
    double count = (double)(p->row_starts[low + 1] - p->row_starts[low]);
    *lat = p->lats[low];
    *lon = sl_grid_wrap((double)(i - p->row_starts[low]) * 360.0 / count); /* in this order, as ecCodes computes it */
}

void sl_grid_place(const struct sl_grid_points *p, size_t i, double *lat, double *lon)
{
    if (p->row_starts) {
        place_reduced(p, i, lat, lon);
        return;
    }
    size_t row = i, column = i;
    if (p->n_rows) {
        row = p->columns_first ? i % p->n_rows : i / p->n_columns;
        column = p->columns_first ? i / p->n_rows : i % p->n_columns;
    }
    *lat = p->lats[row];
    *lon = sl_grid_wrap(p->lons[column]);
}

static int clamp(double value, int most)
{
    return value <= 0 ? 0 : value >= most ? most : (int)value;
}

int32_t sl_grid_cell(double lat, double lon)
{
    int row = clamp(floor(lat + 90.0), ROWS - 1), column = clamp(floor(sl_grid_wrap(lon) + 180.0), COLUMNS - 1);
    return row * COLUMNS + column;
}

int32_t sl_grid_e7(double degrees)
{
    int64_t whole = llround(degrees * 1e7);
    return (int32_t)(whole == 1800000000 ? -1800000000 : whole);
}

int64_t sl_grid_timestamp(int64_t valid_s)
{
    return valid_s < 0 ? 0 : valid_s > UINT32_MAX ? UINT32_MAX : valid_s;
}

/* ---- order ---- */

struct placed {
    double lat, lon;
    int32_t cell;
    uint32_t index;
};

static int compare(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    if (p->cell != q->cell)
        return p->cell < q->cell ? -1 : 1;
    if (p->lat != q->lat)
        return p->lat < q->lat ? -1 : 1;
    if (p->lon != q->lon)
        return p->lon < q->lon ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

/* By cells first, counted; then within each cell, so that no more than one cell's points are copied. */
void sl_grid_order(const struct sl_grid_points *points, uint32_t *order)
{
    size_t *start = sl_xcalloc(SL_GRID_CELLS + 1, sizeof *start), most = 0;
    double lat, lon;
    for (size_t i = 0; i < points->n; i++) {
        sl_grid_place(points, i, &lat, &lon);
        start[sl_grid_cell(lat, lon) + 1]++;
    }
    for (size_t c = 0; c < SL_GRID_CELLS; c++) {
        most = start[c + 1] > most ? start[c + 1] : most;
        start[c + 1] += start[c];
    }
    size_t *next = sl_xcalloc(SL_GRID_CELLS, sizeof *next);
    for (size_t c = 0; c < SL_GRID_CELLS; c++)
        next[c] = start[c];
    for (size_t i = 0; i < points->n; i++) {
        sl_grid_place(points, i, &lat, &lon);
        order[next[sl_grid_cell(lat, lon)]++] = (uint32_t)i;
    }
    struct placed *cell = sl_xcalloc(most ? most : 1, sizeof *cell);
    for (size_t c = 0; c < SL_GRID_CELLS; c++) {
        size_t n = start[c + 1] - start[c];
        for (size_t k = 0; k < n; k++) {
            cell[k].index = order[start[c] + k];
            cell[k].cell = (int32_t)c;
            sl_grid_place(points, cell[k].index, &cell[k].lat, &cell[k].lon);
        }
        qsort(cell, n, sizeof *cell, compare);
        for (size_t k = 0; k < n; k++)
            order[start[c] + k] = cell[k].index;
    }
    free(cell);
    free(next);
    free(start);
}

/* ---- neighbourhoods ---- */

/* Half of the circle's extent in longitude: asin(sin r / cos lat) where it holds no pole (a spherical cap's bounding box). */
static double half_width_deg(double lat, double radius_deg)
{
    if (fabs(lat) + radius_deg >= 90.0)
        return 180.0;
    return asin(sin(radians(radius_deg)) / cos(radians(lat))) * (180.0 / M_PI);
}

size_t sl_grid_cells_around(double lat, double lon, double radius_deg, struct sl_grid_cell_range out[SL_GRID_RANGES_MAX])
{
    int first = clamp(floor(lat - radius_deg + 90.0), ROWS - 1), last = clamp(floor(lat + radius_deg + 90.0), ROWS - 1);
    double half = half_width_deg(lat, radius_deg);
    int west = clamp(floor(sl_grid_wrap(lon - half) + 180.0), COLUMNS - 1);
    int east = clamp(floor(sl_grid_wrap(lon + half) + 180.0), COLUMNS - 1);
    bool all = half >= 180.0 - 0.5 || 2 * half >= COLUMNS - 1;
    size_t n = 0;
    for (int row = first; row <= last; row++) {
        int32_t base = row * COLUMNS;
        if (all) {
            out[n++] = (struct sl_grid_cell_range){base, base + COLUMNS - 1};
        } else if (west <= east) {
            out[n++] = (struct sl_grid_cell_range){base + west, base + east};
        } else {
            out[n++] = (struct sl_grid_cell_range){base, base + east};
            out[n++] = (struct sl_grid_cell_range){base + west, base + COLUMNS - 1};
        }
    }
    return n;
}

double sl_grid_distance_deg(double lat_a, double lon_a, double lat_b, double lon_b)
{
    /* The haversine formula, which is exact enough for small distances too. */
    double dlat = sin(radians(lat_b - lat_a) / 2), dlon = sin(radians(lon_b - lon_a) / 2);
    double h = dlat * dlat + cos(radians(lat_a)) * cos(radians(lat_b)) * dlon * dlon;
    return 2 * asin(sqrt(h > 1 ? 1 : h)) * (180.0 / M_PI);
}

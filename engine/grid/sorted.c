/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/sorted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "grid/sinks.h"

void sl_grid_sorted_free(struct sl_grid_sorted *s)
{
    free(s->order);
    sl_grid_walk_free(&s->walk);
    free(s->cells);
    free(s->lats);
    free(s->lons);
    free(s->lats_e7);
    free(s->lons_e7);
    *s = (struct sl_grid_sorted){0};
}

static void keep_places(struct sl_grid_sorted *s, const struct sl_grid_points *points, bool e7)
{
    s->cells = sl_xmalloc(points->n * sizeof *s->cells);
    if (e7) {
        s->lats_e7 = sl_xmalloc(points->n * sizeof *s->lats_e7);
        s->lons_e7 = sl_xmalloc(points->n * sizeof *s->lons_e7);
    } else {
        s->lats = sl_xmalloc(points->n * sizeof *s->lats);
        s->lons = sl_xmalloc(points->n * sizeof *s->lons);
    }
    for (size_t k = 0; k < points->n; k++) {
        double lat, lon;
        sl_grid_place(points, s->order[k], &lat, &lon);
        s->cells[k] = (uint16_t)sl_grid_cell(lat, lon);
        if (e7) {
            s->lats_e7[k] = sl_grid_e7(lat);
            s->lons_e7[k] = sl_grid_e7(lon);
        } else {
            s->lats[k] = lat;
            s->lons[k] = lon;
        }
    }
}

void sl_grid_sorted_for(struct sl_grid_sorted *s, const struct sl_grid_points *points, bool e7)
{
    if (s->id[0] && s->n == points->n && !strcmp(s->id, points->id))
        return;
    sl_grid_sorted_free(s);
    memcpy(s->id, points->id, sizeof s->id);
    s->n = points->n;
    s->spacing = sl_grid_spacing(points);
    if (points->row_starts && points->n > SL_GRID_SORTED_KEPT)
        return;
    s->order = sl_xmalloc((points->n ? points->n : 1) * sizeof *s->order);
    sl_grid_order(points, s->order);
    if (points->n && points->n <= SL_GRID_SORTED_KEPT)
        keep_places(s, points, e7);
}

/* The k-th point: its index, and its place where that is not kept. */
static size_t point_at(struct sl_grid_sorted *s, const struct sl_grid_points *points, size_t k, double *lat,
                       double *lon, uint16_t *cell)
{
    size_t index = 0;
    if (!s->order) {
        if (k == 0)
            sl_grid_walk_begin(&s->walk, points);
        sl_grid_walk_next(&s->walk, points, &index, lat, lon, cell);
        return index;
    }
    index = s->order[k];
    if (!s->cells) {
        sl_grid_place(points, index, lat, lon);
        *cell = (uint16_t)sl_grid_cell(*lat, *lon);
    }
    return index;
}

size_t sl_grid_sorted_rows(struct sl_grid_sorted *s, const struct sl_grid_field *field, size_t *at, size_t room,
                           uint16_t *cells, double *lats, double *lons, double *values)
{
    size_t n = 0, k = *at;
    for (; k < s->n && n < room; k++) {
        double value = field->values[point_at(s, field->points, k, &lats[n], &lons[n], &cells[n])];
        if (isnan(value))
            continue;
        values[n] = value;
        if (s->cells) {
            cells[n] = s->cells[k];
            lats[n] = s->lats[k];
            lons[n] = s->lons[k];
        }
        n++;
    }
    *at = k;
    return n;
}

/* All have a value, and their places are kept: places are copied as they are. */
static void whole_rows(const struct sl_grid_sorted *s, const double *of, size_t k, size_t n, uint16_t *cells,
                       int32_t *lats, int32_t *lons, double *values)
{
    memcpy(cells, s->cells + k, n * sizeof *cells);
    memcpy(lats, s->lats_e7 + k, n * sizeof *lats);
    memcpy(lons, s->lons_e7 + k, n * sizeof *lons);
    for (size_t i = 0; i < n; i++)
        values[i] = of[s->order[k + i]];
}

size_t sl_grid_sorted_rows_e7(struct sl_grid_sorted *s, const struct sl_grid_field *field, size_t *at, size_t room,
                              uint16_t *cells, int32_t *lats, int32_t *lons, double *values)
{
    size_t n = 0, k = *at;
    if (s->cells && field->n_missing == 0) {
        n = s->n - k < room ? s->n - k : room;
        whole_rows(s, field->values, k, n, cells, lats, lons, values);
        *at = k + n;
        return n;
    }
    for (; k < s->n && n < room; k++) {
        double lat = 0, lon = 0, value = field->values[point_at(s, field->points, k, &lat, &lon, &cells[n])];
        if (isnan(value))
            continue;
        values[n] = value;
        if (s->cells) {
            cells[n] = s->cells[k];
            lats[n] = s->lats_e7[k];
            lons[n] = s->lons_e7[k];
        } else {
            lats[n] = sl_grid_e7(lat);
            lons[n] = sl_grid_e7(lon);
        }
        n++;
    }
    *at = k;
    return n;
}

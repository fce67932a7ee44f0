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
    free(s->cells);
    free(s->lats);
    free(s->lons);
    *s = (struct sl_grid_sorted){0};
}

void sl_grid_sorted_for(struct sl_grid_sorted *s, const struct sl_grid_points *points)
{
    if (s->order && s->n == points->n && !strcmp(s->id, points->id))
        return;
    sl_grid_sorted_free(s);
    memcpy(s->id, points->id, sizeof s->id);
    s->n = points->n;
    s->order = sl_xmalloc((points->n ? points->n : 1) * sizeof *s->order);
    s->spacing = sl_grid_spacing(points);
    sl_grid_order(points, s->order);
    if (points->n > SL_GRID_SORTED_KEPT || !points->n)
        return;
    s->cells = sl_xmalloc(points->n * sizeof *s->cells);
    s->lats = sl_xmalloc(points->n * sizeof *s->lats);
    s->lons = sl_xmalloc(points->n * sizeof *s->lons);
    for (size_t k = 0; k < points->n; k++) {
        sl_grid_place(points, s->order[k], &s->lats[k], &s->lons[k]);
        s->cells[k] = (uint16_t)sl_grid_cell(s->lats[k], s->lons[k]);
    }
}

size_t sl_grid_sorted_rows(const struct sl_grid_sorted *s, const struct sl_grid_field *field, size_t *at, size_t room,
                           uint16_t *cells, double *lats, double *lons, double *values)
{
    size_t n = 0, k = *at;
    for (; k < s->n && n < room; k++) {
        double value = field->values[s->order[k]];
        if (isnan(value))
            continue;
        values[n] = value;
        if (s->cells) {
            cells[n] = s->cells[k];
            lats[n] = s->lats[k];
            lons[n] = s->lons[k];
        } else {
            sl_grid_place(field->points, s->order[k], &lats[n], &lons[n]);
            cells[n] = (uint16_t)sl_grid_cell(lats[n], lons[n]);
        }
        n++;
    }
    *at = k;
    return n;
}

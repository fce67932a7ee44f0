/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "grid/reader_internal.h"

static bool has_text(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; text && i < n; i++)
        if (!strcmp(list[i], text))
            return true;
    return false;
}

static bool has_int(const int64_t *list, size_t n, int64_t value)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == value)
            return true;
    return false;
}

/* A level that came as float or through a scale is the same as the one that people write. */
static bool has_level(const double *list, size_t n, double value)
{
    for (size_t i = 0; i < n; i++)
        if (fabs(list[i] - value) <= 1e-6 * fmax(1.0, fabs(value)))
            return true;
    return false;
}

bool sl_grid__wanted(const struct sl_grid_select *s, const struct sl_grid_field *f, const char *short_name)
{
    char param[32];
    snprintf(param, sizeof param, "%lld", (long long)f->param_id);
    if (s->n_variables && !has_text(s->variables, s->n_variables, f->variable) &&
        !has_text(s->variables, s->n_variables, short_name) &&
        !(f->param_id >= 0 && has_text(s->variables, s->n_variables, param)))
        return false;
    if (s->level_type && (!f->level_type || strcmp(s->level_type, f->level_type) != 0))
        return false;
    if (s->n_levels && !has_level(s->levels, s->n_levels, f->level))
        return false;
    if (s->n_members && !has_int(s->members, s->n_members, f->member))
        return false;
    return !s->n_steps || has_int(s->steps_s, s->n_steps, f->step_to_s);
}

/* ---- points ---- */

static bool in_latitudes(const struct sl_grid_select *s, double lat)
{
    return !s->has_area || (lat >= s->area[1] && lat <= s->area[3]);
}

static bool in_longitudes(const struct sl_grid_select *s, double lon)
{
    if (!s->has_area || s->area[2] - s->area[0] >= 360.0)
        return true;
    double west = sl_grid_wrap(s->area[0]), east = sl_grid_wrap(s->area[2]), at = sl_grid_wrap(lon);
    if (east == -180.0 && s->area[2] == 180.0)
        east = 180.0; /* up to the antimeridian, whose points are at -180 */
    if (at == -180.0 && east == 180.0)
        return true;
    return west <= east ? at >= west && at <= east : at >= west || at <= east;
}

/* The kept entries of an axis, and the axis with them only. */
static uint32_t *keep_axis(double *axis, size_t *n, int64_t every, bool (*in)(const struct sl_grid_select *, double),
                           const struct sl_grid_select *select)
{
    uint32_t *kept = sl_xmalloc((*n ? *n : 1) * sizeof *kept);
    size_t m = 0;
    for (size_t i = 0; i < *n; i++)
        if (i % (size_t)every == 0 && in(select, axis[i])) {
            axis[m] = axis[i];
            kept[m++] = (uint32_t)i;
        }
    *n = m;
    return kept;
}

static void keep_axes(struct sl_grid__view *v, const struct sl_grid_select *s, int64_t every)
{
    v->rows = keep_axis(v->lats, &v->points.n_rows, every, in_latitudes, s);
    v->columns = keep_axis(v->lons, &v->points.n_columns, every, in_longitudes, s);
    v->points.n = v->points.n_rows * v->points.n_columns;
}

static void keep_points(struct sl_grid__view *v, const struct sl_grid_select *s, size_t every, size_t width)
{
    size_t m = 0;
    v->kept = sl_xmalloc((v->n_all ? v->n_all : 1) * sizeof *v->kept);
    for (size_t i = 0; i < v->n_all; i++) {
        bool turn = width ? i % width % every == 0 && i / width % every == 0 : i % every == 0;
        /* Files have points without a place, such as on land; they go. */
        if (!turn || !isfinite(v->lats[i]) || !isfinite(v->lons[i]) || !in_latitudes(s, v->lats[i]) ||
            !in_longitudes(s, v->lons[i]))
            continue;
        v->lats[m] = v->lats[i];
        v->lons[m] = v->lons[i];
        v->kept[m++] = (uint32_t)i;
    }
    v->points.n = m;
    v->points.dx = v->points.dy = 0; /* what is left is no grid of lines any more */
}

/* The same of a reduced grid, whose places are no arrays: counted first, so that those that are kept have theirs only. */
static void keep_reduced(struct sl_grid__view *v, const struct sl_grid_select *s, size_t every)
{
    double lat, lon, *lats = NULL, *lons = NULL;
    for (int turn = 0; turn < 2; turn++) {
        size_t m = 0;
        for (size_t i = 0; i < v->n_all; i += every) {
            sl_grid_place(&v->points, i, &lat, &lon);
            if (!in_latitudes(s, lat) || !in_longitudes(s, lon))
                continue;
            if (turn) {
                lats[m] = lat;
                lons[m] = lon;
                v->kept[m] = (uint32_t)i;
            }
            m++;
        }
        if (turn) {
            v->points.n = m;
        } else {
            lats = sl_xmalloc((m ? m : 1) * sizeof *lats);
            lons = sl_xmalloc((m ? m : 1) * sizeof *lons);
            v->kept = sl_xmalloc((m ? m : 1) * sizeof *v->kept);
        }
    }
    free(v->lats);
    free(v->row_starts);
    v->points.lats = v->lats = lats;
    v->points.lons = v->lons = lons;
    v->points.row_starts = v->row_starts = NULL;
    v->points.n_reduced = 0;
    v->points.dx = v->points.dy = 0;
    v->bytes = 20 * v->points.n;
}

/* The distance of neighbours, where all have the same; 0: they don't. */
static double spacing(const double *axis, size_t n)
{
    double d = n > 1 ? (axis[n - 1] - axis[0]) / (double)(n - 1) : 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(axis[i] - axis[i - 1] - d) > 1e-5)
            return 0;
    return fabs(d);
}

static char *copy(const char *text)
{
    return text ? sl_xstrdup(text) : NULL;
}

static void identify(struct sl_grid__view *v, const char *definition, const struct sl_grid_select *s, int64_t every)
{
    if (!v->rows && !v->kept) {
        snprintf(v->points.id, sizeof v->points.id, "%s", definition);
        return;
    }
    char text[256];
    const double none[4] = {0}, *a = s->has_area ? s->area : none;
    int n = snprintf(text, sizeof text, "%s %d %a %a %a %a %lld", definition, s->has_area, a[0], a[1], a[2], a[3],
                     (long long)every);
    sl_sha256_of(text, (size_t)n, v->points.id);
}

void sl_grid__points_hash(const struct sl_grid__full *full, char hex[65])
{
    struct sl_sha256 *hash = sl_sha256_new();
    size_t shape[3] = {full->n, full->n_rows, full->n_columns};
    sl_sha256_update(hash, shape, sizeof shape);
    sl_sha256_update(hash, full->lats, (full->n_rows ? full->n_rows : full->n) * sizeof *full->lats);
    sl_sha256_update(hash, full->lons, (full->n_rows ? full->n_columns : full->n) * sizeof *full->lons);
    sl_sha256_final(hash, hex);
    sl_sha256_free(hash);
}

static bool all_have_places(const struct sl_grid__full *full)
{
    for (size_t i = 0; !full->n_rows && !full->row_starts && i < full->n; i++)
        if (!isfinite(full->lats[i]) || !isfinite(full->lons[i]))
            return false;
    return true;
}

struct sl_grid__view *sl_grid__view_new(struct sl_grid__full *full, const char *definition,
                                        const struct sl_grid_select *select)
{
    struct sl_grid__view *v = sl_xcalloc(1, sizeof *v);
    int64_t every = select->every > 1 ? select->every : 1;
    bool all = every == 1 && !select->has_area && all_have_places(full);
    v->lats = full->lats;
    v->lons = full->lons;
    v->row_starts = full->row_starts;
    full->lats = full->lons = NULL;
    full->row_starts = NULL;
    v->type = copy(full->type);
    v->projjson = copy(full->projjson);
    v->n_all = full->n;
    v->all_rows = full->n_rows;
    v->all_columns = full->n_columns;
    v->points = (struct sl_grid_points){.type = v->type,
                                        .n = full->n,
                                        .lats = v->lats,
                                        .lons = v->lons,
                                        .n_rows = full->n_rows,
                                        .n_columns = full->n_columns,
                                        .columns_first = full->columns_first,
                                        .row_starts = v->row_starts,
                                        .n_reduced = full->n_reduced,
                                        .projjson = v->projjson,
                                        .dx = full->dx,
                                        .dy = full->dy};
    v->bytes = full->n_rows ? 16 * (full->n_rows + full->n_columns) : (all ? 16 : 20) * full->n;
    if (full->n_reduced)
        v->bytes = 12 * full->n_reduced;
    if (!all && full->n_rows)
        keep_axes(v, select, every);
    else if (!all && v->row_starts)
        keep_reduced(v, select, (size_t)every);
    else if (!all)
        keep_points(v, select, (size_t)every, full->width);
    if (full->n_rows) {
        v->points.dx = spacing(v->lons, v->points.n_columns);
        v->points.dy = spacing(v->lats, v->points.n_rows);
    }
    identify(v, definition, select, every);
    return v;
}

void sl_grid__view_free(struct sl_grid__view *view)
{
    if (!view)
        return;
    free(view->rows);
    free(view->columns);
    free(view->kept);
    free(view->lats);
    free(view->lons);
    free(view->row_starts);
    free(view->type);
    free(view->projjson);
    free(view);
}

static void pick_axes(const struct sl_grid__view *v, double *values)
{
    const struct sl_grid_points *p = &v->points;
    bool by_column = p->columns_first;
    const uint32_t *outer = by_column ? v->columns : v->rows, *inner = by_column ? v->rows : v->columns;
    size_t n_outer = by_column ? p->n_columns : p->n_rows, n_inner = by_column ? p->n_rows : p->n_columns;
    size_t stride = by_column ? v->all_rows : v->all_columns, m = 0;
    for (size_t i = 0; i < n_outer; i++)
        for (size_t j = 0; j < n_inner; j++)
            values[m++] = values[outer[i] * stride + inner[j]];
}

void sl_grid__view_apply(const struct sl_grid__view *view, double *values, size_t *n_missing)
{
    if (view->rows)
        pick_axes(view, values);
    for (size_t i = 0; view->kept && i < view->points.n; i++)
        values[i] = values[view->kept[i]];
    size_t n = 0;
    for (size_t i = 0; i < view->points.n; i++)
        n += isnan(values[i]) != 0;
    *n_missing = n;
}

/* ---- those met last ---- */

const struct sl_grid__view *sl_grid__views_find(struct sl_grid__views *views, const char *definition)
{
    for (size_t i = 0; i < SL_GRID__VIEWS && views->items[i]; i++)
        if (!strcmp(views->definitions[i], definition)) {
            struct sl_grid__view *found = views->items[i];
            char name[65];
            memcpy(name, views->definitions[i], sizeof name);
            memmove(&views->items[1], &views->items[0], i * sizeof views->items[0]);
            memmove(&views->definitions[1], &views->definitions[0], i * sizeof views->definitions[0]);
            views->items[0] = found;
            memcpy(views->definitions[0], name, sizeof name);
            return found;
        }
    return NULL;
}

void sl_grid__views_add(struct sl_grid__views *views, const char *definition, struct sl_grid__view *view)
{
    sl_grid__view_free(views->items[SL_GRID__VIEWS - 1]);
    memmove(&views->items[1], &views->items[0], (SL_GRID__VIEWS - 1) * sizeof views->items[0]);
    memmove(&views->definitions[1], &views->definitions[0], (SL_GRID__VIEWS - 1) * sizeof views->definitions[0]);
    views->items[0] = view;
    snprintf(views->definitions[0], sizeof views->definitions[0], "%s", definition);
    size_t bytes = view->bytes;
    for (size_t i = 1; i < SL_GRID__VIEWS; i++) {
        bytes += views->items[i] ? views->items[i]->bytes : 0;
        if (bytes <= SL_GRID__VIEW_BYTES)
            continue;
        sl_grid__view_free(views->items[i]); /* and so all behind it: bytes does not become less */
        views->items[i] = NULL;
        views->definitions[i][0] = '\0';
    }
}

void sl_grid__views_clear(struct sl_grid__views *views)
{
    for (size_t i = 0; i < SL_GRID__VIEWS; i++)
        sl_grid__view_free(views->items[i]);
    *views = (struct sl_grid__views){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "grid/sinks.h"

struct sl_grid_sums sl_grid_sums(const struct sl_grid_field *field)
{
    struct sl_grid_sums s = {0};
    for (size_t i = 0; i < field->points->n; i++) {
        double value = field->values[i];
        if (isnan(value)) {
            s.missing++;
            continue;
        }
        s.min = s.rows == 0 || value < s.min ? value : s.min;
        s.max = s.rows == 0 || value > s.max ? value : s.max;
        s.sum += value;
        s.rows++;
    }
    return s;
}

static double least_step(const double *axis, size_t n)
{
    double least = 0;
    for (size_t i = 1; i < n; i++) {
        double step = fabs(axis[i] - axis[i - 1]);
        least = step > 0 && (least == 0 || step < least) ? step : least;
    }
    return least;
}

/* Mean distance of that many points over that much of the globe (its area in square degrees is 41,253). */
static double mean_spacing(const struct sl_grid_points *p)
{
    double south = 90, north = -90, west = 180, east = -180;
    for (size_t i = 0; i < p->n; i++) {
        double lat, lon;
        sl_grid_place(p, i, &lat, &lon);
        south = fmin(south, lat);
        north = fmax(north, lat);
        west = fmin(west, lon);
        east = fmax(east, lon);
    }
    double height = (sin(north * M_PI / 180) - sin(south * M_PI / 180)) * 180 / M_PI;
    return sqrt(fmax(height * (east - west), 0) / (double)p->n);
}

double sl_grid_spacing(const struct sl_grid_points *p)
{
    enum { LEAST_MILLIDEGREES = 1, MOST_DEGREES = 30 };
    double spacing = p->projjson || p->n == 0 ? 0 : fmax(fabs(p->dx), fabs(p->dy));
    if (!(spacing > 0) && p->n_rows)
        spacing = fmax(least_step(p->lats, p->n_rows), least_step(p->lons, p->n_columns));
    if (!(spacing > 0) && p->n)
        spacing = mean_spacing(p);
    return spacing < LEAST_MILLIDEGREES / 1000.0 ? LEAST_MILLIDEGREES / 1000.0
           : spacing > MOST_DEGREES              ? MOST_DEGREES
                                                 : spacing;
}

static int check_text(const char *what, const char *text, struct sl_error *err)
{
    if (text && strlen(text) >= SL_GRID_TEXT_BYTES)
        return sl_fail(err, SL_E_LIMIT, "the field's %s \"%.40s…\" is longer than %d bytes", what, text,
                       SL_GRID_TEXT_BYTES - 1);
    return 0;
}

int sl_grid_check_field(const struct sl_grid_field *f, struct sl_error *err)
{
    if (!f->variable || !f->variable[0] || !f->points || !f->values)
        return sl_fail(err, SL_E_INTERNAL, "a field without name, points or values");
    if (f->member < INT32_MIN || f->member > INT32_MAX)
        return sl_fail(err, SL_E_LIMIT, "%s has member %lld, beyond what is stored", f->variable, (long long)f->member);
    int rc = check_text("variable", f->variable, err);
    rc = rc < 0 ? rc : check_text("level type", f->level_type, err);
    return rc < 0 ? rc : check_text("step type", f->step_type, err);
}

int sl_grid_check_load(const struct sl_grid_load *load, struct sl_error *err)
{
    if (strlen(load->source) < SL_GRID_TEXT_BYTES && strlen(load->dataset) < SL_GRID_TEXT_BYTES)
        return 0;
    return sl_fail(err, SL_E_LIMIT, "the source or the dataset of a grid has a name longer than %d bytes",
                   SL_GRID_TEXT_BYTES - 1);
}

void sl_grid_sink_closep(struct sl_grid_sink **sink)
{
    if (*sink)
        (*sink)->ops->close(*sink);
}

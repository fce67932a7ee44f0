/* SPDX-License-Identifier: Apache-2.0 */
#include "grid/bilinear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "grid/layout.h"

/* Of two lines that are neighbours, no gap is that much wider than the one beside it: else a line is missing there. */
#define GAP_MOST 1.5
#define SAME     1e-9 /* degrees */

enum sl_grid_shape sl_grid_shape(const char *type)
{
    static const char *const axes[] = {"regular_ll", "regular_gg", "axes", NULL};
    static const char *const lattices[] = {
        "rotated_ll",  "rotated_gg", "lambert", "lambert_azimuthal_equal_area", "polar_stereographic", "mercator",
        "curvilinear", "space_view", NULL};
    for (size_t i = 0; axes[i]; i++)
        if (!strcmp(type, axes[i]))
            return SL_GRID_AXES;
    for (size_t i = 0; lattices[i]; i++)
        if (!strcmp(type, lattices[i]))
            return SL_GRID_LATTICE;
    return SL_GRID_NO_CELLS;
}

/* ---- two axes ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The different ones of them, in order. */
static size_t lines(double *values, size_t n)
{
    size_t m = 0;
    qsort(values, n, sizeof *values, by_value);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || values[i] - values[m - 1] > SAME)
            values[m++] = values[i];
    return m;
}

static double least_gap(const double *values, size_t n)
{
    double least = INFINITY;
    for (size_t i = 1; i < n; i++)
        least = fmin(least, values[i] - values[i - 1]);
    return least;
}

/* The two lines on both sides of `at`, false: there are none, or one between them is missing. */
static bool between(const double *values, size_t n, double at, double *low, double *high)
{
    size_t i = 0;
    while (i < n && values[i] <= at + SAME)
        i++;
    if (i == n && n >= 2 && values[n - 1] >= at - SAME)
        i--; /* on the last line */
    if (i == 0 || i == n)
        return false;
    *low = values[i - 1];
    *high = values[i];
    return *high - *low <= GAP_MOST * least_gap(values, n);
}

/* Degrees to the east of `from`, in [-180, 180). */
static double east_of(double from, double lon)
{
    return sl_grid_wrap(lon - from);
}

static bool point_at(const struct sl_grid_near *points, size_t n, double lat, double lon, size_t *out)
{
    for (size_t i = 0; i < n; i++)
        if (fabs(points[i].lat - lat) <= SAME && fabs(east_of(lon, points[i].lon)) <= 2 * SAME) {
            *out = i;
            return true;
        }
    return false;
}

struct rows {
    double near_lat, far_lat; /* of the points */
    double part;              /* of the far one */
    double turn;              /* of its longitudes: 180 behind the pole */
};

/* Beyond the last row before a pole comes the same row on the other side. */
static bool over_pole(const double *lats, size_t n, double lat, struct rows *out)
{
    double row = lat > 0 ? lats[n - 1] : lats[0], gap = 2 * (90 - fabs(row));
    if (n < 2 || fabs(lat) <= fabs(row) || lat * row <= 0 || gap > GAP_MOST * least_gap(lats, n))
        return false;
    *out = (struct rows){.near_lat = row, .far_lat = row, .part = (fabs(lat) - fabs(row)) / gap, .turn = 180};
    return true;
}

static bool find_rows(const double *lats, size_t n, double lat, struct rows *out)
{
    double low = 0, high = 0;
    if (n == 0)
        return false;
    if (!between(lats, n, lat, &low, &high))
        return over_pole(lats, n, lat, out);
    *out = (struct rows){.near_lat = low, .far_lat = high, .part = fmin(fmax((lat - low) / (high - low), 0), 1)};
    return true;
}

static bool cell_of_axes(const struct sl_grid_near *points, size_t n, double lat, double lon,
                         struct sl_grid_corner out[4])
{
    SL_CLEANUP(sl_freep) double *lats = sl_xmalloc((2 * n + 1) * sizeof *lats);
    double *easts = lats + n, west, east;
    struct rows rows;
    for (size_t i = 0; i < n; i++) {
        lats[i] = points[i].lat;
        easts[i] = east_of(lon, points[i].lon);
    }
    if (!find_rows(lats, lines(lats, n), lat, &rows) || !between(easts, lines(easts, n), 0, &west, &east))
        return false;
    double part = fmin(fmax(-west / (east - west), 0), 1);
    for (int k = 0; k < 4; k++) {
        bool far = k >= 2, right = k % 2;
        double at = lon + (right ? east : west) + (far ? rows.turn : 0);
        if (!point_at(points, n, far ? rows.far_lat : rows.near_lat, at, &out[k].point))
            return false;
        out[k].weight = (far ? rows.part : 1 - rows.part) * (right ? part : 1 - part);
    }
    return true;
}

/* ---- a lattice ---- */

enum { NEIGHBOURS = 256 }; /* the nearest that are looked at */

struct placed {
    double x, y, far;
    size_t point;
};

static int by_distance(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    if (p->far != q->far)
        return p->far < q->far ? -1 : 1;
    return p->point < q->point ? -1 : p->point > q->point;
}

/* Azimuthal equidistant around the place, degrees: what is near keeps distances and angles. */
static size_t project(const struct sl_grid_near *points, size_t n, double lat, double lon, struct placed *out)
{
    double sin_lat = sin(lat * M_PI / 180), cos_lat = cos(lat * M_PI / 180);
    for (size_t i = 0; i < n; i++) {
        double p = points[i].lat * M_PI / 180, d = (points[i].lon - lon) * M_PI / 180;
        double x = cos(p) * sin(d), y = cos_lat * sin(p) - sin_lat * cos(p) * cos(d), length = hypot(x, y);
        double far = sl_grid_distance_deg(lat, lon, points[i].lat, points[i].lon);
        out[i] = (struct placed){
            .x = length > 0 ? x / length * far : 0, .y = length > 0 ? y / length * far : far, .far = far, .point = i};
    }
    qsort(out, n, sizeof *out, by_distance);
    return n < NEIGHBOURS ? n : NEIGHBOURS;
}

struct vector {
    double x, y;
};

static double length_of(struct vector v)
{
    return hypot(v.x, v.y);
}

static bool across(struct vector a, struct vector b)
{
    return fabs(a.x * b.x + a.y * b.y) < 0.35 * length_of(a) * length_of(b);
}

/* The shortest way from point i to another, across `other` if there is one; of all points the shortest: what is much
 * longer here has a point missing. */
static bool step_of(const struct placed *p, size_t n, size_t i, const struct vector *other, struct vector *out)
{
    double own = INFINITY, least = INFINITY;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            struct vector v = {p[b].x - p[a].x, p[b].y - p[a].y};
            double length = length_of(v);
            if (a == b || length < SAME || (other && !across(v, *other)))
                continue;
            least = fmin(least, length);
            if (a == i && length < own) {
                own = length;
                *out = v;
            }
        }
    return own <= 1.2 * least && isfinite(own);
}

static bool nearest_to(const struct placed *p, size_t n, double x, double y, double tolerance, size_t *out)
{
    double best = tolerance;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        double d = hypot(p[i].x - x, p[i].y - y);
        if (d <= best) {
            best = d;
            *out = i;
            any = true;
        }
    }
    return any;
}

/* Where in the cell q0 q1 q2 q3 the origin lies: Newton's method on p(s, t) = (1-s)(1-t) q0 + s(1-t) q1 + (1-s)t q2 +
 * st q3. */
static bool inverse(const struct placed *const q[4], double *s, double *t)
{
    *s = *t = 0.5;
    for (int i = 0; i < 20; i++) {
        double u = 1 - *s, v = 1 - *t;
        double x = u * v * q[0]->x + *s * v * q[1]->x + u * *t * q[2]->x + *s * *t * q[3]->x;
        double y = u * v * q[0]->y + *s * v * q[1]->y + u * *t * q[2]->y + *s * *t * q[3]->y;
        double xs = v * (q[1]->x - q[0]->x) + *t * (q[3]->x - q[2]->x),
               xt = u * (q[2]->x - q[0]->x) + *s * (q[3]->x - q[1]->x);
        double ys = v * (q[1]->y - q[0]->y) + *t * (q[3]->y - q[2]->y),
               yt = u * (q[2]->y - q[0]->y) + *s * (q[3]->y - q[1]->y);
        double det = xs * yt - xt * ys;
        if (fabs(det) < 1e-30)
            return false;
        *s -= (x * yt - xt * y) / det;
        *t -= (xs * y - x * ys) / det;
    }
    const double edge = 1e-6;
    if (!(*s >= -edge && *s <= 1 + edge && *t >= -edge && *t <= 1 + edge))
        return false;
    *s = fmin(fmax(*s, 0), 1);
    *t = fmin(fmax(*t, 0), 1);
    return true;
}

static bool cell_at(const struct placed *p, size_t n, struct vector a, struct vector b, struct sl_grid_corner out[4])
{
    const struct placed *q[4] = {&p[0]};
    double s, t, tolerance = 0.25 * fmin(length_of(a), length_of(b));
    for (int k = 1; k < 4; k++) {
        size_t found;
        if (!nearest_to(p, n, p[0].x + (k & 1) * a.x + (k >> 1) * b.x, p[0].y + (k & 1) * a.y + (k >> 1) * b.y,
                        tolerance, &found))
            return false;
        q[k] = &p[found];
    }
    if (!inverse(q, &s, &t))
        return false;
    const double weights[4] = {(1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t};
    for (int k = 0; k < 4; k++)
        out[k] = (struct sl_grid_corner){.point = q[k]->point, .weight = weights[k]};
    return true;
}

static bool cell_of_lattice(const struct sl_grid_near *points, size_t n, double lat, double lon,
                            struct sl_grid_corner out[4])
{
    SL_CLEANUP(sl_freep) struct placed *p = sl_xmalloc((n ? n : 1) * sizeof *p);
    struct vector a = {0}, b = {0};
    size_t m = project(points, n, lat, lon, p);
    if (m < 4 || !step_of(p, m, 0, NULL, &a) || !step_of(p, m, 0, &a, &b))
        return false;
    for (int k = 0; k < 4; k++) {
        struct vector u = {k & 1 ? -a.x : a.x, k & 1 ? -a.y : a.y}, v = {k & 2 ? -b.x : b.x, k & 2 ? -b.y : b.y};
        if (cell_at(p, m, u, v, out))
            return true;
    }
    return false;
}

bool sl_grid_cell_around(enum sl_grid_shape shape, const struct sl_grid_near *points, size_t n, double lat, double lon,
                         struct sl_grid_corner out[4])
{
    struct sl_grid_corner found[4] = {{0}};
    bool any = shape == SL_GRID_AXES      ? cell_of_axes(points, n, lat, lon, found)
               : shape == SL_GRID_LATTICE ? cell_of_lattice(points, n, lat, lon, found)
                                          : false;
    if (any)
        memcpy(out, found, sizeof found);
    return any;
}

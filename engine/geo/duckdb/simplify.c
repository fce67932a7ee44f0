/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does ST_SimplifyPreserveTopology change anything? It takes away points as Douglas and Peucker's algorithm does, where that
 * leaves rings as they are to each other. Where their algorithm finds no point to take away, the geometry stays, and finding
 * that out costs a tenth of the real thing. Douglas, Peucker: Algorithms for the reduction of the number of points required
 * to represent a digitized line or its caricature, 1973. Distances are computed as GEOS does, and what is within a billionth
 * of the tolerance is left to GEOS.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "geo/duckdb/functions.h"

enum { HEAD_BYTES = 5, POINTS_MAX = 4096 };

struct point {
    double x, y;
};

struct line {
    const unsigned char *p;
    size_t step;
    double limit;
};

static struct point at(const struct line *l, size_t i)
{
    struct point q;
    memcpy(&q, l->p + i * l->step, sizeof q);
    return q;
}

static double between(struct point a, struct point b)
{
    double dx = a.x - b.x, dy = a.y - b.y;
    return sqrt(dx * dx + dy * dy);
}

static double to_segment(struct point p, struct point a, struct point b)
{
    double dx = b.x - a.x, dy = b.y - a.y, length2 = dx * dx + dy * dy;
    if (length2 == 0)
        return between(p, a);
    double r = ((p.x - a.x) * dx + (p.y - a.y) * dy) / length2;
    if (r <= 0)
        return between(p, a);
    if (r >= 1)
        return between(p, b);
    double s = ((a.y - p.y) * dx - (a.x - p.x) * dy) / length2;
    return fabs(s) * sqrt(length2);
}

/* From point i to point j no section is flat enough to become a segment. */
static bool every_point_counts(const struct line *l, size_t i, size_t j)
{
    while (j > i + 1) {
        struct point a = at(l, i), b = at(l, j);
        double farthest = -1;
        size_t split = i + 1;
        for (size_t k = i + 1; k < j; k++) {
            double d = to_segment(at(l, k), a, b);
            if (d > farthest) {
                farthest = d;
                split = k;
            }
        }
        if (!(farthest > l->limit))
            return false;
        if (split - i < j - split) { /* the shorter side, so that the depth is bounded by a logarithm */
            if (!every_point_counts(l, i, split))
                return false;
            i = split;
        } else {
            if (!every_point_counts(l, split, j))
                return false;
            j = split;
        }
    }
    return true;
}

static bool keeps_line(const struct line *l, size_t n)
{
    if (n < 2 || n > POINTS_MAX)
        return n == 0;
    struct point first = at(l, 0), last = at(l, n - 1);
    if (!every_point_counts(l, 0, n - 1))
        return false;
    /* A ring may lose the point where it begins, too. */
    bool closed = first.x == last.x && first.y == last.y;
    return !closed || (n > 3 && to_segment(first, at(l, n - 2), at(l, 1)) > l->limit);
}

bool sl_simplify_keeps(const void *wkb, size_t bytes, double tolerance)
{
    enum { LINE = 2, POLYGON = 3, Z_LINE = 1002, Z_POLYGON = 1003 };
    const unsigned char *p = wkb, *end = p + bytes;
    uint32_t type, rings = 1, n;
    if (bytes < HEAD_BYTES || p[0] != 1 || !(tolerance >= 0))
        return false;
    memcpy(&type, p + 1, sizeof type);
    p += HEAD_BYTES;
    if (type != LINE && type != POLYGON && type != Z_LINE && type != Z_POLYGON)
        return false;
    struct line l = {.step = (type > 1000 ? 3 : 2) * sizeof(double), .limit = tolerance * (1 + 1e-9)};
    if (type == POLYGON || type == Z_POLYGON) {
        if ((size_t)(end - p) < sizeof rings)
            return false;
        memcpy(&rings, p, sizeof rings);
        p += sizeof rings;
    }
    for (uint32_t i = 0; i < rings; i++) {
        if ((size_t)(end - p) < sizeof n)
            return false;
        memcpy(&n, p, sizeof n);
        p += sizeof n;
        if (n > (size_t)(end - p) / l.step)
            return false;
        l.p = p;
        if (!keeps_line(&l, n))
            return false;
        p += n * l.step;
    }
    return p == end;
}

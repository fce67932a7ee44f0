/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ST_SimplifyPreserveTopology of a polygon without holes, where it is sure what comes out. That algorithm is Douglas and
 * Peucker's, but a section becomes a segment only if that crosses nothing; GEOS asks indexes of all segments for it, which costs
 * most of the work of a batch of small polygons. Here each such segment is proved to lie apart from all others; where that
 * cannot be proved, or a distance is within a billionth of the tolerance, the answer is not known, and GEOS is asked.
 * Sections, their order and the least number of points are as in GEOS 3.13, simplify/TaggedLineStringSimplifier.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "geo/duckdb/functions.h"

enum { POINTS_MAX = 256, LEAST_POINTS = 4, HEAD_BYTES = 5, POLYGON = 3, Z_POLYGON = 1003 };

struct segment {
    int from, to; /* points of the ring */
};

struct ring {
    double x[POINTS_MAX], y[POINTS_MAX];
    int n;
    double tolerance;
    struct segment out[POINTS_MAX];
    int n_out;
    bool unsure;
};

static double distance(const struct ring *r, int p, int a, int b)
{
    double dx = r->x[b] - r->x[a], dy = r->y[b] - r->y[a], length2 = dx * dx + dy * dy;
    double px = r->x[p] - r->x[a], py = r->y[p] - r->y[a], qx = r->x[p] - r->x[b], qy = r->y[p] - r->y[b];
    double along = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
    if (along <= 0)
        return sqrt(px * px + py * py);
    if (along >= 1)
        return sqrt(qx * qx + qy * qy);
    double s = (-py * dx + px * dy) / length2;
    return fabs(s) * sqrt(length2);
}

/* On which side of the line from a to b: 1, -1, or 0 where rounding might decide. */
static int side(const struct ring *r, int a, int b, int p)
{
    double left = (r->x[b] - r->x[a]) * (r->y[p] - r->y[a]), right = (r->y[b] - r->y[a]) * (r->x[p] - r->x[a]);
    double det = left - right, doubt = 8 * DBL_EPSILON * (fabs(left) + fabs(right));
    return det > doubt ? 1 : det < -doubt ? -1 : 0;
}

static bool same_place(const struct ring *r, int a, int b)
{
    return r->x[a] == r->x[b] && r->y[a] == r->y[b];
}

static bool boxes_apart(const struct ring *r, struct segment s, struct segment t)
{
    return fmax(r->x[s.from], r->x[s.to]) < fmin(r->x[t.from], r->x[t.to]) ||
           fmax(r->x[t.from], r->x[t.to]) < fmin(r->x[s.from], r->x[s.to]) ||
           fmax(r->y[s.from], r->y[s.to]) < fmin(r->y[t.from], r->y[t.to]) ||
           fmax(r->y[t.from], r->y[t.to]) < fmin(r->y[s.from], r->y[s.to]);
}

static bool one_side(const struct ring *r, struct segment line, struct segment s)
{
    int first = side(r, line.from, line.to, s.from);
    return first != 0 && first == side(r, line.from, line.to, s.to);
}

/* They have no point in common but an end of both. */
static bool apart(const struct ring *r, struct segment s, struct segment t)
{
    if (boxes_apart(r, s, t))
        return true;
    bool from = same_place(r, s.from, t.from) || same_place(r, s.from, t.to);
    bool to = same_place(r, s.to, t.from) || same_place(r, s.to, t.to);
    if (from && to)
        return false;
    if (!from && !to)
        return one_side(r, s, t) || one_side(r, t, s);
    int shared = from ? s.from : s.to;
    return side(r, s.from, s.to, same_place(r, shared, t.from) ? t.to : t.from) != 0;
}

/* From all that is made so far (skipped: the first and the last, which it replaces), and from the ring's own segments outside
 * of the section from … to, which may go over the ring's end. */
static bool apart_from_all(const struct ring *r, struct segment s, bool over_the_end)
{
    for (int i = over_the_end ? 1 : 0; i < r->n_out - (over_the_end ? 1 : 0); i++)
        if (!apart(r, s, r->out[i]))
            return false;
    for (int i = 0; i + 1 < r->n; i++) {
        bool within = over_the_end ? i >= s.from || i < s.to : i >= s.from && i < s.to;
        if (!within && !apart(r, s, (struct segment){i, i + 1}))
            return false;
    }
    return true;
}

/* Whether it counts as within the tolerance; what is at it is not known. */
static bool near_enough(struct ring *r, double d)
{
    double doubt = r->tolerance * 1e-9;
    r->unsure = r->unsure || !(fabs(d - r->tolerance) > doubt);
    return d < r->tolerance;
}

static int points_out(const struct ring *r)
{
    return r->n_out ? r->n_out + 1 : 0;
}

static void section(struct ring *r, int i, int j, int depth)
{
    const struct segment flat = {i, j};
    double farthest = -1;
    int split = i;
    depth++;
    if (r->unsure)
        return;
    if (i + 1 == j) {
        r->out[r->n_out++] = flat;
        return;
    }
    for (int k = i + 1; k < j; k++) {
        double d = distance(r, k, i, j);
        if (d > farthest) {
            farthest = d;
            split = k;
        }
    }
    bool enough = points_out(r) >= LEAST_POINTS || depth + 1 >= LEAST_POINTS;
    if (near_enough(r, farthest) && enough) {
        r->unsure = r->unsure || !apart_from_all(r, flat, false);
        r->out[r->n_out++] = flat;
        return;
    }
    section(r, i, split, depth);
    section(r, split, j, depth);
}

/* The point where the ring begins and ends may go, too. */
static void close_ring(struct ring *r)
{
    if (r->unsure || points_out(r) <= LEAST_POINTS)
        return;
    const struct segment over = {r->out[r->n_out - 1].from, r->out[0].to};
    if (!near_enough(r, distance(r, 0, over.from, over.to)))
        return;
    r->unsure = r->unsure || !apart_from_all(r, over, true);
    r->out[0].from = over.from;
    r->n_out--;
}

static bool read_ring(const unsigned char *p, uint32_t n, size_t step, struct ring *r)
{
    r->n = (int)n;
    for (uint32_t i = 0; i < n; i++, p += step) {
        memcpy(&r->x[i], p, sizeof(double));
        memcpy(&r->y[i], p + sizeof(double), sizeof(double));
        if (!isfinite(r->x[i]) || !isfinite(r->y[i]) || (i > 0 && same_place(r, (int)i - 1, (int)i)))
            return false;
    }
    return same_place(r, 0, r->n - 1);
}

size_t sl_simplify_ring(const void *wkb, size_t bytes, double tolerance, unsigned char *out)
{
    const unsigned char *p = wkb;
    uint32_t type, rings, n;
    if (bytes < HEAD_BYTES + 2 * sizeof n || p[0] != 1 || !(tolerance > 0))
        return 0;
    memcpy(&type, p + 1, sizeof type);
    memcpy(&rings, p + HEAD_BYTES, sizeof rings);
    memcpy(&n, p + HEAD_BYTES + sizeof rings, sizeof n);
    size_t head = HEAD_BYTES + sizeof rings + sizeof n, step = (type == Z_POLYGON ? 3 : 2) * sizeof(double);
    if ((type != POLYGON && type != Z_POLYGON) || rings != 1 || n < LEAST_POINTS || n > POINTS_MAX || bytes != head + n * step)
        return 0;
    struct ring r;
    r.tolerance = tolerance;
    r.n_out = 0;
    r.unsure = false;
    if (!read_ring(p + head, n, step, &r))
        return 0;
    section(&r, 0, r.n - 1, 0);
    close_ring(&r);
    if (r.unsure || r.n_out + 1 < LEAST_POINTS)
        return 0;
    uint32_t left = (uint32_t)r.n_out + 1;
    memcpy(out, p, head - sizeof n);
    memcpy(out + head - sizeof n, &left, sizeof left);
    for (int i = 0; i < r.n_out; i++)
        memcpy(out + head + (size_t)i * step, p + head + (size_t)r.out[i].from * step, step);
    memcpy(out + head + (size_t)r.n_out * step, p + head + (size_t)r.out[r.n_out - 1].to * step, step);
    return head + left * step;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/wkb.h"

#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MAX_DEPTH = 32 };
enum { POINT = 1, LINE, POLYGON, MULTI_POINT, MULTI_LINE, MULTI_POLYGON, COLLECTION };
static const uint32_t EWKB_Z = 0x80000000u, EWKB_M = 0x40000000u, EWKB_SRID = 0x20000000u;

struct walk {
    const unsigned char *p;
    size_t left;
    struct sl_wkb_box box;
};

static bool take_u32(struct walk *w, bool little, uint32_t *out)
{
    if (w->left < 4)
        return false;
    const unsigned char *p = w->p;
    *out = little ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
                  : (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[0] << 24;
    w->p += 4;
    w->left -= 4;
    return true;
}

static double read_double(const unsigned char *p, bool little)
{
    uint64_t bits;
    double d;
    memcpy(&bits, p, sizeof bits);
    bits = little ? le64toh(bits) : be64toh(bits);
    memcpy(&d, &bits, sizeof d);
    return d;
}

static void grow(struct sl_wkb_box *box, double x, double y)
{
    if (isnan(x) || isnan(y))
        return;
    if (!box->any) {
        *box = (struct sl_wkb_box){x, y, x, y, true};
        return;
    }
    box->xmin = x < box->xmin ? x : box->xmin;
    box->xmax = x > box->xmax ? x : box->xmax;
    box->ymin = y < box->ymin ? y : box->ymin;
    box->ymax = y > box->ymax ? y : box->ymax;
}

static const char *points(struct walk *w, uint32_t n, size_t dimensions, bool little, bool ring)
{
    size_t step = dimensions * sizeof(double);
    if (n > w->left / step)
        return "it ends in the middle of its points";
    const unsigned char *first = w->p;
    for (uint32_t i = 0; i < n; i++, w->p += step)
        grow(&w->box, read_double(w->p, little), read_double(w->p + sizeof(double), little));
    w->left -= n * step;
    if (!ring || n == 0)
        return NULL;
    if (n < 4)
        return "a ring has fewer than four points";
    return memcmp(first, w->p - step, 2 * sizeof(double)) ? "a ring is not closed" : NULL;
}

static const char *rings(struct walk *w, size_t dimensions, bool little)
{
    uint32_t n_rings, n;
    if (!take_u32(w, little, &n_rings))
        return "it ends too early";
    for (uint32_t i = 0; i < n_rings; i++) {
        if (!take_u32(w, little, &n))
            return "it ends too early";
        const char *wrong = points(w, n, dimensions, little, true);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static const char *line(struct walk *w, size_t dimensions, bool little)
{
    uint32_t n;
    if (!take_u32(w, little, &n))
        return "it ends too early";
    return n == 1 ? "a line has one point only" : points(w, n, dimensions, little, false);
}

/* The kind of the next geometry, its dimensions and byte order; false when its head is cut off. */
static bool head(struct walk *w, uint32_t *kind, size_t *dimensions, bool *little)
{
    uint32_t type, srid;
    if (w->left < 5)
        return false;
    *little = *w->p++ != 0;
    w->left--;
    take_u32(w, *little, &type);
    if (type & EWKB_SRID && !take_u32(w, *little, &srid))
        return false;
    uint32_t flags = type;
    type &= ~(EWKB_Z | EWKB_M | EWKB_SRID);
    uint32_t iso = type / 1000;
    bool z = flags & EWKB_Z || iso == 1 || iso == 3, m = flags & EWKB_M || iso == 2 || iso == 3;
    *kind = iso > 3 ? 0 : type % 1000;
    *dimensions = 2u + (z ? 1u : 0u) + (m ? 1u : 0u);
    return true;
}

static const char *geometry(struct walk *w, int depth);

static const char *parts(struct walk *w, bool little, int depth)
{
    uint32_t n;
    if (!take_u32(w, little, &n))
        return "it ends too early";
    for (uint32_t i = 0; i < n; i++) {
        const char *wrong = geometry(w, depth + 1);
        if (wrong)
            return wrong;
    }
    return NULL;
}

static const char *geometry(struct walk *w, int depth)
{
    uint32_t kind;
    size_t dimensions;
    bool little;
    if (depth > MAX_DEPTH)
        return "it is nested too deep";
    if (!head(w, &kind, &dimensions, &little))
        return "it ends too early";
    switch (kind) {
    case POINT:
        return points(w, 1, dimensions, little, false);
    case LINE:
        return line(w, dimensions, little);
    case POLYGON:
        return rings(w, dimensions, little);
    case MULTI_POINT:
    case MULTI_LINE:
    case MULTI_POLYGON:
    case COLLECTION:
        return parts(w, little, depth);
    default:
        return "it is of no simple type";
    }
}

const char *sl_wkb_walk(const void *wkb, size_t bytes, struct sl_wkb_box *box)
{
    struct walk w = {.p = wkb, .left = bytes};
    const char *wrong = geometry(&w, 0);
    if (!wrong && w.left > 0)
        wrong = "bytes follow it";
    if (!wrong && box)
        *box = w.box;
    return wrong;
}

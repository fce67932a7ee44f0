/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/thumbnail/canvas.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum {
    TIMES = 2,      /* drawn so much larger */
    DEPTH_MAX = 16, /* of collections in collections */
    MARGIN = 2,     /* pixels around, so that borders are not cut */
    FILL_WORK_MAX = 1 << 30 /* pixels looked at in filling; areas beyond it keep their borders only */
};
enum { POINT = 1, LINE = 2, POLYGON = 3, MULTI_POINT = 4, MULTI_LINE = 5, MULTI_POLYGON = 6, COLLECTION = 7 };

struct sl_canvas {
    int width, height; /* as drawn */
    double x0, y1, scale; /* of the picture's upper left corner; pixels in a unit */
    unsigned char *parity, *filled, *stroked; /* width × height each */
    int64_t fill_work;
    /* what the current area touches */
    int left, right, top, bottom;
};

struct sl_canvas *sl_canvas_new(const double bounds[4], int side)
{
    struct sl_canvas *c = sl_xcalloc(1, sizeof *c);
    double across = bounds[2] - bounds[0], down = bounds[3] - bounds[1];
    double longest = fmax(across, down), room = (side - 2 * MARGIN) * TIMES;
    if (!isfinite(longest) || longest < 0)
        longest = across = down = 0;
    c->scale = longest > 0 ? room / longest : 0;
    c->width = ((int)rint(longest > 0 ? across * c->scale : room) / TIMES + 2 * MARGIN) * TIMES;
    c->height = ((int)rint(longest > 0 ? down * c->scale : room) / TIMES + 2 * MARGIN) * TIMES;
    if (c->scale > 0) {
        c->x0 = bounds[0] - (c->width - across * c->scale) / 2 / c->scale;
        c->y1 = bounds[3] + (c->height - down * c->scale) / 2 / c->scale;
    } else { /* one point: in the middle */
        c->x0 = bounds[0] - c->width / 2.0;
        c->y1 = bounds[1] + c->height / 2.0;
        c->scale = 1;
    }
    size_t n = (size_t)c->width * (size_t)c->height;
    c->parity = sl_xcalloc(3, n);
    c->filled = c->parity + n;
    c->stroked = c->filled + n;
    return c;
}

void sl_canvas_free(struct sl_canvas *canvas)
{
    if (!canvas)
        return;
    free(canvas->parity);
    free(canvas);
}

void sl_canvas_freep(struct sl_canvas **canvas)
{
    sl_canvas_free(*canvas);
}

/* ---- strokes ---- */

static int clamp(double v, int n)
{
    return v < 0 ? 0 : v > n - 1 ? n - 1 : (int)v;
}

static void dot(struct sl_canvas *c, int x, int y)
{
    c->stroked[(size_t)y * (size_t)c->width + (size_t)x] = 1;
}

static void spot(struct sl_canvas *c, double px, double py)
{
    int x = clamp(px, c->width), y = clamp(py, c->height);
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (x + dx >= 0 && x + dx < c->width && y + dy >= 0 && y + dy < c->height)
                dot(c, x + dx, y + dy);
}

static void stroke(struct sl_canvas *c, const double a[2], const double b[2])
{
    int x = clamp(a[0], c->width), y = clamp(a[1], c->height), to_x = clamp(b[0], c->width), to_y = clamp(b[1], c->height);
    int dx = abs(to_x - x), dy = -abs(to_y - y), step_x = x < to_x ? 1 : -1, step_y = y < to_y ? 1 : -1, e = dx + dy;
    for (;;) {
        dot(c, x, y);
        if (x == to_x && y == to_y)
            return;
        int twice = 2 * e;
        if (twice >= dy) {
            e += dy;
            x += step_x;
        }
        if (twice <= dx) {
            e += dx;
            y += step_y;
        }
    }
}

/* ---- areas ---- */

/* An edge turns the parity of all that lies right of it, in each line of pixels whose middle it crosses. */
static void edge(struct sl_canvas *c, const double a[2], const double b[2])
{
    const double *low = a[1] < b[1] ? a : b, *high = a[1] < b[1] ? b : a;
    double from = ceil(low[1] - 0.5), to = ceil(high[1] - 0.5); /* lines whose middle is in [low, high) */
    int first = from < 0 ? 0 : from > c->height ? c->height : (int)from;
    int end = to < 0 ? 0 : to > c->height ? c->height : (int)to;
    for (int y = first; y < end; y++) {
        double x = low[0] + (y + 0.5 - low[1]) * (high[0] - low[0]) / (high[1] - low[1]);
        int column = x < 0.5 ? 0 : x > c->width ? c->width : (int)ceil(x - 0.5);
        if (column < c->width) {
            c->parity[(size_t)y * (size_t)c->width + (size_t)column] ^= 1;
            c->left = column < c->left ? column : c->left;
        }
        c->right = column > c->right ? column : c->right;
        c->top = y < c->top ? y : c->top;
        c->bottom = y > c->bottom ? y : c->bottom;
    }
}

static void fill_begin(struct sl_canvas *c)
{
    c->left = c->width;
    c->top = c->height;
    c->right = c->bottom = -1;
}

static void fill_end(struct sl_canvas *c)
{
    int right = c->right < c->width ? c->right : c->width - 1;
    for (int y = c->top; y <= c->bottom; y++) {
        size_t row = (size_t)y * (size_t)c->width;
        unsigned char inside = 0;
        for (int x = c->left; x <= right; x++) {
            inside ^= c->parity[row + (size_t)x];
            c->parity[row + (size_t)x] = 0;
            c->filled[row + (size_t)x] |= inside;
        }
        if (right >= c->left)
            c->fill_work += right - c->left + 1;
    }
}

/* ---- WKB ---- */

struct cursor {
    const unsigned char *at, *end;
    bool swap;
    unsigned dimensions;
};

static bool take(struct cursor *w, void *out, size_t bytes)
{
    if ((size_t)(w->end - w->at) < bytes)
        return false;
    unsigned char *to = out;
    for (size_t i = 0; i < bytes; i++)
        to[i] = w->at[w->swap ? bytes - 1 - i : i];
    w->at += bytes;
    return true;
}

static bool take_header(struct cursor *w, uint32_t *type)
{
    static const uint16_t one = 1;
    unsigned char little, native = *(const unsigned char *)&one;
    if (w->at == w->end)
        return false;
    little = *w->at++;
    w->swap = (little != 0) != (native != 0);
    if (!take(w, type, sizeof *type))
        return false;
    uint32_t flags = *type & 0xE0000000u, base = *type & 0x1FFFFFFFu, thousands = base / 1000;
    w->dimensions = 2u + ((flags & 0x80000000u) || thousands == 1 || thousands == 3 ? 1u : 0u) +
                    ((flags & 0x40000000u) || thousands == 2 || thousands == 3 ? 1u : 0u);
    *type = base % 1000;
    uint32_t srid;
    return !(flags & 0x20000000u) || take(w, &srid, sizeof srid);
}

/* In pixels as drawn; false at the end of the bytes. Far away is as good as infinite, and arithmetic stays finite. */
static bool take_point(struct sl_canvas *c, struct cursor *w, double out[2], bool *known)
{
    double v[4];
    for (unsigned i = 0; i < w->dimensions; i++)
        if (!take(w, &v[i], sizeof v[i]))
            return false;
    *known = isfinite(v[0]) && isfinite(v[1]);
    out[0] = fmin(fmax((v[0] - c->x0) * c->scale, -1e9), 1e9);
    out[1] = fmin(fmax((c->y1 - v[1]) * c->scale, -1e9), 1e9);
    return true;
}

static bool draw_line(struct sl_canvas *c, struct cursor *w, bool area)
{
    uint32_t n = 0;
    double before[2] = {0, 0}, at[2];
    bool any = false, known;
    if (!take(w, &n, sizeof n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!take_point(c, w, at, &known))
            return false;
        if (!known)
            continue;
        if (any) {
            stroke(c, before, at);
            if (area)
                edge(c, before, at);
        }
        memcpy(before, at, sizeof before);
        any = true;
    }
    return true;
}

static bool draw_polygon(struct sl_canvas *c, struct cursor *w)
{
    uint32_t n = 0;
    bool fill = c->fill_work < FILL_WORK_MAX, whole = take(w, &n, sizeof n);
    fill_begin(c);
    for (uint32_t i = 0; whole && i < n; i++)
        whole = draw_line(c, w, fill);
    fill_end(c); /* also of half a polygon: the parity is clean again */
    return whole;
}

static bool draw_geometry(struct sl_canvas *c, struct cursor *w, int depth)
{
    uint32_t type, n = 0;
    double at[2];
    bool known, whole;
    if (depth > DEPTH_MAX || !take_header(w, &type))
        return false;
    switch (type) {
    case POINT:
        whole = take_point(c, w, at, &known);
        if (whole && known)
            spot(c, at[0], at[1]);
        return whole;
    case LINE:
        return draw_line(c, w, false);
    case POLYGON:
        return draw_polygon(c, w);
    case MULTI_POINT:
    case MULTI_LINE:
    case MULTI_POLYGON:
    case COLLECTION:
        whole = take(w, &n, sizeof n);
        for (uint32_t i = 0; whole && i < n; i++)
            whole = draw_geometry(c, w, depth + 1);
        return whole;
    default:
        return false;
    }
}

void sl_canvas_draw(struct sl_canvas *canvas, const void *wkb, size_t bytes)
{
    struct cursor w = {.at = wkb, .end = (const unsigned char *)wkb + bytes};
    (void)draw_geometry(canvas, &w, 0);
}

/* Points have a size of their own; a collection may have some. */
static bool has_points(const unsigned char *wkb, size_t bytes)
{
    struct cursor w = {.at = wkb, .end = wkb + bytes};
    uint32_t type;
    return !take_header(&w, &type) || type == POINT || type == MULTI_POINT || type == COLLECTION;
}

void sl_canvas_draw_within(struct sl_canvas *canvas, const struct sl_wkb_box *box, const void *wkb, size_t bytes)
{
    const double small = 0.5, across = (box->xmax - box->xmin) * canvas->scale, down = (box->ymax - box->ymin) * canvas->scale;
    if (!(across < small && down < small) || has_points(wkb, bytes)) {
        sl_canvas_draw(canvas, wkb, bytes);
        return;
    }
    int left = clamp((box->xmin - canvas->x0) * canvas->scale, canvas->width),
        right = clamp((box->xmax - canvas->x0) * canvas->scale, canvas->width),
        top = clamp((canvas->y1 - box->ymax) * canvas->scale, canvas->height),
        bottom = clamp((canvas->y1 - box->ymin) * canvas->scale, canvas->height);
    dot(canvas, left, top);
    dot(canvas, right, top);
    dot(canvas, left, bottom);
    dot(canvas, right, bottom);
}

bool sl_canvas_is_full(const struct sl_canvas *canvas)
{
    return canvas->fill_work >= FILL_WORK_MAX;
}

/* ---- the picture ---- */

void sl_canvas_picture(const struct sl_canvas *c, struct sl_picture *out)
{
    static const unsigned char fill[4] = {143, 184, 222, 200}, line[4] = {27, 79, 125, 255};
    struct sl_picture p = {.width = c->width / TIMES, .height = c->height / TIMES};
    p.rgba = sl_xcalloc((size_t)p.width * (size_t)p.height, 4);
    for (int y = 0; y < p.height; y++)
        for (int x = 0; x < p.width; x++) {
            unsigned char *pixel = p.rgba + ((size_t)y * (size_t)p.width + (size_t)x) * 4;
            int strokes = 0, fills = 0;
            for (int i = 0; i < TIMES * TIMES; i++) {
                size_t k = (size_t)(y * TIMES + i / TIMES) * (size_t)c->width + (size_t)(x * TIMES + i % TIMES);
                strokes += c->stroked[k];
                fills += !c->stroked[k] && c->filled[k];
            }
            int weight = strokes * line[3] + fills * fill[3];
            for (int i = 0; weight > 0 && i < 3; i++)
                pixel[i] = (unsigned char)((strokes * line[3] * line[i] + fills * fill[3] * fill[i] + weight / 2) / weight);
            pixel[3] = (unsigned char)(weight / (TIMES * TIMES));
        }
    *out = p;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canvas.h - geometries drawn into a small picture: areas filled, lines and borders as strokes, points as dots.
 *
 * Drawn at twice its size and brought down, for smooth edges. Memory is that of the picture, whatever is drawn; areas are
 * filled by parity of crossings, a line of pixels at a time. Bytes come from outside: what is no WKB is passed over. The
 * same geometries in the same order give the same picture; in any order, unless it is full. Threads: one at a time.
 */
#ifndef SLUICE_LAKE_CANVAS_H
#define SLUICE_LAKE_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geo/gdal/picture.h"
#include "geo/wkb.h"

struct sl_canvas;

/* bounds [xmin, ymin, xmax, ymax] fill the picture, whose longest side has `side` pixels. */
struct sl_canvas *sl_canvas_new(const double bounds[4], int side);
void sl_canvas_free(struct sl_canvas *canvas); /* NULL is allowed */
void sl_canvas_freep(struct sl_canvas **canvas);
void sl_canvas_draw(struct sl_canvas *canvas, const void *wkb, size_t bytes);
/* The same for one whose box is known: what is much smaller than a pixel costs next to nothing. */
void sl_canvas_draw_within(struct sl_canvas *canvas, const struct sl_wkb_box *box, const void *wkb, size_t bytes);
/* Areas beyond what is filled in one picture came: from there on the order of geometries counts. */
bool sl_canvas_is_full(const struct sl_canvas *canvas);
/* The caller frees picture->rgba. */
void sl_canvas_picture(const struct sl_canvas *canvas, struct sl_picture *out);

#endif

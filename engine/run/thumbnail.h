/* SPDX-License-Identifier: Apache-2.0 */
/* thumbnail.h - the picture of a unit's data for those of its assets whose output wants one. Internal to run/. */
#ifndef SLUICE_RUN_THUMBNAIL_H
#define SLUICE_RUN_THUMBNAIL_H

#include "lake/thumbnail/canvas.h"
#include "run/batch.h"

struct sl_duck;

/* From what was written. A picture that cannot be made is a warning of the run. Nothing without data to show. */
int sl_batch_thumbnail_raster(struct sl_batch *batch, struct sl_unit *unit, struct sl_error *err);
/* drawn: a picture of all rows that the writing of an asset has left; NULL: they are read again. */
int sl_batch_thumbnail_vector(struct sl_batch *batch, struct sl_unit *unit, struct sl_work *work,
                              const struct sl_canvas *drawn, struct sl_error *err);
/* What GeoParquet with a covering writes from now on through this session is drawn, where the unit wants a picture: *canvas,
 * which the caller frees, after sl_batch_thumbnail_drawn. Else *canvas stays NULL. */
void sl_batch_thumbnail_draw(const struct sl_unit *unit, const struct sl_planned_asset *asset, struct sl_duck *duck,
                             struct sl_canvas **canvas);
void sl_batch_thumbnail_drawn(struct sl_duck *duck);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* thumbnail.h - the picture of a unit's data for those of its assets whose output wants one. Internal to run/. */
#ifndef SLUICE_RUN_THUMBNAIL_H
#define SLUICE_RUN_THUMBNAIL_H

#include "run/batch.h"

/* From what was written. A picture that cannot be made is a warning of the run. Nothing without data to show. */
int sl_batch_thumbnail_raster(struct sl_batch *batch, struct sl_unit *unit, struct sl_error *err);
int sl_batch_thumbnail_vector(struct sl_batch *batch, struct sl_unit *unit, struct sl_work *work, struct sl_error *err);

#endif

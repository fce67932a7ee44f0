/* SPDX-License-Identifier: Apache-2.0 */
/* box.h - inside of step/: a recipe's bounds as a geometry in the CRS of the input. */
#ifndef SLUICE_STEP_BOX_H
#define SLUICE_STEP_BOX_H

#include <sluice/sys/step.h>

/*
 * Appends an area. crs: of the bounds, NULL: that of the geometry. In another CRS its edges get points, since they are
 * bent. Bounds with xmin > xmax go over the antimeridian and become two areas; their CRS has to be geographic.
 */
int sl_step_box(const struct sl_step_context *context, const char *kind, const struct sl_bounds *bounds, const char *crs,
                struct sl_sql *out, struct sl_error *err);
/* Are the bounds in the geometry's own CRS, and one piece? Then comparing extents is enough. */
bool sl_step_box_is_plain(const struct sl_step_context *context, const struct sl_bounds *bounds, const char *crs);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stac.h - an asset as a STAC 1.0.0 Item (stac-spec 1.0.0, item-spec), with the extensions projection 1.1.0, file 2.1.0,
 * and table 1.2.0 or raster 1.1.0. What STAC has no word for is in properties "sluice:…".
 */
#ifndef SLUICE_LAKE_STAC_H
#define SLUICE_LAKE_STAC_H

#include "lake/facts.h"

/* The caller owns it. Without bounds the geometry is null and there is no bbox; over the antimeridian it is a
 * MultiPolygon of two halves. */
struct json_object *sl_stac_item(const struct sl_lake_facts *facts);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection.h - the STAC 1.0 collection of a dataset, made from the ledger's documents of its assets.
 */
#ifndef SLUICE_LAKE_COLLECTION_H
#define SLUICE_LAKE_COLLECTION_H

#include <stddef.h>

#include <json-c/json.h>

enum { SL_STAC_COLLECTION_MAX = 10000 };

/* assets: documents of one dataset, by rising version, at least one. Extent: all their bounds, the world without any, and
 * from the first one's making to the last one's. Title, description and licence are the last one's. Links to the items are
 * relative to the dataset's folder in the lake. The caller owns it. */
struct json_object *sl_stac_collection(struct json_object *const *assets, size_t n);

#endif

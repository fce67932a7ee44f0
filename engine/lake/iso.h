/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso.h - an asset's metadata in the shape of ISO 19115-1:2014: its classes and attributes as JSON members, code lists by
 * their names. It is not the XML of ISO 19115-3, for which there is no JSON encoding.
 */
#ifndef SLUICE_LAKE_ISO_H
#define SLUICE_LAKE_ISO_H

#include "lake/facts.h"

/* MD_Metadata. The caller owns it. */
struct json_object *sl_iso_metadata(const struct sl_lake_facts *facts);

#endif

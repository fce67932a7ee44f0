/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso_xml.h - ISO 19139 XML (gmd, 2007) of an asset, made from its ISO 19115 record as the ledger has it, so that the two
 * cannot disagree. What the record does not know and the schema demands is there with a nilReason.
 */
#ifndef SLUICE_LAKE_ISO_XML_H
#define SLUICE_LAKE_ISO_XML_H

#include <json-c/json.h>

#include "base/buf.h"

/* Appends the whole document, UTF-8, its declaration first. Any JSON may come in: members of another shape count as not
 * there, characters that XML does not have become U+FFFD. */
void sl_iso_xml(struct json_object *iso19115, struct sl_buf *out);

#endif

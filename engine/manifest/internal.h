/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what the parts of the manifest's reader share. */
#ifndef SLUICE_MANIFEST_INTERNAL_H
#define SLUICE_MANIFEST_INTERNAL_H

#include "manifest/manifest.h"

/* NULL when the text is a fit name of a batch, else a sentence. */
const char *sl_manifest__batch_id(const char *id);
/* NULL when the text is of the form AUTHORITY:CODE with an authority that PROJ knows, else a sentence (arena). */
const char *sl_manifest__crs(const char *text, struct sl_arena *arena);
const struct sl_schema *sl_manifest__schema(const struct sl_manifest_checker *checker);

#endif

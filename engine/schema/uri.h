/* SPDX-License-Identifier: Apache-2.0 */
/* uri.h - references resolved against a base (RFC 3986, 5), as identifiers: nothing is fetched. */
#ifndef SLUICE_SCHEMA_URI_H
#define SLUICE_SCHEMA_URI_H

#include "base/arena.h"
#include "base/buf.h"

/* The absolute form of ref, with its fragment; the arena owns it. */
char *sl_schema__uri_resolve(struct sl_arena *arena, const char *base, const char *ref);
/* Cuts the fragment off; returns it without "#", or "". */
char *sl_schema__uri_split(char *uri);
/* %XX decoded in place. */
void sl_schema__uri_decode(char *text);

#endif

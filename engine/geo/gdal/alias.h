/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alias.h - files under other names, for drivers that find a file's parts by its name only.
 *
 * A folder of names, each standing for a path that GDAL can open (of a disk, an archive, memory). Read-only, nothing is
 * copied. The folder and what it keeps in memory end with sl_alias_free. Threads: any.
 */
#ifndef SLUICE_GEO_GDAL_ALIAS_H
#define SLUICE_GEO_GDAL_ALIAS_H

#include <stddef.h>

#include <sluice/error.h>

#include "base/arena.h"

struct sl_alias;

/* SL_E_LIMIT when too many are in use. */
int sl_alias_new(struct sl_alias **out, struct sl_error *err);
/* The path of `name` in the folder, in the arena. target is copied. */
const char *sl_alias_add(struct sl_alias *alias, const char *name, const char *target, struct sl_arena *arena);
/* The same for bytes, which the alias owns from here on (from malloc). */
const char *sl_alias_add_bytes(struct sl_alias *alias, const char *name, unsigned char *bytes, size_t n,
                               struct sl_arena *arena);
void sl_alias_free(struct sl_alias *alias); /* NULL is allowed */

#endif

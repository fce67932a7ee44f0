/* SPDX-License-Identifier: Apache-2.0 */
/* pg_internal.h - what the files of this folder and their unit tests share. */
#ifndef SLUICE_PG_PG_INTERNAL_H
#define SLUICE_PG_PG_INTERNAL_H

#include "base/arena.h"
#include "pg/pg.h"

enum { SL_PG_NAME_BYTES = 512, SL_PG_DEFAULT_PORT = 5432 };

/* libpq's two arrays, NULL-terminated; strings in the arena. */
struct sl_pg__keywords {
    const char **names;
    const char **values;
    size_t n;
};

/* The target's dsn taken apart, its parts laid over it, and what every connection of the engine sets.
 * SL_E_CONFIG_VALUE for a connection string that libpq does not understand; the text is never quoted: it may hold a
 * password. */
int sl_pg__keywords(const struct sl_pg_target *target, const char *application_name, struct sl_arena *arena,
                    struct sl_pg__keywords *out, struct sl_error *err);
/* "gis1:5432/sluice as ana" */
void sl_pg__name(const struct sl_pg__keywords *keywords, char *out, size_t bytes);
/* The code of a connection that was not made, by libpq's text: it has no SQLSTATE to offer. */
enum sl_code sl_pg__connect_code(const char *message);
/* The part of libpq's text about a failed connection that tells why, one line. */
void sl_pg__connect_reason(const char *message, char *out, size_t bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalog.h - an Iceberg REST catalog, read: which tables there are, and what their metadata say.
 *
 * Replies are hostile and bounded. It writes nothing but the way back from a snapshot whose files are gone. The token or client secret is in a header or body, never in a URL
 * or message. Threads: one a handle.
 */
#ifndef SLUICE_ICEBERG_CATALOG_H
#define SLUICE_ICEBERG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/arena.h"

struct sl_config;
struct sl_doc;
struct sl_iceberg;

/* Strings are borrowed as long as a handle is open. "" is none. */
struct sl_iceberg_target {
    const char *uri, *name; /* "iceberg catalog at host:8181" */
    const char *warehouse, *token, *credential, *oauth_uri;
    const char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;
    int retries;
};
/* From the settings; *configured false when there are none. SL_E_CONFIG_VALUE. */
int sl_iceberg_target(const struct sl_config *config, struct sl_arena *arena, struct sl_iceberg_target *out, bool *configured,
                      struct sl_error *err);
int sl_iceberg_open(const struct sl_iceberg_target *target, struct sl_iceberg **out, struct sl_error *err);
void sl_iceberg_close(struct sl_iceberg *catalog); /* NULL is allowed */
void sl_iceberg_closep(struct sl_iceberg **catalog);

/* "ns.name", of letters, digits, "_" and "-"; SL_E_RECIPE_OPTION for what is none. Both in the arena. */
int sl_iceberg_split(const char *table, struct sl_arena *arena, const char **space, const char **name, struct sl_error *err);

enum { SL_ICEBERG_TABLES_MAX = 10000 };
/* Each table of each namespace, in order. Names that sl_iceberg_split would refuse are left out. */
int sl_iceberg_tables(struct sl_iceberg *catalog, int (*visit)(void *data, const char *table, struct sl_error *err), void *data,
                      struct sl_error *err);
/* The catalog's answer about a table: {"metadata-location": …, "metadata": {…}}. SL_E_TABLE_NOT_FOUND. */
int sl_iceberg_table(struct sl_iceberg *catalog, const char *table, struct sl_doc **out, struct sl_error *err);

/* Of such an answer. */
struct sl_iceberg_facts {
    const char *metadata_location;
    int64_t snapshot_id, parent_id; /* -1: none */
    int64_t snapshots, files, rows;
    int64_t bytes; /* -1: its writer does not say */
};
void sl_iceberg_facts(struct sl_doc *answer, struct sl_iceberg_facts *out); /* strings are the answer's */

/* The table's present snapshot is `from`: make it `to` again (-1: none). SL_E_ICEBERG_CONFLICT when it is another. */
int sl_iceberg_roll_back(struct sl_iceberg *catalog, const char *table, int64_t from, int64_t to, struct sl_error *err);

#endif

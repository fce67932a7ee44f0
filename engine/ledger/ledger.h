/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h - the engine's side of the ledger port: opening, documents checked against schemas/ledger/, their making.
 *
 * Callers use ledger->ops directly; every backend runs sl_ledger_check on what it writes.
 */
#ifndef SLUICE_LEDGER_LEDGER_H
#define SLUICE_LEDGER_LEDGER_H

#include <sluice/sys/ledger.h>

#include "pg/pg.h"

/* schemas_dir holds ledger/<collection>.schema.json; the schemas are compiled once per opened ledger. */
int sl_ledger_postgres_open(const struct sl_pg_target *target, const char *schemas_dir, struct sl_ledger **out,
                            struct sl_error *err);
/* MongoDB. Strings are copied. */
struct sl_ledger_mongo_options {
    const char *uri;      /* mongodb:// or mongodb+srv://; NULL: made of what follows */
    const char *host, *user, *password; /* user NULL: no authentication */
    int port;
    const char *database; /* NULL: that of the uri, else "sluice" */
    const char *ca_file;  /* NULL: as the uri says */
    int64_t timeout_ms;
    const char *schemas_dir;
};
int sl_ledger_mongo_open(const struct sl_ledger_mongo_options *options, struct sl_ledger **out, struct sl_error *err);
void sl_ledger_free(struct sl_ledger *ledger); /* NULL is allowed */

const char *sl_batch_status_name(enum sl_batch_status status); /* "pending", … */
bool sl_batch_status_by_name(const char *name, enum sl_batch_status *out);

/* The collections' validator; SL_E_LEDGER_DOCUMENT names collection, pointer and sentence. */
struct sl_ledger_schemas;
int sl_ledger_schemas_load(const char *schemas_dir, struct sl_ledger_schemas **out, struct sl_error *err);
void sl_ledger_schemas_free(struct sl_ledger_schemas *schemas);
int sl_ledger_check(const struct sl_ledger_schemas *schemas, const char *collection, struct json_object *doc,
                    struct sl_error *err);

/* The collection's schema as it stands in its file; NULL for an unknown one. Borrowed. */
struct json_object *sl_ledger_schema(const struct sl_ledger_schemas *schemas, const char *collection);

/* SL_E_LEDGER_FILTER with the nearest name, for `find`. */
int sl_ledger_check_collection(const char *name, struct sl_error *err);
/* A filter of MongoDB's syntax: known operators, well-formed paths, not too deep, not too large. What passes is
 * understood by every backend. */
int sl_ledger_check_filter(struct json_object *filter, struct sl_error *err);
/* The next key of "version:-1,created_at:1"; *sort moves on, and is at its NUL after the last. */
enum { SL_LEDGER_SORT_KEY_BYTES = 256, SL_LEDGER_SORT_KEYS = 8 };
int sl_ledger_sort_key(const char **sort, char key[SL_LEDGER_SORT_KEY_BYTES], bool *descending, struct sl_error *err);
/* The known operators of a field ($eq …) begin with $; an object of them is none that a field could equal. */
bool sl_ledger_has_operators(struct json_object *value);

/* {code, message, hint} for documents. The caller owns it. */
struct json_object *sl_ledger_error_doc(const struct sl_error *error);
/* The other way; NULL gives "internal" without a message. */
void sl_ledger_error_read(struct json_object *error_doc, struct sl_error *out);

#endif

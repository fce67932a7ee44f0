/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trino.h - a Trino server by its HTTP protocol: one statement at a time, its rows as they come.
 *
 * A statement that changes something and whose answer is lost may have been carried out: SL_E_TRINO_UNAVAILABLE, and who
 * sent it asks the table. Only statements that are said to be repeatable are sent again; one that the server says has failed
 * for a reason that passes (no nodes, starting up) is always, as long as no row of it was given. Replies are hostile: sizes
 * have maxima, nextUri must stay on the configured origin, spooled segments there or on the store's. Values go into
 * SQL by sl_trino_literal only; user, password and token are in headers. Threads: one a handle.
 */
#ifndef SLUICE_ICEBERG_TRINO_H
#define SLUICE_ICEBERG_TRINO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/arena.h"
#include "base/buf.h"

struct json_object;
struct sl_config;
struct sl_trino;

/* Strings are borrowed as long as a handle is open. */
struct sl_trino_target {
    const char *url;                       /* "https://host:8443", without user, path and query */
    const char *name;                      /* "trino at host:8443", for messages */
    const char *user, *password, *token;   /* token: a JWT; password and token only by TLS; NULL or "": none */
    const char *catalog;                   /* of the Iceberg connector */
    const char *ca_file;                   /* NULL: the system's */
    const char *storage_url;               /* where spooled segments may be beside the server itself; NULL: nowhere */
    const char *encoding;                  /* of results: "" direct, "json", "json+lz4": spooled */
    int64_t timeout_ms;                    /* of a request */
    int64_t query_timeout_ms;              /* of a statement */
    int64_t max_query_bytes;
    int retries;
};

/* From the settings; *configured false when there are none. Strings live in the arena. SL_E_CONFIG_VALUE. */
int sl_trino_target(const struct sl_config *config, struct sl_arena *arena, struct sl_trino_target *out, bool *configured,
                    struct sl_error *err);

int sl_trino_open(const struct sl_trino_target *target, struct sl_trino **out, struct sl_error *err);
void sl_trino_close(struct sl_trino *trino); /* NULL is allowed */
void sl_trino_closep(struct sl_trino **trino);
const struct sl_trino_target *sl_trino_of(const struct sl_trino *trino);
/* Asked while a statement runs: true cancels it there and ends in SL_E_CANCELLED. */
void sl_trino_set_stop(struct sl_trino *trino, bool (*stop)(void *data), void *data);
/* A property of the session, as SET SESSION has it; value NULL clears it. The server's own changes are followed. */
int sl_trino_set_session(struct sl_trino *trino, const char *name, const char *value, struct sl_error *err);
const char *sl_trino_session(const struct sl_trino *trino, const char *name); /* NULL: not set */

enum sl_trino_type {
    SL_TRINO_OTHER,   /* JSON as it came: arrays, maps, rows */
    SL_TRINO_BOOLEAN,
    SL_TRINO_INTEGER, /* bigint, integer, smallint, tinyint */
    SL_TRINO_DOUBLE,  /* double, real */
    SL_TRINO_TEXT,    /* varchar, char, decimal, date, time, timestamp, uuid, json, …: as text */
    SL_TRINO_BYTES    /* varbinary: base64 */
};
struct sl_trino_column {
    const char *name, *type_text; /* "timestamp(6) with time zone" */
    enum sl_trino_type type;
};
struct sl_trino_result {
    const struct sl_trino_column *columns;
    size_t n_columns;
};
/* values: a JSON array of n_columns values, which lives until it returns. */
typedef int sl_trino_row(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err);

enum { SL_TRINO_PAGE_BYTES = 64 << 20, SL_TRINO_COLUMNS = 1000, SL_TRINO_PARAMS = 2000 };

enum sl_trino_how { SL_TRINO_ONCE, SL_TRINO_REPEATABLE };
/* visit may be NULL. *updated (may be NULL): rows that it changed, -1 where the server did not say. columns (may be NULL): called
 * once the columns are known, also where there are no rows.
 * Codes: trino.query (of the statement), trino.denied, trino.resources, trino.unavailable, trino.error, limit, cancelled. */
int sl_trino_run(struct sl_trino *trino, const char *sql, enum sl_trino_how how, sl_trino_row *visit, void *data,
                 int64_t *updated, struct sl_error *err);
/* The first value of the first row as a number; `fallback` when there is none or it is NULL. Repeatable. */
int sl_trino_int(struct sl_trino *trino, const char *sql, int64_t fallback, int64_t *out, struct sl_error *err);
/* The columns of what runs now, or of the last: for callers that print a result without rows. */
const struct sl_trino_result *sl_trino_columns(const struct sl_trino *trino);

/* A value of a parameter; type is Trino's ("bigint", "varchar", "timestamp(6) with time zone"); text NULL is its NULL. */
struct sl_trino_param {
    const char *type, *text;
};
/* Appends the literal; SL_E_INTERNAL for a text that is none of its type. */
int sl_trino_literal(struct sl_buf *sql, const struct sl_trino_param *param, struct sl_error *err);
void sl_trino_name(struct sl_buf *sql, const char *name); /* quoted */
/* A statement with "?" for each parameter, prepared and executed. */
int sl_trino_execute(struct sl_trino *trino, const char *sql, const struct sl_trino_param *params, size_t n,
                     enum sl_trino_how how, sl_trino_row *visit, void *data, int64_t *updated, struct sl_error *err);

#endif

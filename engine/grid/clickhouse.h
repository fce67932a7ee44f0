/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clickhouse.h - a ClickHouse server by HTTP: statements, rows of answers, and blocks streamed in. Of SQL it is
 * what 18.16 and the current servers both understand.
 *
 * User and password go in headers, never into a URL. Values go into SQL by sl_clickhouse_quote only. A statement is
 * tried again after a lost connection or an overload, so that it must be one that may be carried out twice; an insert
 * is one try. Threads: one a handle.
 */
#ifndef SLUICE_GRID_CLICKHOUSE_H
#define SLUICE_GRID_CLICKHOUSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/http.h"

struct sl_config;

/* Strings are borrowed as long as a handle is open. */
struct sl_clickhouse_target {
    const char *url;  /* "http://host:8123", without user and query */
    const char *name; /* "clickhouse at host:8123", for messages */
    const char *user, *password, *database;
    const char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;
    int retries;
    bool compress; /* blocks on their way: for a server on another machine */
};

/* From the settings; *configured false when there are none. Strings live in the arena. SL_E_CONFIG_VALUE. */
int sl_clickhouse_target(const struct sl_config *config, struct sl_arena *arena, struct sl_clickhouse_target *out,
                         bool *configured, struct sl_error *err);
/* Of a URL: "https://user:password@host:8443/path"; user and password in it go before those given. */
int sl_clickhouse_target_url(const char *url, struct sl_arena *arena, struct sl_clickhouse_target *out,
                             struct sl_error *err);

struct sl_clickhouse;
int sl_clickhouse_open(const struct sl_clickhouse_target *target, struct sl_clickhouse **out, struct sl_error *err);
void sl_clickhouse_close(struct sl_clickhouse *ch); /* NULL is allowed */
void sl_clickhouse_closep(struct sl_clickhouse **ch);
const struct sl_clickhouse_target *sl_clickhouse_of(const struct sl_clickhouse *ch);

/* Codes: clickhouse.unavailable and disk.full, which pass; clickhouse.denied (password, right, database);
 * clickhouse.error. */
int sl_clickhouse_exec(struct sl_clickhouse *ch, const char *sql, struct sl_error *err);
/* visit gets each row's columns as text, unescaped; its strings live until it returns. The answer is at most
 * SL_CLICKHOUSE_ANSWER_BYTES. */
enum { SL_CLICKHOUSE_ANSWER_BYTES = 64 << 20, SL_CLICKHOUSE_COLUMNS = 64 };
typedef int sl_clickhouse_row(void *data, char *const *columns, size_t n, struct sl_error *err);
int sl_clickhouse_query(struct sl_clickhouse *ch, const char *sql, sl_clickhouse_row *visit, void *data,
                        struct sl_error *err);
/* The first column of the first row as a number; `fallback` when there is none. */
int sl_clickhouse_int(struct sl_clickhouse *ch, const char *sql, int64_t fallback, int64_t *out, struct sl_error *err);
/* "INSERT … FORMAT Native" and what read gives (as in struct sl_http_body). One try. framed: the bytes are in
 * ClickHouse's frames of compressed blocks. */
int sl_clickhouse_insert(struct sl_clickhouse *ch, const char *sql,
                         int64_t (*read)(void *data, void *out, size_t room, struct sl_error *err), void *data,
                         bool framed, struct sl_error *err);
/* Rows that the last query read, as the server said; -1: it did not. */
int64_t sl_clickhouse_rows_read(const struct sl_clickhouse *ch);

/* Appends text as a literal or a name, quoted and escaped. */
void sl_clickhouse_quote(struct sl_buf *sql, const char *text);
void sl_clickhouse_name(struct sl_buf *sql, const char *name);
/* A number so that every digit is kept; NaN and infinities as ClickHouse has them. */
void sl_clickhouse_number(struct sl_buf *sql, double value);

/* The number of a load in grid_data: the second half of its id, which is random in a UUID of version 7. */
uint64_t sl_clickhouse_load(const char *load_id);

/* The tables, by numbered migrations that are recorded; the database is made where it may be. *applied counts. */
int sl_clickhouse_migrate(struct sl_clickhouse *ch, int *applied, struct sl_error *err);

#endif

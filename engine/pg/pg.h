/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg.h - PostgreSQL by libpq: connections, parametrised statements, results, and libpq's errors as sl_error.
 *
 * Values always travel as parameters. Identifiers that vary are quoted by sl_pg_ident. A connection that broke is
 * SL_E_POSTGRES_UNAVAILABLE and stays broken: the owner opens a new one. So is one whose server is silent for longer than
 * the target allows. Serialization failures, deadlocks, lock
 * time-outs and lost unique races come back as SL_E_POSTGRES_CONFLICT; query_canceled by statement_timeout as
 * SL_E_STEP_TIMEOUT; disk_full as SL_E_DISK_FULL; insufficient privilege as SL_E_POSTGRES_DENIED; classes 08, 57P and
 * too many connections as SL_E_POSTGRES_UNAVAILABLE; the rest as SL_E_POSTGRES. Passwords never reach a message.
 * Threads: one connection belongs to one thread at a time.
 */
#ifndef SLUICE_PG_PG_H
#define SLUICE_PG_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>
#include <sluice/error.h>

#include "base/buf.h"

/* Where a server is and as whom; strings are borrowed. Either dsn (a libpq connection string or URI) or the parts; the
 * parts that are not NULL win over the dsn's. */
struct sl_pg_target {
    const char *dsn;
    const char *host; /* a name, an address or the folder of a Unix socket */
    int port;         /* 0: libpq's default */
    const char *database, *user, *password, *sslmode;
    int connect_timeout_s; /* 0: 10 */
    int64_t silence_ms;    /* longest wait for a server that neither answers nor takes what it is sent; 0: no limit */
};

struct sl_pg;

int sl_pg_open(const struct sl_pg_target *target, const char *application_name, struct sl_pg **out,
               struct sl_error *err);
void sl_pg_close(struct sl_pg *pg); /* NULL is allowed */
void sl_pg_closep(struct sl_pg **pg);
bool sl_pg_alive(const struct sl_pg *pg); /* by what libpq last saw; no round trip */
/* Whether the server has not ended the connection meanwhile, by what has arrived; no round trip. For a connection that
 * lay idle. */
bool sl_pg_still_there(struct sl_pg *pg);
enum { SL_PG_LONG_SILENCE_MS = 3600 * 1000 };
/* Another limit of silence from now on, for statements that take their time; returns the one before. */
int64_t sl_pg_allow_silence(struct sl_pg *pg, int64_t silence_ms);
/* "gis1:5432/sluice as ana": for messages. Borrowed. */
const char *sl_pg_name(const struct sl_pg *pg);
PGconn *sl_pg_handle(struct sl_pg *pg);
int sl_pg_backend_pid(const struct sl_pg *pg);

/* One or more statements without parameters and result. The text is the engine's own. */
int sl_pg_exec(struct sl_pg *pg, const char *sql, struct sl_error *err);
/* One statement with text parameters ($1…; NULL is SQL NULL); *out (may be NULL) is cleared by PQclear. */
int sl_pg_query(struct sl_pg *pg, const char *sql, int n_params, const char *const *params, PGresult **out,
                struct sl_error *err);
/* The first column of the first row as int64; fallback when there is no row or NULL. */
int sl_pg_query_int(struct sl_pg *pg, const char *sql, int n_params, const char *const *params, int64_t fallback,
                    int64_t *out, struct sl_error *err);
/* SQLSTATE of the last failed statement, "" when none. Borrowed until the next call. */
const char *sl_pg_sqlstate(const struct sl_pg *pg);

/* The code that an SQLSTATE stands for; SL_E_POSTGRES for NULL and for those that have no code of their own. */
enum sl_code sl_pg_code_of(const char *sqlstate);
/* Fills err from a failed result (NULL: from the connection) and returns the code: for those who call libpq themselves,
 * such as COPY. */
int sl_pg_fail(struct sl_pg *pg, const PGresult *res, struct sl_error *err);

/* Begins a COPY … FROM STDIN: its data go by PQputCopyData and sl_pg_flush. */
int sl_pg_copy_in(struct sl_pg *pg, const char *sql, struct sl_error *err);
/* For those who send by libpq themselves: all that is waiting leaves, and the next result comes (NULL after the last),
 * within the limit of silence. A result of a failed statement is a result. Connections are in libpq's nonblocking mode. */
int sl_pg_flush(struct sl_pg *pg, struct sl_error *err);
int sl_pg_result(struct sl_pg *pg, PGresult **out, struct sl_error *err);

int sl_pg_begin(struct sl_pg *pg, struct sl_error *err);
int sl_pg_commit(struct sl_pg *pg, struct sl_error *err);
void sl_pg_rollback(struct sl_pg *pg); /* does nothing outside of a transaction */

/* Appends "identifier" with its quotes doubled. */
void sl_pg_ident(struct sl_buf *out, const char *name);
/* Appends 'literal' (standard_conforming_strings; E'…' where it has a backslash). */
void sl_pg_literal(struct sl_buf *out, const char *value);

void sl_pg_clearp(PGresult **result); /* for SL_CLEANUP */

#endif

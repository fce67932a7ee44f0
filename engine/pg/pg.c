/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/pg.h"

#include <stdio.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "pg/pg_internal.h"

enum { OLDEST_SERVER = 130000 };

struct sl_pg {
    PGconn *conn;
    char name[SL_PG_NAME_BYTES];
    char sqlstate[6];
    int64_t silence_ms; /* 0: no limit */
    int64_t heard_ns;   /* when it last said or took something */
    bool silent;        /* longer than the limit: broken */
};

/* Notices are the server's chatter ("relation already exists, skipping"); errors come with the result. */
static void ignore_notice(void *data, const PGresult *res)
{
    (void)data;
    (void)res;
}

static int connect_failed(const struct sl_pg *pg, struct sl_error *err)
{
    const char *message = PQerrorMessage(pg->conn);
    enum sl_code code = sl_pg__connect_code(message);
    char reason[SL_ERROR_MESSAGE_BYTES];
    sl_pg__connect_reason(message, reason, sizeof reason);
    int rc;
    if (code == SL_E_POSTGRES_DENIED) {
        rc = sl_fail(err, code, "postgres at %s does not let us in (%s)", pg->name, reason);
        sl_error_hint(err, "check POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB: sluice config show --origin");
    } else {
        rc = sl_fail(err, code, "postgres at %s does not answer (%s)", pg->name, reason);
        sl_error_hint(err, "sluice doctor");
    }
    return rc;
}

/* What the engine's texts rely on, whatever the server's or the role's own settings are. */
static int set_session(struct sl_pg *pg, struct sl_error *err)
{
    if (PQserverVersion(pg->conn) < OLDEST_SERVER)
        return sl_fail(err, SL_E_POSTGRES, "postgres at %s is version %s: 13 or newer is needed", pg->name,
                       PQparameterStatus(pg->conn, "server_version"));
    return sl_pg_exec(pg,
                      "SET standard_conforming_strings = on; SET client_min_messages = warning; "
                      "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; "
                      "SET extra_float_digits = 1; SET bytea_output = 'hex'",
                      err);
}

/* A statement whose client has gone - killed, or tired of waiting - ends instead of waiting for its locks, and of doing then
 * what nobody counts on any more. A server that cannot see that does without. */
static void end_with_client(struct sl_pg *pg)
{
    enum { LOOKS_SINCE = 140000 };
    if (PQserverVersion(pg->conn) >= LOOKS_SINCE)
        (void)sl_pg_exec(pg, "SET client_connection_check_interval = '2s'", NULL);
}

int sl_pg_open(const struct sl_pg_target *target, const char *application_name, struct sl_pg **out,
               struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_pg__keywords keywords;
    int rc = sl_pg__keywords(target, application_name, arena, &keywords, err);
    if (rc < 0)
        return rc;
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = sl_xcalloc(1, sizeof *pg);
    sl_pg__name(&keywords, pg->name, sizeof pg->name);
    pg->silence_ms = target->silence_ms;
    pg->conn = PQconnectdbParams(keywords.names, keywords.values, 0);
    if (!pg->conn)
        sl_oom();
    if (PQstatus(pg->conn) != CONNECTION_OK)
        return connect_failed(pg, err);
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    if (PQsetnonblocking(pg->conn, 1) != 0)
        return connect_failed(pg, err);
    rc = set_session(pg, err);
    if (rc < 0)
        return rc;
    end_with_client(pg);
    *out = pg;
    pg = NULL;
    return 0;
}

void sl_pg_close(struct sl_pg *pg)
{
    if (!pg)
        return;
    PQfinish(pg->conn);
    free(pg);
}

void sl_pg_closep(struct sl_pg **pg)
{
    sl_pg_close(*pg);
    *pg = NULL;
}

bool sl_pg_alive(const struct sl_pg *pg)
{
    return PQstatus(pg->conn) == CONNECTION_OK && !pg->silent;
}

bool sl_pg_still_there(struct sl_pg *pg)
{
    return sl_pg_alive(pg) && PQconsumeInput(pg->conn) == 1 && sl_pg_alive(pg);
}

const char *sl_pg_name(const struct sl_pg *pg)
{
    return pg->name;
}

PGconn *sl_pg_handle(struct sl_pg *pg)
{
    return pg->conn;
}

int64_t sl_pg_allow_silence(struct sl_pg *pg, int64_t silence_ms)
{
    int64_t before = pg->silence_ms;
    pg->silence_ms = silence_ms;
    return before;
}

int sl_pg_backend_pid(const struct sl_pg *pg)
{
    return PQbackendPID(pg->conn);
}

const char *sl_pg_sqlstate(const struct sl_pg *pg)
{
    return pg->sqlstate;
}

/* ---- waiting: libpq's own has no end when a server is stopped, or its packets go nowhere ---- */

static int fell_silent(struct sl_pg *pg, struct sl_error *err)
{
    char limit[32];
    pg->silent = true;
    pg->sqlstate[0] = '\0';
    int rc = sl_fail(err, SL_E_POSTGRES_UNAVAILABLE, "postgres at %s does not answer (silent for %s)", pg->name,
                     sl_text_duration(limit, sizeof limit, pg->silence_ms * SL_NS_PER_MS));
    sl_error_hint(err, "sluice doctor");
    return rc;
}

/* Until there may be something to read or, where `to_send`, room to write. What OpenSSL has read ahead makes no socket
 * readable: with TLS libpq is asked again after a while. */
static int wait_for_server(struct sl_pg *pg, bool to_send, struct sl_error *err)
{
    enum { TLS_LOOK_MS = 50, LOOK_MS = 1000 };
    struct pollfd p = {.fd = PQsocket(pg->conn), .events = (short)(POLLIN | (to_send ? POLLOUT : 0))};
    int64_t wait_ms = PQsslInUse(pg->conn) ? TLS_LOOK_MS : LOOK_MS;
    int64_t left_ms = pg->silence_ms - (sl_clock_mono_ns() - pg->heard_ns) / SL_NS_PER_MS;
    if (p.fd < 0)
        return sl_pg_fail(pg, NULL, err);
    if (pg->silence_ms > 0 && left_ms <= 0)
        return fell_silent(pg, err);
    int n = poll(&p, 1, (int)(pg->silence_ms > 0 && left_ms < wait_ms ? left_ms : wait_ms));
    if (n > 0)
        pg->heard_ns = sl_clock_mono_ns();
    return n < 0 && errno != EINTR ? sl_fail_errno(err, errno, "cannot wait for postgres at %s", pg->name) : 0;
}

int sl_pg_flush(struct sl_pg *pg, struct sl_error *err)
{
    if (pg->silent)
        return fell_silent(pg, err);
    int left, rc = 0;
    pg->heard_ns = sl_clock_mono_ns();
    while ((left = PQflush(pg->conn)) == 1 && rc == 0) {
        rc = wait_for_server(pg, true, err);
        /* A server that speaks before it has heard all waits for a reader. */
        if (rc == 0 && !PQconsumeInput(pg->conn))
            rc = sl_pg_fail(pg, NULL, err);
    }
    return rc == 0 && left < 0 ? sl_pg_fail(pg, NULL, err) : rc;
}

int sl_pg_result(struct sl_pg *pg, PGresult **out, struct sl_error *err)
{
    int rc = sl_pg_flush(pg, err);
    while (rc == 0 && PQisBusy(pg->conn)) {
        rc = wait_for_server(pg, false, err);
        if (rc == 0 && !PQconsumeInput(pg->conn))
            break; /* the result tells what happened */
    }
    if (rc == 0)
        *out = PQgetResult(pg->conn);
    return rc;
}

static bool is_copy(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Of several statements the last result, which is that of the one that failed if any did. */
static int last_result(struct sl_pg *pg, int sent, PGresult **out, struct sl_error *err)
{
    PGresult *last = NULL, *next = NULL;
    int rc = sent ? 0 : sl_pg_fail(pg, NULL, err);
    while (rc == 0 && (rc = sl_pg_result(pg, &next, err)) == 0 && next) {
        PQclear(last);
        last = next;
        if (is_copy(last) || !sl_pg_alive(pg))
            break;
    }
    if (rc == 0)
        *out = last;
    else
        PQclear(last);
    return rc;
}

/* What an earlier statement left unread would be taken for the answer to the next. */
static int begin_statement(struct sl_pg *pg, struct sl_error *err)
{
    PGresult *left = NULL;
    int rc = 0;
    pg->sqlstate[0] = '\0';
    while (PQtransactionStatus(pg->conn) == PQTRANS_ACTIVE && (rc = sl_pg_result(pg, &left, err)) == 0 && left) {
        bool copy = is_copy(left);
        PQclear(left);
        if (copy)
            return sl_fail(err, SL_E_INTERNAL, "a statement was begun in the middle of a COPY");
    }
    return rc;
}

/* Takes the result over when it is an error; hands it to *out (or clears it) when it is not. */
static int take_result(struct sl_pg *pg, PGresult *res, PGresult **out, struct sl_error *err)
{
    pg->sqlstate[0] = '\0';
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
        if (out)
            *out = res;
        else
            PQclear(res);
        return 0;
    }
    const char *sqlstate = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", sqlstate ? sqlstate : "");
    int rc;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH)
        rc = sl_fail(err, SL_E_INTERNAL, "a COPY statement was run as a query");
    else
        rc = sl_pg_fail(pg, res, err);
    PQclear(res);
    return rc;
}

int sl_pg_exec(struct sl_pg *pg, const char *sql, struct sl_error *err)
{
    PGresult *res = NULL;
    int rc = begin_statement(pg, err);
    if (rc == 0)
        rc = last_result(pg, PQsendQuery(pg->conn, sql), &res, err);
    return rc < 0 ? rc : take_result(pg, res, NULL, err);
}

int sl_pg_copy_in(struct sl_pg *pg, const char *sql, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = begin_statement(pg, err);
    if (rc == 0)
        rc = last_result(pg, PQsendQuery(pg->conn, sql), &res, err);
    return rc < 0 || PQresultStatus(res) == PGRES_COPY_IN ? rc : sl_pg_fail(pg, res, err);
}

int sl_pg_query(struct sl_pg *pg, const char *sql, int n_params, const char *const *params, PGresult **out,
                struct sl_error *err)
{
    PGresult *res = NULL;
    int rc = begin_statement(pg, err);
    if (rc == 0)
        rc = last_result(pg, PQsendQueryParams(pg->conn, sql, n_params, NULL, params, NULL, NULL, 0), &res, err);
    return rc < 0 ? rc : take_result(pg, res, out, err);
}

int sl_pg_query_int(struct sl_pg *pg, const char *sql, int n_params, const char *const *params, int64_t fallback,
                    int64_t *out, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(pg, sql, n_params, params, &res, err);
    if (rc < 0)
        return rc;
    if (PQntuples(res) < 1 || PQnfields(res) < 1 || PQgetisnull(res, 0, 0)) {
        *out = fallback;
        return 0;
    }
    const char *text = PQgetvalue(res, 0, 0);
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end)
        return sl_fail(err, SL_E_POSTGRES, "postgres: expected an integer, got \"%s\"", text);
    *out = value;
    return 0;
}

int sl_pg_begin(struct sl_pg *pg, struct sl_error *err)
{
    return sl_pg_exec(pg, "BEGIN", err);
}

int sl_pg_commit(struct sl_pg *pg, struct sl_error *err)
{
    /* COMMIT of a failed transaction is a ROLLBACK that reports success. */
    if (PQtransactionStatus(pg->conn) == PQTRANS_INERROR) {
        sl_pg_rollback(pg);
        return sl_fail(err, SL_E_INTERNAL, "a transaction was to be committed after one of its statements failed");
    }
    return sl_pg_exec(pg, "COMMIT", err);
}

void sl_pg_rollback(struct sl_pg *pg)
{
    PGTransactionStatusType status = pg->silent ? PQTRANS_UNKNOWN : PQtransactionStatus(pg->conn);
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
        char sqlstate[sizeof pg->sqlstate];
        memcpy(sqlstate, pg->sqlstate, sizeof sqlstate);
        sl_pg_exec(pg, "ROLLBACK", NULL);
        memcpy(pg->sqlstate, sqlstate, sizeof sqlstate);
    }
}

void sl_pg_clearp(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

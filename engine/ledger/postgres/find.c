/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ledger/postgres/postgres.h"

/* A pathological filter ends instead of keeping the server busy for whoever has left. Who reads all takes as long as the
 * visitor does: the server waits for it. */
enum { TIMEOUT_MS = 5 * 60 * 1000 };
#define READ_ONLY_SQL "SET default_transaction_read_only = on; SET statement_timeout = "
#define timeout_sql(find) ((find)->filter ? READ_ONLY_SQL "'5min'" : READ_ONLY_SQL "0")

static int build(struct sl_ledger_pg__query *q, const struct sl_find *find, struct sl_error *err)
{
    char number[SL_LEDGER_NUMBER_BYTES];
    int rc = 0;
    sl_buf_printf(&q->sql, "SELECT doc FROM ledger.%s", find->collection);
    if (find->filter) {
        sl_buf_puts(&q->sql, " WHERE ");
        rc = sl_ledger_pg__filter(q, find->filter, err);
    }
    if (rc < 0 || (rc = sl_ledger_pg__sort(q, find->sort, err)) < 0)
        return rc;
    if (find->limit > 0)
        sl_buf_printf(&q->sql, " LIMIT %s", sl_ledger_pg__number(number, find->limit));
    if (find->skip > 0)
        sl_buf_printf(&q->sql, " OFFSET %s", sl_ledger_pg__number(number, find->skip));
    return sl_buf_check(&q->sql, "the filter", err);
}

static int fail_query(struct sl_pg *pg, const PGresult *res, struct sl_error *err)
{
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (sqlstate && !strcmp(sqlstate, "2201B"))
        return sl_fail(err, SL_E_LEDGER_FILTER, "$regex: %s", message ? message : "the pattern cannot be read");
    if (sqlstate && !strcmp(sqlstate, "57014"))
        return sl_fail(err, SL_E_LEDGER_FILTER, "the filter took longer than five minutes");
    return sl_pg_fail(pg, res, err);
}

/* Row by row as the server sends them: memory holds one document. */
static int visit_rows(struct sl_pg *pg, sl_ledger_visit visit, void *data, struct sl_error *err)
{
    PGresult *next = NULL;
    int rc = 0;
    while (rc == 0 && (rc = sl_pg_result(pg, &next, err)) == 0 && next) {
        SL_CLEANUP(sl_pg_clearp) PGresult *res = next;
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_SINGLE_TUPLE) {
            rc = sl_ledger_pg__parse(PQgetvalue(res, 0, 0), &doc, err);
            if (rc == 0)
                rc = visit(data, doc, err);
        } else if (status != PGRES_TUPLES_OK) {
            rc = fail_query(pg, res, err);
        }
    }
    return rc;
}

static void cancel(struct sl_pg *pg)
{
    char ignored[256];
    PGcancel *handle = PQgetCancel(sl_pg_handle(pg));
    if (handle)
        PQcancel(handle, ignored, sizeof ignored);
    PQfreeCancel(handle);
}

/* On a connection of its own: the visitor may use the ledger meanwhile. */
int sl_ledger_pg__find(struct sl_ledger *ledger, const struct sl_find *find, sl_ledger_visit visit, void *data,
                       struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    struct sl_ledger_pg__query q = {.arena = arena};
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    q.params = sl_arena_array(arena, SL_LEDGER_MAX_PARAMS, sizeof *q.params);
    sl_buf_init(&q.sql, SL_LEDGER_MAX_SQL);
    sl_buf_init(&sql, 1);
    int rc = sl_ledger_check_collection(find->collection, err);
    if (rc == 0)
        rc = build(&q, find, err);
    sql = q.sql; /* freed at the end, whichever way that is reached */
    if (rc < 0 || (rc = sl_pg_open(&l->target, "sluice ledger find", &pg, err)) < 0 ||
        (rc = sl_pg_exec(pg, timeout_sql(find), err)) < 0)
        return rc;
    sl_pg_allow_silence(pg, l->target.silence_ms > 0 ? l->target.silence_ms + TIMEOUT_MS : 0);
    if (!PQsendQueryParams(sl_pg_handle(pg), sql.data, q.n_params, NULL, q.params, NULL, NULL, 0) ||
        !PQsetSingleRowMode(sl_pg_handle(pg)))
        return sl_pg_fail(pg, NULL, err);
    rc = visit_rows(pg, visit, data, err);
    if (rc < 0 && sl_pg_alive(pg))
        cancel(pg);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events are numbered in the order of their entry, but transactions end in another: a number may become visible after a
 * greater one. A writer therefore holds a shared advisory lock from before the number is given to the end of its
 * transaction, and a reader goes as far as the number that was the last when it looked, once those who held the lock at
 * that moment have ended. Nobody waits for a reader.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/postgres/postgres.h"

enum { PAGE = 500, LOOKS = 200, LOOK_MS = 5 };

/* The number is given to a row that the scan of the lock's row has brought, so after it. */
#define INSERT_EVENT                                                                                                  \
    "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(" SL_LEDGER_EVENTS_LOCK "))"                       \
    " INSERT INTO ledger.events (id, doc) SELECT $1, $2::jsonb FROM held ON CONFLICT (id) DO NOTHING"

int sl_ledger_pg__event(struct sl_ledger_pg *l, struct json_object *event, struct sl_error *err)
{
    int rc = sl_ledger_check(l->schemas, "events", event, err);
    const char *const params[] = {sl_json_str(event, "_id", NULL),
                                  json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN)};
    return rc < 0 ? rc : sl_pg_query(l->pg, INSERT_EVENT, 2, params, NULL, err);
}

int sl_ledger_pg__now(struct sl_ledger_pg *l, char now[SL_LEDGER_TIME_BYTES], struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(l->pg, "SELECT " SL_LEDGER_NOW, 0, NULL, &res, err);
    if (rc == 0)
        snprintf(now, SL_LEDGER_TIME_BYTES, "%s", PQgetvalue(res, 0, 0));
    return rc;
}

int sl_ledger_pg__add_event(struct sl_ledger *ledger, struct json_object *event, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_json_putp) struct json_object *nothing = json_object_new_object();
    SL_CLEANUP(sl_json_putp) struct json_object *doc = sl_ledger_merge(event, nothing);
    char now[SL_LEDGER_TIME_BYTES];
    int rc = sl_ledger_pg__now(l, now, err);
    if (rc < 0)
        return rc;
    sl_ledger_fill_event(doc, now);
    return sl_ledger_pg__event(l, doc, err);
}

/* ---- reading ---- */

/* The greatest number that was given, and who may still be entering one up to it. */
static int look(struct sl_ledger_pg *l, int64_t *last, char **writers, struct sl_arena *arena, struct sl_error *err)
{
    static const char holders[] =
        "SELECT coalesce(array_agg(virtualtransaction), '{}')::text FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND objsubid = 1"
        " AND (classid::bigint << 32 | objid::bigint) = " SL_LEDGER_EVENTS_LOCK;
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    /* The number first: whoever takes the lock later gets a greater one. */
    int rc = sl_pg_query_int(l->pg, "SELECT last_value FROM ledger.events_seq_seq WHERE is_called", 0, NULL, 0, last, err);
    if (rc == 0)
        rc = sl_pg_query(l->pg, holders, 0, NULL, &res, err);
    if (rc == 0)
        *writers = sl_arena_strdup(arena, PQgetvalue(res, 0, 0));
    return rc;
}

/* *ended false when one of them takes longer than a second: the next call goes on. */
static int wait_for(struct sl_ledger_pg *l, const char *writers, bool *ended, struct sl_error *err)
{
    static const char any[] = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
                              " AND (classid::bigint << 32 | objid::bigint) = " SL_LEDGER_EVENTS_LOCK
                              " AND virtualtransaction = ANY($1::text[])";
    const char *const params[] = {writers};
    int64_t n = 0;
    for (int i = 0; i < LOOKS; i++) {
        int rc = sl_pg_query_int(l->pg, any, 1, params, 0, &n, err);
        if (rc < 0)
            return rc;
        if (!n)
            break;
        sl_clock_sleep_ns(LOOK_MS * SL_NS_PER_MS);
    }
    *ended = n == 0;
    return 0;
}

static int visit_page(struct sl_ledger_pg *l, char cursor[SL_CURSOR_BYTES], int64_t last, sl_ledger_visit visit,
                      void *data, int *n, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    char to[SL_LEDGER_NUMBER_BYTES], page[SL_LEDGER_NUMBER_BYTES];
    const char *const params[] = {cursor, sl_ledger_pg__number(to, last), sl_ledger_pg__number(page, PAGE)};
    int rc = sl_pg_query(l->pg,
                         "SELECT seq, doc FROM ledger.events WHERE seq > $1::bigint AND seq <= $2::bigint ORDER BY seq"
                         " LIMIT $3::bigint",
                         3, params, &res, err);
    if (rc < 0)
        return rc;
    *n = PQntuples(res);
    for (int i = 0; rc == 0 && i < *n; i++) {
        SL_CLEANUP(sl_json_putp) struct json_object *doc = NULL;
        rc = sl_ledger_pg__parse(PQgetvalue(res, i, 1), &doc, err);
        if (rc == 0)
            rc = visit(data, doc, err);
        if (rc == 0)
            snprintf(cursor, SL_CURSOR_BYTES, "%s", PQgetvalue(res, i, 0));
    }
    return rc;
}

static int check_cursor(const char *cursor, struct sl_error *err)
{
    char *end;
    errno = 0;
    long long n = strtoll(cursor, &end, 10);
    if (*end || end == cursor || n < 0 || errno)
        return sl_fail(err, SL_E_USAGE, "\"%s\" is not a place among the events of this ledger", cursor);
    return 0;
}

int sl_ledger_pg__events_since(struct sl_ledger *ledger, char cursor[SL_CURSOR_BYTES], sl_ledger_visit visit, void *data,
                               struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char *writers = NULL;
    int64_t last = 0;
    bool ended = false;
    int n = PAGE;
    bool now = !strcmp(cursor, "now");
    int rc = now || !cursor[0] ? 0 : check_cursor(cursor, err);
    if (rc < 0 || (rc = look(l, &last, &writers, arena, err)) < 0)
        return rc;
    if (now) { /* what is being entered just now may still be seen: it is not left out */
        sl_ledger_pg__number(cursor, last);
        return 0;
    }
    if ((rc = wait_for(l, writers, &ended, err)) < 0 || !ended)
        return rc;
    if (!cursor[0])
        snprintf(cursor, SL_CURSOR_BYTES, "0");
    while (rc == 0 && n == PAGE)
        rc = visit_page(l, cursor, last, visit, data, &n, err);
    return rc;
}

/* ---- those of long ago ---- */

/* A page at a time, so that no statement takes long and nobody waits for one. $1: from behind this number, $2: up to this
 * one, $3: of before. */
#define OLD_EVENTS                                                                                                    \
    " FROM ledger.events e WHERE e.seq > $1::bigint AND e.seq <= $2::bigint AND e.doc->>'at' < $3 COLLATE \"C\""                   \
    " AND e.id <> 'batch:' || coalesce(e.batch_id, '') || ':1' AND NOT EXISTS (SELECT FROM ledger.manifests m"          \
    " WHERE m.id = e.batch_id AND m.status IN ('pending', 'running'))"

static int sweep_page(struct sl_ledger_pg *l, const char *const params[3], bool dry_run, int64_t *n, struct sl_error *err)
{
    static const char count[] = "SELECT count(*)" OLD_EVENTS;
    static const char remove[] = "WITH gone AS (DELETE" OLD_EVENTS " RETURNING 1) SELECT count(*) FROM gone";
    int64_t found = 0;
    int rc = sl_pg_query_int(l->pg, dry_run ? count : remove, 3, params, 0, &found, err);
    if (rc == 0)
        *n += found;
    return rc;
}

int sl_ledger_pg__sweep_events(struct sl_ledger *ledger, int64_t age_s, bool dry_run, int64_t *n, struct sl_error *err)
{
    static const char page_end[] = "SELECT max(seq) FROM (SELECT seq FROM ledger.events WHERE seq > $1::bigint ORDER BY seq"
                                   " LIMIT 5000) AS page";
    static const char before[] = "SELECT " SL_LEDGER_ISO("clock_timestamp() - $1::bigint * interval '1 second'");
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    char from[SL_LEDGER_NUMBER_BYTES] = "0", to[SL_LEDGER_NUMBER_BYTES], age[SL_LEDGER_NUMBER_BYTES];
    const char *const asked[] = {sl_ledger_pg__number(age, age_s)};
    int64_t end = 0, total = 0;
    int rc = sl_pg_query(l->pg, before, 1, asked, &res, err);
    while (rc == 0) {
        const char *const params[] = {from, to, PQgetvalue(res, 0, 0)};
        rc = sl_pg_query_int(l->pg, page_end, 1, params, -1, &end, err);
        if (rc < 0 || end < 0)
            break;
        sl_ledger_pg__number(to, end);
        rc = sweep_page(l, params, dry_run, &total, err);
        memcpy(from, to, sizeof from);
    }
    if (rc == 0)
        *n = total;
    return rc;
}

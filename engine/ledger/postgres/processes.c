/* SPDX-License-Identifier: Apache-2.0 */
/* Who is running, and what the server is: for operators. */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/postgres/postgres.h"

#define STALE "seen_at < " SL_LEDGER_ISO("now() - interval '1 day'")

int sl_ledger_pg__announce(struct sl_ledger *ledger, const char *owner, struct json_object *doc, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    char now[SL_LEDGER_TIME_BYTES];
    const char *params[] = {owner, NULL};
    if (!doc)
        return sl_pg_query(l->pg, "DELETE FROM ledger.processes WHERE id = $1", 1, params, NULL, err);
    SL_CLEANUP(sl_json_putp) struct json_object *members = json_object_new_object(), *whole = NULL;
    int rc = sl_ledger_pg__now(l, now, err);
    if (rc < 0)
        return rc;
    sl_json_put_str(members, "_id", owner);
    sl_json_put_str(members, "seen_at", now);
    whole = sl_ledger_merge(doc, members);
    if ((rc = sl_ledger_check(l->schemas, "processes", whole, err)) < 0)
        return rc;
    params[1] = json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PLAIN);
    return sl_pg_query(l->pg,
                       "INSERT INTO ledger.processes (id, doc) VALUES ($1, $2) ON CONFLICT (id)"
                       " DO UPDATE SET doc = EXCLUDED.doc",
                       2, params, NULL, err);
}

/* Looks first: who may only read has nothing to sweep most of the time. */
int sl_ledger_pg__sweep_processes(struct sl_ledger_pg *l, struct sl_error *err)
{
    int64_t n = 0;
    int rc = sl_pg_query_int(l->pg, "SELECT count(*) FROM ledger.processes WHERE " STALE, 0, NULL, 0, &n, err);
    return rc < 0 || !n ? rc : sl_pg_exec(l->pg, "DELETE FROM ledger.processes WHERE " STALE, err);
}

int sl_ledger_pg__probe(struct sl_ledger *ledger, struct sl_ledger_probe *out, struct sl_error *err)
{
    struct sl_ledger_pg *l = sl_ledger_pg_of(ledger);
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(l->pg,
                         "SELECT split_part(current_setting('server_version'), ' ', 1),"
                         " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000",
                         0, NULL, &res, err);
    if (rc < 0)
        return rc;
    snprintf(l->server, sizeof l->server, "PostgreSQL %.40s", PQgetvalue(res, 0, 0));
    *out = (struct sl_ledger_probe){.server = l->server, .clock_ns = strtoll(PQgetvalue(res, 0, 1), NULL, 10)};
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pg/pg_internal.h"

struct state_code {
    const char *sqlstate; /* five characters, or the two of its class */
    enum sl_code code;
};

/* First match wins: states before their class. Numbers: PostgreSQL's appendix "Error Codes". */
static const struct state_code states[] = {
    {"57014", SL_E_STEP_TIMEOUT},         /* query_canceled */
    {"57P", SL_E_POSTGRES_UNAVAILABLE},   /* shut down, crashed, cannot connect now, database dropped */
    {"08", SL_E_POSTGRES_UNAVAILABLE},    /* connection exceptions */
    {"53300", SL_E_POSTGRES_UNAVAILABLE}, /* too_many_connections */
    {"53100", SL_E_DISK_FULL},
    {"40001", SL_E_POSTGRES_CONFLICT},    /* serialization_failure */
    {"40P01", SL_E_POSTGRES_CONFLICT},    /* deadlock_detected */
    {"55P03", SL_E_POSTGRES_CONFLICT},    /* lock_not_available */
    {"23505", SL_E_POSTGRES_CONFLICT},    /* unique_violation */
    {"23P01", SL_E_POSTGRES_CONFLICT},    /* exclusion_violation */
    {"42501", SL_E_POSTGRES_DENIED},      /* insufficient_privilege */
    {"28", SL_E_POSTGRES_DENIED},         /* authorization, password */
};

enum sl_code sl_pg_code_of(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < sizeof states / sizeof *states; i++)
        if (!strncmp(sqlstate, states[i].sqlstate, strlen(states[i].sqlstate)))
            return states[i].code;
    return SL_E_POSTGRES;
}

/* English texts of the server and of libpq. A server that speaks another language gives "unavailable", which is retried
 * and then told as it is. */
enum sl_code sl_pg__connect_code(const char *message)
{
    static const char *const denied[] = {
        "authentication failed", "no password supplied", "no pg_hba.conf entry", "pg_hba.conf rejects",
        "permission denied for database", "fe_sendauth",
    };
    for (size_t i = 0; i < sizeof denied / sizeof *denied; i++)
        if (strstr(message, denied[i]))
            return SL_E_POSTGRES_DENIED;
    bool missing = strstr(message, "does not exist") &&
                   (strstr(message, "FATAL:  database \"") || strstr(message, "FATAL:  role \""));
    return missing ? SL_E_POSTGRES_DENIED : SL_E_POSTGRES_UNAVAILABLE;
}

static const char *after(const char *text, const char *marker)
{
    const char *found = strstr(text, marker);
    return found ? found + strlen(marker) : text;
}

void sl_pg__connect_reason(const char *message, char *out, size_t bytes)
{
    const char *start = after(after(message, " failed: "), "FATAL:  ");
    size_t len = strcspn(start, "\n");
    snprintf(out, bytes, "%.*s", (int)(len < bytes ? len : bytes - 1), start);
    if (!out[0])
        snprintf(out, bytes, "no reason given");
    /* "Connection refused" and its like, but not a name in capitals. */
    if (out[0] >= 'A' && out[0] <= 'Z' && out[1] >= 'a' && out[1] <= 'z')
        out[0] = (char)(out[0] - 'A' + 'a');
}

static void hint_of(const PGresult *res, enum sl_code code, struct sl_error *err)
{
    const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
    if (hint)
        sl_error_hint(err, "%s", hint);
    else if (code == SL_E_DISK_FULL)
        sl_error_hint(err, "free some space on the database server, then run again: nothing is lost");
    else if (code == SL_E_POSTGRES_UNAVAILABLE)
        sl_error_hint(err, "sluice doctor");
}

/* Two sessions changed the same row of the system's tables (GRANT on one database, for example), which wait for no lock:
 * the server has no SQLSTATE for it, and never translates the text. */
static bool raced(const char *primary)
{
    return primary &&
           (!strcmp(primary, "tuple concurrently updated") || !strcmp(primary, "tuple concurrently deleted"));
}

int sl_pg_fail(struct sl_pg *pg, const PGresult *res, struct sl_error *err)
{
    const char *sqlstate = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL) : NULL;
    enum sl_code code = sl_pg_alive(pg) ? sl_pg_code_of(sqlstate) : SL_E_POSTGRES_UNAVAILABLE;
    char reason[SL_ERROR_MESSAGE_BYTES];
    if (code == SL_E_POSTGRES && raced(primary))
        code = SL_E_POSTGRES_CONFLICT;
    if (primary)
        snprintf(reason, sizeof reason, "%s%s%s", primary, detail ? ": " : "", detail ? detail : "");
    else
        sl_pg__connect_reason(PQerrorMessage(sl_pg_handle(pg)), reason, sizeof reason);
    int rc;
    if (code == SL_E_POSTGRES_UNAVAILABLE)
        rc = sl_fail(err, code, "postgres at %s does not answer (%s)", sl_pg_name(pg), reason);
    else
        rc = sl_fail(err, code, "postgres: %s%s%s%s", reason, sqlstate ? " (" : "", sqlstate ? sqlstate : "",
                     sqlstate ? ")" : "");
    hint_of(res, code, err);
    return rc;
}

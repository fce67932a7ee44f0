/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg/pg_internal.h"

enum { MAX_KEYWORDS = 96, DEFAULT_CONNECT_TIMEOUT_S = 10 };

static const char *get(const struct sl_pg__keywords *k, const char *name, const char *fallback)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->names[i], name) && k->values[i][0])
            return k->values[i];
    return fallback;
}

/* The arrays have room: MAX_KEYWORDS is well above libpq's own number of options. */
static void put(struct sl_pg__keywords *k, const char *name, const char *value, bool over)
{
    if (!value)
        return;
    for (size_t i = 0; i < k->n; i++) {
        if (!strcmp(k->names[i], name)) {
            if (over)
                k->values[i] = value;
            return;
        }
    }
    if (k->n + 1 < MAX_KEYWORDS) {
        k->names[k->n] = name;
        k->values[k->n++] = value;
    }
}

static int put_dsn(struct sl_pg__keywords *k, const char *dsn, struct sl_arena *arena, struct sl_error *err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &why);
    /* libpq quotes what it did not understand, which may be the password. */
    PQfreemem(why);
    if (!options) {
        int rc = sl_fail(err, SL_E_CONFIG_VALUE, "the PostgreSQL connection string cannot be read");
        sl_error_hint(err, "write it as postgresql://user@host:5432/database or \"host=… dbname=…\"; special "
                           "characters of a URI are percent-encoded");
        return rc;
    }
    for (PQconninfoOption *o = options; o->keyword; o++)
        if (o->val)
            put(k, sl_arena_strdup(arena, o->keyword), sl_arena_strdup(arena, o->val), true);
    PQconninfoFree(options);
    return 0;
}

int sl_pg__keywords(const struct sl_pg_target *target, const char *application_name, struct sl_arena *arena,
                    struct sl_pg__keywords *out, struct sl_error *err)
{
    struct sl_pg__keywords k = {.names = sl_arena_array(arena, MAX_KEYWORDS + 1, sizeof *k.names),
                                .values = sl_arena_array(arena, MAX_KEYWORDS + 1, sizeof *k.values)};
    if (target->dsn && target->dsn[0]) {
        int rc = put_dsn(&k, target->dsn, arena, err);
        if (rc < 0)
            return rc;
    }
    put(&k, "host", target->host, true);
    if (target->port > 0)
        put(&k, "port", sl_arena_printf(arena, "%d", target->port), true);
    put(&k, "dbname", target->database, true);
    put(&k, "user", target->user, true);
    put(&k, "password", target->password, true);
    put(&k, "sslmode", target->sslmode, true);
    int timeout_s = target->connect_timeout_s;
    put(&k, "connect_timeout", sl_arena_printf(arena, "%d", timeout_s > 0 ? timeout_s : DEFAULT_CONNECT_TIMEOUT_S),
        timeout_s > 0);
    put(&k, "application_name", application_name, true);
    put(&k, "client_encoding", "UTF8", true);
    /* A server that vanished is noticed within two minutes instead of the system's two hours. */
    put(&k, "keepalives_idle", "30", false);
    put(&k, "keepalives_interval", "10", false);
    put(&k, "keepalives_count", "6", false);
    put(&k, "tcp_user_timeout", "90000", false); /* keepalives rest while something is on its way */
    *out = k;
    return 0;
}

void sl_pg__name(const struct sl_pg__keywords *keywords, char *out, size_t bytes)
{
    const char *host = get(keywords, "host", get(keywords, "hostaddr", "localhost"));
    const char *user = get(keywords, "user", NULL);
    const char *database = get(keywords, "dbname", user ? user : "");
    snprintf(out, bytes, "%s:%s/%s%s%s", host, get(keywords, "port", "5432"), database, user ? " as " : "",
             user ? user : "");
}

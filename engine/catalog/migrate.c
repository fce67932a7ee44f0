/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/sha256.h"
#include "catalog/catalog_internal.h"

/* Any number that no other program of this database locks by. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(7310860921385677)"

int sl_catalog_open(const struct sl_pg_target *target, struct sl_catalog **out, struct sl_error *err)
{
    struct sl_pg *pg = NULL;
    int rc = sl_pg_open(target, "sluice catalog", &pg, err);
    if (rc < 0)
        return rc;
    struct sl_catalog *catalog = sl_xcalloc(1, sizeof *catalog);
    catalog->pg = pg;
    *out = catalog;
    return 0;
}

void sl_catalog_close(struct sl_catalog *catalog)
{
    if (!catalog)
        return;
    sl_pg_close(catalog->pg);
    free(catalog);
}

const char *sl_catalog__text(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? NULL : PQgetvalue(res, row, column);
}

int64_t sl_catalog__int(const PGresult *res, int row, int column, int64_t fallback)
{
    const char *text = sl_catalog__text(res, row, column);
    return text ? strtoll(text, NULL, 10) : fallback;
}

static const struct sl_catalog__migration *by_number(int64_t number)
{
    for (const struct sl_catalog__migration *m = sl_catalog__migrations; m->number; m++)
        if (m->number == number)
            return m;
    return NULL;
}

/* What is recorded must be what we would have applied. *n counts the recorded ones. */
static int check_recorded(struct sl_pg *pg, int *n, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *res = NULL;
    int rc = sl_pg_query(pg, "SELECT number, name, sha256 FROM catalog.migrations ORDER BY number", 0, NULL, &res, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < PQntuples(res); i++) {
        const struct sl_catalog__migration *m = by_number(sl_catalog__int(res, i, 0, 0));
        if (!m) {
            rc = sl_fail(err, SL_E_POSTGRES, "the catalog has the migration \"%s\", which this sluice does not know",
                         PQgetvalue(res, i, 1));
            sl_error_hint(err, "a newer sluice has used this catalog: use that one");
            return rc;
        }
        char hex[SL_SHA256_HEX_BYTES];
        sl_sha256_of(m->sql, strlen(m->sql), hex);
        if (strcmp(hex, PQgetvalue(res, i, 2)) != 0)
            return sl_fail(err, SL_E_POSTGRES, "the catalog's migration \"%s\" was applied with another content (sha256 "
                           "%.12s…, here %.12s…)", m->name, PQgetvalue(res, i, 2), hex);
    }
    *n = PQntuples(res);
    return 0;
}

static int apply_missing(struct sl_pg *pg, int *applied, struct sl_error *err)
{
    for (const struct sl_catalog__migration *m = sl_catalog__migrations; m->number; m++) {
        char number[16], hex[SL_SHA256_HEX_BYTES];
        snprintf(number, sizeof number, "%d", m->number);
        sl_sha256_of(m->sql, strlen(m->sql), hex);
        const char *const params[] = {number, m->name, hex};
        int64_t there = 0;
        int rc = sl_pg_begin(pg, err);
        if (rc < 0 || (rc = sl_pg_exec(pg, LOCK_SQL, err)) < 0 ||
            (rc = sl_pg_query_int(pg, "SELECT 1 FROM catalog.migrations WHERE number = $1", 1, params, 0, &there,
                                  err)) < 0)
            return rc;
        if (!there) {
            if ((rc = sl_pg_exec(pg, m->sql, err)) < 0 ||
                (rc = sl_pg_query(pg, "INSERT INTO catalog.migrations (number, name, sha256) VALUES ($1, $2, $3)", 3,
                                  params, NULL, err)) < 0) {
                sl_error_prefix(err, "migration %s", m->name);
                return rc;
            }
            ++*applied;
        }
        if ((rc = sl_pg_commit(pg, err)) < 0)
            return rc;
    }
    return 0;
}

static int make_record(struct sl_pg *pg, struct sl_error *err)
{
    int rc = sl_pg_begin(pg, err);
    if (rc < 0 || (rc = sl_pg_exec(pg, LOCK_SQL, err)) < 0)
        return rc;
    rc = sl_pg_exec(pg,
                    "CREATE SCHEMA IF NOT EXISTS catalog;"
                    "CREATE TABLE IF NOT EXISTS catalog.migrations (number int PRIMARY KEY, name text NOT NULL,"
                    " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                    err);
    return rc < 0 ? rc : sl_pg_commit(pg, err);
}

static int migrate(struct sl_pg *pg, int *applied, struct sl_error *err)
{
    int64_t there = 0;
    int recorded = 0, known = 0;
    for (const struct sl_catalog__migration *m = sl_catalog__migrations; m->number; m++)
        known++;
    int rc = sl_pg_query_int(pg, "SELECT 1 WHERE to_regclass('catalog.migrations') IS NOT NULL", 0, NULL, 0, &there,
                             err);
    /* Nothing to do needs no lock, and no right to create. */
    if (rc < 0 || (!there && (rc = make_record(pg, err)) < 0) || (rc = check_recorded(pg, &recorded, err)) < 0)
        return rc;
    return recorded == known ? 0 : apply_missing(pg, applied, err);
}

int sl_catalog_migrate(struct sl_catalog *catalog, int *applied, struct sl_error *err)
{
    int64_t before = sl_pg_allow_silence(catalog->pg, SL_PG_LONG_SILENCE_MS); /* tables may be large, and others at it */
    int n = 0, rc = migrate(catalog->pg, &n, err);
    sl_pg_rollback(catalog->pg);
    sl_pg_allow_silence(catalog->pg, before);
    if (rc == 0 && applied)
        *applied = n;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations of schema.sql. Every statement may be carried out twice, and two processes may do it at a time:
 * ClickHouse has neither transactions nor locks for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "grid/clickhouse_internal.h"

static const char mark[] = "-- migration ";

struct migration {
    long number;
    char name[64];
    const char *sql;
    size_t bytes;
    char sha256_hex[SL_SHA256_HEX_BYTES];
};

/* The next one after `at`; false at the end. */
static bool next_migration(const char **at, struct migration *m)
{
    const char *begin = strstr(*at, mark);
    if (!begin)
        return false;
    *m = (struct migration){0};
    if (sscanf(begin + strlen(mark), "%ld %63s", &m->number, m->name) != 2)
        return false;
    const char *end = strstr(begin + strlen(mark), mark);
    m->sql = begin;
    m->bytes = end ? (size_t)(end - begin) : strlen(begin);
    sl_sha256_of(m->sql, m->bytes, m->sha256_hex);
    *at = begin + m->bytes;
    return true;
}

enum { MIGRATIONS_MAX = 200 };

struct recorded {
    size_t n;
    long numbers[MIGRATIONS_MAX];
    char sums[MIGRATIONS_MAX][SL_SHA256_HEX_BYTES];
};

static int keep(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    struct recorded *r = data;
    if (n != 2 || r->n == MIGRATIONS_MAX)
        return sl_fail(err, SL_E_CLICKHOUSE, "the table grid_migrations is not as sluice makes it");
    r->numbers[r->n] = strtol(columns[0], NULL, 10);
    snprintf(r->sums[r->n++], SL_SHA256_HEX_BYTES, "%s", columns[1]);
    return 0;
}

static int statements(struct sl_clickhouse *ch, const struct migration *m, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    char *text = sl_arena_strndup(arena, m->sql, m->bytes);
    for (char *end; (end = strstr(text, ";\n")); text = end + 2) {
        *end = '\0';
        int rc = sl_clickhouse_exec(ch, text, err);
        if (rc < 0) {
            sl_error_prefix(err, "migration %ld %s", m->number, m->name);
            return rc;
        }
    }
    return 0;
}

static int record(struct sl_clickhouse *ch, const struct migration *m, struct sl_error *err)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO grid_migrations (number, name, sha256, applied_at) SELECT %ld, '%s', '%s', now()", m->number,
             m->name, m->sha256_hex);
    return sl_clickhouse_exec(ch, sql, err);
}

/* 0: to be applied; 1: it was; negative: with another content. */
static int was_applied(const struct recorded *r, const struct migration *m, struct sl_error *err)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->numbers[i] != m->number)
            continue;
        if (!strcmp(r->sums[i], m->sha256_hex))
            return 1;
        return sl_fail(err, SL_E_CLICKHOUSE, "ClickHouse's migration %ld %s was applied with another content",
                       m->number, m->name);
    }
    return 0;
}

static int check_newer(const struct recorded *r, long last, struct sl_error *err)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->numbers[i] <= last)
            continue;
        sl_fail(err, SL_E_CLICKHOUSE, "ClickHouse has the migration %ld, which this sluice does not know",
                r->numbers[i]);
        sl_error_hint(err, "a newer sluice has used this database: use that one");
        return -(int)SL_E_CLICKHOUSE;
    }
    return 0;
}

static int ready_record(struct sl_clickhouse *ch, struct recorded *r, struct sl_error *err)
{
    int64_t there = 0;
    int rc = sl_clickhouse_int(
        ch, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'grid_migrations'", 0,
        &there, err);
    if (rc == -SL_E_CLICKHOUSE_DENIED) { /* perhaps there is no such database yet */
        struct sl_error first = *err, second = {0};
        sl_error_clear(err);
        rc = sl_clickhouse__make_database(ch, &second);
        if (rc < 0) {
            *err = first;
            return -(int)first.code;
        }
        there = 0;
    }
    if (rc == 0 && !there)
        rc = sl_clickhouse_exec(ch,
                                "CREATE TABLE IF NOT EXISTS grid_migrations (number UInt32, name String, sha256 String,"
                                " applied_at DateTime('UTC')) ENGINE = MergeTree ORDER BY number",
                                err);
    return rc < 0 ? rc
                  : sl_clickhouse_query(ch, "SELECT DISTINCT number, sha256 FROM grid_migrations ORDER BY number", keep,
                                        r, err);
}

int sl_clickhouse_migrate(struct sl_clickhouse *ch, int *applied, struct sl_error *err)
{
    struct sl_error own = {0};
    struct recorded *r = sl_xcalloc(1, sizeof *r);
    const char *at = (const char *)sl_clickhouse__schema;
    struct migration m;
    long last = 0;
    int n = 0;
    err = err ? err : &own;
    /* The file's head speaks of migrations too: they begin at the start of a line. */
    at = strstr(at, "\n-- migration 1 ");
    int rc = ready_record(ch, r, err);
    while (rc == 0 && at && next_migration(&at, &m)) {
        int is = was_applied(r, &m, err);
        last = m.number;
        rc = is < 0 ? is : is ? 0 : statements(ch, &m, err);
        rc = rc || is ? rc : record(ch, &m, err);
        n += rc == 0 && !is;
    }
    if (rc == 0)
        rc = check_newer(r, last, err);
    free(r);
    if (rc == 0 && applied)
        *applied = n;
    return rc;
}

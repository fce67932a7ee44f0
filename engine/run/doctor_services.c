/* SPDX-License-Identifier: Apache-2.0 */
/* Doctor: the services, whether they answer, what they are, and what we may do there. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/uuid7.h"
#include "grid/clickhouse.h"
#include "iceberg/catalog.h"
#include "iceberg/trino.h"
#include "run/doctor.h"
#include "run/engine.h"
#include "store/store.h"

#define FREE_LEAST_BYTES (INT64_C(1) << 30)
/* S3 refuses signatures that are older or younger than 15 minutes. */
#define SIGNATURE_SKEW_NS (INT64_C(900) * SL_NS_PER_S)
#define NOTABLE_SKEW_NS   (INT64_C(60) * SL_NS_PER_S)

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* ---- store ---- */

/* A second conditional put of the same key must be refused: that nothing in the lake is overwritten rests on it. */
static int check_put(struct sl_store *store, const char *bucket, const char *key, struct sl_error *err)
{
    const struct sl_put_options once = {.if_absent = true};
    SL_CLEANUP(sl_buf_free) struct sl_buf back;
    sl_buf_init(&back, 64);
    int rc = sl_store_put(store, bucket, key, "doctor", 6, &once, NULL, err);
    if (rc < 0) {
        sl_error_prefix(err, "put");
        return rc;
    }
    rc = sl_store_read(store, bucket, key, &back, NULL, err);
    if (rc == 0 && (back.len != 6 || memcmp(back.data, "doctor", 6) != 0))
        rc = sl_fail(err, SL_E_INTERNAL, "the store gave back other bytes than were put");
    if (rc < 0) {
        sl_error_prefix(err, "get");
        return rc;
    }
    rc = sl_store_put(store, bucket, key, "doctor", 6, &once, NULL, err);
    if (rc == -SL_E_STORE_PRECONDITION) {
        sl_error_clear(err);
        return 0;
    }
    if (rc < 0)
        return rc;
    sl_fail(err, SL_E_CONFIG_VALUE, "the store overwrites an object that a put may only make");
    sl_error_hint(err, "it needs conditional puts (If-None-Match): a MinIO or S3 of 2024 or later");
    return -SL_E_CONFIG_VALUE;
}

static void look_bucket(struct sl_doctor *d, struct sl_store *store, const char *bucket, bool keeps_all)
{
    char id[SL_UUID_TEXT_BYTES];
    struct sl_error error = {0}, removal = {0};
    bool exists = false;
    sl_uuid7(id);
    const char *key = sl_arena_printf(d->arena, SL_DOCTOR_PREFIX "%s", id);
    int rc = sl_store_bucket_exists(store, bucket, &exists, &error);
    if (rc == 0 && !exists) {
        sl_doctor_warn(d, "bucket", "sluice init makes it, where this account may", "%s is not there yet", bucket);
        return;
    }
    if (rc == 0)
        rc = check_put(store, bucket, key, &error);
    int removed = sl_store_remove(store, bucket, key, &removal);
    if (rc < 0) {
        sl_error_prefix(&error, "%s", bucket);
        sl_doctor_fail(d, "bucket", &error);
    } else if (removed < 0 && keeps_all) {
        sl_doctor_warn(d, "bucket", "right for evidence; the probe object stays", "%s: may put and get, not delete", bucket);
    } else if (removed < 0) {
        sl_error_prefix(&removal, "%s: delete", bucket);
        sl_doctor_fail(d, "bucket", &removal);
    } else {
        sl_doctor_ok(d, "bucket", "%s: put, get, conditional put, delete", bucket);
    }
}

static void tell_store(struct sl_doctor *d, struct sl_store *store, const struct sl_store_probe *p, int64_t asked_ns)
{
    char free_text[16] = "";
    const char *notify = sl_store_has(store, SL_STORE_NOTIFY) ? ", tells of new objects" : ", new objects are polled";
    const char *skew = p->clock_ns ? sl_arena_printf(d->arena, ", %s", sl_doctor_skew(d, p->clock_ns, asked_ns)) : "";
    const char *room = p->free_bytes >= 0
                           ? sl_arena_printf(d->arena, ", %s free",
                                             sl_text_bytes(free_text, sizeof free_text, p->free_bytes))
                           : "";
    const char *server = p->server[0] ? p->server : "unnamed server";
    int64_t off = p->clock_ns ? distance(p->clock_ns, asked_ns) : 0;
    if (off > SIGNATURE_SKEW_NS) {
        struct sl_error error = {0};
        sl_fail(&error, SL_E_CONFIG_VALUE, "%s, %s%s: signatures are refused beyond 15 minutes", store->ops->name, server,
                skew);
        sl_error_hint(&error, "set the clocks by NTP");
        sl_doctor_fail(d, "store", &error);
    } else if (off > NOTABLE_SKEW_NS) {
        sl_doctor_warn(d, "store", "set the clocks by NTP: beyond 15 minutes signatures are refused", "%s, %s%s%s%s",
                       store->ops->name, server, skew, notify, room);
    } else if (p->free_bytes >= 0 && p->free_bytes < FREE_LEAST_BYTES) {
        sl_doctor_warn(d, "store", "free some space: raw files and outputs are kept there", "%s, %s%s%s%s",
                       store->ops->name, server, skew, notify, room);
    } else {
        sl_doctor_ok(d, "store", "%s, %s%s%s%s", store->ops->name, server, skew, notify, room);
    }
}

void sl_doctor_store(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_store_probe probe = {.free_bytes = -1};
    const struct sl_config *c = d->config;
    SL_CLEANUP(sl_engine_closep) struct sl_engine *e = NULL;
    int rc = sl_engine_open(c, 0, &e, &error);
    if (rc == 0)
        rc = sl_engine_open_store(e, &e->store, &error);
    int64_t asked_ns = sl_clock_wall_ns();
    if (rc == 0)
        rc = sl_store_probe(e->store, &probe, &error);
    if (rc < 0) {
        sl_doctor_fail(d, "store", &error);
        return;
    }
    tell_store(d, e->store, &probe, asked_ns);
    look_bucket(d, e->store, c->landing_bucket, false);
    look_bucket(d, e->store, c->raw_bucket, true);
    look_bucket(d, e->store, c->lake_bucket, false);
}

/* ---- PostgreSQL ---- */

static int may(struct sl_pg *pg, const char *sql, const char *what, const char *hint, struct sl_error *err)
{
    int64_t yes = 0;
    int rc = sl_pg_query_int(pg, sql, 0, NULL, 0, &yes, err);
    if (rc || yes)
        return rc;
    rc = sl_fail(err, SL_E_POSTGRES_DENIED, "%s may not %s", sl_pg_name(pg), what);
    sl_error_hint(err, "%s", hint);
    return rc;
}

static int rights(const struct sl_engine *e, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    int rc = sl_pg_open(&e->compute_target, "sluice doctor", &pg, err);
    if (!rc)
        rc = may(pg, "SELECT (rolsuper OR rolcreaterole)::int FROM pg_roles WHERE rolname = current_user", "make roles",
                 "ALTER ROLE … CREATEROLE: SQL of recipes runs under a role of its own", err);
    if (!rc)
        rc = may(pg, "SELECT has_database_privilege(current_database(), 'CREATE')::int", "make schemas",
                 "GRANT CREATE ON DATABASE …: every run has a schema of its own", err);
    return rc;
}

void sl_doctor_postgres(struct sl_doctor *d)
{
    struct sl_error error = {0};
    SL_CLEANUP(sl_engine_closep) struct sl_engine *e = NULL;
    struct sl_compute_versions v = {0};
    int rc = sl_engine_open(d->config, SL_NEEDS_COMPUTE, &e, &error);
    if (!rc)
        rc = e->compute->ops->versions(e->compute, &v, &error);
    if (!rc && !v.postgis[0]) {
        rc = sl_fail(&error, SL_E_POSTGRES_DENIED, "the extension postgis is missing");
        sl_error_hint(&error, "CREATE EXTENSION postgis, as an account that may");
    }
    if (!rc)
        rc = rights(e, &error);
    if (rc)
        sl_doctor_fail(d, "postgres", &error);
    else
        sl_doctor_ok(d, "postgres", "%s, PostgreSQL %s, PostGIS %s, may make roles and schemas",
                     e->cluster.exists ? e->cluster.started_now ? "private cluster, started now" : "private cluster"
                                       : "server",
                     v.postgres, v.postgis);
}

/* ---- ledger and catalog ---- */

void sl_doctor_ledger(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_ledger_probe p = {0};
    SL_CLEANUP(sl_engine_closep) struct sl_engine *e = NULL;
    int64_t pending = 0, running = 0, due = 0;
    int rc = sl_engine_open(d->config, SL_NEEDS_LEDGER, &e, &error);
    int64_t asked_ns = sl_clock_wall_ns();
    if (!rc)
        rc = e->ledger->ops->probe(e->ledger, &p, &error);
    if (!rc)
        rc = e->ledger->ops->outstanding(e->ledger, &pending, &running, &due, &error);
    if (rc) {
        sl_doctor_fail(d, "ledger", &error);
        return;
    }
    const char *text = sl_arena_printf(
        d->arena, "%s, %s%s, %s%s, %lld pending, %lld running", e->ledger->ops->name, p.server ? p.server : "server",
        p.validators ? ", validates documents itself" : "", sl_doctor_skew(d, p.clock_ns, asked_ns),
        p.majority ? ", majority writes" : "", (long long)pending, (long long)running);
    if (p.clock_ns && distance(p.clock_ns, asked_ns) > NOTABLE_SKEW_NS)
        sl_doctor_warn(d, "ledger", "set the clocks by NTP: batches that wait come too early or too late", "%s", text);
    else
        sl_doctor_ok(d, "ledger", "%s", text);
}

void sl_doctor_catalog(struct sl_doctor *d)
{
    struct sl_error error = {0};
    SL_CLEANUP(sl_engine_closep) struct sl_engine *e = NULL;
    int rc = sl_engine_open(d->config, SL_NEEDS_CATALOG, &e, &error);
    if (rc)
        sl_doctor_fail(d, "catalog", &error);
    else
        sl_doctor_ok(d, "catalog", "every migration is applied");
}

/* ---- grids ---- */

static int keep_text(void *data, char *const *columns, size_t n, struct sl_error *err)
{
    (void)n, (void)err;
    sl_text_escape(data, 64, columns[0]);
    return 0;
}

void sl_doctor_clickhouse(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_clickhouse_target target;
    SL_CLEANUP(sl_clickhouse_closep) struct sl_clickhouse *ch = NULL;
    bool configured = false;
    char version[64] = "";
    int64_t fields = 0, rows = 0;
    int rc = sl_clickhouse_target(d->config, d->arena, &target, &configured, &error);
    if (!rc && !configured)
        return;
    if (!rc) {
        target.retries = 0;
        rc = sl_clickhouse_open(&target, &ch, &error);
    }
    if (!rc)
        rc = sl_clickhouse_migrate(ch, NULL, &error);
    if (!rc)
        rc = sl_clickhouse_query(ch, "SELECT version()", keep_text, version, &error);
    if (!rc)
        rc = sl_clickhouse_int(ch, "SELECT count() FROM grid_fields", 0, &fields, &error);
    if (!rc)
        rc = sl_clickhouse_int(ch, "SELECT sum(rows) FROM grid_fields", 0, &rows, &error);
    if (rc)
        sl_doctor_fail(d, "clickhouse", &error);
    else
        sl_doctor_ok(d, "clickhouse", "server %s, database %s, table grid_data: %lld fields, %lld rows", version, target.database,
                     (long long)fields, (long long)rows);
}

static int count_table(void *data, const char *table, struct sl_error *err)
{
    (void)table, (void)err;
    ++*(int64_t *)data;
    return 0;
}

void sl_doctor_iceberg(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_iceberg_target target;
    SL_CLEANUP(sl_iceberg_closep) struct sl_iceberg *catalog = NULL;
    bool configured = false;
    int64_t tables = 0;
    int rc = sl_iceberg_target(d->config, d->arena, &target, &configured, &error);
    if (!rc && !configured)
        return;
    if (!rc) {
        target.retries = 0;
        rc = sl_iceberg_open(&target, &catalog, &error);
    }
    if (!rc)
        rc = sl_iceberg_tables(catalog, count_table, &tables, &error);
    if (rc)
        sl_doctor_fail(d, "iceberg", &error);
    else
        sl_doctor_ok(d, "iceberg", "%s: %lld tables", target.name, (long long)tables);
}

static int keep_trino_version(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err)
{
    (void)result, (void)err;
    sl_text_escape(data, 64, json_object_get_string(json_object_array_get_idx(values, 0)));
    return 0;
}

void sl_doctor_trino(struct sl_doctor *d)
{
    struct sl_error error = {0};
    struct sl_trino_target target;
    SL_CLEANUP(sl_trino_closep) struct sl_trino *trino = NULL;
    bool configured = false;
    char version[64] = "";
    int rc = sl_trino_target(d->config, d->arena, &target, &configured, &error);
    if (!rc && !configured)
        return;
    if (!rc) {
        target.retries = 0;
        rc = sl_trino_open(&target, &trino, &error);
    }
    if (!rc)
        rc = sl_trino_run(trino, "SELECT node_version FROM system.runtime.nodes WHERE coordinator", SL_TRINO_REPEATABLE,
                          keep_trino_version, version, NULL, &error);
    if (rc)
        sl_doctor_fail(d, "trino", &error);
    else
        sl_doctor_ok(d, "trino", "%s, version %s, catalog %s", target.name, version, target.catalog);
}

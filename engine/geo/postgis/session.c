/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "geo/postgis/postgis_internal.h"

static int exec_sql(struct sl_pg *pg, const struct sl_sql *sql, struct sl_error *err)
{
    int rc = sl_sql_check(sql, err);
    return rc ? rc : sl_pg_exec(pg, sql->buf.data, err);
}

static void new_password(char out[SL_POSTGIS_PASSWORD_BYTES])
{
    unsigned char bytes[(SL_POSTGIS_PASSWORD_BYTES - 1) / 2];
    sl_clock_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int sl_postgis__drop(struct sl_pg *admin, const char *name, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int64_t roles = 0;
    /* What a killed run left behind may still be running and hold locks. */
    int rc = sl_pg_query(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", 1, &name,
                         NULL, err);
    if (rc == 0)
        rc = sl_pg_query_int(admin, "SELECT count(*) FROM pg_roles WHERE rolname = $1", 1, &name, 0, &roles, err);
    if (rc)
        return rc;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "DROP SCHEMA IF EXISTS ");
    sl_sql_ident(&sql, name);
    sl_sql_text(&sql, " CASCADE");
    if (roles > 0) {
        sl_sql_text(&sql, "; DROP OWNED BY ");
        sl_sql_ident(&sql, name);
        sl_sql_text(&sql, " CASCADE; DROP ROLE ");
        sl_sql_ident(&sql, name);
    }
    return exec_sql(admin, &sql, err);
}

static int make_role(struct sl_pg *admin, const struct sl_postgis_session *s, struct sl_error *err)
{
    /* The server gets the verifier, so that no log of statements has the password. */
    char *verifier = PQencryptPasswordConn(sl_pg_handle(admin), s->password, s->name, "scram-sha-256");
    if (!verifier)
        return sl_fail(err, SL_E_POSTGRES, "postgres: the run's password cannot be prepared");
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "CREATE ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT PASSWORD ");
    sl_sql_literal(&sql, verifier);
    PQfreemem(verifier);
    sl_sql_text(&sql, "; GRANT ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " TO CURRENT_USER; CREATE SCHEMA ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " AUTHORIZATION ");
    sl_sql_ident(&sql, s->name);
    return exec_sql(admin, &sql, err);
}

/* Time-out and search_path also hold for the connections that DuckDB opens. */
static int configure_role(struct sl_pg *admin, const struct sl_postgis_session *s, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    int rc = sl_pg_query(admin,
                         "SELECT n.nspname, current_database() FROM pg_extension e JOIN pg_namespace n "
                         "ON n.oid = e.extnamespace WHERE e.extname = 'postgis'",
                         0, NULL, &result, err);
    if (rc)
        return rc;
    if (PQntuples(result) != 1)
        return sl_fail(err, SL_E_POSTGRES, "postgres at %s has no extension postgis", sl_pg_name(admin));
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "GRANT CONNECT ON DATABASE ");
    sl_sql_ident(&sql, PQgetvalue(result, 0, 1));
    sl_sql_text(&sql, " TO ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, "; ALTER ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET search_path = ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, ", ");
    sl_sql_ident(&sql, PQgetvalue(result, 0, 0));
    sl_sql_text(&sql, "; ALTER ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET statement_timeout = ");
    sl_sql_int(&sql, s->postgis->options.statement_timeout_ms);
    return exec_sql(admin, &sql, err);
}

static int make(struct sl_pg *admin, const struct sl_postgis_session *s, struct sl_error *err)
{
    int rc = sl_postgis__drop(admin, s->name, err);
    if (rc == 0)
        rc = sl_pg_begin(admin, err);
    if (rc == 0)
        rc = make_role(admin, s, err);
    if (rc == 0)
        rc = configure_role(admin, s, err);
    if (rc == 0)
        rc = sl_pg_commit(admin, err);
    sl_pg_rollback(admin);
    if (rc == -(int)SL_E_POSTGRES_DENIED)
        sl_error_hint(err, "the role of compute.dsn needs CREATEROLE, and CREATE on the database");
    return rc;
}

int sl_postgis__reset(struct sl_postgis_session *s, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    /* Sorting and hashing get room; a plan on all cores is wanted for geometry, whose functions are dear. Results must
     * not hang on the server's own settings. */
    sl_sql_text(&sql, "RESET ALL; SET standard_conforming_strings = on; SET client_min_messages = warning; "
                      "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; "
                      "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET work_mem = '64MB'; "
                      "SET maintenance_work_mem = '128MB'; SET jit = off; SET statement_timeout = ");
    sl_sql_int(&sql, s->postgis->options.statement_timeout_ms);
    return exec_sql(s->pg, &sql, err);
}

/* ---- DuckDB beside it ------------------------------------------------------------------------------------------ */

static const char *conninfo(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (!strcmp(options->keyword, keyword))
            return options->val && *options->val ? options->val : NULL;
    return NULL;
}

static void add_secret(struct sl_sql *sql, const char *name, const char *value)
{
    if (!value)
        return;
    sl_sql_text(sql, ", ");
    sl_sql_text(sql, name);
    sl_sql_text(sql, " ");
    sl_sql_literal(sql, value);
}

/* libpq's key='value' with its own escapes. */
static void add_keyword(struct sl_buf *out, const char *keyword, const char *value)
{
    if (!value)
        return;
    sl_buf_printf(out, "%s%s='", out->len ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            sl_buf_putc(out, '\\');
        sl_buf_putc(out, *value);
    }
    sl_buf_putc(out, '\'');
}

/* Who and where as a secret of DuckDB's, which it never prints; how (TLS, time-outs) as a connection string. */
static int attach(struct sl_postgis_session *s, const PQconninfoOption *info, struct sl_error *err)
{
    static const char *const how[] = {"hostaddr",    "sslmode",         "sslrootcert",         "sslcert",
                                      "sslkey",      "sslcrl",          "connect_timeout",     "keepalives_idle",
                                      "keepalives_interval", "keepalives_count", "channel_binding", "gssencmode"};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    SL_CLEANUP(sl_buf_free) struct sl_buf keywords;
    sl_buf_init(&keywords, 1 << 16);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++)
        add_keyword(&keywords, how[i], conninfo(info, how[i]));
    add_keyword(&keywords, "application_name", "sluice");
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE SECRET sl_pg (TYPE postgres");
    add_secret(&sql, "HOST", conninfo(info, "host"));
    add_secret(&sql, "PORT", conninfo(info, "port"));
    add_secret(&sql, "DATABASE", conninfo(info, "dbname"));
    add_secret(&sql, "USER", s->name);
    add_secret(&sql, "PASSWORD", s->password);
    sl_sql_text(&sql, "); SET pg_use_ctid_scan = false; ATTACH ");
    sl_sql_literal(&sql, keywords.data);
    sl_sql_text(&sql, " AS " SL_POSTGIS_ATTACHED " (TYPE postgres, SECRET sl_pg, SCHEMA ");
    sl_sql_literal(&sql, s->name);
    sl_sql_text(&sql, ")");
    int rc = sl_buf_check(&keywords, "connection string", err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(s->duck, sql.buf.data, SL_E_POSTGRES_UNAVAILABLE, NULL, err);
    if (rc && err && strstr(err->message, s->password))
        rc = sl_fail(err, SL_E_POSTGRES_UNAVAILABLE, "duckdb cannot connect to postgres at %s", sl_pg_name(s->pg));
    return rc;
}

static int open_duck(struct sl_postgis_session *s, const char *scratch, struct sl_error *err)
{
    struct sl_duck_options options = s->postgis->options.duck;
    options.temp_dir = scratch;
    int rc = sl_duck_open(&options, &s->duck, err);
    if (rc == 0)
        rc = sl_duck_load(s->duck, "postgres_scanner", err);
    if (rc)
        return rc;
    PQconninfoOption *info = PQconninfo(sl_pg_handle(s->pg));
    if (!info)
        sl_oom();
    rc = attach(s, info, err);
    PQconninfoFree(info);
    return rc;
}

static int open_as_role(struct sl_postgis_session *s, struct sl_error *err)
{
    struct sl_pg_target target = s->postgis->options.target;
    target.user = s->name;
    target.password = s->password;
    int rc = sl_pg_open(&target, "sluice run", &s->pg, err);
    return rc ? rc : sl_postgis__reset(s, err);
}

int sl_postgis__begin(struct sl_compute *compute, const char *run_id, const char *scratch,
                      struct sl_compute_session **out, struct sl_error *err)
{
    const struct sl_postgis *p = (const struct sl_postgis *)(const void *)compute;
    SL_CLEANUP(sl_pg_closep) struct sl_pg *admin = NULL;
    struct sl_postgis_session *s = sl_xcalloc(1, sizeof *s);
    s->session.compute = compute;
    s->session.schema = s->name;
    s->postgis = p;
    new_password(s->password);
    int rc = 0;
    if (!sl_proc_schema(run_id, s->name, sizeof s->name))
        rc = sl_fail(err, SL_E_INTERNAL, "\"%s\" is not a run id", run_id);
    if (rc == 0)
        rc = sl_postgis__admin(p, &admin, err);
    if (rc == 0)
        rc = make(admin, s, err);
    bool made = rc == 0;
    if (rc == 0)
        rc = open_as_role(s, err);
    if (rc == 0)
        rc = open_duck(s, scratch, err);
    if (rc) {
        sl_postgis__end(&s->session, !made, NULL);
        return rc;
    }
    *out = &s->session;
    return 0;
}

int sl_postgis__end(struct sl_compute_session *session, bool keep, struct sl_error *err)
{
    if (!session)
        return 0;
    struct sl_postgis_session *s = sl_postgis__session(session);
    SL_CLEANUP(sl_pg_closep) struct sl_pg *admin = NULL;
    int rc = 0;
    sl_duck_close(s->duck);
    sl_pg_close(s->pg);
    if (!keep)
        rc = sl_postgis__admin(s->postgis, &admin, err);
    if (rc == 0 && !keep)
        rc = sl_postgis__drop(admin, s->name, err);
    explicit_bzero(s->password, sizeof s->password);
    free(s);
    return rc;
}

/* ---- what killed processes left --------------------------------------------------------------------------------- */

/* A role that may not write spatial_ref_sys has put nothing there either. */
static int drop_private_srids(struct sl_pg *admin, struct sl_error *err)
{
    int64_t may = 0;
    int rc = sl_pg_query_int(admin, "SELECT has_table_privilege('spatial_ref_sys', 'DELETE')::int", 0, NULL, 0, &may,
                             err);
    if (rc < 0 || !may)
        return rc;
    return sl_pg_query(admin,
                       "DELETE FROM spatial_ref_sys WHERE srid >= 900000 AND auth_name = 'sluice' AND NOT EXISTS "
                       "(SELECT FROM pg_namespace WHERE nspname LIKE 'proc\\_%')",
                       0, NULL, NULL, err);
}

/* Schemas of this database, and roles unless they own something in another: roles belong to the whole server. */
static const char find_left[] =
    "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'proc\\_%' UNION "
    "SELECT rolname FROM pg_roles r WHERE rolname LIKE 'proc\\_%' AND NOT EXISTS (SELECT FROM pg_shdepend d WHERE "
    "d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.dbid <> 0 AND d.dbid <> (SELECT oid FROM "
    "pg_database WHERE datname = current_database())) ORDER BY 1";

int sl_postgis__sweep(struct sl_compute *compute,
                      int (*orphan)(void *data, const char *run_id, struct sl_error *err), void *data, bool dry_run,
                      int64_t *dropped, struct sl_error *err)
{
    const struct sl_postgis *p = (const struct sl_postgis *)(const void *)compute;
    SL_CLEANUP(sl_pg_closep) struct sl_pg *admin = NULL;
    SL_CLEANUP(sl_pg_clearp) PGresult *names = NULL;
    int64_t n = 0;
    int rc = sl_postgis__admin(p, &admin, err);
    if (rc == 0)
        rc = sl_pg_query(admin, find_left, 0, NULL, &names, err);
    for (int i = 0; rc == 0 && i < PQntuples(names); i++) {
        char run_id[SL_PROC_NAME_BYTES];
        if (!sl_proc_run_id(PQgetvalue(names, i, 0), run_id, sizeof run_id))
            continue; /* somebody else's */
        int verdict = orphan(data, run_id, err);
        if (verdict < 0)
            return verdict;
        if (verdict > 0 && !dry_run)
            rc = sl_postgis__drop(admin, PQgetvalue(names, i, 0), err);
        if (rc == -(int)SL_E_POSTGRES_DENIED) {
            /* Made under another account: somebody else's too. */
            rc = 0;
            continue;
        }
        n += verdict > 0 && rc == 0;
    }
    if (rc == 0 && !dry_run)
        rc = drop_private_srids(admin, err);
    if (rc == 0)
        *dropped = n;
    return rc;
}

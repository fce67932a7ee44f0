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

/* One transaction of statements on roles and schemas. Those of other sessions change the same rows of the system's tables:
 * who comes second is told so, and begins again. */
static int exec_admin(struct sl_pg *admin, const struct sl_sql *sql, struct sl_error *err)
{
    enum { TRIES = 8, PAUSE_BASE_MS = 5, PAUSE_MAX_MS = 100 };
    int rc = exec_sql(admin, sql, err);
    for (int i = 1; rc == -(int)SL_E_POSTGRES_CONFLICT && i < TRIES; i++) {
        sl_clock_sleep_ns(sl_clock_backoff_ns(i, PAUSE_BASE_MS * SL_NS_PER_MS, PAUSE_MAX_MS * SL_NS_PER_MS));
        sl_error_clear(err);
        rc = exec_sql(admin, sql, err);
    }
    return rc;
}

static void new_password(char out[SL_POSTGIS_PASSWORD_BYTES])
{
    unsigned char bytes[(SL_POSTGIS_PASSWORD_BYTES - 1) / 2];
    sl_clock_random(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

enum { ROLES_MAX = 2 };

/* The role of that name, and the owner of the schema of that name when it is a run's role: they are the same unless
 * somebody else made one of them. */
static int roles_of(struct sl_pg *admin, const char *name, char roles[ROLES_MAX][SL_PROC_NAME_BYTES], int *n,
                    struct sl_error *err)
{
    SL_CLEANUP(sl_pg_clearp) PGresult *result = NULL;
    int rc = sl_pg_query(admin,
                         "SELECT rolname FROM pg_roles WHERE rolname = $1 OR rolname LIKE 'proc\\_%' AND oid = "
                         "(SELECT nspowner FROM pg_namespace WHERE nspname = $1)",
                         1, &name, &result, err);
    *n = rc == 0 && PQntuples(result) < ROLES_MAX ? PQntuples(result) : rc == 0 ? ROLES_MAX : 0;
    for (int i = 0; i < *n; i++)
        snprintf(roles[i], SL_PROC_NAME_BYTES, "%s", PQgetvalue(result, i, 0));
    return rc;
}

static int drop_what_is_there(struct sl_pg *admin, const char *name, int *n_roles, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    char roles[ROLES_MAX][SL_PROC_NAME_BYTES];
    int rc = roles_of(admin, name, roles, n_roles, err);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "DROP SCHEMA IF EXISTS ");
    sl_sql_ident(&sql, name);
    sl_sql_text(&sql, " CASCADE");
    for (int i = 0; rc == 0 && i < *n_roles; i++) {
        const char *role = roles[i];
        /* What a killed run left behind may still be running and hold locks. */
        rc = sl_pg_query(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", 1, &role,
                         NULL, err);
        sl_sql_text(&sql, "; DROP OWNED BY ");
        sl_sql_ident(&sql, role);
        sl_sql_text(&sql, " CASCADE; DROP ROLE ");
        sl_sql_ident(&sql, role);
    }
    return rc ? rc : exec_admin(admin, &sql, err);
}

/* Somebody else may drop the same at the same time (after a restart of the server everybody sweeps): a role that goes in
 * between is "does not exist", or words of the system's caches. */
int sl_postgis__drop(struct sl_pg *admin, const char *name, struct sl_error *err)
{
    enum { TRIES = 4 };
    char roles[ROLES_MAX][SL_PROC_NAME_BYTES];
    int before = 0, after = 0, rc = drop_what_is_there(admin, name, &before, err);
    for (int i = 1; rc == -(int)SL_E_POSTGRES && i < TRIES; i++) {
        if (roles_of(admin, name, roles, &after, NULL) < 0 || after >= before)
            return rc;
        sl_error_clear(err);
        rc = drop_what_is_there(admin, name, &before, err);
    }
    return rc;
}

static void create_schema(struct sl_sql *sql, const char *name)
{
    sl_sql_text(sql, "; CREATE SCHEMA ");
    sl_sql_ident(sql, name);
    sl_sql_text(sql, " AUTHORIZATION ");
    sl_sql_ident(sql, name);
}

static void grant_connect(struct sl_sql *sql, const struct sl_postgis *p, const char *name)
{
    sl_sql_text(sql, "; GRANT CONNECT ON DATABASE ");
    sl_sql_ident(sql, p->database);
    sl_sql_text(sql, " TO ");
    sl_sql_ident(sql, name);
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
    sl_sql_text(&sql, " TO CURRENT_USER");
    create_schema(&sql, s->name);
    grant_connect(&sql, s->postgis, s->name);
    /* These also hold for the connections that DuckDB opens, for as long as the role lives. */
    sl_sql_text(&sql, "; ALTER ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET search_path = ");
    sl_sql_ident(&sql, s->postgis->extension_schema);
    sl_sql_text(&sql, "; ALTER ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET statement_timeout = ");
    sl_sql_int(&sql, s->postgis->options.statement_timeout_ms);
    sl_sql_text(&sql, "; ALTER ROLE ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET work_mem = '64MB'; ALTER ROLE "); /* the rows are sorted on their way out */
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " SET jit = off");
    return exec_admin(admin, &sql, err);
}

static int make(struct sl_pg *admin, const struct sl_postgis_session *s, struct sl_error *err)
{
    int rc = sl_postgis__drop(admin, s->name, err);
    if (rc == 0)
        rc = make_role(admin, s, err); /* several statements at once are one transaction */
    if (rc == -(int)SL_E_POSTGRES_DENIED)
        sl_error_hint(err, "the role of compute.dsn needs CREATEROLE, and CREATE on the database");
    return rc;
}

const char *sl_postgis__create(const struct sl_postgis_session *s)
{
    return s->small ? "CREATE TABLE " : "CREATE UNLOGGED TABLE ";
}

int sl_postgis__reset(struct sl_postgis_session *s, struct sl_error *err)
{
    if (!s->touched)
        return 0;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    /* Sorting and hashing get room; a plan on all cores is wanted for geometry, whose functions are dear. Results must
     * not hang on the server's own settings. */
    sl_sql_text(&sql, "RESET ALL; SET standard_conforming_strings = on; SET client_min_messages = warning; "
                      "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; "
                      "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET work_mem = '64MB'; "
                      "SET maintenance_work_mem = '128MB'; SET jit = off; SET synchronous_commit = off; "
                      "SET statement_timeout = ");
    sl_sql_int(&sql, s->postgis->options.statement_timeout_ms);
    sl_sql_text(&sql, "; SET search_path = ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, ", ");
    sl_sql_ident(&sql, s->postgis->extension_schema);
    int rc = exec_sql(s->pg, &sql, err);
    s->touched = rc != 0;
    return rc;
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
                                      "keepalives_interval", "keepalives_count", "tcp_user_timeout", "channel_binding", "gssencmode"};
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
    sl_sql_text(&sql, " AS " SL_POSTGIS_ATTACHED " (TYPE postgres, SECRET sl_pg, READ_ONLY)");
    int rc = sl_buf_check(&keywords, "connection string", err);
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(s->duck, sql.buf.data, SL_E_POSTGRES_UNAVAILABLE, NULL, err);
    if (rc && err && strstr(err->message, s->password))
        rc = sl_fail(err, SL_E_POSTGRES_UNAVAILABLE, "duckdb cannot connect to postgres at %s", sl_pg_name(s->pg));
    return rc;
}

enum { DEFAULT_MEMORY_BYTES = 400 << 20 };

static void *open_duck(void *data)
{
    struct sl_postgis__opening *o = data;
    struct sl_postgis_session *s = o->session;
    o->rc = sl_duck_open(&o->options, &s->duck, &o->why);
    if (o->rc == 0)
        o->rc = sl_duck_load(s->duck, "postgres_scanner", &o->why);
    if (o->rc == 0) /* it waits for the server's sort, which wants the cores */
        o->rc = sl_duck_leave_to_threads(s->duck, &o->why);
    if (o->rc == 0)
        o->rc = attach(s, o->info, &o->why);
    return NULL;
}

static void begin_opening(struct sl_postgis_session *s, const char *scratch)
{
    struct sl_postgis__opening *o = &s->opening;
    o->session = s;
    o->options = s->postgis->options.duck;
    /* The other half is for what DuckDB does not count: a writer's row groups, libpq's buffers, programs' pages. */
    o->options.memory_bytes = (o->options.memory_bytes > 0 ? o->options.memory_bytes : (int64_t)DEFAULT_MEMORY_BYTES) / 2;
    o->options.temp_dir = o->scratch = sl_xstrdup(scratch);
    o->info = PQconninfo(sl_pg_handle(s->pg));
    if (!o->info)
        sl_oom();
    o->under_way = true;
    o->threaded = pthread_create(&o->thread, NULL, open_duck, o) == 0;
    if (!o->threaded)
        open_duck(o);
}

static void end_opening(struct sl_postgis_session *s)
{
    struct sl_postgis__opening *o = &s->opening;
    if (!o->under_way)
        return;
    if (o->threaded)
        pthread_join(o->thread, NULL);
    PQconninfoFree(o->info);
    free(o->scratch);
    o->under_way = false;
}

int sl_postgis__duck(struct sl_postgis_session *s, struct sl_duck **out, struct sl_error *err)
{
    end_opening(s);
    if (s->opening.rc) {
        if (err)
            *err = s->opening.why;
        return s->opening.rc;
    }
    *out = s->duck;
    return 0;
}

static int open_as_role(struct sl_postgis_session *s, struct sl_error *err)
{
    struct sl_pg_target target = s->postgis->options.target;
    target.user = s->name;
    target.password = s->password;
    int rc = sl_pg_open(&target, "sluice run", &s->pg, err);
    s->touched = true;
    return rc ? rc : sl_postgis__reset(s, err);
}

/* ---- the session of the last run, for the next ------------------------------------------------------------------ */

static int spill_into(struct sl_postgis_session *s, const char *folder, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_duck *duck = NULL;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SET temp_directory = ");
    sl_sql_literal(&sql, folder);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_postgis__duck(s, &duck, err);
    return rc ? rc : sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

/* The role gets the run's name and its schema; what it was connected by stays. */
static int take_up(struct sl_postgis_session *s, const char *name, const char *scratch, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_pg *admin = NULL;
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    int rc = sl_pg_still_there(s->pg) ? sl_postgis__admin(s->postgis, &admin, err) : -(int)SL_E_POSTGRES_UNAVAILABLE;
    if (rc)
        return rc;
    if (strcmp(s->name, name) != 0) {
        sl_sql_text(&sql, "ALTER ROLE ");
        sl_sql_ident(&sql, s->name);
        sl_sql_text(&sql, " RENAME TO ");
        sl_sql_ident(&sql, name);
    }
    create_schema(&sql, name);
    rc = exec_admin(admin, &sql, err);
    if (rc)
        return rc;
    snprintf(s->name, sizeof s->name, "%s", name);
    s->touched = true;
    s->small = false;
    rc = sl_postgis__reset(s, err);
    return rc ? rc : spill_into(s, scratch, err);
}

/* Whatever a recipe's SQL may have left - settings, temporary tables, prepared statements, locks, large objects, what it
 * listens to - goes. A DuckDB that had to spill cannot be given another folder: that session ends. */
static int clear(struct sl_postgis_session *s, struct sl_pg *admin, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int rc = spill_into(s, "", err);
    if (rc == 0)
        rc = sl_pg_exec(s->pg, "DISCARD ALL", err);
    sl_sql_init(&sql, SL_DIALECT_POSTGIS);
    sl_sql_text(&sql, "DROP OWNED BY ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, " CASCADE");
    grant_connect(&sql, s->postgis, s->name);
    return rc ? rc : exec_admin(admin, &sql, err);
}

static void close_session(struct sl_postgis_session *s)
{
    end_opening(s);
    sl_duck_close(s->duck);
    sl_pg_close(s->pg);
    explicit_bzero(s->password, sizeof s->password);
    free(s);
}

void sl_postgis__discard(struct sl_postgis_session *s)
{
    struct sl_pg *admin = NULL;
    if (!s)
        return;
    struct sl_postgis *p = s->postgis;
    char name[SL_PROC_NAME_BYTES];
    memcpy(name, s->name, sizeof name);
    close_session(s);
    if (sl_postgis__admin(p, &admin, NULL) == 0)
        sl_postgis__drop(admin, name, NULL); /* else sweep finds it */
}

static struct sl_postgis_session *take_idle(struct sl_postgis *p, const char *name, const char *scratch)
{
    struct sl_postgis_session *s = p->idle;
    struct sl_error ignored = {0};
    p->idle = NULL;
    if (!s || take_up(s, name, scratch, &ignored) == 0)
        return s;
    sl_postgis__discard(s);
    return NULL;
}

/* ---- begin and end ---------------------------------------------------------------------------------------------- */

static int open_session(struct sl_postgis *p, const char *name, const char *scratch, struct sl_postgis_session **out,
                        struct sl_error *err)
{
    struct sl_pg *admin = NULL;
    struct sl_postgis_session *s = sl_xcalloc(1, sizeof *s);
    s->session.compute = &p->compute;
    s->session.schema = s->name;
    s->postgis = p;
    snprintf(s->name, sizeof s->name, "%s", name);
    new_password(s->password);
    int rc = sl_postgis__admin(p, &admin, err);
    if (rc == 0)
        rc = make(admin, s, err);
    bool made = rc == 0;
    if (rc == 0)
        rc = open_as_role(s, err);
    if (rc == 0)
        begin_opening(s, scratch);
    if (rc && made)
        sl_postgis__discard(s);
    else if (rc)
        close_session(s);
    else
        *out = s;
    return rc;
}

int sl_postgis__begin(struct sl_compute *compute, const char *run_id, const char *scratch,
                      struct sl_compute_session **out, struct sl_error *err)
{
    struct sl_postgis *p = (struct sl_postgis *)(void *)compute;
    char name[SL_PROC_NAME_BYTES];
    if (!sl_proc_schema(run_id, name, sizeof name))
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is not a run id", run_id);
    struct sl_postgis_session *s = take_idle(p, name, scratch);
    int rc = s ? 0 : open_session(p, name, scratch, &s, err);
    if (rc == 0)
        *out = &s->session;
    return rc;
}

int sl_postgis__end(struct sl_compute_session *session, bool keep, struct sl_error *err)
{
    if (!session)
        return 0;
    struct sl_postgis_session *s = sl_postgis__session(session);
    struct sl_postgis *p = s->postgis;
    struct sl_pg *admin = NULL;
    struct sl_error why = {0};
    char name[SL_PROC_NAME_BYTES];
    if (keep) {
        close_session(s);
        return 0;
    }
    if (!p->idle && sl_pg_still_there(s->pg) && sl_postgis__admin(p, &admin, &why) == 0 && clear(s, admin, &why) == 0) {
        p->idle = s;
        return 0;
    }
    memcpy(name, s->name, sizeof name);
    close_session(s);
    int rc = sl_postgis__admin(p, &admin, err);
    return rc ? rc : sl_postgis__drop(admin, name, err);
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

/* Schemas of this database, and roles unless they own something in another: roles belong to the whole server. The second
 * column tells whether this account has their owner's rights, without which neither can be dropped. */
static const char find_left[] =
    "SELECT name, bool_and(may) FROM (SELECT nspname AS name, pg_has_role(nspowner, 'USAGE') AS may FROM pg_namespace "
    "WHERE nspname LIKE 'proc\\_%' UNION ALL "
    "SELECT rolname, pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE rolname LIKE 'proc\\_%' AND NOT EXISTS (SELECT FROM "
    "pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.dbid <> 0 AND d.dbid <> "
    "(SELECT oid FROM pg_database WHERE datname = current_database()))) AS found GROUP BY name ORDER BY name";

int sl_postgis__sweep(struct sl_compute *compute,
                      int (*orphan)(void *data, const char *run_id, struct sl_error *err), void *data, bool dry_run,
                      int64_t *dropped, int64_t *foreign, struct sl_error *err)
{
    struct sl_postgis *p = (struct sl_postgis *)(void *)compute;
    struct sl_pg *admin = NULL;
    SL_CLEANUP(sl_pg_clearp) PGresult *names = NULL;
    int64_t n = 0, n_foreign = 0;
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
        bool mine = PQgetvalue(names, i, 1)[0] == 't';
        if (verdict > 0 && mine && !dry_run)
            rc = sl_postgis__drop(admin, PQgetvalue(names, i, 0), err);
        if (rc == -(int)SL_E_POSTGRES_DENIED) {
            rc = 0;
            mine = false;
        }
        n_foreign += verdict > 0 && !mine;
        n += verdict > 0 && mine && rc == 0;
    }
    if (rc == 0 && !dry_run)
        rc = drop_private_srids(admin, err);
    if (rc == 0)
        *dropped = n;
    if (rc == 0 && foreign)
        *foreign = n_foreign;
    return rc;
}

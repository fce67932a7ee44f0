/* SPDX-License-Identifier: Apache-2.0 */
#include "pg/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "pg/cluster_internal.h"
#include "pg/pg_internal.h"

enum {
    LOCK_TIMEOUT_S = 120,
    PROGRAM_TIMEOUT_MS = 120000,
    OUTPUT_BYTES = 16384,
    START_ATTEMPTS = 20,
    START_PAUSE_MS = 250,
    MAX_GATHERERS = 8
};

#define SUPERUSER "sluice"

/* Written anew at every start, so that it follows the engine and the place of the home; what people set by ALTER SYSTEM
 * wins. minimal and no senders: a table that is made and filled in one transaction skips the log. */
static const char settings[] = "# Written by sluice at every start. To change a setting use ALTER SYSTEM.\n"
                               "listen_addresses = ''\n"
                               "port = 5432\n"
                               "unix_socket_permissions = 0700\n"
                               "max_connections = 100\n"
                               "shared_buffers = 256MB\n"
                               "work_mem = 64MB\n"
                               "maintenance_work_mem = 256MB\n"
                               "max_worker_processes = 16\n"
                               "max_parallel_workers = 8\n"
                               "jit = off\n"
                               "fsync = on\n"
                               "synchronous_commit = on\n"
                               "wal_level = minimal\n"
                               "max_wal_senders = 0\n"
                               "max_wal_size = 2GB\n"
                               "checkpoint_completion_target = 0.9\n"
                               "timezone = 'UTC'\n"
                               "logging_collector = on\n"
                               "log_directory = 'log'\n"
                               "log_filename = 'postgresql-%a.log'\n"
                               "log_rotation_age = 1d\n"
                               "log_rotation_size = 0\n"
                               "log_truncate_on_rotation = on\n"
                               "log_line_prefix = '%m [%p] %a '\n"
                               "log_timezone = 'UTC'\n";

static const char *database_of(const struct sl_cluster_options *options)
{
    return options->database && options->database[0] ? options->database : "sluice";
}

/* ---- the lock: one process at a time makes, starts or stops ---- */

static void unlock(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int lock(const struct sl_cluster__layout *l, int *out, struct sl_error *err)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/postgres.lock", l->home);
    SL_CLEANUP(unlock) int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open %s", path);
    int64_t until = sl_clock_mono_ns() + LOCK_TIMEOUT_S * SL_NS_PER_S;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sl_fail_errno(err, errno, "cannot lock %s", path);
        if (sl_clock_mono_ns() > until)
            return sl_fail(err, SL_E_POSTGRES_UNAVAILABLE, "another process has been starting the private cluster of "
                           "%s for %d s", l->home, LOCK_TIMEOUT_S);
        sl_clock_sleep_ns(20 * SL_NS_PER_MS);
    }
    *out = fd;
    fd = -1;
    return 0;
}

/* ---- PostgreSQL's programs ---- */

static int run_program(const struct sl_cluster__layout *l, const char *const *argv, struct sl_buf *output,
                       int *exit_code, struct sl_error *err)
{
    static const char *const env[] = {"LC_ALL=C", "LANG=C", "PGDATA=", NULL};
    struct sl_process_options run = {.argv = argv, .env_add = env, .chdir = "/", .stdin_fd = -1, .stdout_fd = -1,
                                     .stderr_fd = -1, .keep_fd = -1, .set_user = l->set_user, .uid = l->uid,
                                     .gid = l->gid};
    struct sl_process_result result;
    int rc = sl_process_run(&run, PROGRAM_TIMEOUT_MS, output, output, &result, err);
    if (rc < 0)
        return rc;
    *exit_code = result.exit_code;
    return 0;
}

/* The last line that says something, for an error's message. */
static const char *last_line(char *text)
{
    size_t len = strlen(text);
    while (len && strchr("\n\r \t", text[len - 1]))
        text[--len] = '\0';
    char *line = strrchr(text, '\n');
    return len ? (line ? line + 1 : text) : "no message";
}

static const char *telling_line(char *text)
{
    char *fatal = strstr(text, "FATAL:");
    if (!fatal)
        return last_line(text);
    fatal[strcspn(fatal, "\n")] = '\0';
    return fatal + strlen("FATAL:") + strspn(fatal + strlen("FATAL:"), " ");
}

static int find_version(const struct sl_cluster__layout *l, char *out, size_t bytes, struct sl_error *err)
{
    char program[SL_CLUSTER_PATH_BYTES + 16];
    snprintf(program, sizeof program, "%s/postgres", l->bin_dir);
    const char *const argv[] = {program, "--version", NULL};
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, OUTPUT_BYTES);
    int code = 0, rc = run_program(l, argv, &text, &code, err);
    if (rc < 0)
        return rc;
    const char *version = strstr(text.data, ") ");
    if (code || !version)
        return sl_fail(err, SL_E_POSTGRES, "%s --version says \"%s\"", program, last_line(text.data));
    version += 2;
    snprintf(out, bytes, "%.*s", (int)strcspn(version, " \n"), version);
    return 0;
}

/* ---- looking ---- */

static void target_of(const struct sl_cluster__layout *l, const char *database, struct sl_pg_target *out)
{
    *out = (struct sl_pg_target){.host = l->socket_dir, .port = SL_PG_DEFAULT_PORT, .database = database,
                                 .user = SUPERUSER};
}

static int read_pid(const struct sl_cluster__layout *l)
{
    char path[SL_CLUSTER_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/postmaster.pid", l->data);
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 4096);
    if (sl_file_read(path, &text, NULL) < 0)
        return 0;
    long pid = strtol(text.data, NULL, 10);
    return pid > 1 && pid < INT_MAX ? (int)pid : 0;
}

static bool answers(const struct sl_cluster__layout *l)
{
    const char *const names[] = {"host", "port", "dbname", "user", "connect_timeout", NULL};
    const char *const values[] = {l->socket_dir, "5432", "postgres", SUPERUSER, "5", NULL};
    return PQpingParams(names, values, 0) == PQPING_OK;
}

static void describe(const struct sl_cluster__layout *l, struct sl_cluster_status *status)
{
    snprintf(status->data_dir, sizeof status->data_dir, "%s", l->data);
    snprintf(status->socket_dir, sizeof status->socket_dir, "%s", l->socket_dir);
    status->exists = sl_path_exists(l->data);
    status->running = status->exists && answers(l);
    status->pid = status->running ? read_pid(l) : 0;
}

int sl_cluster_look(const struct sl_cluster_options *options, struct sl_cluster_status *status, struct sl_error *err)
{
    struct sl_cluster__layout l;
    struct sl_cluster_status s = {0};
    int rc = sl_cluster__locate(options, &l, err);
    if (rc < 0 || (rc = find_version(&l, s.version, sizeof s.version, err)) < 0)
        return rc;
    describe(&l, &s);
    *status = s;
    return 0;
}

int sl_cluster_target(const struct sl_cluster_options *options, struct sl_arena *arena, struct sl_pg_target *out,
                      struct sl_error *err)
{
    struct sl_cluster__layout l;
    int rc = sl_cluster__locate(options, &l, err);
    if (rc < 0)
        return rc;
    target_of(&l, sl_arena_strdup(arena, database_of(options)), out);
    out->host = sl_arena_strdup(arena, l.socket_dir);
    return 0;
}

/* ---- making ---- */

static int write_settings(const struct sl_cluster__layout *l, const char *data, struct sl_error *err)
{
    char path[SL_CLUSTER_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s/sluice.conf", data);
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, sizeof settings + 64 + 4 * SL_CLUSTER_PATH_BYTES);
    sl_buf_puts(&text, settings);
    /* More than cores is waste: each process loads PostGIS and opens PROJ's database for itself. */
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    sl_buf_printf(&text, "max_parallel_workers_per_gather = %ld\n", cores < 1 ? 1 : cores > MAX_GATHERERS ? MAX_GATHERERS : cores);
    /* A list of folders inside of a string: quoted twice. */
    sl_buf_puts(&text, "unix_socket_directories = '\"");
    for (const char *s = l->socket_dir; *s; s++) {
        if (*s == '\'' || *s == '"' || *s == '\\')
            sl_buf_putc(&text, *s);
        sl_buf_putc(&text, *s);
    }
    sl_buf_puts(&text, "\"'\n");
    int rc = sl_buf_check(&text, "the cluster's settings", err);
    if (rc < 0 || (rc = sl_file_write_durable(path, text.data, text.len, 0600, err)) < 0)
        return rc;
    if (l->set_user && lchown(path, l->uid, l->gid) < 0)
        return sl_fail_errno(err, errno, "cannot give %s to %s", path, l->user);
    return 0;
}

static int append_include(const char *data, struct sl_error *err)
{
    static const char line[] = "\ninclude_if_exists = 'sluice.conf'\n";
    char path[SL_CLUSTER_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/postgresql.conf", data);
    int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot open %s", path);
    int rc = sl_file_write_all(fd, line, sizeof line - 1, err);
    if (rc == 0 && fsync(fd) < 0)
        rc = sl_fail_errno(err, errno, "cannot write %s", path);
    close(fd);
    return rc;
}

/* initdb into a folder of another name: what a killed one leaves is never taken for a cluster. "trust" is safe because
 * nobody but the owner (and root) can enter the socket folder, and there is no TCP port. */
static int make_data(const struct sl_cluster__layout *l, struct sl_error *err)
{
    char program[SL_CLUSTER_PATH_BYTES + 16], fresh[SL_CLUSTER_PATH_BYTES + 8];
    snprintf(program, sizeof program, "%s/initdb", l->bin_dir);
    snprintf(fresh, sizeof fresh, "%s.new", l->data);
    int code = 0, rc = sl_dir_remove(fresh, err);
    if (rc < 0)
        return rc;
    const char *const argv[] = {program, "-D", fresh, "-A", "trust", "-U", SUPERUSER, "--no-locale", "-E", "UTF8",
                                NULL};
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, OUTPUT_BYTES);
    rc = run_program(l, argv, &text, &code, err);
    if (rc < 0)
        return rc;
    if (code)
        return sl_fail(err, strstr(text.data, "No space left") ? SL_E_DISK_FULL : SL_E_POSTGRES,
                       "initdb in %s failed: %s", fresh, last_line(text.data));
    if ((rc = append_include(fresh, err)) < 0 || (rc = write_settings(l, fresh, err)) < 0)
        return rc;
    if (rename(fresh, l->data) < 0)
        return sl_fail_errno(err, errno, "cannot rename %s", fresh);
    return sl_dir_fsync(l->folder, err);
}

/* ---- starting ---- */

static int run_pg_ctl(const struct sl_cluster__layout *l, const char *const *verb, int *code, struct sl_buf *text,
                      struct sl_error *err)
{
    char program[SL_CLUSTER_PATH_BYTES + 16];
    snprintf(program, sizeof program, "%s/pg_ctl", l->bin_dir);
    /* -l: the postmaster writes to a file, and keeps no descriptor of ours. pg_ctl gives it a session of its own. */
    const char *argv[16] = {program, "-D", l->data, "-l", l->start_log, "-w", "-t", "100"};
    size_t n = 8;
    for (; *verb && n < 15; verb++)
        argv[n++] = *verb;
    return run_program(l, argv, text, code, err);
}

/* What a postmaster that was killed leaves behind goes away by itself: its children notice, within a second. */
static bool passes(const char *text)
{
    return strstr(text, "pre-existing shared memory block") || strstr(text, "is another postmaster") ||
           strstr(text, "Is another postmaster");
}

static int launch(const struct sl_cluster__layout *l, struct sl_error *err)
{
    static const char *const start[] = {"start", NULL};
    SL_CLEANUP(sl_buf_free) struct sl_buf text, log;
    sl_buf_init(&text, OUTPUT_BYTES);
    sl_buf_init(&log, 8 * OUTPUT_BYTES);
    for (int attempt = 1;; attempt++) {
        int code = 0;
        sl_buf_clear(&text);
        sl_buf_clear(&log);
        unlink(l->start_log);
        int rc = run_pg_ctl(l, start, &code, &text, err);
        if (rc < 0)
            return rc;
        if (code == 0)
            return 0;
        if (sl_file_read(l->start_log, &log, NULL) < 0)
            sl_buf_puts(&log, text.data);
        if (attempt >= START_ATTEMPTS || !passes(log.data)) {
            rc = sl_fail(err, strstr(log.data, "No space left") ? SL_E_DISK_FULL : SL_E_POSTGRES_UNAVAILABLE,
                         "the private PostgreSQL cluster does not start: %s", telling_line(log.data));
            sl_error_hint(err, "its log: %s/log and %s", l->data, l->start_log);
            return rc;
        }
        sl_clock_sleep_ns(START_PAUSE_MS * SL_NS_PER_MS);
    }
}

static int make_database(const struct sl_cluster__layout *l, const char *database, bool *made, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    SL_CLEANUP(sl_buf_free) struct sl_buf sql;
    sl_buf_init(&sql, 1024);
    struct sl_pg_target target;
    target_of(l, "postgres", &target);
    int64_t found = 0;
    int rc = sl_pg_open(&target, "sluice cluster", &pg, err);
    if (rc < 0)
        return rc;
    rc = sl_pg_query_int(pg, "SELECT 1 FROM pg_database WHERE datname = $1", 1, &database, 0, &found, err);
    if (rc < 0 || found)
        return rc;
    sl_buf_puts(&sql, "CREATE DATABASE ");
    sl_pg_ident(&sql, database);
    if ((rc = sl_buf_check(&sql, "the database's name", err)) < 0 || (rc = sl_pg_exec(pg, sql.data, err)) < 0)
        return rc;
    *made = true;
    return 0;
}

static int make_extension(const struct sl_cluster__layout *l, const char *database, struct sl_error *err)
{
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    struct sl_pg_target target;
    target_of(l, database, &target);
    int rc = sl_pg_open(&target, "sluice cluster", &pg, err);
    if (rc < 0)
        return rc;
    rc = sl_pg_exec(pg, "CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public", err);
    if (rc < 0 && !strcmp(sl_pg_sqlstate(pg), "0A000"))
        sl_error_hint(err, "install PostGIS for this PostgreSQL (Debian: postgresql-postgis)");
    return rc;
}

/* All there and answering: no lock, one connection. */
static bool complete(const struct sl_cluster__layout *l, const char *database)
{
    SL_CLEANUP(sl_pg_closep) struct sl_pg *pg = NULL;
    struct sl_pg_target target;
    target_of(l, database, &target);
    int64_t found = 0;
    return sl_pg_open(&target, "sluice cluster", &pg, NULL) == 0 &&
           sl_pg_query_int(pg, "SELECT 1 FROM pg_extension WHERE extname = 'postgis'", 0, NULL, 0, &found, NULL) == 0 &&
           found == 1;
}

static int start_locked(const struct sl_cluster__layout *l, const char *database, struct sl_cluster_status *status,
                        struct sl_error *err)
{
    int rc = sl_cluster__make_folders(l, err);
    if (rc < 0)
        return rc;
    if (!sl_path_exists(l->data)) {
        if ((rc = make_data(l, err)) < 0)
            return rc;
        status->made_now = true;
    }
    if (!answers(l)) {
        if ((rc = write_settings(l, l->data, err)) < 0 || (rc = launch(l, err)) < 0)
            return rc;
        status->started_now = true;
    }
    if ((rc = make_database(l, database, &status->made_now, err)) < 0)
        return rc;
    return make_extension(l, database, err);
}

int sl_cluster_start(const struct sl_cluster_options *options, struct sl_cluster_status *status, struct sl_error *err)
{
    struct sl_cluster__layout l;
    struct sl_cluster_status s = {0};
    SL_CLEANUP(unlock) int fd = -1;
    int rc = sl_cluster__locate(options, &l, err);
    if (rc < 0 || (rc = find_version(&l, s.version, sizeof s.version, err)) < 0)
        return rc;
    if (!complete(&l, database_of(options))) {
        if ((rc = lock(&l, &fd, err)) < 0)
            return rc;
        /* Whoever held the lock before may have chosen the place. */
        if ((rc = sl_cluster__locate(options, &l, err)) < 0 ||
            (rc = start_locked(&l, database_of(options), &s, err)) < 0)
            return rc;
    }
    describe(&l, &s);
    *status = s;
    return 0;
}

int sl_cluster_stop(const struct sl_cluster_options *options, bool fast, struct sl_cluster_status *status,
                    struct sl_error *err)
{
    struct sl_cluster__layout l;
    struct sl_cluster_status s = {0};
    SL_CLEANUP(unlock) int fd = -1;
    int rc = sl_cluster__locate(options, &l, err);
    if (rc < 0 || (rc = find_version(&l, s.version, sizeof s.version, err)) < 0 || (rc = lock(&l, &fd, err)) < 0)
        return rc;
    if (read_pid(&l)) {
        const char *const stop[] = {"stop", "-m", fast ? "fast" : "smart", NULL};
        SL_CLEANUP(sl_buf_free) struct sl_buf text;
        sl_buf_init(&text, OUTPUT_BYTES);
        int code = 0;
        if ((rc = run_pg_ctl(&l, stop, &code, &text, err)) < 0)
            return rc;
        if (code && answers(&l))
            return sl_fail(err, SL_E_POSTGRES, "the private PostgreSQL cluster does not stop: %s",
                           last_line(text.data));
    }
    describe(&l, &s);
    *status = s;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "geo/duckdb/compute_internal.h"
#include "geo/duckdb/functions.h"

/* ---- the time-out ---------------------------------------------------------------------------------------------- */

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / SL_NS_PER_S, .tv_nsec = ns % SL_NS_PER_S};
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SL_NS_PER_S + now.tv_nsec;
}

/* DuckDB forgets an interrupt that comes between two of its statements, hence again and again until it is over. */
static void *watching(void *data)
{
    struct sl_duckdb__watch *w = data;
    const int64_t again_ns = 100 * SL_NS_PER_MS;
    pthread_mutex_lock(&w->mutex);
    while (!w->over) {
        if (w->deadline_ns == 0) {
            pthread_cond_wait(&w->changed, &w->mutex);
            continue;
        }
        struct timespec until = timespec_of(w->deadline_ns);
        if (pthread_cond_timedwait(&w->changed, &w->mutex, &until) != ETIMEDOUT || w->deadline_ns == 0 ||
            now_ns() < w->deadline_ns)
            continue;
        w->fired = true;
        w->deadline_ns = now_ns() + again_ns;
        sl_duck_interrupt(w->duck);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static int start_watch(struct sl_duckdb__watch *w, struct sl_duck *duck, struct sl_error *err)
{
    pthread_condattr_t attributes;
    w->duck = duck;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int rc = pthread_create(&w->thread, NULL, watching, w);
    if (rc) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->mutex);
        return sl_fail(err, SL_E_MEMORY, "no thread can be started: %s", strerror(rc));
    }
    w->started = true;
    return 0;
}

static void stop_watch(struct sl_duckdb__watch *w)
{
    if (!w->started)
        return;
    pthread_mutex_lock(&w->mutex);
    w->over = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
}

static void set_deadline(struct sl_duckdb__watch *w, int64_t deadline_ns)
{
    pthread_mutex_lock(&w->mutex);
    w->deadline_ns = deadline_ns;
    if (deadline_ns)
        w->fired = false;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void sl_duckdb__watch(struct sl_duckdb_session *s)
{
    set_deadline(&s->watch, now_ns() + s->duckdb->options.statement_timeout_ms * SL_NS_PER_MS);
}

int sl_duckdb__unwatch(struct sl_duckdb_session *s, int rc, struct sl_error *err)
{
    char limit[32];
    set_deadline(&s->watch, 0);
    if (rc == 0 || !s->watch.fired)
        return rc;
    sl_text_duration(limit, sizeof limit, s->duckdb->options.statement_timeout_ms * SL_NS_PER_MS);
    return sl_fail(err, SL_E_STEP_TIMEOUT, "duckdb: the statement took longer than %s", limit);
}

enum { DEFAULT_MEMORY_BYTES = 400 << 20 };

/* ---- the session ----------------------------------------------------------------------------------------------- */

static const char *const endings[] = {"", ".wal", ".tmp"};

static int remove_files(const char *file, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof endings / sizeof *endings; i++) {
        const char *path = sl_arena_printf(arena, "%s%s", file, endings[i]);
        if (sl_path_exists(path) && unlink(path) != 0)
            rc = errno == EISDIR || errno == EPERM ? sl_dir_remove(path, err)
                                                   : sl_fail(err, SL_E_IO, "\"%s\" cannot be removed: %s", path,
                                                             strerror(errno));
    }
    return rc;
}

static int make_schema(struct sl_duckdb_session *s, const char *scratch, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    /* Tables live for seconds: to compress them costs more than it saves. */
    sl_sql_text(&sql, "SET TimeZone = 'UTC'; SET force_compression = 'uncompressed'; "
                      "SET geometry_minimum_shredding_size = -1; SET write_buffer_row_group_count = 1; "
                      "CREATE SCHEMA ");
    sl_sql_ident(&sql, s->name);
    sl_sql_text(&sql, "; SET search_path = ");
    sl_sql_literal(&sql, s->name);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(s->duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
    if (rc == 0)
        rc = sl_duck_leave_to_threads(s->duck, err);
    if (rc == 0)
        rc = sl_duck_add_wkb_box(s->duck, err);
    return rc ? rc : sl_duck_confine(s->duck, scratch, err);
}

static int open_database(struct sl_duckdb_session *s, const char *scratch, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_duck_options options = s->duckdb->options.duck;
    /* The other half is for what DuckDB does not count: a writer's row groups, a reader's batches, programs' pages. */
    options.memory_bytes = (options.memory_bytes > 0 ? options.memory_bytes : (int64_t)DEFAULT_MEMORY_BYTES) / 2;
    /* Tables that fit are never written. Others are, to a file: DuckDB can leave those at any time, but of tables in memory it
     * spills too little when they are many times its limit. */
    int64_t expected = s->duckdb->compute.expected_bytes;
    options.database = expected > 0 && expected <= options.memory_bytes ? NULL : s->file;
    options.signature_checked = !s->duckdb->bare && sl_duckdb__checked(s->duckdb);
    options.temp_dir = sl_arena_printf(arena, "%s.tmp", s->file);
    int rc = remove_files(s->file, err);
    if (rc == 0)
        rc = sl_duck_open(&options, &s->duck, err);
    if (rc == 0)
        rc = s->duckdb->bare ? sl_duck__add_places(s->duck, err) : sl_duck_load(s->duck, "spatial", err);
    if (rc == 0)
        rc = make_schema(s, scratch, err);
    return rc ? rc : start_watch(&s->watch, s->duck, err);
}

static void close_session(struct sl_duckdb_session *s)
{
    stop_watch(&s->watch);
    sl_duck_close(s->duck);
    free(s->file);
    free(s);
}

int sl_duckdb__begin(struct sl_compute *compute, const char *run_id, const char *scratch,
                     struct sl_compute_session **out, struct sl_error *err)
{
    char name[SL_PROC_NAME_BYTES];
    if (!sl_proc_schema(run_id, name, sizeof name))
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is not a run id", run_id);
    struct sl_duckdb_session *s = sl_xcalloc(1, sizeof *s);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    s->duckdb = (struct sl_duckdb *)(void *)compute;
    s->session.compute = compute;
    memcpy(s->name, name, sizeof name);
    s->session.schema = s->name;
    /* DuckDB calls the database by its file's name: that of the schema would make "schema"."table" ambiguous. */
    s->file = sl_xstrdup(sl_arena_printf(arena, "%s/tables.duckdb", scratch));
    int rc = sl_dir_make(scratch, 0700, err);
    if (rc == 0)
        rc = open_database(s, scratch, err);
    if (rc) {
        close_session(s);
        return rc;
    }
    *out = &s->session;
    return 0;
}

int sl_duckdb__end(struct sl_compute_session *session, bool keep, struct sl_error *err)
{
    struct sl_duckdb_session *s = sl_duckdb__session(session);
    if (!s)
        return 0;
    char *file = sl_xstrdup(s->file);
    close_session(s);
    int rc = keep ? 0 : remove_files(file, err);
    free(file);
    return rc;
}

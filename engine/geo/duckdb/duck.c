/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/duckdb/duck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "geo/duckdb/duck_internal.h"
#include "geo/duckdb/functions.h"
#include "geo/sql.h"

enum { MAX_EXTENSIONS = 8, DEFAULT_MEMORY_BYTES = 400 << 20, NAME_BYTES = 64 };

struct sl_duck {
    duckdb_database database;
    duckdb_connection connection;
    char *extensions_dir;
    char loaded[MAX_EXTENSIONS][NAME_BYTES];
    size_t n_loaded;
    struct sl_duck__boxes boxes;
    bool left_to_threads;
};

static bool mentions(const char *text, const char *const *parts)
{
    for (; *parts; parts++)
        if (strstr(text, *parts))
            return true;
    return false;
}

/* The class of DuckDB's error, where it is one of the world and not of the statement; else `code`. */
static enum sl_code code_of(duckdb_error_type type, const char *text, enum sl_code code)
{
    static const char *const full[] = {"No space left on device", "disk quota", "Disk quota", NULL};
    static const char *const lost[] = {"could not connect to server", "connection to server", "server closed the connection",
                                       "terminating connection", "Unable to connect to Postgres",
                                       "connection has been closed", "no connection to the server",
                                       "could not receive data from server", "could not send data to server",
                                       "SSL connection has been closed", "the database system is", NULL};
    static const char *const late[] = {"canceling statement due to statement timeout", NULL};
    if (mentions(text, full))
        return SL_E_DISK_FULL;
    if (mentions(text, lost))
        return SL_E_POSTGRES_UNAVAILABLE;
    if (mentions(text, late))
        return SL_E_STEP_TIMEOUT;
    if (type == DUCKDB_ERROR_OUT_OF_MEMORY)
        return SL_E_MEMORY;
    if (type == DUCKDB_ERROR_INTERRUPT)
        return SL_E_CANCELLED;
    return code;
}

/* A connection that is not made is told with all that it was to be made by; what counts is libpq's reason behind that. */
static const char *without_connection_string(const char *text)
{
    static const char begin[] = "Unable to connect to Postgres at \"", end[] = "\": ";
    const char *at = strstr(text, begin), *reason = at ? strstr(at, end) : NULL;
    return reason ? reason + sizeof end - 1 : text;
}

/* "IO Error: …" and what follows the first line (the statement with a caret) are DuckDB's own; the sentence stays. */
static int fail_with(duckdb_error_type type, const char *message, enum sl_code code, struct sl_error *err)
{
    const char *text = message ? message : "failed without a reason";
    const char *colon = strstr(text, " Error: ");
    if (colon && colon - text < 40)
        text = colon + strlen(" Error: ");
    text = without_connection_string(text);
    const char *end = strstr(text, "\n\nLINE ");
    size_t bytes = end ? (size_t)(end - text) : strlen(text);
    while (bytes > 0 && (text[bytes - 1] == '\n' || text[bytes - 1] == ' '))
        bytes--;
    char line[SL_ERROR_MESSAGE_BYTES];
    size_t out = 0;
    for (size_t i = 0; i < bytes && out + 1 < sizeof line; i++)
        line[out++] = text[i] == '\n' || text[i] == '\t' ? ' ' : text[i];
    line[out] = '\0';
    return sl_fail(err, code_of(type, message ? message : "", code), "duckdb: %s", line);
}

int sl_duck__fail(duckdb_error_type type, const char *message, struct sl_error *err)
{
    return fail_with(type, message, SL_E_DUCKDB, err);
}

static int set_config(duckdb_config config, const char *name, const char *value, struct sl_error *err)
{
    if (duckdb_set_config(config, name, value) == DuckDBSuccess)
        return 0;
    return sl_fail(err, SL_E_DUCKDB, "duckdb does not take the setting %s = \"%s\"", name, value);
}

static int configure(duckdb_config config, const struct sl_duck_options *options, struct sl_error *err)
{
    char memory[32], threads[16];
    int64_t bytes = options->memory_bytes > 0 ? options->memory_bytes : DEFAULT_MEMORY_BYTES;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    snprintf(memory, sizeof memory, "%" PRId64 "B", bytes);
    snprintf(threads, sizeof threads, "%d", options->threads > 0 ? options->threads : (int)(cores > 0 ? cores : 1));
    const char *const settings[][2] = {
        {"memory_limit", memory},
        {"threads", threads},
        {"temp_directory", options->temp_dir ? options->temp_dir : ""},
        {"extension_directory", options->extensions_dir ? options->extensions_dir : "/nonexistent"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_unsigned_extensions", options->signature_checked ? "true" : "false"},
        {"allow_persistent_secrets", "false"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int rc = set_config(config, settings[i][0], settings[i][1], err);
        if (rc)
            return rc;
    }
    return 0;
}

int sl_duck_open(const struct sl_duck_options *options, struct sl_duck **out, struct sl_error *err)
{
    SL_CLEANUP(sl_duck_closep) struct sl_duck *duck = sl_xcalloc(1, sizeof *duck);
    duckdb_config config = NULL;
    char *reason = NULL;
    pthread_mutex_init(&duck->boxes.mutex, NULL);
    if (options->extensions_dir)
        duck->extensions_dir = sl_xstrdup(options->extensions_dir);
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return sl_fail(err, SL_E_MEMORY, "duckdb: no configuration could be made");
    int rc = configure(config, options, err);
    if (rc == 0 && duckdb_open_ext(options->database, &duck->database, config, &reason) != DuckDBSuccess)
        rc = fail_with(DUCKDB_ERROR_INVALID, reason, SL_E_DUCKDB, err);
    duckdb_free(reason);
    duckdb_destroy_config(&config);
    if (rc)
        return rc;
    if (duckdb_connect(duck->database, &duck->connection) != DuckDBSuccess)
        return sl_fail(err, SL_E_DUCKDB, "duckdb: no connection to its own database");
    /* Progress would go to the terminal; the order of rows is part of what is written. */
    rc = sl_duck_exec(duck, "SET enable_progress_bar = false; SET preserve_insertion_order = true", SL_E_DUCKDB, NULL,
                      err);
    if (rc)
        return rc;
    *out = duck;
    duck = NULL;
    return 0;
}

void sl_duck_close(struct sl_duck *duck)
{
    if (!duck)
        return;
    if (duck->connection)
        duckdb_disconnect(&duck->connection);
    if (duck->database)
        duckdb_close(&duck->database);
    pthread_mutex_destroy(&duck->boxes.mutex);
    free(duck->extensions_dir);
    free(duck);
}

void sl_duck_closep(struct sl_duck **duck)
{
    sl_duck_close(*duck);
}

duckdb_connection sl_duck__connection(struct sl_duck *duck)
{
    return duck->connection;
}

struct sl_duck__boxes *sl_duck__boxes(struct sl_duck *duck)
{
    return &duck->boxes;
}

void sl_duck_watch_boxes(struct sl_duck *duck,
                         void (*geometry)(void *data, const struct sl_wkb_box *box, const void *wkb, size_t bytes), void *data)
{
    duck->boxes.geometry = geometry;
    duck->boxes.data = data;
}

static bool plain_name(const char *s)
{
    return *s && strlen(s) < NAME_BYTES && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

int sl_duck_load(struct sl_duck *duck, const char *extension, struct sl_error *err)
{
    for (size_t i = 0; i < duck->n_loaded; i++)
        if (!strcmp(duck->loaded[i], extension))
            return 0;
    if (!plain_name(extension) || duck->n_loaded == MAX_EXTENSIONS)
        return sl_fail(err, SL_E_INTERNAL, "duckdb extension \"%s\" cannot be loaded", extension);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *path = sl_arena_printf(arena, "%s/%s.duckdb_extension",
                                       duck->extensions_dir ? duck->extensions_dir : "", extension);
    if (!duck->extensions_dir || access(path, R_OK) != 0) {
        int rc = sl_fail(err, SL_E_DUCKDB, "duckdb's extension \"%s\" is not there: \"%s\"", extension, path);
        sl_error_hint(err, "run scripts/setup.sh, which fetches it");
        return rc;
    }
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "LOAD ");
    sl_sql_literal(&sql, path);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
    if (rc == 0)
        snprintf(duck->loaded[duck->n_loaded++], NAME_BYTES, "%s", extension);
    return rc || strcmp(extension, "spatial") != 0 ? rc : sl_duck__add_functions(duck, err);
}

static int run(struct sl_duck *duck, const char *sql, enum sl_code code, duckdb_result *result, struct sl_error *err)
{
    if (duckdb_query(duck->connection, sql, result) == DuckDBSuccess)
        return 0;
    return fail_with(duckdb_result_error_type(result), duckdb_result_error(result), code, err);
}

int sl_duck_exec(struct sl_duck *duck, const char *sql, enum sl_code code, int64_t *changed, struct sl_error *err)
{
    duckdb_result result = {0};
    int rc = run(duck, sql, code, &result, err);
    if (rc == 0 && changed)
        *changed = (int64_t)duckdb_rows_changed(&result);
    duckdb_destroy_result(&result);
    return rc;
}

/* CREATE TABLE … AS gives its number of rows as a row. */
static int64_t counted(duckdb_result *result)
{
    if (duckdb_result_return_type(*result) == DUCKDB_RESULT_TYPE_CHANGED_ROWS)
        return (int64_t)duckdb_rows_changed(result);
    return duckdb_row_count(result) == 1 ? duckdb_value_int64(result, 0, 0) : 0;
}

int sl_duck_leave_to_threads(struct sl_duck *duck, struct sl_error *err)
{
    int rc = sl_duck_exec(duck, "SET external_threads = 0", SL_E_DUCKDB, NULL, err);
    duck->left_to_threads = rc == 0;
    return rc;
}

static void wait_for(duckdb_pending_result pending)
{
    int64_t pause_ns = 50000;
    const int64_t longest_ns = 2 * SL_NS_PER_MS;
    for (;;) {
        duckdb_pending_state state = duckdb_pending_execute_check_state(pending);
        if (state == DUCKDB_PENDING_ERROR || duckdb_pending_execution_is_finished(state))
            return;
        struct timespec pause = {.tv_nsec = pause_ns};
        nanosleep(&pause, NULL);
        pause_ns = 2 * pause_ns < longest_ns ? 2 * pause_ns : longest_ns;
    }
}

/* One statement, by DuckDB's threads alone where they are to work so. The caller destroys the result, whatever comes. */
static int run_one(struct sl_duck *duck, const char *sql, enum sl_code code, duckdb_result *result, struct sl_error *err)
{
    duckdb_prepared_statement statement = NULL;
    duckdb_pending_result pending = NULL;
    int rc = 0;
    if (duckdb_prepare(duck->connection, sql, &statement) != DuckDBSuccess)
        rc = fail_with(DUCKDB_ERROR_INVALID, duckdb_prepare_error(statement), code, err);
    else if (duckdb_pending_prepared(statement, &pending) != DuckDBSuccess)
        rc = fail_with(DUCKDB_ERROR_INVALID, duckdb_pending_error(pending), code, err);
    if (rc == 0 && duck->left_to_threads)
        wait_for(pending);
    if (rc == 0 && duckdb_execute_pending(pending, result) != DuckDBSuccess) {
        /* The result's own text begins with words about its state. */
        const char *reason = duckdb_pending_error(pending);
        rc = fail_with(duckdb_result_error_type(result), reason && *reason ? reason : duckdb_result_error(result), code, err);
    }
    duckdb_destroy_pending(&pending);
    duckdb_destroy_prepare(&statement);
    return rc;
}

int sl_duck_exec_one(struct sl_duck *duck, const char *sql, enum sl_code code, int64_t *changed, struct sl_error *err)
{
    duckdb_result result = {0};
    int rc = run_one(duck, sql, code, &result, err);
    if (rc == 0 && changed)
        *changed = counted(&result);
    duckdb_destroy_result(&result);
    return rc;
}

int sl_duck_confine(struct sl_duck *duck, const char *folder, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SET allowed_directories = [");
    sl_sql_literal(&sql, folder);
    sl_sql_text(&sql, "]; SET enable_external_access = false; SET lock_configuration = true");
    int rc = sl_sql_check(&sql, err);
    return rc ? rc : sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
}

int sl_duck_query_int(struct sl_duck *duck, const char *sql, int64_t *out, struct sl_error *err)
{
    duckdb_result result = {0};
    int rc = run_one(duck, sql, SL_E_DUCKDB, &result, err);
    if (rc == 0 && (duckdb_row_count(&result) == 0 || duckdb_column_count(&result) == 0))
        rc = sl_fail(err, SL_E_DUCKDB, "duckdb: the query gave no row");
    if (rc == 0)
        *out = duckdb_value_is_null(&result, 0, 0) ? 0 : duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return rc;
}

typedef int row_function(void *data, const char *const *values, size_t n, struct sl_error *err);

/* DuckDB's C API has no text of these. */
static int check_columns(duckdb_result *result, struct sl_error *err)
{
    for (idx_t i = 0; i < duckdb_column_count(result); i++) {
        duckdb_type type = duckdb_column_type(result, i);
        if (type == DUCKDB_TYPE_LIST || type == DUCKDB_TYPE_STRUCT || type == DUCKDB_TYPE_MAP ||
            type == DUCKDB_TYPE_ARRAY || type == DUCKDB_TYPE_UNION)
            return sl_fail(err, SL_E_INTERNAL, "column \"%s\" of a query is nested: cast it to VARCHAR",
                           duckdb_column_name(result, i));
    }
    return 0;
}

static int each_row(duckdb_result *result, row_function *row, void *data, struct sl_error *err)
{
    size_t n = duckdb_column_count(result);
    char **values = sl_xcalloc(n ? n : 1, sizeof *values);
    int rc = 0;
    for (idx_t r = 0; rc == 0 && r < duckdb_row_count(result); r++) {
        for (size_t c = 0; c < n; c++)
            values[c] = duckdb_value_is_null(result, c, r) ? NULL : duckdb_value_varchar(result, c, r);
        rc = row(data, (const char *const *)values, n, err);
        for (size_t c = 0; c < n; c++)
            duckdb_free(values[c]);
    }
    free(values);
    return rc;
}

int sl_duck_query(struct sl_duck *duck, const char *sql, row_function *row, void *data, struct sl_error *err)
{
    duckdb_result result = {0};
    int rc = run_one(duck, sql, SL_E_DUCKDB, &result, err);
    if (rc == 0)
        rc = check_columns(&result, err);
    if (rc == 0)
        rc = each_row(&result, row, data, err);
    duckdb_destroy_result(&result);
    return rc;
}

int sl_duck_arrow_view(struct sl_duck *duck, const char *name, struct ArrowArrayStream *stream, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "DROP VIEW IF EXISTS ");
    sl_sql_ident(&sql, name);
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(duck, sql.buf.data, SL_E_DUCKDB, NULL, err);
    if (rc)
        return rc;
    if (duckdb_arrow_scan(duck->connection, name, (duckdb_arrow_stream)(void *)stream) != DuckDBSuccess)
        return sl_fail(err, SL_E_DUCKDB, "duckdb cannot read the stream \"%s\"", name);
    return 0;
}

void sl_duck_interrupt(struct sl_duck *duck)
{
    duckdb_interrupt(duck->connection);
}

const char *sl_duck_version(void)
{
    return duckdb_library_version();
}

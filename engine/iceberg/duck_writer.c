/* SPDX-License-Identifier: Apache-2.0 */
/* Loads written by DuckDB's Iceberg extension: one INSERT, one commit, one snapshot a load. */
#include "iceberg/duck_writer_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "net/retry.h"

enum { SETTLE_MS = 300000 };

static struct sl_iceberg__writer *of(struct sl_table_writer *w)
{
    return (struct sl_iceberg__writer *)(void *)w;
}

/* DuckDB keeps what it has read of the catalog: a fresh one after a failure sees what is there. */
static void give_up_duck(struct sl_iceberg__writer *w)
{
    sl_duck_close(w->duck);
    w->duck = NULL;
}

int sl_iceberg__ready(struct sl_iceberg__writer *w, struct sl_error *err)
{
    if (w->duck)
        return 0;
    const struct sl_duck_options options = {.threads = (int)w->config->compute_threads,
                                            .memory_bytes = w->config->compute_memory_bytes,
                                            .temp_dir = w->scratch,
                                            .extensions_dir = w->config->duckdb_extensions};
    struct sl_duck *duck = NULL;
    int rc = sl_duck_open(&options, &duck, err);
    /* Geometries go as they are in the file: WKB. */
    if (rc == 0)
        rc = sl_duck_exec(duck, "SET enable_geoparquet_conversion = false", SL_E_DUCKDB, NULL, err);
    if (rc == 0)
        rc = sl_table_attach(w->config, duck, false, err);
    if (rc < 0)
        sl_duck_close(duck);
    else
        w->duck = duck;
    return rc;
}

static bool mentions(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strstr(text, *words))
            return true;
    return false;
}

/* What DuckDB says of catalog and store is text only. */
int sl_iceberg__meaning(int rc, struct sl_error *err)
{
    static const char *const missing[] = {"does not exist", "not found", "NoSuchTable", "NoSuchNamespace", NULL};
    static const char *const gone[] = {"NoSuchKey", "HTTP 404", NULL};
    static const char *const conflict[] = {"409", "CommitFailed", "Requirement failed", "has changed", NULL};
    static const char *const lost[] = {"Could not connect", "Connection", "connection", "timed out", "Timeout", "HTTP 5", "HTTP 0",
                                       "code: 5", "status code 5", "IO Error", "CommitStateUnknown", "Could not establish",
                                       "error for HTTP", /* of a transfer: "Server returned nothing … error for HTTP POST to" */ NULL};
    static const char *const denied[] = {"HTTP 401", "HTTP 403", "Forbidden", "Unauthorized", "AccessDenied", NULL};
    if (rc >= 0 || !err || (rc != -SL_E_ICEBERG && rc != -SL_E_DUCKDB))
        return rc;
    char text[SL_ERROR_MESSAGE_BYTES];
    memcpy(text, err->message, sizeof text);
    bool data_gone = strstr(text, ".parquet") && mentions(text, gone);
    enum sl_code code = data_gone                  ? SL_E_FILE_MISSING
                        : mentions(text, denied)   ? SL_E_ICEBERG_DENIED
                        : mentions(text, conflict) ? SL_E_ICEBERG_CONFLICT
                        : mentions(text, lost)     ? SL_E_ICEBERG_UNAVAILABLE
                        : mentions(text, missing)  ? SL_E_TABLE_NOT_FOUND
                                                   : SL_E_ICEBERG;
    return sl_fail(err, code, "%.900s", text);
}

int sl_iceberg__exec(struct sl_iceberg__writer *w, struct sl_sql *sql, int64_t *changed, struct sl_error *err)
{
    int rc = sl_sql_check(sql, err);
    if (rc == 0)
        rc = sl_iceberg__ready(w, err);
    return sl_iceberg__meaning(rc < 0 ? rc : sl_duck_exec_one(w->duck, sql->buf.data, SL_E_ICEBERG, changed, err), err);
}

int sl_iceberg__put_name(struct sl_sql *sql, const char *table, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *space = NULL, *name = NULL;
    int rc = sl_iceberg_split(table, arena, &space, &name, err);
    if (rc < 0)
        return rc;
    sl_sql_text(sql, "ice.");
    sl_sql_ident(sql, space);
    sl_sql_text(sql, ".");
    sl_sql_ident(sql, name);
    return 0;
}

/* ---- loads ---- */

static int where_load(struct sl_sql *sql, const char *table, const char *load_id, struct sl_error *err)
{
    int rc = sl_iceberg__put_name(sql, table, err);
    sl_sql_text(sql, " WHERE " SL_TABLE_LOAD_COLUMN " = ");
    sl_sql_literal(sql, load_id);
    return rc;
}

static int count(struct sl_table_writer *port, const char *table, const char *load_id, int64_t *rows, struct sl_error *err)
{
    struct sl_iceberg__writer *w = of(port);
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_error own = {0}, *why = err ? err : &own;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg_table(w->catalog, table, &answer, why);
    if (rc == -SL_E_TABLE_NOT_FOUND) {
        sl_error_clear(why);
        *rows = 0;
        return 0;
    }
    sl_sql_text(&sql, "SELECT count(*) FROM ");
    if (rc == 0)
        rc = where_load(&sql, table, load_id, why);
    give_up_duck(w); /* what it knows of the table may be old */
    if (rc == 0)
        rc = sl_sql_check(&sql, why);
    if (rc == 0)
        rc = sl_iceberg__ready(w, why);
    return sl_iceberg__meaning(rc < 0 ? rc : sl_duck_query_int(w->duck, sql.buf.data, rows, why), why);
}

static bool passes(int rc)
{
    return rc == -SL_E_ICEBERG_CONFLICT || rc == -SL_E_ICEBERG_UNAVAILABLE;
}

static int drop(struct sl_table_writer *port, const char *table, const char *load_id, struct sl_error *err)
{
    struct sl_iceberg__writer *w = of(port);
    const struct sl_retry_policy policy = {.retries = (int)w->config->iceberg_retries, .base_ms = 200, .max_ms = 5000};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    int64_t rows = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "DELETE FROM ");
    int rc = where_load(&sql, table, load_id, why);
    sl_retry_begin(&retry, &policy);
    while (rc == 0) {
        rc = count(port, table, load_id, &rows, why);
        if (rc == 0 && rows == 0)
            return 0;
        if (rc == 0)
            rc = sl_iceberg__exec(w, &sql, NULL, why);
        int64_t wait_ms = passes(rc) ? sl_retry_next(&retry, -1) : -1;
        if (wait_ms < 0)
            return rc;
        give_up_duck(w);
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
        rc = 0;
    }
    return rc;
}

static int insert(struct sl_iceberg__writer *w, const struct sl_table_load *load, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_sql_free) struct sl_sql select;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_iceberg__columns want = {.arena = arena}, have = {.arena = arena};
    bool there = false;
    int64_t changed = 0;
    sl_sql_init(&select, SL_DIALECT_DUCKDB);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg__file_columns(w, load, &want, &select, err);
    if (rc == 0)
        rc = sl_iceberg__table_columns(w, load->table, &have, &there, err);
    if (rc == 0)
        rc = there ? sl_iceberg__evolve(w, load, &have, &want, err) : sl_iceberg__create(w, load, &want, err);
    if (rc == 0)
        rc = sl_sql_check(&select, err);
    sl_sql_text(&sql, "INSERT INTO ");
    if (rc == 0)
        rc = sl_iceberg__put_name(&sql, load->table, err);
    sl_sql_text(&sql, " BY NAME SELECT ");
    sl_sql_text(&sql, select.buf.data);
    sl_sql_literal(&sql, load->load_id);
    sl_sql_text(&sql, " AS " SL_TABLE_LOAD_COLUMN ", ");
    sl_sql_literal(&sql, load->batch_id);
    sl_sql_text(&sql, " AS " SL_TABLE_BATCH_COLUMN " FROM read_parquet(");
    sl_sql_literal(&sql, load->path);
    sl_sql_text(&sql, ")");
    if (rc == 0)
        rc = sl_iceberg__exec(w, &sql, &changed, err);
    if (rc == 0 && changed != load->rows)
        rc = sl_fail(err, SL_E_ROWS_LOST, "table \"%s\" took %" PRId64 " of %" PRId64 " rows", load->table, changed, load->rows);
    return rc;
}

static int tell(struct sl_iceberg__writer *w, const struct sl_table_load *load, struct sl_arena *arena, struct sl_table_loaded *out, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    struct sl_iceberg_facts facts;
    int rc = sl_iceberg_table(w->catalog, load->table, &answer, err);
    if (rc < 0)
        return rc;
    sl_iceberg_facts(answer, &facts);
    *out = (struct sl_table_loaded){.rows = load->rows, .files = facts.files, .snapshot_id = facts.snapshot_id,
                                    .metadata_location = sl_arena_strdup(arena, facts.metadata_location)};
    return 0;
}

static int present(struct sl_iceberg__writer *w, const char *table, struct sl_iceberg_facts *out, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    struct sl_error own = {0}, *why = err ? err : &own;
    int rc = sl_iceberg_table(w->catalog, table, &answer, why);
    *out = (struct sl_iceberg_facts){.snapshot_id = -1, .parent_id = -1};
    if (rc == 0)
        sl_iceberg_facts(answer, out);
    out->metadata_location = NULL; /* it goes with the answer */
    if (rc == -SL_E_TABLE_NOT_FOUND) {
        sl_error_clear(why);
        rc = 0;
    }
    return rc;
}

/* What the table has of a load whose append failed: 1 all of it, 0 nothing. DuckDB deletes the files that it has written when it
 * believes that a commit was not made; when only the reply was lost the table names files that are gone. Nobody can read it until
 * it goes back to the snapshot before, which is done here, as long as nobody has come after. */
static int settle(struct sl_iceberg__writer *w, const struct sl_table_load *load, int64_t before, struct sl_error *err)
{
    struct sl_iceberg_facts now;
    int64_t there = 0;
    int rc = present(w, load->table, &now, err);
    if (rc < 0 || now.snapshot_id == before)
        return rc;
    rc = count(&w->port, load->table, load->load_id, &there, err);
    if (rc == -SL_E_FILE_MISSING && now.parent_id == before) {
        sl_error_clear(err);
        return sl_iceberg_roll_back(w->catalog, load->table, now.snapshot_id, before, err);
    }
    if (rc == 0 && there != 0 && there != load->rows) {
        rc = drop(&w->port, load->table, load->load_id, err);
        there = 0;
    }
    return rc < 0 ? rc : there == load->rows && there > 0;
}

/* After a failure that leaves open whether the commit was made: asks until the table tells. A table whose files are gone stays so
 * until somebody asks, so this is more patient than an append. What is lost on the way may still arrive: a look comes after a
 * wait. */
static int settle_patiently(struct sl_iceberg__writer *w, const struct sl_table_load *load, int64_t before, struct sl_error *err)
{
    const struct sl_retry_policy policy = {.retries = 1000, .base_ms = 200, .max_ms = 5000, .deadline_ms = SETTLE_MS};
    struct sl_retry retry;
    int rc = -SL_E_ICEBERG_UNAVAILABLE;
    sl_retry_begin(&retry, &policy);
    for (int64_t wait_ms; passes(rc) && (wait_ms = sl_retry_next(&retry, -1)) >= 0;) {
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
        rc = settle(w, load, before, err);
    }
    return rc;
}

/* Never a second time before the table has told what became of the first. */
static int append(struct sl_table_writer *port, const struct sl_table_load *load, struct sl_arena *arena, struct sl_table_loaded *out,
                  struct sl_error *err)
{
    struct sl_iceberg__writer *w = of(port);
    const struct sl_retry_policy policy = {.retries = (int)w->config->iceberg_retries, .base_ms = 200, .max_ms = 10000};
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    for (;;) {
        struct sl_iceberg_facts before;
        struct sl_error unsettled = {0};
        int rc = present(w, load->table, &before, why);
        if (rc < 0)
            return rc;
        rc = insert(w, load, why);
        if (rc == 0)
            return tell(w, load, arena, out, why);
        give_up_duck(w);
        if (!passes(rc) && rc != -SL_E_ICEBERG)
            return rc;
        int there = settle_patiently(w, load, before.snapshot_id, &unsettled);
        if (there < 0) {
            *why = unsettled;
            return there;
        }
        if (there == 1)
            return tell(w, load, arena, out, why);
        /* A failure of its own, and nothing of it is there: again it would fail again. */
        if (rc == -SL_E_ICEBERG || sl_retry_next(&retry, -1) < 0)
            return rc;
        sl_error_clear(why);
    }
}

/* ---- sweeping ---- */

struct found {
    struct sl_arena *arena;
    const char **ids;
    size_t n, room;
};

static int keep_id(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct found *f = data;
    (void)err;
    if (n == 0 || !values[0])
        return 0;
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 256;
        const char **more = sl_arena_array(f->arena, room, sizeof *more);
        if (f->n)
            memcpy(more, f->ids, f->n * sizeof *more);
        f->ids = more;
        f->room = room;
    }
    f->ids[f->n++] = sl_arena_strdup(f->arena, values[0]);
    return 0;
}

static int loads_of(struct sl_iceberg__writer *w, const char *table, const char *batch_id, struct found *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_iceberg__columns columns = {.arena = out->arena};
    bool there = false;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg__table_columns(w, table, &columns, &there, err);
    if (rc < 0 || !there || !sl_iceberg__find(&columns, SL_TABLE_LOAD_COLUMN) || !sl_iceberg__find(&columns, SL_TABLE_BATCH_COLUMN))
        return rc;
    sl_sql_text(&sql, "SELECT DISTINCT " SL_TABLE_LOAD_COLUMN " FROM ");
    rc = sl_iceberg__put_name(&sql, table, err);
    if (batch_id) {
        sl_sql_text(&sql, " WHERE " SL_TABLE_BATCH_COLUMN " = ");
        sl_sql_literal(&sql, batch_id);
    }
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    return sl_iceberg__meaning(rc < 0 ? rc : sl_duck_query(w->duck, sql.buf.data, keep_id, out, err), err);
}

static int keep_table(void *data, const char *table, struct sl_error *err)
{
    return keep_id(data, &table, 1, err);
}

static int sweep(struct sl_table_writer *port, const char *table, const char *batch_id,
                 int (*visit)(void *data, const char *table, const char *load_id, struct sl_error *err), void *data, struct sl_error *err)
{
    struct sl_iceberg__writer *w = of(port);
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct found tables = {.arena = arena};
    int rc = table ? keep_id(&tables, &table, 1, err) : sl_iceberg_tables(w->catalog, keep_table, &tables, err);
    give_up_duck(w);
    for (size_t i = 0; rc == 0 && i < tables.n; i++) {
        struct found loads = {.arena = arena};
        rc = loads_of(w, tables.ids[i], batch_id, &loads, err);
        for (size_t k = 0; rc == 0 && k < loads.n; k++) {
            rc = visit(data, tables.ids[i], loads.ids[k], err);
            if (rc == 1)
                rc = drop(port, tables.ids[i], loads.ids[k], err);
        }
    }
    return rc;
}

static void close_writer(struct sl_table_writer *port)
{
    struct sl_iceberg__writer *w = of(port);
    sl_duck_close(w->duck);
    sl_iceberg_close(w->catalog);
    sl_arena_free(w->arena);
    free(w->scratch);
    free(w);
}

static const struct sl_table_writer_ops ops = {
    .name = "duckdb", .append = append, .count = count, .drop = drop, .sweep = sweep, .close = close_writer};

int sl_table_writer_open(const struct sl_config *config, const char *scratch, struct sl_table_writer **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_iceberg_target target;
    bool configured = false;
    int rc = sl_iceberg_target(config, arena, &target, &configured, err);
    if (rc < 0 || !configured) {
        if (rc == 0)
            *out = NULL;
        return rc;
    }
    struct sl_iceberg__writer *w = sl_xcalloc(1, sizeof *w);
    w->port.ops = &ops;
    w->config = config;
    w->scratch = scratch ? sl_xstrdup(scratch) : NULL;
    rc = sl_iceberg_open(&target, &w->catalog, err);
    if (rc < 0) {
        close_writer(&w->port);
        return rc;
    }
    w->arena = arena;
    arena = NULL;
    *out = &w->port;
    return 0;
}

void sl_table_writer_closep(struct sl_table_writer **w)
{
    if (*w)
        (*w)->ops->close(*w);
}

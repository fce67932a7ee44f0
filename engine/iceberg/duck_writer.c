/* SPDX-License-Identifier: Apache-2.0 */
/* Tables written by DuckDB's Iceberg extension: one INSERT, one commit, one snapshot a load. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "config/config.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "iceberg/catalog.h"
#include "iceberg/table.h"
#include "json/json.h"
#include "net/retry.h"

struct writer {
    struct sl_table_writer port;
    const struct sl_config *config;
    struct sl_arena *arena;
    char *scratch;
    struct sl_duck *duck; /* NULL: not attached yet, or given up after a failure */
    struct sl_iceberg *catalog;
};

struct column {
    const char *name, *type;
};
struct columns {
    struct sl_arena *arena;
    struct column *items;
    size_t n;
};

static struct writer *of(struct sl_table_writer *w)
{
    return (struct writer *)(void *)w;
}

/* DuckDB keeps what it has read of the catalog: a fresh one after a failure sees what is there. */
static void give_up_duck(struct writer *w)
{
    sl_duck_close(w->duck);
    w->duck = NULL;
}

static int ready(struct writer *w, struct sl_error *err)
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
static int meaning(int rc, struct sl_error *err)
{
    static const char *const missing[] = {"does not exist", "not found", "NoSuchTable", "NoSuchNamespace", NULL};
    static const char *const gone[] = {"NoSuchKey", "HTTP 404", NULL};
    static const char *const conflict[] = {"409", "CommitFailed", "Requirement failed", "has changed", NULL};
    static const char *const lost[] = {"Could not connect", "Connection", "connection", "timed out", "Timeout", "HTTP 5", "HTTP 0",
                                       "code: 5", "status code 5", "IO Error", "CommitStateUnknown", "Could not establish", NULL};
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

static int exec(struct writer *w, struct sl_sql *sql, int64_t *changed, struct sl_error *err)
{
    int rc = sl_sql_check(sql, err);
    if (rc == 0)
        rc = ready(w, err);
    return meaning(rc < 0 ? rc : sl_duck_exec_one(w->duck, sql->buf.data, SL_E_ICEBERG, changed, err), err);
}

static int table_name(struct sl_sql *sql, const char *table, struct sl_error *err)
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

/* -- columns -- */

static int add_column(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct columns *c = data;
    if (n < 2 || !values[0] || !values[1])
        return 0;
    if (c->n == SL_TABLE_COLUMNS_MAX)
        return sl_fail(err, SL_E_LIMIT, "a table has more than %d columns", SL_TABLE_COLUMNS_MAX);
    c->items[c->n].name = sl_arena_strdup(c->arena, values[0]);
    c->items[c->n++].type = sl_arena_strdup(c->arena, values[1]);
    return 0;
}

static int describe(struct writer *w, struct sl_sql *sql, struct columns *out, struct sl_error *err)
{
    out->items = sl_arena_array(out->arena, SL_TABLE_COLUMNS_MAX, sizeof *out->items);
    int rc = sl_sql_check(sql, err);
    if (rc == 0)
        rc = ready(w, err);
    return meaning(rc < 0 ? rc : sl_duck_query(w->duck, sql->buf.data, add_column, out, err), err);
}

static const struct column *find(const struct columns *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcasecmp(c->items[i].name, name))
            return &c->items[i];
    return NULL;
}

/* The types that Iceberg has. */
static const char *iceberg_type(const char *type)
{
    static const char *const same[] = {"BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIME", "TIMESTAMP",
                                       "TIMESTAMP WITH TIME ZONE", "VARCHAR", "BLOB", "UUID", "VARCHAR[]", "BIGINT[]", "DOUBLE[]", NULL};
    static const char *const small[] = {"TINYINT", "SMALLINT", "UTINYINT", "USMALLINT", NULL};
    for (size_t i = 0; same[i]; i++)
        if (!strcmp(type, same[i]))
            return same[i];
    for (size_t i = 0; small[i]; i++)
        if (!strcmp(type, small[i]))
            return "INTEGER";
    if (!strncmp(type, "DECIMAL(", 8))
        return type;
    if (!strncmp(type, "TIMESTAMP_", 10))
        return "TIMESTAMP";
    return !strcmp(type, "UINTEGER") ? "BIGINT" : !strcmp(type, "UBIGINT") ? "DECIMAL(20,0)" : "VARCHAR";
}

static bool is_box(const struct column *c)
{
    return !strcmp(c->name, "bbox") && !strncmp(c->type, "STRUCT(xmin ", 12);
}

/* The file's columns as the table has them, and in `select` what gives them. */
static int file_columns(struct writer *w, const struct sl_table_load *load, struct columns *out, struct sl_sql *select, struct sl_error *err)
{
    static const char *const sides[] = {"xmin", "ymin", "xmax", "ymax"};
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct columns file = {.arena = out->arena};
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(");
    sl_sql_literal(&sql, load->path);
    sl_sql_text(&sql, "))");
    int rc = describe(w, &sql, &file, err);
    out->items = sl_arena_array(out->arena, file.n + 8, sizeof *out->items);
    for (size_t i = 0; rc == 0 && i < file.n; i++) {
        const struct column *c = &file.items[i];
        if (!strcasecmp(c->name, SL_TABLE_LOAD_COLUMN) || !strcasecmp(c->name, SL_TABLE_BATCH_COLUMN))
            return sl_fail(err, SL_E_ICEBERG_SCHEMA, "the name of column \"%s\" is the engine's own", c->name);
        for (size_t k = 0; is_box(c) && k < 4; k++) {
            if (find(&file, sides[k]))
                continue; /* the data's own column of that name stays what it is */
            sl_sql_text(select, "CAST(bbox.");
            sl_sql_text(select, sides[k]);
            sl_sql_text(select, " AS DOUBLE) AS ");
            sl_sql_text(select, sides[k]);
            sl_sql_text(select, ", ");
            out->items[out->n++] = (struct column){sides[k], "DOUBLE"};
        }
        if (is_box(c))
            continue;
        const char *type = iceberg_type(c->type);
        sl_sql_text(select, "CAST(");
        sl_sql_ident(select, c->name);
        sl_sql_text(select, " AS ");
        sl_sql_text(select, type);
        sl_sql_text(select, ") AS ");
        sl_sql_ident(select, c->name);
        sl_sql_text(select, ", ");
        out->items[out->n++] = (struct column){c->name, type};
    }
    return rc;
}

/* -- the table -- */


/* Splits "bucket(16, id)" into its parts; column is what is left of the text. */
static bool partition(const char *text, const char **transform, int *number, const char **column, size_t *n)
{
    static const char *const times[] = {"year", "month", "day", "hour", NULL}, *const numbered[] = {"bucket", "truncate", NULL};
    const char *p = text;
    *transform = NULL;
    *number = 0;
    for (size_t i = 0; times[i] && !*transform; i++)
        if (!strncmp(p, times[i], strlen(times[i])) && p[strlen(times[i])] == '(')
            *transform = times[i];
    for (size_t i = 0; numbered[i] && !*transform; i++)
        if (!strncmp(p, numbered[i], strlen(numbered[i])) && p[strlen(numbered[i])] == '(')
            *transform = numbered[i];
    if (*transform) {
        p += strlen(*transform) + 1;
        if (**transform == 'b' || **transform == 't') {
            char *end = NULL;
            long value = strtol(p, &end, 10);
            if (end == p || value < 1 || value > 100000 || *end != ',')
                return false;
            *number = (int)value;
            for (p = end + 1; *p == ' '; p++) {
            }
        }
    }
    *column = p;
    *n = strlen(p);
    if (*transform && (*n == 0 || p[--*n] != ')'))
        return false;
    for (size_t i = 0; i < *n; i++)
        if (strchr("()\"',;", p[i]))
            return false;
    return *n > 0 && *n < 128;
}

bool sl_table_partition_valid(const char *text)
{
    const char *transform, *column;
    int number;
    size_t n;
    return partition(text, &transform, &number, &column, &n);
}

static int partitions(struct sl_sql *sql, const struct sl_table_load *load, const struct columns *columns, struct sl_arena *arena,
                      struct sl_error *err)
{
    for (size_t i = 0; i < load->n_partition_by; i++) {
        const char *transform, *column;
        int number;
        size_t n;
        char text[32];
        if (!partition(load->partition_by[i], &transform, &number, &column, &n))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: \"%s\" is no partition", load->partition_by[i]);
        column = sl_arena_strndup(arena, column, n);
        if (!find(columns, column))
            return sl_fail(err, SL_E_RECIPE_OPTION, "partition_by: there is no column \"%s\" after the steps", column);
        sl_sql_text(sql, i ? ", " : " PARTITIONED BY (");
        if (transform) {
            snprintf(text, sizeof text, number ? "%s(%d, " : "%s(", transform, number);
            sl_sql_text(sql, text);
        }
        sl_sql_ident(sql, column);
        sl_sql_text(sql, transform ? ")" : "");
    }
    sl_sql_text(sql, load->n_partition_by ? ")" : "");
    return 0;
}

static int create(struct writer *w, const struct sl_table_load *load, const struct columns *columns, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql space_sql;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const char *space = NULL, *name = NULL;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_init(&space_sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg_split(load->table, columns->arena, &space, &name, err);
    if (rc < 0)
        return rc;
    sl_sql_text(&space_sql, "CREATE SCHEMA IF NOT EXISTS ice.");
    sl_sql_ident(&space_sql, space);
    sl_sql_text(&sql, "CREATE TABLE IF NOT EXISTS ");
    rc = table_name(&sql, load->table, err);
    sl_sql_text(&sql, " (");
    for (size_t i = 0; i < columns->n; i++) {
        sl_sql_ident(&sql, columns->items[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, columns->items[i].type);
        sl_sql_text(&sql, ", ");
    }
    sl_sql_text(&sql, SL_TABLE_LOAD_COLUMN " VARCHAR, " SL_TABLE_BATCH_COLUMN " VARCHAR)");
    if (rc == 0)
        rc = partitions(&sql, load, columns, columns->arena, err);
    if (rc == 0)
        rc = exec(w, &space_sql, NULL, err);
    return rc < 0 ? rc : exec(w, &sql, NULL, err);
}

/* May values of one be put into a column of the other without loss? */
static bool fits(const char *from, const char *to)
{
    return !strcmp(from, to) || (!strcmp(from, "INTEGER") && !strcmp(to, "BIGINT")) ||
           (!strcmp(from, "FLOAT") && !strcmp(to, "DOUBLE")) || (!strcmp(from, "INTEGER") && !strcmp(to, "DOUBLE")) ||
           (!strcmp(from, "DATE") && !strcmp(to, "TIMESTAMP")) || !strcmp(to, "VARCHAR") ||
           (!strncmp(from, "DECIMAL", 7) && !strncmp(to, "DECIMAL", 7));
}

static int evolve(struct writer *w, const struct sl_table_load *load, const struct columns *have, const struct columns *want,
                  struct sl_error *err)
{
    int rc = 0;
    if (!find(have, SL_TABLE_LOAD_COLUMN) || !find(have, SL_TABLE_BATCH_COLUMN)) {
        sl_fail(err, SL_E_ICEBERG_SCHEMA, "table \"%s\" has no columns " SL_TABLE_LOAD_COLUMN " and " SL_TABLE_BATCH_COLUMN, load->table);
        sl_error_hint(err, "it was made by something else: add both as text columns, or name another table");
        return -SL_E_ICEBERG_SCHEMA;
    }
    for (size_t i = 0; rc == 0 && i < want->n; i++) {
        const struct column *c = &want->items[i], *there = find(have, c->name);
        SL_CLEANUP(sl_sql_free) struct sl_sql sql;
        sl_sql_init(&sql, SL_DIALECT_DUCKDB);
        if (there && fits(c->type, there->type))
            continue;
        if (there)
            return sl_fail(err, SL_E_ICEBERG_SCHEMA, "column \"%s\" of table \"%s\" is %s, the data's is %s", c->name, load->table,
                           there->type, c->type);
        if (!load->evolve) {
            sl_fail(err, SL_E_ICEBERG_SCHEMA, "table \"%s\" has no column \"%s\"", load->table, c->name);
            sl_error_hint(err, "drop it in a step, or let the output add columns: evolve: true");
            return -SL_E_ICEBERG_SCHEMA;
        }
        sl_sql_text(&sql, "ALTER TABLE ");
        rc = table_name(&sql, load->table, err);
        sl_sql_text(&sql, " ADD COLUMN ");
        sl_sql_ident(&sql, c->name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, c->type);
        rc = rc < 0 ? rc : exec(w, &sql, NULL, err);
    }
    return rc;
}

static int table_columns(struct writer *w, const char *table, struct columns *out, bool *there, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = sl_iceberg_table(w->catalog, table, &answer, err);
    *there = rc == 0;
    if (rc == -SL_E_TABLE_NOT_FOUND) {
        sl_error_clear(err);
        return 0;
    }
    sl_sql_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE ");
    if (rc == 0)
        rc = table_name(&sql, table, err);
    sl_sql_text(&sql, ")");
    return rc < 0 ? rc : describe(w, &sql, out, err);
}

/* -- loads -- */

static int where_load(struct sl_sql *sql, const char *table, const char *load_id, struct sl_error *err)
{
    int rc = table_name(sql, table, err);
    sl_sql_text(sql, " WHERE " SL_TABLE_LOAD_COLUMN " = ");
    sl_sql_literal(sql, load_id);
    return rc;
}

static int count(struct sl_table_writer *port, const char *table, const char *load_id, int64_t *rows, struct sl_error *err)
{
    struct writer *w = of(port);
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
        rc = ready(w, why);
    return meaning(rc < 0 ? rc : sl_duck_query_int(w->duck, sql.buf.data, rows, why), why);
}

static bool passes(int rc)
{
    return rc == -SL_E_ICEBERG_CONFLICT || rc == -SL_E_ICEBERG_UNAVAILABLE;
}

static int drop(struct sl_table_writer *port, const char *table, const char *load_id, struct sl_error *err)
{
    struct writer *w = of(port);
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
            rc = exec(w, &sql, NULL, why);
        int64_t wait_ms = passes(rc) ? sl_retry_next(&retry, -1) : -1;
        if (wait_ms < 0)
            return rc;
        give_up_duck(w);
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
        rc = 0;
    }
    return rc;
}

static int insert(struct writer *w, const struct sl_table_load *load, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_sql_free) struct sl_sql select;
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct columns want = {.arena = arena}, have = {.arena = arena};
    bool there = false;
    int64_t changed = 0;
    sl_sql_init(&select, SL_DIALECT_DUCKDB);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = file_columns(w, load, &want, &select, err);
    if (rc == 0)
        rc = table_columns(w, load->table, &have, &there, err);
    if (rc == 0)
        rc = there ? evolve(w, load, &have, &want, err) : create(w, load, &want, err);
    if (rc == 0)
        rc = sl_sql_check(&select, err);
    sl_sql_text(&sql, "INSERT INTO ");
    if (rc == 0)
        rc = table_name(&sql, load->table, err);
    sl_sql_text(&sql, " BY NAME SELECT ");
    sl_sql_text(&sql, select.buf.data);
    sl_sql_literal(&sql, load->load_id);
    sl_sql_text(&sql, " AS " SL_TABLE_LOAD_COLUMN ", ");
    sl_sql_literal(&sql, load->batch_id);
    sl_sql_text(&sql, " AS " SL_TABLE_BATCH_COLUMN " FROM read_parquet(");
    sl_sql_literal(&sql, load->path);
    sl_sql_text(&sql, ")");
    if (rc == 0)
        rc = exec(w, &sql, &changed, err);
    if (rc == 0 && changed != load->rows)
        rc = sl_fail(err, SL_E_ROWS_LOST, "table \"%s\" took %" PRId64 " of %" PRId64 " rows", load->table, changed, load->rows);
    return rc;
}

static int tell(struct writer *w, const struct sl_table_load *load, struct sl_arena *arena, struct sl_table_loaded *out, struct sl_error *err)
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

static int present(struct writer *w, const char *table, struct sl_iceberg_facts *out, struct sl_error *err)
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
static int settle(struct writer *w, const struct sl_table_load *load, int64_t before, struct sl_error *err)
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

/* A failure leaves open whether the commit was made: the table knows. */
static int append(struct sl_table_writer *port, const struct sl_table_load *load, struct sl_arena *arena, struct sl_table_loaded *out,
                  struct sl_error *err)
{
    struct writer *w = of(port);
    const struct sl_retry_policy policy = {.retries = (int)w->config->iceberg_retries, .base_ms = 200, .max_ms = 10000};
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    sl_retry_begin(&retry, &policy);
    for (;;) {
        struct sl_iceberg_facts before;
        struct sl_error settled = {0};
        int found = present(w, load->table, &before, why);
        if (found < 0)
            return found;
        int rc = insert(w, load, why);
        if (rc == 0)
            return tell(w, load, arena, out, why);
        give_up_duck(w);
        bool unknown = passes(rc) || rc == -SL_E_ICEBERG;
        /* What is lost on the way may still arrive: the look at the table comes after the wait. */
        int64_t wait_ms = unknown ? sl_retry_next(&retry, -1) : -1;
        if (wait_ms >= 0)
            sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
        if (unknown)
            found = settle(w, load, before.snapshot_id, &settled);
        if (found == 1)
            return tell(w, load, arena, out, why);
        if (found < 0 && !passes(found)) {
            *why = settled;
            return found;
        }
        if (wait_ms < 0 || rc == -SL_E_ICEBERG) /* its own failure, and nothing of it is there: again it would fail again */
            return rc;
        sl_error_clear(why);
    }
}

/* -- sweeping -- */

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

static int loads_of(struct writer *w, const char *table, const char *batch_id, struct found *out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct columns columns = {.arena = out->arena};
    bool there = false;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    int rc = table_columns(w, table, &columns, &there, err);
    if (rc < 0 || !there || !find(&columns, SL_TABLE_LOAD_COLUMN) || !find(&columns, SL_TABLE_BATCH_COLUMN))
        return rc;
    sl_sql_text(&sql, "SELECT DISTINCT " SL_TABLE_LOAD_COLUMN " FROM ");
    rc = table_name(&sql, table, err);
    if (batch_id) {
        sl_sql_text(&sql, " WHERE " SL_TABLE_BATCH_COLUMN " = ");
        sl_sql_literal(&sql, batch_id);
    }
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    return meaning(rc < 0 ? rc : sl_duck_query(w->duck, sql.buf.data, keep_id, out, err), err);
}

static int keep_table(void *data, const char *table, struct sl_error *err)
{
    return keep_id(data, &table, 1, err);
}

static int sweep(struct sl_table_writer *port, const char *table, const char *batch_id,
                 int (*visit)(void *data, const char *table, const char *load_id, struct sl_error *err), void *data, struct sl_error *err)
{
    struct writer *w = of(port);
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
    struct writer *w = of(port);
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
    struct writer *w = sl_xcalloc(1, sizeof *w);
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

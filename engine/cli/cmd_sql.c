/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice sql`: one query over the lake by DuckDB, each dataset a view, or by Trino. It reads, and nothing else. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/open.h"
#include "config/config.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "iceberg/trino.h"
#include "json/json.h"
#include "run/lake_views.h"

enum { SHOWN_ROWS = 200, CELL_BYTES = 1 << 20 };

struct sql_args {
    const char *engine;
    bool csv;
    int64_t limit;
};

/* ---- printing ---- */

struct printer {
    struct sl_cli *cli;
    const struct sql_args *args;
    struct sl_cli_stream stream;
    struct sl_cli_table *table;
    const char **names;
    enum sl_value_type *types;
    size_t n;
    int64_t rows;
};

static void csv_field(struct sl_out *out, const char *text, size_t n, bool first)
{
    bool quote = n == 0 || memchr(text, ',', n) || memchr(text, '"', n) || memchr(text, '\n', n) || memchr(text, '\r', n);
    sl_out_text(out, first ? "" : ",");
    if (!quote) {
        sl_out_printf(out, "%.*s", (int)n, text);
        return;
    }
    sl_out_text(out, "\"");
    for (size_t i = 0; i < n; i++)
        sl_out_printf(out, text[i] == '"' ? "\"%c" : "%c", text[i]);
    sl_out_text(out, "\"");
}

static bool is_number(enum sl_value_type type)
{
    return type == SL_VALUE_INT || type == SL_VALUE_INT64 || type == SL_VALUE_FLOAT || type == SL_VALUE_DOUBLE;
}

static int begin(void *data, const struct sl_value_column *columns, size_t n, struct sl_error *err)
{
    struct printer *p = data;
    struct sl_cli_column *shown = sl_arena_array(p->cli->arena, SL_CLI_COLUMNS_MAX, sizeof *shown); /* the table keeps it */
    (void)err;
    p->names = sl_arena_array(p->cli->arena, n + 1, sizeof *p->names);
    p->types = sl_arena_array(p->cli->arena, n + 1, sizeof *p->types);
    p->n = n;
    for (size_t i = 0; i < n; i++) {
        p->names[i] = sl_arena_strdup(p->cli->arena, columns[i].name);
        p->types[i] = columns[i].type;
        if (i < SL_CLI_COLUMNS_MAX)
            shown[i] = (struct sl_cli_column){sl_out_escape(p->cli->arena, p->names[i]), is_number(columns[i].type) ? SL_RIGHT : SL_LEFT, 4};
        if (p->args->csv)
            csv_field(&p->cli->out, p->names[i], strlen(p->names[i]), i == 0);
    }
    if (p->args->csv)
        sl_out_text(&p->cli->out, "\n");
    else if (!p->cli->json)
        p->table = sl_cli_table_new(p->cli->arena, shown, n < SL_CLI_COLUMNS_MAX ? n : SL_CLI_COLUMNS_MAX);
    return 0;
}

static struct json_object *json_of(enum sl_value_type type, const struct sl_value *v, const struct sl_buf *text)
{
    if (v->null)
        return NULL;
    if (type == SL_VALUE_BOOL)
        return json_object_new_boolean(v->integer != 0);
    if (type == SL_VALUE_INT || type == SL_VALUE_INT64)
        return json_object_new_int64(v->integer);
    if (type == SL_VALUE_FLOAT || type == SL_VALUE_DOUBLE)
        return sl_json_double(v->real);
    return json_object_new_string_len(text->data, (int)text->len);
}

static int print_row(void *data, const struct sl_value *values, struct sl_error *err)
{
    struct printer *p = data;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    SL_CLEANUP(sl_json_putp) struct json_object *o = p->cli->json ? json_object_new_object() : NULL;
    sl_buf_init(&text, CELL_BYTES);
    p->rows++;
    if (sl_out_gone(&p->cli->out))
        return sl_fail(err, SL_E_CANCELLED, "nobody reads the answer any more");
    bool shown = p->table && p->rows <= p->args->limit;
    for (size_t i = 0; i < p->n; i++) {
        sl_buf_clear(&text);
        if (o || shown || p->args->csv)
            sl_value_text(&values[i], p->types[i], &text);
        if (o)
            sl_json_put(o, p->names[i], json_of(p->types[i], &values[i], &text));
        else if (p->args->csv && values[i].null)
            sl_out_text(&p->cli->out, i ? "," : "");
        else if (p->args->csv)
            csv_field(&p->cli->out, text.data, text.len, i == 0);
        else if (shown && i < SL_CLI_COLUMNS_MAX)
            sl_cli_cell(p->table, values[i].null ? NULL : sl_arena_strdup(p->cli->arena, text.data));
    }
    if (o)
        sl_cli_stream_item(&p->stream, o);
    else if (p->args->csv)
        sl_out_text(&p->cli->out, "\n");
    return 0;
}

static void end(struct printer *p)
{
    if (p->cli->json) {
        sl_cli_stream_end(&p->stream);
        return;
    }
    if (!p->table)
        return;
    sl_cli_table_print(p->table, &p->cli->out);
    if (p->rows > p->args->limit)
        sl_out_printf(&p->cli->out, "… %" PRId64 " more rows: --limit, --csv or --json\n", p->rows - p->args->limit);
    if (p->n > SL_CLI_COLUMNS_MAX)
        sl_out_printf(&p->cli->out, "… %zu more columns: --csv or --json\n", p->n - SL_CLI_COLUMNS_MAX);
}

/* ---- DuckDB over the lake ---- */

/* A query in parentheses is one that reads: DuckDB prepares one statement only, and this one begins with SELECT. */
static int ask_duck(struct printer *p, struct sl_duck *duck, const char *query, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    const struct sl_rows_sink sink = {.begin = begin, .row = print_row, .data = p};
    int64_t rows = 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT * FROM (\n");
    sl_sql_text(&sql, query);
    sl_sql_text(&sql, "\n)");
    int rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_rows(duck, sql.buf.data, &sink, &rows, err);
    if (rc == -SL_E_DUCKDB && err)
        err->code = SL_E_STEP_SQL;
    return rc == -SL_E_DUCKDB ? -SL_E_STEP_SQL : rc;
}

static int by_duckdb(struct printer *p, const char *query, struct sl_error *err)
{
    const struct sl_config *config = NULL;
    struct sl_engine *engine = NULL;
    SL_CLEANUP(sl_duck_closep) struct sl_duck *duck = NULL;
    int rc = sl_cli_config(p->cli, &config, err);
    if (rc == 0)
        rc = sl_cli_engine(p->cli, SL_NEEDS_LEDGER, &engine, err);
    if (rc < 0)
        return rc;
    const struct sl_duck_options options = {.threads = (int)config->compute_threads, .memory_bytes = config->compute_memory_bytes,
                                            .extensions_dir = config->duckdb_extensions};
    rc = sl_duck_open(&options, &duck, err);
    if (rc == 0)
        rc = sl_lake_views_make(engine, duck, query, p->cli->arena, err);
    return rc < 0 ? rc : ask_duck(p, duck, query, err);
}

/* ---- Trino ---- */

static enum sl_value_type value_type(enum sl_trino_type type)
{
    return type == SL_TRINO_INTEGER ? SL_VALUE_INT64 : type == SL_TRINO_DOUBLE ? SL_VALUE_DOUBLE : type == SL_TRINO_BOOLEAN ? SL_VALUE_BOOL : SL_VALUE_TEXT;
}

static int begin_trino(struct printer *p, const struct sl_trino_result *result, struct sl_error *err)
{
    struct sl_value_column *columns = sl_arena_array(p->cli->arena, result->n_columns + 1, sizeof *columns);
    for (size_t i = 0; i < result->n_columns; i++)
        columns[i] = (struct sl_value_column){result->columns[i].name, value_type(result->columns[i].type)};
    return begin(p, columns, result->n_columns, err);
}

static int trino_row(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err)
{
    struct printer *p = data;
    int rc = p->names ? 0 : begin_trino(p, result, err);
    struct sl_value *row = sl_xcalloc(result->n_columns + 1, sizeof *row);
    for (size_t i = 0; i < result->n_columns; i++) {
        struct json_object *v = json_object_array_get_idx(values, i);
        const char *text = v ? json_object_get_string(v) : "";
        row[i] = (struct sl_value){.null = !v, .bytes = text, .n = strlen(text)};
        row[i].integer = json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : json_object_get_int64(v);
        row[i].real = json_object_get_double(v);
    }
    rc = rc < 0 ? rc : print_row(p, row, err);
    free(row);
    return rc;
}

static int by_trino(struct printer *p, const char *query, struct sl_error *err)
{
    const struct sl_config *config = NULL;
    struct sl_trino_target target;
    SL_CLEANUP(sl_trino_closep) struct sl_trino *trino = NULL;
    bool configured = false;
    int rc = sl_cli_config(p->cli, &config, err);
    if (rc == 0)
        rc = sl_trino_target(config, p->cli->arena, &target, &configured, err);
    if (rc == 0 && !configured) {
        sl_fail(err, SL_E_CONFIG_VALUE, "no Trino is configured");
        sl_error_hint(err, "set trino.url");
        return -SL_E_CONFIG_VALUE;
    }
    if (rc == 0)
        rc = sl_trino_open(&target, &trino, err);
    const char *text = sl_arena_printf(p->cli->arena, "SELECT * FROM (\n%s\n)", query);
    if (rc == 0)
        rc = sl_trino_run(trino, text, SL_TRINO_REPEATABLE, trino_row, p, NULL, err);
    return rc == 0 && !p->names ? begin_trino(p, sl_trino_columns(trino), err) : rc;
}

static int run(struct sl_cli *cli, const void *args, struct sl_error *err)
{
    const struct sql_args *a = args;
    char *query = sl_arena_strdup(cli->arena, cli->operands.items[0]);
    size_t n = strlen(query);
    while (n && strchr("; \n\t\r", query[n - 1]))
        query[--n] = '\0';
    if (!n)
        return sl_fail(err, SL_E_USAGE, "the query is empty");
    if (a->csv && cli->json)
        return sl_fail(err, SL_E_USAGE, "--csv and --json are two forms of one answer");
    struct printer p = {.cli = cli, .args = a, .stream = {.cli = cli}};
    int rc = a->engine && !strcmp(a->engine, "trino") ? by_trino(&p, query, err) : by_duckdb(&p, query, err);
    if (rc == 0)
        end(&p);
    return rc;
}

static const char *const engines[] = {"duckdb", "trino", NULL};
static const struct sl_cli_option options[] = {
    {.name = "engine", .argument = "ENGINE", .type = SL_CLI_CHOICE, .offset = offsetof(struct sql_args, engine), .choices = engines,
     .help = "duckdb (over the lake) or trino"},
    {.name = "csv", .type = SL_CLI_FLAG, .offset = offsetof(struct sql_args, csv), .help = "all rows as CSV"},
    {.name = "limit", .argument = "N", .type = SL_CLI_INTEGER, .offset = offsetof(struct sql_args, limit), .initial = SHOWN_ROWS,
     .help = "rows that the table shows (200)"},
};

const struct sl_command sl_cmd_sql = {
    .name = "sql",
    .summary = "one query over the lake",
    .group = SL_GROUP_LOOK,
    .usage = "[--engine ENGINE] [--csv] QUERY",
    .examples = "  sluice sql 'SELECT count(*) FROM countries'\n"
                "  sluice sql 'SELECT station, avg(value) FROM readings GROUP BY 1' --csv\n"
                "  sluice sql --engine trino 'SELECT * FROM noaa.readings LIMIT 5'\n",
    .details = "Each dataset is a view of its latest version, or of all where versions are appended rows; Iceberg\n"
               "tables are ice.namespace.table.\n"
               "The query reads the lake and nothing else. Geometries are WKB.\n",
    SL_CLI_OPTIONS(options),
    .args_bytes = sizeof(struct sql_args),
    .least = 1,
    .most = 1,
    .run = run,
};

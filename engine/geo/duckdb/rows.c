/* SPDX-License-Identifier: Apache-2.0 */
/* A query's rows, a chunk at a time: memory does not grow with their number. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "geo/duckdb/duck_internal.h"
#include "geo/sql.h"

enum { EXACT_DIGITS = 15 }; /* decimals of so many digits are told apart by a double */

/* How DuckDB's type is taken: the value's type, and what it is cast to in the query. */
struct taken {
    enum sl_value_type type;
    const char *cast;
};

static struct taken take(duckdb_type type, duckdb_logical_type logical)
{
    switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
        return (struct taken){SL_VALUE_BOOL, "BOOLEAN"};
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_INTEGER:
        return (struct taken){SL_VALUE_INT, "INTEGER"};
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_BIGINT:
        return (struct taken){SL_VALUE_INT64, "BIGINT"};
    case DUCKDB_TYPE_FLOAT:
        return (struct taken){SL_VALUE_FLOAT, "FLOAT"};
    case DUCKDB_TYPE_DOUBLE:
        return (struct taken){SL_VALUE_DOUBLE, "DOUBLE"};
    case DUCKDB_TYPE_DECIMAL:
        if (duckdb_decimal_width(logical) <= EXACT_DIGITS)
            return (struct taken){SL_VALUE_DOUBLE, "DOUBLE"};
        return (struct taken){SL_VALUE_TEXT, "VARCHAR"};
    case DUCKDB_TYPE_BLOB:
        return (struct taken){SL_VALUE_BYTES, "BLOB"};
    case DUCKDB_TYPE_DATE:
        return (struct taken){SL_VALUE_DATE, "DATE"};
    case DUCKDB_TYPE_TIME:
        return (struct taken){SL_VALUE_TIME, "TIME"};
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return (struct taken){SL_VALUE_TIMESTAMP, "TIMESTAMP"};
    case DUCKDB_TYPE_TIMESTAMP_TZ:
        return (struct taken){SL_VALUE_INSTANT, "TIMESTAMPTZ"};
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_ARRAY:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
        return (struct taken){SL_VALUE_JSON, NULL};
    default:
        return (struct taken){SL_VALUE_TEXT, "VARCHAR"};
    }
}

struct reading {
    struct sl_duck *duck;
    struct sl_arena *arena;
    struct sl_value_column *columns;
    struct sl_value *values;
    size_t n;
    const struct sl_rows_sink *sink;
    int64_t rows;
};

static int prepare(struct reading *r, const char *sql, duckdb_prepared_statement *out, struct sl_error *err)
{
    if (duckdb_prepare(sl_duck__connection(r->duck), sql, out) == DuckDBSuccess)
        return 0;
    return sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_prepare_error(*out), err);
}

/* The query again, every column as a type that is read below. */
static int cast_all(struct reading *r, const char *sql, duckdb_prepared_statement statement, struct sl_sql *out,
                    struct sl_error *err)
{
    r->n = duckdb_prepared_statement_column_count(statement);
    r->columns = sl_arena_array(r->arena, r->n + 1, sizeof *r->columns);
    r->values = sl_arena_array(r->arena, r->n + 1, sizeof *r->values);
    sl_sql_text(out, "SELECT ");
    for (idx_t i = 0; i < r->n; i++) {
        const char *name = duckdb_prepared_statement_column_name(statement, i);
        duckdb_logical_type logical = duckdb_prepared_statement_column_logical_type(statement, i);
        struct taken t = take(duckdb_prepared_statement_column_type(statement, i), logical);
        duckdb_destroy_logical_type(&logical);
        r->columns[i] = (struct sl_value_column){sl_arena_strdup(r->arena, name), t.type};
        duckdb_free((void *)(uintptr_t)name);
        sl_sql_text(out, i ? ", " : "");
        sl_sql_text(out, t.cast ? "CAST(" : "CAST(to_json(");
        sl_sql_ident(out, r->columns[i].name);
        sl_sql_text(out, t.cast ? " AS " : ") AS VARCHAR");
        sl_sql_text(out, t.cast ? t.cast : "");
        sl_sql_text(out, ")");
    }
    sl_sql_text(out, " FROM (");
    sl_sql_text(out, sql);
    sl_sql_text(out, ")");
    return sl_sql_check(out, err);
}

static int far_away(const struct reading *r, size_t column, struct sl_error *err)
{
    return sl_fail(err, SL_E_FILE_DAMAGED, "column \"%s\", row %" PRId64 ": a date outside of the years 1 to 9999",
                   r->columns[column].name, r->rows + 1);
}

static void set_clock(struct sl_value_time *t, duckdb_time_struct clock)
{
    t->hour = clock.hour;
    t->minute = clock.min;
    t->micros = clock.sec * 1000000 + clock.micros;
}

static void set_date(struct sl_value_time *t, duckdb_date_struct date)
{
    t->year = date.year;
    t->month = date.month;
    t->day = date.day;
}

static int read_time(struct reading *r, size_t column, const void *data, idx_t row, struct sl_error *err)
{
    struct sl_value_time *t = &r->values[column].time;
    enum sl_value_type type = r->columns[column].type;
    *t = (struct sl_value_time){0};
    if (type == SL_VALUE_TIME) {
        set_clock(t, duckdb_from_time(((const duckdb_time *)data)[row]));
        return 0;
    }
    if (type == SL_VALUE_DATE) {
        duckdb_date date = ((const duckdb_date *)data)[row];
        if (!duckdb_is_finite_date(date))
            return far_away(r, column, err);
        set_date(t, duckdb_from_date(date));
    } else {
        duckdb_timestamp stamp = ((const duckdb_timestamp *)data)[row];
        if (!duckdb_is_finite_timestamp(stamp))
            return far_away(r, column, err);
        duckdb_timestamp_struct parts = duckdb_from_timestamp(stamp);
        set_date(t, parts.date);
        set_clock(t, parts.time);
    }
    return t->year >= 1 && t->year <= 9999 ? 0 : far_away(r, column, err);
}

static int read_value(struct reading *r, size_t column, duckdb_vector vector, idx_t row, struct sl_error *err)
{
    struct sl_value *v = &r->values[column];
    void *data = duckdb_vector_get_data(vector);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    v->null = validity && !duckdb_validity_row_is_valid(validity, row);
    if (v->null)
        return 0;
    switch (r->columns[column].type) {
    case SL_VALUE_BOOL:
        v->integer = ((const bool *)data)[row];
        return 0;
    case SL_VALUE_INT:
        v->integer = ((const int32_t *)data)[row];
        return 0;
    case SL_VALUE_INT64:
        v->integer = ((const int64_t *)data)[row];
        return 0;
    case SL_VALUE_FLOAT:
        v->real = (double)((const float *)data)[row];
        return 0;
    case SL_VALUE_DOUBLE:
        v->real = ((const double *)data)[row];
        return 0;
    case SL_VALUE_TEXT:
    case SL_VALUE_JSON:
    case SL_VALUE_BYTES: {
        duckdb_string_t *text = &((duckdb_string_t *)data)[row];
        v->bytes = duckdb_string_t_data(text);
        v->n = duckdb_string_t_length(*text);
        return 0;
    }
    default:
        return read_time(r, column, data, row, err);
    }
}

static int read_chunk(struct reading *r, duckdb_data_chunk chunk, struct sl_error *err)
{
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    int rc = 0;
    for (idx_t row = 0; rc == 0 && row < rows; row++) {
        for (idx_t i = 0; rc == 0 && i < r->n; i++)
            rc = read_value(r, i, duckdb_data_chunk_get_vector(chunk, i), row, err);
        if (rc == 0)
            rc = r->sink->row(r->sink->data, r->values, err);
        r->rows++;
    }
    return rc;
}

static int read_all(struct reading *r, duckdb_prepared_statement statement, struct sl_error *err)
{
    duckdb_pending_result pending = NULL;
    duckdb_result result = {0};
    int rc = 0;
    if (duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess)
        rc = sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_pending_error(pending), err);
    if (rc == 0 && duckdb_execute_pending(pending, &result) != DuckDBSuccess)
        rc = sl_duck__fail(duckdb_result_error_type(&result), duckdb_result_error(&result), err);
    while (rc == 0) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
        if (!chunk) {
            /* The end, or what went wrong on the way there. */
            const char *message = duckdb_result_error(&result);
            if (message && *message)
                rc = sl_duck__fail(duckdb_result_error_type(&result), message, err);
            break;
        }
        rc = read_chunk(r, chunk, err);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    duckdb_destroy_pending(&pending);
    return rc;
}

int sl_duck_rows(struct sl_duck *duck, const char *sql, const struct sl_rows_sink *sink, int64_t *rows,
                 struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_sql_free) struct sl_sql cast;
    struct reading r = {.duck = duck, .arena = arena, .sink = sink};
    duckdb_prepared_statement statement = NULL;
    sl_sql_init(&cast, SL_DIALECT_DUCKDB);
    int rc = prepare(&r, sql, &statement, err);
    if (rc == 0)
        rc = cast_all(&r, sql, statement, &cast, err);
    duckdb_destroy_prepare(&statement);
    if (rc == 0)
        rc = prepare(&r, cast.buf.data, &statement, err);
    if (rc == 0)
        rc = sink->begin(sink->data, r.columns, r.n, err);
    if (rc == 0)
        rc = read_all(&r, statement, err);
    duckdb_destroy_prepare(&statement);
    if (rc == 0)
        *rows = r.rows;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "geo/duckdb/append.h"

#include <stdlib.h>

#include "base/arena.h"
#include "geo/duckdb/duck_internal.h"

struct sl_duck_append {
    duckdb_appender appender;
    bool failed;
    duckdb_value *values; /* for the items of a list */
    size_t capacity;
    duckdb_logical_type types[4];
};

static int tell(const struct sl_duck_append *a, struct sl_error *err)
{
    return sl_duck__fail(DUCKDB_ERROR_INVALID, duckdb_appender_error(a->appender), err);
}

int sl_duck_append_open(struct sl_duck *duck, const char *table, struct sl_duck_append **out, struct sl_error *err)
{
    static const duckdb_type types[] = {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_DOUBLE, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_BOOLEAN};
    struct sl_duck_append *a = sl_xcalloc(1, sizeof *a);
    if (duckdb_appender_create(sl_duck__connection(duck), NULL, table, &a->appender) != DuckDBSuccess) {
        int rc = tell(a, err);
        duckdb_appender_destroy(&a->appender);
        free(a);
        return rc;
    }
    for (size_t i = 0; i < 4; i++)
        a->types[i] = duckdb_create_logical_type(types[i]);
    *out = a;
    return 0;
}

static void check(struct sl_duck_append *a, duckdb_state state)
{
    a->failed = a->failed || state != DuckDBSuccess;
}

void sl_duck_append_null(struct sl_duck_append *a)
{
    check(a, duckdb_append_null(a->appender));
}

void sl_duck_append_int64(struct sl_duck_append *a, int64_t value)
{
    check(a, duckdb_append_int64(a->appender, value));
}

void sl_duck_append_double(struct sl_duck_append *a, double value)
{
    check(a, duckdb_append_double(a->appender, value));
}

void sl_duck_append_bool(struct sl_duck_append *a, bool value)
{
    check(a, duckdb_append_bool(a->appender, value));
}

void sl_duck_append_text(struct sl_duck_append *a, const char *text, size_t bytes)
{
    check(a, duckdb_append_varchar_length(a->appender, text, bytes));
}

void sl_duck_append_timestamp(struct sl_duck_append *a, int64_t unix_us)
{
    check(a, duckdb_append_timestamp(a->appender, (duckdb_timestamp){unix_us}));
}

static duckdb_value make(enum sl_duck_item type, const struct sl_duck_value *v)
{
    if (v->is_null)
        return duckdb_create_null_value();
    switch (type) {
    case SL_DUCK_BIGINT:
        return duckdb_create_int64(v->integer);
    case SL_DUCK_DOUBLE:
        return duckdb_create_double(v->number);
    case SL_DUCK_BOOLEAN:
        return duckdb_create_bool(v->integer != 0);
    case SL_DUCK_VARCHAR:
        break;
    }
    return duckdb_create_varchar_length(v->text, v->bytes);
}

void sl_duck_append_list(struct sl_duck_append *a, enum sl_duck_item type, const struct sl_duck_value *items, size_t n)
{
    if (n > a->capacity) {
        a->values = sl_xrealloc(a->values, n * sizeof *a->values);
        a->capacity = n;
    }
    for (size_t i = 0; i < n; i++)
        a->values[i] = make(type, &items[i]);
    duckdb_value list = duckdb_create_list_value(a->types[type], a->values, n);
    check(a, duckdb_append_value(a->appender, list));
    duckdb_destroy_value(&list);
    for (size_t i = 0; i < n; i++)
        duckdb_destroy_value(&a->values[i]);
}

int sl_duck_append_row(struct sl_duck_append *a, struct sl_error *err)
{
    check(a, duckdb_appender_end_row(a->appender));
    return a->failed ? tell(a, err) : 0;
}

int sl_duck_append_close(struct sl_duck_append *a, struct sl_error *err)
{
    int rc = 0;
    if (!a)
        return 0;
    if (duckdb_appender_close(a->appender) != DuckDBSuccess)
        rc = tell(a, err);
    duckdb_appender_destroy(&a->appender);
    for (size_t i = 0; i < 4; i++)
        duckdb_destroy_logical_type(&a->types[i]);
    free(a->values);
    free(a);
    return rc;
}

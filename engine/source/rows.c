/* SPDX-License-Identifier: Apache-2.0 */
#include "source/rows.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "geo/duckdb/append.h"
#include "geo/sql.h"
#include "source/values.h"

enum { MEMORY_BYTES = 96 << 20, MAX_ITEMS = 10000, ROW_GROUP_ROWS = 65536 };
#define LAST_MS INT64_C(253402300799999) /* of the year 9999 */
#define TABLE   "records"

struct column {
    const char *name;
    enum sl_source_type type;
    bool declared;
    enum sl_drift drift;
    struct json_object *value; /* of the record at hand; borrowed */
    uint64_t seen;             /* the record that brought it */
};

struct sl_rows {
    const struct sl_source_spec *spec;
    struct sl_arena *arena;
    struct sl_duck *duck;
    struct sl_duck_append *append; /* NULL: none is open */
    struct column *columns;        /* SL_SOURCE_MAX_COLUMNS of them */
    size_t n_columns, at;          /* at: where the last member was, for the next one */
    uint64_t record;
    int64_t discarded;
    struct sl_duck_value *items; /* MAX_ITEMS of them */
};

static bool is_list(enum sl_source_type type)
{
    return type >= SL_TYPE_LISTS;
}

static const char *sql_type(enum sl_source_type type)
{
    static const char *const names[] = {"BIGINT",   "DOUBLE",   "VARCHAR",   "BOOLEAN",  "TIMESTAMP",
                                        "BIGINT[]", "DOUBLE[]", "VARCHAR[]", "BOOLEAN[]"};
    return names[type];
}

int sl_source_type_by_name(const char *name)
{
    for (int i = 0; sl_source_types[i]; i++)
        if (!strcmp(sl_source_types[i], name))
            return i;
    return -1;
}

/* ---- the table ---- */

static enum sl_drift drift_of(const struct sl_source_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->drift.fields.n; i++)
        if (!strcmp(spec->drift.fields.items[i].name, name))
            for (int d = 0; sl_source_drifts[d]; d++)
                if (!strcmp(sl_source_drifts[d], spec->drift.fields.items[i].value))
                    return (enum sl_drift)d;
    return (enum sl_drift)spec->drift.fallback;
}

static struct column *add_column(struct sl_rows *r, const char *name, enum sl_source_type type, bool declared)
{
    struct column *c = &r->columns[r->n_columns++];
    *c = (struct column){
        .name = sl_arena_strdup(r->arena, name), .type = type, .declared = declared, .drift = drift_of(r->spec, name)};
    return c;
}

static int execute(struct sl_rows *r, struct sl_sql *sql, struct sl_error *err)
{
    int rc = sl_sql_check(sql, err);
    return rc < 0 ? rc : sl_duck_exec(r->duck, sql->buf.data, SL_E_DUCKDB, NULL, err);
}

/* Without columns there is nothing to append to: a table has its first when the first record comes. */
static int create(struct sl_rows *r, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    for (size_t i = 0; i < r->spec->columns_map.n; i++)
        add_column(r, r->spec->columns_map.items[i].name,
                   (enum sl_source_type)sl_source_type_by_name(r->spec->columns_map.items[i].value), true);
    if (r->n_columns == 0)
        return 0;
    sl_sql_text(&sql, "CREATE TABLE " TABLE " (");
    for (size_t i = 0; i < r->n_columns; i++) {
        sl_sql_text(&sql, i ? ", " : "");
        sl_sql_ident(&sql, r->columns[i].name);
        sl_sql_text(&sql, " ");
        sl_sql_text(&sql, sql_type(r->columns[i].type));
    }
    sl_sql_text(&sql, ")");
    return execute(r, &sql, err);
}

int sl_rows_open(const struct sl_source_spec *spec, const char *scratch, struct sl_rows **out, struct sl_error *err)
{
    struct sl_rows *r = sl_xcalloc(1, sizeof *r);
    r->spec = spec;
    r->arena = sl_arena_new();
    r->columns = sl_arena_array(r->arena, SL_SOURCE_MAX_COLUMNS, sizeof *r->columns);
    r->items = sl_arena_array(r->arena, MAX_ITEMS, sizeof *r->items);
    const struct sl_duck_options options = {.threads = 1,
                                            .memory_bytes = MEMORY_BYTES,
                                            .temp_dir = scratch,
                                            .database = sl_arena_printf(r->arena, "%s/records.duckdb", scratch)};
    int rc = sl_duck_open(&options, &r->duck, err);
    if (rc == 0)
        rc = create(r, err);
    if (rc < 0)
        sl_rows_free(r);
    else
        *out = r;
    return rc;
}

static int close_append(struct sl_rows *r, struct sl_error *err)
{
    int rc = sl_duck_append_close(r->append, err);
    r->append = NULL;
    return rc;
}

static int alter(struct sl_rows *r, const struct column *c, bool created, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    int rc = close_append(r, err);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    bool first = created && r->n_columns == 1;
    sl_sql_text(&sql, first ? "CREATE TABLE " TABLE " (" : created ? "ALTER TABLE " TABLE " ADD COLUMN " : "ALTER TABLE " TABLE " ALTER COLUMN ");
    sl_sql_ident(&sql, c->name);
    sl_sql_text(&sql, created ? " " : " TYPE ");
    sl_sql_text(&sql, sql_type(c->type));
    sl_sql_text(&sql, first ? ")" : "");
    return rc < 0 ? rc : execute(r, &sql, err);
}

/* ---- types ---- */

static enum sl_source_type scalar_type(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return SL_TYPE_BOOLEAN;
    case json_type_int:
        return SL_TYPE_BIGINT;
    case json_type_double:
        return SL_TYPE_DOUBLE;
    default:
        return SL_TYPE_VARCHAR;
    }
}

static enum sl_source_type common(enum sl_source_type a, enum sl_source_type b)
{
    bool numbers = (a == SL_TYPE_BIGINT || a == SL_TYPE_DOUBLE) && (b == SL_TYPE_BIGINT || b == SL_TYPE_DOUBLE);
    return a == b ? a : numbers ? SL_TYPE_DOUBLE : SL_TYPE_VARCHAR;
}

static enum sl_source_type list_type(struct json_object *list)
{
    bool any = false;
    enum sl_source_type type = SL_TYPE_VARCHAR;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (!item)
            continue;
        type = any ? common(type, scalar_type(item)) : scalar_type(item);
        any = true;
    }
    return SL_TYPE_LISTS + type;
}

static enum sl_source_type type_of(struct json_object *value)
{
    return json_object_is_type(value, json_type_array) ? list_type(value) : scalar_type(value);
}

static bool scalar_fits(struct json_object *value, enum sl_source_type type, bool exact)
{
    enum json_type is = json_object_get_type(value);
    int64_t ms;
    switch (type) {
    case SL_TYPE_BIGINT:
        return is == json_type_int;
    case SL_TYPE_DOUBLE:
        return is == json_type_int || is == json_type_double;
    case SL_TYPE_BOOLEAN:
        return is == json_type_boolean;
    case SL_TYPE_TIMESTAMP:
        return (is == json_type_int && llabs(json_object_get_int64(value)) <= LAST_MS) || (is == json_type_string && sl_source_time(json_object_get_string(value), NULL, &ms));
    default:
        return !exact || is == json_type_string; /* what was not declared takes everything as text */
    }
}

static bool fits(const struct column *c, struct json_object *value)
{
    bool list = json_object_is_type(value, json_type_array);
    if (!is_list(c->type))
        return (!list || (!c->declared && c->type == SL_TYPE_VARCHAR)) && scalar_fits(value, c->type, c->declared);
    for (size_t i = 0; list && i < json_object_array_length(value); i++) {
        struct json_object *item = json_object_array_get_idx(value, i);
        if (item && !scalar_fits(item, (enum sl_source_type)(c->type - SL_TYPE_LISTS), c->declared))
            return false;
    }
    return list && json_object_array_length(value) <= MAX_ITEMS;
}

static int bad(const struct column *c, struct json_object *value, struct sl_error *err)
{
    sl_fail(err, SL_E_SOURCE_RECORDS, "%s: %.60s is no %s", c->name,
            json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN), sl_source_types[c->type]);
    return 1;
}

/* A value that its column does not take. *value becomes NULL where it is discarded. */
static int misfit(struct sl_rows *r, struct column *c, struct json_object **value, struct sl_error *err)
{
    switch (c->drift) {
    case SL_DRIFT_FREEZE:
        bad(c, *value, err);
        sl_error_hint(err, "the source's drift policy for %s is freeze", c->name);
        return -SL_E_SOURCE_RECORDS;
    case SL_DRIFT_DISCARD_VALUE:
        *value = NULL;
        r->discarded++;
        return 0;
    case SL_DRIFT_DISCARD_ROW:
        return bad(c, *value, err);
    case SL_DRIFT_EVOLVE:
        break;
    }
    enum sl_source_type type = type_of(*value);
    if (c->declared || is_list(type) != is_list(c->type) || (is_list(type) && json_object_array_length(*value) > MAX_ITEMS))
        return bad(c, *value, err);
    c->type = is_list(type) ? SL_TYPE_LISTS + common(type - SL_TYPE_LISTS, c->type - SL_TYPE_LISTS) : common(type, c->type);
    return alter(r, c, false, err);
}

/* A member that no column has. */
static int unknown(struct sl_rows *r, const char *name, struct json_object *value, struct column **out, struct sl_error *err)
{
    enum sl_drift drift = drift_of(r->spec, name);
    bool fit = *name && strlen(name) <= 63 && sl_utf8_valid(name, strlen(name));
    if (drift == SL_DRIFT_DISCARD_VALUE) {
        r->discarded++;
        return 0;
    }
    for (size_t i = 0; i < r->n_columns; i++) /* columns of a table differ by more than case */
        fit = fit && strcasecmp(r->columns[i].name, name) != 0;
    if (drift == SL_DRIFT_EVOLVE && fit && r->n_columns == SL_SOURCE_MAX_COLUMNS)
        return sl_fail(err, SL_E_LIMIT, "the records bring more than %d columns", SL_SOURCE_MAX_COLUMNS);
    if (drift == SL_DRIFT_EVOLVE && fit) {
        *out = add_column(r, name, type_of(value), false);
        return alter(r, *out, true, err);
    }
    sl_fail(err, SL_E_SOURCE_RECORDS, "column \"%s\" is not declared%s", name, fit ? "" : ", and its name is none for one more column");
    if (drift != SL_DRIFT_FREEZE)
        return 1;
    sl_error_hint(err, "the source's drift policy is freeze");
    return -SL_E_SOURCE_RECORDS;
}

/* ---- a record ---- */

/* Members come in the same order most of the time. Names differ by case, too: a column's name is one whatever its case. */
static struct column *find(struct sl_rows *r, const char *name)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        size_t at = (r->at + i) % r->n_columns;
        if (!strcmp(r->columns[at].name, name)) {
            r->at = at + 1;
            return &r->columns[at];
        }
    }
    return NULL;
}

static int place(struct sl_rows *r, const char *name, struct json_object *value, struct sl_error *err)
{
    struct column *c = find(r, name);
    int rc = 0;
    if (!value)
        return 0;
    if (!c)
        rc = unknown(r, name, value, &c, err);
    if (rc == 0 && c && !fits(c, value))
        rc = misfit(r, c, &value, err);
    if (rc == 0 && c) {
        c->value = value;
        c->seen = r->record;
    }
    return rc;
}

static void put_scalar(struct sl_duck_append *a, enum sl_source_type type, struct json_object *value)
{
    bool text = json_object_is_type(value, json_type_string);
    int64_t ms = 0;
    switch (type) {
    case SL_TYPE_BIGINT:
        sl_duck_append_int64(a, json_object_get_int64(value));
        break;
    case SL_TYPE_DOUBLE:
        sl_duck_append_double(a, json_object_get_double(value));
        break;
    case SL_TYPE_BOOLEAN:
        sl_duck_append_bool(a, json_object_get_boolean(value));
        break;
    case SL_TYPE_TIMESTAMP:
        if (!text || !sl_source_time(json_object_get_string(value), NULL, &ms))
            ms = json_object_get_int64(value);
        sl_duck_append_timestamp(a, ms * 1000);
        break;
    default: {
        const char *shown = text ? json_object_get_string(value) : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
        sl_duck_append_text(a, shown, text ? (size_t)json_object_get_string_len(value) : strlen(shown));
    }
    }
}

static void put_list(struct sl_rows *r, enum sl_source_type type, struct json_object *list)
{
    size_t n = json_object_array_length(list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        struct sl_duck_value *v = &r->items[i];
        *v = (struct sl_duck_value){.is_null = !item};
        if (!item)
            continue;
        v->integer = type == SL_TYPE_BOOLEAN ? json_object_get_boolean(item) : json_object_get_int64(item);
        v->number = type == SL_TYPE_DOUBLE ? json_object_get_double(item) : 0;
        if (type == SL_TYPE_VARCHAR) {
            v->text = json_object_get_string(item);
            v->bytes = strlen(v->text);
        }
    }
    sl_duck_append_list(r->append, (enum sl_duck_item)type, r->items, n);
}

int sl_rows_add(struct sl_rows *r, struct json_object *record, struct sl_error *err)
{
    int rc = 0;
    r->record++;
    r->at = 0;
    json_object_object_foreach(record, name, value)
    {
        rc = place(r, name, value, err);
        if (rc != 0)
            return rc;
    }
    if (r->n_columns == 0) {
        sl_fail(err, SL_E_SOURCE_RECORDS, "the record has no values");
        return 1;
    }
    if (!r->append)
        rc = sl_duck_append_open(r->duck, TABLE, &r->append, err);
    for (size_t i = 0; rc == 0 && i < r->n_columns; i++) {
        struct column *c = &r->columns[i];
        if (c->seen != r->record)
            sl_duck_append_null(r->append);
        else if (!c->value)
            sl_duck_append_null(r->append);
        else if (is_list(c->type))
            put_list(r, (enum sl_source_type)(c->type - SL_TYPE_LISTS), c->value);
        else
            put_scalar(r->append, c->type, c->value);
    }
    return rc < 0 ? rc : sl_duck_append_row(r->append, err);
}

/* ---- the file ---- */

static void put_key(const struct sl_rows *r, struct sl_sql *sql)
{
    for (size_t i = 0; i < r->spec->key.n; i++) {
        sl_sql_text(sql, i ? ", " : "");
        sl_sql_ident(sql, r->spec->key.items[i]);
    }
}

static int check_key(const struct sl_rows *r, struct sl_error *err)
{
    for (size_t i = 0; i < r->spec->key.n; i++) {
        bool there = false;
        for (size_t k = 0; k < r->n_columns; k++)
            there = there || !strcmp(r->columns[k].name, r->spec->key.items[i]);
        if (!there)
            return sl_fail(err, SL_E_SOURCE_RECORDS, "the records have no column \"%s\", which is of the source's key",
                           r->spec->key.items[i]);
    }
    return 0;
}

/* The later one is kept: pages that shift bring a record again, newer if anything. */
static int drop_duplicates(struct sl_rows *r, int64_t *dropped, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql count;
    SL_CLEANUP(sl_sql_free) struct sl_sql drop;
    sl_sql_init(&count, SL_DIALECT_DUCKDB);
    sl_sql_init(&drop, SL_DIALECT_DUCKDB);
    sl_sql_text(&count, "SELECT (SELECT count(*) FROM " TABLE ") - (SELECT count(*) FROM (SELECT DISTINCT ");
    put_key(r, &count);
    sl_sql_text(&count, " FROM " TABLE "))");
    sl_sql_text(&drop, "DELETE FROM " TABLE " WHERE rowid NOT IN (SELECT max(rowid) FROM " TABLE " GROUP BY ");
    put_key(r, &drop);
    sl_sql_text(&drop, ")");
    int rc = check_key(r, err);
    if (rc == 0)
        rc = sl_sql_check(&count, err);
    if (rc == 0)
        rc = sl_duck_query_int(r->duck, count.buf.data, dropped, err);
    return rc < 0 || *dropped == 0 ? rc : execute(r, &drop, err);
}

int sl_rows_write(struct sl_rows *r, const char *path, struct sl_rows_counts *counts, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_rows_counts c = {.discarded = r->discarded};
    int rc = close_append(r, err);
    if (rc == 0 && r->n_columns == 0)
        rc = sl_fail(err, SL_E_INTERNAL, "a table without columns cannot be written");
    if (rc == 0 && r->spec->key.n)
        rc = drop_duplicates(r, &c.duplicates, err);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "COPY " TABLE " TO ");
    sl_sql_literal(&sql, path);
    sl_sql_text(&sql, " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ");
    sl_sql_int(&sql, ROW_GROUP_ROWS);
    sl_sql_text(&sql, ")");
    if (rc == 0)
        rc = sl_sql_check(&sql, err);
    if (rc == 0)
        rc = sl_duck_exec(r->duck, sql.buf.data, SL_E_DUCKDB, &c.rows, err);
    if (rc == 0)
        *counts = c;
    return rc;
}

/* ---- a look ---- */

struct look {
    const struct sl_rows *rows;
    struct json_object *list;
};

static int look_at_row(void *data, const char *const *values, size_t n, struct sl_error *err)
{
    struct look *l = data;
    struct json_object *row = json_object_new_object();
    (void)err;
    for (size_t i = 0; i < n && i < l->rows->n_columns; i++)
        sl_json_put_str(row, l->rows->columns[i].name, values[i]);
    json_object_array_add(l->list, row);
    return 0;
}

int sl_rows_peek(struct sl_rows *r, int64_t most, struct json_object **out, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct look look = {.rows = r, .list = json_object_new_array()};
    int rc = close_append(r, err);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "SELECT ");
    for (size_t i = 0; i < r->n_columns; i++) {
        sl_sql_text(&sql, i ? ", CAST(" : "CAST(");
        sl_sql_ident(&sql, r->columns[i].name);
        sl_sql_text(&sql, " AS VARCHAR)");
    }
    sl_sql_text(&sql, " FROM " TABLE " LIMIT ");
    sl_sql_int(&sql, most);
    if (rc == 0 && r->n_columns)
        rc = sl_sql_check(&sql, err);
    if (rc == 0 && r->n_columns)
        rc = sl_duck_query(r->duck, sql.buf.data, look_at_row, &look, err);
    if (rc < 0)
        json_object_put(look.list);
    else
        *out = look.list;
    return rc;
}

void sl_rows_free(struct sl_rows *r)
{
    if (!r)
        return;
    sl_duck_append_close(r->append, NULL);
    sl_duck_close(r->duck);
    sl_arena_free(r->arena);
    free(r);
}

void sl_rows_freep(struct sl_rows **rows)
{
    sl_rows_free(*rows);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "source/normalise.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "source/values.h"

enum { MAX_PARTS = 10000, MAX_EXPLODED = 100000 };

static int bad(struct sl_error *err, const char *column, struct json_object *value, const char *what)
{
    const char *shown = value ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "null";
    sl_fail(err, SL_E_FILE_FORMAT, "%s: %.60s is %s", column, shown, what);
    return 1;
}


/* ---- split ---- */

struct split {
    const char *column, *by;
    bool trim;
};
static const struct sl_option split_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct split, column), .help = "The column with the text."},
    {.name = "by", .type = SL_OPT_STRING, .default_json = "\",\"", .offset = offsetof(struct split, by), .help = "What stands between the parts."},
    {.name = "trim", .type = SL_OPT_BOOL, .default_json = "true", .offset = offsetof(struct split, trim), .help = "Take blanks off the parts."},
};

static void add_part(struct json_object *list, const char *part, size_t n, bool trim)
{
    while (trim && n && (*part == ' ' || *part == '\t'))
        part++, n--;
    while (trim && n && (part[n - 1] == ' ' || part[n - 1] == '\t'))
        n--;
    json_object_array_add(list, json_object_new_string_len(part, (int)n));
}

static int apply_split(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct split *o = options;
    struct json_object *value = sl_json_get(record, o->column);
    (void)n;
    if (!value || json_object_is_type(value, json_type_array))
        return 0;
    if (!json_object_is_type(value, json_type_string))
        return bad(err, o->column, value, "no text to split");
    struct json_object *list = json_object_new_array();
    const char *text = json_object_get_string(value);
    for (const char *next; (next = strstr(text, o->by)) && json_object_array_length(list) < MAX_PARTS;
         text = next + strlen(o->by))
        add_part(list, text, (size_t)(next - text), o->trim);
    add_part(list, text, strlen(text), o->trim);
    sl_json_put(record, o->column, list);
    return 0;
}

static const char *wrong_split(const void *options)
{
    return *((const struct split *)options)->by ? NULL : "by: expected a text that is not empty";
}

/* ---- timestamp ---- */

struct timestamp {
    const char *column, *into, *format;
};
static const struct sl_option timestamp_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct timestamp, column), .help = "The column with the time."},
    {.name = "into", .type = SL_OPT_COLUMN, .default_json = "null", .offset = offsetof(struct timestamp, into), .help = "Where the milliseconds go; without it the same column."},
    {.name = "format", .type = SL_OPT_STRING, .default_json = "\"iso\"", .offset = offsetof(struct timestamp, format), .help = "iso, epoch_s, epoch_ms, or strptime's words such as %d.%m.%Y %H:%M; in the source's zone unless the text has its own."},
};

static int apply_timestamp(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct timestamp *o = options;
    struct json_object *value = sl_json_get(record, o->column);
    int64_t ms;
    if (!value)
        return 0;
    bool scalar = json_object_is_type(value, json_type_string) || json_object_is_type(value, json_type_int) ||
                  json_object_is_type(value, json_type_double);
    if (!scalar || !sl_source_time_as(json_object_get_string(value), o->format, n->spec->zone, &ms))
        return bad(err, o->column, value, "no time of the format");
    sl_json_put_int(record, o->into ? o->into : o->column, ms);
    return 0;
}

/* ---- ingestion_ts ---- */

struct ingestion {
    const char *column;
};
static const struct sl_option ingestion_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .default_json = "\"ingestion_ts\"", .offset = offsetof(struct ingestion, column), .help = "Its name."},
};

static int apply_ingestion(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    (void)err;
    sl_json_put_int(record, ((const struct ingestion *)options)->column, n->fetched_ms);
    return 0;
}

/* ---- rename, drop, constant ---- */

struct mapping {
    struct sl_map columns;
};
static const struct sl_option rename_items[] = {
    {.name = "columns", .type = SL_OPT_MAP, .offset = offsetof(struct mapping, columns), .help = "Old names to new ones."},
};

static int apply_rename(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct mapping *o = options;
    (void)n;
    for (size_t i = 0; i < o->columns.n; i++) {
        struct json_object *value = NULL;
        const char *from = o->columns.items[i].name, *to = o->columns.items[i].value;
        if (!json_object_object_get_ex(record, from, &value) || !strcmp(from, to))
            continue;
        if (json_object_object_get_ex(record, to, NULL)) {
            sl_fail(err, SL_E_FILE_FORMAT, "%s cannot be called %s: there is one", from, to);
            return 1;
        }
        sl_json_put(record, to, json_object_get(value));
        json_object_object_del(record, from);
    }
    return 0;
}

struct names {
    struct sl_names columns;
};
static const struct sl_option drop_items[] = {
    {.name = "columns", .type = SL_OPT_COLUMNS, .offset = offsetof(struct names, columns), .help = "The columns that go; those that are not there don't matter."},
};

static int apply_drop(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct names *o = options;
    (void)n, (void)err;
    for (size_t i = 0; i < o->columns.n; i++)
        json_object_object_del(record, o->columns.items[i]);
    return 0;
}

struct constant {
    const char *column;
    struct json_object *value;
};
static const struct sl_option constant_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct constant, column), .help = "Its name."},
    {.name = "value", .type = SL_OPT_JSON, .offset = offsetof(struct constant, value), .help = "A text, number, boolean or list."},
};

static int apply_constant(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct constant *o = options;
    (void)n, (void)err;
    sl_json_put(record, o->column, json_object_get(o->value));
    return 0;
}

/* ---- cast ---- */

static const char *const cast_types[] = {"bigint", "double", "varchar", "boolean", NULL};
static const struct sl_option cast_items[] = {
    {.name = "columns", .type = SL_OPT_MAP, .offset = offsetof(struct mapping, columns), .choices = cast_types, .help = "Columns to the types that their values become; an empty text becomes nothing."},
};

static struct json_object *to_number(const char *text, bool whole)
{
    char *end;
    errno = 0;
    if (whole) {
        long long v = strtoll(text, &end, 10);
        if (end != text && !*end && !errno)
            return json_object_new_int64(v);
    }
    double d = strtod(text, &end);
    if (end == text || *end || !isfinite(d) || (whole && (trunc(d) != d || fabs(d) > 9007199254740992.0)))
        return NULL;
    return whole ? json_object_new_int64((int64_t)d) : sl_json_double(d);
}

static struct json_object *to_boolean(const char *text)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "f", "t", "n", "y"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(text, words[i]))
            return json_object_new_boolean(i % 2 == 1);
    return NULL;
}

static int cast_one(const char *column, const char *type, struct json_object *record, struct sl_error *err)
{
    struct json_object *value = sl_json_get(record, column), *out = NULL;
    enum json_type is = json_object_get_type(value);
    if (!value)
        return 0;
    const char *text = json_object_get_string(value);
    if (is == json_type_array || is == json_type_object)
        out = !strcmp(type, "varchar") ? json_object_new_string(text) : NULL;
    else if (is == json_type_string && !*text && strcmp(type, "varchar") != 0) {
        sl_json_put(record, column, NULL);
        return 0;
    } else if (!strcmp(type, "varchar"))
        out = json_object_new_string(text);
    else if (!strcmp(type, "boolean"))
        out = to_boolean(text);
    else
        out = is == json_type_boolean ? json_object_new_int64(json_object_get_boolean(value)) : to_number(text, *type == 'b');
    if (!out) {
        sl_fail(err, SL_E_FILE_FORMAT, "%s: %.60s is no %s", column, text, type);
        return 1;
    }
    sl_json_put(record, column, out);
    return 0;
}

static int apply_cast(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct mapping *o = options;
    int rc = 0;
    (void)n;
    for (size_t i = 0; rc == 0 && i < o->columns.n; i++)
        rc = cast_one(o->columns.items[i].name, o->columns.items[i].value, record, err);
    return rc;
}

/* ---- flatten, explode ---- */

struct flatten {
    const char *column, *separator;
};
static const struct sl_option flatten_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct flatten, column), .help = "The column with an object; its members become columns."},
    {.name = "separator", .type = SL_OPT_STRING, .default_json = "\"_\"", .offset = offsetof(struct flatten, separator), .help = "Between the column's name and the member's."},
};

static int apply_flatten(const struct sl_normalise *n, const void *options, struct json_object *record, struct sl_error *err)
{
    const struct flatten *o = options;
    struct json_object *value = sl_json_get(record, o->column);
    (void)n;
    if (!value)
        return 0;
    if (!json_object_is_type(value, json_type_object))
        return bad(err, o->column, value, "no object");
    json_object_get(value);
    json_object_object_del(record, o->column);
    json_object_object_foreach(value, key, member)
    {
        char name[SL_JSON_DOUBLE_BYTES + 512];
        snprintf(name, sizeof name, "%s%s%s", o->column, o->separator, key);
        sl_json_put(record, name, json_object_get(member));
    }
    json_object_put(value);
    return 0;
}

static const struct sl_option explode_items[] = {
    {.name = "column", .type = SL_OPT_COLUMN, .offset = offsetof(struct ingestion, column), .help = "The column with a list; each item becomes a record with all other columns."},
};

#define KIND(kind_name, text, table, type, function, check)                                                               \
    {.name = kind_name,                                                                                                  \
     .summary = text,                                                                                                    \
     .options = {.items = table, .n = sizeof table / sizeof *table, .struct_bytes = sizeof(struct type)},                \
     .apply = function,                                                                                                  \
     .wrong = check}

static const struct sl_normalise_kind kind_split = KIND("split", "a text becomes the list of its parts", split_items, split, apply_split, wrong_split);
static const struct sl_normalise_kind kind_timestamp = KIND("timestamp", "a time becomes milliseconds since 1970, UTC", timestamp_items, timestamp, apply_timestamp, NULL);
static const struct sl_normalise_kind kind_ingestion = KIND("ingestion_ts", "when the record's page was fetched, in milliseconds since 1970", ingestion_items, ingestion, apply_ingestion, NULL);
static const struct sl_normalise_kind kind_rename = KIND("rename", "columns get other names", rename_items, mapping, apply_rename, NULL);
static const struct sl_normalise_kind kind_cast = KIND("cast", "values become another type", cast_items, mapping, apply_cast, NULL);
static const struct sl_normalise_kind kind_constant = KIND("constant", "a column with one value", constant_items, constant, apply_constant, NULL);
static const struct sl_normalise_kind kind_drop = KIND("drop", "columns go", drop_items, names, apply_drop, NULL);
static const struct sl_normalise_kind kind_flatten = KIND("flatten", "the members of an object become columns", flatten_items, flatten, apply_flatten, NULL);
static const struct sl_normalise_kind kind_explode = KIND("explode", "each item of a list becomes a record", explode_items, ingestion, NULL, NULL);

const struct sl_normalise_kind *const sl_normalise_kinds[] = {&kind_split, &kind_timestamp, &kind_ingestion, &kind_rename,
                                                              &kind_cast,  &kind_constant,  &kind_drop,      &kind_flatten,
                                                              &kind_explode, NULL};

static int run_from(const struct sl_normalise *n, size_t op, struct json_object *record, struct sl_error *err);

static int explode(const struct sl_normalise *n, size_t op, struct json_object *record, struct sl_error *err)
{
    const char *column = ((const struct ingestion *)n->spec->ops[op].options)->column;
    struct json_object *list = sl_json_get(record, column);
    if (!list)
        return run_from(n, op + 1, record, err);
    if (!json_object_is_type(list, json_type_array))
        return bad(err, column, list, "no list");
    if (json_object_array_length(list) > MAX_EXPLODED)
        return sl_fail(err, SL_E_LIMIT, "%s: a list of more than %d items", column, MAX_EXPLODED);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_object_array_length(list); i++) {
        struct json_object *one = NULL;
        if (json_object_deep_copy(record, &one, NULL) != 0)
            sl_oom();
        sl_json_put(one, column, json_object_get(json_object_array_get_idx(list, i)));
        rc = run_from(n, op + 1, one, err);
        json_object_put(one);
    }
    return rc;
}

static int run_from(const struct sl_normalise *n, size_t op, struct json_object *record, struct sl_error *err)
{
    for (; op < n->spec->n_ops; op++) {
        const struct sl_normalise_op *o = &n->spec->ops[op];
        int rc = o->kind->apply ? o->kind->apply(n, o->options, record, err) : explode(n, op, record, err);
        if (rc > 0)
            return n->refuse(n->data, record, err);
        if (rc < 0 || !o->kind->apply)
            return rc;
    }
    return n->emit(n->data, record, err);
}

int sl_normalise_record(const struct sl_normalise *n, struct json_object *record, struct sl_error *err)
{
    return run_from(n, 0, record, err);
}

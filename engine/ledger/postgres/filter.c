/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MongoDB's filter syntax as a condition in SQL.
 *
 * A path reaches several values where it goes through arrays, and an operator holds when it holds for one of them
 * (ledger.leaves gives them, NULL standing for a missing member); negations are negations of the whole. Numbers are
 * compared with numbers and texts with texts. Names, paths and values are always parameters. What comes here has passed
 * sl_ledger_check_filter.
 */
#include <string.h>

#include "ledger/postgres/postgres.h"

int sl_ledger_pg__param(struct sl_ledger_pg__query *q, const char *value)
{
    if (q->n_params >= SL_LEDGER_MAX_PARAMS)
        return 0;
    q->params[q->n_params++] = sl_arena_strdup(q->arena, value);
    return q->n_params;
}

static int too_large(struct sl_error *err)
{
    return sl_fail(err, SL_E_LEDGER_FILTER, "the filter has more than %d paths and values", SL_LEDGER_MAX_PARAMS);
}

static int json_param(struct sl_ledger_pg__query *q, struct json_object *value)
{
    return sl_ledger_pg__param(q, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

/* A dotted path as the text of a PostgreSQL array. */
static int path_param(struct sl_ledger_pg__query *q, const char *path, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 8192);
    sl_buf_putc(&text, '{');
    for (const char *p = path;; p++) {
        size_t len = strcspn(p, ".");
        sl_buf_puts(&text, p > path ? ",\"" : "\"");
        for (size_t i = 0; i < len; i++) {
            if (p[i] == '"' || p[i] == '\\')
                sl_buf_putc(&text, '\\');
            sl_buf_putc(&text, p[i]);
        }
        sl_buf_putc(&text, '"');
        p += len;
        if (!*p)
            break;
    }
    sl_buf_putc(&text, '}');
    int rc = sl_buf_check(&text, "a path of the filter", err);
    if (rc < 0)
        return rc;
    int n = sl_ledger_pg__param(q, text.data);
    return n ? n : too_large(err);
}

/* ---- one operator on one value, the SQL expression `v` of type jsonb ---- */

static int put_regex(struct sl_ledger_pg__query *q, const char *v, struct json_object *pattern, const char *options,
                     struct sl_error *err)
{
    /* PCRE's defaults in PostgreSQL's letters: p: neither dot nor anchors at line ends, w: anchors only, n: both. */
    bool m = strchr(options, 'm'), s = strchr(options, 's');
    const char *lines = m ? (s ? "w" : "n") : (s ? "s" : "p");
    const char *text = sl_arena_printf(q->arena, "(?%s%s%s)%s", lines, strchr(options, 'i') ? "i" : "",
                                       strchr(options, 'x') ? "x" : "", json_object_get_string(pattern));
    int n = sl_ledger_pg__param(q, text);
    if (!n)
        return too_large(err);
    sl_buf_printf(&q->sql, "(jsonb_typeof(%s) = 'string' AND (%s #>> '{}') ~ $%d)", v, v, n);
    return 0;
}

static int put_order(struct sl_ledger_pg__query *q, const char *v, const char *name, const char *sign,
                     struct json_object *value, struct sl_error *err)
{
    enum json_type type = json_object_get_type(value);
    int n = json_param(q, value);
    if (!n)
        return too_large(err);
    switch (type) {
    case json_type_null:
        sl_buf_puts(&q->sql, "false");
        if (sign[1])
            sl_buf_printf(&q->sql, " OR %s IS NULL OR %s = $%d::jsonb", v, v, n);
        else /* the parameter must be used, or its type is not known */
            sl_buf_printf(&q->sql, " AND $%d::jsonb IS NULL", n);
        return 0;
    case json_type_boolean:
    case json_type_int:
    case json_type_double:
        sl_buf_printf(&q->sql, "jsonb_typeof(%s) = jsonb_typeof($%d::jsonb) AND %s %s $%d::jsonb", v, n, v, sign, n);
        return 0;
    case json_type_string:
        sl_buf_printf(&q->sql, "jsonb_typeof(%s) = 'string' AND (%s #>> '{}') COLLATE \"C\" %s ($%d::jsonb #>> '{}')"
                      " COLLATE \"C\"", v, v, sign, n);
        return 0;
    case json_type_object:
    case json_type_array:
        break;
    }
    return sl_fail(err, SL_E_INTERNAL, "%s came with an object", name);
}

static int put_in(struct sl_ledger_pg__query *q, const char *v, struct json_object *value, struct sl_error *err)
{
    int n = json_param(q, value);
    if (!n)
        return too_large(err);
    sl_buf_printf(&q->sql, "EXISTS (SELECT 1 FROM jsonb_array_elements($%d::jsonb) x(x) WHERE x = coalesce(%s, 'null'))", n,
                  v);
    return 0;
}

static const char *order_sign(const char *name)
{
    static const char *const names[] = {"$gt", "$gte", "$lt", "$lte"}, *const signs[] = {">", ">=", "<", "<="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return signs[i];
    return NULL;
}

static bool negates(const char *name)
{
    return !strcmp(name, "$ne") || !strcmp(name, "$nin");
}

/* The operators that look at a value alone; a negating one in its positive form. */
static int put_test(struct sl_ledger_pg__query *q, const char *v, const char *name, struct json_object *value,
                    const char *options, struct sl_error *err)
{
    if (!strcmp(name, "$regex"))
        return put_regex(q, v, value, options, err);
    if (!strcmp(name, "$in") || !strcmp(name, "$nin"))
        return put_in(q, v, value, err);
    if (order_sign(name))
        return put_order(q, v, name, order_sign(name), value, err);
    int n = json_param(q, value);
    if (!n)
        return too_large(err);
    /* A missing member equals null. */
    sl_buf_printf(&q->sql, "coalesce(%s, 'null') = $%d::jsonb", v, n);
    return 0;
}

/* ---- fields and queries ---- */

/* What operators apply to: a member of a document, or the element of an array itself. */
struct place {
    const char *doc; /* SQL expression */
    int path;        /* parameter; 0: the expression itself, not its parts */
};

static int put_query(struct sl_ledger_pg__query *q, const char *doc, struct json_object *query, struct sl_error *err);
static int put_operators(struct sl_ledger_pg__query *q, struct place at, struct json_object *operators,
                         struct sl_error *err);

static const char *new_alias(struct sl_ledger_pg__query *q)
{
    return sl_arena_printf(q->arena, "v%d", ++q->n_aliases);
}

static int put_tested(struct sl_ledger_pg__query *q, struct place at, const char *name, struct json_object *value,
                      const char *options, struct sl_error *err)
{
    const char *v = at.path ? new_alias(q) : at.doc;
    sl_buf_puts(&q->sql, negates(name) ? "NOT (" : "(");
    if (at.path)
        sl_buf_printf(&q->sql, "EXISTS (SELECT 1 FROM ledger.leaves(%s, $%d::text[]) %s(%s) WHERE ", at.doc, at.path, v,
                      v);
    int rc = put_test(q, v, name, value, options, err);
    sl_buf_puts(&q->sql, at.path ? "))" : ")");
    return rc;
}

static void put_exists(struct sl_ledger_pg__query *q, struct place at, struct json_object *value)
{
    const char *v = new_alias(q);
    bool wanted = json_object_get_boolean(value);
    if (at.path)
        sl_buf_printf(&q->sql, "%sEXISTS (SELECT 1 FROM ledger.reach(%s, $%d::text[]) %s(%s) WHERE %s IS NOT NULL)",
                      wanted ? "" : "NOT ", at.doc, at.path, v, v, v);
    else
        sl_buf_puts(&q->sql, wanted ? "true" : "false");
}

static bool all_operators(struct json_object *object)
{
    if (!json_object_is_type(object, json_type_object) || !json_object_object_length(object))
        return false;
    json_object_object_foreach (object, key, value) {
        (void)value;
        if (key[0] != '$')
            return false;
    }
    return true;
}

/* {$elemMatch: {$gt: 1, $lt: 5}} is about elements, {$elemMatch: {role: "main"}} about their members. */
static int put_elem_match(struct sl_ledger_pg__query *q, struct place at, struct json_object *value,
                          struct sl_error *err)
{
    const char *array = new_alias(q), *e = new_alias(q);
    bool of_values = all_operators(value);
    json_object_object_foreach (value, key, ignored) {
        (void)ignored;
        if (!strcmp(key, "$and") || !strcmp(key, "$or"))
            of_values = false;
    }
    if (at.path)
        sl_buf_printf(&q->sql, "EXISTS (SELECT 1 FROM ledger.reach(%s, $%d::text[]) %s(%s), ", at.doc, at.path, array,
                      array);
    else
        sl_buf_printf(&q->sql, "EXISTS (SELECT 1 FROM (SELECT %s) AS t_%s(%s), ", at.doc, array, array);
    sl_buf_printf(&q->sql, "jsonb_array_elements(CASE jsonb_typeof(%s) WHEN 'array' THEN %s ELSE '[]' END) %s(%s) WHERE ",
                  array, array, e, e);
    if (!of_values)
        sl_buf_printf(&q->sql, "jsonb_typeof(%s) = 'object' AND ", e);
    int rc = of_values ? put_operators(q, (struct place){.doc = e}, value, err) : put_query(q, e, value, err);
    sl_buf_putc(&q->sql, ')');
    return rc;
}

static int put_not(struct sl_ledger_pg__query *q, struct place at, struct json_object *value, struct sl_error *err)
{
    sl_buf_puts(&q->sql, "NOT (");
    int rc = put_operators(q, at, value, err);
    sl_buf_putc(&q->sql, ')');
    return rc;
}

static int put_operator(struct sl_ledger_pg__query *q, struct place at, const char *name, struct json_object *value,
                        const char *options, struct sl_error *err)
{
    if (!strcmp(name, "$exists")) {
        put_exists(q, at, value);
        return 0;
    }
    if (!strcmp(name, "$not"))
        return put_not(q, at, value, err);
    if (!strcmp(name, "$elemMatch"))
        return put_elem_match(q, at, value, err);
    return put_tested(q, at, name, value, options, err);
}

/* All of the operators, each on its own: two of them may hold for different elements of an array. */
static int put_operators(struct sl_ledger_pg__query *q, struct place at, struct json_object *operators,
                         struct sl_error *err)
{
    const char *separator = "(";
    const char *options = sl_json_str(operators, "$options", "");
    json_object_object_foreach (operators, name, value) {
        if (!strcmp(name, "$options"))
            continue;
        sl_buf_puts(&q->sql, separator);
        int rc = put_operator(q, at, name, value, options, err);
        if (rc < 0)
            return rc;
        separator = " AND ";
    }
    sl_buf_putc(&q->sql, ')');
    return 0;
}

static int put_field(struct sl_ledger_pg__query *q, const char *doc, const char *path, struct json_object *value,
                     struct sl_error *err)
{
    int n = path_param(q, path, err);
    if (n < 0)
        return n;
    struct place at = {.doc = doc, .path = n};
    return sl_ledger_has_operators(value) ? put_operators(q, at, value, err) : put_tested(q, at, "$eq", value, "", err);
}

static int put_list(struct sl_ledger_pg__query *q, const char *doc, const char *name, struct json_object *list,
                    struct sl_error *err)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        sl_buf_puts(&q->sql, i ? (!strcmp(name, "$or") ? " OR " : " AND ") : "(");
        int rc = put_query(q, doc, json_object_array_get_idx(list, i), err);
        if (rc < 0)
            return rc;
    }
    sl_buf_putc(&q->sql, ')');
    return 0;
}

static int put_query(struct sl_ledger_pg__query *q, const char *doc, struct json_object *query, struct sl_error *err)
{
    sl_buf_puts(&q->sql, "(true");
    json_object_object_foreach (query, key, value) {
        sl_buf_puts(&q->sql, " AND ");
        int rc = !strcmp(key, "$and") || !strcmp(key, "$or") ? put_list(q, doc, key, value, err)
                                                             : put_field(q, doc, key, value, err);
        if (rc < 0)
            return rc;
    }
    sl_buf_putc(&q->sql, ')');
    return 0;
}

int sl_ledger_pg__filter(struct sl_ledger_pg__query *q, struct json_object *filter, struct sl_error *err)
{
    int rc = sl_ledger_check_filter(filter, err);
    return rc < 0 ? rc : put_query(q, "doc", filter, err);
}

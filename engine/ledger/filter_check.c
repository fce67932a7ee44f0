/* SPDX-License-Identifier: Apache-2.0 */
/* What a filter and a sort may be, whatever backend is asked: the same mistakes get the same answers. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "ledger/ledger.h"

enum { MAX_DEPTH = 16, MAX_PATH_PARTS = 32, MAX_PATH_BYTES = 4096, MAX_REGEX_BYTES = 1000, MAX_TERMS = 400 };

static const char *const field_operators[] = {"$eq",  "$ne",     "$gt",    "$gte",     "$lt",  "$lte",      "$in",
                                              "$nin", "$exists", "$regex", "$options", "$not", "$elemMatch"};
static const char *const query_operators[] = {"$and", "$or"};

struct check {
    int terms;
    struct sl_error *err;
};

static int bad_operator(const char *name, bool of_field, struct sl_error *err)
{
    const char *const *words = of_field ? field_operators : query_operators;
    size_t n = of_field ? sizeof field_operators / sizeof *field_operators
                        : sizeof query_operators / sizeof *query_operators;
    const char *near = sl_text_nearest(name, words, n);
    int rc = sl_fail(err, SL_E_LEDGER_FILTER, "the operator \"%s\" is not known %s", name,
                     of_field ? "for a field" : "at the top of a filter");
    if (near)
        sl_error_hint(err, "did you mean \"%s\"?", near);
    else
        sl_error_hint(err, of_field ? "known: $eq $ne $gt $gte $lt $lte $in $nin $exists $regex $not $elemMatch"
                                    : "known: $and $or; everything else is a field's name");
    return rc;
}

static int count_term(struct check *c)
{
    return ++c->terms > MAX_TERMS ? sl_fail(c->err, SL_E_LEDGER_FILTER, "the filter has more than %d paths and values", MAX_TERMS)
                                  : 0;
}

static int check_path(struct check *c, const char *path)
{
    int parts = 0;
    for (const char *p = path;; p++) {
        size_t len = strcspn(p, ".");
        if (!len || ++parts > MAX_PATH_PARTS || p - path > MAX_PATH_BYTES)
            return sl_fail(c->err, SL_E_LEDGER_FILTER, "\"%s\" is not a path of 1 to %d names between dots", path,
                           MAX_PATH_PARTS);
        p += len;
        if (!*p)
            return count_term(c);
    }
}

static int check_regex(struct check *c, struct json_object *pattern, const char *options)
{
    if (!json_object_is_type(pattern, json_type_string) || json_object_get_string_len(pattern) > MAX_REGEX_BYTES)
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "$regex takes a text of at most %d bytes", MAX_REGEX_BYTES);
    if (options[strspn(options, "imsx")])
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "$options are of i, m, s, x, not \"%s\"", options);
    return count_term(c);
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

bool sl_ledger_has_operators(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object))
        return false;
    json_object_object_foreach (value, key, ignored) {
        (void)ignored;
        if (key[0] == '$')
            return true;
    }
    return false;
}

static int check_query(struct check *c, struct json_object *query, int depth);
static int check_operators(struct check *c, struct json_object *operators, int depth);

/* {$elemMatch: {$gt: 1, $lt: 5}} is about elements, {$elemMatch: {role: "main"}} about their members. */
static int check_elem_match(struct check *c, struct json_object *value, int depth)
{
    if (!json_object_is_type(value, json_type_object))
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "$elemMatch takes an object");
    bool of_values = all_operators(value) && !sl_json_get(value, "$and") && !sl_json_get(value, "$or");
    return of_values ? check_operators(c, value, depth + 1) : check_query(c, value, depth + 1);
}

static int check_operator(struct check *c, const char *name, struct json_object *value, const char *options, int depth)
{
    enum json_type type = json_object_get_type(value);
    if (!strcmp(name, "$exists"))
        return type == json_type_boolean || type == json_type_int
                   ? count_term(c)
                   : sl_fail(c->err, SL_E_LEDGER_FILTER, "$exists takes true or false");
    if (!strcmp(name, "$not"))
        return all_operators(value) ? check_operators(c, value, depth + 1)
                                    : sl_fail(c->err, SL_E_LEDGER_FILTER, "$not takes an object of operators");
    if (!strcmp(name, "$elemMatch"))
        return check_elem_match(c, value, depth);
    if (!strcmp(name, "$regex"))
        return check_regex(c, value, options);
    if (!strcmp(name, "$in") || !strcmp(name, "$nin"))
        return type == json_type_array ? count_term(c) : sl_fail(c->err, SL_E_LEDGER_FILTER, "%s takes a list", name);
    if (!strcmp(name, "$eq") || !strcmp(name, "$ne"))
        return count_term(c);
    for (size_t i = 0; i < sizeof field_operators / sizeof *field_operators; i++)
        if (!strcmp(name, field_operators[i]))
            return type != json_type_object && type != json_type_array
                       ? count_term(c)
                       : sl_fail(c->err, SL_E_LEDGER_FILTER, "%s compares with a number, a text or true and false", name);
    return bad_operator(name, true, c->err);
}

static int check_operators(struct check *c, struct json_object *operators, int depth)
{
    const char *options = sl_json_str(operators, "$options", "");
    if (depth > MAX_DEPTH)
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "the filter is nested deeper than %d", MAX_DEPTH);
    if (sl_json_get(operators, "$options") && !sl_json_get(operators, "$regex"))
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "$options belongs to $regex");
    json_object_object_foreach (operators, name, value) {
        if (!strcmp(name, "$options"))
            continue;
        if (name[0] != '$')
            return sl_fail(c->err, SL_E_LEDGER_FILTER, "\"%s\" stands among operators", name);
        int rc = check_operator(c, name, value, options, depth);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_list(struct check *c, const char *name, struct json_object *list, int depth)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    int rc = n ? 0 : sl_fail(c->err, SL_E_LEDGER_FILTER, "%s takes a list of filters that is not empty", name);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_query(c, json_object_array_get_idx(list, i), depth + 1);
    return rc;
}

static int check_query(struct check *c, struct json_object *query, int depth)
{
    if (depth > MAX_DEPTH)
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "the filter is nested deeper than %d", MAX_DEPTH);
    if (!json_object_is_type(query, json_type_object))
        return sl_fail(c->err, SL_E_LEDGER_FILTER, "a filter is a JSON object");
    json_object_object_foreach (query, key, value) {
        int rc;
        if (!strcmp(key, "$and") || !strcmp(key, "$or"))
            rc = check_list(c, key, value, depth);
        else if (key[0] == '$')
            rc = bad_operator(key, false, c->err);
        else if ((rc = check_path(c, key)) == 0)
            rc = sl_ledger_has_operators(value) ? check_operators(c, value, depth) : count_term(c);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sl_ledger_check_filter(struct json_object *filter, struct sl_error *err)
{
    struct check c = {.err = err};
    return check_query(&c, filter, 0);
}

/* ---- sorting ---- */

int sl_ledger_sort_key(const char **sort, char key[SL_LEDGER_SORT_KEY_BYTES], bool *descending, struct sl_error *err)
{
    const char *p = *sort;
    size_t len = strcspn(p, ",");
    if (len >= SL_LEDGER_SORT_KEY_BYTES)
        return sl_fail(err, SL_E_LEDGER_FILTER, "a sort has at most %d keys of %d bytes", SL_LEDGER_SORT_KEYS,
                       SL_LEDGER_SORT_KEY_BYTES - 1);
    snprintf(key, SL_LEDGER_SORT_KEY_BYTES, "%.*s", (int)len, p);
    char *colon = strrchr(key, ':');
    const char *way = colon ? colon + 1 : "1";
    if (colon)
        *colon = '\0';
    bool dots = key[0] == '.' || strstr(key, "..") || (key[0] && key[strlen(key) - 1] == '.');
    if (!key[0] || key[0] == '$' || dots || (strcmp(way, "1") != 0 && strcmp(way, "-1") != 0)) {
        int rc = sl_fail(err, SL_E_LEDGER_FILTER, "\"%.*s\" is not a sort key", (int)len, p);
        sl_error_hint(err, "write field:1 (ascending) or field:-1, several between commas");
        return rc;
    }
    *descending = way[0] == '-';
    *sort = p + len + (p[len] == ',');
    return 0;
}

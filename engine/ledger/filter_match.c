/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/filter_match.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "json/json.h"
#include "ledger/ledger.h"

enum { MATCH_STEPS = 1000000, PART_BYTES = 4200 };

/* A value that a path reaches; json-c's NULL is JSON's null, so what is missing needs a word of its own. */
struct value {
    bool missing;
    struct json_object *v;
};

static bool matches_query(struct json_object *query, struct json_object *doc);
static bool matches_operators(struct json_object *operators, const char *path, struct value at);

/* ---- comparing ---- */

static bool is_number(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool equal(struct json_object *a, struct json_object *b);

static bool equal_objects(struct json_object *a, struct json_object *b)
{
    if (json_object_object_length(a) != json_object_object_length(b))
        return false;
    json_object_object_foreach (a, key, member) {
        struct json_object *other = NULL;
        if (!json_object_object_get_ex(b, key, &other) || !equal(member, other))
            return false;
    }
    return true;
}

static bool equal(struct json_object *a, struct json_object *b)
{
    if (is_number(a) && is_number(b))
        return json_object_get_type(a) == json_object_get_type(b) ? json_object_equal(a, b)
                                                                  : json_object_get_double(a) == json_object_get_double(b);
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    if (json_object_is_type(a, json_type_object))
        return equal_objects(a, b);
    if (!json_object_is_type(a, json_type_array))
        return json_object_equal(a, b);
    size_t n = json_object_array_length(a);
    if (n != json_object_array_length(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!equal(json_object_array_get_idx(a, i), json_object_array_get_idx(b, i)))
            return false;
    return true;
}

/* *order of two values of one type that has an order; false when they have none. */
static bool compare(struct json_object *a, struct json_object *b, int *order)
{
    if (is_number(a) && is_number(b)) {
        double x = json_object_get_double(a), y = json_object_get_double(b);
        *order = (x > y) - (x < y);
        return true;
    }
    if (json_object_get_type(a) != json_object_get_type(b))
        return false;
    switch (json_object_get_type(a)) {
    case json_type_null:
        *order = 0;
        return true;
    case json_type_boolean:
        *order = json_object_get_boolean(a) - json_object_get_boolean(b);
        return true;
    case json_type_string:
        *order = strcmp(json_object_get_string(a), json_object_get_string(b));
        return true;
    default:
        return false;
    }
}

/* ---- patterns ---- */

static pcre2_code *compile(const char *pattern, const char *options, char *message, size_t message_bytes)
{
    uint32_t flags = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
    int code;
    PCRE2_SIZE at;
    for (; *options; options++)
        flags |= *options == 'i'   ? PCRE2_CASELESS
                 : *options == 'm' ? PCRE2_MULTILINE
                 : *options == 's' ? PCRE2_DOTALL
                                   : PCRE2_EXTENDED;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, flags, &code, &at, NULL);
    if (!re && message)
        pcre2_get_error_message(code, (PCRE2_UCHAR *)message, message_bytes);
    return re;
}

static bool fits_pattern(struct json_object *v, struct json_object *pattern, const char *options)
{
    if (!json_object_is_type(v, json_type_string))
        return false;
    pcre2_code *re = compile(json_object_get_string(pattern), options, NULL, 0);
    if (!re)
        return false;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, MATCH_STEPS);
    int rc = pcre2_match(re, (PCRE2_SPTR)json_object_get_string(v), (PCRE2_SIZE)json_object_get_string_len(v), 0, 0, data,
                         context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    pcre2_code_free(re);
    return rc >= 0;
}

int sl_ledger_check_patterns(struct json_object *filter, struct sl_error *err)
{
    int rc = 0;
    if (json_object_is_type(filter, json_type_array)) {
        for (size_t i = 0; rc == 0 && i < json_object_array_length(filter); i++)
            rc = sl_ledger_check_patterns(json_object_array_get_idx(filter, i), err);
        return rc;
    }
    if (!json_object_is_type(filter, json_type_object))
        return 0;
    json_object_object_foreach (filter, key, value) {
        char message[128] = "";
        if (strcmp(key, "$regex") != 0 || !json_object_is_type(value, json_type_string)) {
            if ((rc = sl_ledger_check_patterns(value, err)) < 0)
                return rc;
            continue;
        }
        pcre2_code *re = compile(json_object_get_string(value), sl_json_str(filter, "$options", ""), message, sizeof message);
        if (!re)
            return sl_fail(err, SL_E_LEDGER_FILTER, "$regex: %s", message);
        pcre2_code_free(re);
    }
    return 0;
}

/* ---- one operator on one value ---- */

static bool is_among(struct json_object *v, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (equal(v, json_object_array_get_idx(list, i)))
            return true;
    return false;
}

/* A negating operator in its positive form. */
static bool fits(const char *name, struct json_object *value, const char *options, struct value at)
{
    int order;
    if (!strcmp(name, "$regex"))
        return !at.missing && fits_pattern(at.v, value, options);
    if (!strcmp(name, "$in") || !strcmp(name, "$nin"))
        return is_among(at.v, value);
    if (!strcmp(name, "$eq") || !strcmp(name, "$ne"))
        return equal(at.v, value);
    if ((at.missing && value) || !compare(at.v, value, &order))
        return false;
    return name[1] == 'g' ? order > 0 || (name[3] && order == 0) : order < 0 || (name[3] && order == 0);
}

/* ---- paths ---- */

typedef bool (*visit_value)(void *data, struct value at);

static bool is_index(const char *part, size_t *out)
{
    size_t n = 0, len = strlen(part);
    if (!len || len > 8 || (part[0] == '0' && len > 1))
        return false;
    for (const char *p = part; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        n = n * 10 + (size_t)(*p - '0');
    }
    *out = n;
    return true;
}

/* Calls visit for each value that the path reaches, until it returns true. */
static bool reach(struct json_object *v, const char *path, visit_value visit, void *data)
{
    char part[PART_BYTES];
    size_t len = strcspn(path, "."), index;
    struct json_object *member = NULL;
    if (!*path)
        return visit(data, (struct value){.v = v});
    if (len >= sizeof part)
        return false;
    memcpy(part, path, len);
    part[len] = '\0';
    const char *rest = path + len + (path[len] == '.');
    if (json_object_is_type(v, json_type_object))
        return json_object_object_get_ex(v, part, &member) ? reach(member, rest, visit, data)
                                                           : visit(data, (struct value){.missing = true});
    if (!json_object_is_type(v, json_type_array))
        return visit(data, (struct value){.missing = true});
    if (is_index(part, &index) && index < json_object_array_length(v) &&
        reach(json_object_array_get_idx(v, index), rest, visit, data))
        return true;
    for (size_t i = 0; i < json_object_array_length(v); i++) {
        struct json_object *e = json_object_array_get_idx(v, i);
        if (json_object_is_type(e, json_type_object) && reach(e, path, visit, data))
            return true;
    }
    return false;
}

struct test {
    const char *name, *options;
    struct json_object *value;
};

static bool fits_leaf(void *data, struct value at)
{
    const struct test *t = data;
    if (fits(t->name, t->value, t->options, at))
        return true;
    for (size_t i = 0; json_object_is_type(at.v, json_type_array) && i < json_object_array_length(at.v); i++)
        if (fits(t->name, t->value, t->options, (struct value){.v = json_object_array_get_idx(at.v, i)}))
            return true;
    return false;
}

static bool is_there(void *data, struct value at)
{
    (void)data;
    return !at.missing;
}

static bool all_are_operators(struct json_object *value)
{
    json_object_object_foreach (value, key, ignored) {
        (void)ignored;
        if (key[0] != '$' || !strcmp(key, "$and") || !strcmp(key, "$or"))
            return false;
    }
    return json_object_object_length(value) > 0;
}

static bool has_element(void *data, struct value at)
{
    struct json_object *wanted = data;
    bool of_values = all_are_operators(wanted);
    for (size_t i = 0; json_object_is_type(at.v, json_type_array) && i < json_object_array_length(at.v); i++) {
        struct json_object *e = json_object_array_get_idx(at.v, i);
        if (of_values ? matches_operators(wanted, NULL, (struct value){.v = e})
                      : json_object_is_type(e, json_type_object) && matches_query(wanted, e))
            return true;
    }
    return false;
}

/* ---- fields and queries ---- */

/* path NULL: the value itself, not its parts. */
static bool matches_operator(const char *name, struct json_object *value, const char *options, const char *path,
                             struct value at)
{
    struct test t = {name, options, value};
    bool negates = !strcmp(name, "$ne") || !strcmp(name, "$nin");
    if (!strcmp(name, "$not"))
        return !matches_operators(value, path, at);
    if (!strcmp(name, "$exists"))
        return (path ? reach(at.v, path, is_there, NULL) : true) == (bool)json_object_get_boolean(value);
    if (!strcmp(name, "$elemMatch"))
        return path ? reach(at.v, path, has_element, value) : has_element(value, at);
    return (path ? reach(at.v, path, fits_leaf, &t) : fits(name, value, options, at)) != negates;
}

static bool matches_operators(struct json_object *operators, const char *path, struct value at)
{
    const char *options = sl_json_str(operators, "$options", "");
    json_object_object_foreach (operators, name, value) {
        if (strcmp(name, "$options") != 0 && !matches_operator(name, value, options, path, at))
            return false;
    }
    return true;
}

static bool matches_list(const char *name, struct json_object *list, struct json_object *doc)
{
    bool any = !strcmp(name, "$or");
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (matches_query(json_object_array_get_idx(list, i), doc) == any)
            return any;
    return !any;
}

static bool matches_query(struct json_object *query, struct json_object *doc)
{
    const struct value whole = {.v = doc};
    json_object_object_foreach (query, key, value) {
        bool ok = !strcmp(key, "$and") || !strcmp(key, "$or") ? matches_list(key, value, doc)
                  : sl_ledger_has_operators(value)            ? matches_operators(value, key, whole)
                                                              : matches_operator("$eq", value, "", key, whole);
        if (!ok)
            return false;
    }
    return true;
}

bool sl_ledger_filter_matches(struct json_object *filter, struct json_object *doc)
{
    return matches_query(filter, doc);
}

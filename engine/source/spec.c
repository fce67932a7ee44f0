/* SPDX-License-Identifier: Apache-2.0 */
/* The YAML of a source, bound by tables. A part in braces is bound by the table of its own. */
#include "source/spec.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"
#include "recipe/binder.h"
#include "schema/schema.h"
#include "source/normalise.h"
#include "source/spec_tables.h"
#include "source/values.h"
#include "yaml/yaml.h"

struct reader {
    struct sl_binder b;
    struct sl_source_spec *spec;
    bool ok;
};

#define PROBLEM(r, pointer, ...)                                                                                           \
    do {                                                                                                                   \
        sl_binder__problem(&(r)->b, SL_E_RECIPE_OPTION, pointer, __VA_ARGS__);                                             \
        (r)->ok = false;                                                                                                   \
    } while (0)

static bool bind(struct reader *r, const struct sl_options *table, void *out, struct json_object *given, const char *pointer,
                 const char *what)
{
    const struct sl_binder_part part = {table, out};
    bool ok = sl_options__bind(&r->b, &part, 1, given, pointer, what);
    r->ok &= ok;
    return ok;
}

static void duration(struct reader *r, const char *text, int64_t *ms, const char *pointer)
{
    if (text && !sl_source_duration(text, ms))
        PROBLEM(r, pointer, "expected a duration such as 500ms, 10s, 15min, 6h or 30d, found \"%s\"", text);
}

/* ---- ${name} ---- */

static bool known_name(const struct sl_source_spec *spec, const char *name)
{
    for (size_t i = 0; sl_source_builtins[i]; i++)
        if (!strcmp(sl_source_builtins[i], name))
            return true;
    return sl_param__find(spec->params, spec->n_params, name) != NULL;
}

static void check_name(struct reader *r, const char *name, const char *pointer)
{
    const char *names[SL_RECIPE__MAX_PARAMS + 16];
    size_t n = 0;
    if (known_name(r->spec, name))
        return;
    for (size_t i = 0; sl_source_builtins[i]; i++)
        names[n++] = sl_source_builtins[i];
    for (size_t i = 0; i < r->spec->n_params; i++)
        names[n++] = r->spec->params[i].name;
    PROBLEM(r, pointer, "${%s} is neither a parameter nor a part of the window%s", name,
            sl_recipe__meant(r->b.arena, name, names, n));
}

static void check_text(struct reader *r, const char *text, const char *pointer)
{
    for (const char *open; text && (open = strstr(text, "${")); text = open + 2) {
        const char *close = strchr(open, '}');
        size_t n = close ? (size_t)(close - open - 2) : 0;
        if (n == 0 || n >= SL_SOURCE_NAME_BYTES) {
            PROBLEM(r, pointer, "expected ${name}, found \"%s\"", open);
            return;
        }
        check_name(r, sl_arena_strndup(r->b.arena, open + 2, n), pointer);
    }
}

/* All texts of a part of the request. */
static void check_texts(struct reader *r, struct json_object *value, const char *pointer)
{
    switch (json_object_get_type(value)) {
    case json_type_string:
        check_text(r, json_object_get_string(value), pointer);
        break;
    case json_type_object: {
        json_object_object_foreach(value, key, member)
            check_texts(r, member, sl_recipe__pointer(r->b.arena, pointer, key));
        break;
    }
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++)
            check_texts(r, json_object_array_get_idx(value, i),
                        sl_recipe__pointer(r->b.arena, pointer, sl_arena_printf(r->b.arena, "%zu", i)));
        break;
    default:
        break;
    }
}

static void check_members(struct reader *r, struct json_object *value, const char *pointer)
{
    if (!value)
        return;
    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) > SL_SOURCE_MAX_MEMBERS) {
        PROBLEM(r, pointer, "expected a mapping of at most %d members, found %s", SL_SOURCE_MAX_MEMBERS,
                sl_recipe__show(r->b.arena, value));
        return;
    }
    json_object_object_foreach(value, key, member)
    {
        const char *at = sl_recipe__pointer(r->b.arena, pointer, key);
        enum json_type t = json_object_get_type(member);
        if (t == json_type_object || t == json_type_array || t == json_type_null)
            PROBLEM(r, at, "%s: expected a text or a number, found %s", key, sl_recipe__show(r->b.arena, member));
        else if (t == json_type_string && strpbrk(json_object_get_string(member), "\r\n"))
            PROBLEM(r, at, "%s: the text has several lines", key);
    }
    check_texts(r, value, pointer);
}

/* ---- the request ---- */

/* `{offset: {…}}`: one member, whose name is the kind. */
static void read_paging(struct reader *r)
{
    struct sl_source_request *q = &r->spec->request;
    struct json_object *value = q->pagination;
    static const char pointer[] = "/request/pagination";
    const char *names[8];
    size_t n = 0;
    if (!value)
        return;
    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1) {
        PROBLEM(r, pointer, "pagination: expected one kind with its options, such as {offset: {limit: 1000}}, found %s",
                sl_recipe__show(r->b.arena, value));
        return;
    }
    json_object_object_foreach(value, kind, options)
    {
        const char *at = sl_recipe__pointer(r->b.arena, pointer, kind);
        for (; sl_source__pagings[n].name; n++) {
            names[n] = sl_source__pagings[n].name;
            if (strcmp(kind, names[n]) != 0)
                continue;
            q->paging = sl_source__pagings[n].kind;
            bind(r, &sl_source__pagings[n].options, &q->page, options, at,
                 sl_arena_printf(r->b.arena, "pagination \"%s\"", kind));
            return;
        }
        sl_binder__problem_at_key(&r->b, SL_E_RECIPE_OPTION, at, "pagination \"%s\" does not exist%s", kind,
                                  sl_recipe__meant(r->b.arena, kind, names, n));
        r->ok = false;
    }
}

static void check_url(struct reader *r)
{
    const char *url = r->spec->request.base_url;
    bool http = url && (sl_text_starts(url, "https://") || sl_text_starts(url, "http://"));
    if (url && (!http || strpbrk(url, " @\r\n?#")))
        PROBLEM(r, "/request/base_url", "base_url: expected http(s)://host/… without user, password and query, found \"%s\"", url);
    check_text(r, r->spec->request.path, "/request/path");
}

static void read_auth(struct reader *r)
{
    struct sl_source_auth_options *a = &r->spec->request.auth;
    if (!r->spec->request.auth_json)
        return;
    r->spec->request.has_auth = bind(r, &sl_source__auth_table, a, r->spec->request.auth_json, "/request/auth", "auth");
    a->kind++; /* none is not in the table */
    bool named = a->kind == SL_AUTH_HEADER || a->kind == SL_AUTH_QUERY;
    if (r->spec->request.has_auth && named && !a->name)
        PROBLEM(r, "/request/auth", "auth: a %s needs a name", a->kind == SL_AUTH_HEADER ? "header" : "query");
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (a->secret && strspn(a->secret, word) != strlen(a->secret))
        PROBLEM(r, "/request/auth/secret", "secret: expected the name of an environment variable, never the secret itself");
}

static void read_request(struct reader *r)
{
    struct sl_source_request *q = &r->spec->request;
    if (!bind(r, &sl_source__request_table, q, r->spec->request_json, "/request", "request"))
        return;
    check_url(r);
    check_members(r, q->query, "/request/query");
    check_members(r, q->headers, "/request/headers");
    check_texts(r, q->body, "/request/body");
    read_auth(r);
    read_paging(r);
    bind(r, &sl_source__rate_table, &q->rate, q->rate_json, "/request/rate", "rate");
    bind(r, &sl_source__retry_table, &q->retry, q->retry_json, "/request/retry", "retry");
    duration(r, q->retry.base, &q->retry.base_ms, "/request/retry/base");
    duration(r, q->retry.max, &q->retry.max_ms, "/request/retry/max");
    duration(r, q->timeout, &q->timeout_ms, "/request/timeout");
    if (q->records && *q->records && *q->records != '/')
        PROBLEM(r, "/request/records", "records: expected a JSON Pointer such as /results, found \"%s\"", q->records);
    duration(r, q->wait, &q->wait_ms, "/request/wait");
    check_text(r, q->file, "/request/file");
    if (!q->base_url && !q->base_url_from)
        PROBLEM(r, "/request", "request needs a base_url, or a base_url_from");
    if (q->kind == SL_SOURCE_JOB && q->paging != SL_PAGING_NONE)
        PROBLEM(r, "/request/pagination", "pagination: a job has one result");
    if (q->kind == SL_SOURCE_JOB && !q->body)
        PROBLEM(r, "/request", "request of kind job needs a body");
}

/* ---- the rest ---- */

static void read_incremental(struct reader *r)
{
    struct sl_source_incremental *i = &r->spec->incremental;
    if (!r->spec->incremental_json)
        return;
    r->spec->has_incremental = bind(r, &sl_source__incremental_table, i, r->spec->incremental_json, "/incremental", "incremental");
    if (i->start && !sl_source_time(i->start, NULL, &i->start_ms))
        PROBLEM(r, "/incremental/start", "start: expected a time such as 2024-01-01, found \"%s\"", i->start);
    duration(r, i->window, &i->window_ms, "/incremental/window");
    duration(r, i->overlap, &i->overlap_ms, "/incremental/overlap");
    duration(r, i->lag, &i->lag_ms, "/incremental/lag");
}

static const struct sl_normalise_kind *find_kind(struct reader *r, const char *name, const char *pointer)
{
    const char *names[32];
    size_t n = 0;
    for (; sl_normalise_kinds[n]; n++) {
        names[n] = sl_normalise_kinds[n]->name;
        if (!strcmp(names[n], name))
            return sl_normalise_kinds[n];
    }
    sl_binder__problem_at_key(&r->b, SL_E_RECIPE_STEP, pointer, "operation \"%s\" does not exist%s", name,
                              sl_recipe__meant(r->b.arena, name, names, n));
    r->ok = false;
    return NULL;
}

static void read_op(struct reader *r, struct json_object *value, const char *pointer)
{
    if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) != 1) {
        PROBLEM(r, pointer, "expected one operation with its options, found %s", sl_recipe__show(r->b.arena, value));
        return;
    }
    json_object_object_foreach(value, name, options)
    {
        const char *at = sl_recipe__pointer(r->b.arena, pointer, name);
        struct sl_normalise_op *op = &r->spec->ops[r->spec->n_ops];
        op->kind = find_kind(r, name, at);
        if (!op->kind)
            return;
        op->options = sl_arena_alloc(r->b.arena, op->kind->options.struct_bytes);
        bool ok = bind(r, &op->kind->options, op->options, options, at, sl_arena_printf(r->b.arena, "operation \"%s\"", name));
        const char *wrong = ok && op->kind->wrong ? op->kind->wrong(op->options) : NULL;
        if (wrong)
            PROBLEM(r, at, "%s", wrong);
        r->spec->n_ops++;
    }
}

static void read_ops(struct reader *r)
{
    struct json_object *list = r->spec->normalise;
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (!list)
        return;
    if (!json_object_is_type(list, json_type_array) || n > SL_SOURCE_MAX_OPS) {
        PROBLEM(r, "/normalise", "normalise: expected a list of at most %d operations, found %s", SL_SOURCE_MAX_OPS,
                sl_recipe__show(r->b.arena, list));
        return;
    }
    r->spec->ops = sl_arena_array(r->b.arena, n + 1, sizeof *r->spec->ops);
    for (size_t i = 0; i < n; i++)
        read_op(r, json_object_array_get_idx(list, i), sl_arena_printf(r->b.arena, "/normalise/%zu", i));
}

static void check_schema(struct reader *r)
{
    struct sl_source_spec *spec = r->spec;
    const struct sl_schema *compiled;
    struct sl_error why;
    if (!spec->schema)
        return;
    struct sl_schema_set *set = sl_schema_set_new(NULL);
    if (sl_schema_set_add(set, "source:record", spec->schema, &why) < 0 || sl_schema_compile(set, "source:record", &compiled, &why) < 0)
        PROBLEM(r, "/schema", "schema: %s", why.message);
    sl_schema_set_free(set);
}

static bool name_fits(const char *text, const char *first, const char *rest, size_t most)
{
    size_t n = strlen(text);
    return n > 0 && n <= most && strchr(first, *text) && strspn(text, rest) == n;
}

#define LOWER   "abcdefghijklmnopqrstuvwxyz"
#define LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static void check_top(struct reader *r)
{
    struct sl_source_spec *s = r->spec;
    if (s->api_version && strcmp(s->api_version, "sluice/v1") != 0)
        PROBLEM(r, "/apiVersion", "apiVersion: expected sluice/v1, found \"%s\"", s->api_version);
    if (s->kind_word && strcmp(s->kind_word, "Source") != 0)
        PROBLEM(r, "/kind", "kind: expected Source, found \"%s\"", s->kind_word);
    if (s->name && !name_fits(s->name, LOWER, LOWER DIGITS "_", 63))
        PROBLEM(r, "/name", "name: expected 1 to 63 of a-z, 0-9 and \"_\", a letter first, found \"%s\"", s->name);
    if (s->dataset && !name_fits(s->dataset, LETTERS DIGITS, LETTERS DIGITS "_.-", 100))
        PROBLEM(r, "/dataset", "dataset: expected 1 to 100 letters, digits, \".\", \"_\" and \"-\", found \"%s\"", s->dataset);
    if (s->zone && !sl_source_zone_valid(s->zone))
        PROBLEM(r, "/zone", "zone: \"%s\" is no time zone: expected UTC, +05:30 or a name such as Europe/Berlin", s->zone);
    if (s->columns_map.n > SL_SOURCE_MAX_COLUMNS)
        PROBLEM(r, "/columns", "columns: at most %d are possible", SL_SOURCE_MAX_COLUMNS);
}

static bool read_spec(struct reader *r)
{
    struct sl_source_spec *spec = r->spec;
    struct sl_recipe scratch = {0};
    if (!json_object_is_type(r->b.doc->root, json_type_object)) {
        PROBLEM(r, "", "expected a source, found %s", sl_recipe__show(r->b.arena, r->b.doc->root));
        return false;
    }
    r->b.literal = true; /* ${name} is put in when a request is made */
    bind(r, &sl_source__table, spec, r->b.doc->root, "", "a source");
    check_top(r);
    if (spec->params_json)
        r->ok &= sl_param__read(&r->b, spec->params_json, &scratch);
    r->b.literal = true;
    spec->params = scratch.params;
    spec->n_params = scratch.n_params;
    if (spec->request_json)
        read_request(r);
    read_incremental(r);
    read_ops(r);
    bind(r, &sl_source__drift_table, &spec->drift, spec->drift_json, "/drift", "drift");
    check_schema(r);
    return r->ok;
}

static void free_doc(void *doc)
{
    sl_doc_free(doc);
}

static void hash(struct sl_source_spec *spec)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 64 * sl_json_limits_small.max_bytes);
    sl_json_canonical(spec->doc->root, &text);
    sl_sha256_of(text.data, text.len, spec->hash);
}

int sl_source_lint_file(const char *path, struct sl_lints *lints, const struct sl_source_spec **out, struct sl_error *err)
{
    struct sl_doc *doc = NULL;
    struct sl_error why;
    struct sl_arena *arena = lints->arena;
    int rc = sl_yaml_parse_file(path, &sl_json_limits_small, &doc, &why);
    *out = NULL;
    if (rc < 0 && (why.code == SL_E_IO || why.code == SL_E_FILE_MISSING)) {
        if (err)
            *err = why;
        return rc;
    }
    if (rc < 0) {
        sl_lints__add_syntax(lints, path, &why);
        return 0;
    }
    sl_arena_defer(arena, free_doc, doc);
    struct sl_source_spec *spec = sl_arena_alloc(arena, sizeof *spec);
    *spec = (struct sl_source_spec){.path = doc->name, .doc = doc};
    struct reader r = {.b = {.doc = doc, .value_code = SL_E_RECIPE_PARAM, .arena = arena, .lints = lints}, .spec = spec, .ok = true};
    if (read_spec(&r)) {
        hash(spec);
        *out = spec;
    }
    return 0;
}

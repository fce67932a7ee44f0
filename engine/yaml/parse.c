/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/text.h"
#include "json/doc.h"
#include "yaml/scalar.h"
#include "yaml/yaml.h"

/* A value that aliases may name, once it is complete. */
struct anchor {
    char *name;
    struct json_object *value; /* borrowed */
    uint32_t mark;
    size_t values, bytes; /* what one copy costs */
    bool complete;
};

struct reader {
    const char *name;
    yaml_parser_t parser;
    const struct sl_json_limits *limits;
    struct sl_doc *doc;
    struct anchor *anchors;
    size_t n_anchors, anchors_capacity;
    int depth;
    size_t values, bytes; /* so far, copies included */
    struct sl_error *err;
};

static int value(struct reader *r, yaml_event_t *event, uint32_t parent, const char *key, struct json_object **out);

static struct sl_doc_pos place(yaml_mark_t mark)
{
    return (struct sl_doc_pos){(int)mark.line + 1, (int)mark.column + 1};
}

static int fail_at(struct reader *r, yaml_mark_t mark, enum sl_code code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int fail_at(struct reader *r, yaml_mark_t mark, enum sl_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = sl_vfail(r->err, code, fmt, ap);
    va_end(ap);
    sl_error_prefix(r->err, "%s:%d:%d", r->name, place(mark).line, place(mark).column);
    return rc;
}

static int next(struct reader *r, yaml_event_t *event)
{
    yaml_parser_t *p = &r->parser;
    if (yaml_parser_parse(p, event))
        return 0;
    if (p->error == YAML_MEMORY_ERROR)
        sl_oom();
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error == YAML_READER_ERROR)
        return sl_fail(r->err, SL_E_YAML_SYNTAX, "%s: byte %zu: %s", r->name, p->problem_offset, problem);
    if (p->context)
        return fail_at(r, p->problem_mark, SL_E_YAML_SYNTAX, "%s, %s (line %d)", problem, p->context,
                       place(p->context_mark).line);
    return fail_at(r, p->problem_mark, SL_E_YAML_SYNTAX, "%s", problem);
}

static int count(struct reader *r, yaml_mark_t mark, size_t values, size_t bytes)
{
    r->values += values;
    r->bytes += bytes;
    if (r->values > r->limits->max_values)
        return fail_at(r, mark, SL_E_YAML_LIMIT, "more than %zu values, counting what aliases copy",
                       r->limits->max_values);
    if (r->bytes > r->limits->max_bytes)
        return fail_at(r, mark, SL_E_YAML_LIMIT, "more than %zu bytes, counting what aliases copy",
                       r->limits->max_bytes);
    return 0;
}

static struct anchor *find_anchor(struct reader *r, const char *name)
{
    for (size_t i = r->n_anchors; i > 0; i--)
        if (!strcmp(r->anchors[i - 1].name, name))
            return &r->anchors[i - 1];
    return NULL;
}

/* Its number, since more anchors may move the list; the same name again hides the earlier one, as YAML says. */
static size_t add_anchor(struct reader *r, const yaml_char_t *name)
{
    if (r->n_anchors == r->anchors_capacity) {
        r->anchors_capacity = r->anchors_capacity ? r->anchors_capacity * 2 : 8;
        r->anchors = sl_xrealloc(r->anchors, r->anchors_capacity * sizeof *r->anchors);
    }
    r->anchors[r->n_anchors] = (struct anchor){.name = sl_xstrdup((const char *)name)};
    return r->n_anchors++;
}

static int alias(struct reader *r, const yaml_event_t *event, uint32_t mark, struct json_object **out)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *a = find_anchor(r, name);
    if (!a)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "alias \"*%s\" has no anchor before it", name);
    if (!a->complete)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "alias \"*%s\" is inside of what it names", name);
    int rc = count(r, event->start_mark, a->values, a->bytes);
    if (rc != 0)
        return rc;
    struct json_object *copy = NULL;
    if (a->value && json_object_deep_copy(a->value, &copy, NULL) != 0)
        sl_oom();
    sl_doc_mark_copy(r->doc, a->mark, mark);
    *out = copy;
    return 0;
}

#define CORE "tag:yaml.org,2002:"

static int scalar_type(struct reader *r, const yaml_event_t *event, enum sl_yaml__type *type)
{
    static const struct {
        const char *tag;
        enum sl_yaml__type type;
    } tags[] = {{"!", SL_YAML__STR},           {CORE "str", SL_YAML__STR}, {CORE "null", SL_YAML__NULL},
                {CORE "bool", SL_YAML__BOOL}, {CORE "int", SL_YAML__INT}, {CORE "float", SL_YAML__FLOAT}};
    const char *text = (const char *)event->data.scalar.value, *tag = (const char *)event->data.scalar.tag;
    enum sl_yaml__type plain = sl_yaml__type(text, event->data.scalar.length);
    if (!tag) {
        *type = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain : SL_YAML__STR;
        return 0;
    }
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(tag, tags[i].tag) != 0)
            continue;
        bool fits = tags[i].type == SL_YAML__STR || tags[i].type == plain ||
                    (tags[i].type == SL_YAML__FLOAT && plain == SL_YAML__INT && text[1] != 'o' && text[1] != 'x');
        if (!fits)
            return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "\"%s\" is not a !!%s", text, tag + strlen(CORE));
        *type = tags[i].type;
        return 0;
    }
    return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "tag \"%s\" is not allowed", tag);
}

static int scalar(struct reader *r, const yaml_event_t *event, struct json_object **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    enum sl_yaml__type type = SL_YAML__STR;
    int rc = scalar_type(r, event, &type);
    if (rc == 0 && type == SL_YAML__NO_JSON)
        rc = fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "%s has no place in JSON: write a string or null", text);
    if (rc == 0 && strlen(text) != bytes && !r->limits->allow_nul)
        rc = fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a NUL character is not allowed in a string");
    if (rc == 0)
        rc = count(r, event->start_mark, 0, bytes);
    if (rc != 0)
        return rc;
    *out = sl_yaml__value(type, text, bytes);
    if (!*out && (type == SL_YAML__INT || type == SL_YAML__FLOAT))
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "%s is out of range", text);
    if (!*out && type != SL_YAML__NULL)
        sl_oom();
    return 0;
}

static int check_key(struct reader *r, const yaml_event_t *event, struct json_object *object)
{
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "an alias cannot be a key");
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a key must be a plain or quoted string");
    const char *key = (const char *)event->data.scalar.value;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (event->data.scalar.anchor)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a key cannot have an anchor");
    if (event->data.scalar.tag && strcmp((const char *)event->data.scalar.tag, CORE "str") != 0)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a key cannot have the tag \"%s\"",
                       (const char *)event->data.scalar.tag);
    if (plain && !strcmp(key, "<<"))
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "merge keys (<<) are not allowed: write the members");
    if (plain && !*key)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a key is missing before ':'");
    if (strlen(key) != event->data.scalar.length)
        return fail_at(r, event->start_mark, SL_E_YAML_SYNTAX, "a NUL character is not allowed in a key");
    if (json_object_object_get_ex(object, key, NULL))
        return fail_at(r, event->start_mark, SL_E_YAML_DUPLICATE_KEY, "duplicate key \"%s\"", key);
    return count(r, event->start_mark, 0, event->data.scalar.length);
}

/* The value after a key whose event is given. */
static int member(struct reader *r, const yaml_event_t *key_event, uint32_t mark, struct json_object *object)
{
    const char *key = (const char *)key_event->data.scalar.value;
    yaml_event_t event;
    struct json_object *v = NULL;
    int rc = check_key(r, key_event, object);
    if (rc == 0)
        rc = next(r, &event);
    if (rc != 0)
        return rc;
    sl_doc_key_at(r->doc, place(key_event->start_mark));
    rc = value(r, &event, mark, key, &v);
    yaml_event_delete(&event);
    if (rc == 0)
        sl_json_put(object, key, v);
    return rc;
}

static int item(struct reader *r, yaml_event_t *event, uint32_t mark, struct json_object *array)
{
    struct json_object *v = NULL;
    int rc = value(r, event, mark, NULL, &v);
    if (rc == 0 && json_object_array_add(array, v) != 0)
        sl_oom();
    return rc;
}

static int container(struct reader *r, const yaml_event_t *opened, uint32_t mark, struct json_object **out)
{
    bool map = opened->type == YAML_MAPPING_START_EVENT;
    const char *tag =
        (const char *)(map ? opened->data.mapping_start.tag : opened->data.sequence_start.tag);
    int max = r->limits->max_depth < SL_DOC_HARD_DEPTH ? r->limits->max_depth : SL_DOC_HARD_DEPTH;
    if (tag && strcmp(tag, map ? CORE "map" : CORE "seq") != 0)
        return fail_at(r, opened->start_mark, SL_E_YAML_SYNTAX, "tag \"%s\" is not allowed", tag);
    if (r->depth >= max)
        return fail_at(r, opened->start_mark, SL_E_YAML_LIMIT, "nested deeper than %d levels", max);
    SL_CLEANUP(sl_json_putp) struct json_object *v = map ? json_object_new_object() : json_object_new_array();
    if (!v)
        sl_oom();
    int rc = 0;
    bool more = true;
    r->depth++;
    while (rc == 0 && more) {
        yaml_event_t event;
        rc = next(r, &event);
        if (rc != 0)
            break;
        more = event.type != YAML_MAPPING_END_EVENT && event.type != YAML_SEQUENCE_END_EVENT;
        if (more)
            rc = map ? member(r, &event, mark, v) : item(r, &event, mark, v);
        yaml_event_delete(&event);
    }
    r->depth--;
    if (rc == 0) {
        *out = v;
        v = NULL;
    }
    return rc;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    default:
        return NULL;
    }
}

static int value(struct reader *r, yaml_event_t *event, uint32_t parent, const char *key, struct json_object **out)
{
    size_t values = r->values, bytes = r->bytes;
    int rc = event->type == YAML_ALIAS_EVENT ? 0 : count(r, event->start_mark, 1, 0);
    if (rc != 0)
        return rc;
    uint32_t mark = sl_doc_mark(r->doc, parent, key, place(event->start_mark));
    const yaml_char_t *name = anchor_of(event);
    size_t anchor = name ? add_anchor(r, name) : 0;
    if (event->type == YAML_ALIAS_EVENT)
        rc = alias(r, event, mark, out);
    else if (event->type == YAML_SCALAR_EVENT)
        rc = scalar(r, event, out);
    else
        rc = container(r, event, mark, out);
    if (rc == 0 && name) {
        struct anchor *a = &r->anchors[anchor];
        *a = (struct anchor){a->name, *out, mark, r->values - values, r->bytes - bytes, true};
    }
    return rc;
}

/* Moves to an event of the stream's frame and drops it. */
static int skip_to(struct reader *r, yaml_event_type_t *type, yaml_mark_t *mark)
{
    yaml_event_t event;
    int rc = next(r, &event);
    if (rc == 0) {
        *type = event.type;
        *mark = event.start_mark;
        yaml_event_delete(&event);
    }
    return rc;
}

static int document(struct reader *r)
{
    yaml_event_type_t type = YAML_NO_EVENT;
    yaml_mark_t mark = {0};
    yaml_event_t event;
    int rc = skip_to(r, &type, &mark); /* stream start */
    if (rc == 0)
        rc = skip_to(r, &type, &mark); /* document start */
    if (rc == 0 && type == YAML_STREAM_END_EVENT)
        rc = sl_fail(r->err, SL_E_YAML_SYNTAX, "%s is empty", r->name);
    if (rc == 0)
        rc = next(r, &event);
    if (rc != 0)
        return rc;
    rc = value(r, &event, SL_DOC_NO_MARK, NULL, &r->doc->root);
    yaml_event_delete(&event);
    if (rc == 0)
        rc = skip_to(r, &type, &mark); /* document end */
    if (rc == 0)
        rc = skip_to(r, &type, &mark);
    if (rc == 0 && type != YAML_STREAM_END_EVENT)
        rc = fail_at(r, mark, SL_E_YAML_SYNTAX, "a second document starts here: one is allowed");
    return rc;
}

static int check_encoding(const char *name, const char *text, size_t bytes, struct sl_error *err)
{
    if (!sl_utf8_valid(text, bytes))
        return sl_fail(err, SL_E_YAML_SYNTAX, "%s is not UTF-8", name);
    if (bytes >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        int rc = sl_fail(err, SL_E_YAML_SYNTAX, "%s starts with a byte order mark", name);
        sl_error_hint(err, "save it as UTF-8 without BOM");
        return rc;
    }
    return 0;
}

int sl_yaml_parse(const char *name, const char *text, size_t bytes, const struct sl_json_limits *limits,
                  struct sl_doc **out, struct sl_error *err)
{
    size_t max = limits->max_bytes < INT32_MAX ? limits->max_bytes : INT32_MAX;
    if (bytes > max)
        return sl_fail(err, SL_E_YAML_LIMIT, "%s is %zu bytes, the limit is %zu", name, bytes, max);
    int rc = check_encoding(name, text, bytes, err);
    if (rc != 0)
        return rc;
    struct reader r = {.name = name, .limits = limits, .doc = sl_doc_new(name), .err = err};
    if (!yaml_parser_initialize(&r.parser))
        sl_oom();
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    rc = document(&r);
    yaml_parser_delete(&r.parser);
    for (size_t i = 0; i < r.n_anchors; i++)
        free(r.anchors[i].name);
    free(r.anchors);
    if (rc == 0)
        *out = r.doc;
    else
        sl_doc_free(r.doc);
    return rc;
}

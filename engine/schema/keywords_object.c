/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "schema/internal.h"

static bool is_object(const struct frame *f)
{
    return json_object_is_type(f->instance, json_type_object);
}

static int compile_one(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    const struct node **sub = sl_arena_alloc(c->set->arena, sizeof *sub);
    *sub = sl_schema__sub(c, kw->value);
    kw->data = sub;
    return 0;
}

static const struct node *one(const struct keyword *kw)
{
    const struct node *const *sub = kw->data;
    return *sub;
}

static const struct keyword *find(const struct node *node, const struct keyword_kind *kind)
{
    for (size_t i = 0; i < node->n_keywords; i++)
        if (node->keywords[i].kind == kind)
            return &node->keywords[i];
    return NULL;
}

/* properties */

static int compile_properties(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    json_object_object_foreach(kw->value, key, schema)
    {
        (void)key;
        sl_schema__sub(c, schema);
    }
    kw->data = c->set;
    return 0;
}

static const struct node *property(const struct keyword *kw, const char *key)
{
    struct json_object *schema = NULL;
    const struct sl_schema_set *set = kw->data;
    if (!json_object_object_get_ex(kw->value, key, &schema))
        return NULL;
    return sl_schema__map_get_address(&set->by_json, schema);
}

static bool check_properties(const struct frame *f, const struct keyword *kw)
{
    bool ok = true;
    size_t i = 0;
    if (!is_object(f))
        return true;
    json_object_object_foreach(f->instance, key, value)
    {
        const struct node *sub = ok || sl_schema__wants_all(f) ? property(kw, key) : NULL;
        if (sub) {
            sl_schema__seen_mark(f->seen, i);
            ok &= sl_schema__apply_member(f, sub, key, value);
        }
        i++;
    }
    return ok;
}

/* patternProperties */

struct pattern_properties {
    size_t n;
    struct {
        struct sl_schema__pattern *pattern;
        const struct node *node;
    } items[];
};

static int compile_pattern_properties(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    size_t n = (size_t)json_object_object_length(kw->value);
    struct pattern_properties *p = sl_arena_alloc(c->set->arena, sizeof *p + n * sizeof p->items[0]);
    json_object_object_foreach(kw->value, key, schema)
    {
        char why[160];
        struct sl_schema__pattern *pattern = sl_schema__pattern_new(key, strlen(key), why, sizeof why);
        if (!pattern)
            return sl_schema__invalid(kw, err, "\"%s\" is not a regular expression: %s", key, why);
        sl_arena_defer(c->set->arena, sl_schema__pattern_free, pattern);
        p->items[p->n].pattern = pattern;
        p->items[p->n++].node = sl_schema__sub(c, schema);
    }
    kw->data = p;
    return 0;
}

static bool check_pattern_properties(const struct frame *f, const struct keyword *kw)
{
    const struct pattern_properties *p = kw->data;
    bool ok = true;
    size_t i = 0;
    if (!is_object(f))
        return true;
    json_object_object_foreach(f->instance, key, value)
    {
        for (size_t k = 0; k < p->n && (ok || sl_schema__wants_all(f)); k++) {
            int found = sl_schema__pattern_find(p->items[k].pattern, f->ctx->match, key, strlen(key));
            if (found < 0)
                ok = sl_schema__report_member(f, kw, key, "takes too long to be matched");
            if (found <= 0)
                continue;
            sl_schema__seen_mark(f->seen, i);
            ok &= sl_schema__apply_member(f, p->items[k].node, key, value);
        }
        i++;
    }
    return ok;
}

/* additionalProperties */

static bool is_additional(const struct frame *f, const struct keyword *properties, const struct keyword *patterns,
                          const char *key)
{
    if (properties && property(properties, key))
        return false;
    const struct pattern_properties *p = patterns ? patterns->data : NULL;
    for (size_t k = 0; p && k < p->n; k++)
        if (sl_schema__pattern_find(p->items[k].pattern, f->ctx->match, key, strlen(key)) == 1)
            return false;
    return true;
}

static void add_word(const char *word, const char ***words, size_t *n, size_t *capacity)
{
    if (*n == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 16;
        *words = sl_xrealloc(*words, *capacity * sizeof **words);
    }
    (*words)[(*n)++] = word;
}

/* The members that a schema names, also through its reference and branches. */
static void known_members(const struct node *node, const char ***words, size_t *n, size_t *capacity, int depth)
{
    enum { DEPTH = 4, WORDS = 1000 };
    const struct keyword *properties = find(node, &sl_schema__properties), *ref = find(node, &sl_schema__ref);
    if (properties) {
        json_object_object_foreach(properties->value, key, schema)
        {
            (void)schema;
            if (*n < WORDS)
                add_word(key, words, n, capacity);
        }
    }
    if (depth == DEPTH)
        return;
    if (ref)
        known_members(one(ref), words, n, capacity, depth + 1);
    static const struct keyword_kind *const lists[] = {&sl_schema__all_of, &sl_schema__any_of, &sl_schema__one_of};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        const struct keyword *list = find(node, lists[k]);
        const struct node *const *subs = list ? list->data : NULL;
        for (size_t i = 0; subs && i < json_object_array_length(list->value); i++)
            known_members(subs[i], words, n, capacity, depth + 1);
    }
}

bool sl_schema__unknown_member(const struct frame *f, const struct keyword *kw, const char *key)
{
    if (!f->ctx->violations)
        return false;
    SL_CLEANUP(sl_buf_free) struct sl_buf hint;
    const char **words = NULL;
    size_t n = 0, capacity = 0;
    sl_buf_init(&hint, 256);
    known_members(f->node, &words, &n, &capacity, 0);
    sl_schema__suggest(&hint, key, words, n);
    free(words);
    return sl_schema__report_member(f, kw, key, "is not a known member%s", hint.data);
}

static bool check_additional(const struct frame *f, const struct keyword *kw)
{
    const struct node *sub = one(kw);
    const struct keyword *properties = find(f->node, &sl_schema__properties);
    const struct keyword *patterns = find(f->node, &sl_schema__pattern_properties);
    bool ok = true;
    size_t i = 0;
    if (!is_object(f))
        return true;
    json_object_object_foreach(f->instance, key, value)
    {
        if ((ok || sl_schema__wants_all(f)) && is_additional(f, properties, patterns, key)) {
            sl_schema__seen_mark(f->seen, i);
            if (sub->is_boolean && !sub->allow)
                ok = sl_schema__unknown_member(f, kw, key);
            else
                ok &= sl_schema__apply_member(f, sub, key, value);
        }
        i++;
    }
    return ok;
}

/* propertyNames */

static bool check_names(const struct frame *f, const struct keyword *kw)
{
    bool ok = true;
    if (!is_object(f))
        return true;
    json_object_object_foreach(f->instance, key, value)
    {
        (void)value;
        if (!ok && !sl_schema__wants_all(f))
            break;
        SL_CLEANUP(sl_json_putp) struct json_object *name = json_object_new_string(key);
        if (!name)
            sl_oom();
        ok &= sl_schema__apply_member(f, one(kw), key, name);
    }
    return ok;
}

/* required, dependentRequired */

static int need_names(const struct keyword *kw, struct json_object *names, struct sl_error *err)
{
    if (!json_object_is_type(names, json_type_array))
        return sl_schema__invalid(kw, err, "must be an array of names");
    for (size_t i = 0; i < json_object_array_length(names); i++)
        if (!json_object_is_type(json_object_array_get_idx(names, i), json_type_string))
            return sl_schema__invalid(kw, err, "must be an array of names");
    return 0;
}

static int compile_required(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    return need_names(kw, kw->value, err);
}

static bool check_required(const struct frame *f, const struct keyword *kw)
{
    bool ok = true;
    if (!is_object(f))
        return true;
    for (size_t i = 0; i < json_object_array_length(kw->value) && (ok || sl_schema__wants_all(f)); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(kw->value, i));
        if (!json_object_object_get_ex(f->instance, name, NULL))
            ok = sl_schema__report_member(f, kw, name, "is required");
    }
    return ok;
}

static int compile_dependent(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    int rc = sl_schema__need(kw, json_type_object, "an object", err);
    if (rc != 0)
        return rc;
    json_object_object_foreach(kw->value, key, names)
    {
        (void)key;
        if ((rc = need_names(kw, names, err)) != 0)
            break;
    }
    return rc;
}

static bool check_dependent(const struct frame *f, const struct keyword *kw)
{
    bool ok = true;
    if (!is_object(f))
        return true;
    json_object_object_foreach(kw->value, key, names)
    {
        size_t n = json_object_object_get_ex(f->instance, key, NULL) ? json_object_array_length(names) : 0;
        for (size_t i = 0; i < n; i++) {
            const char *name = json_object_get_string(json_object_array_get_idx(names, i));
            if (!json_object_object_get_ex(f->instance, name, NULL))
                ok = sl_schema__report_member(f, kw, name, "is required beside \"%s\"", key);
        }
    }
    return ok;
}

/* minProperties, maxProperties */

static int compile_count(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    kw->data = sl_arena_alloc(c->set->arena, sizeof(uint64_t));
    return sl_schema__need_count(kw, kw->data, err);
}

static bool check_min(const struct frame *f, const struct keyword *kw)
{
    uint64_t min = *(const uint64_t *)kw->data;
    if (!is_object(f) || (uint64_t)json_object_object_length(f->instance) >= min)
        return true;
    return sl_schema__report(f, kw, "must have at least %" PRIu64 " member%s, has %d", min, min == 1 ? "" : "s",
                             json_object_object_length(f->instance));
}

static bool check_max(const struct frame *f, const struct keyword *kw)
{
    uint64_t max = *(const uint64_t *)kw->data;
    if (!is_object(f) || (uint64_t)json_object_object_length(f->instance) <= max)
        return true;
    return sl_schema__report(f, kw, "must have at most %" PRIu64 " member%s, has %d", max, max == 1 ? "" : "s",
                             json_object_object_length(f->instance));
}

const struct keyword_kind sl_schema__properties = {"properties", VOCAB_APPLICATOR, SHAPE_MAP, compile_properties,
                                                   check_properties};
const struct keyword_kind sl_schema__pattern_properties = {"patternProperties", VOCAB_APPLICATOR, SHAPE_MAP,
                                                           compile_pattern_properties, check_pattern_properties};
const struct keyword_kind sl_schema__additional_properties = {"additionalProperties", VOCAB_APPLICATOR, SHAPE_ONE,
                                                              compile_one, check_additional};
const struct keyword_kind sl_schema__property_names = {"propertyNames", VOCAB_APPLICATOR, SHAPE_ONE, compile_one,
                                                       check_names};
const struct keyword_kind sl_schema__required = {"required", VOCAB_VALIDATION, SHAPE_NONE, compile_required,
                                                 check_required};
const struct keyword_kind sl_schema__dependent_required = {"dependentRequired", VOCAB_VALIDATION, SHAPE_NONE,
                                                           compile_dependent, check_dependent};
const struct keyword_kind sl_schema__min_properties = {"minProperties", VOCAB_VALIDATION, SHAPE_NONE, compile_count,
                                                       check_min};
const struct keyword_kind sl_schema__max_properties = {"maxProperties", VOCAB_VALIDATION, SHAPE_NONE, compile_count,
                                                       check_max};

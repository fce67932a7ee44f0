/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "schema/internal.h"

/* The types that a schema asks for, directly or by its $ref; 0: it asks for none. */
static unsigned types_wanted(const struct node *node, int depth)
{
    enum { DEPTH = 4 };
    unsigned types = 0;
    for (size_t i = 0; i < node->n_keywords; i++) {
        const struct keyword *kw = &node->keywords[i];
        if (kw->kind == &sl_schema__type)
            return *(const unsigned *)kw->data;
        if (kw->kind == &sl_schema__ref && depth < DEPTH)
            types = types_wanted(*(const struct node *const *)kw->data, depth + 1);
    }
    return types;
}

/* $ref: data is the node, as for all kinds of one subschema */

static int resolve(struct compiler *c, const struct keyword *kw, struct node **target, const char **anchor,
                   struct sl_error *err)
{
    int rc = sl_schema__need(kw, json_type_string, "a string", err);
    if (rc != 0)
        return rc;
    const char *base = kw->node->resource->uri;
    rc = sl_schema__resolve(c->set, base, json_object_get_string(kw->value), target, anchor, err);
    if (rc == -(int)SL_E_SCHEMA_REF)
        sl_error_prefix(err, "%s#%s/%s", base, kw->node->pointer, kw->kind->name);
    if (rc == 0)
        sl_schema__queue(c, *target);
    return rc;
}

static int compile_ref(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    struct node **target = sl_arena_alloc(c->set->arena, sizeof *target);
    const char *anchor;
    kw->data = target;
    return resolve(c, kw, target, &anchor, err);
}

static bool check_ref(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *target = kw->data;
    return sl_schema__apply(f, *target, f->seen);
}

/* $dynamicRef: the outermost resource of the dynamic scope that has the anchor, if the one found first is dynamic */

struct dynamic_ref {
    const struct node *target; /* first, so that it reads as $ref does */
    const char *anchor;        /* NULL: it is as $ref */
};

static int compile_dynamic_ref(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    struct dynamic_ref *ref = sl_arena_alloc(c->set->arena, sizeof *ref);
    struct node *target = NULL;
    const char *anchor = NULL;
    int rc = resolve(c, kw, &target, &anchor, err);
    if (rc != 0)
        return rc;
    const struct anchor *found = anchor ? sl_schema__map_get(&target->resource->anchors, anchor) : NULL;
    *ref = (struct dynamic_ref){target, found && found->dynamic ? anchor : NULL};
    kw->data = ref;
    return 0;
}

static bool check_dynamic_ref(const struct frame *f, const struct keyword *kw)
{
    const struct dynamic_ref *ref = kw->data;
    const struct node *target = ref->target;
    for (const struct scope *s = ref->anchor ? f->scope : NULL; s; s = s->outer) {
        const struct anchor *a = sl_schema__map_get(&s->resource->anchors, ref->anchor);
        if (a && a->dynamic)
            target = a->node;
    }
    return sl_schema__apply(f, target, f->seen);
}

/* allOf, anyOf, oneOf */

static int compile_list(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    size_t n = json_object_array_length(kw->value);
    const struct node **subs = sl_arena_array(c->set->arena, n, sizeof *subs);
    for (size_t i = 0; i < n; i++)
        subs[i] = sl_schema__sub(c, json_object_array_get_idx(kw->value, i));
    kw->data = subs;
    return n > 0 ? 0 : sl_schema__invalid(kw, err, "must not be empty");
}

static bool check_all(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    bool ok = true;
    for (size_t i = 0; i < json_object_array_length(kw->value) && (ok || sl_schema__wants_all(f)); i++)
        ok &= sl_schema__apply(f, subs[i], f->seen);
    return ok;
}

/* Whether a branch is fulfilled; what it evaluated counts only then. */
static bool try_branch(const struct frame *f, const struct node *sub)
{
    struct seen seen;
    if (!f->seen)
        return sl_schema__try(f, sub, NULL);
    sl_schema__seen_init(&seen, f->instance);
    bool ok = sl_schema__try(f, sub, &seen);
    if (ok)
        sl_schema__seen_merge(f->seen, &seen);
    sl_schema__seen_free(&seen);
    return ok;
}

/* How far a branch is from being meant: a wrong type says that it is another kind of value altogether, a wrong constant
 * that it is another variant; anything else is a mistake inside. */
static size_t distance(const struct sl_violations *v, size_t root_depth)
{
    size_t cost = v->dropped;
    for (size_t i = 0; i < v->n; i++) {
        bool root = strlen(v->items[i].instance_pointer) == root_depth;
        bool constant = !strcmp(v->items[i].keyword, "const") || !strcmp(v->items[i].keyword, "enum");
        cost += root && !strcmp(v->items[i].keyword, "type") ? 10000 : constant ? 100 : 1;
    }
    return cost;
}

static size_t pointer_length(const struct path *path)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    size_t n = 0;
    sl_buf_init(&text, SIZE_MAX / 2);
    for (; path; path = path->parent) {
        sl_buf_clear(&text);
        if (path->key)
            sl_json_pointer_add(&text, path->key);
        else
            sl_buf_printf(&text, "/%zu", path->index);
        n += text.len;
    }
    return n;
}

/* "expected string or object, found 12", when every branch is about another type. */
static bool report_types(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    unsigned types = 0;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    for (size_t i = 0; i < json_object_array_length(kw->value); i++)
        types |= types_wanted(subs[i], 0);
    sl_buf_puts(&text, "expected ");
    sl_schema__type_names(&text, types);
    sl_buf_puts(&text, ", found ");
    sl_schema__show(&text, f->instance);
    return sl_schema__report(f, kw, "%s", text.data);
}

/* Tells what is wrong by the branch that came nearest. */
static bool report_nearest(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    struct sl_violations *outer = f->ctx->violations;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_violations best = {0};
    size_t least = SIZE_MAX, depth = pointer_length(f->path);
    for (size_t i = 0; i < json_object_array_length(kw->value); i++) {
        struct sl_violations v = {.arena = arena, .max = outer->max};
        bool branch_failed = false;
        struct frame branch = *f;
        branch.branch_failed = &branch_failed;
        f->ctx->violations = &v;
        sl_schema__apply(&branch, subs[i], NULL);
        size_t cost = distance(&v, depth);
        if (cost < least) {
            least = cost;
            best = v;
        }
    }
    f->ctx->violations = outer;
    if (least >= 10000)
        return report_types(f, kw);
    sl_schema__violations_copy(outer, &best);
    return false;
}

static bool no_branch(const struct frame *f, const struct keyword *kw)
{
    *f->branch_failed = true;
    return f->ctx->violations ? report_nearest(f, kw) : false;
}

static bool check_any(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    bool ok = false;
    /* All of them when somebody asks what was evaluated. */
    for (size_t i = 0; i < json_object_array_length(kw->value) && (!ok || f->seen); i++)
        ok |= try_branch(f, subs[i]);
    return ok || no_branch(f, kw);
}

static bool check_one(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    size_t n = json_object_array_length(kw->value), first = n;
    for (size_t i = 0; i < n; i++) {
        if (!try_branch(f, subs[i]))
            continue;
        if (first == n) {
            first = i;
            continue;
        }
        *f->branch_failed = true;
        return sl_schema__report(f, kw, "fits two of the allowed forms (%zu and %zu), must fit exactly one", first, i);
    }
    return first < n || no_branch(f, kw);
}

static int compile_one(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    const struct node **sub = sl_arena_alloc(c->set->arena, sizeof *sub);
    *sub = sl_schema__sub(c, kw->value);
    kw->data = sub;
    return 0;
}

static bool check_not(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *sub = kw->data;
    return !sl_schema__try(f, *sub, NULL) || sl_schema__report(f, kw, "is of a form that is not allowed");
}

/* if, with its then and else */

struct branches {
    const struct node *test, *then, *otherwise;
};

static int compile_if(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    struct branches *b = sl_arena_alloc(c->set->arena, sizeof *b);
    struct json_object *then = sl_schema__sibling(kw, "then"), *otherwise = sl_schema__sibling(kw, "else");
    *b = (struct branches){sl_schema__sub(c, kw->value), then ? sl_schema__sub(c, then) : NULL,
                           otherwise ? sl_schema__sub(c, otherwise) : NULL};
    kw->data = b;
    return 0;
}

static bool check_if(const struct frame *f, const struct keyword *kw)
{
    const struct branches *b = kw->data;
    const struct node *chosen = try_branch(f, b->test) ? b->then : b->otherwise;
    return !chosen || sl_schema__apply(f, chosen, f->seen);
}

/* dependentSchemas */

static int compile_dependent(struct compiler *c, struct keyword *kw, struct sl_error *err)
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

static bool check_dependent(const struct frame *f, const struct keyword *kw)
{
    const struct sl_schema_set *set = kw->data;
    bool ok = true;
    if (!json_object_is_type(f->instance, json_type_object))
        return true;
    json_object_object_foreach(kw->value, key, schema)
    {
        if ((ok || sl_schema__wants_all(f)) && json_object_object_get_ex(f->instance, key, NULL))
            ok &= sl_schema__apply(f, sl_schema__map_get_address(&set->by_json, schema), f->seen);
    }
    return ok;
}

const struct keyword_kind sl_schema__ref = {"$ref", VOCAB_CORE, SHAPE_NONE, compile_ref, check_ref};
const struct keyword_kind sl_schema__dynamic_ref = {"$dynamicRef", VOCAB_CORE, SHAPE_NONE, compile_dynamic_ref,
                                                    check_dynamic_ref};
const struct keyword_kind sl_schema__defs = {"$defs", VOCAB_CORE, SHAPE_MAP, NULL, NULL};
const struct keyword_kind sl_schema__all_of = {"allOf", VOCAB_APPLICATOR, SHAPE_LIST, compile_list, check_all};
const struct keyword_kind sl_schema__any_of = {"anyOf", VOCAB_APPLICATOR, SHAPE_LIST, compile_list, check_any};
const struct keyword_kind sl_schema__one_of = {"oneOf", VOCAB_APPLICATOR, SHAPE_LIST, compile_list, check_one};
const struct keyword_kind sl_schema__not = {"not", VOCAB_APPLICATOR, SHAPE_ONE, compile_one, check_not};
const struct keyword_kind sl_schema__if = {"if", VOCAB_APPLICATOR, SHAPE_ONE, compile_if, check_if};
const struct keyword_kind sl_schema__then = {"then", VOCAB_APPLICATOR, SHAPE_ONE, NULL, NULL};
const struct keyword_kind sl_schema__else = {"else", VOCAB_APPLICATOR, SHAPE_ONE, NULL, NULL};
const struct keyword_kind sl_schema__dependent_schemas = {"dependentSchemas", VOCAB_APPLICATOR, SHAPE_MAP,
                                                          compile_dependent, check_dependent};

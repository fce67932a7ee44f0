/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "schema/internal.h"

static bool is_array(const struct frame *f)
{
    return json_object_is_type(f->instance, json_type_array);
}

static size_t length(const struct frame *f)
{
    return json_object_array_length(f->instance);
}

static size_t prefix_length(const struct keyword *kw)
{
    struct json_object *prefix = sl_schema__sibling(kw, "prefixItems");
    return json_object_is_type(prefix, json_type_array) ? json_object_array_length(prefix) : 0;
}

static int compile_prefix(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    size_t n = json_object_array_length(kw->value);
    const struct node **subs = sl_arena_array(c->set->arena, n, sizeof *subs);
    for (size_t i = 0; i < n; i++)
        subs[i] = sl_schema__sub(c, json_object_array_get_idx(kw->value, i));
    kw->data = subs;
    return 0;
}

static bool check_prefix(const struct frame *f, const struct keyword *kw)
{
    const struct node *const *subs = kw->data;
    bool ok = true;
    size_t n = json_object_array_length(kw->value);
    if (!is_array(f))
        return true;
    for (size_t i = 0; i < n && i < length(f) && (ok || sl_schema__wants_all(f)); i++) {
        sl_schema__seen_mark(f->seen, i);
        ok &= sl_schema__apply_item(f, subs[i], i, json_object_array_get_idx(f->instance, i));
    }
    return ok;
}

struct items {
    const struct node *node;
    size_t from;
};

static int compile_items(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    struct items *items = sl_arena_alloc(c->set->arena, sizeof *items);
    *items = (struct items){sl_schema__sub(c, kw->value), prefix_length(kw)};
    kw->data = items;
    return 0;
}

static bool check_items(const struct frame *f, const struct keyword *kw)
{
    const struct items *items = kw->data;
    bool ok = true;
    if (!is_array(f))
        return true;
    if (items->node->is_boolean && !items->node->allow && length(f) > items->from)
        return sl_schema__report(f, kw, "must have at most %zu item%s, has %zu", items->from,
                                 items->from == 1 ? "" : "s", length(f));
    for (size_t i = items->from; i < length(f) && (ok || sl_schema__wants_all(f)); i++) {
        sl_schema__seen_mark(f->seen, i);
        ok &= sl_schema__apply_item(f, items->node, i, json_object_array_get_idx(f->instance, i));
    }
    return ok;
}

struct contains {
    const struct node *node;
    uint64_t min, max;
};

static int compile_contains(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    struct contains *contains = sl_arena_alloc(c->set->arena, sizeof *contains);
    *contains = (struct contains){sl_schema__sub(c, kw->value), 1, UINT64_MAX};
    kw->data = contains;
    if (!(kw->node->resource->vocabularies & VOCAB_VALIDATION))
        return 0;
    struct keyword min = {kw->kind, kw->node, sl_schema__sibling(kw, "minContains"), NULL};
    struct keyword max = {kw->kind, kw->node, sl_schema__sibling(kw, "maxContains"), NULL};
    int rc = min.value ? sl_schema__need_count(&min, &contains->min, err) : 0;
    if (rc == 0 && max.value)
        rc = sl_schema__need_count(&max, &contains->max, err);
    return rc;
}

static bool check_contains(const struct frame *f, const struct keyword *kw)
{
    const struct contains *contains = kw->data;
    uint64_t n = 0;
    if (!is_array(f))
        return true;
    for (size_t i = 0; i < length(f); i++) {
        if (!sl_schema__try_item(f, contains->node, i, json_object_array_get_idx(f->instance, i)))
            continue;
        sl_schema__seen_mark(f->seen, i);
        n++;
    }
    if (n < contains->min)
        return sl_schema__report(f, kw, "must have at least %" PRIu64 " item%s of the form that is asked for, has %" PRIu64,
                                 contains->min, contains->min == 1 ? "" : "s", n);
    if (n > contains->max)
        return sl_schema__report(f, kw, "must have at most %" PRIu64 " item%s of the form that is asked for, has %" PRIu64,
                                 contains->max, contains->max == 1 ? "" : "s", n);
    return true;
}

static int compile_count(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    kw->data = sl_arena_alloc(c->set->arena, sizeof(uint64_t));
    return sl_schema__need_count(kw, kw->data, err);
}

static bool check_min(const struct frame *f, const struct keyword *kw)
{
    uint64_t min = *(const uint64_t *)kw->data;
    if (!is_array(f) || length(f) >= min)
        return true;
    if (length(f) == 0 && min == 1)
        return sl_schema__report(f, kw, "must not be empty");
    return sl_schema__report(f, kw, "must have at least %" PRIu64 " item%s, has %zu", min, min == 1 ? "" : "s",
                             length(f));
}

static bool check_max(const struct frame *f, const struct keyword *kw)
{
    uint64_t max = *(const uint64_t *)kw->data;
    if (!is_array(f) || length(f) <= max)
        return true;
    return sl_schema__report(f, kw, "must have at most %" PRIu64 " item%s, has %zu", max, max == 1 ? "" : "s",
                             length(f));
}

struct hashed {
    uint64_t hash;
    size_t index;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int compile_unique(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    return sl_schema__need(kw, json_type_boolean, "true or false", err);
}

/* By hash, since comparing each with each would take minutes on an array that is long on purpose. */
static bool check_unique(const struct frame *f, const struct keyword *kw)
{
    bool ok = true;
    if (!is_array(f) || !json_object_get_boolean(kw->value))
        return true;
    size_t n = length(f);
    SL_CLEANUP(sl_freep) struct hashed *items = sl_xcalloc(n, sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct hashed){sl_schema__hash(json_object_array_get_idx(f->instance, i)), i};
    qsort(items, n, sizeof *items, by_hash);
    for (size_t i = 1; i < n && (ok || sl_schema__wants_all(f)); i++) {
        /* Equal items are neighbours but for collisions, of which a handful is looked through. */
        enum { LOOK_BACK = 8 };
        for (size_t k = i; k > 0 && i - k < LOOK_BACK && items[k - 1].hash == items[i].hash; k--) {
            struct json_object *a = json_object_array_get_idx(f->instance, items[k - 1].index);
            if (sl_schema__equal(a, json_object_array_get_idx(f->instance, items[i].index))) {
                ok = sl_schema__report_item(f, kw, items[i].index, "is the same as item %zu", items[k - 1].index);
                break;
            }
        }
    }
    return ok;
}

const struct keyword_kind sl_schema__prefix_items = {"prefixItems", VOCAB_APPLICATOR, SHAPE_LIST, compile_prefix,
                                                     check_prefix};
const struct keyword_kind sl_schema__items = {"items", VOCAB_APPLICATOR, SHAPE_ONE, compile_items, check_items};
const struct keyword_kind sl_schema__contains = {"contains", VOCAB_APPLICATOR, SHAPE_ONE, compile_contains,
                                                 check_contains};
const struct keyword_kind sl_schema__min_items = {"minItems", VOCAB_VALIDATION, SHAPE_NONE, compile_count, check_min};
const struct keyword_kind sl_schema__max_items = {"maxItems", VOCAB_VALIDATION, SHAPE_NONE, compile_count, check_max};
const struct keyword_kind sl_schema__unique_items = {"uniqueItems", VOCAB_VALIDATION, SHAPE_NONE, compile_unique,
                                                     check_unique};

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "schema/internal.h"

void sl_schema__seen_init(struct seen *seen, struct json_object *instance)
{
    *seen = (struct seen){0};
    if (json_object_is_type(instance, json_type_object))
        seen->n = (size_t)json_object_object_length(instance);
    else if (json_object_is_type(instance, json_type_array))
        seen->n = json_object_array_length(instance);
    seen->done = sl_xcalloc(seen->n, 1);
}

void sl_schema__seen_free(struct seen *seen)
{
    free(seen->done);
}

void sl_schema__seen_mark(struct seen *seen, size_t index)
{
    if (seen)
        seen->done[index] = 1;
}

void sl_schema__seen_mark_all(struct seen *seen)
{
    if (seen && seen->n)
        memset(seen->done, 1, seen->n);
}

void sl_schema__seen_merge(struct seen *into, const struct seen *from)
{
    for (size_t i = 0; into && i < into->n; i++)
        into->done[i] |= from->done[i];
}

static int compile(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)err;
    const struct node **data = sl_arena_alloc(c->set->arena, sizeof *data);
    *data = sl_schema__sub(c, kw->value);
    kw->data = data;
    return 0;
}

static const struct node *sub_of(const struct keyword *kw)
{
    return *(const struct node *const *)kw->data;
}

static bool check_items(const struct frame *f, const struct keyword *kw)
{
    if (!json_object_is_type(f->instance, json_type_array) || *f->branch_failed)
        return true;
    bool ok = true;
    const struct node *sub = sub_of(kw);
    for (size_t i = 0; i < f->seen->n && (ok || sl_schema__wants_all(f)); i++) {
        if (f->seen->done[i])
            continue;
        if (sub->is_boolean && !sub->allow)
            ok = sl_schema__report_item(f, kw, i, "is one item too many");
        else
            ok &= sl_schema__apply_item(f, sub, i, json_object_array_get_idx(f->instance, i));
        sl_schema__seen_mark(f->seen, i);
    }
    return ok;
}

static bool check_properties(const struct frame *f, const struct keyword *kw)
{
    if (!json_object_is_type(f->instance, json_type_object) || *f->branch_failed)
        return true;
    bool ok = true;
    size_t i = 0;
    const struct node *sub = sub_of(kw);
    json_object_object_foreach(f->instance, key, value)
    {
        if (!f->seen->done[i] && (ok || sl_schema__wants_all(f))) {
            if (sub->is_boolean && !sub->allow)
                ok = sl_schema__unknown_member(f, kw, key);
            else
                ok &= sl_schema__apply_member(f, sub, key, value);
            sl_schema__seen_mark(f->seen, i);
        }
        i++;
    }
    return ok;
}

const struct keyword_kind sl_schema__unevaluated_items = {"unevaluatedItems", VOCAB_UNEVALUATED, SHAPE_ONE, compile,
                                                          check_items};
const struct keyword_kind sl_schema__unevaluated_properties = {"unevaluatedProperties", VOCAB_UNEVALUATED, SHAPE_ONE,
                                                               compile, check_properties};

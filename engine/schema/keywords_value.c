/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "schema/internal.h"

static int add_type(const struct keyword *kw, struct json_object *name, unsigned *types, struct sl_error *err)
{
    unsigned type = json_object_is_type(name, json_type_string) ? sl_schema__type_by_name(json_object_get_string(name))
                                                               : 0;
    if (!type)
        return sl_schema__invalid(kw, err, "must name types (null, boolean, integer, number, string, array, object)");
    *types |= type;
    return 0;
}

static int compile_type(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    unsigned *types = sl_arena_alloc(c->set->arena, sizeof *types);
    kw->data = types;
    if (!json_object_is_type(kw->value, json_type_array))
        return add_type(kw, kw->value, types, err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_object_array_length(kw->value); i++)
        rc = add_type(kw, json_object_array_get_idx(kw->value, i), types, err);
    return rc;
}

static bool check_type(const struct frame *f, const struct keyword *kw)
{
    unsigned types = *(const unsigned *)kw->data;
    if (types & sl_schema__types_of(f->instance))
        return true;
    if (!f->ctx->violations)
        return false;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    sl_buf_puts(&text, "expected ");
    sl_schema__type_names(&text, types);
    sl_buf_puts(&text, ", found ");
    sl_schema__show(&text, f->instance);
    return sl_schema__report(f, kw, "%s", text.data);
}

static bool check_const(const struct frame *f, const struct keyword *kw)
{
    if (sl_schema__equal(f->instance, kw->value))
        return true;
    if (!f->ctx->violations)
        return false;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    sl_buf_puts(&text, "must be ");
    sl_schema__show(&text, kw->value);
    sl_buf_puts(&text, ", found ");
    sl_schema__show(&text, f->instance);
    return sl_schema__report(f, kw, "%s", text.data);
}

static int compile_enum(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    return sl_schema__need(kw, json_type_array, "an array", err);
}

static int compile_const(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    (void)kw;
    (void)err;
    return 0;
}

static void suggest(struct sl_buf *out, struct json_object *instance, struct json_object *list)
{
    size_t n = json_object_array_length(list), n_words = 0;
    if (!json_object_is_type(instance, json_type_string))
        return;
    SL_CLEANUP(sl_freep) const char **words = sl_xcalloc(n, sizeof *words);
    for (size_t i = 0; i < n; i++)
        if (json_object_is_type(json_object_array_get_idx(list, i), json_type_string))
            words[n_words++] = json_object_get_string(json_object_array_get_idx(list, i));
    sl_schema__suggest(out, json_object_get_string(instance), words, n_words);
}

static bool report_enum(const struct frame *f, const struct keyword *kw)
{
    enum { SHOWN = 12 };
    size_t n = json_object_array_length(kw->value);
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 2048);
    sl_schema__show(&text, f->instance);
    sl_buf_puts(&text, n == 1 ? " is not " : " is not one of ");
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        sl_buf_puts(&text, i ? ", " : "");
        sl_schema__show(&text, json_object_array_get_idx(kw->value, i));
    }
    if (n > SHOWN)
        sl_buf_printf(&text, " and %zu more", n - SHOWN);
    suggest(&text, f->instance, kw->value);
    return sl_schema__report(f, kw, "%s", text.data);
}

static bool check_enum(const struct frame *f, const struct keyword *kw)
{
    for (size_t i = 0; i < json_object_array_length(kw->value); i++)
        if (sl_schema__equal(f->instance, json_object_array_get_idx(kw->value, i)))
            return true;
    return f->ctx->violations ? report_enum(f, kw) : false;
}

const struct keyword_kind sl_schema__type = {"type", VOCAB_VALIDATION, SHAPE_NONE, compile_type, check_type};
const struct keyword_kind sl_schema__const = {"const", VOCAB_VALIDATION, SHAPE_NONE, compile_const, check_const};
const struct keyword_kind sl_schema__enum = {"enum", VOCAB_VALIDATION, SHAPE_NONE, compile_enum, check_enum};

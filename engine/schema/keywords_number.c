/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/internal.h"

static int compile_bound(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    return sl_schema__is_number(kw->value) ? 0 : sl_schema__invalid(kw, err, "must be a number");
}

static int compile_multiple(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    (void)c;
    if (!sl_schema__is_number(kw->value) || !(json_object_get_double(kw->value) > 0))
        return sl_schema__invalid(kw, err, "must be a number greater than 0");
    return 0;
}

static bool report(const struct frame *f, const struct keyword *kw, const char *relation)
{
    if (!f->ctx->violations)
        return false;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    sl_buf_printf(&text, "must be %s ", relation);
    sl_schema__show(&text, kw->value);
    sl_buf_puts(&text, ", found ");
    sl_schema__show(&text, f->instance);
    return sl_schema__report(f, kw, "%s", text.data);
}

static bool check_minimum(const struct frame *f, const struct keyword *kw)
{
    bool ok = !sl_schema__is_number(f->instance) || sl_schema__compare(f->instance, kw->value) >= 0;
    return ok || report(f, kw, "at least");
}

static bool check_maximum(const struct frame *f, const struct keyword *kw)
{
    bool ok = !sl_schema__is_number(f->instance) || sl_schema__compare(f->instance, kw->value) <= 0;
    return ok || report(f, kw, "at most");
}

static bool check_above(const struct frame *f, const struct keyword *kw)
{
    bool ok = !sl_schema__is_number(f->instance) || sl_schema__compare(f->instance, kw->value) > 0;
    return ok || report(f, kw, "greater than");
}

static bool check_below(const struct frame *f, const struct keyword *kw)
{
    bool ok = !sl_schema__is_number(f->instance) || sl_schema__compare(f->instance, kw->value) < 0;
    return ok || report(f, kw, "less than");
}

static bool check_multiple(const struct frame *f, const struct keyword *kw)
{
    bool ok = !sl_schema__is_number(f->instance) || sl_schema__multiple(f->instance, kw->value);
    return ok || report(f, kw, "a multiple of");
}

const struct keyword_kind sl_schema__minimum = {"minimum", VOCAB_VALIDATION, SHAPE_NONE, compile_bound, check_minimum};
const struct keyword_kind sl_schema__maximum = {"maximum", VOCAB_VALIDATION, SHAPE_NONE, compile_bound, check_maximum};
const struct keyword_kind sl_schema__exclusive_minimum = {"exclusiveMinimum", VOCAB_VALIDATION, SHAPE_NONE,
                                                          compile_bound, check_above};
const struct keyword_kind sl_schema__exclusive_maximum = {"exclusiveMaximum", VOCAB_VALIDATION, SHAPE_NONE,
                                                          compile_bound, check_below};
const struct keyword_kind sl_schema__multiple_of = {"multipleOf", VOCAB_VALIDATION, SHAPE_NONE, compile_multiple,
                                                    check_multiple};

/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "schema/internal.h"

static bool is_string(const struct frame *f)
{
    return json_object_is_type(f->instance, json_type_string);
}

/* In code points; strings are UTF-8. */
static uint64_t length(const struct frame *f)
{
    const char *s = json_object_get_string(f->instance);
    size_t bytes = (size_t)json_object_get_string_len(f->instance);
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    return n;
}

static int compile_count(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    kw->data = sl_arena_alloc(c->set->arena, sizeof(uint64_t));
    return sl_schema__need_count(kw, kw->data, err);
}

static bool check_min(const struct frame *f, const struct keyword *kw)
{
    uint64_t min = *(const uint64_t *)kw->data, n = is_string(f) ? length(f) : min;
    if (n >= min)
        return true;
    if (n == 0)
        return sl_schema__report(f, kw, "must not be empty");
    return sl_schema__report(f, kw, "must have at least %" PRIu64 " characters, has %" PRIu64, min, n);
}

static bool check_max(const struct frame *f, const struct keyword *kw)
{
    uint64_t max = *(const uint64_t *)kw->data, n = is_string(f) ? length(f) : 0;
    if (n <= max)
        return true;
    return sl_schema__report(f, kw, "must have at most %" PRIu64 " character%s, has %" PRIu64, max,
                             max == 1 ? "" : "s", n);
}

static int compile_pattern(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    char why[160];
    int rc = sl_schema__need(kw, json_type_string, "a string", err);
    if (rc != 0)
        return rc;
    kw->data = sl_schema__pattern_new(json_object_get_string(kw->value),
                                      (size_t)json_object_get_string_len(kw->value), why, sizeof why);
    if (!kw->data)
        return sl_schema__invalid(kw, err, "is not a regular expression: %s", why);
    sl_arena_defer(c->set->arena, sl_schema__pattern_free, kw->data);
    return 0;
}

static bool report(const struct frame *f, const struct keyword *kw, const char *fmt, const char *what)
{
    if (!f->ctx->violations)
        return false;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&text, 1024);
    sl_schema__show(&text, f->instance);
    sl_buf_printf(&text, " %s %s", fmt, what);
    return sl_schema__report(f, kw, "%s", text.data);
}

static bool check_pattern(const struct frame *f, const struct keyword *kw)
{
    if (!is_string(f))
        return true;
    int found = sl_schema__pattern_find(kw->data, f->ctx->match, json_object_get_string(f->instance),
                                        (size_t)json_object_get_string_len(f->instance));
    if (found < 0)
        return report(f, kw, "takes too long to be matched with", json_object_get_string(kw->value));
    return found == 1 || report(f, kw, "does not match", json_object_get_string(kw->value));
}

struct format {
    sl_schema__format_fn fn; /* NULL: unknown, an annotation */
};

static int compile_format(struct compiler *c, struct keyword *kw, struct sl_error *err)
{
    int rc = sl_schema__need(kw, json_type_string, "a string", err);
    if (rc != 0)
        return rc;
    struct format *format = sl_arena_alloc(c->set->arena, sizeof *format);
    format->fn = sl_schema__format(json_object_get_string(kw->value));
    kw->data = format;
    return 0;
}

static bool check_format(const struct frame *f, const struct keyword *kw)
{
    const struct format *format = kw->data;
    bool asserts = f->ctx->assert_format || (kw->node->resource->vocabularies & VOCAB_FORMAT_ASSERTION);
    if (!asserts || !is_string(f) || !format->fn)
        return true;
    if (format->fn(json_object_get_string(f->instance), (size_t)json_object_get_string_len(f->instance)))
        return true;
    return report(f, kw, "is not of the format", json_object_get_string(kw->value));
}

const struct keyword_kind sl_schema__min_length = {"minLength", VOCAB_VALIDATION, SHAPE_NONE, compile_count, check_min};
const struct keyword_kind sl_schema__max_length = {"maxLength", VOCAB_VALIDATION, SHAPE_NONE, compile_count, check_max};
const struct keyword_kind sl_schema__pattern = {"pattern", VOCAB_VALIDATION, SHAPE_NONE, compile_pattern,
                                                check_pattern};
const struct keyword_kind sl_schema__format_kw = {"format", VOCAB_FORMAT | VOCAB_FORMAT_ASSERTION, SHAPE_NONE,
                                                  compile_format, check_format};

/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/pattern.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/arena.h"

enum {
    PATTERN_BYTES = 16 * 1024,
    PATTERN_DEPTH = 100,     /* of parentheses */
    MATCH_STEPS = 1000000,   /* bounds the time that a bad pattern can take on a hostile string */
    MATCH_HEAP_KIB = 16384
};

struct sl_schema__pattern {
    pcre2_code *code;
};

struct sl_schema__match {
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

static pcre2_code *compile(const struct sl_buf *text, char *why, size_t why_bytes)
{
    /* \d, \w and \b know ASCII only in ECMA-262, so no UCP; \uXXXX and \u{X} are ALT_BSUX. */
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_ALT_BSUX | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        sl_oom();
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_parens_nest_limit(context, PATTERN_DEPTH);
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)text->data, text->len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!compiled) {
        PCRE2_UCHAR message[160];
        pcre2_get_error_message(code, message, sizeof message);
        snprintf(why, why_bytes, "%s", (const char *)message);
    }
    return compiled;
}

struct sl_schema__pattern *sl_schema__pattern_new(const char *text, size_t bytes, char *why, size_t why_bytes)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf translated;
    sl_buf_init(&translated, PATTERN_BYTES);
    const char *wrong = sl_schema__ecma(text, bytes, &translated);
    if (!wrong && translated.overflow)
        wrong = "it is too long";
    if (wrong) {
        snprintf(why, why_bytes, "%s", wrong);
        return NULL;
    }
    pcre2_code *code = compile(&translated, why, why_bytes);
    if (!code)
        return NULL;
    struct sl_schema__pattern *p = sl_xcalloc(1, sizeof *p);
    p->code = code;
    return p;
}

void sl_schema__pattern_free(void *pattern)
{
    struct sl_schema__pattern *p = pattern;
    if (p) {
        pcre2_code_free(p->code);
        free(p);
    }
}

struct sl_schema__match *sl_schema__match_new(void)
{
    struct sl_schema__match *m = sl_xcalloc(1, sizeof *m);
    m->data = pcre2_match_data_create(1, NULL);
    m->limits = pcre2_match_context_create(NULL);
    if (!m->data || !m->limits)
        sl_oom();
    pcre2_set_match_limit(m->limits, MATCH_STEPS);
    pcre2_set_heap_limit(m->limits, MATCH_HEAP_KIB);
    return m;
}

void sl_schema__match_free(struct sl_schema__match *m)
{
    if (m) {
        pcre2_match_data_free(m->data);
        pcre2_match_context_free(m->limits);
        free(m);
    }
}

int sl_schema__pattern_find(const struct sl_schema__pattern *p, struct sl_schema__match *m, const char *text,
                            size_t bytes)
{
    /* The text is UTF-8: the readers of JSON and YAML take no other. */
    int rc = pcre2_match(p->code, (PCRE2_SPTR)text, bytes, 0, PCRE2_NO_UTF_CHECK, m->data, m->limits);
    return rc >= 0 ? 1 : rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/text.h"
#include "json/scan.h"

const struct sl_json_limits sl_json_limits_small = {.max_bytes = 1024 * 1024, .max_depth = 64, .max_values = 100000};

static int value(struct sl_json__scan *s, uint32_t parent, const char *key, struct json_object **out);

static int skip_space(struct sl_json__scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
    if (s->end - s->p >= 2 && s->p[0] == '/' && (s->p[1] == '/' || s->p[1] == '*'))
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "JSON has no comments");
    return 0;
}

static bool at(const struct sl_json__scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

/* After an item: true in *more past a comma, false past `close`. */
static int separator(struct sl_json__scan *s, char close, struct sl_doc_pos opened, bool *more)
{
    char buf[16];
    int rc = skip_space(s);
    if (rc != 0)
        return rc;
    const char *what = close == '}' ? "object" : "array";
    if (s->p == s->end)
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "the %s that starts at %d:%d is not closed", what, opened.line,
                                  opened.column);
    *more = at(s, ',');
    if (!*more && !at(s, close))
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "expected ',' or '%c', found %s", close,
                                  sl_json__found(s, buf));
    struct sl_doc_pos comma = sl_json__pos(s, s->p);
    s->p++;
    if (!*more)
        return 0;
    rc = skip_space(s);
    if (rc == 0 && at(s, close))
        rc = sl_json__fail(s, comma, SL_E_JSON_SYNTAX, "a comma before '%c' is one too many", close);
    return rc;
}

static int member(struct sl_json__scan *s, uint32_t mark, struct json_object *object)
{
    char buf[16];
    int rc = skip_space(s);
    if (rc != 0)
        return rc;
    if (!at(s, '"'))
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "expected a key in double quotes, found %s",
                                  sl_json__found(s, buf));
    struct sl_doc_pos pos = sl_json__pos(s, s->p);
    rc = sl_json__string(s, true);
    if (rc != 0)
        return rc;
    SL_CLEANUP(sl_freep) char *key = sl_xstrdup(s->text.data);
    if (json_object_object_get_ex(object, key, NULL))
        return sl_json__fail(s, pos, SL_E_JSON_DUPLICATE_KEY, "duplicate key \"%s\"", key);
    rc = skip_space(s);
    if (rc == 0 && !at(s, ':'))
        rc = sl_json__fail_here(s, SL_E_JSON_SYNTAX, "expected ':' after the key \"%s\", found %s", key,
                                sl_json__found(s, buf));
    if (rc != 0)
        return rc;
    s->p++;
    struct json_object *v = NULL;
    sl_doc_key_at(s->doc, pos);
    rc = value(s, mark, key, &v);
    if (rc == 0)
        sl_json_put(object, key, v);
    return rc;
}

static int item(struct sl_json__scan *s, uint32_t mark, struct json_object *array)
{
    struct json_object *v = NULL;
    int rc = value(s, mark, NULL, &v);
    if (rc == 0 && json_object_array_add(array, v) != 0)
        sl_oom();
    return rc;
}

static int container(struct sl_json__scan *s, uint32_t mark, struct sl_doc_pos opened, struct json_object **out)
{
    char close = *s->p == '{' ? '}' : ']';
    int max = s->limits->max_depth < SL_DOC_HARD_DEPTH ? s->limits->max_depth : SL_DOC_HARD_DEPTH;
    if (s->depth >= max)
        return sl_json__fail(s, opened, SL_E_JSON_DEPTH, "nested deeper than %d levels", max);
    SL_CLEANUP(sl_json_putp) struct json_object *v = close == '}' ? json_object_new_object() : json_object_new_array();
    if (!v)
        sl_oom();
    s->p++;
    s->depth++;
    int rc = skip_space(s);
    bool more = rc == 0 && !at(s, close);
    if (rc == 0 && !more)
        s->p++;
    while (rc == 0 && more) {
        rc = s->p == s->end    ? 0
             : close == '}' ? member(s, mark, v)
                            : item(s, mark, v);
        if (rc == 0)
            rc = separator(s, close, opened, &more);
    }
    s->depth--;
    if (rc == 0) {
        *out = v;
        v = NULL;
    }
    return rc;
}

static bool word(struct sl_json__scan *s, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, w, n))
        return false;
    s->p += n;
    return true;
}

static int scalar(struct sl_json__scan *s, struct json_object **out)
{
    char buf[16];
    if (at(s, '"')) {
        int rc = sl_json__string(s, false);
        if (rc == 0 && !(*out = json_object_new_string_len(s->text.data, (int)s->text.len)))
            sl_oom();
        return rc;
    }
    if (s->p < s->end && (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')))
        return sl_json__number(s, out);
    if (word(s, "null")) {
        *out = NULL;
        return 0;
    }
    bool truth = word(s, "true");
    if (!truth && !word(s, "false"))
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "expected a value, found %s", sl_json__found(s, buf));
    if (!(*out = json_object_new_boolean(truth)))
        sl_oom();
    return 0;
}

static int value(struct sl_json__scan *s, uint32_t parent, const char *key, struct json_object **out)
{
    int rc = skip_space(s);
    if (rc != 0)
        return rc;
    struct sl_doc_pos pos = sl_json__pos(s, s->p);
    if (++s->values > s->limits->max_values)
        return sl_json__fail(s, pos, SL_E_JSON_SIZE, "more than %zu values", s->limits->max_values);
    uint32_t mark = sl_doc_mark(s->doc, parent, key, pos);
    return at(s, '{') || at(s, '[') ? container(s, mark, pos, out) : scalar(s, out);
}

static int check_utf8(struct sl_json__scan *s)
{
    uint32_t c;
    const char *p = s->p;
    if (s->end - p >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) {
        int rc = sl_json__fail_here(s, SL_E_JSON_ENCODING, "the text starts with a byte order mark");
        sl_error_hint(s->err, "save it as UTF-8 without BOM");
        return rc;
    }
    while (p < s->end) {
        size_t n = sl_utf8_next(p, (size_t)(s->end - p), &c);
        if (n == 0)
            return sl_json__fail(s, sl_json__pos(s, p), SL_E_JSON_ENCODING, "byte 0x%02x is not UTF-8",
                                 (unsigned char)*p);
        p += n;
    }
    return 0;
}

static int document(struct sl_json__scan *s)
{
    char buf[16];
    int rc = check_utf8(s);
    if (rc == 0)
        rc = skip_space(s);
    if (rc == 0 && s->p == s->end)
        return sl_json__fail_here(s, SL_E_JSON_SYNTAX, "the text is empty");
    if (rc == 0)
        rc = value(s, SL_DOC_NO_MARK, NULL, &s->doc->root);
    if (rc == 0)
        rc = skip_space(s);
    if (rc == 0 && s->p != s->end)
        rc = sl_json__fail_here(s, SL_E_JSON_SYNTAX, "%s follows the end of the document", sl_json__found(s, buf));
    return rc;
}

int sl_json_parse(const char *name, const char *text, size_t bytes, const struct sl_json_limits *limits,
                  struct sl_doc **out, struct sl_error *err)
{
    /* json-c counts a string's bytes in an int. */
    size_t max = limits->max_bytes < INT32_MAX ? limits->max_bytes : INT32_MAX;
    if (bytes > max)
        return sl_fail(err, SL_E_JSON_SIZE, "%s is %zu bytes, the limit is %zu", name, bytes, max);
    struct sl_json__scan s = {.name = name,
                              .p = text,
                              .end = text + bytes,
                              .limits = limits,
                              .doc = sl_doc_new(name),
                              .counted = text,
                              .pos = {1, 1},
                              .err = err};
    sl_buf_init(&s.text, max);
    int rc = document(&s);
    sl_buf_free(&s.text);
    if (rc == 0)
        *out = s.doc;
    else
        sl_doc_free(s.doc);
    return rc;
}

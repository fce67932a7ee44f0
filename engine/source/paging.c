/* SPDX-License-Identifier: Apache-2.0 */
#include "source/paging.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/sigv4.h"

enum { MAX_CURSOR_BYTES = 4096 };

void sl_paging_first(const struct sl_source_spec *spec, struct sl_paging *out)
{
    *out = (struct sl_paging){.at = spec->request.page.first};
}

static void member(struct sl_buf *out, const char *name, const char *value)
{
    sl_buf_putc(out, '&');
    sl_sigv4_encode(out, name, false);
    sl_buf_putc(out, '=');
    sl_sigv4_encode(out, value, false);
}

static void number(struct sl_buf *out, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    member(out, name, text);
}

void sl_paging_query(const struct sl_source_spec *spec, const struct sl_paging *at, struct sl_buf *out)
{
    const struct sl_source_request *q = &spec->request;
    if (q->paging == SL_PAGING_NONE || at->url)
        return;
    if (q->page.limit_param && *q->page.limit_param)
        number(out, q->page.limit_param, q->page.limit);
    if (q->paging == SL_PAGING_OFFSET || q->paging == SL_PAGING_PAGE)
        number(out, q->page.at_param, at->at);
    else if (q->paging == SL_PAGING_CURSOR && at->cursor)
        member(out, q->page.at_param, at->cursor);
}

/* ---- the next one ---- */

/* The number at a pointer, also written as text; -1: none. */
static int64_t total_of(const struct sl_source_spec *spec, struct json_object *document)
{
    struct json_object *value = NULL;
    const char *pointer = spec->request.page.total;
    if (!pointer || !sl_json_pointer_get(document, pointer, &value) || !value)
        return -1;
    bool scalar = !json_object_is_type(value, json_type_array) && !json_object_is_type(value, json_type_object);
    int64_t n = scalar ? json_object_get_int64(value) : -1;
    return n < 0 ? -1 : n;
}

static int next_cursor(const struct sl_source_spec *spec, const struct sl_paging *at, struct json_object *document,
                       struct sl_arena *arena, struct sl_paging *next, struct sl_error *err)
{
    struct json_object *value = NULL;
    sl_json_pointer_get(document, spec->request.page.next, &value);
    enum json_type type = json_object_get_type(value);
    const char *text = type == json_type_string || type == json_type_int ? json_object_get_string(value) : "";
    next->done = !*text;
    if (strlen(text) > MAX_CURSOR_BYTES)
        return sl_fail(err, SL_E_SOURCE_REPLY, "the cursor of the next page has more than %d bytes", MAX_CURSOR_BYTES);
    if (at->cursor && !strcmp(at->cursor, text))
        return sl_fail(err, SL_E_SOURCE_REPLY, "the page after cursor \"%.60s\" has the same cursor again", text);
    next->cursor = next->done ? NULL : sl_arena_strdup(arena, text);
    return 0;
}

/* The target of `<…>; rel="next"` in a header Link (RFC 8288), or NULL. */
static const char *link_next(const char *link, struct sl_arena *arena)
{
    for (const char *open; link && (open = strchr(link, '<'));) {
        const char *close = strchr(open, '>');
        if (!close)
            return NULL;
        const char *end = close;
        while (*end && *end != ',')
            end++;
        const char *params = sl_arena_strndup(arena, close + 1, (size_t)(end - close - 1));
        const char *rel = strcasestr(params, "rel=");
        if (rel && (!strncasecmp(rel + 4, "\"next\"", 6) || !strncasecmp(rel + 4, "next", 4)))
            return sl_arena_strndup(arena, open + 1, (size_t)(close - open - 1));
        link = end;
    }
    return NULL;
}

/* Bytes of "https://host:port". */
static size_t origin(const char *url)
{
    const char *slashes = strstr(url, "://");
    return slashes ? (size_t)(slashes + 3 - url) + strcspn(slashes + 3, "/?#") : 0;
}

static int next_link(const struct sl_paging *at, const char *link, const char *url, struct sl_arena *arena,
                     struct sl_paging *next, struct sl_error *err)
{
    const char *target = link_next(link, arena);
    size_t n = origin(url);
    (void)at;
    next->done = !target;
    if (!target)
        return 0;
    if (*target == '/' && target[1] != '/')
        target = sl_arena_printf(arena, "%.*s%s", (int)n, url, target);
    /* Whoever is named by a reply would get the secret. */
    if (strlen(target) > MAX_CURSOR_BYTES || n == 0 || strncmp(target, url, n) != 0 || origin(target) != n)
        return sl_fail(err, SL_E_SOURCE_REPLY, "the link to the next page leads to another server: \"%.100s\"", target);
    if (!strcmp(target, url))
        return sl_fail(err, SL_E_SOURCE_REPLY, "the link to the next page leads to the same page");
    next->url = target;
    return 0;
}

int sl_paging_next(const struct sl_source_spec *spec, const struct sl_paging *at, struct json_object *document, int64_t n,
                   const char *link, const char *url, struct sl_arena *arena, struct sl_paging *next, struct sl_error *err)
{
    const struct sl_source_request *q = &spec->request;
    struct sl_paging out = {.at = at->at, .done = true};
    int64_t total = total_of(spec, document);
    int rc = 0;
    switch (q->paging) {
    case SL_PAGING_NONE:
        break;
    case SL_PAGING_OFFSET:
        out.at += n;
        out.done = n == 0 || (total >= 0 ? out.at - q->page.first >= total : n < q->page.limit);
        break;
    case SL_PAGING_PAGE:
        out.at++;
        out.done = n == 0 || (total >= 0 ? out.at - q->page.first >= total : n < q->page.limit);
        break;
    case SL_PAGING_CURSOR:
        rc = next_cursor(spec, at, document, arena, &out, err);
        break;
    case SL_PAGING_LINK:
        rc = next_link(at, link, url, arena, &out, err);
        break;
    }
    if (rc == 0)
        *next = out;
    return rc;
}

/* ---- the checkpoint ---- */

struct json_object *sl_paging_json(const struct sl_paging *p)
{
    struct json_object *o = json_object_new_object();
    sl_json_put_int(o, "at", p->at);
    if (p->cursor)
        sl_json_put_str(o, "cursor", p->cursor);
    if (p->url)
        sl_json_put_str(o, "url", p->url);
    sl_json_put(o, "done", json_object_new_boolean(p->done));
    return o;
}

int sl_paging_read(const char *json, struct sl_arena *arena, struct sl_paging *out, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int rc = sl_json_parse("the checkpoint", json, strlen(json), &sl_json_limits_small, &doc, err);
    if (rc < 0)
        return rc;
    *out = (struct sl_paging){.at = sl_json_int(doc->root, "at", 0),
                              .cursor = sl_arena_strdup(arena, sl_json_str(doc->root, "cursor", NULL)),
                              .url = sl_arena_strdup(arena, sl_json_str(doc->root, "url", NULL)),
                              .done = sl_json_bool(doc->root, "done", false)};
    return 0;
}

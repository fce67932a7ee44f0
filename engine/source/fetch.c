/* SPDX-License-Identifier: Apache-2.0 */
#include "source/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/retry.h"
#include "net/sigv4.h"
#include "source/values.h"

enum {
    URL_BYTES = 16384,
    HEADERS_BYTES = 65536,
    SHOWN_BYTES = 160,            /* of a refusal's body */
    LONGEST_WAIT_MS = 15 * 60000, /* that a server may ask for; after more the run is ended, and goes on another time */
    CONNECT_MS = 30000
};

static const struct sl_json_limits limits = {.max_bytes = SL_SOURCE_PAGE_BYTES, .max_depth = 64, .max_values = 4000000};

struct sl_fetch {
    const struct sl_source_spec *spec;
    struct sl_catalog *catalog;
    struct json_object *values;
    struct sl_arena *arena;
    struct sl_http *http;
    const char *base_url, *secret;
    struct sl_http_header headers[SL_SOURCE_MAX_MEMBERS + 4];
    size_t n_headers;
    struct sl_fetch_counts counts;
    int64_t free_ns; /* monotonic: when the next request may begin */
};

/* ---- what goes into every request ---- */

static void header(struct sl_fetch *f, const char *name, const char *value)
{
    f->headers[f->n_headers++] = (struct sl_http_header){sl_arena_strdup(f->arena, name), sl_arena_strdup(f->arena, value)};
}

static int expand(const struct sl_fetch *f, const char *text, const char **out, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf buf;
    sl_buf_init(&buf, HEADERS_BYTES);
    int rc = sl_source_expand(text, f->values, &buf, err);
    if (rc == 0)
        *out = sl_arena_strdup(f->arena, buf.data);
    return rc;
}

static int find_secret(struct sl_fetch *f, const struct sl_config *config, struct sl_error *err)
{
    const struct sl_source_auth_options *a = &f->spec->request.auth;
    if (!f->spec->request.has_auth)
        return 0;
    int rc = sl_config_named(config, a->secret, &f->secret, err);
    if (rc == 0 && !f->secret && !a->optional) {
        rc = sl_fail(err, SL_E_SOURCE_DENIED, "source %s needs %s, which is not set", f->spec->name, a->secret);
        sl_error_hint(err, "set %s (or %s_FILE) in the environment or in .env", a->secret, a->secret);
    }
    return rc;
}

static int make_headers(struct sl_fetch *f, struct sl_error *err)
{
    const struct sl_source_request *q = &f->spec->request;
    int rc = 0;
    header(f, "User-Agent", "sluice");
    if (f->secret && q->auth.kind == SL_AUTH_HEADER)
        header(f, q->auth.name, f->secret);
    if (f->secret && q->auth.kind == SL_AUTH_BEARER)
        header(f, "Authorization", sl_arena_printf(f->arena, "Bearer %s", f->secret));
    if (!q->headers)
        return 0;
    json_object_object_foreach(q->headers, name, member)
    {
        const char *value = NULL;
        rc = expand(f, json_object_get_string(member), &value, err);
        if (rc < 0)
            return rc;
        if (*value)
            header(f, name, value);
    }
    return rc;
}

static int find_base(struct sl_fetch *f, const struct sl_config *config, struct sl_error *err)
{
    const struct sl_source_request *q = &f->spec->request;
    const char *named = NULL;
    int rc = q->base_url_from ? sl_config_named(config, q->base_url_from, &named, err) : 0;
    if (rc < 0)
        return rc;
    f->base_url = named ? named : q->base_url;
    if (!f->base_url)
        return sl_fail(err, SL_E_CONFIG_VALUE, "source %s needs %s, which is not set", f->spec->name, q->base_url_from);
    if (!sl_text_starts(f->base_url, "http://") && !sl_text_starts(f->base_url, "https://"))
        return sl_fail(err, SL_E_CONFIG_VALUE, "%s is no http or https URL", q->base_url_from);
    size_t n = strlen(f->base_url);
    while (n && f->base_url[n - 1] == '/')
        n--;
    f->base_url = sl_arena_strndup(f->arena, f->base_url, n);
    return 0;
}

int sl_fetch_open(const struct sl_source_spec *spec, const struct sl_config *config, struct sl_catalog *catalog,
                  struct json_object *values, struct sl_fetch **out, struct sl_error *err)
{
    struct sl_fetch *f = sl_xcalloc(1, sizeof *f);
    const struct sl_source_request *q = &spec->request;
    *f = (struct sl_fetch){.spec = spec, .catalog = catalog, .values = values, .arena = sl_arena_new()};
    int rc = find_secret(f, config, err);
    if (rc == 0)
        rc = find_base(f, config, err);
    if (rc == 0)
        rc = make_headers(f, err);
    bool basic = f->secret && q->auth.kind == SL_AUTH_BASIC;
    const struct sl_http_options options = {.connect_ms = q->timeout_ms < CONNECT_MS ? q->timeout_ms : CONNECT_MS,
                                            .silence_ms = q->timeout_ms,
                                            .user = basic ? q->auth.user : NULL,
                                            .password = basic ? f->secret : NULL};
    if (rc == 0)
        rc = sl_http_new(&options, &f->http, err);
    if (rc < 0)
        sl_fetch_free(f);
    else
        *out = f;
    return rc;
}

void sl_fetch_free(struct sl_fetch *f)
{
    if (!f)
        return;
    sl_http_free(f->http);
    sl_arena_free(f->arena);
    free(f);
}

struct sl_fetch_counts sl_fetch_counts(const struct sl_fetch *f)
{
    return f->counts;
}

/* ---- the URL ---- */

static int query_members(const struct sl_fetch *f, struct sl_buf *url, struct sl_error *err)
{
    struct json_object *query = f->spec->request.query;
    if (!query)
        return 0;
    json_object_object_foreach(query, name, member)
    {
        SL_CLEANUP(sl_buf_free) struct sl_buf value;
        sl_buf_init(&value, URL_BYTES);
        int rc = sl_source_expand(json_object_get_string(member), f->values, &value, err);
        if (rc < 0)
            return rc;
        if (!value.len)
            continue;
        sl_buf_putc(url, '&');
        sl_sigv4_encode(url, name, false);
        sl_buf_putc(url, '=');
        sl_sigv4_encode(url, value.data, false);
    }
    return 0;
}

static int make_url(const struct sl_fetch *f, const struct sl_paging *at, struct sl_buf *url, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf path;
    const struct sl_source_request *q = &f->spec->request;
    sl_buf_init(&path, URL_BYTES);
    int rc = sl_source_expand(q->path, f->values, &path, err);
    if (rc < 0)
        return rc;
    sl_buf_puts(url, f->base_url);
    sl_sigv4_encode(url, path.data, true);
    size_t mark = url->len;
    rc = query_members(f, url, err);
    if (rc == 0 && at)
        sl_paging_query(f->spec, at, url);
    if (rc == 0 && !url->overflow && url->len > mark)
        url->data[mark] = '?';
    return rc < 0 ? rc : sl_buf_check(url, "the URL of a request", err);
}

/* The secret in a query, which no checkpoint and no message has. */
static void add_secret(const struct sl_fetch *f, struct sl_buf *url)
{
    const struct sl_source_auth_options *a = &f->spec->request.auth;
    if (!f->secret || a->kind != SL_AUTH_QUERY)
        return;
    sl_buf_putc(url, strchr(url->data, '?') ? '&' : '?');
    sl_sigv4_encode(url, a->name, false);
    sl_buf_putc(url, '=');
    sl_sigv4_encode(url, f->secret, false);
}

/* ---- one request ---- */

static int wait_turn(struct sl_fetch *f, struct sl_error *err)
{
    const struct sl_source_request *q = &f->spec->request;
    int64_t requests = 0, now = sl_clock_mono_ns();
    if (q->rate.per_second > 0) {
        if (f->free_ns > now)
            sl_clock_sleep_ns(f->free_ns - now);
        now = sl_clock_mono_ns();
        f->free_ns = (f->free_ns > now ? f->free_ns : now) + (int64_t)((double)SL_NS_PER_S / q->rate.per_second);
    }
    if (!q->rate.per_day || !f->catalog)
        return 0;
    int rc = sl_catalog_count_source_request(f->catalog, f->spec->name, &requests, err);
    if (rc == 0 && requests > q->rate.per_day) {
        rc = sl_fail(err, SL_E_SOURCE_BUDGET, "source %s has made its %" PRId64 " requests of today (UTC)", f->spec->name,
                     q->rate.per_day);
        sl_error_hint(err, "tomorrow `sluice source run %s` goes on where it was", f->spec->name);
    }
    return rc;
}

/* "host/path" of a URL. */
static const char *place_of(const char *url, char *out, size_t bytes)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    snprintf(out, bytes, "%.*s", (int)strcspn(host, "?#"), host);
    return out;
}

/* What the server said, without the secret that it may have said again. */
static void show_body(const struct sl_fetch *f, const struct sl_http_response *reply, char out[SHOWN_BYTES])
{
    size_t n = reply->body.len < SHOWN_BYTES - 1 ? reply->body.len : SHOWN_BYTES - 1;
    if (reply->body.data)
        memcpy(out, reply->body.data, n);
    out[reply->body.data ? n : 0] = '\0';
    for (char *p = out; *p; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    if (f->secret && reply->body.data && strstr(reply->body.data, f->secret))
        snprintf(out, SHOWN_BYTES, "(not shown: it has the secret)");
}

static int refused(const struct sl_fetch *f, const char *place, const struct sl_http_response *reply, struct sl_error *err)
{
    char said[SHOWN_BYTES];
    bool denied = reply->status == 401 || reply->status == 403;
    show_body(f, reply, said);
    int rc = sl_fail(err, denied ? SL_E_SOURCE_DENIED : SL_E_SOURCE_REPLY, "%s answered %d%s%s", place, reply->status,
                     *said ? ": " : "", said);
    if (denied && f->spec->request.has_auth)
        sl_error_hint(err, "is %s right, and may it ask for this?", f->spec->request.auth.secret);
    return rc;
}

/* One try. SL_E_NET where another may help, with *after_ms as the server says. */
static int attempt(struct sl_fetch *f, const struct sl_fetch_call *call, const char *url, struct sl_http_response *reply,
                   int64_t *after_ms, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf full;
    char place[SHOWN_BYTES];
    struct sl_http_header headers[SL_SOURCE_MAX_MEMBERS + 5];
    sl_buf_init(&full, URL_BYTES);
    sl_buf_puts(&full, url);
    add_secret(f, &full);
    memcpy(headers, f->headers, f->n_headers * sizeof *headers);
    struct sl_http_transfer t = {.method = call->method, .url = full.data, .headers = headers, .n_headers = f->n_headers,
                                 .max_body = call->max_body};
    if (call->body) {
        headers[t.n_headers++] = (struct sl_http_header){"Content-Type", "application/json"};
        t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = call->body, .n = (int64_t)strlen(call->body)};
    }
    *after_ms = -1;
    f->counts.requests++;
    place_of(url, place, sizeof place);
    int rc = sl_buf_check(&full, "the URL of a request", err);
    if (rc == 0)
        rc = sl_http_perform(f->http, &t, err);
    *reply = t.response;
    if (rc < 0)
        return rc;
    *after_ms = reply->retry_after_ms;
    if (sl_retry_status(reply->status))
        return sl_fail(err, SL_E_NET, "%s answered %d", place, reply->status);
    if (reply->status < 200 || reply->status > 299)
        return refused(f, place, reply, err);
    rc = call->judge ? call->judge(call->data, reply, err) : 0;
    if (rc < 0)
        sl_error_prefix(err, "%s", place);
    return rc;
}

static int give_up(struct sl_error *err, int tries, int64_t began_ns)
{
    char took[32];
    struct sl_error last = *err;
    sl_text_duration(took, sizeof took, sl_clock_mono_ns() - began_ns);
    int rc = sl_fail(err, last.code, "%s; tried %d times in %s", last.message, tries, took);
    sl_error_hint(err, "%s", last.hint[0] ? last.hint : "the next run goes on where this one was");
    return rc;
}

static int call(struct sl_fetch *f, const struct sl_fetch_call *c, const char *url, struct sl_http_response *reply,
                struct sl_error *err)
{
    const struct sl_source_request *q = &f->spec->request;
    const struct sl_retry_policy policy = {
        .retries = (int)q->retry.attempts - 1, .base_ms = q->retry.base_ms, .max_ms = q->retry.max_ms};
    struct sl_retry retry;
    struct sl_error own, *e = err ? err : &own;
    sl_retry_begin(&retry, &policy);
    for (;;) {
        int64_t after_ms;
        int rc = wait_turn(f, e);
        if (rc < 0)
            return rc;
        rc = attempt(f, c, url, reply, &after_ms, e);
        if (rc == 0)
            return 0;
        sl_http_response_free(reply);
        if (rc != -(int)SL_E_NET)
            return rc;
        int64_t wait_ms = after_ms > LONGEST_WAIT_MS ? -1 : sl_retry_next(&retry, after_ms);
        if (wait_ms < 0)
            return give_up(e, retry.tries + 1, retry.began_ns);
        f->counts.retries++;
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

int sl_fetch_call(struct sl_fetch *f, const struct sl_fetch_call *c, struct sl_http_response *reply, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    sl_buf_init(&url, URL_BYTES);
    int rc = c->url ? 0 : make_url(f, NULL, &url, err);
    if (c->url && *c->url == '/') {
        sl_buf_puts(&url, f->base_url);
        sl_buf_puts(&url, c->url);
    } else if (c->url) {
        sl_buf_puts(&url, c->url);
    }
    if (rc == 0)
        rc = sl_buf_check(&url, "the URL of a request", err);
    return rc < 0 ? rc : call(f, c, url.data, reply, err);
}

/* ---- a file ---- */

struct download {
    int fd;
    int64_t have;      /* bytes in the file */
    int64_t size;      /* of the whole; -1: not known */
    char etag[256];    /* of what is in the file; "": none */
};

static int on_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    struct download *d = data;
    const char *etag = sl_http_header(head, "etag");
    if (head->status == 200 && d->have > 0) {
        if (ftruncate(d->fd, 0) < 0)
            return sl_fail_errno(err, errno, "the download cannot begin anew");
        d->have = 0;
    }
    /* Weak tags don't promise the same bytes. */
    snprintf(d->etag, sizeof d->etag, "%s", etag && *etag == '"' ? etag : "");
    if (d->size < 0 && head->status == 200)
        d->size = head->content_length;
    return 0;
}

static int on_bytes(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct download *d = data;
    if (d->size >= 0 && d->have + (int64_t)n > d->size)
        return sl_fail(err, SL_E_NET, "the file is longer than its %" PRId64 " bytes", d->size);
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(d->fd, (const char *)bytes + done, n - done, d->have);
        if (w < 0 && errno != EINTR)
            return sl_fail_errno(err, errno, "the download cannot be written");
        if (w > 0) {
            done += (size_t)w;
            d->have += w;
        }
    }
    return 0;
}

static int download_once(struct sl_fetch *f, const char *url, struct download *d, int64_t *after_ms, struct sl_error *err)
{
    char range[64], place[SHOWN_BYTES];
    struct sl_http_header headers[SL_SOURCE_MAX_MEMBERS + 6];
    size_t n = 0, own = strlen(f->base_url);
    bool ours = !strncmp(url, f->base_url, own) && (url[own] == '/' || !url[own]);
    for (; ours && n < f->n_headers; n++)
        headers[n] = f->headers[n];
    if (d->have > 0 && *d->etag) {
        snprintf(range, sizeof range, "bytes=%" PRId64 "-", d->have);
        headers[n++] = (struct sl_http_header){"Range", range};
        headers[n++] = (struct sl_http_header){"If-Range", d->etag};
    } else if (d->have > 0) {
        d->have = 0; /* nothing tells that the rest would be of the same file */
        if (ftruncate(d->fd, 0) < 0)
            return sl_fail_errno(err, errno, "the download cannot begin anew");
    }
    struct sl_http_transfer t = {
        .method = "GET", .url = url, .headers = headers, .n_headers = n, .on_head = on_head, .sink = on_bytes, .data = d};
    *after_ms = -1;
    f->counts.requests++;
    place_of(url, place, sizeof place);
    int rc = sl_http_perform(f->http, &t, err);
    int status = t.response.status;
    if (rc == 0)
        *after_ms = t.response.retry_after_ms;
    if (rc == 0 && sl_retry_status(status))
        rc = sl_fail(err, SL_E_NET, "%s answered %d", place, status);
    else if (rc == 0 && (status < 200 || status > 299))
        rc = refused(f, place, &t.response, err);
    else if (rc == 0 && d->size >= 0 && d->have != d->size)
        rc = sl_fail(err, SL_E_NET, "%s sent %" PRId64 " of %" PRId64 " bytes", place, d->have, d->size);
    sl_http_response_free(&t.response);
    return rc;
}

int sl_fetch_file(struct sl_fetch *f, const char *url, int64_t size, const char *path, struct sl_error *err)
{
    const struct sl_source_request *q = &f->spec->request;
    const struct sl_retry_policy policy = {
        .retries = (int)q->retry.attempts - 1, .base_ms = q->retry.base_ms, .max_ms = q->retry.max_ms};
    struct sl_retry retry;
    struct sl_error own, *e = err ? err : &own;
    struct download d = {.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), .size = size};
    if (d.fd < 0)
        return sl_fail_errno(err, errno, "\"%s\" cannot be written", path);
    sl_retry_begin(&retry, &policy);
    for (;;) {
        int64_t after_ms = -1, before = d.have;
        int rc = download_once(f, url, &d, &after_ms, e);
        if (rc == 0 || rc != -(int)SL_E_NET) {
            close(d.fd);
            return rc;
        }
        if (d.have > before) /* it moves: the count is of tries without a byte */
            sl_retry_begin(&retry, &policy);
        int64_t wait_ms = after_ms > LONGEST_WAIT_MS ? -1 : sl_retry_next(&retry, after_ms);
        if (wait_ms < 0) {
            close(d.fd);
            return give_up(e, retry.tries + 1, retry.began_ns);
        }
        f->counts.retries++;
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

/* ---- a page ---- */

int sl_fetch_parse(const struct sl_source_spec *spec, const char *name, struct sl_fetched *page, struct sl_error *err)
{
    struct json_object *records = NULL;
    int rc = sl_json_parse(name, page->body.data, page->body.len, &limits, &page->document, err);
    if (rc < 0)
        return rc;
    struct json_object *root = page->document->root;
    /* Some servers say "no records" by an empty object. */
    bool empty = json_object_is_type(root, json_type_object) && json_object_object_length(root) == 0;
    if (!empty && !sl_json_pointer_get(root, spec->request.records, &records))
        return sl_fail(err, SL_E_SOURCE_REPLY, "the reply has no \"%s\"", spec->request.records);
    if (records && !json_object_is_type(records, json_type_array))
        return sl_fail(err, SL_E_SOURCE_REPLY, "\"%s\" of the reply is no list", spec->request.records);
    page->records = records;
    page->n_records = records ? (int64_t)json_object_array_length(records) : 0;
    return 0;
}

struct page_call {
    const struct sl_source_spec *spec;
    struct sl_fetched *page;
};

/* A reply that is none of ours may be a proxy's, or cut: both pass. */
static int judge_page(void *data, const struct sl_http_response *reply, struct sl_error *err)
{
    struct page_call *p = data;
    struct sl_error why;
    sl_fetched_free(p->page);
    sl_buf_init(&p->page->body, SL_SOURCE_PAGE_BYTES);
    sl_buf_add(&p->page->body, reply->body.data, reply->body.len);
    p->page->fetched_ms = sl_clock_wall_ns() / SL_NS_PER_MS;
    int rc = sl_fetch_parse(p->spec, "the reply", p->page, &why);
    return rc < 0 ? sl_fail(err, SL_E_NET, "%s", why.message) : 0;
}

int sl_fetch_page(struct sl_fetch *f, const struct sl_paging *at, struct sl_arena *arena, struct sl_fetched *out,
                  struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    struct sl_fetched page = {0};
    struct page_call p = {f->spec, &page};
    const struct sl_fetch_call c = {.method = "GET", .max_body = SL_SOURCE_PAGE_BYTES, .judge = judge_page, .data = &p};
    struct sl_http_response reply = {0};
    sl_buf_init(&url, URL_BYTES);
    int rc = 0;
    if (at->url)
        sl_buf_puts(&url, at->url);
    else
        rc = make_url(f, at, &url, err);
    if (rc == 0)
        rc = call(f, &c, url.data, &reply, err);
    if (rc == 0)
        rc = sl_paging_next(f->spec, at, page.document->root, page.n_records, sl_http_header(&reply, "link"), url.data, arena,
                            &page.next, err);
    sl_http_response_free(&reply);
    if (rc < 0)
        sl_fetched_free(&page);
    else
        *out = page;
    return rc;
}

void sl_fetched_free(struct sl_fetched *page)
{
    sl_doc_free(page->document);
    sl_buf_free(&page->body);
    *page = (struct sl_fetched){0};
}

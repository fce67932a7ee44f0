/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a Trino server: headers, what is tried again, what an answer that is no page means. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "iceberg/trino_internal.h"
#include "net/retry.h"

enum { HEADER_BYTES = 16384 };

void sl_trino__percent(struct sl_buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (isalnum(*p) || strchr("-._~", *p))
            sl_buf_putc(out, (char)*p);
        else
            sl_buf_printf(out, "%%%02X", *p);
}

static bool below(const char *origin, const char *url)
{
    size_t n = origin ? strlen(origin) : 0;
    return n && !strncmp(url, origin, n) && url[n] == '/';
}

bool sl_trino__at_home(const struct sl_trino *t, const char *url, bool storage)
{
    return below(t->target.url, url) || (storage && below(t->target.storage_url, url));
}

static int percent_value(const char *text, size_t n, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%' && i + 2 < n && isxdigit((unsigned char)text[i + 1]) && isxdigit((unsigned char)text[i + 2])) {
            const char hex[] = {text[i + 1], text[i + 2], '\0'};
            c = (char)strtol(hex, NULL, 16);
            i += 2;
        }
        if (used + 1 >= room || !c)
            return -1;
        out[used++] = c;
    }
    out[used] = '\0';
    return 0;
}

/* SET SESSION and RESET SESSION are told by headers; what does not fit is not kept, as an unknown property would not be. */
static void follow_session(struct sl_trino *t, const struct sl_http_response *r)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        const char *value = r->headers[i].value;
        if (!strcmp(r->headers[i].name, "x-trino-clear-session")) {
            (void)sl_trino_set_session(t, value, NULL, NULL);
        } else if (!strcmp(r->headers[i].name, "x-trino-set-session")) {
            char name[SL_TRINO__NAME_BYTES], text[SL_TRINO__VALUE_BYTES];
            const char *equals = strchr(value, '=');
            size_t n = equals ? (size_t)(equals - value) : sizeof name;
            if (n >= sizeof name || percent_value(equals + 1, strlen(equals + 1), text, sizeof text) < 0)
                continue;
            memcpy(name, value, n);
            name[n] = '\0';
            (void)sl_trino_set_session(t, name, text, NULL);
        }
    }
}

static void session_header(const struct sl_trino *t, struct sl_buf *out)
{
    for (size_t i = 0; i < t->n_session; i++) {
        sl_buf_printf(out, "%s%s=", i ? "," : "", t->session[i].name);
        sl_trino__percent(out, t->session[i].value);
    }
}

static size_t common_headers(const struct sl_trino *t, const char *session, const char *prepared, const char *bearer,
                             struct sl_http_header *h)
{
    size_t n = 0;
    h[n++] = (struct sl_http_header){"X-Trino-User", t->target.user};
    h[n++] = (struct sl_http_header){"X-Trino-Source", "sluice"};
    h[n++] = (struct sl_http_header){"X-Trino-Time-Zone", "UTC"};
    if (t->target.catalog && *t->target.catalog)
        h[n++] = (struct sl_http_header){"X-Trino-Catalog", t->target.catalog};
    if (*session)
        h[n++] = (struct sl_http_header){"X-Trino-Session", session};
    if (prepared)
        h[n++] = (struct sl_http_header){"X-Trino-Prepared-Statement", prepared};
    if (t->target.encoding && *t->target.encoding)
        h[n++] = (struct sl_http_header){"X-Trino-Query-Data-Encoding", t->target.encoding};
    if (*bearer)
        h[n++] = (struct sl_http_header){"Authorization", bearer};
    return n;
}

static int refused(const struct sl_trino *t, const struct sl_http_response *r, struct sl_error *err)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(r->body.data ? r->body.data : "", "\r\n"), r->body.data ? r->body.data : "");
    if (r->status == 401 || r->status == 403) {
        sl_fail(err, SL_E_TRINO_DENIED, "%s refuses user \"%s\" (status %d)", t->target.name, t->target.user, r->status);
        sl_error_hint(err, "trino.user with trino.password or trino.token must be one that it knows");
        return -SL_E_TRINO_DENIED;
    }
    bool passes = sl_retry_status(r->status) || r->status == 404 || r->status == 410;
    return sl_fail(err, passes ? SL_E_TRINO_UNAVAILABLE : SL_E_TRINO, "%s answers with status %d%s%s", t->target.name,
                   r->status, *text ? ": " : "", text);
}

static int once(struct sl_trino *t, struct sl_http_transfer *transfer, struct sl_error *err)
{
    int rc = sl_http_perform(t->http, transfer, err);
    if (rc == -SL_E_NET) {
        struct sl_error why = transfer->error;
        return sl_fail(err, SL_E_TRINO_UNAVAILABLE, "trino: %s", why.message);
    }
    return rc < 0 || transfer->response.status == 200 || transfer->response.status == 204
               ? rc
               : refused(t, &transfer->response, err);
}

int sl_trino__request(struct sl_trino *t, const char *method, const char *url, const char *body, bool repeat,
                      const char *prepared, struct sl_http_response *out, struct sl_error *err)
{
    const struct sl_retry_policy policy = {.retries = t->target.retries, .base_ms = 100, .max_ms = 5000};
    SL_CLEANUP(sl_buf_free) struct sl_buf session;
    SL_CLEANUP(sl_buf_free) struct sl_buf bearer;
    struct sl_http_header headers[SL_TRINO__HEADERS];
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    sl_buf_init(&session, HEADER_BYTES);
    sl_buf_init(&bearer, HEADER_BYTES);
    session_header(t, &session);
    if (t->target.token && *t->target.token)
        sl_buf_printf(&bearer, "Bearer %s", t->target.token);
    int rc = sl_buf_check(&session, "session of Trino", err);
    if (rc == 0)
        rc = sl_buf_check(&bearer, "token of Trino", err);
    if (rc < 0)
        return rc;
    size_t n = common_headers(t, session.data, prepared, bearer.data, headers);
    sl_retry_begin(&retry, &policy);
    for (;;) {
        struct sl_http_transfer transfer = {.method = method, .url = url, .headers = headers, .n_headers = n,
                                            .max_body = SL_TRINO_PAGE_BYTES, .deadline_ms = t->target.timeout_ms,
                                            .stop = t->stop, .data = t->stop_data};
        if (body)
            transfer.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = body, .n = (int64_t)strlen(body)};
        rc = once(t, &transfer, why);
        if (rc == 0) {
            follow_session(t, &transfer.response);
            *out = transfer.response;
            return 0;
        }
        int status = transfer.response.status;
        /* These two say that nothing was begun. */
        bool harmless = status == 429 || status == 503;
        bool passes = rc == -SL_E_TRINO_UNAVAILABLE && status != 404 && status != 410;
        int64_t wait_ms = passes && (repeat || harmless) ? sl_retry_next(&retry, transfer.response.retry_after_ms) : -1;
        sl_http_response_free(&transfer.response);
        if (wait_ms < 0)
            return rc;
        sl_error_clear(why);
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A call: put together, signed for each try, sent, tried again. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/s3/s3.h"

static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

int sl_s3__enter(struct sl_s3 *s3, struct sl_s3_lane **lane, struct sl_error *err)
{
    if (s3->depth == SL_S3_LANES)
        return sl_fail(err, SL_E_INTERNAL, "the store is used within its own callbacks more than %d deep", SL_S3_LANES);
    struct sl_s3_lane *l = &s3->lanes[s3->depth];
    int rc = l->http ? 0 : sl_http_new(&s3->http_options, &l->http, err);
    if (rc == 0) {
        s3->depth++;
        *lane = l;
    }
    return rc;
}

void sl_s3__leave(struct sl_s3 *s3, struct sl_s3_lane *lane)
{
    if (lane->in_flight)
        sl_http_abort(lane->http);
    lane->in_flight = 0;
    lane->waiting = NULL;
    s3->depth--;
}

void sl_s3__open_call(struct sl_s3 *s3, struct sl_s3_call *c, const char *verb, const char *method, const char *bucket,
                      const char *key)
{
    *c = (struct sl_s3_call){.s3 = s3,
                             .arena = sl_arena_new(),
                             .verb = verb,
                             .method = method,
                             .bucket = bucket,
                             .key = key,
                             .detail = "",
                             .max_body = SL_S3_REPLY_BYTES};
}

void sl_s3__close_call(struct sl_s3_call *c)
{
    if (!c->arena)
        return;
    sl_http_response_free(&c->transfer.response);
    sl_arena_free(c->arena);
    c->arena = NULL;
}

void sl_s3__query(struct sl_s3_call *c, const char *name, const char *value)
{
    if (c->n_query < SL_S3_QUERY)
        c->query[c->n_query++] = (struct sl_sigv4_query){name, sl_arena_strdup(c->arena, value)};
}

void sl_s3__header(struct sl_s3_call *c, const char *name, const char *value)
{
    /* One too many is counted, not stored: signing refuses it. */
    if (!value)
        return;
    if (c->n_headers < SL_S3_HEADERS)
        c->headers[c->n_headers] = (struct sl_http_header){name, sl_arena_strdup(c->arena, value)};
    c->n_headers++;
}

void sl_s3__bytes(struct sl_s3_call *c, const void *bytes, size_t n)
{
    char hex[SL_SHA256_HEX_BYTES];
    sl_sha256_of(bytes, n, hex);
    c->payload_hash = sl_arena_strdup(c->arena, hex);
    c->body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = bytes, .n = (int64_t)n};
}

/* Host and raw path of a request. Bucket names were checked; a dot in one does not fit a certificate for *.host. */
static void address(struct sl_s3 *s3, struct sl_arena *arena, const char *bucket, const char *key, const char **host,
                    const char **path)
{
    bool in_host = bucket && s3->virtual_hosts && !strchr(bucket, '.');
    *host = in_host ? sl_arena_printf(arena, "%s.%s", bucket, s3->host) : s3->host;
    if (in_host || !bucket)
        *path = sl_arena_printf(arena, "/%s", key ? key : "");
    else
        *path = key ? sl_arena_printf(arena, "/%s/%s", bucket, key) : sl_arena_printf(arena, "/%s", bucket);
}

static void of_call(struct sl_s3_call *c, const struct sl_http_header *headers, size_t n, struct sl_sigv4_request *out)
{
    struct sl_s3 *s3 = c->s3;
    *out = (struct sl_sigv4_request){.method = c->method,
                                     .query = c->query,
                                     .n_query = c->n_query,
                                     .headers = headers,
                                     .n_headers = n,
                                     .payload_hash = c->payload_hash ? c->payload_hash : empty_hash,
                                     .region = s3->region,
                                     .service = "s3",
                                     .credentials = s3->signs ? &s3->credentials : NULL,
                                     .wall_ns = sl_clock_wall_ns()};
    address(s3, c->arena, c->bucket, c->key, &out->host, &out->path);
}

static int on_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    struct sl_s3_call *c = data;
    bool good = head->status >= 200 && head->status < 300;
    return good && c->on_head ? c->on_head(c->data, head, err) : 0;
}

static int on_sink(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct sl_s3_call *c = data;
    return c->sink(c->data, bytes, n, err);
}

static void on_sent(void *data, int64_t bytes)
{
    struct sl_s3_call *c = data;
    c->sent(c->data, bytes);
}

static bool on_stop(void *data)
{
    struct sl_s3_call *c = data;
    return c->stop(c->data);
}

/* Signs anew and hands the transfer over. */
static int start_try(struct sl_s3_lane *lane, struct sl_s3_call *c, struct sl_error *err)
{
    struct sl_http_header headers[SL_S3_HEADERS + 4];
    struct sl_sigv4_request request;
    struct sl_sigv4_signed made;
    struct sl_s3 *s3 = c->s3;
    size_t n = c->n_headers;
    if (n > SL_S3_HEADERS)
        return sl_fail(err, SL_E_LIMIT, "a request has more than %d headers", SL_S3_HEADERS);
    memcpy(headers, c->headers, n * sizeof *headers);
    headers[n++] = (struct sl_http_header){"x-amz-content-sha256", c->payload_hash ? c->payload_hash : empty_hash};
    of_call(c, headers, n, &request);
    int rc = sl_sigv4_sign(&request, &made, err);
    if (rc)
        return rc;
    if (s3->signs) {
        headers[n++] = (struct sl_http_header){"x-amz-date", sl_arena_strdup(c->arena, made.date)};
        headers[n++] = (struct sl_http_header){"authorization", sl_arena_strdup(c->arena, made.authorization.data)};
        if (s3->credentials.session_token)
            headers[n++] = (struct sl_http_header){"x-amz-security-token", s3->credentials.session_token};
    }
    struct sl_http_header *kept = sl_arena_array(c->arena, n, sizeof *kept);
    memcpy(kept, headers, n * sizeof *kept);
    sl_http_response_free(&c->transfer.response);
    c->transfer = (struct sl_http_transfer){
        .method = c->method,
        .url = sl_arena_printf(c->arena, "%s://%s%s", s3->scheme, request.host, made.path.data),
        .headers = kept,
        .n_headers = n,
        .body = c->body,
        .max_body = c->max_body,
        .on_head = on_head,
        .sink = c->sink ? on_sink : NULL,
        .stop = c->stop ? on_stop : NULL,
        .sent = c->sent ? on_sent : NULL,
        .data = c,
    };
    sl_sigv4_signed_free(&made);
    rc = sl_http_add(lane->http, &c->transfer, err);
    if (rc == 0)
        lane->in_flight++;
    return rc;
}

/* MinIO takes "/a" for "a": a second name for the same object, which the port does not know. */
static int check_leading_slash(struct sl_s3_call *c, struct sl_error *err)
{
    struct sl_s3 *s3 = c->s3;
    if (!s3->server[0]) {
        bool exists;
        int rc = sl_s3__bucket_exists(&s3->base, c->bucket, &exists, err);
        if (rc)
            return rc;
    }
    if (!sl_text_starts(s3->server, "MinIO"))
        return 0;
    int rc = sl_fail(err, SL_E_STORE_KEY, "cannot %s %s/%s: the server does not take such a key (leading slash)",
                     c->verb, c->bucket, c->key);
    sl_error_hint(err, "MinIO drops a slash at the front of a key");
    return rc;
}

static void learn_server(struct sl_s3_call *c)
{
    const char *server = sl_http_header(&c->transfer.response, "server");
    if (c->body.source != SL_HTTP_NO_BODY && sl_http_header(&c->transfer.response, "x-amz-checksum-sha256"))
        c->s3->checks_sums = true;
    if (!c->s3->server[0] && c->transfer.response.status)
        sl_text_escape(c->s3->server, sizeof c->s3->server, server && *server ? server : "unknown");
}

int sl_s3__begin(struct sl_s3_lane *lane, struct sl_s3_call *c, struct sl_error *err)
{
    int rc = c->key && c->key[0] == '/' ? check_leading_slash(c, err) : 0;
    if (rc)
        return rc;
    sl_retry_begin(&c->retry, &c->s3->policy);
    return start_try(lane, c, err);
}

static void took(const struct sl_s3_call *c, char *out, size_t bytes)
{
    sl_text_duration(out, bytes, sl_clock_mono_ns() - c->retry.began_ns);
}

/* The last try came to nothing that the server would stand by. */
static int unavailable(struct sl_s3_call *c)
{
    struct sl_error why = c->transfer.error;
    char span[24];
    took(c, span, sizeof span);
    int tries = c->retry.tries + 1;
    if (c->transfer.rc < 0)
        sl_fail(&c->error, SL_E_STORE_UNAVAILABLE, "%s; tried %d time%s in %s", why.message, tries,
                tries == 1 ? "" : "s", span);
    else
        sl_fail(&c->error, SL_E_STORE_UNAVAILABLE, "%s cannot %s now: %d %s%s%s; tried %d time%s in %s",
                c->s3->endpoint, c->verb, c->status, c->code, c->detail[0] ? ": " : "", c->detail, tries,
                tries == 1 ? "" : "s", span);
    sl_error_hint(&c->error, "%s", why.hint[0] ? why.hint : "sluice doctor");
    return -(int)SL_E_STORE_UNAVAILABLE;
}

/* Sets rc and error, or asks for another try: true. */
static bool judge(struct sl_s3_call *c)
{
    struct sl_http_transfer *t = &c->transfer;
    bool reads = !strcmp(c->method, "GET") || !strcmp(c->method, "HEAD");
    bool broke = t->rc == -SL_E_NET, passes = broke;
    c->status = t->response.status;
    learn_server(c);
    if (t->rc < 0 && !broke) {
        c->rc = t->rc;
        c->error = t->error;
        return false;
    }
    if (!broke) {
        bool good = c->status >= 200 && c->status < 300;
        if (!good || c->error_in_body) {
            sl_s3__read_error(c);
            good = good && !c->code[0];
        }
        if (good) {
            c->rc = 0;
            return false;
        }
        passes = sl_s3__passes(c);
    } else {
        c->status = 0;
        c->code[0] = '\0';
        c->detail = "";
    }
    c->doubtful = c->doubtful || (!reads && (broke || c->status >= 500));
    int64_t wait_ms = passes && !c->once ? sl_retry_next(&c->retry, t->response.retry_after_ms) : -1;
    if (passes && wait_ms >= 0) {
        c->due_ns = sl_clock_mono_ns() + wait_ms * SL_NS_PER_MS;
        return true;
    }
    c->rc = passes && c->status != 403 ? unavailable(c) : sl_s3__fail(c, &c->error);
    return false;
}

/* Starts those whose wait is over. A call that cannot start is over; it comes back in *failed. */
static void start_due(struct sl_s3_lane *lane, int64_t *next_due_ns, struct sl_s3_call **failed)
{
    *next_due_ns = -1;
    for (struct sl_s3_call **p = &lane->waiting; *p;) {
        struct sl_s3_call *c = *p;
        if (c->due_ns > sl_clock_mono_ns()) {
            if (*next_due_ns < 0 || c->due_ns < *next_due_ns)
                *next_due_ns = c->due_ns;
            p = &c->next;
            continue;
        }
        *p = c->next;
        if (c->again)
            c->again(c->data);
        c->rc = start_try(lane, c, &c->error);
        if (c->rc) {
            *failed = c;
            return;
        }
    }
}

static int ms_until(int64_t ns)
{
    int64_t left = ns - sl_clock_mono_ns();
    return left > 0 ? (int)((left + SL_NS_PER_MS - 1) / SL_NS_PER_MS) : 0;
}

int sl_s3__next(struct sl_s3_lane *lane, int timeout_ms, struct sl_s3_call **done, struct sl_error *err)
{
    int64_t until = timeout_ms < 0 ? -1 : sl_clock_mono_ns() + timeout_ms * SL_NS_PER_MS;
    for (;;) {
        struct sl_http_transfer *ended = NULL;
        int64_t due;
        *done = NULL;
        start_due(lane, &due, done);
        if (*done || (!lane->in_flight && !lane->waiting))
            return 0;
        int64_t first = due < 0 || (until >= 0 && until < due) ? until : due;
        if (!lane->in_flight) {
            sl_clock_sleep_ns(first - sl_clock_mono_ns());
        } else {
            int rc = sl_http_wait(lane->http, first < 0 ? -1 : ms_until(first), &ended, err);
            if (rc)
                return rc;
        }
        if (ended) {
            struct sl_s3_call *c = ended->data;
            lane->in_flight--;
            if (!judge(c)) {
                *done = c;
                return 0;
            }
            c->next = lane->waiting;
            lane->waiting = c;
        }
        if (until >= 0 && sl_clock_mono_ns() >= until)
            return 0;
    }
}

int sl_s3__perform(struct sl_s3_lane *lane, struct sl_s3_call *c, struct sl_error *err)
{
    struct sl_s3_call *done = NULL;
    int rc = sl_s3__begin(lane, c, &c->error);
    if (rc == 0)
        rc = sl_s3__next(lane, -1, &done, &c->error);
    if (rc)
        c->rc = rc;
    if (c->rc && err)
        *err = c->error;
    return c->rc;
}

int sl_s3__sign_url(struct sl_s3 *s3, const char *method, const char *bucket, const char *key, int64_t expires_s,
                    struct sl_buf *url, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    struct sl_sigv4_request r = {.method = method,
                                 .payload_hash = "UNSIGNED-PAYLOAD",
                                 .region = s3->region,
                                 .service = "s3",
                                 .credentials = s3->signs ? &s3->credentials : NULL,
                                 .wall_ns = sl_clock_wall_ns()};
    address(s3, arena, bucket, key, &r.host, &r.path);
    sl_buf_printf(url, "%s://%s", s3->scheme, r.host);
    return sl_sigv4_presign(&r, expires_s, url, err);
}

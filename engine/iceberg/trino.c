/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: posted, followed by nextUri to their end, cancelled when somebody wants that. */
#include "iceberg/trino.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "iceberg/trino_internal.h"
#include "net/retry.h"

int sl_trino_open(const struct sl_trino_target *target, struct sl_trino **out, struct sl_error *err)
{
    struct sl_trino *t = sl_xcalloc(1, sizeof *t);
    t->target = *target;
    t->http_options = (struct sl_http_options){.ca_file = target->ca_file,
                                               .connect_ms = target->timeout_ms,
                                               .silence_ms = target->timeout_ms};
    if (target->password && *target->password) {
        t->http_options.user = target->user;
        t->http_options.password = target->password;
    }
    int rc = sl_http_new(&t->http_options, &t->http, err);
    if (rc < 0) {
        free(t);
        return rc;
    }
    t->arena = sl_arena_new();
    *out = t;
    return 0;
}

void sl_trino_close(struct sl_trino *t)
{
    if (!t)
        return;
    sl_http_free(t->http);
    sl_arena_free(t->arena);
    free(t);
}

void sl_trino_closep(struct sl_trino **t)
{
    sl_trino_close(*t);
}

const struct sl_trino_target *sl_trino_of(const struct sl_trino *t)
{
    return &t->target;
}

const struct sl_trino_result *sl_trino_columns(const struct sl_trino *t)
{
    return &t->result;
}

void sl_trino_set_stop(struct sl_trino *t, bool (*stop)(void *data), void *data)
{
    t->stop = stop;
    t->stop_data = data;
}

int sl_trino_set_session(struct sl_trino *t, const char *name, const char *value, struct sl_error *err)
{
    size_t n = strlen(name), at = 0;
    bool plain = n > 0 && n < SL_TRINO__NAME_BYTES;
    for (size_t i = 0; i < n; i++)
        plain &= isalnum((unsigned char)name[i]) || name[i] == '_' || name[i] == '.' || name[i] == '-';
    if (!plain || (value && strlen(value) >= SL_TRINO__VALUE_BYTES))
        return sl_fail(err, SL_E_CONFIG_VALUE, "\"%s\" is no property of a session", name);
    while (at < t->n_session && strcmp(t->session[at].name, name) != 0)
        at++;
    if (!value) {
        if (at < t->n_session)
            t->session[at] = t->session[--t->n_session];
        return 0;
    }
    if (at == SL_TRINO__SESSION_MAX)
        return sl_fail(err, SL_E_LIMIT, "a session has more than %d properties", SL_TRINO__SESSION_MAX);
    memcpy(t->session[at].name, name, n + 1);
    memcpy(t->session[at].value, value, strlen(value) + 1);
    t->n_session += at == t->n_session;
    return 0;
}

const char *sl_trino_session(const struct sl_trino *t, const char *name)
{
    for (size_t i = 0; i < t->n_session; i++)
        if (!strcmp(t->session[i].name, name))
            return t->session[i].value;
    return NULL;
}

/* ---- what a failed query means ---- */

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

static int failed(struct sl_trino__query *q, struct json_object *error, struct sl_error *err)
{
    static const char *const passing[] = {"NO_NODES_AVAILABLE", "SERVER_STARTING_UP", "SERVER_SHUTTING_DOWN", NULL};
    static const char *const lost[] = {"ABANDONED_QUERY",      "REMOTE_TASK_ERROR", "REMOTE_HOST_GONE",
                                       "TOO_MANY_REQUESTS_FAILED", "PAGE_TRANSPORT_TIMEOUT", "PAGE_TRANSPORT_ERROR",
                                       "WORKER_RESTARTED",     "CLUSTER_OUT_OF_MEMORY",  NULL};
    static const char *const denied[] = {"PERMISSION_DENIED", "INVALID_CREDENTIALS", NULL};
    const char *name = sl_json_str(error, "errorName", ""), *type = sl_json_str(error, "errorType", "");
    const char *message = sl_json_str(error, "message", "it failed without a word");
    enum sl_code code = SL_E_TRINO;
    if (one_of(name, passing) || one_of(name, lost) || !strcmp(type, "EXTERNAL"))
        code = SL_E_TRINO_UNAVAILABLE;
    else if (one_of(name, denied))
        code = SL_E_TRINO_DENIED;
    else if (!strcmp(name, "USER_CANCELED") || !strcmp(name, "ADMINISTRATIVELY_KILLED"))
        code = SL_E_CANCELLED;
    else if (!strcmp(type, "USER_ERROR"))
        code = SL_E_TRINO_QUERY;
    else if (!strcmp(type, "INSUFFICIENT_RESOURCES"))
        code = SL_E_TRINO_RESOURCES;
    q->again = one_of(name, passing) && q->rows == 0;
    return sl_fail(err, code, "trino: %s%s%.600s", name, *name ? ": " : "", message);
}

/* ---- pages ---- */

static int take_page(struct sl_trino__query *q, const struct sl_http_response *r, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int rc = sl_trino__parse(q->trino, r->body.data, r->body.len, &doc, err);
    if (rc < 0)
        return rc;
    const char *next = sl_json_str(doc->root, "nextUri", NULL);
    struct json_object *error = sl_json_get(doc->root, "error");
    free(q->next);
    q->next = NULL;
    if (next && !sl_trino__at_home(q->trino, next, false)) {
        sl_fail(err, SL_E_TRINO, "%s sends its client to another server", q->trino->target.name);
        sl_error_hint(err, "trino.url must be the address that the server itself says; behind a proxy it needs "
                           "http-server.process-forwarded=true");
        return -SL_E_TRINO;
    }
    if (error)
        return failed(q, error, err);
    q->next = next ? sl_xstrdup(next) : NULL;
    q->updated = sl_json_int(doc->root, "updateCount", q->updated);
    rc = sl_trino__take_columns(q->trino, doc->root, err);
    return rc < 0 ? rc : sl_trino__rows(q, doc->root, err);
}

static void cancel(struct sl_trino__query *q)
{
    struct sl_http_response answer = {0};
    bool (*stop)(void *data) = q->trino->stop;
    q->trino->stop = NULL; /* this one is for the server to end what it does */
    (void)sl_trino__request(q->trino, "DELETE", q->next, NULL, true, NULL, &answer, NULL);
    q->trino->stop = stop;
    sl_http_response_free(&answer);
}

/* The server itself waits up to a second for news; one that answers at once without any is not asked without pause. */
static void pause_before(int empty_pages)
{
    if (empty_pages > 3)
        sl_clock_sleep_ns((empty_pages > 8 ? 200 : 10 << (empty_pages - 4)) * SL_NS_PER_MS);
}

static int follow(struct sl_trino__query *q, struct sl_error *err)
{
    int rc = 0, empty = 0;
    while (rc == 0 && q->next) {
        struct sl_http_response r = {0};
        int64_t before = q->rows;
        pause_before(empty);
        if (q->trino->stop && q->trino->stop(q->trino->stop_data))
            rc = sl_fail(err, SL_E_CANCELLED, "the statement was cancelled");
        else if (sl_clock_mono_ns() > q->deadline_ns)
            rc = sl_fail(err, SL_E_TRINO_RESOURCES, "%s has not finished within %lld s", q->trino->target.name,
                         (long long)(q->trino->target.query_timeout_ms / 1000));
        else
            rc = sl_trino__request(q->trino, "GET", q->next, NULL, true, NULL, &r, err);
        if (rc == 0)
            rc = take_page(q, &r, err);
        sl_http_response_free(&r);
        empty = q->rows > before ? 0 : empty + 1;
    }
    if (rc < 0 && q->next)
        cancel(q);
    free(q->next);
    q->next = NULL;
    return rc;
}

static int attempt(struct sl_trino__query *q, const char *sql, const char *prepared, enum sl_trino_how how, struct sl_error *err)
{
    struct sl_trino *t = q->trino;
    struct sl_http_response r = {0};
    sl_arena_free(t->arena);
    t->arena = sl_arena_new();
    t->result = (struct sl_trino_result){0};
    const char *url = sl_arena_printf(t->arena, "%s/v1/statement", t->target.url);
    int rc = sl_trino__request(t, "POST", url, sql, how == SL_TRINO_REPEATABLE, prepared, &r, err);
    if (rc == 0)
        rc = take_page(q, &r, err);
    sl_http_response_free(&r);
    if (rc < 0) {
        if (q->next)
            cancel(q);
        free(q->next);
        q->next = NULL;
        return rc;
    }
    return follow(q, err);
}

static int run(struct sl_trino *t, const char *sql, const char *prepared, enum sl_trino_how how, sl_trino_row *visit,
               void *data, int64_t *updated, struct sl_error *err)
{
    const struct sl_retry_policy policy = {.retries = t->target.retries, .base_ms = 500, .max_ms = 10000};
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    if (strlen(sql) > (size_t)t->target.max_query_bytes)
        return sl_fail(err, SL_E_LIMIT, "a statement for Trino has %zu bytes, more than trino.max_query_bytes (%lld)",
                       strlen(sql), (long long)t->target.max_query_bytes);
    sl_retry_begin(&retry, &policy);
    for (;;) {
        struct sl_trino__query q = {.trino = t, .visit = visit, .data = data, .updated = -1,
                                    .deadline_ns = sl_clock_mono_ns() + t->target.query_timeout_ms * SL_NS_PER_MS};
        int rc = attempt(&q, sql, prepared, how, why);
        int64_t wait_ms = rc < 0 && q.again ? sl_retry_next(&retry, -1) : -1;
        if (rc == 0 && updated)
            *updated = q.updated;
        if (wait_ms < 0)
            return rc;
        sl_error_clear(why);
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

int sl_trino_run(struct sl_trino *t, const char *sql, enum sl_trino_how how, sl_trino_row *visit, void *data,
                 int64_t *updated, struct sl_error *err)
{
    return run(t, sql, NULL, how, visit, data, updated, err);
}

static int keep_int(void *data, const struct sl_trino_result *result, struct json_object *values, struct sl_error *err)
{
    struct json_object *v = json_object_array_get_idx(values, 0);
    (void)result, (void)err;
    if (v)
        *(int64_t *)data = json_object_get_int64(v);
    return 0;
}

int sl_trino_int(struct sl_trino *t, const char *sql, int64_t fallback, int64_t *out, struct sl_error *err)
{
    int64_t found = fallback;
    int rc = sl_trino_run(t, sql, SL_TRINO_REPEATABLE, keep_int, &found, NULL, err);
    if (rc == 0)
        *out = found;
    return rc;
}

/* ---- parameters ---- */

enum { PREPARED_HEADER_BYTES = 4096 };

static void text_literal(struct sl_buf *sql, const char *text)
{
    sl_buf_putc(sql, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            sl_buf_putc(sql, '\'');
        sl_buf_putc(sql, *text);
    }
    sl_buf_putc(sql, '\'');
}

int sl_trino_execute(struct sl_trino *t, const char *sql, const struct sl_trino_param *params, size_t n,
                     enum sl_trino_how how, sl_trino_row *visit, void *data, int64_t *updated, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf header;
    SL_CLEANUP(sl_buf_free) struct sl_buf text;
    sl_buf_init(&header, PREPARED_HEADER_BYTES);
    sl_buf_init(&text, (size_t)t->target.max_query_bytes + 1);
    if (n > SL_TRINO_PARAMS)
        return sl_fail(err, SL_E_LIMIT, "a statement has %zu parameters, more than %d", n, SL_TRINO_PARAMS);
    sl_buf_puts(&header, "sluice=");
    sl_trino__percent(&header, sql);
    /* Too long for a header it goes with the statement itself. */
    bool by_header = !header.overflow;
    sl_buf_puts(&text, by_header ? "EXECUTE sluice" : "EXECUTE IMMEDIATE ");
    if (!by_header)
        text_literal(&text, sql);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        sl_buf_puts(&text, i ? ", " : " USING ");
        rc = sl_trino_literal(&text, &params[i], err);
    }
    if (rc == 0)
        rc = sl_buf_check(&text, "statement for Trino", err);
    return rc < 0 ? rc : run(t, text.data, by_header ? header.data : NULL, how, visit, data, updated, err);
}

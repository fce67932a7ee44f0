/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer: lines into a bounded list, and what the transfer needs of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "net/http_job.h"
#include "net/retry.h"

static void drop_headers(struct sl_http_response *r)
{
    for (size_t i = 0; i < r->n_headers; i++)
        free((void *)(uintptr_t)r->headers[i].name);
    r->n_headers = 0;
}

void sl_http_response_free(struct sl_http_response *response)
{
    drop_headers(response);
    sl_buf_free(&response->body);
    *response = (struct sl_http_response){0};
}

const char *sl_http_header(const struct sl_http_response *response, const char *lower_name)
{
    for (size_t i = 0; i < response->n_headers; i++)
        if (!strcmp(response->headers[i].name, lower_name))
            return response->headers[i].value;
    return NULL;
}

/* "HTTP/1.1 200 OK": a head begins; one with 1xx was not the answer yet. */
static void begin(struct sl_http_response *r, const char *line, size_t n)
{
    drop_headers(r);
    r->status = 0;
    r->content_length = r->retry_after_ms = -1;
    const char *space = memchr(line, ' ', n);
    const char *end = line + n;
    for (int i = 0; space && i < 3 && ++space < end && isdigit((unsigned char)*space); i++)
        r->status = r->status * 10 + (*space - '0');
}

/* Name and value share one block, which the name's pointer owns. */
static void keep(struct sl_http_response *r, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon || colon == line || isspace((unsigned char)line[0]) || r->n_headers == SL_HTTP_MAX_HEADERS)
        return;
    size_t name_bytes = (size_t)(colon - line), left = n - name_bytes - 1;
    const char *value = colon + 1;
    while (left > 0 && isspace((unsigned char)*value))
        value++, left--;
    while (left > 0 && isspace((unsigned char)value[left - 1]))
        left--;
    char *block = sl_xmalloc(name_bytes + left + 2);
    for (size_t i = 0; i < name_bytes; i++)
        block[i] = (char)tolower((unsigned char)line[i]);
    block[name_bytes] = '\0';
    memcpy(block + name_bytes + 1, value, left);
    block[name_bytes + 1 + left] = '\0';
    r->headers[r->n_headers++] = (struct sl_http_header){block, block + name_bytes + 1};
}

_Static_assert(SL_HTTP_MAX_HEADER_BYTES == 65536, "a message below says the number");

/* Digits only, below 2^63; else -1. */
static int64_t length_of(const char *s)
{
    int64_t n = 0;
    if (!*s)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || n > (INT64_MAX - 9) / 10)
            return -1;
        n = n * 10 + (*s - '0');
    }
    return n;
}

/* What a length says that is none, or two that differ, is a reply that two readers would cut in different places. */
static bool read_length(struct sl_http_response *r)
{
    int64_t found = -1;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strcmp(r->headers[i].name, "content-length") != 0)
            continue;
        int64_t n = length_of(r->headers[i].value);
        if (n < 0 || (found >= 0 && n != found))
            return false;
        found = n;
    }
    r->content_length = sl_http_header(r, "transfer-encoding") ? -1 : found;
    return true;
}

static size_t complain(struct sl_http__job *job, const char *what)
{
    char where[SL_HTTP__WHERE_BYTES];
    sl_http__where(job->transfer->url, where, sizeof where);
    return sl_http__job_refuse(job, sl_fail(&job->transfer->error, SL_E_NET, "%s sends %s", where, what));
}

/* 0 when the transfer ends with it. */
static size_t end(struct sl_http__job *job)
{
    struct sl_http_transfer *t = job->transfer;
    struct sl_http_response *r = &t->response;
    if (r->status < 200)
        return 1;
    job->head_done = true;
    if (!read_length(r))
        return complain(job, "an answer whose length is not clear");
    r->retry_after_ms = sl_retry_after_ms(sl_http_header(r, "retry-after"));
    r->body.max_bytes = r->status < 300 ? t->max_body : SL_HTTP_ERROR_BODY_BYTES;
    if (!t->on_head)
        return 1;
    int rc = t->on_head(t->data, r, &t->error);
    job->heard_ns = sl_clock_mono_ns();
    return rc < 0 ? sl_http__job_refuse(job, rc) : 1;
}

size_t sl_http__head_line(char *line, size_t size, size_t n, void *data)
{
    struct sl_http__job *job = data;
    struct sl_http_response *r = &job->transfer->response;
    (void)size;
    job->heard_ns = sl_clock_mono_ns();
    job->header_bytes += n;
    if (job->header_bytes > SL_HTTP_MAX_HEADER_BYTES)
        return complain(job, "more headers than are read (65536 bytes)");
    if (job->head_done) /* a trailer */
        return n;
    if (n >= 5 && !memcmp(line, "HTTP/", 5))
        begin(r, line, n);
    else if (line[0] == '\r' || line[0] == '\n')
        return end(job) ? n : 0;
    else
        keep(r, line, n);
    return n;
}

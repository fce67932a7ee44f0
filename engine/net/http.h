/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - HTTP on libcurl's multi interface: connections are kept and used again, bodies stream both ways, many transfers
 * run at a time in one thread.
 *
 * The one rule: a transfer is one try. What is tried again, and signed anew for it, is the caller's business (retry.h).
 * Replies are hostile: headers, error bodies and times have maxima; redirects are not followed; no proxy, cookie, netrc or
 * scheme but http and https. A struct sl_http belongs to one thread at a time.
 */
#ifndef SLUICE_NET_HTTP_H
#define SLUICE_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#include "base/buf.h"

enum {
    SL_HTTP_MAX_HEADERS = 64,          /* of an answer that are kept; more are ignored */
    SL_HTTP_MAX_HEADER_BYTES = 65536,  /* all of them; more is an error */
    SL_HTTP_ERROR_BODY_BYTES = 65536   /* kept of an answer that is not 2xx */
};

struct sl_http;

struct sl_http_options {
    const char *ca_file;     /* NULL: the system's */
    int64_t connect_ms;      /* longest time to connect */
    int64_t silence_ms;      /* longest time without a byte in either direction */
    const char *user, *password; /* basic authentication for every request; NULL: none */
};

struct sl_http_header {
    const char *name, *value; /* value without CR, LF, NUL: else SL_E_INTERNAL */
};

enum sl_http_source { SL_HTTP_NO_BODY, SL_HTTP_BYTES, SL_HTTP_FILE, SL_HTTP_STREAM };

struct sl_http_body {
    enum sl_http_source source;
    const void *bytes;       /* BYTES */
    int fd;                  /* FILE: [offset, offset + n) by pread */
    int64_t offset, n;
    /* STREAM, sent in chunks: fills out, returns how many bytes, 0 at the end, negative on failure. */
    int64_t (*read)(void *data, void *out, size_t room, struct sl_error *err);
    void *data;
};

struct sl_http_response {
    int status;              /* 0: there was no answer */
    struct sl_http_header headers[SL_HTTP_MAX_HEADERS]; /* names in lower case */
    size_t n_headers;
    int64_t content_length;  /* -1: not said */
    int64_t received;        /* bytes of the body */
    struct sl_buf body;      /* of 2xx when there is no sink (bounded by max_body), else what the server said, cut */
    int64_t retry_after_ms;  /* -1: not said */
};

struct sl_http_transfer {
    const char *method, *url;
    const struct sl_http_header *headers;
    size_t n_headers;
    struct sl_http_body body;
    size_t max_body;         /* of a 2xx answer without a sink; more is SL_E_LIMIT */
    int64_t deadline_ms;     /* for the whole; 0: only silence ends it */
    /* Each may be NULL. on_head: the answer has begun, status and headers are there; sink: bytes of a 2xx body. Negative
     * ends the transfer with that error. */
    int (*on_head)(void *data, const struct sl_http_response *head, struct sl_error *err);
    int (*sink)(void *data, const void *bytes, size_t n, struct sl_error *err);
    bool (*stop)(void *data); /* asked at least four times a second: true ends it with SL_E_CANCELLED */
    void (*sent)(void *data, int64_t bytes); /* of the body, so far */
    void *data;
    /* filled: */
    struct sl_http_response response;
    int rc;                  /* 0: an answer came whole, whatever its status; else the code, negative */
    struct sl_error error;   /* SL_E_NET: refused, reset, timed out, truncated, TLS; or that of a callback */
};

int sl_http_new(const struct sl_http_options *options, struct sl_http **out, struct sl_error *err);
void sl_http_free(struct sl_http *http); /* NULL is allowed */
void sl_http_freep(struct sl_http **http);

/* One transfer, to its end. Returns transfer->rc, with its error. The response is the caller's to free, also on failure. */
int sl_http_perform(struct sl_http *http, struct sl_http_transfer *transfer, struct sl_error *err);

/* Many at a time. add hands one over (it must stay where it is until it is done); wait runs all until at least one has ended
 * or timeout_ms has passed (-1: none), and gives it, or NULL. abort takes back all that have not ended. */
int sl_http_add(struct sl_http *http, struct sl_http_transfer *transfer, struct sl_error *err);
int sl_http_wait(struct sl_http *http, int timeout_ms, struct sl_http_transfer **done, struct sl_error *err);
void sl_http_abort(struct sl_http *http);

const char *sl_http_header(const struct sl_http_response *response, const char *lower_name); /* NULL when missing */
void sl_http_response_free(struct sl_http_response *response); /* may be called on one that is all zero */

#endif

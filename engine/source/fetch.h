/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h - requests of a source: made, counted, paced, tried again, and their replies judged.
 *
 * A reply that cannot be what was asked for (no JSON, no records, cut) is tried again like a server's failure: both pass.
 * Secrets go into headers and queries only; messages have host and path. Threads: one.
 */
#ifndef SLUICE_SOURCE_FETCH_H
#define SLUICE_SOURCE_FETCH_H

#include "catalog/sources.h"
#include "config/config.h"
#include "net/http.h"
#include "source/paging.h"

enum { SL_SOURCE_PAGE_BYTES = 64 << 20 };

struct sl_fetch;

struct sl_fetch_counts {
    int64_t requests, retries;
};

/* values: what ${name} stands for; borrowed, as the rest. catalog (NULL: no daily budget) keeps the budget. */
int sl_fetch_open(const struct sl_source_spec *spec, const struct sl_config *config, struct sl_catalog *catalog,
                  struct json_object *values, struct sl_fetch **out, struct sl_error *err);
void sl_fetch_free(struct sl_fetch *fetch); /* NULL is allowed */

/* A page as it came, and what it is. Freed by sl_fetched_free, also when all zero. */
struct sl_fetched {
    struct sl_buf body;
    struct sl_doc *document;
    struct json_object *records; /* an array; NULL: none. Borrowed from the document */
    int64_t n_records;
    int64_t fetched_ms;
    struct sl_paging next;
};

int sl_fetch_page(struct sl_fetch *fetch, const struct sl_paging *at, struct sl_arena *arena, struct sl_fetched *out,
                  struct sl_error *err);
/* The records in a page's body: what sl_fetch_page does with one, for one that was kept. */
int sl_fetch_parse(const struct sl_source_spec *spec, const char *name, struct sl_fetched *page, struct sl_error *err);
void sl_fetched_free(struct sl_fetched *page);
struct sl_fetch_counts sl_fetch_counts(const struct sl_fetch *fetch);

/* For APIs that are not pages: one request with its retries. url NULL: the spec's. The answer is 2xx, in `reply` (its body
 * bounded by max_body, unless transfer->sink is set by the caller); freed by sl_http_response_free. */
struct sl_fetch_call {
    const char *method, *url, *body; /* url NULL: the spec's; one with a slash first: on its server. body: JSON, NULL: none */
    size_t max_body;
    int (*judge)(void *data, const struct sl_http_response *reply, struct sl_error *err); /* may be NULL; SL_E_NET: try again */
    void *data;
};
/* Downloads a URL to a file, from where it broke off when the server takes that (Range, If-Range); the secret goes along only
 * to the source's own server. size -1: not known; another one that comes is SL_E_NET. */
int sl_fetch_file(struct sl_fetch *fetch, const char *url, int64_t size, const char *path, struct sl_error *err);
int sl_fetch_call(struct sl_fetch *fetch, const struct sl_fetch_call *call, struct sl_http_response *reply,
                  struct sl_error *err);

#endif

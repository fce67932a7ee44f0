/* SPDX-License-Identifier: Apache-2.0 */
/* trino_internal.h - what the files of the Trino client share. */
#ifndef SLUICE_ICEBERG_TRINO_INTERNAL_H
#define SLUICE_ICEBERG_TRINO_INTERNAL_H

#include "iceberg/trino.h"
#include "json/json.h"
#include "net/http.h"

enum { SL_TRINO__SESSION_MAX = 32, SL_TRINO__NAME_BYTES = 128, SL_TRINO__VALUE_BYTES = 512, SL_TRINO__HEADERS = 16 };

struct sl_trino {
    struct sl_trino_target target;
    struct sl_http_options http_options;
    struct sl_http *http;
    struct {
        char name[SL_TRINO__NAME_BYTES], value[SL_TRINO__VALUE_BYTES];
    } session[SL_TRINO__SESSION_MAX];
    size_t n_session;
    bool (*stop)(void *data);
    void *stop_data;
    struct sl_arena *arena; /* of the statement that runs, or ran last */
    struct sl_trino_result result;
};

/* One statement under way. */
struct sl_trino__query {
    struct sl_trino *trino;
    sl_trino_row *visit;
    void *data;
    char *next;       /* NULL: done */
    int64_t updated, rows, deadline_ns;
    bool again;       /* it failed for what passes, and nothing of it was given */
};

/* trino_http.c: one request with the common headers; retried where `repeat` says so. The response is the caller's to free. */
int sl_trino__request(struct sl_trino *trino, const char *method, const char *url, const char *body, bool repeat,
                      const char *prepared, struct sl_http_response *out, struct sl_error *err);
/* Is it below the server's own address (or the store's, where `storage` says so)? */
bool sl_trino__at_home(const struct sl_trino *trino, const char *url, bool storage);
void sl_trino__percent(struct sl_buf *out, const char *text);

/* trino_rows.c: the rows of one page, direct or in segments. */
int sl_trino__rows(struct sl_trino__query *q, struct json_object *page, struct sl_error *err);
int sl_trino__take_columns(struct sl_trino *trino, struct json_object *page, struct sl_error *err);
int sl_trino__parse(const struct sl_trino *trino, const void *text, size_t bytes, struct sl_doc **out, struct sl_error *err);

#endif

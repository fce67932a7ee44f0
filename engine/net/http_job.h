/* SPDX-License-Identifier: Apache-2.0 */
/* http_job.h - internal to net: one transfer while it runs, between the caller's struct and libcurl's handle. */
#ifndef SLUICE_NET_HTTP_JOB_H
#define SLUICE_NET_HTTP_JOB_H

#include <curl/curl.h>

#include "net/http.h"

enum { SL_HTTP__WHERE_BYTES = 300 };

struct sl_http__job {
    const struct sl_http_options *options;
    struct sl_http_transfer *transfer;
    CURL *easy;
    struct curl_slist *headers;
    char detail[CURL_ERROR_SIZE];
    int64_t began_ns, heard_ns; /* monotonic; heard: the last byte in either direction */
    int64_t uploaded;           /* that libcurl gave to the socket */
    int64_t read;               /* of the body, that libcurl took */
    size_t header_bytes;
    int rc; /* what a callback or a limit said, with the error in the transfer */
    bool connected, head_done;
    bool cut; /* an error's body was longer than is kept: the rest was not waited for */
    struct sl_http__job *next;
};

/* Makes the handle ready for the transfer. The job is zero but for options, transfer and easy. */
int sl_http__job_prepare(struct sl_http__job *job, struct sl_error *err);
/* Ends it with code < 0; what the transfer's error says already stays. Returns 0, so that a callback stops libcurl. */
size_t sl_http__job_refuse(struct sl_http__job *job, int code);
/* One line of a head or of a trailer, as libcurl hands it over: its header callback. */
size_t sl_http__head_line(char *line, size_t size, size_t n, void *job);

/* "host:port" of a URL, never more of it. */
void sl_http__where(const char *url, char *out, size_t out_bytes);
/* What libcurl's code means to the caller. Fills the transfer's error, returns its negative code. */
int sl_http__explain(struct sl_http__job *job, CURLcode code);

#endif

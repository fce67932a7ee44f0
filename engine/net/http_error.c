/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl's codes mean, in words that name the server and nothing secret. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/http_job.h"

void sl_http__where(const char *url, char *out, size_t out_bytes)
{
    char *host = NULL, *port = NULL;
    CURLU *u = curl_url();
    if (u && !curl_url_set(u, CURLUPART_URL, url, 0) && !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
        !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
        snprintf(out, out_bytes, "%s:%s", host, port);
    else
        snprintf(out, out_bytes, "the server");
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
}

/* The system's reason for it, in lower case: "connection refused". "" when there is none. */
static const char *reason(struct sl_http__job *job, char *out, size_t out_bytes)
{
    long number = 0;
    out[0] = '\0';
    if (curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &number) || number == 0)
        return out;
    char text[128];
    snprintf(out, out_bytes, "%s", strerror_r((int)number, text, sizeof text));
    out[0] = (char)tolower((unsigned char)out[0]);
    return out;
}

static int broken(struct sl_http__job *job, CURLcode code, const char *where)
{
    const struct sl_http_response *r = &job->transfer->response;
    struct sl_error *err = &job->transfer->error;
    char why[160], how[200] = "";
    if (code != CURLE_PARTIAL_FILE && reason(job, why, sizeof why)[0])
        snprintf(how, sizeof how, " (%s)", why);
    if (!job->head_done)
        return sl_fail(err, SL_E_NET, "%s broke the connection off before it had answered%s", where, how);
    if (r->content_length >= 0)
        return sl_fail(err, SL_E_NET, "%s broke off its answer after %" PRId64 " of %" PRId64 " bytes%s", where,
                       r->received, r->content_length, how);
    return sl_fail(err, SL_E_NET, "%s broke off its answer after %" PRId64 " bytes%s", where, r->received, how);
}

static int no_tls(struct sl_http__job *job, CURLcode code, const char *where)
{
    struct sl_error *err = &job->transfer->error;
    const char *detail = job->detail[0] ? job->detail : curl_easy_strerror(code);
    if (code == CURLE_SSL_CACERT_BADFILE)
        return sl_fail(err, SL_E_CONFIG_VALUE, "the file of certificates \"%s\" cannot be used: %s",
                       job->options->ca_file ? job->options->ca_file : "", detail);
    if (code != CURLE_PEER_FAILED_VERIFICATION)
        return sl_fail(err, SL_E_NET, "%s: no TLS connection: %s", where, detail);
    int rc = sl_fail(err, SL_E_NET, "%s: its certificate is not trusted: %s", where, detail);
    sl_error_hint(err, "name the file of the authority that signed it, or correct the server's certificate");
    return rc;
}

static int unreachable(struct sl_http__job *job, const char *where)
{
    char why[160];
    return sl_fail(&job->transfer->error, SL_E_NET, "%s does not answer (%s)", where,
                   reason(job, why, sizeof why)[0] ? why : "no connection");
}

static int connect_timeout(struct sl_http__job *job, const char *where)
{
    char within[24];
    sl_text_duration(within, sizeof within, job->options->connect_ms * 1000000);
    return sl_fail(&job->transfer->error, SL_E_NET, "%s does not answer (no connection in %s)", where, within);
}

int sl_http__explain(struct sl_http__job *job, CURLcode code)
{
    struct sl_error *err = &job->transfer->error;
    char where[SL_HTTP__WHERE_BYTES];
    sl_http__where(job->transfer->url, where, sizeof where);
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return unreachable(job, where);
    case CURLE_OPERATION_TIMEDOUT:
        return connect_timeout(job, where);
    case CURLE_COULDNT_RESOLVE_HOST:
        return sl_fail(err, SL_E_NET, "%s does not answer (the name has no address)", where);
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_ABORTED_BY_CALLBACK: /* ours: libcurl was about to send again what may have been carried out */
        return broken(job, code, where);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return no_tls(job, code, where);
    case CURLE_UNSUPPORTED_PROTOCOL: /* the URL's scheme was checked before */
    case CURLE_WEIRD_SERVER_REPLY:
        return sl_fail(err, SL_E_NET, "%s does not speak HTTP", where);
    case CURLE_OUT_OF_MEMORY:
        return sl_fail(err, SL_E_MEMORY, "no memory for a transfer with %s", where);
    default:
        return sl_fail(err, SL_E_NET, "%s: %s", where, job->detail[0] ? job->detail : curl_easy_strerror(code));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: libcurl moves the bytes, this watches silence, deadlines and those who want to stop. */
#include "net/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/http_job.h"

enum { KEPT_CONNECTIONS = 64, KEPT_HANDLES = 32, SLICE_MS = 200 };

struct sl_http {
    struct sl_http_options options; /* its strings are owned */
    CURLM *multi;
    CURL *idle[KEPT_HANDLES]; /* used again, with the buffers that they have */
    size_t n_idle;
    struct sl_http__job *live, *done, **done_end;
};

/* libcurl asks to be set up once in a process. */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int sl_http_new(const struct sl_http_options *options, struct sl_http **out, struct sl_error *err)
{
    if (options->ca_file && access(options->ca_file, R_OK) != 0)
        return sl_fail(err, SL_E_CONFIG_VALUE, "the file of certificates \"%s\" cannot be read", options->ca_file);
    pthread_once(&once, set_up);
    CURLM *multi = curl_multi_init();
    if (!multi)
        return sl_fail(err, SL_E_MEMORY, "no memory for HTTP");
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    struct sl_http *http = sl_xcalloc(1, sizeof *http);
    *http = (struct sl_http){.options = *options, .multi = multi};
    http->done_end = &http->done;
    http->options.ca_file = options->ca_file ? sl_xstrdup(options->ca_file) : NULL;
    http->options.user = options->user ? sl_xstrdup(options->user) : NULL;
    http->options.password = options->password ? sl_xstrdup(options->password) : NULL;
    *out = http;
    return 0;
}

static void free_secret(const char *text)
{
    char *s = (char *)(uintptr_t)text;
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

void sl_http_free(struct sl_http *http)
{
    if (!http)
        return;
    sl_http_abort(http);
    for (size_t i = 0; i < http->n_idle; i++)
        curl_easy_cleanup(http->idle[i]);
    curl_multi_cleanup(http->multi);
    free((void *)(uintptr_t)http->options.ca_file);
    free_secret(http->options.user);
    free_secret(http->options.password);
    free(http);
}

void sl_http_freep(struct sl_http **http)
{
    sl_http_free(*http);
    *http = NULL;
}

/* Gives the handle back; the job keeps only what its transfer says. */
static void let_go(struct sl_http *http, struct sl_http__job *job)
{
    if (job->easy) {
        curl_multi_remove_handle(http->multi, job->easy);
        curl_easy_reset(job->easy);
        if (http->n_idle < KEPT_HANDLES)
            http->idle[http->n_idle++] = job->easy;
        else
            curl_easy_cleanup(job->easy);
        job->easy = NULL;
    }
    curl_slist_free_all(job->headers);
    job->headers = NULL;
}

static void unlink_live(struct sl_http *http, struct sl_http__job *job)
{
    struct sl_http__job **p = &http->live;
    while (*p != job)
        p = &(*p)->next;
    *p = job->next;
    job->next = NULL;
}

/* rc is what the transfer comes to; its error is filled when negative. */
static void end_job(struct sl_http *http, struct sl_http__job *job, int rc)
{
    job->transfer->rc = rc;
    let_go(http, job);
    unlink_live(http, job);
    *http->done_end = job;
    http->done_end = &job->next;
}

/* What libcurl says has ended, unless the job knows better why. */
static int outcome(struct sl_http__job *job, CURLcode code)
{
    struct sl_http_transfer *t = job->transfer;
    if (job->rc < 0)
        return job->rc;
    if (code != CURLE_OK && !job->cut)
        return sl_http__explain(job, code);
    if (!job->head_done) /* for libcurl, a head that is cut between two lines is one */
        return sl_http__explain(job, t->response.status ? CURLE_GOT_NOTHING : CURLE_WEIRD_SERVER_REPLY);
    return t->rc = 0;
}

static void report_sent(struct sl_http__job *job)
{
    struct sl_http_transfer *t = job->transfer;
    curl_off_t uploaded = 0;
    if (curl_easy_getinfo(job->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded) || uploaded == job->uploaded)
        return;
    job->uploaded = uploaded;
    job->heard_ns = sl_clock_mono_ns();
    /* libcurl counts the frames of chunks as well. */
    if (t->sent)
        t->sent(t->data, uploaded < job->read ? uploaded : job->read);
}

static void collect(struct sl_http *http)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(http->multi, &left)) != NULL;) {
        struct sl_http__job *job = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&job);
        report_sent(job);
        end_job(http, job, outcome(job, code));
    }
}

/* 0, or why the job has to end now. */
static int overdue(const struct sl_http *http, struct sl_http__job *job)
{
    struct sl_http_transfer *t = job->transfer;
    int64_t silence_ns = http->options.silence_ms * SL_NS_PER_MS, deadline_ns = t->deadline_ms * SL_NS_PER_MS;
    char where[SL_HTTP__WHERE_BYTES], span[24];
    if (t->stop && t->stop(t->data)) {
        sl_http__where(t->url, where, sizeof where);
        return sl_fail(&t->error, SL_E_CANCELLED, "the transfer with %s was stopped", where);
    }
    int64_t now = sl_clock_mono_ns();
    if (deadline_ns > 0 && now - job->began_ns >= deadline_ns) {
        sl_http__where(t->url, where, sizeof where);
        return sl_fail(&t->error, SL_E_NET, "%s has not finished its answer within %s", where,
                       sl_text_duration(span, sizeof span, deadline_ns));
    }
    /* Until there is a connection, its own limit holds. */
    if (silence_ns > 0 && job->connected && now - job->heard_ns >= silence_ns) {
        sl_http__where(t->url, where, sizeof where);
        return sl_fail(&t->error, SL_E_NET, "%s has been silent for %s", where,
                       sl_text_duration(span, sizeof span, silence_ns));
    }
    return 0;
}

static void watch(struct sl_http *http)
{
    for (struct sl_http__job *job = http->live, *next; job; job = next) {
        next = job->next;
        report_sent(job);
        int rc = overdue(http, job);
        if (rc < 0)
            end_job(http, job, rc);
    }
}

/* How long to sleep at most until some limit of a job has to be looked at again. */
static int slice_ms(const struct sl_http *http, int64_t until_ns)
{
    int64_t now = sl_clock_mono_ns(), least = SLICE_MS * SL_NS_PER_MS;
    if (until_ns >= 0 && until_ns - now < least)
        least = until_ns - now;
    for (const struct sl_http__job *job = http->live; job; job = job->next) {
        int64_t silent = job->heard_ns + http->options.silence_ms * SL_NS_PER_MS - now;
        int64_t late = job->began_ns + job->transfer->deadline_ms * SL_NS_PER_MS - now;
        if (http->options.silence_ms > 0 && job->connected && silent < least)
            least = silent;
        if (job->transfer->deadline_ms > 0 && late < least)
            least = late;
    }
    return least > 0 ? (int)((least + SL_NS_PER_MS - 1) / SL_NS_PER_MS) : 0;
}

/* Moves what can be moved; then, when nothing has ended by that, waits for more. */
static int turn(struct sl_http *http, int64_t until_ns, struct sl_error *err)
{
    int running;
    struct sl_http__job **const before = http->done_end;
    CURLMcode code = curl_multi_perform(http->multi, &running);
    if (code == CURLM_OK) {
        collect(http);
        watch(http);
        if (http->done_end == before && http->live)
            code = curl_multi_poll(http->multi, NULL, 0, slice_ms(http, until_ns), NULL);
    }
    return code == CURLM_OK ? 0 : sl_fail(err, SL_E_INTERNAL, "libcurl fails: %s", curl_multi_strerror(code));
}

int sl_http_add(struct sl_http *http, struct sl_http_transfer *transfer, struct sl_error *err)
{
    struct sl_http__job *job = sl_xcalloc(1, sizeof *job);
    transfer->response = (struct sl_http_response){.content_length = -1, .retry_after_ms = -1};
    sl_buf_init(&transfer->response.body, transfer->max_body);
    transfer->rc = 0;
    sl_error_clear(&transfer->error);
    job->options = &http->options;
    job->transfer = transfer;
    job->easy = http->n_idle > 0 ? http->idle[--http->n_idle] : curl_easy_init();
    int rc = job->easy ? sl_http__job_prepare(job, err) : sl_fail(err, SL_E_MEMORY, "no memory for a transfer");
    if (rc == 0) {
        curl_easy_setopt(job->easy, CURLOPT_PRIVATE, job);
        CURLMcode code = curl_multi_add_handle(http->multi, job->easy);
        if (code != CURLM_OK)
            rc = sl_fail(err, SL_E_INTERNAL, "libcurl fails: %s", curl_multi_strerror(code));
    }
    if (rc < 0) {
        let_go(http, job);
        free(job);
        return rc;
    }
    job->next = http->live;
    http->live = job;
    return 0;
}

/* Takes the job of this transfer (NULL: the oldest) from those that have ended; NULL when it is not there. */
static struct sl_http_transfer *take_done(struct sl_http *http, const struct sl_http_transfer *which)
{
    struct sl_http__job **p = &http->done;
    while (*p && which && (*p)->transfer != which)
        p = &(*p)->next;
    struct sl_http__job *job = *p;
    if (!job)
        return NULL;
    *p = job->next;
    if (http->done_end == &job->next)
        http->done_end = p;
    struct sl_http_transfer *transfer = job->transfer;
    free(job);
    return transfer;
}

int sl_http_wait(struct sl_http *http, int timeout_ms, struct sl_http_transfer **done, struct sl_error *err)
{
    int64_t until = timeout_ms < 0 ? -1 : sl_clock_mono_ns() + timeout_ms * SL_NS_PER_MS;
    while (!http->done && http->live) {
        int rc = turn(http, until, err);
        if (rc < 0)
            return rc;
        if (until >= 0 && sl_clock_mono_ns() >= until)
            break;
    }
    *done = take_done(http, NULL);
    return 0;
}

int sl_http_perform(struct sl_http *http, struct sl_http_transfer *transfer, struct sl_error *err)
{
    int rc = sl_http_add(http, transfer, err);
    if (rc < 0) {
        transfer->rc = rc;
        return rc;
    }
    while (!take_done(http, transfer)) {
        rc = turn(http, -1, err);
        if (rc < 0) {
            sl_http_abort(http);
            transfer->rc = rc;
            return rc;
        }
    }
    if (transfer->rc < 0 && err)
        *err = transfer->error;
    return transfer->rc;
}

void sl_http_abort(struct sl_http *http)
{
    while (http->live) {
        struct sl_http__job *job = http->live;
        end_job(http, job, sl_fail(&job->transfer->error, SL_E_CANCELLED, "the transfer was taken back"));
    }
    while (take_done(http, NULL))
        continue;
}

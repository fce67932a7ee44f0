/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer: libcurl's options for it, and the callbacks that move its bytes. */
#include "net/http_job.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { TRANSFER_BUFFER_BYTES = 512 * 1024, KEEPALIVE_IDLE_S = 30, KEEPALIVE_INTERVAL_S = 10 };

size_t sl_http__job_refuse(struct sl_http__job *job, int code)
{
    struct sl_error *err = &job->transfer->error;
    if (err->code == SL_OK)
        sl_fail(err, (enum sl_code) - code, "a callback of a transfer failed without saying why");
    job->rc = code;
    return 0;
}

/* Programs that sluice starts must not hold its connections open. */
static curl_socket_t open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)data;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * The request is about to be sent. libcurl sends it again by itself when a kept connection dies before the first byte
 * of the answer. What may have been carried out the first time is not sent twice behind the caller's back: a
 * conditional put would then refuse itself.
 */
static int before_request(void *data, char *remote, char *local, int remote_port, int local_port)
{
    struct sl_http__job *job = data;
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    const char *method = job->transfer->method;
    bool again = job->connected;
    job->connected = true;
    job->heard_ns = sl_clock_mono_ns();
    return again && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 ? CURL_PREREQFUNC_ABORT
                                                                              : CURL_PREREQFUNC_OK;
}

static size_t read_file(struct sl_http__job *job, char *out, size_t room)
{
    const struct sl_http_body *b = &job->transfer->body;
    ssize_t n;
    do
        n = pread(b->fd, out, room, b->offset + job->read);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return (size_t)n;
    struct sl_error *err = &job->transfer->error;
    sl_http__job_refuse(job, n < 0 ? sl_fail_errno(err, errno, "a file could not be read while it was sent")
                                   : sl_fail(err, SL_E_FILE_CHANGED, "a file became shorter while it was sent"));
    return CURL_READFUNC_ABORT;
}

static size_t give_body(char *out, size_t size, size_t n, void *data)
{
    struct sl_http__job *job = data;
    struct sl_http_transfer *t = job->transfer;
    size_t room = size * n;
    if (t->body.source == SL_HTTP_STREAM) {
        int64_t got = t->body.read(t->body.data, out, room, &t->error);
        if (got < 0 || (size_t)got > room) {
            sl_http__job_refuse(job, got < 0 ? (int)got : -(int)SL_E_INTERNAL);
            return CURL_READFUNC_ABORT;
        }
        job->heard_ns = sl_clock_mono_ns();
        job->read += got;
        return (size_t)got;
    }
    int64_t left = t->body.source == SL_HTTP_NO_BODY ? 0 : t->body.n - job->read;
    if (left < (int64_t)room)
        room = (size_t)left;
    if (room == 0)
        return 0;
    if (t->body.source == SL_HTTP_BYTES)
        memcpy(out, (const char *)t->body.bytes + job->read, room);
    else
        room = read_file(job, out, room);
    if (room != CURL_READFUNC_ABORT)
        job->read += (int64_t)room;
    return room;
}

/* What is read is sent once: a new try is the caller's. */
static int never_rewind(void *data, curl_off_t offset, int origin)
{
    (void)data, (void)offset, (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *data)
{
    struct sl_http__job *job = data;
    struct sl_http_transfer *t = job->transfer;
    struct sl_http_response *r = &t->response;
    n *= size;
    r->received += (int64_t)n;
    bool good = r->status >= 200 && r->status < 300;
    if (good && t->sink) {
        int rc = t->sink(t->data, bytes, n, &t->error);
        job->heard_ns = sl_clock_mono_ns();
        return rc < 0 ? sl_http__job_refuse(job, rc) : n;
    }
    job->heard_ns = sl_clock_mono_ns();
    size_t room = r->body.max_bytes - r->body.len;
    sl_buf_add(&r->body, bytes, n < room ? n : room);
    if (n <= room)
        return n;
    if (!good) {
        job->cut = true;
        return 0;
    }
    char where[SL_HTTP__WHERE_BYTES];
    sl_http__where(t->url, where, sizeof where);
    return sl_http__job_refuse(
        job, sl_fail(&t->error, SL_E_LIMIT, "the answer of %s is larger than %zu bytes", where, t->max_body));
}

static bool is_token(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("!#$%&'*+-.^_`|~", *p))
            return false;
    return *name != '\0';
}

static int add_header(struct sl_http__job *job, const char *name, const char *value, struct sl_error *err)
{
    if (!is_token(name) || strpbrk(value, "\r\n"))
        return sl_fail(err, SL_E_INTERNAL, "header \"%s\" cannot be sent: it would break the request", name);
    char line[8192];
    /* libcurl's way to say "an empty value" is a semicolon; with a colon the header would be left out. */
    int n = *value ? snprintf(line, sizeof line, "%s: %s", name, value) : snprintf(line, sizeof line, "%s;", name);
    if (n < 0 || (size_t)n >= sizeof line)
        return sl_fail(err, SL_E_LIMIT, "header \"%s\" is longer than %zu bytes", name, sizeof line - 1);
    struct curl_slist *longer = curl_slist_append(job->headers, line);
    if (!longer)
        return sl_fail(err, SL_E_MEMORY, "no memory for a transfer");
    job->headers = longer;
    return 0;
}

static int add_headers(struct sl_http__job *job, struct sl_error *err)
{
    const struct sl_http_transfer *t = job->transfer;
    bool expect = false;
    for (size_t i = 0; i < t->n_headers; i++) {
        int rc = add_header(job, t->headers[i].name, t->headers[i].value, err);
        if (rc < 0)
            return rc;
        expect = expect || !strcasecmp(t->headers[i].name, "expect");
    }
    if (expect)
        return 0;
    struct curl_slist *longer = curl_slist_append(job->headers, "Expect:");
    if (!longer)
        return sl_fail(err, SL_E_MEMORY, "no memory for a transfer");
    job->headers = longer;
    return 0;
}

static int check_url(const struct sl_http_transfer *t, struct sl_error *err)
{
    for (const char *p = t->url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7F)
            return sl_fail(err, SL_E_INTERNAL, "a URL with a blank or a control character cannot be asked for");
    size_t scheme = !strncasecmp(t->url, "http://", 7) ? 7 : !strncasecmp(t->url, "https://", 8) ? 8 : 0;
    if (scheme == 0)
        return sl_fail(err, SL_E_CONFIG_VALUE, "only http:// and https:// URLs can be asked for");
    const char *authority = t->url + scheme;
    if (memchr(authority, '@', strcspn(authority, "/?#")))
        return sl_fail(err, SL_E_CONFIG_VALUE, "a URL must not carry a user or a password");
    if (!is_token(t->method))
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is not a method", t->method);
    return 0;
}

#define SET(option, value) (bad |= curl_easy_setopt(job->easy, option, value) != CURLE_OK)

static bool set_connection(struct sl_http__job *job)
{
    const struct sl_http_options *o = job->options;
    bool bad = false;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_ms);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_PREREQFUNCTION, before_request);
    SET(CURLOPT_PREREQDATA, job);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (o->ca_file) {
        SET(CURLOPT_CAINFO, o->ca_file);
        SET(CURLOPT_CAPATH, (char *)NULL);
    }
    if (o->user) {
        SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        SET(CURLOPT_USERNAME, o->user);
        SET(CURLOPT_PASSWORD, o->password ? o->password : "");
    }
    return !bad;
}

static bool set_request(struct sl_http__job *job)
{
    const struct sl_http_transfer *t = job->transfer;
    bool bad = false;
    SET(CURLOPT_URL, t->url);
    SET(CURLOPT_HTTPHEADER, job->headers);
    SET(CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    SET(CURLOPT_ERRORBUFFER, job->detail);
    SET(CURLOPT_NOPROGRESS, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER_BYTES);
    SET(CURLOPT_HEADERFUNCTION, sl_http__head_line);
    SET(CURLOPT_HEADERDATA, job);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, job);
    bool empties = !strcmp(t->method, "PUT") || !strcmp(t->method, "POST") || !strcmp(t->method, "PATCH");
    if (t->body.source != SL_HTTP_NO_BODY || empties) { /* the latter say Content-Length: 0, which servers want */
        curl_off_t n = t->body.source == SL_HTTP_STREAM ? -1 : t->body.source == SL_HTTP_NO_BODY ? 0 : t->body.n;
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)TRANSFER_BUFFER_BYTES);
        SET(CURLOPT_INFILESIZE_LARGE, n);
        SET(CURLOPT_READFUNCTION, give_body);
        SET(CURLOPT_READDATA, job);
        SET(CURLOPT_SEEKFUNCTION, never_rewind);
    } else if (!strcmp(t->method, "HEAD")) {
        SET(CURLOPT_NOBODY, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, t->method);
    return !bad;
}

int sl_http__job_prepare(struct sl_http__job *job, struct sl_error *err)
{
    int rc = check_url(job->transfer, err);
    if (rc == 0)
        rc = add_headers(job, err);
    if (rc < 0)
        return rc;
    if (!set_connection(job) || !set_request(job))
        return sl_fail(err, SL_E_INTERNAL, "libcurl refuses an option of a transfer");
    job->began_ns = job->heard_ns = sl_clock_mono_ns();
    return 0;
}

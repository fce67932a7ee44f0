/* SPDX-License-Identifier: Apache-2.0 */
#include "support/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256, MAX_REQUESTS = 4096 };

struct connection {
    struct test_httpd *server;
    int fd, number;
    SSL *tls;
    pthread_t thread;
    char *buf; /* bytes received and not used yet */
    size_t len, capacity;
};

struct test_httpd {
    const struct test_httpd_reply *script;
    size_t n_script;
    int listener, wake[2], port;
    char url[64];
    SSL_CTX *tls;
    pthread_t acceptor;
    pthread_mutex_t lock;
    size_t next, n_requests;
    struct test_httpd_request *requests[MAX_REQUESTS];
    struct connection *connections[MAX_CONNECTIONS];
    int n_connections;
    char mismatch[512];
};

static void mismatch(struct test_httpd *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void mismatch(struct test_httpd *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    pthread_mutex_lock(&s->lock);
    if (!s->mismatch[0])
        vsnprintf(s->mismatch, sizeof s->mismatch, fmt, ap);
    pthread_mutex_unlock(&s->lock);
    va_end(ap);
}

/* False when the server is to stop. */
static bool wait_for(struct connection *c, short events)
{
    struct pollfd p[2] = {{.fd = c->fd, .events = events}, {.fd = c->server->wake[0], .events = POLLIN}};
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    return p[1].revents == 0;
}

static bool receive(struct connection *c)
{
    if (c->capacity - c->len < 65536) {
        c->capacity = (c->capacity + 65536) * 2;
        c->buf = realloc(c->buf, c->capacity);
        if (!c->buf)
            abort();
    }
    if (!(c->tls && SSL_pending(c->tls) > 0) && !wait_for(c, POLLIN))
        return false;
    ssize_t n = c->tls ? SSL_read(c->tls, c->buf + c->len, 65536) : recv(c->fd, c->buf + c->len, 65536, 0);
    if (n <= 0)
        return false;
    c->len += (size_t)n;
    return true;
}

static bool transmit(struct connection *c, const char *data, size_t n, size_t piece)
{
    while (n > 0) {
        size_t want = piece > 0 && piece < n ? piece : n;
        if (!wait_for(c, POLLOUT))
            return false;
        ssize_t sent = c->tls ? SSL_write(c->tls, data, (int)(want > 65536 ? 65536 : want))
                              : send(c->fd, data, want, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && !c->tls && errno == EAGAIN)
            continue;
        if (sent <= 0)
            return false;
        data += sent;
        n -= (size_t)sent;
        if (piece > 0)
            sched_yield();
    }
    return true;
}

static void consume(struct connection *c, size_t n)
{
    memmove(c->buf, c->buf + n, c->len - n);
    c->len -= n;
}

const char *test_httpd_header(const struct test_httpd_request *r, const char *name, char *out)
{
    size_t name_bytes = strlen(name);
    for (const char *line = r->headers; *line; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, name, name_bytes) && line[name_bytes] == ':') {
            const char *value = line + name_bytes + 1;
            value += strspn(value, " ");
            snprintf(out, 1024, "%.*s", (int)strcspn(value, "\r"), value);
            return out;
        }
    return NULL;
}

static void keep_body(struct test_httpd_request *r, const char *data, size_t n)
{
    r->body = realloc(r->body, (size_t)r->n + n + 1);
    if (!r->body)
        abort();
    memcpy(r->body + r->n, data, n);
    r->n += (int64_t)n;
    r->body[r->n] = '\0';
}

static bool read_chunks(struct connection *c, struct test_httpd_request *r)
{
    for (;;) {
        char *line;
        while (!(line = memmem(c->buf, c->len, "\r\n", 2)))
            if (!receive(c))
                return false;
        size_t size = strtoul(c->buf, NULL, 16), head = (size_t)(line - c->buf) + 2;
        while (c->len < head + size + 2)
            if (!receive(c))
                return false;
        keep_body(r, c->buf + head, size);
        consume(c, head + size + 2);
        if (size == 0)
            return true;
    }
}

static bool read_request_body(struct connection *c, struct test_httpd_request *r, const struct test_httpd_reply *reply)
{
    char value[1024];
    if (!reply || reply->read_body == 0)
        if (test_httpd_header(r, "Transfer-Encoding", value))
            return read_chunks(c, r);
    int64_t n = test_httpd_header(r, "Content-Length", value) ? strtoll(value, NULL, 10) : 0;
    if (reply && reply->read_body < 0)
        n = 0;
    else if (reply && reply->read_body > 0 && reply->read_body < n)
        n = reply->read_body;
    while (r->n < n) {
        if (c->len == 0 && !receive(c))
            return false;
        size_t take = (int64_t)c->len < n - r->n ? c->len : (size_t)(n - r->n);
        keep_body(r, c->buf, take);
        consume(c, take);
    }
    return true;
}

/* The bytes of the answer; free() them. */
static char *compose(const struct test_httpd_reply *p, size_t *n)
{
    if (p->raw) {
        *n = strlen(p->raw);
        return strdup(p->raw);
    }
    size_t body_bytes = (size_t)p->n;
    char *out = malloc(1024 + (p->headers ? strlen(p->headers) : 0) + body_bytes + body_bytes / 1000 * 16 + 64);
    if (!out)
        abort();
    int len = sprintf(out, "HTTP/1.1 %d Said\r\n%s", p->status, p->headers ? p->headers : "");
    if (p->chunked)
        len += sprintf(out + len, "Transfer-Encoding: chunked\r\n\r\n");
    else if (p->no_length)
        len += sprintf(out + len, "\r\n");
    else
        len += sprintf(out + len, "Content-Length: %zu\r\n\r\n", body_bytes);
    char *to = out + len;
    for (size_t at = 0; at < body_bytes && !p->head_only;) {
        size_t take = p->chunked && body_bytes - at > 1000 ? 1000 : body_bytes - at;
        if (p->chunked)
            to += sprintf(to, "%zx\r\n", take);
        for (size_t i = 0; i < take; i++, at++)
            *to++ = p->body ? ((const char *)p->body)[at] : (char)(at % 251);
        if (p->chunked)
            to += sprintf(to, "\r\n");
    }
    if (p->chunked)
        to += sprintf(to, "0\r\n\r\n");
    *n = (size_t)(to - out);
    return out;
}

/* True when the connection may carry another request. */
static bool answer(struct connection *c, const struct test_httpd_reply *p)
{
    size_t n = 0;
    bool whole = true;
    if (p->status || p->raw) {
        char *bytes = compose(p, &n);
        whole = transmit(c, bytes, p->cut > 0 && (size_t)p->cut < n ? (size_t)p->cut : n, p->piece);
        free(bytes);
    }
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    switch (p->end) {
    case TEST_HTTPD_KEEP:
        return whole;
    case TEST_HTTPD_CLOSE:
        break;
    case TEST_HTTPD_RESET:
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        break;
    case TEST_HTTPD_STALL:
        wait_for(c, 0);
        break;
    }
    return false;
}

/* Reads a head; NULL when the connection ends before. */
static struct test_httpd_request *read_head(struct connection *c)
{
    char *end;
    while (c->len == 0 || !(end = memmem(c->buf, c->len, "\r\n\r\n", 4)))
        if (!receive(c))
            return NULL;
    struct test_httpd_request *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    size_t head = (size_t)(end - c->buf) + 4;
    char *line_end = memmem(c->buf, head, "\r\n", 2);
    size_t headers = (size_t)(end - line_end);
    *line_end = '\0';
    if (sscanf(c->buf, "%15s %2047s HTTP/1.1", r->method, r->target) != 2 || headers >= sizeof r->headers)
        mismatch(c->server, "a request that is none: %.80s", c->buf);
    else
        memcpy(r->headers, line_end + 2, headers);
    r->connection = c->number;
    consume(c, head);
    return r;
}

static const struct test_httpd_reply *next_reply(struct test_httpd *s, const struct test_httpd_request *r)
{
    pthread_mutex_lock(&s->lock);
    const struct test_httpd_reply *p = s->next < s->n_script ? &s->script[s->next] : NULL;
    size_t i = s->next++;
    pthread_mutex_unlock(&s->lock);
    if (!p)
        mismatch(s, "request %zu is one too many: %s %s", i, r->method, r->target);
    else if ((p->method && strcmp(p->method, r->method)) || (p->target && strcmp(p->target, r->target)))
        mismatch(s, "request %zu is %s %s, expected %s %s", i, r->method, r->target, p->method ? p->method : "any",
                 p->target ? p->target : "any");
    return p;
}

static void *serve(void *data)
{
    struct connection *c = data;
    struct test_httpd *s = c->server;
    bool go_on = !c->tls || SSL_accept(c->tls) == 1;
    while (go_on) {
        struct test_httpd_request *r = read_head(c);
        if (!r)
            break;
        const struct test_httpd_reply *p = next_reply(s, r);
        bool whole = read_request_body(c, r, p);
        pthread_mutex_lock(&s->lock);
        bool kept = s->n_requests < MAX_REQUESTS;
        if (kept)
            s->requests[s->n_requests++] = r;
        pthread_mutex_unlock(&s->lock);
        go_on = whole && p && answer(c, p);
        if (!kept) {
            free(r->body);
            free(r);
        }
    }
    if (c->tls)
        SSL_shutdown(c->tls);
    SSL_free(c->tls);
    close(c->fd);
    free(c->buf);
    return NULL;
}

static void *accept_all(void *data)
{
    struct test_httpd *s = data;
    for (;;) {
        struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN}, {.fd = s->wake[0], .events = POLLIN}};
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents)
            return NULL;
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (s->n_connections == MAX_CONNECTIONS) {
            mismatch(s, "more than %d connections", MAX_CONNECTIONS);
            close(fd);
            continue;
        }
        struct connection *c = calloc(1, sizeof *c);
        if (!c)
            abort();
        c->server = s;
        c->fd = fd;
        if (s->tls) {
            c->tls = SSL_new(s->tls);
            SSL_set_fd(c->tls, fd);
        }
        pthread_mutex_lock(&s->lock);
        s->connections[s->n_connections++] = c;
        c->number = s->n_connections;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            abort();
    }
}

static struct test_httpd *start(const struct test_httpd_reply *script, size_t n_script, SSL_CTX *tls)
{
    struct test_httpd *s = calloc(1, sizeof *s);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t a_bytes = sizeof a;
    if (!s)
        abort();
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
    s->script = script;
    s->n_script = n_script;
    s->tls = tls;
    pthread_mutex_init(&s->lock, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || pipe(s->wake) || bind(s->listener, (struct sockaddr *)&a, a_bytes) ||
        getsockname(s->listener, (struct sockaddr *)&a, &a_bytes) || listen(s->listener, 64))
        abort();
    s->port = ntohs(a.sin_port);
    snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%d", tls ? "https" : "http", s->port);
    if (pthread_create(&s->acceptor, NULL, accept_all, s) != 0)
        abort();
    return s;
}

struct test_httpd *test_httpd_start(const struct test_httpd_reply *script, size_t n_script)
{
    return start(script, n_script, NULL);
}

struct test_httpd *test_httpd_start_tls(const struct test_httpd_reply *script, size_t n_script, const char *tls_cert,
                                        const char *tls_key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_file(tls, tls_cert, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, tls_key, SSL_FILETYPE_PEM) != 1)
        abort();
    return start(script, n_script, tls);
}

int test_httpd_port(const struct test_httpd *s)
{
    return s->port;
}

const char *test_httpd_url(const struct test_httpd *s)
{
    return s->url;
}

size_t test_httpd_requests(struct test_httpd *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n_requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

const struct test_httpd_request *test_httpd_request(struct test_httpd *s, size_t i)
{
    pthread_mutex_lock(&s->lock);
    const struct test_httpd_request *r = i < s->n_requests ? s->requests[i] : NULL;
    pthread_mutex_unlock(&s->lock);
    return r;
}

int test_httpd_connections(struct test_httpd *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n_connections;
    pthread_mutex_unlock(&s->lock);
    return n;
}

char *test_httpd_stop(struct test_httpd *s)
{
    close(s->wake[1]); /* every poll sees the hang-up */
    pthread_join(s->acceptor, NULL);
    for (int i = 0; i < s->n_connections; i++) {
        pthread_join(s->connections[i]->thread, NULL);
        free(s->connections[i]);
    }
    if (!s->mismatch[0] && s->next < s->n_script)
        snprintf(s->mismatch, sizeof s->mismatch, "%zu of %zu requests came", s->next, s->n_script);
    for (size_t i = 0; i < s->n_requests; i++) {
        free(s->requests[i]->body);
        free(s->requests[i]);
    }
    char *what = s->mismatch[0] ? strdup(s->mismatch) : NULL;
    close(s->listener);
    close(s->wake[0]);
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return what;
}

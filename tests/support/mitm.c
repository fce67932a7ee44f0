/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mitm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_PAIRS = 1024, BLOCK = 65536 };

/* One end of a connection, with what was read and not used yet. */
struct side {
    int fd;
    char *buf;
    size_t len, capacity;
};

struct pair {
    struct test_mitm *mitm;
    struct side client, server;
    pthread_t thread;
};

struct test_mitm {
    int listener, wake[2], upstream_port;
    char url[64];
    pthread_t acceptor;
    pthread_mutex_t lock;
    struct test_mitm_rule rule;
    int seen, spoiled;
    struct pair *pairs[MAX_PAIRS];
    int n_pairs;
};

/* False at the end of the stream, and when all is to stop. */
static bool fill(struct pair *p, struct side *s)
{
    if (s->capacity - s->len < BLOCK) {
        s->capacity = (s->capacity + BLOCK) * 2;
        s->buf = realloc(s->buf, s->capacity);
        if (!s->buf)
            abort();
    }
    struct pollfd f[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = p->mitm->wake[0], .events = POLLIN}};
    while (poll(f, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    ssize_t n = f[1].revents ? 0 : recv(s->fd, s->buf + s->len, BLOCK, 0);
    if (n <= 0)
        return false;
    s->len += (size_t)n;
    return true;
}

static bool give(struct pair *p, int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        struct pollfd f[2] = {{.fd = fd, .events = POLLOUT}, {.fd = p->mitm->wake[0], .events = POLLIN}};
        if (poll(f, 2, -1) < 0 && errno != EINTR)
            return false;
        if (f[1].revents)
            return false;
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Bytes of the head, its blank line included; 0 when the stream ends before. */
static size_t read_head(struct pair *p, struct side *s)
{
    for (;;) {
        char *end = s->len ? memmem(s->buf, s->len, "\r\n\r\n", 4) : NULL;
        if (end)
            return (size_t)(end - s->buf) + 4;
        if (!fill(p, s))
            return 0;
    }
}

static bool has_header(const char *head, size_t n, const char *name, char *value, size_t value_bytes)
{
    size_t name_bytes = strlen(name);
    for (const char *line = head; line < head + n - 2; line = (const char *)memmem(line, (size_t)(head + n - line), "\r\n", 2) + 2)
        if (!strncasecmp(line, name, name_bytes) && line[name_bytes] == ':') {
            const char *v = line + name_bytes + 1;
            v += strspn(v, " ");
            snprintf(value, value_bytes, "%.*s", (int)strcspn(v, "\r"), v);
            return true;
        }
    return false;
}

static bool need(struct pair *p, struct side *s, size_t n)
{
    while (s->len < n)
        if (!fill(p, s))
            return false;
    return true;
}

/* Bytes of the whole message whose head has so many; 0 when it breaks off. */
static size_t read_message(struct pair *p, struct side *s, size_t head)
{
    char value[64];
    if (has_header(s->buf, head, "Content-Length", value, sizeof value)) {
        size_t all = head + strtoul(value, NULL, 10);
        return need(p, s, all) ? all : 0;
    }
    if (!has_header(s->buf, head, "Transfer-Encoding", value, sizeof value))
        return head;
    for (size_t at = head;;) {
        char *end;
        while (!(end = s->len > at ? memmem(s->buf + at, s->len - at, "\r\n", 2) : NULL))
            if (!fill(p, s))
                return 0;
        size_t size = strtoul(s->buf + at, NULL, 16);
        at = (size_t)(end - s->buf) + 2 + size + 2;
        if (!need(p, s, at))
            return 0;
        if (size == 0)
            return at;
    }
}

static void use(struct side *s, size_t n)
{
    memmove(s->buf, s->buf + n, s->len - n);
    s->len -= n;
}

static struct test_mitm_rule decide(struct test_mitm *m, const char *method, const char *target)
{
    pthread_mutex_lock(&m->lock);
    struct test_mitm_rule r = m->rule;
    bool fits = (!r.method || !strcmp(r.method, method)) && (!r.target || strstr(target, r.target));
    if (fits)
        m->seen++;
    if (!fits || m->seen <= r.skip || m->seen > r.skip + r.times)
        r = (struct test_mitm_rule){.act = TEST_MITM_PASS};
    else
        m->spoiled++;
    pthread_mutex_unlock(&m->lock);
    return r;
}

static bool reach_server(struct pair *p)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)p->mitm->upstream_port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (p->server.fd >= 0)
        return true;
    p->server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(p->server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connect(p->server.fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static void end_by_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* What happens before the server is asked. False: the connection ends. */
static bool before(struct pair *p, const struct test_mitm_rule *r, size_t head, bool *answered)
{
    struct side *c = &p->client;
    size_t n;
    *answered = false;
    switch (r->act) {
    case TEST_MITM_CLOSE:
        return false;
    case TEST_MITM_CUT_REQUEST:
        n = head + (size_t)r->after;
        if (need(p, c, n) && reach_server(p))
            give(p, p->server.fd, c->buf, n);
        end_by_reset(p->client.fd);
        end_by_reset(p->server.fd);
        return false;
    case TEST_MITM_SAY:
        n = read_message(p, c, head);
        if (n == 0 || !give(p, c->fd, r->say, strlen(r->say)))
            return false;
        use(c, n);
        *answered = true;
        return true;
    default:
        return true;
    }
}

/* One request and its answer. False: the connection ends. */
static bool exchange(struct pair *p)
{
    struct side *c = &p->client, *s = &p->server;
    char method[16], target[4096];
    bool answered;
    size_t head = read_head(p, c);
    if (head == 0 || sscanf(c->buf, "%15s %4095s", method, target) != 2)
        return false;
    const struct test_mitm_rule r = decide(p->mitm, method, target);
    if (r.reset)
        end_by_reset(c->fd);
    if (!before(p, &r, head, &answered))
        return false;
    if (answered)
        return true;
    size_t n = read_message(p, c, head);
    if (n == 0 || !reach_server(p) || !give(p, s->fd, c->buf, n))
        return false;
    use(c, n);
    head = read_head(p, s);
    while (head > 0 && !strncmp(s->buf, "HTTP/1.1 1", 10)) {
        use(s, head);
        head = read_head(p, s);
    }
    if (head == 0)
        return false;
    n = strcmp(method, "HEAD") ? read_message(p, s, head) : head;
    if (n == 0 || r.act == TEST_MITM_LOSE_ANSWER)
        return false;
    if (r.act == TEST_MITM_STALL)
        return fill(p, c) && false;
    if (r.act == TEST_MITM_CUT_ANSWER)
        return give(p, c->fd, s->buf, head + (size_t)r.after < n ? head + (size_t)r.after : n - 1) && false;
    if (!give(p, c->fd, s->buf, n))
        return false;
    use(s, n);
    return true;
}

static void *serve(void *data)
{
    struct pair *p = data;
    while (exchange(p))
        continue;
    close(p->client.fd);
    if (p->server.fd >= 0)
        close(p->server.fd);
    free(p->client.buf);
    free(p->server.buf);
    return NULL;
}

static void *accept_all(void *data)
{
    struct test_mitm *m = data;
    for (;;) {
        struct pollfd f[2] = {{.fd = m->listener, .events = POLLIN}, {.fd = m->wake[0], .events = POLLIN}};
        if (poll(f, 2, -1) < 0)
            continue;
        if (f[1].revents)
            return NULL;
        int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
        if (fd < 0)
            continue;
        if (m->n_pairs == MAX_PAIRS)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct pair *p = calloc(1, sizeof *p);
        if (!p)
            abort();
        p->mitm = m;
        p->client.fd = fd;
        p->server.fd = -1;
        m->pairs[m->n_pairs++] = p;
        if (pthread_create(&p->thread, NULL, serve, p) != 0)
            abort();
    }
}

struct test_mitm *test_mitm_start(const char *upstream)
{
    struct test_mitm *m = calloc(1, sizeof *m);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    if (!m)
        abort();
    pthread_mutex_init(&m->lock, NULL);
    m->upstream_port = atoi(strrchr(upstream, ':') + 1);
    m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (m->listener < 0 || pipe(m->wake) || bind(m->listener, (struct sockaddr *)&a, n) ||
        getsockname(m->listener, (struct sockaddr *)&a, &n) || listen(m->listener, 64))
        abort();
    snprintf(m->url, sizeof m->url, "http://127.0.0.1:%d", ntohs(a.sin_port));
    if (pthread_create(&m->acceptor, NULL, accept_all, m) != 0)
        abort();
    return m;
}

const char *test_mitm_url(const struct test_mitm *m)
{
    return m->url;
}

void test_mitm_set(struct test_mitm *m, const struct test_mitm_rule *rule)
{
    pthread_mutex_lock(&m->lock);
    m->rule = *rule;
    m->seen = m->spoiled = 0;
    pthread_mutex_unlock(&m->lock);
}

int test_mitm_spoiled(struct test_mitm *m)
{
    pthread_mutex_lock(&m->lock);
    int n = m->spoiled;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void test_mitm_stop(struct test_mitm *m)
{
    close(m->wake[1]); /* every poll sees the hang-up */
    pthread_join(m->acceptor, NULL);
    for (int i = 0; i < m->n_pairs; i++) {
        pthread_join(m->pairs[i]->thread, NULL);
        free(m->pairs[i]);
    }
    close(m->listener);
    close(m->wake[0]);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

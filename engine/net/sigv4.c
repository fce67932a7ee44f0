/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/sha256.h"

enum {
    MAX_SIGNED = SL_SIGV4_MAX_HEADERS + 3, /* with host, x-amz-date and x-amz-security-token */
    MAX_QUERY = 32,
    MAX_CANONICAL_BYTES = 128 * 1024,
    MAX_PATH_BYTES = 64 * 1024,
    MAX_SCOPE_BYTES = 256,
    EXPIRES_MOST = 604800
};

#define ALGORITHM "AWS4-HMAC-SHA256"

struct pair {
    const char *name, *value;
};

/* What is signed, put together once for a header and for a query. */
struct draft {
    const struct sl_sigv4_request *request;
    char date[SL_SIGV4_DATE_BYTES];
    struct sl_arena *arena;
    struct pair headers[MAX_SIGNED];
    size_t n_headers;
    struct pair query[MAX_QUERY]; /* encoded */
    size_t n_query;
    struct sl_buf path, query_text, names, scope, canonical, to_sign;
};

void sl_sigv4_encode(struct sl_buf *buf, const char *s, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        bool plain = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
                     strchr("-._~", *p) || (*p == '/' && keep_slash);
        if (plain) {
            sl_buf_putc(buf, (char)*p);
        } else {
            const char escape[] = {'%', hex[*p >> 4], hex[*p & 15]};
            sl_buf_add(buf, escape, sizeof escape);
        }
    }
}

static void format_date(char out[SL_SIGV4_DATE_BYTES], int64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / SL_NS_PER_S);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    strftime(out, SL_SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &tm);
}

static char *lower(struct sl_arena *arena, const char *s)
{
    char *copy = sl_arena_strdup(arena, s);
    for (char *p = copy; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + ('a' - 'A'));
    return copy;
}

/* Without spaces around it, each run of spaces within it one. */
static char *squeezed(struct sl_arena *arena, const char *s)
{
    char *copy = sl_arena_strdup(arena, s), *to = copy;
    for (const char *p = s; *p; p++) {
        bool space = *p == ' ' || *p == '\t';
        if (!space)
            *to++ = *p;
        else if (to > copy && to[-1] != ' ')
            *to++ = ' ';
    }
    if (to > copy && to[-1] == ' ')
        to--;
    *to = '\0';
    return copy;
}

static int compare_names(const struct pair *a, const struct pair *b)
{
    return strcmp(a->name, b->name);
}

static int compare_pairs(const struct pair *a, const struct pair *b)
{
    int order = strcmp(a->name, b->name);
    return order ? order : strcmp(a->value, b->value);
}

/* Stable, since the values of a header that is given several times keep their order; the lists are short. */
static void sort(struct pair *pairs, size_t n, int (*compare)(const struct pair *a, const struct pair *b))
{
    for (size_t i = 1; i < n; i++) {
        struct pair moved = pairs[i];
        size_t k = i;
        for (; k > 0 && compare(&pairs[k - 1], &moved) > 0; k--)
            pairs[k] = pairs[k - 1];
        pairs[k] = moved;
    }
}

static bool has_header(const struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->n_headers; i++)
        if (!strcmp(d->headers[i].name, name))
            return true;
    return false;
}

static void add_header(struct draft *d, const char *name, const char *value)
{
    d->headers[d->n_headers++] = (struct pair){lower(d->arena, name), squeezed(d->arena, value)};
}

static int take_headers(struct draft *d, bool presigned, struct sl_error *err)
{
    const struct sl_sigv4_request *r = d->request;
    if (r->n_headers > SL_SIGV4_MAX_HEADERS)
        return sl_fail(err, SL_E_LIMIT, "a request with %zu headers cannot be signed: at most %d", r->n_headers,
                       SL_SIGV4_MAX_HEADERS);
    for (size_t i = 0; i < r->n_headers; i++)
        add_header(d, r->headers[i].name, r->headers[i].value);
    if (!has_header(d, "host"))
        add_header(d, "host", r->host);
    if (!presigned) {
        if (!has_header(d, "x-amz-date"))
            add_header(d, "x-amz-date", d->date);
        if (r->credentials && r->credentials->session_token && !has_header(d, "x-amz-security-token"))
            add_header(d, "x-amz-security-token", r->credentials->session_token);
    }
    sort(d->headers, d->n_headers, compare_names);
    for (size_t i = 0; i < d->n_headers; i++) {
        if (i && !strcmp(d->headers[i].name, d->headers[i - 1].name))
            continue;
        sl_buf_printf(&d->names, "%s%s", i ? ";" : "", d->headers[i].name);
    }
    return 0;
}

static int add_query(struct draft *d, const char *name, const char *value, struct sl_error *err)
{
    struct sl_buf n, v;
    if (d->n_query == MAX_QUERY)
        return sl_fail(err, SL_E_LIMIT, "a request with more than %d query parameters cannot be signed", MAX_QUERY);
    sl_buf_init(&n, MAX_PATH_BYTES);
    sl_buf_init(&v, MAX_PATH_BYTES);
    sl_sigv4_encode(&n, name, false);
    sl_sigv4_encode(&v, value, false);
    int rc = sl_buf_check(&n, "the query", err);
    if (rc == 0)
        rc = sl_buf_check(&v, "the query", err);
    if (rc == 0)
        d->query[d->n_query++] = (struct pair){sl_arena_strdup(d->arena, n.data), sl_arena_strdup(d->arena, v.data)};
    sl_buf_free(&n);
    sl_buf_free(&v);
    return rc;
}

static void finish_query(struct draft *d)
{
    sort(d->query, d->n_query, compare_pairs);
    for (size_t i = 0; i < d->n_query; i++)
        sl_buf_printf(&d->query_text, "%s%s=%s", i ? "&" : "", d->query[i].name, d->query[i].value);
}

/* RFC 3986, 5.2.4, and one slash for several. */
static char *normalized(struct sl_arena *arena, const char *path)
{
    char *out = sl_arena_alloc(arena, strlen(path) + 2), *to = out;
    for (const char *p = path; *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 2 && !memcmp(p, "..", 2)) {
            while (to > out && *--to != '/')
                ;
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            *to++ = '/';
            memcpy(to, p, n);
            to += n;
        }
        p += n;
    }
    bool folder = *path && path[strlen(path) - 1] == '/';
    if (to == out || folder)
        *to++ = '/';
    *to = '\0';
    return out;
}

static void write_canonical(struct draft *d)
{
    const struct sl_sigv4_request *r = d->request;
    struct sl_buf *c = &d->canonical;
    sl_buf_printf(c, "%s\n%s\n%s\n", r->method, d->path.data, d->query_text.data);
    for (size_t i = 0; i < d->n_headers; i++) {
        bool again = i && !strcmp(d->headers[i].name, d->headers[i - 1].name);
        sl_buf_printf(c, "%s%s%s%s", i && !again ? "\n" : "", again ? "" : d->headers[i].name, again ? "," : ":",
                      d->headers[i].value);
    }
    sl_buf_printf(c, "\n\n%s\n%s", d->names.data, r->payload_hash);
}

static void write_to_sign(struct draft *d)
{
    char hex[SL_SHA256_HEX_BYTES];
    sl_sha256_of(d->canonical.data, d->canonical.len, hex);
    sl_buf_printf(&d->to_sign, ALGORITHM "\n%s\n%s\n%s", d->date, d->scope.data, hex);
}

static void open_draft(struct draft *d, const struct sl_sigv4_request *request)
{
    *d = (struct draft){.request = request, .arena = sl_arena_new()};
    struct sl_buf *const buffers[] = {&d->path, &d->query_text, &d->names, &d->canonical, &d->to_sign};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sl_buf_init(buffers[i], MAX_CANONICAL_BYTES);
    sl_buf_init(&d->scope, MAX_SCOPE_BYTES);
    format_date(d->date, request->wall_ns);
    sl_buf_printf(&d->scope, "%.8s/%s/%s/aws4_request", d->date, request->region, request->service);
}

static void close_draft(struct draft *d)
{
    struct sl_buf *const buffers[] = {&d->path, &d->query_text, &d->names, &d->canonical, &d->to_sign, &d->scope};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        sl_buf_free(buffers[i]);
    sl_arena_free(d->arena);
}

/* expires_s 0: in a header. */
static int make_draft(struct draft *d, int64_t expires_s, struct sl_error *err)
{
    const struct sl_sigv4_request *r = d->request;
    int rc = take_headers(d, expires_s > 0, err);
    for (size_t i = 0; rc == 0 && i < r->n_query; i++)
        rc = add_query(d, r->query[i].name, r->query[i].value, err);
    if (rc == 0 && expires_s) {
        const struct sl_aws_credentials *c = r->credentials;
        const char *credential = sl_arena_printf(d->arena, "%s/%s", c->access_key, d->scope.data);
        const struct pair own[] = {{"X-Amz-Algorithm", ALGORITHM},
                                   {"X-Amz-Credential", credential},
                                   {"X-Amz-Date", d->date},
                                   {"X-Amz-Expires", sl_arena_printf(d->arena, "%lld", (long long)expires_s)},
                                   {"X-Amz-SignedHeaders", d->names.data},
                                   {"X-Amz-Security-Token", c->session_token}};
        for (size_t i = 0; rc == 0 && i < sizeof own / sizeof *own; i++)
            if (own[i].value)
                rc = add_query(d, own[i].name, own[i].value, err);
    }
    if (rc)
        return rc;
    finish_query(d);
    sl_sigv4_encode(&d->path, r->normalize_path ? normalized(d->arena, r->path) : r->path, true);
    write_canonical(d);
    write_to_sign(d);
    const struct sl_buf *const all[] = {&d->path, &d->query_text, &d->names, &d->canonical, &d->to_sign, &d->scope};
    for (size_t i = 0; rc == 0 && i < sizeof all / sizeof *all; i++)
        rc = sl_buf_check(all[i], "the request to sign", err);
    return rc;
}

static void hmac(const void *key, size_t key_bytes, const char *text, unsigned char out[SL_SHA256_BYTES])
{
    unsigned n = 0;
    /* One-shot HMAC fails only when OpenSSL cannot allocate. */
    if (!HMAC(EVP_sha256(), key, (int)key_bytes, (const unsigned char *)text, strlen(text), out, &n) ||
        n != SL_SHA256_BYTES)
        sl_oom();
}

static void signature(const struct draft *d, char hex[SL_SHA256_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char key[SL_SHA256_BYTES], next[SL_SHA256_BYTES];
    char *first = sl_arena_printf(d->arena, "AWS4%s", d->request->credentials->secret_key);
    char day[9];
    memcpy(day, d->date, 8);
    day[8] = '\0';
    const char *const steps[] = {day, d->request->region, d->request->service, "aws4_request", d->to_sign.data};
    hmac(first, strlen(first), steps[0], key);
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++) {
        hmac(key, sizeof key, steps[i], next);
        memcpy(key, next, sizeof key);
    }
    OPENSSL_cleanse(first, strlen(first));
    for (size_t i = 0; i < sizeof key; i++) {
        hex[2 * i] = digits[key[i] >> 4];
        hex[2 * i + 1] = digits[key[i] & 15];
    }
    hex[SL_SHA256_HEX_BYTES - 1] = '\0';
}

int sl_sigv4_sign(const struct sl_sigv4_request *request, struct sl_sigv4_signed *out, struct sl_error *err)
{
    struct draft d;
    open_draft(&d, request);
    int rc = make_draft(&d, 0, err);
    if (rc == 0) {
        *out = (struct sl_sigv4_signed){0};
        sl_buf_init(&out->authorization, MAX_CANONICAL_BYTES);
        sl_buf_init(&out->path, 2 * MAX_CANONICAL_BYTES);
        memcpy(out->date, d.date, sizeof out->date);
        sl_buf_printf(&out->path, "%s%s%s", d.path.data, d.query_text.len ? "?" : "", d.query_text.data);
        if (request->credentials) {
            char hex[SL_SHA256_HEX_BYTES];
            signature(&d, hex);
            sl_buf_printf(&out->authorization, ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                          request->credentials->access_key, d.scope.data, d.names.data, hex);
        }
    }
    close_draft(&d);
    return rc;
}

int sl_sigv4_presign(const struct sl_sigv4_request *request, int64_t expires_s, struct sl_buf *path_and_query,
                     struct sl_error *err)
{
    struct draft d;
    if (!request->credentials)
        return sl_fail(err, SL_E_CONFIG_VALUE, "there is no access key to sign a URL with");
    if (expires_s < 1 || expires_s > EXPIRES_MOST)
        return sl_fail(err, SL_E_STORE_RANGE, "a URL cannot be valid for %lld s: 1 to %d", (long long)expires_s,
                       EXPIRES_MOST);
    open_draft(&d, request);
    int rc = make_draft(&d, expires_s, err);
    if (rc == 0) {
        char hex[SL_SHA256_HEX_BYTES];
        signature(&d, hex);
        sl_buf_printf(path_and_query, "%s?%s&X-Amz-Signature=%s", d.path.data, d.query_text.data, hex);
        rc = sl_buf_check(path_and_query, "the URL", err);
    }
    close_draft(&d);
    return rc;
}

int sl_sigv4_canonical(const struct sl_sigv4_request *request, struct sl_buf *canonical, struct sl_buf *to_sign,
                       struct sl_error *err)
{
    struct draft d;
    open_draft(&d, request);
    int rc = make_draft(&d, 0, err);
    if (rc == 0) {
        sl_buf_add(canonical, d.canonical.data, d.canonical.len);
        sl_buf_add(to_sign, d.to_sign.data, d.to_sign.len);
        rc = sl_buf_check(canonical, "the canonical request", err);
    }
    if (rc == 0)
        rc = sl_buf_check(to_sign, "the text to sign", err);
    close_draft(&d);
    return rc;
}

void sl_sigv4_signed_free(struct sl_sigv4_signed *signed_)
{
    sl_buf_free(&signed_->authorization);
    sl_buf_free(&signed_->path);
}

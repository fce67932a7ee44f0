/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd.h - a scripted HTTP server on 127.0.0.1 for unit tests: told what to expect and what to reply.
 *
 * The n-th request that arrives, on whatever connection, gets the n-th reply of the script. A reply may be cut anywhere and
 * end in a close, a reset or a stall. Each connection has a thread of its own, so that several transfers may run at a time.
 * What does not fit the script is a mismatch that test_httpd_stop returns; it does not fail the test from a thread.
 */
#ifndef SLUICE_TESTS_SUPPORT_HTTPD_H
#define SLUICE_TESTS_SUPPORT_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum test_httpd_end {
    TEST_HTTPD_KEEP,  /* the connection stays open */
    TEST_HTTPD_CLOSE, /* closed in order */
    TEST_HTTPD_RESET, /* SO_LINGER 0: the peer gets ECONNRESET */
    TEST_HTTPD_STALL  /* nothing more, but open until the server stops */
};

struct test_httpd_reply {
    const char *method, *target; /* expected; NULL: any. target is path and query as sent */
    int status;                  /* 0: no answer at all, only the end */
    const char *headers;         /* more lines, each ending in CRLF; may be NULL */
    const void *body;            /* NULL: a body of n bytes that count 0, 1, 2, … 250, 0, … */
    int64_t n;
    bool chunked, no_length;     /* how the body is framed; else Content-Length */
    bool head_only;              /* Content-Length is said, no body sent: for HEAD */
    const char *raw;             /* all of the answer, instead of what is above */
    int64_t cut;                 /* only so many bytes of all that are sent; 0: all */
    enum test_httpd_end end;
    size_t piece;                /* sent in writes of so many bytes; 0: as large as it goes */
    int64_t read_body;           /* of the request's body before the answer; 0: all, -1: none */
};

struct test_httpd_request {
    char method[16], target[2048];
    char headers[8192]; /* as sent, with the CRLFs */
    char *body;
    int64_t n;
    int connection; /* 1, 2, … in the order of accept */
};

struct test_httpd;

/* script must outlive the server. With tls_cert and tls_key (PEM files) it speaks TLS. */
struct test_httpd *test_httpd_start(const struct test_httpd_reply *script, size_t n_script);
struct test_httpd *test_httpd_start_tls(const struct test_httpd_reply *script, size_t n_script, const char *tls_cert,
                                        const char *tls_key);
int test_httpd_port(const struct test_httpd *s);
/* "http://127.0.0.1:PORT" or "https://…"; lives as long as the server. */
const char *test_httpd_url(const struct test_httpd *s);
/* What has arrived whole so far; index from 0. Call when no request is under way. */
size_t test_httpd_requests(struct test_httpd *s);
const struct test_httpd_request *test_httpd_request(struct test_httpd *s, size_t i);
/* The value of a request's header (any case), or NULL; into out of 1024 bytes. */
const char *test_httpd_header(const struct test_httpd_request *r, const char *name, char *out);
int test_httpd_connections(struct test_httpd *s);
/* Returns NULL when all went as the script says, else what did not; free() it. Frees the server. */
char *test_httpd_stop(struct test_httpd *s);

/* An authority made for this test and a certificate of it for 127.0.0.1 and localhost: PEM files in the folder, which must
 * exist: ca.pem, cert.pem, key.pem, and other.pem, an authority that signed nothing. */
void test_httpd_certificates(const char *folder);

#endif

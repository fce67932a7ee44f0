/* SPDX-License-Identifier: Apache-2.0 */
/* http_support.h - what the tests of net/http share: a client, one request, the end of a script. */
#ifndef SLUICE_TESTS_NET_HTTP_SUPPORT_H
#define SLUICE_TESTS_NET_HTTP_SUPPORT_H

#include "support/cm.h"

#include "net/http.h"
#include "support/httpd.h"

#define SCRIPT(...)                                                                                                   \
    (const struct test_httpd_reply[]){__VA_ARGS__},                                                                   \
        sizeof((const struct test_httpd_reply[]){__VA_ARGS__}) / sizeof(struct test_httpd_reply)

static inline struct sl_http *client(void)
{
    const struct sl_http_options options = {.connect_ms = 5000, .silence_ms = 20000};
    struct sl_http *http = NULL;
    struct sl_error err = {0};
    assert_ok(sl_http_new(&options, &http, &err));
    return http;
}

/* The script was played to its end. */
static inline void finish(struct test_httpd *s)
{
    char *what = test_httpd_stop(s);
    if (what)
        fail_msg("%s", what);
}

/* url is static: until the next call. */
static inline const char *at(struct test_httpd *s, const char *target)
{
    static char url[4096];
    snprintf(url, sizeof url, "%s%s", test_httpd_url(s), target);
    return url;
}

static inline void assert_counts(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)bytes[i] != i % 251)
            fail_msg("byte %zu is %d", i, bytes[i]);
}

#endif

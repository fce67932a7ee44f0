/* SPDX-License-Identifier: Apache-2.0 */
/* Where ClickHouse is, by the settings: a URL, or host and port. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "grid/clickhouse.h"

static int wrong(struct sl_error *err, const char *why)
{
    int rc = sl_fail(err, SL_E_CONFIG_VALUE, "clickhouse.url %s", why);
    sl_error_hint(err, "it looks like https://host:8443 or http://host:8123");
    return rc;
}

/* "%41" is "A". NULL for what is no such text. */
static char *decoded(struct sl_arena *arena, const char *text, size_t n)
{
    char *out = sl_arena_strndup(arena, text, n), *to = out;
    for (const char *from = out; *from; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        if (!isxdigit((unsigned char)from[1]) || !isxdigit((unsigned char)from[2]))
            return NULL;
        const char hex[] = {from[1], from[2], '\0'};
        *to++ = (char)strtol(hex, NULL, 16);
        from += 2;
    }
    *to = '\0';
    return out;
}

static bool loopback(const char *host, size_t n)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && !strncmp(host, names[i], n))
            return true;
    return false;
}

int sl_clickhouse_target_url(const char *url, struct sl_arena *arena, struct sl_clickhouse_target *out,
                             struct sl_error *err)
{
    size_t scheme = !strncmp(url, "https://", 8) ? 8 : !strncmp(url, "http://", 7) ? 7 : 0;
    if (!scheme)
        return wrong(err, "has neither http:// nor https://");
    const char *authority = url + scheme, *end = authority + strcspn(authority, "/?#");
    if (strcspn(end, "?#") != strlen(end))
        return wrong(err, "has a query; user, password and database have settings of their own");
    const char *host = authority;
    for (const char *p = authority; p < end; p++)
        host = *p == '@' ? p + 1 : host;
    if (host > authority) {
        size_t n = (size_t)(host - 1 - authority);
        const char *colon = memchr(authority, ':', n);
        size_t user = colon ? (size_t)(colon - authority) : n;
        out->user = decoded(arena, authority, user);
        if (colon)
            out->password = decoded(arena, colon + 1, n - user - 1);
        if (!out->user || !out->password)
            return wrong(err, "has a \"%\" that is not followed by two hexadecimal digits");
    }
    if (host == end || *host == ':')
        return wrong(err, "names no host");
    size_t path = strlen(end);
    while (path && end[path - 1] == '/')
        path--;
    out->url = sl_arena_printf(arena, "%.*s%.*s%.*s", (int)scheme, url, (int)(end - host), host, (int)path, end);
    out->name = sl_arena_printf(arena, "clickhouse at %.*s", (int)(end - host), host);
    const char *port = *host == '[' ? strchr(host, ']') : host;
    size_t bare = port ? (size_t)(port - host) + strcspn(port + (*host == '['), ":/?#") + (*host == '[') : 0;
    out->compress = !loopback(host, bare);
    return 0;
}

int sl_clickhouse_target(const struct sl_config *c, struct sl_arena *arena, struct sl_clickhouse_target *out,
                         bool *configured, struct sl_error *err)
{
    struct sl_clickhouse_target t = {.user = c->clickhouse_user,
                                     .password = c->clickhouse_password,
                                     .database = c->clickhouse_database,
                                     .ca_file = c->clickhouse_ca_file[0] ? c->clickhouse_ca_file : NULL,
                                     .timeout_ms = c->clickhouse_timeout_ms,
                                     .retries = (int)c->clickhouse_retries};
    if (!c->clickhouse_url[0] && !c->clickhouse_host[0]) {
        *configured = false;
        return 0;
    }
    bool ipv6 = strchr(c->clickhouse_host, ':') && c->clickhouse_host[0] != '[';
    const char *url = c->clickhouse_url[0] ? c->clickhouse_url
                                           : sl_arena_printf(arena, "http://%s%s%s:%" PRId64, ipv6 ? "[" : "",
                                                             c->clickhouse_host, ipv6 ? "]" : "", c->clickhouse_port);
    int rc = sl_clickhouse_target_url(url, arena, &t, err);
    if (rc < 0)
        return rc;
    *out = t;
    *configured = true;
    return 0;
}

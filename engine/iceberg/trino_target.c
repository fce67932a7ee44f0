/* SPDX-License-Identifier: Apache-2.0 */
/* Where Trino is, by the settings. */
#include <string.h>

#include "config/config.h"
#include "iceberg/trino.h"

static int wrong(struct sl_error *err, const char *why)
{
    int rc = sl_fail(err, SL_E_CONFIG_VALUE, "trino.url %s", why);
    sl_error_hint(err, "it looks like https://host:8443 or http://host:8080");
    return rc;
}

int sl_trino_target(const struct sl_config *c, struct sl_arena *arena, struct sl_trino_target *out, bool *configured,
                    struct sl_error *err)
{
    const char *url = c->trino_url;
    if (!*url) {
        *configured = false;
        return 0;
    }
    size_t scheme = !strncmp(url, "https://", 8) ? 8 : !strncmp(url, "http://", 7) ? 7 : 0;
    if (!scheme)
        return wrong(err, "has neither http:// nor https://");
    size_t host = strcspn(url + scheme, "/?#"), rest = strspn(url + scheme + host, "/");
    if (host == 0 || url[scheme + host + rest])
        return wrong(err, host ? "has a path or a query" : "names no host");
    if (memchr(url + scheme, '@', host))
        return wrong(err, "has a user; trino.user and trino.password are settings of their own");
    bool secret = *c->trino_password || *c->trino_token;
    if (secret && scheme == 7) {
        sl_fail(err, SL_E_CONFIG_VALUE, "trino.password and trino.token go by TLS only, and trino.url is http://");
        sl_error_hint(err, "Trino takes neither without TLS: use https://");
        return -SL_E_CONFIG_VALUE;
    }
    if (*c->trino_password && *c->trino_token)
        return sl_fail(err, SL_E_CONFIG_VALUE, "trino.password and trino.token are both set: one of them signs in");
    *out = (struct sl_trino_target){.url = sl_arena_strndup(arena, url, scheme + host),
                                    .name = sl_arena_printf(arena, "trino at %.*s", (int)host, url + scheme),
                                    .user = c->trino_user,
                                    .password = c->trino_password,
                                    .token = c->trino_token,
                                    .catalog = c->trino_catalog,
                                    .ca_file = *c->trino_ca_file ? c->trino_ca_file : NULL,
                                    .storage_url = *c->minio_endpoint_url ? c->minio_endpoint_url : NULL,
                                    .encoding = strcmp(c->trino_encoding, "direct") != 0 ? c->trino_encoding : "",
                                    .timeout_ms = c->trino_timeout_ms,
                                    .query_timeout_ms = c->trino_query_timeout_ms,
                                    .max_query_bytes = c->trino_max_query_bytes,
                                    .retries = (int)c->trino_retries};
    *configured = true;
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog in DuckDB: extensions, secrets of store and catalog, and the attachment. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "config/config.h"
#include "geo/duckdb/duck.h"
#include "geo/sql.h"
#include "iceberg/catalog.h"
#include "iceberg/table.h"

static int run(struct sl_duck *duck, struct sl_sql *sql, struct sl_error *err)
{
    int rc = sl_sql_check(sql, err);
    return rc < 0 ? rc : sl_duck_exec(duck, sql->buf.data, SL_E_ICEBERG, NULL, err);
}

static void pair(struct sl_sql *sql, const char *name, const char *value)
{
    if (!*value)
        return;
    sl_sql_text(sql, ", ");
    sl_sql_text(sql, name);
    sl_sql_text(sql, " ");
    sl_sql_literal(sql, value);
}

/* host:port of the store, and whether it speaks TLS. */
static const char *store_host(const struct sl_config *c, bool *tls)
{
    const char *url = c->minio_endpoint_url;
    *tls = !*url ? c->minio_use_ssl : !strncmp(url, "https://", 8);
    return !*url ? c->minio_endpoint : url + (*tls ? 8 : 7);
}

static int store_secret(const struct sl_config *c, struct sl_duck *duck, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    bool tls = false;
    char host[300];
    snprintf(host, sizeof host, "%s", store_host(c, &tls));
    host[strcspn(host, "/")] = '\0';
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE OR REPLACE SECRET sl_store (TYPE s3");
    pair(&sql, "KEY_ID", c->minio_access_key);
    pair(&sql, "SECRET", c->minio_secret_key);
    pair(&sql, "SESSION_TOKEN", c->minio_session_token);
    pair(&sql, "REGION", c->minio_region);
    pair(&sql, "ENDPOINT", host);
    sl_sql_text(&sql, tls ? ", USE_SSL true" : ", USE_SSL false");
    pair(&sql, "URL_STYLE", strcmp(c->minio_url_style, "virtual") != 0 && *host ? "path" : "vhost");
    sl_sql_text(&sql, ")");
    return run(duck, &sql, err);
}

static int catalog_secret(const struct sl_config *c, const struct sl_iceberg_target *t, struct sl_duck *duck, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *colon = strchr(c->iceberg_credential, ':');
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "CREATE OR REPLACE SECRET sl_catalog (TYPE iceberg");
    if (*c->iceberg_token) {
        pair(&sql, "TOKEN", c->iceberg_token);
    } else {
        pair(&sql, "CLIENT_ID", colon ? sl_arena_strndup(arena, c->iceberg_credential, (size_t)(colon - c->iceberg_credential)) : "");
        pair(&sql, "CLIENT_SECRET", colon ? colon + 1 : c->iceberg_credential);
        pair(&sql, "OAUTH2_SERVER_URI", *c->iceberg_oauth_uri ? c->iceberg_oauth_uri : sl_arena_printf(arena, "%s/v1/oauth/tokens", t->uri));
    }
    sl_sql_text(&sql, ")");
    return run(duck, &sql, err);
}

static int attach(const struct sl_config *c, const struct sl_iceberg_target *t, struct sl_duck *duck, bool read_only, struct sl_error *err)
{
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    bool secret = *c->iceberg_token || *c->iceberg_credential;
    int rc = secret ? catalog_secret(c, t, duck, err) : 0;
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    sl_sql_text(&sql, "ATTACH ");
    sl_sql_literal(&sql, t->warehouse);
    sl_sql_text(&sql, " AS ice (TYPE iceberg");
    pair(&sql, "ENDPOINT", t->uri);
    sl_sql_text(&sql, secret ? ", SECRET sl_catalog" : ", AUTHORIZATION_TYPE 'none'");
    /* With keys of our own for the store the catalog need not lend any, and none are looked for on the network. */
    sl_sql_text(&sql, *c->minio_access_key ? ", ACCESS_DELEGATION_MODE 'none'" : "");
    sl_sql_text(&sql, read_only ? ", READ_ONLY)" : ", READ_ONLY false)");
    return rc < 0 ? rc : run(duck, &sql, err);
}

int sl_table_attach_store(const struct sl_config *c, struct sl_duck *duck, struct sl_error *err)
{
    int rc = sl_duck_load(duck, "httpfs", err);
    return rc < 0 ? rc : store_secret(c, duck, err);
}

int sl_table_attach(const struct sl_config *c, struct sl_duck *duck, bool read_only, struct sl_error *err)
{
    static const char *const extensions[] = {"avro", "httpfs", "iceberg"};
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_sql_free) struct sl_sql sql;
    struct sl_iceberg_target target;
    char timeout[64];
    bool configured = false;
    int rc = sl_iceberg_target(c, arena, &target, &configured, err);
    if (rc == 0 && !configured) {
        sl_fail(err, SL_E_CONFIG_VALUE, "no Iceberg catalog is configured");
        sl_error_hint(err, "set iceberg.catalog_uri");
        return -SL_E_CONFIG_VALUE;
    }
    for (size_t i = 0; rc == 0 && i < sizeof extensions / sizeof *extensions; i++)
        rc = sl_duck_load(duck, extensions[i], err);
    sl_sql_init(&sql, SL_DIALECT_DUCKDB);
    snprintf(timeout, sizeof timeout, "SET http_timeout = %lld; SET TimeZone = 'UTC'", (long long)(c->iceberg_timeout_ms / 1000 + 1));
    sl_sql_text(&sql, timeout);
    if (*c->minio_ca_file) {
        sl_sql_text(&sql, "; SET ca_cert_file = ");
        sl_sql_literal(&sql, c->minio_ca_file);
    }
    if (rc == 0)
        rc = run(duck, &sql, err);
    if (rc == 0 && *c->minio_access_key)
        rc = store_secret(c, duck, err);
    return rc < 0 ? rc : attach(c, &target, duck, read_only, err);
}

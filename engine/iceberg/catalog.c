/* SPDX-License-Identifier: Apache-2.0 */
#include "iceberg/catalog.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "json/json.h"
#include "net/http.h"
#include "net/retry.h"

enum { ANSWER_BYTES = 64 << 20, URL_BYTES = 4096, BEARER_BYTES = 16384 };

struct sl_iceberg {
    struct sl_iceberg_target target;
    struct sl_http_options http_options;
    struct sl_http *http;
    char prefix[256]; /* "" or "/x" */
    char *bearer;     /* NULL: none */
    bool configured;
};

int sl_iceberg_target(const struct sl_config *c, struct sl_arena *arena, struct sl_iceberg_target *out, bool *configured,
                      struct sl_error *err)
{
    const char *uri = c->iceberg_catalog_uri;
    if (!*uri) {
        *configured = false;
        return 0;
    }
    size_t scheme = !strncmp(uri, "https://", 8) ? 8 : !strncmp(uri, "http://", 7) ? 7 : 0;
    size_t host = scheme ? strcspn(uri + scheme, "/?#") : 0, all = strlen(uri);
    if (!host || strpbrk(uri, "?#@'\"") || all > 1000) {
        sl_fail(err, SL_E_CONFIG_VALUE, "iceberg.catalog_uri is no address of a catalog");
        sl_error_hint(err, "it looks like https://host/path or http://host:8181, without user and query");
        return -SL_E_CONFIG_VALUE;
    }
    while (all && uri[all - 1] == '/')
        all--;
    *out = (struct sl_iceberg_target){.uri = sl_arena_strndup(arena, uri, all),
                                      .name = sl_arena_printf(arena, "iceberg catalog at %.*s", (int)host, uri + scheme),
                                      .warehouse = c->iceberg_warehouse,
                                      .token = c->iceberg_token,
                                      .credential = c->iceberg_credential,
                                      .oauth_uri = c->iceberg_oauth_uri,
                                      .ca_file = *c->minio_ca_file ? c->minio_ca_file : NULL,
                                      .timeout_ms = c->iceberg_timeout_ms,
                                      .retries = (int)c->iceberg_retries};
    *configured = true;
    return 0;
}

int sl_iceberg_open(const struct sl_iceberg_target *target, struct sl_iceberg **out, struct sl_error *err)
{
    struct sl_iceberg *c = sl_xcalloc(1, sizeof *c);
    c->target = *target;
    c->http_options = (struct sl_http_options){
        .ca_file = target->ca_file, .connect_ms = target->timeout_ms, .silence_ms = target->timeout_ms};
    int rc = sl_http_new(&c->http_options, &c->http, err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void sl_iceberg_close(struct sl_iceberg *c)
{
    if (!c)
        return;
    sl_http_free(c->http);
    free(c->bearer);
    free(c);
}

void sl_iceberg_closep(struct sl_iceberg **c)
{
    sl_iceberg_close(*c);
}

static bool plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return n > 0 && n <= 128;
}

int sl_iceberg_split(const char *table, struct sl_arena *arena, const char **space, const char **name, struct sl_error *err)
{
    const char *dot = strchr(table, '.');
    if (!dot || !plain(table, (size_t)(dot - table)) || !plain(dot + 1, strlen(dot + 1))) {
        sl_fail(err, SL_E_RECIPE_OPTION, "\"%s\" is no name of a table", table);
        sl_error_hint(err, "namespace.table, of letters, digits, \"_\" and \"-\"");
        return -SL_E_RECIPE_OPTION;
    }
    *space = sl_arena_strndup(arena, table, (size_t)(dot - table));
    *name = sl_arena_strdup(arena, dot + 1);
    return 0;
}

/* ---- requests ---- */

static int refused(const struct sl_iceberg *c, const struct sl_http_response *r, struct sl_error *err)
{
    if (r->status == 401 || r->status == 403) {
        sl_fail(err, SL_E_ICEBERG_DENIED, "%s refuses (status %d)", c->target.name, r->status);
        sl_error_hint(err, "iceberg.token or iceberg.credential must be one that it knows");
        return -SL_E_ICEBERG_DENIED;
    }
    return sl_fail(err, r->status == 409 ? SL_E_ICEBERG_CONFLICT : sl_retry_status(r->status) ? SL_E_ICEBERG_UNAVAILABLE : SL_E_ICEBERG, "%s answers with status %d",
                   c->target.name, r->status);
}

static int request(struct sl_iceberg *c, const char *method, const char *url, const char *body, struct sl_doc **out, int *status,
                   struct sl_error *err)
{
    const struct sl_retry_policy policy = {.retries = c->target.retries, .base_ms = 100, .max_ms = 3000};
    const struct sl_json_limits limits = {.max_bytes = ANSWER_BYTES, .max_depth = 64, .max_values = 5u << 20};
    struct sl_http_header headers[2];
    struct sl_error own = {0}, *why = err ? err : &own;
    struct sl_retry retry;
    size_t n = 0;
    if (c->bearer)
        headers[n++] = (struct sl_http_header){"Authorization", c->bearer};
    if (body)
        headers[n++] = (struct sl_http_header){"Content-Type", *body == '{' ? "application/json" : "application/x-www-form-urlencoded"};
    sl_retry_begin(&retry, &policy);
    for (;;) {
        struct sl_http_transfer t = {.method = method, .url = url, .headers = headers, .n_headers = n,
                                     .max_body = ANSWER_BYTES, .deadline_ms = c->target.timeout_ms};
        if (body)
            t.body = (struct sl_http_body){.source = SL_HTTP_BYTES, .bytes = body, .n = (int64_t)strlen(body)};
        int rc = sl_http_perform(c->http, &t, why);
        if (rc == -SL_E_NET)
            rc = sl_fail(why, SL_E_ICEBERG_UNAVAILABLE, "iceberg catalog: %s", t.error.message);
        else if (rc == 0 && t.response.status != 200)
            rc = refused(c, &t.response, why);
        *status = t.response.status;
        if (rc == 0)
            rc = sl_json_parse(c->target.name, t.response.body.data, t.response.body.len, &limits, out, why);
        int64_t wait_ms = rc == -SL_E_ICEBERG_UNAVAILABLE ? sl_retry_next(&retry, t.response.retry_after_ms) : -1;
        sl_http_response_free(&t.response);
        if (wait_ms < 0)
            return rc;
        sl_clock_sleep_ns(wait_ms * SL_NS_PER_MS);
    }
}

static void percent(struct sl_buf *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (isalnum(*p) || strchr("-._~", *p))
            sl_buf_putc(out, (char)*p);
        else
            sl_buf_printf(out, "%%%02X", *p);
}

/* OAuth 2, client credentials, as the REST catalogs have it. */
static int sign_in(struct sl_iceberg *c, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf body;
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    SL_CLEANUP(sl_buf_free) struct sl_buf bearer;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int status = 0, rc = 0;
    sl_buf_init(&body, BEARER_BYTES);
    sl_buf_init(&url, URL_BYTES);
    sl_buf_init(&bearer, BEARER_BYTES);
    sl_buf_puts(&bearer, "Bearer ");
    if (*c->target.token) {
        sl_buf_puts(&bearer, c->target.token);
    } else {
        const char *colon = strchr(c->target.credential, ':');
        char id[256];
        snprintf(id, sizeof id, "%.*s", colon ? (int)(colon - c->target.credential) : 0, c->target.credential);
        sl_buf_puts(&body, "grant_type=client_credentials&scope=PRINCIPAL_ROLE:ALL&client_id=");
        percent(&body, id);
        sl_buf_puts(&body, "&client_secret=");
        percent(&body, colon ? colon + 1 : c->target.credential);
        if (*c->target.oauth_uri)
            sl_buf_puts(&url, c->target.oauth_uri);
        else
            sl_buf_printf(&url, "%s/v1/oauth/tokens", c->target.uri);
        rc = request(c, "POST", url.data, body.data, &doc, &status, err);
        if (rc == 0)
            sl_buf_puts(&bearer, sl_json_str(doc->root, "access_token", ""));
    }
    if (rc == 0)
        rc = sl_buf_check(&bearer, "token of the catalog", err);
    if (rc == 0)
        c->bearer = sl_buf_detach(&bearer);
    return rc;
}

/* Once: who we are, and below which prefix the catalog has its warehouse. */
static int configure(struct sl_iceberg *c, struct sl_error *err)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int status = 0, rc = 0;
    sl_buf_init(&url, URL_BYTES);
    if (c->configured)
        return 0;
    if (*c->target.token || *c->target.credential)
        rc = sign_in(c, err);
    sl_buf_printf(&url, "%s/v1/config", c->target.uri);
    if (*c->target.warehouse) {
        sl_buf_puts(&url, "?warehouse=");
        percent(&url, c->target.warehouse);
    }
    if (rc == 0)
        rc = sl_buf_check(&url, "address of the catalog", err);
    if (rc == 0)
        rc = request(c, "GET", url.data, NULL, &doc, &status, err);
    if (rc < 0)
        return rc;
    const char *prefix = sl_json_str(sl_json_get(doc->root, "overrides"), "prefix",
                                     sl_json_str(sl_json_get(doc->root, "defaults"), "prefix", ""));
    if (*prefix && strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/.%") == strlen(prefix))
        snprintf(c->prefix, sizeof c->prefix, "/%s", prefix);
    c->configured = true;
    return 0;
}

static int ask(struct sl_iceberg *c, const char *method, const char *body, struct sl_doc **out, int *status, struct sl_error *err,
               const char *space, const char *what, const char *name)
{
    SL_CLEANUP(sl_buf_free) struct sl_buf url;
    int rc = configure(c, err);
    sl_buf_init(&url, URL_BYTES);
    sl_buf_printf(&url, "%s/v1%s/namespaces", c->target.uri, c->prefix);
    if (space) {
        sl_buf_putc(&url, '/');
        percent(&url, space);
        sl_buf_printf(&url, "/%s", what);
    }
    if (name) {
        sl_buf_putc(&url, '/');
        percent(&url, name);
    }
    if (rc == 0)
        rc = sl_buf_check(&url, "address of a table", err);
    return rc < 0 ? rc : request(c, method, url.data, body, out, status, err);
}

static int get(struct sl_iceberg *c, struct sl_doc **out, int *status, struct sl_error *err, const char *space, const char *what,
               const char *name)
{
    return ask(c, "GET", NULL, out, status, err, space, what, name);
}

/* ---- tables ---- */

int sl_iceberg_table(struct sl_iceberg *c, const char *table, struct sl_doc **out, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    const char *space = NULL, *name = NULL;
    int status = 0, rc = sl_iceberg_split(table, arena, &space, &name, err);
    if (rc == 0)
        rc = get(c, out, &status, err, space, "tables", name);
    if (rc == -SL_E_ICEBERG && status == 404) {
        sl_fail(err, SL_E_TABLE_NOT_FOUND, "there is no table \"%s\"", table);
        sl_error_hint(err, "sluice table list shows them");
        return -SL_E_TABLE_NOT_FOUND;
    }
    return rc;
}

int sl_iceberg_roll_back(struct sl_iceberg *c, const char *table, int64_t from, int64_t to, struct sl_error *err)
{
    SL_CLEANUP(sl_arena_freep) struct sl_arena *arena = sl_arena_new();
    SL_CLEANUP(sl_doc_freep) struct sl_doc *answer = NULL;
    const char *space = NULL, *name = NULL, *update;
    int status = 0, rc = sl_iceberg_split(table, arena, &space, &name, err);
    update = to < 0 ? "{\"action\":\"remove-snapshot-ref\",\"ref-name\":\"main\"}"
                    : sl_arena_printf(arena, "{\"action\":\"set-snapshot-ref\",\"ref-name\":\"main\",\"type\":\"branch\",\"snapshot-id\":%" PRId64 "}", to);
    const char *body = sl_arena_printf(arena, "{\"requirements\":[{\"type\":\"assert-ref-snapshot-id\",\"ref\":\"main\",\"snapshot-id\":%" PRId64
                                              "}],\"updates\":[%s]}", from, update);
    return rc < 0 ? rc : ask(c, "POST", body, &answer, &status, err, space, "tables", name);
}

static int tables_of(struct sl_iceberg *c, const char *space, int64_t *seen,
                     int (*visit)(void *data, const char *table, struct sl_error *err), void *data, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int status = 0, rc = get(c, &doc, &status, err, space, "tables", NULL);
    if (rc < 0)
        return rc == -SL_E_ICEBERG && status == 404 ? 0 : rc; /* dropped meanwhile */
    struct json_object *list = sl_json_get(doc->root, "identifiers");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        const char *name = sl_json_str(json_object_array_get_idx(list, i), "name", "");
        char full[300];
        if (!plain(name, strlen(name)))
            continue;
        if (++*seen > SL_ICEBERG_TABLES_MAX)
            return sl_fail(err, SL_E_LIMIT, "%s has more than %d tables", c->target.name, SL_ICEBERG_TABLES_MAX);
        snprintf(full, sizeof full, "%s.%s", space, name);
        rc = visit(data, full, err);
    }
    return rc < 0 ? rc : 0;
}

int sl_iceberg_tables(struct sl_iceberg *c, int (*visit)(void *data, const char *table, struct sl_error *err), void *data,
                      struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int status = 0, rc = get(c, &doc, &status, err, NULL, NULL, NULL);
    int64_t seen = 0;
    struct json_object *list = rc == 0 ? sl_json_get(doc->root, "namespaces") : NULL;
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct json_object *parts = json_object_array_get_idx(list, i);
        const char *space = json_object_is_type(parts, json_type_array) && json_object_array_length(parts) == 1
                                ? json_object_get_string(json_object_array_get_idx(parts, 0))
                                : NULL;
        if (space && plain(space, strlen(space)))
            rc = tables_of(c, space, &seen, visit, data, err);
    }
    return rc;
}

static int64_t total(struct json_object *summary, const char *key)
{
    return strtoll(sl_json_str(summary, key, "0"), NULL, 10);
}

void sl_iceberg_facts(struct sl_doc *answer, struct sl_iceberg_facts *out)
{
    struct json_object *metadata = sl_json_get(answer->root, "metadata"), *list = sl_json_get(metadata, "snapshots");
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    *out = (struct sl_iceberg_facts){.metadata_location = sl_json_str(answer->root, "metadata-location", ""),
                                     .snapshot_id = sl_json_int(metadata, "current-snapshot-id", -1),
                                     .parent_id = -1,
                                     .snapshots = (int64_t)n};
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i), *summary = sl_json_get(s, "summary");
        if (sl_json_int(s, "snapshot-id", -1) != out->snapshot_id)
            continue;
        out->parent_id = sl_json_int(s, "parent-snapshot-id", -1);
        out->files = total(summary, "total-data-files") + total(summary, "total-delete-files");
        out->bytes = sl_json_get(summary, "total-files-size") ? total(summary, "total-files-size") : -1;
        out->rows = total(summary, "total-records") - total(summary, "total-position-deletes");
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of an answer: columns, rows as they are in the page, and rows in segments, inline or spooled. */
#include <lz4.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "iceberg/trino_internal.h"

int sl_trino__parse(const struct sl_trino *t, const void *text, size_t bytes, struct sl_doc **out, struct sl_error *err)
{
    const struct sl_json_limits limits = {
        .max_bytes = SL_TRINO_PAGE_BYTES, .max_depth = 64, .max_values = 20u << 20, .allow_nul = true};
    struct sl_error why = {0};
    int rc = sl_json_parse("answer", text, bytes, &limits, out, &why);
    return rc < 0 ? sl_fail(err, SL_E_TRINO, "%s sent what is no page: %s", t->target.name, why.message) : 0;
}

static enum sl_trino_type type_of(const char *text)
{
    static const struct {
        const char *begins;
        enum sl_trino_type type;
    } types[] = {{"boolean", SL_TRINO_BOOLEAN},   {"bigint", SL_TRINO_INTEGER}, {"integer", SL_TRINO_INTEGER},
                 {"smallint", SL_TRINO_INTEGER},  {"tinyint", SL_TRINO_INTEGER}, {"double", SL_TRINO_DOUBLE},
                 {"real", SL_TRINO_DOUBLE},       {"varbinary", SL_TRINO_BYTES}, {"array", SL_TRINO_OTHER},
                 {"map", SL_TRINO_OTHER},         {"row", SL_TRINO_OTHER}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(text, types[i].begins, strlen(types[i].begins)))
            return types[i].type;
    return SL_TRINO_TEXT;
}

int sl_trino__take_columns(struct sl_trino *t, struct json_object *page, struct sl_error *err)
{
    struct json_object *list = sl_json_get(page, "columns");
    if (!json_object_is_type(list, json_type_array) || t->result.n_columns)
        return 0;
    size_t n = json_object_array_length(list);
    if (n > SL_TRINO_COLUMNS)
        return sl_fail(err, SL_E_LIMIT, "the result has %zu columns, more than %d", n, SL_TRINO_COLUMNS);
    struct sl_trino_column *columns = sl_arena_array(t->arena, n + 1, sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(list, i);
        columns[i].name = sl_arena_strdup(t->arena, sl_json_str(c, "name", ""));
        columns[i].type_text = sl_arena_strdup(t->arena, sl_json_str(c, "type", ""));
        columns[i].type = type_of(columns[i].type_text);
    }
    t->result = (struct sl_trino_result){columns, n};
    return 0;
}

static int give(struct sl_trino__query *q, struct json_object *rows, struct sl_error *err)
{
    size_t n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (!json_object_is_type(row, json_type_array) || json_object_array_length(row) != q->trino->result.n_columns)
            return sl_fail(err, SL_E_TRINO, "%s sent a row that has not as many values as there are columns",
                           q->trino->target.name);
        int rc = q->visit ? q->visit(q->data, &q->trino->result, row, err) : 0;
        q->rows++;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A compressed segment says how large it is unpacked; one that was not worth compressing does not. */
static int give_segment(struct sl_trino__query *q, struct json_object *segment, const char *bytes, size_t n,
                        const char *encoding, struct sl_error *err)
{
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    int64_t size = sl_json_int(sl_json_get(segment, "metadata"), "uncompressedSize", 0);
    char *plain = NULL;
    if (size < 0 || size > SL_TRINO_PAGE_BYTES)
        return sl_fail(err, SL_E_LIMIT, "a segment of the result has %lld bytes", (long long)size);
    if (!strcmp(encoding, "json+lz4") && size) {
        plain = malloc((size_t)size + 1);
        if (!plain || LZ4_decompress_safe(bytes, plain, (int)n, (int)size) != size) {
            free(plain);
            return sl_fail(err, SL_E_TRINO, "%s sent a segment that cannot be unpacked", q->trino->target.name);
        }
    }
    int rc = sl_trino__parse(q->trino, plain ? plain : bytes, plain ? (size_t)size : n, &doc, err);
    free(plain);
    return rc < 0 ? rc : give(q, doc->root, err);
}

static int inline_segment(struct sl_trino__query *q, struct json_object *segment, const char *encoding, struct sl_error *err)
{
    const char *text = sl_json_str(segment, "data", "");
    size_t n = strlen(text), padding = 0;
    unsigned char *bytes = malloc(n / 4 * 3 + 4);
    int got = bytes && n % 4 == 0 ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n) : -1;
    while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
        padding++;
    int rc = got < 0 ? sl_fail(err, SL_E_TRINO, "%s sent a segment that is no base64", q->trino->target.name)
                     : give_segment(q, segment, (char *)bytes, (size_t)got - padding, encoding, err);
    free(bytes);
    return rc;
}

static int spooled_segment(struct sl_trino__query *q, struct json_object *segment, const char *encoding, struct sl_error *err)
{
    struct sl_trino *t = q->trino;
    const char *uri = sl_json_str(segment, "uri", ""), *ack = sl_json_str(segment, "ackUri", NULL);
    if (!sl_trino__at_home(t, uri, true) || (ack && !sl_trino__at_home(t, ack, false)))
        return sl_fail(err, SL_E_TRINO, "%s names a segment on another server", t->target.name);
    /* Of the store: signed for who has the address, and none of the server's credentials go there. */
    struct sl_http_response r = {0};
    int rc = 0;
    if (sl_trino__at_home(t, uri, false)) {
        rc = sl_trino__request(t, "GET", uri, NULL, true, NULL, &r, err);
    } else {
        struct sl_http_transfer transfer = {.method = "GET", .url = uri, .max_body = SL_TRINO_PAGE_BYTES,
                                            .deadline_ms = t->target.timeout_ms};
        rc = sl_http_perform(t->http, &transfer, err);
        if (rc == 0 && transfer.response.status != 200)
            rc = sl_fail(err, SL_E_TRINO_UNAVAILABLE, "a segment of the result cannot be fetched (status %d)",
                         transfer.response.status);
        r = transfer.response;
    }
    if (rc == 0)
        rc = give_segment(q, segment, r.body.data, r.body.len, encoding, err);
    sl_http_response_free(&r);
    if (rc == 0 && ack) { /* the server keeps it until then; one that is not told removes it after some hours */
        struct sl_http_response answer = {0};
        (void)sl_trino__request(t, "GET", ack, NULL, true, NULL, &answer, NULL);
        sl_http_response_free(&answer);
    }
    return rc;
}

int sl_trino__rows(struct sl_trino__query *q, struct json_object *page, struct sl_error *err)
{
    struct json_object *data = sl_json_get(page, "data");
    if (!json_object_is_type(data, json_type_object))
        return give(q, data, err);
    const char *encoding = sl_json_str(data, "encoding", "");
    struct json_object *segments = sl_json_get(data, "segments");
    if (strcmp(encoding, "json") != 0 && strcmp(encoding, "json+lz4") != 0)
        return sl_fail(err, SL_E_TRINO, "%s sends its results as \"%s\"", q->trino->target.name, encoding);
    size_t n = json_object_is_type(segments, json_type_array) ? json_object_array_length(segments) : 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct json_object *s = json_object_array_get_idx(segments, i);
        rc = !strcmp(sl_json_str(s, "type", ""), "inline") ? inline_segment(q, s, encoding, err)
                                                           : spooled_segment(q, s, encoding, err);
    }
    return rc;
}

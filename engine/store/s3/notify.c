/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MinIO's stream of notifications (ListenBucketNotification): an answer without end, a JSON document a line, each with
 * records of what happened. Every second comes a line without records, so that a connection that is gone is noticed;
 * older servers send blanks instead. Names of objects are as they are: only MinIO's messages to other services encode
 * them.
 */
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "store/s3/s3.h"

enum { LINE_BYTES = 256 * 1024, SILENCE_MS = 10000 };

struct listener {
    struct sl_s3 *s3;
    const char *bucket, *prefix;
    void (*ready)(void *data);
    bool (*stop)(void *data);
    sl_store_entry entry;
    void *data;
    struct sl_buf line;
    bool stands, stopped;
};

static int on_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    struct listener *l = data;
    const char *type = sl_http_header(head, "content-type");
    /* Amazon takes the same request for a listing, and answers with one. */
    if (!type || !sl_text_starts(type, "text/event-stream")) {
        int rc = sl_fail(err, SL_E_STORE_DENIED, "%s does not stream notifications", l->s3->endpoint);
        sl_error_hint(err, "only MinIO does: turn notifications off, new objects are found by looking");
        return rc;
    }
    l->stands = true;
    if (l->ready)
        l->ready(l->data);
    return 0;
}

/* A record that is not about a new object of ours is passed over: what is missed is found by a listing. */
static int take_record(struct listener *l, struct json_object *record, struct sl_error *err)
{
    struct json_object *s3 = sl_json_get(record, "s3"), *object = sl_json_get(s3, "object");
    const char *event = sl_json_str(record, "eventName", ""), *key = sl_json_str(object, "key", "");
    const char *bucket = sl_json_str(sl_json_get(s3, "bucket"), "name", "");
    struct sl_list_entry entry = {.key = key};
    if (!sl_text_starts(event, "s3:ObjectCreated:") || strcmp(bucket, l->bucket) != 0 || !*key ||
        strlen(key) > SL_KEY_MAX_BYTES || !sl_text_starts(key, l->prefix) ||
        !sl_s3__etag(sl_json_str(object, "eTag", ""), entry.info.etag))
        return 0;
    entry.info.size_bytes = sl_json_int(object, "size", 0);
    entry.info.modified_ns = sl_s3__iso_ns(sl_json_str(record, "eventTime", ""));
    if (entry.info.size_bytes < 0)
        return 0;
    return l->entry(l->data, &entry, err);
}

static int take_line(struct listener *l, struct sl_error *err)
{
    static const struct sl_json_limits limits = {.max_bytes = LINE_BYTES, .max_depth = 16, .max_values = 10000};
    SL_CLEANUP(sl_doc_freep) struct sl_doc *doc = NULL;
    struct sl_error why = {0};
    if (l->line.len == 0)
        return 0;
    if (sl_json_parse("notification", l->line.data, l->line.len, &limits, &doc, &why) < 0)
        return sl_fail(err, SL_E_STORE_UNAVAILABLE, "%s sends a notification that is not understood: %s",
                       l->s3->endpoint, why.message);
    struct json_object *records = sl_json_get(doc->root, "Records");
    if (!json_object_is_type(records, json_type_array))
        return 0;
    for (size_t i = 0; i < json_object_array_length(records); i++) {
        int rc = take_record(l, json_object_array_get_idx(records, i), err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int on_bytes(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct listener *l = data;
    const char *p = bytes, *end = p + n;
    while (p < end) {
        while (l->line.len == 0 && p < end && (*p == ' ' || *p == '\n' || *p == '\r'))
            p++;
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        sl_buf_add(&l->line, p, (size_t)((stop ? stop : end) - p));
        if (l->line.overflow)
            return sl_fail(err, SL_E_STORE_UNAVAILABLE, "%s sends a notification of more than %d bytes",
                           l->s3->endpoint, LINE_BYTES);
        if (!stop)
            return 0;
        int rc = take_line(l, err);
        sl_buf_clear(&l->line);
        if (rc < 0)
            return rc;
        p = stop + 1;
    }
    return 0;
}

static bool on_stop(void *data)
{
    struct listener *l = data;
    l->stopped = l->stopped || (l->stop && l->stop(l->data));
    return l->stopped;
}

static int outcome(struct listener *l, int rc, struct sl_error *err)
{
    if (l->stopped) {
        sl_error_clear(err);
        return 0;
    }
    if (rc == 0)
        return sl_fail(err, SL_E_STORE_UNAVAILABLE, "%s has ended the stream of notifications", l->s3->endpoint);
    if (rc == -SL_E_STORE_UNAVAILABLE && !l->stands)
        sl_error_hint(err, "where the server answers else: MinIO of late 2025 and after keeps notifications back until "
                           "kilobytes are together");
    return rc;
}

int sl_s3__notify(struct sl_store *s, const char *bucket, const char *prefix, void (*ready)(void *data),
                  bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct listener l = {
        .s3 = s3, .bucket = bucket, .prefix = prefix, .ready = ready, .stop = stop, .entry = entry, .data = data};
    struct sl_http_options options = s3->http_options;
    struct sl_s3_lane lane = {0}; /* of its own: it is held for as long as the stream stands */
    struct sl_error own = {0};
    struct sl_s3_call c;
    options.silence_ms = SILENCE_MS;
    int rc = sl_http_new(&options, &lane.http, err);
    if (rc < 0)
        return rc;
    sl_buf_init(&l.line, LINE_BYTES);
    sl_s3__open_call(s3, &c, "listen to", "GET", bucket, NULL);
    sl_s3__query(&c, "events", "s3:ObjectCreated:*");
    sl_s3__query(&c, "ping", "1");
    sl_s3__query(&c, "prefix", prefix);
    c.once = true;
    c.on_head = on_head;
    c.sink = on_bytes;
    c.stop = on_stop;
    c.data = &l;
    rc = outcome(&l, sl_s3__perform(&lane, &c, &own), &own);
    if (rc < 0 && err)
        *err = own;
    sl_s3__close_call(&c);
    sl_buf_free(&l.line);
    sl_http_free(lane.http);
    return rc;
}

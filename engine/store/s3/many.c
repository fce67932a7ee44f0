/* SPDX-License-Identifier: Apache-2.0 */
/* Many small objects, as many at a time as the configuration allows, on the connections of one lane. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/s3/s3.h"

/* --- putting --- */
struct put_slot {
    struct sl_s3_call call;
    struct sl_put_item *item; /* NULL: free */
    struct sl_s3_source source;
    struct sl_s3_put put;
    char checksum[SL_S3_BASE64_BYTES];
};

static int open_source(struct put_slot *s, struct sl_put_item *it)
{
    s->source =
        (struct sl_s3_source){.bytes = it->bytes ? it->bytes : (const void *)"", .fd = -1, .total = (int64_t)it->n};
    int rc = it->path ? sl_s3__open_file(it->path, &s->source, &it->error) : 0;
    s->put = (struct sl_s3_put){.bucket = it->bucket,
                                .key = it->key,
                                .source = &s->source,
                                .options = it->options,
                                .if_absent = it->options->if_absent,
                                .if_match = it->options->if_match};
    return rc;
}

static void free_slot(struct put_slot *s)
{
    sl_s3__close_call(&s->call);
    if (s->source.fd >= 0)
        close(s->source.fd);
    s->source.fd = -1;
    s->item = NULL;
}

/* A large one goes alone, in parts, on a lane of its own. */
static void begin_put(struct sl_s3 *s3, struct sl_s3_lane *lane, struct put_slot *s, struct sl_put_item *it)
{
    it->rc = open_source(s, it);
    if (it->rc)
        return;
    s->item = it;
    sl_s3__remember_bucket(s3, it->bucket);
    if (s->source.total <= sl_s3__single_most(s3)) {
        it->rc = sl_s3__make_put(s3, &s->call, &s->put, s->checksum, &it->error);
        s->call.data = s;
        if (it->rc == 0)
            it->rc = sl_s3__begin(lane, &s->call, &it->error);
        if (it->rc)
            free_slot(s);
        return;
    }
    struct sl_s3_lane *own;
    it->rc = sl_s3__enter(s3, &own, &it->error);
    if (it->rc == 0) {
        it->rc = sl_s3__put_source(s3, own, &s->put, it->info_out, &it->error);
        sl_s3__leave(s3, own);
    }
    free_slot(s);
}

static void end_put(struct sl_s3 *s3, struct put_slot *s)
{
    /* A lane of its own: it may have to ask the server what is there, while others are under way on this one. */
    struct sl_s3_lane *own;
    struct sl_put_item *it = s->item;
    it->rc = sl_s3__enter(s3, &own, &it->error);
    if (it->rc == 0) {
        it->rc = sl_s3__end_put(s3, own, &s->call, &s->put, s->checksum, it->info_out, &it->error);
        sl_s3__leave(s3, own);
    }
    free_slot(s);
}

int sl_s3__put_many(struct sl_store *store, struct sl_put_item *items, size_t n, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(store);
    struct sl_s3_lane *lane;
    size_t n_slots = n < (size_t)s3->parallel ? n : (size_t)s3->parallel, next = 0;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    struct put_slot *slots = sl_xcalloc(n_slots + 1, sizeof *slots);
    for (size_t i = 0; i < n_slots; i++)
        slots[i].source.fd = -1;
    for (;;) {
        struct sl_s3_call *done = NULL;
        for (size_t i = 0; i < n_slots; i++)
            while (!slots[i].item && next < n)
                begin_put(s3, lane, &slots[i], &items[next++]);
        rc = sl_s3__next(lane, -1, &done, err);
        if (rc || !done)
            break;
        end_put(s3, done->data);
    }
    sl_s3__leave(s3, lane);
    for (size_t i = 0; i < n_slots; i++)
        free_slot(&slots[i]);
    free(slots);
    return rc;
}

/* --- reading --- */
struct get_slot {
    struct sl_s3_call call;
    struct sl_get_item *item; /* NULL: free */
};

static int into_buffer(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct get_slot *s = data;
    struct sl_get_item *it = s->item;
    sl_buf_add(it->buf, bytes, n);
    return it->buf->overflow
               ? sl_fail(err, SL_E_LIMIT, "%s/%s is larger than %zu bytes", it->bucket, it->key, it->buf->max_bytes)
               : 0;
}

static void start_over(void *data)
{
    struct get_slot *s = data;
    sl_buf_clear(s->item->buf);
}

static void end_get(struct get_slot *s)
{
    struct sl_get_item *it = s->item;
    struct sl_object_info info;
    it->rc = s->call.rc;
    it->error = s->call.error;
    if (it->rc == -SL_E_STORE_PRECONDITION)
        it->rc = sl_fail(&it->error, SL_E_STORE_CHANGED, "%s/%s is not what it was (expected etag %s)", it->bucket,
                         it->key, it->if_match ? it->if_match : "");
    if (it->rc == 0)
        it->rc = sl_s3__info(&s->call, &info, &it->error);
    if (it->rc == 0 && it->info_out)
        *it->info_out = info;
    sl_s3__close_call(&s->call);
    s->item = NULL;
}

static void begin_get(struct sl_s3 *s3, struct sl_s3_lane *lane, struct get_slot *s, struct sl_get_item *it)
{
    s->item = it;
    sl_s3__open_call(s3, &s->call, "read", "GET", it->bucket, it->key);
    if (it->if_match)
        sl_s3__header(&s->call, "if-match", sl_arena_printf(s->call.arena, "\"%s\"", it->if_match));
    s->call.sink = into_buffer;
    s->call.again = start_over;
    s->call.data = s;
    it->rc = sl_s3__begin(lane, &s->call, &it->error);
    if (it->rc) {
        sl_s3__close_call(&s->call);
        s->item = NULL;
    }
}

int sl_s3__get_many(struct sl_store *store, struct sl_get_item *items, size_t n, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(store);
    struct sl_s3_lane *lane;
    size_t n_slots = n < (size_t)s3->parallel ? n : (size_t)s3->parallel, next = 0;
    int rc = sl_s3__enter(s3, &lane, err);
    if (rc)
        return rc;
    struct get_slot *slots = sl_xcalloc(n_slots + 1, sizeof *slots);
    for (;;) {
        struct sl_s3_call *done = NULL;
        for (size_t i = 0; i < n_slots; i++)
            while (!slots[i].item && next < n)
                begin_get(s3, lane, &slots[i], &items[next++]);
        rc = sl_s3__next(lane, -1, &done, err);
        if (rc || !done)
            break;
        end_get(done->data);
    }
    sl_s3__leave(s3, lane);
    for (size_t i = 0; i < n_slots; i++)
        sl_s3__close_call(&slots[i].call);
    free(slots);
    return rc;
}

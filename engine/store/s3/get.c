/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading. The first request asks for the first part and so learns the size and the ETag; the others, several at a
 * time, are pinned to that ETag. Parts wait in memory until it is their turn: the sink gets bytes in order, and nothing
 * else than one object's. The window is bounded, whatever the size. Into a file each part goes where it belongs as it
 * comes, and nothing waits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/s3/s3.h"

enum { MIB = 1024 * 1024, WINDOW_BYTES = 64 * MIB, PART_MOST = 8 * MIB, MOST_PARTS = 16, SIZE_POLL_MS = 10 };

struct get;

struct part {
    struct sl_s3_call call;
    struct get *get;
    unsigned char *bytes;
    size_t room, fill, length;
    int64_t offset;
    bool busy, done;
};

struct get {
    struct sl_s3 *s3;
    struct sl_s3_lane *lane;
    const char *bucket, *key;
    const char *if_match; /* the caller's */
    sl_store_sink sink; /* NULL: the file */
    int fd;
    void (*written)(void *data, int64_t bytes);
    void *data;
    int64_t next, end; /* to be asked for; end -1: not known yet */
    int64_t deliver_at;
    int64_t part_bytes;
    bool known; /* what follows is filled */
    struct sl_object_info info;
    struct part parts[MOST_PARTS];
    int n_parts;
};

static int changed(const struct get *g, struct sl_error *err)
{
    return sl_fail(err, SL_E_STORE_CHANGED, "%s/%s changed while it was read", g->bucket, g->key);
}

static bool is_range(const char *range, int64_t from, int64_t *to)
{
    long long first, last, total;
    char end;
    if (!range || sscanf(range, "bytes %lld-%lld/%lld%c", &first, &last, &total, &end) != 3)
        return false;
    *to = last;
    return first == from && last >= first && last < total;
}

static int on_head(void *data, const struct sl_http_response *head, struct sl_error *err)
{
    struct part *p = data;
    struct get *g = p->get;
    struct sl_object_info info;
    struct sl_s3_call here = {.s3 = g->s3, .arena = p->call.arena, .bucket = g->bucket, .key = g->key};
    int64_t last;
    if (head->status != 206 || !is_range(sl_http_header(head, "content-range"), p->offset, &last))
        return sl_fail(err, SL_E_NET, "the server sent other bytes of %s/%s than were asked for", g->bucket, g->key);
    here.transfer.response = *head;
    int rc = sl_s3__info(&here, &info, err);
    if (rc)
        return rc;
    if (g->known && (strcmp(g->info.etag, info.etag) != 0 || g->info.size_bytes != info.size_bytes))
        return changed(g, err);
    int64_t length = last - p->offset + 1;
    if (length > (int64_t)p->length || (g->known && length < (int64_t)p->length))
        return sl_fail(err, SL_E_NET, "the server sent %lld bytes of %s/%s instead of %zu", (long long)length,
                       g->bucket, g->key, p->length);
    p->length = (size_t)length;
    if (!g->known) {
        g->known = true;
        g->info = info;
        if (g->end < 0 || g->end > info.size_bytes)
            g->end = info.size_bytes;
    }
    if (g->sink && p->room < p->length) {
        p->bytes = sl_xrealloc(p->bytes, p->length);
        p->room = p->length;
    }
    return 0;
}

static int write_at(int fd, const char *bytes, size_t n, int64_t offset, struct sl_error *err)
{
    while (n > 0) {
        ssize_t done = pwrite(fd, bytes, n, offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return sl_fail_errno(err, errno, "cannot write");
        bytes += done;
        n -= (size_t)done;
        offset += done;
    }
    return 0;
}

static int on_bytes(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct part *p = data;
    if (n > p->length - p->fill)
        return sl_fail(err, SL_E_NET, "the server sent more bytes of %s/%s than it said", p->get->bucket, p->get->key);
    int rc = 0;
    if (p->get->sink)
        memcpy(p->bytes + p->fill, bytes, n);
    else
        rc = write_at(p->get->fd, bytes, n, p->offset + (int64_t)p->fill, err);
    p->fill += n;
    return rc;
}

static void start_over(void *data)
{
    struct part *p = data;
    p->fill = 0;
}

static int start_part(struct get *g, struct part *p, struct sl_error *err)
{
    char range[64];
    int64_t left = g->end < 0 ? g->part_bytes : g->end - g->next;
    p->get = g;
    p->offset = g->next;
    p->length = (size_t)(left < g->part_bytes ? left : g->part_bytes);
    p->fill = 0;
    p->done = false;
    g->next += (int64_t)p->length;
    sl_s3__open_call(g->s3, &p->call, "read", "GET", g->bucket, g->key);
    snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)p->offset, (long long)(g->next - 1));
    sl_s3__header(&p->call, "range", range);
    const char *etag = g->known ? g->info.etag : g->if_match;
    if (etag)
        sl_s3__header(&p->call, "if-match", sl_arena_printf(p->call.arena, "\"%s\"", etag));
    p->call.on_head = on_head;
    p->call.sink = on_bytes;
    p->call.again = start_over;
    p->call.data = p;
    int rc = sl_s3__begin(g->lane, &p->call, err);
    p->busy = rc == 0;
    if (rc)
        sl_s3__close_call(&p->call);
    return rc;
}

/* Why a part was not given: for the first, what the caller asked for is wrong; for others, the object is not what it
 * was. */
static int explain(struct get *g, const struct part *p, struct sl_error *err)
{
    const struct sl_s3_call *c = &p->call;
    bool first = !g->known;
    if (c->rc == -SL_E_STORE_PRECONDITION && first)
        return sl_fail(err, SL_E_STORE_CHANGED, "%s/%s is not what it was (expected etag %s)", g->bucket, g->key,
                       g->if_match ? g->if_match : "");
    if (!first && (c->rc == -SL_E_STORE_PRECONDITION || c->rc == -SL_E_STORE_NOT_FOUND || c->rc == -SL_E_STORE_RANGE))
        return changed(g, err);
    if (err)
        *err = c->error;
    return c->rc;
}

static int take_part(struct get *g, struct part *p, struct sl_error *err)
{
    int rc = p->call.rc ? explain(g, p, err) : 0;
    if (rc == 0 && p->fill != p->length)
        rc = sl_fail(err, SL_E_NET, "%s/%s: %zu of %zu bytes came", g->bucket, g->key, p->fill, p->length);
    p->busy = false;
    p->done = rc == 0;
    sl_s3__close_call(&p->call);
    return rc;
}

static int deliver(struct get *g, struct sl_error *err)
{
    for (bool found = true; found;) {
        found = false;
        for (int i = 0; i < g->n_parts; i++) {
            struct part *p = &g->parts[i];
            if (!p->done || p->offset != g->deliver_at)
                continue;
            int rc = g->sink ? g->sink(g->data, p->bytes, p->length, err) : 0;
            if (rc)
                return rc;
            g->deliver_at += (int64_t)p->length;
            if (g->written)
                g->written(g->data, g->deliver_at);
            p->done = false;
            found = true;
        }
    }
    return 0;
}

/* As long as the size is not known there is one part. */
static int start_parts(struct get *g, struct sl_error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && g->known && i < g->n_parts && g->next < g->end; i++)
        if (!g->parts[i].busy && !g->parts[i].done)
            rc = start_part(g, &g->parts[i], err);
    return rc;
}

static int transfer(struct get *g, struct sl_error *err)
{
    int rc = start_part(g, &g->parts[0], err);
    while (rc == 0 && (!g->known || g->deliver_at < g->end)) {
        struct sl_s3_call *done = NULL;
        /* The others start as soon as the head of the first answer has come, not when its last byte has. */
        rc = sl_s3__next(g->lane, g->known ? -1 : SIZE_POLL_MS, &done, err);
        if (rc == 0 && done)
            rc = take_part(g, done->data, err);
        if (rc == 0)
            rc = start_parts(g, err);
        if (rc == 0)
            rc = deliver(g, err);
    }
    return rc;
}

/* No bytes to ask for: whether the object is there, is the right one, and is as long. */
static int only_look(struct get *g, int64_t offset, struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(g->s3, &c, "read", "HEAD", g->bucket, g->key);
    if (g->if_match)
        sl_s3__header(&c, "if-match", sl_arena_printf(c.arena, "\"%s\"", g->if_match));
    int rc = sl_s3__perform(g->lane, &c, err);
    if (rc == -SL_E_STORE_PRECONDITION)
        rc = sl_fail(err, SL_E_STORE_CHANGED, "%s/%s is not what it was (expected etag %s)", g->bucket, g->key,
                     g->if_match);
    if (rc == 0)
        rc = sl_s3__info(&c, &g->info, err);
    if (rc == 0 && offset > g->info.size_bytes)
        rc = sl_fail(err, SL_E_STORE_RANGE, "%s/%s has %lld bytes, none at %lld", g->bucket, g->key,
                     (long long)g->info.size_bytes, (long long)offset);
    sl_s3__close_call(&c);
    return rc;
}

static void choose_parts(struct get *g)
{
    g->part_bytes = g->s3->part_bytes < PART_MOST ? g->s3->part_bytes : PART_MOST;
    g->n_parts = g->s3->parallel < WINDOW_BYTES / g->part_bytes ? g->s3->parallel : (int)(WINDOW_BYTES / g->part_bytes);
    if (g->n_parts > MOST_PARTS)
        g->n_parts = MOST_PARTS;
}

/* length -1: all there is. */
static int run(struct get *g, int64_t length, struct sl_object_info *info_out, struct sl_error *err)
{
    int64_t offset = g->next;
    int rc = sl_s3__enter(g->s3, &g->lane, err);
    if (rc)
        return rc;
    choose_parts(g);
    /* Beyond what a range can say there is nothing. */
    bool nothing = length == 0 || offset > INT64_MAX - g->part_bytes;
    rc = nothing ? only_look(g, offset, err) : transfer(g, err);
    sl_s3__leave(g->s3, g->lane);
    if (rc == -SL_E_STORE_RANGE && !nothing && !g->known) {
        sl_error_clear(err);
        rc = sl_s3__enter(g->s3, &g->lane, err);
        if (rc == 0) {
            rc = only_look(g, offset, err);
            sl_s3__leave(g->s3, g->lane);
        }
    }
    if (rc == 0 && info_out)
        *info_out = g->info;
    for (int i = 0; i < g->n_parts; i++) {
        sl_s3__close_call(&g->parts[i].call);
        free(g->parts[i].bytes);
    }
    return rc;
}

int sl_s3__get(struct sl_store *s, const char *bucket, const char *key, int64_t offset, int64_t length,
               const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
               struct sl_error *err)
{
    struct get *g = sl_xcalloc(1, sizeof *g);
    *g = (struct get){.s3 = sl_s3__of(s),
                      .bucket = bucket,
                      .key = key,
                      .if_match = if_match,
                      .sink = sink,
                      .fd = -1,
                      .data = data,
                      .next = offset,
                      .end = length < 0 || length > INT64_MAX - offset ? -1 : offset + length,
                      .deliver_at = offset};
    int rc = run(g, length, info_out, err);
    free(g);
    return rc;
}

int sl_s3__get_file(struct sl_store *s, const char *bucket, const char *key, const char *if_match, int fd,
                    void (*written)(void *data, int64_t bytes), void *data, struct sl_object_info *info_out,
                    struct sl_error *err)
{
    struct get *g = sl_xcalloc(1, sizeof *g);
    *g = (struct get){.s3 = sl_s3__of(s),
                      .bucket = bucket,
                      .key = key,
                      .if_match = if_match,
                      .fd = fd,
                      .written = written,
                      .data = data,
                      .end = -1};
    int rc = run(g, -1, info_out, err);
    free(g);
    return rc;
}

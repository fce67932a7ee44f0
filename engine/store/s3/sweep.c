/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that were begun and never ended: by age, in the buckets that this handle has made or written to, since others'
 * are not ours; or those of one bucket that the caller knows to be nobody's. */
#include <string.h>

#include "base/clock.h"
#include "store/s3/s3.h"

enum { PAGE_UPLOADS = 1000, MAX_PAGES = 1000 };

struct upload {
    const char *key, *id;
    int64_t began_ns;
};

struct page {
    struct sl_arena *arena;
    struct upload uploads[PAGE_UPLOADS], now;
    size_t n;
    bool truncated;
    const char *key_marker, *id_marker;
};

static int on_element(void *data, const char *path, const char *text, struct sl_error *err)
{
    static const char root[] = "ListMultipartUploadsResult/";
    struct page *p = data;
    if (strncmp(path, root, sizeof root - 1) != 0)
        return 0;
    path += sizeof root - 1;
    if (!strcmp(path, "Upload/Key")) {
        p->now.key = sl_arena_strdup(p->arena, text);
    } else if (!strcmp(path, "Upload/UploadId")) {
        p->now.id = sl_arena_strdup(p->arena, text);
    } else if (!strcmp(path, "Upload/Initiated")) {
        p->now.began_ns = sl_s3__iso_ns(text);
    } else if (!strcmp(path, "Upload")) {
        if (!p->now.key || !p->now.id || strlen(p->now.id) >= SL_S3_UPLOAD_ID_BYTES || p->n == PAGE_UPLOADS)
            return sl_fail(err, SL_E_NET, "the server's list of uploads cannot be");
        p->uploads[p->n++] = p->now;
        p->now = (struct upload){0};
    } else if (!strcmp(path, "IsTruncated")) {
        p->truncated = !strcmp(text, "true");
    } else if (!strcmp(path, "NextKeyMarker")) {
        p->key_marker = sl_arena_strdup(p->arena, text);
    } else if (!strcmp(path, "NextUploadIdMarker")) {
        p->id_marker = sl_arena_strdup(p->arena, text);
    }
    return 0;
}

static int read_page(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, const char *key_marker,
                     const char *id_marker, struct page *page, struct sl_error *err)
{
    struct sl_s3_call c;
    sl_s3__open_call(s3, &c, "list the uploads of", "GET", bucket, NULL);
    c.max_body = SL_S3_LIST_BYTES;
    sl_s3__query(&c, "uploads", "");
    sl_s3__query(&c, "max-uploads", "1000");
    if (key_marker && *key_marker) {
        sl_s3__query(&c, "key-marker", key_marker);
        sl_s3__query(&c, "upload-id-marker", id_marker ? id_marker : "");
    }
    int rc = sl_s3__perform(lane, &c, err);
    if (rc == 0)
        rc = sl_s3__xml(c.transfer.response.body.data, c.transfer.response.body.len, on_element, page, err);
    sl_s3__close_call(&c);
    return rc;
}

struct sweep {
    struct sl_s3 *s3;
    struct sl_s3_lane *lane;
    int64_t before_ns, removed;
    bool dry_run;
    int (*leftover)(void *data, const char *key, struct sl_error *err); /* NULL: before_ns decides */
    void *data;
};

/* 1: it goes. */
static int decide(struct sweep *w, const struct upload *u, struct sl_error *err)
{
    return w->leftover ? w->leftover(w->data, u->key, err) : u->began_ns <= w->before_ns;
}

static int sweep_bucket(struct sweep *w, const char *bucket, struct sl_error *err)
{
    char *key_marker = NULL, *id_marker = NULL;
    bool more = true;
    int rc = 0;
    for (int pages = 0; rc == 0 && more && pages < MAX_PAGES; pages++) {
        struct page *page = sl_xcalloc(1, sizeof *page);
        page->arena = sl_arena_new();
        rc = read_page(w->s3, w->lane, bucket, key_marker, id_marker, page, err);
        for (size_t i = 0; rc == 0 && i < page->n; i++) {
            const struct upload *u = &page->uploads[i];
            int goes = decide(w, u, err);
            if (goes < 1) {
                rc = goes;
                continue;
            }
            if (!w->dry_run)
                rc = sl_s3__abort_upload(w->s3, w->lane, bucket, u->key, u->id, err);
            w->removed += rc == 0;
        }
        more = page->truncated && page->key_marker;
        sl_freep(&key_marker);
        sl_freep(&id_marker);
        key_marker = page->key_marker ? sl_xstrdup(page->key_marker) : NULL;
        id_marker = page->id_marker ? sl_xstrdup(page->id_marker) : NULL;
        sl_arena_free(page->arena);
        sl_freep(&page);
    }
    sl_freep(&key_marker);
    sl_freep(&id_marker);
    return rc;
}

int sl_s3__sweep(struct sl_store *s, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sweep w = {.s3 = s3, .before_ns = sl_clock_wall_ns() - age_s * SL_NS_PER_S, .dry_run = dry_run};
    int rc = sl_s3__enter(s3, &w.lane, err);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < s3->n_buckets; i++)
        rc = sweep_bucket(&w, s3->buckets[i], err);
    sl_s3__leave(s3, w.lane);
    if (rc == 0)
        *removed = w.removed;
    return rc;
}

int sl_s3__sweep_uploads(struct sl_store *s, const char *bucket,
                         int (*leftover)(void *data, const char *key, struct sl_error *err), void *data,
                         int64_t *removed, struct sl_error *err)
{
    struct sl_s3 *s3 = sl_s3__of(s);
    struct sweep w = {.s3 = s3, .leftover = leftover, .data = data};
    int rc = sl_s3__enter(s3, &w.lane, err);
    if (rc)
        return rc;
    rc = sweep_bucket(&w, bucket, err);
    sl_s3__leave(s3, w.lane);
    if (rc == 0)
        *removed = w.removed;
    return rc;
}

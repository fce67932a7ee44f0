/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: a page is read whole, checked, and then given out, so that the callback may use the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/s3/s3.h"

enum { PAGE_KEYS = 1000, TOKEN_BYTES = 4096, EMPTY_PAGES = 1000 };

struct page {
    struct sl_arena *arena;
    struct sl_list_entry *entries;
    size_t n;
    struct sl_list_entry now; /* the one being read */
    bool has_size, truncated;
    char token[TOKEN_BYTES];
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* encoding-type=url; NULL for what is no key. */
static const char *decoded_key(struct sl_arena *arena, const char *text)
{
    char *out = sl_arena_strdup(arena, text), *to = out;
    for (const char *p = text; *p; p++) {
        int high = *p == '%' ? hex_digit(p[1]) : -1, low = high >= 0 ? hex_digit(p[2]) : -1;
        if (*p == '%' && (low < 0 || (high == 0 && low == 0)))
            return NULL;
        if (*p == '%') {
            *to++ = (char)(high << 4 | low);
            p += 2;
        } else {
            *to++ = *p == '+' ? ' ' : *p;
        }
    }
    *to = '\0';
    size_t n = (size_t)(to - out);
    return n > 0 && n <= SL_KEY_MAX_BYTES && sl_utf8_valid(out, n) ? out : NULL;
}

static int bad_listing(const char *why, struct sl_error *err)
{
    return sl_fail(err, SL_E_NET, "the server's listing %s", why);
}

static int end_entry(struct page *p, struct sl_error *err)
{
    if (!p->now.key || !p->has_size || !p->now.info.etag[0])
        return bad_listing("has an entry without key, size or ETag", err);
    if (p->n == PAGE_KEYS)
        return bad_listing("has more entries than were asked for", err);
    p->entries[p->n++] = p->now;
    p->now = (struct sl_list_entry){0};
    p->has_size = false;
    return 0;
}

static int on_element(void *data, const char *path, const char *text, struct sl_error *err)
{
    static const char root[] = "ListBucketResult/", contents[] = "Contents";
    struct page *p = data;
    if (strncmp(path, root, sizeof root - 1) != 0)
        return 0;
    path += sizeof root - 1;
    if (!strcmp(path, contents))
        return end_entry(p, err);
    if (!strcmp(path, "IsTruncated")) {
        p->truncated = !strcmp(text, "true");
    } else if (!strcmp(path, "NextContinuationToken")) {
        if (strlen(text) >= sizeof p->token)
            return bad_listing("goes on from a token that is too long", err);
        memcpy(p->token, text, strlen(text) + 1);
    } else if (!strcmp(path, "Contents/Key")) {
        p->now.key = decoded_key(p->arena, text);
        if (!p->now.key)
            return bad_listing("has a key that cannot be", err);
    } else if (!strcmp(path, "Contents/ETag")) {
        if (!sl_s3__etag(text, p->now.info.etag))
            return bad_listing("has an ETag that cannot be", err);
    } else if (!strcmp(path, "Contents/Size")) {
        char *end;
        p->now.info.size_bytes = strtoll(text, &end, 10);
        p->has_size = *text && !*end && p->now.info.size_bytes >= 0;
    } else if (!strcmp(path, "Contents/LastModified")) {
        p->now.info.modified_ns = sl_s3__iso_ns(text);
    }
    return 0;
}

static int read_page(struct sl_s3 *s3, struct sl_s3_lane *lane, const char *bucket, const char *prefix,
                     const char *start_after, const char *token, int64_t most, struct page *page, struct sl_error *err)
{
    struct sl_s3_call c;
    char keys[24];
    sl_s3__open_call(s3, &c, "list", "GET", bucket, NULL);
    c.max_body = SL_S3_LIST_BYTES;
    snprintf(keys, sizeof keys, "%lld", (long long)most);
    sl_s3__query(&c, "list-type", "2");
    sl_s3__query(&c, "encoding-type", "url");
    sl_s3__query(&c, "max-keys", keys);
    sl_s3__query(&c, "prefix", prefix);
    if (*token)
        sl_s3__query(&c, "continuation-token", token);
    else if (start_after && *start_after)
        sl_s3__query(&c, "start-after", start_after);
    int rc = sl_s3__perform(lane, &c, err);
    page->entries = sl_arena_array(page->arena, PAGE_KEYS, sizeof *page->entries);
    if (rc == -SL_E_STORE_KEY) {
        /* A prefix that no key of this server can have. */
        sl_error_clear(err);
        rc = 0;
    } else if (rc == 0) {
        rc = sl_s3__xml(c.transfer.response.body.data, c.transfer.response.body.len, on_element, page, err);
    }
    sl_s3__close_call(&c);
    return rc;
}

/* Every key follows the one before it: the order is the port's promise, and a listing that goes round in circles ends.
 */
static int give(const struct page *page, const char *prefix, char last[SL_KEY_MAX_BYTES + 1], bool *any,
                sl_store_entry entry, void *data, int64_t *left, struct sl_error *err)
{
    for (size_t i = 0; i<page->n && * left> 0; i++) {
        const struct sl_list_entry *e = &page->entries[i];
        if ((*any && strcmp(e->key, last) <= 0) || !sl_text_starts(e->key, prefix))
            return bad_listing("is not in order, or has keys that were not asked for", err);
        memcpy(last, e->key, strlen(e->key) + 1);
        *any = true;
        --*left;
        int rc = entry(data, e, err);
        if (rc)
            return rc;
    }
    return 0;
}

int sl_s3__list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                sl_store_entry entry, void *data, struct sl_error *err)
{
    char last[SL_KEY_MAX_BYTES + 1] = "", token[TOKEN_BYTES] = "";
    int64_t left = max_keys ? max_keys : INT64_MAX;
    struct sl_s3_lane *lane;
    bool any = start_after && *start_after, more = true;
    if (any)
        memcpy(last, start_after, strlen(start_after) + 1);
    int rc = sl_s3__enter(sl_s3__of(s), &lane, err);
    if (rc)
        return rc;
    for (int empty = 0; rc == 0 && more && left > 0;) {
        struct page page = {.arena = sl_arena_new()};
        rc = read_page(sl_s3__of(s), lane, bucket, prefix, start_after, token, left < PAGE_KEYS ? left : PAGE_KEYS,
                       &page, err);
        if (rc == 0)
            rc = give(&page, prefix, last, &any, entry, data, &left, err);
        more = page.truncated;
        empty = page.n ? 0 : empty + 1;
        if (rc == 0 && more && (!page.token[0] || empty > EMPTY_PAGES))
            rc = bad_listing("does not say how it goes on", err);
        memcpy(token, page.token, sizeof token);
        sl_arena_free(page.arena);
    }
    sl_s3__leave(sl_s3__of(s), lane);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "store/follow.h"

enum {
    BUCKET_LEAST = 3,
    CONTENT_TYPE_MAX = 255,
    META_NAME_MAX = 64,
    META_PREFIX = 11 /* "x-amz-meta-" */,
    PRESIGN_MOST_S = 604800
};

static bool lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The names that S3 allows, so that a tree can move to a service as it is. */
static int check_bucket(const char *bucket, struct sl_error *err)
{
    size_t n = strlen(bucket);
    bool ok = n >= BUCKET_LEAST && n < SL_BUCKET_BYTES && lower_or_digit(bucket[0]) && lower_or_digit(bucket[n - 1]) &&
              !strstr(bucket, "..");
    for (size_t i = 0; ok && i < n; i++)
        ok = lower_or_digit(bucket[i]) || bucket[i] == '-' || bucket[i] == '.';
    if (ok)
        return 0;
    int rc = sl_fail(err, SL_E_STORE_KEY, "\"%s\" is not a name of a bucket", bucket);
    sl_error_hint(err, "3 to 63 lower-case letters, digits, hyphens and single dots");
    return rc;
}

static int check_utf8(const char *what, const char *s, size_t least, struct sl_error *err)
{
    size_t n = strnlen(s, SL_KEY_MAX_BYTES + 1);
    if (n > SL_KEY_MAX_BYTES)
        return sl_fail(err, SL_E_STORE_KEY, "%s \"%.64s…\" is longer than %d bytes", what, s, SL_KEY_MAX_BYTES);
    if (n < least)
        return sl_fail(err, SL_E_STORE_KEY, "%s is empty", what);
    if (!sl_utf8_valid(s, n))
        return sl_fail(err, SL_E_STORE_KEY, "%s \"%s\" is not UTF-8", what, s);
    return 0;
}

static int check_names(const char *bucket, const char *key, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    return rc ? rc : check_utf8("key", key, 1, err);
}

static bool printable(const char *s)
{
    size_t n = strlen(s);
    char shown[4 * SL_META_MAX_BYTES + 1];
    return n <= SL_META_MAX_BYTES && sl_utf8_valid(s, n) && sl_text_escape(shown, sizeof shown, s) && !strcmp(shown, s);
}

static bool meta_name(const char *s)
{
    size_t n = strlen(s);
    bool ok = n > 0 && n <= META_NAME_MAX;
    for (size_t i = 0; ok && i < n; i++)
        ok = lower_or_digit(s[i]) || s[i] == '-' || s[i] == '_';
    return ok;
}

/* Bytes of a value on the way to a server: what is not ASCII goes as encoded words (RFC 2047) of at least 42 bytes
 * each. */
static size_t travelling(const char *value)
{
    size_t n = strlen(value);
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p >= 0x7f)
            return (n / 42 + 1) * 73;
    return n;
}

static int check_meta(const struct sl_meta *meta, struct sl_error *err)
{
    size_t bytes = 0;
    if (meta->n > SL_META_MAX_PAIRS)
        return sl_fail(err, SL_E_LIMIT, "metadata have more than %d pairs", SL_META_MAX_PAIRS);
    for (size_t i = 0; i < meta->n; i++) {
        const struct sl_meta_pair *p = &meta->pairs[i];
        bytes += META_PREFIX + strlen(p->name) + travelling(p->value);
        if (bytes > SL_META_MAX_BYTES)
            return sl_fail(err, SL_E_LIMIT, "metadata are larger than %d bytes", SL_META_MAX_BYTES);
        if (!meta_name(p->name))
            return sl_fail(err, SL_E_STORE_KEY, "\"%s\" is not a name of metadata", p->name);
        if (!printable(p->value))
            return sl_fail(err, SL_E_STORE_KEY, "metadata %s: \"%s\" is not printable UTF-8", p->name, p->value);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(meta->pairs[k].name, p->name))
                return sl_fail(err, SL_E_STORE_KEY, "metadata %s is given twice", p->name);
    }
    return 0;
}

static int check_options(const struct sl_put_options *o, struct sl_error *err)
{
    if (!o)
        return 0;
    if (o->content_type && (strlen(o->content_type) > CONTENT_TYPE_MAX || !printable(o->content_type)))
        return sl_fail(err, SL_E_STORE_KEY, "\"%s\" is not a content type", o->content_type);
    if (o->sha256_hex && strspn(o->sha256_hex, "0123456789abcdef") != SL_SHA256_HEX_BYTES - 1)
        return sl_fail(err, SL_E_INTERNAL, "\"%s\" is not a sha256", o->sha256_hex);
    return o->meta ? check_meta(o->meta, err) : 0;
}

static int check_put(const char *bucket, const char *key, const struct sl_put_options *o, struct sl_error *err)
{
    int rc = check_names(bucket, key, err);
    if (rc == 0 && o && o->if_absent && o->if_match)
        rc = sl_fail(err, SL_E_INTERNAL, "if_absent and if_match contradict each other");
    return rc ? rc : check_options(o, err);
}

static const struct sl_put_options no_options;

void sl_store_free(struct sl_store *store)
{
    if (store)
        store->ops->free(store);
}

bool sl_store_has(const struct sl_store *s, enum sl_store_feature feature)
{
    return (s->ops->features & (unsigned)feature) != 0;
}

int sl_store_bucket_make(struct sl_store *s, const char *bucket, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    return rc ? rc : s->ops->bucket_make(s, bucket, err);
}

int sl_store_head(struct sl_store *s, const char *bucket, const char *key, struct sl_object_info *info,
                  struct sl_meta *meta_out, struct sl_error *err)
{
    int rc = check_names(bucket, key, err);
    return rc ? rc : s->ops->head(s, bucket, key, info, meta_out, err);
}

int sl_store_get(struct sl_store *s, const char *bucket, const char *key, int64_t offset, int64_t length,
                 const char *if_match, sl_store_sink sink, void *data, struct sl_object_info *info_out,
                 struct sl_error *err)
{
    int rc = check_names(bucket, key, err);
    if (rc == 0 && (offset < 0 || length < -1))
        rc = sl_fail(err, SL_E_STORE_RANGE, "%s/%s has no bytes at %lld, length %lld", bucket, key, (long long)offset,
                     (long long)length);
    return rc ? rc : s->ops->get(s, bucket, key, offset, length, if_match, sink, data, info_out, err);
}

int sl_store_put(struct sl_store *s, const char *bucket, const char *key, const void *bytes, size_t n,
                 const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    int rc = check_put(bucket, key, options, err);
    return rc ? rc : s->ops->put(s, bucket, key, bytes, n, options ? options : &no_options, info_out, err);
}

int sl_store_put_file(struct sl_store *s, const char *bucket, const char *key, const char *path,
                      const struct sl_put_options *options, struct sl_object_info *info_out, struct sl_error *err)
{
    int rc = check_put(bucket, key, options, err);
    return rc ? rc : s->ops->put_file(s, bucket, key, path, options ? options : &no_options, info_out, err);
}

static int into_buffer(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct sl_buf *buf = data;
    sl_buf_add(buf, bytes, n);
    return sl_buf_check(buf, "the object", err);
}

static int too_large(int rc, const char *bucket, const char *key, const struct sl_buf *buf, struct sl_error *err)
{
    if (rc != -SL_E_LIMIT)
        return rc;
    return sl_fail(err, SL_E_LIMIT, "%s/%s is larger than %zu bytes", bucket, key, buf->max_bytes);
}

int sl_store_read(struct sl_store *s, const char *bucket, const char *key, struct sl_buf *buf,
                  struct sl_object_info *info_out, struct sl_error *err)
{
    int rc = sl_store_get(s, bucket, key, 0, -1, NULL, into_buffer, buf, info_out, err);
    return too_large(rc, bucket, key, buf, err);
}

static int read_matching(struct sl_store *s, struct sl_get_item *it)
{
    int rc = s->ops->get(s, it->bucket, it->key, 0, -1, it->if_match, into_buffer, it->buf, it->info_out, &it->error);
    return too_large(rc, it->bucket, it->key, it->buf, &it->error);
}

static int refused(int rc, const struct sl_error *why, struct sl_error *err)
{
    if (!why)
        return sl_fail(err, (enum sl_code) - rc, "one of the objects has a wrong name or option");
    *err = *why;
    return rc;
}

/* One that cannot be put is refused before anything is: a mistake of the caller, not of one object. */
int sl_store_put_many(struct sl_store *s, struct sl_put_item *items, size_t n, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = check_put(items[i].bucket, items[i].key, items[i].options, err);
        items[i].rc = 0;
        if (!items[i].options)
            items[i].options = &no_options;
    }
    for (size_t i = 0; rc && i < n; i++)
        items[i].rc = refused(rc, err, &items[i].error);
    if (rc)
        return rc;
    if (s->ops->put_many) {
        rc = s->ops->put_many(s, items, n, err);
    } else {
        for (size_t i = 0; i < n; i++) {
            struct sl_put_item *it = &items[i];
            it->rc = it->path
                         ? s->ops->put_file(s, it->bucket, it->key, it->path, it->options, it->info_out, &it->error)
                         : s->ops->put(s, it->bucket, it->key, it->bytes, it->n, it->options, it->info_out, &it->error);
        }
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (items[i].rc) {
            rc = items[i].rc;
            if (err)
                *err = items[i].error;
        }
    return rc;
}

int sl_store_get_many(struct sl_store *s, struct sl_get_item *items, size_t n, struct sl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = check_names(items[i].bucket, items[i].key, err);
        items[i].rc = 0;
    }
    for (size_t i = 0; rc && i < n; i++)
        items[i].rc = refused(rc, err, &items[i].error);
    if (rc)
        return rc;
    if (s->ops->get_many) {
        rc = s->ops->get_many(s, items, n, err);
    } else {
        for (size_t i = 0; i < n; i++)
            items[i].rc = read_matching(s, &items[i]);
    }
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (items[i].rc) {
            rc = items[i].rc;
            if (err)
                *err = items[i].error;
        }
    return rc;
}

int sl_store_copy(struct sl_store *s, const char *from_bucket, const char *from_key, const char *to_bucket,
                  const char *to_key, const struct sl_put_options *options, struct sl_object_info *info_out,
                  struct sl_error *err)
{
    int rc = check_names(from_bucket, from_key, err);
    if (rc == 0)
        rc = check_names(to_bucket, to_key, err);
    if (rc == 0)
        rc = check_options(options, err);
    if (rc)
        return rc;
    return s->ops->copy(s, from_bucket, from_key, to_bucket, to_key, options ? options : &no_options, info_out, err);
}

int sl_store_remove(struct sl_store *s, const char *bucket, const char *key, struct sl_error *err)
{
    int rc = check_names(bucket, key, err);
    return rc ? rc : s->ops->remove(s, bucket, key, err);
}

int sl_store_list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after, int64_t max_keys,
                  sl_store_entry entry, void *data, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    if (rc == 0 && prefix)
        rc = check_utf8("prefix", prefix, 0, err);
    if (rc == 0 && start_after)
        rc = check_utf8("start_after", start_after, 0, err);
    if (rc == 0 && max_keys < 0)
        rc = sl_fail(err, SL_E_STORE_RANGE, "cannot list %lld keys", (long long)max_keys);
    return rc ? rc : s->ops->list(s, bucket, prefix ? prefix : "", start_after, max_keys, entry, data, err);
}

int sl_store_sweep(struct sl_store *s, int64_t age_s, bool dry_run, int64_t *removed, struct sl_error *err)
{
    if (s->ops->sweep)
        return s->ops->sweep(s, age_s, dry_run, removed, err);
    *removed = 0;
    return 0;
}

int sl_store_sweep_uploads(struct sl_store *s, const char *bucket,
                           int (*leftover)(void *data, const char *key, struct sl_error *err), void *data,
                           int64_t *removed, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    if (rc == 0 && s->ops->sweep_uploads)
        return s->ops->sweep_uploads(s, bucket, leftover, data, removed, err);
    if (rc == 0)
        *removed = 0;
    return rc;
}

int sl_store_bucket_exists(struct sl_store *s, const char *bucket, bool *exists, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    return rc ? rc : s->ops->bucket_exists(s, bucket, exists, err);
}

static int lacks(const struct sl_store *s, const char *what, struct sl_error *err)
{
    return sl_fail(err, SL_E_USAGE, "the %s store has no %s", s->ops->name, what);
}

int sl_store_presign(struct sl_store *s, const char *method, const char *bucket, const char *key, int64_t expires_s,
                     char *out, size_t out_bytes, struct sl_error *err)
{
    int rc = check_names(bucket, key, err);
    if (rc)
        return rc;
    if (!sl_store_has(s, SL_STORE_PRESIGN))
        return lacks(s, "URLs for others", err);
    if (strcmp(method, "GET") != 0 && strcmp(method, "PUT") != 0)
        return sl_fail(err, SL_E_INTERNAL, "a URL for %s cannot be made: GET or PUT", method);
    if (expires_s < 1 || expires_s > PRESIGN_MOST_S)
        return sl_fail(err, SL_E_STORE_RANGE, "a URL cannot be valid for %lld s: 1 to %d", (long long)expires_s,
                       PRESIGN_MOST_S);
    return s->ops->presign(s, method, bucket, key, expires_s, out, out_bytes, err);
}

int sl_store_notify(struct sl_store *s, const char *bucket, const char *prefix, void (*ready)(void *data),
                    bool (*stop)(void *data), sl_store_entry entry, void *data, struct sl_error *err)
{
    int rc = check_bucket(bucket, err);
    if (rc == 0 && prefix)
        rc = check_utf8("prefix", prefix, 0, err);
    if (rc)
        return rc;
    if (!sl_store_has(s, SL_STORE_NOTIFY))
        return lacks(s, "notifications", err);
    return s->ops->notify(s, bucket, prefix ? prefix : "", ready, stop, entry, data, err);
}

int sl_store_probe(struct sl_store *s, struct sl_store_probe *out, struct sl_error *err)
{
    return s->ops->probe(s, out, err);
}

struct download {
    int fd; /* -1: only hashed */
    const char *path;
    struct sl_sha256 *hash; /* NULL: nobody asks for it */
};

static int into_file(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct download *d = data;
    if (d->hash)
        sl_sha256_update(d->hash, bytes, n);
    int rc = d->fd < 0 ? 0 : sl_file_write_all(d->fd, bytes, n, err);
    if (rc)
        sl_error_prefix(err, "%s", d->path);
    return rc;
}

static int fetch(struct sl_store *s, const char *bucket, const char *key, const char *if_match, struct download *d,
                 char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err)
{
    d->hash = sha256_hex ? sl_sha256_new() : NULL;
    int rc = sl_store_get(s, bucket, key, 0, -1, if_match, into_file, d, info_out, err);
    if (rc == 0 && d->hash)
        sl_sha256_final(d->hash, sha256_hex);
    sl_sha256_free(d->hash);
    return rc;
}

/* Where the backend can write parts as they come. */
static int fetch_parts(struct sl_store *s, const char *bucket, const char *key, const char *if_match,
                       struct download *d, char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err)
{
    struct sl_follow *follow = NULL;
    int rc = check_names(bucket, key, err);
    if (rc == 0 && sha256_hex)
        rc = sl_follow_new(d->fd, &follow, err);
    if (rc)
        return rc;
    rc = s->ops->get_file(s, bucket, key, if_match, d->fd, follow ? sl_follow_written : NULL, follow, info_out, err);
    if (!follow)
        return rc;
    if (rc)
        (void)sl_follow_end(follow, NULL, NULL);
    return rc ? rc : sl_follow_end(follow, sha256_hex, err);
}

int sl_store_download(struct sl_store *s, const char *bucket, const char *key, const char *if_match, const char *path,
                      char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err)
{
    struct download d = {.path = path};
    d.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d.fd < 0)
        return sl_fail_errno(err, errno, "cannot create %s", path);
    int rc = (s->ops->get_file ? fetch_parts : fetch)(s, bucket, key, if_match, &d, sha256_hex, info_out, err);
    /* A file system may tell only now that the bytes did not fit. */
    if (close(d.fd) != 0 && rc == 0)
        rc = sl_fail_errno(err, errno, "cannot write %s", path);
    if (rc)
        unlink(path);
    return rc;
}

int sl_store_hash(struct sl_store *s, const char *bucket, const char *key, const char *if_match, char *sha256_hex,
                  struct sl_object_info *info_out, struct sl_error *err)
{
    struct download d = {.fd = -1};
    return fetch(s, bucket, key, if_match, &d, sha256_hex, info_out, err);
}

void sl_meta_add(struct sl_meta *meta, const char *name, const char *value)
{
    /* One too many is counted, not stored: the put that gets it refuses it. */
    if (meta->n < SL_META_MAX_PAIRS)
        meta->pairs[meta->n] = (struct sl_meta_pair){name, value};
    if (meta->n <= SL_META_MAX_PAIRS)
        meta->n++;
}

const char *sl_meta_get(const struct sl_meta *meta, const char *name)
{
    for (size_t i = 0; i < meta->n && i < SL_META_MAX_PAIRS; i++)
        if (!strcmp(meta->pairs[i].name, name))
            return meta->pairs[i].value;
    return NULL;
}

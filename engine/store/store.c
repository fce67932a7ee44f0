/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"

enum { BUCKET_LEAST = 3, CONTENT_TYPE_MAX = 255, META_NAME_MAX = 64 };

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
    return n <= SL_META_MAX_BYTES && sl_utf8_valid(s, n) && sl_text_escape(shown, sizeof shown, s) &&
           !strcmp(shown, s);
}

static bool meta_name(const char *s)
{
    size_t n = strlen(s);
    bool ok = n > 0 && n <= META_NAME_MAX;
    for (size_t i = 0; ok && i < n; i++)
        ok = lower_or_digit(s[i]) || s[i] == '-' || s[i] == '_';
    return ok;
}

static int check_meta(const struct sl_meta *meta, struct sl_error *err)
{
    size_t bytes = 0;
    if (meta->n > SL_META_MAX_PAIRS)
        return sl_fail(err, SL_E_LIMIT, "metadata have more than %d pairs", SL_META_MAX_PAIRS);
    for (size_t i = 0; i < meta->n; i++) {
        const struct sl_meta_pair *p = &meta->pairs[i];
        bytes += strlen(p->name) + strlen(p->value);
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

int sl_store_list(struct sl_store *s, const char *bucket, const char *prefix, const char *start_after,
                  int64_t max_keys, sl_store_entry entry, void *data, struct sl_error *err)
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

static int into_buffer(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct sl_buf *buf = data;
    sl_buf_add(buf, bytes, n);
    return sl_buf_check(buf, "the object", err);
}

int sl_store_read(struct sl_store *s, const char *bucket, const char *key, struct sl_buf *buf,
                  struct sl_object_info *info_out, struct sl_error *err)
{
    int rc = sl_store_get(s, bucket, key, 0, -1, NULL, into_buffer, buf, info_out, err);
    if (rc == -SL_E_LIMIT)
        rc = sl_fail(err, SL_E_LIMIT, "%s/%s is larger than %zu bytes", bucket, key, buf->max_bytes);
    return rc;
}

struct download {
    int fd; /* -1: only hashed */
    const char *path;
    struct sl_sha256 *hash;
};

static int into_file(void *data, const void *bytes, size_t n, struct sl_error *err)
{
    struct download *d = data;
    sl_sha256_update(d->hash, bytes, n);
    int rc = d->fd < 0 ? 0 : sl_file_write_all(d->fd, bytes, n, err);
    if (rc)
        sl_error_prefix(err, "%s", d->path);
    return rc;
}

static int fetch(struct sl_store *s, const char *bucket, const char *key, const char *if_match, struct download *d,
                 char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err)
{
    d->hash = sl_sha256_new();
    int rc = sl_store_get(s, bucket, key, 0, -1, if_match, into_file, d, info_out, err);
    if (rc == 0 && sha256_hex)
        sl_sha256_final(d->hash, sha256_hex);
    sl_sha256_free(d->hash);
    return rc;
}

int sl_store_download(struct sl_store *s, const char *bucket, const char *key, const char *if_match, const char *path,
                      char *sha256_hex, struct sl_object_info *info_out, struct sl_error *err)
{
    struct download d = {.path = path};
    d.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d.fd < 0)
        return sl_fail_errno(err, errno, "cannot create %s", path);
    int rc = fetch(s, bucket, key, if_match, &d, sha256_hex, info_out, err);
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
